"""Answers of people to what DAGs ask, as the API server let them through: rows of ``ops.approval``, only added."""

from dataclasses import dataclass

from tm_store.db import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of one run: the task that asks."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Who chose what. Airflow's id and name of the person."""

    who_id: str
    who_name: str
    options: tuple[str, ...]


def record_answer(db: Database, question: Question, answer: Answer, *, asked_by: str) -> None:
    """Record an answer that may be given, before Airflow takes it.

    Args:
        asked_by: who started the run, "" where no person did.
    """
    db.run(
        "approval/insert_answer",
        dag_id=question.dag_id,
        run_id=question.run_id,
        task_id=question.task_id,
        map_index=question.map_index,
        who_id=answer.who_id,
        who_name=answer.who_name,
        asked_by=asked_by,
        options=list(answer.options),
    )


def newest_answer(db: Database, question: Question) -> Answer | None:
    """The newest answer to a question; None if no one has answered it by the API server with the plug-in."""
    found = db.run(
        "approval/select_answer",
        dag_id=question.dag_id,
        run_id=question.run_id,
        task_id=question.task_id,
        map_index=question.map_index,
    )
    return (
        Answer(who_id=found[0].who_id, who_name=found[0].who_name, options=tuple(found[0].options)) if found else None
    )
