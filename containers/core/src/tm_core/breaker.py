"""When a tier is left alone because it is not to be had, and when one shard may try it again: a circuit breaker.

Closed: all go. After ``failures`` in a row it opens, and nobody goes for ``open_seconds``; then it is half-open: one
shard goes as a probe, and its end closes the breaker or opens it anew. Pure: the state is kept by tm_store.breaker,
and time is given by the caller, whose clock is the database's.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tm_core.errors import TmError
from tm_core.loss import LOST, NOT_STARTED, Cause

#: Ends of a pod that speak of the tier's nodes. What the work, the image or a setting did wrong is no reason to wait.
UNAVAILABLE = LOST - {Cause.ABANDONED, Cause.RESULT_LOST} | NOT_STARTED
#: Ends that say nothing of the tier: somebody else has taken the shard, and will tell.
_SILENT = frozenset((Cause.ABANDONED, Cause.SUPERSEDED))


def verdict_on(cause: Cause) -> bool | None:
    """Whether a pod's end shows the tier at work: True, False, or None where it shows neither."""
    return None if cause in _SILENT else cause not in UNAVAILABLE


class State(StrEnum):
    """Who may go."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """Numbers of a breaker.

    Attributes:
        failures: in a row, of any shard, after which it opens.
        open_seconds: it stays open this long.
        probe_seconds: a probe that has not reported for this long is lost, and another shard may be the probe.
    """

    failures: int = 10
    open_seconds: float = 60.0
    probe_seconds: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What is kept of a tier.

    Attributes:
        failures: in a row, since the last success.
        first_failed_at: of the first of them; since then nobody has seen the tier work.
        changed_at: since when it is in this state.
        probe: who tries it, while it is half-open.
        reason: of the last failure.
    """

    state: State = State.CLOSED
    failures: int = 0
    first_failed_at: datetime | None = None
    changed_at: datetime | None = None
    probe: str = ""
    reason: str = ""

    def down_seconds(self, now: datetime) -> float:
        """For how long nobody has seen the tier work; 0 if the last who tried has."""
        return (now - self.first_failed_at).total_seconds() if self.first_failed_at else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a shard that asks is told: to go, or to ask again after ``wait_seconds``; and what to keep."""

    breaker: Breaker
    wait_seconds: float = 0.0

    @property
    def go(self) -> bool:
        """Whether it may go now."""
        return self.wait_seconds <= 0


_ASK_AGAIN_S = 5.0  # while another one's probe is under way


def ask(breaker: Breaker, who: str, now: datetime, rules: BreakerRules) -> Answer:
    """Answer whether ``who`` may go. Of many that ask an open breaker after its time, one is told to go."""
    if breaker.state is State.CLOSED:
        return Answer(breaker=breaker)
    since = breaker.changed_at or now
    if breaker.state is State.HALF_OPEN:
        lost = now - since >= timedelta(seconds=rules.probe_seconds)
        if not lost and breaker.probe != who:
            return Answer(breaker=breaker, wait_seconds=_ASK_AGAIN_S)
    elif (left := rules.open_seconds - (now - since).total_seconds()) > 0:
        return Answer(breaker=breaker, wait_seconds=left)
    return Answer(breaker=replace(breaker, state=State.HALF_OPEN, probe=who, changed_at=now))


def succeeded(breaker: Breaker, now: datetime) -> Breaker:
    """The tier worked for somebody: all go, and no failure counts any more."""
    return Breaker(changed_at=breaker.changed_at if breaker.state is State.CLOSED else now)


def failed(breaker: Breaker, who: str, reason: str, now: datetime, rules: BreakerRules) -> Breaker:
    """The tier was not to be had. The probe's failure opens it at once; late ones of others only count."""
    counted = replace(
        breaker, failures=breaker.failures + 1, first_failed_at=breaker.first_failed_at or now, reason=reason
    )
    of_probe = breaker.state is State.HALF_OPEN and breaker.probe == who
    too_many = breaker.state is State.CLOSED and counted.failures >= rules.failures
    return replace(counted, state=State.OPEN, probe="", changed_at=now) if of_probe or too_many else counted


class TierDown(TmError):
    """A tier has not been to be had for longer than TM_TIER2_WAIT_SECONDS. Positional: where, since when, why."""

    def __init__(self, where: str, since: str, reason: str) -> None:
        super().__init__(where, since, reason)
        self.where, self.since, self.reason = where, since, reason

    def __str__(self) -> str:
        return (
            f"{self.where}: expected nodes for tier 2, found none since {self.since} ({self.reason}). What "
            "TM_TIER2_DOWN says is done with its documents; the report says so. Mend the cluster, run the date again."
        )


# What becomes of the documents meanwhile -------------------------------------------------------------

_STAND_IN = "+tier2-down"


def stand_in(aligner: str) -> str:
    """The aligner's name on beads of tier 1 that are published because tier 2 was down: the stamp on their units."""
    return aligner if is_stand_in(aligner) else aligner + _STAND_IN


def is_stand_in(aligner: str) -> bool:
    """Whether beads were published in tier 2's place: they are aligned again by the next run of their date."""
    return aligner.endswith(_STAND_IN)
