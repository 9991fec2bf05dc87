"""Backups of the memory's database: taken, listed, verified, deleted, and put into a database of their own.

A backup is a folder ``backups/<UTC time>-<batch id or "manual">/`` of object storage::

    memory/…         pg_dump's directory format: schema and data, without the rows of staging
    manifest.json    written last: SHA-256 and size of every file, and what the dump holds

The counts and the checksum in the manifest are read in the very snapshot that pg_dump dumps, so a restore can be
compared with them exactly. A folder without a manifest is what a killed upload left: it is never listed as good.
"""

import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tm_core.errors import BackupError, ContractError, StorageError
from tm_core.identity import digest
from tm_core.retention import Backup, expired
from tm_core.settings import Settings
from tm_formats.manifest import NAME, FileEntry, Json, Manifest, read_manifest, write_manifest
from tm_formats.storage import Storage
from tm_store.checksum import memory_checksum
from tm_store.db import Database, open_database
from tm_store.programs import find_program, run_program, server_major, without_password

log = logging.getLogger(__name__)

FOLDER = "backups"
# Any number that nothing else uses: whoever writes or deletes backups of a database holds it.
_LOCK = 7_245_003
_MANUAL = "manual"
_NAME = re.compile(r"(?P<time>\d{8}T\d{9}Z)-(?P<batch>.+)")
# Connections and compressors that one dump or restore uses besides its own; two cores are what a laptop spares.
_JOBS = max(1, min(4, os.cpu_count() or 1))
# Level 1: on a million made-up units 40 % of the CPU time of level 6 (the default), for 6 % more bytes.
_COMPRESS = "gzip:1"
# Kept free on top of what a dump may need, so that the database beside it can go on. Not calibrated yet.
_SPARE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the memory holds of one store, in rows."""

    units: int
    evidence: int
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSummary:
    """One finished backup; fit for JSON. ``fresh`` is False where it was there already and nothing was written."""

    uri: str
    batch_id: str | None
    taken_at: str  # ISO 8601, UTC: the moment whose data it holds
    files: int
    bytes: int
    manifest_sha256: str
    stores: Mapping[str, Counts]
    checksum: str  # of the memory, as `tm checksum` prints it
    seconds: float
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBackup:
    """One folder below ``backups/``, as it is found. ``problem`` says why it is not good."""

    path: str
    uri: str
    batch_id: str | None
    taken_at: datetime
    files: int = 0
    bytes: int = 0
    facts: Mapping[str, Json]
    problem: str = ""

    @property
    def good(self) -> bool:
        """The manifest is there and its files have the sizes it promises."""
        return not self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """A transaction's view of the database, by the name under which pg_dump joins it."""

    name: str
    taken_at: datetime


# Taking --------------------------------------------------------------------------------------------


def take_backup(settings: Settings, db: Database, storage: Storage, batch_id: str | None = None) -> BackupSummary:
    """Dump the database that ``db`` is connected to and put the dump into storage.

    Idempotent per batch: where a good backup of the batch holds the memory and the books as they are now, it is
    returned and nothing is written. Without a batch (an operator's own wish) a new one is always taken. Two at
    once wait for each other.

    Raises:
        BackupError: no pg_dump of the server's version, too little disk, or the dump or the upload failed. No part
            of it is listed as a backup, and the memory is as it was.

    Cost: about 16 s and 190 MB for a million units on two busy cores, and as much local disk below TM_HOME/work
        meanwhile. No row is locked; loads go on.
    """
    began = time.monotonic()
    program = find_program("pg_dump", server_major(db))
    with _alone(db), _work_folder(settings, f"backup-{db.connection.info.dbname}-") as folder:
        with _snapshot(db) as snapshot:
            facts = _facts(db, snapshot, batch_id)
            earlier = [backup for backup in list_backups(storage) if backup.batch_id == batch_id]
            known = _same_state(db, earlier, facts)
            if known is None:
                _remove_torn(storage, earlier)
                _check_space(db.one("backup/select_size").bytes, folder, storage.local_path(""))
                _dump(program, db, snapshot, folder / "memory")
        # The snapshot is given up before the upload: it would keep vacuum from the whole cluster meanwhile.
        stored = known or _upload(storage, folder, _folder_name(snapshot.taken_at, batch_id), facts)
        return _recorded(db, storage, stored, began, fresh=known is None)


@contextmanager
def _alone(db: Database) -> Iterator[None]:
    """One writer of this database's backups at a time; whoever comes second waits."""
    db.connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
    try:
        yield
    finally:
        # A connection that is gone has given the lock free itself; its own error is the one to see.
        with suppress(psycopg.Error):
            db.connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))


@contextmanager
def _work_folder(settings: Settings, prefix: str) -> Iterator[Path]:
    """A local folder that is gone afterwards; what a killed try with this prefix left is removed first."""
    work = settings.home / "work"
    try:
        work.mkdir(parents=True, exist_ok=True)
        for left in work.glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=work))
    except OSError as error:
        raise BackupError(
            f"{work}: a temporary folder cannot be made there ({error.strerror}). Free some space, mend its "
            "permissions or set TM_HOME; nothing has been written."
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _snapshot(db: Database) -> Iterator[_Snapshot]:
    """A transaction in which every statement sees the same moment."""
    with db.transaction():
        db.connection.execute("set transaction isolation level repeatable read")
        # This session sleeps while pg_dump works, which is as long as it takes.
        db.connection.execute("set local idle_in_transaction_session_timeout = 0")
        row = db.one("backup/export_snapshot")
        yield _Snapshot(name=row.name, taken_at=row.taken_at)


def _facts(db: Database, snapshot: _Snapshot, batch_id: str | None) -> dict[str, Json]:
    """What the snapshot holds. ``state`` is equal for two snapshots that need not both be backed up."""
    memory = memory_checksum(db)
    books = db.one("backup/select_books")._asdict()
    stores: dict[str, Json] = {
        row.store: {"units": row.units, "evidence": row.evidence, "documents": row.documents}
        for row in db.run("backup/select_counts")
    }
    return {
        "batch_id": batch_id,
        "taken_at": snapshot.taken_at.astimezone(UTC).isoformat(),
        "server": db.connection.info.parameter_status("server_version"),
        "server_major": server_major(db),
        "schema": books["schema"],
        "stores": stores,
        "checksum": memory.digest,
        "state": digest("backup", memory.digest, repr(sorted(books.items())), repr(sorted(stores.items()))),
    }


def _same_state(db: Database, earlier: Sequence[StoredBackup], facts: Mapping[str, Json]) -> StoredBackup | None:
    """The newest good backup of the batch that holds what is there now."""
    if facts["batch_id"] is None:
        return None
    bad = _bad_uris(db)
    good = [one for one in earlier if one.good and one.uri not in bad and one.facts["state"] == facts["state"]]
    return good[-1] if good else None


def _bad_uris(db: Database) -> set[str]:
    """Backups that were found bad by more than their sizes: a restore has failed."""
    return {row.uri for row in db.run("backup/select_backups") if row.state == "bad"}


def _remove_torn(storage: Storage, earlier: Sequence[StoredBackup]) -> None:
    """Remove what killed tries of this batch left: no other try can be at work, the lock is held."""
    for backup in earlier:
        if not storage.exists(f"{backup.path}/{NAME}"):
            log.info("%s: removed, an earlier try was cut short", backup.uri)
            storage.delete(backup.path)


def _check_space(need_bytes: int, *places: Path | None) -> None:
    """Refuse before anything is written: each place must hold so much, twice that where two lie on one disk.

    For a dump the size of its tables is an upper bound: it is compressed, and holds no index.
    """
    existing = [next(parent for parent in (place, *place.parents) if parent.exists()) for place in places if place]
    devices = [place.stat().st_dev for place in existing]
    for place, device in zip(existing, devices, strict=True):
        need = need_bytes * devices.count(device) + _SPARE_BYTES
        free = shutil.disk_usage(place).free
        if free < need:
            raise BackupError(
                f"{place}: this may need {_size(need)} of disk, {_size(free)} are free. Free some space, or move "
                "TM_HOME or TM_STORAGE to a larger disk; nothing has been written."
            )


def _dump(program: Path, db: Database, snapshot: _Snapshot, folder: Path) -> None:
    command = [
        str(program),
        "--format=directory",
        f"--file={folder}",
        f"--jobs={_JOBS}",
        f"--compress={_COMPRESS}",
        f"--snapshot={snapshot.name}",
        # Beads of batches under way: their truth is the batch's files, and a restored batch stages them again.
        "--exclude-table-data=staging.*",
        # A migration that waits for a table must not be waited for in turn: fail and let the task be tried again.
        "--lock-wait-timeout=60s",
        "--no-sync",  # the folder is thrown away after the upload, which does sync
        f"--dbname={without_password(db.connection.info.get_parameters())}",
    ]
    run_program(command, db.connection.info.password, "nothing is listed as a backup, and the memory is as it was.")


def _folder_name(taken_at: datetime, batch_id: str | None) -> str:
    moment = taken_at.astimezone(UTC)
    return f"{FOLDER}/{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z-{batch_id or _MANUAL}"


def _upload(storage: Storage, source: Path, target: str, facts: Mapping[str, Json]) -> StoredBackup:
    """Copy all files, then write the manifest, then look whether storage agrees."""
    try:
        write_manifest(storage, target, _copy(storage, source, target), facts)
        stored = _look(storage, target)
    except (StorageError, OSError) as error:
        # What cannot be removed now either is torn: it is not listed as good, and the next try removes it.
        with suppress(StorageError):
            storage.delete(target)
        raise BackupError(
            f"{storage.uri_of(target)}: the upload failed: {error} Nothing is listed as a backup, and the memory is "
            "as it was."
        ) from error
    if stored.problem:
        raise BackupError(f"{stored.uri}: storage does not hold what was just written: {stored.problem}")
    return stored


def _copy(storage: Storage, source: Path, target: str) -> list[FileEntry]:
    entries = []
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        name = path.relative_to(source).as_posix()
        with path.open("rb") as data:
            written = storage.write_atomic(f"{target}/{name}", data)
        entries.append(FileEntry(name=name, size=written.size, sha256=written.sha256))
    return entries


def _recorded(db: Database, storage: Storage, stored: StoredBackup, began: float, *, fresh: bool) -> BackupSummary:
    """The row in ops.backup, also where a try was killed between the manifest and its row."""
    rows = {row.uri: row for row in db.run("backup/select_backups")}
    known = rows.get(stored.uri)
    summary = BackupSummary(
        uri=stored.uri,
        batch_id=stored.batch_id,
        taken_at=str(stored.facts["taken_at"]),
        files=stored.files,
        bytes=stored.bytes,
        manifest_sha256=storage.sha256(f"{stored.path}/{NAME}"),
        stores=_counts(stored.facts),
        checksum=str(stored.facts["checksum"]),
        seconds=known.seconds if known else round(time.monotonic() - began, 3),
        fresh=fresh,
    )
    if known is None:
        row = {name: value for name, value in asdict(summary).items() if name not in ("stores", "checksum", "fresh")}
        db.run("backup/insert_backup", **row, counts=Jsonb(dict(stored.facts)))
    return summary


def _counts(facts: Mapping[str, Json]) -> dict[str, Counts]:
    stores: Any = facts["stores"]
    return {store: Counts(**counts) for store, counts in stores.items()}


# Listing, verifying, deleting -----------------------------------------------------------------------


def list_backups(storage: Storage) -> list[StoredBackup]:
    """Every backup in storage, oldest first, the torn ones too: see ``good``.

    Cost: one listing of ``backups/`` and one of each backup; no file but the manifests is read.
    """
    names = {info.path.split("/")[1] for info in storage.list(FOLDER) if info.path.count("/") >= 2}
    return sorted(
        (_look(storage, f"{FOLDER}/{name}") for name in names if _NAME.fullmatch(name)),
        key=lambda backup: (backup.taken_at, backup.uri),
    )


def _look(storage: Storage, path: str) -> StoredBackup:
    name = _NAME.fullmatch(path.rpartition("/")[2])
    if name is None:
        raise BackupError(
            f"{storage.uri_of(path)}: expected a folder {FOLDER}/<time>-<batch>. Name one of those that are there; "
            "nothing has been changed."
        )
    manifest, problem = Manifest(files=()), ""
    try:
        manifest = read_manifest(storage, path, hashes=False)
    except ContractError as error:
        problem = str(error)
    return StoredBackup(
        path=path,
        uri=storage.uri_of(path),
        batch_id=None if name["batch"] == _MANUAL else name["batch"],
        taken_at=datetime.strptime(name["time"], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC),
        files=len(manifest.files),
        bytes=sum(file.size for file in manifest.files),
        facts=manifest.facts,
        problem=problem,
    )


def verify(storage: Storage, uri: str) -> StoredBackup:
    """Read every byte of a backup and compare it with the manifest.

    Raises:
        BackupError: a file is missing, cut short or changed: this backup is not to be trusted.
    """
    backup = _look(storage, _path_of(storage, uri))
    try:
        read_manifest(storage, backup.path)
    except ContractError as error:
        raise BackupError(f"{backup.uri}: this backup cannot be trusted: {error} Use an older one.") from error
    return backup


def _path_of(storage: Storage, uri: str) -> str:
    path = uri.removesuffix("/")
    if path.startswith(storage.uri + "/"):
        path = path[len(storage.uri) + 1 :]
    if "://" in path:
        raise BackupError(
            f"{uri}: expected a backup below TM_STORAGE, which is {storage.uri}. Set TM_STORAGE to the storage that "
            "holds it; nothing has been changed."
        )
    return path


def prune(settings: Settings, db: Database, storage: Storage, now: datetime) -> list[StoredBackup]:
    """Delete the backups older than TM_BACKUP_DAYS, but never the newest good one. Returns those deleted.

    Args:
        now: with a time zone.
    """
    with _alone(db):
        bad = _bad_uris(db)
        found = {backup.uri: backup for backup in list_backups(storage)}
        known = [Backup(taken_at=one.taken_at, uri=uri, good=one.good and uri not in bad) for uri, one in found.items()]
        old = [found[one.uri] for one in expired(known, now=now, keep_days=settings.backup_days)]
        for backup in old:
            # The row first: a try killed in between leaves a backup that is there and not counted on, and the next
            # one deletes it. Then the manifest, so that a half-deleted folder is not listed as good either.
            db.run("backup/mark_deleted", uri=backup.uri)
            storage.delete(f"{backup.path}/{NAME}")
            storage.delete(backup.path)
            log.info("%s: deleted, older than %d days", backup.uri, settings.backup_days)
    return old


# Restoring ------------------------------------------------------------------------------------------


def restore_into(settings: Settings, storage: Storage, uri: str, database: str) -> StoredBackup:
    """Verify a backup and restore it into a new database beside the live one, which is not touched.

    Args:
        database: a name that no database of the server has yet.

    Raises:
        BackupError: the backup cannot be trusted, was made by a newer server, or the name is taken; or the restore
            failed, and the new database has been dropped again.
    """
    backup = verify(storage, uri)
    with open_database(settings) as db:
        made_by = int(str(backup.facts["server_major"]))
        if made_by > server_major(db):
            raise BackupError(
                f"{backup.uri}: made by Postgres {made_by}, this server is {server_major(db)}, which cannot read it. "
                "Restore into a server of that version or a newer one; nothing has been changed."
            )
        program = find_program("pg_restore", server_major(db))
        with _new_database(db, database), _work_folder(settings, f"restore-{database}-") as folder:
            _check_space(backup.bytes, folder)
            _download(storage, backup, folder)
            _restore(program, db, folder / "memory", database)
    return backup


@contextmanager
def _new_database(db: Database, database: str) -> Iterator[None]:
    """A database made for the block, dropped again if the block fails."""
    name = sql.Identifier(database)
    try:
        db.connection.execute(sql.SQL("create database {} template template0").format(name))
    except psycopg.errors.DuplicateDatabase:
        raise BackupError(
            f"database '{database}': expected a name that is free, there is such a database. Choose another name or "
            "drop it yourself; nothing has been changed."
        ) from None
    try:
        yield
    except BaseException:
        with suppress(psycopg.Error):
            db.connection.execute(sql.SQL("drop database {} with (force)").format(name))
        raise


def _download(storage: Storage, backup: StoredBackup, folder: Path) -> None:
    for info in storage.list(backup.path):
        target = folder / info.path.removeprefix(backup.path + "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        with storage.open_input(info.path) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)


def _restore(program: Path, db: Database, folder: Path, database: str) -> None:
    parameters = db.connection.info.get_parameters() | {"dbname": database}
    # Roles are the server's own affair: whoever restores owns what is restored.
    command = [
        str(program),
        "--format=directory",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        f"--jobs={_JOBS}",
        f"--dbname={without_password(parameters)}",
        str(folder),
    ]
    run_program(command, db.connection.info.password, "the database made for the restore has been dropped again.")


# Showing --------------------------------------------------------------------------------------------


def render(summary: BackupSummary) -> str:
    """What `tm backup` prints of one backup."""
    total = sum(counts.units for counts in summary.stores.values())
    verb = "taken" if summary.fresh else "unchanged since"
    when = f"{verb} {summary.taken_at[:19].replace('T', ' ')} UTC"
    return (
        f"{summary.uri}\n"
        f"  {when}, {summary.files} files, {_size(summary.bytes)}, {summary.seconds:.1f} s\n"
        f"  manifest  {summary.manifest_sha256}\n"
        f"  memory    {summary.checksum}  {total} units in {len(summary.stores)} stores"
    )


def render_list(backups: Sequence[StoredBackup]) -> str:
    """What `tm backup --list` prints: one line a backup, newest first, and why one is not good."""
    if not backups:
        return "no backups"
    lines = [
        f"{'good' if one.good else 'TORN':4}  {one.taken_at:%Y-%m-%d %H:%M:%S}  {_size(one.bytes):>10}  {one.uri}"
        + (f"\n      {one.problem}" if one.problem else "")
        for one in reversed(backups)
    ]
    return "\n".join(lines)


def _size(size: int) -> str:
    """Bytes for people."""
    if size < 10_000:
        return f"{size} B"
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
