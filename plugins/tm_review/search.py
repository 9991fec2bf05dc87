"""Searching the memory: look-up, concordance, and the history of a unit."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from tm_review.access import READ
from tm_review.memory import Reader
from tm_store.lookup import lookup
from tm_store.lookup_concordance import Side, concordance

router = APIRouter(prefix="/api/search", dependencies=[READ])

#: Characters of a question; more than the longest segment of a document.
_MOST_CHARS = 4_000
Text = Annotated[str, Query(min_length=1, max_length=_MOST_CHARS)]
Short = Annotated[str, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("/lookup")
def look_up(
    db: Reader,
    store: Short,
    src: Short,
    tgt: Short,
    text: Text,
    limit: Limit = 10,
    min_score: Annotated[int, Query(ge=30, le=101)] = 60,
) -> list[dict[str, Any]]:
    """The units that answer a segment, best first."""
    found = lookup(db, store=store, src=src, tgt=tgt, text=text, limit=limit, min_score=min_score, more=True)
    return [asdict(one) for one in found]


@router.get("/concordance")
def find_phrase(
    db: Reader, store: Short, src: Short, tgt: Short, text: Text, side: Side = Side.SOURCE, limit: Limit = 20
) -> list[dict[str, Any]]:
    """The units that hold a phrase."""
    found = concordance(db, store=store, src=src, tgt=tgt, phrase=text, side=side, limit=limit)
    return [asdict(one) for one in found]
