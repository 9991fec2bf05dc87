"""Backups: one that restores to the same memory, is never half-listed, and is not taken twice."""

import json
import logging
import os
import re
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import pyarrow as pa
import pytest

from tm_core.errors import BackupError, StorageError
from tm_core.settings import Settings
from tm_formats.storage import Storage, Written
from tm_store import backup as backup_module
from tm_store import programs
from tm_store import restore as restore_module
from tm_store.backup import prune, render, take_backup
from tm_store.backup_catalog import list_backups, render_list, verify
from tm_store.checksum import memory_checksum
from tm_store.db import Database, open_database
from tm_store.drill import run_drill
from tm_store.programs import find_program, server_major
from tm_store.restore import restore_into
from tm_store.restore_swap import drop_beside, list_beside

pytestmark = pytest.mark.db

ROOT = Path(__file__).resolve().parents[2]
BATCH = "2026-01-05-0123456789ab"
ROWS = 300


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage(settings.storage)


@pytest.fixture
def memory(db: Database) -> Database:
    """Two stores, 300 units with texts that must survive (quotes, tabs, other scripts), a batch, a staged bead."""
    db.connection.execute("insert into tm.store (name) values ('demo'), ('other')")
    add_units(db, 0, ROWS)
    db.connection.execute(
        "insert into tm.evidence select store_id, document_key, unit_key, position, tier, aligner, model_hash, score, "
        "partition_date, batch_id from tm.unit"
    )
    db.connection.execute(
        "insert into tm.document values (1, 'd', 'guide', 'en', 'de', '2026-01-05', 1, %s, 'hash')", (BATCH,)
    )
    db.connection.execute(
        "insert into ops.batch (batch_id, partition_date, state, run_id, versions) "
        "values (%s, '2026-01-05', 'loaded', 'run', '{}')",
        (BATCH,),
    )
    db.connection.execute(
        "insert into staging.bead select 'b', 'demo', 'd', 0, 'en', 'de', 0, 1, 0, 1, 'STAGED-TEXT', 'x', '', '', '', "
        "'', '', '', '', 'lexical', 'a', '', 0.5, 'en', 'de', ''"
    )
    return db


def add_units(db: Database, first: int, last: int) -> None:
    db.connection.execute(
        """
        insert into tm.unit (
            store_id, unit_key, src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, context, prev_hash,
            next_hash, item_key, document_key, position, tier, aligner, model_hash, score, partition_date, batch_id
        )
        select 1 + n %% 2, sha256(convert_to('u' || n, 'UTF8')), 'en', 'zh',
            'It''s "text"' || E'\\t\\\\N ' || n, '文本 ' || n, '', '', '', '', '', '', 'd', n, 'lexical', 'a', '',
            (n %% 997) / 997.0, '2026-01-05', %s
        from generate_series(%s::integer, %s::integer - 1) as n
        """,
        (BATCH, first, last),
    )


def rows(db: Database) -> list[tuple[str, str]]:
    return db.connection.execute("select uri, state from ops.backup order by taken_at").fetchall()


def stored_files(settings: Settings) -> list[Path]:
    return [path for path in (settings.home / "storage").rglob("*") if path.is_file()]


class Failing(Storage):
    """A storage on which the nth write fails."""

    def __init__(self, uri: str, at: int, error: BaseException) -> None:
        super().__init__(uri)
        self.left, self.error = at, error

    def write_atomic(self, path: str, data: bytes | BinaryIO) -> Written:
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().write_atomic(path, data)


def torn(settings: Settings, storage: Storage, uri: str) -> None:
    """Make of a backup what a kill just before the manifest would have left."""
    storage.delete(uri.removeprefix(storage.uri + "/") + "/manifest.json")


# Taking -----------------------------------------------------------------------------------------------


def test_a_backup_restores_to_the_same_memory(settings: Settings, storage: Storage, memory: Database) -> None:
    before = memory_checksum(memory)
    summary = take_backup(settings, memory, storage, BATCH)
    assert summary.fresh
    assert summary.checksum == before.digest
    assert {name: counts.units for name, counts in summary.stores.items()} == {"demo": ROWS // 2, "other": ROWS // 2}
    assert summary.stores["demo"].documents == 1
    assert sum(counts.evidence for counts in summary.stores.values()) == ROWS

    # What happens later to the live database must not be in the copy.
    memory.connection.execute("truncate tm.unit")
    scratch = f"restored_{os.getpid()}"
    restored = restore_into(settings, storage, summary.uri, scratch)
    try:
        with open_database(settings, database=scratch) as copy:
            assert memory_checksum(copy) == before
            assert restored.facts["checksum"] == before.digest
            assert copy.connection.execute("select state from ops.batch").fetchall() == [("loaded",)]
            assert copy.connection.execute("select count(*) from staging.bead").fetchone() == (0,)
            assert memory_checksum(memory).units == 0, "the live database was touched"
            # It goes on where it stood: sequences and partitions work.
            add_units(copy, ROWS, ROWS + 10)
            assert memory_checksum(copy).units == ROWS + 10
    finally:
        memory.connection.execute(f'drop database "{scratch}" with (force)')


def test_the_row_the_list_and_the_summary_agree(settings: Settings, storage: Storage, memory: Database) -> None:
    summary = take_backup(settings, memory, storage, BATCH)
    [found] = list_backups(storage)
    assert (found.uri, found.files, found.bytes) == (summary.uri, summary.files, summary.bytes)
    assert found.good
    assert found.batch_id == BATCH
    assert abs(datetime.now(UTC) - found.taken_at) < timedelta(minutes=1)
    row = memory.connection.execute("select uri, batch_id, state, files, bytes, manifest_sha256 from ops.backup")
    assert row.fetchall() == [(summary.uri, BATCH, "good", summary.files, summary.bytes, summary.manifest_sha256)]
    assert json.dumps(asdict(summary)), "the summary goes into ops.step"
    assert summary.manifest_sha256 in render(summary)
    assert "good" in render_list([found])


def test_staging_is_not_backed_up(settings: Settings, storage: Storage, memory: Database) -> None:
    take_backup(settings, memory, storage, BATCH)
    texts = b"".join(
        pa.CompressedInputStream(str(path), "zstd").read() for path in stored_files(settings) if ".dat" in path.name
    )
    assert "文本 7".encode() in texts, "the dump was not read: the next line would prove nothing"
    assert b"STAGED-TEXT" not in texts


def test_the_counts_are_of_the_dump_while_others_write(
    settings: Settings, storage: Storage, memory: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = backup_module.program_running

    def write_then_dump(*arguments: Any) -> Any:
        with open_database(settings) as other:
            add_units(other, ROWS, ROWS + 50)
        return dump(*arguments)

    monkeypatch.setattr(backup_module, "program_running", write_then_dump)
    summary = take_backup(settings, memory, storage, BATCH)
    monkeypatch.undo()
    assert memory_checksum(memory).units == ROWS + 50
    scratch = f"concurrent_{os.getpid()}"
    restore_into(settings, storage, summary.uri, scratch)
    try:
        with open_database(settings, database=scratch) as copy:
            assert memory_checksum(copy).units == ROWS
            assert memory_checksum(copy).digest == summary.checksum
    finally:
        memory.connection.execute(f'drop database "{scratch}" with (force)')


# Once per batch and state ------------------------------------------------------------------------------


def test_a_second_backup_of_a_batch_writes_nothing(settings: Settings, storage: Storage, memory: Database) -> None:
    first = take_backup(settings, memory, storage, BATCH)
    # What the last task does after its backup must not make the next one differ.
    memory.connection.execute("update ops.batch set state = 'done', done_at = now()")
    memory.connection.execute("insert into ops.step values (%s, 'backup', 1.0, '{}')", (BATCH,))
    memory.connection.execute("truncate staging.bead")
    before = (sorted(stored_files(settings)), memory.connection.execute("select xmin, uri from ops.backup").fetchall())
    second = take_backup(settings, memory, storage, BATCH)
    assert second == replace(first, fresh=False)
    after = (sorted(stored_files(settings)), memory.connection.execute("select xmin, uri from ops.backup").fetchall())
    assert after == before


@pytest.mark.parametrize(
    "change",
    [
        "update tm.unit set tgt_text = 'x' where position = 1",
        "delete from tm.evidence where position = 1",
        "update ops.batch set generation = nextval('ops.generation')",
        "insert into ops.slice values (%(batch)s, 'demo', 'en', 'zh', 1, 1, 1, 1, 'accept', '{}', 1, now())",
        "insert into quality.decision values (%(batch)s, 'demo', 'en', 'zh', 'accept', '{}', '{}', 'gate')",
    ],
)
def test_a_change_gives_a_new_backup(settings: Settings, storage: Storage, memory: Database, change: str) -> None:
    first = take_backup(settings, memory, storage, BATCH)
    memory.connection.execute(change, {"batch": BATCH})
    second = take_backup(settings, memory, storage, BATCH)
    assert second.fresh
    assert [found.uri for found in list_backups(storage)] == [first.uri, second.uri]


def test_a_backup_without_a_batch_is_always_taken(settings: Settings, storage: Storage, memory: Database) -> None:
    uris = {take_backup(settings, memory, storage).uri for _ in range(2)}
    assert len(uris) == 2
    assert [found.batch_id for found in list_backups(storage)] == [None, None]


def test_two_at_once_give_one_backup(settings: Settings, storage: Storage, memory: Database) -> None:
    start = threading.Barrier(2)

    def take(_: int) -> bool:
        with open_database(settings) as own:
            start.wait()
            return take_backup(settings, own, storage, BATCH).fresh

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(take, range(2))) == [False, True]
    assert len(list_backups(storage)) == 1


def test_a_lost_row_is_written_again(settings: Settings, storage: Storage, memory: Database) -> None:
    first = take_backup(settings, memory, storage, BATCH)
    memory.connection.execute("delete from ops.backup")
    assert not take_backup(settings, memory, storage, BATCH).fresh
    assert rows(memory) == [(first.uri, "good")]


def test_a_bad_backup_is_not_counted_on(settings: Settings, storage: Storage, memory: Database) -> None:
    first = take_backup(settings, memory, storage, BATCH)
    memory.connection.execute("update ops.backup set state = 'bad'")
    second = take_backup(settings, memory, storage, BATCH)
    assert second.fresh
    assert rows(memory) == [(first.uri, "bad"), (second.uri, "good")]


# When it fails -------------------------------------------------------------------------------------------


def test_a_try_that_was_killed_is_not_good_and_is_cleared_away(
    settings: Settings, storage: Storage, memory: Database
) -> None:
    first = take_backup(settings, memory, storage, BATCH)
    torn(settings, storage, first.uri)
    left = settings.home / "work" / f"backup-{memory.connection.info.dbname}-killed"
    left.mkdir()
    [found] = list_backups(storage)
    assert not found.good
    assert "TORN" in render_list([found])
    second = take_backup(settings, memory, storage, BATCH)
    assert [found.uri for found in list_backups(storage) if found.good] == [second.uri]
    assert len(list_backups(storage)) == 1
    assert not left.exists()


@pytest.mark.parametrize("at", [0, 3, 10_000])
@pytest.mark.parametrize("error", [StorageError("s3://x: the disk is full."), OSError(28, "No space left on device")])
def test_an_upload_that_fails_leaves_nothing(
    settings: Settings, memory: Database, storage: Storage, at: int, error: Exception
) -> None:
    files = take_backup(settings, memory, storage).files
    failing = Failing(settings.storage, min(at, files), error)  # the last write is the manifest's
    with pytest.raises(BackupError, match=r"upload failed.*(disk is full|No space).*Nothing is listed"):
        take_backup(settings, memory, failing, BATCH)
    assert [found.batch_id for found in list_backups(storage)] == [None]
    assert list((settings.home / "work").iterdir()) == []
    assert take_backup(settings, memory, storage, BATCH).fresh


def fake_client(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Make a script of ours the only pg_dump that is found."""

    def install(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        monkeypatch.setattr(programs, "_program_folders", lambda major: iter([folder]))
        return fake_client(folder, "pg_dump", script)

    return install


def test_what_pg_dump_says_is_in_the_error(
    settings: Settings, storage: Storage, memory: Database, only: Callable[[str], Path]
) -> None:
    version = f'echo "pg_dump (PostgreSQL) {server_major(memory)}.9"'
    only(f'[ "$1" = --version ] && {version} && exit 0; echo "pg_dump: error: out of luck" >&2; exit 3')
    with pytest.raises(BackupError, match=r"pg_dump ended with status 3\D*out of luck") as caught:
        take_backup(settings, memory, storage, BATCH)
    assert "nothing is listed" in str(caught.value)
    only(f'[ "$1" = --version ] && {version} && exit 0; echo "x: No space left on device" >&2; exit 1')
    with pytest.raises(BackupError, match=r"disk is full(.|\n)*Free some space"):
        take_backup(settings, memory, storage, BATCH)
    assert list_backups(storage) == []
    assert rows(memory) == []


def test_the_password_is_never_on_the_command_line(
    settings: Settings, storage: Storage, memory: Database, only: Callable[[str], Path], tmp_path: Path
) -> None:
    version = f'echo "pg_dump (PostgreSQL) {server_major(memory)}.9"'
    seen = tmp_path / "seen"
    only(f'[ "$1" = --version ] && {version} && exit 0; echo "$@" >{seen}; echo "$PGPASSWORD" >>{seen}; exit 1')
    with pytest.raises(BackupError):
        take_backup(settings, memory, storage, BATCH)
    command, password = seen.read_text().splitlines()
    assert password == memory.connection.info.password != ""
    assert password not in command
    assert memory.connection.info.dbname in command


def test_another_version_of_pg_dump_is_refused_before_anything_runs(
    settings: Settings, storage: Storage, memory: Database, only: Callable[[str], Path]
) -> None:
    path = only('echo "pg_dump (PostgreSQL) 9.6"')
    with pytest.raises(BackupError, match=rf"version {server_major(memory)}.*{path} of version 9.*nothing has been"):
        take_backup(settings, memory, storage, BATCH)
    path.unlink()
    with pytest.raises(BackupError, match="found none at all"):
        find_program("pg_dump", server_major(memory))
    assert not (settings.home / "work").exists()


def test_the_right_version_is_found_behind_a_wrong_one(
    memory: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = find_program("pg_dump", server_major(memory))
    fake_client(tmp_path, "pg_dump", 'echo "pg_dump (PostgreSQL) 9.6"')
    monkeypatch.setenv("PATH", f"{tmp_path}:{right.parent}")
    assert find_program("pg_dump", server_major(memory)) == right


def test_too_little_disk_is_refused_before_anything_is_written(
    settings: Settings, storage: Storage, memory: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_module, "_SPARE_BYTES", 1 << 60)
    with pytest.raises(BackupError, match=r"this may need .* GB of disk, .* are free.*nothing has been written"):
        take_backup(settings, memory, storage, BATCH)
    assert list_backups(storage) == []


# Listing, verifying, deleting ---------------------------------------------------------------------------


def test_a_file_that_is_cut_short_or_gone_is_not_good(settings: Settings, storage: Storage, memory: Database) -> None:
    uri = take_backup(settings, memory, storage, BATCH).uri
    victim = max((path for path in stored_files(settings) if ".dat" in path.name), key=lambda path: path.stat().st_size)
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1])
    [found] = list_backups(storage)
    assert "bytes" in found.problem
    assert take_backup(settings, memory, storage, BATCH).uri != uri
    victim.unlink()
    assert not list_backups(storage)[0].good


def test_one_flipped_bit_is_found(settings: Settings, storage: Storage, memory: Database) -> None:
    uri = take_backup(settings, memory, storage, BATCH).uri
    assert verify(storage, uri).uri == uri
    victim = max((path for path in stored_files(settings) if ".dat" in path.name), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(bytes(data))
    with pytest.raises(BackupError, match=rf"cannot be trusted.*{victim.name}.*SHA-256"):
        verify(storage, uri)
    with pytest.raises(BackupError, match="cannot be trusted"):
        restore_into(settings, storage, uri, "never_made")


@pytest.mark.parametrize("uri", ["s3://elsewhere/backups/20260105T000000000Z-manual", "backups/latest", "raw"])
def test_what_is_no_backup_is_refused(storage: Storage, uri: str) -> None:
    with pytest.raises(BackupError, match="nothing has been changed"):
        verify(storage, uri)


def test_foreign_folders_are_not_listed(storage: Storage) -> None:
    storage.write_atomic("backups/notes/readme.txt", b"x")
    storage.write_atomic("backups/readme.txt", b"x")
    assert list_backups(storage) == []


def test_retention_deletes_what_is_old_and_never_the_newest_good_one(
    settings: Settings, storage: Storage, memory: Database, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = (take_backup(settings, memory, storage) for _ in range(3))
    torn(settings, storage, third.uri)
    now = datetime.now(UTC)
    assert prune(settings, memory, storage, now).backups == ()
    caplog.set_level(logging.INFO)
    alone = replace(settings, backup_weeks=0, backup_months=0)
    gone = prune(alone, memory, storage, now + timedelta(days=settings.backup_days + 1)).backups
    assert [one.uri for one in gone] == [first.uri, third.uri]
    assert [one.uri for one in list_backups(storage)] == [second.uri]
    assert rows(memory) == [(first.uri, "deleted"), (second.uri, "good"), (third.uri, "deleted")]
    assert prune(alone, memory, storage, now + timedelta(days=365)).backups == ()


def test_a_backup_known_to_be_bad_does_not_protect(settings: Settings, storage: Storage, memory: Database) -> None:
    first, second = (take_backup(settings, memory, storage) for _ in range(2))
    memory.connection.execute("update ops.backup set state = 'bad' where uri = %s", (second.uri,))
    gone = prune(settings, memory, storage, datetime.now(UTC) + timedelta(days=400)).backups
    assert [one.uri for one in gone] == [second.uri]
    assert verify(storage, first.uri).good


# Restoring ----------------------------------------------------------------------------------------------


def test_a_restore_never_touches_a_database_that_exists(settings: Settings, storage: Storage, memory: Database) -> None:
    uri = take_backup(settings, memory, storage, BATCH).uri
    before = memory_checksum(memory)
    with pytest.raises(BackupError, match="there is such a database"):
        restore_into(settings, storage, uri, memory.connection.info.dbname)
    assert memory_checksum(memory) == before


AT_ONCE, ONCE_READ = "echo no >&2; exit 1", 'for last; do :; done; cat "$last"/[0-9]*.dat; echo no >&2; exit 1'


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (AT_ONCE, "pg_restore ended with status 1"),
        (ONCE_READ, "pg_restore ended with status 1"),
        ("exit 0", "nobody read"),
    ],
)
def test_a_restore_that_fails_leaves_nothing(
    settings: Settings, storage: Storage, memory: Database, pg_restore: Callable[[str], None], script: str, said: str
) -> None:
    uri = take_backup(settings, memory, storage, BATCH).uri
    pg_restore(script)
    with pytest.raises(BackupError, match=said):
        restore_into(settings, storage, uri, "half_restored")
    found = memory.connection.execute("select count(*) from pg_database where datname = 'half_restored'").fetchone()
    assert found == (0,)
    assert list((settings.home / "work").iterdir()) == []


@pytest.mark.parametrize("script", [AT_ONCE, ONCE_READ])
def test_rot_is_told_and_not_what_the_program_says_of_it(
    settings: Settings, storage: Storage, memory: Database, pg_restore: Callable[[str], None], script: str
) -> None:
    uri = take_backup(settings, memory, storage, BATCH).uri
    victim = max(Path(uri.removeprefix("file://")).glob("memory/[0-9]*.dat.zst"), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    pg_restore(script)
    with pytest.raises(BackupError, match=rf"{victim.name}.*cannot be trusted"):
        restore_into(settings, storage, uri, "half_restored")


@pytest.fixture
def pg_restore(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Puts a shell script in the program's place; the backup's folder is its last argument."""

    def put(script: str) -> None:
        program = tmp_path / "pg_restore"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(restore_module, "find_program", lambda name, major: program)

    return put


def test_the_connection_is_usable_after_a_failure(settings: Settings, storage: Storage, memory: Database) -> None:
    with pytest.raises(BackupError):
        take_backup(settings, memory, Failing(settings.storage, 0, StorageError("no.")), BATCH)
    assert memory.connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
    locks = memory.connection.execute("select count(*) from pg_locks where locktype = 'advisory' and objid = 7245003")
    assert locks.fetchone() == (0,)


def test_the_runbook_restores(settings: Settings, storage: Storage, memory: Database, tmp_path: Path) -> None:
    """Every command of docs/runbooks/backup.md, as it stands there."""
    before = memory_checksum(memory)
    take_backup(settings, memory, storage, BATCH)
    memory.connection.execute("delete from tm.unit where position < 100")
    memory.connection.close()
    steps = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/runbooks/backup.md").read_text(), re.DOTALL)
    assert len(steps) == 4
    script = tmp_path / "restore.sh"
    script.write_text("set -eu\n" + "\n".join(map(textwrap.dedent, steps)))
    env = os.environ | {
        "TM_HOME": str(settings.home),
        "TM_DATABASE_URL": settings.database_url,
        "TM_INCLUDE": str(settings.include),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    try:
        done = subprocess.run(["bash", str(script)], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip().splitlines()[-1].startswith(before.digest), done.stdout
        with open_database(settings) as live:
            assert memory_checksum(live) == before
    finally:
        for one in list_beside(settings):
            drop_beside(settings, one.name)


def test_loads_that_go_on_all_the_while(settings: Settings, storage: Storage, memory: Database) -> None:
    """Two loaders commit without a pause from before the snapshot until after the upload."""
    done = threading.Event()
    loaded = [0, 0]

    def load(loader: int) -> None:
        with open_database(settings) as own:
            while not done.is_set():
                first = ROWS + loader * 1_000_000 + 10 * loaded[loader]
                add_units(own, first, first + 10)
                loaded[loader] += 1

    with ThreadPoolExecutor(2) as pool:
        loaders = [pool.submit(load, number) for number in range(2)]
        while min(loaded) < 2:
            assert not any(one.done() for one in loaders), [one.exception() for one in loaders]
        before = sum(loaded)
        try:
            summary = take_backup(settings, memory, storage, BATCH)
            during = sum(loaded) - before
        finally:
            done.set()
        for one in loaders:
            one.result()
    assert during > 2, "nobody loaded meanwhile: this would show nothing"
    held = sum(counts.units for counts in summary.stores.values())
    assert ROWS < held < ROWS + 10 * sum(loaded)
    drilled = run_drill(settings, memory, storage, summary.uri)
    assert (drilled.is_passed, drilled.problems) == (True, ())
