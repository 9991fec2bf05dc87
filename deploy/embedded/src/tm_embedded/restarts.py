"""When a component that has ended starts again, and when the stack gives up. Pure: the time comes from outside.

Also the record of what ended, ``TM_HOME/events.json``: `status` and `tm doctor` read it.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tm_embedded.home import now, read_json, write_json

KEPT_EVENTS = 100


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How often and how soon.

    Args:
        most: restarts of one component within the window; with the next end the stack gives up.
        window_s: older ends do not count any more.
        first_s: pause before the first restart; each further one doubles it.
        longest_s: no pause is longer.
    """

    most: int = 5
    window_s: float = 600.0
    first_s: float = 1.0
    longest_s: float = 30.0


def pause_after(ends: Sequence[float], rules: Rules) -> float | None:
    """Return the seconds until a component starts again that ended at these times, the last one now.

    None: it has ended too often, the stack gives up.
    """
    recent = [end for end in ends if end > ends[-1] - rules.window_s]
    if len(recent) > rules.most:
        return None
    return float(min(rules.longest_s, rules.first_s * 2 ** (len(recent) - 1)))


class Restarts:
    """The components that have ended, and when each starts again."""

    def __init__(self, rules: Rules, clock: Callable[[], float]) -> None:
        self.rules, self._clock = rules, clock
        self._ends: dict[str, list[float]] = {}
        self._due: dict[str, float] = {}

    @property
    def waiting(self) -> frozenset[str]:
        """The components that have ended and not been started again."""
        return frozenset(self._due)

    def ended(self, name: str) -> float | None:
        """Take note of an end. Returns the pause, None to give up."""
        ends = self._ends.setdefault(name, [])
        ends.append(self._clock())
        pause = pause_after(ends, self.rules)
        if pause is not None:
            self._due[name] = ends[-1] + pause
        return pause

    def due(self) -> list[str]:
        """The components to start now, those due longest first; they no longer wait."""
        time = self._clock()
        found = sorted((name for name, due in self._due.items() if due <= time), key=lambda name: self._due[name])
        for name in found:
            del self._due[name]
        return found

    def forget_waiting(self) -> None:
        """All start together with another component: none waits any more. Their ends still count."""
        self._due.clear()


@dataclass(frozen=True, kw_only=True)
class Event:
    """The end of a component.

    Args:
        at: when, for people.
        component: ours, or ``supervisor``.
        what: how it ended.
        done: what the stack did about it.
        is_last: whether the stack ended with it.
    """

    at: str
    component: str
    what: str
    done: str
    is_last: bool = False

    def __str__(self) -> str:
        return f"{self.at}  {self.component}: {self.what}; {self.done}"


def record(path: Path, component: str, what: str, done: str, *, is_last: bool = False) -> Event:
    """Add an event to the file; the oldest ones are dropped."""
    event = Event(at=now(), component=component, what=what, done=done, is_last=is_last)
    older: list[Any] = read_json(path).get("events", [])
    write_json(path, {"events": [*older, asdict(event)][-KEPT_EVENTS:]})
    return event


def events_of(path: Path) -> list[Event]:
    """The recorded events, oldest first; none if the file cannot be read."""
    try:
        return [Event(**event) for event in read_json(path).get("events", [])]
    except TypeError:
        return []
