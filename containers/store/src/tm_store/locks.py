"""One step at a time on one partition date."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from tm_core.errors import BatchBusy
from tm_store.db import Database

#: A holder that has ended when its name is looked up holds the date no longer, so the lock is tried again. More than
#: once or twice means that this login may not see who holds it.
_TRIES = 10


@contextmanager
def date_lock(db: Database, day: date, step: str, run_id: str) -> Iterator[None]:
    """Hold the date while a step works on it. The lock lives in the connection: a killed step gives it free.

    Raises:
        BatchBusy: another step holds it; says which, of which run, since when.
    """
    db.connection.execute("select set_config('application_name', %s, false)", (f"tm {step} {run_id}"[:63],))
    _take(db, day)
    try:
        yield
    finally:
        db.run("ops/unlock_date", day=day)


def _take(db: Database, day: date) -> None:
    who = "another step"
    for _ in range(_TRIES):
        if db.one("ops/try_lock_date", day=day).locked:
            return
        if holder := next(iter(db.run("ops/select_date_holder", day=day)), None):
            who = f"'{holder.who}' (pid {holder.pid}, since {holder.since:%H:%M:%S} UTC)"
            break
    raise BatchBusy(
        f"partition date {day}: expected to work on it alone, found {who} at work on it. "
        "Two runs of one date were started. Wait until the other has ended, then clear this task; "
        "nothing was read or written by this one."
    )
