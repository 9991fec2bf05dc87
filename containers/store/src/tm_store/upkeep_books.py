"""The books by month: partitions made ahead, old ones put away as Parquet and found again.

A month goes step by step, and a killed try goes on where it stopped: detached from its parent without stopping a load,
moved to the schema ``away``, written to ``books/<month>/<table>-<number>/``, read back and compared, recorded, dropped.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
from psycopg import sql
from psycopg.rows import tuple_row

from tm_core.errors import ContractError
from tm_formats.manifest import read_manifest, write_manifest
from tm_formats.parquet import read_table, write_table
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.upkeep import TABLES, Action, Part, Work, patient

VERSION = 1
#: Rows a file: bounds memory, some hundred bytes a row. Not calibrated yet.
FILE_ROWS = 250_000
# Types of the books' columns as they are kept; a real as a double, which gives back the same digits.
_ARROW = {
    "bytea": pa.binary(), "date": pa.date32(), "int4": pa.int32(), "int8": pa.int64(), "float4": pa.float64(),
    "float8": pa.float64(), "text": pa.string(), "jsonb": pa.string(), "bool": pa.bool_(),
}  # fmt: skip


def months(work: Work) -> Iterator[Action]:
    """Make the partitions of this month and those ahead."""
    there = {(row.parent, row.month) for row in work.db.run("upkeep/select_partitions") if row.state == "attached"}
    for number in range(work.settings.months_ahead + 1):
        month = shifted(work.today, number)
        missing = [table for table in TABLES if (table, month) not in there]
        if not missing:
            continue
        problems: list[str] = []
        if not work.dry_run:
            with patient(problems):
                work.db.run("ops/ensure_month", day=month)
        yield Action(
            part=Part.MONTHS,
            what="make partitions",
            target=f"{month:%Y-%m}",
            count=len(missing),
            done=not (problems or work.dry_run),
            why="".join(problems),
        )


def books(work: Work) -> Iterator[Action]:
    """Put the months away that are older than TM_BOOKS_MONTHS, but those that somebody still works with."""
    before = shifted(work.today, -work.settings.books_months)
    unfinished = {row.month: row for row in work.db.run("upkeep/select_unfinished", before=before)}
    for row in work.db.run("upkeep/select_partitions"):
        if row.state == "attached" and row.month >= before:
            continue
        # What is on its way already goes on, whatever the setting says now.
        waiting = unfinished.get(row.month) if row.state == "attached" else None
        if waiting:
            why = f"{waiting.batches} batches of the month are under way or held, {waiting.example} for one"
            yield Action(part=Part.BOOKS, what="put away", target=row.name, done=False, why=why)
        else:
            yield _put_away(work, row)


def shifted(day: date, months: int) -> date:
    """The first day of the month so many months later."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def find(db: Database, storage: Storage, name: str) -> list[str]:
    """Where a document that the books no longer have was put away: one line a month, newest first.

    Args:
        name: a document's name, with or without ``<store>/`` before it.
    """
    lines = []
    for row in db.run("report/select_put_away", month=None):
        if row.table_name != "document":
            continue
        held = _names(storage, row.path)
        days = {one["partition_date"] for one in held if name in (one["name"], f"{one['store']}/{one['name']}")}
        lines += [f"{day}: put away on {row.put_away_at:%Y-%m-%d}, {storage.uri_of(row.path)}" for day in sorted(days)]
    return lines


def _names(storage: Storage, folder: str) -> Iterator[dict[str, Any]]:
    wanted = ["store", "name", "partition_date"]
    for file in read_manifest(storage, folder, hashes=False).files:
        path = f"{folder}/{file.name}"
        yield from read_table(
            storage, path, schema_name=_schema("document"), version=VERSION, columns=wanted
        ).to_pylist()


# One table ---------------------------------------------------------------------------------------


def _put_away(work: Work, row: Any) -> Action:
    problems: list[str] = []
    rows = _count(work.db, row.schema, row.name)
    if not work.dry_run:
        with patient(problems):
            _detach(work.db, row)
            before = work.db.run("report/select_put_away", month=row.month)
            _store(work.db, work.storage, row, 1 + sum(one.table_name == row.parent for one in before))
    return Action(
        part=Part.BOOKS,
        what="put away",
        target=row.name,
        count=rows,
        done=not (problems or work.dry_run),
        why="".join(problems),
    )


def _count(db: Database, schema: str, name: str) -> int:
    query = sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name))
    row = db.connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _detach(db: Database, row: Any) -> None:
    """Take the table from its parent and out of the way of a partition of the same month."""
    parent, name = sql.Identifier("ops", row.parent), sql.Identifier("ops", row.name)
    how = {"attached": "concurrently", "pending": "finalize"}.get(row.state)
    if how:
        statement = sql.SQL("alter table {} detach partition {} {}").format(parent, name, sql.SQL(how))
        db.connection.execute(statement)
    if row.state != "away":
        db.connection.execute(sql.SQL("alter table {} set schema away").format(name))


def _store(db: Database, storage: Storage, row: Any, number: int) -> None:
    """Write, read back, compare; then record and drop in one transaction."""
    name = sql.Identifier("away", row.name)
    folder = f"books/{row.month:%Y-%m}/{row.parent}-{number}"
    with db.transaction():
        # Nobody writes to it any more; whoever still did would be lost, so nobody can.
        db.connection.execute(sql.SQL("lock table {} in access exclusive mode").format(name))
        storage.delete(folder)  # what a killed try has left
        sha = hashlib.sha256()
        entries = [
            write_table(
                storage, f"{folder}/rows-{index:04d}.parquet", block, schema_name=_schema(row.parent), version=VERSION
            )
            for index, block in enumerate(_read(db, name, sha))
        ]
        digest = sha.hexdigest()
        facts = {"table": row.parent, "month": f"{row.month:%Y-%m}", "digest": digest}
        rows = write_manifest(storage, folder, entries, facts).rows
        if (found := _kept(storage, folder, row.parent)) != (_count(db, "away", row.name), digest):
            raise ContractError(
                f"{storage.uri_of(folder)}: expected the {rows:,} rows of away.{row.name}, found {found[0]:,} rows or "
                "others. Object storage gave back something else than was written. Run `tm maintain --part books` "
                "again; the rows are still in the database."
            )
        of_month = {"path": folder, "table_name": row.parent, "month": row.month}
        db.run("upkeep/insert_put_away", **of_month, rows=rows, sha256=digest)
        db.connection.execute(sql.SQL("drop table {}").format(name))


def _schema(table: str) -> str:
    return f"books.{table}"


def _read(db: Database, name: sql.Identifier, sha: Any) -> Iterator[pa.Table]:
    """All rows in the order of their key, a file's worth at a time; each goes into the hash. One table if empty."""
    query = sql.SQL("select * from {} order by 1, 2, 3, 4").format(name)
    with db.connection.cursor(name="tm_books", row_factory=tuple_row) as cursor:
        cursor.execute(query)
        assert cursor.description is not None  # noqa: S101 - for mypy: a select has one
        types = [db.connection.adapters.types[column.type_code].name for column in cursor.description]
        schema = pa.schema(
            [(column.name, _ARROW[kind]) for column, kind in zip(cursor.description, types, strict=True)]
        )
        block, is_first = cursor.fetchmany(FILE_ROWS), True
        while block or is_first:
            columns = [[_plain(value) for value in column] for column in zip(*block, strict=True)]
            _add(sha, columns)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=bool(block))]
            yield pa.Table.from_arrays(arrays, schema=schema) if block else schema.empty_table()
            block, is_first = cursor.fetchmany(FILE_ROWS), False


def _plain(value: Any) -> Any:
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if isinstance(value, dict | list) else value


def _add(sha: Any, columns: Sequence[Sequence[Any]]) -> None:
    for row in zip(*columns, strict=True):
        sha.update(repr(row).encode())


def _kept(storage: Storage, folder: str, table: str) -> tuple[int, str]:
    """(rows, digest) of what storage gives back; ContractError if a file is not what its manifest says."""
    sha, rows = hashlib.sha256(), 0
    for file in read_manifest(storage, folder).files:
        found = read_table(storage, f"{folder}/{file.name}", schema_name=_schema(table), version=VERSION)
        rows += found.num_rows
        _add(sha, [column.to_pylist() for column in found.columns])
    return rows, sha.hexdigest()
