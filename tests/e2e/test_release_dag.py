"""tm_release under the real scheduler: the gate holds a slice, and a person approves it, keeps it out or says nothing.

One refresh, one slice a way out; after each the books of the date close.
"""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.e2e.stack import DAG as REFRESH
from tests.e2e.stack import SAMPLES, SETTINGS, TASKS, Refresh, make_include, scheduled

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.slow]

DAG, DAY = "tm_release", "2026-01-05"
#: Of the story in each store, those that no rule refuses.
BEADS = 70
GOOD, HELD = "good", ("approved", "refused", "unanswered")
WHY = "the numbers are those of another edition"
LOADED, REJECTED = "new", "rejected"


def numbered(text: str, number: str) -> str:
    """The text with a number in each line."""
    return "\n".join(f"{line[:-1]} {number}{line[-1]}" if line else "" for line in text.splitlines())


def deposit(world: Any) -> None:
    """The same story for every store; where it will be held, its lines have other numbers in each language."""
    for lang, number in (("en", "112"), ("de", "358")):
        story = (SAMPLES / DAY / f"seven-minutes.{lang}.txt").read_text()
        for store in (GOOD, *HELD):
            world.put(DAY, f"story.{lang}.txt", story if store == GOOD else numbered(story, number), store=store)


@pytest.fixture(scope="module")
def stack(make_lasting_world: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refresh]:
    include = make_include(tmp_path_factory.mktemp("include") / "include", [GOOD, *HELD])
    # One tier is enough here.
    world = make_lasting_world(
        TM_INCLUDE=str(include), **SETTINGS | {"TM_TIER_THRESHOLD": "0", "TM_APPROVERS": "admin"}
    )
    with scheduled(tmp_path_factory.mktemp("release") / "home", world, TM_APPROVERS="admin") as found:
        found.await_(lambda: found.stack.api.dag(DAG), "tm_release is known")
        deposit(found.world)
        yield found


@pytest.fixture(scope="module")
def refreshed(stack: Refresh) -> str:
    """The run of tm_refresh that held the slices."""
    run = stack.trigger(key=DAY)
    states = stack.succeed(run)
    assert {name for name, state in states.items() if state != "success"} == {"tier2"}, states
    assert {name.partition("[")[0] for name in states} == {*TASKS, "held", "release"}
    return run


# Looking ------------------------------------------------------------------------------------------


def runs(stack: Refresh) -> dict[str, str]:
    """Store -> the run of tm_release that tm_refresh started for its slice."""
    found = stack.client.get(f"/api/v2/dags/{DAG}/dagRuns", params={"limit": 100}).json()["dag_runs"]
    return {one["conf"]["store"]: one["dag_run_id"] for one in found if one["dag_run_id"].startswith("held__")}


def states(stack: Refresh, run: str) -> dict[str, str]:
    return {one["task_id"]: one["state"] for one in stack.stack.api.task_instances(DAG, run)}


def outcomes(stack: Refresh, store: str) -> dict[str, int]:
    return dict(stack.world.value("select outcomes from ops.slice where store = %s", store))


def units(stack: Refresh, store: str) -> int:
    return int(stack.world.value("select count(*) from tm.unit join tm.store using (store_id) where name = %s", store))


def decision(stack: Refresh, store: str) -> tuple[str, str, str]:
    (found,) = stack.world.rows("select verdict, decided_by, why from quality.decision where store = %s", store)
    return found


def backups(stack: Refresh) -> int:
    return int(stack.world.value("select count(*) from ops.backup"))


# Doing --------------------------------------------------------------------------------------------


def asked(stack: Refresh, run: str, times: int = 1) -> dict[str, Any]:
    """Wait until the run waits for a person; returns what it shows."""
    stack.await_question(DAG, run, "ask", times=times)
    return dict(stack.client.get(_url(run)).json())


def answer(stack: Refresh, run: str, option: str, why: str) -> None:
    given = stack.client.patch(_url(run), json={"chosen_options": [option], "params_input": {"why": why}})
    assert given.status_code == 200, given.text


def refused(stack: Refresh, run: str) -> int:
    """What the server answers to a reviewer who approves: a role that may trigger the DAG, and is not named."""
    body = {"chosen_options": ["Approve"], "params_input": {"why": WHY}}
    as_reviewer = stack.signed_in("reviewer", "user")
    seen = stack.client.get(f"/api/v2/dags/{DAG}/dagRuns/{run}", headers=as_reviewer)
    assert seen.status_code == 200, seen.text
    return int(stack.client.patch(_url(run), json=body, headers=as_reviewer).status_code)


def _url(run: str) -> str:
    return f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/ask/-1/hitlDetails"


def succeeded(stack: Refresh, run: str) -> dict[str, str]:
    """Wait for the run's end, which must be a success; the books of the date close. Returns the tasks' states."""

    def state() -> str:
        found = stack.stack.api.run_state(DAG, run)
        return found if found in ("success", "failed") else ""

    assert stack.await_(state, f"end of {run}") == "success", states(stack, run)
    stack.world.check_books(DAY)
    return states(stack, run)


LET_IN = dict.fromkeys(("show", "ask", "settle", "publish", "backup"), "success")
KEPT_OUT = LET_IN | {"publish": "skipped", "backup": "skipped"}


# The ways out -------------------------------------------------------------------------------------


def test_the_refresh_loads_the_rest_and_asks_for_what_it_held(stack: Refresh, refreshed: str) -> None:
    stack.world.check_books(DAY)
    assert units(stack, GOOD) == BEADS
    assert {store: units(stack, store) for store in HELD} == dict.fromkeys(HELD, 0)
    assert {decision(stack, store)[:2] for store in HELD} == {("hold", "gate")}
    assert set(outcomes(stack, HELD[0])) <= {"held", REJECTED}
    assert outcomes(stack, HELD[0])["held"] == BEADS
    assert set(runs(stack)) == set(HELD)
    shown = asked(stack, runs(stack)[HELD[0]])
    assert "Numbers are the same on both sides" in shown["body"]
    assert [one["id"] for one in shown["assigned_users"]] == ["admin"]
    assert refused(stack, runs(stack)[HELD[0]]) == 403
    assert "Quellbach" not in shown["body"] + shown["subject"], "no text of a segment in Airflow's database"
    # Cleared, the refresh asks nobody twice.
    stack.clear(refreshed, "release")
    stack.succeed(refreshed)
    assert set(stack.states(refreshed)[f"release[{number}]"] for number in range(3)) == {"skipped"}
    assert set(runs(stack)) == set(HELD)


def test_the_links_of_the_task_and_of_the_form_lead_to_the_gates_page(stack: Refresh, refreshed: str) -> None:
    links = stack.client.get(f"/api/v2/dags/{REFRESH}/dagRuns/{refreshed}/taskInstances/gate/links").json()
    page = stack.client.get(links["extra_links"]["What the gate found"])
    assert page.status_code == 200, page.text
    assert "Numbers are the same on both sides" in page.text
    shown = asked(stack, runs(stack)[HELD[0]])["body"]
    picture = stack.client.get(shown.partition("page too](")[2].partition(")")[0])
    assert picture.headers["content-type"] == "image/svg+xml"
    assert "style-src 'sha256-" in picture.headers["content-security-policy"]
    assert " 358" in picture.text, "texts of the slice, which has this number in every line"
    stack.client.headers, headers = {}, stack.client.headers
    assert stack.client.get(links["extra_links"]["What the gate found"]).status_code == 401
    stack.client.headers = headers


def test_approved_it_goes_through_gate_and_load_and_is_backed_up(stack: Refresh, refreshed: str) -> None:
    store, before = "approved", backups(stack)
    run = runs(stack)[store]
    asked(stack, run)
    answer(stack, run, "Approve", "")
    stack.await_(lambda: stack.client.get(_url(run)).json()["chosen_options"] is None, "asked again: no reason")
    assert units(stack, store) == 0
    asked(stack, run, times=2)
    answer(stack, run, "Approve", WHY)
    assert succeeded(stack, run) == LET_IN
    assert (units(stack, store), outcomes(stack, store)[LOADED]) == (BEADS, BEADS)
    assert decision(stack, store) == ("accept", "admin", WHY)
    assert backups(stack) == before + 1
    assert [units(stack, other) for other in HELD[1:]] == [0, 0]


def test_refused_it_is_quarantined_and_can_be_released_later(stack: Refresh, refreshed: str) -> None:
    store, before = "refused", backups(stack)
    run = runs(stack)[store]
    asked(stack, run)
    answer(stack, run, "Keep out", "looks wrong")
    assert succeeded(stack, run) == KEPT_OUT
    assert decision(stack, store) == ("quarantine", "admin", "looks wrong")
    assert (units(stack, store), outcomes(stack, store)["quarantined"], backups(stack)) == (0, BEADS, before)

    form = {"batch_id": stack.world.batch(DAY), "store": store, "src": "en", "tgt": "de"}
    made = stack.client.post(f"/api/v2/dags/{DAG}/dagRuns", json={"logical_date": None, "conf": form})
    assert made.status_code == 200, made.text
    run = str(made.json()["dag_run_id"])
    assert "looks wrong" in asked(stack, run)["body"]
    answer(stack, run, "Approve", WHY)
    assert succeeded(stack, run) == LET_IN
    assert decision(stack, store) == ("accept", "admin", WHY)
    assert (units(stack, store), outcomes(stack, store)[LOADED], backups(stack)) == (BEADS, BEADS, before + 1)


def test_nobody_answers_and_it_is_quarantined(stack: Refresh, refreshed: str) -> None:
    store = "unanswered"
    run = runs(stack)[store]
    asked(stack, run)
    # A week later, as the scheduler's sweep of awaiting tasks sees it.
    airflow = stack.stack.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
    with psycopg.connect(airflow) as own:
        own.execute("update task_instance set trigger_timeout = now() - interval '1 minute' where run_id = %s and"
                    " task_id = 'ask'", [run])  # fmt: skip
    assert succeeded(stack, run) == KEPT_OUT
    assert decision(stack, store) == ("quarantine", "time-out", "nobody decided within 7 days, 0:00:00")
    assert (units(stack, store), outcomes(stack, store)["quarantined"]) == (0, BEADS)
