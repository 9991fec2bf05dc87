"""The review queue as a page sees it: what waits, one item with its neighbours, claims, and how far people have come.

What writes a judgement is in tm_store.review_verdicts, the trail of all that was written in tm_store.review_audit,
numbers over many verdicts in tm_store.review_stats.

An item is a bead as it was when it was drawn: its texts never change here. It has a **version**, one more with every
judgement and every undo; whoever writes names the version that was read, and is refused if it is not the last one. A
**claim** keeps others off an item for some minutes; it is no lock: once it has run out, the first to write wins.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from tm_core.boundaries import Bead
from tm_core.errors import ItemClaimed, ReviewError, UnknownItem
from tm_store.db import Database

#: How long a claim keeps others off, minutes: a coffee, not a lunch. Not calibrated yet.
CLAIM_MINUTES = 15
#: Items a page of the queue at most.
MOST_A_PAGE = 200


class QueueState(StrEnum):
    """Which items a page of the queue shows."""

    OPEN = "open"  # the reviewer can judge them now: not judged by them, not claimed by another
    MINE = "mine"  # the reviewer has judged them or passed them on
    DISPUTED = "disputed"  # two reviewers judged them differently
    DONE = "done"  # judged as often as wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which items are asked for; "" and None mean all.

    Attributes:
        origin: sample, twin or blind.
    """

    state: QueueState = QueueState.OPEN
    store: str = ""
    src_lang: str = ""
    tgt_lang: str = ""
    tier: str = ""
    score_bin: int | None = None
    origin: str = ""
    batch_id: str = ""

    def parameters(self) -> dict[str, object]:
        """As the statements take them: null for all."""
        texts = ("store", "src_lang", "tgt_lang", "tier", "origin", "batch_id")
        return {name: getattr(self, name) or None for name in texts} | {
            "state": self.state.value,
            "score_bin": self.score_bin,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemHead:
    """An item as it stands in a list.

    Attributes:
        version: to be named by whoever writes it.
        origin: why it is here: ``sample`` (drawn), ``twin`` (the same texts were refused in another store), ``blind``
            (one side of an A/B; tier, score and score bin are hidden: "", 0 and -1).
        score: confidence of the aligner, 0 to 1; score_bin: 0 to 4.
        priority: 0 to 1; larger is nearer the head of the queue.
        wanted, verdicts: judgements that are wanted, and that stand.
        is_mine: the reviewer who asks has judged it or passed it on.
        claimed_by: "" if nobody holds it now.
    """

    item_id: int
    version: int
    store: str
    src_lang: str
    tgt_lang: str
    tier: str
    score_bin: int
    score: float
    origin: str
    priority: float
    src_text: str
    tgt_text: str
    state: str
    wanted: int
    verdicts: int
    disputed: bool
    is_mine: bool
    claimed_by: str
    claimed_until: datetime | None
    batch_id: str
    partition_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """Items, and the cursor of what comes after them: "" at the end."""

    items: tuple[ItemHead, ...]
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the trail: a verdict, a correction or an undo.

    Attributes:
        kind: a tm_core.precision.Judgement.
        correction: a tm_core.precision.Correction, or "".
        undone: somebody took it back later.
        before, after: (source, target) of what it changed; the same number of pairs only by chance.
        settled: the memory has taken it in; False while a load holds the store.
    """

    verdict_key: str
    at: datetime
    who: str
    kind: str
    correction: str
    note: str
    seconds: float
    undoes: str
    undone: bool
    settled: bool
    store: str
    src_lang: str
    tgt_lang: str
    item_id: int | None
    unit_key: str
    before: tuple[tuple[str, str], ...]
    after: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item with all that a reviewer needs.

    Attributes:
        document: name of the document pair; "" if the books have forgotten it.
        own: the bead's segments; before, after: its neighbours, nearest last and nearest first. Without the batch's
            segments each side is one segment, and nothing can be moved.
        can_move: whether the bead has a neighbour that segments could be moved to or from.
        src_glue, tgt_glue: what stands between two joined segments: a space, or nothing.
        current: (source, target) as they are now, after what stands was applied: () if the unit left the memory, one
            pair or more after a correction.
        events: the item's trail, oldest first. While more judgements are wanted, a reviewer who has not judged sees
            none: the second opinion is one of its own.
        twins: units of the memory with the same two texts, this one aside, in all stores.
    """

    head: ItemHead
    document: str
    document_key: str
    position: int
    unit_key: str
    confidence: float
    own: Bead
    before: tuple[Bead, ...]
    after: tuple[Bead, ...]
    can_move: bool
    src_glue: str
    tgt_glue: str
    current: tuple[tuple[str, str], ...]
    events: tuple[Event, ...]
    twins: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the queue has come, under the filters (their state aside).

    Attributes:
        open: items that want a judgement still; for_me: of them, those the reviewer can judge now.
        done, disputed: as QueueState says.
        mine, mine_today: judgements of the reviewer that stand, in all and since midnight UTC.
        seconds: median time of the reviewer's last 50 judgements, 0 if unknown.
    """

    open: int
    for_me: int
    done: int
    disputed: int
    mine: int
    mine_today: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One choice of a filter: a store, pair and tier with open items, and how many."""

    store: str
    src_lang: str
    tgt_lang: str
    tier: str
    open: int
    done: int


# Reading -------------------------------------------------------------------------------------------


def queue(db: Database, who: str, filters: Filters, *, after: str = "", limit: int = 50) -> QueuePage:
    """A page of the queue, most wanted first.

    Args:
        who: the reviewer.
        after: the cursor of the page before; "" for the first.
        limit: 1 to 200 items.

    Raises:
        ReviewError: the cursor or the limit is not one.

    Cost: a few milliseconds with 10,000 items, whatever the page.
    """
    if not 1 <= limit <= MOST_A_PAGE:
        raise ReviewError(f"limit is {limit}, expected 1 to {MOST_A_PAGE}. Nothing was read.")
    priority, item_id = _cursor(after)
    rows = db.run(
        "review/select_queue",
        who=who,
        **filters.parameters(),
        after_priority=priority,
        after_id=item_id,
        most=limit + 1,
    )
    heads = [_head(row) for row in rows[:limit]]
    more = f"{heads[-1].priority!r}:{heads[-1].item_id}" if len(rows) > limit else ""
    return QueuePage(items=tuple(heads), after=more)


def _cursor(text: str) -> tuple[float, int]:
    if not text:
        return 2.0, 0  # before every priority
    try:
        priority, item_id = text.split(":")
        found = float(priority), int(item_id)
    except ValueError:
        raise ReviewError(f"'{text[:40]}' is no cursor of the queue. Start at the first page.") from None
    if not (0 <= found[0] <= 2 and 0 <= found[1] < 1 << 63):
        raise ReviewError(f"'{text[:40]}' is no cursor of the queue. Start at the first page.")
    return found


def item(db: Database, item_id: int, who: str) -> Item:
    """One item with its neighbours and its trail.

    Raises:
        UnknownItem: there is none of this number.
    """
    row = _one(db, "review/select_item", item_id, who=who)
    head = _head(row)
    hidden = head.state == "open" and not head.is_mine
    events = () if hidden else tuple(map(event, db.run("review/select_item_events", item_id=item_id)))
    before, after = (tuple(map(_bead, row.around.get(side, ()))) for side in ("before", "after"))
    return Item(
        head=head,
        document=row.document or "",
        document_key=row.document_key.hex(),
        position=row.position,
        unit_key=row.unit_key.hex(),
        confidence=row.confidence,
        own=own_bead(row),
        before=before,
        after=after,
        can_move=bool(before or after) and bool(row.around.get("own")),
        src_glue=row.around.get("src_glue", " "),
        tgt_glue=row.around.get("tgt_glue", " "),
        current=() if hidden else _current(row, events),
        events=events,
        twins=row.twins,
    )


def own_bead(row: Any) -> Bead:
    """The bead of an item's row, as its segments where they are known."""
    if own := row.around.get("own"):
        return _bead(own)
    return Bead(position=row.position, src=(row.src_text,), tgt=(row.tgt_text,), score=row.score, tier=row.tier)


def _bead(facts: dict[str, Any]) -> Bead:
    return Bead(
        position=facts["position"],
        src=tuple(facts["src"]),
        tgt=tuple(facts["tgt"]),
        score=facts["score"],
        tier=facts["tier"],
    )


def _current(row: Any, events: Iterable[Event]) -> tuple[tuple[str, str], ...]:
    standing = [one for one in events if not one.undone and one.kind in ("wrong", "partial")]
    if not standing:
        return ((row.src_text, row.tgt_text),)
    return tuple(pair for one in standing for pair in one.after)


def progress(db: Database, who: str, filters: Filters) -> Progress:
    """Counts over the items that the filters name, whatever their state."""
    row = db.one("review/select_progress", who=who, **_stateless(filters))
    return Progress(**row._asdict())


def _stateless(filters: Filters) -> dict[str, object]:
    return {name: value for name, value in filters.parameters().items() if name != "state"}


def facets(db: Database) -> list[Facet]:
    """What there is to choose from: stores, pairs and tiers with items."""
    return [Facet(**row._asdict()) for row in db.run("review/select_facets")]


# Claims --------------------------------------------------------------------------------------------


def claim(db: Database, item_id: int, who: str, *, minutes: int = CLAIM_MINUTES) -> Item:
    """Keep others off an item for some minutes; claiming it again starts them anew.

    Raises:
        UnknownItem: there is none of this number.
        ItemClaimed: another reviewer holds it; the message says until when.
        ReviewError: it is done, or the reviewer has judged it already.
    """
    with db.transaction():
        row = _one(db, "review/lock_item", item_id)
        refuse_other(row, who)
        if row.state != "open" or who in row.reviewers:
            raise ReviewError(
                f"review item {item_id}: expected one that you can still judge, found one that "
                f"{'you have judged' if who in row.reviewers else 'is done'}. Take the next one; nothing was changed."
            )
        db.run("review/set_claim", item_id=item_id, who=who, minutes=minutes)
    return item(db, item_id, who)


def claim_next(db: Database, who: str, filters: Filters, *, minutes: int = CLAIM_MINUTES) -> Item | None:
    """Claim the first open item that the filters name; None if there is none. Two at once never get the same."""
    rows = db.run("review/claim_next", who=who, minutes=minutes, **_stateless(filters))
    return item(db, rows[0].item_id, who) if rows else None


def unclaim(db: Database, item_id: int, who: str) -> None:
    """Let others have an item; nothing happens if the reviewer does not hold it."""
    db.run("review/clear_claim", item_id=item_id, who=who)


def refuse_other(row: Any, who: str) -> None:
    """Raise ItemClaimed if somebody else holds the item now. ``row`` is one of ``review/lock_item``."""
    if row.is_claimed and row.claimed_by != who:
        raise ItemClaimed(
            f"review item {row.item_id}: expected it to be free, found it held by {row.claimed_by} until "
            f"{row.claimed_until:%H:%M} UTC. Take another one, or wait; nothing was changed."
        )


# Rows ----------------------------------------------------------------------------------------------


def _one(db: Database, statement: str, item_id: int, **parameters: object) -> Any:
    # A number beyond bigint cannot be asked for, and is nobody's.
    rows = db.run(statement, item_id=item_id, **parameters) if 0 < item_id < 1 << 63 else []
    for row in rows:
        return row
    raise UnknownItem(
        f"review item {item_id}: there is none of this number. Its batch may have been planned anew, and its sample "
        "with it. Read the queue again; nothing was changed."
    )


_BLIND: dict[str, Any] = {"tier": "", "score": 0.0, "score_bin": -1}


def _head(row: Any) -> ItemHead:
    shown = {name: getattr(row, name) for name in ItemHead.__dataclass_fields__}
    if row.origin == "blind" and row.state == "open":
        shown |= _BLIND
    if not row.is_claimed:
        shown |= {"claimed_by": "", "claimed_until": None}
    return ItemHead(**shown)


def event(row: Any) -> Event:
    """An event of a row of ``review.trail``."""
    shown = {name: getattr(row, name) for name in Event.__dataclass_fields__} | {
        "verdict_key": row.verdict_key.hex(),
        "undoes": row.undoes.hex() if row.undoes else "",
        "unit_key": row.unit_key.hex(),
        "before": tuple(map(tuple, row.before)),
        "after": tuple(map(tuple, row.after)),
    }
    return Event(**shown)
