"""The lock of a partition date, where its holder ends while another asks who it is."""

from datetime import date
from typing import Any

import pytest

from tm_core.errors import BatchBusy
from tm_core.settings import Settings
from tm_store.db import Database, open_database
from tm_store.locks import date_lock

pytestmark = pytest.mark.db
DAY = date(2026, 1, 5)


def test_a_holder_that_ends_when_it_is_looked_up_is_no_obstacle(
    settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, asked = db.run, []
    with open_database(settings) as other:
        assert other.one("ops/try_lock_date", day=DAY).locked

        def ending(name: str, **parameters: Any) -> Any:
            if name == "ops/select_date_holder":
                asked.append(name)
                other.run("ops/unlock_date", day=DAY)
            return run(name, **parameters)

        monkeypatch.setattr(db, "run", ending)
        with date_lock(db, DAY, "load", "mine"):
            assert not other.one("ops/try_lock_date", day=DAY).locked
    assert asked == ["ops/select_date_holder"]


def test_a_holder_that_may_not_be_seen_is_another_step(
    settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = db.run
    monkeypatch.setattr(db, "run", lambda name, **given: [] if name == "ops/select_date_holder" else run(name, **given))
    with (
        open_database(settings) as other,
        date_lock(other, DAY, "load", "another run"),
        pytest.raises(BatchBusy, match="found another step at work on it"),
        date_lock(db, DAY, "load", "mine"),
    ):
        pass
