"""A coarse path from rare shared words, so that the search need only look near it.

Every rare word that has a counterpart gives points (source segment, target segment). The best
chain of points that rise on both sides is the coarse path; leaving the chain's course costs, so
that a chance match is passed over and a missing chapter, which a hundred points agree on, is not.
The idea is that of genome chaining (Li 2018, minimap2): linear time, with a bounded look back.
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit

from tm_align.banded import Band, Longs, make_band
from tm_align.course import gaps, length_course, straight_course
from tm_align.em import Table, by_segment, invert
from tm_align.lengths import length_ratio
from tm_align.tokens import Side

RARE: Final = 200
"""A word is an anchor if it occurs no more than once in so many segments, or twice: then its occurrences are so far
apart that one of the two nearest to where it is expected is likely the right one."""

LOOK_BACK: Final = 50
"""Points before a point that are tried as its predecessor in the chain, beside the best one of all."""

DRIFT_COST: Final = 0.03
"""Nats that a segment of deviation from the straight course costs, beside its logarithm. Not calibrated."""

MARGIN: Final = 12
"""Segments searched on either side of a coarse path, at the least."""

MAX_MARGIN: Final = 500
"""Segments searched on either side of a coarse path, at the most."""

MAX_NODES: Final = 1_200_000
"""Nodes that a band of MAX_MARGIN may have; a longer text has a narrower band where it has no anchors."""

LONG_MARGIN: Final = 40
"""What remains of MAX_MARGIN at any length: keeps time and memory linear."""


def coarse_path(src: Side, tgt: Side, table: Table) -> Longs:
    """Chained anchors, shape (k, 2), rising in both columns, with the corners (0, 0) and (n, m) included.

    Args:
        src: the source side.
        tgt: the target side.
        table: counterparts of source words, with weights in (0, 1].
    """
    n, m = len(src), len(tgt)
    src_groups, tgt_groups = by_segment(src), by_segment(tgt)
    expected = np.interp(src.places / max(src.places[-1], 1.0), tgt.places / max(tgt.places[-1], 1.0), np.arange(m + 1))
    points = _points(
        invert(src_groups.starts, src_groups.words, len(src.words)),
        invert(tgt_groups.starts, tgt_groups.words, len(tgt.words)),
        table,
        expected,
        max(2, min(n, m) // RARE),
    )
    points = points[np.lexsort((points[:, 2], points[:, 1], points[:, 0]))]
    chain = points[_chain(points, n, m, _slopes(src, tgt), LOOK_BACK, DRIFT_COST), :2].astype(np.int64)
    return np.concatenate([[[0, 0]], chain, [[n, m]]]).astype(np.int64)


def _slopes(src: Side, tgt: Side) -> tuple[float, float]:
    """Target segments a source segment, least and most: as the whole texts have it, and as where nothing is missing."""
    whole = len(tgt) / len(src)
    ratio = length_ratio(src.lengths, tgt.lengths)
    kept = whole * (src.places[-1] + 1.0) / (tgt.places[-1] + 1.0) * math.exp(ratio)
    return min(whole, kept), max(whole, kept)


def corridor(path: Longs, src: Side, tgt: Side) -> Band:
    """The band round a coarse path: wide where anchors are far apart or jump, narrow where they are dense.

    Where anchors are so far apart that the straight line between them is not to be trusted, lengths show the way.

    Args:
        path: nodes from (0, 0) to (n, m), shape (k, 2), not falling.
        src: the source side.
        tgt: the target side.
    """
    n, m = len(src), len(tgt)
    (i0, j0), (i1, j1) = gaps(path, np.arange(n + 1))
    drift = np.abs((j1 - j0) - m / n * (i1 - i0))
    wanted = MARGIN + 2.0 * np.sqrt(np.maximum(i1 - i0, j1 - j0)) + drift
    most = _most_margin(n)
    centre = straight_course(path, src, tgt)
    if (far := wanted > most).any():
        centre = length_course(centre, np.where(far, np.maximum(i1 - i0, j1 - j0), MARGIN), src, tgt)
    margin = np.minimum(wanted, most)
    return make_band(np.floor(centre - margin).astype(np.int64), np.ceil(centre + margin).astype(np.int64), m)


def around(path: Longs, seen: Longs, src: Side, tgt: Side) -> Band:
    """The band round the path of a search, as far as the anchors seen since: no farther than :func:`corridor` would go.

    Args:
        path: nodes of the search's path, shape (k, 2).
        seen: nodes of the chain of anchors that words from this path make.
        src: the source side.
        tgt: the target side.
    """
    n, m = len(src), len(tgt)
    (first, last), (low, high) = _bounds(path, n, m), _bounds(seen, n, m)
    most = _most_margin(n)
    first = np.minimum(first, np.maximum(low, first - most)) - MARGIN
    last = np.maximum(last, np.minimum(high, last + most)) + MARGIN
    return make_band(first, last, m)


def _bounds(nodes: Longs, n_src: int, n_tgt: int) -> tuple[Longs, Longs]:
    """The least and the greatest target node of every row on the way from node to node."""
    first = np.full(n_src + 1, n_tgt, dtype=np.int64)
    last = np.zeros(n_src + 1, dtype=np.int64)
    np.minimum.at(first, nodes[:, 0], nodes[:, 1])
    np.maximum.at(last, nodes[:, 0], nodes[:, 1])
    return np.minimum.accumulate(first[::-1])[::-1], np.maximum.accumulate(last)


def _most_margin(n_src: int) -> int:
    return min(MAX_MARGIN, max(LONG_MARGIN, MAX_NODES // (2 * n_src)))


@njit(cache=True)
def _points(src: Any, tgt: Any, table: Any, expected: Any, most: int) -> Any:
    """Rows (source segment, target segment, weight in nats) of the rare word pairs' likely meetings."""
    (src_bounds, src_places), (tgt_bounds, tgt_places) = src, tgt
    out = np.empty((1024, 3))
    k = 0
    for w in range(len(src_bounds) - 1):
        n_x = src_bounds[w + 1] - src_bounds[w]
        if n_x == 0 or n_x > most:
            continue
        for r in range(table.starts[w], table.starts[w + 1]):
            first, end = tgt_bounds[table.words[r]], tgt_bounds[table.words[r] + 1]
            if first == end or end - first > most:
                continue
            weight = table.values[r] * np.log(1.0 + (len(expected) - 1) / max(n_x, end - first))
            for x in src_places[src_bounds[w] : src_bounds[w + 1]]:
                at = first + np.searchsorted(tgt_places[first:end], expected[x])
                for p in range(max(first, at - 1), min(end, at + 1)):
                    if k == len(out):
                        out = np.concatenate((out, np.empty_like(out)))
                    out[k, 0] = x
                    out[k, 1] = tgt_places[p]
                    out[k, 2] = weight
                    k += 1
    return out[:k].copy()


@njit(cache=True)
def _chain(points: Any, n_src: int, n_tgt: int, slopes: Any, look_back: int, drift_cost: float) -> Any:
    """The numbers of the chained points, rising.

    The texts' beginnings and ends are links of the chain: a chance point far off the course pays for leaving it twice.

    Tried as predecessor: the points just before, and the best chain that ends at or before the point's target segment,
    however long ago: a Fenwick tree of maxima finds it.
    """
    n = len(points)
    best = np.zeros(n)
    before = np.full(n, -1, dtype=np.int64)
    champion = np.full(n_tgt + 1, -1, dtype=np.int64)
    for k in range(n):
        best[k] = points[k, 2] - _detour(points[k, 0], points[k, 1], slopes, drift_cost)
        farthest = _champion(champion, best, int(points[k, 1]) + 1)
        nearest = max(k - look_back, 0)
        for c in range(k - 1, nearest - 2, -1):
            q = c if c >= nearest else farthest
            if q < 0:
                continue
            di = points[k, 0] - points[q, 0]
            dj = points[k, 1] - points[q, 1]
            if di < 0 or dj < 0 or di + dj == 0:
                continue
            total = best[q] + points[k, 2] - _detour(di, dj, slopes, drift_cost)
            if total > best[k]:
                best[k] = total
                before[k] = q
        t = int(points[k, 1]) + 1
        while t <= n_tgt:
            if champion[t] < 0 or best[k] > best[champion[t]]:
                champion[t] = k
            t += t & -t
    for k in range(n):
        best[k] -= _detour(n_src - points[k, 0], n_tgt - points[k, 1], slopes, drift_cost)
    return _unwound(best, before)


@njit(cache=True)
def _champion(champion: Any, best: Any, t: int) -> int:
    """The best chain that ends at or before a target segment, or -1."""
    found = -1
    while t > 0:
        if champion[t] >= 0 and (found < 0 or best[champion[t]] > best[found]):
            found = champion[t]
        t -= t & -t
    return found


@njit(cache=True)
def _detour(di: Any, dj: Any, slopes: Any, drift_cost: float) -> Any:
    """What the way over so many source and target segments costs in nats, for what it lies beside the slopes."""
    drift = max(slopes[0] * di - dj, dj - slopes[1] * di, 0.0)
    return np.log1p(drift) + drift_cost * drift


@njit(cache=True)
def _unwound(best: Any, before: Any) -> Any:
    chain = np.empty(len(best), dtype=np.int64)
    at = len(best)
    k = int(np.argmax(best)) if len(best) else -1
    if k >= 0 and best[k] <= 0.0:
        k = -1  # no chain at all is better
    while k >= 0:
        at -= 1
        chain[at] = k
        k = before[k]
    return chain[at:].copy()
