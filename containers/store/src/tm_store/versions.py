"""Versions of the memory: what each batch and import changed (``tm log``, ``tm diff``), and ``tm rollback``.

The memory holds the newest version of each document, of all that were loaded and not rolled back. So a roll-back is no
undo log played backwards: it takes one batch's versions away, and the next newest are current again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tm_core.errors import ConservationError, VersionError
from tm_core.outcomes import BatchState
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.journal import record, ship
from tm_store.load import merge_incoming
from tm_store.locks import date_lock

#: Rows that ``tm log`` and ``tm diff`` show unless asked for more.
LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the memory in one store.

    Attributes:
        kind: refresh, import, rollback, erase, …
        id: the batch; of an erasure and the like the number of its journal entry.
        new, updated, removed: units, None where the kind does not tell.
    """

    at: datetime
    kind: str
    id: str
    partition_date: date | None
    state: str
    who: str
    store: str
    new: int | None
    updated: int | None
    removed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One unit of a diff. ``old_text`` is the target before; a text is None where its unit is not kept any more."""

    kind: str
    store: str
    document: str
    src_lang: str
    tgt_lang: str
    src_text: str | None
    tgt_text: str | None
    old_text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What a batch or import changed: whole counts by kind (added, changed, removed), and the first of each."""

    batch_id: str
    state: str
    counts: dict[str, int]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """A document of the batch that a newer version stands above."""

    store: str
    document: str
    src_lang: str
    tgt_lang: str
    above: str
    above_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """What a roll-back did, or would do.

    Attributes:
        restored: documents that go back to an older version; removed: those that have none and leave.
        units_back, units_gone: units that came back into the memory, and that left it.
        covered: documents that later batches replaced: their units stay as they are.
    """

    batch_id: str
    dry_run: bool
    restored: int
    removed: int
    units_back: int
    units_gone: int
    covered: tuple[Covered, ...]


# Looking --------------------------------------------------------------------------------------------


def log(db: Database, *, store: str | None = None, limit: int = LISTED) -> list[Version]:
    """The versions of the memory, or of a store, newest first: one each for every store that a batch loaded."""
    rows = db.run("versions/select_log", store=store, most=limit)
    return [Version(**row._asdict()) for row in rows]


def diff(db: Database, batch_id: str, *, store: str | None = None, limit: int = LISTED) -> Diff:
    """What a batch or import changed when it was loaded.

    Args:
        limit: units of each kind to list; the counts are whole.

    Raises:
        VersionError: there is no such batch.
    """
    batch = _batch(db, batch_id)
    rows = db.run(
        "versions/select_changes", batch_id=batch_id, day=batch.partition_date, store=store, most=max(limit, 1)
    )
    return Diff(
        batch_id=batch_id,
        state=batch.state,
        counts={kind: 0 for kind in ("added", "changed", "removed")} | {row.kind: row.total for row in rows},
        changes=tuple(_change(row) for row in rows) if limit > 0 else (),
    )


def _change(row: Any) -> Change:
    return Change(
        kind=row.kind,
        store=row.store,
        document=row.name,
        src_lang=row.src_lang,
        tgt_lang=row.tgt_lang,
        src_text=row.src_text,
        tgt_text=row.tgt_text,
        old_text=row.old_text,
    )


def _batch(db: Database, batch_id: str) -> Any:
    found = db.run("versions/select_versions", batch_id=batch_id)
    if not found:
        raise VersionError(f"batch '{batch_id}': there is none. `tm log` lists them; nothing was changed.")
    return found[0]


# Rolling back ---------------------------------------------------------------------------------------


def rollback(
    db: Database, storage: Storage, batch_id: str, *, who: str, keep_later: bool = False, dry_run: bool = True
) -> Rollback:
    """Take a batch or import out of the memory, as though it had never been loaded.

    Its deposit and its alignments stay: a new run of its date, or the same import, loads it again.

    Args:
        keep_later: also where later batches replaced some of its documents: these keep what they have now.
        dry_run: do all of it, say what it did, and take it back.

    Raises:
        VersionError: there is no such batch, nothing of it is in the memory, later batches stand above it and
            ``keep_later`` is not set (not with ``dry_run``: then they are listed), or a version to go back to has been
            put away. Nothing was changed.
        BatchBusy: a step is at work on the batch's date.

    Cost: reads and writes the units of the batch's documents, in this and in the version before.
    """
    batch = _batch(db, batch_id)
    with date_lock(db, batch.partition_date, "rollback", who), db.connection.transaction(force_rollback=dry_run):
        done = _roll_back(db, batch, keep_later=keep_later or dry_run, dry_run=dry_run)
        if not dry_run:
            _record(db, batch, done, who, keep_later)
    if not dry_run:
        ship(db, storage)
    return done


def replay(db: Database, facts: Mapping[str, Any]) -> str:
    """Do a roll-back again from its journal entry; returns why it could not be, or ""."""
    found = db.run("versions/select_versions", batch_id=facts["batch_id"])
    if not found or found[0].state == BatchState.ROLLED_BACK:
        return "" if found else f"batch {facts['batch_id']} is not in this database: do not run its date again"
    try:
        with date_lock(db, found[0].partition_date, "rollback", "journal"), db.transaction():
            _roll_back(db, found[0], keep_later=True, dry_run=False)
    except VersionError as error:
        return str(error)
    return ""


def _roll_back(db: Database, batch: Any, *, keep_later: bool, dry_run: bool) -> Rollback:
    """Inside the transaction."""
    stores = [row.store_id for row in db.run("versions/select_batch_stores", batch_id=batch.batch_id)]
    of_batch = {"batch_id": batch.batch_id, "stores": stores}
    db.run("import/lock_import", batch_id=batch.batch_id)
    db.run("tm/lock_stores", batch_id=batch.batch_id)
    covered = tuple(_covered(row) for row in db.run("versions/select_covered", **of_batch))
    if covered and not keep_later:
        raise VersionError(_refusal(batch.batch_id, covered))
    db.run("versions/create_fresh", **of_batch)
    documents = db.run("versions/select_documents")
    _check(batch, documents, covered)
    db.run("versions/delete_versions", **of_batch)
    db.run("versions/create_incoming")
    if textless := db.one("versions/count_textless").units:
        raise ConservationError(
            f"batch {batch.batch_id}: expected a text for every unit of the versions before it, found {textless:,} "
            "without. Rows of tm.withdrawn_unit were lost. Restore a backup, or run the dates of the documents anew; "
            "nothing was changed."
        )
    merged = merge_incoming(db, stores)
    db.run("versions/restore_extras")
    db.run("review/delete_open_items", batch_id=batch.batch_id)
    db.run("staging/delete_beads", batch_id=batch.batch_id)
    db.run("ops/set_batch_state", batch_id=batch.batch_id, state=BatchState.ROLLED_BACK)
    gone = sum(row.batch_id is None for row in documents)
    return Rollback(
        batch_id=batch.batch_id,
        dry_run=dry_run,
        restored=len(documents) - gone,
        removed=gone,
        units_back=merged.inserted,
        units_gone=sum(merged.removed.values()),
        covered=covered,
    )


def _covered(row: Any) -> Covered:
    return Covered(
        store=row.store,
        document=row.name,
        src_lang=row.src_lang,
        tgt_lang=row.tgt_lang,
        above=row.above,
        above_date=row.partition_date,
    )


def _check(batch: Any, documents: Sequence[Any], covered: Sequence[Covered]) -> None:
    if not documents and not covered:
        raise VersionError(
            f"batch {batch.batch_id} ({batch.state}): expected documents of it in the memory, found none. It was "
            "rolled back before, or never loaded; nothing was changed."
        )
    if pruned := [row for row in documents if row.is_pruned]:
        raise VersionError(
            f"batch {batch.batch_id}: expected the version before it of every document, found {len(pruned):,} whose "
            f"version has been put away for its age ({pruned[0].name}, {pruned[0].partition_date}). Run the dates of "
            "these documents anew, or restore a backup; nothing was changed."
        )


def _refusal(batch_id: str, covered: Sequence[Covered]) -> str:
    names = "\n".join(f"  {line}" for line in map(describe, covered[:LISTED]))
    more = f"\n  and {len(covered) - LISTED:,} more" if len(covered) > LISTED else ""
    return (
        f"batch {batch_id}: later batches replaced {len(covered):,} of its documents:\n{names}{more}\n"
        "Roll these batches back first, newest first, or give --keep-later to leave their documents as they are. "
        "Nothing was changed."
    )


def describe(one: Covered) -> str:
    """A covered document and what stands above it."""
    above = f"{one.above} ({one.above_date})" if one.above else "a version that was rolled back"
    return f"{one.store}/{one.document} {one.src_lang}-{one.tgt_lang}: {above}"


def _record(db: Database, batch: Any, done: Rollback, who: str, keep_later: bool) -> None:
    stores = [row.name for row in db.run("versions/select_batch_stores", batch_id=batch.batch_id)]
    facts: dict[str, object] = {
        "batch_id": batch.batch_id,
        "date": batch.partition_date.isoformat(),
        "keep_later": keep_later,
        "documents": done.restored + done.removed,
        "inserted": done.units_back,
        "removed": done.units_gone,
    }
    record(db, kind="rollback", who=who, store=", ".join(stores), facts=facts)


# Keeping --------------------------------------------------------------------------------------------


def prune_versions(db: Database, before: datetime) -> tuple[int, int]:
    """Put away what versions said that were replaced before a moment; a roll-back to one of them is refused afterwards.

    Returns:
        Document versions put away, and units whose texts went with them.

    Cost: reads all of tm.withdrawn_unit.
    """
    row = db.one("versions/prune_versions", before=before)
    return row.documents, row.units
