"""Who may answer what a DAG asks."""

import pytest

from tm_core.approvals import QUESTIONS, objection
from tm_core.settings import Approvals, Settings


@pytest.mark.parametrize("question", [key for key, wants_another in QUESTIONS.items() if wants_another])
def test_the_asker_approves_only_where_one_person_is_enough(question: tuple[str, str]) -> None:
    reason = objection(question, Approvals.TWO, asked_by="maria", answered_by="maria")
    assert "'maria' started this run" in reason
    assert "TM_APPROVALS=one" in reason
    assert objection(question, Approvals.ONE, asked_by="maria", answered_by="maria") == ""
    assert objection(question, Approvals.TWO, asked_by="maria", answered_by="paul") == ""
    assert objection(question, Approvals.TWO, asked_by="", answered_by="maria") == "", "a schedule asked"


def test_a_release_wants_no_other_person() -> None:
    assert objection(("tm_release", "ask"), Approvals.TWO, asked_by="maria", answered_by="maria") == ""


def test_two_people_are_the_default() -> None:
    assert Settings.from_env({}).approvals is Approvals.TWO
    assert Settings.from_env({"TM_APPROVALS": "one"}).approvals is Approvals.ONE
