"""Word translation learned from beads: IBM model 1 by expectation maximisation, on sparse rows.

A *table* holds for each word of one side (x) its likely counterparts of the other (y). Only pairs
that meet in at least two beads, or that were given (a dictionary, a shared spelling), have an
entry: a pair seen once is explained by the alignment that made it meet, and believing it would
lock that alignment in.

Source: Brown et al. 1993 (model 1); Moore 2002 for learning it from a first alignment by length.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tm_align.banded import Floats, Longs
from tm_align.tokens import Ints

LINKED: Final = 0.8
"""Share of a word's occurrences that the other side's words explain; the rest is chance. 0.6 to 0.9 give the same."""

DISCOUNT: Final = 0.6
"""Taken off every learned count (beads), so that a pair that met twice weighs less than half of four times."""

DOUBT: Final = 1.0
"""Beads' worth of belief that a word has no counterpart at all."""

PASSES: Final = 4
"""Passes of expectation maximisation. More sharpen the table and change no alignment of our gold."""

MIN_BEADS: Final = 2
"""Beads in which a pair must meet to be learned."""

MAX_BEAD_PAIRS: Final = 40_000
"""Word pairs (200 x 200) above which a bead teaches nothing: they would cost time without end and say little."""


class Groups(NamedTuple):
    """Words by group: group g has ``words[starts[g]:starts[g + 1]]``."""

    starts: Longs
    words: Ints


class Table(NamedTuple):
    """Sparse rows: word w of x has the counterparts ``words[starts[w]:starts[w + 1]]`` in y."""

    starts: Longs
    words: Ints
    values: Floats


def make_table(n_words: int, rows: NDArray[np.integer[Any]], words: Ints, values: Floats) -> Table:
    """A table from triples in any order; equal pairs must not occur."""
    order = np.lexsort((words, rows))
    starts = np.zeros(n_words + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=n_words), out=starts[1:])
    return Table(starts, words[order].astype(np.int32), values[order].astype(np.float64))


def row_numbers(table: Table) -> Longs:
    """The row of every entry."""
    return np.repeat(np.arange(len(table.starts) - 1), np.diff(table.starts))


def transposed(table: Table, n_words: int) -> Table:
    """The same entries by the words of the other side."""
    return make_table(n_words, table.words, row_numbers(table).astype(np.int32), table.values)


def learn(src: Groups, tgt: Groups, given: Table, tgt_frequency: Floats) -> Table:
    """p(target word | source word), learned from aligned groups of words.

    Args:
        src: distinct words of each bead's source side.
        tgt: the same for the target side; as many groups.
        given: what is believed beforehand, in beads' worth of counts.
        tgt_frequency: plain probability of each target word.

    Returns:
        A table whose rows sum to less than 1; what is missing is belief that there is no counterpart.

    Cost: PASSES x the word pairs inside beads in time; the pairs met twice in memory.
    """
    found = invert(src.starts, src.words, len(given.starts) - 1)
    met = np.bincount(tgt.words, minlength=len(tgt_frequency))
    rows = Table(*_candidates(found, tgt, given, met, MIN_BEADS))
    values = _maximise(found, src.starts, tgt, rows, tgt_frequency, (LINKED, DISCOUNT, DOUBT), PASSES)
    keep = values > 1e-4
    return make_table(len(given.starts) - 1, row_numbers(rows)[keep], rows.words[keep], values[keep])


@njit(cache=True)
def distinct_words(starts: Any, tokens: Any, n_words: int, edges: Any) -> Any:
    """The distinct words of the segments ``edges[g, 0] .. edges[g, 1] - 1`` of each group, as Groups' two arrays."""
    seen = np.full(n_words, -1, dtype=np.int64)
    words = np.empty(len(tokens), dtype=np.int32)
    bounds = np.zeros(len(edges) + 1, dtype=np.int64)
    k = 0
    for g in range(len(edges)):
        for p in range(starts[edges[g, 0]], starts[edges[g, 1]]):
            if seen[tokens[p]] != g:
                seen[tokens[p]] = g
                words[k] = tokens[p]
                k += 1
        bounds[g + 1] = k
    return bounds, words[:k].copy()


@njit(cache=True)
def invert(starts: Any, words: Any, n_words: int) -> Any:
    """The groups of each word, as starts and group numbers."""
    bounds = np.zeros(n_words + 1, dtype=np.int64)
    for w in words:
        bounds[w + 1] += 1
    bounds = np.cumsum(bounds)
    at = bounds[:-1].copy()
    groups = np.empty(len(words), dtype=np.int32)
    for g in range(len(starts) - 1):
        for p in range(starts[g], starts[g + 1]):
            groups[at[words[p]]] = g
            at[words[p]] += 1
    return bounds, groups


@njit(cache=True)
def _candidates(found: Any, tgt: Any, given: Any, met: Any, min_beads: int) -> Any:
    """Pairs worth a parameter: given, or met often enough and more often than chance."""
    bounds, groups = found
    n_words, n_groups = len(bounds) - 1, len(tgt.starts) - 1
    count = np.zeros(len(met), dtype=np.int64)
    prior = np.zeros(len(met))
    touched = np.empty(len(met), dtype=np.int64)
    starts = np.zeros(n_words + 1, dtype=np.int64)
    words = np.empty(1024, dtype=np.int32)
    values = np.empty(1024)
    k = 0
    for w in range(n_words):
        n = 0
        for p in range(given.starts[w], given.starts[w + 1]):
            touched[n] = given.words[p]
            prior[given.words[p]] = given.values[p]
            n += 1
        beads = bounds[w + 1] - bounds[w]
        if beads >= min_beads:
            for q in range(bounds[w], bounds[w + 1]):
                for p in range(tgt.starts[groups[q]], tgt.starts[groups[q] + 1]):
                    v = tgt.words[p]
                    if count[v] == 0 and prior[v] == 0.0:
                        touched[n] = v
                        n += 1
                    count[v] += 1
        if k + n > len(words):
            words = np.append(words, np.empty(k + n, dtype=np.int32))
            values = np.append(values, np.empty(k + n))
        for v in touched[:n]:
            if prior[v] > 0.0 or (count[v] >= min_beads and count[v] * n_groups > beads * met[v]):
                words[k] = v
                values[k] = prior[v]
                k += 1
            count[v] = 0
            prior[v] = 0.0
        starts[w + 1] = k
    return starts, words[:k].copy(), values[:k].copy()


@njit(cache=True)
def _maximise(found: Any, src_starts: Any, tgt: Any, rows: Any, frequency: Any, belief: Any, passes: int) -> Any:
    """The entries' probabilities after some passes. Rows are spread over a dense line: no hashing, no pair list."""
    bounds, groups = found
    linked, discount, doubt = belief
    p = np.empty(len(rows.words))
    for w in range(len(bounds) - 1):
        a, z = rows.starts[w], rows.starts[w + 1]
        p[a:z] = (1.0 + rows.values[a:z]) / (z - a + np.sum(rows.values[a:z]) + 1e-9)
    line = np.zeros(len(frequency))
    count = np.zeros(len(frequency))
    explained = np.empty(len(tgt.words))
    for _ in range(passes):
        for k in range(len(tgt.words)):
            explained[k] = (1.0 - linked) * frequency[tgt.words[k]]
        for step in range(2):
            for w in range(len(bounds) - 1):
                a, z = rows.starts[w], rows.starts[w + 1]
                if a == z:
                    continue
                for r in range(a, z):
                    line[rows.words[r]] = p[r]
                    count[rows.words[r]] = 0.0
                for q in range(bounds[w], bounds[w + 1]):
                    g = groups[q]
                    share = linked / (src_starts[g + 1] - src_starts[g])
                    for k in range(tgt.starts[g], tgt.starts[g + 1]):
                        if step == 0:
                            explained[k] += share * line[tgt.words[k]]
                        elif line[tgt.words[k]] > 0.0:
                            count[tgt.words[k]] += share * line[tgt.words[k]] / explained[k]
                total = doubt
                for r in range(a, z):
                    v = rows.words[r]
                    line[v] = 0.0
                    if step == 1:
                        total += count[v] + rows.values[r]
                        p[r] = max(0.0, count[v] - discount) + rows.values[r]
                if step == 1:
                    for r in range(a, z):
                        p[r] /= total
    return p


@njit(cache=True)
def hear(
    x_starts: Any, x_tokens: Any, y_starts: Any, y_tokens: Any, ratios: Any, mass: Any, y_words: int,
    y_first: Any, y_last: Any, first: Any, offset: Any, turned: bool, linked: float, merge: int,
) -> Any:  # fmt: skip
    """How much better than chance do segments x .. x+a-1 explain segment y: nats, shape (merge, cells).

    One word of y is worth ``log(p(word | x's words) / frequency)``, where p mixes the mean of the
    words' rows with plain frequency for all that the rows leave open. Sums over y's words and,
    in the search, over y's segments: so merging costs nothing but a sum.
    """
    n = len(x_starts) - 1
    out = np.zeros((merge, offset[-1]), dtype=np.float32)
    line = np.zeros(y_words)
    touched = np.empty(y_words, dtype=np.int64)
    for x in range(n):
        n_touched = 0
        said = 0.0
        for a in range(min(merge, n - x)):
            for k in range(x_starts[x + a], x_starts[x + a + 1]):
                w = x_tokens[k]
                said += mass[w]
                for r in range(ratios.starts[w], ratios.starts[w + 1]):
                    v = ratios.words[r]
                    if line[v] == 0.0:
                        touched[n_touched] = v
                        n_touched += 1
                    line[v] += ratios.values[r]
            n_tokens = x_starts[x + a + 1] - x_starts[x]
            if said == 0.0:
                continue
            share = linked / n_tokens
            rest = 1.0 - share * said
            floor = np.log(rest)
            for y in range(y_first[x], min(y_last[x], len(y_starts) - 2) + 1):
                gain = 0.0
                for k in range(y_starts[y], y_starts[y + 1]):
                    heard = line[y_tokens[k]]
                    gain += np.log(rest + share * heard) if heard > 0.0 else floor
                if turned:
                    out[a, offset[y] + x - first[y]] = gain
                else:
                    out[a, offset[x] + y - first[x]] = gain
        for k in range(n_touched):
            line[touched[k]] = 0.0
    return out
