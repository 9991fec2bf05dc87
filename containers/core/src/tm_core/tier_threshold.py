"""From which confidence on a document may stay in tier 1: what verdicts say of it. A proposal; a person approves it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tm_core.precision import Interval, PublishingRule, Standing, standing, tally

#: Thresholds that are tried, and the width of the band above each. Not calibrated yet.
STEP = 0.05
_STEPS = round(1 / STEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict on a bead of tier 1. ``confidence`` is that of tier 1 in its document, 0 to 1."""

    confidence: float
    is_right: bool
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A threshold, and the precision of what tier 1 would have kept under it.

    Attributes:
        kept: of all documents from the threshold on; band: of those just above it.
    """

    threshold: float
    verdicts: int
    kept: Interval
    band_verdicts: int
    band: Interval
    is_good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What to set the threshold to; ``proposed`` is None if the verdicts prove nothing, or what is set already."""

    current: float
    proposed: float | None
    reason: str
    tried: tuple[Tried, ...]


def propose(judged: Iterable[Judged], current: float, rule: PublishingRule) -> Proposal:
    """The lowest threshold whose documents are proven good, none of them in a band just above it proven bad.

    Nothing is tried below the least confident document that anybody judged: with the threshold in force, tier 1's beads
    of less confident documents are not there to be judged. Cost: O(verdicts) for each of 20 thresholds.
    """
    found = list(judged)
    if not found:
        return Proposal(current=current, proposed=None, reason="nobody has judged a bead of tier 1", tried=())
    least = min(one.confidence for one in found)
    steps = [number * STEP for number in range(_STEPS) if (number + 1) * STEP > least]
    tried = tuple(_tried(found, max(round(step, 2), 0.0), rule) for step in steps)
    good = next((one for one in tried if one.is_good), None)
    if good is None:
        reason = f"no threshold is proven to reach a precision of {rule.target:.2f}"
        return Proposal(current=current, proposed=None, reason=reason, tried=tried)
    told = f"from {good.threshold:.2f} on: precision {good.kept.lower:.3f} to {good.kept.upper:.3f}"
    if abs(good.threshold - current) < STEP / 2:
        return Proposal(current=current, proposed=None, reason=f"{told}: as it is set", tried=tried)
    reason = f"{told}, on {good.verdicts} verdicts at a target of {rule.target:.2f}"
    return Proposal(current=current, proposed=good.threshold, reason=reason, tried=tried)


def _tried(found: Sequence[Judged], threshold: float, rule: PublishingRule) -> Tried:
    kept = tally((one.is_right, one.weight) for one in found if one.confidence >= threshold)
    band = tally((one.is_right, one.weight) for one in found if threshold <= one.confidence < threshold + STEP)
    return Tried(
        threshold=threshold,
        verdicts=kept.verdicts,
        kept=kept.interval(rule.confidence),
        band_verdicts=band.verdicts,
        band=band.interval(rule.confidence),
        is_good=standing(kept, rule) is Standing.TRUSTED and standing(band, rule) is not Standing.PROVEN_BAD,
    )
