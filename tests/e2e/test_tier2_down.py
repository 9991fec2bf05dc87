"""Tier 2 is down: its documents wait for the next run or are published from tier 1, and either is said everywhere."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from operators import align
from operators.deferred import DeferredOperator
from tm_core.breaker import TierDown, is_stand_in
from tm_core.rules import Tier

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.slow]

DAY = "2026-01-05"
NAMES = ("weather-station", "seven-minutes")
WHY = "unschedulable"


class Down:
    """A runtime whose tier 2 is not to be had."""

    def run_shard(self, batch_id: str, tier: Tier, shard: int) -> dict[str, Any]:
        raise TierDown(f"{tier} shard {shard} of batch {batch_id}", "2026-01-06 00:10 UTC", WHY)


def deposit(world: Any) -> None:
    world.deposit(DAY, *(f"{DAY}/{name}.{lang}.txt" for name in NAMES for lang in ("en", "de")))


def refresh_without_tier2(world: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A whole refresh as the DAG does it, whose tier 2 tasks find their tier down; returns the batch."""
    for name, value in world.settings_env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(align, "runtime_of", lambda *_: Down())
    planned = world.tm("refresh-plan", "--date", DAY).json
    batch = str(planned["batch_id"])
    for shard in planned["shards"]:
        world.start("tm-align", "shard", "--batch", batch, "--tier", "lexical", "--shard", str(shard)).wait().ok()
    shards = world.tm("refresh-step", "route", "--batch", batch).json["shards"]
    assert shards, "without a tier 2 shard this test shows nothing"
    for shard in shards:
        task = align.AlignShardOperator(task_id="tier2", batch_id=batch, tier=Tier.EMBEDDING, shard=shard)
        assert WHY in task.execute({})["unavailable"]
    for step in ("filter", "gate", "load", "sample", "publish", "backup"):
        world.tm("refresh-step", step, "--batch", batch).ok()
    return batch


@pytest.fixture(scope="module")
def undisturbed(make_lasting_world: Callable[..., Any]) -> str:
    world = make_lasting_world(TM_TIER_THRESHOLD="1")
    deposit(world)
    return str(world.refreshed(DAY))


@pytest.mark.parametrize("policy", ["hold", "tier1"])
def test_what_tier_2_could_not_do_is_said_and_done_by_the_next_run(
    make_world: Callable[..., Any], undisturbed: str, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(TM_TIER_THRESHOLD="1", TM_TIER2_DOWN=policy)
    deposit(world)
    batch = refresh_without_tier2(world, monkeypatch)

    aligners = {row[0] for row in world.rows("select aligner from tm.unit")}
    documents = dict(world.rows("select name, state from ops.document where batch_id = %s", batch))
    if policy == "hold":
        assert aligners == set()
        assert documents == dict.fromkeys(NAMES, "deferred")
    else:
        assert aligners, "nothing was published"
        assert all(map(is_stand_in, aligners)), aligners
        assert documents == dict.fromkeys(NAMES, "aligned")
        assert world.value("select count(*) from ops.outcome where batch_id = %s", batch) > 0
    assert world.value("select count(*) from ops.ledger") == 0, "the next run would take it for done"
    said = world.tm("report", "--date", DAY).ok().out
    assert "TIER 2 WAS DOWN: 2 document pairs: tier 2 was down since 2026-01-06 00:10 UTC (unschedulable)" in said
    assert all(name in said for name in NAMES)
    assert "tier 2 was down" in world.tm("explain", NAMES[0]).ok().out

    ill = world.tm("doctor").out
    assert f"{len(NAMES)} document pairs of {DAY}: tier 2 was down" in " ".join(ill.split()), ill

    task = DeferredOperator(task_id="waiting")
    (start,) = task.execute({})
    assert start["conf"] == {"date": DAY}
    again = world.refresh(DAY)
    assert not json.loads(again.ok().out.splitlines()[-1])["nothing_new"]
    assert world.checksum() == undisturbed
    assert "TIER 2" not in world.tm("report", "--date", DAY).ok().out
    assert "no document waits for it" in world.tm("doctor").out
    assert task.execute({}) == []
    world.check_books(DAY)
    assert world.refresh(DAY).json["nothing_new"]
