"""Keep the index of look-ups: a trigger queues new units' source texts in ``tm.pending``, this module indexes them.

Whoever writes units calls :func:`index_pending` before the end of the same transaction. Who forgets makes look-ups
slower, not wrong: they compare what waits one by one. A merge, which writes many, indexes their texts before the units
(:func:`index_novel`): the trigger finds them indexed, and a million texts are spared the queue.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from operator import attrgetter
from typing import Any

from tm_core.errors import DatabaseError
from tm_core.matching import form_of
from tm_store.db import Database, load_statement
from tm_store.lookup_grams import MAX_NUMBER, Holders, holders, source_id

# Texts inverted at a time, some 1.5 kB of memory each: what bounds the memory of a load.
_AT_ONCE = 100_000
# Bytes of a chunk of holders, 4 a number. An append rewrites one chunk; a read fetches all. Not calibrated yet.
_CHUNK_BYTES = 8192
# A binary COPY: signature, flags and no extension; in front of each row its number of fields; -1 for the end. Source:
# the manual of Postgres, COPY, "Binary Format".
_COPY_START, _COPY_FIELDS, _COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), (6).to_bytes(2), b"\xff\xff"
_COPY_ROWS = 10_000
_PAIR = attrgetter("store_id", "src_lang", "tgt_lang")


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
                _index(db, pair, [text for text in taken if not text.is_known])
                done += len(taken)
    return done


def index_novel(db: Database) -> None:
    """Index the source texts that a merge is about to bring: it holds the stores' locks, ``touched`` and ``incoming``.

    Cost: that of ``index_pending``, less the queue; and while the server writes some texts, the next are inverted here.
    """
    with ThreadPoolExecutor(1) as aside:
        ahead: Future[_Inverted] | None = None
        for texts in _novel(db):
            pair = {"store_id": texts[0].store_id, "src": texts[0].src_lang, "tgt": texts[0].tgt_lang}
            numbered = _number(db, pair, texts)
            behind, ahead = ahead, aside.submit(_invert, numbered)
            if behind:
                _write(db, behind.result())
        if ahead:
            _write(db, ahead.result())


def _novel(db: Database) -> Iterator[list[Any]]:
    """The texts that a merge brings, some of one store and pair at a time: what is written at once need not grow."""
    texts: list[Any] = []
    for block in db.stream("lookup/select_novel", block_rows=_AT_ONCE // 4):
        for pair, some in groupby(block, _PAIR):
            if texts and (_PAIR(texts[0]) != pair or len(texts) >= _AT_ONCE):
                yield texts
                texts = []
            texts += some
    if texts:
        yield texts


def rebuild(db: Database, store_id: int) -> int:
    """Index a store from its units alone: after a change of forms, or to be rid of numbers without a text."""
    with db.transaction():
        db.run("lookup/lock_store", store_id=store_id)
        db.run("lookup/forget_index", store_id=store_id)
        return index_pending(db, [store_id])


@dataclass(frozen=True, slots=True)
class _Numbered:
    """Texts of one store and pair, and the number of the first."""

    pair: dict[str, Any]
    texts: Sequence[Any]
    first: int


@dataclass(frozen=True, slots=True)
class _Inverted:
    """What the index will hold of them: rows of ``tm.source`` as ``_copy`` wants them, and the holders of each gram."""

    of: _Numbered
    sources: list[bytes]
    holders: list[Holders]


def _index(db: Database, pair: dict[str, Any], texts: Sequence[Any]) -> None:
    """Number some texts of one store and pair, and write their forms and grams."""
    if texts:
        _write(db, _invert(_number(db, pair, texts)))


def _number(db: Database, pair: dict[str, Any], texts: Sequence[Any]) -> _Numbered:
    first = db.one("lookup/take_numbers", texts=len(texts), **pair).first_number
    if first + len(texts) > MAX_NUMBER:
        raise DatabaseError(
            f"store {pair['store_id']}, {pair['src']}-{pair['tgt']}: the look-up index has given out {first:,} numbers "
            f"and can give {MAX_NUMBER:,}. Index the store anew (tm_store.lookup_index.rebuild); nothing was changed."
        )
    return _Numbered(pair, texts, first)


def _invert(numbered: _Numbered) -> _Inverted:
    """Forms and grams; asks nobody, so that it may run aside."""
    forms = [form_of(text.src_text).text for text in numbered.texts]
    ids = [source_id(len(form), numbered.first + index) for index, form in enumerate(forms)]
    key = _key(numbered.pair)
    sources = [
        key + _fields(one.to_bytes(8), text.src_hash, form.encode())
        for one, text, form in zip(ids, numbered.texts, forms, strict=True)
    ]
    return _Inverted(numbered, sources, list(holders(forms, ids)))


def _write(db: Database, inverted: _Inverted) -> None:
    pair, is_new = inverted.of.pair, inverted.of.first == 0
    _copy(db, "lookup/copy_sources", inverted.sources)
    key = _key(pair)
    _copy(db, "lookup/copy_grams", (key + chunk for chunk in _grown(db, pair, inverted.holders, is_new=is_new)))


def _grown(db: Database, pair: dict[str, Any], lists: Sequence[Holders], *, is_new: bool) -> list[bytes]:
    """Fill the last chunks of grams that have some; returns the new chunks, as ``_copy`` wants them."""
    # Of a pair without numbers no gram has a holder.
    last = [] if is_new else db.run("lookup/select_last_chunks", grams=[one.gram for one in lists], **pair)
    known = {row.gram: (row.chunk, row.bytes) for row in last}
    grown: list[tuple[int, int, bytes]] = []
    new: list[bytes] = []
    for gram, held in lists:
        chunk, used = known.get(gram, (-1, _CHUNK_BYTES))
        room = max(0, _CHUNK_BYTES - used)
        if room:
            grown.append((gram, chunk, held[:room]))
        for start in range(room, len(held), _CHUNK_BYTES):
            chunk += 1
            new.append(_fields(gram.to_bytes(8), chunk.to_bytes(4), held[start : start + _CHUNK_BYTES]))
    if grown:
        grams, chunks, parts = (list(column) for column in zip(*grown, strict=True))
        db.run("lookup/append_holders", grams=grams, chunks=chunks, holders=parts, **pair)
    return new


def _key(pair: dict[str, Any]) -> bytes:
    """The first half of every row of a store and pair."""
    return _fields(pair["store_id"].to_bytes(4), pair["src"].encode(), pair["tgt"].encode())


def _fields(first: bytes, second: bytes, third: bytes) -> bytes:
    """Half a row of a binary COPY: each field behind its length. psycopg has bytes dumped by Python, a call a field."""
    return b"".join((len(first).to_bytes(4), first, len(second).to_bytes(4), second, len(third).to_bytes(4), third))


def _copy(db: Database, name: str, rows: Iterable[bytes]) -> None:
    """Run a ``copy … from stdin (format binary)`` statement over rows of six fields."""
    statement = load_statement(db.include / "sql" / f"{name}.sql", name)
    rows = iter(rows)
    with db.connection.cursor() as cursor, cursor.copy(statement.sql) as copy:
        copy.write(_COPY_START)
        while some := list(islice(rows, _COPY_ROWS)):
            copy.write(_COPY_FIELDS + _COPY_FIELDS.join(some))
        copy.write(_COPY_END)
