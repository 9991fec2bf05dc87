"""Overlap lines: every run of consecutive segments that a bead may hold, as one text to encode."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tm_formats.vecalign import clean_segment, overlap_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlaps:
    """The different overlap lines of one document, and where each run's line is."""

    lines: tuple[str, ...]
    """Each line once, in order of first use: shorter runs first."""
    rows: NDArray[np.int32]
    """Shape (segments, longest run): index into ``lines`` of the run of ``k + 1`` segments that begins at segment ``i``
    (column ``k``); -1 where the document ends before the run does."""


def longest_run(max_merge: int) -> int:
    """The longest run on one side of a bead of at most ``max_merge`` segments in all."""
    return max(1, max_merge - 1)


def overlaps(segments: Sequence[str], *, runs: int) -> Overlaps:
    """The overlap lines of runs of 1 to ``runs`` segments.

    Cost: O(segments * runs^2 * line length) characters; lines are cut at 10,000 characters as Vecalign does.
    """
    cleaned = [clean_segment(segment) for segment in segments]
    rows = np.full((len(cleaned), runs), -1, np.int32)
    numbers: dict[str, int] = {}
    for k in range(runs):
        for i in range(len(cleaned) - k):
            rows[i, k] = numbers.setdefault(overlap_line(cleaned[i : i + k + 1]), len(numbers))
    return Overlaps(lines=tuple(numbers), rows=rows)
