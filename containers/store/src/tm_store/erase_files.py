"""Erasures in object storage: files of batches, imported files and corrections beside the journal, lexicons.

Rows stay in a batch's files, without their texts: so its sums close and a later clearing works; its load counts them
as tombstoned. All is found by tombstones, so that what was killed is done again, and what came later is found too.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tm_core.ab import ab_folder, is_comparison
from tm_core.batches import work_path
from tm_core.contracts import BEADS, DOCUMENTS, FILTERED, LEXICON_UNITS, SEGMENTS, Schema, Step
from tm_core.deposits import parse_name
from tm_core.errors import BadName, StorageError
from tm_core.identity import normalise
from tm_core.languages import best_match, glue
from tm_core.lexicons import lexicon_path
from tm_core.stores import parse_pair
from tm_formats.manifest import NAME, Manifest, read_manifest, write_manifest
from tm_formats.storage import Storage
from tm_formats.tables import read_columns, read_rows, write_columns
from tm_store.backup_catalog import StoredBackup
from tm_store.db import Database
from tm_store.kept_imports import Kept, redact, units_of
from tm_store.tombstones import Graves, tombstones_of

_WORK = "work"
_MOST_NAMED = 20
#: Files of aligned text by how their names begin.
_SCHEMAS: tuple[tuple[str, Schema], ...] = (("beads-", FILTERED), ("beads.", BEADS), ("segments.", SEGMENTS))

Row = tuple[str, str, str, str]
#: (document_key, side, position) of segments.
Places = set[tuple[str, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What an erasure did in object storage: files rewritten without the texts, files deleted, and folders of tasks
    under way, which were left alone (run `tm erase --sweep` when they have ended)."""

    rewritten: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()


def sweep(db: Database, storage: Storage, ids: Sequence[int] | None = None) -> Swept:
    """Go through object storage for some erasures (numbers of their journal entries), or for all that stand.

    Killed at any point and run again it goes on; a second run finds nothing.

    Cost: reads the texts of every batch in ``work/`` and every imported file of the stores: about 10 s a million beads.
    """
    done = _Sweep(db=db, storage=storage)
    for store, graves in tombstones_of(db, ids).items():
        for batch in _batches(storage):
            done.batch(batch, store, graves)
        for kept in _kept(db, store):
            done.import_(kept, store, graves)
        done.corrections(store, graves)
    done.lexicons()
    every = [row.journal_id for row in db.run("erase/select_erasures")]
    if not done.under_way:
        db.run("erase/mark_swept", ids=every if ids is None else list(ids))
    return Swept(
        rewritten=tuple(done.rewritten), deleted=tuple(done.deleted), under_way=tuple(dict.fromkeys(done.under_way))
    )


def sweep_batch(db: Database, storage: Storage, batch: str) -> Swept:
    """Take what was erased before out of the files that a batch has just written.

    A deposit keeps what it said, so a date that is refined again says it again. After the filter this empties the rows
    in the files, before anything else reads them: staging, the gate's examples, review items, comparisons.

    Cost: nothing for stores without tombstones; else reads the batch's texts once.
    """
    done = _Sweep(db=db, storage=storage)
    for store, graves in tombstones_of(db).items():
        done.batch(batch, store, graves)
    return Swept(rewritten=tuple(done.rewritten), deleted=tuple(done.deleted))


def _batches(storage: Storage) -> list[str]:
    return sorted({info.path.split("/")[1] for info in storage.list(_WORK) if info.path.count("/") >= 2})


class _Sweep:
    """The files that have been changed so far."""

    def __init__(self, *, db: Database, storage: Storage) -> None:
        self.db, self.storage = db, storage
        self.rewritten: list[str] = []
        self.deleted: list[str] = []
        self.under_way: list[str] = []

    # Batches

    def batch(self, batch: str, store: str, graves: Graves) -> None:
        if is_comparison(batch):
            self._comparison(batch, store, graves)
            return
        documents = _documents(self.storage, batch, store)
        self._parts(batch, documents or {}, graves)
        if documents is None:
            self._lexicon_units(batch, graves)
        elif documents:
            folders = [_Folder(self.storage, path) for path in self._finished(batch)]
            places = {place for folder in folders for place in folder.buried(documents, graves)}
            places |= _quoted(self.storage, batch, folders, documents, graves)
            if places:
                # The gate's page and pictures show some of the texts; the gate makes them anew when it runs again.
                for info in self.storage.list(work_path(batch, Step.GATE, "data_docs")):
                    self._delete(info.path)
                for folder in folders:
                    self._rewrite(folder, places)

    def _parts(self, batch: str, documents: Mapping[str, tuple[str, str]], graves: Graves) -> None:
        """Delete what a shard that has not ended had finished, if it quotes an erased text: it is done again."""
        for info in self.storage.list(f"{_WORK}/{batch}"):
            folder, _, name = info.path.rpartition("/")
            if (
                folder.endswith("/parts")
                and name.endswith(".json.gz")
                and _part_quotes(gzip.decompress(self.storage.read(info.path)), documents, graves)
            ):
                self._delete(info.path)
                self.under_way.append(folder.removesuffix("/parts"))

    def _finished(self, batch: str) -> list[str]:
        """Folders of texts with a manifest. What has none is a task's, killed or under way."""
        paths = [info.path for info in self.storage.list(f"{_WORK}/{batch}")]
        folders = {path.rpartition("/")[0] for path in paths if _schema(path.rpartition("/")[2])}
        finished = {folder for folder in folders if f"{folder}/{NAME}" in paths}
        self.under_way += sorted(folders - finished)
        return sorted(finished)

    def _rewrite(self, folder: "_Folder", places: Places) -> None:
        changed = folder.blank(places)
        if changed:
            documents = [bytes.fromhex(key) for key in {key for key, _, _ in places}]
            self.db.run("erase/forget_folder", folder=folder.path, documents=documents)
            self.rewritten += changed

    def _lexicon_units(self, batch: str, graves: Graves) -> None:
        """What a lexicon was learned from: of use while it is learned, and made anew by a cleared task."""
        for info in self.storage.list(f"{_WORK}/{batch}"):
            if info.path.endswith("/units.parquet"):
                langs = info.path.split("/")[-2].split("-")
                if len(langs) != 2:
                    langs = ["", ""]
                rows = read_columns(self.storage, info.path, LEXICON_UNITS).to_pylist()
                if any(_teaches(graves, langs, row) for row in rows):
                    self._delete(info.path)

    def _comparison(self, run: str, store: str, graves: Graves) -> None:
        """Delete what a comparison of aligners copied if it quotes an erased text: cleared, it draws documents anew.

        Without its documents the rest is of no use, and was written by a task that did not know of the erasure.
        """
        paths = [info.path for info in self.storage.list(f"{_WORK}/{run}")]
        if f"{ab_folder(run)}/{NAME}" in paths:
            if not _is_quoted(self.storage, run, store, graves):
                return
            self.under_way.append(f"{_WORK}/{run}")  # its tasks may still write
        for path in paths:
            self._delete(path)

    def _delete(self, path: str) -> None:
        self.storage.delete(path)
        self.deleted.append(path)

    # Beside the journal

    def import_(self, kept: Kept, store: str, graves: Graves) -> None:
        if redact(self.storage, kept, store, graves):
            self.rewritten.append(kept.path)

    def corrections(self, store: str, graves: Graves) -> None:
        """What reviewers wrote: a note and texts."""
        for row in self.db.run("erase/select_texts_files", store=store):
            if row.kind == "import" or not row.uri or not self.storage.exists(row.uri):
                continue
            body = json.loads(self.storage.read(row.uri))
            langs = (row.facts["src_lang"], row.facts["tgt_lang"])
            is_gone = row.facts["document_key"].removeprefix("\\x") in graves.documents or any(
                graves.hold(*langs, *texts) for texts in body["texts"]
            )
            if is_gone and (body["note"] or any(any(texts) for texts in body["texts"])):
                blank = {"note": "", "texts": [["", ""] for _ in body["texts"]]}
                self.storage.write_atomic(row.uri, json.dumps(blank).encode() + b"\n")
                self.rewritten.append(row.uri)

    def lexicons(self) -> None:
        for row in self.db.run("erase/select_lexicons"):
            path = lexicon_path(row.src_lang, row.tgt_lang, row.sha256)
            if self.storage.exists(path):
                self._delete(path)


def _is_quoted(storage: Storage, run: str, store: str, graves: Graves) -> bool:
    """Whether the documents of a store's comparison hold an erased text, in one segment or joined."""
    facts = read_manifest(storage, ab_folder(run), hashes=False).facts
    if facts["store"] != store:
        return False
    glues = glue(str(facts["src_lang"])), glue(str(facts["tgt_lang"]))
    columns = ["document_key", "side", "position", "text"]
    table = read_columns(storage, f"{ab_folder(run)}/segments.parquet", SEGMENTS, columns)
    sorting = [("document_key", "ascending"), ("side", "ascending"), ("position", "ascending")]
    rows = table.sort_by(sorting).to_pylist()
    for (key, side), segments in groupby(rows, itemgetter("document_key", "side")):
        if key in graves.documents or graves.quoted([one["text"] for one in segments], glues[side]):
            return True
    return False


def _part_quotes(body: bytes, documents: Mapping[str, tuple[str, str]], graves: Graves) -> bool:
    """Whether a shard's checkpoint holds an erased document, pair or text (tm_align.checkpoints)."""
    rows = [row for part in json.loads(body).values() for row in (*part["beads"], *part["segments"])]
    return any(
        row["document_key"] in graves.documents
        or ("text" in row and graves.quote(row["text"]))
        or ("src_text" in row and graves.shadow(*documents[row["document_key"]], row["src_text"], row["tgt_text"]))
        for row in rows
        if row["document_key"] in documents
    )


def _teaches(graves: Graves, langs: Sequence[str], row: Mapping[str, str]) -> bool:
    return graves.hold(langs[0], langs[1], row["src_text"], row["tgt_text"])


def _schema(name: str) -> Schema | None:
    """The contract of a file of texts, by its name."""
    if not name.endswith(".parquet"):
        return None
    return next((schema for start, schema in _SCHEMAS if name.startswith(start)), None)


def _documents(storage: Storage, batch: str, store: str) -> dict[str, tuple[str, str]] | None:
    """document_key -> languages of a batch's documents of the store; None if the folder is no batch's."""
    path = work_path(batch, Step.PLAN, "documents.parquet")
    if not storage.exists(path):
        return None
    rows = read_rows(storage, path, DOCUMENTS, ["document_key", "store", "src_lang", "tgt_lang"])
    return {row["document_key"]: (row["src_lang"], row["tgt_lang"]) for row in rows if row["store"] == store}


class _Folder:
    """One finished folder of a batch's files."""

    def __init__(self, storage: Storage, path: str) -> None:
        self.storage, self.path = storage, path
        self.manifest: Manifest = read_manifest(storage, path, hashes=False)

    def files(self) -> Iterator[tuple[str, Schema]]:
        for file in self.manifest.files:
            if schema := _schema(file.name):
                yield file.name, schema

    def buried(self, documents: Mapping[str, tuple[str, str]], graves: Graves) -> Places:
        """The places of the segments that were erased, by the beads of this folder and by their documents."""
        places: Places = set()
        for name, schema in self.files():
            if schema is SEGMENTS:
                table = read_columns(self.storage, f"{self.path}/{name}", schema, ["document_key", "side", "position"])
                places |= set(_rows(table.filter(_in("document_key", graves.documents))))
                continue
            columns = [*_SPAN, "src_text", "tgt_text"]
            table = read_columns(self.storage, f"{self.path}/{name}", schema, columns).filter(
                _in("document_key", documents)
            )
            for row in table.to_pylist():
                key = row["document_key"]
                if key in graves.documents or graves.hold(*documents[key], row["src_text"], row["tgt_text"]):
                    places |= set(_span(row))
        return places

    def beads(self, documents: Mapping[str, tuple[str, str]]) -> Iterator[dict[str, Any]]:
        """The filtered beads of these documents, in a folder of the filter."""
        columns = [*_SPAN, "src_text", "tgt_text", "src_hash", "tgt_hash", "rule"]
        for name, schema in self.files():
            if schema is FILTERED:
                table = read_columns(self.storage, f"{self.path}/{name}", schema, columns)
                yield from table.filter(_in("document_key", documents)).to_pylist()

    def quoted(self, documents: Mapping[str, tuple[str, str]], graves: Graves, units: Places) -> Places:
        """The places of erased segments outside the spans of units, in a folder with segments."""
        places: Places = set()
        for name, schema in self.files():
            if schema is not SEGMENTS:
                continue
            columns = ["document_key", "side", "position", "text"]
            table = read_columns(self.storage, f"{self.path}/{name}", schema, columns)
            sorting = [("document_key", "ascending"), ("side", "ascending"), ("position", "ascending")]
            rows = table.filter(_in("document_key", documents)).sort_by(sorting).to_pylist()
            for (key, side), segments in groupby(rows, itemgetter("document_key", "side")):
                # A segment of a unit stands as an empty one: nothing is joined across it.
                found = [(one["position"], one["text"]) for one in segments]
                texts = ["" if (key, side, position) in units else text for position, text in found]
                hits = graves.quoted(texts, glue(documents[key][side]))
                places |= {(key, side, found[at][0]) for at in hits if texts[at]}
        return places

    def blank(self, places: Places) -> list[str]:
        """Take the texts at these places out of the files; returns the files that were changed."""
        entries = {file.name: file for file in self.manifest.files}
        changed, rows = [], 0
        for name, schema in self.files():
            table = read_columns(self.storage, f"{self.path}/{name}", schema)
            mask = _mask(table, schema, places)
            if (count := pc.sum(mask).as_py() or 0) > 0:
                written = write_columns(self.storage, f"{self.path}/{name}", schema, _blanked(table, mask))
                entries[name] = replace(written, name=name)
                changed.append(f"{self.path}/{name}")
                rows += count
        if changed:
            before = self.manifest.facts.get("erased_rows", 0)
            facts = {**self.manifest.facts, "erased_rows": int(str(before)) + rows}
            write_manifest(self.storage, self.path, entries.values(), facts)
        return changed


_SPAN = ["document_key", "src_first", "src_count", "tgt_first", "tgt_count"]


def _span(row: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    for side, (first, count) in enumerate(((row["src_first"], row["src_count"]), (row["tgt_first"], row["tgt_count"]))):
        for position in range(first, first + count):
            yield row["document_key"], side, position


def _quoted(
    storage: Storage, batch: str, folders: Sequence["_Folder"], documents: Mapping[str, tuple[str, str]], graves: Graves
) -> Places:
    """Places of erased texts that stand alone: in beads that a rule refused, null beads, segments in neither.

    What the filter lets through becomes a unit, with its texts as a whole: such a bead is asked as a pair, elsewhere.
    """
    filtered = next((folder for folder in folders if folder.path == work_path(batch, Step.FILTER)), None)
    if filtered is None:
        return set()
    said: set[str] = set()
    units: Places = set()
    others: list[dict[str, Any]] = []
    for row in filtered.beads(documents):
        key = row["document_key"]
        if row["rule"] or graves.hold_hashes(*documents[key], row["src_hash"], row["tgt_hash"]):
            others.append(row)
        else:
            said |= {row["src_hash"], row["tgt_hash"]}
            units |= set(_span(row))
    alone = graves.sparing(said)
    places = {
        place for row in others if alone.quote(row["src_text"]) or alone.quote(row["tgt_text"]) for place in _span(row)
    }
    for folder in folders:
        places |= folder.quoted(documents, alone, units)
    return places - units


def _in(column: str, values: Iterable[str]) -> pc.Expression:
    return pc.field(column).isin(pa.array(sorted(values), pa.string()))


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


_TEXTS = frozenset({"src_text", "tgt_text", "text", "raw"})


def _mask(table: pa.Table, schema: Schema, places: Places) -> pa.Array:
    """Which rows have a text at one of the places."""
    documents = {key for key, _, _ in places}
    rows = table.select([*(["document_key", "side", "position"] if schema is SEGMENTS else _SPAN)]).to_pylist()
    filled = _filled(table)
    return pa.array(
        is_filled
        and row["document_key"] in documents
        and (
            (row["document_key"], row["side"], row["position"]) in places
            if schema is SEGMENTS
            else any(place in places for place in _span(row))
        )
        for row, is_filled in zip(rows, filled, strict=True)
    )


def _filled(table: pa.Table) -> list[bool]:
    columns = [pc.not_equal(table[name], "").to_pylist() for name in table.column_names if name in _TEXTS]
    return [any(row) for row in zip(*columns, strict=True)]


def _blanked(table: pa.Table, mask: pa.Array) -> pa.Table:
    """Texts become empty; a filtered bead is one that a rule has refused."""
    for name in table.column_names:
        if name in _TEXTS or name == "rule":
            value = "erased" if name == "rule" else ""
            column = pc.if_else(mask, value, table[name].combine_chunks())
            table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


# Looking --------------------------------------------------------------------------------------------


def texts_in_files(db: Database, storage: Storage, store: str) -> Iterator[Row]:
    """Both texts of every bead and imported unit of the store in object storage, with their languages."""
    for batch in _batches(storage):
        documents = _documents(storage, batch, store) or {}
        if documents:
            for info in storage.list(f"{_WORK}/{batch}"):
                yield from _texts(storage, info.path, documents)
    for kept in _kept(db, store):
        for unit in units_of(storage, kept):
            langs = tuple(one.lang for one in unit.variants)
            texts = {one.lang: one.text for one in unit.variants}
            for pair in kept.pairs:
                src, tgt = best_match(pair.src, langs), best_match(pair.tgt, langs)
                if src and tgt and src != tgt:
                    yield pair.src, pair.tgt, normalise(texts[src]), normalise(texts[tgt])


def _texts(storage: Storage, path: str, documents: Mapping[str, tuple[str, str]]) -> Iterator[Row]:
    schema = _schema(path.rpartition("/")[2])
    if schema is None or schema is SEGMENTS:
        return
    table = read_columns(storage, path, schema, ["document_key", "src_text", "tgt_text"])
    for key, src_text, tgt_text in _rows(table.filter(_in("document_key", documents))):
        if src_text or tgt_text:
            yield (*documents[key], src_text, tgt_text)


def _kept(db: Database, store: str) -> list[Kept]:
    """The imported files of a store, each once."""
    found = {}
    for row in db.run("erase/select_texts_files", store=store):
        if row.kind == "import":
            pairs = tuple(parse_pair(text, "journal entry") for text in row.facts["pairs"])
            for file in row.facts["files"]:
                kept = Kept.of(row.facts, file, pairs)
                found[kept.path, kept.name, pairs] = kept
    return list(found.values())


def where_it_stays(
    storage: Storage, store: str, names: Sequence[str], backups: Sequence[StoredBackup]
) -> tuple[str, ...]:
    """What an erasure does not touch, and how each of it goes."""
    raw = [info.path for info in storage.list(f"raw/{store}") if _name(info.path) in names]
    lines = [
        f"{storage.uri_of(path)}: the deposit of a document that said it; delete it where it is not yours to keep"
        for path in raw[:_MOST_NAMED]
    ]
    if len(raw) > _MOST_NAMED:
        lines.append(f"and {len(raw) - _MOST_NAMED:,} more deposits below {storage.uri_of(f'raw/{store}')}")
    lines += [
        f"{one.uri}: a backup from before; it goes by retention, and a restore applies the tombstones"
        for one in backups[-_MOST_NAMED:]
    ]
    exports = sorted({"/".join(info.path.split("/")[:3]) for info in storage.list("exports")})
    lines += [f"{storage.uri_of(path)}: an export; delete it, and tell who took it" for path in exports[-_MOST_NAMED:]]
    return tuple(lines)


def _name(path: str) -> str:
    """The document's name of a deposited file."""
    try:
        parsed = parse_name("/".join(path.split("/")[3:]))
    except (BadName, StorageError):
        return ""
    return parsed.name if parsed.lang else parsed.file_name
