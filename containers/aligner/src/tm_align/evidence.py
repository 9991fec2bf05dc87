"""What lengths and words say about every bead of a band, in nats: log-odds against chance.

A bead's gain is that its lengths fit, that its words translate each other (both directions, halved), and that beads of
its shape occur.

Source: lengths after Gale & Church 1993; words after Moore 2002 and Varga et al. 2005 (hunalign).
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tm_align import em
from tm_align.banded import (
    MERGE,
    Band,
    Evidence,
    Floats,
    Longs,
    Singles,
    bead_gains,
    transposed_bounds,
)
from tm_align.em import Table
from tm_align.lengths import LENGTH_SPREAD, LENGTH_SPREAD_PER_CHARACTER, chance_spread, length_ratio
from tm_align.lexicon import Lexicon
from tm_align.tokens import Side, fold, read_side
from tm_core.errors import AlignmentInputError

SHARED_WORD: Final = 1.0
SHARED_BEGINNING: Final = 0.4
BEGINNING: Final = 4
"""A word that is the same on both sides weighs 1; one that shares its first 4 letters, accents aside, 0.4."""

GIVEN_BEADS: Final = 0.5
"""Beads' worth of learning that a given word pair of weight 1 counts for. Not calibrated: 0.25 to 1 give the same."""

EVIDENCE_SHARE: Final = 0.6
"""Share of a word that its counterparts explain when beads are weighed. 0.3 to 0.9 differ by two points."""

MORE_NULLS: Final = -1.8
"""Gain of a null bead after a null bead: what is missing is often missing at a stretch. -1.2 costs short texts."""

RATIO_BEADS: Final = 5.0
"""Beads' worth of belief in the length ratio of the whole texts."""

LEAST_WORDS: Final = -4.0
"""Nats below which the words of a bead cannot speak against it."""

SHAPES: Final = {
    (1, 1): 0.80, (0, 1): 0.02, (1, 2): 0.06, (1, 3): 0.008, (1, 4): 0.002, (2, 2): 0.01, (2, 3): 0.002, (2, 4): 0.0005,
    (3, 3): 0.0007, (3, 4): 0.0003, (4, 4): 0.0002,
}  # fmt: skip
"""How often beads of a shape occur before a document has shown its own: Gale & Church 1993, thinned out to 4:4."""

SHAPE_BEADS: Final = 40.0
"""Beads' worth of belief in SHAPES beside the document's own counts."""

CROSSING: Final = -3.0
"""Gain of a bead for each paragraph border inside. Not calibrated."""

_MARK: Final = re.compile(r"\s*(?:</?[^\W\d][\w:-]*(?:\s+[\w:-]+=[^<>]*|\s*/)?>|([*#~=_-])(?:\s*\1){2,})\s*")
"""A segment that is only a mark between paragraphs, such as ``<p>``, ``* * *`` or ``---``: no part of any sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A document pair as numbers."""

    src: Side
    tgt: Side
    given: Table
    src_opens: Longs
    tgt_opens: Longs


def read_pair(
    src: Sequence[str],
    tgt: Sequence[str],
    lexicon: Lexicon | None,
    src_paragraphs: Sequence[int] | None,
    tgt_paragraphs: Sequence[int] | None,
) -> Pair:
    src_side, tgt_side = read_side(src), read_side(tgt)
    _check_paragraphs(src, src_paragraphs, "source")
    _check_paragraphs(tgt, tgt_paragraphs, "target")
    hinted = src_paragraphs is not None and tgt_paragraphs is not None
    return Pair(
        src=src_side,
        tgt=tgt_side,
        given=_given(src_side, tgt_side, lexicon),
        src_opens=_openings(src, src_paragraphs if hinted else None),
        tgt_opens=_openings(tgt, tgt_paragraphs if hinted else None),
    )


def _check_paragraphs(segments: Sequence[str], paragraphs: Sequence[int] | None, side: str) -> None:
    if paragraphs is not None and len(paragraphs) != len(segments):
        raise AlignmentInputError(
            f"{side} paragraphs: expected a number for each of {len(segments):,} segments, found {len(paragraphs):,}. "
            "Most likely they belong to another document. Nothing has been aligned."
        )


def _openings(segments: Sequence[str], paragraphs: Sequence[int] | None) -> Longs:
    """Flag the segments that open a paragraph. A mark between paragraphs is a paragraph of its own."""
    n = len(segments)
    opens = np.zeros(n + 1, dtype=np.int64)
    if paragraphs is not None:
        numbers = np.asarray(paragraphs)
        opens[:n] = np.diff(numbers, prepend=numbers[0] - 1) != 0
    marks = np.array([_MARK.fullmatch(segment) is not None for segment in segments], dtype=bool)
    opens[:n][marks] = 1
    opens[1:][marks] = 1
    return opens


def _given(src: Side, tgt: Side, lexicon: Lexicon | None) -> Table:
    """Word pairs believed before anything is learned."""
    src_number = {word: k for k, word in enumerate(src.words)}
    tgt_number = {word: k for k, word in enumerate(tgt.words)}
    weights = {(src_number[x], tgt_number[y]): weight for (x, y), weight in alike_words(src, tgt)}
    if lexicon is not None:
        for k, word in enumerate(src.words):
            counterparts = lexicon.rows.get(word, {})
            # As long as the shorter of the two: a dictionary has 20,000 counterparts of "the".
            for counterpart in counterparts.keys() & tgt_number.keys():
                at = (k, tgt_number[counterpart])
                weights[at] = max(counterparts[counterpart], weights.get(at, 0.0))
    pairs = np.array(list(weights), dtype=np.int32).reshape(-1, 2)
    return em.make_table(len(src.words), pairs[:, 0], pairs[:, 1], np.array(list(weights.values())))


def alike_words(src: Side, tgt: Side) -> Iterator[tuple[tuple[str, str], float]]:
    """Word pairs that look alike, weighted; a pair that is the same comes after all that only begin so."""
    by_beginning: defaultdict[str, list[str]] = defaultdict(list)
    for word, beginning in _beginnings(tgt):
        by_beginning[beginning].append(word)
    for word, beginning in _beginnings(src):
        for counterpart in by_beginning.get(beginning, ()):
            yield (word, counterpart), SHARED_BEGINNING
    known = set(tgt.words)
    yield from (((word, word), SHARED_WORD) for word in src.words if word in known)


def _beginnings(side: Side) -> Iterator[tuple[str, str]]:
    for word in side.words:
        if len(word) >= BEGINNING and word.isalpha():
            folded = word if word.isascii() else fold(word)
            if len(folded) >= BEGINNING:
                yield word, folded[:BEGINNING]


def word_gains(pair: Pair, steps: Longs, band: Band) -> tuple[Singles, Floats]:
    """The gain of every bead of a band, shape (nodes, MERGE * MERGE), and those of null beads.

    Args:
        pair: the texts.
        steps: rows (i, j, a, b): beads that are believed, to learn words and shapes from.
        band: where.

    Cost: linear in words and nodes; 64 bytes a node, and as much again while it works.
    """
    small = steps[(steps[:, 2] <= MERGE) & (steps[:, 3] <= MERGE)]
    known = weigh(pair, learn_tables(pair, small), band, small)
    return bead_gains(band, known), known.null


def first_tables(pair: Pair) -> tuple[Table, Table]:
    """Forward and backward probabilities from the given pairs alone."""
    forward, backward = pair.given, em.transposed(pair.given, len(pair.tgt.words))
    return _normalised(forward), _normalised(backward)


def _normalised(table: Table) -> Table:
    rows = em.row_numbers(table)
    total = np.bincount(rows, weights=table.values, minlength=len(table.starts) - 1)
    return Table(table.starts, table.words, table.values / (total[rows] + em.DOUBT))


def _shape_gains(steps: Longs | None) -> Floats:
    """Log of how often beads have a shape, shape (MERGE + 1, MERGE + 1): SHAPES, and the beads of the last search."""
    counts = np.zeros((MERGE + 1, MERGE + 1))
    for (a, b), share in SHAPES.items():
        counts[a, b] = counts[b, a] = share
    counts *= SHAPE_BEADS / counts.sum()
    if steps is not None:
        np.add.at(counts, (steps[:, 2], steps[:, 3]), 1.0)
    counts[0, 1] = counts[1, 0] = 0.5 * (counts[0, 1] + counts[1, 0])
    return np.asarray(np.log(np.maximum(counts, 1e-300) / counts.sum()))


def learn_tables(pair: Pair, steps: Longs) -> tuple[Table, Table]:
    """Tables learned from the beads of a search, with the given pairs as prior belief."""
    linked = steps[(steps[:, 2] > 0) & (steps[:, 3] > 0)]
    given = Table(pair.given.starts, pair.given.words, GIVEN_BEADS * pair.given.values)
    return em.learn_both(
        pair.src, pair.tgt, em.runs(linked[:, 0], linked[:, 2]), em.runs(linked[:, 1], linked[:, 3]), given
    )


def weigh(pair: Pair, tables: tuple[Table, Table], band: Band, steps: Longs | None) -> Evidence:
    shapes = _shape_gains(steps)
    src_size, tgt_size = _sizes(pair.src), _sizes(pair.tgt)
    above, below = transposed_bounds(band, len(pair.tgt))
    return Evidence(
        forward=_hear(pair.src, pair.tgt, tables[0], (band.first, band.last), band, turned=False),
        backward=_hear(pair.tgt, pair.src, tables[1], (above, below), band, turned=True),
        least_words=LEAST_WORDS,
        src_size=src_size,
        tgt_size=tgt_size,
        src_shortness=np.exp(-0.5 * src_size),
        tgt_shortness=np.exp(-0.5 * tgt_size),
        shapes=shapes,
        null=np.array([shapes[0, 1], MORE_NULLS]),
        ratio=expected_ratio(pair, steps),
        spread=LENGTH_SPREAD,
        spread_per_character=LENGTH_SPREAD_PER_CHARACTER,
        chance_spread=chance_spread(src_size[0], tgt_size[0]),
        src_opens=pair.src_opens,
        tgt_opens=pair.tgt_opens,
        opening=_opening_gains(pair, steps),
        crossing=CROSSING,
    )


def _hear(x: Side, y: Side, table: Table, y_bounds: tuple[Longs, Longs], band: Band, *, turned: bool) -> Singles:
    ratios, mass = em.over_chance(x, y, table)
    heard: Singles = em.hear(
        x.starts, x.tokens, y.starts, y.tokens, ratios, mass, len(y.words),
        *y_bounds, band.first, band.offset, turned, EVIDENCE_SHARE,
    )  # fmt: skip
    return heard


def expected_ratio(pair: Pair, steps: Longs | None) -> float:
    """Log of target over source length, of beads that are believed: so nothing counts that is missing.

    Before there are any, of the whole texts.
    """
    first = length_ratio(pair.src.lengths, pair.tgt.lengths)
    if steps is None:
        return first
    linked = steps[(steps[:, 2] > 0) & (steps[:, 3] > 0)]
    src, tgt = (
        float((side.places[linked[:, at] + linked[:, at + 2]] - side.places[linked[:, at]]).sum())
        for side, at in ((pair.src, 0), (pair.tgt, 1))
    )
    found = math.log((tgt + 1.0) / (src + 1.0))
    return (RATIO_BEADS * first + len(linked) * found) / (RATIO_BEADS + len(linked))


def _sizes(side: Side) -> Floats:
    """log(letters + 1) of each run of 1 to MERGE segments, shape (MERGE, n); runs past the end are cut there."""
    n = len(side)
    ends = np.minimum(np.arange(n) + np.arange(1, MERGE + 1)[:, None], n)
    return np.asarray(np.log(side.places[ends] - side.places[:n] + 1.0))


def _opening_gains(pair: Pair, steps: Longs | None) -> Floats:
    """Gain by whether both, one or no segment opens a paragraph: how often beads have it so, against chance."""
    if steps is None:
        return np.zeros((2, 2))
    linked = steps[(steps[:, 2] > 0) & (steps[:, 3] > 0)]
    seen = np.ones((2, 2))
    np.add.at(seen, (pair.src_opens[linked[:, 0]], pair.tgt_opens[linked[:, 1]]), 1.0)
    share = seen / seen.sum()
    return np.asarray(np.log(share / np.outer(share.sum(axis=1), share.sum(axis=0))))
