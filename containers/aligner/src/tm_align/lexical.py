"""Tier 1: alignment by lengths and words, without a model.

A bead's gain is its log-odds against chance: that its lengths fit, that its words translate each
other (both directions, halved), and that beads of its shape occur. What words translate each
other is learned from the document itself: a first search knows shared words, numbers, marks,
shared beginnings and the given lexicon; each further one knows what the beads before it taught.

Source: lengths after Gale & Church 1993; words after Moore 2002 and Varga et al. 2005 (hunalign).
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tm_align import anchors, em
from tm_align.banded import (
    MERGE,
    Band,
    Evidence,
    Floats,
    Longs,
    Singles,
    bead_gains,
    best_path,
    path_gains,
    transposed_bounds,
)
from tm_align.beads import Alignment, Bead, trivial_beads
from tm_align.confidence import bead_confidences, document_confidence
from tm_align.em import Table
from tm_align.lexicon import Lexicon
from tm_align.tokens import Side, fold, read_side
from tm_core.errors import AlignmentInputError

TIER: Final = "lexical"

MAX_ROUNDS: Final = 3
"""Times that a lexicon is learned and the search repeated, at the most."""

SETTLED: Final = 0.05
"""Share of changed beads at which no further round is worth its time: on our gold a second one changes nothing."""

SHARED_WORD: Final = 1.0
SHARED_BEGINNING: Final = 0.4
BEGINNING: Final = 4
"""A word that is the same on both sides weighs 1; one that shares its first 4 letters, accents aside, 0.4."""

GIVEN_BEADS: Final = 0.5
"""Beads' worth of learning that a given word pair of weight 1 counts for. Not calibrated: 0.25 to 1 give the same."""

EVIDENCE_SHARE: Final = 0.6
"""Share of a word that its counterparts explain when beads are weighed. 0.3 to 0.9 differ by two points."""

LENGTH_SPREAD: Final = 0.015
LENGTH_SPREAD_PER_CHARACTER: Final = 2.5
"""Variance of the log length ratio: a constant, and what a bead's characters divide. Gale & Church: 0 and 6.8."""

MORE_NULLS: Final = -2.0
"""Gain of a null bead after a null bead: what is missing is often missing at a stretch. -1.2 costs short texts."""

FAR_APART: Final = 0.4
"""Difference of two log length ratios (a factor of 1.5) at which one of them must be wrong."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A document pair as numbers."""

    src: Side
    tgt: Side
    given: Table
    src_opens: Longs
    tgt_opens: Longs


def align_lexical(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    src_lang: str,
    tgt_lang: str,
    lexicon: Lexicon | None = None,
    src_paragraphs: Sequence[int] | None = None,
    tgt_paragraphs: Sequence[int] | None = None,
    learn: bool = True,
) -> Alignment:
    """Align two texts by lengths and words.

    Args:
        src: source segments; blank ones are allowed.
        tgt: target segments.
        src_lang: language code of the source; with ``tgt_lang`` it must fit the lexicon.
        tgt_lang: language code of the target.
        lexicon: word pairs known beforehand, in either direction.
        src_paragraphs: each source segment's paragraph number, a hint; used when both sides have one.
        tgt_paragraphs: each target segment's paragraph number.
        learn: learn words from the document and search again.

    Returns:
        Beads of up to 4:4 and nulls. Swapped sides give the same beads, mirrored, to the bit.

    Raises:
        AlignmentInputError: the lexicon is of other languages, or paragraph numbers are missing.

    Cost: linear in segments, time and memory, while anchors or lengths keep the band narrow.
    """
    if (beads := trivial_beads(src, tgt)) is not None:
        return Alignment(beads=beads, confidence=0.0 if beads else 1.0, tier=TIER)
    words = lexicon.turned(src_lang, tgt_lang) if lexicon else None
    # One order of sides for both directions: sums of floats, and so ties, come out alike.
    swap = (tgt_lang, list(tgt)) < (src_lang, list(src))
    if swap:
        src, tgt, src_paragraphs, tgt_paragraphs = tgt, src, tgt_paragraphs, src_paragraphs
        words = words.mirrored() if words else None
    pair = _read_pair(src, tgt, words, src_paragraphs, tgt_paragraphs)
    found, rounds = _search(pair, MAX_ROUNDS if learn else 0)
    beads, confidence = _scored(pair, found)
    return Alignment(
        beads=tuple(bead.mirrored() for bead in beads) if swap else beads,
        confidence=confidence,
        tier=TIER,
        details={"lexicon": lexicon.sha256 if lexicon else "", "rounds": rounds},
    )


def _read_pair(
    src: Sequence[str],
    tgt: Sequence[str],
    lexicon: Lexicon | None,
    src_paragraphs: Sequence[int] | None,
    tgt_paragraphs: Sequence[int] | None,
) -> _Pair:
    src_side, tgt_side = read_side(src), read_side(tgt)
    _check_paragraphs(src, src_paragraphs, "source")
    _check_paragraphs(tgt, tgt_paragraphs, "target")
    hinted = src_paragraphs is not None and tgt_paragraphs is not None
    return _Pair(
        src=src_side,
        tgt=tgt_side,
        given=_given(src_side, tgt_side, lexicon),
        src_opens=_openings(src_paragraphs if hinted else None, len(src)),
        tgt_opens=_openings(tgt_paragraphs if hinted else None, len(tgt)),
    )


def _check_paragraphs(segments: Sequence[str], paragraphs: Sequence[int] | None, side: str) -> None:
    if paragraphs is not None and len(paragraphs) != len(segments):
        raise AlignmentInputError(
            f"{side} paragraphs: expected a number for each of {len(segments):,} segments, found {len(paragraphs):,}. "
            "Most likely they belong to another document. Nothing has been aligned."
        )


def _openings(paragraphs: Sequence[int] | None, n: int) -> Longs:
    opens = np.zeros(n + 1, dtype=np.int64)
    if paragraphs is not None:
        numbers = np.asarray(paragraphs)
        opens[:n] = np.diff(numbers, prepend=numbers[0] - 1) != 0
    return opens


def _given(src: Side, tgt: Side, lexicon: Lexicon | None) -> Table:
    """Word pairs believed before anything is learned."""
    src_number = {word: k for k, word in enumerate(src.words)}
    tgt_number = {word: k for k, word in enumerate(tgt.words)}
    weights = {(src_number[x], tgt_number[y]): weight for (x, y), weight in alike_words(src, tgt)}
    if lexicon is not None:
        for k, word in enumerate(src.words):
            for counterpart, weight in lexicon.rows.get(word, ()):
                if counterpart in tgt_number:
                    at = (k, tgt_number[counterpart])
                    weights[at] = max(weight, weights.get(at, 0.0))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a search found: rows (i, j, a, b), and what it found them with."""

    steps: Longs
    band: Band
    gains: Singles
    known: Evidence


def _search(pair: _Pair, max_rounds: int) -> tuple[_Found, int]:
    """Search; learn from what was found and search again, until the beads settle. Also the number of rounds."""
    tables = _first_tables(pair)
    band = anchors.corridor(anchors.coarse_path(pair.src, pair.tgt, tables[0]), pair.src, pair.tgt)
    found = _search_once(pair, tables, band, None)
    for rounds in range(1, max_rounds + 1):
        before = found.steps
        tables = _learn(pair, before)
        # The learned words may see a course that the first search missed: its anchors widen the band.
        seen = anchors.coarse_path(pair.src, pair.tgt, tables[0])
        band = anchors.around(np.concatenate([before[:, :2], before[:, :2] + before[:, 2:], seen]), pair.src, pair.tgt)
        found = _search_once(pair, tables, band, before)
        if _share_changed(before, found.steps) <= SETTLED:
            return found, rounds
    return found, max_rounds


def _share_changed(before: Longs, after: Longs) -> float:
    """The share of beads that were not there before."""
    known = set(map(tuple, before.tolist()))
    return sum(tuple(step) not in known for step in after.tolist()) / len(after)


def _search_once(pair: _Pair, tables: tuple[Table, Table], band: Band, steps: Longs | None) -> _Found:
    """Search a band; ``steps`` are those of the search before."""
    known = _weigh(pair, tables, band, steps)
    gains = bead_gains(band, known)
    known = known._replace(forward=gains[:0], backward=gains[:0])  # a third of the memory, and of no more use
    return _Found(steps=best_path(band, gains, known.null), band=band, gains=gains, known=known)


def _scored(pair: _Pair, found: _Found) -> tuple[tuple[Bead, ...], float]:
    """The beads with their confidences, and the document's."""
    steps = found.steps
    src_words = em.n_tokens(pair.src, em.runs(steps[:, 0], steps[:, 2]))
    tgt_words = em.n_tokens(pair.tgt, em.runs(steps[:, 1], steps[:, 3]))
    confidences = bead_confidences(steps, found.band, found.gains, found.known, src_words + tgt_words)
    costs = -path_gains(steps, found.band, found.gains, found.known.null)
    rows = zip(steps.tolist(), confidences.tolist(), costs.tolist(), strict=True)
    beads = tuple(Bead((i, i + a), (j, j + b), confidence, cost) for (i, j, a, b), confidence, cost in rows)
    return beads, document_confidence(steps, confidences)


def _first_tables(pair: _Pair) -> tuple[Table, Table]:
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


def _learn(pair: _Pair, steps: Longs) -> tuple[Table, Table]:
    """Tables learned from the beads of a search, with the given pairs as prior belief."""
    linked = steps[(steps[:, 2] > 0) & (steps[:, 3] > 0)]
    given = Table(pair.given.starts, pair.given.words, GIVEN_BEADS * pair.given.values)
    return em.learn_both(
        pair.src, pair.tgt, em.runs(linked[:, 0], linked[:, 2]), em.runs(linked[:, 1], linked[:, 3]), given
    )


def _weigh(pair: _Pair, tables: tuple[Table, Table], band: Band, steps: Longs | None) -> Evidence:
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
        ratio=_length_ratio(pair),
        spread=LENGTH_SPREAD,
        spread_per_character=LENGTH_SPREAD_PER_CHARACTER,
        chance_spread=max(float(np.var(src_size[0]) + np.var(tgt_size[0])), 0.3),
        src_opens=pair.src_opens,
        tgt_opens=pair.tgt_opens,
        opening=_opening_gains(pair, steps),
        crossing=CROSSING,
    )


def _hear(x: Side, y: Side, table: Table, y_bounds: tuple[Longs, Longs], band: Band, *, turned: bool) -> Singles:
    frequency = em.frequencies(y)
    ratios = Table(table.starts, table.words, table.values / frequency[table.words])
    mass = np.bincount(em.row_numbers(table), weights=table.values, minlength=len(x.words))
    heard: Singles = em.hear(
        x.starts, x.tokens, y.starts, y.tokens, ratios, mass, len(y.words),
        *y_bounds, band.first, band.offset, turned, EVIDENCE_SHARE, MERGE,
    )  # fmt: skip
    return heard


def _length_ratio(pair: _Pair) -> float:
    """Log of target over source length: of the whole texts, or of their median segments.

    A text that lacks a chapter spoils the first, one that is cut finer the second; where they are far apart, the one
    nearer to 0 is believed.
    """
    whole = math.log((pair.tgt.lengths.sum() + 1.0) / (pair.src.lengths.sum() + 1.0))
    median = math.log((np.median(pair.tgt.lengths) + 1.0) / (np.median(pair.src.lengths) + 1.0))
    return min(whole, median, key=abs) if abs(whole - median) > FAR_APART else whole


def _sizes(side: Side) -> Floats:
    """log(characters + 1) of each run of 1 to MERGE segments, shape (MERGE, n); runs past the end are cut there."""
    n = len(side)
    ends = np.minimum(np.arange(n) + np.arange(1, MERGE + 1)[:, None], n)
    return np.asarray(np.log(side.places[ends] - side.places[:n] + 1.0))


def _opening_gains(pair: _Pair, steps: Longs | None) -> Floats:
    """Gain by whether both, one or no segment opens a paragraph: how often beads have it so, against chance."""
    if steps is None:
        return np.zeros((2, 2))
    linked = steps[(steps[:, 2] > 0) & (steps[:, 3] > 0)]
    seen = np.ones((2, 2))
    np.add.at(seen, (pair.src_opens[linked[:, 0]], pair.tgt_opens[linked[:, 1]]), 1.0)
    share = seen / seen.sum()
    return np.asarray(np.log(share / np.outer(share.sum(axis=1), share.sum(axis=0))))
