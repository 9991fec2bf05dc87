"""Which dates tm_deferred runs again: those that wait for tier 2 and have ended, one while nobody saw it work."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from operators.deferred import DeferredOperator
from tm_core.settings import Settings
from tm_store.db import Database

pytestmark = [pytest.mark.airflow, pytest.mark.db]

FIRST = date(2026, 1, 1)
DOWN = {"unavailable": "tier 2 was down since 2026-01-01 00:10 UTC (unschedulable)"}


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))


def ended(db: Database, day: date, attestation: dict[str, str], state: str = "done") -> None:
    """A batch of that date, with one shard of tier 2."""
    batch_id = f"{day}-made"
    db.run("ops/ensure_month", day=day)
    planned = {"day": day, "run_id": "made", "versions": Jsonb({}), "reprocess": False}
    db.run("ops/insert_batch", batch_id=batch_id, **planned)
    db.run("ops/set_batch_state", batch_id=batch_id, state=state)
    db.connection.execute(
        "insert into ops.shard_run values (%s, %s, 'embedding', 0, 3, 0, %s)", (day, batch_id, Jsonb(attestation))
    )


def dates(found: list[dict[str, Any]]) -> list[str]:
    return [one["conf"]["date"] for one in found]


def waiting() -> list[dict[str, Any]]:
    return DeferredOperator(task_id="waiting").execute({})


def test_dates_that_wait_and_have_ended(db: Database) -> None:
    assert waiting() == []
    ended(db, FIRST, DOWN)
    ended(db, FIRST + timedelta(days=1), {"device": "cuda"})
    ended(db, FIRST + timedelta(days=2), DOWN, state="loaded")
    ended(db, FIRST + timedelta(days=3), DOWN, state="superseded")
    ended(db, FIRST + timedelta(days=4), DOWN)
    found = waiting()
    assert dates(found) == ["2026-01-05", "2026-01-01"]
    json.dumps(found)  # it goes to XCom
    assert waiting() == found, "another id would start a second run beside one that has not planned yet"


def test_a_date_that_was_planned_again_in_vain_is_started_anew(db: Database) -> None:
    ended(db, FIRST, DOWN)
    before = waiting()
    db.connection.execute("update ops.batch set generation = nextval('ops.generation')")
    assert dates(waiting()) == dates(before)
    assert waiting()[0]["trigger_run_id"] != before[0]["trigger_run_id"]


@pytest.mark.parametrize("state", ["open", "half-open"])
def test_one_date_tries_a_tier_that_nobody_has_seen_at_work(db: Database, state: str) -> None:
    for number in range(3):
        ended(db, FIRST + timedelta(days=number), DOWN)
    db.connection.execute("insert into ops.breaker (name, state, failures) values ('tier2', %s, 10)", (state,))
    assert dates(waiting()) == ["2026-01-03"]
    db.connection.execute("update ops.breaker set state = 'closed'")
    assert len(waiting()) == 3


def test_ten_dates_a_night(db: Database) -> None:
    for number in range(12):
        ended(db, FIRST + timedelta(days=number), DOWN)
    assert dates(waiting()) == [str(FIRST + timedelta(days=number)) for number in range(11, 1, -1)]
