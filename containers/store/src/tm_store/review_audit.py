"""The trail: who judged and corrected what, when; the life of one unit; and where else its two texts stand."""

from dataclasses import dataclass
from datetime import date, datetime

from tm_core.errors import ReviewError
from tm_store.db import Database
from tm_store.review import Event, event

#: Rows of the trail a page at most.
MOST_A_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Rows of the trail, newest first, and the cursor of what comes after them: 0 at the end."""

    events: tuple[Event, ...]
    after: int


def audit(
    db: Database,
    *,
    store: str = "",
    src_lang: str = "",
    tgt_lang: str = "",
    who: str = "",
    kind: str = "",
    after: int = 0,
    limit: int = 100,
) -> AuditPage:
    """A page of the trail: verdicts, corrections and undos. What gates and people decided on slices is
    ``tm_store.review_stats.gate_history``.

    Args:
        after: the cursor of the page before; 0 for the first.
        limit: 1 to 500 rows.
    """
    if not 1 <= limit <= MOST_A_PAGE or not 0 <= after < 1 << 63:
        raise ReviewError(f"limit is {limit}, after is {after}: expected 1 to {MOST_A_PAGE}, and a cursor or 0.")
    rows = db.run(
        "review/select_audit",
        store=store or None,
        src_lang=src_lang or None,
        tgt_lang=tgt_lang or None,
        who=who or None,
        kind=kind or None,
        after=after or (1 << 63) - 1,
        most=limit + 1,
    )
    return AuditPage(
        events=tuple(map(event, rows[:limit])), after=rows[limit - 1].verdict_id if len(rows) > limit else 0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEvidence:
    """A document that says a unit, now or in a version that was replaced.

    Attributes:
        document: its name; a correction has the name of the document that it corrects.
        withdrawn_at: when its version left the memory; None: it says the unit now.
    """

    document: str
    partition_date: date
    batch_id: str
    tier: str
    aligner: str
    score: float
    position: int
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitHistory:
    """The life of a unit.

    Attributes:
        in_memory: it can be looked up now.
        review_state: a tm_core.outcomes.ReviewState; "rejected" where people refused its texts.
        evidence: what says or said it, newest first.
        events: what people said of its two texts in this store, newest first.
    """

    store: str
    unit_key: str
    src_lang: str
    tgt_lang: str
    src_text: str
    tgt_text: str
    in_memory: bool
    review_state: str
    evidence: tuple[UnitEvidence, ...]
    events: tuple[Event, ...]


def unit_history(db: Database, store: str, unit_key: str) -> UnitHistory | None:
    """All that is known of a unit, in the memory or out of it; None if nothing is.

    Args:
        unit_key: 64 hexadecimal digits, as a look-up gives it.
    """
    key = _key(unit_key)
    stores = db.run("tm/select_store", store=store) if store.isprintable() else []
    found = db.run("review/select_unit", store_id=stores[0].store_id, unit_key=key, store=store) if stores else []
    for row in found[:1]:
        evidence = db.run("review/select_unit_evidence", store_id=stores[0].store_id, unit_key=key)
        events = db.run(
            "review/select_unit_events",
            store=store,
            src_lang=row.src_lang,
            tgt_lang=row.tgt_lang,
            src_hash=row.src_hash,
            tgt_hash=row.tgt_hash,
        )
        return UnitHistory(
            store=store,
            unit_key=unit_key,
            src_lang=row.src_lang,
            tgt_lang=row.tgt_lang,
            src_text=row.src_text,
            tgt_text=row.tgt_text,
            in_memory=row.in_memory,
            review_state=row.review_state,
            evidence=tuple(UnitEvidence(**one._asdict()) for one in evidence),
            events=tuple(map(event, events)),
        )
    return None


def _key(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ReviewError(
            f"'{digits[:80]}' is no unit key: expected 64 hexadecimal digits. Nothing was read."
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A unit with the same two texts, in another context, document or store.

    Attributes:
        item_id: the review item that offers it to its store's reviewers, if there is one.
    """

    store: str
    unit_key: str
    document: str
    tier: str
    score: float
    review_state: str
    partition_date: date
    item_id: int | None


def twins(db: Database, item_id: int, *, limit: int = 100) -> tuple[Twin, ...]:
    """Units of the memory with the two texts of an item, its own aside, by store.

    A verdict holds for all of them in its own store; in other stores a refusal puts them into the queue.
    """
    return tuple(Twin(**row._asdict()) for row in db.run("review/select_twins", item_id=item_id, most=limit))
