"""Searching the memory: look-up, concordance, and the history of a unit."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from tm_core.stores import load_stores
from tm_review.access import READ
from tm_review.memory import Memory, Reader, settings
from tm_store.lookup import lookup
from tm_store.lookup_concordance import Side, concordance
from tm_store.review_audit import UnitHistory, unit_history

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Searchable:
    """A store and a pair of it, as stores.toml names them."""

    store: str
    src_lang: str
    tgt_lang: str


@router.get("/pairs")
def read_pairs() -> list[Searchable]:
    """What can be searched."""
    stores = load_stores(settings().include / "stores.toml")
    return [
        Searchable(store=name, src_lang=pair.src, tgt_lang=pair.tgt)
        for name, store in sorted(stores.items())
        for pair in store.pairs
    ]


@router.get("/units/{store}/{unit_key}")
def read_unit(db: Memory, store: str, unit_key: str) -> UnitHistory:
    """The life of a unit: which documents say it, and what people said of it."""
    found = unit_history(db, store, unit_key)
    if found is None:
        raise HTTPException(404, "No unit of this key is in the memory, and none is kept that was.")
    return found
