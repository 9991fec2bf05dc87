"""The tasks round a person's decision, one after the other as runs call them, over a real memory and storage."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskAwaitingInput

from operators.links import GATE_PATH, GatePageLink, gate_page
from operators.release import APPROVE, DISCARD, KEEP_OUT, AskOperator, HeldOperator, SettleOperator, ShowSliceOperator
from tests.operators.asked import context, event, let_through
from tests.store.gate_made import BATCH
from tests.store.test_quarantine import Books
from tm_core.errors import ReleaseObsolete
from tm_core.outcomes import Verdict
from tm_core.settings import Settings
from tm_core.verdicts import Ruling
from tm_store.db import Database

pytestmark = [pytest.mark.airflow, pytest.mark.db]

ROOT = Path(__file__).resolve().parents[2]
FORM = {"batch_id": BATCH, "store": "held", "src": "en", "tgt": "de"}
PERSON = {"verdict": "accept", "who": "ann", "why": "a new edition"}
NOBODY = {"verdict": "quarantine", "who": "time-out", "why": "nobody decided within 7 days"}


@pytest.fixture
def books(settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))
    return Books(settings, db)


def show() -> dict[str, Any]:
    return ShowSliceOperator(task_id="show", form=FORM).execute({})  # type: ignore[arg-type]


OPTIONS = {"accept": APPROVE, "quarantine": KEEP_OUT, "discard": DISCARD}


def settle(
    books: Books, shown: dict[str, Any], said: dict[str, str], skipped: list[Any] | None = None
) -> dict[str, Any]:
    task = SettleOperator(task_id="settle", form=FORM, shown=shown, said=said, answered_in="ask")
    let_through(books.db, "tm_release", "ask", OPTIONS[said["verdict"]])
    task.skip = lambda **more: (skipped if skipped is not None else []).append(more)  # type: ignore[method-assign]
    return task.execute(context("tm_release") | {"task": task})


def answered(books: Books, option: str, why: str | None, **more: Any) -> dict[str, Any]:
    let_through(books.db, "tm_release", "ask", option)
    task = AskOperator(task_id="ask", subject="s")
    given = event(option, params_input={"why": why}) | more
    found: dict[str, Any] = task.execute_complete(context("tm_release", "ask"), given)
    return found


def test_each_held_slice_starts_a_run_of_its_own_and_never_two(books: Books) -> None:
    (found,) = HeldOperator(task_id="held", batch_id=BATCH).execute({})  # type: ignore[arg-type]
    assert found["conf"] == FORM
    assert HeldOperator(task_id="held", batch_id=BATCH).execute({}) == [found]  # type: ignore[arg-type]
    books.plan_again()
    books.refresh()
    (again,) = HeldOperator(task_id="held", batch_id=BATCH).execute({})  # type: ignore[arg-type]
    assert again["trigger_run_id"] != found["trigger_run_id"], "a date planned anew asks anew"


def test_what_is_shown_has_the_reasons_and_numbers_and_no_text(books: Books) -> None:
    shown = show()
    assert shown["subject"] == "held en-de of 2026-03-05: 160 beads. Load them?"
    assert "The scores tell beads apart" in shown["body"]
    assert "| outcome\\: held | 120 |" in shown["body"]
    assert f"({gate_page(BATCH)})" in shown["body"]
    texts = [text for bead in books.slices[1].passed() for text in (bead["src_text"], bead["tgt_text"])]
    assert texts
    assert not [text for text in texts if text[:20] in shown["body"]]


def test_an_answer_is_a_verdict_with_a_person_and_a_reason(books: Books) -> None:
    assert answered(books, APPROVE, "a new edition") == PERSON
    assert answered(books, KEEP_OUT, "odd")["verdict"] == "quarantine"
    assert answered(books, DISCARD, "odd")["verdict"] == "discard"
    late = answered(books, KEEP_OUT, None, timedout=True, responded_by_user=None)
    assert (late["verdict"], late["who"]) == ("quarantine", "time-out")


@pytest.mark.parametrize("why", [None, "", "  x ", "y" * 501])
def test_an_answer_without_a_reason_is_asked_for_again(
    books: Books, why: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **more: asked.append(1))
    let_through(books.db, "tm_release", "ask", APPROVE)
    asks = context("tm_release", "ask")
    given = event(APPROVE, params_input={"why": why})
    with pytest.raises(TaskAwaitingInput):
        AskOperator(task_id="ask", subject="s").execute_complete(asks | {"task_instance": asks["ti"]}, given)
    assert asked == [1]


def test_a_cleared_task_finds_what_it_has_done(books: Books) -> None:
    shown = show()
    skipped: list[Any] = []
    assert settle(books, shown, PERSON, skipped)["units"] == [120, 0]
    before = books.everything()
    assert settle(books, shown, PERSON, skipped) == {"verdict": "accept", "done_before": True}
    assert books.everything() == before
    assert skipped == [], "publish and backup follow"
    books.check()


def test_what_follows_is_skipped_unless_it_was_let_in(books: Books) -> None:
    skipped: list[Any] = []
    settle(books, show(), PERSON | {"verdict": "quarantine"}, skipped)
    assert len(skipped) == 1
    books.check()


def test_what_was_decided_meanwhile_stands(books: Books) -> None:
    shown = show()
    books.settle(_key(), Ruling(verdict=Verdict.QUARANTINE, who="paul", why="looked at it"))
    before = books.everything()
    with pytest.raises(AirflowSkipException, match="somebody has decided meanwhile"):
        settle(books, shown, NOBODY)
    with pytest.raises(ReleaseObsolete, match="verdict hold, found it 'quarantine', decided by paul"):
        settle(books, shown, PERSON)
    assert books.everything() == before
    # Asked again, a person sees the quarantined slice and lets it in.
    assert settle(books, show(), PERSON)["verdict"] == "accept"
    books.check()


def _key() -> Any:
    from tm_store.gate_suite import SliceKey

    return SliceKey(store="held", src_lang="en", tgt_lang="de")


def test_the_link_leads_to_the_plugins_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "plugins"))
    import tm_review_plugin
    from tm_review.gate_page import router

    assert f"{tm_review_plugin.PREFIX}/gate" == GATE_PATH
    assert "/gate/{batch_id}" in {getattr(route, "path", "") for route in router.routes}
    task = HeldOperator(task_id="held", batch_id=BATCH)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://example.org/airflow/")
    assert GatePageLink().get_link(task, ti_key=None) == f"https://example.org/airflow/tm-review/gate/{BATCH}"
