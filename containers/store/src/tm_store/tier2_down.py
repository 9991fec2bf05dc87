"""What becomes of a tier 2 shard whose tier is down: its documents wait for the next run, or stay with tier 1's beads.

Written as the shard itself would have, so that the steps after it read one kind of folder; each document says why.
Which dates are to be run again for such documents is asked here too.
"""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tm_core.batches import work_path
from tm_core.breaker import TierDown, stand_in
from tm_core.contracts import BEADS, RESULTS, ROUTES, SEGMENTS, Step
from tm_core.outcomes import BatchState, DocumentState
from tm_core.rules import Tier
from tm_core.settings import Settings, Tier2Down
from tm_formats.manifest import read_manifest, write_manifest
from tm_formats.storage import Storage, open_storage
from tm_formats.tables import arrow_schema, read_columns, read_rows, write_columns, write_rows
from tm_store.db import Database

Row = dict[str, Any]

_LEFT = {"beads": 0, "src_segments": 0, "tgt_segments": 0, "state": DocumentState.DEFERRED.value}
_WHAT = {
    Tier2Down.HOLD: "left for the next run of this date",
    Tier2Down.TIER1: "published from tier 1, to be aligned again by the next run of this date",
}


def settle_without_tier2(settings: Settings, batch_id: str, shard: int, down: TierDown) -> dict[str, Any]:
    """Do with the shard's documents what TM_TIER2_DOWN says, and write it down.

    Returns:
        What stands for the shard's attestation: it names no device, because nothing ran.

    Raises:
        ContractError: the routes or a tier 1 folder are unfinished or not what they promise.
    """
    storage, policy = open_storage(settings), settings.tier2_down
    read_manifest(storage, work_path(batch_id, Step.ROUTE))
    routes = read_rows(storage, work_path(batch_id, Step.ROUTE, "documents.parquet"), ROUTES)
    mine = [row for row in routes if row["shard"] == shard]
    reason = f"tier 2 was down since {down.since} ({down.reason}): {_WHAT[policy]}"
    results, beads = list[Row](), [arrow_schema(BEADS).empty_table()]
    for folder in sorted({row["tier1_folder"] for row in mine}):
        keys = {row["document_key"] for row in mine if row["tier1_folder"] == folder}
        results += [_result(row, policy, reason) for row in _results(storage, folder) if row["document_key"] in keys]
        if policy is Tier2Down.TIER1:
            found = read_columns(storage, f"{folder}/beads.parquet", BEADS)
            beads.append(found.filter(pc.field("document_key").isin(sorted(keys))))
    facts: Row = {
        "tier": Tier.EMBEDDING.value,
        "shard": shard,
        "documents": {results[0]["state"]: len(results)} if results else {},
        "unavailable": reason,
    }
    _write(storage, work_path(batch_id, Step.TIER2, str(shard)), results, pa.concat_tables(beads), facts)
    return facts | {"seconds": 0.0}


def find_deferred(db: Database) -> list[Any]:
    """The dates to run again, whose documents wait for tier 2: those whose last run has come to its end.

    While nobody has seen tier 2 work again, one date: its run tries the tier.

    Returns:
        Rows of ``runtime/select_deferred``, newest first.
    """
    ended = [row for row in db.run("runtime/select_deferred") if row.state == BatchState.DONE]
    return ended[:1] if db.run("doctor/select_open_breaker") else ended


def _results(storage: Storage, folder: str) -> list[Row]:
    read_manifest(storage, folder)
    return read_rows(storage, f"{folder}/results.parquet", RESULTS)


def _result(row: Row, policy: Tier2Down, reason: str) -> Row:
    if policy is Tier2Down.HOLD:
        return row | _LEFT | {"reason": reason}
    return row | {"aligner": stand_in(row["aligner"]), "reason": reason}


def _write(storage: Storage, folder: str, results: list[Row], beads: pa.Table, facts: Row) -> None:
    entries = [
        write_rows(storage, f"{folder}/results.parquet", RESULTS, results),
        write_columns(storage, f"{folder}/beads.parquet", BEADS, beads),
        write_rows(storage, f"{folder}/segments.parquet", SEGMENTS, []),
    ]
    storage.write_atomic(f"{folder}/costs.json", json.dumps({}).encode())
    write_manifest(storage, folder, entries, facts)
