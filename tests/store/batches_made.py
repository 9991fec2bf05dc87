"""Load batches of a nightly refresh without aligning anything: tests of what a load does need no aligner."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
from psycopg.types.json import Jsonb

from tm_core.batches import work_path
from tm_core.contracts import FILTERED, REFINED, Step
from tm_core.identity import context_hash, digest, document_key, text_hash, unit_key
from tm_formats.manifest import write_manifest
from tm_formats.storage import Storage
from tm_formats.tables import arrow_schema, write_rows
from tm_store.db import Database
from tm_store.load import LoadSummary, merge_staged, summarise
from tm_store.staging import copy_documents, copy_table

#: (source, target) or (source, target, score)
Texts = Sequence[tuple[Any, ...]]


def load(
    db: Database,
    day: date,
    documents: Mapping[str, Texts],
    *,
    batch_id: str = "",
    store: str = "demo",
    pair: tuple[str, str] = ("en", "de"),
) -> tuple[str, LoadSummary]:
    """Plan, stage and load one batch of documents (name -> units); the same documents are the same batch.

    Returns:
        The batch's id, and what the load did.
    """
    batch_id = batch_id or f"{day}-{digest(store, *pair, repr(sorted(documents.items())))[:12]}"
    with db.transaction():
        db.run("ops/ensure_month", day=day)
        db.run("ops/forget_batch", batch_id=batch_id, day=day)
        db.run("ops/insert_batch", batch_id=batch_id, day=day, run_id="test", versions=Jsonb({}), reprocess=False)
        stage(db, batch_id, day, documents, store=store, pair=pair)
        db.run("import/accept_slices", batch_id=batch_id)
    with db.transaction():
        inserted, removed = merge_staged(db, db.one("ops/select_batch", batch_id=batch_id))
    db.run("staging/delete_beads", batch_id=batch_id)
    return batch_id, summarise(db, batch_id, inserted=inserted, removed=removed)


def stage(
    db: Database, batch_id: str, day: date, documents: Mapping[str, Texts], *, store: str, pair: tuple[str, str]
) -> None:
    """Stage a planned batch's documents, as the filter's files would be."""
    rows = [bead for name, texts in documents.items() for bead in _beads(batch_id, store, pair, name, texts)]
    copy_table(db, "staging/copy_beads", pa.Table.from_pylist(rows, schema=arrow_schema(FILTERED)))
    copy_documents(db, batch_id, day, [_document(store, pair, name, texts) for name, texts in documents.items()], {})
    counts = {
        name: len(rows) for name in ("src_segments", "tgt_segments", "beads")
    } | {"documents": len(documents)}  # fmt: skip
    db.run("ops/upsert_slice", batch_id=batch_id, store=store, src_lang=pair[0], tgt_lang=pair[1], **counts)


def write_filtered(
    storage: Storage, batch_id: str, slices: Mapping[str, Mapping[str, Texts]], *, pair: tuple[str, str] = ("en", "de")
) -> None:
    """Write a batch's slices (store -> its documents) where the filter leaves them."""
    folder = work_path(batch_id, Step.FILTER)
    beads, rows, promised = [], [], []
    for store, documents in slices.items():
        found = [bead for name, texts in documents.items() for bead in _beads(batch_id, store, pair, name, texts)]
        counts = dict.fromkeys(("src_segments", "tgt_segments", "beads"), len(found)) | {"documents": len(documents)}
        promised.append({"store": store, "src_lang": pair[0], "tgt_lang": pair[1]} | counts)
        rows += [_document(store, pair, name, texts) for name, texts in documents.items()]
        beads += found
    files = [
        write_rows(storage, f"{folder}/beads-0000.parquet", FILTERED, beads),
        write_rows(storage, f"{folder}/documents.parquet", REFINED, rows),
    ]
    write_manifest(storage, folder, files, {"beads": len(beads), "slices": promised})


def _beads(batch_id: str, store: str, pair: tuple[str, str], name: str, texts: Texts) -> list[dict[str, Any]]:
    found = []
    for position, (src_text, tgt_text, *more) in enumerate(texts):
        before = texts[position - 1][0] if position else ""
        after = texts[position + 1][0] if position + 1 < len(texts) else ""
        context = context_hash("", "", src_text)  # keyed: a neighbour that changes makes no new unit
        found.append(
            {
                "batch_id": batch_id,
                "store": store,
                "document_key": document_key(store, name, *pair),
                "position": position,
                "src_lang": pair[0],
                "tgt_lang": pair[1],
                "src_first": position,
                "src_count": 1,
                "tgt_first": position,
                "tgt_count": 1,
                "src_text": src_text,
                "tgt_text": tgt_text,
                "src_hash": text_hash(src_text),
                "tgt_hash": text_hash(tgt_text),
                "context": context,
                "prev_hash": text_hash(before),
                "next_hash": text_hash(after),
                "unit_key": unit_key(store, *pair, src_text, tgt_text, context),
                "item_key": "",
                "tier": "lexical",
                "aligner": "test",
                "model_hash": "",
                "score": more[0] if more else 0.5,
                "src_lang_id": pair[0],
                "tgt_lang_id": pair[1],
                "rule": "",
            }
        )
    return found


def _document(store: str, pair: tuple[str, str], name: str, texts: Texts) -> dict[str, Any]:
    return {
        "document_key": document_key(store, name, *pair),
        "store": store,
        "name": name,
        "src_lang": pair[0],
        "tgt_lang": pair[1],
        "kind": "text",
        "state": "aligned",
        "reason": "",
        "content_hash": digest(repr(texts)),
        "ledger_key": digest("ledger", store, name, *pair, repr(texts)),
        "tier": "lexical",
        "route": "",
        "confidence": 1.0,
        "src_segments": len(texts),
        "tgt_segments": len(texts),
        "beads": len(texts),
        "src_lang_id": pair[0],
        "tgt_lang_id": pair[1],
        "notes": "",
    }
