"""The checksum: the same for the same memory in any order, another for any other memory."""

import random
from collections.abc import Mapping
from typing import Any

import pytest

from tm_store.checksum import memory_checksum, render
from tm_store.db import Database

pytestmark = pytest.mark.db

UNIT = {
    "store": "demo",
    "src_lang": "en",
    "tgt_lang": "de",
    "src_text": "Save the file.",
    "tgt_text": "Speichern Sie die Datei.",
    "tier": "lexical",
    "score": 0.75,
}

_INSERT = """
with known as (
    insert into tm.store (name) values (%(store)s) on conflict (name) do update set name = excluded.name
    returning store_id
)
insert into tm.unit (
    store_id, unit_key, src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, context, prev_hash, next_hash,
    item_key, document_key, position, tier, aligner, model_hash, score, partition_date, batch_id
)
select store_id, sha256(convert_to(%(key)s, 'UTF8')), %(src_lang)s, %(tgt_lang)s, %(src_text)s, %(tgt_text)s,
    '', '', '', '', '', '', %(document)s::bytea, 0, %(tier)s, 'a', '', %(score)s, '2026-01-05', 'b'
from known
"""


def insert(db: Database, *units: Mapping[str, Any]) -> None:
    for number, unit in enumerate(units):
        db.connection.execute(_INSERT, {"key": f"{number}", "document": b"d"} | UNIT | unit)


def clear(db: Database) -> None:
    db.connection.execute("truncate tm.unit, tm.store restart identity")


def test_of_nothing(db: Database) -> None:
    empty = memory_checksum(db)
    assert (empty.units, len(empty.digest)) == (0, 64)


def test_one_line(db: Database) -> None:
    insert(db, {})
    assert render(memory_checksum(db)) == f"{memory_checksum(db).digest}  1 units"


def test_any_order_gives_the_same(db: Database) -> None:
    units = [{"key": f"{n}", "store": f"s{n % 3}", "src_text": f"text {n}", "score": n / 40} for n in range(40)]
    insert(db, *units)
    one = memory_checksum(db)
    clear(db)
    random.Random(7).shuffle(units)
    insert(db, *units)
    assert memory_checksum(db) == one
    assert one.units == 40


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("store", "other"),
        ("src_lang", "fr"),
        ("tgt_lang", "fr"),
        ("src_text", "Save the file!"),
        ("tgt_text", "Speichern Sie die Datei!"),
        ("tier", "embedding"),
        ("score", 0.7500001),
    ],
)
def test_each_field_counts(db: Database, field: str, other: object) -> None:
    insert(db, {})
    one = memory_checksum(db)
    clear(db)
    insert(db, {field: other})
    assert memory_checksum(db) != one


@pytest.mark.parametrize(
    "moved",
    [
        {"src_text": "Save the file.S", "tgt_text": "peichern Sie die Datei."},
        {"src_lang": "de", "tgt_lang": "en"},
        {"src_text": UNIT["tgt_text"], "tgt_text": UNIT["src_text"]},
    ],
)
def test_what_moves_between_fields_counts(db: Database, moved: Mapping[str, str]) -> None:
    insert(db, {})
    one = memory_checksum(db)
    clear(db)
    insert(db, moved)
    assert memory_checksum(db) != one


def test_books_do_not_count(db: Database) -> None:
    insert(db, {"key": "one", "document": b"one"})
    one = memory_checksum(db)
    clear(db)
    insert(db, {"key": "two", "document": b"two"})
    db.connection.execute("update tm.unit set batch_id = 'other', partition_date = '2026-02-01'")
    assert memory_checksum(db) == one


def test_a_unit_in_two_contexts_counts_twice(db: Database) -> None:
    # With exclusive or the two would cancel out, whatever they say.
    insert(db, {"key": "a1"}, {"key": "a2"})
    one = memory_checksum(db)
    clear(db)
    insert(db, {"key": "b1", "src_text": "Other."}, {"key": "b2", "src_text": "Other."})
    assert memory_checksum(db) != one


def test_of_one_store(db: Database) -> None:
    insert(db, {})
    one = memory_checksum(db)
    insert(db, {"store": "other", "src_text": "Other."})
    assert memory_checksum(db, "demo") == one
    assert memory_checksum(db, "none").units == 0
    assert memory_checksum(db) != one
