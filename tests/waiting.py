"""How a test waits: for a cause, never for seconds.

A machine that is busy makes everything late and nothing wrong. So a test waits until something is so, however long that
takes, counts what was done instead of timing it, and gives the product a clock of its own where a clock decides.
HANG_S is the one limit: it ends a test that would hang for ever, and no test fails by it that would pass otherwise.
`tests/architecture/test_waits.py` keeps every other wait and clock out of the tests.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Found = TypeVar("Found")

#: Seconds after which a wait counts as hanging. pytest's own limit (pyproject.toml) is longer: this one says what for.
HANG_S = 900.0
_PAUSE_S = 0.05


def wait_until(
    cause: Callable[[], Found], what: str, *, alive: Callable[[], object] = lambda: None, pause_s: float = _PAUSE_S
) -> Found:
    """Return what `cause` returns, as soon as that is true.

    Args:
        cause: asked again and again.
        what: the cause in words, for the message.
        alive: called between two questions; raises where the cause can no longer come.
    """
    began = time.monotonic()
    while not (found := cause()):
        alive()
        if time.monotonic() - began > HANG_S:
            raise AssertionError(f"{what}: not so after {HANG_S:.0f} s. Last found: {found!r}")
        time.sleep(pause_s)
    return found


def pause(seconds: float, why: str) -> None:
    """Let time pass where time is what the test does: the rhythm of a load, the moment of a fault that is drawn by lot.

    Nothing may depend on how long it really was. `why` says what the time is for.
    """
    assert why
    time.sleep(seconds)


def stopwatch() -> Callable[[], str]:
    """Start a watch that says what has passed in words, to be printed. It is no number, so no test can depend on it."""
    began = time.monotonic()
    return lambda: f"{time.monotonic() - began:.1f} s"


class Span:
    """The time that something takes, from which a fault draws its moment. It is no number: no test can depend on it."""

    def __init__(self) -> None:
        self._began, self._seconds = time.monotonic(), 0.0

    def ended(self) -> "Span":
        """End the span now, and return it."""
        self._seconds = time.monotonic() - self._began
        return self

    @classmethod
    def total(cls, spans: Iterable["Span"]) -> "Span":
        """Return one that lasts as long as all of them."""
        whole = cls()
        whole._seconds = sum(span._seconds for span in spans)
        return whole

    def pause(self, share: float) -> None:
        """Let a share of it pass. Whether that hits the moment is chance: the test says what holds either way."""
        time.sleep(share * self._seconds)


def ended(process: Any) -> int:
    """Wait for the end of a process that was started by `subprocess`; return its status."""
    return int(process.wait(HANG_S))
