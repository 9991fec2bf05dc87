"""Connections kept open for services that answer many short questions: the review plug-in, a look-up service."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakSet

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from tm_core.errors import DatabaseError
from tm_core.settings import Settings, hide_password
from tm_store.db import Connection, Database, connection_arguments, explained
from tm_store.lookup_reader import reader_seconds, unfit
from tm_store.migrate import check_schema
from tm_store.retry import Result, retried

log = logging.getLogger(__name__)

# A replica that could not be used is left alone for so long, so that not every question waits for it.
_REST_SECONDS = 5.0
# How long a question waits for a replica's connection before it goes to the primary. Not calibrated yet.
_REPLICA_SECONDS = 0.5


@dataclass(kw_only=True)
class _Source:
    """A server's connections: those handed out now, and why the last one that was asked for could not be made."""

    pool: "ConnectionPool[Connection]"
    url: str
    used: set[Connection] = field(default_factory=set)
    failed: list[psycopg.Error]


@dataclass(kw_only=True)
class Pool:
    """A bounded number of open connections to the memory; safe to share between threads.

    Attributes:
        seconds: longest wait for a connection.
    """

    settings: Settings
    primary: _Source
    replica: _Source | None
    seconds: float
    _rested: float = field(default=0.0, init=False)
    _checked: "WeakSet[Connection]" = field(default_factory=WeakSet, init=False)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A connection for the block: the replica's if there is one that may be used, else the primary's.

        Raises:
            DatabaseError: all connections were in use for TM_POOL_SECONDS, or the server cannot be reached or goes.
        """
        with ExitStack() as stack:
            yield self._from_replica(stack) or stack.enter_context(self._taken(self.primary, self.seconds))

    def run(self, work: Callable[[Database], Result]) -> Result:
        """Do some work on a connection of the pool, again on another one where that may help (tm_store.retry).

        Args:
            work: idempotent by construction; what it does in ``db.transaction()`` is done whole or not at all.
        """

        def attempt() -> Result:
            with self.database() as db:
                return work(db)

        return retried(attempt)

    def _from_replica(self, stack: ExitStack) -> Database | None:
        if self.replica is None or time.monotonic() < self._rested:
            return None
        try:
            with ExitStack() as inner:
                db = inner.enter_context(self._taken(self.replica, min(_REPLICA_SECONDS, self.seconds)))
                if not (problem := unfit(db, self.settings)):
                    stack.push(inner.pop_all())
                    return db
        except DatabaseError as error:
            problem = str(error)
        self._rested = time.monotonic() + _REST_SECONDS
        log.warning("TM_DATABASE_READ_URL is not used for %.0f s: %s", _REST_SECONDS, problem)
        return None

    @contextmanager
    def _taken(self, source: _Source, seconds: float) -> Iterator[Database]:
        try:
            with source.pool.connection(timeout=seconds) as connection, _noted(source.used, connection):
                db = Database(connection, self.settings.include)
                if connection not in self._checked:
                    # Once a connection: a service must not go on with the statements of another schema.
                    check_schema(db)
                    self._checked.add(connection)
                yield db
        except PoolTimeout:
            raise _no_connection(source, seconds) from None
        except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege) as error:
            raise explained(source.url, error) from error


@contextmanager
def _noted(used: set[Connection], connection: Connection) -> Iterator[None]:
    used.add(connection)
    try:
        yield
    finally:
        used.discard(connection)


def _no_connection(source: _Source, seconds: float) -> DatabaseError:
    """Why there was none: all are in use, or the server's own refusal, or it has not answered yet."""
    used, most = len(source.used), source.pool.max_size
    if used < most and source.failed:
        return explained(source.url, source.failed[-1])
    where = f"{hide_password(source.url)}: expected a connection within {seconds:g} s, found"
    if used < most:
        return DatabaseError(
            f"{where} {used} of {most} in use and no answer of the server to the call for another. It is overloaded, "
            "or the way to it is: look at its load, or raise TM_POOL_SECONDS. Nothing was read or changed."
        )
    return DatabaseError(
        f"{where} all {most} in use and {source.pool.get_stats().get('requests_waiting', 0)} more callers waiting. "
        "Callers keep their connections too long, or are too many: raise TM_POOL_SIZE, within the server's "
        "max_connections. Nothing was read or changed."
    )


@contextmanager
def open_pool(settings: Settings, *, read: bool = False) -> Iterator[Pool]:
    """Open a pool of up to TM_POOL_SIZE connections, each with the project's session settings; closed with the block.

    A connection is looked at before it is handed out: one that the server has closed is replaced. No connection is made
    before it is asked for, so a service starts while its database is still down.

    Args:
        read: for look-ups: statements are limited to TM_LOOKUP_SECONDS, and TM_DATABASE_READ_URL is asked where it is
            set and close enough behind, at each question anew.

    Raises:
        SettingsError: TM_DATABASE_URL is not set.
    """
    seconds = reader_seconds(settings) if read else settings.statement_seconds
    make = partial(_made, settings, seconds)
    with ExitStack() as stack:
        primary = stack.enter_context(make(settings.require_database(), "primary"))
        url = settings.database_read_url if read else ""
        replica = stack.enter_context(make(url, "replica")) if url else None
        yield Pool(settings=settings, primary=primary, replica=replica, seconds=settings.pool_seconds)


@contextmanager
def _made(settings: Settings, statement_seconds: int, url: str, name: str) -> Iterator[_Source]:
    arguments: dict[str, Any] = connection_arguments(statement_seconds)
    failed: list[psycopg.Error] = []
    with ConnectionPool(
        url,
        connection_class=_telling(failed),
        kwargs=arguments,
        name=name,
        min_size=0,
        max_size=settings.pool_size,
        timeout=settings.pool_seconds,
        # A connection that stays open keeps caches of every partition it has met.
        max_lifetime=1800.0,
        max_idle=300.0,
        reconnect_timeout=settings.pool_seconds,
        check=ConnectionPool.check_connection,
        open=False,
    ) as pool:
        yield _Source(pool=pool, url=url, failed=failed)


def _telling(failed: list[psycopg.Error]) -> type[Connection]:
    """A connection whose last failure to come about is in ``failed``: the pool tells it to its log alone."""

    class Telling(psycopg.Connection[Any]):
        @classmethod
        def connect(cls, *arguments: Any, **named: Any) -> Connection:  # type: ignore[override]
            try:
                made = super().connect(*arguments, **named)
            except psycopg.Error as error:
                failed[:] = [error]
                raise
            failed.clear()
            return made

    return Telling
