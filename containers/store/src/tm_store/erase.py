"""``tm erase``: take texts out of a store for good, prove it, and keep them out.

What an erasure names becomes tombstones (hashes alone); whatever matches them is removed, here, in a replay of the
journal and in a restored database alike. The dry run is the erasure itself, rolled back. Files of object storage come
after the commit (tm_store.erase_files): they are gone through by the tombstones, so a killed one goes on.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg import sql

from tm_core.errors import ErasureError
from tm_core.identity import document_key, normalise, text_hash
from tm_core.settings import Settings
from tm_core.stores import Pair, load_stores
from tm_formats.storage import Storage
from tm_store.backup_catalog import list_backups
from tm_store.db import Database
from tm_store.erase_clean import Cleaned, clean, what_stays
from tm_store.erase_files import Swept, sweep, texts_in_files, where_it_stays
from tm_store.erase_places import Kind
from tm_store.erase_scan import (
    EMBEDDED_CHARS,
    Column,
    columns,
    count_rows,
    delete_copies,
    embedded_texts,
    scan,
    scanned,
    stands_in,
    tables,
)
from tm_store.erase_windows import sweep_windows
from tm_store.journal import record, ship
from tm_store.lexicons import MIN_SCORE
from tm_store.load import merge_incoming
from tm_store.tombstones import Tombstone, encode, path_of, read, tombstones_of

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK_ROWS = 10_000
# Longer than any text.
_NEVER = (1 << 31) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class What:
    """What to erase from a store: exactly one of the four.

    Attributes:
        document: a document's name, in all language pairs: what it says, in every version, and no other document does.
        match: units with this text in their source or target, as it is written.
        regex: units whose source or target a Python regular expression finds something in.
        source_hash: units of this source (tm_core.identity.text_hash), whatever their target.
        pair: this language pair alone.
    """

    store: str
    document: str = ""
    match: str = ""
    regex: str = ""
    source_hash: str = ""
    pair: Pair | None = None

    def shown(self) -> dict[str, str]:
        """What the journal and the report say of it: never the text that was looked for."""
        shown = {name: getattr(self, name) for name in ("document", "source_hash") if getattr(self, name)}
        shown |= {
            f"{name}_sha256": hashlib.sha256(getattr(self, name).encode()).hexdigest()
            for name in ("match", "regex")
            if getattr(self, name)
        }
        return shown | ({"pair": str(self.pair)} if self.pair else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an erasure did, or would do, and the proof of it. Fit for JSON; holds no text of a segment.

    Attributes:
        journal_id: the number of the erasure, 0 in a dry run.
        tombstones: what must not come back, in number.
        named: hash of all of them: a preview and an erasure with the same name the same.
        units: that left the memory.
        removed: rows removed, or emptied, by table.
        before, after: rows of the store by table.
        columns: how many columns of the database were looked into, and found without any of the texts.
        unread: columns that this role may not read: nobody has looked there.
        left_alone: columns that the caller said are no copies.
        inside: rows by column in which the words that were asked for stand inside a text that is no unit's; a person
            should look at them. Longer words than tm_store.erase_scan.EMBEDDED_CHARS end the erasure instead.
        cleaned: tables whose dead rows and statistics were cleared, so that they do not show the texts either.
        lexicons: retired, because they may have been learned from what is gone.
        files: what was rewritten and deleted in object storage; None in a dry run.
        stays: what an erasure does not touch, and how each of it goes.
    """

    store: str
    what: dict[str, str]
    who: str
    why: str
    at: str
    dry_run: bool
    journal_id: int
    tombstones: int
    named: str
    units: int
    removed: dict[str, int]
    before: dict[str, int]
    after: dict[str, int]
    columns: int
    unread: tuple[str, ...]
    left_alone: tuple[str, ...]
    inside: dict[str, int]
    lexicons: int
    cleaned: tuple[str, ...] = ()
    files: Swept | None = None
    stays: tuple[str, ...] = ()

    def sha256(self) -> str:
        """Hash of what the report says."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def to_json(self) -> str:
        """The report as a file, with its hash."""
        return json.dumps(asdict(self) | {"sha256": self.sha256()}, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def erase(
    settings: Settings,
    db: Database,
    storage: Storage,
    what: What,
    *,
    who: str,
    why: str,
    dry_run: bool = True,
    leave: Collection[str] = (),
    approved: str = "",
) -> Report:
    """Erase, prove that nothing is left in the database, and leave tombstones; then go through the files.

    Args:
        why: for the journal; at least a word.
        dry_run: do all of it in the database, say what it did, and take it back.
        leave: columns (``schema.table.column``) that the proof would stumble on and that hold no copy.
        approved: what a person has approved, by the ``named`` of its preview; "" without one.

    Raises:
        ErasureError: nothing, or not one thing, is named; the document is not known; other texts would go than were
            approved; or the proof finds a text in a
            table that the erasure does not know: nothing was changed.

    Cost: reads the store's texts once if they are searched, and every table once a column for the proof.
    """
    _check(settings, what, why)
    store_id = _store_id(db, what.store)
    stones, texts = _select(settings, db, storage, what, store_id)
    data = encode(stones)
    if approved and approved != hashlib.sha256(data).hexdigest():
        raise ErasureError(
            f"store '{what.store}': expected to erase what was approved, found {len(stones):,} other or more things to "
            "erase: something was loaded in between, or left. Preview and approve it anew; nothing was changed."
        )
    if not dry_run:
        storage.write_atomic(path_of(data), data)
    with db.connection.transaction(force_rollback=dry_run):
        facts: dict[str, object] = {"what": what.shown(), "why": why, "path": path_of(data), "tombstones": len(stones)}
        work = _Erasure(db=db, store=what.store, store_id=store_id, leave=leave)
        report = work.run(stones, texts, what, who, why, dry_run)
        number = _record(db, facts | {"removed": report["units"]}, what.store, who)
        work.bury(number, len(stones))
        names = [row.name for row in db.run("erase/select_names", store=what.store)]
    stays = (*where_it_stays(storage, what.store, names, list_backups(storage)), *what_stays(db))
    if dry_run:
        return Report(**report, journal_id=0, stays=stays)
    ship(db, storage)
    files = sweep(db, storage, [number])
    cleaned = clean(settings, _tables(report["removed"]))
    return Report(**report, journal_id=number, stays=(*stays, *cleaned.left), files=files, cleaned=cleaned.tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a sweep removed after the erasures: rows by table, files, and what could not be cleared."""

    removed: dict[str, int]
    files: Swept
    cleaned: Cleaned


def sweep_all(settings: Settings, db: Database, storage: Storage, ids: Sequence[int] | None = None) -> Found:
    """Go through every table and file again for some erasures (journal entries), or for all that stand.

    By their tombstones alone, as a restore does it. What a writer left is removed; a second call finds nothing.

    Cost: as `sweep`, and a read of the review items of each store with tombstones.
    """
    removed: dict[str, int] = {}
    for store, graves in tombstones_of(db, ids).items():
        with db.transaction():
            work = _Erasure(db=db, store=store, store_id=_store_id(db, store))
            work.remove(sorted(graves.stones))
            windows = sweep_windows(db, store, tombstones_of(db, ids)[store])
        for table, rows in [*work.removed.items(), ("review.item.around", windows)]:
            removed[table] = removed.get(table, 0) + rows
    files = sweep(db, storage, ids)
    removed = {table: rows for table, rows in removed.items() if rows}
    return Found(removed=removed, files=files, cleaned=clean(settings, _tables(removed)))


def _tables(removed: Iterable[str]) -> list[str]:
    """schema.table of what a report counts by table or column."""
    return sorted({".".join(name.split(".")[:2]) for name in removed})


def find_erasure(db: Database, store: str, named: str) -> int:
    """The number of an erasure of the store that names just this and stands; 0 if there is none."""
    for row in db.run("erase/select_erasures"):
        if row.store == store and not row.lifted_by and row.facts and named in row.facts["path"]:
            return int(row.journal_id)
    return 0


def lift(db: Database, storage: Storage, erasure: int, *, who: str, why: str) -> int:
    """Take an erasure's tombstones away: its texts may come again, with a new run or import. Nothing comes by itself.

    Args:
        erasure: its number, as `tm erase --list` shows.

    Returns:
        Tombstones lifted.

    Raises:
        ErasureError: there is no such erasure, it was lifted before, or no reason is given.
    """
    if not why.strip():
        raise ErasureError("--why: expected the reason for lifting an erasure, found none. Nothing was changed.")
    known = {row.journal_id: row for row in db.run("erase/select_erasures")}
    if erasure not in known or known[erasure].lifted_by:
        found = "one that was lifted" if erasure in known else "none"
        raise ErasureError(
            f"erasure {erasure}: expected one that stands, found {found}. `tm erase --list` shows them; nothing was "
            "changed."
        )
    with db.transaction():
        facts: dict[str, object] = {"lifts": erasure, "why": why}
        number = record(db, kind="lift", who=who, store=known[erasure].store, facts=facts)
        lifted = db.one("erase/lift", erasure=erasure, lifted_by=number).tombstones
    ship(db, storage)
    return int(lifted)


def replay(db: Database, storage: Storage, store: str, number: int, facts: Mapping[str, Any]) -> None:
    """Do an erasure again from its journal entry: by its tombstones alone. What is gone already stays gone.

    A store that the database does not know is entered: there is nothing to erase, and its texts must not come later.

    Args:
        store, number, facts: as they stand in the entry.
    """
    stones = read(storage, facts["path"])
    with db.transaction():
        db.run("tm/ensure_store", store=store)
        work = _Erasure(db=db, store=store, store_id=_store_id(db, store))
        work.remove(stones)
        work.bury(number, len(stones))
        if graves := tombstones_of(db).get(store):
            sweep_windows(db, store, graves)
        db.run("erase/mark_swept", ids=[number])


def replay_lift(db: Database, number: int, facts: Mapping[str, Any]) -> None:
    """Lift an erasure again from its journal entry."""
    db.one("erase/lift", erasure=facts["lifts"], lifted_by=number)


def apply_tombstones(db: Database, storage: Storage, entries: Iterable[Mapping[str, Any]]) -> int:
    """Take everything out of a restored database that was erased after its backup: whatever else is replayed, this is.

    Args:
        entries: of the journal (id, kind, store, facts), in any order; other kinds are passed over.

    Returns:
        Erasures applied. Doing it again changes nothing.
    """
    applied = 0
    for entry in sorted(entries, key=lambda one: int(one["id"])):
        if entry["kind"] == "erase":
            replay(db, storage, entry["store"], entry["id"], entry["facts"])
            applied += 1
        elif entry["kind"] == "lift":
            replay_lift(db, entry["id"], entry["facts"])
    return applied


def _record(db: Database, facts: dict[str, object], store: str, who: str) -> int:
    return record(db, kind="erase", who=who, store=store, facts=facts, uri=str(facts["path"]))


# What is asked for ---------------------------------------------------------------------------------


def _check(settings: Settings, what: What, why: str) -> None:
    named = [name for name in ("document", "match", "regex", "source_hash") if getattr(what, name)]
    if len(named) != 1:
        raise ErasureError(
            "expected one of --document, --match, --regex and --source-hash, found "
            f"{' and '.join(named) or 'none of them'}. Nothing was changed."
        )
    if what.source_hash and not _SHA256.fullmatch(what.source_hash):
        raise ErasureError("--source-hash: expected 64 hexadecimal digits, found something else. Nothing was changed.")
    if not why.strip():
        raise ErasureError("--why: expected the reason for an erasure, found none. Nothing was changed.")
    stores = load_stores(settings.include / "stores.toml")
    if what.store in stores and what.pair and what.pair not in stores[what.store].pairs:
        raise ErasureError(
            f"pair {what.pair}: expected one of {', '.join(map(str, stores[what.store].pairs))}, the pairs of store "
            f"'{what.store}'. Correct --src and --tgt; nothing was changed."
        )


def _store_id(db: Database, store: str) -> int:
    found = db.run("tm/select_store", store=store)
    if not found:
        raise ErasureError(f"store '{store}': the memory holds nothing of it. Correct --store; nothing was changed.")
    return int(found[0].store_id)


#: Both languages, and both texts.
Text = tuple[str, str, str, str]
Texts = set[Text]


def _select(
    settings: Settings, db: Database, storage: Storage, what: What, store_id: int
) -> tuple[list[Tombstone], Texts]:
    """The tombstones, and the texts (src_lang, tgt_lang, src_text, tgt_text) that a search has found."""
    if what.document:
        return _documents(db, what, store_id), set()
    if what.source_hash:
        pairs = [what.pair] if what.pair else _pairs(settings, what.store)
        return [Tombstone(src_lang=one.src, tgt_lang=one.tgt, src_hash=what.source_hash) for one in pairs], set()
    found = _search(db, storage, what, store_id)
    stones = {
        Tombstone(src_lang=src_lang, tgt_lang=tgt_lang, src_hash=text_hash(src_text), tgt_hash=text_hash(tgt_text))
        for src_lang, tgt_lang, src_text, tgt_text in found
    }
    return sorted(stones), found


def _pairs(settings: Settings, store: str) -> list[Pair]:
    stores = load_stores(settings.include / "stores.toml")
    if store not in stores:
        raise ErasureError(
            f"store '{store}' is not in include/stores.toml any more: name the pair by --src and --tgt. Nothing was "
            "changed."
        )
    return list(stores[store].pairs)


def _documents(db: Database, what: What, store_id: int) -> list[Tombstone]:
    rows = db.run("erase/select_documents", store=what.store, store_id=store_id, name=what.document)
    pairs = [Pair(src=row.src_lang, tgt=row.tgt_lang) for row in rows]
    wanted = [one for one in pairs if what.pair in (None, one)]
    if not wanted:
        raise ErasureError(
            f"document '{what.document}': expected one that store '{what.store}' knows"
            f"{f' in {what.pair}' if what.pair else ''}, found none. It is the <name> of <name>.<lang>.<ext>, or the "
            "whole name of an imported file; nothing was changed."
        )
    return [
        Tombstone(
            src_lang=one.src, tgt_lang=one.tgt, document_key=document_key(what.store, what.document, one.src, one.tgt)
        )
        for one in wanted
    ]


def _search(db: Database, storage: Storage, what: What, store_id: int) -> Texts:
    """Texts of the store that are looked for, wherever a copy of them lies."""
    is_wanted = _matcher(what)
    own = (what.pair.src, what.pair.tgt) if what.pair else None
    sources = [
        _texts_in_tables(db, what.store, store_id),
        _texts_in_json(db, what.store, store_id),
        texts_in_files(db, storage, what.store),
    ]
    return {
        row
        for rows in sources
        for row in rows
        if (own is None or row[:2] == own) and (is_wanted(row[2]) or is_wanted(row[3]))
    }


def _matcher(what: What) -> Callable[[str], bool]:
    if what.match:
        wanted = normalise(what.match)
        if not wanted:
            raise ErasureError("--match: expected a text, found white space. Nothing was changed.")
        return lambda text: wanted in text
    try:
        pattern = re.compile(what.regex)
    except re.error as error:
        raise ErasureError(f"--regex: expected a regular expression of Python: {error}. Nothing was changed.") from None
    if pattern.search(""):
        raise ErasureError("--regex: it fits the empty text, and so every unit there is. Nothing was changed.")
    return lambda text: pattern.search(text) is not None


def _texts_in_tables(db: Database, store: str, store_id: int) -> Iterator[tuple[str, str, str, str]]:
    """Both texts of every row of the store in every table that has such columns."""
    for one in tables(columns(db)):
        if not one.owner or not {"src_lang", "tgt_lang", "src_text", "tgt_text"} <= one.columns:
            continue
        statement = sql.SQL("select src_lang, tgt_lang, src_text, tgt_text from {} where {} = {}").format(
            one.identifier, sql.Identifier(one.owner), sql.Literal(store_id if one.owner == "store_id" else store)
        )
        with db.transaction(), db.connection.cursor(name="tm_erase") as cursor:
            cursor.execute(statement)
            while rows := cursor.fetchmany(_BLOCK_ROWS):
                yield from rows


def _texts_in_json(db: Database, store: str, store_id: int) -> Iterator[tuple[str, str, str, str]]:
    """Both texts of what stands round review items, and of what a rejection took out of the memory."""
    for row in db.run("erase/select_windows", store=store):
        for bead in [*row.around.get("before", []), *row.around.get("after", [])]:
            src, tgt = (row.around.get(f"{side}_glue", " ").join(bead[side]) for side in ("src", "tgt"))
            if src or tgt:
                yield row.src_lang, row.tgt_lang, src, tgt
    for row in db.run("erase/select_removed", store_id=store_id):
        yield row.src_lang, row.tgt_lang, row.src_text, row.tgt_text


# The erasure ---------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class _Erasure:
    """One erasure, inside its transaction."""

    db: Database
    store: str
    store_id: int
    leave: Collection[str] = ()
    removed: dict[str, int] = field(default_factory=dict)
    lexicons: int = 0

    def run(
        self, stones: Sequence[Tombstone], texts: Texts, what: What, who: str, why: str, dry_run: bool
    ) -> dict[str, Any]:
        """Remove, and prove it; returns the report's facts."""
        found = columns(self.db)
        looked = scanned(found, self.leave)
        before = count_rows(self.db, tables(found), self.store, self.store_id)
        self.remove(stones, texts, normalise(what.match) if what.match and not what.pair else "")
        self._prove(looked)
        inside = self._inside(looked, what)
        return {
            "store": self.store,
            "what": what.shown(),
            "who": who,
            "why": why,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "dry_run": dry_run,
            "tombstones": len(stones),
            "named": hashlib.sha256(encode(stones)).hexdigest(),
            "units": self.removed.get("tm.unit", 0),
            "removed": self.removed,
            "before": before,
            "after": count_rows(self.db, tables(found), self.store, self.store_id),
            "columns": sum(one.may_read for one in looked),
            "unread": tuple(str(one) for one in looked if not one.may_read),
            "left_alone": tuple(sorted(self.leave)),
            "inside": inside,
            "lexicons": self.lexicons,
        }

    def remove(self, stones: Sequence[Tombstone], texts: Collection[Text] = (), words: str = "") -> None:
        """Remove whatever matches, in the memory, its history and every table with a copy.

        Args:
            texts: found by a search, and to be gone from neighbours and properties too.
            words: what a person asked for, as it is written: gone where it stands inside a neighbour, too.
        """
        db, of_store = self.db, {"store_id": self.store_id}
        db.run("lookup/lock_store", **of_store)
        db.run("erase/create_grave")
        fields = ("src_lang", "tgt_lang", "document_key", "src_hash", "tgt_hash")
        db.copy(
            "erase/copy_grave",
            (
                [value if name.endswith("lang") else "\\x" + value for name in fields for value in [getattr(one, name)]]
                for one in stones
            ),
        )
        db.run("erase/create_erased", **of_store, min_score=MIN_SCORE)
        db.run("erase/create_struck", **of_store)
        db.run("erase/create_sought")
        db.run("erase/fill_sought", **of_store)
        db.copy("erase/copy_sought", sorted({(text,) for row in texts for text in row[2:]}))
        if words:
            db.run("erase/insert_asked", words=words)
        self._remove_units()
        self._remove_copies()
        db.run("erase/narrow_sought", **of_store)
        self._note({"tm.extra": db.one("erase/strip_extras", **of_store).rows})
        inside = EMBEDDED_CHARS if embedded_texts(db) else _NEVER
        blanked = db.one("erase/blank_windows", store=self.store, **of_store, inside=inside).rows
        self._note({"review.item.around": blanked})

    def _remove_units(self) -> None:
        db, of_store = self.db, {"store_id": self.store_id}
        gone = db.one("erase/delete_units", **of_store)
        db.run("erase/delete_versions", **of_store)
        db.run("erase/create_fresh", **of_store)
        db.run("versions/create_incoming")
        merged = merge_incoming(db, [self.store_id])
        db.run("erase/settle_erased", **of_store)
        db.run("erase/create_pair", **of_store)
        left = sum(merged.removed.values())
        self._note({"tm.unit": gone.units + left, "tm.evidence": gone.evidence, "tm.withdrawn": gone.versions})
        self._note({"tm.withdrawn_unit": gone.kept})

    def _remove_copies(self) -> None:
        db = self.db
        # Of the verdicts whose changes are deleted next.
        self._note({"review.verdict.note": db.one("erase/blank_notes", store=self.store).rows})
        self._note(delete_copies(db, tables(columns(db)), self.store, self.store_id))
        self._note({"review.change": db.one("erase/delete_changes", store=self.store).rows})
        self._note({"staging.bead": db.one("erase/blank_beads", store=self.store).beads})
        self._note({"ops.ledger": db.one("erase/delete_ledger").alignments})
        self.lexicons = len(db.run("erase/retire_lexicons"))

    def _note(self, rows: Mapping[str, int]) -> None:
        self.removed |= {table: count for table, count in rows.items() if count}

    def _prove(self, looked: Sequence[Column]) -> None:
        if left := scan(self.db, looked, self.store, self.store_id):
            self._refuse(left)

    def _refuse(self, left: Mapping[str, int]) -> None:
        places = "\n".join(f"  {place}: {rows:,} rows" for place, rows in left.items())
        raise ErasureError(
            f"store '{self.store}': expected the texts to be gone, found them in\n{places}\n"
            "These are copies that the erasure does not know, or texts that mean something else there. Remove the "
            "copies, or name the columns that hold none by --leave, and run it again. Nothing was changed."
        )

    def _inside(self, looked: Sequence[Column], what: What) -> dict[str, int]:
        """Where the words that were asked for stand after all, inside longer texts.

        A pair alone was asked for: other pairs may say them.
        """
        if what.pair or not (what.match or what.regex):
            return {}
        found = stands_in(self.db, looked, self.store, self.store_id, _matcher(what))
        own = {
            str(one): one.owner for one in looked if one.place is not Kind.PROSE or len(what.match) >= EMBEDDED_CHARS
        }
        if left := {place: rows for place, rows in found.items() if own.get(place)}:
            self._refuse(left)
        return found

    def bury(self, number: int, stones: int) -> None:
        """Leave the tombstones under the number of the journal entry."""
        self.db.run("erase/insert_tombstones", store_id=self.store_id, journal_id=number)
        self.db.run("erase/insert_erasure", journal_id=number, store=self.store, tombstones=stones)
