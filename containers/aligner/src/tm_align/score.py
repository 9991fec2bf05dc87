"""Strict and lax precision, recall and F1 of beads against gold, by Vecalign's definition."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tm_align.beads import Bead
from tm_core.errors import AlignmentInputError

GoldBead = tuple[tuple[int, ...], tuple[int, ...]]
"""Source and target segment numbers, as Vecalign's files list them; they need not be contiguous."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Shares in [0, 1]. A share of nothing is 0."""

    precision_strict: float
    recall_strict: float
    f1_strict: float
    precision_lax: float
    recall_lax: float
    f1_lax: float


@dataclass(slots=True)
class _Hits:
    strict: int = 0
    lax: int = 0
    total: int = 0


def indices(beads: Iterable[Bead]) -> list[GoldBead]:
    """Beads as lists of segment numbers, the form that gold has."""
    return [(tuple(range(*bead.src)), tuple(range(*bead.tgt))) for bead in beads]


def score(gold: Sequence[GoldBead], hyp: Sequence[GoldBead]) -> Score:
    """Score the beads of one document; see :func:`score_documents`."""
    return score_documents([(gold, hyp)])


def score_documents(documents: Iterable[tuple[Sequence[GoldBead], Sequence[GoldBead]]]) -> Score:
    """Score ``(gold, hypothesis)`` pairs together: counts are summed over documents (micro-average).

    A bead is a strict hit when the other side has the very same bead; a lax hit when it shares at
    least one source *and* one target segment with a single bead of the other side. Precision
    counts null beads (only an identical one is a hit), recall leaves them out on both sides: so
    does ``score.py`` of github.com/thompsonb/vecalign, whose figures these are meant to equal.

    Cost: linear in the number of segment pairs inside beads.
    """
    precision, recall = _Hits(), _Hits()
    for gold, hyp in documents:
        _count(_distinct(hyp), _distinct(gold), precision)
        _count(_without_nulls(gold), _without_nulls(hyp), recall)
    return Score(
        precision_strict=_share(precision.strict, precision.total),
        recall_strict=_share(recall.strict, recall.total),
        f1_strict=_f1(_share(precision.strict, precision.total), _share(recall.strict, recall.total)),
        precision_lax=_share(precision.lax, precision.total),
        recall_lax=_share(recall.lax, recall.total),
        f1_lax=_f1(_share(precision.lax, precision.total), _share(recall.lax, recall.total)),
    )


def calibration_error(confidences: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 10) -> float:
    """How far confidences are from the share that is right: the mean gap over equal bins, weighted by their beads.

    Source: Naeini et al. 2015 (expected calibration error).
    """
    numbers = np.minimum((confidences * bins).astype(int), bins - 1)
    inside = [numbers == number for number in np.unique(numbers)]
    gaps = [abs(confidences[these].mean() - right[these].mean()) * these.sum() for these in inside]
    return float(sum(gaps) / max(len(confidences), 1))


def check_same_number(gold: Sequence[object], hyp: Sequence[object]) -> None:
    """Check that every gold file has its hypothesis.

    Raises:
        AlignmentInputError: the numbers of files differ.
    """
    if len(gold) != len(hyp):
        raise AlignmentInputError(
            f"score: expected as many hypothesis files as gold files, found {len(hyp)} and {len(gold)}. "
            "Name them in the same order. Nothing has been scored."
        )


def _distinct(beads: Iterable[GoldBead]) -> set[GoldBead]:
    return {(tuple(src), tuple(tgt)) for src, tgt in beads if src or tgt}


def _without_nulls(beads: Iterable[GoldBead]) -> set[GoldBead]:
    return {(tuple(src), tuple(tgt)) for src, tgt in beads if src and tgt}


def _count(judged: set[GoldBead], reference: set[GoldBead], hits: _Hits) -> None:
    linked: defaultdict[int, set[int]] = defaultdict(set)
    for src, tgt in reference:
        for segment in src:
            linked[segment].update(tgt)
    for src, tgt in judged:
        hits.total += 1
        if (src, tgt) in reference:
            hits.strict += 1
            hits.lax += 1
        elif any(not linked[segment].isdisjoint(tgt) for segment in src if segment in linked):
            hits.lax += 1


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
