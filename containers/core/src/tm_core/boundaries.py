"""Beads side by side, and moving segments between them: how a reviewer mends where a bead ends."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from tm_core.errors import ReviewError


class Side(StrEnum):
    """A side of a bead."""

    SOURCE = "src"
    TARGET = "tgt"


class Edge(StrEnum):
    """Where a bead meets its neighbour."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bead:
    """A bead as its segments; a side without any is a null bead's.

    Attributes:
        position: its place in the document.
        src, tgt: segments in order, normalised.
    """

    position: int
    src: tuple[str, ...]
    tgt: tuple[str, ...]
    score: float = 0.0
    tier: str = ""

    @property
    def is_pair(self) -> bool:
        """Whether both sides have text."""
        return bool(self.src and self.tgt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Segments of one side that go over an edge of a bead.

    Attributes:
        count: how many the bead takes from its neighbour; negative: gives to it. Not 0.
    """

    side: Side
    edge: Edge
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Triple:
    """A bead between its neighbours; None at an end of the document."""

    before: Bead | None
    own: Bead
    after: Bead | None


def rebound(beads: Triple, moves: Iterable[Move]) -> Triple:
    """Move segments over the edges of a bead, one move after the other. Order is kept, nothing is lost or doubled.

    Raises:
        ReviewError: there is no neighbour on that side, or it has fewer segments than are to move.
    """
    for move in moves:
        beads = _moved(beads, move)
    return beads


def _moved(beads: Triple, move: Move) -> Triple:
    neighbour = beads.before if move.edge is Edge.BEFORE else beads.after
    if neighbour is None:
        raise _refused(move, "a bead there", "none: the document ends")
    giver, taker = (neighbour, beads.own) if move.count > 0 else (beads.own, neighbour)
    have, count = _of(giver, move.side), abs(move.count)
    if not 1 <= count <= len(have):
        raise _refused(move, f"1 to {len(have)} segments to move", str(count))
    # What moves is what lies at the edge: the giver's end if the giver stands first.
    giver_is_first = giver.position < taker.position
    kept, moved = (have[:-count], have[-count:]) if giver_is_first else (have[count:], have[:count])
    had = _of(taker, move.side)
    changed = {
        giver.position: _with(giver, move.side, kept),
        taker.position: _with(taker, move.side, moved + had if giver_is_first else had + moved),
    }
    return Triple(
        before=changed.get(beads.before.position, beads.before) if beads.before else None,
        own=changed[beads.own.position],
        after=changed.get(beads.after.position, beads.after) if beads.after else None,
    )


def _of(bead: Bead, side: Side) -> tuple[str, ...]:
    return bead.src if side is Side.SOURCE else bead.tgt


def _with(bead: Bead, side: Side, segments: tuple[str, ...]) -> Bead:
    return replace(bead, src=segments) if side is Side.SOURCE else replace(bead, tgt=segments)


def _refused(move: Move, expected: str, found: str) -> ReviewError:
    return ReviewError(
        f"moving {abs(move.count)} {move.side} segment(s) over the edge '{move.edge}': expected {expected}, found "
        f"{found}. Read the item again and choose other segments; nothing was changed."
    )
