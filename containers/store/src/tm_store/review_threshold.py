"""The threshold between the tiers: what verdicts propose, and what a person has approved. Every plan pins the newest.

The threshold is part of every alignment's versions, and so of the ledger's key: a document whose route it may change is
aligned again when its date is refreshed again, and not before.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from tm_core.errors import ReviewError
from tm_core.routing import default_threshold
from tm_core.rules import Tier
from tm_core.settings import Encoder, Settings
from tm_core.tier_threshold import Judged, Proposal, propose
from tm_store.db import Database
from tm_store.review_stats import rule_of


def tier_threshold(settings: Settings, db: Database) -> float:
    """Find the threshold in force: the one approved last, else ``TM_TIER_THRESHOLD``, else what suits the encoder."""
    approved = next((row.value for row in db.run("review/select_threshold")), None)
    if approved is not None:
        return float(approved)
    if settings.tier_threshold is not None:
        return settings.tier_threshold
    return default_threshold(has_model=settings.encoder is not Encoder.LEXICON)


def proposal(settings: Settings, db: Database, day: date) -> Proposal:
    """What the verdicts on beads of the window that ends with ``day`` propose."""
    since = day - timedelta(days=settings.review_window_days - 1)
    rows = db.run("review/select_confidences", tier=Tier.LEXICAL.value, since=since, until=day)
    judged = [Judged(confidence=row.confidence, is_right=row.is_right, weight=row.weight) for row in rows]
    return propose(judged, tier_threshold(settings, db), rule_of(settings))


def approve(settings: Settings, db: Database, value: float | None, *, who: str, why: str, day: date) -> int:
    """Set the threshold for the plans to come; what the verdicts said then stands beside it.

    Args:
        value: 0 to 1; None: what the setting says is to hold again.

    Returns:
        The number of the decision.

    Raises:
        ReviewError: the value is out of range, or who or why is empty.
    """
    if (value is not None and not 0 <= value <= 1) or not who.strip() or not why.strip():
        raise ReviewError(
            f"threshold {value}: expected a number from 0 to 1, a person and a reason. Give all three; nothing was set."
        )
    found = proposal(settings, db, day)
    facts: dict[str, Any] = {"before": found.current, "proposed": found.proposed, "reason": found.reason}
    return int(db.one("review/insert_threshold", value=value, who=who, why=why, facts=Jsonb(facts)).version)


def decisions(db: Database) -> Sequence[tuple[int, datetime, str, str, str]]:
    """(number, when, value, who, why) of every decision, newest first."""
    return [
        (row.version, row.at, "the setting" if row.value is None else f"{row.value:.2f}", row.who, row.why)
        for row in db.run("review/select_thresholds")
    ]
