"""The verdict on a slice: the gate's checks and a person's ruling on them, pure and explained in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tm_core.errors import ReleaseRefused
from tm_core.outcomes import Verdict

#: Raised with every change of this code that decides otherwise; tests/core/test_versions.py holds the two together.
GATE_VERSION = "1"
#: Who decides where nobody else does; the names that no person may have.
GATE = "gate"
TIMEOUT = "time-out"
#: Characters of a person's name and of a reason: enough to find the person, enough to say something, no page of text.
WHO_CHARS = 100
WHY_CHARS = (3, 500)


class Level(StrEnum):
    """What a failed check of the gate means for the slice."""

    STOP = "stop"  # it must not be loaded as it is: quarantine
    HOLD = "hold"  # the numbers are unusual: a person decides
    WARN = "warn"  # worth a look: said in the report, changes no verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One expectation's result on one slice.

    Attributes:
        name: the promise in words, as it stands in the suite.
        level: what a failure means.
        passed: whether it held.
        found: what was found, in words with numbers.
        releasable: whether a person may let the slice in although it failed. False where the numbers cannot be right:
            a sum that does not close says that beads are lost or doubled, and no judgement brings them back.
    """

    name: str
    level: Level
    passed: bool
    found: str = ""
    releasable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a person (or the time-out, in nobody's place) says of a slice that the gate held or refused.

    Raises:
        ReleaseRefused: no person, no reason, one that is too long, or a verdict that nobody can give.
    """

    verdict: Verdict
    who: str
    why: str

    def __post_init__(self) -> None:
        least, most = WHY_CHARS
        if self.verdict not in _SAID:
            raise ReleaseRefused(f"expected one of {', '.join(_SAID)}, found '{self.verdict}'. Nothing was changed.")
        if not 1 <= len(self.who.strip()) <= WHO_CHARS or self.who.strip() == GATE:
            raise ReleaseRefused(
                f"expected the name of the person who decides (up to {WHO_CHARS} characters), found "
                f"'{self.who[:WHO_CHARS]}'. Say who you are; nothing was changed."
            )
        if not least <= len(self.why.strip()) <= most:
            raise ReleaseRefused(
                f"expected a reason of {least} to {most} characters, found {len(self.why.strip())}. Say why; it is "
                "kept with the decision. Nothing was changed."
            )

    @property
    def by_person(self) -> bool:
        """Whether a person said it. A time-out decides too, but only until the gate runs again."""
        return self.who != TIMEOUT

    def __str__(self) -> str:
        return f"{_SAID[self.verdict]} by {self.who.strip()}: {self.why.strip()}"


_SAID = {Verdict.ACCEPT: "approved", Verdict.QUARANTINE: "refused", Verdict.DISCARD: "discarded"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict with its reasons; no reason means that every check held.

    Attributes:
        verdict: what happens to the slice.
        reasons: a person's ruling first, if there is one, then the failed checks that stop or hold.
        warnings: the failed checks that only warn.
        releasable: whether a person may let the slice in.
        decided_by: GATE, TIMEOUT, or the person.
        why: the person's reason.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    releasable: bool = True
    decided_by: str = GATE
    why: str = ""


def decide(checks: Sequence[Check], ruling: Ruling | None = None) -> Decision:
    """Quarantine if a stop check failed, hold if a hold check failed, else accept; a ruling stands above both.

    Too little evidence is not a hold: a check that needs a number of beads passes below it, and the units load
    as unreviewed.

    Args:
        checks: all that was asked of the slice, also what the review says of its strata.
        ruling: what a person said of this very content. It does not stand against a failed check that is not
            releasable: such a slice is loaded by nobody.

    Raises:
        ValueError: there is no check at all: a gate that looked at nothing must not accept.
    """
    if not checks:
        raise ValueError("the gate has no check for this slice: expected at least one")
    failed = {
        level: tuple(_reason(check) for check in checks if not check.passed and check.level is level) for level in Level
    }
    reasons = failed[Level.STOP] + failed[Level.HOLD]
    releasable = all(check.passed or check.releasable for check in checks)
    if ruling is None or (ruling.verdict is Verdict.ACCEPT and not releasable):
        return Decision(verdict=_verdict(failed), reasons=reasons, warnings=failed[Level.WARN], releasable=releasable)
    return Decision(
        verdict=ruling.verdict,
        reasons=(str(ruling), *reasons),
        warnings=failed[Level.WARN],
        releasable=releasable,
        decided_by=ruling.who.strip(),
        why=ruling.why.strip(),
    )


def _verdict(failed: dict[Level, tuple[str, ...]]) -> Verdict:
    if failed[Level.STOP]:
        return Verdict.QUARANTINE
    return Verdict.HOLD if failed[Level.HOLD] else Verdict.ACCEPT


def _reason(check: Check) -> str:
    return f"{check.name}: {check.found}" if check.found else check.name
