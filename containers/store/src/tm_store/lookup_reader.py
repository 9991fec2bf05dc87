"""Which server answers look-ups and exports: a read replica that is close enough behind, else the primary."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from tm_core.errors import DatabaseError
from tm_core.settings import Settings
from tm_store.db import Database
from tm_store.migrate import open_memory
from tm_store.retry import Result, retried

log = logging.getLogger(__name__)


@contextmanager
def open_reader(settings: Settings, *, statement_seconds: int | None = None) -> Iterator[Database]:
    """A connection for look-ups, every statement limited to TM_LOOKUP_SECONDS; or for exports, with their own limit.

    TM_DATABASE_READ_URL is used where it is set, its server can be reached, has this code's schema and lags at most
    TM_READ_LAG_SECONDS behind; otherwise TM_DATABASE_URL, and a warning says why. Asked once, when the connection is
    opened. A replica whose network has just been cut counts as connected until it notices (wal_receiver_timeout).

    Args:
        statement_seconds: the limit of a statement; None: TM_LOOKUP_SECONDS, or TM_STATEMENT_SECONDS if that is less.

    Raises:
        SettingsError, DatabaseError: as tm_store.migrate.open_memory.
    """
    limited = replace(settings, statement_seconds=statement_seconds or reader_seconds(settings))
    with ExitStack() as stack:
        yield _replica(stack, limited) or stack.enter_context(open_memory(limited))


def with_reader(settings: Settings, work: Callable[[Database], Result]) -> Result:
    """Open a connection for look-ups and ask it something, again where that may help (tm_store.retry)."""

    def attempt() -> Result:
        with open_reader(settings) as db:
            return work(db)

    return retried(attempt)


def reader_seconds(settings: Settings) -> int:
    """The limit of a look-up's statement, seconds."""
    return min(settings.lookup_seconds, settings.statement_seconds)


def unfit(db: Database, settings: Settings) -> str:
    """Why this server must not answer a look-up now; "" if it may. A primary always may."""
    state = db.one("lookup/select_lag")
    if state.is_replica and not state.is_connected:
        return "the replica is not connected to its primary"
    if state.lag_seconds > settings.read_lag_seconds:
        return f"it is {state.lag_seconds:.1f} s behind, TM_READ_LAG_SECONDS is {settings.read_lag_seconds}"
    return ""


def _replica(stack: ExitStack, settings: Settings) -> Database | None:
    """The replica's connection, or None if there is none to use."""
    if not settings.database_read_url:
        return None
    try:
        db = stack.enter_context(open_memory(replace(settings, database_url=settings.database_read_url)))
        problem = unfit(db, settings)
    except DatabaseError as error:
        problem = str(error)
    if problem:
        log.warning("TM_DATABASE_READ_URL is not used: %s", problem)
        return None
    return db
