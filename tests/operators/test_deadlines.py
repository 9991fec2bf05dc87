"""Deadline alerts ask the run records before they send anything. On a scheduler: tests/e2e/test_recovery_dags.py."""

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from operators.deadlines import deadline, on_missed
from operators.recovery import TakeBackupOperator
from tests.operators.conftest import Sink
from tests.store.batches_made import load
from tm_core.retention import BACKUP_LIMIT, DRILL_LIMIT
from tm_core.settings import Settings
from tm_store.db import Database

pytestmark = [pytest.mark.airflow, pytest.mark.db]

#: As Airflow 3.3 makes it for a deadline's callback.
CONTEXT = {
    "dag_run": {"dag_id": "tm_backup", "dag_run_id": "scheduled__2026-01-05", "logical_date": "2026-01-05T02:00:00Z"},
    "deadline": {"id": "0199", "deadline_time": "2026-01-05T04:00:00Z"},
}


@pytest.fixture(autouse=True)
def memory(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))
    return settings


def missed(context: Mapping[str, Any] = CONTEXT) -> str:
    return asyncio.run(on_missed(alarm="backup_age", context=context))


def load_yesterday(db: Database) -> None:
    load(db, date(2026, 1, 5), {"a": [("One house", "Ein Haus")]})
    db.connection.execute("update ops.batch set planned_at = now() - interval '27 h'")


def test_a_new_stack_sends_nothing(db: Database, sink: Sink) -> None:
    assert missed() == ""
    assert sink.mails == []
    assert db.connection.execute("select name from ops.alarm").fetchall() == []


def test_a_missed_deadline_is_mailed_and_leaves_a_row(db: Database, sink: Sink) -> None:
    load_yesterday(db)
    assert missed() == "no good backup within 26 h: there is none"
    [mail] = sink.mails
    assert mail["Subject"] == "tm_backup.backup_age failed for 2026-01-05"
    assert db.connection.execute("select name from ops.alarm").fetchall() == [("backup_age",)]


def test_a_run_that_a_person_started_has_no_date(db: Database, sink: Sink) -> None:
    load_yesterday(db)
    assert missed({"dag_run": dict(CONTEXT["dag_run"]) | {"logical_date": None}})
    assert sink.mails[0]["Subject"] == "tm_backup.backup_age failed"


def test_a_late_run_sends_nothing_while_the_run_records_are_in_order(db: Database, sink: Sink) -> None:
    load_yesterday(db)
    TakeBackupOperator(task_id="take", always=True).execute({})
    assert missed() == ""
    assert sink.mails == []


def test_a_memory_that_cannot_be_asked_is_told(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TM_DATABASE_URL", "postgresql://tm:x@127.0.0.1:1/tm")
    assert "127.0.0.1" in missed()
    assert len(sink.mails) == 1


@pytest.mark.parametrize(
    ("limit", "every", "late"),
    [(BACKUP_LIMIT, timedelta(days=1), timedelta(hours=2)), (DRILL_LIMIT, timedelta(days=7), timedelta(days=1))],
)
def test_the_alert_counts_from_the_queueing_of_the_run(limit: timedelta, every: timedelta, late: timedelta) -> None:
    """A new stack makes last night's runs when it starts: counted from their hours they would be late at once."""
    alert = deadline("backup_age", limit=limit, every=every)
    assert (alert.interval, alert.reference.reference_name) == (late, "DagRunQueuedAtDeadline")
