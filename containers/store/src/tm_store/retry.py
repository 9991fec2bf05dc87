"""Another try for whole transactions that another one, or a lost connection, kept from ending."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

from tm_core.errors import DatabaseError
from tm_core.settings import Settings
from tm_store.db import Database
from tm_store.migrate import open_memory

log = logging.getLogger(__name__)

Result = TypeVar("Result")
#: Seconds before the second, third and fourth try, and how far each may be off: those who met shall not meet again.
PAUSES = (0.05, 0.1, 0.2)
JITTER = 0.025
# Shutting down, crashed, starting up, too many clients. Class 08 and no code at all are lost connections too.
_LOST = ("57P01", "57P02", "57P03", "53300")


def with_memory(settings: Settings, work: Callable[[Database], Result]) -> Result:
    """Open the memory and do some work on it, again on a new connection where that may help.

    Args:
        work: idempotent by construction: it may be begun several times, and a try that failed was rolled back, or left
            what the next one finds and goes on from.

    Raises:
        What ``open_memory`` and ``work`` raise; DatabaseError also when all tries were in vain.
    """

    def attempt() -> Result:
        with open_memory(settings) as db:
            return work(db)

    return retried(attempt)


def retried(
    attempt: Callable[[], Result],
    *,
    sleep: Callable[[float], None] = time.sleep,
    between: Callable[[float, float], float] = random.uniform,
) -> Result:
    """Call ``attempt`` until it does not fail for a reason that passes: at most four times.

    Args:
        sleep, between: for tests: how to wait, and a number between two.

    Raises:
        DatabaseError: the last try failed for such a reason too.
        Exception: any other error, at once.
    """
    for pause in PAUSES:
        try:
            return attempt()
        except (psycopg.Error, DatabaseError) as error:
            if not is_transient(error):
                raise
            log.warning("another try, because of: %s", error)
        sleep(pause + between(-JITTER, JITTER))
    try:
        return attempt()
    except (psycopg.Error, DatabaseError) as error:
        if not is_transient(error):
            raise
        raise DatabaseError(f"{error} It was tried {len(PAUSES) + 1} times.") from error


def is_transient(error: BaseException | None) -> bool:
    """Whether the same transaction, begun anew, may succeed: serialisation, deadlock, a lost or refused connection."""
    if isinstance(error, DatabaseError):
        return is_transient(error.__cause__)
    if isinstance(error, psycopg.errors.SerializationFailure | psycopg.errors.DeadlockDetected):
        return True
    # A host that is silent has been waited for already.
    if not isinstance(error, psycopg.OperationalError) or isinstance(error, psycopg.errors.ConnectionTimeout):
        return False
    return error.sqlstate is None or error.sqlstate.startswith("08") or error.sqlstate in _LOST
