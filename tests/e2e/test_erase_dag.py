"""tm_erase under the real scheduler: another operator approves, rejects, or never answers; no one else can."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.stack import SETTINGS, Refresh, make_include, scheduled
from tm_embedded.airflow import task_log

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.slow]

DAG = "tm_erase"
FORM = {"store": "erased", "by": "match", "what": "John Doe", "why": "asked to\n```\n# Approved"}
SHOWN_WHY = "```` asked to ``` # Approved ````"


@pytest.fixture(scope="module")
def stack(make_lasting_world: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refresh]:
    include = make_include(tmp_path_factory.mktemp("include") / "include", ["erased"])
    world = make_lasting_world(TM_INCLUDE=str(include), **SETTINGS)
    with scheduled(tmp_path_factory.mktemp("erase") / "home", world, TM_APPROVALS="two") as found:
        found.await_(lambda: found.stack.api.dag(DAG), "tm_erase is known")
        found.stack.api.unpause(DAG)
        yield found


def trigger(stack: Refresh, tmp_path: Any, **form: str) -> str:
    path = tmp_path / "units.tsv"
    path.write_text("One house\tEin Haus\nCall John Doe today\tRufen Sie heute John Doe an\n")
    stack.world.tm("import", "--store", "erased", "--src", "en", "--tgt", "de", str(path)).ok()
    answer = stack.client.post(f"/api/v2/dags/{DAG}/dagRuns", json={"logical_date": None, "conf": FORM | form})
    assert answer.status_code == 200, answer.text
    run = str(answer.json()["dag_run_id"])
    stack.await_question(DAG, run, "approve")
    return run


def states(stack: Refresh, run: str) -> dict[str, str]:
    return {one["task_id"]: one["state"] for one in stack.stack.api.task_instances(DAG, run)}


def answer(stack: Refresh, run: str, option: str) -> str:
    url = f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/approve/-1/hitlDetails"
    detail = stack.client.get(url)
    assert "John" not in detail.text
    assert f"Asked for because: {SHOWN_WHY}\n\n```\n" in detail.json()["body"]
    body = {"chosen_options": [option], "params_input": {}}
    for who, message in ((None, "'admin' started this run"), (("reviewer", "user"), "expected the operator's right")):
        refused = stack.client.patch(url, json=body, headers=stack.signed_in(*who) if who else None)
        assert (refused.status_code, message in refused.text) == (403, True), refused.text
    given = stack.client.patch(url, json=body, headers=stack.signed_in("olga", "op"))
    assert given.status_code == 200, given.text
    return ended(stack, run)


def ended(stack: Refresh, run: str) -> str:
    def state() -> str:
        found = stack.stack.api.run_state(DAG, run)
        return found if found in ("success", "failed") else ""

    return str(stack.await_(state, f"end of {run}"))


def units(stack: Refresh) -> int:
    return int(stack.world.value("select count(*) from tm.unit"))


def test_rejected_nothing_goes_and_approved_it_goes(stack: Refresh, tmp_path: Any) -> None:
    run = trigger(stack, tmp_path)
    assert answer(stack, run, "Reject") == "success"
    assert states(stack, run) == {"preview": "success", "approve": "success", "erase": "skipped"}
    assert units(stack) == 2

    run = trigger(stack, tmp_path)
    assert answer(stack, run, "Approve") == "success"
    assert units(stack) == 1
    ((who, why),) = stack.world.rows("select who, facts ->> 'why' from ops.journal where kind = 'erase'")
    assert (who, why) == ("olga", FORM["why"])
    assert len(stack.world.storage.list("reports/erasures")) == 1
    assert [info.path for info in stack.world.storage.list("journal/entries")]
    assert stack.quoting(DAG, ["John Doe"], tasks={"preview", "approve", "erase"}) == []


def test_a_task_marked_as_done_and_a_forged_result_approve_nothing(stack: Refresh, tmp_path: Any) -> None:
    run, reviewer = trigger(stack, tmp_path, what="One house"), stack.signed_in("reviewer", "user")
    before, place = units(stack), f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/approve"
    forged = {"chosen_options": ["Approve"], "responded_by_user": {"id": "olga", "name": "olga"}}
    made = stack.client.post(f"{place}/xcomEntries", json={"key": "return_value", "value": forged}, headers=reviewer)
    assert made.status_code == 201, made.text
    marked = stack.client.patch(place, json={"new_state": "success"}, headers=reviewer)
    assert marked.status_code == 200, marked.text
    assert ended(stack, run) == "failed"
    assert states(stack, run) == {"preview": "success", "approve": "success", "erase": "failed"}
    assert "expected an answer that the API server has checked, found none" in log_of(stack, run, "erase")
    assert units(stack) == before


def log_of(stack: Refresh, run: str, task: str) -> str:
    (one,) = [one for one in stack.stack.api.task_instances(DAG, run) if one["task_id"] == task]
    assert one["try_number"] == 1, "not tried again"
    path = task_log(stack.stack.plan.home, DAG, run, one)
    return path.read_text() if path else ""


def test_nobody_answers(stack: Refresh, tmp_path: Any) -> None:
    run = trigger(stack, tmp_path)
    # Three days later, as the scheduler's sweep of awaiting tasks sees it.
    import psycopg

    with psycopg.connect(stack.stack.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")) as own:
        own.execute("update task_instance set trigger_timeout = now() - interval '1 minute' where run_id = %s and"
                    " task_id = 'approve'", [run])  # fmt: skip
    before = units(stack)
    assert ended(stack, run) == "failed"
    assert states(stack, run) == {"preview": "success", "approve": "failed", "erase": "upstream_failed"}
    assert units(stack) == before
