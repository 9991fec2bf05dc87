"""What bounds a look-up: rows and bytes read, whatever the memory holds; and loads that write one store at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from tests.store.batches_made import load
from tests.store.units_made import add
from tm_core.settings import Settings
from tm_store import lookup as module
from tm_store.db import Database, open_database
from tm_store.lookup import Match, lookup
from tm_store.lookup_grams import promising
from tm_store.lookup_index import index_pending

pytestmark = pytest.mark.db

UNITS, STEPS = 1200, 40


def ask(db: Database, text: str, **place: str) -> list[Match]:
    return lookup(db, store="demo", src="en", tgt="de", text=text, **place)


def texts(found: list[Match]) -> list[tuple[int, str]]:
    return [(match.score, match.tgt_text) for match in found]


def rows_read(db: Database, text: str, **place: str) -> int:
    """Units that a look-up reads, by Postgres' own count of the transaction."""
    count = (
        "select coalesce(sum(idx_tup_fetch + seq_tup_read), 0) from pg_stat_xact_user_tables "
        "where schemaname = 'tm' and relname like 'unit_p_'"
    )
    with db.transaction():
        assert ask(db, text, **place)
        row = db.connection.execute(count).fetchone()
    return int(row[0]) if row else 0


@pytest.fixture
def repeated(db: Database) -> Database:
    """One source text said by many units: all but one have the same target."""
    with db.transaction():
        for number in range(UNITS):
            add(db, "OK", "In Ordnung", previous=f"before {number}", following=f"after {number}", score=0.9)
        add(db, "OK", "Einverstanden", previous="Do you agree?", following="Sign here.", score=0.1, tier="lexical")
        add(db, "Cancel")
    index_pending(db)
    db.connection.execute("vacuum analyze tm.unit")
    return db


def test_a_text_of_many_units_is_read_target_by_target(repeated: Database) -> None:
    assert 0 < rows_read(repeated, "Cancel") < STEPS
    assert 0 < rows_read(repeated, "OK") < STEPS
    assert 0 < rows_read(repeated, "ok") < STEPS
    assert 0 < rows_read(repeated, "OK", previous="before 7", following="after 7") < module._UNITS_A_PLACE + STEPS


def test_a_rare_target_and_its_place_are_found_behind_many_units(repeated: Database) -> None:
    assert [match.tgt_text for match in ask(repeated, "OK")] == ["In Ordnung", "Einverstanden"]
    found = ask(repeated, "OK", previous="Do you agree?", following="Sign here.")
    assert texts(found) == [(101, "Einverstanden"), (100, "In Ordnung")]
    last = f"before {UNITS - 1}", f"after {UNITS - 1}"
    assert ask(repeated, "OK", previous=last[0], following=last[1])[0].score == 101


def test_one_neighbour_alone_finds_its_place(db: Database) -> None:
    add(db, "OK", "eins", previous="Open", following="Close")
    add(db, "OK", "zwei", previous="Read", following="Write")
    assert texts(ask(db, "OK", previous="Open"))[0] == (101, "eins")
    assert texts(ask(db, "OK", following="Write"))[0] == (101, "zwei")
    assert ask(db, "OK", previous="Write")[0].score == 100


def test_the_steps_of_a_text_are_bounded(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the machine's unreviewed targets are left out, never a person's or an imported one."""
    with db.transaction():
        for number in range(60):
            add(db, "OK", f"noise {number}", tier="lexical", score=0.99)
        add(db, "OK", "imported", score=0.1)
        add(db, "OK", "reviewed", tier="lexical", score=0.1, review_state="accepted")
    monkeypatch.setattr(module, "_STEPS_A_TEXT", 5)
    assert [match.tgt_text for match in ask(db, "OK")][:2] == ["reviewed", "imported"]


def test_the_bytes_of_the_index_are_bounded(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with db.transaction():
        for number in range(300):
            add(db, f"Press the red button {chr(97 + number % 26)}{chr(97 + number // 26)}")
        add(db, "Press the quixotic button")
    index_pending(db)
    read: list[int] = []
    real = promising

    def counted(form: str, min_score: int, rows: list[tuple[int, bytes | None]], most: int) -> list[int]:
        read.append(sum(len(held or b"") for _, held in rows))
        return real(form, min_score, rows, most)

    monkeypatch.setattr("tm_store.lookup.promising", counted)
    assert ask(db, "Press the quixotic buttons")[0].src_text == "Press the quixotic button"
    monkeypatch.setattr(module, "_BUDGET_BYTES", 64)
    assert ask(db, "Press the quixotic buttons")[0].src_text == "Press the quixotic button"
    # The list that crosses the line is read too: 301 holders of 4 bytes.
    assert read[1] <= 64 + 301 * 4 < read[0]


def test_two_loads_of_one_store_at_once(settings: Settings, db: Database) -> None:
    """Both are in the memory and in the index; whoever looks up meanwhile finds what was there before."""
    load(db, date(2026, 1, 4), {"old": [("Switch the pump on", "Pumpe einschalten")]})
    over, missing = threading.Event(), []

    def loads(number: int) -> None:
        with open_database(settings) as own:
            for day in range(5, 11):
                texts = [(f"Close valve {number} of day {day}{chr(97 + one)}", "Ventil", 0.8) for one in range(10)]
                load(own, date(2026, 1, day), {f"page-{number}": texts}, batch_id=f"{number}-{day}")

    def reads() -> None:
        with open_database(settings) as own:
            while not over.is_set():
                if [match.score for match in ask(own, "Switch the pump onn")] != [94]:
                    missing.append("Switch the pump on")

    with ThreadPoolExecutor(3) as pool:
        reader = pool.submit(reads)
        for one in [pool.submit(loads, number) for number in (1, 2)]:
            one.result()
        over.set()
        reader.result()
    assert not missing
    counts = db.connection.execute(
        "select (select count(*) from tm.unit), (select count(*) from tm.source), (select count(*) from tm.pending), "
        "(select count(distinct source_id) from tm.source)"
    ).fetchone()
    assert counts == (21, 21, 0, 21)
    for number in (1, 2):
        assert ask(db, f"close valve {number} of day 10C!")[0].src_text == f"Close valve {number} of day 10c"
