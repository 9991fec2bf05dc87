"""The refresh under the real scheduler: as `make test` sees it, with one start of the stack."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.e2e.stack import DAG, SETTINGS, TASKS, Refresh, make_include, scheduled

pytestmark = [pytest.mark.airflow, pytest.mark.db]

FORM_DAY, KILL_DAY = "2026-01-05", "2026-01-06"
DOCUMENT = [f"2026-01-05/weather-station.{lang}.txt" for lang in ("en", "de")]


def deposit(world: Any) -> None:
    world.deposit(FORM_DAY, *DOCUMENT, store="form")
    world.deposit(FORM_DAY, *DOCUMENT, store="other")
    world.deposit(KILL_DAY, *DOCUMENT, store="killed")


@pytest.fixture(scope="module")
def undisturbed(make_lasting_world: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same deposits refined by ``tm refresh``, one command after the other."""
    include = make_include(tmp_path_factory.mktemp("include") / "include", ["form", "other", "killed"])
    world = make_lasting_world(TM_INCLUDE=str(include), **SETTINGS)
    deposit(world)
    world.refresh(FORM_DAY, "--store", "form").ok()
    world.refresh(KILL_DAY).ok()
    return world


@pytest.fixture(scope="module")
def refresh(undisturbed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refresh]:
    with scheduled(tmp_path_factory.mktemp("scheduler") / "home", undisturbed, TM_RETRY_SECONDS="1") as found:
        deposit(found.world)
        yield found


def checksum(world: Any, store: str) -> str:
    said: str = world.tm("checksum", "--store", store).ok().out
    assert " 0 units" not in said, "an empty memory is equal to any other"
    return said


@pytest.mark.parametrize(
    "conf",
    [
        {"date": "05.01.2026"},
        {"date": 20260105},
        {"stores": "form"},
        {"stores": ["Form; drop table"]},
        {"reprocess": "perhaps"},
    ],
    ids=str,
)
def test_the_form_refuses_what_is_wrong_before_anything_runs(refresh: Refresh, conf: dict[str, Any]) -> None:
    before = refresh.runs()
    answer = refresh.post("dagRuns", {"logical_date": None, "conf": conf})
    assert answer.status_code == 400, answer.text
    assert next(iter(conf)) in answer.text, "the answer names the field"
    assert refresh.runs() == before


def test_a_date_of_the_form_runs_once_and_again_only_if_told_to(refresh: Refresh, undisturbed: Any) -> None:
    conf = {"date": FORM_DAY, "stores": ["form"], "reprocess": False}
    states = refresh.succeed(refresh.trigger(conf=conf))
    assert states.pop("release") == "skipped", "no slice is held"
    assert set(states.values()) == {"success"}, states
    assert {name.partition("[")[0] for name in states} == {*TASKS, "held"}
    expected = checksum(undisturbed, "form")
    assert checksum(refresh.world, "form") == expected
    assert refresh.world.value("select count(*) from tm.unit join tm.store using (store_id) where name = 'other'") == 0
    refresh.world.check_books(FORM_DAY)

    before = refresh.world.every_row()
    again = refresh.succeed(refresh.trigger(conf=conf))
    assert again.pop("plan") == "success"
    assert set(again.values()) == {"skipped"}, again
    assert refresh.world.every_row() == before

    texts = [row[0] for row in refresh.world.rows("select src_text from tm.unit where length(src_text) > 20")]
    assert texts
    assert refresh.quoting(DAG, texts, tasks={"plan", "tier1", "filter", "gate", "load"}) == []

    aligned = refresh.world.value("select max(finished_at) from ops.step where step = 'route'")
    told = refresh.succeed(refresh.trigger(conf=conf | {"reprocess": True}))
    assert told.pop("release") == "skipped"
    assert set(told.values()) == {"success"}, told
    assert refresh.world.value("select max(finished_at) from ops.step where step = 'route'") > aligned
    assert checksum(refresh.world, "form") == expected


def test_a_logical_date_on_the_command_line_is_the_date(refresh: Refresh) -> None:
    with refresh.paused():  # `airflow dags test` works on its run itself
        (tested,) = refresh.airflow("dags", "test", "tm_refresh", "2026-02-03")
    (triggered,) = refresh.airflow("dags", "trigger", "tm_refresh", "--logical-date", "2026-02-04")
    refresh.succeed(triggered)
    assert [refresh.planned(tested), refresh.planned(triggered)] == ["2026-02-03", "2026-02-04"]


def test_a_load_killed_in_its_transaction_is_tried_again(refresh: Refresh, undisturbed: Any) -> None:
    with psycopg.connect(refresh.world.url) as other:
        other.execute("lock table tm.unit in share mode")  # writers wait, readers do not
        run = refresh.trigger(key=KILL_DAY)
        waiting = "select count(*) from pg_locks where not granted and relation = 'tm.unit'::regclass"
        refresh.await_(lambda: refresh.world.value(waiting), "load is about to write")
        refresh.kill(run, "load")
    refresh.succeed(run)
    assert refresh.tasks(run)["load"]["try_number"] == 2, "it was killed, or this test shows nothing"
    assert checksum(refresh.world, "killed") == checksum(undisturbed, "killed")
    refresh.world.check_books(KILL_DAY)


def test_a_date_that_waits_for_tier_2_gets_its_run(refresh: Refresh) -> None:
    refresh.succeed(refresh.trigger(key=KILL_DAY))
    waits = "insert into ops.shard_run select partition_date, batch_id, 'embedding', 9, 1, 0, %s from ops.batch"
    with psycopg.connect(refresh.world.url, autocommit=True) as connection:
        connection.execute(f"{waits} where partition_date = %s", ('{"unavailable": "no node"}', KILL_DAY))
    generation = refresh.world.value("select max(generation) from ops.batch where partition_date = %s", KILL_DAY)
    refresh.await_(lambda: refresh.stack.api.dag("tm_deferred"), "tm_deferred is known")
    refresh.stack.api.unpause("tm_deferred")
    url = "/api/v2/dags/tm_deferred/dagRuns"
    for _ in range(2):  # the second one finds the run that the first has started, or nothing that waits
        answer = refresh.client.post(url, json={"logical_date": None, "conf": {}})
        assert answer.status_code == 200, answer.text
        run = str(answer.json()["dag_run_id"])
        refresh.await_(lambda run=run: refresh.stack.api.run_state("tm_deferred", run) == "success", "it has run")  # type: ignore[misc]
        started = f"deferred__{KILL_DAY}__{generation}"
        states = refresh.succeed(started)
        assert states["plan"] == "success"
    (found,) = [one for one in refresh.runs() if one["dag_run_id"].startswith("deferred")]
    assert (found["dag_run_id"], found["conf"]["date"]) == (started, KILL_DAY)
