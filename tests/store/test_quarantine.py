"""Slices that were not loaded: what waits is listed, a person decides, and the books close on every way out."""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.store.gate_made import BATCH, DAY, Planted, insert, make, ordinary, plant, sha, write_filtered
from tests.store.test_gate import half_dropped, scores_all_one
from tm_core.contracts import Step
from tm_core.errors import BatchBusy, ReleaseObsolete, ReleaseRefused, StorageError
from tm_core.outcomes import Outcome, Verdict
from tm_core.settings import Settings
from tm_core.verdicts import TIMEOUT, Ruling
from tm_formats.storage import Storage
from tm_store import steps
from tm_store.cli import main
from tm_store.db import Database, open_database
from tm_store.gate_suite import SliceKey
from tm_store.locks import date_lock
from tm_store.quarantine import history, waiting
from tm_store.release import replay, settle

pytestmark = pytest.mark.db

GOOD, HELD, REFUSED = (SliceKey(store=name, src_lang="en", tgt_lang="de") for name in ("good", "held", "refused"))


def said(verdict: Verdict, who: str = "maria", why: str = "looked at forty beads") -> Ruling:
    return Ruling(verdict=verdict, who=who, why=why)


APPROVED, KEPT_OUT, THROWN_AWAY = (said(one) for one in (Verdict.ACCEPT, Verdict.QUARANTINE, Verdict.DISCARD))


class Books:
    """A batch of three slices after its refresh: one loaded, one held, one whose sums do not close."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self.settings, self.db, self.storage = settings, db, Storage(settings.storage)
        self.slices = [make(store="good"), make(store="held"), make(store="refused")]
        scores_all_one(self.slices[1])
        half_dropped(self.slices[2])
        write_filtered(self.storage, *self.slices)
        plant(db)
        self.refresh()

    def refresh(self) -> None:
        for step in (Step.GATE, Step.LOAD, Step.SAMPLE):
            steps.run(self.settings, step, BATCH, run_id="test")
        self.db.run("staging/delete_beads", batch_id=BATCH)
        self.db.run("ops/set_batch_state", batch_id=BATCH, state="done")

    def plan_again(self) -> None:
        """The date is planned anew with the same content, as 'reprocess' does."""
        self.db.run("ops/forget_batch", batch_id=BATCH, day=DAY)
        self.db.connection.execute("update ops.batch set generation = nextval('ops.generation'), state = 'planned'")

    def settle(self, key: SliceKey, ruling: Ruling, **more: Any) -> Any:
        return settle(self.settings, self.db, self.storage, BATCH, key, ruling, **more)

    def rows(self, query: str) -> list[Any]:
        return self.db.connection.execute(query).fetchall()

    def everything(self) -> dict[str, list[str]]:
        tables = (
            "tm.unit tm.evidence tm.document ops.batch ops.slice ops.document ops.outcome ops.journal quality.metric"
            " quality.check_result quality.decision quality.decision_history review.item review.standing staging.bead"
        ).split()
        return {table: sorted(map(repr, self.rows(f"select * from {table}"))) for table in tables}

    def outcomes(self, store: str) -> Counter[str]:
        query = (
            "select outcome, count(*) from ops.outcome join ops.document using (partition_date, batch_id, document_key)"
            f" where store = '{store}' group by 1"
        )
        return Counter(dict(self.rows(query)))

    def check(self) -> None:
        """Every bead has one outcome, and the slices' sums say the same; nothing is left staged."""
        for store, beads, outcomes in self.rows("select store, beads, outcomes from ops.slice"):
            found = self.outcomes(store)
            assert found == outcomes, store
            assert sum(found.values()) == (beads if store != "refused" else beads // 2)
            assert set(found) <= {one.value for one in Outcome}
        assert self.rows("select count(*) from ops.slice where settled_at is null") == [(0,)]
        assert self.rows("select count(*) from staging.bead") == [(0,)]
        assert self.rows("select state from ops.batch") == [("done",)]


@pytest.fixture
def books(settings: Settings, db: Database) -> Books:
    return Books(settings, db)


def units(books: Books, store: str) -> int:
    query = f"select count(*) from tm.unit join tm.store using (store_id) where name = '{store}'"
    [(count,)] = books.rows(query)
    return int(count)


def test_what_was_not_loaded_is_listed(books: Books) -> None:
    books.check()
    found = {one.key.store: one for one in waiting(books.db)}
    assert {store: one.verdict for store, one in found.items()} == {
        "held": Verdict.HOLD,
        "refused": Verdict.QUARANTINE,
    }
    assert (found["held"].releasable, found["refused"].releasable) == (True, False)
    assert found["held"].outcomes == {"held": 120, "rejected": 40}
    assert waiting(books.db, "another") == []


def test_an_approved_slice_is_loaded_and_the_others_are_not_touched(books: Books) -> None:
    before = {store: (books.outcomes(store), units(books, store)) for store in ("good", "refused")}
    assert (units(books, "good"), units(books, "held")) == (120, 0)
    done = books.settle(HELD, APPROVED)
    assert (done.verdict, done.inserted, done.outcomes) == (Verdict.ACCEPT, 120, {"new": 120, "rejected": 40})
    assert units(books, "held") == 120
    assert {store: (books.outcomes(store), units(books, store)) for store in before} == before
    assert [one.key for one in waiting(books.db)] == [REFUSED]
    books.check()


@pytest.mark.parametrize(
    ("ruling", "outcome"), [(KEPT_OUT, "quarantined"), (THROWN_AWAY, "discarded")], ids=["refused", "discarded"]
)
def test_a_refused_slice_has_the_outcomes_of_its_verdict(books: Books, ruling: Ruling, outcome: str) -> None:
    done = books.settle(HELD, ruling)
    assert done.outcomes == {outcome: 120, "rejected": 40}
    assert (done.inserted, done.removed, units(books, "held")) == (0, 0, 0)
    books.check()


def test_every_decision_is_kept_with_who_and_why(books: Books) -> None:
    books.settle(HELD, said(Verdict.QUARANTINE, "paul", "scores look made up"))
    books.settle(HELD, said(Verdict.ACCEPT, "maria", "the aligner was meant to do that"))
    told = [(one.verdict, one.who, one.by_person, one.why) for one in history(books.db, BATCH, HELD)]
    assert told == [
        ("hold", "gate", False, ""),
        ("quarantine", "paul", True, "scores look made up"),
        ("accept", "maria", True, "the aligner was meant to do that"),
    ]
    [(by, why, reasons)] = books.rows("select decided_by, why, reasons from quality.decision where store = 'held'")
    assert (by, why) == ("maria", "the aligner was meant to do that")
    assert reasons[0] == "approved by maria: the aligner was meant to do that"
    assert reasons[1].startswith("The scores tell beads apart: ")
    assert len(reasons) == 2, "each reason once"
    books.check()


def test_every_decision_is_journaled_and_shipped(books: Books) -> None:
    books.settle(HELD, KEPT_OUT)
    books.settle(HELD, APPROVED)
    books.settle(REFUSED, THROWN_AWAY)
    rows = books.rows("select kind, who, store, facts, shipped_at is not null from ops.journal order by id")
    assert [row[:3] for row in rows] == [
        ("quarantine", "maria", "held"),
        ("release", "maria", "held"),
        ("discard", "maria", "refused"),
    ]
    assert all(row[4] for row in rows)
    assert all(row[3]["why"] == "looked at forty beads" for row in rows)
    entries = [json.loads(books.storage.read(info.path)) for info in books.storage.list("journal/entries")]
    assert [one["kind"] for one in entries] == ["quarantine", "release", "discard"]
    texts = [text for row in books.rows("select src_text, tgt_text from tm.unit limit 50") for text in row]
    assert texts
    assert not any(text in json.dumps(entries) for text in texts)


def test_numbers_that_cannot_be_right_are_released_by_nobody(books: Books) -> None:
    before = books.everything()
    with pytest.raises(ReleaseRefused, match=r"its numbers cannot be right .Every bead") as told:
        books.settle(REFUSED, APPROVED)
    assert "run 2026-03-05 again with 'reprocess'" in str(told.value).replace("Run", "run")
    assert books.everything() == before
    books.settle(REFUSED, THROWN_AWAY)
    books.check()


def test_a_second_decision_on_a_loaded_slice_changes_nothing(books: Books) -> None:
    books.settle(HELD, APPROVED)
    before = books.everything()
    for ruling in (APPROVED, KEPT_OUT, THROWN_AWAY):
        with pytest.raises(ReleaseObsolete, match="found it 'accept', decided by maria"):
            books.settle(HELD, ruling)
    with pytest.raises(ReleaseObsolete, match="found it 'accept', decided by gate"):
        books.settle(GOOD, THROWN_AWAY)
    assert books.everything() == before


def test_a_date_planned_anew_makes_a_decision_obsolete(books: Books) -> None:
    [(generation,)] = books.rows("select generation from ops.batch")
    books.plan_again()
    books.refresh()
    before = books.everything()
    with pytest.raises(ReleaseObsolete, match="its date has been planned anew"):
        books.settle(HELD, APPROVED, generation=generation)
    with pytest.raises(ReleaseObsolete, match="planned anew, or that there"):
        settle(books.settings, books.db, books.storage, "another batch", HELD, APPROVED)
    assert books.everything() == before


def test_a_slice_whose_load_has_not_ended_waits(books: Books) -> None:
    books.plan_again()
    steps.run(books.settings, Step.GATE, BATCH, run_id="test")
    with pytest.raises(ReleaseRefused, match="expected a batch whose load has ended, found it 'planned'"):
        books.settle(HELD, APPROVED)


def test_a_date_at_work_is_left_alone(books: Books) -> None:
    with (
        open_database(books.settings) as other,
        date_lock(other, DAY, "load", "another run"),
        pytest.raises(BatchBusy, match="another run"),
    ):
        books.settle(HELD, APPROVED)
    books.check()


def test_changed_files_are_not_what_was_judged(books: Books) -> None:
    books.slices[1].beads[0]["score"] = 0.5
    write_filtered(books.storage, *books.slices)
    before = books.everything()
    with pytest.raises(ReleaseObsolete, match="expected the beads that the gate judged"):
        books.settle(HELD, APPROVED)
    assert books.everything() == before


def test_a_release_that_breaks_off_changes_nothing(books: Books) -> None:
    before = books.everything()
    with patch("tm_store.release.record", side_effect=StorageError("gone")), pytest.raises(StorageError):
        books.settle(HELD, APPROVED)
    assert books.everything() == before


# The gate runs again ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ruling", "verdict"),
    [(APPROVED, "accept"), (KEPT_OUT, "quarantine"), (THROWN_AWAY, "discard")],
    ids=["approved", "refused", "discarded"],
)
def test_what_a_person_said_of_a_content_stands_when_the_date_runs_again(
    books: Books, ruling: Ruling, verdict: str
) -> None:
    books.settle(HELD, ruling)
    outcomes = books.outcomes("held")
    books.plan_again()
    books.refresh()
    assert books.rows("select verdict, decided_by from quality.decision where store = 'held'") == [(verdict, "maria")]
    assert books.rows("select verdict from ops.slice where store = 'held'") == [(verdict,)]
    again = Counter({"unchanged": 120, "rejected": 40}) if verdict == "accept" else outcomes
    assert books.outcomes("held") == again
    books.check()


def test_other_content_is_judged_anew(books: Books) -> None:
    books.settle(HELD, APPROVED)
    books.plan_again()
    books.slices[1].beads[0] |= {"unit_key": sha("another"), "src_text": "Another sentence."}
    write_filtered(books.storage, *books.slices)
    books.refresh()
    assert books.rows("select verdict, decided_by from quality.decision where store = 'held'") == [("hold", "gate")]


def test_a_time_out_does_not_stand_when_the_date_runs_again(books: Books) -> None:
    books.settle(HELD, said(Verdict.QUARANTINE, TIMEOUT, "nobody decided within 7 days"))
    assert [one.verdict for one in waiting(books.db)] == [Verdict.QUARANTINE] * 2
    books.plan_again()
    books.refresh()
    assert books.rows("select verdict, decided_by from quality.decision where store = 'held'") == [("hold", "gate")]


def test_what_is_settled_is_not_judged_again(books: Books) -> None:
    books.settle(HELD, APPROVED)
    before = books.everything()
    again = steps.run(books.settings, Step.GATE, BATCH, run_id="test")
    assert [one["verdict"] for one in again["slices"]] == ["accept", "accept", "quarantine"]
    books.db.run("staging/delete_beads", batch_id=BATCH)
    after = books.everything()
    assert {table: rows for table, rows in after.items() if table != "ops.document"} == {
        table: rows for table, rows in before.items() if table != "ops.document"
    }


def test_the_page_shows_examples_as_text_and_the_whole_batch(books: Books) -> None:
    path = f"work/{BATCH}/gate/data_docs/index.html"
    page = books.storage.read(path).decode()
    assert page.count("<details id=") == 3
    assert "would be loaded, lowest confidence" in page
    books.slices[1].passed()[0]["src_text"] = "<script>alert('pump')</script> & more"
    write_filtered(books.storage, *books.slices)
    books.plan_again()
    books.refresh()
    why = "</li><script>alert(1)</script>"
    books.settle(HELD, said(Verdict.ACCEPT, why=why))
    page = books.storage.read(path).decode()
    assert page.count("<details id=") == 3, "the slices that were not judged now are there too"
    assert "&lt;/li&gt;&lt;script&gt;alert(1)" in page
    assert "<script" not in page


# People proved it bad -----------------------------------------------------------------------------


def judged(books_db: Database, slice_: Planted, wrong: int, right: int) -> None:
    rows = [
        {
            "verdict_key": sha("verdict", number), "who": "maria", "kind": "wrong" if number < wrong else "accept",
            "batch_id": "earlier", "document_key": sha("d"), "position": number, "partition_date": DAY,
            "store": slice_.store, "src_lang": "en", "tgt_lang": "de", "tier": "lexical", "score_bin": 4, "score": 0.9,
            "confidence": 0.9, "weight": 1.0, "origin": "sample", "unit_key": sha("u", number),
        }
        for number in range(wrong + right)
    ]  # fmt: skip
    insert(books_db, "review.verdict", rows)


@pytest.mark.parametrize(("wrong", "verdict"), [(20, "hold"), (2, "accept")], ids=["proven bad", "unproven"])
def test_a_stratum_that_reviewers_proved_bad_is_held(
    settings: Settings, db: Database, wrong: int, verdict: str
) -> None:
    slice_ = ordinary("day", store="judged")
    judged(db, slice_, wrong, 40 - wrong)
    write_filtered(Storage(settings.storage), slice_)
    plant(db)
    [found] = steps.run(settings, Step.GATE, BATCH, run_id="test")["slices"]
    assert found["verdict"] == verdict, found
    if wrong == 20:
        [reason] = found["reasons"]
        assert reason.startswith("Reviewers proved no stratum bad: ")
        assert "20 of 40 right" in reason
        assert "proven_bad" in reason


# Restore ------------------------------------------------------------------------------------------


def test_a_restored_memory_takes_the_journal_s_word(books: Books) -> None:
    facts = {
        "batch_id": BATCH, "date": DAY.isoformat(), "src_lang": "en", "tgt_lang": "de", "verdict": "accept",
        "why": "looked at forty beads",
    }  # fmt: skip
    assert replay(books.settings, books.db, books.storage, "held", "maria", facts)
    assert units(books, "held") == 120
    assert not replay(books.settings, books.db, books.storage, "held", "maria", facts), "known already"
    assert not replay(books.settings, books.db, books.storage, "held", "maria", facts | {"batch_id": "planned anew"})
    books.check()


# The command --------------------------------------------------------------------------------------


@pytest.fixture
def tm(books: Books, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run ``tm`` in this process; returns status and what it said."""
    for name, value in {
        "TM_HOME": str(books.settings.home),
        "TM_DATABASE_URL": books.settings.database_url,
        "TM_INCLUDE": str(books.settings.include),
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main(arguments)
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def test_the_commands_list_show_release_and_discard(tm: Any, books: Books) -> None:
    status, text = tm("quarantine", "list")
    assert status == 0
    assert [line.split()[1:4] for line in text.splitlines()] == [
        ["held", "en-de", "hold"],
        ["refused", "en-de", "quarantine"],
    ]
    status, text = tm("quarantine", "show", BATCH, "refused", "en-de")
    assert (status, "no: its numbers cannot be right" in text, "160 promised, 80 here" in text) == (0, True, True)

    place = (BATCH, "held", "en-de")
    status, text = tm("quarantine", "release", *place, "--who", "maria", "--why", "seen it")
    assert (status, "accept" in text, "120 new, 40 rejected" in text) == (0, True, True)
    status, text = tm("quarantine", "release", *place, "--who", "maria", "--why", "seen it")
    assert (status, "found it 'accept', decided by maria" in text) == (1, True)
    status, text = tm("quarantine", "show", *place)
    assert [line.split()[2:] for line in text.splitlines()[-2:]] == [
        ["hold", "gate"],
        ["accept", "maria", "seen", "it"],
    ]

    place = (BATCH, "refused", "en-de")
    status, text = tm("quarantine", "release", *place, "--who", "maria", "--why", "seen it")
    assert (status, "cannot be released by anybody" in text) == (1, True)
    assert tm("quarantine", "discard", *place, "--who", "maria", "--why", "broken file")[0] == 0
    assert tm("quarantine", "list") == (0, "nothing is held or quarantined\n")
    assert "discard" in tm("quarantine", "list", "--discarded")[1]
    books.check()


@pytest.mark.parametrize(
    ("who", "why", "words"),
    [("", "a reason", "name of the person"), ("maria", "", "a reason of 3"), ("gate", "a reason", "name of the")],
)
def test_the_commands_want_a_person_and_a_reason(tm: Any, books: Books, who: str, why: str, words: str) -> None:
    before = books.everything()
    status, text = tm("quarantine", "discard", BATCH, "held", "en-de", "--who", who, "--why", why)
    assert (status, words in text) == (1, True), text
    assert books.everything() == before


def test_held_out_texts_become_hashes(tm: Any, tmp_path: Path) -> None:
    gold = tmp_path / "gold.sent"
    gold.write_text("One sentence.\n\nAnother  one.\nAnother one.\n")
    status, text = tm("held-out", str(gold))
    assert status == 0
    assert [len(line) for line in text.splitlines()] == [64, 64]
    assert tm("held-out", str(tmp_path / "none"))[0] == 1
