"""The course of a text by segment lengths alone, where no word tells the way.

In a long text chance is strong enough in lengths: a search by nothing else stays within some ten segments of the truth,
where the straight line between two far anchors misses it by hundreds. Time and memory grow with the segments: the
longer the text, the fewer segments on either side are looked at.

Source: Gale & Church 1993, with the lengths' spread of ``tm_align.lengths``.
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit

from tm_align.banded import Band, Floats, Longs, Singles, make_band
from tm_align.lengths import LENGTH_SPREAD, LENGTH_SPREAD_PER_CHARACTER, chance_spread, length_ratio
from tm_align.tokens import Side

NODES: Final = 20_000_000
"""Nodes that are looked at, a byte and 25 ns each, while LEAST_HALF is kept."""

LEAST_HALF: Final = 200
"""Segments looked at on either side of the straight line, however long the text is."""

LOOKS: Final = 4
"""Times that the band is laid anew because the course ran along its edge, the first included."""

SHAPES: Final = ((1, 1, 0.8), (1, 2, 0.06), (2, 1, 0.06), (2, 2, 0.01), (1, 3, 0.008), (3, 1, 0.008))
NULL: Final = -2.0
"""Beads that are tried, with their shares, and the gain of leaving one segment alone."""

SHORTNESSES: Final = 4_096
"""Steps of a bead's shortness for which the spread of its length ratio is kept ready."""

_LONGEST: Final = max(max(a, b) for a, b, _ in SHAPES)
_SKIP_SRC, _SKIP_TGT = len(SHAPES), len(SHAPES) + 1


def straight_course(path: Longs, src: Side, tgt: Side) -> Floats:
    """The target segment of every source node on the way from anchor to anchor, by the letters in between.

    Args:
        path: nodes from (0, 0) to (n, m), shape (k, 2), not falling.
        src: the source side.
        tgt: the target side.
    """
    rows = np.arange(len(src) + 1)
    (i0, j0), (i1, j1) = gaps(path, rows)
    share = (src.places - src.places[i0]) / np.maximum(src.places[i1] - src.places[i0], 1.0)
    wanted = tgt.places[j0] + np.clip(share, 0.0, 1.0) * (tgt.places[j1] - tgt.places[j0])
    return np.asarray(np.interp(wanted, tgt.places, np.arange(len(tgt) + 1)))


def gaps(path: Longs, rows: Longs) -> tuple[Longs, Longs]:
    """The nodes of a path before and after each row, each of shape (2, rows)."""
    gap = np.clip(np.searchsorted(path[:, 0], rows, side="right") - 1, 0, len(path) - 2)
    return path[gap].T, path[gap + 1].T


def length_course(centre: Floats, half: Longs, src: Side, tgt: Side) -> Floats:
    """The target segment of every source node by lengths alone, near a course that is expected.

    Args:
        centre: the expected course, a target segment for every source node.
        half: segments to look at on either side of it, where there is room for so many.
        src: the source side.
        tgt: the target side.

    Cost: a byte and 25 ns a node; NODES, or twice LEAST_HALF a segment, times LOOKS at the worst.
    """
    n, m = len(src), len(tgt)
    half = np.minimum(half, max(LEAST_HALF, NODES // (2 * n)))
    for _ in range(LOOKS):
        band = make_band(np.floor(centre - half).astype(np.int64), np.ceil(centre + half).astype(np.int64), m)
        nodes = _search(band, src, tgt)
        centre = np.interp(np.arange(n + 1), nodes[:, 0], nodes[:, 1])
        if not _runs_along_edge(centre, band, half, m):
            break
    return centre


def _runs_along_edge(centre: Floats, band: Band, half: Longs, n_tgt: int) -> bool:
    near = 0.1 * half
    low = (band.first > 0) & (centre - band.first < near)
    high = (band.last < n_tgt) & (band.last - centre < near)
    return bool(((low | high) & (half >= LEAST_HALF)).any())


def _search(band: Band, src: Side, tgt: Side) -> Longs:
    (src_size, src_short), (tgt_size, tgt_short) = _sizes(src), _sizes(tgt)
    spread = LENGTH_SPREAD + LENGTH_SPREAD_PER_CHARACTER * np.arange(SHORTNESSES + 1) / SHORTNESSES
    chance = chance_spread(src_size[0], tgt_size[0])
    shapes = np.array([(a, b) for a, b, _ in SHAPES])
    found: Longs = _by_lengths(
        band,
        src_size + np.float32(length_ratio(src.lengths, tgt.lengths)),
        src_short * np.float32(SHORTNESSES),
        tgt_size,
        tgt_short,
        (0.5 * (math.log(chance) - np.log(spread))).astype(np.float32),
        (0.5 * (1.0 / chance - 1.0 / spread)).astype(np.float32),
        shapes,
        np.log([share for _, _, share in SHAPES]).astype(np.float32),
        np.float32(NULL),
    )
    return found


def _sizes(side: Side) -> tuple[Singles, Singles]:
    """log(letters + 1) of each run of 1 to 3 segments, and one over the root of the letters; shape (3, n)."""
    n = len(side)
    ends = np.minimum(np.arange(n) + np.arange(1, _LONGEST + 1)[:, None], n)
    sizes = np.log(side.places[ends] - side.places[:n] + 1.0)
    return sizes.astype(np.float32), np.exp(-0.5 * sizes).astype(np.float32)


@njit(cache=True)
def _by_lengths(
    band: Any, src_size: Any, src_short: Any, tgt_size: Any, tgt_short: Any,
    plain: Any, square: Any, shapes: Any, shares: Any, null: Any,
) -> Any:  # fmt: skip
    """The nodes of the best path by lengths, from (0, 0), shape (k, 2). Scores of four rows are kept at a time."""
    first, last, offset = band
    n = len(first) - 1
    how = np.empty(offset[n + 1], dtype=np.int8)
    rows = np.empty((4, (last - first).max() + 1), dtype=np.float32)
    for i in range(n + 1):
        here, step = rows[i % 4], how[offset[i] : offset[i + 1]]
        low, high = first[i], last[i]
        here[:] = np.float32(-1e30)
        if i == 0:
            here[0] = np.float32(0.0)
        else:
            before = rows[(i - 1) % 4]
            for j in range(max(low, first[i - 1]), min(high, last[i - 1]) + 1):
                here[j - low] = before[j - first[i - 1]] + null
                step[j - low] = _SKIP_SRC
        for shape in range(len(shapes)):
            a, b = shapes[shape]
            p = i - a
            if p < 0:
                continue
            before, size, short = rows[p % 4], src_size[a - 1, p], src_short[a - 1, p]
            for j in range(max(low, first[p] + b), min(high, last[p] + b) + 1):
                off = tgt_size[b - 1, j - b] - size
                at = int(short * tgt_short[b - 1, j - b])
                total = before[j - b - first[p]] + shares[shape] + plain[at] + off * off * square[at]
                if total > here[j - low]:
                    here[j - low] = total
                    step[j - low] = shape
        for j in range(1, high - low + 1):
            if here[j - 1] + null > here[j]:
                here[j] = here[j - 1] + null
                step[j] = _SKIP_TGT
    return _walk_back(first, last, offset, how, shapes)


@njit(cache=True)
def _walk_back(first: Any, last: Any, offset: Any, how: Any, shapes: Any) -> Any:
    i, j = len(first) - 1, last[-1]
    nodes = np.zeros((i + j + 1, 2), dtype=np.int64)
    k = len(nodes)
    while i > 0 or j > 0:
        k -= 1
        nodes[k, 0], nodes[k, 1] = i, j
        step = how[offset[i] + j - first[i]]
        if step < len(shapes):
            i -= shapes[step, 0]
            j -= shapes[step, 1]
        elif step == _SKIP_SRC:
            i -= 1
        else:
            j -= 1
    return nodes[k - 1 :].copy()
