"""The breaker in Postgres: one for all tasks, and one probe of many that ask at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from tm_core.breaker import State
from tm_core.settings import Settings
from tm_store.breaker import TierBreaker, read_breaker
from tm_store.migrate import open_memory

pytestmark = pytest.mark.db
DAY_S = 86_400.0  # longer than any test: time passes where a test says so


def breaker(settings: Settings, who: str = "a") -> TierBreaker:
    return TierBreaker(settings=replace(settings, breaker_seconds=DAY_S), who=who, probe_seconds=DAY_S)


def state(settings: Settings) -> State:
    with open_memory(settings) as db:
        return read_breaker(db)[0].state


def fail(settings: Settings, times: int) -> None:
    for number in range(times):
        breaker(settings, f"shard {number}").failed("unschedulable")


def day_passes(settings: Settings) -> None:
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("update ops.breaker set changed_at = changed_at - interval '1 day'")


def test_ten_failures_of_any_shards_open_it_and_every_task_sees_it(settings: Settings) -> None:
    assert settings.breaker_failures == 10
    fail(settings, 9)
    assert breaker(settings, "b").ask()[0].go
    fail(settings, 1)
    answer, down_s = breaker(settings, "b").ask()
    assert not answer.go
    assert 0 <= answer.wait_seconds <= DAY_S
    assert down_s >= 0
    error = breaker(settings).down("embedding shard 0")
    assert "unschedulable" in str(error)


def test_of_many_that_ask_a_half_open_breaker_one_is_the_probe(settings: Settings) -> None:
    fail(settings, 10)
    day_passes(settings)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: breaker(settings, f"shard {number}").ask()[0], range(8)))
    assert sum(one.go for one in answers) == 1
    assert state(settings) is State.HALF_OPEN


@pytest.mark.parametrize(("works", "after"), [(True, State.CLOSED), (False, State.OPEN)])
def test_the_probe_closes_it_or_opens_it_anew(settings: Settings, works: bool, after: State) -> None:
    fail(settings, 10)
    day_passes(settings)
    assert breaker(settings, "probe").ask()[0].go
    breaker(settings, "probe").succeeded() if works else breaker(settings, "probe").failed("evicted")
    assert state(settings) is after
    assert breaker(settings, "b").ask()[0].go is works
