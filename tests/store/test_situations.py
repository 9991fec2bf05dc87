"""The runbooks of situations: every command as it stands there, after what they are for has been made to happen."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.store.batches_made import load
from tests.store.conftest import World
from tm_core.settings import Settings
from tm_store.backup import take_backup
from tm_store.backup_catalog import list_backups
from tm_store.checksum import memory_checksum
from tm_store.db import open_database
from tm_store.journal import ship
from tm_store.programs import find_program, server_major
from tm_store.restore import of_database, open_server
from tm_store.restore_swap import drop_beside, list_beside

pytestmark = [pytest.mark.db, pytest.mark.slow]

RUNBOOKS = Path(__file__).resolve().parents[2] / "docs" / "runbooks"


@pytest.fixture
def memory(world: World) -> Iterator[World]:
    """A batch, and an import, both in a backup; drops what a runbook leaves beside the live database."""
    load(world.db, date(2026, 1, 5), {"guide": [("One house", "Ein Haus"), ("Two houses", "Zwei Häuser")]})
    world.take(world.file("units.tmx", world.tmx(world.tu("Turn the valve.", "Drehen Sie das Ventil."))))
    take_backup(world.settings, world.db, world.storage)
    yield world
    for one in list_beside(world.settings):
        drop_beside(world.settings, one.name)


def checksum(settings: Settings) -> str:
    with open_database(settings) as db:
        return memory_checksum(db).digest


def follow(world: World, name: str, settings: Settings | None = None, **more: str) -> str:
    """Run all commands of a runbook in their order, in one shell; returns what they said."""
    steps = re.findall(r"```sh\n(.*?)```", (RUNBOOKS / f"{name}.md").read_text(), re.DOTALL)
    assert len(steps) >= 3, f"{name}: no commands were found"
    script = world.folder / f"{name}.sh"
    script.write_text("set -eu\n" + "\n".join(map(textwrap.dedent, steps)))
    psql = find_program("psql", server_major(world.db))
    settings = settings or world.settings
    world.db.connection.close()
    env = {key: value for key, value in os.environ.items() if not key.startswith("TM_")} | {
        "TM_HOME": str(settings.home),
        "TM_DATABASE_URL": settings.database_url,
        "TM_INCLUDE": str(settings.include),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(psql.parent), os.environ["PATH"]]),
    }
    done = subprocess.run(["bash", str(script)], env=env | more, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    return done.stdout


def test_corruption_found(memory: World) -> None:
    before = checksum(memory.settings)
    memory.db.connection.execute("update tm.unit set tgt_text = 'Unsinn' where src_text = 'One house'")
    assert checksum(memory.settings) != before
    follow(memory, "corruption-found")
    assert checksum(memory.settings) == before


def test_region_lost(memory: World, tmp_path: Path) -> None:
    memory.take(memory.file("more.tmx", memory.tmx(memory.tu("Press the key.", "Drücken Sie die Taste."))))
    ship(memory.db, memory.storage)
    before = checksum(memory.settings)
    replica = shutil.copytree(memory.settings.home / "storage", tmp_path / "replica")
    elsewhere = of_database(memory.settings, f"region_{os.getpid()}")
    elsewhere = replace(elsewhere, home=tmp_path / "new-home")
    try:
        follow(memory, "region-lost", elsewhere, REPLICA=f"file://{replica}")
        assert checksum(elsewhere) == before
    finally:
        with open_server(memory.settings) as server:
            server.connection.execute(f'drop database if exists "region_{os.getpid()}" with (force)')


def test_bad_batch_published(memory: World) -> None:
    before = checksum(memory.settings)
    batch, _ = load(memory.db, date(2026, 1, 6), {"bad": [("Wrong", "Falsch")]})
    assert checksum(memory.settings) != before
    follow(memory, "bad-batch-published", STORE="demo", BATCH=batch)
    assert checksum(memory.settings) == before


def test_accidental_erase(memory: World) -> None:
    from tm_store.erase import What, erase

    before = checksum(memory.settings)
    report = erase(
        memory.settings,
        memory.db,
        memory.storage,
        What(store="demo", match="valve"),
        who="a test",
        why="a mistake",
        dry_run=False,
    )
    assert checksum(memory.settings) != before
    ((imported,),) = memory.rows("select batch_id from ops.batch where kind = 'import'")
    file, number = str(memory.folder / "units.tmx"), str(report.journal_id)
    follow(memory, "accidental-erase", STORE="demo", NUMBER=number, IMPORT=imported, FILE=file)
    assert checksum(memory.settings) == before


def test_disk_full(memory: World) -> None:
    (newest,) = list_backups(memory.storage)
    old = newest.path.replace(newest.path.split("/")[1][:8], "20200106")
    folder = memory.settings.home / "storage"
    shutil.copytree(folder / newest.path, folder / old)
    said = follow(memory, "disk-full")
    assert [one.uri for one in list_backups(memory.storage)] == [newest.uri]
    assert "would be deleted" in said


def test_credentials_leaked(memory: World, tmp_path: Path) -> None:
    name = f"leaked_{os.getpid()}"
    parts = urlsplit(memory.settings.database_url)
    at = f"@{parts.hostname}:{parts.port}{parts.path}"
    old, new = (f"postgresql://{name}:{word}{at}" for word in ("old", "new"))
    login = sql.Identifier(name)
    with open_server(memory.settings) as server:
        make = "create role {} login createdb password 'old' in role tm_owner, pg_signal_backend"
        server.connection.execute(sql.SQL(make).format(login))
    key = str(tmp_path / "new.key")
    try:
        with psycopg.connect(old, autocommit=True) as thief:
            follow(
                memory,
                "credentials-leaked",
                replace(memory.settings, database_url=old),
                NEW_PASSWORD="new",
                NEW_DATABASE_URL=new,
                NEW_KEY=key,
            )
            with pytest.raises(psycopg.OperationalError):
                thief.execute("select 1")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(old)
    finally:
        with open_server(memory.settings) as server:
            server.connection.execute(sql.SQL("drop role {}").format(login))
    newest = list_backups(memory.storage)[-1]
    assert newest.drilled_at
    assert all(entry.name.endswith(".age") for entry in newest.entries)
