// The preview of moved segments. The server moves them again from the item it holds (tm_core.boundaries).
import type { Bead, Item, Move } from "./types.ts";

export interface Triple {
  before: Bead | null;
  own: Bead;
  after: Bead | null;
}

export const triple = (item: Item): Triple => ({
  before: item.before.at(-1) ?? null,
  own: item.own,
  after: item.after[0] ?? null,
});

/** The beads after a move, or null where there is nothing to move. */
export function moved(beads: Triple, move: Move): Triple | null {
  const neighbour = beads[move.edge];
  if (!neighbour) return null;
  const [giver, taker] = move.count > 0 ? [neighbour, beads.own] : [beads.own, neighbour];
  const have = giver[move.side];
  if (!have.length) return null;
  const first = giver.position < taker.position;
  const one = first ? have[have.length - 1]! : have[0]!;
  const less: Bead = { ...giver, [move.side]: first ? have.slice(0, -1) : have.slice(1) };
  const more: Bead = { ...taker, [move.side]: first ? [one, ...taker[move.side]] : [...taker[move.side], one] };
  const [own, other] = move.count > 0 ? [more, less] : [less, more];
  return { ...beads, own, [move.edge]: other };
}

export const movedAll = (beads: Triple, moves: Move[]): Triple =>
  moves.reduce((found, move) => moved(found, move) ?? found, beads);
