"""Backups, prunes, verifications, drills, restores and swaps, killed: no torn backup is good, no good one is lost, the
live memory is not touched before the swap, and the same command once more does what it should.

A command is killed after a share of its time, when a file is there, or while it waits to write a table: see
test_kill_steps.py, whose ways these are.
"""

import shutil
from pathlib import Path

import pytest

from tests.e2e.test_kill_steps import killed
from tests.waiting import Span, wait_until
from tm_core.settings import Settings
from tm_store.backup_catalog import list_backups, verify
from tm_store.checksum import memory_checksum
from tm_store.db import open_database
from tm_store.restore import live_name, of_database, open_server
from tm_store.restore_swap import drop_beside, list_beside

pytestmark = [pytest.mark.db, pytest.mark.slow]

KILLS = {
    "backup": [0.2, 0.5, 0.8, "../work/backup-*/*", "backups/*/memory/*", "backups/*/manifest.json", "ops.backup"],
    "prune": [0.4, 0.7, "ops.backup"],
    "verify": [0.4, 0.8],
    "drill": [0.2, 0.4, 0.6, 0.8, "../work/restore-*/*", "ops.drill"],
    "restore": [0.2, 0.4, 0.6, 0.8, "../work/restore-*/*"],
    "swap": [0.3, 0.5, 0.7, 0.9, "journal/abandoned/*"],
}
CASES = [(command, moment) for command, moments in KILLS.items() for moment in moments]


class Memory:
    """A world with a good backup, and a unit that came after it."""

    def __init__(self, world):
        self.world = world
        self.settings = Settings.from_env(world.settings_env)

    def take_in(self, name, *pair):
        path = self.world.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.world.tmx(pair))
        self.world.tm("import", "--store", "demo", "--src", "en", "--tgt", "de", str(path)).ok()

    def checksum(self, database=""):
        with open_database(of_database(self.settings, database) if database else self.settings) as db:
            return memory_checksum(db).digest

    def beside(self):
        return [one.name for one in list_beside(self.settings)]

    def databases(self):
        name = live_name(self.settings)
        with open_server(self.settings) as server:
            rows = server.connection.execute("select datname from pg_database where starts_with(datname, %s)", [name])
            return {row[0].removeprefix(name) for row in rows}

    def again(self, argv):
        """The command once more; the server may need a moment to see that the killed one is gone."""

        def alone():
            done = self.world.tm(*argv)
            return done if done.status == 0 or "found another at work" not in done.err else None

        return wait_until(alone, "the killed one's lock is free").ok()

    def command(self, name):
        (first, *_) = [one for one in list_backups(self.world.storage) if one.good]
        return {
            "backup": ["backup"],
            "prune": ["backup", "--prune", "--yes"],
            "verify": ["backup", "--verify", first.uri],
            "drill": ["drill", first.uri],
            "restore": ["restore", first.uri, "--yes"],
            "swap": ["restore", "--swap", "--yes"],
        }[name]


@pytest.fixture(scope="module")
def original(make_lasting_world):
    memory = Memory(make_lasting_world())
    memory.take_in("first.tmx", "Turn the valve.", "Drehen Sie das Ventil.")
    memory.world.tm("backup").ok()
    memory.backed = memory.checksum()
    memory.take_in("second.tmx", "Press the key.", "Drücken Sie die Taste.")
    memory.live = memory.checksum()
    assert memory.backed != memory.live
    return memory


@pytest.fixture(scope="module")
def spans(make_lasting_world, original):
    """How long each command takes when nobody disturbs it."""
    memory, found = Memory(make_lasting_world(like=original.world)), {}
    prepare(memory, "prune")
    for name in KILLS:
        if name == "swap":
            prepare(memory, name)
        span = Span()
        memory.world.tm(*memory.command(name)).ok()
        found[name] = span.ended()
    clear(memory)
    return found


@pytest.fixture
def memory(make_world, original):
    memory = Memory(make_world(like=original.world))
    yield memory
    clear(memory)


def clear(memory):
    for name in memory.beside():
        drop_beside(memory.settings, name)


def prepare(memory, command):
    """What a command needs to have something to do: backups that nothing keeps, a restored database."""
    if command == "prune":
        (newest,) = list_backups(memory.world.storage)
        root = memory.settings.home / "storage"
        for day in ("20200106", "20200107"):
            name = newest.path.replace(Path(newest.path).name[:8], day)
            shutil.copytree(root / newest.path, root / name)
    elif command == "swap":
        memory.world.tm("restore", "--no-replay", "--yes").ok()


def trusted(memory):
    """Whatever is listed as good is whole."""
    good = [one for one in list_backups(memory.world.storage) if one.good]
    for one in good:
        verify(memory.world.storage, one.uri)
    return {one.uri for one in good}


def test_there_are_enough_kills():
    assert len(CASES) >= 20


@pytest.mark.parametrize(("command", "moment"), CASES)
def test_a_killed_command(memory, original, spans, command, moment):
    (kept,) = trusted(memory)
    prepare(memory, command)
    argv = memory.command(command)
    hit = killed(memory.world, ["tm", *argv], moment, spans[command])
    assert hit or not str(moment).startswith("ops."), f"{command} was never seen at {moment}"
    assert kept in trusted(memory), "a good backup is lost"
    possible = {original.live, original.backed} if command == "swap" else {original.live}
    assert memory.checksum() in possible, "the live memory was touched"

    if command != "swap" or memory.checksum() == original.live:
        memory.again(argv)
    assert kept in trusted(memory)
    assert {"_restoring", "_drill"} & memory.databases() == set()
    work = memory.settings.home / "work"
    assert not work.exists() or list(work.iterdir()) == []
    CHECKS.get(command, lambda *_: None)(memory, original)


def check_backup(memory, original):
    found = list_backups(memory.world.storage)
    assert found[-1].facts["checksum"] == original.live
    assert {state for (state,) in memory.world.rows("select state from ops.backup")} == {"good"}


def check_prune(memory, original):
    assert [one.taken_at.year for one in list_backups(memory.world.storage) if one.taken_at.year == 2020] == []


def check_drill(memory, original):
    assert all(memory.world.value("select array_agg(is_passed) from ops.drill"))
    assert memory.checksum() == original.live


def check_restore(memory, original):
    assert memory.checksum() == original.live
    assert memory.checksum(memory.beside()[-1]) == original.live


def check_swap(memory, original):
    """What was left out on purpose stays out of the next restore, also where the swap was killed before it said so."""
    assert memory.checksum() == original.backed
    memory.again(["restore", "--yes"])
    ready = max(name for name in memory.beside() if "_restored_" in name)
    assert memory.checksum(ready) == original.backed
    memory.again(["restore", "--swap-back", "--yes"])
    assert memory.checksum() == original.live
    assert memory.world.storage.list("journal/abandoned") == []


CHECKS = {
    "backup": check_backup,
    "prune": check_prune,
    "drill": check_drill,
    "restore": check_restore,
    "swap": check_swap,
}
