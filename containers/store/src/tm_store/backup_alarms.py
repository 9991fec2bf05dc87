"""Whether backups and drills keep their deadlines: the rule is tm_core.retention's, the books are the database's."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tm_core.retention import Alarm, Held, Taken, alarms
from tm_store.db import Database


def find_alarms(db: Database, now: datetime | None = None) -> list[Alarm]:
    """Find what is too old or has changed too much; reads only.

    Cost: counts every unit, 0.1 s a million.
    """
    taken = [Taken(**row._asdict()) for row in db.run("backup/select_taken")]
    held = Held(**db.one("backup/select_held")._asdict())
    return alarms(taken, db.one("backup/select_drilled").at, held, now=now or datetime.now(UTC))


def has_begun(db: Database) -> bool:
    """Say whether a first batch has been loaded, or a backup taken: before that there is nothing to prove."""
    return db.one("backup/select_held").began is not None or bool(db.run("backup/select_taken"))


def raise_alarms(db: Database, now: datetime | None = None) -> list[Alarm]:
    """Find them and leave them in ``ops.alarm``, where a monitor reads them; alarms that are over go from there."""
    found = find_alarms(db, now)
    db.run("backup/upsert_alarms", names=[one.name for one in found], founds=[one.found for one in found])
    return found


def render(found: Sequence[Alarm]) -> str:
    """What `tm backup --check` prints."""
    return "\n".join(f"{one.name}: {one.found}" for one in found) or "backups and drills keep their deadlines"
