"""How sure tier 1 is of a bead and of a document, in [0, 1].

A bead's odds are a logistic function of five things that can be seen without gold: how far ahead of all other paths
the paths through it are (its posterior, tempered, since words are not independent witnesses), how its neighbourhood
does in the same respect, the share of null beads there, how odd its length ratio is, and how long it is.

The coefficients were fitted on 2,595 linked beads against gold (Text+Berg de-fr, ParIce en-is, the sample documents in
five pairs) and 2,032 of unrelated documents paired on purpose, weighted 0.3. Cross-validated over documents: expected
calibration error 0.037 over all, 0.055 over the related ones; area under the ROC curve 0.96. Mean confidence 0.87
in related documents (0.91 of those beads are right), 0.19 in unrelated ones. No unrelated
document was above 0.41; the median of the related ones is 0.85.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tm_align.banded import Band, Evidence, Floats, Longs, Singles, node_numbers, path_gains, path_sums

TEMPER: Final = 0.25
"""What gains are multiplied by before posteriors are taken: 0.25 tells right from wrong better than 1, 0.5 and 0.1."""

REACH: Final = 5
"""Beads on either side that are a bead's neighbourhood."""

LINK: Final = np.array([2.215, 1.007, 2.692, -3.621, -1.965, -0.525])
"""1, log-odds of the posterior, mean posterior near, share of null beads near, |log length ratio|, log of words."""

NULL: Final = np.array([0.495, 0.478])
"""1, log-odds of the posterior; fitted on 79 null beads of related documents, 0.75 of them right."""

_LIMIT: Final = 7.0


def bead_confidences(steps: Longs, band: Band, gains: Singles, known: Evidence, n_words: Longs) -> Floats:
    """The confidence of each bead of a path.

    Args:
        steps: rows (i, j, a, b) of the path.
        band: where it was searched.
        gains: the gains of all beads in the band, of :func:`tm_align.banded.bead_gains`.
        known: what they were computed from.
        n_words: words of both sides of each bead, shape (beads,).

    Cost: one more forward and backward search.
    """
    linked = (steps[:, 2] > 0) & (steps[:, 3] > 0)
    posterior = _posteriors(steps, band, gains, known)
    odds = _log_odds(posterior)
    one = np.ones(len(steps))
    link = np.stack(
        [
            one,
            odds,
            _nearby(posterior),
            _nearby(1.0 - linked),
            _length_oddity(steps, linked, known),
            np.log(np.maximum(n_words, 1)),
        ],
        axis=1,
    )
    null = np.stack([one, odds], axis=1)
    return _logistic(np.where(linked, link @ LINK, null @ NULL))


def document_confidence(steps: Longs, confidences: Floats) -> float:
    """The share of a document's segments that can be expected to stand in a right bead with both sides."""
    linked = (steps[:, 2] > 0) & (steps[:, 3] > 0)
    segments = steps[:, 2] + steps[:, 3]
    return float((confidences * segments * linked).sum() / segments.sum())


def _posteriors(steps: Longs, band: Band, gains: Singles, known: Evidence) -> Floats:
    onward, back = path_sums(band, gains, known.null, TEMPER)
    is_null = ((steps[:, 2] == 0) | (steps[:, 3] == 0)).astype(np.int64)
    start = node_numbers(band, steps[:, 0], steps[:, 1])
    end = node_numbers(band, steps[:, 0] + steps[:, 2], steps[:, 1] + steps[:, 3])
    gain = TEMPER * path_gains(steps, band, gains, known.null)
    # A bead's probability is that of the paths through it, whether or not they came from a null bead.
    linked = np.logaddexp(onward[start, 0], onward[start, 1]) + gain
    null = np.logaddexp(onward[start, 0] + TEMPER * known.null[0], onward[start, 1] + TEMPER * known.null[1])
    through = np.where(is_null == 1, null, linked) + back[end, is_null]
    return np.asarray(np.exp(np.minimum(through - back[0, 0], 0.0)))


def _log_odds(share: Floats) -> Floats:
    odds = np.log(np.maximum(share, 1e-6)) - np.log(np.maximum(1.0 - share, 1e-3))
    return np.asarray(np.clip(odds, -_LIMIT, _LIMIT))


def _nearby(values: NDArray[np.floating[Any]]) -> Floats:
    """The mean over each bead's neighbourhood, itself included."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    numbers = np.arange(len(values))
    first, last = np.maximum(numbers - REACH, 0), np.minimum(numbers + REACH + 1, len(values))
    return np.asarray((total[last] - total[first]) / (last - first))


def _length_oddity(steps: Longs, linked: NDArray[np.bool_], known: Evidence) -> Floats:
    i, j, a, b = steps[linked].T
    oddity = np.zeros(len(steps))
    oddity[linked] = np.abs(known.tgt_size[b - 1, j] - known.src_size[a - 1, i] - known.ratio)
    return oddity


def _logistic(odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))
