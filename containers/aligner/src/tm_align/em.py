"""Word translation learned from beads: IBM model 1 by expectation maximisation, on sparse rows.

A *table* holds for each word of one side (x) its likely counterparts of the other (y). Only pairs
that meet in at least two beads, or that were given (a dictionary, a shared spelling), have an
entry: a pair seen once is explained by the alignment that made it meet, and believing it would
lock that alignment in.

Source: Brown et al. 1993 (model 1); Moore 2002 for learning it from a first alignment by length.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tm_align.banded import MERGE, Floats, Longs
from tm_align.tokens import Ints, Side

LINKED: Final = 0.8
"""Share of a word's occurrences that the other side's words explain; the rest is chance. 0.6 to 0.9 give the same."""

DISCOUNT: Final = 0.6
"""Taken off every learned count (beads), so that a pair that met twice weighs less than half of four times."""

DOUBT: Final = 1.0
"""Beads' worth of belief that a word has no counterpart at all."""

PASSES: Final = 3
"""Passes of expectation maximisation. More sharpen the table and change no alignment of our gold."""

MIN_BEADS: Final = 2
"""Beads in which a pair must meet to be learned."""

MAX_BEAD_PAIRS: Final = 40_000
"""Word pairs (200 x 200) above which a bead teaches nothing: they would cost time without end and say little."""


WORDS_A_PRODUCT: Final = 32
"""Words whose odds are multiplied before a logarithm is taken: a word's are at most twice the words of a text."""


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


def frequencies(side: Side) -> Floats:
    """Plain probability of each word, with half an occurrence added."""
    count = np.bincount(side.tokens, minlength=len(side.words)) + 0.5
    return np.asarray(count / count.sum())


def runs(starts: Longs, lengths: Longs) -> Longs:
    """Runs of segments as half-open ranges, shape (k, 2)."""
    return np.stack([starts, starts + lengths], axis=1)


def by_segment(side: Side) -> Groups:
    """The distinct words of each segment."""
    return by_run(side, runs(np.arange(len(side)), np.ones(len(side), dtype=np.int64)))


def by_run(side: Side, edges: Longs) -> Groups:
    """The distinct words of each run of segments, ``edges`` of shape (k, 2)."""
    return Groups(*distinct_words(side.starts, side.tokens, len(side.words), edges))


def learn_both(src: Side, tgt: Side, src_runs: Longs, tgt_runs: Longs, given: Table) -> tuple[Table, Table]:
    """p(target word | source word) and the reverse, from runs of segments that are aligned one to one.

    Args:
        src: the source side.
        tgt: the target side.
        src_runs: the source segments of each bead, half-open, shape (beads, 2).
        tgt_runs: the same for the target.
        given: what is believed beforehand of source words, in beads' worth of counts.
    """
    small = n_tokens(src, src_runs) * n_tokens(tgt, tgt_runs) <= MAX_BEAD_PAIRS
    src_groups, tgt_groups = by_run(src, src_runs[small]), by_run(tgt, tgt_runs[small])
    return (
        learn(src_groups, tgt_groups, given, frequencies(tgt)),
        learn(tgt_groups, src_groups, transposed(given, len(tgt.words)), frequencies(src)),
    )


def n_tokens(side: Side, edges: Longs) -> Longs:
    """Words of each run of segments, repeats included."""
    return np.asarray(side.starts[edges[:, 1]] - side.starts[edges[:, 0]])


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
            words = _longer(words, k + n)
            values = _longer(values, k + n)
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
def _longer(array: Any, more: int) -> Any:
    out = np.empty(len(array) + more, dtype=array.dtype)
    for k in range(len(array)):
        out[k] = array[k]
    return out


@njit(cache=True)
def _maximise(found: Any, src_starts: Any, tgt: Any, rows: Any, frequency: Any, belief: Any, passes: int) -> Any:
    """The entries' probabilities after some passes. Rows are spread over a dense line: no hashing, no pair list."""
    linked, discount, doubt = belief
    p = np.empty(len(rows.words))
    for w in range(len(rows.starts) - 1):
        a, z = rows.starts[w], rows.starts[w + 1]
        total = 0.0
        for r in range(a, z):
            total += 1.0 + rows.values[r]
        for r in range(a, z):
            p[r] = (1.0 + rows.values[r]) / total
    explained = np.empty(len(tgt.words))
    count = np.zeros(0)
    for _ in range(passes):
        for k in range(len(tgt.words)):
            explained[k] = (1.0 - linked) * frequency[tgt.words[k]]
        for counting in (False, True):
            count = _meet(found, src_starts, tgt, rows, p, linked, explained, frequency, counting)
        for w in range(len(rows.starts) - 1):
            a, z = rows.starts[w], rows.starts[w + 1]
            total = doubt
            for r in range(a, z):
                total += count[r] + rows.values[r]
            for r in range(a, z):
                p[r] = (max(0.0, count[r] - discount) + rows.values[r]) / total
    return p


@njit(cache=True)
def _meet(
    found: Any, src_starts: Any, tgt: Any, rows: Any, p: Any, linked: float, explained: Any, frequency: Any,
    counting: bool,
) -> Any:  # fmt: skip
    """Go through all meetings of a row's word with target words: add to what explains those, or count the shares."""
    bounds, groups = found
    line = np.zeros(len(frequency))
    share = np.zeros(len(frequency))
    count = np.zeros(len(p))
    for w in range(len(bounds) - 1):
        a, z = rows.starts[w], rows.starts[w + 1]
        for r in range(a, z):
            line[rows.words[r]] = p[r]
        for q in range(bounds[w], bounds[w + 1] if a < z else bounds[w]):
            g = groups[q]
            scale = linked / (src_starts[g + 1] - src_starts[g])
            for k in range(tgt.starts[g], tgt.starts[g + 1]):
                v = tgt.words[k]
                if counting:
                    share[v] += scale * line[v] / explained[k]
                else:
                    explained[k] += scale * line[v]
        for r in range(a, z):
            count[r] = share[rows.words[r]]
            line[rows.words[r]] = 0.0
        if counting:
            for q in range(bounds[w], bounds[w + 1] if a < z else bounds[w]):
                for k in range(tgt.starts[groups[q]], tgt.starts[groups[q] + 1]):
                    share[tgt.words[k]] = 0.0
    return count


@njit(cache=True)
def hear(
    x_starts: Any, x_tokens: Any, y_starts: Any, y_tokens: Any, ratios: Any, mass: Any, y_words: int,
    y_first: Any, y_last: Any, first: Any, offset: Any, turned: bool, linked: float,
) -> Any:  # fmt: skip
    """How much better than chance do segments x .. x+a-1 explain segment y: nats, shape (MERGE, cells).

    One word of y is worth ``log(p(word | x's words) / frequency)``, where p mixes the mean of the
    words' rows with plain frequency for all that the rows leave open. Sums over y's words and,
    in the search, over y's segments: so merging costs nothing but a sum.
    """
    n = len(x_starts) - 1
    out = np.zeros((MERGE, offset[-1]), dtype=np.float32)
    # What a word is worth to each of the segments from x on, side by side: one load from memory serves all runs, and
    # a segment is written once, when it comes near.
    line = np.zeros((y_words, MERGE), dtype=np.float32)
    said = np.zeros(n + MERGE)
    for x in range(1 - MERGE, n):
        new = x + MERGE - 1
        if new < n:
            said[new] = _write(line, new % MERGE, x_tokens[x_starts[new] : x_starts[new + 1]], ratios, mass)
        if x < 0:
            continue
        runs = min(MERGE, n - x)
        s0, r0 = _shares(x_starts, said, x, 1, linked)
        s1, r1 = _shares(x_starts, said, x, min(2, runs), linked)
        s2, r2 = _shares(x_starts, said, x, min(3, runs), linked)
        s3, r3 = _shares(x_starts, said, x, runs, linked)
        k0, k1, k2, k3 = x % MERGE, (x + 1) % MERGE, (x + 2) % MERGE, (x + 3) % MERGE
        for y in range(y_first[x], min(y_last[x], len(y_starts) - 2) + 1):
            cell = offset[y] + x - first[y] if turned else offset[x] + y - first[x]
            for begin in range(y_starts[y], y_starts[y + 1], WORDS_A_PRODUCT):
                p0 = p1 = p2 = p3 = 1.0
                for p in range(begin, min(begin + WORDS_A_PRODUCT, y_starts[y + 1])):
                    w = y_tokens[p]
                    value = np.float64(line[w, k0])
                    p0 *= r0 + s0 * value
                    value += line[w, k1]
                    p1 *= r1 + s1 * value
                    value += line[w, k2]
                    p2 *= r2 + s2 * value
                    value += line[w, k3]
                    p3 *= r3 + s3 * value
                out[0, cell] += np.log(p0)
                out[1, cell] += np.log(p1)
                out[2, cell] += np.log(p2)
                out[3, cell] += np.log(p3)
        _wipe(line, k0, x_tokens[x_starts[x] : x_starts[x + 1]], ratios)
    return out


@njit(cache=True)
def _shares(x_starts: Any, said: Any, x: int, runs: int, linked: float) -> Any:
    """What one of a run's words counts, and what all of them leave to chance."""
    share = linked / max(x_starts[x + runs] - x_starts[x], 1)
    return share, 1.0 - share * said[x : x + runs].sum()


@njit(cache=True)
def _write(line: Any, at: int, words: Any, ratios: Any, mass: Any) -> float:
    """Add what one segment's words say to its column, and return how much they say in all."""
    said = 0.0
    for w in words:
        said += mass[w]
        for r in range(ratios.starts[w], ratios.starts[w + 1]):
            line[ratios.words[r], at] += np.float32(ratios.values[r])
    return said


@njit(cache=True)
def _wipe(line: Any, at: int, words: Any, ratios: Any) -> None:
    for w in words:
        for r in range(ratios.starts[w], ratios.starts[w + 1]):
            line[ratios.words[r], at] = np.float32(0.0)


class OverChance(NamedTuple):
    """What words of x say of words of y, beside how frequent those are."""

    ratios: Table
    mass: Floats
    """What each row of the table sums up to."""


def over_chance(x: Side, y: Side, table: Table) -> OverChance:
    """Divide p(word of y | word of x) by the plain frequency of the word of y."""
    mass = np.bincount(row_numbers(table), weights=table.values, minlength=len(x.words))
    ratios = Table(table.starts, table.words, table.values / frequencies(y)[table.words])
    return OverChance(ratios, np.asarray(mass, np.float64))


def explain(x: Side, y: Side, table: OverChance, x_runs: Longs, y_runs: Longs, linked: float) -> tuple[Floats, Floats]:
    """How much better than chance each run of x explains the run of y beside it.

    Args:
        x: the side that explains.
        y: the side that is explained.
        table: of :func:`over_chance`.
        x_runs: half-open ranges of segments, shape (k, 2).
        y_runs: as many ranges of y.
        linked: share of a word that its counterparts explain.

    Returns:
        Nats of each run, as :func:`hear` has them, and those of its weakest segment over the root of its words: a word
        that two segments of the run have says nothing of either.
    """
    found: tuple[Floats, Floats] = _explain(
        x.starts, x.tokens, y.starts, y.tokens, table.ratios, table.mass, len(y.words), x_runs, y_runs, linked
    )
    return found


@njit(cache=True)
def _explain(
    x_starts: Any, x_tokens: Any, y_starts: Any, y_tokens: Any, ratios: Any, mass: Any, y_words: int,
    x_runs: Any, y_runs: Any, linked: float,
) -> Any:  # fmt: skip
    total = np.zeros(len(x_runs))
    weakest = np.zeros(len(x_runs))
    line = np.zeros((y_words, 1), dtype=np.float32)
    holder = np.full(y_words, -1, dtype=np.int64)
    own = np.empty((y_starts[1:] - y_starts[:-1]).max() if len(y_starts) > 1 else 0, dtype=np.int32)
    for k in range(len(x_runs)):
        words = x_tokens[x_starts[x_runs[k, 0]] : x_starts[x_runs[k, 1]]]
        said = _write(line, 0, words, ratios, mass)
        share = linked / max(len(words), 1)
        rest = 1.0 - share * said
        _find_holders(holder, y_starts, y_tokens, y_runs[k, 0], y_runs[k, 1])
        for y in range(y_runs[k, 0], y_runs[k, 1]):
            heard = y_tokens[y_starts[y] : y_starts[y + 1]]
            total[k] += _log_odds(line, heard, share, rest)
            count = 0
            for w in heard:
                if holder[w] == y:
                    own[count] = w
                    count += 1
            nats = _log_odds(line, own[:count], share, rest) / math.sqrt(max(count, 1))
            if y == y_runs[k, 0] or nats < weakest[k]:
                weakest[k] = nats
        _wipe(line, 0, words, ratios)
    return total, weakest


@njit(cache=True)
def _find_holders(holder: Any, starts: Any, tokens: Any, first: int, end: int) -> None:
    """Write for each word of some segments which of them has it; -2 where several have it."""
    for y in range(first, end):
        for w in tokens[starts[y] : starts[y + 1]]:
            holder[w] = -1
    for y in range(first, end):
        for w in tokens[starts[y] : starts[y + 1]]:
            holder[w] = y if holder[w] in (-1, y) else -2


@njit(cache=True)
def _log_odds(line: Any, words: Any, share: float, rest: float) -> float:
    """Sum of the words' log odds, with one logarithm for all that a double can hold the product of."""
    total = 0.0
    for begin in range(0, len(words), WORDS_A_PRODUCT):
        odds = 1.0
        for w in words[begin : begin + WORDS_A_PRODUCT]:
            odds *= rest + share * line[w, 0]
        total += np.log(odds)
    return float(total)
