"""The filter: gather the beads of all documents, whatever made them, and ask the rules about each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tm_core.batches import work_path
from tm_core.breaker import is_stand_in
from tm_core.contracts import BEADS, DOCUMENTS, FILTERED, REFINED, RESULTS, ROUTES, Schema, Step
from tm_core.errors import ContractError
from tm_core.identity import digest, text_hash, unit_key
from tm_core.outcomes import DocumentState
from tm_core.rules import Candidate, RuleCounts, Thresholds, Tier, first_failed
from tm_core.settings import Settings
from tm_core.stores import load_stores
from tm_formats.manifest import FileEntry, read_manifest, write_manifest
from tm_formats.storage import Storage
from tm_formats.tables import arrow_schema, read_columns, read_rows, write_columns, write_rows
from tm_store.db import Database

Row = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class SliceCount:
    """What the filter promises of a slice; the load must find the same numbers."""

    store: str
    src_lang: str
    tgt_lang: str
    documents: int = 0
    src_segments: int = 0
    tgt_segments: int = 0
    beads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refined:
    """What the filter saw: beads by rule, in all, and the slices' counts."""

    rules: RuleCounts = field(default_factory=RuleCounts)
    slices: dict[tuple[str, str, str], SliceCount] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Where one document's beads lie, and under which key they were written there."""

    folder: str
    key: str
    route: str


def refine(settings: Settings, db: Database, storage: Storage, batch_id: str) -> Refined:
    """Filter a batch into ``work/<batch_id>/filtered`` and enter its alignments into the ledger.

    Reads one shard at a time: memory is bounded by the largest shard.

    Raises:
        ContractError: a folder of an earlier step is unfinished or not what it promises, or the rules have changed
            since the plan.
    """
    plan = read_manifest(storage, work_path(batch_id, Step.PLAN))
    day = date.fromisoformat(str(plan.facts["partition_date"]))
    documents = read_rows(storage, work_path(batch_id, Step.PLAN, "documents.parquet"), DOCUMENTS)
    thresholds = {name: store.thresholds for name, store in load_stores(settings.include / "stores.toml").items()}
    _check_versions(batch_id, day, plan.facts["pinned"], thresholds)
    sources = _sources(storage, batch_id, documents)
    refined, rows, entries = Refined(), [], []
    for number, (folder, members) in enumerate(_by_folder(documents, sources)):
        results, table = _read_folder(storage, folder)
        found = [_refined_row(one, sources[one["document_key"]], results) for one in members]
        rows += found
        beads = _filter_folder(batch_id, list(zip(members, found, strict=True)), sources, table, thresholds, refined)
        path = work_path(batch_id, Step.FILTER, f"beads-{number:04d}.parquet")
        entries.append(write_columns(storage, path, FILTERED, beads))
    _finish(storage, batch_id, rows, entries, refined)
    _record(db, batch_id, day, rows, sources, storage)
    return refined


def _check_versions(batch_id: str, day: date, pinned: Any, thresholds: Mapping[str, Thresholds]) -> None:
    """Refuse to filter a batch by other rules than it was planned with: its id would have two contents."""
    for store, planned in pinned["filters"].items():
        found = thresholds[store].version() if store in thresholds else "none: the store is not configured"
        if found != planned:
            raise ContractError(
                f"batch {batch_id}, store '{store}': expected the filter that it was planned with, found another. The "
                f"rules or stores.toml were changed since. Run the date {day} again: it becomes a batch of its own. "
                f"Nothing was written. Planned: {planned}. Found: {found}."
            )


# Where beads lie ---------------------------------------------------------------------------------


def _sources(storage: Storage, batch_id: str, documents: Sequence[Row]) -> dict[str, _Source]:
    routes = {row["document_key"]: row for row in read_rows(storage, *_route_file(storage, batch_id))}
    return {one["document_key"]: _source(batch_id, one, routes) for one in documents}


def _route_file(storage: Storage, batch_id: str) -> tuple[str, Schema]:
    read_manifest(storage, work_path(batch_id, Step.ROUTE))
    return work_path(batch_id, Step.ROUTE, "documents.parquet"), ROUTES


def _source(batch_id: str, document: Row, routes: Mapping[str, Row]) -> _Source:
    key = document["document_key"]
    if document["ledger_folder"]:
        return _Source(folder=document["ledger_folder"], key=document["ledger_document"], route="from the ledger")
    if key not in routes:
        raise ContractError(
            f"work/{batch_id}/route: expected a decision on every planned document, found none on "
            f"'{document['name']}' ({document['src_lang']}-{document['tgt_lang']}). A tier 1 task lost it. "
            "Clear 'tier1'; nothing was loaded."
        )
    route = routes[key]
    if route["shard"] >= 0:
        folder = work_path(batch_id, Step.TIER2, str(route["shard"]))
        return _Source(folder=folder, key=key, route=route["reason"])
    return _Source(folder=route["tier1_folder"], key=key, route=route["reason"])


def _by_folder(documents: Iterable[Row], sources: Mapping[str, _Source]) -> Iterator[tuple[str, list[Row]]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for one in documents:
        groups[sources[one["document_key"]].folder].append(one)
    yield from sorted(groups.items())


def _read_folder(storage: Storage, folder: str) -> tuple[dict[str, Row], pa.Table]:
    read_manifest(storage, folder)
    results = {row["document_key"]: row for row in read_rows(storage, f"{folder}/results.parquet", RESULTS)}
    return results, read_columns(storage, f"{folder}/beads.parquet", BEADS)


# One folder --------------------------------------------------------------------------------------


def _refined_row(document: Row, source: _Source, results: Mapping[str, Row]) -> Row:
    result = results.get(source.key)
    if result is None:
        raise ContractError(
            f"{source.folder}: expected a result on '{document['name']}' ({document['src_lang']}-"
            f"{document['tgt_lang']}), found none. Clear the task that wrote this folder; nothing was loaded."
        )
    aligned_before = document["ledger_folder"] and result["state"] != DocumentState.FAILED
    return {
        **{name: document[name] for name in ("document_key", "store", "name", "src_lang", "tgt_lang", "kind")},
        "ledger_key": document["ledger_key"],
        **{name: result[name] for name in ("reason", "tier", "confidence", "src_segments", "tgt_segments", "beads")},
        **{name: result[name] for name in ("src_lang_id", "tgt_lang_id", "notes")},
        "state": DocumentState.LEDGER.value if aligned_before else result["state"],
        "content_hash": digest(document["src_sha256"], document["tgt_sha256"]),
        "route": source.route,
    } | {"_result": result}  # fmt: skip


def _filter_folder(
    batch_id: str,
    members: Sequence[tuple[Row, Row]],
    sources: Mapping[str, _Source],
    table: pa.Table,
    thresholds: Mapping[str, Thresholds],
    refined: Refined,
) -> pa.Table:
    """All beads of the members, in order, each with the rule it failed."""
    chunks = []
    for document, row in members:
        source = sources[document["document_key"]]
        beads = table.filter(pc.field("document_key") == source.key).to_pylist()
        limits = thresholds[document["store"]]
        filtered = [filtered_row(batch_id, document, row["_result"], bead, limits, refined.rules) for bead in beads]
        _count(refined, row, filtered)
        chunks.append(pa.Table.from_pylist(filtered, schema=arrow_schema(FILTERED)))
    return pa.concat_tables(chunks) if chunks else arrow_schema(FILTERED).empty_table()


def filtered_row(batch_id: str, document: Row, result: Row, bead: Row, limits: Thresholds, rules: RuleCounts) -> Row:
    """One bead as a row of tm_core.contracts.FILTERED: its identity, and the rule it failed, if any."""
    src_lang, tgt_lang = document["src_lang"], document["tgt_lang"]
    rule = first_failed(
        Candidate(
            src_text=bead["src_text"],
            tgt_text=bead["tgt_text"],
            src_lang=src_lang,
            tgt_lang=tgt_lang,
            tier=Tier(bead["tier"]),
            score=bead["score"],
            src_lang_id=bead["src_lang_id"],
            src_lang_p=bead["src_lang_p"],
            tgt_lang_id=bead["tgt_lang_id"],
            tgt_lang_p=bead["tgt_lang_p"],
        ),
        limits,
    )
    rules.add(rule)
    copied = ("position", "src_first", "src_count", "tgt_first", "tgt_count", "src_text", "tgt_text", "context")
    more = ("prev_hash", "next_hash", "item_key", "tier", "score", "src_lang_id", "tgt_lang_id")
    return {name: bead[name] for name in (*copied, *more)} | {
        "batch_id": batch_id,
        "store": document["store"],
        "document_key": document["document_key"],
        "src_lang": src_lang,
        "tgt_lang": tgt_lang,
        "src_hash": text_hash(bead["src_text"]),
        "tgt_hash": text_hash(bead["tgt_text"]),
        "unit_key": unit_key(
            document["store"], src_lang, tgt_lang, bead["src_text"], bead["tgt_text"], bead["context"]
        ),
        "aligner": result["aligner"],
        "model_hash": result["model_hash"],
        "rule": rule.value if rule else "",
    }


def _count(refined: Refined, row: Row, beads: Sequence[Row]) -> None:
    """Add a document to its slice. What is promised comes from the aligner's own counts, not from the rows here."""
    place = (row["store"], row["src_lang"], row["tgt_lang"])
    count = refined.slices.setdefault(place, SliceCount(store=place[0], src_lang=place[1], tgt_lang=place[2]))
    count.documents += 1
    count.src_segments += row["src_segments"]
    count.tgt_segments += row["tgt_segments"]
    count.beads += row["beads"]
    if len(beads) != row["beads"]:
        raise ContractError(
            f"document '{row['name']}' ({row['src_lang']}-{row['tgt_lang']}): the aligner promises {row['beads']:,} "
            f"beads, its file has {len(beads):,}. Clear the task that aligned it; nothing was loaded."
        )


# The end -----------------------------------------------------------------------------------------


def _finish(
    storage: Storage, batch_id: str, rows: Sequence[Row], entries: Sequence[FileEntry], refined: Refined
) -> None:
    folder = work_path(batch_id, Step.FILTER)
    plain = [{name: row[name] for name in REFINED.names} for row in rows]
    entry = write_rows(storage, f"{folder}/documents.parquet", REFINED, plain)
    facts: dict[str, Any] = {
        "beads": refined.rules.seen,
        "rejected": refined.rules.rejected,
        "slices": [asdict(count) for _, count in sorted(refined.slices.items())],
    }
    write_manifest(storage, folder, [entry, *entries], facts)


def _record(
    db: Database, batch_id: str, day: date, rows: Sequence[Row], sources: Mapping[str, _Source], storage: Storage
) -> None:
    """Enter what this batch aligned itself into the ledger, and what could not be read into the list of files."""
    # What is published in tier 2's place does not count as done: the next run of its date aligns it again.
    done = [row for row in rows if not is_stand_in(row["_result"]["aligner"])]
    made = [row for row in done if row["state"] in (DocumentState.ALIGNED, DocumentState.IMPORTED)]
    unreadable = {row["_result"]["unreadable_path"]: row["reason"] for row in rows if row["_result"]["unreadable_path"]}
    with db.transaction():
        db.run(
            "ops/upsert_ledger",
            batch_id=batch_id,
            keys=[row["ledger_key"] for row in made],
            folders=[sources[row["document_key"]].folder for row in made],
            documents=[bytes.fromhex(row["document_key"]) for row in made],
            tiers=[row["tier"] for row in made],
            routes=[row["route"] for row in made],
            confidences=[row["confidence"] for row in made],
        )
        db.run(
            "ops/mark_unreadable",
            batch_id=batch_id,
            day=day,
            paths=list(unreadable),
            reasons=list(unreadable.values()),
        )
