"""Versions: what a batch changed, and the memory as though it had never been loaded."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.store.batches_made import load
from tm_core.contracts import Step
from tm_core.errors import BatchBusy, VersionError
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store import steps
from tm_store.checksum import memory_checksum
from tm_store.cli import main
from tm_store.db import Database, open_database
from tm_store.journal import record
from tm_store.load import merge_staged
from tm_store.lookup import lookup
from tm_store.versions import diff, log, prune_versions, rollback

pytestmark = pytest.mark.db

D1, D2, D3 = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)
HOUSE, TREE, ROAD = ("One house", "Ein Haus"), ("A tree", "Ein Baum"), ("The road", "Die Straße")
BUILDING = ("One house", "Ein Gebäude")
HISTORY = ("tm.withdrawn_document", "tm.withdrawn", "tm.withdrawn_unit")


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage(settings.storage)


def back(db: Database, storage: Storage, batch: str, **more: Any) -> Any:
    return rollback(db, storage, batch, who="ann", **({"dry_run": False} | more))


def count(db: Database, table: str, where: str = "true") -> int:
    return db.connection.execute(f"select count(*) from {table} where {where}").fetchone()[0]  # type: ignore[index]


def texts(db: Database) -> list[tuple[str, str]]:
    return db.connection.execute("select src_text, tgt_text from tm.unit order by 1, 2").fetchall()


def check_memory(db: Database) -> None:
    """Every unit has evidence, every text is kept once, and the look-up index holds what is there."""
    said = "(select distinct store_id, unit_key from tm.evidence) e using (store_id, unit_key)"
    assert count(db, f"tm.unit full join {said}", "unit.src_text is null or e.unit_key is null") == 0
    assert count(db, "tm.evidence e left join tm.document d using (store_id, document_key)",
                 "d.batch_id is distinct from e.batch_id") == 0  # fmt: skip
    assert count(db, "tm.withdrawn_unit join tm.unit using (store_id, unit_key)") == 0
    assert count(db, "tm.withdrawn w left join tm.withdrawn_unit k using (store_id, unit_key)"
                     " left join tm.unit u on u.store_id = w.store_id and u.unit_key = w.unit_key",
                 "k.unit_key is null and u.unit_key is null") == 0  # fmt: skip
    assert count(db, "tm.withdrawn w left join tm.withdrawn_document d using (store_id, document_key, batch_id)",
                 "d.name is null") == 0  # fmt: skip
    assert count(db, "tm.withdrawn_document w join tm.document d using (store_id, document_key, batch_id)") == 0
    sources = "select distinct store_id, src_lang, tgt_lang, src_hash from tm.unit"
    indexed = "select store_id, src_lang, tgt_lang, src_hash from tm.source"
    assert count(db, f"(({sources} except {indexed}) union all ({indexed} except {sources})) as off") == 0


def test_a_first_load_keeps_no_history(db: Database) -> None:
    load(db, D1, {"a": [HOUSE, TREE]})
    assert [count(db, table) for table in HISTORY] == [0, 0, 0]


def test_a_batch_loaded_again_keeps_no_history(db: Database) -> None:
    batch, _ = load(db, D1, {"a": [HOUSE, TREE]})
    again, summary = load(db, D1, {"a": [HOUSE, TREE]})
    assert again == batch
    assert summary.outcomes["unchanged"] == 2
    assert [count(db, table) for table in HISTORY] == [0, 0, 0]


def test_a_correction_is_rolled_back(db: Database, storage: Storage) -> None:
    load(db, D1, {"a": [HOUSE, TREE]})
    before, index = memory_checksum(db), db.connection.execute("select src_hash, form from tm.source").fetchall()
    batch, _ = load(db, D2, {"a": [BUILDING, TREE, ROAD]})
    assert texts(db) == sorted([BUILDING, TREE, ROAD])
    done = back(db, storage, batch)
    assert (done.restored, done.removed, done.units_back, done.units_gone) == (1, 0, 1, 2)
    assert memory_checksum(db) == before
    assert sorted(db.connection.execute("select src_hash, form from tm.source").fetchall()) == sorted(index)
    assert [count(db, table) for table in HISTORY] == [0, 0, 0]
    check_memory(db)


def test_a_roll_back_that_forgets_the_texts_is_seen(db: Database, storage: Storage) -> None:
    load(db, D1, {"a": [HOUSE]})
    batch, _ = load(db, D2, {"a": [BUILDING]})
    db.connection.execute("delete from tm.withdrawn_unit")
    with pytest.raises(Exception, match="expected a text for every unit"):
        back(db, storage, batch)
    assert texts(db) == [BUILDING]


def test_look_ups_find_what_came_back(db: Database, storage: Storage) -> None:
    load(db, D1, {"a": [HOUSE]})
    batch, _ = load(db, D2, {"a": [ROAD]})
    back(db, storage, batch)
    (match,) = lookup(db, store="demo", src="en", tgt="de", text="One house")
    assert match.tgt_text == "Ein Haus"


def test_a_dry_run_is_the_default_and_changes_no_row(db: Database, storage: Storage) -> None:
    load(db, D1, {"a": [HOUSE]})
    batch, _ = load(db, D2, {"a": [BUILDING], "b": [ROAD]})
    before = everything(db)
    preview = rollback(db, storage, batch, who="ann")
    assert (preview.dry_run, preview.restored, preview.removed) == (True, 1, 1)
    assert everything(db) == before
    assert storage.list("journal") == []
    done = back(db, storage, batch)
    assert (done.units_back, done.units_gone) == (preview.units_back, preview.units_gone) == (1, 2)


def everything(db: Database) -> dict[str, list[str]]:
    tables = ("tm.unit", "tm.evidence", "tm.document", "tm.extra", *HISTORY, "ops.batch", "ops.slice", "ops.journal")
    return {one: sorted(map(repr, db.connection.execute(f"select * from {one}").fetchall())) for one in tables}


def test_a_later_batch_on_top_is_named_and_refused(db: Database, storage: Storage) -> None:
    load(db, D1, {"a": [HOUSE]})
    middle, _ = load(db, D2, {"a": [BUILDING], "b": [TREE]})
    later, _ = load(db, D3, {"a": [ROAD]})
    with pytest.raises(VersionError, match=rf"demo/a en-de: {later} \(2026-01-07\)"):
        back(db, storage, middle)
    assert [one.document for one in back(db, storage, middle, dry_run=True).covered] == ["a"]
    assert texts(db) == sorted([TREE, ROAD])


def test_keep_later_leaves_it_and_joins_the_history(db: Database, storage: Storage) -> None:
    load(db, D1, {"a": [HOUSE]})
    first = memory_checksum(db)
    middle, _ = load(db, D2, {"a": [BUILDING], "b": [TREE]})
    later, _ = load(db, D3, {"a": [ROAD]})
    done = back(db, storage, middle, keep_later=True)
    assert (done.removed, len(done.covered)) == (1, 1)
    assert texts(db) == [ROAD]
    check_memory(db)
    back(db, storage, later)
    assert memory_checksum(db) == first
    check_memory(db)


def test_newest_first_goes_back_through_every_state(db: Database, storage: Storage) -> None:
    states, batches = [], []
    for day, document in ((D1, [HOUSE, TREE]), (D2, [BUILDING, TREE]), (D3, [HOUSE, ROAD])):
        states.append(memory_checksum(db))
        batches.append(load(db, day, {"a": document, f"of {day}": [(f"On {day}", f"Am {day}")]})[0])
    for batch, state in zip(reversed(batches), reversed(states), strict=True):
        back(db, storage, batch)
        assert memory_checksum(db) == state
        check_memory(db)


def test_a_unit_of_two_documents_goes_back_to_the_evidence_it_had(db: Database, storage: Storage) -> None:
    load(db, D1, {"a": [(*HOUSE, 0.9)]})
    before = memory_checksum(db)
    batch, summary = load(db, D2, {"a": [(*HOUSE, 0.3)], "b": [(*HOUSE, 0.5)]})
    assert (summary.outcomes["updated"], summary.outcomes["duplicate"]) == (1, 1)
    assert db.connection.execute("select score::text from tm.unit").fetchall() == [("0.5",)]
    done = back(db, storage, batch)
    assert (done.units_back, done.units_gone) == (0, 0)
    assert memory_checksum(db) == before


def test_a_correction_of_the_same_date(db: Database, storage: Storage) -> None:
    first, _ = load(db, D1, {"a": [HOUSE]})
    before = memory_checksum(db)
    second, _ = load(db, D1, {"a": [BUILDING]})
    load(db, D1, {"a": [HOUSE]}, batch_id=first)  # put back as it was: the first batch again, planned last
    back(db, storage, first)
    assert texts(db) == [BUILDING]
    back(db, storage, second)
    assert texts(db) == []
    load(db, D1, {"a": [HOUSE]}, batch_id=first)
    assert memory_checksum(db) == before
    check_memory(db)


def test_a_version_that_came_too_late_is_there_when_the_newer_goes(db: Database, storage: Storage) -> None:
    newer, _ = load(db, D2, {"a": [BUILDING]})
    _, summary = load(db, D1, {"a": [HOUSE, TREE]})
    assert summary.outcomes["superseded"] == 2
    check_memory(db)
    back(db, storage, newer)
    assert texts(db) == sorted([HOUSE, TREE])
    check_memory(db)


def test_the_date_can_be_loaded_anew(db: Database, storage: Storage) -> None:
    batch, _ = load(db, D1, {"a": [HOUSE]})
    before = memory_checksum(db)
    back(db, storage, batch)
    assert db.one("ops/select_batch", batch_id=batch).state == "rolled_back"
    with pytest.raises(VersionError, match="rolled back before"):
        back(db, storage, batch)
    again, summary = load(db, D1, {"a": [HOUSE]})
    assert (again, summary.outcomes["new"]) == (batch, 1)
    assert memory_checksum(db) == before


def test_no_step_of_the_run_before_brings_it_back(db: Database, storage: Storage) -> None:
    batch, _ = load(db, D1, {"a": [HOUSE]})
    back(db, storage, batch)
    with pytest.raises(BatchBusy, match="rolled back"), db.transaction():
        merge_staged(db, db.one("ops/select_batch", batch_id=batch))
    assert texts(db) == []


def test_a_step_at_work_on_the_date_is_not_disturbed(settings: Settings, db: Database, storage: Storage) -> None:
    batch, _ = load(db, D1, {"a": [HOUSE]})
    with open_database(settings) as other:
        assert other.one("ops/try_lock_date", day=D1).locked
        with pytest.raises(BatchBusy):
            back(db, storage, batch)
    assert texts(db) == [HOUSE]


def test_judged_units_keep_what_was_said(db: Database, storage: Storage) -> None:
    load(db, D1, {"a": [HOUSE, TREE]})
    db.connection.execute("update tm.unit set review_state = 'accepted'")
    batch, _ = load(db, D2, {"a": [BUILDING, TREE]})
    back(db, storage, batch)
    states = db.connection.execute("select src_text, review_state from tm.unit order by 1").fetchall()
    assert states == [("A tree", "accepted"), ("One house", "accepted")]


def test_an_import_is_rolled_back_with_what_its_file_said(world: Any) -> None:
    one = world.file("1/a.tmx", world.tmx(world.tu("One house", "Ein Haus", '<prop type="x">first</prop>')))
    two = world.file("2/a.tmx", world.tmx(world.tu("One house", "Ein Haus", '<prop type="x">second</prop>')))
    world.take(one)
    before, extras = memory_checksum(world.db), world.rows("select * from tm.extra")
    batch = world.take(two, day=D2).batch_id
    assert world.rows("select * from tm.extra") != extras
    back(world.db, world.storage, batch)
    assert memory_checksum(world.db) == before
    assert world.rows("select * from tm.extra") == extras
    assert world.take(two, day=D2).kinds["unchanged"] == 1  # not "imported before"


def test_an_import_that_came_too_late_keeps_what_its_file_said(world: Any) -> None:
    one = world.file("1/a.tmx", world.tmx(world.tu("One house", "Ein Haus", '<prop type="x">first</prop>')))
    two = world.file("2/a.tmx", world.tmx(world.tu("A tree", "Ein Baum")))
    newer = world.take(two, day=D2).batch_id
    assert world.take(one, day=D1).kinds["superseded"] == 1
    back(world.db, world.storage, newer)
    facts = "facts -> 'properties' ->> 'prop:x'"
    found = world.rows(f"select src_text, {facts} from tm.unit join tm.extra using (unit_key)")
    assert found == [("One house", "first")]


def test_a_roll_back_is_in_the_journal(db: Database, storage: Storage) -> None:
    batch, _ = load(db, D1, {"a": [HOUSE]})
    back(db, storage, batch)
    (entry,) = [json.loads(storage.read(info.path)) for info in storage.list("journal/entries")]
    assert (entry["kind"], entry["who"], entry["store"], entry["facts"]["removed"]) == ("rollback", "ann", "demo", 1)


def test_the_step_backup_ships_what_a_killed_process_left(settings: Settings, db: Database, storage: Storage) -> None:
    batch, _ = load(db, D1, {"a": [HOUSE]})
    record(db, kind="rollback", who="ann", store="demo", facts={"batch_id": "none"})
    assert storage.list("journal/entries") == []
    steps.run(settings, Step.BACKUP, batch, run_id="test")
    assert len(storage.list("journal/entries")) == 1


def test_what_was_put_away_is_not_taken_for_nothing(db: Database, storage: Storage) -> None:
    load(db, D1, {"a": [HOUSE]})
    batch, _ = load(db, D2, {"a": [BUILDING]})
    assert prune_versions(db, datetime.now(UTC) - timedelta(days=1)) == (0, 0)
    assert prune_versions(db, datetime.now(UTC) + timedelta(days=1)) == (1, 1)
    with pytest.raises(VersionError, match="put away for its age"):
        back(db, storage, batch)
    assert texts(db) == [BUILDING]


def test_the_log_and_the_diff(db: Database, storage: Storage) -> None:
    first, _ = load(db, D1, {"a": [HOUSE, TREE]})
    second, _ = load(db, D2, {"a": [BUILDING, ROAD]})
    found = {(one.kind, one.id): (one.new, one.removed, one.state) for one in log(db)}
    assert found == {("refresh", first): (2, 0, "loaded"), ("refresh", second): (2, 2, "loaded")}
    assert [one.id for one in log(db, limit=1)] == [second]
    assert log(db, store="handbook") == []
    changed = diff(db, second)
    assert changed.counts == {"added": 1, "changed": 1, "removed": 1}
    shown = {one.kind: (one.src_text, one.tgt_text, one.old_text) for one in changed.changes}
    assert shown == {
        "added": ("The road", "Die Straße", None),
        "changed": ("One house", "Ein Gebäude", "Ein Haus"),
        "removed": ("A tree", None, "Ein Baum"),
    }
    assert diff(db, second, limit=0).counts == changed.counts
    assert diff(db, first).counts == {"added": 2, "changed": 0, "removed": 0}
    with pytest.raises(VersionError, match="there is none"):
        diff(db, "nothing")
    back(db, storage, second)
    assert [one.kind for one in log(db)] == ["rollback", "refresh", "refresh"]
    assert {one.state for one in log(db) if one.id == second and one.kind == "refresh"} == {"rolled_back"}


NAMES = ("a", "b", "c")
WORDS = ("house", "tree", "road", "river", "bridge", "lamp")


def made_document(chance: random.Random) -> list[tuple[str, str, float]]:
    """Few words, so that documents share units, and one document says one twice."""
    chosen = [chance.choice(WORDS) for _ in range(chance.randrange(4))]
    return [(f"The {word}.", f"{chance.choice('XY')} {word}.", chance.choice((0.3, 0.5, 0.9))) for word in chosen]


def rebuilt(db: Database, standing: list[tuple[date, str, dict[str, Any]]]) -> Any:
    """The checksum of a memory that saw these batches alone, in this order."""
    with db.connection.transaction(force_rollback=True):
        tables = ("tm.unit", "tm.evidence", "tm.document", "tm.extra", *HISTORY)
        db.connection.execute(f"truncate {', '.join(tables)}, tm.source, tm.pending, tm.gram, tm.numbering")
        for day, batch, documents in standing:
            load(db, day, documents, batch_id=batch)
            db.connection.execute("drop table fresh, buried, refused, incoming, touched")
        return memory_checksum(db)


@pytest.mark.parametrize("seed", range(4))
def test_any_loads_and_roll_backs_leave_the_memory_of_the_batches_that_stand(
    db: Database, storage: Storage, seed: int
) -> None:
    chance = random.Random(seed)
    standing: list[tuple[date, str, dict[str, Any]]] = []
    rolled = 0
    for number in range(12):
        if standing and chance.random() < 0.35:
            gone = chance.choice(standing)
            back(db, storage, gone[1], keep_later=True)
            standing.remove(gone)
            rolled += 1
        else:
            day = chance.choice((D1, D2, D3))
            documents = {name: made_document(chance) for name in NAMES if chance.random() < 0.7} or {"a": [HOUSE]}
            batch = f"batch-{chance.randrange(number + 1)}"  # now and then one that is there: planned anew
            day = next((known for known, one, _ in standing if one == batch), day)
            documents = next((said for _, one, said in standing if one == batch), documents)
            if any(one == batch for _, one, _ in standing):
                standing = [one for one in standing if one[1] != batch]
            elif db.run("ops/select_batch", batch_id=batch):
                day = db.one("ops/select_batch", batch_id=batch).partition_date
            load(db, day, documents, batch_id=batch)
            standing.append((day, batch, documents))
        if number % 4 == 3:
            check_memory(db)
            assert memory_checksum(db) == rebuilt(db, standing), f"seed {seed}, after step {number}"
    assert rolled >= 2


def test_the_commands(settings: Settings, db: Database, monkeypatch: Any, capsys: Any) -> None:
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))
    load(db, D1, {"a": [HOUSE]})
    batch, _ = load(db, D2, {"a": [BUILDING]})
    assert main(["log"]) == 0
    assert batch in capsys.readouterr().out
    assert main(["diff", "--batch", batch]) == 0
    assert "Ein Haus" in capsys.readouterr().out
    assert main(["diff", "--batch", batch, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["changed"] == 1
    assert main(["rollback", "--batch", batch]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert texts(db) == [BUILDING]
    assert main(["rollback", "--batch", batch, "--yes"]) == 0
    assert texts(db) == [HOUSE]
    assert main(["rollback", "--batch", batch, "--yes"]) == 1
