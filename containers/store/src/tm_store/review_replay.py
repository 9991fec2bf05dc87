"""Bring a verdict back from its journal entry, after a restore; the memory follows as it did the first time."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.journal import read_body, record
from tm_store.review_memory import settle

# Of the facts of an entry, those that are bytes in the database.
_BYTES = ("verdict_key", "undoes", "document_key", "unit_key")


def replay(db: Database, storage: Storage, kind: str, facts: Mapping[str, Any], uri: str = "") -> str:
    """Do a verdict, a correction or an undo again; one that is in place stays untouched.

    Args:
        kind, facts, uri: as they stand in the entry. A correction whose file is gone, or whose texts were erased since,
            still refuses what it refused, and brings nothing.

    Returns:
        Why it cannot be done, or "".
    """
    if facts["undoes"] and not db.run("review/select_verdict", verdict_key=bytes.fromhex(facts["undoes"])):
        return f"the verdict {facts['undoes']} that it takes back is not in the database"
    kept = read_body(storage, uri, "note", "texts") if uri and storage.exists(uri) else {"note": "", "texts": []}
    row = {name: _hex(value) if name in _BYTES else value for name, value in facts.items() if name != "changes"}
    with db.transaction():
        written = db.run("review/replay_verdict", facts=Jsonb(row), note=kept["note"])
        if not written:
            return ""
        db.run("review/insert_changes", rows=Jsonb(_with_texts(db, facts["changes"], kept["texts"])))
        place = {"document_key": bytes.fromhex(facts["document_key"]), "position": facts["position"]}
        db.run("review/refresh_items", batch_id=facts["batch_id"], **place)
        # As the first time, so that this database's journal is whole too; the restore drops it for the entry itself.
        record(db, kind=kind, who=facts["who"], store=facts["store"], facts=dict(facts), uri=uri)
        if facts["kind"] != "skip":
            db.run("review/insert_unsettled", verdict_key=written[0].verdict_key, store=facts["store"])
            settle(db, facts["store"])
    return ""


def _hex(digits: str | None) -> str | None:
    return None if digits is None else "\\x" + digits


def _with_texts(
    db: Database, changes: Sequence[Mapping[str, Any]], texts: Sequence[Sequence[str]]
) -> list[dict[str, Any]]:
    """The changes with their texts: from the entry's file, else from the memory, else none."""
    found = []
    for number, change in enumerate(changes):
        src_text, tgt_text = texts[number] if number < len(texts) else _of_memory(db, change)
        found.append({**change, "src_text": src_text, "tgt_text": tgt_text})
    return found


def _of_memory(db: Database, change: Mapping[str, Any]) -> tuple[str, str]:
    hashes = {name: bytes.fromhex(change[name].removeprefix("\\x")) for name in ("src_hash", "tgt_hash")}
    names = {name: change[name] for name in ("store", "src_lang", "tgt_lang")}
    rows = db.run("review/select_pair_texts", **names, **hashes)
    return (rows[0].src_text, rows[0].tgt_text) if rows else ("", "")
