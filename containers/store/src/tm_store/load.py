"""Merge a batch's accepted slices into the memory: one transaction, or nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from tm_core.errors import BatchBusy, ConservationError
from tm_core.outcomes import BatchState, Outcome, Verdict
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.lookup_index import index_lost, index_pending, indexing_novel, known_indexed
from tm_store.staging import ensure_staged


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSummary:
    """What a load did.

    Attributes:
        outcomes: beads by outcome, all outcomes named.
        inserted, removed: units that the memory gained and lost.
        loaded_before: the batch had been loaded already; nothing was changed now.
    """

    outcomes: dict[str, int]
    inserted: int
    removed: int
    loaded_before: bool


def load_batch(db: Database, storage: Storage, batch_id: str) -> LoadSummary:
    """Load a batch; loading it again changes nothing.

    The memory becomes a function of the newest version of each document, whatever the order in which batches come:
    what a document's older version said and the newer does not is withdrawn, and a unit keeps its best evidence.

    Raises:
        ConservationError: a slice's sums do not close, a bead is there twice, or a slice has no verdict. Nothing was
            loaded.
        DatabaseError: as it says; the transaction was rolled back.
    """
    batch = db.one("ops/select_batch", batch_id=batch_id)
    day = batch.partition_date
    slices = db.run("ops/select_slices", batch_id=batch_id)
    if slices and all(one.generation == batch.generation for one in slices):
        return _summary(slices, inserted=0, removed=0, loaded_before=True)
    ensure_staged(db, storage, batch_id, day)
    _check_verdicts(batch_id, db.run("ops/select_slices", batch_id=batch_id))
    with db.transaction():
        inserted, removed = merge_staged(db, batch)
    return summarise(db, batch_id, inserted=inserted, removed=removed)


def merge_staged(db: Database, batch: Any) -> tuple[int, int]:
    """Merge the staged beads of accepted slices, check every sum, settle; the caller's transaction makes it whole.

    Works on the open slices alone, those that the batch's generation has not settled: what was loaded stays as it is
    when a held slice is released after it.

    Args:
        batch: the row of ``ops/select_batch``.

    Returns:
        Units that the memory gained and lost.
    """
    check_not_rolled_back(batch)
    with _no_bead_twice(batch.batch_id):
        inserted, removed = _merge(db, batch)
    versioned = {"batch_id": batch.batch_id, "day": batch.partition_date, "generation": batch.generation}
    _check_sums(db, versioned, inserted)
    db.run("ops/settle_slices", **versioned)
    db.run("ops/set_batch_state", batch_id=batch.batch_id, state=BatchState.LOADED)
    return inserted, removed


def summarise(db: Database, batch_id: str, *, inserted: int, removed: int) -> LoadSummary:
    """What a load that has just been settled did."""
    slices = db.run("ops/select_slices", batch_id=batch_id)
    return _summary(slices, inserted=inserted, removed=removed, loaded_before=False)


def check_not_rolled_back(batch: Any) -> None:
    """A batch that was rolled back is loaded by a new plan alone: no step of the run before may bring it back.

    Raises:
        BatchBusy: it was rolled back. Nothing was changed.
    """
    if batch.state == BatchState.ROLLED_BACK:
        raise BatchBusy(
            f"batch {batch.batch_id}: expected a batch that is planned, found one that was rolled back (`tm log` says "
            f"by whom). Run the date {batch.partition_date} anew if it shall come again; nothing was changed."
        )


def _check_verdicts(batch_id: str, slices: list[Any]) -> None:
    without = [f"{one.store} {one.src_lang}-{one.tgt_lang}" for one in slices if one.verdict not in list(Verdict)]
    if without:
        raise ConservationError(
            f"batch {batch_id}: expected a verdict on every slice, found none on {', '.join(without)}. "
            "The gate has not finished. Clear 'gate'; nothing was loaded."
        )


@contextmanager
def _no_bead_twice(batch_id: str) -> Iterator[None]:
    """The books hold one outcome a bead, by their primary key: a bead that is staged twice breaks it."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise ConservationError(
            f"batch {batch_id}: expected every bead once, found one twice ({error.diag.table_name}). A file of the "
            "filter, or staging, was changed. Clear 'filter' and what follows it. Nothing was loaded: the memory is as "
            "it was before."
        ) from error


def _merge(db: Database, batch: Any) -> tuple[int, int]:
    """The merge of a batch, statement by statement; returns units (inserted, removed)."""
    of_batch = {"batch_id": batch.batch_id}
    dated = of_batch | {"day": batch.partition_date}
    versioned = dated | {"generation": batch.generation}
    db.run("tm/take_memory")
    db.run("tm/ensure_stores", **of_batch)
    locked = db.run("tm/lock_stores", **of_batch)
    db.run("tm/create_fresh", **versioned)
    db.run("tm/create_buried", **of_batch)
    db.run("tm/analyze_fresh")
    db.run("tm/create_incoming", **of_batch)
    merged = merge_incoming(db, [row.store_id for row in locked])
    db.run("tm/withdraw_stale")
    for pair, removed in merged.removed.items():
        store_id, src_lang, tgt_lang = pair
        db.run(
            "versions/set_removed",
            **of_batch,
            store_id=store_id,
            src_lang=src_lang,
            tgt_lang=tgt_lang,
            removed=removed,
        )
    db.run("ops/delete_outcomes", **versioned)
    db.run("ops/insert_outcomes", **versioned)
    return merged.inserted, sum(merged.removed.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did: units that came, and units that left by (store_id, src_lang, tgt_lang)."""

    inserted: int
    removed: dict[tuple[int, str, str], int]


def merge_incoming(db: Database, stores: Sequence[int]) -> Merged:
    """Give each document of ``fresh`` the version that ``incoming`` says, and every unit touched its best evidence.

    Versions that are replaced, or come too late, are put aside (``tm.withdrawn``). Loads, roll-backs and erasures fill
    the two temporary tables each in their way; from here on they are the same. The caller holds the stores' locks.
    Texts that people refused (``tm.ruling``) come back by none of them.
    """
    db.run("tm/create_refused")
    db.run("review/keep_refused")
    db.run("tm/delete_refused")
    db.run("tm/create_touched")
    db.run("tm/index_load")
    with indexing_novel(db) as write_index:
        db.run("tm/forget_versions")
        db.run("tm/withdraw_documents")
        db.run("tm/withdraw_evidence")
        db.run("tm/delete_evidence")
        db.run("tm/upsert_evidence")
        removed = {(row.store_id, row.src_lang, row.tgt_lang): row.removed for row in db.run("tm/delete_units")}
        write_index()
    if removed:
        index_lost(db)
    with known_indexed(db):
        inserted = db.one("tm/upsert_units").inserted
    db.run("tm/forget_texts")
    index_pending(db, stores)
    db.run("tm/upsert_documents")
    return Merged(inserted=inserted, removed=removed)


_SUMS = ("documents", "src_segments", "tgt_segments", "beads")


def _check_sums(db: Database, versioned: dict[str, Any], inserted: int) -> None:
    """The conservation identity of the slices that are being settled, in the load's own transaction."""
    batch_id, slices = versioned["batch_id"], db.run("ops/sum_slices", **versioned)
    for row in slices:
        where = f"batch {batch_id}, slice {row.store} {row.src_lang}-{row.tgt_lang}"
        for name in _SUMS:
            promised, found = getattr(row, f"promised_{name}"), getattr(row, f"found_{name}")
            # A quarantined slice may be there just because its sums do not close: it is not loaded, only counted.
            if promised != found and row.verdict == Verdict.ACCEPT:
                raise _open_sum(where, name.replace("_", " "), promised, found)
        if row.lost:
            raise _open_sum(where, "beads with a known outcome", row.found_beads, row.found_beads - row.lost)
    new = sum(row.new for row in slices)
    if new != inserted:
        raise _open_sum(f"batch {batch_id}", "new units", new, inserted)


def _open_sum(where: str, what: str, promised: int, found: int) -> ConservationError:
    return ConservationError(
        f"{where}: expected {promised:,} {what}, found {found:,}. Rows were lost or doubled between the aligner and "
        "the load. Clear 'filter' and what follows it; if it comes again, `tm explain` shows the documents' way. "
        "Nothing was loaded: the memory is as it was before."
    )


def _summary(slices: list[Any], *, inserted: int, removed: int, loaded_before: bool) -> LoadSummary:
    total = Counter({outcome.value: 0 for outcome in Outcome})
    for one in slices:
        total.update(one.outcomes or {})
    return LoadSummary(outcomes=dict(total), inserted=inserted, removed=removed, loaded_before=loaded_before)
