"""Memories of made text for ``make bench-tm``, filled as a night's run fills them: by the filter's files and a load."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from psycopg.types.json import Jsonb
from tm_text import MadeUnit

from tm_core.batches import work_path
from tm_core.contracts import FILTERED, REFINED, Step
from tm_core.deposits import Kind
from tm_core.identity import context_hash, digest, document_key, text_hash, unit_key
from tm_core.outcomes import DocumentState
from tm_core.rules import Tier
from tm_core.settings import Settings
from tm_embedded.postgres import embedded_postgres, remove_data
from tm_formats.manifest import write_manifest
from tm_formats.storage import Storage
from tm_formats.tables import arrow_schema, write_columns, write_rows
from tm_store.db import Database
from tm_store.migrate import migrate
from tm_store.refine import SliceCount

# About what a shard of a night holds, several times.
_FILE_UNITS = 20_000


@contextmanager
def server(folder: Path, *, durable: bool = True) -> Iterator[Settings]:
    """A migrated memory on a server of its own, kept below ``folder`` with its storage."""
    with embedded_postgres(folder, durable=durable) as running:
        storage = f"file://{(folder / 'storage').absolute()}"
        settings = Settings(database_url=running.url("tm"), storage=storage, include=Settings().include_or_default())
        migrate(settings)
        yield settings


def remove(folder: Path) -> None:
    """Remove what ``server`` made below ``folder``, and the data that stands elsewhere when root started it."""
    remove_data(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)


def write_batch(db: Database, storage: Storage, batch_id: str, day: date, made: Iterable[MadeUnit]) -> int:
    """Write what the filter would have written of these units, plan the batch and accept its slices.

    Returns:
        The number of beads. Memory: 20,000 units at a time.
    """
    folder = work_path(batch_id, Step.FILTER)
    documents: list[dict[str, Any]] = []
    slices: dict[tuple[str, str, str], SliceCount] = {}
    files, beads = [], _beads(batch_id, made, documents)
    while block := list(islice(beads, _FILE_UNITS)):
        table = pa.Table.from_pylist(block, schema=arrow_schema(FILTERED))
        files.append(write_columns(storage, f"{folder}/beads-{len(files):04d}.parquet", FILTERED, table))
    for one in documents:
        place = (one["store"], one["src_lang"], one["tgt_lang"])
        count = slices.setdefault(place, SliceCount(store=place[0], src_lang=place[1], tgt_lang=place[2]))
        count.documents += 1
        count.src_segments += one["beads"]
        count.tgt_segments += one["beads"]
        count.beads += one["beads"]
    total = sum(one["beads"] for one in documents)
    facts: dict[str, Any] = {"beads": total, "slices": [asdict(count) for count in slices.values()]}
    files.append(write_rows(storage, f"{folder}/documents.parquet", REFINED, documents))
    write_manifest(storage, folder, files, facts)
    _accept(db, batch_id, day, facts["slices"])
    return total


def _accept(db: Database, batch_id: str, day: date, slices: Sequence[dict[str, Any]]) -> None:
    with db.transaction():
        db.run("ops/ensure_month", day=day)
        db.run("ops/insert_batch", batch_id=batch_id, day=day, run_id="bench", versions=Jsonb({}), reprocess=False)
        for one in slices:
            db.run("ops/upsert_slice", batch_id=batch_id, **one)
        db.connection.execute("update ops.slice set verdict = 'accept' where batch_id = %s", (batch_id,))


def _beads(batch_id: str, made: Iterable[MadeUnit], documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of tm_core.contracts.FILTERED; each document they come from is added to ``documents``."""
    for (document, store, src_lang, tgt_lang), units in groupby(
        made, lambda unit: (unit.document, unit.store, unit.src_lang, unit.tgt_lang)
    ):
        name = f"{batch_id}-{document}"
        key = document_key(store, name, src_lang, tgt_lang)
        position = -1
        for position, unit in enumerate(units):
            yield _bead(batch_id, unit, key, position)
        documents.append(_document(key, store, name, src_lang, tgt_lang, position + 1))


def _bead(batch_id: str, unit: MadeUnit, key: str, position: int) -> dict[str, Any]:
    context = context_hash(unit.previous, unit.following)
    return {
        "batch_id": batch_id, "store": unit.store, "document_key": key, "position": position,
        "src_lang": unit.src_lang, "tgt_lang": unit.tgt_lang,
        "src_first": position, "src_count": 1, "tgt_first": position, "tgt_count": 1,
        "src_text": unit.src_text, "tgt_text": unit.tgt_text,
        "src_hash": text_hash(unit.src_text), "tgt_hash": text_hash(unit.tgt_text), "context": context,
        "prev_hash": text_hash(unit.previous) if unit.previous else "",
        "next_hash": text_hash(unit.following) if unit.following else "",
        "unit_key": unit_key(unit.store, unit.src_lang, unit.tgt_lang, unit.src_text, unit.tgt_text, context),
        "item_key": "", "tier": Tier.LEXICAL.value, "aligner": "made", "model_hash": "",
        "score": 0.5 + position % 50 / 100, "src_lang_id": unit.src_lang, "tgt_lang_id": unit.tgt_lang, "rule": "",
    }  # fmt: skip


def _document(key: str, store: str, name: str, src_lang: str, tgt_lang: str, beads: int) -> dict[str, Any]:
    return {
        "document_key": key, "store": store, "name": name, "src_lang": src_lang, "tgt_lang": tgt_lang,
        "kind": Kind.DOCUMENT.value, "state": DocumentState.ALIGNED.value, "reason": "",
        "content_hash": digest("made", name), "ledger_key": "", "tier": Tier.LEXICAL.value, "route": "made",
        "confidence": 0.9, "src_segments": beads, "tgt_segments": beads, "beads": beads,
        "src_lang_id": src_lang, "tgt_lang_id": tgt_lang, "notes": "",
    }  # fmt: skip


def print_disk(db: Database) -> None:
    """Bytes a unit of every table that takes more than one, its indexes included."""
    count = db.connection.execute("select count(*) from tm.unit").fetchone()[0]  # type: ignore[index]
    rows = db.connection.execute(
        "select regexp_replace(relid::regclass::text, '_(p)?[0-9]+$', ''), sum(pg_total_relation_size(relid)) "
        "from pg_stat_user_tables where schemaname in ('tm', 'ops') group by 1 order by 2 desc"
    ).fetchall()
    sizes = [(name, size / count) for name, size in rows if size > count]
    print("disk, bytes a unit: " + ", ".join(f"{name} {size:.0f}" for name, size in sizes))
