"""Tier 1: alignment by lengths and words, without a model.

What a bead's lengths and words say of it: ``tm_align.evidence``. What words translate each other is learned from the
document itself: a first search knows shared words, numbers, marks, shared beginnings and the given lexicon; each
further one knows what the beads before it taught.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tm_align import anchors
from tm_align.banded import (
    Band,
    Evidence,
    Floats,
    Longs,
    Singles,
    bead_gains,
    best_path,
    node_numbers,
    path_gains,
    path_sums,
)
from tm_align.beads import Alignment, Bead, trivial_beads
from tm_align.confidence import Coefficients, bead_confidences, document_confidence, length_oddity
from tm_align.em import Table
from tm_align.evidence import Pair, first_tables, learn_tables, read_pair, weigh
from tm_align.lexicon import Lexicon
from tm_align.witness import witness

TIER: Final = "lexical"

MAX_ROUNDS: Final = 3
"""Times that a lexicon is learned and the search repeated, at the most."""

SETTLED: Final = 0.05
"""Share of changed beads at which no further round is worth its time: on our gold a second one changes nothing."""

TEMPER: Final = 0.5
"""What gains are multiplied by before posteriors are taken: 0.5 tells right from wrong better than 1 and 0.25."""

SURE: Final = Coefficients(
    related=(-1.438, 2.976, 1.784, -9.425, -0.18),
    exact=(1.327, 0.782, -0.398, -1.565, -0.738, 1.217, 0.376),
    beside=(0.501, 0.766, 0.349, -0.913, -0.251),
    null=(0.629, 0.137),
)


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
    pair = read_pair(src, tgt, words, src_paragraphs, tgt_paragraphs)
    found, rounds, cells = _search(pair, MAX_ROUNDS if learn else 0)
    beads, confidence = _scored(pair, found)
    return Alignment(
        beads=tuple(bead.mirrored() for bead in beads) if swap else beads,
        confidence=confidence,
        tier=TIER,
        details={"lexicon": lexicon.sha256 if lexicon else "", "rounds": rounds, "cells": cells},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a search found: rows (i, j, a, b), and what it found them with."""

    steps: Longs
    band: Band
    gains: Singles
    known: Evidence


def _search(pair: Pair, max_rounds: int) -> tuple[_Found, int, int]:
    """Search; learn from what was found and search again, until the beads settle.

    Also the number of rounds, and of the cells of all searches.
    """
    tables = first_tables(pair)
    band = anchors.corridor(anchors.coarse_path(pair.src, pair.tgt, tables[0]), pair.src, pair.tgt)
    found, cells = _search_once(pair, tables, band, None), int(band.offset[-1])
    for rounds in range(1, max_rounds + 1):
        before = found.steps
        tables = learn_tables(pair, before)
        # The learned words may see a course that the first search missed: its anchors widen the band.
        seen = anchors.coarse_path(pair.src, pair.tgt, tables[0])
        course = np.concatenate([before[:, :2], before[:, :2] + before[:, 2:]])
        band = anchors.around(course, seen, pair.src, pair.tgt)
        found, cells = _search_once(pair, tables, band, before), cells + int(band.offset[-1])
        if _share_changed(before, found.steps) <= SETTLED:
            return found, rounds, cells
    return found, max_rounds, cells


def _share_changed(before: Longs, after: Longs) -> float:
    """The share of beads that were not there before."""
    known = set(map(tuple, before.tolist()))
    return sum(tuple(step) not in known for step in after.tolist()) / len(after)


def _search_once(pair: Pair, tables: tuple[Table, Table], band: Band, steps: Longs | None) -> _Found:
    """Search a band; ``steps`` are those of the search before."""
    known = weigh(pair, tables, band, steps)
    gains = bead_gains(band, known)
    known = known._replace(forward=gains[:0], backward=gains[:0])  # a third of the memory, and of no more use
    return _Found(steps=best_path(band, gains, known.null), band=band, gains=gains, known=known)


def _scored(pair: Pair, found: _Found) -> tuple[tuple[Bead, ...], float]:
    """The beads with their confidences, and the document's."""
    steps = found.steps
    gains = path_gains(steps, found.band, found.gains, found.known.null)
    oddity = length_oddity(steps, pair.src.lengths, pair.tgt.lengths)
    heard = witness(pair, steps)
    confidences = bead_confidences(
        steps, _posteriors(found, gains), (heard.words, heard.lengths), oddity, SURE, heard.doubt
    )
    rows = zip(steps.tolist(), confidences.tolist(), (-gains).tolist(), strict=True)
    beads = tuple(Bead((i, i + a), (j, j + b), confidence, cost) for (i, j, a, b), confidence, cost in rows)
    return beads, document_confidence(steps, confidences)


def _posteriors(found: _Found, gains: Floats) -> Floats:
    """The probability of each bead of the path. Cost: one more forward and backward search."""
    steps, band, null = found.steps, found.band, TEMPER * found.known.null
    onward, back = path_sums(band, found.gains, found.known.null, TEMPER)
    is_null = ((steps[:, 2] == 0) | (steps[:, 3] == 0)).astype(np.int64)
    start = node_numbers(band, steps[:, 0], steps[:, 1])
    end = node_numbers(band, steps[:, 0] + steps[:, 2], steps[:, 1] + steps[:, 3])
    # A bead's probability is that of the paths through it, whether or not they came from a null bead.
    linked = np.logaddexp(onward[start, 0], onward[start, 1]) + TEMPER * gains
    alone = np.logaddexp(onward[start, 0] + null[0], onward[start, 1] + null[1])
    through = np.where(is_null == 1, alone, linked) + back[end, is_null]
    return np.asarray(np.exp(np.minimum(through - back[0, 0], 0.0)))
