"""A partition moves to another server as docs/scale.md says, and every command works on it there."""

import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from tests.store.conftest import World
from tm_core.settings import Settings
from tm_store.db import Database
from tm_store.lookup import lookup
from tm_store.migrate import open_memory
from tm_store.programs import find_program, server_major
from tm_store.versions import rollback

pytestmark = pytest.mark.db
ROWS = """
select unit.* from tm.unit as unit join tm.store as store using (store_id) where store.name = %s order by unit.unit_key
"""


def part_of(db: Database, store: str) -> str:
    rows = db.connection.execute(
        "select distinct unit.tableoid::regclass::text from tm.unit join tm.store using (store_id) where name = %s",
        (store,),
    ).fetchall()
    assert len(rows) == 1, "a store spans partitions"
    return str(rows[0][0]).rpartition("_p")[2]


@pytest.fixture
def moved(world: World, database_url: str) -> Iterator[Settings]:
    """A memory with the partition of the store 'demo' alone; the first one holds another store besides."""
    one = world.file("one.tmx", world.tmx(world.tu("One house", "Ein Haus") + world.tu("A dog", "Ein Hund")))
    world.take(one)
    world.take(world.file("other.tmx", world.tmx(world.tu("One house", "Ein anderes Haus"))), store="handbook")
    part = part_of(world.db, "demo")
    assert part != part_of(world.db, "handbook"), "both stores would move: the test would see no difference"
    name = f"moved_{uuid.uuid4().hex[:12]}"
    url = psycopg.conninfo.make_conninfo(database_url, dbname=name)
    major = server_major(world.db)
    world.db.connection.execute(f'create database "{name}"')
    try:
        dump = world.folder / "moved.dump"
        without = f"--exclude-table-data=tm.*_p[^{part}]"
        subprocess.run([find_program("pg_dump", major), "-Fc", without, "-f", dump, database_url], check=True)
        subprocess.run([find_program("pg_restore", major), "--exit-on-error", "-d", url, dump], check=True)
        yield replace(world.settings, database_url=url)
    finally:
        world.db.connection.execute(f'drop database "{name}" with (force)')


def test_a_partition_moves_and_no_statement_changes(world: World, moved: Settings) -> None:
    kept = world.db.connection.execute(ROWS, ("demo",)).fetchall()
    assert len(kept) == 2
    with open_memory(moved) as there:
        assert there.connection.execute(ROWS, ("demo",)).fetchall() == kept
        assert there.connection.execute(ROWS, ("handbook",)).fetchall() == []
        match = lookup(there, store="demo", src="en", tgt="de", text="One house")[0]
        assert match.tgt_text == "Ein Haus"

        new = World(moved, there, world.folder)
        assert new.take(world.folder / "one.tmx").kinds.get("new", 0) == 0, "the import is known there"
        added = new.take(world.file("two.tmx", world.tmx(world.tu("A cat", "Eine Katze"))))
        assert added.kinds["new"] == 1
        rollback(there, new.storage, added.batch_id, who="test", dry_run=False)
        assert there.connection.execute(ROWS, ("demo",)).fetchall() == kept

        new.export("moved.tmx")
        world.export("here.tmx")
        assert (world.folder / "moved.tmx").read_bytes() == (world.folder / "here.tmx").read_bytes()
    assert world.db.connection.execute(ROWS, ("demo",)).fetchall() == kept
