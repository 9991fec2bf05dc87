"""Checks an answer to a DAG's question before Airflow takes it: Airflow lets whoever may update the run answer.

An ASGI layer around Airflow's own application. It refuses with 403 whoever lacks the operator's right, and the asker
where another person is needed; an answer that may be given is recorded in the memory, where the tasks look for it.
"""

import json
import re
from typing import Any

from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy import select

from tm_core.approvals import QUESTIONS, objection
from tm_core.errors import TmError
from tm_review.access import Right, allowed
from tm_review.memory import open_own, settings
from tm_review.shield import Application, Receive, Send, refuse_long, replay, whole_body
from tm_store.approvals import Answer, Question, record_answer

_ANSWER = re.compile(r"/api/v2/dags/([^/]+)/dagRuns/([^/]+)/taskInstances/([^/]+)/(-?\d+)/hitlDetails/?$")


class Approvals:
    """Lets an answer through to Airflow, or refuses it with what to do."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        asked = _question(scope)
        if asked is None:
            await self.app(scope, receive, send)
            return
        body = await whole_body(receive)
        if body is None:
            await refuse_long(send)
            return
        request = Request(scope)
        try:
            user = await get_user(request, None, await bearer_scheme(request))
            await run_in_threadpool(_check, user, asked, _options(body))
        except HTTPException as error:
            await JSONResponse({"detail": error.detail}, error.status_code)(scope, receive, send)
            return
        await self.app(scope, replay(body, receive), send)


def _question(scope: Any) -> Question | None:
    """The question of ours that a request answers; None for every other request."""
    if scope["type"] != "http" or scope["method"] != "PATCH" or not (found := _ANSWER.search(scope["path"])):
        return None
    dag_id, run_id, task_id, map_index = found.groups()
    asked = Question(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=int(map_index))
    return asked if (dag_id, task_id) in QUESTIONS else None


def _options(body: bytes) -> tuple[str, ...]:
    """What was chosen.

    Raises:
        HTTPException: 422, the body is no answer.
    """
    try:
        chosen = json.loads(body)["chosen_options"]
        for option in chosen:
            if "\0" in option.encode().decode():
                raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise HTTPException(422, "chosen_options: expected a list of options. Nothing was changed.") from None
    return tuple(chosen)


def _check(user: Any, asked: Question, options: tuple[str, ...]) -> None:
    name = str(user.get_name())
    if not allowed(user, Right.RELEASE):
        raise HTTPException(
            403,
            f"Your role in Airflow may not answer '{asked.task_id}' of {asked.dag_id}: expected the operator's right "
            "(to create events of assets). Ask an operator. The question still waits.",
        )
    with create_session() as session:
        asked_by = session.scalar(_asker(asked)) or ""
        if session.scalar(_responded_at(asked)) is not None:
            return  # Airflow refuses a second answer; recorded, it would count for the first
    reason = objection((asked.dag_id, asked.task_id), settings().approvals, asked_by=asked_by, answered_by=name)
    if reason:
        raise HTTPException(403, f"{reason} The question still waits.")
    answer = Answer(who_id=str(user.get_id()), who_name=name, options=options)
    try:
        with open_own() as db:
            record_answer(db, asked, answer, asked_by=asked_by)
    except TmError as error:
        raise HTTPException(503, f"The answer was not taken, because the memory cannot record it: {error}") from None


def _asker(asked: Question) -> Any:
    return select(DagRun.triggering_user_name).where(DagRun.dag_id == asked.dag_id, DagRun.run_id == asked.run_id)


def _responded_at(asked: Question) -> Any:
    task = (
        TaskInstance.dag_id == asked.dag_id,
        TaskInstance.run_id == asked.run_id,
        TaskInstance.task_id == asked.task_id,
        TaskInstance.map_index == asked.map_index,
    )
    return select(HITLDetail.responded_at).join(TaskInstance, HITLDetail.ti_id == TaskInstance.id).where(*task)
