"""How good a stratum is: Wilson intervals over people's verdicts on a sample, and the publishing rule."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist


class Judgement(StrEnum):
    """What a reviewer does with an item. Only the first three judge it."""

    ACCEPT = "accept"  # the two sides are translations of each other
    WRONG = "wrong"  # they are not
    PARTIAL = "partial"  # they share content, but one says more: leaves the memory as a wrong one does
    SKIP = "skip"  # left for somebody else
    UNDO = "undo"  # takes an own verdict back


#: Judgements that count for precision and agreement.
JUDGING = frozenset({Judgement.ACCEPT, Judgement.WRONG, Judgement.PARTIAL})


class Correction(StrEnum):
    """What a reviewer mended, beside a judgement of ``partial``."""

    EDIT = "edit"  # the target's text
    BOUNDARY = "boundary"  # where the bead ends


class Standing(StrEnum):
    """What verdicts prove of a stratum, as the publishing rule reads them."""

    PROVEN_BAD = "proven_bad"  # the interval lies under the target: what comes is held
    UNPROVEN = "unproven"  # too little is known: loads as unreviewed, and to the head of the queue
    TRUSTED = "trusted"  # the interval lies at or above the target


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishingRule:
    """When a stratum is trusted, and when it is held.

    Attributes:
        target: the share of right units that a store promises, 0 to 1.
        confidence: of the interval, two-sided, 0 to 1.
        least_bad: effective verdicts below which nothing is proven bad. One wrong unit alone has an upper bound of
            .79; looked at after each of 200 verdicts, a stratum of precision .97 would be held at some time in 3.7 %
            of runs, and with 10 in 0.4 %. (Trust needs no such limit: 34 of 34 do not prove .90.) Source:
            tests/core/test_precision.py.
    """

    target: float = 0.9
    confidence: float = 0.95
    least_bad: float = 10

    def __post_init__(self) -> None:
        for name in ("target", "confidence"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise ValueError(f"{name} is {value}, expected a number between 0 and 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimated share and its bounds, 0 to 1."""

    estimate: float
    lower: float
    upper: float

    @property
    def width(self) -> float:
        """Upper less lower bound: 1 if nothing is known."""
        return self.upper - self.lower


def wilson(correct: float, total: float, *, confidence: float = 0.95) -> Interval:
    """The Wilson score interval of a share.

    Args:
        correct, total: counts, 0 <= correct <= total; fractions are allowed (effective sample sizes).
        confidence: two-sided, 0 to 1.

    Returns:
        (0, 1) with estimate 0.5 if ``total`` is 0: nothing is known.

    Source: E. B. Wilson, Probable inference, JASA 22 (1927).
    """
    # A weighted sum may pass its total by a rounding error.
    if not -1e-9 <= correct <= total * (1 + 1e-9) + 1e-9:
        raise ValueError(f"{correct} of {total}: expected 0 <= correct <= total")
    if total <= 0:
        return Interval(estimate=0.5, lower=0.0, upper=1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = min(1.0, max(0.0, correct / total))
    scale = 1 + z * z / total
    middle = (share + z * z / (2 * total)) / scale
    half = z * math.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2) / scale
    # At the ends the bound is exactly 0 or 1; rounding would miss it by a hair.
    lower = 0.0 if share == 0 else max(0.0, middle - half)
    upper = 1.0 if share == 1 else min(1.0, middle + half)
    return Interval(estimate=share, lower=lower, upper=upper)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Verdicts of a stratum, summed; tallies add up.

    Attributes:
        verdicts, correct: counts of items.
        weight, weight_squared, weight_correct: sums over the items' sampling weights (inverse inclusion probabilities).
    """

    verdicts: int = 0
    correct: int = 0
    weight: float = 0.0
    weight_squared: float = 0.0
    weight_correct: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            verdicts=self.verdicts + other.verdicts,
            correct=self.correct + other.correct,
            weight=self.weight + other.weight,
            weight_squared=self.weight_squared + other.weight_squared,
            weight_correct=self.weight_correct + other.weight_correct,
        )

    @property
    def effective(self) -> float:
        """Kish's effective sample size: what the verdicts are worth if their weights differ. At most their number.

        Source: L. Kish, Survey Sampling (1965).
        """
        return self.weight**2 / self.weight_squared if self.weight_squared else 0.0

    def interval(self, confidence: float = 0.95) -> Interval:
        """The Wilson interval of the weighted precision, at the effective sample size."""
        if not self.weight:
            return wilson(0, 0, confidence=confidence)
        return wilson(self.weight_correct / self.weight * self.effective, self.effective, confidence=confidence)


def tally(verdicts: Iterable[tuple[bool, float]]) -> Tally:
    """Sum (is right, sampling weight) of single verdicts; a weight is positive."""
    found = list(verdicts)
    return Tally(
        verdicts=len(found),
        correct=sum(right for right, _ in found),
        weight=math.fsum(weight for _, weight in found),
        weight_squared=math.fsum(weight * weight for _, weight in found),
        weight_correct=math.fsum(weight for right, weight in found if right),
    )


def standing(found: Tally, rule: PublishingRule) -> Standing:
    """What the verdicts prove. Looked at as often as verdicts come in: the bounds hold for that, by simulation.

    With a true precision of .88 and a target of .90, looked at after each of 200 verdicts, a stratum is called trusted
    at some time in 2.7 % of runs (tests/core/test_precision.py).
    """
    interval = found.interval(rule.confidence)
    if interval.lower >= rule.target:
        return Standing.TRUSTED
    if interval.upper < rule.target and found.effective >= rule.least_bad:
        return Standing.PROVEN_BAD
    return Standing.UNPROVEN
