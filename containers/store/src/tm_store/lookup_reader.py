"""Which server answers look-ups: a read replica that is close enough behind, else the primary."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from tm_core.errors import DatabaseError
from tm_core.settings import Settings
from tm_store.db import Database
from tm_store.migrate import open_memory

log = logging.getLogger(__name__)


@contextmanager
def open_reader(settings: Settings) -> Iterator[Database]:
    """A connection for look-ups, every statement limited to TM_LOOKUP_SECONDS.

    TM_DATABASE_READ_URL is used where it is set, its server can be reached, has this code's schema and lags at most
    TM_READ_LAG_SECONDS behind; otherwise TM_DATABASE_URL, and a warning says why. Asked once, when the connection is
    opened. A replica whose network has just been cut counts as connected until it notices (wal_receiver_timeout).

    Raises:
        SettingsError, DatabaseError: as tm_store.migrate.open_memory.
    """
    limited = replace(settings, statement_seconds=min(settings.lookup_seconds, settings.statement_seconds))
    with ExitStack() as stack:
        yield _replica(stack, limited) or stack.enter_context(open_memory(limited))


def _replica(stack: ExitStack, settings: Settings) -> Database | None:
    """The replica's connection, or None if there is none to use."""
    if not settings.database_read_url:
        return None
    try:
        db = stack.enter_context(open_memory(replace(settings, database_url=settings.database_read_url)))
        state = db.one("lookup/select_lag")
    except DatabaseError as error:
        log.warning("TM_DATABASE_READ_URL is not used: %s", error)
        return None
    if state.is_replica and not state.is_connected:
        log.warning("TM_DATABASE_READ_URL is not used: the replica is not connected to its primary")
        return None
    if state.lag_seconds > settings.read_lag_seconds:
        log.warning(
            "TM_DATABASE_READ_URL is not used: it is %.1f s behind, TM_READ_LAG_SECONDS is %s",
            state.lag_seconds,
            settings.read_lag_seconds,
        )
        return None
    return db
