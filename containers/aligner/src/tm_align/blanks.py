"""Blank segments: left out while a document is aligned, and null beads afterwards."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from tm_align.beads import Bead, Span


def visible(segments: Sequence[str]) -> list[int]:
    """Numbers of the segments that hold text."""
    return [number for number, segment in enumerate(segments) if segment.strip()]


def without_blanks(beads: Iterable[Bead], src: Sequence[int], tgt: Sequence[int]) -> Iterator[Bead]:
    """Beads counted in visible segments only; one that has none of them is left out."""
    for bead in beads:
        spans = [
            (bisect_left(kept, span[0]), bisect_left(kept, span[1]))
            for kept, span in ((src, bead.src), (tgt, bead.tgt))
        ]
        if any(first < last for first, last in spans):
            yield Bead(spans[0], spans[1], bead.score, bead.cost)


def with_blanks(
    beads: Iterable[Bead], src: Sequence[int], tgt: Sequence[int], n_src: int, n_tgt: int
) -> Iterator[Bead]:
    """Beads of visible segments, counted in all again: a blank inside a bead joins it, any other is a null bead."""
    at_src = at_tgt = 0
    for bead in beads:
        src_span, tgt_span = _in_all(bead.src, src, at_src), _in_all(bead.tgt, tgt, at_tgt)
        yield from _nulls((at_src, src_span[0]), (at_tgt, tgt_span[0]))
        yield Bead(src_span, tgt_span, bead.score, bead.cost)
        at_src, at_tgt = src_span[1], tgt_span[1]
    yield from _nulls((at_src, n_src), (at_tgt, n_tgt))


def _in_all(span: Span, kept: Sequence[int], at: int) -> Span:
    return (kept[span[0]], kept[span[1] - 1] + 1) if span[0] < span[1] else (at, at)


def _nulls(src: Span, tgt: Span) -> Iterator[Bead]:
    """A null bead for every segment of both spans: a blank surely has no counterpart."""
    for i in range(*src):
        yield Bead((i, i + 1), (tgt[0], tgt[0]), 1.0, 0.0)
    for j in range(*tgt):
        yield Bead((src[1], src[1]), (j, j + 1), 1.0, 0.0)
