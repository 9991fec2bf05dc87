"""What every question to a person has in common, whichever of Airflow's operators asks it.

Who may answer is checked three times: by the plug-in before Airflow takes the answer (plugins/tm_review/approvals.py),
by the task that asked, and by the task that acts on it. The last two do not rely on what Airflow says of a task, which
other roles may write, but on what the plug-in recorded in the memory (docs/decisions/0083).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLBranchOperator, HITLOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from tm_core.approvals import objection
from tm_core.markdown import fenced, quoted
from tm_core.settings import Settings

APPROVE = "Approve"

#: For a DAG's ``user_defined_filters``: what a person has entered goes through one of them into Markdown.
MARKDOWN_FILTERS = {"quoted": quoted, "fenced": fenced}


def question(settings: Settings, wait: timedelta) -> dict[str, Any]:
    """Keyword arguments of a human-in-the-loop task: who may answer, and how long it waits.

    The operator's right is needed in any case; a site that names people (``TM_APPROVERS``) narrows it to them.

    Args:
        wait: without an answer, after this the task fails or takes its default.
    """
    people = [{"id": name, "name": name} for name in settings.approvers.replace(",", " ").split()]
    return {
        "assigned_users": people or None,
        "response_timeout": wait,
        # Bounds the task's own seconds; the wait is bounded above.
        "execution_timeout": timedelta(minutes=10),
    }


class CheckedAnswer(HITLOperator):
    """A question whose answer is refused, and the task failed, unless a person gave it who may."""

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        # Without a person's answer Airflow fails the task, or takes the default, which changes nothing.
        if not event.get("timedout") and "error" not in event:
            check_answer(context, event)
        return super().execute_complete(context, event)


class AskApprovalOperator(CheckedAnswer, ApprovalOperator):
    """Approve or reject; rejected, what follows is skipped."""


class AskBranchOperator(CheckedAnswer, HITLBranchOperator):
    """Choose which task follows."""


class AskOptionOperator(CheckedAnswer):
    """Choose one of several options."""


def check_answer(context: Context, event: Mapping[str, Any]) -> None:
    """Fail the task unless the answer that Airflow took is one that the plug-in let through.

    Raises:
        AirflowFailException: it is not, or the asker gave it. Nothing was done.
    """
    task_id = context["ti"].task_id
    user = event.get("responded_by_user") or {}
    found = _let_through(context, task_id)
    if str(user.get("id")) != found.who_id or tuple(event["chosen_options"]) != found.options:
        raise _refused(
            context,
            task_id,
            f"expected the answer of '{found.who_name}', {_listed(found.options)}, found that of "
            f"'{user.get('name') or user.get('id') or 'no person'}', {_listed(event['chosen_options'])}",
        )


def granted_by(context: Context, task_id: str, option: str) -> str:
    """The name of the person who chose the option in a task of this run; call it before acting on the choice.

    Raises:
        AirflowFailException: no one has who may. Nothing was done.
    """
    found = _let_through(context, task_id)
    if found.options != (option,):
        raise _refused(context, task_id, f"expected the answer '{option}', found {_listed(found.options)}")
    return str(found.who_name)


def _let_through(context: Context, task_id: str) -> Any:
    from tm_store.approvals import Question, newest_answer
    from tm_store.migrate import open_memory

    settings, run = Settings.from_env(), context["dag_run"]
    asked = Question(dag_id=run.dag_id, run_id=run.run_id, task_id=task_id)
    with open_memory(settings) as db:
        found = newest_answer(db, asked)
    if found is None:
        raise _refused(
            context,
            task_id,
            "expected an answer that the API server has checked, found none: it was given by someone without the "
            "operator's right, the task was marked by hand, or the API server runs without the plug-in tm_review",
        )
    key = (run.dag_id, task_id)
    if reason := objection(
        key, settings.approvals, asked_by=run.triggering_user_name or "", answered_by=found.who_name
    ):
        raise _refused(context, task_id, reason)
    return found


def _refused(context: Context, task_id: str, reason: str) -> AirflowFailException:
    run = context["dag_run"]
    return AirflowFailException(
        f"{run.dag_id} {run.run_id}, answer to '{task_id}': {reason.rstrip('.')}. Nothing was done. Clear '{task_id}' "
        "to be asked again."
    )


def _listed(options: Any) -> str:
    return ", ".join(f"'{option}'" for option in options) or "no option"
