"""Answers to our DAGs' questions, sent to Airflow's own API: who may not is refused before Airflow takes the answer."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.plugins.conftest import Site
from tests.plugins.questions_made import FOREIGN, run_id
from tm_core.approvals import QUESTIONS

pytestmark = [pytest.mark.airflow, pytest.mark.db]

SignIn = Callable[[str], httpx.Client]
OURS = sorted(QUESTIONS)
WANT_ANOTHER = [question for question in OURS if QUESTIONS[question]]


def url_of(site: Site, question: tuple[str, str], run: str) -> str:
    dag_id, task_id = question
    return f"{site.url}/api/v2/dags/{dag_id}/dagRuns/{run}/taskInstances/{task_id}/-1/hitlDetails"


def answer(client: httpx.Client, url: str, *options: str, **more: Any) -> httpx.Response:
    return client.patch(url, json={"chosen_options": list(options), "params_input": {}} | more)


def waits(site: Site, sign_in: SignIn, url: str) -> bool:
    found = sign_in("admin").get(url)
    assert found.status_code == 200, found.text
    return not found.json()["response_received"]


def recorded(site: Site, question: tuple[str, str], run: str) -> list[Any]:
    with site.connect() as connection:
        return connection.execute(
            "select who_name, asked_by, options from ops.approval where (dag_id, task_id, run_id) = (%s, %s, %s)",
            [*question, run],
        ).fetchall()


def test_there_are_questions() -> None:
    assert len(OURS) >= 5
    assert len(WANT_ANOTHER) >= 4


@pytest.mark.parametrize("question", OURS, ids=".".join)
def test_lower_roles_cannot_answer(site: Site, sign_in: SignIn, question: tuple[str, str]) -> None:
    run = run_id("operator", 0)
    url = url_of(site, question, run)
    for role in ("reviewer", "second"):
        refused = answer(sign_in(role), url, "Approve")
        assert refused.status_code == 403, refused.text
        assert "expected the operator's right" in refused.json()["detail"]
    assert answer(sign_in("viewer"), url, "Approve").status_code == 403
    assert answer(sign_in(""), url, "Approve").status_code == 401
    assert waits(site, sign_in, url)
    assert recorded(site, question, run) == []


@pytest.mark.parametrize("question", WANT_ANOTHER, ids=".".join)
def test_the_asker_cannot_approve_and_another_operator_can(
    site: Site, sign_in: SignIn, question: tuple[str, str]
) -> None:
    run = run_id("operator", 1)
    url = url_of(site, question, run)
    refused = answer(sign_in("operator"), url, "Approve")
    assert refused.status_code == 403, refused.text
    assert "'operator' started this run and cannot approve it" in refused.json()["detail"]
    assert waits(site, sign_in, url)
    assert answer(sign_in("admin"), url, "Approve").status_code == 200
    assert not waits(site, sign_in, url)
    assert answer(sign_in("admin"), url, "Reject").status_code == 409
    assert recorded(site, question, run) == [("admin", "operator", ["Approve"])], "a second answer counts for nothing"


@pytest.mark.parametrize("question", OURS, ids=".".join)
@pytest.mark.parametrize("asker", ["reviewer", ""])
def test_an_operator_answers_what_others_ask(
    site: Site, sign_in: SignIn, question: tuple[str, str], asker: str
) -> None:
    run = run_id(asker, 0)
    assert answer(sign_in("operator"), url_of(site, question, run), "Reject").status_code == 200
    assert recorded(site, question, run) == [("operator", asker, ["Reject"])]


def test_one_operator_may_release_what_they_asked_for_as_on_the_page(site: Site, sign_in: SignIn) -> None:
    url = url_of(site, ("tm_release", "ask"), run_id("operator", 1))
    assert answer(sign_in("operator"), url, "Approve").status_code == 200


def test_other_peoples_questions_are_airflows(site: Site, sign_in: SignIn) -> None:
    run = run_id("reviewer", 0)
    assert answer(sign_in("reviewer"), url_of(site, FOREIGN, run), "Approve").status_code == 200
    assert recorded(site, FOREIGN, run) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"chosen_options": 7}',
        b'{"chosen_options": [7]}',
        b'{"chosen_options": null}',
        b'{"chosen_options": ["\\ud800"]}',
        b'{"chosen_options": ' + b"[" * 5000,
        b"\xff",
        json.dumps({"chosen_options": ["a\x00b"]}).encode(),
    ],
)
def test_what_is_no_answer_is_422(site: Site, sign_in: SignIn, body: bytes) -> None:
    url = url_of(site, ("tm_erase", "approve"), run_id("reviewer", 1))
    refused = sign_in("operator").patch(url, content=body, headers={"content-type": "application/json"})
    assert refused.status_code == 422, refused.text
    assert waits(site, sign_in, url)


def test_a_long_answer_is_413(site: Site, sign_in: SignIn) -> None:
    url = url_of(site, ("tm_erase", "approve"), run_id("reviewer", 1))
    assert answer(sign_in("operator"), url, "x" * 100_000).status_code == 413


@pytest.mark.parametrize("path", ["/{dag}/", "/%74m_erase/"])
def test_another_spelling_of_the_address_is_checked_too(site: Site, sign_in: SignIn, path: str) -> None:
    url = url_of(site, ("tm_erase", "approve"), run_id("reviewer", 2))
    spelt = url.replace("/tm_erase/", path.format(dag="tm_erase"))
    for form in (spelt, spelt + "/"):
        assert answer(sign_in("reviewer"), form, "Approve").status_code in (403, 404, 405, 307), form
    assert waits(site, sign_in, url)
