"""What reviewers write: judgements, corrections and undos. Each is a row that stays, and an entry of the journal.

All of a write is one transaction: the row, what it changed, the journal, the item's new version, and the memory itself
unless a load holds the store (tm_store.review_memory). Texts of corrections and notes go to object storage beside the
journal, because an entry holds no text.
"""

import json
import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb

from tm_core.boundaries import Bead, Move, Triple, rebound
from tm_core.errors import ReviewError, StaleVersion, TmError
from tm_core.identity import context_hash, normalise, text_hash, unit_key
from tm_core.precision import JUDGING, Correction, Judgement
from tm_core.rules import Thresholds
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.journal import FOLDER, record, ship
from tm_store.review import Item, _bead, _one, item, own_bead, refuse_other
from tm_store.review_memory import settle
from tm_store.tombstones import entombed

log = logging.getLogger(__name__)

#: Characters of a reviewer's note at most.
MOST_NOTE = 2000
# Characters of one side of a corrected unit, unless it was longer before: what the filter lets pass.
_MOST_TEXT = Thresholds().max_chars


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A pair of texts that a verdict speaks of; ``place`` are the columns that say where a corrected unit stands."""

    side: str
    is_right: bool
    src_text: str
    tgt_text: str
    place: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    """One row for the trail, on its way."""

    kind: Judgement
    changes: Sequence[_Change] = ()
    correction: Correction | None = None
    undoes: bytes | None = None
    note: str = ""
    seconds: float = 0.0


def judge(
    db: Database,
    storage: Storage,
    item_id: int,
    *,
    who: str,
    version: int,
    verdict: Judgement,
    note: str = "",
    seconds: float = 0.0,
) -> Item:
    """Judge an item, or pass it on (``skip``). Wrong and partial units leave the memory, with all their twins there.

    Args:
        who: the reviewer.
        version: of the item as it was read.
        verdict: accept, wrong, partial or skip.
        seconds: how long the reviewer took; 0 if unknown.

    Returns:
        The item as it is now.

    Raises:
        UnknownItem: there is no such item.
        StaleVersion: somebody wrote it since it was read.
        ItemClaimed: another reviewer holds it.
        ReviewError: it is done, or this reviewer has judged it already, or the note is too long.
    """
    if verdict is Judgement.UNDO:
        raise ReviewError(f"review item {item_id}: a verdict is accept, wrong, partial or skip. Nothing was changed.")
    with _writing(db, storage, item_id, who, version) as row:
        changes = [] if verdict is Judgement.SKIP else [_before(row, is_right=verdict is Judgement.ACCEPT)]
        write = _Write(kind=verdict, changes=changes, note=note, seconds=seconds)
        _write(db, storage, row, who, write)
    return item(db, item_id, who)


def edit_target(
    db: Database,
    storage: Storage,
    item_id: int,
    *,
    who: str,
    version: int,
    text: str,
    note: str = "",
    seconds: float = 0.0,
) -> Item:
    """Replace the target by a better one: the unit leaves the memory, and the corrected one enters it for good.

    Raises:
        ReviewError: the text is empty, too long, or what it was; else as ``judge``.
    """
    with _writing(db, storage, item_id, who, version) as row:
        wanted = normalise(text)
        _check_text(row, wanted)
        place = {name: _hex(getattr(row, name)) for name in ("context", "prev_hash", "next_hash")}
        place |= {"item_key": row.item_key, "position": row.position}
        after = _after(row, row.src_text, wanted, place)
        write = _Write(
            kind=Judgement.PARTIAL,
            correction=Correction.EDIT,
            changes=[_before(row, is_right=False), after],
            note=note,
            seconds=seconds,
        )
        _write(db, storage, row, who, write)
    return item(db, item_id, who)


def move_segments(
    db: Database,
    storage: Storage,
    item_id: int,
    *,
    who: str,
    version: int,
    moves: Sequence[Move],
    note: str = "",
    seconds: float = 0.0,
) -> Item:
    """Mend where the bead ends: segments go to or come from its neighbours, whose units change with it.

    Raises:
        ReviewError: the moves cannot be made, or leave everything as it was; else as ``judge``.
    """
    with _writing(db, storage, item_id, who, version) as row:
        if not row.around.get("own"):
            raise ReviewError(
                f"review item {item_id}: expected the segments of its bead, found none: its batch's files were gone "
                "when it was drawn, or a text beside it was erased. Edit its target or mark it partial; nothing was "
                "changed."
            )
        window = [*map(_bead, row.around["before"]), own_bead(row), *map(_bead, row.around["after"])]
        at = len(row.around["before"])
        moved = _rebound(window, at, moves)
        if moved == window:
            raise ReviewError(f"review item {item_id}: expected a move that changes the bead. Nothing was changed.")
        write = _Write(
            kind=Judgement.PARTIAL,
            correction=Correction.BOUNDARY,
            changes=_boundary_changes(row, window, moved),
            note=note,
            seconds=seconds,
        )
        _write(db, storage, row, who, write)
    return item(db, item_id, who)


def undo(db: Database, storage: Storage, item_id: int, *, who: str, version: int) -> Item:
    """Take the reviewer's own last verdict on an item back; the memory is as if it had not been said.

    Raises:
        ReviewError: the reviewer has no verdict on it that stands; else as ``judge``.
    """
    with _writing(db, storage, item_id, who, version, judging=False) as row:
        standing = db.run("review/select_last_own", item_id=item_id, who=who)
        if not standing:
            raise ReviewError(
                f"review item {item_id}: expected a verdict of {who} to take back, found none that stands. "
                "Nothing was changed."
            )
        _write(db, storage, row, who, _Write(kind=Judgement.UNDO, undoes=standing[0].verdict_key))
    return item(db, item_id, who)


# One write -----------------------------------------------------------------------------------------


@contextmanager
def _writing(
    db: Database, storage: Storage, item_id: int, who: str, version: int, *, judging: bool = True
) -> Iterator[Any]:
    """The item's row, locked and checked; ships the journal once the transaction is over."""
    with db.transaction():
        row = _one(db, "review/lock_item", item_id)
        if row.version != version:
            raise StaleVersion(
                f"review item {item_id}: expected version {version}, found {row.version}: somebody has judged it since "
                "it was read. Read it again; nothing was changed."
            )
        refuse_other(row, who)
        if judging and (row.state != "open" or who in row.reviewers):
            raise ReviewError(
                f"review item {item_id}: expected one that {who} can judge, found one that "
                f"{'they have judged: undo that first' if who in row.reviewers else 'is done'}. Nothing was changed."
            )
        yield row
    try:
        ship(db, storage)
    except (TmError, OSError) as error:
        # What was written is safe in the database; the next verdict or the next backup ships it.
        log.warning("the journal could not be shipped: %s", error)


def _write(db: Database, storage: Storage, row: Any, who: str, write: _Write) -> None:
    if len(write.note) > MOST_NOTE:
        raise ReviewError(
            f"review item {row.item_id}: expected a note of at most {MOST_NOTE:,} characters, found "
            f"{len(write.note):,}. Shorten it; nothing was changed."
        )
    _refuse_erased(db, row, write)
    key = uuid.uuid4().bytes
    changes = [_row(row, key, number, change) for number, change in enumerate(write.changes)]
    said = db.one(
        "review/insert_verdict",
        item_id=row.item_id,
        verdict_key=key,
        who=who,
        kind=write.kind.value,
        correction=write.correction.value if write.correction else "",
        undoes=write.undoes,
        note=write.note,
        seconds=min(max(write.seconds, 0.0), 86_400.0),
    )
    db.run("review/insert_changes", rows=Jsonb(changes))
    db.run("review/refresh_items", batch_id=row.batch_id, document_key=row.document_key, position=row.position)
    _journal(db, storage, said, changes)
    if write.kind in JUDGING or write.kind is Judgement.UNDO:
        db.run("review/insert_unsettled", verdict_key=key, store=row.store)
        settle(db, row.store)


def _refuse_erased(db: Database, row: Any, write: _Write) -> None:
    """A correction must not bring back what was erased, nor a note quote it."""
    after = [(one.src_text, one.tgt_text) for one in write.changes if one.side == "after"]
    notes = [write.note] if write.note else []
    if not after and not notes:
        return
    if entombed(db, row.store, (row.src_lang, row.tgt_lang), after, notes):
        raise ReviewError(
            f"review item {row.item_id}: expected a correction or note that may be kept, found a text that was erased "
            f"from store '{row.store}'. Write another one; a mistaken erasure is lifted by `tm erase --lift`. Nothing "
            "was changed."
        )


def _journal(db: Database, storage: Storage, said: Any, changes: Sequence[dict[str, Any]]) -> None:
    """Texts and notes as a file, numbers and hashes as the entry."""
    path = f"{FOLDER}/verdicts/{said.verdict_key.hex()}.json" if said.correction or said.note else ""
    if path:
        body = {"note": said.note, "texts": [[one["src_text"], one["tgt_text"]] for one in changes]}
        storage.write_atomic(path, json.dumps(body, ensure_ascii=False, sort_keys=True).encode("utf-8") + b"\n")
    facts = {name: _plain(value) for name, value in said._asdict().items() if name not in ("verdict_id", "note")}
    facts["changes"] = [{name: one[name] for name in one if name not in ("src_text", "tgt_text")} for one in changes]
    kind = "correction" if said.correction else "verdict"
    record(db, kind=kind, who=said.who, store=said.store, facts=facts, uri=path)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else value


# What it changes -----------------------------------------------------------------------------------


def _row(row: Any, key: bytes, number: int, change: _Change) -> dict[str, Any]:
    """A row of review.change."""
    empty = {"unit_key": "\\x", "context": "\\x", "prev_hash": "\\x", "next_hash": "\\x", "item_key": "", "position": 0}
    return empty | dict(change.place) | {
        "verdict_key": _hex(key),
        "number": number,
        "side": change.side,
        "is_right": change.is_right,
        "store": row.store,
        "src_lang": row.src_lang,
        "tgt_lang": row.tgt_lang,
        "src_hash": "\\x" + text_hash(change.src_text),
        "tgt_hash": "\\x" + text_hash(change.tgt_text),
        "src_text": change.src_text,
        "tgt_text": change.tgt_text,
    }  # fmt: skip


def _hex(value: bytes) -> str:
    return "\\x" + value.hex()


def _before(row: Any, *, is_right: bool) -> _Change:
    return _Change(side="before", is_right=is_right, src_text=row.src_text, tgt_text=row.tgt_text)


def _after(row: Any, src_text: str, tgt_text: str, place: dict[str, Any]) -> _Change:
    context = place["context"].removeprefix("\\x")
    key = unit_key(row.store, row.src_lang, row.tgt_lang, src_text, tgt_text, context)
    return _Change(
        side="after", is_right=True, src_text=src_text, tgt_text=tgt_text, place=place | {"unit_key": "\\x" + key}
    )


def _check_text(row: Any, text: str) -> None:
    if not text:
        raise ReviewError(
            f"review item {row.item_id}: expected a target, found an empty one. Mark the unit wrong to have it leave "
            "the memory; nothing was changed."
        )
    if text == row.tgt_text:
        raise ReviewError(
            f"review item {row.item_id}: the target is what it was. Accept it instead; nothing was changed."
        )
    most = max(_MOST_TEXT, len(row.tgt_text))
    if len(text) > most:
        raise ReviewError(
            f"review item {row.item_id}: expected a target of at most {most:,} characters, "
            f"found {len(text):,}. Shorten it; nothing was changed."
        )


def _rebound(window: list[Bead], at: int, moves: Sequence[Move]) -> list[Bead]:
    """The window with segments moved between its bead number ``at`` and that one's neighbours."""
    triple = Triple(
        before=window[at - 1] if at else None, own=window[at], after=window[at + 1] if at + 1 < len(window) else None
    )
    done = rebound(triple, moves)
    changed = {one.position: one for one in (done.before, done.own, done.after) if one}
    return [changed.get(one.position, one) for one in window]


def _boundary_changes(row: Any, old: Sequence[Bead], new: Sequence[Bead]) -> list[_Change]:
    """Both sides of every bead that changed. A side that is a null bead's is no unit, before or after."""
    glue = (row.around["src_glue"], row.around["tgt_glue"])
    changes: list[_Change] = []
    for number, (before, after) in enumerate(zip(old, new, strict=True)):
        if before == after:
            continue
        if before.is_pair:
            src, tgt = _texts(before, glue)
            changes.append(_Change(side="before", is_right=False, src_text=src, tgt_text=tgt))
        if after.is_pair:
            changes.append(_after(row, *_texts(after, glue), _place(new, number)))
    return changes


def _texts(bead: Bead, glue: tuple[str, str]) -> tuple[str, str]:
    return glue[0].join(bead.src), glue[1].join(bead.tgt)


def _place(window: Sequence[Bead], number: int) -> dict[str, Any]:
    """Where a bead stands: between the source segments before and after it, as the aligner says it."""
    ahead = [segment for bead in window[:number] for segment in bead.src]
    behind = [segment for bead in window[number + 1 :] for segment in bead.src]
    before, after = ahead[-1] if ahead else "", behind[0] if behind else ""
    return {
        "context": "\\x" + context_hash(before, after),
        "prev_hash": "\\x" + (text_hash(before) if before else ""),
        "next_hash": "\\x" + (text_hash(after) if after else ""),
        "item_key": "",
        "position": window[number].position,
    }
