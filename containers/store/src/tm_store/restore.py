"""A backup put into a database of its own, beside the live one, which is not touched."""

import logging
import re
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tm_core.errors import BackupError
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.backup import check_space, work_folder
from tm_store.backup_catalog import StoredBackup, find
from tm_store.backup_files import download, feed, identities_of, is_encrypted, plain_name
from tm_store.backup_objects import read_objects
from tm_store.db import Database, open_database
from tm_store.migrate import migrations
from tm_store.programs import find_program, program_running, server_major, without_password

log = logging.getLogger(__name__)

#: The database from which others are made and renamed: every server has it.
_MAINTENANCE = "postgres"
# A restore that is cut short is begun anew, so nothing waits for the disk; indexes are built in memory.
# A foreign key is checked by a join of tables that have no statistics yet. Merged by an index on a part of the key (a
# document that says a million units), it would compare each row with all the others; hashed it reads each table once.
_SESSION = (
    "-c synchronous_commit=off -c maintenance_work_mem=256MB -c max_parallel_maintenance_workers=0"
    " -c enable_mergejoin=off -c enable_nestloop=off"
)
#: A table's rows in pg_dump's directory: what pg_restore reads once, from beginning to end.
_TABLE = re.compile(r"memory/\d+\.dat")
#: One more than two cores have work for: a table that is done waits for the disk.
_JOBS = 3


def live_name(settings: Settings) -> str:
    """The name of the database that TM_DATABASE_URL names."""
    name = conninfo_to_dict(settings.require_database()).get("dbname")
    if not name:
        raise BackupError("TM_DATABASE_URL: expected a database's name at its end, found none. Nothing has run.")
    return str(name)


def of_database(settings: Settings, database: str) -> Settings:
    """The settings with another database of the same server, and no replica of it."""

    def moved(url: str) -> str:
        return urlsplit(url)._replace(path="/" + quote(database, safe="")).geturl() if url else ""

    return replace(
        settings,
        database_url=moved(settings.require_database()),
        database_owner_url=moved(settings.database_owner_url),
        database_read_url="",
    )


@contextmanager
def open_server(settings: Settings) -> Iterator[Database]:
    """The server's maintenance database, as whoever may make and rename databases: TM_DATABASE_OWNER_URL."""
    with open_database(settings.as_owner(), database=_MAINTENANCE) as db:
        yield db


@contextmanager
def only_restore(db: Database, live: str) -> Iterator[None]:
    """One restore, swap or drill of a live database at a time; a second one is refused. A killed one is no obstacle.

    Raises:
        BackupError: another one is at work.
    """
    if not db.one("restore/try_lock", database=live).locked:
        raise BackupError(
            f"database '{live}': expected to be the only restore or drill, found another at work. Wait until it has "
            "ended (pg_stat_activity shows it as 'tm'); nothing has been changed."
        )
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            db.connection.execute("select pg_advisory_unlock(7245004, hashtext(%s))", (live,))


# Does it fit? --------------------------------------------------------------------------------------


def check_fits(settings: Settings, db: Database, backup: StoredBackup) -> None:
    """Refuse a backup that cannot become a memory here, before anything is made.

    Args:
        db: any database of the server, as the role that will restore.

    Raises:
        BackupError: it cannot be trusted, a newer server or a newer tm-refinery made it, its key is not set, or the
            server lacks an extension, a right or the room.
    """
    problem = backup.problem or next(filter(None, (check(settings, db, backup) for check in _CHECKS)), "")
    if problem:
        raise BackupError(f"{backup.uri}: this backup is not restored: {problem} Nothing has been changed.")


def _server_fits(settings: Settings, db: Database, backup: StoredBackup) -> str:
    made_by = int(str(backup.facts["server_major"]))
    if made_by <= server_major(db):
        return ""
    return (
        f"it was made by Postgres {made_by}, this server is {server_major(db)} and cannot read it. Restore into a "
        "server of that version or a newer one."
    )


def _schema_fits(settings: Settings, db: Database, backup: StoredBackup) -> str:
    known, found = migrations(settings.include)[-1].number, int(str(backup.facts["schema"]))
    if found <= known:
        return ""
    return f"it holds schema {found}, this tm-refinery knows schemas up to {known}. Install the newer tm-refinery."


def _key_fits(settings: Settings, db: Database, backup: StoredBackup) -> str:
    if not is_encrypted(backup.entries) or identities_of(settings):
        return ""
    return "it is encrypted, and no key is set. Set TM_BACKUP_IDENTITY to the file with the secret key."


def _rights_fit(settings: Settings, db: Database, backup: StoredBackup) -> str:
    extensions: Any = backup.facts.get("extensions", {})
    found = db.one("restore/select_server", names=list(extensions))
    if found.missing:
        return f"the server has no extension {', '.join(found.missing)}. Install it there."
    if found.may_create:
        return ""
    return (
        f"the role '{db.connection.info.user}' may not make databases. Set TM_DATABASE_OWNER_URL to one that may "
        "(alter role … createdb)."
    )


def _room_fits(settings: Settings, db: Database, backup: StoredBackup) -> str:
    check_space(backup.bytes + int(str(backup.facts["dump_bytes"])), settings.home / "work", _data_folder(db))
    return ""


def _data_folder(db: Database) -> Path | None:
    """Where the server keeps its data, if that is on this machine and this role may know it."""
    with suppress(psycopg.Error, OSError):
        row = db.connection.execute("select current_setting('data_directory', true)").fetchone()
        if row and row[0] and db.connection.info.host in ("127.0.0.1", "localhost", "") and Path(row[0]).exists():
            return Path(row[0])
    return None


_CHECKS = (_server_fits, _schema_fits, _key_fits, _rights_fit, _room_fits)


# Restoring -----------------------------------------------------------------------------------------


def restore_into(settings: Settings, storage: Storage, uri: str, database: str) -> StoredBackup:
    """Fetch a backup, compare every file with its hash, and restore it into a new database.

    Args:
        database: a name that no database of the server has yet.

    Returns:
        The backup, with what ``verify_restored`` compares the new database with.

    Raises:
        BackupError: the backup does not fit (see ``check_fits``), or the name is taken: nothing was made. Or a file of
            the backup is not what the manifest promises, or the restore failed: the new database was dropped again.
    """
    backup = find(storage, uri)
    with open_server(settings) as db:
        check_fits(settings, db, backup)
        program = find_program("pg_restore", server_major(db))
        tables = [entry for entry in backup.entries if _TABLE.fullmatch(plain_name(entry.name))]
        rest = [entry for entry in backup.entries if entry not in tables]
        with work_folder(settings, f"restore-{database}-") as folder, new_database(db, database):
            keys = identities_of(settings)
            download(storage, backup.path, rest, folder, keys)
            rows = _restoring(program, db, folder, database, "pre-data", "data")
            feed(rows, storage, backup.path, tables, folder, keys)
            with _restoring(program, db, folder, database, "post-data"):
                pass
            return replace(backup, objects=read_objects(folder))


@contextmanager
def new_database(db: Database, database: str) -> Iterator[None]:
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
            drop_database(db, database)
        raise


def drop_database(db: Database, database: str) -> None:
    """Drop a database and end whoever is connected to it. No error if there is none."""
    db.connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))


def _restoring(
    program: Path, db: Database, folder: Path, database: str, *sections: str
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run pg_restore for some sections of the backup in ``folder``, beside the block.

    Tables and rows need one run: it fills a table in the transaction that empties it, and a server whose ``wal_level``
    is minimal then writes no log of it. Indexes, constraints and triggers need the next one: pg_restore holds back
    until rows are there only what hangs on a table with rows of its own. A partitioned table has none, and its triggers
    and foreign keys would act on every row that comes.
    """
    parameters = db.connection.info.get_parameters() | {"dbname": database}
    # Roles are the server's own affair: whoever restores owns what is restored, and `tm migrate` gives the rights.
    command = [
        str(program),
        "--format=directory",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        f"--jobs={_JOBS}",
        *(f"--section={section}" for section in sections),
        f"--dbname={without_password(parameters)}",
        str(folder / "memory"),
    ]
    state = "the database made for the restore has been dropped again."
    return program_running(command, db.connection.info.password, state, _SESSION)
