"""tm_backup, tm_restore_drill and tm_restore under the real scheduler, with the logins that the stack's tasks have."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.e2e.stack import SETTINGS, Refresh, make_include, scheduled
from tm_store.backup_catalog import list_backups

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.slow]

DAGS = ("tm_backup", "tm_restore_drill", "tm_restore")


@pytest.fixture(scope="module")
def stack(make_lasting_world: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refresh]:
    include = make_include(tmp_path_factory.mktemp("include") / "include", ["kept"])
    world = make_lasting_world(TM_INCLUDE=str(include), **SETTINGS)
    with scheduled(tmp_path_factory.mktemp("recovery") / "home", world, triggerer=True) as found:
        for dag in DAGS:
            found.await_(lambda dag=dag: found.stack.api.dag(dag), f"{dag} is known")  # type: ignore[misc]
            found.stack.api.unpause(dag)
        yield found


def trigger(stack: Refresh, dag: str, **conf: Any) -> str:
    answer = stack.client.post(f"/api/v2/dags/{dag}/dagRuns", json={"logical_date": None, "conf": conf})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["dag_run_id"])


def states(stack: Refresh, dag: str, run: str) -> dict[str, str]:
    return {one["task_id"]: one["state"] for one in stack.stack.api.task_instances(dag, run)}


def ended(stack: Refresh, dag: str, run: str) -> str:
    def state() -> str:
        found = stack.stack.api.run_state(dag, run)
        return found if found in ("success", "failed") else ""

    return str(stack.await_(state, f"end of {run}"))


def answer(stack: Refresh, run: str, task: str, option: str) -> None:
    stack.await_question("tm_restore", run, task)
    url = f"/api/v2/dags/tm_restore/dagRuns/{run}/taskInstances/{task}/-1/hitlDetails"
    given = stack.client.patch(url, json={"chosen_options": [option], "params_input": {}})
    assert given.status_code == 200, given.text


def take_units(stack: Refresh, path: Any, text: str) -> None:
    path.write_text(text)
    stack.world.tm("import", "--store", "kept", "--src", "en", "--tgt", "de", str(path)).ok()


def test_backed_up_proven_lost_and_brought_back(stack: Refresh, tmp_path: Any) -> None:
    take_units(stack, tmp_path / "one.tsv", "One house\tEin Haus\nTwo houses\tZwei Häuser\n")
    run = trigger(stack, "tm_backup")
    assert ended(stack, "tm_backup", run) == "success", states(stack, "tm_backup", run)
    (stored,) = list_backups(stack.world.storage)
    assert {entry.name for entry in stored.entries} >= {f"airflow/{name}.csv.zst" for name in ("runs", "variables")}

    run = trigger(stack, "tm_restore_drill")
    assert ended(stack, "tm_restore_drill", run) == "success"
    assert stack.world.rows("select is_passed, rpo_seconds from ops.drill") == [(True, 0)]

    take_units(stack, tmp_path / "two.tsv", "Three houses\tDrei Häuser\n")
    whole = stack.world.checksum()
    # A form that is sent as it stands changes nothing.
    run = trigger(stack, "tm_restore")
    assert ended(stack, "tm_restore", run) == "success"
    assert states(stack, "tm_restore", run)["restore"] == "skipped"

    stack.world.value("with gone as (delete from tm.unit returning 1) select count(*) from gone")
    broken = stack.world.checksum()
    run = trigger(stack, "tm_restore", dry_run=False)
    answer(stack, run, "approve", "Approve")
    answer(stack, run, "decide", "Drop the old one")
    assert stack.world.checksum() == whole != broken
    assert ended(stack, "tm_restore", run) == "success"
    assert "no database beside" in stack.world.tm("restore", "--list").ok().out

    run = trigger(stack, "tm_restore", dry_run=False, replay=False)
    answer(stack, run, "approve", "Reject")
    assert ended(stack, "tm_restore", run) == "success"
    now = states(stack, "tm_restore", run)
    assert (now["swap"], now["discard"]) == ("skipped", "success")
    assert stack.world.checksum() == whole
    assert "no database beside" in stack.world.tm("restore", "--list").ok().out


# Deadlines ----------------------------------------------------------------------------------------------


def scheduled_at(stack: Refresh, dag: str, moment: datetime) -> str:
    """A run as the schedule would have made it at that hour."""
    answer = stack.client.post(f"/api/v2/dags/{dag}/dagRuns", json={"logical_date": moment.isoformat()})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["dag_run_id"])


def deadlines(stack: Refresh) -> list[tuple[str, bool, str, timedelta]]:
    """Airflow's own rows: of which run, whether missed, what became of the callback, how long after the queueing."""
    query = """
        select dag_run.run_id, deadline.missed, callback.state, deadline.deadline_time - dag_run.queued_at
        from deadline
        join dag_run on dag_run.id = deadline.dagrun_id
        join callback on callback.id = deadline.callback_id
    """
    with psycopg.connect(stack.stack.environment["TM_AIRFLOW_DATABASE_URL"]) as airflow:
        return airflow.execute(query).fetchall()


def let_pass(stack: Refresh, run: str) -> None:
    """The two hours of a run's deadline have gone by."""
    past = """
        update deadline set deadline_time = now() from dag_run
        where dag_run.id = deadline.dagrun_id and dag_run.run_id = %s
    """
    with psycopg.connect(stack.stack.environment["TM_AIRFLOW_DATABASE_URL"]) as airflow:
        assert airflow.execute(past, (run,)).rowcount == 1


def test_a_night_that_hangs_is_reported_two_hours_after_it_was_queued(stack: Refresh, tmp_path: Any) -> None:
    now = datetime.now(UTC)
    take_units(stack, tmp_path / "four.tsv", "Four houses\tVier Häuser\n")
    alarms = "select name, found from ops.alarm"
    stack.world.value(
        "with backups as (update ops.backup set taken_at = taken_at - interval '27 h'), "
        "batches as (update ops.batch set planned_at = planned_at - interval '27 h' returning 1) "
        "select count(*) from batches"
    )
    with psycopg.connect(stack.world.url, autocommit=True) as holder:
        # Whoever takes a backup waits for this lock: `take` hangs.
        holder.execute("select pg_advisory_lock(7245003)")
        # Hours that have long gone, as those of the runs that a new stack makes when it starts.
        early, late = (scheduled_at(stack, "tm_backup", now - timedelta(days=days)) for days in (3, 2))
        stack.await_(lambda: {early, late} <= {row[0] for row in deadlines(stack)}, "their deadlines are known")
        assert {row[3] for row in deadlines(stack) if row[0] in (early, late)} == {timedelta(hours=2)}
        let_pass(stack, late)
        stack.await_(lambda: (late, True, "success") in [row[:3] for row in deadlines(stack)], "the callback has run")
        assert [row[1] for row in deadlines(stack) if row[0] == early] == [False], "it fired before its time"
        ((name, found),) = stack.world.rows(alarms)
        assert (name, found.split(":")[0]) == ("backup_age", "no good backup within 26 h")
    assert ended(stack, "tm_backup", early) == ended(stack, "tm_backup", late) == "success"
    assert stack.world.rows(alarms) == []
    assert early not in {row[0] for row in deadlines(stack)}, "a deadline that was kept is dropped"
