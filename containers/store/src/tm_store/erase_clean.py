"""After an erasure: clear what shows its texts although no row holds them, and say what only time removes.

A deleted row stays in its table's file until VACUUM, and a frequent value in ``pg_stats`` until ANALYZE. Both are the
owner's to run before Postgres 17. The server's log, its archive, replicas and backups are nobody's to rewrite.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from tm_core.settings import Settings
from tm_store.db import Database, open_database
from tm_store.erase_places import TABLES, Kind

# Longest wait for a lock: a load that comes while we wait for one stands behind us as long.
_LOCK_SECONDS = 5
#: Tables with texts: all of them, because statistics outlive rows that left in other ways.
_TEXTS = {Kind.UNIT, Kind.WINDOW}
WITH_TEXTS = ("review.verdict", *(name for name, place in TABLES.items() if _TEXTS & set(place.columns.values())))
_CLEAR_STATISTICS = 180_000  # the first server version with pg_clear_attribute_stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """Tables whose dead rows and statistics are cleared; ``left`` says where that was not possible, and why."""

    tables: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def clean(settings: Settings, removed: Sequence[str] = ()) -> Cleaned:
    """Vacuum and analyse the tables with texts, as the tables' owner where TM_DATABASE_OWNER_URL names one.

    Call it after the commit: what a transaction holds cannot be vacuumed. Done again it does no harm.

    Args:
        removed: more tables (schema.table) that rows were taken from.

    Cost: reads what changed since the last vacuum; the first time, every table with texts once.
    """
    names = sorted({*WITH_TEXTS, *removed})
    with open_database(settings.as_owner()) as db:
        db.connection.execute("select set_config('lock_timeout', %s, false)", (f"{_LOCK_SECONDS}s",))
        relations = db.run("erase/select_relations", names=names)
        left = list(_vacuumed(db, relations))
        left += _statistics(db, [f"{one.schema}.{one.name}" for one in relations])
        return Cleaned(tables=tuple(f"{one.schema}.{one.name}" for one in relations if one.may_clean), left=tuple(left))


def _vacuumed(db: Database, relations: Sequence[Any]) -> Iterator[str]:
    for one in relations:
        name = f"{one.schema}.{one.name}"
        if not one.may_clean:
            yield (
                f"{name}: its dead rows and statistics, until autovacuum has been there; this login may not clear "
                "them: run `tm erase --sweep` with TM_DATABASE_OWNER_URL"
            )
            continue
        # A parent has no rows of its own, and its partitions come by themselves.
        action = "analyze {}" if one.is_parent else "vacuum (analyze) {}"
        try:
            db.connection.execute(sql.SQL(action).format(sql.Identifier(one.schema, one.name)))
        except psycopg.errors.LockNotAvailable:
            yield f"{name}: its dead rows and statistics, somebody holds a lock on it; run `tm erase --sweep` later"


def _statistics(db: Database, names: Sequence[str]) -> Iterator[str]:
    """Clear the statistics of tables without rows, which an analyze leaves as they were."""
    for one in db.run("erase/select_stale_statistics", names=list(names)):
        table = sql.Identifier(one.schema, one.name)
        row = db.connection.execute(sql.SQL("select exists (select from {})").format(table)).fetchone()
        if row and row[0]:
            continue
        try:
            _forget(db, one, table)
        except psycopg.Error as error:
            yield (
                f"pg_stats of {one.schema}.{one.name}.{one.column_name}: until the table has rows again and is "
                f"analysed ({type(error).__name__})"
            )


def _forget(db: Database, one: Any, table: sql.Identifier) -> None:
    if db.connection.info.server_version >= _CLEAR_STATISTICS:
        db.connection.execute(
            "select pg_clear_attribute_stats(%s, %s, %s, %s)", (one.schema, one.name, one.column_name, one.inherited)
        )
        return
    # An older server forgets them with the column's type, even if that is the one it had: nothing is rewritten.
    db.connection.execute(
        sql.SQL("alter table {} alter column {} type {}").format(
            table, sql.Identifier(one.column_name), sql.SQL(one.type)
        )
    )


def what_stays(db: Database) -> tuple[str, ...]:
    """What of the server itself still has the texts, and how each of it goes."""
    row = db.one("erase/select_server")
    lines = [
        "the server's write-ahead log (pg_wal): has it until it is used again, at the latest after max_wal_size "
        f"({row.max_wal_size}) of changes{', or longer for the sake of replication slots' * bool(row.slots)}",
        "free space in the tables' files: has its bytes until new rows are written there; `vacuum full` of a table "
        "rewrites it, and locks it for as long",
    ]
    if row.archive_mode != "off":
        lines.append(
            "the archive of the write-ahead log, and backups of the whole server: until their retention ends "
            "(pgBackRest: repo1-retention-full, four weeks as shipped); after a restore from them `tm restore "
            "--catch-up` erases again"
        )
    if row.replicas:
        lines.append(f"{row.replicas} replicas: follow within their lag; their free space and log as above")
    return tuple(lines)
