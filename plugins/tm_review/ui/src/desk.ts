// The reviewer's desk: what lies ahead, what has been judged, and what the server has not confirmed yet. Pure, so that
// going on before the answer comes, and going back when it is a refusal, can be tested without a browser.
import type { Item, Kind } from "./types.ts";

/** Fewer than this ahead: fetch more. */
export const LOW = 4;
/** How many to hold. A claim lasts 15 minutes; nobody leaves eight items lying for longer while judging. */
export const HELD = 8;

export interface Judged {
  item: Item;
  kind: Kind;
  correction: string;
  /** The item's version after the verdict; null until the server has answered. */
  version: number | null;
}

export interface Notice {
  tone: "bad" | "good";
  text: string;
}

export interface Desk {
  ahead: Item[];
  judged: Judged[];
  /** The queue had no more when last asked. */
  empty: boolean;
  notice: Notice | null;
}

export const START: Desk = { ahead: [], judged: [], empty: false, notice: null };

export type Action =
  | { type: "taken"; items: Item[]; wanted: number }
  | { type: "judged"; kind: Kind; correction: string }
  | { type: "confirmed"; item_id: number; version: number }
  | { type: "refused"; item_id: number; text: string; again: Item | null }
  | { type: "undone"; item: Item }
  | { type: "said"; notice: Notice | null };

/** Verdicts that stand, as far as the page knows: those that were skipped are none. */
export const count = (state: Desk): number => state.judged.filter((one) => one.kind !== "skip").length;
/** Verdicts that the server has not answered yet. */
export const pending = (state: Desk): number => state.judged.filter((one) => one.version === null).length;

const id = (item: Item): number => item.head.item_id;

export function desk(state: Desk, action: Action): Desk {
  switch (action.type) {
    case "taken":
      return taken(state, action.items, action.wanted);
    case "judged":
      return judged(state, action.kind, action.correction);
    case "confirmed":
      return {
        ...state,
        judged: state.judged.map((one) => (id(one.item) === action.item_id ? { ...one, version: action.version } : one)),
      };
    case "refused":
      return refused(state, action);
    case "undone":
      return {
        ...state,
        ahead: [action.item, ...state.ahead.filter((one) => id(one) !== id(action.item))],
        judged: state.judged.filter((one) => id(one.item) !== id(action.item)),
        notice: { tone: "good", text: "Taken back." },
      };
    case "said":
      return { ...state, notice: action.notice };
  }
}

function taken(state: Desk, items: Item[], wanted: number): Desk {
  const known = new Set([...state.ahead, ...state.judged.map((one) => one.item)].map(id));
  const fresh = items.filter((one) => !known.has(id(one)));
  return { ...state, ahead: [...state.ahead, ...fresh], empty: items.length < wanted };
}

function judged(state: Desk, kind: Kind, correction: string): Desk {
  const [item, ...ahead] = state.ahead;
  if (!item) return state;
  const one: Judged = { item, kind, correction, version: null };
  return { ...state, ahead, judged: [...state.judged, one], notice: null };
}

/** A refused verdict is no verdict: the item comes back to the front as it is now, or leaves the desk for good. */
function refused(state: Desk, action: { item_id: number; text: string; again: Item | null }): Desk {
  const others = state.ahead.filter((one) => id(one) !== action.item_id);
  return {
    ...state,
    ahead: action.again ? [action.again, ...others] : others,
    judged: state.judged.filter((one) => id(one.item) !== action.item_id),
    notice: { tone: "bad", text: action.text },
  };
}
