"""Connections, and the statements of ``include/sql``: one a file, each with a header that declares its parameters."""

import csv
import io
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg.rows import namedtuple_row

from tm_core.errors import DatabaseError, ServerTooOld, UnstorableText
from tm_core.settings import Settings, hide_password
from tm_store.db_refusals import find_refusal

log = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]
#: The least major version of a server that can hold a memory: older ones lack rights and syntax that migrations use.
OLDEST_SERVER = 16
_PARAMETER = re.compile(r"%\((\w+)\)s")
# How soon a server process notices that its client is gone, while a statement runs. Not calibrated yet.
_CHECK_SECONDS = 5
_HEADER = re.compile(r"^-- (Purpose|Grain|Reads|Writes|Parameters|Repeatable|Returns):\s*(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One SQL file. ``parameters`` are the names it declares; a run must give exactly these."""

    name: str
    sql: str
    header: Mapping[str, str]
    parameters: frozenset[str]


def load_statement(path: Path, name: str) -> Statement:
    """Read and check one SQL file.

    Raises:
        DatabaseError: there is no such file, a header line is missing, or declared and used parameters differ.
    """
    try:
        sql = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DatabaseError(f"{path}: there is no such statement. Set TM_INCLUDE to the folder with sql/.") from None
    header = dict(_HEADER.findall(sql))
    if missing := {"Purpose", "Parameters", "Repeatable"} - set(header):
        raise DatabaseError(f"{path}: the header has no line '-- {min(missing)}: …'. Add it.")
    declared = frozenset(re.findall(r"(\w+) \(", header["Parameters"]))
    used = frozenset(_PARAMETER.findall(sql))
    if declared != used:
        raise DatabaseError(
            f"{path}: declares the parameters {sorted(declared)}, uses {sorted(used)}. Make them agree."
        )
    return Statement(name=name, sql=sql, header=header, parameters=declared)


@cache
def _cached(include: Path, name: str) -> Statement:
    return load_statement(include / "sql" / f"{name}.sql", name)


class Database:
    """One connection and the statements it runs. Transactions are the caller's: ``with db.transaction(): …``."""

    def __init__(self, connection: Connection, include: Path) -> None:
        self.connection = connection
        self.include = include

    def run(self, name: str, /, **parameters: object) -> list[Any]:
        """Run the statement ``<folder>/<file>`` and return its rows as named tuples.

        Raises:
            DatabaseError: the parameters are not those the file declares, or Postgres refuses.
        """
        statement = self._checked(name, parameters)
        with self.connection.cursor(row_factory=namedtuple_row) as cursor:
            # Without parameters psycopg reads no placeholders, so that '%' stays '%'.
            with _sendable(name):
                cursor.execute(statement.sql, parameters or None)
            log.debug("%s: %s rows", name, cursor.rowcount)
            return cursor.fetchall() if cursor.description else []

    def _checked(self, name: str, parameters: Mapping[str, object]) -> Statement:
        statement = _cached(self.include, name)
        if statement.parameters != set(parameters):
            raise DatabaseError(f"{name}.sql takes {sorted(statement.parameters)}, was given {sorted(parameters)}.")
        return statement

    def stream(self, name: str, /, *, block_rows: int = 10_000, **parameters: object) -> Iterator[list[Any]]:
        """Run a select and yield its rows in blocks of named tuples, in constant memory, from one snapshot.

        The rows stay on the server: a cursor there hands them out while a transaction is open. Take them to the end,
        or close the iterator, before the connection is used for anything else.
        """
        statement = self._checked(name, parameters)
        with self.transaction(), self.connection.cursor(name="tm_stream", row_factory=namedtuple_row) as cursor:
            with _sendable(name):
                cursor.execute(statement.sql, parameters or None)
            while rows := cursor.fetchmany(block_rows):
                yield rows

    def copy_out(self, name: str, /, *, text: bool = False, **parameters: object) -> Iterator[memoryview]:
        """Run a select and yield its rows as CSV, or as Postgres' text format: the fastest way out, in constant memory.

        Take them to the end, or close the iterator, before the connection is used for anything else.
        """
        select = self._checked(name, parameters).sql.rstrip().removesuffix(";")
        statement = f"copy ({select}) to stdout (format {'text' if text else 'csv'})"
        with self.connection.cursor() as cursor, cursor.copy(statement, parameters or None) as copy:
            for block in copy:
                yield memoryview(block)

    def one(self, name: str, /, **parameters: object) -> Any:
        """The only row of a statement that returns exactly one."""
        rows = self.run(name, **parameters)
        if len(rows) != 1:
            raise DatabaseError(f"{name}.sql: expected one row, found {len(rows)}.")
        return rows[0]

    def copy(self, name: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a ``copy … from stdin (format csv)`` statement over rows; for hundreds of rows, not for beads."""
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerows(rows)
        self.copy_csv(name, text.getvalue().encode("utf-8"))

    def copy_csv(self, name: str, data: bytes | memoryview) -> None:
        """Run a ``copy … from stdin (format csv)`` statement over text that is CSV already."""
        with self.connection.cursor() as cursor, cursor.copy(_cached(self.include, name).sql) as copy:
            copy.write(data)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        with self.connection.transaction():
            yield


@contextmanager
def _sendable(name: str) -> Iterator[None]:
    """Turn encoding errors into an UnstorableText that names the statement."""
    try:
        yield
    except (psycopg.DataError, UnicodeEncodeError) as error:
        if isinstance(error, psycopg.DataError) and error.sqlstate:
            raise
        raise UnstorableText(
            f"{name}.sql: expected texts of Unicode characters, found one with a zero byte or half a character. A name "
            "or argument is not valid UTF-8. Correct it; nothing was changed."
        ) from None


@contextmanager
def open_database(settings: Settings, *, database: str | None = None) -> Iterator[Database]:
    """Connect to the memory's database; commit nothing by itself (autocommit, transactions are explicit).

    Raises:
        SettingsError: TM_DATABASE_URL is not set.
        ServerTooOld: the server is older than OLDEST_SERVER. No statement was run.
        DatabaseError: the server lets nobody in, cannot be reached, or goes away while it is in use.
    """
    url = settings.require_database()
    with _translated(url), connect(url, settings.statement_seconds, database) as connection:
        _check_server(url, connection)
        yield Database(connection, settings.include)


def _check_server(url: str, connection: Connection) -> None:
    """Raise where the server is too old. It has said its version while connecting: no statement is needed."""
    if connection.info.server_version < OLDEST_SERVER * 10_000:
        version = connection.info.parameter_status("server_version")
        raise ServerTooOld(
            f"{hide_password(url)}: expected Postgres {OLDEST_SERVER} or newer, found Postgres {version}. Upgrade the "
            "server (pg_upgrade), or name one that is new enough. No statement has been run, and nothing was changed."
        )


def connect(url: str, statement_seconds: int, database: str | None = None) -> Connection:
    """One connection with the project's session settings."""
    extra = {"dbname": database} if database else {}
    try:
        return psycopg.connect(url, **cast(Any, connection_arguments(statement_seconds) | extra))
    except psycopg.ProgrammingError as error:
        # Of the URL itself, which may hold a password in a place where none is looked for: it is not shown.
        raise DatabaseError(
            "TM_DATABASE_URL (or a sibling of it): expected postgresql://user:password@host:port/database, found a URL "
            f"that cannot be read ({type(error).__name__}). Characters such as @ : / # ? in a password are written as "
            "%40 %3A %2F %23 %3F. Correct it; nothing was connected to."
        ) from None


def connection_arguments(statement_seconds: int) -> dict[str, Any]:
    """What every connection is opened with, by itself or in a pool."""
    session = {
        "statement_timeout": f"{statement_seconds}s",
        "timezone": "UTC",
        "application_name": "tm",
        # A server process notices that its client was killed only when it next speaks to it: without these it finishes
        # a statement that nobody waits for, and holds the date's lock as long.
        "client_connection_check_interval": f"{_CHECK_SECONDS}s",
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
    }
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    return {"autocommit": True, "connect_timeout": 10, "options": options}


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Say of a lost or refused connection what to do about it."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege) as error:
        raise explained(url, error) from error


def explained(url: str, error: psycopg.Error) -> DatabaseError:
    """What Postgres refused, as an error for people: where, why, what to do, and that nothing was changed."""
    kind = next(kind for kind in _EXPLANATIONS if isinstance(error, kind))
    if kind is psycopg.Error and error.sqlstate and not error.sqlstate.startswith(_GONE):
        return DatabaseError(f"{hide_password(url)}: the server refused ({_first_line(error)}). {_ROLLED_BACK}")
    if kind is psycopg.Error and (refusal := find_refusal(str(error))):
        state = "Nothing was changed: no connection was made."
        return DatabaseError(
            f"{hide_password(url)}: {refusal.found} ({_first_line(error)}). {refusal.next_step}. {state}"
        )
    found, todo = _EXPLANATIONS[kind]
    return DatabaseError(f"{hide_password(url)}: {found} ({_first_line(error)}). {todo}")


# SQLSTATE classes of a connection that could not be made or was ended; without a code it is the client that says so.
_GONE = ("08", "53300", "57P")
_ROLLED_BACK = "Its log says more. What was under way was rolled back; the memory is as it was before."
#: In this order: the classes below OperationalError first.
_EXPLANATIONS: Mapping[type[psycopg.Error], tuple[str, str]] = {
    psycopg.errors.DiskFull: (
        "the disk of the database is full",
        "Free some space, then clear the task. The transaction was rolled back; the memory is as it was before.",
    ),
    psycopg.errors.QueryCanceled: (
        "a statement took longer than TM_STATEMENT_SECONDS, or somebody cancelled it",
        "Raise it or look for a lock (pg_stat_activity), then clear the task. The transaction was rolled back.",
    ),
    psycopg.errors.SerializationFailure: (
        "another transaction was in the way",
        "Run it again. The transaction was rolled back; the memory is as it was before.",
    ),
    psycopg.errors.DeadlockDetected: (
        "this transaction and another waited for each other, and the server ended this one",
        "Run it again. The transaction was rolled back; the memory is as it was before.",
    ),
    psycopg.errors.LockNotAvailable: (
        "somebody else holds a lock on what is wanted",
        "Run it again when the other has finished (pg_stat_activity shows it). Nothing was changed.",
    ),
    psycopg.errors.InsufficientPrivilege: (
        "the role of this connection may not do this",
        "`tm roles` says what each role may do: TM_DATABASE_URL wants a member of tm_loader, TM_DATABASE_OWNER_URL one "
        "of tm_owner. What was under way was rolled back.",
    ),
    psycopg.Error: (
        "the database cannot be reached, or went away",
        "Start it (`tm doctor` says what is missing), then clear the task or run the command again. What was under way "
        "was rolled back; the memory is as it was before.",
    ),
}


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
