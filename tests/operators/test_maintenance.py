"""The tasks of tm_maintenance over a real database."""

import json
import runpy
from pathlib import Path

import pytest

from operators.maintenance import MaintainOperator
from tm_core.settings import Settings
from tm_store.cli_upkeep import _PARTS
from tm_store.db import Database
from tm_store.upkeep import Part

pytestmark = [pytest.mark.airflow, pytest.mark.db]


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # TM_DATABASE_URL is a login that may not do this: the owner's is used.
    monkeypatch.setenv("TM_DATABASE_OWNER_URL", settings.database_url)
    monkeypatch.setenv("TM_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/tm")
    for name in ("home", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))


def months(db: Database) -> int:
    row = db.connection.execute("select count(*) from pg_inherits where inhparent = 'ops.outcome'::regclass").fetchone()
    return int(row[0]) if row else 0


def test_a_task_does_its_part_and_says_so(db: Database) -> None:
    assert months(db) == 0
    would = MaintainOperator(task_id="months", part="months", preview=True).execute({})
    assert [action["done"] for action in would] == [False] * 4
    assert months(db) == 0
    done = MaintainOperator(task_id="months", part="months", preview=False).execute({})
    assert [action["count"] for action in done] == [4] * 4
    assert months(db) == 4
    json.dumps(done)  # it goes to XCom
    assert MaintainOperator(task_id="months", part="months", preview=False).execute({}) == []


def test_dag_command_and_module_have_the_same_parts() -> None:
    dag_file = Path(__file__).resolve().parents[2] / "dags" / "tm_maintenance.py"
    assert list(runpy.run_path(str(dag_file))["PARTS"]) == list(_PARTS) == [part.value for part in Part]
