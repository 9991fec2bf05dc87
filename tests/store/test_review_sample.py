"""The step that samples a loaded batch, on batches that were really aligned."""

import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.store.batches_made import load
from tm_core.boundaries import Edge, Move, Side
from tm_core.contracts import Step
from tm_core.precision import Judgement
from tm_core.sampling import BIN_BOUNDS
from tm_core.settings import Settings
from tm_core.stores import load_stores
from tm_formats.storage import Storage
from tm_store import steps
from tm_store.db import Database
from tm_store.deposit import Folder, deposit
from tm_store.refresh import refresh
from tm_store.review import Filters, item, queue
from tm_store.review_verdicts import judge, move_segments
from tm_store.sample import sample_batch

pytestmark = pytest.mark.db
ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 1, 5)


class Night:
    """A refresh of the first sample date, as an operator runs it."""

    def __init__(self, settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.db, self.storage = db, Storage(settings.storage)
        for name in [name for name in os.environ if name.startswith("TM_") and not name.startswith("TM_TEST_")]:
            monkeypatch.delenv(name)
        wanted = {
            "TM_HOME": str(settings.home), "TM_DATABASE_URL": settings.database_url, "TM_SETTLE_SECONDS": "0",
            "TM_INCLUDE": str(settings.include), "TM_REVIEW_RATE": "0.1", "TM_REVIEW_DOUBLE": "0.3",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }  # fmt: skip
        for name, value in wanted.items():
            monkeypatch.setenv(name, value)
        self.settings = Settings.from_env()
        stores = load_stores(settings.include / "stores.toml")
        folder = Folder(path=settings.include / "samples" / DAY.isoformat())
        deposit(self.storage, stores, "demo", DAY, [folder])

    def refresh(self, **more: Any) -> str:
        facts = refresh(self.settings, DAY, run_id="test", **more)
        return str(facts["plan"])

    def items(self) -> list[Any]:
        return self.rows(
            "select document_key, position, store, src_lang, tgt_lang, tier, score_bin, weight, priority, wanted,"
            " state, verdicts, around, src_text, tgt_text, confidence from review.item order by document_key, position"
        )

    def rows(self, sql: str) -> list[Any]:
        return self.db.connection.execute(sql).fetchall()


@pytest.fixture
def night(settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(settings, db, monkeypatch)


def test_a_night_is_sampled_with_what_stands_around_each_item(night: Night) -> None:
    batch = night.refresh()
    found = night.items()
    loaded = night.rows("select count(*) from ops.outcome where outcome in ('new', 'updated', 'unchanged')")[0][0]
    assert 0.1 * loaded <= len(found) <= 0.1 * loaded + 5
    # Weights stand for all that was loaded, and two people judge about a third.
    assert sum(row[7] for row in found) == pytest.approx(loaded)
    assert 0.1 * len(found) < sum(row[9] == 2 for row in found) < 0.5 * len(found)
    aligned = [row for row in found if row[5] != "imported"]
    assert aligned
    for row in aligned:
        around = row[12]
        assert around["src_glue"].join(around["own"]["src"]) == row[13]
        assert around["tgt_glue"].join(around["own"]["tgt"]) == row[14]
        assert 0 < row[15] <= 1
    assert all(row[12]["before"] or row[12]["after"] for row in aligned)
    # The batch is done and staging is empty: an item needs neither.
    assert night.rows("select count(*) from staging.bead")[0][0] == 0
    one = next(one for one in queue(night.db, "ann", Filters(), limit=200).items if one.tier != "imported")
    shown = item(night.db, one.item_id, "ann")
    assert shown.can_move
    assert shown.document
    # Run again, in a killed task's place: the same items, and the same states.
    assert sample_twice(night, batch) == found


def sample_twice(night: Night, batch: str) -> list[Any]:
    steps.run(night.settings, Step.FILTER, batch, run_id="test")
    sample_batch(night.settings, night.db, batch)
    return night.items()


def test_a_moved_segment_reaches_the_memory(night: Night) -> None:
    night.refresh()
    moved = 0
    for one in queue(night.db, "ann", Filters(), limit=200).items:
        shown = item(night.db, one.item_id, "ann")
        if shown.can_move and shown.after and shown.after[0].tgt:
            move = Move(side=Side.TARGET, edge=Edge.AFTER)
            done = move_segments(
                night.db, night.storage, one.item_id, who="ann", version=one.version, moves=[move]
            )  # fmt: skip
            wanted = shown.tgt_glue.join((*shown.own.tgt, shown.after[0].tgt[0]))
            assert (one.src_text, wanted) in done.current
            # The unit stands where it stood: only its target has changed.
            units = night.rows("select tgt_text, tier from tm.unit where tier = 'reviewed'")
            assert (wanted, "reviewed") in units
            row = night.rows(f"select context from review.item where item_id = {one.item_id}")[0]
            corrected = night.rows("select context, tgt_text from tm.unit where tier = 'reviewed'")
            assert row[0] in [context for context, text in corrected if text == wanted]
            moved += 1
            break
    assert moved == 1


def test_a_batch_that_is_loaded_anew_keeps_verdicts_and_refusals(night: Night) -> None:
    batch = night.refresh()
    heads = queue(night.db, "ann", Filters(), limit=200).items
    done = judge(night.db, night.storage, heads[0].item_id, who="ann", version=0, verdict=Judgement.WRONG)
    judge(night.db, night.storage, heads[1].item_id, who="ann", version=0, verdict=Judgement.ACCEPT)
    texts = (heads[0].src_text, heads[0].tgt_text)
    assert texts not in night.rows("select src_text, tgt_text from tm.unit")
    assert night.refresh(reprocess=True) == batch
    assert texts not in night.rows("select src_text, tgt_text from tm.unit")
    ruled = night.rows("select outcome, rule from ops.outcome where rule = 'reviewed'")
    assert set(ruled) == {("rejected", "reviewed")}
    accepted = night.rows("select src_text, review_state from tm.unit where review_state <> 'unreviewed'")
    assert accepted == [(heads[1].src_text, "accepted")]
    # Judged items are still there, as they were judged.
    assert item(night.db, heads[0].item_id, "ann").events == done.events


def test_a_proven_stratum_is_stamped_and_what_is_not_comes_first(night: Night) -> None:
    batch = night.refresh()
    counted = dict(night.rows("select tier, count(*) from tm.unit where score >= 0.8 group by tier"))
    tier = max(counted, key=lambda one: counted[one])
    for number in range(60):
        night.db.connection.execute(
            "insert into review.verdict (verdict_key, who, kind, batch_id, document_key, position, partition_date,"
            " store, src_lang, tgt_lang, tier, score_bin, score, confidence, weight, origin, unit_key)"
            " select decode(md5(pair::text || %s::text), 'hex'), 'ann', 'accept', 'b', decode(md5(pair::text), 'hex'),"
            " %s, %s, 'demo', pair.src_lang, pair.tgt_lang, %s, 4, 1, 1, 1, 'sample', ''"
            " from (select distinct src_lang, tgt_lang from tm.unit) as pair", (number, number, DAY, tier),
        )  # fmt: skip
    assert night.rows("select distinct review_state from tm.unit") == [("unreviewed",)]
    night.refresh(reprocess=True)
    stamped = night.rows(
        f"select review_state, count(*) from tm.unit where tier = '{tier}' and score >= 0.8 group by 1"
    )
    assert stamped == [("trusted", counted[tier])]
    others = night.rows(f"select distinct review_state from tm.unit where tier <> '{tier}' or score < 0.8")
    assert others in ([("unreviewed",)], [])
    states = night.rows(f"select distinct state from review.standing where tier = '{tier}' and score_bin = 4")
    assert states == [("trusted",)]
    priorities = night.rows(
        f"select tier = '{tier}' and score_bin = 4, min(priority), max(priority) from review.item"
        f" where batch_id = '{batch}' and state = 'open' group by 1 order by 1"
    )
    if len(priorities) == 2:
        assert priorities[1][2] < priorities[0][1]


def test_stamping_reads_each_unit_a_few_times_before_the_planner_has_seen_any(db: Database) -> None:
    units = [(f"source {number}", f"target {number}", 0.9) for number in range(3000)]
    batch, _ = load(db, DAY, {"long": units})
    db.connection.execute(
        "insert into review.standing select %s, 1, 'demo', 'en', 'de', 'lexical', 4, 'trusted', '', 60, 60, 60, 1, .94,"
        " 1, .9", (batch,),
    )  # fmt: skip
    with db.transaction():
        before = _read_units(db)
        db.run("review/stamp_units", batch_id=batch, bounds=list(BIN_BOUNDS))
        read = _read_units(db) - before
    assert db.connection.execute("select review_state, count(*) from tm.unit group by 1").fetchall() == [
        ("trusted", len(units))
    ]
    assert len(units) <= read <= 6 * len(units)


def _read_units(db: Database) -> int:
    """Rows of the memory that this transaction has read."""
    found = db.connection.execute(
        "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_xact_all_tables"
        " where schemaname = 'tm' and relname ~ '^unit_p'"
    ).fetchone()
    assert found
    return int(found[0])
