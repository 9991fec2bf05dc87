"""Keep the index of look-ups: a trigger queues new units' source texts in ``tm.pending``, this module indexes them.

Whoever writes units calls :func:`index_pending` before the end of the same transaction. Who forgets makes look-ups
slower, not wrong: they compare what waits one by one.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tm_core.errors import DatabaseError
from tm_core.matching import form_of
from tm_store.db import Database, load_statement
from tm_store.lookup_grams import MAX_NUMBER, holders, source_id

# Texts inverted at a time, some 1.5 kB of memory each: what bounds the memory of a load.
_AT_ONCE = 100_000
# Bytes of a chunk of holders, 4 a number. An append rewrites one chunk; a read fetches all. Not calibrated yet.
_CHUNK_BYTES = 8192


def index_pending(db: Database, stores: Sequence[int] | None = None) -> int:
    """Index every source text that waits, of some stores or of all; returns how many there were.

    Part of the caller's transaction if one is open; takes the lock of each store, in their order.

    Cost: about 15 s a million texts on one core; with nothing waiting, one statement.
    """
    done = 0
    with db.transaction():
        for where in db.run("lookup/select_waiting", stores=None if stores is None else list(stores)):
            db.run("lookup/lock_store", store_id=where.store_id)
            pair = {"store_id": where.store_id, "src": where.src_lang, "tgt": where.tgt_lang}
            while taken := db.run("lookup/take_pending", most=_AT_ONCE, **pair):
                _index(db, pair, taken)
                done += len(taken)
    return done


def rebuild(db: Database, store_id: int) -> int:
    """Index a store from its units alone: after a change of forms, or to be rid of numbers without a text."""
    with db.transaction():
        db.run("lookup/lock_store", store_id=store_id)
        db.run("lookup/forget_index", store_id=store_id)
        return index_pending(db, [store_id])


def _index(db: Database, pair: dict[str, Any], texts: Sequence[Any]) -> None:
    """Number some texts of one store and pair, and write their forms and grams."""
    first = db.one("lookup/take_numbers", texts=len(texts), **pair).first_number
    if first + len(texts) > MAX_NUMBER:
        raise DatabaseError(
            f"store {pair['store_id']}, {pair['src']}-{pair['tgt']}: the look-up index has given out {first:,} numbers "
            f"and can give {MAX_NUMBER:,}. Index the store anew (tm_store.lookup_index.rebuild); nothing was changed."
        )
    forms = [form_of(text.src_text).text for text in texts]
    ids = [source_id(len(form), first + index) for index, form in enumerate(forms)]
    key = (pair["store_id"], pair["src"], pair["tgt"])
    sources = ((*key, one, text.src_hash, form) for one, text, form in zip(ids, texts, forms, strict=True))
    _copy(db, "lookup/copy_sources", ("int4", "text", "text", "int8", "bytea", "text"), sources)
    _add_holders(db, pair, [(entry.gram, entry.numbers.tobytes()) for entry in holders(forms, ids)])


def _add_holders(db: Database, pair: dict[str, Any], lists: Sequence[tuple[int, bytes]]) -> None:
    last = db.run("lookup/select_last_chunks", grams=[gram for gram, _ in lists], **pair)
    known = {row.gram: (row.chunk, row.bytes) for row in last}
    grown: list[tuple[int, int, bytes]] = []
    new: list[tuple[int, int, bytes]] = []
    for gram, held in lists:
        chunk, used = known.get(gram, (-1, _CHUNK_BYTES))
        room = max(0, _CHUNK_BYTES - used)
        if room:
            grown.append((gram, chunk, held[:room]))
        for start in range(room, len(held), _CHUNK_BYTES):
            chunk += 1
            new.append((gram, chunk, held[start : start + _CHUNK_BYTES]))
    if grown:
        grams, chunks, parts = (list(column) for column in zip(*grown, strict=True))
        db.run("lookup/append_holders", grams=grams, chunks=chunks, holders=parts, **pair)
    key = (pair["store_id"], pair["src"], pair["tgt"])
    types = ("int4", "text", "text", "int8", "int4", "bytea")
    _copy(db, "lookup/copy_grams", types, ((*key, *row) for row in new))


def _copy(db: Database, name: str, types: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Run a ``copy … from stdin (format binary)`` statement."""
    statement = load_statement(db.include / "sql" / f"{name}.sql", name)
    with db.connection.cursor() as cursor, cursor.copy(statement.sql) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
