"""A progress line on long work, when the terminal is one."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 2.0
"""Work that takes less is over before a line about it is read."""


def progress(steps: Iterable[tuple[int, T]], *, total: int, label: str) -> Iterator[T]:
    """Pass on the second member of each step, which stands for so many units of ``total``; show how far it is.

    Writes to standard error, nothing unless that is a terminal.
    """
    shown, done, start = sys.stderr.isatty(), 0, time.monotonic()
    for units, value in steps:
        yield value
        done += units
        if shown and time.monotonic() - start > PATIENCE_S:
            left_s = (time.monotonic() - start) * (total - done) / max(1, done)
            filled = 30 * done // max(1, total)
            sys.stderr.write(f"\r{label} [{'#' * filled:30}] {done:,} of {total:,}, {left_s:.0f} s left \x1b[K")
            sys.stderr.flush()
    if shown:
        sys.stderr.write("\r\x1b[K")
