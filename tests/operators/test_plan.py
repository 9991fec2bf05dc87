"""Which date a run refines, and what is skipped when there is nothing new."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, timezone
from airflow.sdk._shared.timezones.timezone import _Timezone, parse_timezone

from operators.plan import PlanOperator, partition_date
from tm_store import steps
from tm_store.plan import PlanSummary

pytestmark = pytest.mark.airflow


def context(*, key: str | None = None, chosen: str | None = None, logical: datetime | None = None) -> Any:
    # A minute past midnight: the night after the 5th.
    run = SimpleNamespace(partition_key=key, logical_date=logical, run_after=datetime(2026, 1, 6, 0, 1, tzinfo=UTC))
    return {"dag_run": run, "params": {"date": chosen}, "run_id": "manual__1"}


@pytest.mark.parametrize(
    ("key", "chosen", "expected"),
    [
        ("2026-02-01", "2026-03-01", date(2026, 2, 1)),
        ("2026-02-01", None, date(2026, 2, 1)),
        (None, "2026-03-01", date(2026, 3, 1)),
        (None, None, date(2026, 1, 5)),
        ("", "", date(2026, 1, 5)),
    ],
)
def test_the_key_counts_before_the_form_and_the_form_before_yesterday(
    key: str | None, chosen: str | None, expected: date
) -> None:
    assert partition_date(context(key=key, chosen=chosen)) == expected


@pytest.mark.parametrize(
    ("key", "chosen", "logical", "expected"),
    [
        (None, None, "2026-03-01T00:00Z", date(2026, 3, 1)),
        (None, None, "2026-03-01T15:30Z", date(2026, 3, 1)),
        (None, None, "2025-12-01T00:00Z", date(2025, 12, 1)),
        (None, None, "2026-01-06T00:00Z", date(2026, 1, 6)),
        (None, None, "2026-01-06T00:00:59.5Z", date(2026, 1, 5)),  # the moment of the run: no one chose it
        (None, "2026-02-01", "2026-03-01T00:00Z", date(2026, 2, 1)),
        ("2026-02-01", None, "2026-03-01T00:00Z", date(2026, 2, 1)),
    ],
)
def test_a_chosen_logical_date_counts_before_yesterday(
    key: str | None, chosen: str | None, logical: str, expected: date
) -> None:
    assert partition_date(context(key=key, chosen=chosen, logical=datetime.fromisoformat(logical))) == expected


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("day", ["2026-03-01", "2026-07-01", "2026-01-06"])
def test_a_date_typed_without_a_time_is_that_date_in_every_timezone(
    monkeypatch: pytest.MonkeyPatch, zone: str, day: str
) -> None:
    monkeypatch.setattr(_Timezone, "initialized_timezone", parse_timezone(zone))
    moment = timezone.parse(day).astimezone(UTC)  # as the command line reads it and the database keeps it
    assert partition_date(context(logical=moment)) == date.fromisoformat(day)


class Instance:
    """Takes what a task pushes."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def planned(monkeypatch: pytest.MonkeyPatch, *, nothing_new: bool, **arguments: Any) -> Any:
    """Run the task in a small DAG over a plan made up here; returns what came of it."""
    calls: list[Any] = []
    summary = PlanSummary(
        batch_id="b", partition_date="2026-01-05", nothing_new=nothing_new, shards=[] if nothing_new else [0, 1],
        files={"paired": 2}, documents=1, from_ledger=0,
    )  # fmt: skip

    def plan(_settings: Any, day: date, **options: Any) -> PlanSummary:
        calls.append((day, options))
        return summary

    monkeypatch.setattr(steps, "plan", plan)
    with DAG("d", schedule=None):
        task = PlanOperator(task_id="plan", **arguments)
        task >> EmptyOperator(task_id="next") >> EmptyOperator(task_id="last")
        EmptyOperator(task_id="elsewhere")
    skipped: list[str] = []
    monkeypatch.setattr(PlanOperator, "skip", lambda _self, ti, tasks: skipped.extend(one.task_id for one in tasks))
    instance = Instance()
    returned = task.execute(context(key="2026-01-05") | {"ti": instance, "task": task})
    return SimpleNamespace(returned=returned, skipped=sorted(skipped), pushed=instance.pushed, calls=calls)


def test_a_plan_returns_its_shards_and_skips_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    done = planned(monkeypatch, nothing_new=False, only_stores=["demo"], reprocess=True)
    assert done.returned == [0, 1]
    assert done.skipped == []
    assert done.pushed["batch_id"] == "b"
    assert done.pushed["summary"]["files"] == {"paired": 2}
    assert done.calls == [(date(2026, 1, 5), {"run_id": "manual__1", "only_stores": ["demo"], "reprocess": True})]


def test_nothing_new_skips_all_that_follows_and_only_that(monkeypatch: pytest.MonkeyPatch) -> None:
    done = planned(monkeypatch, nothing_new=True)
    assert done.returned == []
    assert done.skipped == ["last", "next"]


@pytest.mark.parametrize(
    ("given", "understood"), [(True, True), (False, False), ("True", True), ("False", False), (None, False)]
)
def test_a_rendered_parameter_is_understood(monkeypatch: pytest.MonkeyPatch, given: Any, understood: bool) -> None:
    ((_, options),) = planned(monkeypatch, nothing_new=False, reprocess=given).calls
    assert options["reprocess"] is understood
