"""A run's context as tasks round a question see it, and answers as the plug-in records them."""

from types import SimpleNamespace
from typing import Any

from tm_store.approvals import Answer, Question, record_answer
from tm_store.db import Database

RUN = "manual__2026-01-05"


def context(dag_id: str, task_id: str = "", *, asked_by: str = "maria", run_id: str = RUN) -> Any:
    """What the tasks need of Airflow's context; `asked_by` started the run."""
    run = SimpleNamespace(dag_id=dag_id, run_id=run_id, triggering_user_name=asked_by or None)
    return {"dag_run": run, "run_id": run_id, "ti": SimpleNamespace(id="ti", task_id=task_id, map_index=-1)}


def let_through(db: Database, dag_id: str, task_id: str, option: str, who: str = "ann") -> None:
    """Record an answer as plugins/tm_review/approvals.py does when it lets one through."""
    asked = Question(dag_id=dag_id, run_id=RUN, task_id=task_id)
    record_answer(db, asked, Answer(who_id=f"id of {who}", who_name=who, options=(option,)), asked_by="maria")


def event(option: str, who: str = "ann", **more: Any) -> dict[str, Any]:
    """What Airflow resumes the asking task with."""
    user = {"id": f"id of {who}", "name": who}
    return {"chosen_options": [option], "params_input": {}, "responded_by_user": user, "responded_at": None} | more
