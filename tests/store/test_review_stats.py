"""Numbers over verdicts in a real database: strata, windows, pools, agreement."""

from datetime import date, timedelta
from typing import Any

import pytest

from tm_core.precision import PublishingRule, Standing
from tm_store.db import Database
from tm_store.review_stats import (
    agreement,
    gate_history,
    precision_over_time,
    reviewers,
    rule_yields,
    stratum_states,
)

pytestmark = pytest.mark.db
DAY = date(2026, 3, 1)


class Verdicts:
    """Rows of the trail, written straight into it."""

    def __init__(self, db: Database) -> None:
        self.db, self.number = db, 0

    def add(
        self, count: int, kind: str = "accept", *, bead: int | None = None, day: date = DAY, **more: Any
    ) -> list[bytes]:
        keys = []
        for _ in range(count):
            self.number += 1
            key = self.number.to_bytes(16, "big")
            row = {
                "verdict_key": key, "who": "ann", "kind": kind, "batch_id": "b", "document_key": b"d",
                "position": self.number if bead is None else bead, "partition_date": day, "store": "demo",
                "src_lang": "en", "tgt_lang": "de", "tier": "lexical", "score_bin": 4, "score": 0.9, "confidence": 0.9,
                "weight": 1.0, "origin": "sample", "unit_key": b"u",
            } | more  # fmt: skip
            names, marks = ", ".join(row), ", ".join(f"%({name})s" for name in row)
            self.db.connection.execute(f"insert into review.verdict ({names}) values ({marks})", row)
            keys.append(key)
        return keys


@pytest.fixture
def verdicts(db: Database) -> Verdicts:
    return Verdicts(db)


def state(db: Database, tier: str = "lexical", score_bin: int = 4, day: date = DAY, **more: Any) -> Any:
    return stratum_states(db, "demo", "en", "de", day, **more).of(tier, score_bin)


def test_a_stratum_is_what_its_verdicts_prove(verdicts: Verdicts) -> None:
    verdicts.add(34)
    assert state(verdicts.db).standing is Standing.UNPROVEN
    verdicts.add(1)
    found = state(verdicts.db)
    assert (found.standing, found.tally.verdicts, found.pool) == (Standing.TRUSTED, 35, "")
    assert "35 of 35 right" in found.told()
    assert state(verdicts.db, rule=PublishingRule(target=0.95)).standing is Standing.UNPROVEN


def test_what_does_not_count(verdicts: Verdicts) -> None:
    verdicts.add(35)
    verdicts.add(40, "skip")
    verdicts.add(40, "wrong", origin="twin", weight=0.0)
    verdicts.add(40, "wrong", origin="blind")
    verdicts.add(40, "wrong", store="other")
    verdicts.add(40, "wrong", tgt_lang="fr")
    verdicts.add(40, "wrong", day=DAY + timedelta(days=1))
    verdicts.add(40, "wrong", day=DAY - timedelta(days=90))
    for key in verdicts.add(20, "wrong"):
        verdicts.add(1, "undo", undoes=key)
    verdicts.add(1, "wrong", bead=1)  # a second opinion on the first bead
    found = state(verdicts.db)
    assert (found.tally.verdicts, found.tally.correct) == (35, 35)
    # Each of them would count if it were of the stratum: the tests above see something.
    assert state(verdicts.db, day=DAY + timedelta(days=1)).standing is Standing.PROVEN_BAD
    assert state(verdicts.db, window_days=91).tally.verdicts == 75


def test_the_second_opinion_counts_once_the_first_is_taken_back(verdicts: Verdicts) -> None:
    first = verdicts.add(1, "accept", bead=1)[0]
    verdicts.add(1, "wrong", bead=1, who="bob")
    assert state(verdicts.db).tally.correct == 1
    verdicts.add(1, "undo", bead=1, undoes=first)
    assert (state(verdicts.db).tally.verdicts, state(verdicts.db).tally.correct) == (1, 0)


def test_a_sparse_stratum_is_judged_with_its_like_but_never_trusted_for_it(verdicts: Verdicts) -> None:
    verdicts.add(100, score_bin=4)
    verdicts.add(2, score_bin=3)
    assert state(verdicts.db, score_bin=3).standing is Standing.UNPROVEN
    assert state(verdicts.db, "embedding", 3).standing is Standing.UNPROVEN
    verdicts.add(100, "wrong", score_bin=2)
    verdicts.add(9, "wrong", score_bin=1)
    sparse = state(verdicts.db, score_bin=1)
    assert (sparse.standing, sparse.pool) == (Standing.PROVEN_BAD, "all scores of the tier")
    assert state(verdicts.db, "embedding", 3).pool == "both tiers of the pair"
    assert state(verdicts.db).standing is Standing.TRUSTED  # its own verdicts are enough
    verdicts.add(1, "accept", score_bin=1)
    assert state(verdicts.db, score_bin=1).pool == ""  # so are ten now, and they prove it bad themselves
    other = stratum_states(verdicts.db, "demo", "en", "fr", DAY).of("lexical", 0)
    assert (other.standing, other.pool) == (Standing.PROVEN_BAD, "all pairs of the store")


def test_precision_over_time_slides(verdicts: Verdicts) -> None:
    for number in range(4):
        verdicts.add(10, day=DAY + timedelta(days=number))
    verdicts.add(10, "wrong", day=DAY + timedelta(days=3))
    points = precision_over_time(
        verdicts.db, since=DAY + timedelta(days=1), until=DAY + timedelta(days=9), window_days=2
    )
    assert [(one.day.day, one.verdicts, one.correct) for one in points] == [(2, 20, 20), (3, 20, 20), (4, 30, 20)]
    assert points[-1].standing == "proven_bad"
    assert points[-1].estimate == pytest.approx(2 / 3)
    assert points[-1].lower < points[-1].estimate < points[-1].upper < 0.9
    assert precision_over_time(verdicts.db, since=DAY, until=DAY, store="none") == []


def test_reviewers_agree_as_their_first_two_verdicts_do(verdicts: Verdicts) -> None:
    for bead, (one, other) in enumerate([("accept", "accept")] * 6 + [("wrong", "wrong")] * 3 + [("wrong", "partial")]):
        verdicts.add(1, one, bead=-bead, tgt_lang="de" if bead % 2 else "fr")
        verdicts.add(1, other, bead=-bead, who="bob", tgt_lang="de" if bead % 2 else "fr")
    whole, de, fr = agreement(verdicts.db, since=DAY, until=DAY)
    assert (whole.src_lang, de.tgt_lang, fr.tgt_lang) == ("", "de", "fr")
    assert (whole.strict.items, de.strict.items, fr.strict.items) == (10, 5, 5)
    assert whole.strict.kappa is not None
    assert whole.binary.kappa == 1 > whole.strict.kappa
    (counted,) = agreement(verdicts.db, since=DAY + timedelta(days=1), until=DAY + timedelta(days=1))
    assert counted.strict.kappa is None
    today = verdicts.db.connection.execute("select now()::date").fetchone()[0]
    found = {one.who: one for one in reviewers(verdicts.db, since=today, until=today)}
    assert (found["ann"].verdicts, found["ann"].accepted, found["bob"].verdicts) == (10, 6, 10)


def test_rule_yields_and_decisions_of_a_date(db: Database) -> None:
    run = db.connection.execute
    for batch, state_ in (("old", "superseded"), ("new", "done")):
        run(
            "insert into ops.batch (batch_id, partition_date, state, run_id, versions) values (%s, %s, %s, 'r', '{}')",
            (batch, DAY, state_),
        )
        for name, value in (("rejected_mojibake", 0.25), ("rejected_share", 0.5), ("beads", 100)):
            run(
                "insert into quality.metric values (%s, 'demo', 'en', 'de', %s, %s)", (batch, name, value)
            )  # fmt: skip
        run(
            "insert into quality.decision_history (batch_id, partition_date, store, src_lang, tgt_lang, content,"
            " verdict, reasons, warnings, decided_by, by_person, why)"
            " values (%s, %s, 'demo', 'en', 'de', '', 'hold', '{too few}', '{}', 'gate', false, '')", (batch, DAY),
        )  # fmt: skip
    (found,) = rule_yields(db, since=DAY, until=DAY)
    assert (found.rule, found.share, found.day) == ("mojibake", 0.25, DAY)
    assert [one.batch_id for one in gate_history(db, since=DAY, until=DAY)] == ["new", "old"]
    assert gate_history(db, since=DAY, until=DAY, tgt_lang="fr") == []
