"""Restores: beside the live database, verified, brought up to date, swapped and swapped back."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from tests.store.conftest import World
from tests.store.relay import Relay, relayed
from tm_core.errors import BackupError, ContractError, SchemaTooNew, StorageError
from tm_core.identity import text_hash
from tm_core.settings import Settings
from tm_formats.manifest import FileEntry, write_manifest
from tm_store import restore as restore_module
from tm_store import restore_swap
from tm_store.backup import take_backup
from tm_store.backup_catalog import StoredBackup, find, list_backups, seal
from tm_store.backup_files import make_key
from tm_store.checksum import memory_checksum
from tm_store.cli import main
from tm_store.db import Database, open_database
from tm_store.drill import run_drill
from tm_store.erase import What, erase
from tm_store.journal import record, ship
from tm_store.migrate import open_memory
from tm_store.restore import live_name, of_database, open_server
from tm_store.restore_replay import find_pending
from tm_store.restore_swap import Wanted, catch_up, check, drop_beside, list_beside, restore_beside, swap, swap_back
from tm_store.tombstones import Tombstone, encode, path_of, tombstones_of

pytestmark = pytest.mark.db


@pytest.fixture
def backed(world: World) -> Iterator[str]:
    """A memory of imported units and its backup's URI; drops what the test leaves beside it."""
    world.take(
        world.file("first.tmx", world.tmx("".join(world.tu(f"Press key {n}.", f"Taste {n}.") for n in range(30))))
    )
    yield take_backup(world.settings, world.db, world.storage).uri
    for one in list_beside(world.settings):
        drop_beside(world.settings, one.name)


def import_more(world: World) -> None:
    world.take(world.file("second.tmx", world.tmx(world.tu("Turn the valve.", "Drehen Sie das Ventil."))))


def databases(world: World) -> list[str]:
    with open_server(world.settings) as server:
        name = live_name(world.settings)
        rows = server.connection.execute("select datname from pg_database where starts_with(datname, %s)", (name,))
        return sorted(row[0].removeprefix(name) for row in rows)


def checksum(settings: Settings, database: str = "") -> str:
    with open_database(of_database(settings, database) if database else settings) as db:
        return memory_checksum(db).digest


# Restoring and swapping ---------------------------------------------------------------------------------


def test_what_came_after_the_backup_is_brought_back_and_the_live_one_is_not_touched(world: World, backed: str) -> None:
    import_more(world)
    live = memory_checksum(world.db).digest
    before = world.everything()
    done = restore_beside(world.settings, world.storage, Wanted())
    assert (done.uri, done.verified.problems, done.replayed.problems) == (backed, (), ())
    assert done.replayed.counts == {"import": 1}
    assert done.verified.lookups == 30
    assert checksum(world.settings, done.database) == live
    assert world.everything() == before, "the live database was touched"
    with open_database(of_database(world.settings, done.database)) as copy:
        ids = copy.connection.execute("select id, kind, shipped_at is not null from ops.journal order by id").fetchall()
        assert ids == [(1, "import", True), (2, "import", True)]
        assert find_pending(copy, world.storage).events == ()
    assert len(world.storage.list("journal/entries")) == 2, "the replay shipped an entry of its own"


def test_a_restored_memory_has_statistics_and_none_of_an_erased_text(world: World, backed: str) -> None:
    what = What(store="demo", match="key 7.")
    erase(world.settings, world.db, world.storage, what, who="a test", why="asked for", dry_run=False)
    done = restore_beside(world.settings, world.storage, Wanted())
    with open_database(of_database(world.settings, done.database)) as copy:
        never = copy.connection.execute(
            "select oid::regclass::text from pg_class where relkind in ('r', 'p') and reltuples < 0"
            " and relnamespace::regnamespace::text in ('tm', 'ops', 'review', 'staging')"
        ).fetchall()
        values = copy.connection.execute(
            "select concat(most_common_vals, histogram_bounds) from pg_stats where schemaname = 'tm'"
        ).fetchall()
    assert never == [], "tables without statistics"
    texts = "".join(row[0] for row in values).lower()
    assert "press key " in texts, "no statistics of texts: this would show nothing"
    assert "press key 7." not in texts


def test_a_swap_and_its_way_back(world: World, backed: str) -> None:
    import_more(world)
    live = memory_checksum(world.db).digest
    first = restore_beside(world.settings, world.storage, Wanted(replay=False))
    world.db.connection.close()
    kept = swap(world.settings, world.storage)
    assert checksum(world.settings) != live
    assert checksum(world.settings, kept) == live
    assert len(world.storage.list("journal/abandoned")) == 1
    # What was left out on purpose stays out of the next restore.
    again = restore_beside(world.settings, world.storage, Wanted())
    assert checksum(world.settings, again.database) == checksum(world.settings)
    undone = swap_back(world.settings, world.storage)
    assert checksum(world.settings) == live
    assert world.storage.list("journal/abandoned") == []
    assert {one.name for one in list_beside(world.settings)} == {undone, again.database}
    assert first.database not in {one.name for one in list_beside(world.settings)}


def tm(world: World, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """A command of `tm` on the world's memory; returns its status and what it printed."""
    status = main([*arguments])
    said = capsys.readouterr()
    return status, said.out + said.err


@pytest.fixture
def as_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(world.settings, name)))


@pytest.mark.usefixtures("as_environment")
def test_a_swap_is_shown_before_it_is_done(world: World, backed: str, capsys: pytest.CaptureFixture[str]) -> None:
    done = restore_beside(world.settings, world.storage, Wanted())
    import_more(world)
    world.db.connection.close()
    live, before, there = live_name(world.settings), checksum(world.settings), databases(world)
    files = [info.path for info in world.storage.list()]

    status, shown = tm(world, capsys, "restore", "--swap")
    assert status == 0
    taken = f"{list_backups(world.storage)[-1].taken_at:%Y-%m-%d %H:%M:%S} UTC"
    for said in (
        f"would swap: {done.database} becomes {live}",
        f"{done.database}: 30 units",
        f"restored from {backed}, taken {taken}",
        f"{live}, live now: 31 units",
        f"becomes {live}_before_<time>",
        "brought back first, because they came since the restore: 1 changes\n    journal entry 2 (import, demo,",
        "nothing has been changed: add --yes to do it",
    ):
        assert said in shown
    assert "refused" not in shown
    assert (checksum(world.settings), databases(world)) == (before, there)
    assert [info.path for info in world.storage.list()] == files

    status, said = tm(world, capsys, "restore", "--swap", done.database, "--yes")
    assert (status, said) == (0, f"swapped; what was live before is {live}{databases(world)[1]}\n")
    assert databases(world) != there
    assert checksum(world.settings) == before


@pytest.mark.usefixtures("as_environment")
def test_what_a_swap_leaves_out_is_shown(world: World, backed: str, capsys: pytest.CaptureFixture[str]) -> None:
    import_more(world)
    restore_beside(world.settings, world.storage, Wanted(replay=False))
    world.db.connection.close()
    _, shown = tm(world, capsys, "restore", "--swap")
    assert "brought back first, because they came since the restore: 0 changes" in shown
    assert "left out on purpose: 1 changes when it was restored, 1 as of now\n    journal entry 2 (import" in shown
    tm(world, capsys, "restore", "--swap", "--yes")

    there = databases(world)
    status, shown = tm(world, capsys, "restore", "--swap-back")
    assert status == 0
    assert "would swap back: " in shown
    assert "31 units" in shown
    assert "was live before the last swap" in shown
    assert "came since and would not be in it: 0 changes" in shown
    assert databases(world) == there, "a swap back is a swap: shown before it is done"
    assert tm(world, capsys, "restore", "--swap-back", "--yes")[0] == 0

    (undone,) = [one.name for one in list_beside(world.settings)]
    status, shown = tm(world, capsys, "restore", "--drop", undone)
    assert (status, f"would drop {undone}" in shown) == (0, True)
    assert [one.name for one in list_beside(world.settings)] == [undone]
    assert tm(world, capsys, "restore", "--drop", undone, "--yes")[0] == 0
    assert list_beside(world.settings) == []
    status, shown = tm(world, capsys, "restore", "--drop", undone)
    assert (status, "expected one that `tm restore --list` shows" in shown) == (1, True)


@pytest.mark.usefixtures("as_environment")
def test_a_swap_that_would_be_refused_says_so_beforehand(
    world: World, backed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, shown = tm(world, capsys, "restore", "--swap")
    assert (status, "found none" in shown) == (1, True)
    restore_beside(world.settings, world.storage, Wanted())
    world.db.connection.close()
    with psycopg.connect(world.settings.database_url) as busy:
        busy.execute("select 1")  # a transaction is open
        status, shown = tm(world, capsys, "restore", "--swap")
        assert status == 1
        assert "would be refused now: " in shown
        assert "expected nobody at work in it, found 1" in shown
        status, shown = tm(world, capsys, "restore", "--swap", "--cut")
        assert (status, "1 sessions in it are ended" in shown) == (0, True)


@pytest.mark.usefixtures("as_environment")
def test_a_damaged_memory_is_no_obstacle_for_a_preview(
    world: World, backed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    restore_beside(world.settings, world.storage, Wanted())
    world.db.connection.execute("drop table tm.unit cascade")
    world.db.connection.close()
    status, shown = tm(world, capsys, "restore", "--swap")
    assert (status, "live now: units cannot be counted" in shown) == (0, True)
    tm(world, capsys, "restore", "--swap", "--yes")
    damaged = list_beside(world.settings)[0].name
    with open_database(of_database(world.settings, damaged)) as db:
        db.connection.execute("drop schema ops cascade")
    status, shown = tm(world, capsys, "restore", "--swap-back")
    assert (status, f"{damaged} cannot be read" in shown) == (0, True)


def test_an_erasure_since_the_restore_is_done_whatever_was_left_out(world: World, backed: str) -> None:
    restore_beside(world.settings, world.storage, Wanted(replay=False))
    what = What(store="demo", match="key 7.")
    erase(world.settings, world.db, world.storage, what, who="a test", why="asked for", dry_run=False)
    world.db.connection.close()
    swap(world.settings, world.storage)
    with open_database(world.settings) as db:
        texts = [row[0] for row in db.connection.execute("select src_text from tm.unit").fetchall()]
    assert len(texts) == 29
    assert not [text for text in texts if "key 7" in text]


def test_a_swap_brings_back_what_came_since_the_restore(world: World, backed: str) -> None:
    restore_beside(world.settings, world.storage, Wanted())
    import_more(world)
    live = memory_checksum(world.db).digest
    world.db.connection.close()
    swap(world.settings, world.storage)
    assert checksum(world.settings) == live


def test_a_database_in_use_is_not_swapped(world: World, backed: str) -> None:
    done = restore_beside(world.settings, world.storage, Wanted())
    with psycopg.connect(world.settings.database_url) as busy:
        busy.execute("select 1")  # a transaction is open
        with pytest.raises(BackupError, match=r"expected nobody at work in it, found 1.*nothing has been changed"):
            swap(world.settings, world.storage)
    assert done.database.removeprefix(live_name(world.settings)) in databases(world)
    world.db.connection.close()
    busy = psycopg.connect(world.settings.database_url)
    busy.execute("select 1")
    assert swap(world.settings, world.storage, cut=True)
    with pytest.raises(psycopg.OperationalError):
        busy.execute("select 1")


def test_an_idle_reader_is_ended_and_connects_again(world: World, backed: str) -> None:
    restore_beside(world.settings, world.storage, Wanted())
    world.db.connection.close()
    with open_database(world.settings) as reader:
        swap(world.settings, world.storage)
        with pytest.raises(psycopg.OperationalError):
            reader.connection.execute("select 1")
        assert checksum(world.settings)
        assert reader.connection.closed


def test_going_back_to_a_time_leaves_out_what_is_younger(world: World, backed: str) -> None:
    then = datetime.now(UTC)
    import_more(world)
    done = restore_beside(world.settings, world.storage, Wanted(at=then))
    assert (done.replayed.counts, done.replayed.problems) == ({}, ())


EVERY_WAY = pytest.mark.parametrize(
    "wanted", [Wanted(), Wanted(replay=False), Wanted(at=datetime(2100, 1, 1, tzinfo=UTC))]
)


@EVERY_WAY
def test_an_erasure_in_a_store_that_the_backup_does_not_know_is_noted(
    world: World, backed: str, wanted: Wanted
) -> None:
    plant_erasure(world, "a-store-of-later")
    done = restore_beside(world.settings, world.storage, wanted)
    assert (done.replayed.counts, done.replayed.problems) == ({"erase": 1}, ())
    with open_database(of_database(world.settings, done.database)) as copy:
        assert tombstones_of(copy)["a-store-of-later"].stones == {STONE}, "its text could be imported again"
    assert memory_checksum(world.db).digest == checksum(world.settings, done.database)


@EVERY_WAY
def test_an_erasure_that_cannot_be_done_again_ends_the_restore(world: World, backed: str, wanted: Wanted) -> None:
    """What was erased would be back otherwise."""
    path = plant_erasure(world, "demo")
    world.storage.write_atomic(path, world.storage.read(path).replace(b"en", b"xx"))
    with pytest.raises(BackupError, match=r"1 erasures .* could not be done again.*expected the tombstones whose"):
        restore_beside(world.settings, world.storage, wanted)
    assert databases(world) == [""]


def test_an_erasure_whose_file_is_gone_ends_the_restore(world: World, backed: str) -> None:
    path = plant_erasure(world, "demo")
    world.storage.delete(path)
    with pytest.raises(StorageError, match=path):
        restore_beside(world.settings, world.storage, Wanted())
    assert databases(world) == [""]


@pytest.mark.parametrize("place", ["entries/000000000009.json", "batches/000000000009-b.json", "abandoned/x.json"])
def test_a_spoilt_file_of_the_journal_ends_the_restore(world: World, place: str) -> None:
    """Nobody knows any more whether it was an erasure."""
    for spoilt in (b"", b'{"at": "2026', b"\xff\xfe", b"[]", b"7", b'{"id": 1}'):
        world.storage.write_atomic(f"journal/{place}", spoilt)
        with pytest.raises(ContractError, match=rf"journal/{place}: expected .*, found .*older version"):
            find_pending(world.db, world.storage)


STONE = Tombstone(src_lang="en", tgt_lang="de", src_hash=text_hash("Forget me."))


def plant_erasure(world: World, store: str) -> str:
    """An erasure that the live memory has done, and the backup not; returns where its tombstones lie."""
    data = encode([STONE])
    world.storage.write_atomic(path_of(data), data)
    with world.db.transaction():
        record(world.db, kind="erase", who="a test", store=store, facts={"path": path_of(data)})
    ship(world.db, world.storage)
    return path_of(data)


def test_a_restore_from_nothing(world: World, backed: str) -> None:
    """On a server that has no database of that name yet."""
    elsewhere = replace(world.settings, database_url=of_database(world.settings, f"new_{os.getpid()}").database_url)
    try:
        restore_beside(elsewhere, world.storage, Wanted())
        assert swap(elsewhere, world.storage) == ""
        assert checksum(elsewhere) == memory_checksum(world.db).digest
    finally:
        with open_server(world.settings) as server:
            server.connection.execute(f'drop database if exists "new_{os.getpid()}" with (force)')


def test_a_version_is_backed_out_after_its_migration(world: World, backed: str) -> None:
    """docs/deployment.md, "Backing out": the older code refuses the newer schema, and restores what was before it."""
    import_more(world)
    ship(world.db, world.storage)
    before = memory_checksum(world.db).digest
    world.db.connection.execute("insert into ops.migration (number, name, sha256) values (9999, 'newer', '')")
    world.db.connection.execute("alter table tm.store add column newer integer")
    with pytest.raises(SchemaTooNew), open_memory(world.settings):
        pass
    restore_beside(world.settings, world.storage, Wanted())
    swap(world.settings, world.storage, cut=True)
    with open_memory(world.settings) as db:
        assert memory_checksum(db).digest == before, "also what came after the backup"


def test_a_killed_restore_is_cleared_away_by_the_next(world: World, backed: str) -> None:
    with open_server(world.settings) as server:
        server.connection.execute(f'create database "{live_name(world.settings)}_restoring"')
    restore_beside(world.settings, world.storage, Wanted())
    assert "_restoring" not in databases(world)


def test_two_restores_at_once_are_refused(world: World, backed: str) -> None:
    from tm_store.restore import only_restore

    with (
        open_server(world.settings) as server,
        only_restore(server, live_name(world.settings)),
        pytest.raises(BackupError, match="found another at work"),
    ):
        restore_beside(world.settings, world.storage, Wanted())


# After a recovery by the server ---------------------------------------------------------------------------


def test_catching_up_brings_back_what_the_server_lost(world: World, backed: str) -> None:
    import_more(world)
    inner = of_database(world.settings, restore_beside(world.settings, world.storage, Wanted(replay=False)).database)
    older = checksum(inner)
    pending, replayed = catch_up(inner, world.storage, Wanted(), dry_run=True)
    assert (len(pending.events), dict(replayed.counts), checksum(inner)) == (1, {}, older)
    _, replayed = catch_up(inner, world.storage, Wanted())
    assert dict(replayed.counts) == {"import": 1}
    assert checksum(inner) == memory_checksum(world.db).digest != older
    pending, replayed = catch_up(inner, world.storage, Wanted())
    assert (pending.events, dict(replayed.counts)) == ((), {})


def test_catching_up_until_a_moment_leaves_the_rest_behind_for_good(world: World, backed: str) -> None:
    then = datetime.now(UTC)
    import_more(world)
    inner = of_database(world.settings, restore_beside(world.settings, world.storage, Wanted(at=then)).database)
    older = checksum(inner)
    pending, replayed = catch_up(inner, world.storage, Wanted(at=then))
    assert (len(pending.later), dict(replayed.counts), checksum(inner)) == (1, {}, older)
    with open_database(inner) as db:
        assert find_pending(db, world.storage).events == ()
        with db.transaction():
            number = record(db, kind="import", who="a test", store="demo", facts={})
    assert number == 3, "the left one's number was given again: its file would be overwritten"


# The order of a restore -----------------------------------------------------------------------------------


@pytest.fixture
def late(world: World, backed: str) -> Iterator[tuple[Settings, Relay]]:
    """A server on which the rows of one partition come late: after tm.pending's, and before tm.source's."""
    [(part,)] = world.rows("select distinct right(tableoid::regclass::text, 3) from tm.unit")
    held = {f"COPY tm.unit{part}": f"tm.pending{part}", f"TRUNCATE TABLE ONLY tm.source{part}": f"tm.unit{part}"}
    with relayed(world.settings.database_url, held) as (url, relay):
        yield replace(world.settings, database_url=url), relay
    assert relay.stuck == [], f"the order of the rows was not the planned one: {relay.passed[-40:]}"
    seen = [statement for statement in relay.passed if statement.startswith(tuple(held))]
    assert len(seen) >= 2, "nothing came late: this would show nothing"


_ACTING = re.compile(
    r"create (unique )?index|create (constraint )?trigger|add constraint .* (foreign|primary) key", re.I
)


def test_a_restore_whose_rows_come_late_is_the_same_memory(
    world: World, backed: str, late: tuple[Settings, Relay]
) -> None:
    settings, relay = late
    done = restore_beside(settings, world.storage, Wanted())
    assert done.verified.problems == ()
    with open_database(of_database(world.settings, done.database)) as copy:
        assert copy.connection.execute("select count(*) from tm.pending").fetchone() == (0,)
    rows = [number for number, what in enumerate(relay.passed) if what.startswith("rows of ")]
    acting = [number for number, what in enumerate(relay.passed) if _ACTING.search(" ".join(what.split()))]
    assert len(rows) > 100
    assert len(acting) > 100
    assert max(rows) < min(acting), f"{relay.passed[min(acting)]}: made before {relay.passed[max(rows)]} were there"


def test_a_drill_whose_rows_come_late_passes_at_once(world: World, backed: str, late: tuple[Settings, Relay]) -> None:
    settings, _ = late
    with open_database(settings) as db:
        done = run_drill(settings, db, world.storage, backed)
    assert (done.is_passed, done.problems, done.earlier) == (True, (), ()), "a second attempt hides the first"


#: What Postgres asks when it checks tm.extra's foreign key (ri_triggers.c, RI_Initial_Check).
_CHECK = """
explain (costs off)
select fk.store_id from only tm.extra{part} as fk
left join tm.evidence as pk
    on pk.store_id = fk.store_id and pk.document_key = fk.document_key and pk.unit_key = fk.unit_key
where pk.store_id is null and fk.store_id is not null
"""


def test_a_foreign_key_is_checked_by_hashing_whole_keys(world: World, backed: str) -> None:
    """A merge by an index on a part of the key compares each unit of a document with all its others."""
    [(part,)] = world.rows("select distinct right(tableoid::regclass::text, 3) from tm.unit")
    world.db.connection.execute("delete from pg_statistic")  # as in a database that was just filled

    def plan(options: str) -> str:
        # Without scans the order of an index costs nothing, as it seems to with many rows.
        with psycopg.connect(world.settings.database_url, options=f"{options} -c enable_seqscan=off") as connection:
            return "\n".join(row[0] for row in connection.execute(_CHECK.format(part=part)).fetchall())

    assert re.search("Merge|Nested", plan("")), "this would show nothing"
    hashed = plan(restore_module._SESSION)
    assert "Hash Cond" in hashed
    assert not re.search("Merge|Nested|Join Filter", hashed)


# Wrong inputs -------------------------------------------------------------------------------------------


def edit(world: World, uri: str, *, sealed: bool = True, **facts: object) -> None:
    """Change what a manifest states; with its seal, as another version or a forger would have written it."""
    path = find(world.storage, uri).path + "/manifest.json"
    body = json.loads(world.storage.read(path))
    body["facts"] |= facts
    if sealed:
        found = find(world.storage, uri)
        body["facts"]["seal"] = seal(body["facts"], found.entries)
    world.storage.write_atomic(path, json.dumps(body).encode())


def refused(world: World, uri: str, match: str) -> None:
    there = databases(world)
    for attempt in (check, restore_beside):
        with pytest.raises(BackupError, match=match):
            attempt(world.settings, world.storage, Wanted(uri=uri))
    assert databases(world) == there


def test_a_newer_schema(world: World, backed: str) -> None:
    edit(world, backed, schema=9999)
    refused(world, backed, r"schema 9999.*Install the newer tm-refinery.*Nothing has been changed")


def test_a_newer_server(world: World, backed: str) -> None:
    edit(world, backed, server_major=99)
    refused(world, backed, r"made by Postgres 99.*Nothing has been changed")


def test_a_missing_extension(world: World, backed: str) -> None:
    edit(world, backed, extensions={"no_such_extension": "1"})
    refused(world, backed, "no extension no_such_extension")


def test_too_little_room(world: World, backed: str) -> None:
    edit(world, backed, dump_bytes=1 << 60)
    refused(world, backed, "free")


def test_an_edited_manifest(world: World, backed: str) -> None:
    edit(world, backed, sealed=False, checksum="0" * 64)
    assert not list_backups(world.storage)[0].good
    refused(world, backed, "a hand has changed it")


def test_a_forged_checksum_is_found_by_what_was_restored(world: World, backed: str) -> None:
    edit(world, backed, checksum="0" * 64)
    with pytest.raises(BackupError, match=r"not what was backed up.*checksum.*has been dropped"):
        restore_beside(world.settings, world.storage, Wanted())
    assert databases(world) == [""]


def test_a_missing_file(world: World, backed: str) -> None:
    backup = find(world.storage, backed)
    world.storage.delete(f"{backup.path}/{backup.entries[0].name}")
    refused(world, backed, "found none")


def test_a_role_that_may_not_make_databases(world: World, backed: str) -> None:
    name = f"poor_{os.getpid()}"
    with open_server(world.settings) as server:
        server.connection.execute(f"create role {name} login password 'x'")
    url = world.settings.database_url.replace("://postgres:", f"://{name}:")
    poor = replace(world.settings, database_owner_url=url.replace(world.db.connection.info.password, "x"))
    try:
        with pytest.raises(BackupError, match="may not make databases"):
            check(poor, world.storage, Wanted())
    finally:
        with open_server(world.settings) as server:
            server.connection.execute(f"drop role {name}")


# Encryption ---------------------------------------------------------------------------------------------


def test_an_encrypted_backup_needs_its_key(world: World, tmp_path: Path) -> None:
    import_more(world)
    mine, other = tmp_path / "mine.key", tmp_path / "other.key"
    sealed = replace(world.settings, backup_recipients=make_key(mine))
    make_key(other)
    summary = take_backup(sealed, world.db, world.storage)
    stored = find(world.storage, summary.uri)
    assert all(entry.name.endswith(".zst.age") for entry in stored.entries)
    assert oct(mine.stat().st_mode)[-3:] == "600"
    with pytest.raises(BackupError, match="no key is set"):
        check(world.settings, world.storage, Wanted())
    with pytest.raises(BackupError, match="does not open it"):
        restore_beside(replace(sealed, backup_identity=other), world.storage, Wanted())
    assert databases(world) == [""]
    opened = replace(sealed, backup_identity=mine)
    done = restore_beside(opened, world.storage, Wanted())
    assert checksum(world.settings, done.database) == summary.checksum
    drop_beside(world.settings, done.database)
    with pytest.raises(BackupError, match="cannot be written there"):
        make_key(mine)


# Drills -------------------------------------------------------------------------------------------------


def test_a_drill_proves_a_backup_and_leaves_nothing(world: World, backed: str) -> None:
    done = run_drill(world.settings, world.db, world.storage)
    assert (done.uri, done.is_passed, done.problems, done.lookups) == (backed, True, (), 30)
    assert done.rto_seconds is not None
    assert 0 < done.rto_seconds <= done.seconds
    assert (done.rpo_seconds, done.rpo_alone_seconds) == (0, 0)
    assert find(world.storage, backed).drilled_at
    assert world.rows("select is_passed, rto_seconds > 0, rpo_seconds from ops.drill") == [(True, True, 0)]
    assert databases(world) == [""]


def test_bit_rot_is_found_and_marks_the_backup_bad(world: World, backed: str, db: Database) -> None:
    stored = find(world.storage, backed)
    victim = max(stored.entries, key=lambda entry: entry.size)
    data = bytearray(world.storage.read(f"{stored.path}/{victim.name}"))
    data[len(data) // 2] ^= 1
    world.storage.write_atomic(f"{stored.path}/{victim.name}", bytes(data))
    assert find(world.storage, backed).good, "sizes alone cannot show it"
    done = run_drill(world.settings, world.db, world.storage)
    assert not done.is_passed
    assert "SHA-256" in done.problems[0]
    assert world.rows("select state, problem <> '' from ops.backup") == [("bad", True)]
    assert not find(world.storage, backed).good
    with pytest.raises(BackupError, match="expected a good backup"):
        run_drill(world.settings, world.db, world.storage)


def test_a_dump_that_pg_restore_refuses_marks_the_backup_bad(world: World, backed: str) -> None:
    """Every hash fits: it was spoilt before it was uploaded."""
    stored = find(world.storage, backed)
    replant(world, stored, "memory/toc.dat.zst", pa.compress(b"PGDMP and nothing else", "zstd", asbytes=True))
    assert find(world.storage, backed).good
    done = run_drill(world.settings, world.db, world.storage)
    assert not done.is_passed
    assert done.rto_seconds is None
    assert "pg_restore ended with status" in done.problems[0]
    assert world.rows("select is_passed, rto_seconds from ops.drill") == [(False, None)]
    assert world.rows("select state, problem like 'attempt 1: pg_restore%' from ops.backup") == [("bad", True)]
    assert not find(world.storage, backed).good
    assert databases(world) == [""]
    with pytest.raises(BackupError, match="this backup is not restored"):
        check(world.settings, world.storage, Wanted(uri=backed))


def test_a_server_that_is_lost_says_nothing_of_the_backup(
    world: World, backed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "pg_restore"
    program.write_text("#!/bin/sh\necho 'pg_restore: error: server closed the connection unexpectedly' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr("tm_store.restore.find_program", lambda name, major: program)
    with pytest.raises(BackupError, match="server closed the connection"):
        run_drill(world.settings, world.db, world.storage)
    assert world.rows("select * from ops.drill") == []
    assert find(world.storage, backed).good
    assert databases(world) == [""]


def replant(world: World, stored: StoredBackup, name: str, data: bytes) -> None:
    """Another content of a backup's file, and a manifest that promises just that."""
    written = world.storage.write_atomic(f"{stored.path}/{name}", data)
    entries = [
        FileEntry(name=name, size=written.size, sha256=written.sha256) if one.name == name else one
        for one in stored.entries
    ]
    assert entries != list(stored.entries)
    write_manifest(world.storage, stored.path, entries, {**stored.facts, "seal": seal(stored.facts, entries)})


def test_a_batch_that_nothing_could_bring_back_is_the_rpo(world: World, backed: str) -> None:
    world.db.connection.execute(
        "insert into ops.batch (batch_id, partition_date, state, run_id, versions) "
        "values ('lost', '2026-01-06', 'loaded', 'run', '{}')"
    )
    world.db.connection.execute(
        "insert into ops.slice (batch_id, store, src_lang, tgt_lang, documents, src_segments, tgt_segments, beads, "
        "settled_at) values ('lost', 'demo', 'en', 'de', 1, 1, 1, 1, now())"
    )
    done = run_drill(world.settings, world.db, world.storage)
    assert done.is_passed
    assert 0 < done.rpo_seconds <= done.rpo_alone_seconds


def test_a_swap_killed_between_its_rename_and_its_note(
    world: World, backed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_more(world)
    live = memory_checksum(world.db).digest
    restore_beside(world.settings, world.storage, Wanted(replay=False))
    world.db.connection.close()

    def die(*arguments: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(restore_swap, "abandon", die)
    with pytest.raises(KeyboardInterrupt):
        swap(world.settings, world.storage)
    monkeypatch.undo()
    older = checksum(world.settings)
    assert older != live
    assert world.storage.list("journal/abandoned") == [], "the kill came too late: this would show nothing"
    again = restore_beside(world.settings, world.storage, Wanted())
    assert checksum(world.settings, again.database) == older
    swap_back(world.settings, world.storage)
    assert world.storage.list("journal/abandoned") == []
    assert checksum(world.settings) == live
