"""What tier 2 searches: a band of nodes laid from coarse to fine, and every bead in it with its cosine and score."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tm_align.kernels import F32, I16, I32, I64, PADDING, U8, halve, mean_cosines
from tm_align.lengths import length_ratio
from tm_align.search import band_cosines, bead_cosines, bead_scores, best_beads, best_chain, rasterise
from tm_align.vectors import DocumentVectors
from tm_core.errors import AlignmentInputError

FULL_SEARCH_NODES: Final = 1 << 20
"""Below this many pairs of vectors the coarsest level is searched in full: about 20 ms at 1,024 components."""

NO_ROWS: Final = np.full(PADDING, -1, np.int32)
"""Rows that ``gather`` makes padding of."""

BLOCK_ROWS: Final = 256
"""Source segments whose runs are held as int16 at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """What the search may be told. The defaults are what was measured (docs/aligner.md)."""

    max_merge: int = 8
    """Most segments in one bead, both sides together."""
    coarse_radius: int = 24
    """Columns searched on either side of the path found one level coarser."""
    radius: int = 10
    """Columns searched on either side of the path of single segments in the full search. On our gold 4 is enough."""
    floor: float = 0.05
    """What a cosine must be above the usual to count in the coarse search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One document as tier 2 sees it."""

    vectors: DocumentVectors
    """Vectors of every run of up to ``max_merge - 1`` segments."""
    lengths: NDArray[np.float64]
    """Characters of each segment, above 0; only their proportions count."""
    paragraphs: Sequence[int] | None = None
    """Paragraph number of each segment."""
    texts: Sequence[str] | None = None
    """The segments themselves: where both sides have them, words count too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The nodes that are searched; see ``tm_align.search``."""

    first: I64
    last: I64
    offset: I64

    @property
    def nodes(self) -> int:
        return int(self.offset[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Every bead that is searched, with its cosine and score."""

    band: Band
    kinds: I32
    """Bead types (a, b), shape (types, 2)."""
    numbers: I32
    """The type of ``a`` to ``b`` segments, at ``[a-1, b-1]``."""
    cosines: I16
    """Shape (nodes, types), in 1/32767."""
    scores: I16
    """The same shape, in 1/SCORE; the second pass writes probabilities over them."""
    columns: int


def make_lattice(src: Side, tgt: Side, settings: SearchSettings) -> tuple[Lattice, tuple[I16, I16]]:
    """Everything that is searched, and the single segments' vectors, padded."""
    singles = padded_singles(src.vectors), padded_singles(tgt.vectors)
    band = _band(singles, settings)
    kinds, numbers = bead_kinds(settings.max_merge)
    cosines = _bead_cosines(src.vectors, tgt.vectors, band, kinds, numbers)
    runs = len(numbers)
    scores = bead_scores(
        cosines,
        _run_lengths(src.lengths, runs),
        _run_lengths(tgt.lengths * math.exp(-length_ratio(src.lengths, tgt.lengths)), runs),
        _run_borders(src.paragraphs, src.vectors.segments, runs),
        _run_borders(tgt.paragraphs, tgt.vectors.segments, runs),
        numbers,
        band.first,
        band.last,
        band.offset,
    )
    columns = tgt.vectors.segments
    return Lattice(band=band, kinds=kinds, numbers=numbers, cosines=cosines, scores=scores, columns=columns), singles


def best_path(lattice: Lattice, least: int = 0) -> I64:
    """Find the best path by what is in ``scores`` now: rows (i, j, a, b), segments behind and segments in each bead.

    A bead must score more than ``least`` for each of its segments; otherwise they are null beads.
    """
    band = lattice.band
    path = best_beads(lattice.scores, lattice.kinds, band.first, band.last, band.offset, lattice.columns, least)
    return np.ascontiguousarray(path[::-1])


def linked_steps(steps: I64) -> NDArray[np.bool_]:
    return np.asarray((steps[:, 2] > 0) & (steps[:, 3] > 0))


def values_at(lattice: Lattice, steps: I64, values: I16) -> NDArray[np.float64]:
    """The values of a path's beads; whatever for null beads."""
    i, j, a, b = steps.T
    i, j = np.minimum(i, len(lattice.band.first) - 2), np.minimum(j, lattice.columns - 1)
    kind = lattice.numbers[np.maximum(a, 1) - 1, np.maximum(b, 1) - 1]
    return np.asarray(values[lattice.band.offset[i] + j - lattice.band.first[i], kind], np.float64)


def check_sides(src: DocumentVectors, tgt: DocumentVectors, settings: SearchSettings) -> None:
    if src.dimension != tgt.dimension:
        raise AlignmentInputError(
            f"{src.name} and {tgt.name}: expected vectors of one dimension, found {src.dimension} and {tgt.dimension}. "
            "Most likely two encoders made them. Encode both sides with one encoder; nothing has been aligned."
        )
    for side in (src, tgt):
        if side.runs < min(settings.max_merge - 1, side.segments):
            raise AlignmentInputError(
                f"{side.name}: expected vectors of runs of up to {settings.max_merge - 1} segments, found up to "
                f"{side.runs}. Give a smaller max_merge, or encode longer runs; nothing has been aligned."
            )


def bead_kinds(max_merge: int) -> tuple[I32, I32]:
    """The bead types (a, b) with a + b <= max_merge, smallest first, and the number of each at ``[a-1, b-1]``."""
    longest = max(1, max_merge - 1)
    kinds = sorted(
        ((a, b) for a in range(1, longest + 1) for b in range(1, longest + 1) if a + b <= max(2, max_merge)),
        key=lambda kind: (sum(kind), abs(kind[0] - kind[1]), kind),
    )
    numbers = np.full((longest, longest), -1, np.int32)
    for number, (a, b) in enumerate(kinds):
        numbers[a - 1, b - 1] = number
    return np.array(kinds, np.int32), numbers


def _band(singles: tuple[I16, I16], settings: SearchSettings) -> Band:
    """Search from coarse to fine with single segments, and lay the band of the full search round the path.

    All levels' vectors end in PADDING rows of zeros, so that tiles of four may reach beyond the last.
    """
    levels = [singles]
    while _size(levels[-1][0]) * _size(levels[-1][1]) > FULL_SEARCH_NODES:
        levels.append((halve(levels[-1][0]), halve(levels[-1][1])))
    radius = _size(levels[-1][1])
    knots = np.zeros((1, 2), np.int64)
    while levels:
        x, y = levels.pop()
        end = [_size(x), _size(y)]
        # Twice a coarser level's path may end one short of, or one beyond, this one's corner.
        knots = np.concatenate((np.minimum(knots, end), [end])).astype(np.int64)
        knots = _chain(x, y, _band_round(knots, radius), settings.floor)
        radius = settings.coarse_radius
        if levels:
            knots = knots * 2
    return _band_round(knots, settings.radius)


def _size(padded: I16) -> int:
    return len(padded) - PADDING


def padded_singles(side: DocumentVectors) -> I16:
    return side.gather(np.concatenate((side.rows[:, 0], NO_ROWS)))


def _band_round(knots: I64, radius: int) -> Band:
    first, last, offset = rasterise(knots, int(knots[-1, 0]), int(knots[-1, 1]), radius)
    return Band(first=first, last=last, offset=offset)


def _chain(x: I16, y: I16, band: Band, floor: float) -> I64:
    cosines = band_cosines(x, y, band.first, band.last, band.offset)
    src_mean, tgt_mean = mean_cosines(x, y), mean_cosines(y, x)
    backwards = best_chain(cosines, src_mean, tgt_mean, floor, band.first, band.last, band.offset, _size(y))
    return np.ascontiguousarray(backwards[::-1])


def _bead_cosines(src: DocumentVectors, tgt: DocumentVectors, band: Band, kinds: I32, numbers: I32) -> I16:
    """Cosines of all beads in the band, shape (nodes, types), in units of 1/32767; a block of rows at a time."""
    out = np.zeros((band.nodes, len(kinds)), np.int16)
    runs = len(numbers)
    for row in range(0, src.segments, BLOCK_ROWS):
        end = min(row + BLOCK_ROWS, src.segments)
        column, until = int(band.first[row]), min(tgt.segments, int(band.last[end - 1]))
        x, y = _block(src, row, end, runs), _block(tgt, column, until, runs)
        bead_cosines(x, y, row, column, band.first, band.last, band.offset, numbers, out)
    return out


def _block(side: DocumentVectors, start: int, end: int, runs: int) -> I16:
    """Quantised runs, shape (runs, segments + PADDING, dimension)."""
    rows = np.full((runs, end - start + PADDING), -1, np.int32)
    rows[: side.runs, : end - start] = side.rows[start:end, :runs].T
    return side.gather(rows)


def _run_lengths(lengths: NDArray[np.float64], runs: int) -> F32:
    """Length of every run, shape (segments, runs); runs past the end are as long as the rest of the document."""
    total = np.concatenate(([0.0], np.cumsum(lengths)))
    ends = np.minimum(np.arange(len(lengths))[:, None] + np.arange(1, runs + 1)[None, :], len(lengths))
    return np.asarray(total[ends] - total[:-1, None], np.float32)


def _run_borders(paragraphs: Sequence[int] | None, segments: int, runs: int) -> U8:
    """Paragraph borders inside every run, shape (segments, runs)."""
    if paragraphs is None:
        return np.zeros((segments, runs), np.uint8)
    opened = np.cumsum(np.diff(np.asarray(paragraphs), prepend=paragraphs[0]) != 0)
    ends = np.minimum(np.arange(segments)[:, None] + np.arange(runs)[None, :], segments - 1)
    return np.asarray(opened[ends] - opened[:, None], np.uint8)
