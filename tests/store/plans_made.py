"""Nights of made batches under statistics of our choice, and what each of their statements visits."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from psycopg.types.json import Jsonb

from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.gate import run_gate
from tm_store.gate_suite import Answers, Metrics, SliceKey, Suite, ask
from tm_store.load import LoadSummary, load_batch
from tm_store.sample import sample_batch
from tm_store.staging import stage

_SCHEMAS = "('tm', 'staging', 'review', 'quality', 'ops')"
#: The tables whose statistics a night's plans rest on.
_TABLES = f"(select oid from pg_class where relnamespace::regnamespace::text in {_SCHEMAS} and relkind in ('r', 'p'))"
_COMMENT = re.compile(r"--.*$", re.MULTILINE)
_PLANNED = re.compile(r"\s*(with|select|insert|update|delete|create temporary table)\b")


class CountingDatabase(Database):
    """A connection that explains every statement before it runs it.

    Attributes:
        visited: statement -> rows and pages that its plans have touched.
        unplanned: statements that have no plan, such as ``analyze``.
    """

    def __init__(self, connection: psycopg.Connection[Any], include: Path) -> None:
        super().__init__(connection, include)
        self.visited: Counter[str] = Counter()
        self.unplanned: set[str] = set()

    def run(self, name: str, /, **parameters: object) -> list[Any]:
        self._explain(name, parameters)
        return super().run(name, **parameters)

    def stream(self, name: str, /, *, block_rows: int = 10_000, **parameters: object) -> Iterator[list[Any]]:
        self._explain(name, parameters)
        return super().stream(name, block_rows=block_rows, **parameters)

    def _explain(self, name: str, parameters: Mapping[str, object]) -> None:
        sql = self._checked(name, parameters).sql
        if not _PLANNED.match(_COMMENT.sub("", sql)):
            self.unplanned.add(name)
            return
        # It runs for real and is taken back, so that the statement finds what it would have found.
        with self.connection.transaction(force_rollback=True):
            explain = f"explain (analyze, buffers, timing off, format json) {sql}"
            ((found,),) = self.connection.execute(explain, parameters or None).fetchall()
        self.visited[name] += visited(found[0]["Plan"])


def visited(plan: Mapping[str, Any]) -> int:
    """Count the rows that a plan's nodes brought or threw away, and the pages that it read."""
    pages = sum(
        plan.get(f"{kind} {what} Blocks", 0) for kind in ("Shared", "Local", "Temp") for what in ("Hit", "Read")
    )
    return round(_rows(plan) + pages)


def _rows(node: Mapping[str, Any]) -> float:
    rows = node["Actual Rows"] + sum(value for name, value in node.items() if name.startswith("Rows Removed by"))
    return float(max(1, rows) * node["Actual Loops"]) + sum(_rows(below) for below in node.get("Plans", ()))


# Statistics ------------------------------------------------------------------------------------------


def keep_statistics(db: Database) -> None:
    """Let no one but the night itself gather statistics of this database."""
    tables = f"select oid::regclass::text from pg_class where relkind = 'r' and oid in {_TABLES}"
    for (table,) in db.connection.execute(tables).fetchall():
        db.connection.execute(f"alter table {table} set (autovacuum_enabled = false)")


def true_statistics(db: Database) -> None:
    """Gather statistics of what is there."""
    db.connection.execute("analyze")


def no_statistics(db: Database) -> None:
    """Leave what pg_upgrade before Postgres 18 leaves, and a restore that did not gather any."""
    db.connection.execute(f"delete from pg_statistic where starelid in {_TABLES}")
    db.connection.execute(f"update pg_class set reltuples = -1, relpages = 0 where oid in {_TABLES}")


def many_statistics(db: Database) -> None:
    """Claim a hundred times as many rows as there are in every table."""
    true_statistics(db)
    db.connection.execute(f"update pg_class set reltuples = reltuples * 100 where oid in {_TABLES} and reltuples > 0")


# A night ---------------------------------------------------------------------------------------------


def plan(db: Database, batch_id: str, day: date) -> None:
    """Plan a batch, or plan it again."""
    with db.transaction():
        db.run("ops/ensure_month", day=day)
        db.run("ops/insert_batch", batch_id=batch_id, day=day, run_id="test", versions=Jsonb({}), reprocess=False)


def night(
    settings: Settings,
    db: Database,
    batch_id: str,
    day: date,
    between: Callable[[Database], None] = lambda _db: None,
) -> LoadSummary:
    """Plan, stage, judge, load and sample a batch, and leave it staged.

    Args:
        between: called with the connection after each step.
    """
    storage = Storage(settings.storage)
    plan(db, batch_id, day)
    stage(db, storage, batch_id, day)
    between(db)
    with patch("tm_store.gate.ask", _ask_once):
        run_gate(settings, db, storage, batch_id)
    db.run("import/accept_slices", batch_id=batch_id)
    between(db)
    loaded = load_batch(db, storage, batch_id)
    between(db)
    sample_batch(settings, db, batch_id)
    return loaded


_ANSWERS: dict[frozenset[SliceKey], Answers] = {}


def _ask_once(suite: Suite, metrics: Metrics) -> Answers:
    """Ask Great Expectations about the same slices once: it costs a second and runs no statement."""
    return _ANSWERS.get(frozenset(metrics)) or _ANSWERS.setdefault(frozenset(metrics), ask(suite, metrics))
