"""A night that came after the backup is brought back from object storage: units, books and all."""

import psycopg
import pytest

pytestmark = [pytest.mark.db, pytest.mark.slow]

BEFORE, DAY = "2026-01-05", "2026-01-06"
#: Tables of a restored memory that must be as they were before it was lost.
TABLES = "tm.unit tm.evidence tm.document ops.slice ops.document ops.outcome ops.ledger quality.decision".split()


def test_a_night_after_the_backup_is_brought_back(make_world):
    world = make_world()
    world.deposit_day(BEFORE)
    world.refresh(BEFORE).ok()
    world.deposit_day(DAY)
    world.refresh(DAY).ok()
    assert world.batch(BEFORE) != world.batch(DAY)
    expected, checksum = world.state(), world.checksum()
    # The second night's own backup is lost, and with it the database.
    for info in world.storage.list("backups"):
        if world.batch(DAY) in info.path:
            world.storage.delete(info.path)
    world.start("tm", "restore", "--yes").wait().ok()
    with psycopg.connect(world.url, autocommit=True) as live:
        live.execute("truncate tm.unit cascade")
    assert world.checksum() != checksum
    world.start("tm", "restore", "--swap", "--yes").wait().ok()
    try:
        assert world.checksum() == checksum
        found = world.state()
        assert {table for table in TABLES if found[table] != expected[table]} == set()
        world.check_books(DAY)
        # The date is known: a run of it finds nothing new.
        assert world.refresh(DAY).ok().json["nothing_new"]
    finally:
        beside = world.start("tm", "restore", "--list").wait().ok().out
        for line in beside.splitlines():
            world.start("tm", "restore", "--drop", line.split()[0], "--yes").wait().ok()
