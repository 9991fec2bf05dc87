"""How long a translation is beside its original."""

import math
from typing import Final

import numpy as np

from tm_align.banded import Floats

LENGTH_SPREAD: Final = 0.02
LENGTH_SPREAD_PER_CHARACTER: Final = 2.0
"""Variance of the log length ratio: a constant, and what a bead's letters divide. Gale & Church: 0 and 6.8."""

FAR_APART: Final = 0.4
"""Difference of two log length ratios (a factor of 1.5) at which one of them must be wrong."""


def length_ratio(src_lengths: Floats, tgt_lengths: Floats) -> float:
    """Log of target over source length in letters: of the whole texts, or of their median segments.

    A text that lacks a chapter spoils the first, one that is cut finer the second; where they are far apart, the one in
    the middle of these two and 0 is believed: in letters, whole translations are about as long as their originals in
    every script. The nearer to 0 is no better on texts cut finer, and up to four points worse on texts with gaps.
    """
    whole = math.log((tgt_lengths.sum() + 1.0) / (src_lengths.sum() + 1.0))
    middle = math.log((median(tgt_lengths) + 1.0) / (median(src_lengths) + 1.0))
    return sorted((whole, middle, 0.0))[1] if abs(whole - middle) > FAR_APART else whole


def median(values: Floats) -> float:
    """The median of one value or more; NumPy's takes ten times as long where there are a hundred."""
    ordered, half = np.sort(values), len(values) // 2
    return float(ordered[half] if len(values) % 2 else 0.5 * (ordered[half - 1] + ordered[half]))


def chance_spread(src_sizes: Floats, tgt_sizes: Floats) -> float:
    """Variance of the log length ratio of unrelated segments, from the logs of all lengths."""
    return max(float(np.var(src_sizes) + np.var(tgt_sizes)), 0.3)


def length_gains(src_letters: Floats, tgt_letters: Floats, ratio: float, chance: float) -> Floats:
    """Nats that the lengths of beads speak for them, against chance.

    Args:
        src_letters: letters of each bead's source side, above 0.
        tgt_letters: letters of its target side.
        ratio: expected log of target over source length.
        chance: of :func:`chance_spread`.
    """
    off = np.log(tgt_letters / src_letters) - ratio
    spread = LENGTH_SPREAD + LENGTH_SPREAD_PER_CHARACTER / np.sqrt(src_letters * tgt_letters)
    return np.asarray(0.5 * (off * off * (1.0 / chance - 1.0 / spread) + math.log(chance) - np.log(spread)))
