"""Whether work grows linearly: counted where it can be, else by the CPU time of this thread and never by a clock.

Work that regular expressions and parsers do inside C runs no line of Python, so no count sees it. Its CPU time does,
and what others do on the machine is not in it. Only the ratio of two sizes is compared, and only a ratio that stays too
high however often it is taken counts against the code.
"""

import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

#: Four times the input: linear work takes 4 times as long, quadratic work 16 times.
FACTOR = 4
MOST = 9.0
ATTEMPTS = 6


def lines_run(work: Callable[[], object]) -> int:
    """Count the lines of Python that `work` runs in this thread."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def assert_linear(work: Callable[[int], object], size: int, what: str = "") -> None:
    """Assert that `work(4 * size)` costs about 4 times `work(size)`, and not 16 times.

    Args:
        size: of work that takes milliseconds, so that fixed costs do not hide the growth.
    """
    work(size)  # what is made once, at the first call, is none of it
    ratios = []
    for _ in range(ATTEMPTS):
        small, large = min(_cpu(work, size) for _ in range(3)), _cpu(work, FACTOR * size)
        ratios.append(large / small)
        if ratios[-1] < MOST:
            return
    shown = ", ".join(f"{ratio:.1f}" for ratio in ratios)
    raise AssertionError(f"{what}: {FACTOR} times the input costs {shown} times the work; expected less than {MOST:g}")


def _cpu(work: Callable[[int], object], size: int) -> float:
    began = time.thread_time()
    work(size)
    return time.thread_time() - began
