"""The refresh under the real scheduler, at length: orders, backfills, kills, catch-up, and what a failure tells.

Two of these have a stack of their own; the others share one, each with dates and a store of its own. A failed task
waits ten minutes for its next try there: what goes on before that has been cleared.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psutil
import psycopg
import pytest

from tests.e2e.stack import SAMPLES, SETTINGS, TASKS, Refresh, make_include, scheduled
from tm_embedded.processes import is_alive, marked
from tm_embedded.restarts import events_of

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.slow]

#: The second one lies before the DAG's start_date: a backfill may reach back further than the schedule.
WEEKS = {
    "forward": ("2026-01-05", "2026-01-06", "2026-01-07"),
    "backward": ("2025-12-05", "2025-12-06", "2025-12-07"),
    "together": ("2026-02-05", "2026-02-06", "2026-02-07"),
}
#: Store -> the one date on which it has documents.
DATES = {"killed": "2026-03-02", "orphaned": "2026-03-03", "twins": "2026-03-04", "failing": "2026-03-05"}
RESTARTED = "2026-03-06"
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


def deposit_pair(world: Any, store: str, day: str, sample: str) -> None:
    """A sample in English and German, with an end of its own for each store.

    Else the second store's documents would come from the ledger, and no tier would have work.
    """
    ends = {"en": f"Here ends the copy for {store}.", "de": f"Hier endet die Ausgabe für {store}."}
    for lang, end in ends.items():
        path = SAMPLES / f"{sample}.{lang}.txt"
        world.put(day, path.name, f"{path.read_text('utf-8')}\n\n{end}\n", store=store)


def deposit_week(world: Any, store: str) -> None:
    """A document, its correction on the next day, and another one."""
    samples = ("2026-01-05/weather-station", "2026-01-06/weather-station", "2026-01-07/lighthouse-audio")
    for day, sample in zip(WEEKS[store], samples, strict=True):
        deposit_pair(world, store, day, sample)


def deposit_date(world: Any, store: str, day: str) -> None:
    """Documents for more than one shard of each tier, and keyed texts, which are imported."""
    for sample in ("2026-01-05/weather-station", "2026-01-05/seven-minutes"):
        deposit_pair(world, store, day, sample)
    world.put(day, "ui.en.json", '{"save": "Save the file", "quit": "Quit the program"}', store=store)
    world.put(day, "ui.de.json", '{"save": "Datei sichern", "quit": "Programm beenden"}', store=store)


def deposit(world: Any) -> None:
    for store in WEEKS:
        deposit_week(world, store)
    for store, day in DATES.items():
        deposit_date(world, store, day)


@pytest.fixture(scope="module")
def undisturbed(make_lasting_world: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same deposits refined in order by ``tm refresh``."""
    include = make_include(tmp_path_factory.mktemp("include") / "include", [*WEEKS, *DATES, "restarted", "caught"])
    world = make_lasting_world(TM_INCLUDE=str(include), **SETTINGS)
    deposit(world)
    deposit_date(world, "restarted", RESTARTED)
    world.refreshed(*sorted(day for week in WEEKS.values() for day in week), *DATES.values(), RESTARTED)
    return world


@pytest.fixture(scope="module")
def shared(undisturbed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refresh]:
    home = tmp_path_factory.mktemp("scheduler") / "home"
    with scheduled(home, undisturbed, TM_RETRY_SECONDS="600") as found:
        deposit(found.world)
        yield found


@pytest.fixture
def refresh(shared: Refresh) -> Iterator[Refresh]:
    yield shared
    shared.abandon()


def check_memory(world: Any, undisturbed: Any, store: str, *days: str) -> None:
    """The store's units are those of undisturbed commands, and the dates' books close."""
    for day in days:
        world.check_books(day)
    said, expected = (one.tm("checksum", "--store", store).ok().out for one in (world, undisturbed))
    assert " 0 units" not in expected, "an empty memory is equal to any other"
    assert said == expected


def partitions(refresh: Refresh, runs: list[str]) -> list[str]:
    known = {run["dag_run_id"]: run["partition_key"] for run in refresh.runs()}
    return [known[run] for run in runs]


# Orders ----------------------------------------------------------------------------------------------


def test_a_backfilled_week_in_order_and_again(refresh: Refresh, undisturbed: Any) -> None:
    week = WEEKS["forward"]
    runs = refresh.backfill(week[0], week[-1], "--max-active-runs", "1")
    assert partitions(refresh, runs) == list(week)
    check_memory(refresh.world, undisturbed, "forward", *week)
    before = refresh.world.every_row()
    again = refresh.backfill(week[0], week[-1], "--reprocess-behavior", "completed")
    assert sorted(partitions(refresh, again)) == list(week)
    for run in again:
        states = refresh.states(run)
        assert states.pop("plan") == "success"
        assert set(states.values()) == {"skipped"}, states
    assert refresh.world.every_row() == before


def test_a_week_from_its_end_to_its_beginning(refresh: Refresh, undisturbed: Any) -> None:
    week = WEEKS["backward"]
    runs = refresh.backfill(week[0], week[-1], "--run-backwards", "--max-active-runs", "1")
    begun = {run["dag_run_id"]: run["start_date"] for run in refresh.runs()}
    assert partitions(refresh, sorted(runs, key=lambda run: begun[run])) == list(reversed(week))
    check_memory(refresh.world, undisturbed, "backward", *week)


def test_a_week_all_dates_at_once(refresh: Refresh, undisturbed: Any) -> None:
    """A backfill has a limit of its own, ten runs at once, and does not ask for the DAG's."""
    week = WEEKS["together"]
    refresh.backfill(week[0], week[-1])
    check_memory(refresh.world, undisturbed, "together", *week)


def test_two_runs_of_a_date_at_once(refresh: Refresh, undisturbed: Any) -> None:
    day = DATES["twins"]
    first, second = refresh.trigger(key=day), refresh.trigger(conf={"date": day})
    assert "success" in set(refresh.succeed(first).values())
    states = refresh.succeed(second)
    ended, began = (
        next(run[what] for run in refresh.runs() if run["dag_run_id"] == name)
        for name, what in ((first, "end_date"), (second, "start_date"))
    )
    assert began >= ended, "one run at a time"
    assert states.pop("plan") == "success"
    assert set(states.values()) == {"skipped"}, states
    check_memory(refresh.world, undisturbed, "twins", day)


# Violence --------------------------------------------------------------------------------------------


def test_each_task_killed_once_and_cleared(refresh: Refresh, undisturbed: Any) -> None:
    """All in one run: tier 1 while its command works, the others when they have done all and not yet said so."""
    day = DATES["killed"]
    ends = {"tier2": "embedding0"} | {task: task for task in TASKS if not task.startswith("tier")}
    with refresh.held(*ends.values()) as held:
        run = refresh.trigger(key=day)
        for task in TASKS:
            name = f"{task}[0]" if task.startswith("tier") else task
            at_work: list[psutil.Process] = []
            if task == "tier1":
                at_work = refresh.await_(lambda name=name: refresh.command_of(run, name), "tier 1 is at work")
            else:
                held.await_(ends[task])
            refresh.kill(run, name)
            refresh.await_(lambda name=name: refresh.states(run)[name] == "up_for_retry", f"{name} is killed")
            refresh.await_(
                lambda at_work=at_work: not any(is_alive(one.pid) for one in at_work),
                "a killed task's command ends with it",
            )
            if task != "tier1":
                held.release(ends[task])
            refresh.clear(run, task if name == task else name.removesuffix("[0]"))
    refresh.succeed(run)
    others = ("[1]", "[2]", "held", "release")
    tries = {name: one["try_number"] for name, one in refresh.tasks(run).items() if not name.endswith(others)}
    assert set(tries) == {f"{task}[0]" if task.startswith("tier") else task for task in TASKS}
    assert min(tries.values()) >= 2, tries
    names = sorted(one["rendered_map_index"] for one in refresh.tasks(run).values() if one["task_id"] == "tier1")
    assert len(names) > 1
    starts = [f"shard {number}: killed/" for number in range(len(names))]
    assert [name[: len(start)] for name, start in zip(names, starts, strict=True)] == starts, "as the UI shows them"
    events = refresh.client.get("/api/v2/assets/events", params={"source_run_id": run}).json()
    assert [event["partition_key"] for event in events["asset_events"]] == [day], "published once"
    check_memory(refresh.world, undisturbed, "killed", day)


def test_a_task_whose_supervisor_was_killed_too_is_found_out(refresh: Refresh, undisturbed: Any) -> None:
    """Nobody reports such a task's end: the scheduler misses its heartbeat, after a minute."""
    day = DATES["orphaned"]
    with refresh.held("filter") as held:
        run = refresh.trigger(key=day)
        held.await_("filter")
        refresh.kill(run, "filter", with_supervisor=True)
        held.release("filter")
        refresh.await_(lambda: refresh.states(run)["filter"] == "up_for_retry", "the heartbeat is missed")
    refresh.clear(run, "filter", reported=False)
    refresh.succeed(run)
    check_memory(refresh.world, undisturbed, "orphaned", day)


def test_a_failure_is_news_and_nothing_is_loaded(refresh: Refresh, undisturbed: Any) -> None:
    """The database's schema becomes newer than the programs while a run goes on: no retry would help."""
    day, schema = DATES["failing"], "insert into ops.migration (number, name, sha256) values (9999, 'planted', '')"
    with refresh.held("route") as held, psycopg.connect(refresh.world.url, autocommit=True) as connection:
        run = refresh.trigger(key=day)
        held.await_("route")
        connection.execute(schema)
        held.connection.execute("select pg_advisory_unlock_all()")
        assert refresh.finish(run) == "failed"
        connection.execute("delete from ops.migration where number = 9999")
    states = refresh.states(run)
    failed = next(name for name, state in states.items() if state == "failed")
    assert states["load"] == "upstream_failed"
    assert refresh.tasks(run)[failed]["try_number"] == 1
    news = [json.loads(line) for line in refresh.log(run, failed).splitlines() if "task failed: " in line]
    (told,) = [json.loads(one["event"].removeprefix("task failed: ")) for one in news]
    assert (told["dag"], told["run"], told["partition"], told["error"]) == ("tm_refresh", run, day, "SchemaTooNew")
    assert told["log"].startswith(refresh.stack.running.api_url)
    assert (
        refresh.world.value("select count(*) from tm.unit join tm.store using (store_id) where name = 'failing'") == 0
    )
    refresh.post("clearTaskInstances", {"dry_run": False, "dag_run_id": run, "only_failed": True})
    refresh.succeed(run)
    check_memory(refresh.world, undisturbed, "failing", day)


# Starts of their own ---------------------------------------------------------------------------------


def test_a_scheduler_killed_in_a_run_is_started_again_and_no_try_is_lost(undisturbed: Any, tmp_path: Any) -> None:
    home = tmp_path / "home"
    with scheduled(home, undisturbed) as refresh:
        deposit_date(refresh.world, "restarted", RESTARTED)
        with refresh.held("filter") as held:
            run = refresh.trigger(key=RESTARTED)
            held.await_("filter")
            (scheduler,) = [one for one in marked(home) if one.cmdline()[0].startswith("airflow scheduler")]
            scheduler.kill()
            refresh.await_(lambda: events_of(refresh.stack.plan.home.events), "the stack has seen it")
            # What the task has left waiting in the server; its next try has not begun yet.
            held.release("filter")
        refresh.succeed(run)
        tasks = refresh.tasks(run)
        assert tasks["tier1[0]"]["try_number"] == 1, "what was done is not done again"
        assert (tasks["filter"]["try_number"], tasks["filter"]["max_tries"]) == (2, tasks["tier1[0]"]["max_tries"] + 1)
        check_memory(refresh.world, undisturbed, "restarted", RESTARTED)
    assert not marked(home), "tasks must not outlive the stack"


def test_catching_up_gives_each_date_its_run_in_order(undisturbed: Any, tmp_path: Any) -> None:
    first = YESTERDAY - timedelta(days=2)
    expected = [(first + timedelta(days=number)).isoformat() for number in range(3)]
    for _start in ("the first start", "a second one, which has nothing to catch up on"):
        with scheduled(tmp_path / "home", undisturbed, follow_schedules=True, TM_FIRST_DATE=first.isoformat()) as found:
            deposit_date(found.world, "caught", expected[1])
            found.await_(lambda found=found: len(found.runs()) >= len(expected), "a run a date")
            for run in found.runs():
                found.succeed(run["dag_run_id"])
            runs = found.runs()
            assert [run["partition_key"] for run in runs] == expected
            assert sorted(runs, key=lambda run: run["start_date"]) == runs
            assert found.world.value("select count(*) from tm.unit") > 0
            assert date.fromisoformat(runs[-1]["partition_key"]) == YESTERDAY
