"""aligner_ab under the real scheduler: nothing proven, then proven and rejected, then approved, then taken back."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.e2e.stack import SETTINGS, Refresh, make_include, scheduled

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.slow]

DAG = "aligner_ab"
FORM = {"store": "compared", "pair": "en-de", "b": "threshold=0"}
BEFORE = ["collect", "align", "measure", "judged", "weigh"]


@pytest.fixture(scope="module")
def stack(make_lasting_world: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refresh]:
    include = make_include(tmp_path_factory.mktemp("include") / "include", ["compared"])
    world = make_lasting_world(TM_INCLUDE=str(include), **SETTINGS)
    with scheduled(tmp_path_factory.mktemp("ab") / "home", world) as found:
        found.await_(lambda: found.stack.api.dag(DAG), "aligner_ab is known")
        found.stack.api.unpause(DAG)
        yield found


def states(stack: Refresh, run: str) -> dict[str, str]:
    found = stack.stack.api.task_instances(DAG, run)
    return {one["task_id"]: one["state"] for one in found}


def ended(stack: Refresh, run: str) -> str:
    def state() -> str:
        found = stack.stack.api.run_state(DAG, run)
        return found if found in ("success", "failed") else ""

    return str(stack.await_(state, f"end of {run}"))


def weigh_again(stack: Refresh, run: str) -> None:
    body = {
        "dry_run": False,
        "dag_run_id": run,
        "task_ids": ["weigh"],
        "only_failed": False,
        "include_downstream": True,
    }
    stack.await_reports(DAG, run)
    answer = stack.client.post(f"/api/v2/dags/{DAG}/clearTaskInstances", json=body)
    assert answer.status_code == 200, answer.text
    stack.await_question(DAG, run, "approve")


def answer(stack: Refresh, run: str, option: str) -> str:
    url = f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/approve/-1/hitlDetails"
    detail = stack.client.get(url)
    assert "CPU s / 1,000 segments" in detail.text
    given = stack.client.patch(url, json={"chosen_options": [option], "params_input": {}})
    assert given.status_code == 200, given.text
    return ended(stack, run)


def plant(stack: Refresh) -> str:
    """What people would have said of blind items: all of b's are right, half of a's are wrong."""
    with psycopg.connect(stack.world.url) as connection:
        found = connection.execute("select batch_id from review.comparison").fetchone()
        assert found
        for number in range(60):
            side, key = "ab"[number % 2], bytes([number]) * 32
            kind = "wrong" if side == "a" and number % 4 else "accept"
            connection.execute("insert into review.blind values (%s, %s, %s, %s)", (found[0], key, number, side))
            connection.execute(
                "insert into review.verdict (verdict_key, who, kind, batch_id, document_key, position, partition_date,"
                " store, src_lang, tgt_lang, tier, score_bin, score, confidence, weight, origin, unit_key)"
                " values (%s, 'ann', %s, %s, %s, %s, '2026-01-05', 'compared', 'en', 'de', 'compared', 0, 0, 0, 0,"
                " 'blind', '')", (key, kind, found[0], key, number),
            )  # fmt: skip
    return str(found[0])


def thresholds(stack: Refresh) -> list[Any]:
    return [row[0] for row in stack.world.rows("select value from review.threshold order by version")]


def test_proposed_rejected_approved_and_taken_back(stack: Refresh) -> None:
    made = stack.client.post(f"/api/v2/dags/{DAG}/dagRuns", json={"logical_date": None, "conf": FORM})
    assert made.status_code == 200, made.text
    run = str(made.json()["dag_run_id"])

    # Gold alone does not prove tier 1 better than both tiers: nothing is asked, nothing changes.
    assert ended(stack, run) == "success"
    first = states(stack, run)
    assert {name: first[name] for name in BEFORE[:-1]} == dict.fromkeys(BEFORE[:-1], "success")
    assert (first["weigh"], first["promote"]) == ("skipped", "skipped")

    comparison = plant(stack)
    weigh_again(stack, run)
    assert answer(stack, run, "Reject") == "success"
    assert states(stack, run)["promote"] == "skipped"
    assert thresholds(stack) == []

    weigh_again(stack, run)
    assert answer(stack, run, "Approve") == "success"
    assert thresholds(stack) == [0.0]
    assert stack.world.rows("select promoted_by from review.comparison") == [("admin",)]

    stack.world.tm("ab", "undo", comparison, "--why", "translators complain").ok()
    assert thresholds(stack) == [0.0, None]
