"""A tier's circuit breaker, kept in ``ops.breaker`` so that all tasks of all runs see the same one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from tm_core.breaker import Answer, Breaker, BreakerRules, State, TierDown, ask, failed, succeeded
from tm_core.settings import Settings
from tm_store.db import Database
from tm_store.retry import with_memory

#: The one tier that has a breaker: without tier 1 there is nothing to publish.
TIER2 = "tier2"


@dataclass(frozen=True, slots=True, kw_only=True)
class TierBreaker:
    """The breaker, for one who asks. Each call is one short transaction.

    Attributes:
        who: names the shard; of those that ask, one is the probe.
        probe_seconds: the longest that a probe may be without word.
    """

    settings: Settings
    who: str
    probe_seconds: float

    @property
    def _rules(self) -> BreakerRules:
        return BreakerRules(
            failures=self.settings.breaker_failures,
            open_seconds=self.settings.breaker_seconds,
            probe_seconds=self.probe_seconds,
        )

    def ask(self) -> tuple[Answer, float]:
        """Whether the shard may go now, and for how many seconds nobody has seen the tier work."""
        answers: list[tuple[Answer, float]] = []

        def change(breaker: Breaker, now: datetime) -> Breaker:
            answer = ask(breaker, self.who, now, self._rules)
            answers.append((answer, breaker.down_seconds(now)))
            return answer.breaker

        self._change(change)
        return answers[-1]

    def failed(self, reason: str) -> None:
        """Note that the tier was not to be had."""
        self._change(lambda breaker, now: failed(breaker, self.who, reason, now, self._rules))

    def succeeded(self) -> None:
        """Note that it worked."""
        self._change(succeeded)

    def down_seconds(self) -> float:
        """For how long nobody has seen the tier work."""
        breaker, now = self._read()
        return breaker.down_seconds(now)

    def down(self, where: str) -> TierDown:
        """The error that says so."""
        breaker, now = self._read()
        since = breaker.first_failed_at or now
        return TierDown(where, f"{since.astimezone(UTC):%Y-%m-%d %H:%M} UTC", breaker.reason)

    def _read(self) -> tuple[Breaker, datetime]:
        return with_memory(self.settings, read_breaker)

    def _change(self, rule: Callable[[Breaker, datetime], Breaker]) -> None:
        def work(db: Database) -> None:
            with _locked(db) as (found, now):
                if (changed := rule(found, now)) != found:
                    db.run("runtime/update_breaker", **asdict(changed) | {"name": TIER2, "state": changed.state.value})

        with_memory(self.settings, work)


def read_breaker(db: Database) -> tuple[Breaker, datetime]:
    """The breaker as it is, and the database's time."""
    with _locked(db) as found:
        return found


@contextmanager
def _locked(db: Database) -> Iterator[tuple[Breaker, datetime]]:
    with db.transaction():
        db.run("runtime/ensure_breaker", name=TIER2)
        row: dict[str, Any] = db.one("runtime/lock_breaker", name=TIER2)._asdict()
        now = row.pop("now")
        yield Breaker(**row | {"state": State(row["state"])}), now
