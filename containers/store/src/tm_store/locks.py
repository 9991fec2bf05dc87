"""One step at a time on one partition date."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from tm_core.errors import BatchBusy
from tm_store.db import Database


@contextmanager
def date_lock(db: Database, day: date, step: str, run_id: str) -> Iterator[None]:
    """Hold the date while a step works on it. The lock lives in the connection: a killed step gives it free.

    Raises:
        BatchBusy: another step holds it; says which, of which run, since when.
    """
    db.connection.execute("select set_config('application_name', %s, false)", (f"tm {step} {run_id}"[:63],))
    if not db.one("ops/try_lock_date", day=day).locked:
        holder = next(iter(db.run("ops/select_date_holder", day=day)), None)
        who = f"'{holder.who}' (pid {holder.pid}, since {holder.since:%H:%M:%S} UTC)" if holder else "another step"
        raise BatchBusy(
            f"partition date {day}: expected to work on it alone, found {who} at work on it. "
            "Two runs of one date were started. Wait until the other has ended, then clear this task; "
            "nothing was read or written by this one."
        )
    try:
        yield
    finally:
        db.run("ops/unlock_date", day=day)
