"""The tasks of tm_backup, tm_restore_drill and tm_restore, as a run calls them, over a real memory and storage."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from operators.recovery import (
    CheckDeadlinesOperator,
    DiscardRestoreOperator,
    DrillOperator,
    Ending,
    EndRestoreOperator,
    PreviewRestoreOperator,
    PruneOperator,
    RestoreOperator,
    SwapOperator,
    TakeBackupOperator,
)
from tests.operators.asked import context, let_through
from tests.store.batches_made import load
from tm_core.errors import BackupError, DeadlineMissed, DrillFailed
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.backup_catalog import find, list_backups
from tm_store.checksum import memory_checksum
from tm_store.db import Database, open_database
from tm_store.restore_swap import drop_beside, list_beside

pytestmark = [pytest.mark.airflow, pytest.mark.db]

FORM = {"dry_run": False, "backup": "", "time": "", "batch": "", "replay": True, "cut": False}


@pytest.fixture
def new_stack(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What the operators find on a stack that has just been started."""
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))
    return settings


@pytest.fixture
def memory(new_stack: Settings, settings: Settings, db: Database) -> Iterator[Settings]:
    load(db, date(2026, 1, 5), {"a": [("One house", "Ein Haus"), ("Two houses", "Zwei Häuser")]})
    yield settings
    for one in list_beside(settings):
        drop_beside(settings, one.name)


def run(kind: Any, **arguments: Any) -> Any:
    return kind(task_id="task", **arguments).execute(context("tm_restore"))


def test_a_backup_is_taken_when_due_or_asked_for(memory: Settings) -> None:
    first = run(TakeBackupOperator, always=False)
    assert first["fresh"]
    assert run(TakeBackupOperator, always=False) == {"uri": first["uri"], "fresh": False}
    assert run(TakeBackupOperator, always=True)["uri"] != first["uri"]
    assert run(PruneOperator, preview=False) == {"backups": 0, "files": 0}


def test_a_new_stack_has_missed_nothing_and_has_nothing_to_prove(new_stack: Settings, db: Database) -> None:
    run(CheckDeadlinesOperator)
    assert db.connection.execute("select name from ops.alarm").fetchall() == []
    with pytest.raises(AirflowSkipException, match="nothing to prove"):
        run(DrillOperator, uri="")
    run(TakeBackupOperator, always=False)
    run(CheckDeadlinesOperator)
    assert run(DrillOperator, uri="")["is_passed"], "a backup of the empty memory can be proven"


def test_deadlines_that_are_missed_fail_and_leave_a_row(memory: Settings, db: Database) -> None:
    run(CheckDeadlinesOperator)
    db.connection.execute("update ops.batch set planned_at = now() - interval '27 h'")
    with pytest.raises(DeadlineMissed, match=r"backup_age: no good backup.*\n.*tm_backup\.md"):
        run(CheckDeadlinesOperator)
    assert db.connection.execute("select name from ops.alarm").fetchall() == [("backup_age",)]
    run(TakeBackupOperator, always=False)
    run(CheckDeadlinesOperator)
    assert db.connection.execute("select name from ops.alarm").fetchall() == []


def test_a_drill_passes_and_a_bad_backup_fails_it(memory: Settings) -> None:
    uri = run(TakeBackupOperator, always=True)["uri"]
    assert run(DrillOperator, uri="")["is_passed"]
    storage = Storage(memory.storage)
    victim = find(storage, uri).entries[0]
    path = f"{find(storage, uri).path}/{victim.name}"
    data = storage.read(path)
    storage.write_atomic(path, bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(DrillFailed, match=r"FAILED, and marked bad(.|\n)*SHA-256"):
        run(DrillOperator, uri="")
    assert not list_backups(storage)[0].good


def restored(uri: str) -> dict[str, str]:
    found: dict[str, str] = run(RestoreOperator, form=FORM, uri=uri)
    return found


def checksum(settings: Settings) -> str:
    with open_database(settings) as db:
        return memory_checksum(db).digest


@pytest.mark.parametrize("ending", Ending)
def test_a_restore_to_its_end(memory: Settings, db: Database, ending: Ending) -> None:
    before = memory_checksum(db).digest
    uri = run(TakeBackupOperator, always=True)["uri"]
    db.connection.execute("delete from tm.unit")
    broken = memory_checksum(db).digest
    db.connection.close()
    shown = run(PreviewRestoreOperator, form=FORM)
    assert shown["uri"] == uri
    database = restored(uri)["database"]
    with open_database(memory) as live:
        let_through(live, "tm_restore", "approve", "Approve")
    swap = {"database": database, "cut": False, "approved_in": "approve"}
    kept = run(SwapOperator, **swap)
    assert checksum(memory) == before
    assert run(SwapOperator, **swap) == kept, "a cleared task swapped again"
    end = {"kept": kept, "answer": {"chosen_options": [ending.value]}, "cut": False, "answered_in": "decide"}
    with open_database(memory) as live:
        let_through(live, "tm_restore", "decide", ending.value)
    if ending is Ending.KEEP:
        with pytest.raises(AirflowSkipException, match="both are kept"):
            run(EndRestoreOperator, **end)
    else:
        run(EndRestoreOperator, **end)
    beside = [one.name for one in list_beside(memory)]
    assert (kept in beside) == (ending is Ending.KEEP)
    assert checksum(memory) == (broken if ending is Ending.BACK else before)


def test_a_rejected_restore_leaves_nothing(memory: Settings, db: Database) -> None:
    before = memory_checksum(db).digest
    database = restored(run(TakeBackupOperator, always=True)["uri"])["database"]
    for _ in range(2):  # a cleared task finds it gone
        run(DiscardRestoreOperator, database=database)
        assert list_beside(memory) == []
    assert checksum(memory) == before


def test_a_dry_run_restores_nothing(memory: Settings) -> None:
    run(TakeBackupOperator, always=True)
    shown = run(PreviewRestoreOperator, form=FORM | {"dry_run": True, "replay": False})
    assert "nothing has been changed" in shown["shown"]
    with pytest.raises(AirflowSkipException, match="a dry run"):
        run(RestoreOperator, form=FORM | {"dry_run": True}, uri=shown["uri"])
    assert list_beside(memory) == []


def test_a_time_before_every_backup_is_refused(memory: Settings) -> None:
    run(TakeBackupOperator, always=True)
    with pytest.raises(BackupError, match="taken until 2026-01-05 04:00:00"):
        run(PreviewRestoreOperator, form=FORM | {"time": "2026-01-05T04:00"})
