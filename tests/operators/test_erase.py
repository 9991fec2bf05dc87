"""The tasks of tm_erase, one after the other as a run calls them, over a real memory and storage."""

import json
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from operators.erase import REPORTS, EraseOperator, PreviewErasureOperator
from tests.operators.asked import context, let_through
from tests.store.batches_made import load
from tm_core.errors import ErasureError
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.db import Database

pytestmark = [pytest.mark.airflow, pytest.mark.db]

SECRET, HOUSE = ("Call John Doe today", "Rufen Sie heute John Doe an"), ("One house", "Ein Haus")
FORM = {"store": "demo", "by": "match", "what": "John Doe", "src": "", "tgt": "", "why": "asked to"}


@pytest.fixture
def memory(settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))
    from datetime import date

    load(db, date(2026, 1, 5), {"a": [SECRET, HOUSE]})
    let_through(db, "tm_erase", "approve", "Approve")
    return settings


def preview(**form: str) -> dict[str, Any]:
    return PreviewErasureOperator(task_id="preview", form=FORM | form).execute({})  # type: ignore[arg-type]


def erased(named: str, **form: str) -> dict[str, Any]:
    task = EraseOperator(task_id="erase", form=FORM | form, named=named, approved_in="approve")
    return task.execute(context("tm_erase"))


def units(db: Database) -> list[Any]:
    return db.connection.execute("select src_text from tm.unit order by 1").fetchall()


def test_what_is_shown_is_what_goes(memory: Settings, db: Database) -> None:
    shown = preview()
    assert (shown["units"], shown["tombstones"]) == (1, 1)
    assert "John" not in json.dumps(shown)
    assert len(units(db)) == 2
    facts = erased(shown["named"])
    assert units(db) == [("One house",)]
    report = json.loads(Storage(memory.storage).read(f"{REPORTS}/{facts['number']}.json"))
    assert (report["who"], report["why"], report["sha256"]) == ("ann", "asked to", facts["sha256"])
    assert "John" not in json.dumps(report)


def test_what_came_in_between_is_not_erased_unseen(memory: Settings, db: Database) -> None:
    from datetime import date

    shown = preview()
    load(db, date(2026, 1, 6), {"b": [("John Doe is here", "John Doe ist da")]})
    with pytest.raises(ErasureError, match="expected to erase what was approved"):
        erased(shown["named"])
    assert len(units(db)) == 3


def test_a_cleared_task_finds_what_it_has_done(memory: Settings, db: Database) -> None:
    shown = preview()
    first = erased(shown["named"])
    assert erased(shown["named"]) == {"number": first["number"], "done_before": True}


def test_nothing_to_erase_skips(memory: Settings) -> None:
    with pytest.raises(AirflowSkipException, match="nothing to erase"):
        preview(what="Nobody")
