"""The search: all alignments inside a band of the (source x target) grid, in linear time and memory.

A *node* (i, j) stands between segments: i source and j target segments lie before it; a bead is a
step from node to node. A band keeps for every i the nodes ``first[i] .. last[i]``; neither bound
ever falls, and neighbouring rows share a node, so that a path always exists. A *cell* (i, j) is
the pair of segments i and j; it is stored where the node (i, j) is.

Everything here is compiled, single-threaded and free of hashing: the same bits on every run.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Singles = NDArray[np.float32]

MERGE: Final = 4
"""Most segments of one side in a bead."""

NEVER: Final = -1e30
"""The gain of what cannot be."""


class Band(NamedTuple):
    first: Longs
    """First node of each row, shape (n + 1,)."""
    last: Longs
    """Last node of each row, itself included, shape (n + 1,)."""
    offset: Longs
    """Where each row begins in a flat array of nodes, shape (n + 2,)."""


class Evidence(NamedTuple):
    """All that a bead's gain is computed from. Gains are in nats, log-odds against chance."""

    forward: Singles
    """Gain of target segment j given the a source segments from i on, shape (MERGE, cells)."""
    backward: Singles
    """Gain of source segment i given the b target segments from j on, shape (MERGE, cells)."""
    src_size: Floats
    """log(characters + 1) of the a segments from i on, shape (MERGE, n)."""
    tgt_size: Floats
    shapes: Floats
    """Gain of a bead's shape, shape (MERGE + 1, MERGE + 1)."""
    ratio: float
    """Expected log of target over source length."""
    spread: float
    """Variance of the log length ratio of long beads."""
    spread_per_character: float
    """What one over a bead's mean length in characters adds to the variance."""
    chance_spread: float
    """Variance of the log length ratio of unrelated segments."""
    src_opens: Longs
    """1 where a segment is the first of its paragraph, else 0; all 0 without paragraphs. Shape (n + 1,)."""
    tgt_opens: Longs
    opening: Floats
    """Gain by (source opens, target opens), shape (2, 2)."""
    crossing: float
    """Gain (below 0) of a bead with a paragraph border inside."""


def make_band(first: Longs, last: Longs, n_tgt: int) -> Band:
    """A band from wished bounds: clipped to the grid, made monotone, connected and closed at both corners."""
    first = np.clip(first, 0, n_tgt)
    last = np.clip(last, 0, n_tgt)
    first[0], last[-1] = 0, n_tgt
    first = np.minimum.accumulate(first[::-1])[::-1].copy()
    last = np.maximum.accumulate(last)
    last[:-1] = np.maximum(last[:-1], first[1:])
    offset = np.zeros(len(first) + 1, dtype=np.int64)
    np.cumsum(last - first + 1, out=offset[1:])
    return Band(first.astype(np.int64), last.astype(np.int64), offset)


def transposed_bounds(band: Band, n_tgt: int) -> tuple[Longs, Longs]:
    """For every target segment the first and last row whose band holds it."""
    columns = np.arange(n_tgt)
    above = np.searchsorted(band.last, columns, side="left")
    below = np.searchsorted(band.first, columns, side="right") - 1
    return above.astype(np.int64), below.astype(np.int64)


@njit(cache=True)
def _bead_gain(band: Any, known: Any, i: int, j: int, a: int, b: int) -> float:
    """Log-odds that segments i .. i+a-1 and j .. j+b-1 are a bead, against chance."""
    if a == 0 or b == 0:
        return float(known.shapes[a, b])
    if j + b - 1 > band.last[i] or j < band.first[i + a - 1]:
        return NEVER
    words = 0.0
    row = band.offset[i] - band.first[i]
    for y in range(j, j + b):
        words += known.forward[a - 1, row + y]
    for x in range(i, i + a):
        words += known.backward[b - 1, band.offset[x] - band.first[x] + j]
    return float(0.5 * words + _length_gain(known, i, j, a, b) + _border_gain(known, i, j, a, b) + known.shapes[a, b])


@njit(cache=True)
def _length_gain(known: Any, i: int, j: int, a: int, b: int) -> float:
    src, tgt = known.src_size[a - 1, i], known.tgt_size[b - 1, j]
    off = tgt - src - known.ratio
    # The mean of both log-lengths stands for the bead's length, so that swapping sides changes nothing.
    spread = known.spread + known.spread_per_character * math.exp(-0.5 * (src + tgt))
    return float(
        0.5 * off * off * (1.0 / known.chance_spread - 1.0 / spread) + 0.5 * math.log(known.chance_spread / spread)
    )


@njit(cache=True)
def _border_gain(known: Any, i: int, j: int, a: int, b: int) -> float:
    gain = known.opening[known.src_opens[i], known.tgt_opens[j]]
    for x in range(i + 1, i + a):
        gain += known.crossing * known.src_opens[x]
    for y in range(j + 1, j + b):
        gain += known.crossing * known.tgt_opens[y]
    return float(gain)


@njit(cache=True)
def best_path(band: Any, known: Any) -> Any:
    """The most likely beads as rows (i, j, a, b), in order. Equal gains go to the shape met first."""
    n = len(band.first) - 1
    merge = known.shapes.shape[0] - 1
    best = np.full(band.offset[-1], NEVER)
    how = np.zeros(band.offset[-1], dtype=np.int8)
    best[0] = 0.0
    for i in range(n + 1):
        for j in range(band.first[i], band.last[i] + 1):
            at = band.offset[i] + j - band.first[i]
            for a in range(min(merge, i) + 1):
                x = i - a
                row = band.offset[x] - band.first[x]
                for b in range(1 if a == 0 else 0, min(merge, j) + 1):
                    y = j - b
                    if known.shapes[a, b] <= NEVER or y < band.first[x] or y > band.last[x]:
                        continue
                    total = best[row + y] + _bead_gain(band, known, x, y, a, b)
                    if total > best[at]:
                        best[at] = total
                        how[at] = 8 * a + b
    return _walk_back(band, how)


@njit(cache=True)
def _walk_back(band: Any, how: Any) -> Any:
    i = len(band.first) - 1
    j = band.last[-1]
    steps = np.empty((i + j, 4), dtype=np.int64)
    k = len(steps)
    while i > 0 or j > 0:
        step = how[band.offset[i] + j - band.first[i]]
        a, b = step // 8, step % 8
        i -= a
        j -= b
        k -= 1
        steps[k, 0], steps[k, 1], steps[k, 2], steps[k, 3] = i, j, a, b
    return steps[k:].copy()
