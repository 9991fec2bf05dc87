"""Put single units into a memory, as a load would: tests of look-ups need no batch."""

from typing import Any

from tm_core.identity import context_hash, text_hash, unit_key
from tm_store.db import Database

_INSERT = """
with known as (
    insert into tm.store (name) values (%(store)s) on conflict (name) do update set name = excluded.name
    returning store_id
)
insert into tm.unit (
    store_id, unit_key, src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, context, prev_hash, next_hash,
    item_key, document_key, position, tier, aligner, model_hash, score, partition_date, batch_id, review_state
)
select store_id, %(unit_key)s, %(src)s, %(tgt)s, %(src_text)s, %(tgt_text)s, %(src_hash)s, %(tgt_hash)s, %(context)s,
    %(prev_hash)s, %(next_hash)s, '', '\\x01', 0, %(tier)s, 'a', '', %(score)s, %(day)s, 'b', %(review_state)s
from known on conflict do nothing
"""


def digits(text: str) -> bytes:
    return bytes.fromhex(text_hash(text)) if text else b""


def add(
    db: Database, src_text: str, tgt_text: str = "", *, previous: str = "", following: str = "", **more: Any
) -> None:
    """Put one unit into the memory, as a load would."""
    row = {
        "store": "demo", "src": "en", "tgt": "de", "tier": "imported", "score": 0.5, "day": "2026-01-05",
        "review_state": "unreviewed",
    } | more  # fmt: skip
    target = tgt_text or f"[{src_text}]"
    context = context_hash(previous, following)
    key = unit_key(row["store"], row["src"], row["tgt"], src_text, target, context)
    row |= {
        "src_text": src_text, "tgt_text": target, "src_hash": digits(src_text), "tgt_hash": digits(target),
        "context": bytes.fromhex(context), "prev_hash": digits(previous), "next_hash": digits(following),
        "unit_key": bytes.fromhex(key),
    }  # fmt: skip
    db.connection.execute(_INSERT, row)
