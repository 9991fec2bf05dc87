"""The first step: find one date's deposits, pair them, and pin everything that the run will depend on."""

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from tm_core.batches import Weighed, batch_id, into_shards, ledger_key, work_path
from tm_core.contracts import DOCUMENTS, FILES, Step
from tm_core.deposits import DepositName, Kind, parse_name, raw_folder
from tm_core.errors import BadName, SettingsError, UnreadableDocument
from tm_core.identity import digest, document_key
from tm_core.languages import best_match
from tm_core.outcomes import BatchState, FileState
from tm_core.settings import Encoder, Settings
from tm_core.stores import Pair, Store, load_stores
from tm_core.versions import alignment_versions
from tm_formats.bilingual import read_memory
from tm_formats.manifest import write_manifest
from tm_formats.storage import ObjectInfo, Storage
from tm_formats.tables import write_rows
from tm_store.db import Database
from tm_store.gate_version import FIRST, gate_version
from tm_store.locks import date_lock
from tm_store.review_threshold import tier_threshold

# Keyed strings and units are read, not aligned: a tenth of the work of running text (not calibrated yet).
_COST = {Kind.DOCUMENT: 1.0, Kind.LOCALE: 0.1, Kind.MEMORY: 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """What a plan found; small enough to travel between tasks.

    Attributes:
        batch_id: "" if nothing was deposited on this date.
        nothing_new: the same input under the same versions has been refined already: nothing is to be done, and
            nothing was written.
        shards: numbers of the tier 1 tasks.
    """

    batch_id: str
    partition_date: str
    nothing_new: bool
    shards: list[int]
    files: dict[str, int]
    documents: int
    from_ledger: int


@dataclass(slots=True, kw_only=True)
class _File:
    """A deposited file on its way through the plan."""

    path: str
    store: str
    size: int
    name: DepositName | None = None
    sha256: str = ""
    state: FileState = FileState.UNPAIRED
    reason: str = ""
    langs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """A document pair: the two files (one and the same for a memory) and where its beads lie, if they do."""

    store: str
    pair: Pair
    src: _File
    tgt: _File
    ledger_key: str = ""
    lexicon: str = ""
    ledger_batch: str = ""
    ledger_folder: str = ""
    ledger_document: str = ""

    @property
    def name(self) -> str:
        assert self.src.name is not None  # noqa: S101 - only named files are paired
        return self.src.name.name if self.src.name.kind is not Kind.MEMORY else self.src.name.file_name

    @property
    def kind(self) -> Kind:
        assert self.src.name is not None  # noqa: S101
        return self.src.name.kind

    @property
    def key(self) -> str:
        return document_key(self.store, self.name, self.pair.src, self.pair.tgt)

    @property
    def chars(self) -> int:
        """Work in characters of running text; a file's bytes stand for its characters."""
        return int((self.src.size + self.tgt.size) * _COST[self.kind]) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """What a batch's results depend on besides its files; recorded, and part of its identity."""

    encoder: str
    model_hash: str
    threshold: float
    lexicons: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    gate: str = FIRST

    def alignment(self, pair: str) -> tuple[str, ...]:
        return alignment_versions(self.encoder, self.model_hash, self.threshold, self.lexicons.get(pair, ""))

    def all(self) -> list[str]:
        pairs = [f"{pair}={sha}" for pair, sha in self.lexicons.items()]
        filters = [f"{store}:{version}" for store, version in self.filters.items()]
        gate = [] if self.gate == FIRST else [f"gate={self.gate}"]
        return [*alignment_versions(self.encoder, self.model_hash, self.threshold, ""), *pairs, *filters, *gate]


def make_plan(
    settings: Settings,
    db: Database,
    storage: Storage,
    day: date,
    *,
    run_id: str,
    only_stores: Sequence[str] = (),
    reprocess: bool = False,
) -> PlanSummary:
    """Plan the batch of one date and write it to ``work/<batch_id>/plan``.

    Args:
        run_id: whose plan it is, for whoever finds two.
        only_stores: refine these stores only; empty for all that are configured.
        reprocess: align again what the ledger holds, and load again what has been loaded.

    Raises:
        SettingsError: stores.toml or a setting is wrong, or a named store is not configured.
        BatchBusy: another run is working on this date.
        StorageError, DatabaseError: as they say; nothing was planned.
    """
    with date_lock(db, day, Step.PLAN, run_id):
        found = look(settings, db, storage, day, only_stores=only_stores, reprocess=reprocess)
        if not found.summary.nothing_new:
            _write(storage, day, found)
            _record(db, day, found, run_id=run_id, reprocess=reprocess)
        return found.summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a plan would say. ``shards``: document key -> tier 1 task, -1 for what the ledger has."""

    summary: PlanSummary
    files: list[_File]
    documents: list[_Document]
    shards: dict[str, int]
    pinned: Pinned


def look(
    settings: Settings, db: Database, storage: Storage, day: date, *, only_stores: Sequence[str], reprocess: bool
) -> Look:
    """Find out what there is to do on a date, and write nothing; arguments and errors are those of make_plan."""
    stores = _chosen(load_stores(settings.include / "stores.toml"), only_stores)
    files = _find_files(storage, stores, day, settings.settle_seconds)
    pinned = _pin(settings, db, stores)
    documents = _with_keys(_pair_up(files, stores), pinned)
    inputs = [f"{one.path}\0{one.sha256}\0{one.state}" for one in files]
    batch = batch_id(day, inputs, pinned.all()) if files else ""
    nothing_new = not files or (not reprocess and _is_done(db, batch, day))
    if not nothing_new and not reprocess:
        documents = _with_ledger(db, storage, batch, documents)
    shards = {} if nothing_new else _shards(documents, settings)
    tasks = sorted(set(shards.values()) - {-1})
    summary = _summary(batch, day, files, documents, tasks, nothing_new=nothing_new)
    return Look(summary=summary, files=files, documents=documents, shards=shards, pinned=pinned)


def _is_done(db: Database, batch: str, day: date) -> bool:
    """Whether the date's newest batch is this very one, to its end, with nothing that tier 2 has still to align."""
    current = db.run("ops/select_current_batch", day=day)
    finished = bool(current) and current[0].batch_id == batch and current[0].state == BatchState.DONE
    return finished and not db.run("report/tier2_down", batch_id=batch, day=day)


def _chosen(stores: dict[str, Store], only: Sequence[str]) -> dict[str, Store]:
    if unknown := sorted(set(only) - set(stores)):
        raise SettingsError(
            f"store '{unknown[0]}' is not configured. Expected one of {', '.join(sorted(stores))}. "
            "Correct the run's parameter, or add the store to stores.toml; nothing was planned."
        )
    return {name: store for name, store in stores.items() if not only or name in only}


# Files -------------------------------------------------------------------------------------------


def _find_files(storage: Storage, stores: Iterable[str], day: date, settle_seconds: float) -> list[_File]:
    """Every file of the date, named, hashed, and known to be whole."""
    found = []
    for store in sorted(stores):
        folder = raw_folder(store, day)
        first = storage.list(folder)
        young = _young(first, settle_seconds)
        if young:
            time.sleep(settle_seconds)
        second = {info.path: info for info in storage.list(folder)} if young else {}
        for info in first:
            file = _File(path=info.path, store=store, size=info.size)
            _identify(storage, file, folder)
            if info.path in young and second.get(info.path) != info:
                file.state, file.reason = FileState.DEFERRED, "still being written: left for the next run of this date"
            found.append(file)
    _refuse_twins(found)
    return found


def _young(infos: Iterable[ObjectInfo], settle_seconds: float) -> set[str]:
    limit = datetime.now(UTC) - timedelta(seconds=settle_seconds)
    return {info.path for info in infos if settle_seconds > 0 and info.modified > limit}


def _identify(storage: Storage, file: _File, folder: str) -> None:
    """Take the name apart and hash the bytes; look into a memory for its languages."""
    try:
        file.name = parse_name(file.path[len(folder) + 1 :])
    except BadName as error:
        # Not even hashed: a bucket can hold names, such as "a//b" and "../c", that storage refuses to open.
        file.state, file.reason = FileState.UNSUPPORTED, str(error)
        return
    file.sha256 = storage.sha256(file.path)
    if file.name.kind is Kind.MEMORY:
        try:
            with storage.open_input(file.path) as stream:
                units = read_memory(file.path, stream)
                file.langs = frozenset(variant.lang for unit in units for variant in unit.variants)
        except UnreadableDocument as error:
            file.state, file.reason = FileState.UNREADABLE, str(error)
    else:
        file.langs = frozenset((file.name.lang,))


def _refuse_twins(files: Iterable[_File]) -> None:
    """Two files of one name and language (guide.de.txt, guide.de.html): the first in order is taken."""
    seen: dict[tuple[str, str, str, Kind], str] = {}
    for file in files:
        if file.name is None or file.name.kind is Kind.MEMORY or file.state is FileState.DEFERRED:
            continue
        place = (file.store, file.name.name, file.name.lang, file.name.kind)
        first = seen.setdefault(place, file.path)
        if first != file.path:
            file.state = FileState.UNSUPPORTED
            file.reason = f"{file.path}: same name and language as {first}, which is taken. Rename one of them."


# Pairs -------------------------------------------------------------------------------------------


def _pair_up(files: Sequence[_File], stores: Mapping[str, Store]) -> list[_Document]:
    """Every configured pair of languages that a document was deposited in."""
    usable = [file for file in files if file.name and file.state is FileState.UNPAIRED]
    groups: dict[tuple[str, str, Kind], dict[str, _File]] = defaultdict(dict)
    for file in usable:
        assert file.name is not None  # noqa: S101 - filtered above
        name = file.name.file_name if file.name.kind is Kind.MEMORY else file.name.name
        for lang in _configured(file.langs, stores[file.store]):
            groups[file.store, name, file.name.kind][lang] = file
    documents = [
        _Document(store=store, pair=pair, src=by_lang[pair.src], tgt=by_lang[pair.tgt])
        for (store, _, _), by_lang in sorted(groups.items())
        for pair in stores[store].pairs
        if pair.src in by_lang and pair.tgt in by_lang
    ]
    for document in documents:
        document.src.state = document.tgt.state = FileState.PAIRED
    for file in usable:
        if file.state is FileState.UNPAIRED:
            file.reason = _why_unpaired(file, stores[file.store])
    return documents


def _configured(found: frozenset[str], store: Store) -> set[str]:
    """The store's languages that a file's languages stand for: its ``en-US`` is taken where the store says ``en``."""
    wanted = {lang for pair in store.pairs for lang in (pair.src, pair.tgt)}
    return {lang for lang in wanted if best_match(lang, found)}


def _why_unpaired(file: _File, store: Store) -> str:
    mine = ", ".join(sorted(file.langs)) or "no language"
    own = _configured(file.langs, store)
    partners = sorted({pair.tgt if pair.src in own else pair.src for pair in store.pairs if {pair.src, pair.tgt} & own})
    if not partners:
        return f"store '{store.name}' has no pair with {mine}: add one to stores.toml"
    return f"no counterpart: {mine} is paired with {', '.join(partners)}; none of them came under this name"


def _with_keys(documents: Iterable[_Document], pinned: Pinned) -> list[_Document]:
    keyed = []
    for one in documents:
        key = ledger_key(
            digest(one.kind, one.src.sha256),
            digest(one.kind, one.tgt.sha256),
            one.pair.src,
            one.pair.tgt,
            pinned.alignment(str(one.pair)),
        )
        keyed.append(replace(one, ledger_key=key, lexicon=pinned.lexicons.get(str(one.pair), "")))
    return keyed


def _with_ledger(db: Database, storage: Storage, batch: str, documents: list[_Document]) -> list[_Document]:
    """Fill in where beads lie that were made before; a ledger row whose files are gone does not count."""
    rows = db.run("ops/select_ledger", keys=[one.ledger_key for one in documents])
    there = {row.folder: storage.exists(row.folder + "/manifest.json") for row in rows}
    known = {row.ledger_key: row for row in rows if there[row.folder]}
    if not known.keys() >= {one.ledger_key for one in documents}:
        # An earlier try of this very batch numbered its shards alike: those that are aligned now, be it for a document
        # that failed before, overwrite its folders, so nothing in them may be relied on.
        known = {key: row for key, row in known.items() if not row.folder.startswith(work_path(batch) + "/")}
    return [
        replace(one, ledger_batch=row.batch_id, ledger_folder=row.folder, ledger_document=row.document_key)
        if (row := known.get(one.ledger_key))
        else one
        for one in documents
    ]


def _shards(documents: Sequence[_Document], settings: Settings) -> dict[str, int]:
    """document key -> tier 1 task, -1 for what the ledger has. Pairs of one document share a task and its reading."""
    open_ones = [one for one in documents if not one.ledger_folder]
    weights: dict[tuple[str, str], int] = defaultdict(int)
    for one in open_ones:
        weights[one.store, one.name] += one.chars
    items = [Weighed(key="\0".join(place), chars=chars) for place, chars in weights.items()]
    shards = into_shards(items, settings.shard_chars, settings.max_shards)
    of_place = {key: number for number, keys in enumerate(shards) for key in keys}
    return {one.key: -1 if one.ledger_folder else of_place[f"{one.store}\0{one.name}"] for one in documents}


# What the result depends on ----------------------------------------------------------------------


def _pin(settings: Settings, db: Database, stores: Mapping[str, Store]) -> Pinned:
    pairs = {str(pair) for store in stores.values() for pair in store.pairs}
    promoted = {f"{row.src_lang}-{row.tgt_lang}": row.sha256 for row in db.run("lexicon/select_promoted")}
    return Pinned(
        encoder=settings.encoder,
        model_hash=_model_hash(settings),
        threshold=tier_threshold(settings, db),
        lexicons={pair: sha256 for pair, sha256 in promoted.items() if pair in pairs},
        filters={name: store.thresholds.version() for name, store in stores.items()},
        gate=gate_version(settings.include),
    )


def _model_hash(settings: Settings) -> str:
    if settings.encoder is Encoder.LEXICON:
        return ""
    files = [settings.model_dir / name for name in ("laser2.pt", "laser2.spm", "laser2.cvocab")]
    if missing := [path for path in files if not path.is_file()]:
        raise SettingsError(
            f"TM_MODEL_DIR: {missing[0]} is not there. Put the model's three files there; nothing was planned."
        )
    return digest(*map(_file_hash, files))


def _file_hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# Writing it down ---------------------------------------------------------------------------------


def _write(storage: Storage, day: date, found: Look) -> None:
    folder = work_path(found.summary.batch_id, Step.PLAN)
    rows = [_document_row(one, found.shards[one.key]) for one in found.documents]
    entries = [
        write_rows(storage, f"{folder}/files.parquet", FILES, map(_file_row, found.files)),
        write_rows(storage, f"{folder}/documents.parquet", DOCUMENTS, rows),
    ]
    facts = {"partition_date": day.isoformat(), "pinned": json.loads(_json(found.pinned))}
    write_manifest(storage, folder, entries, facts)


def _json(pinned: Pinned) -> str:
    return json.dumps(asdict(pinned), sort_keys=True)


def _file_row(file: _File) -> dict[str, Any]:
    # A name whose bytes are no UTF-8 reaches us with half characters, which no table can hold.
    shown = file.path.encode("utf-8", "backslashreplace").decode()
    return {name: getattr(file, name) for name in FILES.names} | {"path": shown}


def _document_row(one: _Document, shard: int) -> dict[str, Any]:
    return {
        "document_key": one.key,
        "store": one.store,
        "name": one.name,
        "src_lang": one.pair.src,
        "tgt_lang": one.pair.tgt,
        "kind": one.kind,
        "src_path": one.src.path,
        "tgt_path": one.tgt.path,
        "src_sha256": one.src.sha256,
        "tgt_sha256": one.tgt.sha256,
        "chars": one.chars,
        "lexicon": one.lexicon,
        "ledger_key": one.ledger_key,
        "ledger_batch": one.ledger_batch,
        "ledger_folder": one.ledger_folder,
        "ledger_document": one.ledger_document,
        "shard": shard,
    }


def _record(db: Database, day: date, found: Look, *, run_id: str, reprocess: bool) -> None:
    batch = found.summary.batch_id
    with db.transaction():
        db.run("ops/ensure_month", day=day)
        db.run("ops/forget_batch", batch_id=batch, day=day)
        db.run("ops/supersede_batches", batch_id=batch, day=day)
        db.one(
            "ops/insert_batch",
            batch_id=batch,
            day=day,
            run_id=run_id,
            versions=Jsonb(asdict(found.pinned)),
            reprocess=reprocess,
        )
        db.copy("ops/copy_files", ([*_file_row(file).values(), day, batch] for file in found.files))


def _summary(
    batch: str,
    day: date,
    files: Sequence[_File],
    documents: Sequence[_Document],
    shards: list[int],
    *,
    nothing_new: bool,
) -> PlanSummary:
    counts: dict[str, int] = defaultdict(int)
    for file in files:
        counts[file.state] += 1
    return PlanSummary(
        batch_id=batch,
        partition_date=day.isoformat(),
        nothing_new=nothing_new,
        shards=shards,
        files=dict(counts),
        documents=len(documents),
        from_ledger=len(documents) if nothing_new else sum(bool(one.ledger_folder) for one in documents),
    )
