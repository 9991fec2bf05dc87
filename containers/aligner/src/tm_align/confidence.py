"""How sure a bead and a document are, in [0, 1]; for both tiers, each with coefficients of its own.

A bead's confidence is a product of two probabilities: that its neighbourhood says the same on both sides at all, and
that, if so, just these segments make the bead. The first is a logistic function of what speaks for the beads near by
(``tm_align.witness``) and of the share of null beads among them; the second of how far ahead of all other paths the
paths through the bead are (its posterior), of how odd its length ratio is, of how many segments it holds and of how
little is known of the weakest of them. Then each bead looks at the less sure of its neighbours: a wrong border is
wrong on both sides. So a good bead stays sure in a document whose second half is missing, and a bad document has no
sure bead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tm_align.banded import Floats, Longs
from tm_align.lengths import median

REACH: Final = 5
"""Beads on either side that are a bead's neighbourhood."""

ENOUGH: Final = 200
"""Beads beyond which a document is not short; most of the documents that the coefficients come from have fewer."""

_LIMIT: Final = 7.0


ALONE: Final = 4.0
"""Log-odds of the neighbour that the first and the last bead do not have; no neighbour counts more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What speaks against each bead of a path by itself; 0 of null beads, and nothing where words are not known."""

    weakest: Floats
    """What words speak for the segment of the bead that they say least of."""
    lengths: Floats
    """What its lengths say, where they speak against it: 0 or less."""
    across: Floats
    """What words speak for one of its sides and the other side of the bead beside it: 0 or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """Of the logistic functions; how they were fitted: docs/aligner.md."""

    related: tuple[float, ...]
    """1, each of the tier's kinds of evidence near by, share of null beads near, log of the document's beads."""
    exact: tuple[float, ...]
    """1, log-odds of the posterior, these again where below 0, |log length ratio|, log of segments; with doubts also
    the weakest segment and the lengths."""
    beside: tuple[float, ...]
    """1, log-odds of both together, those of the less sure neighbour, number of null beads beside it; with doubts also
    what speaks across."""
    null: tuple[float, float]
    """1, log-odds of the posterior."""


def bead_confidences(
    steps: Longs,
    posteriors: Floats,
    evidence: Sequence[Floats],
    oddity: Floats,
    coefficients: Coefficients,
    doubt: Doubt | None = None,
) -> Floats:
    """The confidence of each bead of a path.

    Args:
        steps: rows (i, j, a, b) of the path.
        posteriors: each bead's probability among all beads that were searched.
        evidence: what speaks for each bead by itself, kind by kind, in the tier's own units; null beads have none.
        oddity: of :func:`length_oddity`.
        coefficients: the tier's.
        doubt: what speaks against each bead, where words are known.
    """
    linked = _linked(steps)
    odds, one = _log_odds(posteriors), np.ones(len(steps))
    size = np.log(min(len(steps), ENOUGH)) * one
    share = _nearby(linked.astype(np.float64))
    near = [_nearby(np.where(linked, kind, 0.0)) / np.maximum(share, 1e-9) for kind in evidence]
    related = _logistic_of([one, *near, 1.0 - share, size], coefficients.related)
    known = [one, odds, np.minimum(odds, 0.0), oddity, np.log(steps[:, 2] + steps[:, 3])]
    exact = _logistic_of(known + ([doubt.weakest, doubt.lengths] if doubt else []), coefficients.exact)
    beside = _beside(linked, related * exact) + ([doubt.across] if doubt else [])
    null = _logistic_of([one, odds], coefficients.null)
    return np.where(linked, _logistic_of(beside, coefficients.beside), null)


def _beside(linked: NDArray[np.bool_], confidences: Floats) -> list[Floats]:
    """1, the log-odds of each bead by itself and of the less sure of its neighbours, and how many of those are null."""
    odds = _log_odds(confidences)
    neighbours, is_bead = [], []
    for at in (slice(None, -2), slice(2, None)):  # the bead before and the one behind
        neighbours.append(np.concatenate([[ALONE], odds, [ALONE]])[at])
        is_bead.append(np.concatenate([[True], linked, [True]])[at])
    weaker = np.minimum(*(np.where(bead, value, np.inf) for bead, value in zip(is_bead, neighbours, strict=True)))
    weaker = np.where(np.isinf(weaker), 0.0, np.minimum(weaker, ALONE))
    return [np.ones(len(odds)), odds, weaker, 2.0 - is_bead[0] - is_bead[1]]


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
    return np.asarray(np.where(linked, np.abs(ratio - median(ratio[linked])), 0.0))


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


def _logistic_of(values: Sequence[Floats], coefficients: Sequence[float]) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.stack(values, axis=1) @ np.array(coefficients))))
