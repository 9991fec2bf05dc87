"""``tm export``: a store's units in one language pair as TMX, TSV, Parquet or Moses files, in constant memory."""

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, cast

from tm_core.errors import ExchangeError
from tm_core.room import IN_TMPDIR, room_for, scratch
from tm_core.rules import Tier
from tm_core.splits import Part, Split, part_of
from tm_core.stores import Pair
from tm_formats.manifest import FileEntry
from tm_formats.storage import Storage
from tm_formats.tmx import write_tmx
from tm_store.db import Database
from tm_store.extras import unit_of

Parameters = dict[str, Any]
#: Bytes of CSV that Arrow parses at once, and a row group of a Parquet file: bounds memory. Not calibrated yet.
_BLOCK_BYTES = 16 << 20


class Format(StrEnum):
    """What an export can write."""

    TMX = "tmx"
    TSV = "tsv"
    PARQUET = "parquet"
    MOSES = "moses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be exported. Units that a reviewer rejected never are.

    Attributes:
        min_score: units with at least this confidence, 0 to 1.
        tiers: units that these tiers made; all if empty.
        reviewed_only: units that a reviewer accepted.
        split: shares of train, dev and test; Moses only.
    """

    store: str
    pair: Pair
    format: Format
    min_score: float = 0.0
    tiers: tuple[Tier, ...] = ()
    reviewed_only: bool = False
    split: Split | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise ExchangeError(f"--min-score {self.min_score}: expected 0 to 1. Correct it; nothing was written.")
        if self.split and self.format is not Format.MOSES:
            raise ExchangeError(
                f"--split: expected --format moses, found {self.format}. Only a training corpus is split; "
                "nothing was written."
            )

    def parameters(self, store_id: int) -> dict[str, Any]:
        """For the statements of include/sql/export."""
        return {
            "store_id": store_id,
            "src_lang": self.pair.src,
            "tgt_lang": self.pair.tgt,
            "min_score": self.min_score,
            "tiers": [tier.value for tier in self.tiers] or None,
            "reviewed_only": self.reviewed_only,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One written file: bytes, SHA-256, and its units (lines of a Moses file)."""

    path: Path
    size: int
    sha256: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSummary:
    """What an export wrote; ``duplicates`` are units of a corpus whose two texts it has already."""

    files: tuple[Exported, ...]
    units: int
    duplicates: int
    seconds: float


_NOT_WRITTEN = "Nothing was written."
_NEED = "as much as the exported files, unpacked (some 300 bytes a unit)"


def export_units(
    db: Database, wanted: Wanted, target: Path, *, elsewhere: str = "name another folder"
) -> ExportSummary:
    """Write the wanted units and, beside them, ``<target>.sha256`` as ``sha256sum -c`` reads it.

    Files appear under their names when all of them are whole. The same memory gives the same bytes.

    Args:
        target: the file; for Moses the prefix of ``<target>.<lang>`` or ``<target>.<part>.<lang>``.
        elsewhere: how a person has it written to another place, should this one be full.

    Raises:
        NoRoom: the target's folder is full; nothing was written.
        ExchangeError: the store holds no unit of the pair that fits; nothing was written.

    Cost: constant memory, one snapshot of the memory; measured in docs/exchange.md.
    """
    began = time.monotonic()
    writer = _WRITERS[wanted.format]
    known = db.run("tm/select_store", store=wanted.store)
    if not known:
        raise _nothing(db, wanted)
    room = room_for(f"the export to {target.name}", target.parent, need=_NEED, elsewhere=elsewhere, state=_NOT_WRITTEN)
    with room, _Files(target) as files:
        units, duplicates = writer(db, wanted, wanted.parameters(known[0].store_id), files)
        if not units:
            raise _nothing(db, wanted)
        done = files.publish()
    return ExportSummary(files=done, units=units, duplicates=duplicates, seconds=round(time.monotonic() - began, 3))


def _nothing(db: Database, wanted: Wanted) -> ExchangeError:
    there = db.run("export/select_contents", store=None, src_lang=None, tgt_lang=None)
    held = ", ".join(f"{row.store} {row.src_lang}-{row.tgt_lang}" for row in there) or "nothing yet"
    return ExchangeError(
        f"{wanted.store} {wanted.pair}: expected units that fit the filters, found none. The memory holds {held}. "
        "Correct the store, the languages or the filters; nothing was written."
    )


def export_to_storage(db: Database, storage: Storage, wanted: Wanted, folder: str) -> list[FileEntry]:
    """Write the wanted units to ``<folder>/<store>.<src>-<tgt>…`` in object storage.

    The files are made on this machine's disk first, so that each is there whole or not at all.

    Returns:
        The files' entries for the folder's manifest, rows being units.

    Raises:
        As ``export_units`` does, and StorageError.
    """
    name = f"{wanted.store}.{wanted.pair}"
    if wanted.format is not Format.MOSES:
        name += f".{wanted.format}"
    with scratch(f"the export of {name}", need=_NEED, state="Nothing was exported.") as disk:
        entries = []
        for one in export_units(db, wanted, disk / name, elsewhere=IN_TMPDIR).files:
            with one.path.open("rb") as source:
                written = storage.write_atomic(f"{folder}/{one.path.name}", source)
            entries.append(FileEntry(name=one.path.name, size=written.size, sha256=written.sha256, rows=one.units))
    return entries


def contents(db: Database, *, store: str = "", pair: Pair | None = None) -> list[tuple[str, Pair]]:
    """The stores and pairs that hold documents: all, or those of a store or pair."""
    rows = db.run(
        "export/select_contents",
        store=store or None,
        src_lang=pair.src if pair else None,
        tgt_lang=pair.tgt if pair else None,
    )
    return [(row.store, Pair(src=row.src_lang, tgt=row.tgt_lang)) for row in rows]


# Files ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sink:
    """A file being written under a temporary name, with its size and hash."""

    path: Path
    stream: BinaryIO
    temporary: Path
    sha: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    units: int = 0

    def write(self, data: bytes | memoryview) -> int:
        self.sha.update(data)
        self.size += len(data)
        return self.stream.write(data)

    @property
    def closed(self) -> bool:
        """What pyarrow asks of a file."""
        return self.stream.closed

    def flush(self) -> None:
        self.stream.flush()

    def close(self) -> None:
        """pyarrow closes what it writes; here ``_Files`` does, when all files are whole."""

    def exported(self) -> Exported:
        return Exported(path=self.path, size=self.size, sha256=self.sha.hexdigest(), units=self.units)


class _Files:
    """The files of one export: all of them under their names, or none."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self._sinks: list[_Sink] = []

    def __enter__(self) -> "_Files":
        return self

    def __exit__(self, *_: object) -> None:
        for sink in self._sinks:
            with suppress(OSError):  # what its buffer still holds has no room either
                sink.stream.close()
            sink.temporary.unlink(missing_ok=True)

    def open(self, suffix: str = "") -> _Sink:
        path = self.target.with_name(self.target.name + suffix)
        if path.exists() and not path.is_file():
            raise ExchangeError(f"{path}: expected a file's name, found something else. Give another one.")
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            sink = _Sink(path, temporary.open("xb"), temporary)
        except OSError as error:
            raise ExchangeError(f"{path}: cannot be written: {error.strerror}. Nothing was written.") from error
        self._sinks.append(sink)
        return sink

    def publish(self) -> tuple[Exported, ...]:
        done = [
            Exported(path=one.path, size=one.size, sha256=one.sha.hexdigest(), units=one.units) for one in self._sinks
        ]
        sums = self.open(".sha256")
        sums.write("".join(f"{one.sha256}  {one.path.name}\n" for one in done).encode())
        for sink in self._sinks:
            sink.stream.flush()
            os.fsync(sink.stream.fileno())
            sink.stream.close()
        for sink in self._sinks:
            sink.temporary.replace(sink.path)
        return tuple(done)


# Formats -------------------------------------------------------------------------------------------


def _tmx(db: Database, wanted: Wanted, parameters: Parameters, files: _Files) -> tuple[int, int]:
    sink = files.open()
    rows = (row for block in db.stream("export/select_units", **parameters) for row in block)
    units = (unit_of(row, wanted.pair, *_neighbours(before, row, after)) for before, row, after in _windows(rows))
    sink.units = write_tmx(cast(BinaryIO, sink), units, srclang=wanted.pair.src)
    return sink.units, 0


def _windows(rows: Iterable[Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Each row between the one before and the one after it, None at the ends."""
    before: Any = None
    current: Any = None
    for row in rows:
        if current is not None:
            yield before, current, row
        before, current = current, row
    if current is not None:
        yield before, current, None


def _neighbours(before: Any, row: Any, after: Any) -> tuple[str, str]:
    """Source texts round a row, if both that its context was made of stand beside it; else none.

    One of two would make another context of it, and so another unit, when the file is imported.
    """
    texts = []
    for hashed, other in ((row.prev_hash, before), (row.next_hash, after)):
        known = other is not None and other.document_key == row.document_key and other.src_hash == hashed
        if hashed and not known:
            return "", ""
        texts.append(other.src_text if hashed else "")
    return texts[0], texts[1]


_COLUMNS = ("score", "tier", "review_state", "document", "key", "date")


def _tsv(db: Database, wanted: Wanted, parameters: Parameters, files: _Files) -> tuple[int, int]:
    """Postgres' own text format: tabs, and a backslash before what would break a line."""
    sink = files.open()
    sink.write("\t".join((f"src:{wanted.pair.src}", f"tgt:{wanted.pair.tgt}", *_COLUMNS)).encode() + b"\n")
    for row in db.copy_out("export/select_table", text=True, **parameters):
        sink.write(row)
        sink.units += 1
    return sink.units, 0


def _parquet(db: Database, wanted: Wanted, parameters: Parameters, files: _Files) -> tuple[int, int]:
    """Blocks of CSV, which Arrow parses faster than Python hands out rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv

    types = dict.fromkeys(("src_text", "tgt_text", *_COLUMNS), pa.string())
    types |= {"score": pa.float32(), "date": pa.date32()}
    langs = {"src_lang": wanted.pair.src, "tgt_lang": wanted.pair.tgt}
    schema = pa.schema([*types.items(), *((name, pa.string()) for name in langs)])
    sink = files.open()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        for block in _blocks(db.copy_out("export/select_table", **parameters)):
            table = csv.read_csv(
                pa.BufferReader(block),
                read_options=csv.ReadOptions(column_names=list(types), block_size=len(block) + 1),
                # A key may hold a line break.
                parse_options=csv.ParseOptions(newlines_in_values=True),
                convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False),
            )
            for name, lang in langs.items():
                table = table.append_column(name, pa.repeat(lang, table.num_rows))
            writer.write_table(table)
            sink.units += table.num_rows
    return sink.units, 0


def _blocks(rows: Iterable[memoryview]) -> Iterator[bytes]:
    """Whole rows, some megabytes at a time."""
    block = bytearray()
    for row in rows:
        block += row
        if len(block) >= _BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def _moses(db: Database, wanted: Wanted, parameters: Parameters, files: _Files) -> tuple[int, int]:
    """Two files of lines; each pair of texts once, in the part that no other part shares a document with."""
    parts: Sequence[Part | None] = list(Part) if wanted.split else [None]
    sinks = {part: _moses_sinks(files, wanted.pair, part) for part in parts}
    units = duplicates = 0
    for src_text, tgt_text, documents, count in _distinct(db, parameters):
        part = part_of(documents, wanted.split) if wanted.split else None
        for sink, text in zip(sinks[part], (src_text, tgt_text), strict=True):
            sink.write(text.encode("utf-8") + b"\n")
            sink.units += 1
        units += 1
        duplicates += count - 1
    return units, duplicates


def _moses_sinks(files: _Files, pair: Pair, part: Part | None) -> tuple[_Sink, _Sink]:
    prefix = f".{part}" if part else ""
    return files.open(f"{prefix}.{pair.src}"), files.open(f"{prefix}.{pair.tgt}")


def _distinct(db: Database, parameters: Parameters) -> Iterator[tuple[str, str, set[bytes], int]]:
    """Pairs of texts, each once, with the documents that say it and how many units do."""
    rows = (row for block in db.stream("export/select_pairs", **parameters) for row in block)
    for _, group in groupby(rows, key=lambda row: (row.src_hash, row.tgt_hash)):
        same = list(group)
        documents = {key for row in same for key in row.documents}
        yield same[0].src_text, same[0].tgt_text, documents, len(same)


_WRITERS: dict[Format, Callable[[Database, Wanted, Parameters, _Files], tuple[int, int]]] = {
    Format.TMX: _tmx,
    Format.TSV: _tsv,
    Format.PARQUET: _parquet,
    Format.MOSES: _moses,
}
