"""Bring the filter's files into Postgres, where the gate measures them and the load merges them."""

import io
import json
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from tm_core.batches import work_path
from tm_core.contracts import FILTERED, REFINED, Step
from tm_core.errors import ContractError
from tm_formats.manifest import Manifest, read_manifest
from tm_formats.storage import Storage
from tm_formats.tables import read_columns, read_rows
from tm_store.db import Database

# Hexadecimal in the files, bytea in the database: half the size, and four of them stand in every row.
_BINARY = ("document_key", "src_hash", "tgt_hash", "context", "prev_hash", "next_hash", "unit_key")


def ensure_staged(db: Database, storage: Storage, batch_id: str, day: date) -> int:
    """Stage a batch unless it is staged already; returns its number of beads.

    The staging table is unlogged, so a crash of the server empties it: what counts is the filter's manifest.

    Raises:
        ContractError: the filter has not finished, or its files are not what its manifest promises.
    """
    manifest = read_manifest(storage, work_path(batch_id, Step.FILTER))
    promised = _promised(manifest)
    staged = db.one("staging/count_beads", batch_id=batch_id).beads
    if staged == promised and len(db.run("ops/select_slices", batch_id=batch_id)) == len(_slices(manifest)):
        return promised
    return stage(db, storage, batch_id, day)


def stage(db: Database, storage: Storage, batch_id: str, day: date) -> int:
    """Stage a batch, whatever is staged of it; returns its number of beads. Raises as ``ensure_staged`` does."""
    folder = work_path(batch_id, Step.FILTER)
    manifest = read_manifest(storage, folder)
    promised = _promised(manifest)
    with db.transaction():
        # A slice may be released years later, when the month's books have been put away.
        db.run("ops/ensure_month", day=day)
        db.run("staging/delete_beads", batch_id=batch_id)
        found = _copy_beads(db, storage, (f"{folder}/{name}" for name in _bead_files(manifest)))
        if found != promised:
            raise ContractError(
                f"{storage.uri_of(folder)}: the manifest promises {promised:,} beads, the files have {found:,}. "
                "Clear 'filter'; nothing was loaded."
            )
        _copy_documents(db, storage, batch_id, day)
        for one in _slices(manifest):
            db.run("ops/upsert_slice", batch_id=batch_id, **one)
    db.run("staging/analyze_beads")
    return promised


def _promised(manifest: Manifest) -> int:
    return int(str(manifest.facts["beads"]))


def _slices(manifest: Manifest) -> list[dict[str, Any]]:
    slices: Any = manifest.facts["slices"]
    return list(slices)


def _bead_files(manifest: Manifest) -> Iterable[str]:
    return (file.name for file in manifest.files if file.name.startswith("beads-"))


def _copy_beads(db: Database, storage: Storage, paths: Iterable[str]) -> int:
    """Copy the beads of some files; while the server takes one, the next is read."""

    def read(path: str) -> tuple[int, memoryview]:
        table = read_columns(storage, path, FILTERED)
        return table.num_rows, _as_csv(table)

    found = 0
    with ThreadPoolExecutor(1) as aside:
        ahead: deque[Future[tuple[int, memoryview]]] = deque()
        for path in paths:
            ahead.append(aside.submit(read, path))
            if len(ahead) > 1:
                found += _copied(db, *ahead.popleft().result())
        while ahead:
            found += _copied(db, *ahead.popleft().result())
    return found


def _copied(db: Database, rows: int, data: memoryview) -> int:
    db.copy_csv("staging/copy_beads", data)
    return rows


def copy_table(db: Database, statement: str, table: pa.Table) -> None:
    """Run a ``copy … from stdin (format csv)`` statement over a table: hashes become bytes, a null stays one."""
    db.copy_csv(statement, _as_csv(table))


def _as_csv(table: pa.Table) -> memoryview:
    for name in set(_BINARY) & set(table.column_names):
        column = pc.binary_join_element_wise(pa.scalar("\\x"), table[name], "")
        table = table.set_column(table.schema.get_field_index(name), name, column)
    sink = io.BytesIO()
    arrow_csv.write_csv(table, sink, arrow_csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    return sink.getbuffer()


def _copy_documents(db: Database, storage: Storage, batch_id: str, day: date) -> None:
    rows = read_rows(storage, work_path(batch_id, Step.FILTER, "documents.parquet"), REFINED)
    copy_documents(db, batch_id, day, rows, _costs(storage, batch_id))


def copy_documents(
    db: Database, batch_id: str, day: date, rows: Iterable[Mapping[str, Any]], costs: Mapping[str, float]
) -> None:
    """Replace what the books say of a batch's document pairs.

    Args:
        rows: with the columns of tm_core.contracts.REFINED, in their order.
        costs: CPU seconds by document_key, as far as they are known.
    """
    db.run("ops/delete_documents", batch_id=batch_id, day=day)
    db.copy(
        "ops/copy_documents",
        (
            ["\\x" + row["document_key"], *list(row.values())[1:], day, batch_id, costs.get(row["document_key"], 0.0)]
            for row in rows
        ),
    )


def _costs(storage: Storage, batch_id: str) -> dict[str, float]:
    """CPU seconds a document, summed over the tiers that worked on it; said by the tasks, outside their manifests."""
    costs: dict[str, float] = {}
    for tier in (Step.TIER1, Step.TIER2):
        for info in storage.list(work_path(batch_id, tier)):
            if info.path.endswith("/costs.json"):
                for key, seconds in json.loads(storage.read(info.path)).items():
                    costs[key] = costs.get(key, 0.0) + seconds
    return costs
