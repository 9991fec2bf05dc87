"""The gate's verdict on a slice: pure, and explained in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tm_core.outcomes import Verdict


class Level(StrEnum):
    """What a failed check of the gate means for the slice."""

    STOP = "stop"  # the numbers cannot be right: quarantine
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
    """

    name: str
    level: Level
    passed: bool
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict with its reasons; no reason means that every check held."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def decide(checks: Sequence[Check]) -> Decision:
    """Quarantine if a stop check failed, hold if a hold check failed, else accept.

    Too little evidence is not a hold: a check that needs a number of beads passes below it, and the units load
    as unreviewed.

    Raises:
        ValueError: there is no check at all: a gate that looked at nothing must not accept.
    """
    if not checks:
        raise ValueError("the gate has no check for this slice: expected at least one")
    failed = {
        level: tuple(_reason(check) for check in checks if not check.passed and check.level is level) for level in Level
    }
    for level, verdict in ((Level.STOP, Verdict.QUARANTINE), (Level.HOLD, Verdict.HOLD)):
        if failed[level]:
            return Decision(
                verdict=verdict, reasons=failed[Level.STOP] + failed[Level.HOLD], warnings=failed[Level.WARN]
            )
    return Decision(verdict=Verdict.ACCEPT, warnings=failed[Level.WARN])


def _reason(check: Check) -> str:
    return f"{check.name}: {check.found}" if check.found else check.name
