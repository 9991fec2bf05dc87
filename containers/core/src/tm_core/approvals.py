"""Who may answer what a DAG asks: holders of the operator's right, and for most questions not the asker."""

from collections.abc import Mapping

from tm_core.settings import Approvals

#: Every question, as (DAG, task): whether its answer wants another person than the one who started the run.
#: A release does not: the review page and the command line let one operator do it, and it can be rolled back.
QUESTIONS: Mapping[tuple[str, str], bool] = {
    ("aligner_ab", "approve"): True,
    ("tm_erase", "approve"): True,
    ("tm_release", "ask"): False,
    ("tm_restore", "approve"): True,
    ("tm_restore", "decide"): True,
}


def objection(question: tuple[str, str], approvals: Approvals, *, asked_by: str, answered_by: str) -> str:
    """Say why a person may not answer a question because of who asked it.

    Args:
        question: a key of QUESTIONS.
        asked_by: who started the run, "" where no person did.

    Returns:
        The reason, or "" if there is none.
    """
    if not QUESTIONS[question] or approvals is Approvals.ONE or not asked_by or asked_by != answered_by:
        return ""
    return (
        f"'{answered_by}' started this run and cannot approve it: expected the answer of another operator "
        "(TM_APPROVALS=two). Ask one, or set TM_APPROVALS=one where one person does both."
    )
