"""Find a phrase inside the segments of a store: how was it translated before?"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, cast

from tm_core.errors import LookupRefused
from tm_core.languages import canonical
from tm_core.matching import Query, holds_phrase
from tm_store.db import Database
from tm_store.lookup import pair_that_serves, store_number
from tm_store.lookup_grams import holding_all, phrase_grams

# Bytes of the index read for a phrase, 4 a holder, and texts compared at a time. Not calibrated yet.
_BUDGET_BYTES = 2_400_000
_STEP = 500
# Targets of one source text that are gone through, and shown, best first.
_STEPS_A_TEXT = 100
_TARGETS_A_TEXT = 10


class Side(StrEnum):
    """Which text of a unit is searched."""

    SOURCE = "source"
    TARGET = "target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """A unit that holds the phrase. ``confidence`` is how sure the aligner was of the pair, 0 to 1."""

    src_text: str
    tgt_text: str
    unit_key: str
    document_key: str
    tier: str
    review_state: str
    confidence: float
    partition_date: date
    batch_id: str


def concordance(
    db: Database, *, store: str, src: str, tgt: str, phrase: str, side: Side = Side.SOURCE, limit: int = 20
) -> list[Occurrence]:
    """Units with a phrase in their source or target, case and inline tags aside; on the source side shorter ones first.

    Segments of more than 4,000 characters are searched only where the whole side is read.

    Raises:
        LookupRefused: the phrase is empty, the store does not exist, or the limit is under 1.
        BadName: a language code is not one.

    Cost: on the source side a few ms, by the index; in targets, and for a phrase of one or two characters, the side
        of every unit of the pair is read until enough are found: about 1 s a million units.
    """
    wanted = Query.of(phrase)
    if limit < 1:
        raise LookupRefused(f"the limit is {limit}, expected at least 1. Nothing was looked up.")
    store_id = store_number(db, store)
    src, tgt = pair_that_serves(db, store_id, canonical(src), canonical(tgt))
    pair = {"store_id": store_id, "src": src, "tgt": tgt}
    grams = phrase_grams(wanted.form.text) if side is Side.SOURCE else []
    if grams:
        return _indexed(db, pair, wanted, grams, limit)
    return _scanned(db, pair, wanted.text, side, limit)


def _indexed(db: Database, pair: dict[str, Any], wanted: Query, grams: list[int], limit: int) -> list[Occurrence]:
    ids = holding_all(db.run("lookup/select_holders", grams=grams, budget=_BUDGET_BYTES, **pair))
    found: dict[tuple[str, str], Occurrence] = {}
    # Once without any id: texts that wait to be indexed come with every step.
    for start in range(0, max(len(ids), 1), _STEP):
        rows = db.run("lookup/select_candidates", ids=ids[start : start + _STEP], **pair)
        hashes = [row.src_hash for row in rows if row.src_text is not None or wanted.form.text in row.form]
        for one in _units(db, pair, hashes):
            if holds_phrase(one.src_text, wanted.text):
                found.setdefault((one.src_text, one.tgt_text), one)
        if len(found) >= limit:
            break
    return _shortest(found, limit, Side.SOURCE)


def _scanned(db: Database, pair: dict[str, Any], phrase: str, side: Side, limit: int) -> list[Occurrence]:
    hashes: dict[bytes, None] = {}
    # Closed before the connection is used again.
    stream = cast(
        Generator[list[Any], None, None], db.stream("lookup/select_texts", in_target=side is Side.TARGET, **pair)
    )
    with closing(stream) as blocks:
        for rows in blocks:
            hashes |= {row.src_hash: None for row in rows if holds_phrase(row.side_text, phrase)}
            if len(hashes) >= limit:
                break
    found: dict[tuple[str, str], Occurrence] = {}
    for one in _units(db, pair, list(hashes)[:limit]):
        if holds_phrase(_side(one, side), phrase):
            found.setdefault((one.src_text, one.tgt_text), one)
    return _shortest(found, limit, side)


def _shortest(found: dict[tuple[str, str], Occurrence], limit: int, side: Side) -> list[Occurrence]:
    return sorted(found.values(), key=lambda one: (len(_side(one, side)), one.unit_key))[:limit]


def _side(one: Occurrence, side: Side) -> str:
    return one.tgt_text if side is Side.TARGET else one.src_text


def _units(db: Database, pair: dict[str, Any], hashes: list[bytes]) -> Iterator[Occurrence]:
    rows = db.run("lookup/select_units", hashes=hashes, steps=_STEPS_A_TEXT, most=_TARGETS_A_TEXT, **pair)
    for row in rows:
        yield Occurrence(
            src_text=row.src_text,
            tgt_text=row.tgt_text,
            unit_key=row.unit_key.hex(),
            document_key=row.document_key.hex(),
            tier=row.tier,
            review_state=row.review_state,
            confidence=row.score,
            partition_date=row.partition_date,
            batch_id=row.batch_id,
        )
