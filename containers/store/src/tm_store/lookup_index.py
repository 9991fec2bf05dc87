"""Keep the index of look-ups: a trigger queues new units' source texts in ``tm.pending``, this module indexes them.

Whoever writes units calls :func:`index_pending` before the end of the same transaction. Who forgets makes look-ups
slower, not wrong: they compare what waits one by one. A merge, which writes many, indexes their texts before the units
(:func:`indexing_novel`) and says so (:func:`known_indexed`): a million texts are spared the trigger and the queue.
"""

import pickle
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from tempfile import TemporaryFile
from typing import Any, BinaryIO, NamedTuple

from tm_core.errors import DatabaseError
from tm_core.matching import form_of
from tm_core.room import room_for, temporary_folder
from tm_store.db import Database, load_statement
from tm_store.lookup_grams import MAX_NUMBER, holders, source_id

# Texts inverted at a time, some 1.5 kB of memory each: what bounds the memory of a load.
_AT_ONCE = 100_000
# Texts that are read before others have been inverted, some 360 bytes of memory each.
_HELD = 1_000_000
# Bytes of a chunk of holders, 4 a number. An append rewrites one chunk; a read fetches all. Not calibrated yet.
_CHUNK_BYTES = 8192
# A binary COPY: signature, flags and no extension; in front of each row its number of fields; -1 for the end. Source:
# the manual of Postgres, COPY, "Binary Format".
_COPY_START, _COPY_FIELDS, _COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), (6).to_bytes(2), b"\xff\xff"
_COPY_ROWS = 10_000
#: On disk, a text, until it is written. Measured with 100,000 units.
_INVERTED_BYTES = 600


def index_pending(db: Database, stores: Sequence[int] | None = None) -> int:
    """Index every source text that waits, of some stores or of all; returns how many there were.

    Part of the caller's transaction if one is open; takes the lock of each store, in their order.

    Cost: about 15 s a million texts on one core; with nothing waiting, one statement.
    """
    done = 0
    with db.transaction():
        for where in db.run("lookup/select_waiting", stores=None if stores is None else list(stores)):
            db.run("lookup/lock_store", store_id=where.store_id)
            pair = _pair(where.store_id, where.src_lang, where.tgt_lang)
            while taken := db.run("lookup/take_pending", most=_AT_ONCE, **pair):
                _index(db, pair, [text for text in taken if not text.is_known])
                done += len(taken)
    return done


@contextmanager
def indexing_novel(db: Database) -> Iterator[Callable[[], None]]:
    """Invert aside the source texts that a merge is about to bring, while the server runs the statements of the block.

    The merge holds the stores' locks, ``touched`` and ``incoming``. What is yielded writes the index; it is called
    once, before the units are written. A text that leaves the memory within the block and is brought by it too is
    in no index then: :func:`index_lost` finds it.

    Cost: that of ``index_pending``, less the queue. What is inverted waits on disk, some 600 bytes a text.
    """
    waiting: list[Future[BinaryIO]] = []

    def write() -> None:
        for one in waiting:
            with one.result() as file:
                file.seek(0)
                _write(db, pickle.load(file))  # noqa: S301 - written by _inverted, and nobody else can name the file

    aside = ThreadPoolExecutor(1)
    try:
        for groups in _novel(db):
            wait(waiting)
            waiting += [aside.submit(_inverted, one) for one in groups]
        yield write
    finally:
        aside.shutdown(cancel_futures=True)


def index_lost(db: Database) -> None:
    """Index texts of a merge that left the index, with their last older unit, since ``indexing_novel`` looked."""
    with indexing_novel(db) as write:
        write()


@contextmanager
def known_indexed(db: Database) -> Iterator[None]:
    """The block writes units whose texts are indexed: the trigger need not look at each of them."""
    db.run("lookup/tell_indexed", told="yes")
    yield
    db.run("lookup/tell_indexed", told="")


def _novel(db: Database) -> Iterator[list["_Numbered"]]:
    """The texts that a merge brings, numbered, each time all that memory shall hold of them."""
    texts: dict[tuple[int, str, str], list[Any]] = defaultdict(list)
    read = 0
    for block in db.stream("lookup/select_novel", block_rows=_AT_ONCE // 4):
        for text in block:
            texts[text.store_id, text.src_lang, text.tgt_lang].append(text)
        read += len(block)
        if read >= _HELD:
            yield _numbered(db, texts)
            texts.clear()
            read = 0
    yield _numbered(db, texts)


def _numbered(db: Database, texts: Mapping[tuple[int, str, str], Sequence[Any]]) -> list["_Numbered"]:
    return [
        _number(db, _pair(*where), some[start : start + _AT_ONCE])
        for where, some in sorted(texts.items())
        for start in range(0, len(some), _AT_ONCE)
    ]


def _inverted(numbered: "_Numbered") -> BinaryIO:
    """A file with what ``_write`` takes."""
    what, inverted = "the index of new texts", _invert(numbered)
    need = f"some {len(numbered.texts) * _INVERTED_BYTES:,} bytes for {len(numbered.texts):,} texts"
    with room_for(what, temporary_folder(what), need=need, state="Nothing was loaded."):
        file: BinaryIO = TemporaryFile()  # noqa: SIM115 - closed by whoever reads it
        try:
            pickle.dump(inverted, file, protocol=5)
            file.flush()
        except BaseException:
            # What its buffer holds has no room either.
            with suppress(OSError):
                file.close()
            raise
    return file


def _pair(store_id: int, src: str, tgt: str) -> dict[str, Any]:
    return {"store_id": store_id, "src": src, "tgt": tgt}


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


class _Inverted(NamedTuple):
    """What the index will hold of them: rows of ``tm.source`` as ``_copy`` wants them, and the holders of each gram."""

    pair: dict[str, Any]
    is_new: bool
    sources: list[bytes]
    holders: list[tuple[int, bytes]]


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
    return _Inverted(numbered.pair, numbered.first == 0, sources, [(gram, held) for gram, held in holders(forms, ids)])


def _write(db: Database, inverted: _Inverted) -> None:
    pair, is_new = inverted.pair, inverted.is_new
    _copy(db, "lookup/copy_sources", inverted.sources)
    key = _key(pair)
    _copy(db, "lookup/copy_grams", (key + chunk for chunk in _grown(db, pair, inverted.holders, is_new=is_new)))


def _grown(db: Database, pair: dict[str, Any], lists: Sequence[tuple[int, bytes]], *, is_new: bool) -> list[bytes]:
    """Fill the last chunks of grams that have some; returns the new chunks, as ``_copy`` wants them."""
    # Of a pair without numbers no gram has a holder.
    last = [] if is_new else db.run("lookup/select_last_chunks", grams=[gram for gram, _ in lists], **pair)
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
