"""Tier 2: alignment by the similarity of sentence vectors.

After Vecalign (Thompson & Koehn 2019): runs of segments are encoded as one text each, cosines are judged against what
is usual, and the search goes from coarse to fine, so that time and memory grow linearly. After Bertalign (Liu & Zhu
2023): a bead's cosine counts above that of its neighbours, weighted by how well the lengths agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tm_align.beads import Alignment, Bead, trivial_beads
from tm_align.encode import Encoder
from tm_align.kernels import F32, I16, I32, I64, halve, mean_cosines
from tm_align.overlap import longest_run
from tm_align.search import SCORE, band_cosines, bead_cosines, bead_scores, best_beads, best_chain, rasterise
from tm_align.vectors import DocumentVectors
from tm_core.errors import AlignmentInputError

TIER: Final = "embedding"

FULL_SEARCH_NODES: Final = 1 << 20
"""Below this many pairs of vectors the coarsest level is searched in full: about 20 ms at 1,024 components."""

BLOCK_ROWS: Final = 256
"""Source segments whose runs are held as int16 at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """What the search may be told. The defaults are what was measured (docs/aligner.md)."""

    max_merge: int = 8
    """Most segments in one bead, both sides together."""
    coarse_radius: int = 24
    """Columns searched on either side of the path found one level coarser."""
    radius: int = 12
    """Columns searched on either side of the path of single segments in the last, full search."""
    floor: float = 0.05
    """What a cosine must be above the usual to count in the coarse search."""
    skip: float = 0.0
    """Score of a null bead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The nodes that are searched; see ``tm_align.search``."""

    first: I64
    last: I64
    offset: I64

    @property
    def nodes(self) -> int:
        return int(self.offset[-1])


def align_embedding(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    encoder: Encoder,
    src_paragraphs: Sequence[int] | None = None,
    tgt_paragraphs: Sequence[int] | None = None,
    settings: SearchSettings | None = None,
) -> Alignment:
    """Align two texts by the vectors that ``encoder`` gives.

    Args:
        src: source segments; blank ones are allowed.
        tgt: target segments.
        encoder: gives the vectors; see ``tm_align.encode``.
        src_paragraphs: each source segment's paragraph number, a hint; used when both sides have one.
        tgt_paragraphs: each target segment's paragraph number.
        settings: of the search; the defaults are what was measured.

    Raises:
        AlignmentInputError: a vector is missing or not finite, or dimensions differ.

    Cost: besides encoding, linear in segments in time and memory.
    """
    settings = settings or SearchSettings()
    if (beads := trivial_beads(src, tgt)) is not None:
        return Alignment(beads=beads, confidence=0.0 if beads else 1.0, tier=TIER, details=encoder.facts)
    runs = longest_run(settings.max_merge)
    src_vectors, tgt_vectors = encoder.encode_pair(src, tgt, runs=runs)
    found = align_vectors(
        src_vectors,
        tgt_vectors,
        src_lengths=character_lengths(src),
        tgt_lengths=character_lengths(tgt),
        settings=settings,
    )
    return replace(found, details=dict(encoder.facts) | dict(found.details))


def align_vectors(
    src: DocumentVectors,
    tgt: DocumentVectors,
    *,
    src_lengths: NDArray[np.float64],
    tgt_lengths: NDArray[np.float64],
    settings: SearchSettings | None = None,
) -> Alignment:
    """Align two documents, neither of them empty, by their vectors and lengths alone.

    Args:
        src: vectors of every run of up to ``max_merge - 1`` segments.
        tgt: likewise, of the same dimension.
        src_lengths: characters of each segment, above 0; only their proportions count.
        tgt_lengths: likewise.
        settings: of the search.

    Raises:
        AlignmentInputError: runs are missing, dimensions differ, or a vector is not finite.

    Cost: time and memory linear in segments. Memory besides the vectors: 2 bytes per bead that is searched, about
    3 KB per segment, and 7 MiB of vectors at a time.
    """
    settings = settings or SearchSettings()
    _check(src, tgt, settings)
    band = _band(src, tgt, settings)
    kinds, numbers = bead_kinds(settings.max_merge)
    cosines = _bead_cosines(src, tgt, band, kinds, numbers)
    ratio = float(tgt_lengths.sum() / src_lengths.sum())
    scores = bead_scores(
        cosines,
        _run_lengths(src_lengths * ratio, src.runs),
        _run_lengths(tgt_lengths, tgt.runs),
        kinds,
        numbers,
        band.first,
        band.last,
        band.offset,
    )
    path = best_beads(scores, kinds, round(settings.skip * SCORE), band.first, band.last, band.offset, tgt.segments)
    beads = tuple(Bead((a, b), (c, d), 0.5, 0.0) for a, b, c, d in path.tolist())
    return Alignment(beads=beads, confidence=0.5, tier=TIER)


def _check(src: DocumentVectors, tgt: DocumentVectors, settings: SearchSettings) -> None:
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


def _band(src: DocumentVectors, tgt: DocumentVectors, settings: SearchSettings) -> Band:
    """Search from coarse to fine with single segments, and lay the band of the full search round the path."""
    levels = [(src.gather(src.rows[:, 0]), tgt.gather(tgt.rows[:, 0]))]
    while len(levels[-1][0]) * len(levels[-1][1]) > FULL_SEARCH_NODES:
        levels.append((halve(levels[-1][0]), halve(levels[-1][1])))
    x, y = levels[-1]
    knots = np.array([[0, 0], [0, len(y)], [len(x), len(y)]], np.int64)
    radius = len(y)
    for x, y in reversed(levels):
        knots = np.minimum(knots, [len(x), len(y)])
        knots[-1] = len(x), len(y)
        band = Band(**dict(zip(("first", "last", "offset"), rasterise(knots, len(x), len(y), radius), strict=True)))
        knots = _chain(x, y, band, settings.floor) * 2
        radius = settings.coarse_radius
    first, last, offset = rasterise(knots // 2, src.segments, tgt.segments, settings.radius)
    return Band(first=first, last=last, offset=offset)


def _chain(x: I16, y: I16, band: Band, floor: float) -> I64:
    cosines = band_cosines(_padded(x), _padded(y), band.first, band.last, band.offset)
    return best_chain(
        cosines, mean_cosines(x, y), mean_cosines(y, x), floor, band.first, band.last, band.offset, len(y)
    )


def _padded(units: I16) -> I16:
    return np.concatenate((units, np.zeros((4, units.shape[1]), np.int16)))


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
    """Quantised runs, shape (runs, segments + 4, dimension)."""
    rows = np.full((runs, end - start + 4), -1, np.int32)
    rows[: side.runs, : end - start] = side.rows[start:end, :runs].T
    return side.gather(rows)


def _run_lengths(lengths: NDArray[np.float64], runs: int) -> F32:
    """Length of every run, shape (segments, runs); runs past the end are as long as the rest of the document."""
    total = np.concatenate(([0.0], np.cumsum(lengths)))
    ends = np.minimum(np.arange(len(lengths))[:, None] + np.arange(1, runs + 1)[None, :], len(lengths))
    return np.asarray(total[ends] - total[:-1, None], np.float32)


def character_lengths(segments: Sequence[str]) -> NDArray[np.float64]:
    """Characters per segment, plus one for the space that parts it from the next: never 0."""
    return np.array([len(segment.strip()) + 1 for segment in segments], np.float64)
