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
    least_words: float
    """Least gain that the words of a bead may sum up to: what is not known is no proof of the contrary."""
    src_size: Floats
    """log(characters + 1) of the a segments from i on, shape (MERGE, n)."""
    tgt_size: Floats
    src_shortness: Floats
    """exp(-size / 2): one over the square root of the length."""
    tgt_shortness: Floats
    shapes: Floats
    """Gain of a bead's shape, shape (MERGE + 1, MERGE + 1)."""
    null: Floats
    """Gain of a null bead: first of its stretch, and further ones."""
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


def node_numbers(band: Band, i: Longs, j: Longs) -> Longs:
    """Where the nodes (i, j) are in a flat array."""
    return np.asarray(band.offset[i] + j - band.first[i])


def path_gains(steps: Longs, band: Band, gains: Singles, null: Floats) -> Floats:
    """The gains of the beads (i, j, a, b) of a path."""
    linked = (steps[:, 2] > 0) & (steps[:, 3] > 0)
    further = ~linked & np.concatenate([[False], ~linked[:-1]])
    shape = np.where(linked, MERGE * (steps[:, 2] - 1) + steps[:, 3] - 1, 0)
    found = gains[node_numbers(band, steps[:, 0], steps[:, 1]), shape]
    return np.where(linked, found, null[further.astype(np.int64)])


@njit(cache=True)
def bead_gains(band: Any, known: Any) -> Any:
    """The gain of every bead of 1:1 to MERGE:MERGE that begins in the band, shape (nodes, MERGE * MERGE), float32.

    Bead a:b from a node is at ``[node, MERGE * (a - 1) + b - 1]``; NEVER where it would leave the band.
    """
    n, m = len(band.first) - 1, band.last[-1]
    gains = np.full((band.offset[-1], MERGE * MERGE), NEVER, dtype=np.float32)
    chance_log = math.log(known.chance_spread)
    backward = np.zeros((MERGE, MERGE))
    for i in range(n):
        for j in range(band.first[i], min(band.last[i], m - 1) + 1):
            node = band.offset[i] + j - band.first[i]
            backward[:] = 0.0
            for a in range(min(MERGE, n - i)):
                if j < band.first[i + a]:
                    break
                cell = band.offset[i + a] + j - band.first[i + a]
                forward_sum = 0.0
                border = known.opening[known.src_opens[i], known.tgt_opens[j]]
                for x in range(i + 1, i + a + 1):
                    border += known.crossing * known.src_opens[x]
                for b in range(min(MERGE, band.last[i] - j + 1, m - j)):
                    forward_sum += known.forward[a, node + b]
                    backward[a, b] = known.backward[b, cell] + (backward[a - 1, b] if a > 0 else 0.0)
                    if b > 0:
                        border += known.crossing * known.tgt_opens[j + b]
                    off = known.tgt_size[b, j] - known.src_size[a, i] - known.ratio
                    # One over the geometric mean of the lengths, so that swapping sides changes nothing.
                    spread = (
                        known.spread
                        + known.spread_per_character * known.src_shortness[a, i] * known.tgt_shortness[b, j]
                    )
                    length = off * off * (1.0 / known.chance_spread - 1.0 / spread) + chance_log - math.log(spread)
                    words = max(forward_sum + backward[a, b], known.least_words)
                    gains[node, MERGE * a + b] = 0.5 * (words + length) + border + known.shapes[a + 1, b + 1]
    return gains


@njit(cache=True)
def best_path(band: Any, gains: Any, null: Any) -> Any:
    """The most likely beads as rows (i, j, a, b), in order. Equal totals go to the step met first.

    A node has two states: reached by a bead of both sides (0) or by a null bead (1).
    """
    n = len(band.first) - 1
    best = np.full((band.offset[-1], 2), NEVER)
    how = np.zeros((band.offset[-1], 2), dtype=np.int8)
    best[0, 0] = 0.0
    for i in range(n + 1):
        for j in range(band.first[i], band.last[i] + 1):
            node = band.offset[i] + j - band.first[i]
            came = 1 if best[node, 1] > best[node, 0] else 0
            here = best[node, came]
            further = 1 if best[node, 1] + null[1] > best[node, 0] + null[0] else 0
            total = best[node, further] + null[further]
            if j < band.last[i] and total > best[node + 1, 1]:
                best[node + 1, 1], how[node + 1, 1] = total, 2 + further
            if i < n and band.first[i + 1] <= j:
                below = band.offset[i + 1] + j - band.first[i + 1]
                if total > best[below, 1]:
                    best[below, 1], how[below, 1] = total, 4 + further
            for a in range(1, min(MERGE, n - i) + 1):
                row = band.offset[i + a] - band.first[i + a]
                for b in range(max(1, band.first[i + a] - j), min(MERGE, band.last[i + a] - j) + 1):
                    total = here + gains[node, MERGE * (a - 1) + b - 1]
                    if total > best[row + j + b, 0]:
                        best[row + j + b, 0], how[row + j + b, 0] = total, 2 * (MERGE * (a - 1) + b - 1) + came
    return _walk_back(band, how, 1 if best[-1, 1] > best[-1, 0] else 0)


@njit(cache=True)
def _walk_back(band: Any, how: Any, state: int) -> Any:
    """``how`` holds the state before in its last bit; above it the bead's shape, or the side of a null bead."""
    i = len(band.first) - 1
    j = band.last[-1]
    steps = np.empty((i + j, 4), dtype=np.int64)
    k = len(steps)
    while i > 0 or j > 0:
        step = how[band.offset[i] + j - band.first[i], state]
        shape = step // 2
        if state == 0:
            a, b = shape // MERGE + 1, shape % MERGE + 1
        else:
            a, b = shape - 1, 2 - shape
        state = step % 2
        i -= a
        j -= b
        k -= 1
        steps[k, 0], steps[k, 1], steps[k, 2], steps[k, 3] = i, j, a, b
    return steps[k:].copy()


@njit(cache=True)
def path_sums(band: Any, gains: Any, null: Any, temper: float) -> Any:
    """Log of the sum over all paths: from the start to each node and state, and from there to the end.

    Two arrays of shape (nodes, 2); the states are those of :func:`best_path`. Gains are multiplied by ``temper`` first.
    """
    return _sums_to(band, gains, null, temper), _sums_from(band, gains, null, temper)


@njit(cache=True)
def _sums_to(band: Any, gains: Any, null: Any, temper: float) -> Any:
    n = len(band.first) - 1
    onward = np.full((band.offset[-1], 2), NEVER)
    onward[0, 0] = 0.0
    for i in range(n + 1):
        for j in range(band.first[i], band.last[i] + 1):
            node = band.offset[i] + j - band.first[i]
            both = _added(onward[node, 0], onward[node, 1])
            for a in range(1, min(MERGE, n - i) + 1):
                start = band.offset[i + a] - band.first[i + a]
                for b in range(max(1, band.first[i + a] - j), min(MERGE, band.last[i + a] - j) + 1):
                    there, gain = start + j + b, gains[node, MERGE * (a - 1) + b - 1]
                    onward[there, 0] = _added(onward[there, 0], both + temper * gain)
            alone = _added(onward[node, 0] + temper * null[0], onward[node, 1] + temper * null[1])
            if j < band.last[i]:
                onward[node + 1, 1] = _added(onward[node + 1, 1], alone)
            if i < n and band.first[i + 1] <= j:
                below = band.offset[i + 1] + j - band.first[i + 1]
                onward[below, 1] = _added(onward[below, 1], alone)
    return onward


@njit(cache=True)
def _sums_from(band: Any, gains: Any, null: Any, temper: float) -> Any:
    n = len(band.first) - 1
    back = np.full((band.offset[-1], 2), NEVER)
    back[-1] = 0.0
    for i in range(n, -1, -1):
        for j in range(band.last[i], band.first[i] - 1, -1):
            node = band.offset[i] + j - band.first[i]
            linked = alone = NEVER
            for a in range(1, min(MERGE, n - i) + 1):
                start = band.offset[i + a] - band.first[i + a]
                for b in range(max(1, band.first[i + a] - j), min(MERGE, band.last[i + a] - j) + 1):
                    gain = temper * gains[node, MERGE * (a - 1) + b - 1]
                    linked = _added(linked, back[start + j + b, 0] + gain)
            if j < band.last[i]:
                alone = back[node + 1, 1]
            if i < n and band.first[i + 1] <= j:
                alone = _added(alone, back[band.offset[i + 1] + j - band.first[i + 1], 1])
            for state in range(2):
                total = _added(linked, alone + temper * null[state])
                back[node, state] = _added(back[node, state], total)
    return back


@njit(cache=True)
def bead_posteriors(band: Any, gains: Any, null: Any, temper: float) -> Any:
    """The probability of every bead with both sides, float32, in the shape of ``gains``; see :func:`path_sums`."""
    onward, back = path_sums(band, gains, null, temper)
    n = len(band.first) - 1
    shares = np.zeros(gains.shape, dtype=np.float32)
    for i in range(n + 1):
        for j in range(band.first[i], band.last[i] + 1):
            node = band.offset[i] + j - band.first[i]
            here = max(onward[node, 0], onward[node, 1])
            here += math.log1p(math.exp(-abs(onward[node, 0] - onward[node, 1]))) - back[0, 0]
            for shape in range(MERGE * MERGE):
                row, column = i + shape // MERGE + 1, j + shape % MERGE + 1
                if row <= n and band.first[row] <= column <= band.last[row]:
                    there = back[band.offset[row] + column - band.first[row], 0]
                    shares[node, shape] = math.exp(min(0.0, here + temper * gains[node, shape] + there))
    return shares


@njit(cache=True)
def _added(one: float, other: float) -> float:
    """The log of a sum of logs; what is 1e-13 of it or less is left out."""
    if one < other:
        one, other = other, one
    return one + math.log1p(math.exp(other - one)) if other > one - 30.0 else one
