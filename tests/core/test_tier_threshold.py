"""The proposal of a threshold between the tiers."""

from tm_core.precision import PublishingRule
from tm_core.tier_threshold import Judged, propose

RULE = PublishingRule()


def some(count: int, confidence: float, *, wrong: int = 0) -> list[Judged]:
    return [Judged(confidence=confidence, is_right=number >= wrong, weight=1.0) for number in range(count)]


def test_the_lowest_good_threshold_is_proposed() -> None:
    judged = [*some(100, 0.95), *some(100, 0.82, wrong=2), *some(60, 0.72, wrong=30)]
    found = propose(judged, 0.7, RULE)
    assert found.proposed == 0.75
    assert found.tried[0].threshold == 0.7
    assert next(one for one in found.tried if one.threshold == 0.7).is_good is False


def test_a_bad_band_is_not_hidden_by_the_good_ones_above_it() -> None:
    # Over all .96, but half of what lies just above .7 is wrong.
    found = propose([*some(1000, 0.95), *some(80, 0.72, wrong=40)], 0.7, RULE)
    assert next(one for one in found.tried if one.threshold == 0.7).kept.lower > RULE.target
    assert found.proposed == 0.75


def test_nothing_is_proposed_where_nothing_is_proven() -> None:
    assert propose([], 0.7, RULE).proposed is None
    assert propose(some(20, 0.9), 0.7, RULE).proposed is None
    assert "no threshold" in propose(some(50, 0.9, wrong=10), 0.7, RULE).reason


def test_nothing_is_tried_below_what_anybody_judged() -> None:
    found = propose(some(200, 0.71), 0.7, RULE)
    assert found.proposed is None
    assert "as it is set" in found.reason
    assert min(one.threshold for one in found.tried) == 0.7
