"""How long a translation is beside its original."""

import math
from typing import Final

import numpy as np

from tm_align.banded import Floats

FAR_APART: Final = 0.4
"""Difference of two log length ratios (a factor of 1.5) at which one of them must be wrong."""


def length_ratio(src_lengths: Floats, tgt_lengths: Floats) -> float:
    """Log of target over source length in letters: of the whole texts, or of their median segments.

    A text that lacks a chapter spoils the first, one that is cut finer the second; where they are far apart, the one in
    the middle of these two and 0 is believed, which is what translations of whole texts are near to.
    """
    whole = math.log((tgt_lengths.sum() + 1.0) / (src_lengths.sum() + 1.0))
    median = math.log((np.median(tgt_lengths) + 1.0) / (np.median(src_lengths) + 1.0))
    return sorted((whole, median, 0.0))[1] if abs(whole - median) > FAR_APART else whole
