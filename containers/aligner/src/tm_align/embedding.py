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

from tm_align.beads import Alignment, Bead, trivial_beads
from tm_align.blanks import visible, with_blanks, without_blanks
from tm_align.confidence import _log_odds as log_odds
from tm_align.confidence import _logistic as logistic
from tm_align.confidence import _nearby as nearby
from tm_align.confidence import document_confidence
from tm_align.encode import Encoder
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
from tm_align.overlap import longest_run
from tm_align.search import SCORE, posteriors
from tm_align.vectors import DocumentVectors

TIER: Final = "embedding"

SPREAD: Final = 0.1
"""How far a score may fall behind another and still be as likely as 1 to e, in typical scores of a bead. On our gold,
and on the same vectors blurred, cut to 64 components or given a common direction, 0.075 to 0.125 give the same."""

NULL: Final = -0.1
"""Score of leaving one segment alone, in typical scores of a bead: -0.2 to -0.05 differ by half a point."""

HINT: Final = 1.2
"""What a hinted bead of confidence 1 gains, in typical scores of a bead. 0.9 to 3 differ by half a point."""


# How sure a bead is. Fitted by logistic regression on 5,400 linked beads against gold (Text+Berg de-fr with the proxy
# vectors, also blurred, cut and shifted; Text+Berg, ParIce en-is and the sample documents in five pairs with the
# lexicon encoder, with and without tier 1's hint) and on unrelated documents paired on purpose, weighted 0.3. Expected
# calibration error over the related ones: 0.036 fitted, 0.080 with each text left out in turn; area under the ROC
# curve 0.89. Not calibrated on a neural encoder: no model was at hand.
LINK: Final = np.array([1.007, 0.258, 2.405, -5.174, -2.135, 1.326])
"""1, log-odds of the posterior, mean posterior near, share of null beads near, |log length ratio|, log of the typical
score as a share of what it could be."""

NULL_LINK: Final = np.array([0.466, 0.109])
"""1, log-odds of the posterior; fitted on 350 null beads, and little better than their average."""


def align_embedding(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    encoder: Encoder,
    src_paragraphs: Sequence[int] | None = None,
    tgt_paragraphs: Sequence[int] | None = None,
    hint: Alignment | None = None,
    settings: SearchSettings | None = None,
) -> Alignment:
    """Align two texts by the vectors that ``encoder`` gives.

    Args:
        src: source segments; blank ones are allowed.
        tgt: target segments.
        encoder: gives the vectors; see ``tm_align.encode``.
        src_paragraphs: each source segment's paragraph number, a hint; used when both sides have one.
        tgt_paragraphs: each target segment's paragraph number.
        hint: the same texts aligned by tier 1: its beads gain a little, the surer they are the more.
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
        Side(vectors=vectors[at], lengths=character_lengths(texts[at]), paragraphs=paragraphs[at]) for at in (0, 1)
    ]
    found = align_vectors(*sides, hint=tuple(without_blanks(hint.beads if hint else (), *kept)), settings=settings)
    return replace(
        found,
        beads=tuple(with_blanks(found.beads, kept[0], kept[1], len(src), len(tgt))),
        details=dict(encoder.facts) | {"hinted": hint is not None} | dict(found.details),
    )


def align_vectors(
    src: Side, tgt: Side, *, hint: Sequence[Bead] = (), settings: SearchSettings | None = None
) -> Alignment:
    """Align two documents, neither of them empty, by their vectors and lengths alone.

    Two passes over the same cosines: the best path first, which shows what a bead of this document and encoder
    typically scores; then the probability of every bead, measured in that, and the path that can be expected to have
    most beads right.

    Raises:
        AlignmentInputError: runs are missing, dimensions differ, or a vector is not finite.

    Returns:
        Swapped sides give the same beads, mirrored, to the bit. A bead's ``cost`` is Vecalign's: 1 - cosine, divided by
        what that is on average between its sides and all single segments of the other document.

    Cost: time and memory linear in segments. Memory besides the vectors: 4 bytes per bead that is searched, about
    3 KB per segment, and 8 MiB of vectors at a time.
    """
    check_sides(src.vectors, tgt.vectors, settings or SearchSettings())
    if _is_swapped(src.vectors, tgt.vectors):
        found = _align(tgt, src, [bead.mirrored() for bead in hint], settings or SearchSettings())
        return replace(found, beads=tuple(bead.mirrored() for bead in found.beads))
    return _align(src, tgt, hint, settings or SearchSettings())


def _is_swapped(src: DocumentVectors, tgt: DocumentVectors) -> bool:
    """One order of sides for both directions, so that ties come out alike: the longer first."""
    if src.segments != tgt.segments:
        return src.segments < tgt.segments
    x, y = (hashlib.blake2b(side.gather(side.rows[:, 0]).tobytes()).digest() for side in (src, tgt))
    return x < y


def _align(src: Side, tgt: Side, hint: Sequence[Bead], settings: SearchSettings) -> Alignment:
    lattice, singles = make_lattice(src, tgt, settings)
    typical = _typical(lattice, best_path(lattice))
    _add_hint(lattice, hint, typical)
    nulls = _posteriors(lattice, typical)
    steps = best_path(lattice)
    usual = _usual_cosines(src, tgt, steps, singles)
    confidences = _confidences(lattice, src, tgt, steps, nulls, typical / max(0.01, 1.0 - float(usual.mean())))
    costs = np.where(
        linked_steps(steps), (1.0 - values_at(lattice, steps, lattice.cosines) / UNIT) / (1.0 - usual), 0.0
    )
    rows = zip(steps.tolist(), confidences.tolist(), np.maximum(costs, 0.0).tolist(), strict=True)
    return Alignment(
        beads=tuple(Bead((i, i + a), (j, j + b), confidence, cost) for (i, j, a, b), confidence, cost in rows),
        confidence=document_confidence(steps, confidences),
        tier=TIER,
        details={"typical_score": round(typical, 4)},
    )


def _typical(lattice: Lattice, steps: I64) -> float:
    """Median score of the beads of a path, at least a hundredth of what a score can be."""
    scores = values_at(lattice, steps[linked_steps(steps)], lattice.scores)
    return max(0.01, float(np.median(scores)) / SCORE if len(scores) else 0.0)


def _add_hint(lattice: Lattice, hint: Sequence[Bead], typical: float) -> None:
    for bead in hint:
        (i, _), (j, _), (a, b) = bead.src, bead.tgt, bead.shape
        known = not bead.is_null and max(a, b) <= len(lattice.numbers) and lattice.numbers[a - 1, b - 1] >= 0
        if known and lattice.band.first[i] <= j < lattice.band.last[i]:
            node = int(lattice.band.offset[i] + j - lattice.band.first[i])
            lattice.scores[node, lattice.numbers[a - 1, b - 1]] += round(HINT * bead.score * typical * SCORE)


def _posteriors(lattice: Lattice, typical: float) -> tuple[F64, F64]:
    """Write probabilities over the scores; returns those of null beads. See ``tm_align.search.posteriors``."""
    # Beyond e^300 a bead is certain anyway, and its product with a row's greatest sum must stay finite.
    weight = np.exp(np.minimum(np.arange(-32768, 32768) / (SCORE * SPREAD * typical), 300.0))
    gain = np.exp(-NULL * lattice.kinds.sum(axis=1) / SPREAD)
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


def _confidences(
    lattice: Lattice, src: Side, tgt: Side, steps: I64, nulls: tuple[F64, F64], typical: float
) -> NDArray[np.float64]:
    """How sure each bead is; the coefficients and where they are from: LINK and NULL_LINK."""
    linked = linked_steps(steps)
    posterior = values_at(lattice, steps, lattice.scores) / SCORE
    alone = steps[:, 2] > 0, steps[:, 3] > 0
    for null, is_null, at in ((nulls[0], alone[0] & ~linked, 0), (nulls[1], alone[1] & ~linked, 1)):
        posterior[is_null] = null[steps[is_null, at]]
    odds = log_odds(posterior)
    features = (
        np.ones(len(steps)),
        odds,
        nearby(posterior),
        nearby(1.0 - linked),
        _length_oddity(src.lengths, tgt.lengths, steps),
        np.full(len(steps), np.log(typical)),
    )
    link = np.stack(features, axis=1) @ LINK
    return logistic(np.where(linked, link, NULL_LINK[0] + NULL_LINK[1] * odds))


def _length_oddity(src_lengths: F64, tgt_lengths: F64, steps: I64) -> NDArray[np.float64]:
    """|log of the length ratio| of each bead, measured against the documents'; 0 of null beads."""
    shares = []
    for lengths, at in ((src_lengths, 0), (tgt_lengths, 1)):
        total = np.concatenate(([0.0], np.cumsum(lengths))) / lengths.sum()
        shares.append(total[steps[:, at] + steps[:, at + 2]] - total[steps[:, at]])
    ratio = np.where(linked_steps(steps), shares[0] / np.maximum(shares[1], 1e-12), 1.0)
    return np.asarray(np.abs(np.log(ratio)))


def character_lengths(segments: Sequence[str]) -> NDArray[np.float64]:
    """Characters per segment, plus one for the space that parts it from the next: never 0."""
    return np.array([len(segment.strip()) + 1 for segment in segments], np.float64)
