"""Tier 2: alignment by the similarity of sentence vectors.

After Vecalign (Thompson & Koehn 2019): runs of segments are encoded as one text each, cosines are judged against what
is usual, and the search goes from coarse to fine, so that time and memory grow linearly. After Bertalign (Liu & Zhu
2023): a bead's cosine counts above that of its neighbours, weighted by how well the lengths agree.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tm_align.banded import MERGE, bead_posteriors
from tm_align.banded import Band as WordBand
from tm_align.beads import Alignment, Bead, trivial_beads
from tm_align.blanks import visible, with_blanks, without_blanks
from tm_align.confidence import Coefficients, bead_confidences, document_confidence, length_oddity
from tm_align.encode import Encoder
from tm_align.evidence import Pair, read_pair, word_gains
from tm_align.kernels import F64, I16, I64, UNIT, mean_cosines
from tm_align.lattice import (
    NO_ROWS,
    Lattice,
    SearchSettings,
    Side,
    best_path,
    check_sides,
    linked_steps,
    make_lattice,
    values_at,
)
from tm_align.lexicon import Lexicon
from tm_align.overlap import longest_run
from tm_align.search import NAT, SCORE, add_words, off_path_scores, posteriors, scores_to_nats
from tm_align.vectors import DocumentVectors
from tm_align.witness import Witness, witness

TIER: Final = "embedding"

SCORE_WEIGHT: Final = 0.6
"""Nats that the typical score is worth, a unit of clarity. On all our gold 0.5 to 0.7 give the same."""

OFF_PATH: Final = 4.0
"""Columns off the path from which on a bead's score is noise."""

USUAL_CLARITY: Final = 8.0
FEW: Final = 20.0
"""Clarity believed of a document before it has shown its own, as so many scores' worth: median of our gold."""

MOST_CLARITY: Final = 25.0
"""Clarity beyond which a score is worth no more: exact copies are no surer than sure."""

NULL: Final = -1.0
"""Nats of leaving one segment alone."""

USUAL_SIZE: Final = 4
FURTHER_SHARE: Final = 0.33
"""A bead saves its segments that price, and a third of it for each beyond the fourth: otherwise 7:1 beads of score 0
are likelier in a gap than null beads. 0.25 to 0.5 give the same on our gold."""

LEAST_PROBABILITY: Final = 0.02
"""Least probability of a bead on the path, for each of its segments: what is less likely is left alone. 0.01 to 0.03
give the same."""

WORDS_WEIGHT: Final = 0.75
"""What the log of a bead's probability by words and lengths counts. 0.5 to 1 give the same on our gold."""

TEMPER: Final = 0.5
"""What gains are multiplied by before probabilities are taken: words are not independent witnesses. Fitted beside tier
2's scores; 0.75 gives the same."""

LEAST_SHARE: Final = 0.01
"""Least of that probability: vectors may know what words do not."""


SURE: Final = Coefficients(
    related=(-3.469, 1.493, -12.068, 0.359),
    exact=(4.732, 0.304, 0.0, -2.407, -2.686),
    beside=(0.505, 0.718, 0.266, -1.742),
    null=(2.855, 1.636),
)
SURE_WITH_WORDS: Final = Coefficients(
    related=(-6.169, 2.254, 1.898, -1.683, -15.595, 0.352),
    exact=(3.714, 0.354, 0.0, -0.489, -2.402, 0.847, 0.203),
    beside=(0.379, 0.775, 0.238, -1.638, 0.02),
    null=(1.265, 1.076),
)
SURE_BY_WORDS: Final = Coefficients(
    related=(0.943, 4.884, 1.614, -7.197, -1.087),
    exact=(3.247, 0.185, 0.0, -2.188, -1.677, 0.87, 0.343),
    beside=(-1.028, 1.363, 0.483, -1.252, -0.265),
    null=(0.186, 0.833),
)
"""Of vectors alone, of a model's vectors with words, and of vectors made of words: those vouch for nothing, for the
words were learned from the pair itself."""


def align_embedding(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    encoder: Encoder,
    src_paragraphs: Sequence[int] | None = None,
    tgt_paragraphs: Sequence[int] | None = None,
    hint: Alignment | None = None,
    lexicon: Lexicon | None = None,
    settings: SearchSettings | None = None,
) -> Alignment:
    """Align two texts by the vectors that ``encoder`` gives.

    Args:
        src: source segments; blank ones are allowed.
        tgt: target segments.
        encoder: gives the vectors; see ``tm_align.encode``.
        src_paragraphs: each source segment's paragraph number, a hint; used when both sides have one.
        tgt_paragraphs: each target segment's paragraph number.
        hint: the same texts aligned by tier 1: words are learned from its beads rather than from tier 2's first path.
        lexicon: word pairs known beforehand, from the source's language to the target's.
        settings: of the search; the defaults are what was measured.

    Raises:
        AlignmentInputError: a vector is missing or not finite, or dimensions differ.

    Cost: besides encoding, linear in segments in time and memory.
    """
    settings = settings or SearchSettings()
    if (beads := trivial_beads(src, tgt)) is not None:
        return Alignment(beads=beads, confidence=0.0 if beads else 1.0, tier=TIER, details=encoder.facts)
    kept = (visible(src), visible(tgt)) if encoder.skips_blanks else (range(len(src)), range(len(tgt)))
    if not (kept[0] and kept[1]):
        nulls = tuple(with_blanks((), [], [], len(src), len(tgt)))
        return Alignment(beads=nulls, confidence=0.0, tier=TIER, details=encoder.facts)
    texts = [src[i] for i in kept[0]], [tgt[j] for j in kept[1]]
    vectors = encoder.encode_pair(*texts, runs=longest_run(settings.max_merge))
    paragraphs: tuple[Sequence[int] | None, Sequence[int] | None] = (None, None)
    if src_paragraphs is not None and tgt_paragraphs is not None:
        paragraphs = [src_paragraphs[i] for i in kept[0]], [tgt_paragraphs[j] for j in kept[1]]
    sides = [
        Side(vectors=vectors[at], lengths=character_lengths(texts[at]), paragraphs=paragraphs[at], texts=texts[at])
        for at in (0, 1)
    ]
    beads = tuple(without_blanks(hint.beads if hint else (), *kept))
    found = align_vectors(*sides, hint=beads, lexicon=lexicon, settings=settings, of_words=is_of_words(encoder))
    return replace(
        found,
        beads=tuple(with_blanks(found.beads, kept[0], kept[1], len(src), len(tgt))),
        details=dict(encoder.facts) | {"hinted": hint is not None} | dict(found.details),
    )


def align_vectors(
    src: Side,
    tgt: Side,
    *,
    hint: Sequence[Bead] = (),
    lexicon: Lexicon | None = None,
    settings: SearchSettings | None = None,
    of_words: bool = False,
) -> Alignment:
    """Align two documents, neither of them empty, by their vectors, lengths and, where both sides have texts, words.

    Two passes over the same cosines: the best path first, which shows what a bead of this document and encoder
    typically scores, and how far that stands out; then the probability of every bead, measured in that, and the path
    that can be expected to have most beads right. Words are learned from the first path, or from ``hint``.

    ``lexicon`` must be turned from the source's language to the target's; ``of_words`` says that the vectors are made
    of words, not by a model, and so speak for no bead by themselves.

    Raises:
        AlignmentInputError: runs are missing, dimensions differ, or a vector is not finite.

    Returns:
        Swapped sides give the same beads, mirrored, to the bit. A bead's ``cost`` is Vecalign's: 1 - cosine, divided by
        what that is on average between its sides and all single segments of the other document.

    Cost: time and memory linear in segments. Memory besides the vectors: 4 bytes per bead that is searched, about
    3 KB per segment, twice that with texts, and 8 MiB of vectors at a time.
    """
    settings = settings or SearchSettings()
    check_sides(src.vectors, tgt.vectors, settings)
    if _is_swapped(src.vectors, tgt.vectors):
        mirrored = [bead.mirrored() for bead in hint]
        found = _align(tgt, src, mirrored, lexicon.mirrored() if lexicon else None, settings, of_words)
        return replace(found, beads=tuple(bead.mirrored() for bead in found.beads))
    return _align(src, tgt, hint, lexicon, settings, of_words)


def _is_swapped(src: DocumentVectors, tgt: DocumentVectors) -> bool:
    """One order of sides for both directions, so that ties come out alike: the longer first."""
    if src.segments != tgt.segments:
        return src.segments < tgt.segments
    x, y = (hashlib.blake2b(side.gather(side.rows[:, 0]).tobytes()).digest() for side in (src, tgt))
    return x < y


def is_of_words(encoder: Encoder) -> bool:
    """Whether an encoder's vectors are made of words, not by a model."""
    return encoder.facts.get("encoder") == "lexicon"


def _align(
    src: Side,
    tgt: Side,
    hint: Sequence[Bead],
    lexicon: Lexicon | None,
    settings: SearchSettings,
    of_words: bool,
) -> Alignment:
    lattice, singles = make_lattice(src, tgt, settings)
    steps = best_path(lattice)
    clarity, typical = _weigh_scores(lattice, steps)
    pair: Pair | None = None
    if src.texts is not None and tgt.texts is not None:
        pair = _add_words(lattice, src, tgt, _steps_of(hint) if hint else steps, lexicon)
    nulls = _posteriors(lattice)
    steps = best_path(lattice, least=round(LEAST_PROBABILITY * SCORE))
    usual = _usual_cosines(src, tgt, steps, singles)
    over_usual = np.where(linked_steps(steps), values_at(lattice, steps, lattice.cosines) / UNIT - usual, 0.0)
    confidences = _confidences(
        steps,
        _path_posteriors(lattice, steps, nulls),
        over_usual * clarity / typical,
        length_oddity(steps, src.lengths, tgt.lengths),
        witness(pair, steps) if pair else None,
        of_words,
    )
    costs = np.where(linked_steps(steps), 1.0 - over_usual / (1.0 - usual), 0.0)
    rows = zip(steps.tolist(), confidences.tolist(), np.maximum(costs, 0.0).tolist(), strict=True)
    return Alignment(
        beads=tuple(Bead((i, i + a), (j, j + b), confidence, cost) for (i, j, a, b), confidence, cost in rows),
        confidence=document_confidence(steps, confidences),
        tier=TIER,
        details={"typical_score": round(typical, 4), "clarity": round(clarity, 2), "cells": lattice.band.nodes},
    )


def _confidences(steps: I64, posteriors: F64, evidence: F64, oddity: F64, heard: Witness | None, of_words: bool) -> F64:
    if heard is None:
        return bead_confidences(steps, posteriors, (evidence,), oddity, SURE)
    if of_words:
        return bead_confidences(steps, posteriors, (heard.words, heard.lengths), oddity, SURE_BY_WORDS, heard.doubt)
    kinds = evidence, heard.words, heard.lengths
    return bead_confidences(steps, posteriors, kinds, oddity, SURE_WITH_WORDS, heard.doubt)


def _weigh_scores(lattice: Lattice, steps: I64) -> tuple[float, float]:
    """Write log weights over the scores; returns clarity and the typical score.

    How many nats a score is worth is read off the document itself: a lexicon of forty sentences makes vectors whose
    scores on the path hardly stand out from those beside it, a good encoder makes others.
    """
    band = lattice.band
    scores = values_at(lattice, steps[linked_steps(steps)], lattice.scores) / SCORE
    typical = max(0.01, float(np.median(scores)) if len(scores) else 0.0)
    rows = np.arange(len(band.first) - 1)
    course = np.interp(rows, steps[:, 0], steps[:, 1])
    total, count = off_path_scores(
        lattice.scores, lattice.numbers[0, 0], course, OFF_PATH, band.first, band.last, band.offset, lattice.columns
    )
    noise = np.sqrt((total + FEW * (typical / USUAL_CLARITY) ** 2) / (count + FEW))
    clarity = min(MOST_CLARITY, typical / float(noise))
    scores_to_nats(lattice.scores, SCORE_WEIGHT * clarity / typical)
    return clarity, typical


def _add_words(lattice: Lattice, src: Side, tgt: Side, steps: I64, lexicon: Lexicon | None) -> Pair:
    """What words and lengths say, learned from the beads ``steps``: the second witness beside the vectors."""
    pair = read_pair(src.texts or (), tgt.texts or (), lexicon, src.paragraphs, tgt.paragraphs)
    band = _word_band(lattice)
    gains, null = word_gains(pair, steps, band)
    add_words(
        lattice.scores, lattice.kinds, bead_posteriors(band, gains, null, TEMPER), MERGE, WORDS_WEIGHT, LEAST_SHARE
    )
    return pair


def _word_band(lattice: Lattice) -> WordBand:
    return WordBand(lattice.band.first, lattice.band.last - 1, lattice.band.offset)


def _steps_of(beads: Sequence[Bead]) -> I64:
    return np.array([(bead.src[0], bead.tgt[0], *bead.shape) for bead in beads], np.int64).reshape(-1, 4)


def _posteriors(lattice: Lattice) -> tuple[F64, F64]:
    """Write probabilities over the log weights; returns those of null beads. See ``tm_align.search.posteriors``."""
    weight = np.exp(np.arange(-32768, 32768) / NAT)
    segments = lattice.kinds.sum(axis=1)
    gain = np.exp(-NULL * (segments - (1.0 - FURTHER_SHARE) * np.maximum(segments - USUAL_SIZE, 0)))
    band = lattice.band
    found: tuple[F64, F64] = posteriors(
        lattice.scores, lattice.kinds, weight, gain, band.first, band.last, band.offset, lattice.columns
    )
    return found


def _usual_cosines(src: Side, tgt: Side, steps: I64, singles: tuple[I16, I16]) -> NDArray[np.float64]:
    """Each bead's mean cosine between its sides and all single segments of the other document; 0 of null beads."""
    linked, usual = linked_steps(steps), np.zeros(len(steps))
    for side, at, size, others in ((src.vectors, 0, 2, singles[1]), (tgt.vectors, 1, 3, singles[0])):
        rows = side.rows[steps[linked, at], steps[linked, size] - 1]
        usual[linked] += 0.5 * mean_cosines(side.gather(np.concatenate((rows, NO_ROWS))), others)
    return np.minimum(usual, 0.99)


def _path_posteriors(lattice: Lattice, steps: I64, nulls: tuple[F64, F64]) -> F64:
    """The probability of each bead of the path; ``nulls`` are those of the single segments."""
    found = values_at(lattice, steps, lattice.scores) / SCORE
    for at in (0, 1):
        alone = (steps[:, at + 2] > 0) & (steps[:, 3 - at] == 0)
        found[alone] = nulls[at][steps[alone, at]]
    return found


def character_lengths(segments: Sequence[str]) -> NDArray[np.float64]:
    """Characters per segment, plus one for the space that parts it from the next: never 0."""
    return np.array([len(segment.strip()) + 1 for segment in segments], np.float64)
