"""Tier 2's nodes are not to be had, on a real cluster: the breaker opens, and documents are not waited for for ever."""

from collections.abc import Callable

import psycopg
import pytest

from tests.cluster.conftest import DAY, Batch
from tm_core.breaker import State, TierDown
from tm_core.contracts import Step
from tm_core.loss import Unschedulable
from tm_core.rules import Tier
from tm_store.breaker import read_breaker
from tm_store.migrate import open_memory

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.cluster]


def state(batch: Batch) -> State:
    with open_memory(batch.settings) as db:
        return read_breaker(db)[0].state


def test_a_tier_without_nodes_is_left_alone_until_its_probe_finds_some(make_batch: Callable[..., Batch]) -> None:
    batch = make_batch(
        tier2__node_selector={"tm-test/node": "none"},
        tier2__schedule_seconds=2,
        TM_TIER_THRESHOLD="1",
        TM_BREAKER_FAILURES="2",
        TM_BREAKER_SECONDS="86400",
        TM_TIER2_WAIT_SECONDS="3",
    )
    batch.deposit(*(f"{DAY}/weather-station.{lang}.txt" for lang in ("en", "de")))
    batch.plan()
    batch.shard()
    assert batch.step(Step.ROUTE)["shards"] == [0]

    with pytest.raises((TierDown, Unschedulable)):
        batch.shard(tier=Tier.EMBEDDING)
    assert state(batch) is State.OPEN
    with pytest.raises(TierDown, match="unschedulable"):
        batch.shard(tier=Tier.EMBEDDING, try_number=2)
    batch.kube.none_left()

    # The breaker's time is over; then nodes are there, and the next shard is the probe.
    with psycopg.connect(batch.settings.database_url) as connection:
        connection.execute("update ops.breaker set changed_at = changed_at - interval '1 day'")
    batch.settings = make_batch(TM_BREAKER_FAILURES="2", TM_BREAKER_SECONDS="86400").settings
    assert batch.shard(tier=Tier.EMBEDDING, try_number=3)["documents"] == {"aligned": 1}
    assert state(batch) is State.CLOSED
