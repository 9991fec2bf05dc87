"""A coarse path from rare shared words, so that the search need only look near it.

Every rare word that has a counterpart gives points (source segment, target segment). The best
chain of points that rise on both sides is the coarse path; leaving the chain's course costs, so
that a chance match is passed over and a missing chapter, which a hundred points agree on, is not.
The idea is that of genome chaining (Li 2018, minimap2): linear time, with a bounded look back.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from tm_align.banded import Band, Floats, Longs, make_band
from tm_align.em import Groups, Table, invert

MAX_MEETINGS: Final = 4
"""A word pair with more than this many (source occurrences x target occurrences) is no anchor."""

LOOK_BACK: Final = 100
"""Points before a point that may precede it in the chain."""

DRIFT_COST: Final = 0.05
"""Nats a segment of deviation from the straight course costs, beside its logarithm. Not calibrated."""

MARGIN: Final = 12
"""Segments searched on either side of a coarse path, at the least."""

MAX_MARGIN: Final = 500
"""Segments searched on either side of a coarse path, at the most: bounds time where there are no anchors."""


def coarse_path(src: Groups, tgt: Groups, table: Table) -> Longs:
    """Chained anchors, shape (k, 2), rising in both columns, with the corners (0, 0) and (n, m) included.

    Args:
        src: distinct words of each source segment.
        tgt: distinct words of each target segment.
        table: counterparts of source words, with weights in (0, 1].
    """
    n, m = len(src.starts) - 1, len(tgt.starts) - 1
    n_tgt_words = int(max(tgt.words.max(initial=-1), table.words.max(initial=-1))) + 1
    points = _points(
        invert(src.starts, src.words, len(table.starts) - 1),
        invert(tgt.starts, tgt.words, n_tgt_words),
        table,
        MAX_MEETINGS,
    )
    points = points[np.lexsort((points[:, 1], points[:, 0]))]
    chain = points[_chain(points, m / n, LOOK_BACK, DRIFT_COST), :2].astype(np.int64)
    return np.concatenate([[[0, 0]], chain, [[n, m]]]).astype(np.int64)


def corridor(path: Longs, src_place: Floats, tgt_place: Floats) -> Band:
    """The band round a coarse path: wide where anchors are far apart or jump, narrow where they are dense.

    Args:
        path: nodes from (0, 0) to (n, m), shape (k, 2), not falling.
        src_place: where each source node lies, in characters from the start, shape (n + 1,).
        tgt_place: the same for the target.
    """
    rows = np.arange(len(src_place))
    gap = np.clip(np.searchsorted(path[:, 0], rows, side="right") - 1, 0, len(path) - 2)
    (i0, j0), (i1, j1) = path[gap].T, path[gap + 1].T
    share = (src_place[rows] - src_place[i0]) / np.maximum(src_place[i1] - src_place[i0], 1.0)
    wanted = tgt_place[j0] + np.clip(share, 0.0, 1.0) * (tgt_place[j1] - tgt_place[j0])
    centre = np.interp(wanted, tgt_place, np.arange(len(tgt_place)))
    slope = tgt_place[-1] / max(src_place[-1], 1.0)
    segment = max(tgt_place[-1] / max(len(tgt_place) - 1, 1), 1.0)
    drift = np.abs((tgt_place[j1] - tgt_place[j0]) - slope * (src_place[i1] - src_place[i0])) / segment
    margin = np.minimum(MARGIN + 2.0 * np.sqrt(np.maximum(i1 - i0, j1 - j0)) + drift, MAX_MARGIN)
    n_tgt = len(tgt_place) - 1
    return make_band(np.floor(centre - margin).astype(np.int64), np.ceil(centre + margin).astype(np.int64), n_tgt)


def around(nodes: Longs, n_src: int, n_tgt: int) -> Band:
    """The band round nodes (i, j), shape (k, 2), and all that lies between them."""
    first = np.full(n_src + 1, n_tgt, dtype=np.int64)
    last = np.zeros(n_src + 1, dtype=np.int64)
    np.minimum.at(first, nodes[:, 0], nodes[:, 1])
    np.maximum.at(last, nodes[:, 0], nodes[:, 1])
    return make_band(np.minimum.accumulate(first[::-1])[::-1] - MARGIN, np.maximum.accumulate(last) + MARGIN, n_tgt)


@njit(cache=True)
def _points(src: Any, tgt: Any, table: Any, max_meetings: int) -> Any:
    """Rows (source segment, target segment, weight in nats) of every rare word pair."""
    n_tgt_words = len(tgt[0]) - 1
    out = np.empty((1024, 3))
    k = 0
    for w in range(len(src[0]) - 1):
        n_x = src[0][w + 1] - src[0][w]
        if n_x == 0 or n_x > max_meetings:
            continue
        for r in range(table.starts[w], table.starts[w + 1]):
            v = table.words[r]
            n_y = tgt[0][v + 1] - tgt[0][v] if v < n_tgt_words else 0
            if n_y == 0 or n_x * n_y > max_meetings:
                continue
            weight = table.values[r] * np.log(1.0 + (len(src[1]) + len(tgt[1])) / (n_x * n_y)) / np.sqrt(n_x * n_y)
            for q in range(src[0][w], src[0][w + 1]):
                for p in range(tgt[0][v], tgt[0][v + 1]):
                    if k == len(out):
                        out = np.concatenate((out, np.empty_like(out)))
                    out[k, 0] = src[1][q]
                    out[k, 1] = tgt[1][p]
                    out[k, 2] = weight
                    k += 1
    return out[:k].copy()


@njit(cache=True)
def _chain(points: Any, slope: float, look_back: int, drift_cost: float) -> Any:
    """The numbers of the chained points, rising. Among equals the nearer predecessor wins."""
    n = len(points)
    best = np.zeros(n)
    before = np.full(n, -1, dtype=np.int64)
    for k in range(n):
        best[k] = points[k, 2]
        for q in range(k - 1, max(k - 1 - look_back, -1), -1):
            di = points[k, 0] - points[q, 0]
            dj = points[k, 1] - points[q, 1]
            if di < 0 or dj < 0 or di + dj == 0:
                continue
            drift = abs(dj - slope * di)
            total = best[q] + points[k, 2] - np.log1p(drift) - drift_cost * drift
            if total > best[k]:
                best[k] = total
                before[k] = q
    chain = np.empty(n, dtype=np.int64)
    at = n
    k = int(np.argmax(best)) if n else -1
    while k >= 0:
        at -= 1
        chain[at] = k
        k = before[k]
    return chain[at:].copy()
