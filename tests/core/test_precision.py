"""Wilson intervals, Kish's sample size and the publishing rule: against statsmodels, and by simulation."""

import math
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm_core.precision import Correction, Judgement, PublishingRule, Standing, Tally, standing, tally, wilson

SCHEMA = Path(__file__).resolve().parents[2] / "include" / "sql" / "schema" / "0007_review.sql"
RULE = PublishingRule()
RUNS = 2000


# The interval --------------------------------------------------------------------------------------


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(("correct", "total"), [(0, 1), (1, 1), (3, 10), (20, 20), (35, 35), (188, 200), (1, 5000)])
def test_wilson_is_statsmodels_wilson(correct: int, total: int, confidence: float) -> None:
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(correct, total, alpha=1 - confidence, method="wilson")
    found = wilson(correct, total, confidence=confidence)
    assert (found.lower, found.upper) == pytest.approx((low, high), abs=1e-12)


def test_how_many_right_ones_prove_the_target() -> None:
    assert wilson(20, 20).lower == pytest.approx(0.839, abs=5e-4)
    assert wilson(34, 34).lower < 0.9 <= wilson(35, 35).lower


@given(st.integers(0, 300), st.integers(0, 300), st.floats(0.5, 0.999))
def test_an_interval_lies_around_its_share_and_in_0_to_1(right: int, wrong: int, confidence: float) -> None:
    found = wilson(right, right + wrong, confidence=confidence)
    assert 0 <= found.lower <= found.estimate <= found.upper <= 1
    mirrored = wilson(wrong, right + wrong, confidence=confidence)
    assert mirrored.lower == pytest.approx(1 - found.upper, abs=1e-9)


def test_nothing_is_known_of_nothing() -> None:
    found = wilson(0, 0)
    assert (found.lower, found.upper, found.width) == (0, 1, 1)
    assert Tally().interval() == found
    assert standing(Tally(), RULE) is Standing.UNPROVEN


@pytest.mark.parametrize(("correct", "total"), [(-1, 5), (6, 5), (1, 0), (math.nan, 5)])
def test_an_impossible_share_is_refused(correct: float, total: float) -> None:
    with pytest.raises(ValueError, match="expected 0 <= correct <= total"):
        wilson(correct, total)


@pytest.mark.parametrize(("name", "value"), [("target", 0), ("target", 1), ("confidence", 1.0), ("target", math.nan)])
def test_a_rule_that_cannot_be_met_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        PublishingRule(**{name: value})


# Weights -------------------------------------------------------------------------------------------


def test_equal_weights_change_nothing() -> None:
    found = tally([(True, 7.0)] * 19 + [(False, 7.0)])
    assert found.effective == pytest.approx(20)
    assert found.interval().lower == pytest.approx(wilson(19, 20).lower)


def test_unequal_weights_count_as_what_they_stand_for_and_prove_less() -> None:
    # 30 right ones that stand for one bead each, one wrong one that stands for 30.
    found = tally([(True, 1.0)] * 30 + [(False, 30.0)])
    assert found.interval().estimate == pytest.approx(0.5)
    assert found.effective == pytest.approx(60**2 / (30 + 900))
    assert found.interval().width > wilson(30, 31).width


WEIGHED = st.lists(st.tuples(st.booleans(), st.floats(0.01, 1000)), min_size=1, max_size=60)


@given(WEIGHED, WEIGHED)
def test_tallies_add_up(one: list[tuple[bool, float]], other: list[tuple[bool, float]]) -> None:
    whole, parts = tally(one + other), tally(one) + tally(other)
    assert (whole.verdicts, whole.correct) == (parts.verdicts, parts.correct)
    assert whole.effective == pytest.approx(parts.effective)
    assert 1 - 1e-9 <= whole.effective <= whole.verdicts * (1 + 1e-9)
    assert whole.interval().lower <= whole.interval().upper  # a sum of floats never leaves the interval


# The publishing rule -------------------------------------------------------------------------------


def counts(correct: int, wrong: int) -> Tally:
    return tally([(True, 1.0)] * correct + [(False, 1.0)] * wrong)


@pytest.mark.parametrize(
    ("correct", "wrong", "expected"),
    [
        (20, 0, Standing.UNPROVEN),
        (34, 0, Standing.UNPROVEN),
        (35, 0, Standing.TRUSTED),
        (35, 1, Standing.UNPROVEN),
        (0, 1, Standing.UNPROVEN),  # its upper bound is .79, but one verdict proves nothing
        (0, 9, Standing.UNPROVEN),
        (0, 10, Standing.PROVEN_BAD),
        (6, 4, Standing.PROVEN_BAD),
        (180, 20, Standing.UNPROVEN),
        (150, 50, Standing.PROVEN_BAD),
    ],
)
def test_what_verdicts_prove(correct: int, wrong: int, expected: Standing) -> None:
    assert standing(counts(correct, wrong), RULE) is expected


def ever_and_finally(
    precision: float, verdicts: int, rule: PublishingRule
) -> tuple[dict[Standing, int], dict[Standing, int]]:
    """Of RUNS strata of a true precision, looked at after each verdict: how many were called what, ever and at last."""
    chance = random.Random(f"{precision}:{verdicts}")
    ever, finally_ = dict.fromkeys(Standing, 0), dict.fromkeys(Standing, 0)
    looks: dict[tuple[int, int], Standing] = {}
    for _ in range(RUNS):
        correct, seen = 0, set()
        for total in range(1, verdicts + 1):
            correct += chance.random() < precision
            if (correct, total) not in looks:
                looks[correct, total] = standing(
                    Tally(verdicts=total, correct=correct, weight=total, weight_squared=total, weight_correct=correct),
                    rule,
                )
            seen.add(looks[correct, total])
        for one in seen:
            ever[one] += 1
        finally_[looks[correct, verdicts]] += 1
    return ever, finally_


def test_a_stratum_below_the_target_is_seldom_trusted_however_often_one_looks() -> None:
    ever, finally_ = ever_and_finally(0.88, 200, RULE)
    assert finally_[Standing.TRUSTED] <= ever[Standing.TRUSTED] <= 0.05 * RUNS
    # Not because nothing is ever trusted, or the simulation is blind: at .95 the rule would not hold.
    assert ever_and_finally(0.95, 200, RULE)[0][Standing.TRUSTED] > 0.5 * RUNS


def test_a_good_stratum_is_trusted_after_200_verdicts() -> None:
    ever, finally_ = ever_and_finally(0.97, 200, RULE)
    assert finally_[Standing.TRUSTED] >= 0.9 * RUNS
    assert ever[Standing.PROVEN_BAD] <= 0.01 * RUNS
    # What least_bad is for: with it gone, more of these good strata would be held at some time.
    assert ever_and_finally(0.97, 200, PublishingRule(least_bad=0))[0][Standing.PROVEN_BAD] > 0.02 * RUNS


def test_a_bad_stratum_is_held_after_200_verdicts() -> None:
    _, finally_ = ever_and_finally(0.75, 200, RULE)
    assert finally_[Standing.PROVEN_BAD] >= 0.95 * RUNS


def test_unequal_weights_keep_the_promise() -> None:
    # Nights with more and fewer beads: each verdict stands for 20 to 200 of them.
    chance = random.Random(7)
    trusted = 0
    for _ in range(RUNS):
        found = tally((chance.random() < 0.88, chance.uniform(20, 200)) for _ in range(200))
        trusted += standing(found, RULE) is Standing.TRUSTED
    assert trusted <= 0.05 * RUNS


# The schema ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "states"), [("kind", Judgement), ("correction", Correction), ("state", Standing)]
)  # fmt: skip
def test_the_schema_lists_the_same_states(column: str, states: type[Judgement | Correction | Standing]) -> None:
    lists = re.findall(rf"{column} text not null.*check \({column} in \(([^)]*)\)\)", SCHEMA.read_text("utf-8"))
    assert {state.value for state in states} in [set(re.findall(r"'(\w+)'", one)) for one in lists]
