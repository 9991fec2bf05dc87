"""Backups of the memory's database: taken, and deleted when nothing keeps them any more.

A backup is a folder ``backups/<UTC time>-<batch id or "manual">/`` of object storage::

    memory/…         pg_dump's directory format: schema and data, without the rows of staging; each file packed
    objects.json     what the database consists of besides its rows, for the comparison after a restore; packed
    airflow/…        Airflow's variables, the names of its connections and its history, where its database is set
    manifest.json    written last: SHA-256 and size of every file, what the dump holds, and a seal

The counts and checksums in the manifest are read in the very snapshot that pg_dump dumps, so a restore can be compared
with them exactly. A folder without a manifest is what a killed upload left: it is never listed as good.
"""

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tm_core.errors import BackupError, StorageError
from tm_core.retention import DUE, Keep, Kept, Kind, expired, outdated
from tm_core.room import room_for
from tm_core.settings import Settings
from tm_formats.manifest import NAME, FileEntry, Json, write_manifest
from tm_formats.storage import Storage
from tm_store.backup_catalog import StoredBackup, find, folder_name, list_backups, seal, size_text
from tm_store.backup_facts import (
    CONFIGURATION,
    Counts,
    as_json,
    counts_of,
    keep_configuration,
    lexicon_facts,
    memory_facts,
    server_facts,
    table_sums,
    write_airflow,
)
from tm_store.backup_files import JOBS, recipients_of, upload
from tm_store.backup_objects import write_objects
from tm_store.db import Database
from tm_store.journal import FOLDER as JOURNAL
from tm_store.programs import find_program, program_running, server_major, without_password
from tm_store.restore_verify import sample_answers

log = logging.getLogger(__name__)

# Any number that nothing else uses: whoever writes or deletes backups of a database holds it.
_LOCK = 7_245_003
# Kept free on top of what a dump may need, so that the database beside it can go on. Not calibrated yet.
_SPARE_BYTES = 64 << 20
#: A dump writes hashes as hexadecimal: on a million made-up units 1.5 bytes for each of a table's.
_DUMPED = 2


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
        BackupError: no pg_dump of the server's version, too little disk, a key that is none, or the dump or the upload
            failed. No part of it is listed as a backup, and the memory is as it was.

    Cost: Local disk below TM_HOME/work for the dump, unpacked, meanwhile. No row is
        locked; loads go on.
    """
    began = time.monotonic()
    program = find_program("pg_dump", server_major(db))
    recipients = recipients_of(settings)
    with alone(db), work_folder(settings, f"backup-{db.connection.info.dbname}-") as folder:
        with _snapshot(db) as snapshot:
            earlier = [] if batch_id is None else [one for one in list_backups(storage) if one.batch_id == batch_id]
            known = _same_state(db, earlier, memory_facts(db, snapshot.taken_at, batch_id)) if earlier else None
            if known is None:
                _remove_torn(storage, earlier)
                check_space(_DUMPED * db.one("backup/select_size").bytes, folder, storage.local_path(""))
                write_objects(db, folder)
                facts = _dump(program, db, snapshot, folder / "memory", batch_id)
        # The snapshot is given up before the upload: it would keep vacuum from the whole cluster meanwhile.
        if known is not None:
            return _recorded(db, storage, known, began, fresh=False)
        path = folder_name(snapshot.taken_at, batch_id)

        def write() -> tuple[list[FileEntry], dict[str, Json]]:
            more = _beside(settings, db, storage, folder, is_encrypted=bool(recipients))
            return upload(storage, folder, path, recipients), facts | more

        stored = _stored(storage, path, write)
        return _recorded(db, storage, stored, began, fresh=True)


@contextmanager
def alone(db: Database) -> Iterator[None]:
    """One writer of this database's backups at a time; whoever comes second waits."""
    db.connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
    try:
        yield
    finally:
        # A connection that is gone has given the lock free itself; its own error is the one to see.
        with suppress(psycopg.Error):
            db.connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))


_NEED = "as much as the database, its indexes apart"
_STATE = "Nothing is listed as a backup, and the memory is as it was."


@contextmanager
def work_folder(settings: Settings, prefix: str) -> Iterator[Path]:
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
        with room_for("a backup's files", folder, need=_NEED, elsewhere="move TM_HOME", state=_STATE):
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


def recent_backup(db: Database, storage: Storage, now: datetime) -> StoredBackup | None:
    """The newest good backup, if it is so young that the next one is not due."""
    bad = _bad_uris(db)
    found = [one for one in list_backups(storage) if one.good and one.uri not in bad and one.taken_at >= now - DUE]
    return found[-1] if found else None


def _same_state(db: Database, earlier: Sequence[StoredBackup], facts: Mapping[str, Json]) -> StoredBackup | None:
    """The newest good backup of the batch that holds what is there now."""
    bad = _bad_uris(db)
    good = [one for one in earlier if one.good and one.uri not in bad and one.facts["state"] == facts["state"]]
    return good[-1] if good else None


def _bad_uris(db: Database) -> set[str]:
    """Backups that were found bad by more than their sizes: a drill has failed."""
    return {row.uri for row in db.run("backup/select_backups") if row.state == "bad"}


def _remove_torn(storage: Storage, earlier: Sequence[StoredBackup]) -> None:
    """Remove what killed tries of this batch left: no other try can be at work, the lock is held."""
    for backup in earlier:
        if not storage.exists(f"{backup.path}/{NAME}") and not backup.hold:
            log.info("%s: removed, an earlier try was cut short", backup.uri)
            storage.delete(backup.path)


def check_space(need_bytes: int, *places: Path | None) -> None:
    """Refuse before anything is written: each place must hold so much, twice that where two lie on one disk."""
    existing = [next(parent for parent in (place, *place.parents) if parent.exists()) for place in places if place]
    devices = [place.stat().st_dev for place in existing]
    for place, device in zip(existing, devices, strict=True):
        need = need_bytes * devices.count(device) + _SPARE_BYTES
        free = shutil.disk_usage(place).free
        if free < need:
            raise BackupError(
                f"{place}: this may need {size_text(need)} of disk, {size_text(free)} are free. Free some space, or "
                "move TM_HOME or TM_STORAGE to a larger disk; nothing has been written."
            )


def _dump(program: Path, db: Database, snapshot: _Snapshot, folder: Path, batch_id: str | None) -> dict[str, Json]:
    """Dump, and meanwhile read what the manifest says of the same snapshot."""
    command = [
        str(program),
        "--format=directory",
        f"--file={folder}",
        f"--jobs={JOBS}",
        # Packed afterwards, file by file: zlib would cost three times the dump itself, and pg_dump need not know zstd.
        "--compress=none",
        f"--snapshot={snapshot.name}",
        # Beads of batches under way: their truth is the batch's files, and a restored batch stages them again.
        "--exclude-table-data=staging.*",
        # A migration that waits for a table must not be waited for in turn: fail and let the task be tried again.
        "--lock-wait-timeout=60s",
        "--no-sync",  # the folder is thrown away after the upload, which does sync
        f"--dbname={without_password(db.connection.info.get_parameters())}",
    ]
    state = "nothing is listed as a backup, and the memory is as it was."
    with program_running(command, db.connection.info.password, state):
        facts = memory_facts(db, snapshot.taken_at, batch_id) | server_facts(db)
        facts |= {"tables": as_json(table_sums(db)), "samples": sample_answers(db)}
    facts["dump_bytes"] = sum(path.stat().st_size for path in folder.iterdir())
    return facts


def _beside(settings: Settings, db: Database, storage: Storage, folder: Path, *, is_encrypted: bool) -> dict[str, Json]:
    """What an empty machine needs besides the memory."""
    return {
        "configuration": keep_configuration(settings, storage),
        "lexicons": lexicon_facts(db),
        "airflow": write_airflow(settings, folder / "airflow", is_encrypted=is_encrypted),
    }


def _stored(storage: Storage, path: str, write: Callable[[], tuple[list[FileEntry], dict[str, Json]]]) -> StoredBackup:
    """Copy all files, then write the manifest, then look whether storage agrees."""
    try:
        entries, facts = write()
        write_manifest(storage, path, entries, {**facts, "seal": seal(facts, entries)})
        stored = find(storage, path)
    except (StorageError, OSError) as error:
        # What cannot be removed now either is torn: it is not listed as good, and the next try removes it.
        with suppress(StorageError):
            storage.delete(path)
        raise BackupError(
            f"{storage.uri_of(path)}: the upload failed: {error} Nothing is listed as a backup, and the memory is "
            "as it was."
        ) from error
    if stored.problem:
        raise BackupError(f"{stored.uri}: storage does not hold what was just written: {stored.problem}")
    return stored


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
        stores=counts_of(stored.facts),
        checksum=str(stored.facts["checksum"]),
        seconds=known.seconds if known else round(time.monotonic() - began, 3),
        fresh=fresh,
    )
    if known is None:
        row = {name: value for name, value in asdict(summary).items() if name not in ("stores", "checksum", "fresh")}
        db.run("backup/insert_backup", **row, counts=Jsonb(dict(stored.facts)))
    return summary


# Deleting ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What retention deletes, or would delete: backups, and other files with the kind whose age they have passed."""

    backups: tuple[StoredBackup, ...]
    files: tuple[Kept, ...]


def prune(settings: Settings, db: Database, storage: Storage, now: datetime, *, dry_run: bool = False) -> Pruned:
    """Delete what nothing keeps: see tm_core.retention. In a bucket with versions the older versions stay, until the
    bucket's own rules remove them; an object lock cannot be in the way of that.

    Args:
        now: with a time zone.
        dry_run: say it and delete nothing.

    Raises:
        StorageError: as it says. What was deleted before it is gone, the rest is as it was; the next run goes on.
    """
    with alone(db):
        bad = _bad_uris(db)
        found = {backup.uri: backup for backup in list_backups(storage)}
        known = [replace(one.aged, good=one.good and uri not in bad) for uri, one in found.items()]
        keep = Keep(days=settings.backup_days, weeks=settings.backup_weeks, months=settings.backup_months)
        old = [found[one.uri] for one in expired(known, now=now, keep=keep)]
        kept = [backup for backup in found.values() if backup not in old]
        files = outdated(_files(storage, kept), now=now)
        if not dry_run:
            _delete(db, storage, old, files)
    return Pruned(backups=tuple(old), files=tuple(files))


def _delete(db: Database, storage: Storage, backups: Sequence[StoredBackup], files: Sequence[Kept]) -> None:
    for backup in backups:
        # The row first: a try killed in between leaves a backup that is there and not counted on, and the next one
        # deletes it. Then the manifest, so that a half-deleted folder is not listed as good either.
        db.run("backup/mark_deleted", uri=backup.uri)
        storage.delete(f"{backup.path}/{NAME}")
        storage.delete(backup.path)
        log.info("%s: deleted, nothing keeps it", backup.uri)
    for file in files:
        storage.delete(file.path)
        log.info("%s: deleted, older than %s files are kept", file.path, file.kind)


#: Folders whose files have an age of their own. Journal entries of backups that are kept are replayed with them.
_FOLDERS = {Kind.AUDIT: JOURNAL, Kind.CONFIGURATION: CONFIGURATION, Kind.MODEL: "lexicons"}


def _files(storage: Storage, kept: Sequence[StoredBackup]) -> list[Kept]:
    """The files beside the backups. In use: what a kept backup names, and the journal since the oldest of them."""
    named = {str(backup.facts.get("configuration", "")) for backup in kept}
    for backup in kept:
        lexicons: Any = backup.facts.get("lexicons", [])
        named |= set(lexicons)
    oldest = min((backup.taken_at for backup in kept), default=datetime.min.replace(tzinfo=UTC))
    return [
        Kept(
            modified=info.modified,
            path=info.path,
            kind=kind,
            in_use=info.path in named or (kind is Kind.AUDIT and info.modified >= oldest),
        )
        for kind, folder in _FOLDERS.items()
        for info in storage.list(folder)
    ]


# Showing --------------------------------------------------------------------------------------------


def render(summary: BackupSummary) -> str:
    """What `tm backup` prints of one backup."""
    total = sum(counts.units for counts in summary.stores.values())
    verb = "taken" if summary.fresh else "unchanged since"
    when = f"{verb} {summary.taken_at[:19].replace('T', ' ')} UTC"
    return (
        f"{summary.uri}\n"
        f"  {when}, {summary.files} files, {size_text(summary.bytes)}, {summary.seconds:.1f} s\n"
        f"  manifest  {summary.manifest_sha256}\n"
        f"  memory    {summary.checksum}  {total} units in {len(summary.stores)} stores"
    )


def render_pruned(pruned: Pruned, *, dry_run: bool) -> str:
    """What `tm backup --prune` prints."""
    verb = "would be deleted" if dry_run else "deleted"
    lines = [f"{verb}  {one.taken_at:%Y-%m-%d %H:%M:%S}  {one.uri}" for one in pruned.backups]
    lines += [f"{verb}  {one.modified:%Y-%m-%d %H:%M:%S}  {one.path} ({one.kind})" for one in pruned.files]
    return "\n".join(lines) or "nothing has passed its age"
