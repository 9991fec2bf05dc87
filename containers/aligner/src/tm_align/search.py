"""The compiled searches of the embedding tier, all inside a band of nodes.

A node ``(i, j)`` means that ``i`` source and ``j`` target segments are behind us; a bead leads from node to node.
A ``band`` holds, for every row ``i``, the half-open range of columns ``first[i] .. last[i]-1`` that is searched;
``offset[i]`` is where that row begins in every flat array. Scores are int16 and sums int64: exact, so the order of
summation, the number of threads and the processor change nothing.
"""

import numpy as np
from numba import njit

from tm_align.kernels import F32, F64, I16, I32, I64, PADDING, U8, UNIT, dots_4x4

_f32 = np.float32

SCORE = 16384
"""The int16 that stands for a bead score of 1.0: scores lie in [-2, 2)."""

NAT = 512
"""The int16 that stands for one nat, where scores are log weights: they lie in [-64, 64)."""

NONE = -32768
"""No cosine: that of what lies outside the band."""

SKIP_SRC, SKIP_TGT = 254, 255
"""Back pointers of the two null beads; smaller ones are bead types."""


@njit(cache=True, nogil=True)
def rasterise(knots: I64, n: int, m: int, radius: int) -> tuple[I64, I64, I64]:
    """The band of ``radius`` columns round the broken line through ``knots``, which leads from (0, 0) to (n, m)."""
    first = np.full(n + 1, m, np.int64)
    last = np.zeros(n + 1, np.int64)
    for p in range(knots.shape[0] - 1):
        i0, j0, i1, j1 = knots[p, 0], knots[p, 1], knots[p + 1, 0], knots[p + 1, 1]
        rows = max(1, i1 - i0)
        for i in range(i0, i1 + 1):
            here = j0 + (j1 - j0) * (i - i0) // rows
            there = j0 + (j1 - j0) * min(i + 1 - i0, rows) // rows
            first[i] = min(first[i], here)
            last[i] = max(last[i], there if i < i1 or i0 == i1 else here)
    offset = np.empty(n + 2, np.int64)
    offset[0] = 0
    for i in range(n + 1):
        first[i] = max(0, first[i] - radius)
        last[i] = min(m, last[i] + radius) + 1
        offset[i + 1] = offset[i] + last[i] - first[i]
    return first, last, offset


@njit(cache=True, nogil=True)
def band_cosines(x: I16, y: I16, first: I64, last: I64, offset: I64) -> I16:
    """Cosines (1/32767) of single vectors in the band. ``x`` and ``y`` are padded."""
    n, m = first.size - 1, y.shape[0] - PADDING
    out = np.zeros(offset[n + 1], np.int16)
    tile = np.empty((4, 4), np.int32)
    for i in range(0, n, 4):
        rows = min(4, n - i)
        for j in range(first[i], min(m, last[i + rows - 1]), 4):
            dots_4x4(x, i, y, j, tile)
            for p in range(rows):
                for q in range(4):
                    if first[i + p] <= j + q < min(m, last[i + p]):
                        out[offset[i + p] + j + q - first[i + p]] = tile[p, q] >> 15
    return out


@njit(cache=True, nogil=True)
def best_chain(
    cosines: I16, src_mean: F32, tgt_mean: F32, floor: float, first: I64, last: I64, offset: I64, m: int
) -> I64:
    """The monotone chain of 1:1 matches with the greatest sum of cosines above what is usual for its two vectors.

    Returns the knots of its path, shape (2 * matches + 2, 2), from (n, m) back to (0, 0).
    """
    n = first.size - 1
    best = np.zeros(offset[n + 1], np.float64)
    back = np.zeros(offset[n + 1], np.uint8)  # 0 left, 1 up, 2 match
    for i in range(n + 1):
        for j in range(first[i], last[i]):
            at = offset[i] + j - first[i]
            value, step = best[at - 1] if j > first[i] else -1.0, 0
            if i > 0:
                above = offset[i - 1] + j - first[i - 1]
                if first[i - 1] <= j < last[i - 1] and best[above] > value:
                    value, step = best[above], 1
                if first[i - 1] < j <= last[i - 1]:
                    usual = (src_mean[i - 1] + tgt_mean[j - 1]) * 0.5 + floor
                    gain = cosines[above - 1] / 32767.0 - usual
                    if gain > 0.0 and best[above - 1] + gain > value:
                        value, step = best[above - 1] + gain, 2
            best[at], back[at] = max(value, 0.0), step
    return _knots(back, first, offset, n, m)


@njit(cache=True, nogil=True)
def _knots(back: U8, first: I64, offset: I64, n: int, m: int) -> I64:
    knots = np.empty((2 * min(n, m) + 2, 2), np.int64)
    count, i, j = 1, n, m
    knots[0] = n, m
    while i > 0 or j > 0:
        step = back[offset[i] + j - first[i]]
        if step == 2:
            knots[count] = i, j
            knots[count + 1] = i - 1, j - 1
            count += 2
            i, j = i - 1, j - 1
        elif step == 1:
            i -= 1
        else:
            j -= 1
    knots[count] = 0, 0
    return knots[: count + 1]


@njit(cache=True, nogil=True)
def bead_cosines(
    x: I16, y: I16, row: int, column: int, first: I64, last: I64, offset: I64, numbers: I32, out: I16
) -> None:
    """Cosines of every bead that begins in a block of rows.

    ``x[a-1, p]`` is the run of ``a`` source segments from ``row + p`` (padded), ``y`` likewise
    from ``column``. Writes ``out[node, type]`` for the type that ``numbers[a-1, b-1]`` names, where that is not -1.
    """
    rows, columns = x.shape[1] - PADDING, y.shape[1] - PADDING
    tile = np.empty((4, 4), np.int32)
    for i in range(row, row + rows, 4):
        height = min(4, row + rows - i)
        end = min(column + columns, last[i + height - 1])
        for j in range(first[i], end, 4):
            for b in range(y.shape[0]):
                for a in range(x.shape[0]):
                    kind = numbers[a, b]
                    if kind < 0:
                        continue
                    dots_4x4(x[a], i - row, y[b], j - column, tile)
                    for p in range(height):
                        low, high = first[i + p], min(end, last[i + p])
                        for q in range(max(0, low - j), min(4, high - j)):
                            out[offset[i + p] + j + q - low, kind] = tile[p, q] >> 15


@njit(cache=True, nogil=True)
def bead_scores(
    cosines: I16,
    src_length: F32,
    tgt_length: F32,
    src_border: U8,
    tgt_border: U8,
    numbers: I32,
    first: I64,
    last: I64,
    offset: I64,
) -> I16:
    """Score every bead of the band: its cosine above that of its neighbours, times how well its lengths agree.

    The neighbours are the single segments just outside the bead, each against the bead's other side: a bead that
    leaves out a segment it should hold, or holds one too many, has a neighbour that is nearly as similar as itself.
    Lengths agree by min / mean to the power of 2.5: 2 to 3 give the same on our gold, 1 loses two points.
    ``border[i, a-1]`` counts the paragraph borders inside a run; each halves the score.
    """
    n, m = first.size - 1, tgt_length.shape[0]
    out = np.zeros(cosines.shape, np.int16)
    for i in range(n):
        for j in range(first[i], min(m, last[i])):
            at = offset[i] + j - first[i]
            end = min(m, last[i])
            for a in range(1, min(numbers.shape[0], n - i) + 1):
                narrow = numbers[a - 1, 0]
                over = offset[i - 1] + j - first[i - 1] if i > 0 and j < last[i - 1] else -1
                under = offset[i + a] + j - first[i + a] if i + a < n and j >= first[i + a] else -1
                left = cosines[at - 1, narrow] if j > first[i] else NONE
                for b in range(1, min(numbers.shape[1], m - j) + 1):
                    kind, flat = numbers[a - 1, b - 1], numbers[0, b - 1]
                    if kind < 0:
                        break
                    beside = _mean(left, cosines[at + b, narrow] if j + b < end else NONE)
                    above = _mean(
                        cosines[over, flat] if over >= 0 else NONE, cosines[under, flat] if under >= 0 else NONE
                    )
                    x, y = src_length[i, a - 1], tgt_length[j, b - 1]
                    agree = _f32(2.0) * min(x, y) / (x + y)
                    borders = src_border[i, a - 1] + tgt_border[j, b - 1]
                    over_usual = _f32(cosines[at, kind] - 0.5 * (beside + above))
                    score = over_usual * agree * agree * np.sqrt(agree) * _f32(SCORE / UNIT) / _f32(1 << borders)
                    out[at, kind] = np.int16(np.rint(score))
    return out


@njit(cache=True, nogil=True)
def _mean(x: int, y: int) -> float:
    """Mean of two cosines, of which one or both may be outside the band or the document."""
    if x == NONE:
        x = y
    if y == NONE:
        y = x
    return 0.0 if x == NONE else 0.5 * (x + y)


@njit(cache=True, nogil=True)
def best_beads(scores: I16, kinds: I32, first: I64, last: I64, offset: I64, m: int, least: int) -> I64:
    """The path of beads with the greatest sum of scores, less ``least`` a segment; null beads score nothing.

    Returns rows (i, j, a, b), the last bead first: a bead of a and b segments from node (i, j).
    """
    n = first.size - 1
    best = np.full(offset[n + 1], -(1 << 62), np.int64)
    back = np.zeros(offset[n + 1], np.uint8)
    best[0] = 0
    for i in range(n + 1):
        for j in range(first[i], last[i]):
            at = offset[i] + j - first[i]
            value, step = best[at], 0
            if i > 0 and j < last[i - 1] and best[offset[i - 1] + j - first[i - 1]] > value:
                value, step = best[offset[i - 1] + j - first[i - 1]], SKIP_SRC
            if j > first[i] and best[at - 1] > value:
                value, step = best[at - 1], SKIP_TGT
            for kind in range(kinds.shape[0]):
                p, q = i - kinds[kind, 0], j - kinds[kind, 1]
                if p >= 0 and first[p] <= q < last[p]:
                    origin = offset[p] + q - first[p]
                    total = best[origin] + scores[origin, kind] - least * (kinds[kind, 0] + kinds[kind, 1])
                    if total > value:
                        value, step = total, kind
            best[at], back[at] = value, step
    return _trace(back, kinds, first, offset, n, m)


@njit(cache=True, nogil=True)
def off_path_scores(
    scores: I16, kind: int, course: F64, apart: float, first: I64, last: I64, offset: I64, m: int
) -> tuple[float, int]:
    """Sum of the squared scores of the beads of a kind that begin ``apart`` columns or more off the course, and their
    number: what a pair scores that has nothing to do with each other."""
    total, count = 0.0, 0
    for i in range(first.size - 1):
        for j in range(first[i], min(m, last[i])):
            if abs(j - course[i]) >= apart:
                score = scores[offset[i] + j - first[i], kind] / SCORE
                total += score * score
                count += 1
    return total, count


@njit(cache=True, nogil=True)
def scores_to_nats(scores: I16, factor: float) -> None:
    """Write ``factor`` nats a score of 1.0 over the scores, in units of 1/NAT."""
    for at in range(scores.shape[0]):
        for kind in range(scores.shape[1]):
            nats = scores[at, kind] / SCORE * factor * NAT
            scores[at, kind] = np.int16(np.rint(min(max(nats, -32768.0), 32767.0)))


@njit(cache=True, nogil=True)
def add_words(nats: I16, kinds: I32, shares: F32, merge: int, weight: float, least: float) -> None:
    """Add ``weight`` times the log of what words and lengths give each bead, at least ``least``.

    ``shares`` has a row per node: a bead of a:b is at ``merge * (a - 1) + b - 1``, larger ones have the least.
    """
    for kind in range(kinds.shape[0]):
        a, b = kinds[kind]
        column = merge * (a - 1) + b - 1 if a <= merge and b <= merge else -1
        for at in range(nats.shape[0]):
            share = max(least, shares[at, column]) if column >= 0 else least
            total = nats[at, kind] + np.rint(weight * np.log(share) * NAT)
            nats[at, kind] = np.int16(min(max(total, -32768.0), 32767.0))


@njit(cache=True, nogil=True)
def _forward(scores: I16, kinds: I32, weight: F64, gain: F64, first: I64, last: I64, offset: I64) -> tuple[F64, F64]:
    """Summed weight of all paths from (0, 0) to each node, divided by the row's greatest, and that as a log."""
    n = first.size - 1
    sums = np.zeros(offset[n + 1], np.float64)
    scale = np.zeros(n + 1, np.float64)
    share = np.empty(kinds[-1].sum() + 1, np.float64)
    sums[0] = 1.0
    for i in range(n + 1):
        _shares(share, scale, i, -1)
        for j in range(first[i], last[i]):
            at = offset[i] + j - first[i]
            value = sums[at]
            if i > 0 and j < last[i - 1]:
                value += sums[offset[i - 1] + j - first[i - 1]]
            if j > first[i]:
                value += sums[at - 1]
            for kind in range(kinds.shape[0]):
                p, q = i - kinds[kind, 0], j - kinds[kind, 1]
                if p >= 0 and first[p] <= q < last[p]:
                    origin = offset[p] + q - first[p]
                    value += sums[origin] * share[i - p] * gain[kind] * weight[scores[origin, kind] + 32768]
            sums[at] = value
        scale[i] = scale[max(0, i - 1)] + _normalise(sums[offset[i] : offset[i + 1]])
    return sums, scale


@njit(cache=True, nogil=True)
def _backward(scores: I16, kinds: I32, weight: F64, gain: F64, first: I64, last: I64, offset: I64) -> tuple[F64, F64]:
    """Summed weight of all paths from each node to the end, divided by the row's greatest, and that as a log."""
    n = first.size - 1
    sums = np.zeros(offset[n + 1], np.float64)
    scale = np.zeros(n + 1, np.float64)
    share = np.empty(kinds[-1].sum() + 1, np.float64)
    sums[-1] = 1.0
    for i in range(n, -1, -1):
        _shares(share, scale, i, 1)
        for j in range(last[i] - 1, first[i] - 1, -1):
            at = offset[i] + j - first[i]
            value = sums[at]
            if i < n and j >= first[i + 1]:
                value += sums[offset[i + 1] + j - first[i + 1]]
            if j + 1 < last[i]:
                value += sums[at + 1]
            for kind in range(kinds.shape[0]):
                p, q = i + kinds[kind, 0], j + kinds[kind, 1]
                if p <= n and first[p] <= q < last[p]:
                    weighed = gain[kind] * weight[scores[at, kind] + 32768]
                    value += sums[offset[p] + q - first[p]] * share[p - i] * weighed
            sums[at] = value
        scale[i] = scale[min(n, i + 1)] + _normalise(sums[offset[i] : offset[i + 1]])
    return sums, scale


@njit(cache=True, nogil=True)
def _shares(share: F64, scale: F64, row: int, step: int) -> None:
    """What a row so many steps back counts beside the row just before this one; each has a scale of its own."""
    before = row + step
    for distance in range(share.size):
        other = row + step * distance
        inside = 0 <= before < scale.size and 0 <= other < scale.size
        share[distance] = np.exp(scale[other] - scale[before]) if inside else 0.0


@njit(cache=True, nogil=True)
def _normalise(sums: F64) -> float:
    """Divide by the greatest, and return its log: paths grow by many powers of ten from row to row."""
    greatest = sums.max()
    sums /= greatest
    return float(np.log(greatest))


@njit(cache=True, nogil=True)
def posteriors(
    scores: I16, kinds: I32, weight: F64, gain: F64, first: I64, last: I64, offset: I64, m: int
) -> tuple[F64, F64]:
    """Probability of every bead, given that a path's weight is the product of its beads' weights.

    A null bead weighs 1, so that a long run of them neither grows nor vanishes; any other weighs ``gain[kind] *
    weight[score + 32768]``. Writes the probabilities over ``scores``, in units of 1/16384.

    Returns the probability of each source and each target segment to be a null bead.
    """
    n = first.size - 1
    fore, fore_scale = _forward(scores, kinds, weight, gain, first, last, offset)
    rear, rear_scale = _backward(scores, kinds, weight, gain, first, last, offset)
    whole, whole_scale = fore[-1], fore_scale[n]
    src_null, tgt_null = np.zeros(n), np.zeros(m)
    factor = np.empty(n + 1)
    reach = kinds[-1].sum()
    for i in range(n + 1):
        for p in range(i, min(n, i + reach) + 1):
            factor[p] = np.exp(fore_scale[i] + rear_scale[p] - whole_scale) / whole
        for j in range(first[i], last[i]):
            at = offset[i] + j - first[i]
            if i < n and j >= first[i + 1]:
                src_null[i] += fore[at] * rear[offset[i + 1] + j - first[i + 1]] * factor[i + 1]
            if j + 1 < last[i]:
                tgt_null[j] += fore[at] * rear[at + 1] * factor[i]
            for kind in range(kinds.shape[0]):
                p, q = i + kinds[kind, 0], j + kinds[kind, 1]
                share = 0.0
                if p <= n and first[p] <= q < last[p]:
                    weighed = fore[at] * gain[kind] * weight[scores[at, kind] + 32768]
                    share = weighed * rear[offset[p] + q - first[p]] * factor[p]
                scores[at, kind] = np.int16(share * 16384.0 + 0.5)
    return src_null, tgt_null


@njit(cache=True, nogil=True)
def _trace(back: U8, kinds: I32, first: I64, offset: I64, n: int, m: int) -> I64:
    path = np.empty((n + m, 4), np.int64)
    count, i, j = 0, n, m
    while i > 0 or j > 0:
        step = back[offset[i] + j - first[i]]
        a = 1 if step == SKIP_SRC else 0 if step == SKIP_TGT else kinds[step, 0]
        b = 0 if step == SKIP_SRC else 1 if step == SKIP_TGT else kinds[step, 1]
        path[count] = i - a, j - b, a, b
        count, i, j = count + 1, i - a, j - b
    return path[:count]
