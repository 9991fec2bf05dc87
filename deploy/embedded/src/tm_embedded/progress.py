"""What a person sees of a run while it goes on: one line a task, with the seconds since the start."""

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

QUIET_SECONDS = 5.0  # a mapped task of 200 must not print 200 lines
DONE = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
STARTED = DONE | {"running", "deferred", "up_for_retry", "up_for_reschedule", "awaiting_input", "restarting"}
# The order of bad news: what a group is called when its tasks differ.
LOUDEST = ("failed", "upstream_failed", "up_for_retry", "awaiting_input", "running", "deferred", "queued", "scheduled")


@dataclass(frozen=True, kw_only=True)
class Group:
    """The instances of one task: one, or as many as it was mapped to."""

    task_id: str
    total: int
    done: int
    state: str
    seconds: float

    @property
    def text(self) -> str:
        """``done in 1.2 s``, ``3/8 running``, ``failed``."""
        if self.done == self.total and self.state == "success":
            count = "" if self.total == 1 else f"{self.total} "
            return f"{count}done in {self.seconds:.1f} s"
        return self.state if self.total == 1 else f"{self.done}/{self.total} {self.state}"


def group(task_id: str, instances: list[Mapping[str, Any]]) -> Group:
    """Summarise a task's instances. The seconds are those of the longest one that has ended."""
    states = [instance["state"] or "waiting" for instance in instances]
    return Group(
        task_id=task_id,
        total=len(states),
        done=sum(state in DONE for state in states),
        state=_loudest(states),
        seconds=max((instance["duration"] or 0.0 for instance in instances), default=0.0),
    )


def _loudest(states: list[str]) -> str:
    for state in LOUDEST:
        if state in states:
            return state
    # What is left is quiet: success and skipped mixed count as success.
    return "success" if "success" in states else states[0]


@dataclass(kw_only=True)
class Progress:
    """Prints what changed since the last look.

    On a terminal the last line is live: it shows what runs now and is written over.
    """

    out: TextIO = field(default_factory=lambda: sys.stdout)
    begin: float = field(default_factory=time.monotonic)
    _printed: dict[str, tuple[str, float]] = field(default_factory=dict)

    def line(self, text: str) -> None:
        """A line of its own."""
        self.out.write(f"{self._wipe()}{self._clock()}  {text}\n")
        self.out.flush()

    def update(self, instances: Iterable[Mapping[str, Any]]) -> None:
        """Print the tasks whose summary changed."""
        tasks: dict[str, list[Mapping[str, Any]]] = {}
        for instance in instances:
            tasks.setdefault(instance["task_id"], []).append(instance)
        groups = [group(task_id, found) for task_id, found in tasks.items()]
        for each in groups:
            if self._is_news(each):
                self._printed[each.task_id] = (each.text, time.monotonic())
                self.line(f"{each.task_id:<24} {each.text}")
        self._live([each for each in groups if each.state in STARTED and each.done < each.total])

    def _is_news(self, each: Group) -> bool:
        text, moment = self._printed.get(each.task_id, ("", 0.0))
        if each.text == text or each.state in ("waiting", "scheduled", "queued"):
            return False
        finished = each.done == each.total or each.state in ("failed", "awaiting_input", "up_for_retry")
        if self.out.isatty():
            return finished
        return finished or not text or time.monotonic() - moment > QUIET_SECONDS

    def _live(self, running: list[Group]) -> None:
        if self.out.isatty() and running:
            text = ", ".join(f"{each.task_id} {each.text}" for each in running)
            self.out.write(f"{self._wipe()}{self._clock()}  {text[:100]}")
            self.out.flush()

    def _wipe(self) -> str:
        return "\r\x1b[K" if self.out.isatty() else ""

    def _clock(self) -> str:
        return f"{time.monotonic() - self.begin:6.1f} s"
