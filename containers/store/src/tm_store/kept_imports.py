"""Imported files that lie beside the journal for a replay, and what is left of one when some of it was erased.

An erasure cannot cut units out of a file of every format. It writes the file's other units to ``<path>.units`` (JSON
lines, the readers' own units) and deletes the file; a replay reads whichever is there.
"""

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from tm_core.documents import BilingualUnit, Variant
from tm_core.identity import document_key, normalise
from tm_core.languages import best_match
from tm_core.room import scratch
from tm_core.stores import Pair
from tm_formats.bilingual import read_memory
from tm_formats.hints import Columns
from tm_formats.storage import Storage
from tm_store.tombstones import Graves

#: Ends the name of what is left of a file.
REST = ".units"
_BLOCK_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One imported file: its name, its place, the hash of the file as it was, and the pairs it was imported in.

    ``columns`` is where a table has its texts, if that was said.
    """

    name: str
    path: str
    sha256: str
    pairs: tuple[Pair, ...]
    columns: Columns | None = None

    @classmethod
    def of(cls, facts: Mapping[str, Any], file: Mapping[str, Any], pairs: tuple[Pair, ...]) -> "Kept":
        """One file of an import, as its entry in the journal has it."""
        columns = Columns(*facts["columns"]) if facts.get("columns") else None
        if "columns" not in facts:
            # Entries of the versions before say nothing of columns: the first two were read where no header named any.
            columns = Columns(1, 2, unless_named=True)
        return cls(name=file["name"], path=file["path"], sha256=file["sha256"], pairs=pairs, columns=columns)

    @property
    def languages(self) -> tuple[str, str]:
        """Of files that do not name theirs."""
        return (self.pairs[0].src, self.pairs[0].tgt) if len(self.pairs) == 1 else ("", "")


def units_of(storage: Storage, kept: Kept) -> Iterator[BilingualUnit]:
    """The units of a kept file, or of what is left of it; none if both are gone."""
    with fetched(storage, kept) as path:
        if path is None:
            return
        with path.open("rb") as source:
            yield from read_any(path, kept.name, source, languages=kept.languages, columns=kept.columns)


@contextmanager
def fetched(storage: Storage, kept: Kept) -> Iterator[Path | None]:
    """A local copy of the file, or of what is left of it, under its own name; None if both are gone."""
    with scratch(f"a copy of the import {kept.path}", need="as much as the imported file") as disk:
        for path, suffix in ((kept.path, ""), (kept.path + REST, REST)):
            if storage.exists(path):
                local = disk / (PurePosixPath(kept.name).name + suffix)
                with storage.open_input(path) as source, local.open("wb") as copy:
                    shutil.copyfileobj(source, copy, _BLOCK_BYTES)
                yield local
                return
        yield None


def read_any(path: Path, name: str, source: BinaryIO, **more: Any) -> Iterator[BilingualUnit]:
    """The units of a file in its format (``more`` is for its reader), or of what is left of one."""
    if path.suffix == REST:
        next(source)
        return map(_unit, map(json.loads, source))
    return iter(read_memory(name, source, **more))


def sha256_of(path: Path) -> str:
    """The hash of the file that something is left of, as it was."""
    with path.open("rb") as source:
        return str(json.loads(next(source))["sha256"])


def redact(storage: Storage, kept: Kept, store: str, graves: Graves) -> bool:
    """Leave of a file only what may stay; returns whether anything had to go."""
    rest, is_changed = [], False
    for unit in units_of(storage, kept):
        left = without(unit, kept, store, graves)
        is_changed = is_changed or left != unit
        if left is not None:
            rest.append(left)
    if is_changed:
        write_rest(storage, kept, rest)
    return is_changed


def write_rest(storage: Storage, kept: Kept, units: Sequence[BilingualUnit]) -> None:
    """Write what is left of a file; the file itself goes."""
    lines = [{"sha256": kept.sha256, "name": kept.name}, *map(dataclasses.asdict, units)]
    body = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    storage.write_atomic(kept.path + REST, body.encode("utf-8", "surrogatepass"))
    storage.delete(kept.path)


def without(unit: BilingualUnit, kept: Kept, store: str, graves: Graves) -> BilingualUnit | None:
    """A unit without what was erased: targets, and properties that quote an erased text; None if nothing is left."""
    langs = tuple(one.lang for one in unit.variants)
    by_lang = {one.lang: one for one in unit.variants}
    gone, sources = set(), set()
    for pair in kept.pairs:
        src, tgt = best_match(pair.src, langs), best_match(pair.tgt, langs)
        if not src or not tgt or src == tgt:
            continue
        sources.add(src)
        if _is_buried(kept, store, pair, by_lang[src], by_lang[tgt], graves):
            gone.add(tgt)
    variants = tuple(one for one in unit.variants if one.lang not in gone)
    if gone and not any(one.lang not in sources for one in variants) and len(variants) < 2:
        return None
    properties = {name: text for name, text in unit.properties.items() if not graves.quote(text)}
    if not gone and len(properties) == len(unit.properties):
        return unit
    return dataclasses.replace(unit, variants=variants, properties=properties)


def _is_buried(kept: Kept, store: str, pair: Pair, src: Variant, tgt: Variant, graves: Graves) -> bool:
    if document_key(store, kept.name, pair.src, pair.tgt) in graves.documents:
        return True
    return graves.hold(pair.src, pair.tgt, normalise(src.text), normalise(tgt.text))


def _unit(body: Mapping[str, Any]) -> BilingualUnit:
    variants = tuple(Variant(**one) for one in body["variants"])
    return BilingualUnit(variants=variants, key=body["key"], line=body["line"], properties=body["properties"])
