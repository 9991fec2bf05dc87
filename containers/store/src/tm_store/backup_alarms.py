"""Whether backups and drills keep their deadlines: the rule is tm_core.retention's, the books are the database's."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tm_core.retention import Alarm, Taken, alarms
from tm_store.db import Database


def find_alarms(db: Database, now: datetime | None = None) -> list[Alarm]:
    """What is too old or has changed too much; reads only."""
    taken = [
        Taken(taken_at=row.taken_at, bytes=row.bytes, seconds=row.seconds) for row in db.run("backup/select_taken")
    ]
    return alarms(taken, db.one("backup/select_drilled").at, now=now or datetime.now(UTC))


def raise_alarms(db: Database, now: datetime | None = None) -> list[Alarm]:
    """Find them and leave them in ``ops.alarm``, where a monitor reads them; alarms that are over go from there."""
    found = find_alarms(db, now)
    db.run("backup/upsert_alarms", names=[one.name for one in found], founds=[one.found for one in found])
    return found


def render(found: Sequence[Alarm]) -> str:
    """What `tm backup --check` prints."""
    return "\n".join(f"{one.name}: {one.found}" for one in found) or "backups and drills keep their deadlines"
