"""``tm maintain``: what a memory needs every week so that it stays as quick and as small as it was.

Safe beside a load and safe to repeat: whatever cannot have its lock within some seconds is left for the next time, and
each action says what it did. Run as the tables' owner (TM_DATABASE_OWNER_URL).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

import psycopg
from psycopg import sql

from tm_core.errors import DatabaseError
from tm_core.settings import Settings
from tm_formats.storage import Storage, open_storage
from tm_store.db import Database
from tm_store.lookup_index import rebuild
from tm_store.migrate import open_memory

# Longest wait for a lock: a load that comes while we wait for one stands behind us as long.
LOCK_SECONDS = 5
# A table is vacuumed from so many dead rows on, and this share of all: autovacuum does at 20 %. Not calibrated yet.
DEAD_ROWS, DEAD_SHARE = 10_000, 0.2
# A store is indexed anew from so many numbers on, and this share of them without a text. Not calibrated yet.
WORN_NUMBERS, WORN_SHARE = 10_000, 0.3
TABLES = ("file", "document", "outcome", "shard_run")


class Part(StrEnum):
    """What can be looked after on its own; in the order in which ``tm maintain`` does it."""

    MONTHS = "months"  # partitions of the books made ahead
    BOOKS = "books"  # old ones to object storage
    LEFTOVERS = "leftovers"  # work files and staged rows of batches that were replaced
    LOOKUP = "lookup"  # look-up indexes that hold many texts that have gone
    TABLES = "tables"  # vacuum, statistics, invalid indexes


#: Parts that touch object storage.
_STORED = {Part.BOOKS, Part.LEFTOVERS}


def storage_of(settings: Settings, parts: Sequence[Part]) -> Storage:
    """Open the storage for these parts. Those that need none, such as next month's partitions, do not wait for it."""
    return open_storage(settings) if _STORED & set(parts) else Storage(settings.storage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that was done, would be done, or was left.

    Attributes:
        count: of what ``what`` says: rows, files, numbers.
        done: False in a dry run, and where ``why`` says what stood in the way.
    """

    part: Part
    what: str
    target: str
    count: int = 0
    done: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the parts work with."""

    settings: Settings
    db: Database
    storage: Storage
    today: date
    dry_run: bool


def maintain(
    settings: Settings,
    storage: Storage,
    *,
    parts: Sequence[Part] = tuple(Part),
    dry_run: bool = False,
    today: date | None = None,
) -> list[Action]:
    """Look after the database and the work files; an empty list if there was nothing to do.

    Args:
        dry_run: change nothing, say what would be done.
        today: for tests.

    Raises:
        DatabaseError: another ``tm maintain`` is at work, or the login may not do this.
        StorageError, ContractError: as they say; what was being put away is still in the database.
    """
    from tm_store.upkeep_books import books, months

    every: dict[Part, Callable[[Work], Iterator[Action]]] = {
        Part.MONTHS: months,
        Part.BOOKS: books,
        Part.LEFTOVERS: _leftovers,
        Part.LOOKUP: _lookup,
        Part.TABLES: _tables,
    }
    with open_memory(settings.as_owner()) as db:
        if not db.one("upkeep/try_lock").locked:
            raise DatabaseError(
                "another `tm maintain` is at work on this database. Wait for its end; nothing was changed."
            )
        db.connection.execute("select set_config('lock_timeout', %s, false)", (f"{LOCK_SECONDS}s",))
        day = today or datetime.now(UTC).date()
        work = Work(settings=settings, db=db, storage=storage, today=day, dry_run=dry_run)
        return [action for part in Part if part in parts for action in every[part](work)]


def render(actions: Sequence[Action], *, dry_run: bool) -> str:
    """What ``tm maintain`` prints: a line an action."""
    lines = [_line(action, dry_run=dry_run) for action in actions]
    return "\n".join(lines) or "nothing to do"


def _line(action: Action, *, dry_run: bool) -> str:
    head = "left" if action.why else "would" if dry_run and not action.done else "done"
    count = f"  {action.count:,}" if action.count else ""
    return f"{head:5}  {action.part:9}  {action.what}: {action.target}{count}" + (
        f"  ({action.why})" if action.why else ""
    )


@contextmanager
def patient(found: list[str]) -> Iterator[None]:
    """Note that somebody else has the lock instead of failing: the next time will do."""
    try:
        yield
    except psycopg.errors.LockNotAvailable:
        found.append(f"in use for more than {LOCK_SECONDS} s: left for the next time")


# Leftovers ---------------------------------------------------------------------------------------


def _leftovers(work: Work) -> Iterator[Action]:
    days = {"days": work.settings.work_days}
    for row in work.db.run("upkeep/select_superseded", **days):
        files = work.storage.list(f"work/{row.batch_id}")
        if not files:
            continue
        if not row.needed and not work.dry_run:
            work.storage.delete(f"work/{row.batch_id}")
        yield Action(
            part=Part.LEFTOVERS,
            what="remove work files of a superseded batch",
            target=row.batch_id,
            count=len(files),
            done=not row.needed and not work.dry_run,
            why=row.needed,
        )
    for row in work.db.run("upkeep/select_staged", **days):
        if not work.dry_run:
            work.db.run("staging/delete_beads", batch_id=row.batch_id)
        yield Action(
            part=Part.LEFTOVERS, what="remove staged rows", target=row.batch_id, count=row.rows, done=not work.dry_run
        )
    yield from _strangers(work)


def _strangers(work: Work) -> Iterator[Action]:
    """Folders of no batch: perhaps of one that a restore has forgotten. A person decides."""
    known = {row.batch_id for row in work.db.run("upkeep/select_batches")}
    names = {info.path.split("/")[1] for info in work.storage.list("work") if info.path.count("/") > 1}
    for name in sorted(names - known):
        if not name.startswith("lexicon-"):
            why = "no batch of this name is known"
            yield Action(part=Part.LEFTOVERS, what="look at work files", target=f"work/{name}", done=False, why=why)


# Look-up -----------------------------------------------------------------------------------------


def _lookup(work: Work) -> Iterator[Action]:
    for row in work.db.run("upkeep/select_worn_indexes", given=WORN_NUMBERS, share=WORN_SHARE):
        problems: list[str] = []
        if not work.dry_run:
            with patient(problems):
                rebuild(work.db, row.store_id)
        yield Action(
            part=Part.LOOKUP,
            what="index a store anew, dead numbers",
            target=row.name,
            count=row.dead,
            done=not (problems or work.dry_run),
            why="".join(problems),
        )


# Tables ------------------------------------------------------------------------------------------


def _tables(work: Work) -> Iterator[Action]:
    for row in work.db.run("upkeep/select_tired", dead=DEAD_ROWS, share=DEAD_SHARE):
        name = sql.Identifier(row.schema, row.name)
        # Statistics of a parent are those of all its partitions: a sample, whatever their size.
        statement = "analyze (skip_locked) {}" if row.is_parent else "vacuum (skip_locked, analyze) {}"
        if not work.dry_run:
            work.db.connection.execute(sql.SQL(statement).format(name))
        yield Action(
            part=Part.TABLES,
            what="analyze" if row.is_parent else "vacuum, dead rows",
            target=f"{row.schema}.{row.name}",
            count=row.dead,
            done=not work.dry_run,
        )
    for row in work.db.run("upkeep/select_invalid_indexes"):
        why = "invalid: drop it, or `reindex index concurrently`"
        yield Action(part=Part.TABLES, what="look at an index", target=row.name, done=False, why=why)
