"""What a batch leaves in object storage once it is loaded, so that a restore can load it again.

``journal/batches/<plan>-<batch id>.json`` holds the rows of the batch's books; its beads lie in ``work/``. Written
after the load was committed: a task that is killed in between is run again and writes it then.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg.types.json import Jsonb

from tm_core.batches import work_path
from tm_core.contracts import Step
from tm_core.outcomes import BatchState
from tm_core.settings import Settings
from tm_formats.manifest import NAME
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.journal import FOLDER as JOURNAL
from tm_store.journal import read_body
from tm_store.load import load_batch
from tm_store.sample import sample_batch
from tm_store.staging import stage

FOLDER = f"{JOURNAL}/batches"
_ROWS = ("files", "steps", "shard_runs", "ledger", "metrics", "checks", "decisions")
_STATEMENTS = {
    "files": "restore/insert_files",
    "steps": "restore/insert_steps",
    "shard_runs": "restore/insert_shard_runs",
    "ledger": "restore/insert_ledger",
    "metrics": "restore/insert_metrics",
    "checks": "restore/insert_checks",
    "decisions": "restore/insert_decisions",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One batch as it was loaded. ``generation``: its plan's number; ``books``: the rows about it, by table."""

    path: str
    batch_id: str
    partition_date: date
    generation: int
    at: datetime
    books: Mapping[str, Any]


def record_load(db: Database, storage: Storage, batch_id: str) -> None:
    """Write a loaded batch's record; where it is there already nothing is done."""
    row = db.one("restore/select_load", batch_id=batch_id)
    path = f"{FOLDER}/{row.generation:012d}-{batch_id}.json"
    if not storage.exists(path):
        text = json.dumps(row._asdict(), ensure_ascii=False, sort_keys=True, default=_plain)
        storage.write_atomic(path, text.encode("utf-8") + b"\n")


def _plain(value: Any) -> str:
    return str(value.isoformat())


def read_load(storage: Storage, path: str) -> Load:
    """Read a record. Raises ContractError if it is none any more."""
    body = read_body(storage, path, "batch_id", "partition_date", "generation", "loaded_at", "batch", "slices", *_ROWS)
    return Load(
        path=path,
        batch_id=body["batch_id"],
        partition_date=date.fromisoformat(body["partition_date"]),
        generation=body["generation"],
        at=datetime.fromisoformat(body["loaded_at"]),
        books=body,
    )


def files_are_gone(storage: Storage, load: Load) -> bool:
    """Whether upkeep has removed the beads that a replay needs."""
    return not storage.exists(f"{work_path(load.batch_id, Step.FILTER)}/{NAME}")


def replay_load(settings: Settings, db: Database, storage: Storage, load: Load) -> None:
    """Load a batch again, with the verdicts that it had; killed in between, it is done from its start.

    Raises:
        ContractError: its files in ``work/`` are not what they were. ConservationError: its sums do not close.
    """
    day, batch_id = load.partition_date, load.batch_id
    with db.transaction():
        db.run("ops/ensure_month", day=day)
        db.run("ops/forget_batch", batch_id=batch_id, day=day)
        db.run("ops/supersede_batches", batch_id=batch_id, day=day)
        db.run("restore/insert_batch", row=Jsonb(load.books["batch"]))
        for name in _ROWS:
            db.run(_STATEMENTS[name], rows=Jsonb(load.books[name]))
    stage(db, storage, batch_id, day)
    for one in load.books["slices"]:
        place = {name: one[name] for name in ("store", "src_lang", "tgt_lang", "verdict")}
        db.run("quality/set_verdict", batch_id=batch_id, **place)
    load_batch(db, storage, batch_id)
    sample_batch(settings, db, batch_id)
    db.run("staging/delete_beads", batch_id=batch_id)
    db.run("ops/set_batch_state", batch_id=batch_id, state=BatchState.DONE)
