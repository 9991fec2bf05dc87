"""What verdicts prove over time, what the rules refused, what the gate decided, and how far reviewers agree."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query

from tm_review.access import READ, Name, Right, User, allowed
from tm_review.memory import Memory, settings
from tm_store.db import Database
from tm_store.review_stats import (
    GateDecision,
    PairAgreement,
    PrecisionPoint,
    ReviewerCount,
    RuleYield,
    agreement,
    gate_history,
    precision_over_time,
    reviewers,
    rule_of,
    rule_yields,
)

router = APIRouter(prefix="/api/statistics", dependencies=[READ])

#: Decisions that a page shows at most.
_MOST_DECISIONS = 500
Short = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What the page draws. ``yields`` is empty unless a pair was named: rules are compared within one."""

    precision: list[PrecisionPoint]
    yields: list[RuleYield]
    decisions: list[GateDecision]
    agreement: list[PairAgreement]
    reviewers: list[ReviewerCount]


@router.get("")
def read_statistics(
    db: Memory,
    user: User,
    name: Name,
    store: Short = "",
    src_lang: Short = "",
    tgt_lang: Short = "",
    days: Annotated[int, Query(ge=1, le=3660)] = 365,
) -> Statistics:
    """Everything of the last so many days, of all pairs or of one."""
    # A date that is still to come is planned by nobody, but a clock elsewhere may be ahead.
    until = datetime.now(UTC).date() + timedelta(days=1)
    since = until - timedelta(days=days)
    one: dict[str, Any] = {"store": store, "src_lang": src_lang, "tgt_lang": tgt_lang}
    return Statistics(
        precision=precision_over_time(db, since=since, until=until, rule=rule_of(settings()), **one),
        yields=rule_yields(db, since=since, until=until, **one) if all(one.values()) else [],
        decisions=gate_history(db, since=since, until=until, limit=_MOST_DECISIONS, **one),
        agreement=agreement(db, since=since, until=until, store=store),
        reviewers=_shown(db, since, until, everybody=allowed(user, Right.RELEASE), name=name),
    )


def _shown(db: Database, since: date, until: date, *, everybody: bool, name: str) -> list[ReviewerCount]:
    """How much each has done is for operators; a reviewer sees their own row."""
    return [one for one in reviewers(db, since=since, until=until) if everybody or one.who == name]
