"""The steps as tasks: the same call as the command's, facts that fit into an XCom, the asset's partition."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk import Asset

from operators.step import PublishOperator, RouteOperator, StepOperator
from tm_core.contracts import Step
from tm_store import steps

pytestmark = pytest.mark.airflow

CONTEXT: Any = {"run_id": "manual__1"}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the steps were called with; each returns its facts."""
    facts = {
        Step.LOAD: {"inserted": 3, "at": datetime(2026, 1, 5, tzinfo=UTC)},
        Step.ROUTE: {"shards": [0, 2]},
        Step.PUBLISH: {"partition": "2026-01-05"},
    }
    found: list[Any] = []

    def run(_settings: Any, step: Step, batch_id: str, *, run_id: str) -> dict[str, Any]:
        found.append((step, batch_id, run_id))
        return facts[step]

    monkeypatch.setattr(steps, "run", run)
    return found


def test_a_step_returns_facts_that_fit_into_an_xcom(calls: list[Any]) -> None:
    facts = StepOperator(task_id="load", step=Step.LOAD, batch_id="b").execute(CONTEXT)
    assert json.loads(json.dumps(facts)) == {"inserted": 3, "at": "2026-01-05 00:00:00+00:00"}
    assert calls == [(Step.LOAD, "b", "manual__1")]


def test_a_route_returns_the_shards_that_tier_2_is_mapped_over(calls: list[Any]) -> None:
    assert RouteOperator(task_id="route", step=Step.ROUTE, batch_id="b").execute(CONTEXT) == [0, 2]


def test_publishing_emits_the_date_as_a_partition_of_each_outlet(calls: list[Any]) -> None:
    class Events:
        def __init__(self) -> None:
            self.partitions: list[str] = []

        def add_partitions(self, partition: str) -> None:
            self.partitions.append(partition)

    memory, other = Asset("translation_memory"), Asset("other")
    events = {memory: Events(), other: Events()}
    task = PublishOperator(task_id="publish", step=Step.PUBLISH, batch_id="b", outlets=[memory, other])
    task.execute(CONTEXT | {"outlet_events": events})
    assert [events[asset].partitions for asset in (memory, other)] == [["2026-01-05"]] * 2
