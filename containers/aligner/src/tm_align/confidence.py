"""How sure a bead and a document are, in [0, 1]; for both tiers, each with coefficients of its own.

A bead's confidence is a product of two probabilities: that its neighbourhood says the same on both sides at all, and
that, if so, just these segments make the bead. The first is a logistic function of the evidence of the beads near by
and of the share of null beads among them; the second of how far ahead of all other paths the paths through the bead are
(its posterior), of how odd its length ratio is, and of how many segments it holds. So a good bead stays sure in a
document whose second half is missing, and a bad document has no sure bead.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tm_align.banded import Floats, Longs

REACH: Final = 5
"""Beads on either side that are a bead's neighbourhood."""

ENOUGH: Final = 200
"""Beads beyond which a document is not short; most of the documents that the coefficients come from have fewer."""

_LIMIT: Final = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """Of the logistic functions; how they were fitted: docs/aligner.md."""

    related: tuple[float, float, float, float]
    """1, mean evidence near, share of null beads near, log of the document's beads: short texts teach few words."""
    exact: tuple[float, float, float, float]
    """1, log-odds of the posterior, |log length ratio|, log of segments."""
    null: tuple[float, float]
    """1, log-odds of the posterior."""


def bead_confidences(
    steps: Longs, posteriors: Floats, evidence: Floats, oddity: Floats, coefficients: Coefficients
) -> Floats:
    """The confidence of each bead of a path.

    Args:
        steps: rows (i, j, a, b) of the path.
        posteriors: each bead's probability among all beads that were searched.
        evidence: what speaks for each bead by itself, in the tier's own unit; null beads have none.
        oddity: of :func:`length_oddity`.
        coefficients: the tier's.
    """
    linked = _linked(steps)
    odds, one = _log_odds(posteriors), np.ones(len(steps))
    size = np.log(min(len(steps), ENOUGH)) * one
    related = np.stack([one, _nearby(np.where(linked, evidence, 0.0)), _nearby(1.0 - linked), size], axis=1)
    exact = np.stack([one, odds, oddity, np.log(steps[:, 2] + steps[:, 3])], axis=1)
    null = np.stack([one, odds], axis=1)
    link = _logistic(related @ np.array(coefficients.related)) * _logistic(exact @ np.array(coefficients.exact))
    return np.where(linked, link, _logistic(null @ np.array(coefficients.null)))


def document_confidence(steps: Longs, confidences: Floats) -> float:
    """The share of a document's segments that can be expected to stand in a right bead with both sides."""
    segments = steps[:, 2] + steps[:, 3]
    return float((confidences * segments * _linked(steps)).sum() / segments.sum())


def length_oddity(steps: Longs, src_lengths: Floats, tgt_lengths: Floats) -> Floats:
    """|log of the length ratio| of each bead, measured against the median bead; 0 of null beads."""
    linked = _linked(steps)
    if not linked.any():
        return np.zeros(len(steps))
    sums = []
    for lengths, at in ((src_lengths, 0), (tgt_lengths, 1)):
        total = np.concatenate(([0.0], np.cumsum(lengths)))
        sums.append(total[steps[:, at] + steps[:, at + 2]] - total[steps[:, at]] + 1.0)
    ratio = np.log(sums[0]) - np.log(sums[1])
    return np.asarray(np.where(linked, np.abs(ratio - np.median(ratio[linked])), 0.0))


def _linked(steps: Longs) -> NDArray[np.bool_]:
    return np.asarray((steps[:, 2] > 0) & (steps[:, 3] > 0))


def _log_odds(share: Floats) -> Floats:
    odds = np.log(np.maximum(share, 1e-6)) - np.log(np.maximum(1.0 - share, 1e-3))
    return np.asarray(np.clip(odds, -_LIMIT, _LIMIT))


def _nearby(values: NDArray[np.floating[Any]]) -> Floats:
    """The mean over each bead's neighbourhood, itself included."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    numbers = np.arange(len(values))
    first, last = np.maximum(numbers - REACH, 0), np.minimum(numbers + REACH + 1, len(values))
    return np.asarray((total[last] - total[first]) / (last - first))


def _logistic(odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))
