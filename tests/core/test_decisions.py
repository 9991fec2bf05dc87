"""Verdicts and routes: every case of the table, and reasons in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm_core.outcomes import Verdict
from tm_core.routing import default_threshold, route
from tm_core.rules import Tier
from tm_core.verdicts import Check, Decision, Level, decide

CHECKS = {
    level: {
        passed: Check(name=f"a {level} promise", level=level, passed=passed, found="7 %") for passed in (True, False)
    }
    for level in Level
}


@pytest.mark.parametrize(
    ("stop", "hold", "warn", "verdict"),
    [
        (True, True, True, Verdict.ACCEPT),
        (True, True, False, Verdict.ACCEPT),
        (True, False, True, Verdict.HOLD),
        (True, False, False, Verdict.HOLD),
        (False, True, True, Verdict.QUARANTINE),
        (False, True, False, Verdict.QUARANTINE),
        (False, False, True, Verdict.QUARANTINE),
        (False, False, False, Verdict.QUARANTINE),
    ],
)
def test_the_table_of_verdicts(stop: bool, hold: bool, warn: bool, verdict: Verdict) -> None:
    checks = [CHECKS[level][passed] for level, passed in zip(Level, (stop, hold, warn), strict=True)]
    reasons = [f"a {level} promise: 7 %" for level, passed in (("stop", stop), ("hold", hold)) if not passed]
    decision = Decision(verdict=verdict, reasons=tuple(reasons), warnings=() if warn else ("a warn promise: 7 %",))
    assert decide(checks) == decision
    assert decide(checks[::-1]) == decision


def test_a_gate_that_looked_at_nothing_accepts_nothing() -> None:
    with pytest.raises(ValueError, match="no check for this slice"):
        decide([])


def test_a_reason_without_a_finding_is_the_promise() -> None:
    assert decide([Check(name="the sums close", level=Level.STOP, passed=False)]).reasons == ("the sums close",)


@given(st.lists(st.tuples(st.sampled_from(Level), st.booleans()), min_size=1))
def test_every_failed_check_is_told_once(drawn: list[tuple[Level, bool]]) -> None:
    checks = [Check(name=str(number), level=level, passed=ok) for number, (level, ok) in enumerate(drawn)]
    decision = decide(checks)
    assert sorted(decision.reasons + decision.warnings) == sorted(one.name for one in checks if not one.passed)
    assert (decision.verdict is Verdict.ACCEPT) == (not decision.reasons)


@pytest.mark.parametrize(
    ("confidence", "threshold", "tier"),
    [
        (0.5, 0.5, Tier.LEXICAL), (0.49, 0.5, Tier.EMBEDDING), (0.51, 0.5, Tier.LEXICAL), (0.0, 0.0, Tier.LEXICAL),
        (1.0, 1.0, Tier.LEXICAL), (0.99, 1.0, Tier.EMBEDDING), (0.0, 0.01, Tier.EMBEDDING),
    ],
)  # fmt: skip
def test_routes_at_the_threshold(confidence: float, threshold: float, tier: Tier) -> None:
    found = route(confidence, threshold, has_model=True)
    sign = "<" if tier is Tier.EMBEDDING else ">="
    assert found.tier is tier
    assert found.reason == f"tier 1 confidence {confidence:.2f} {sign} {threshold:.2f}"


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan"), float("inf")])
def test_an_impossible_confidence_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="expected 0 to 1"):
        route(confidence, 0.5, has_model=True)


@pytest.mark.parametrize("confidence", [0.0, 0.3, 0.69, 0.7, 1.0])
def test_without_a_model_no_document_goes_on_unless_a_threshold_is_set(confidence: float) -> None:
    stays = route(confidence, default_threshold(has_model=False), has_model=False)
    assert stays.tier is Tier.LEXICAL
    assert "no vectors of a model" in stays.reason
    forced = route(confidence, 1.0, has_model=False)
    assert (forced.tier is Tier.EMBEDDING) == (confidence < 1.0)
    with_model = route(confidence, default_threshold(has_model=True), has_model=True)
    assert (with_model.tier is Tier.EMBEDDING) == (confidence < 0.7)
