"""An answer counts if the plug-in let it through, and another operator than the asker gave it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from operators.ab import PromoteVariantOperator
from operators.erase import EraseOperator
from operators.question import (
    AskApprovalOperator,
    AskBranchOperator,
    AskOptionOperator,
    check_answer,
    granted_by,
    question,
)
from operators.recovery import Ending, EndRestoreOperator, SwapOperator
from operators.release import AskOperator, SettleOperator
from tests.operators.asked import context, event, let_through
from tm_core.approvals import QUESTIONS
from tm_core.settings import Settings
from tm_store.db import Database

pytestmark = [pytest.mark.airflow, pytest.mark.db]

DAG = "tm_erase"
NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def memory(settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))
    return db


def test_an_answer_that_was_let_through_counts(memory: Database) -> None:
    let_through(memory, DAG, "approve", "Approve")
    check_answer(context(DAG, "approve"), event("Approve"))
    assert granted_by(context(DAG), "approve", "Approve") == "ann"


@pytest.mark.parametrize(
    ("recorded", "given", "message"),
    [
        (None, event("Approve"), "expected an answer that the API server has checked, found none"),
        (("Approve", "ann"), event("Approve", "bob"), "expected the answer of 'ann', 'Approve', found that of 'bob'"),
        (("Reject", "ann"), event("Approve"), "expected the answer of 'ann', 'Reject', found that of 'ann', 'Approve'"),
        (("Approve", "ann"), event("Approve", responded_by_user=None), "found that of 'no person'"),
        (("Approve", "maria"), event("Approve", "maria"), "'maria' started this run and cannot approve it"),
    ],
    ids=["unchecked", "another", "another option", "no one", "the asker"],
)
def test_another_answer_fails_the_task(
    memory: Database, recorded: tuple[str, str] | None, given: dict[str, Any], message: str
) -> None:
    if recorded:
        let_through(memory, DAG, "approve", *recorded)
    for asks in (AskApprovalOperator(task_id="approve", subject="s"), ask_option()):
        with pytest.raises(AirflowFailException, match=message) as found:
            asks.execute_complete(context(DAG, "approve"), given)
        assert "Nothing was done. Clear 'approve' to be asked again." in str(found.value)


def ask_option() -> AskOptionOperator:
    return AskOptionOperator(task_id="approve", subject="s", options=["Approve", "Reject"])


def test_one_person_is_enough_where_the_site_says_so(memory: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    let_through(memory, DAG, "approve", "Approve", "maria")
    with pytest.raises(AirflowFailException):
        granted_by(context(DAG), "approve", "Approve")
    monkeypatch.setenv("TM_APPROVALS", "one")
    assert granted_by(context(DAG), "approve", "Approve") == "maria"


def test_the_newest_answer_counts(memory: Database) -> None:
    let_through(memory, DAG, "approve", "Approve")
    let_through(memory, DAG, "approve", "Reject", "paul")
    with pytest.raises(AirflowFailException, match="expected the answer 'Approve', found 'Reject'"):
        granted_by(context(DAG), "approve", "Approve")
    with pytest.raises(AirflowFailException, match="found none"):
        granted_by(context(DAG, run_id="another"), "approve", "Approve")


def test_a_default_after_the_wait_is_no_persons_answer(memory: Database) -> None:
    late = event("Approve", timedout=True, responded_by_user=None, responded_at=NOW)
    assert ask_option().execute_complete(context(DAG, "approve"), late)["chosen_options"] == ["Approve"]


#: Every task that does what was answered, as it is in its DAG.
ACTING: dict[str, Callable[[], Any]] = {
    "tm_erase": lambda: EraseOperator(
        task_id="erase", form={"store": "demo", "why": "w"}, named="00", approved_in="approve"
    ),
    "aligner_ab": lambda: PromoteVariantOperator(task_id="promote", named="00", approved_in="approve"),
    "tm_restore": lambda: SwapOperator(task_id="swap", database="nowhere", cut=False, approved_in="approve"),
    "tm_restore ": lambda: EndRestoreOperator(
        task_id="end", kept="x", answer=event(Ending.DROP.value), cut=False, answered_in="decide"
    ),
    "tm_release": lambda: SettleOperator(
        task_id="settle",
        form={"batch_id": "b", "store": "s", "src": "en", "tgt": "de"},
        shown={"generation": 1, "verdict": "hold"},
        said={"verdict": "accept", "who": "forged", "why": "because"},
        answered_in="ask",
    ),
}


@pytest.mark.parametrize("dag_id", ACTING)
def test_a_task_that_acts_does_not_rely_on_what_airflow_says(memory: Database, dag_id: str) -> None:
    """Who may mark a task as done, or write its result, has not approved anything."""
    with pytest.raises(
        AirflowFailException, match=r"answer to '(approve|decide|ask)': expected an answer that the API"
    ):
        ACTING[dag_id]().execute(context(dag_id.strip()))


def test_every_question_of_the_dags_is_checked() -> None:
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag
    from airflow.providers.standard.operators.hitl import HITLOperator

    bag = DagBag(dag_folder=str(Path(__file__).resolve().parents[2] / "dags"), collect_dags=True)
    assert not bag.import_errors
    found = {
        (dag.dag_id, task.task_id): type(task)
        for dag in bag.dags.values()
        for task in dag.tasks
        if isinstance(task, HITLOperator)
    }
    assert len(found) >= 5
    assert set(found) == set(QUESTIONS), "name the question in tm_core.approvals.QUESTIONS"
    assert set(found.values()) <= {AskApprovalOperator, AskBranchOperator, AskOptionOperator, AskOperator}
    assert {dag_id.strip() for dag_id in ACTING} == {dag_id for dag_id, _ in QUESTIONS}, "add what acts on it to ACTING"


def test_a_site_that_names_people_has_airflow_ask_them_alone() -> None:
    some = question(Settings.from_env({"TM_APPROVERS": "ann, bob"}), timedelta(days=1))
    assert [one["id"] for one in some["assigned_users"]] == ["ann", "bob"]
    assert question(Settings.from_env({}), timedelta(days=1))["assigned_users"] is None
