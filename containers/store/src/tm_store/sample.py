"""After a load: take in verdicts that waited for it, say on units what is known of their strata, draw for review."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from psycopg.types.json import Jsonb

from tm_core.precision import Standing
from tm_core.sampling import BIN_BOUNDS, Drawn, Stratum, draw, interest, is_double, score_bin
from tm_core.settings import Settings
from tm_formats.storage import open_storage
from tm_store.db import Database
from tm_store.review_memory import settle_all
from tm_store.review_stats import Standings, StratumState, rule_of, stratum_states
from tm_store.review_window import windows


def sample_batch(settings: Settings, db: Database, batch_id: str) -> int:
    """Stamp and sample the slices that a batch has loaded since it was sampled last; the batch must be staged.

    What is known of a stratum is pinned with the first sample of its slice (``review.standing``), so that the step can
    run again: the same batch has the same sample. A slice that is released later is sampled then, within what is left
    of the night's budget.

    Returns:
        The number of review items of the batch.
    """
    batch = db.one("ops/select_batch", batch_id=batch_id)
    settle_all(db)
    places = {"batch_id": batch_id, "generation": batch.generation}
    with db.transaction():
        # As a load and an erasure do: what is erased meanwhile is erased before, or finds the items.
        db.run("tm/lock_stores", batch_id=batch_id)
        sizes = db.run("review/select_strata", **places, day=batch.partition_date, bounds=list(BIN_BOUNDS))
        states = [_state(known, row) for known, row in _known(settings, db, sizes, batch.partition_date)]
        if states:
            db.run("review/insert_standings", **places, rows=Jsonb([_row(one) for one in states]))
            db.run("review/stamp_units", batch_id=batch_id, bounds=list(BIN_BOUNDS))
            _fill(settings, db, batch, states)
    return int(db.one("review/count_items", batch_id=batch_id).items)


# What is known -------------------------------------------------------------------------------------


def _known(settings: Settings, db: Database, sizes: Sequence[Any], day: date) -> Iterator[tuple[Standings, Any]]:
    """Each stratum of the slices with what is known of its pair; one question a pair."""
    pairs: dict[tuple[str, str, str], Standings] = {}
    for row in sizes:
        pair = (row.store, row.src_lang, row.tgt_lang)
        if pair not in pairs:
            pairs[pair] = stratum_states(
                db, *pair, day, rule=rule_of(settings), window_days=settings.review_window_days
            )  # fmt: skip
        yield pairs[pair], row


def _state(known: Standings, row: Any) -> StratumState:
    return known.of(row.tier, row.score_bin)


def _row(one: StratumState) -> dict[str, Any]:
    """A row of review.standing."""
    stratum, tally, interval = one.stratum, one.tally, one.interval
    return {
        "store": stratum.store,
        "src_lang": stratum.src_lang,
        "tgt_lang": stratum.tgt_lang,
        "tier": stratum.tier,
        "score_bin": stratum.bin,
        "state": one.standing.value,
        "pooled": one.pool,
        "verdicts": tally.verdicts,
        "correct": tally.correct,
        "effective": tally.effective,
        "estimate": interval.estimate,
        "lower_bound": interval.lower,
        "upper_bound": interval.upper,
        "target": one.target,
    }


# The sample ----------------------------------------------------------------------------------------


def _fill(settings: Settings, db: Database, batch: Any, states: Sequence[StratumState]) -> None:
    widths = {one.stratum: one.interval.width for one in states}
    unproven = {one.stratum for one in states if one.standing is not Standing.TRUSTED}
    drawn_before = db.one("review/count_items", batch_id=batch.batch_id).items
    drawn = draw(
        _candidates(db, batch, widths.keys()),
        seed=batch.batch_id,
        rate=settings.review_rate,
        budget=max(0, settings.review_budget - drawn_before),
        widths=widths,
    )
    places = [_place(one) for one in drawn]
    around = windows(db, open_storage(settings), batch.batch_id, places)
    db.run(
        "review/insert_items",
        batch_id=batch.batch_id,
        day=batch.partition_date,
        documents=[document for document, _ in places],
        positions=[position for _, position in places],
        bins=[one.stratum.bin for one in drawn],
        weights=[one.weight for one in drawn],
        # A trusted stratum is looked at for as long as it is, but after all that is not proven.
        priorities=[
            interest(one.stratum, widths[one.stratum]) * (1 if one.stratum in unproven else 0.5) for one in drawn
        ],
        wanted=[2 if is_double(batch.batch_id, one.bead, settings.review_double) else 1 for one in drawn],
        around=[Jsonb(around.get(place, {})) for place in places],
    )
    # Judged before, in an earlier life of the batch or before a restore: the verdicts still stand.
    db.run("review/refresh_items", batch_id=batch.batch_id, document_key=None, position=None)


def _candidates(db: Database, batch: Any, strata: Iterable[Stratum]) -> Iterator[tuple[str, Stratum]]:
    """Every loaded bead of the slices to be sampled, with its stratum."""
    known = {(one.store, one.src_lang, one.tgt_lang, one.tier, one.bin): one for one in strata}
    for block in db.stream("review/select_candidates", batch_id=batch.batch_id, day=batch.partition_date):
        for row in block:
            key = (row.store, row.src_lang, row.tgt_lang, row.tier, score_bin(row.score))
            if key in known:
                yield f"{row.document_key}:{row.position}", known[key]


def _place(one: Drawn) -> tuple[str, int]:
    document, _, position = one.bead.partition(":")
    return document, int(position)
