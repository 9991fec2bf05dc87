"""``tm import``: bring already aligned files into a store, with a preview that is the import itself, rolled back.

An import is a batch of its own: its units pass the filter, become evidence of tier *imported*, one document a file, and
are merged by the statements of the nightly load, so that a file gives the same units whichever way it comes.
"""

import getpass
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from psycopg.types.json import Jsonb

from tm_core.contracts import FILTERED
from tm_core.deposits import Kind, parse_name
from tm_core.documents import BilingualUnit, Variant
from tm_core.errors import BadName, ExchangeError, StorageError, UnreadableDocument
from tm_core.identity import NORMALISATION_VERSION, digest, document_key, normalise
from tm_core.languages import best_match
from tm_core.outcomes import BatchState, DocumentState, Outcome
from tm_core.rules import RuleCounts, Thresholds, Tier
from tm_core.settings import Settings
from tm_core.stores import Pair, Store, load_stores, parse_pair
from tm_core.versions import READERS
from tm_formats.bilingual import bead_of
from tm_formats.hints import Columns
from tm_formats.storage import Storage
from tm_formats.tables import arrow_schema
from tm_store.db import Database
from tm_store.extras import facts_of
from tm_store.journal import FOLDER, record, ship
from tm_store.kept_imports import REST, Kept, fetched, read_any, sha256_of, without, write_rest
from tm_store.load import merge_staged, summarise
from tm_store.refine import filtered_row
from tm_store.staging import copy_documents, copy_table
from tm_store.tombstones import Graves, tombstones_of

Row = dict[str, Any]
#: Units put into one COPY: bounds memory, and hides the cost of a statement. Not calibrated yet.
_BLOCK_UNITS = 10_000
#: Units of each kind that a preview lists, unless asked for more.
LISTED = 10
_BLOCK_BYTES = 1 << 20
#: How the reading of a deposit ends its refusals (tm_core.deposits, tm_formats.encoding).
_LEFT_OUT = re.compile(r"[;.] it was left out and nothing else is affected\.$", re.IGNORECASE)
_NOTHING_DONE = "Nothing of this import was done: the memory is as it was before."


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One unit of a preview. ``line`` is 0 where the format has none; ``reason`` names the rule of a refusal."""

    kind: str
    file: str
    line: int
    reason: str = ""
    src_text: str = ""
    tgt_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """What an import did, or would do.

    Attributes:
        imported_before: the same files stand in the memory already: nothing was changed.
        refused_files: why files cannot be read; with one of them nothing is imported.
        documents: (name, pair, units) of each.
        kinds: units by what became of them: new, conflicting (new, beside another target of the same source), updated,
            unchanged, duplicate, superseded, tombstoned, refused.
        removed: units that left the memory, because an older version of a document said them.
        listed: the first units of each kind.
    """

    batch_id: str
    store: str
    dry_run: bool
    imported_before: bool = False
    refused_files: tuple[str, ...] = ()
    documents: tuple[tuple[str, str, int], ...] = ()
    kinds: dict[str, int] = field(default_factory=dict)
    removed: int = 0
    listed: tuple[Listed, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: Path
    name: str
    suffix: str
    size: int
    sha256: str

    @property
    def stored(self) -> str:
        """Its copy in object storage: found by content, so that the same file lies there once."""
        return f"{FOLDER}/imports/{self.sha256}.{self.suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """How files are read: languages and columns of those that do not name theirs, and whether a bad unit refuses."""

    languages: tuple[str, str]
    columns: Columns | None
    strict: bool

    @property
    def options(self) -> dict[str, Any]:
        """As the readers take them."""
        return {"languages": self.languages, "columns": self.columns, "strict": self.strict}


@dataclass(slots=True, kw_only=True)
class _Document:
    """One file in one language pair, on its way into staging."""

    key: str
    pair: Pair
    file: _File
    beads: int = 0


def import_files(
    settings: Settings,
    db: Database,
    storage: Storage,
    store: str,
    paths: Sequence[Path],
    *,
    pair: Pair | None = None,
    day: date | None = None,
    name: str = "",
    dry_run: bool = False,
    listed: int = LISTED,
    who: str = "",
    columns: Columns | None = None,
    strict: bool = False,
) -> ImportSummary:
    """Import files into a store: all of them, or nothing. The same files again change no row.

    Args:
        pair: this pair only; None: every pair of the store that a file has both languages of.
        day: partition date of what is imported; None: today in UTC. Newer replaces older under the same name.
        name: import a single file under this name instead of its own.
        dry_run: do all of it, say what it did, and roll it back. The store is locked meanwhile.
        listed: units of each kind to list.
        who: whose import it is; "" for the system's user.
        columns: where source and target stand in tables; None: as their header says. ``pair`` names their languages.
        strict: refuse a file in which a unit is damaged, instead of leaving that unit out.

    Raises:
        SettingsError: the store or the pair is not configured.
        ExchangeError: a file cannot be imported (not with ``dry_run``: then it is listed as refused).
        DatabaseError, StorageError: as they say; nothing was changed.

    Cost: reads each file twice; memory is constant whatever their size.
    """
    began = time.monotonic()
    configured = _store(settings, store)
    pairs = _pairs(configured, pair)
    reading = _Reading(languages=_languages(pairs), columns=columns, strict=strict)
    files, refused = _open_all(paths, name, reading)
    if refused and not dry_run:
        raise ExchangeError("\n".join([*refused, _NOTHING_DONE]))
    work = _Import(
        db=db,
        store=configured,
        pairs=pairs,
        files=files,
        day=day or datetime.now(UTC).date(),
        who=who or user_name(),
        listed=listed,
        reading=reading,
    )
    with db.connection.transaction(force_rollback=dry_run):
        summary = work.run()
        if not dry_run:
            # Before the commit: the entry of the journal speaks of them.
            buried = bool(summary.kinds.get(Outcome.TOMBSTONED))
            graves = tombstones_of(db).get(store) if buried else None
            for file in files:
                _keep(storage, file, store, pairs, columns, graves)
    if not dry_run:
        ship(db, storage)
    seconds = round(time.monotonic() - began, 3)
    return replace(summary, dry_run=dry_run, refused_files=tuple(refused), seconds=seconds)


def user_name() -> str:
    """The system's user: whose change it is unless somebody says otherwise."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def replay(settings: Settings, db: Database, storage: Storage, store: str, facts: Mapping[str, Any]) -> ImportSummary:
    """Do an import again from its journal entry and the files kept with it; what is in place already stays untouched.

    Args:
        store, facts: as they stand in the entry.

    Raises:
        As ``import_files`` does; StorageError if a kept file is gone.
    """
    pairs = tuple(parse_pair(text, "journal entry") for text in facts["pairs"])
    with ExitStack() as copies:
        paths = []
        for file in facts["files"]:
            kept = Kept.of(facts, file, pairs)
            path = copies.enter_context(fetched(storage, kept))
            if path is None:
                raise StorageError(
                    f"{storage.uri_of(kept.path)}: expected the file that was imported as '{kept.name}', found none. "
                    "It was deleted by hand. Import it again from its source; nothing was changed."
                )
            paths.append(path)
        return import_files(
            settings,
            db,
            storage,
            store,
            paths,
            pair=pairs[0] if len(pairs) == 1 else None,
            day=date.fromisoformat(facts["date"]),
            name=facts["files"][0]["name"] if len(paths) == 1 else "",
            who="replayed from the journal",
            columns=kept.columns,
        )


# What is asked for ---------------------------------------------------------------------------------


def _store(settings: Settings, name: str) -> Store:
    stores = load_stores(settings.include / "stores.toml")
    if name not in stores:
        raise ExchangeError(
            f"store '{name}': expected one of {', '.join(sorted(stores))}. Correct --store, or add the store to "
            "include/stores.toml; nothing was changed."
        )
    return stores[name]


def _pairs(store: Store, pair: Pair | None) -> tuple[Pair, ...]:
    if pair is None:
        return store.pairs
    if pair not in store.pairs:
        raise ExchangeError(
            f"pair {pair}: expected one of {', '.join(map(str, store.pairs))}, the pairs of store '{store.name}'. "
            "Correct --src and --tgt, or add the pair to include/stores.toml; nothing was changed."
        )
    return (pair,)


def _languages(pairs: Sequence[Pair]) -> tuple[str, str]:
    """The languages of files that do not name theirs: known where only one pair is asked for."""
    return (pairs[0].src, pairs[0].tgt) if len(pairs) == 1 else ("", "")


def _open_all(paths: Sequence[Path], name: str, reading: _Reading) -> tuple[list[_File], list[str]]:
    """The files that can be read to their end, and the reasons of those that cannot."""
    if name and len(paths) != 1:
        raise ExchangeError(f"--name {name}: expected one file, found {len(paths)}. Import them one by one.")
    files: list[_File] = []
    refused: list[str] = []
    for path in paths:
        try:
            files.append(_checked(path, name or path.name.removesuffix(REST), reading))
        except (BadName, UnreadableDocument, OSError) as error:
            refused.append(_reason(path, error))
    twice = [name for name, count in Counter(file.name for file in files).items() if count > 1]
    refused += [
        f"{one}: two files have this name, which names their document. Import one under --name." for one in twice
    ]
    return files, refused


def _reason(path: Path, error: BadName | UnreadableDocument | OSError) -> str:
    """Why a file is refused, without what a deposit says of its other files: an import is all of them or nothing."""
    if isinstance(error, OSError):
        return f"{path}: cannot be read: {error.strerror}. Correct the path or its rights."
    return _LEFT_OUT.sub(".", str(error))


def _checked(path: Path, name: str, reading: _Reading) -> _File:
    """Name, hash and read a file to its end."""
    parsed = parse_name(name)
    if parsed.kind is not Kind.MEMORY:
        raise BadName(
            f"{name}: expected a file of aligned units, found a {parsed.kind}. Documents are aligned before they are "
            "loaded: use `tm deposit`, then a refresh."
        )
    sha = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(_BLOCK_BYTES):
            sha.update(block)
        source.seek(0)
        read_any(path, name, source, **reading.options)
    sha256 = sha256_of(path) if path.suffix == REST else sha.hexdigest()
    return _File(path=path, name=name, suffix=parsed.suffix, size=path.stat().st_size, sha256=sha256)


def _keep(
    storage: Storage,
    file: _File,
    store: str,
    pairs: tuple[Pair, ...],
    columns: Columns | None,
    graves: Graves | None,
) -> None:
    """Copy the file beside the journal: a replay reads it there. Of one with erased texts only the others are kept."""
    kept = Kept(name=file.name, path=file.stored, sha256=file.sha256, pairs=pairs, columns=columns)
    if graves:
        with file.path.open("rb") as source:
            units = list(read_any(file.path, file.name, source, languages=kept.languages, columns=columns))
        rest = [one for unit in units if (one := without(unit, kept, store, graves))]
        write_rest(storage, kept, rest)
    elif not storage.exists(file.stored) and file.path.suffix != REST:
        with file.path.open("rb") as source:
            storage.write_atomic(file.stored, source)


# The import ----------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class _Import:
    """One import, inside its transaction."""

    db: Database
    store: Store
    pairs: tuple[Pair, ...]
    files: list[_File]
    day: date
    who: str
    listed: int
    reading: _Reading
    left_out: list[Listed] = field(default_factory=list)
    left_out_count: int = 0
    rules: RuleCounts = field(default_factory=RuleCounts)
    documents: dict[str, _Document] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limits: Thresholds = self.store.thresholds
        self.batch_id = "import-" + digest("import", *self._identity())[:16]
        # Thousands of units have the same languages: which pairs they serve is worked out once.
        self._serving = lru_cache(maxsize=1024)(self._find_serving)

    def _identity(self) -> list[str]:
        files = sorted(f"{file.name}\0{file.sha256}" for file in self.files)
        versions = (NORMALISATION_VERSION, READERS, self.limits.version())
        columns = self.reading.columns
        said = [f"columns {columns.source} {columns.target}"] if columns and not columns.unless_named else []
        return [self.store.name, *map(str, self.pairs), *files, *versions, *said]

    def run(self) -> ImportSummary:
        nothing = ImportSummary(batch_id=self.batch_id, store=self.store.name, dry_run=False)
        if not self.files:
            return nothing
        self.db.run("import/lock_import", batch_id=self.batch_id)
        before = next(iter(self.db.run("import/select_standing", batch_id=self.batch_id)), None)
        if before and before.is_standing:
            return ImportSummary(batch_id=self.batch_id, store=self.store.name, dry_run=False, imported_before=True)
        if before:
            self.db.run("ops/forget_batch", batch_id=self.batch_id, day=before.partition_date)
        self._stage()
        return self._merge()

    def _stage(self) -> None:
        versions = {"normalisation": NORMALISATION_VERSION, "readers": READERS, "filter": self.limits.version()}
        self.db.run("ops/ensure_month", day=self.day)
        self.db.run(
            "import/upsert_batch", batch_id=self.batch_id, day=self.day, run_id=self.who, versions=Jsonb(versions)
        )
        self.db.run("import/create_imported")
        for file in self.files:
            self._stage_file(file)
        copy_documents(self.db, self.batch_id, self.day, [self._row(one) for one in self.documents.values()], {})
        for count in self._counts().values():
            self.db.run("ops/upsert_slice", batch_id=self.batch_id, **count)
        self.db.run("import/accept_slices", batch_id=self.batch_id)
        self.db.run("import/index_import")

    def _merge(self) -> ImportSummary:
        batch = self.db.one("ops/select_batch", batch_id=self.batch_id)
        inserted, removed = merge_staged(self.db, batch)
        self.db.run("import/replace_extras")
        self.db.run("import/keep_stale_extras")
        outcomes = summarise(self.db, self.batch_id, inserted=inserted, removed=removed).outcomes
        told = self._told()
        self._record()
        self.db.run("staging/delete_beads", batch_id=self.batch_id)
        self.db.run("ops/set_batch_state", batch_id=self.batch_id, state=BatchState.DONE)
        return ImportSummary(
            batch_id=self.batch_id,
            store=self.store.name,
            dry_run=False,
            documents=tuple((one.file.name, str(one.pair), one.beads) for one in self.documents.values()),
            kinds=self._kinds(outcomes, told),
            removed=removed,
            listed=(*map(_listed, told if self.listed else ()), *self.left_out),
        )

    def _told(self) -> list[Any]:
        """The first units of each kind, with how many there are of it."""
        dated = {"batch_id": self.batch_id, "day": self.day}
        store_id = self.db.one("tm/select_store", store=self.store.name).store_id
        self.db.run("import/create_become", **dated)
        self.db.run("import/analyze_become")
        self.db.run("import/create_told", **dated, store_id=store_id)
        # One at the least: its row says how many there are.
        return self.db.run("import/select_told", most=max(self.listed, 1))

    def _kinds(self, outcomes: dict[str, int], told: Sequence[Any]) -> dict[str, int]:
        conflicting = next((row.total for row in told if row.kind == "conflicting"), 0)
        kinds = {name: count for name, count in outcomes.items() if count and name != Outcome.REJECTED}
        kinds[Outcome.NEW.value] = outcomes[Outcome.NEW] - conflicting
        kinds["conflicting"] = conflicting
        kinds["refused"] = outcomes[Outcome.REJECTED] + self.left_out_count
        return kinds

    def _record(self) -> None:
        facts: dict[str, object] = {
            "batch_id": self.batch_id,
            "date": self.day.isoformat(),
            "pairs": [f"{pair.src}:{pair.tgt}" for pair in self.pairs],
            "files": [{"name": one.name, "sha256": one.sha256, "path": one.stored} for one in self.files],
            "columns": list(self.reading.columns) if self.reading.columns else None,
        }
        record(self.db, kind="import", who=self.who, store=self.store.name, facts=facts, uri=f"{FOLDER}/imports")

    # Staging ----------------------------------------------------------------------------------------

    def _stage_file(self, file: _File) -> None:
        try:
            self._copy_units(file)
        except UnreadableDocument as error:
            # It was read to its end before: its reader fails at what no reader expects.
            raise ExchangeError(f"{_reason(file.path, error)}\n{_NOTHING_DONE}") from error
        if not any(one.file is file for one in self.documents.values()):
            raise ExchangeError(
                f"{file.name}: expected units in a pair of store '{self.store.name}' "
                f"({', '.join(map(str, self.pairs))}), found none. Name its languages by --src and --tgt, or add the "
                "pair to include/stores.toml; nothing was changed."
            )

    def _copy_units(self, file: _File) -> None:
        with file.path.open("rb") as source:
            units = read_any(
                file.path,
                file.name,
                source,
                left_out=partial(self._leave_out, file),
                **self.reading.options,
            )
            for block in _blocks(units, _BLOCK_UNITS):
                self._copy(list(self._rows(file, block)))

    def _copy(self, rows: list[tuple[Row, Row]]) -> None:
        beads = pa.Table.from_pylist([bead for bead, _ in rows], schema=arrow_schema(FILTERED))
        copy_table(self.db, "staging/copy_beads", beads)
        copy_table(self.db, "import/copy_imported", pa.Table.from_pylist([more for _, more in rows], schema=_IMPORTED))

    def _rows(self, file: _File, units: Iterable[BilingualUnit]) -> Iterator[tuple[Row, Row]]:
        for unit in units:
            served = self._serving(tuple(variant.lang for variant in unit.variants))
            if not served:
                self._leave_out(file, unit.line, "no text in both languages of a pair")
            for pair, src, tgt in served:
                yield self._bead(file, pair, unit, unit.variants[src], unit.variants[tgt])

    def _find_serving(self, langs: tuple[str, ...]) -> list[tuple[Pair, int, int]]:
        """The pairs that a unit in these languages serves, with the places of their two sides."""
        found = ((pair, best_match(pair.src, langs), best_match(pair.tgt, langs)) for pair in self.pairs)
        return [(pair, langs.index(src), langs.index(tgt)) for pair, src, tgt in found if src and tgt and src != tgt]

    def _leave_out(self, file: _File, line: int, reason: str) -> None:
        self.left_out_count += 1
        if len(self.left_out) < self.listed:
            self.left_out.append(Listed(kind="refused", file=file.name, line=line, reason=reason))

    def _bead(self, file: _File, pair: Pair, unit: BilingualUnit, src: Variant, tgt: Variant) -> tuple[Row, Row]:
        document = self._document(file, pair)
        place = bead_of(unit, src.lang)
        bead = place | {
            "position": document.beads,
            "src_first": document.beads,
            "src_count": 1,
            "tgt_first": document.beads,
            "tgt_count": 1,
            "src_text": normalise(src.text),
            "tgt_text": normalise(tgt.text),
            "tier": Tier.IMPORTED.value,
            # A file states its languages, and no identifier runs here: the rules about language have nothing to judge.
            "src_lang_id": "und",
            "src_lang_p": 0.0,
            "tgt_lang_id": "und",
            "tgt_lang_p": 0.0,
        }
        about = {
            "document_key": document.key,
            "store": self.store.name,
            "src_lang": pair.src,
            "tgt_lang": pair.tgt,
        }
        row = filtered_row(self.batch_id, about, {"aligner": "", "model_hash": ""}, bead, self.limits, self.rules)
        facts = facts_of(unit, src, tgt, pair, place["item_key"])
        more = {
            "document_key": document.key,
            "position": document.beads,
            "line": unit.line,
            "facts": None if facts is None else json.dumps(facts, ensure_ascii=False),
        }
        document.beads += 1
        return row, more

    def _document(self, file: _File, pair: Pair) -> _Document:
        key = document_key(self.store.name, file.name, pair.src, pair.tgt)
        if key not in self.documents:
            self.documents[key] = _Document(key=key, pair=pair, file=file)
        return self.documents[key]

    # The books --------------------------------------------------------------------------------------

    def _row(self, document: _Document) -> Row:
        """A row of tm_core.contracts.REFINED."""
        return {
            "document_key": document.key,
            "store": self.store.name,
            "name": document.file.name,
            "src_lang": document.pair.src,
            "tgt_lang": document.pair.tgt,
            "kind": Kind.MEMORY.value,
            "state": DocumentState.IMPORTED.value,
            "reason": "",
            "content_hash": digest(document.file.sha256, document.file.sha256),
            "ledger_key": "",
            "tier": Tier.IMPORTED.value,
            "route": "imported",
            "confidence": 1.0,
            "src_segments": document.beads,
            "tgt_segments": document.beads,
            "beads": document.beads,
            "src_lang_id": "und",
            "tgt_lang_id": "und",
            "notes": "",
        }

    def _counts(self) -> dict[Pair, Row]:
        counts: dict[Pair, Row] = {}
        for one in self.documents.values():
            count = counts.setdefault(
                one.pair,
                {"store": self.store.name, "src_lang": one.pair.src, "tgt_lang": one.pair.tgt}
                | {"documents": 0, "src_segments": 0, "tgt_segments": 0, "beads": 0},
            )
            count["documents"] += 1
            for name in ("src_segments", "tgt_segments", "beads"):
                count[name] += one.beads
        return counts


_IMPORTED = pa.schema(
    [("document_key", pa.string()), ("position", pa.int64()), ("line", pa.int64()), ("facts", pa.string())]
)


def _blocks(units: Iterator[BilingualUnit], size: int) -> Iterator[list[BilingualUnit]]:
    while block := list(islice(units, size)):
        yield block


def _listed(row: Any) -> Listed:
    kind = "refused" if row.kind == Outcome.REJECTED else row.kind
    return Listed(
        kind=kind, file=row.name, line=row.line, reason=row.rule, src_text=row.src_text, tgt_text=row.tgt_text
    )
