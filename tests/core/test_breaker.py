"""The circuit breaker's rules: every state, every event, and many at once."""

import pickle
import random
from datetime import UTC, datetime, timedelta

import pytest

from tm_core import breaker as rules_of
from tm_core.breaker import Breaker, BreakerRules, State, TierDown, ask, failed, succeeded
from tm_core.loss import Cause

NOW = datetime(2026, 1, 5, 2, tzinfo=UTC)
RULES = BreakerRules(failures=3, open_seconds=60, probe_seconds=600)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def opened() -> Breaker:
    breaker = Breaker()
    for _ in range(RULES.failures):
        breaker = failed(breaker, "a", "unschedulable", NOW, RULES)
    return breaker


def test_defaults_are_ten_failures_and_a_minute() -> None:
    assert (BreakerRules().failures, BreakerRules().open_seconds) == (10, 60)


def test_it_opens_after_failures_in_a_row_and_not_one_earlier() -> None:
    breaker = Breaker()
    for _ in range(RULES.failures - 1):
        breaker = failed(breaker, "a", "evicted", NOW, RULES)
        assert ask(breaker, "b", NOW, RULES).go
    breaker = failed(breaker, "b", "unschedulable", NOW, RULES)
    assert breaker.state is State.OPEN
    assert breaker.reason == "unschedulable"
    assert not ask(breaker, "b", NOW, RULES).go


def test_a_success_between_failures_starts_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(5):
        for _ in range(RULES.failures - 1):
            breaker = failed(breaker, "a", "evicted", NOW, RULES)
        breaker = succeeded(breaker, NOW)
        assert (breaker.state, breaker.failures, breaker.first_failed_at) == (State.CLOSED, 0, None)


def test_open_says_how_long_to_wait_and_then_lets_one_go() -> None:
    breaker = opened()
    assert ask(breaker, "b", after(20), RULES).wait_seconds == pytest.approx(40)
    first = ask(breaker, "b", after(60), RULES)
    assert first.go
    assert (first.breaker.state, first.breaker.probe) == (State.HALF_OPEN, "b")
    assert not ask(first.breaker, "c", after(61), RULES).go
    assert ask(first.breaker, "b", after(61), RULES).go, "the probe's next pod is still the probe"


@pytest.mark.parametrize("works", [True, False])
def test_the_probe_decides(works: bool) -> None:
    probing = ask(opened(), "b", after(60), RULES).breaker
    if works:
        assert succeeded(probing, after(70)) == Breaker(changed_at=after(70))
        return
    again = failed(probing, "b", "unschedulable", after(70), RULES)
    assert (again.state, again.changed_at) == (State.OPEN, after(70))
    assert ask(again, "c", after(129), RULES).wait_seconds == pytest.approx(1)
    assert again.down_seconds(after(70)) == 70, "it has been down since the first failure"


def test_a_late_failure_of_another_does_not_end_the_probe_nor_prolong_the_wait() -> None:
    late = failed(opened(), "c", "evicted", after(50), RULES)
    assert ask(late, "b", after(60), RULES).go
    probing = ask(late, "b", after(60), RULES).breaker
    assert failed(probing, "c", "evicted", after(61), RULES).state is State.HALF_OPEN


def test_a_probe_that_never_reports_gives_way() -> None:
    probing = ask(opened(), "b", after(60), RULES).breaker
    assert not ask(probing, "c", after(60 + 599), RULES).go
    taken = ask(probing, "c", after(60 + 600), RULES)
    assert (taken.go, taken.breaker.probe) == (True, "c")


def test_no_order_of_events_lets_two_probes_go_or_blocks_for_ever() -> None:
    """Random histories: while half-open at most one may go, and from any state somebody goes within the known times."""
    dice = random.Random(20260105)
    seen = set()
    for _ in range(300):
        breaker, now = Breaker(), NOW
        for _ in range(40):
            now += timedelta(seconds=dice.choice((0, 1, 30, 60, 601)))
            who = dice.choice("abc")
            match dice.choice(("ask", "ask", "fail", "succeed")):
                case "ask":
                    breaker = ask(breaker, who, now, RULES).breaker
                case "fail":
                    breaker = failed(breaker, who, "lost", now, RULES)
                case "succeed" if dice.random() < 0.2:
                    breaker = succeeded(breaker, now)
            seen.add(breaker.state)
            if breaker.state is State.HALF_OPEN:
                assert sum(ask(breaker, who, now, RULES).go for who in "abc") <= 1 or (
                    now - (breaker.changed_at or now) >= timedelta(seconds=RULES.probe_seconds)
                )
            longest = now + timedelta(seconds=max(RULES.open_seconds, RULES.probe_seconds))
            assert ask(breaker, "d", longest, RULES).go
    assert seen == set(State)


def test_only_what_speaks_of_the_nodes_counts() -> None:
    counted = rules_of.UNAVAILABLE
    assert {Cause.UNSCHEDULABLE, Cause.PREEMPTED, Cause.NODE_GONE, Cause.API_LOST} <= counted
    assert not counted & {Cause.DONE, Cause.CRASHED, Cause.OUT_OF_MEMORY, Cause.IMAGE, Cause.HOPELESS, Cause.ABANDONED}


def test_the_stamp_is_put_on_once_and_seen() -> None:
    stamped = rules_of.stand_in("lexical/3")
    assert stamped == rules_of.stand_in(stamped) == "lexical/3+tier2-down"
    assert rules_of.is_stand_in(stamped)
    assert not rules_of.is_stand_in("lexical/3")


def test_the_error_survives_pickling() -> None:
    error = TierDown("embedding shard 0", "02:00", "unschedulable")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
