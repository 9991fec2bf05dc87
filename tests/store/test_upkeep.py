"""tm maintain: months made and put away, leftovers removed, indexes rebuilt; beside a load, twice, and killed."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest

from tests.store.units_made import add
from tm_core.errors import ContractError, DatabaseError, DepositError
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store import upkeep, upkeep_books
from tm_store.cli import main
from tm_store.db import Database, open_database
from tm_store.explain import explain
from tm_store.lookup_index import index_pending
from tm_store.report import report
from tm_store.upkeep import TABLES, Action, Part, maintain, render
from tm_store.upkeep_books import shifted

pytestmark = pytest.mark.db

TODAY = date(2026, 11, 21)
OLD = date(2024, 3, 5)
BATCH = "2024-03-05-0123456789ab"


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage(settings.storage)


Maintain = Callable[..., list[Action]]


@pytest.fixture
def care(settings: Settings, storage: Storage) -> Maintain:
    def run(*parts: Part, **more: Any) -> list[Action]:
        return maintain(settings, storage, parts=parts or tuple(Part), today=TODAY, **more)

    return run


def books_of(db: Database, day: date = OLD, batch: str = BATCH, *, state: str = "done", name: str = "guide") -> None:
    """A date's books: one file, one document, three outcomes, one shard run."""
    db.run("ops/ensure_month", day=day)
    run = db.connection.execute
    run(
        "insert into ops.batch (batch_id, partition_date, state, run_id, versions) values (%s, %s, %s, 'r', '{}')",
        (batch, day, state),
    )
    run("insert into ops.file values (%s, %s, 'raw/demo/x/guide.en.txt', 'demo', 7, 'abc', 'paired', '')", (day, batch))
    run(
        "insert into ops.document values (%s, %s, '\\x01', 'demo', %s, 'en', 'de', 'text', 'aligned', '', 'c', 'k',"
        " 'lexical', 'sure', 0.95, 3, 3, 3, 'en', 'de', 'quoted \"ü\"', 0.1)",
        (day, batch, name),
    )
    for position in range(3):
        run("insert into ops.outcome values (%s, %s, '\\x01', %s, 'new', '', '\\xff00')", (day, batch, position))
    run(
        "insert into ops.shard_run values (%s, %s, 'lexical', 0, 1, 0.25, %s)",
        (day, batch, json.dumps({"z": 1, "a": ["ü"]})),
    )


def tables(db: Database) -> list[str]:
    rows = db.connection.execute(
        "select oid::regclass::text from pg_class where relnamespace::regnamespace::text in ('ops', 'away')"
        " and relname ~ '_\\d{6}$' and relkind = 'r' order by 1"
    ).fetchall()
    return [name for (name,) in rows]


# Months ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 11, 21), 0, date(2026, 11, 1)),
        (date(2026, 11, 21), 3, date(2027, 2, 1)),
        (date(2026, 1, 31), -24, date(2024, 1, 1)),
        (date(2026, 1, 31), -1, date(2025, 12, 1)),
        (date(2025, 12, 31), 1, date(2026, 1, 1)),
    ],
)
def test_months_are_counted_over_years(day: date, months: int, expected: date) -> None:
    assert shifted(day, months) == expected


def test_months_are_made_ahead_once(care: Maintain, db: Database) -> None:
    assert [action.done for action in care(Part.MONTHS, dry_run=True)] == [False] * 4
    assert tables(db) == []
    made = care(Part.MONTHS)
    assert [(action.target, action.count, action.done) for action in made] == [
        (month, 4, True) for month in ("2026-11", "2026-12", "2027-01", "2027-02")
    ]
    assert len(tables(db)) == 16
    assert care(Part.MONTHS) == []


# Books -------------------------------------------------------------------------------------------


def test_old_books_are_put_away_and_found_again(care: Maintain, db: Database, storage: Storage) -> None:
    books_of(db)
    books_of(db, date(2024, 11, 1), "2024-11-01-0123456789ab", name="young")
    would = care(Part.BOOKS, dry_run=True)
    assert [(action.target, action.done) for action in would] == [
        (f"{table}_202403", False) for table in sorted(TABLES)
    ]
    assert len(tables(db)) == 8
    before = report(db, OLD)
    done = {action.target: action.count for action in care(Part.BOOKS) if action.done}
    assert done == {"document_202403": 1, "file_202403": 1, "outcome_202403": 3, "shard_run_202403": 1}
    assert tables(db) == [f"ops.{table}_202411" for table in sorted(TABLES)], "a younger month is gone, or an old left"
    assert "put away" not in before
    assert "The books of 2024-03 were put away on" in report(db, OLD)
    assert "books/2024-03/outcome-1" in report(db, OLD)
    for name in ("guide", "demo/guide"):
        assert "2024-03-05: put away on" in explain(db, storage, name)
        assert storage.uri_of("books/2024-03/document-1") in explain(db, storage, name)
    assert "2024-11-01" in explain(db, storage, "young")
    with pytest.raises(DepositError):
        explain(db, storage, "never deposited")
    assert care(Part.BOOKS) == []


def test_what_is_put_away_is_what_was_there(
    care: Maintain, db: Database, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_books, "FILE_ROWS", 2)  # several files a table
    books_of(db)
    there = {
        table: db.connection.execute(f"select * from ops.{table} order by 1, 2, 3, 4").fetchall() for table in TABLES
    }
    care(Part.BOOKS)
    for table, rows in there.items():
        folder = f"books/2024-03/{table}-1"
        files = upkeep_books.read_manifest(storage, folder).files
        assert len(files) == (2 if table == "outcome" else 1)
        read = [
            tuple(row.values())
            for file in files
            for row in upkeep_books.read_table(
                storage, f"{folder}/{file.name}", schema_name=f"books.{table}", version=1
            ).to_pylist()
        ]
        expected = [tuple(upkeep_books._plain(value) for value in row) for row in rows]
        assert read == expected, table
    recorded = db.connection.execute("select table_name, rows from ops.put_away order by 1").fetchall()
    assert recorded == [("document", 1), ("file", 1), ("outcome", 3), ("shard_run", 1)]


def test_a_date_refreshed_again_is_put_away_beside_the_first(care: Maintain, db: Database, storage: Storage) -> None:
    books_of(db)
    care(Part.BOOKS)
    books_of(db, date(2024, 3, 6), "2024-03-06-0123456789ab", name="later")
    assert [action.count for action in care(Part.BOOKS)] == [1, 1, 3, 1]
    paths = {path for (path,) in db.connection.execute("select path from ops.put_away").fetchall()}
    assert paths == {f"books/2024-03/{table}-{number}" for table in TABLES for number in (1, 2)}
    assert "2024-03-05" in explain(db, storage, "guide")
    assert "2024-03-06" in explain(db, storage, "later")


@pytest.mark.parametrize("state", ["planned", "loaded"])
def test_a_month_that_is_at_work_stays(care: Maintain, db: Database, state: str) -> None:
    books_of(db, state=state)
    found = care(Part.BOOKS)
    assert len(found) == 4
    assert all(not action.done and BATCH in action.why for action in found)
    assert len(tables(db)) == 4


def test_a_month_with_a_held_slice_stays(care: Maintain, db: Database) -> None:
    books_of(db)
    db.connection.execute(
        "insert into ops.slice (batch_id, store, src_lang, tgt_lang, documents, src_segments, tgt_segments, beads,"
        " verdict) values (%s, 'demo', 'en', 'de', 1, 3, 3, 3, 'hold')",
        (BATCH,),
    )
    assert not any(action.done for action in care(Part.BOOKS))


class Killed(BaseException):
    """Stands for kill -9: no handler of ours is for it."""


@pytest.mark.parametrize("name", ["write_table", "write_manifest", "_kept", "_store", "_count"])
def test_a_try_killed_anywhere_is_gone_on_with(
    care: Maintain, db: Database, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    books_of(db)
    real = getattr(upkeep_books, name)

    def kill(*arguments: object, **more: object) -> None:
        real(*arguments, **more)
        raise Killed

    monkeypatch.setattr(upkeep_books, name, kill)
    with pytest.raises(Killed):
        care(Part.BOOKS)
    monkeypatch.setattr(upkeep_books, name, real)
    care(Part.BOOKS)
    assert tables(db) == []
    rows = db.connection.execute("select table_name, sum(rows) from ops.put_away group by 1 order by 1").fetchall()
    assert rows == [("document", 1), ("file", 1), ("outcome", 3), ("shard_run", 1)]


def test_rows_that_storage_gives_back_otherwise_are_not_dropped(
    care: Maintain, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    books_of(db)
    with monkeypatch.context() as patch:
        patch.setattr(upkeep_books, "_kept", lambda *_: (3, "another"))
        with pytest.raises(ContractError, match="still in the database"):
            care(Part.BOOKS)
    assert db.connection.execute("select count(*) from ops.put_away").fetchone() == (0,)
    care(Part.BOOKS)
    assert tables(db) == []


def test_a_load_of_the_month_is_not_stopped(
    care: Maintain, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that has read the books keeps the month half detached; the next try goes on."""
    books_of(db)
    monkeypatch.setattr(upkeep, "LOCK_SECONDS", 1)
    with open_database(settings) as other:
        with other.transaction():
            assert other.connection.execute("select count(*) from ops.outcome").fetchone() == (3,)
            found = {action.target: action for action in care(Part.BOOKS)}
            assert "left for the next time" in found["outcome_202403"].why
            assert found["file_202403"].done
            other.connection.execute("insert into ops.batch (batch_id, partition_date, state, run_id, versions)"
                                     " values ('b', '2026-11-21', 'planned', 'r', '{}')")  # fmt: skip
        with pytest.raises(psycopg.errors.LockNotAvailable, match="is being put away"):
            other.run("ops/ensure_month", day=OLD)
    again = care(Part.BOOKS)
    assert [(action.target, action.count, action.done) for action in again] == [("outcome_202403", 3, True)]
    db.run("ops/ensure_month", day=OLD)


def test_one_at_a_time(care: Maintain, settings: Settings) -> None:
    with open_database(settings) as other:
        assert other.one("upkeep/try_lock").locked
        with pytest.raises(DatabaseError, match="another `tm maintain`"):
            care()


# Leftovers ---------------------------------------------------------------------------------------


def superseded(db: Database, storage: Storage, batch: str, days: int = 40) -> None:
    db.connection.execute(
        "insert into ops.batch (batch_id, partition_date, state, run_id, versions, planned_at)"
        " values (%s, '2026-10-01', 'superseded', 'r', '{}', now() - make_interval(days => %s))",
        (batch, days),
    )
    storage.write_atomic(f"work/{batch}/plan/manifest.json", b"{}")
    storage.write_atomic(f"work/{batch}/filter/beads-0000.parquet", b"x")


def test_work_files_of_superseded_batches_go_and_needed_ones_stay(
    care: Maintain, db: Database, storage: Storage
) -> None:
    for name in ("old", "ledger", "held", "quarantined", "memory"):
        superseded(db, storage, name)
    superseded(db, storage, "young", days=3)
    run = db.connection.execute
    run("insert into ops.ledger values ('k', 'other', 'work/ledger/tier1/0000', '\\x01', 'lexical', '', 1)")
    for name, verdict in (("held", "hold"), ("quarantined", "quarantine")):
        run(
            "insert into ops.slice (batch_id, store, src_lang, tgt_lang, documents, src_segments, tgt_segments, beads,"
            " verdict) values (%s, 'demo', 'en', 'de', 1, 1, 1, 1, %s)",
            (name, verdict),
        )
    run("insert into tm.document values (1, '\\x01', 'n', 'en', 'de', '2026-10-01', 1, 'memory', 'c')")
    storage.write_atomic("work/of-nobody/plan/manifest.json", b"{}")
    storage.write_atomic("work/lexicon-0123/units.tsv", b"")

    would = care(Part.LEFTOVERS, dry_run=True)
    assert not any(action.done for action in would)
    assert storage.exists("work/old/plan/manifest.json")
    found = {action.target: action for action in care(Part.LEFTOVERS)}
    assert found["old"].done
    assert found["old"].count == 2
    assert {name: action.why for name, action in found.items() if name != "old"} == {
        "ledger": "the ledger refers to its alignments",
        "held": "a slice of it waits for a person",
        "quarantined": "a slice of it waits for a person",
        "memory": "the memory holds documents of it",
        "work/of-nobody": "no batch of this name is known",
    }
    left = {info.path.split("/")[1] for info in storage.list("work")}
    assert left == {"ledger", "held", "quarantined", "memory", "young", "of-nobody", "lexicon-0123"}
    assert "old" not in {action.target for action in care(Part.LEFTOVERS)}


def test_staged_rows_that_nobody_reads_go(care: Maintain, db: Database) -> None:
    for name, state, days in (("done", "done", 40), ("fresh", "done", 1), ("at-work", "planned", 40)):
        db.connection.execute(
            "insert into ops.batch (batch_id, partition_date, state, run_id, versions, planned_at)"
            " values (%s, '2026-10-01', %s, 'r', '{}', now() - make_interval(days => %s))",
            (name, state, days),
        )
    columns = db.connection.execute(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = 'staging' and table_name = 'bead' order by ordinal_position"
    ).fetchall()
    values = {"bytea": "\\x00", "integer": "0", "real": "0", "text": ""}
    for name in ("done", "fresh", "at-work", "unknown"):
        row = [name if column == "batch_id" else values[kind] for column, kind in columns]
        db.connection.execute(f"insert into staging.bead values ({', '.join(['%s'] * len(row))})", row)
    removed = [(action.target, action.count) for action in care(Part.LEFTOVERS)]
    assert removed == [("done", 1), ("unknown", 1)]
    left = db.connection.execute("select batch_id from staging.bead order by 1").fetchall()
    assert left == [("at-work",), ("fresh",)]


# Indexes and tables ------------------------------------------------------------------------------


def test_a_worn_look_up_index_is_made_anew(
    care: Maintain, db: Database, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    for number in range(20):
        add(db, f"Text number {'abcdefghijklmnopqrstuvwxyz'[number]}")
    index_pending(db)
    db.connection.execute("delete from tm.unit where src_text < 'Text number k'")
    assert care(Part.LOOKUP) == [], "too few numbers to be worth it"
    monkeypatch.setattr(upkeep, "WORN_NUMBERS", 10)
    monkeypatch.setattr(upkeep, "LOCK_SECONDS", 1)
    assert [action.done for action in care(Part.LOOKUP, dry_run=True)] == [False]
    with open_database(settings) as other, other.transaction():
        other.run("lookup/lock_store", store_id=1)
        (busy,) = care(Part.LOOKUP)
        assert (busy.done, "left for the next time" in busy.why) == (False, True)
    (done,) = care(Part.LOOKUP)
    assert (done.target, done.count, done.done) == ("demo", 10, True)
    assert care(Part.LOOKUP) == []
    assert db.connection.execute("select sum(given) from tm.numbering").fetchone() == (10,)


def test_tired_tables_are_vacuumed_and_invalid_indexes_named(
    care: Maintain, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "DEAD_ROWS", 10)
    for number in range(50):
        add(db, f"Text {number}")
    db.connection.execute("update tm.unit set score = 0.6")
    db.connection.execute("select pg_stat_force_next_flush()")
    db.connection.execute("create index broken on tm.unit_p0 (tier)")
    db.connection.execute("update pg_index set indisvalid = false where indexrelid = 'tm.broken'::regclass")
    found = {(action.what.partition(",")[0], action.target): action for action in care(Part.TABLES)}
    (part,) = [target for what, target in found if what == "vacuum" and target.startswith("tm.unit_p")]
    assert found["vacuum", part].count == 50
    assert found["analyze", "tm.unit"].done
    assert not found["look at an index", "tm.broken"].done
    assert "vacuum" not in {action.what.partition(",")[0] for action in care(Part.TABLES) if part in action.target}


# Beside a load, and as a command -----------------------------------------------------------------


def test_everything_beside_loads(care: Maintain, db: Database, settings: Settings) -> None:
    """Loads of another month go on while all parts run again and again; each loses nothing."""
    books_of(db)
    stop, errors, loaded = threading.Event(), list[Exception](), list[int]()

    def load() -> None:
        with open_database(settings) as other:
            number = 0
            while not stop.is_set() or number < 3:
                number += 1
                try:
                    with other.transaction():
                        other.run("ops/ensure_month", day=TODAY)
                        other.connection.execute(
                            "insert into ops.outcome values (%s, 'b', '\\x01', %s, 'new', '', '\\x00')", (TODAY, number)
                        )
                        other.run("staging/analyze_beads")
                except psycopg.Error as error:
                    errors.append(error)
            loaded.append(number)

    threads = [threading.Thread(target=load)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        care()
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert db.connection.execute("select count(*) from ops.outcome").fetchone() == (loaded[0],)
    assert "ops.outcome_202403" not in tables(db)


def test_the_command_says_what_it_did(
    settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TM_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TM_STORAGE", settings.storage)
    monkeypatch.setenv("TM_MONTHS_AHEAD", "1")
    assert main(["maintain", "--dry-run", "--part", "months"]) == 0
    assert "would  months     make partitions" in capsys.readouterr().out
    assert tables(db) == []
    assert main(["maintain", "--part", "months"]) == 0
    assert capsys.readouterr().out.count("done   months     make partitions") == 2
    assert main(["maintain", "--part", "months"]) == 0
    assert capsys.readouterr().out == "nothing to do\n"


def test_left_and_done_are_told_apart() -> None:
    left = Action(part=Part.BOOKS, what="put away", target="x", count=1234, done=False, why="busy")
    assert render([left], dry_run=False) == "left   books      put away: x  1,234  (busy)"
    assert render([replace(left, why="", done=True)], dry_run=False) == "done   books      put away: x  1,234"
