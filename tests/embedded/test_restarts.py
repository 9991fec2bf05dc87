"""When a component that has ended starts again, and when the stack gives up: rules with a clock of the test's own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.waiting import HANG_S, pause, wait_until
from tm_embedded import airflow
from tm_embedded.home import Home
from tm_embedded.postgres import Address
from tm_embedded.processes import end_all, marked, marked_environment, session_of, watched
from tm_embedded.restarts import KEPT_EVENTS, Restarts, Rules, events_of, pause_after, record

RULES = Rules(most=5, window_s=600, first_s=1, longest_s=10)


def test_each_pause_is_twice_the_last_up_to_the_longest_and_then_the_stack_gives_up() -> None:
    ends = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert [pause_after(ends[: count + 1], RULES) for count in range(6)] == [1, 2, 4, 8, 10, None]


def test_ends_before_the_window_do_not_count() -> None:
    assert pause_after([0.0, 1.0, 2.0, 3.0, 4.0, 599.0], RULES) is None
    assert pause_after([0.0, 1.0, 2.0, 3.0, 4.0, 600.0], RULES) == 10
    assert pause_after([0.0, 1.0, 2.0, 3.0, 4.0, 700.0], RULES) == 1


def test_a_component_that_ends_now_and_then_is_started_again_for_ever() -> None:
    ends = [float(hour * 3600) for hour in range(1000)]
    assert {pause_after(ends[: count + 1], RULES) for count in range(1000)} == {1}


def test_components_are_due_by_their_own_ends() -> None:
    clock = [0.0]
    restarts = Restarts(RULES, lambda: clock[0])
    assert [restarts.ended("scheduler"), restarts.ended("scheduler"), restarts.ended("triggerer")] == [1, 2, 1]
    assert restarts.waiting == {"scheduler", "triggerer"}
    due = {}
    for clock[0] in (0.5, 1.0, 1.5, 2.0):
        due[clock[0]] = restarts.due()
    assert due == {0.5: [], 1.0: ["triggerer"], 1.5: [], 2.0: ["scheduler"]}
    assert restarts.waiting == frozenset()


def test_what_starts_with_another_does_not_wait_and_its_ends_still_count() -> None:
    restarts = Restarts(Rules(most=1), lambda: 0.0)
    restarts.ended("scheduler")
    restarts.forget_waiting()
    assert (restarts.waiting, restarts.due()) == (frozenset(), [])
    assert restarts.ended("scheduler") is None


def test_events_are_kept_in_order_and_the_oldest_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    assert events_of(path) == []
    for number in range(KEPT_EVENTS + 2):
        record(path, "scheduler", f"end {number}", "it is started again after 1 s")
    found = events_of(path)
    assert [event.what for event in found] == [f"end {number}" for number in range(2, KEPT_EVENTS + 2)]
    assert str(found[0]).endswith("scheduler: end 2; it is started again after 1 s")
    for broken in ('{"events": [{}]}', "{", '{"events": [1]}', "[]"):
        path.write_text(broken)
        assert events_of(path) == []


# Processes -------------------------------------------------------------------------------------------


def start(home: Path, code: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | marked_environment(home),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


#: A parent that reports the end of its child, as Airflow's supervisor of a task does: to a file.
SUPERVISING = """
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"])
child.wait()
pathlib.Path({!r}).write_text("the task failed")
"""


def test_no_process_lives_to_report_the_end_of_another(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    report = tmp_path / "report"
    parent = start(home, SUPERVISING.format(str(report)))

    class Slow(list[psutil.Process]):
        """The child comes first, and its parent has all the time that it needs for a report."""

        def __iter__(self) -> Iterator[psutil.Process]:
            for process in sorted(super().__iter__(), key=lambda process: process.pid == parent.pid):
                yield process
                pause(0.5, "a parent that lives would report the end of its child now")

    assert end_all(lambda: Slow(marked(home))) == 2
    assert parent.wait(HANG_S) == -9
    parent.communicate()
    assert not report.exists()


def test_what_a_component_leaves_is_its_session_and_not_anothers(home: Path) -> None:
    home.mkdir()
    code = SUPERVISING.format(os.devnull)
    dead, other = start(home, code), start(home, code)
    dead.kill()
    dead.wait()
    left = session_of(home, dead.pid)
    assert len(left) == 1, "the child outlives its parent"
    assert end_all(lambda: session_of(home, dead.pid)) == 1
    assert len(session_of(home, other.pid)) == 2
    assert end_all(lambda: marked(home)) == 2
    for process in (dead, other):
        process.communicate()


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_watchdog_records_the_end_of_a_supervisor_that_was_killed(home: Path, is_killed: bool) -> None:
    home.mkdir()
    if is_killed:
        code = (
            "import os, pathlib, sys; from tm_embedded.processes import watched\n"
            "home = pathlib.Path(sys.argv[1])\n"
            "with watched(home, data=home / 'postgres'): os.kill(os.getpid(), 9)"
        )
        assert subprocess.run([sys.executable, "-c", code, str(home)]).returncode == -9
        wait_until(lambda: events_of(Home(path=home).events), "the watchdog has recorded it")
    else:
        with watched(home, data=home / "postgres"):
            assert psutil.Process().children()
    said = [(event.component, event.what, event.is_last) for event in events_of(Home(path=home).events)]
    assert said == ([("supervisor", "it was killed", True)] if is_killed else [])


# Airflow's database ----------------------------------------------------------------------------------

TABLES = """
create table job (id int primary key, job_type text, state text, end_date timestamptz);
create table task_instance (name text, state text, max_tries int, queued_by_job_id int);
insert into job values (1, 'SchedulerJob', 'success'), (2, 'SchedulerJob', 'running'), (3, 'TriggererJob', 'running');
insert into task_instance values
    ('running', 'running', 0, 2), ('queued', 'queued', 2, 2), ('left by the stack before', 'running', 0, 1),
    ('scheduled', 'scheduled', 0, null), ('done', 'success', 0, 2), ('deferred', 'deferred', 0, 2),
    ('waits for its next try', 'up_for_retry', 2, 2);
"""


@pytest.mark.db
def test_tasks_that_ended_with_the_scheduler_get_their_try_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Address, "url", lambda *_: database_url)
    address = Address(port=1, passwords={})
    assert airflow.release_interrupted(address) == 0, "before the first migration there is nothing"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(TABLES)
        before = dict(connection.execute("select name, max_tries from task_instance").fetchall())
        assert airflow.release_interrupted(address, ["TriggererJob"]) == 0, "tasks do not end with the triggerer"
        assert dict(connection.execute("select name, max_tries from task_instance").fetchall()) == before
        states = "select job_type, state, end_date is not null from job order by id"
        assert connection.execute(states).fetchall()[1:] == [
            ("SchedulerJob", "running", False),
            ("TriggererJob", "failed", True),
        ]
        assert airflow.release_interrupted(address) == 3
        after = dict(connection.execute("select name, max_tries from task_instance").fetchall())
        assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
            "running": 1, "queued": 1, "left by the stack before": 1,
        }  # fmt: skip
        assert connection.execute(states).fetchall() == [
            ("SchedulerJob", "success", False),
            ("SchedulerJob", "failed", True),
            ("TriggererJob", "failed", True),
        ]
