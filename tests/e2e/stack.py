"""The project's own DAGs on a real scheduler, API and Postgres, and what the tests do to them."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import psutil
import psycopg
import pytest

from tests.waiting import HANG_S, wait_until
from tm_embedded.airflow import Workload, task_log
from tm_embedded.home import Home
from tm_embedded.processes import marked
from tm_embedded.supervisor import ALL_COMPONENTS, DEMO, DEMO_COMPONENTS, Plan, Stack, launched, program

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "include" / "samples"
DAG = "tm_refresh"
#: In the order of the flow; after them `held` lists the slices that wait and `release` asks, skipped if there is none.
TASKS = "plan tier1 route tier2 filter gate load sample publish backup".split()

#: Every document goes through both tiers, in shards of a document or two.
SETTINGS = {"TM_TIER_THRESHOLD": "1", "TM_SHARD_CHARS": "4000", "TM_SETTLE_SECONDS": "0"}

# An insert into ops.step or ops.shard_run waits while a test holds the step's lock: the task has done its work and
# not yet said so.
HOLDS = """
create function public.hold() returns trigger language plpgsql as $$
declare
    fields jsonb := to_jsonb(new);
begin
    perform pg_advisory_xact_lock(hashtext(coalesce(fields ->> 'step', (fields ->> 'tier') || (fields ->> 'shard'))));
    return new;
end $$;
create trigger hold before insert on ops.step for each row execute function public.hold();
create trigger hold before insert on ops.shard_run for each row execute function public.hold();
"""


def make_include(folder: Path, stores: Sequence[str]) -> Path:
    """The checkout's include/ with stores of the test's own, en-de each: a store a test, so that none sees another's
    units."""
    folder.mkdir()
    for one in (ROOT / "include").iterdir():
        if one.name != "stores.toml":
            (folder / one.name).symlink_to(one)
    tables = (f'[store.{name}]\ndescription = "{name}"\npairs = ["en-de"]\n' for name in stores)
    (folder / "stores.toml").write_text("\n".join(tables))
    return folder


@dataclass(kw_only=True)
class Refresh:
    """A running stack and the memory that its runs refine."""

    stack: Stack
    world: Any
    client: httpx.Client

    def signed_in(self, name: str, role: str) -> dict[str, str]:
        """Headers of another person: the stack itself has admin alone."""
        token = str(self.client.headers["authorization"]).removeprefix("Bearer ")
        claims = jwt.decode(token, options={"verify_signature": False}) | {"sub": name, "role": role}
        header = jwt.get_unverified_header(token)
        secret = self.stack.environment["AIRFLOW__API_AUTH__JWT_SECRET"]
        return {"authorization": f"Bearer {jwt.encode(claims, secret, algorithm=header['alg'], headers=header)}"}

    # Runs ----------------------------------------------------------------------------------------

    def post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return self.client.post(f"/api/v2/dags/{DAG}/{path}", json=body)

    def trigger(self, *, key: str | None = None, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run for a partition key, or with what the form sends. Returns its id."""
        answer = self.post("dagRuns", {"logical_date": None, "partition_key": key, "conf": dict(conf or {})})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["dag_run_id"])

    def runs(self) -> list[dict[str, Any]]:
        """All runs, the first started first."""
        found = self.client.get(f"/api/v2/dags/{DAG}/dagRuns", params={"limit": 100, "order_by": "id"})
        return list(found.json()["dag_runs"])

    def tasks(self, run: str) -> dict[str, dict[str, Any]]:
        """Name (``tier1[0]`` of a mapped one) -> task instance."""
        found = self.stack.api.task_instances(DAG, run)
        return {_name(one): one for one in found}

    def states(self, run: str) -> dict[str, str]:
        return {name: one["state"] for name, one in self.tasks(run).items()}

    def await_(self, done: Callable[[], Any], what: str) -> Any:
        """Wait until `done` returns something true, and return it; a component that dies ends the wait."""
        try:
            return wait_until(done, what, alive=self.stack.check)
        except AssertionError as error:
            shown = (f"{run['dag_run_id']} {run['state']} {self.states(run['dag_run_id'])}" for run in self.runs())
            raise AssertionError("\n".join([str(error), "The runs:", *shown])) from None

    def await_question(self, dag: str, run: str, task: str, *, times: int = 1) -> None:
        """Wait until a task waits for a person, and until the scheduler has heard that its process has ended.

        The process ends after its task was parked. Whoever answers before the scheduler has heard of that makes it take
        the end for that of the answered task, and fail the run. No person is so fast.

        Args:
            times: how often this try of the task has been parked, if an answer was refused and the task asked again.
        """

        def heard() -> bool:
            assert self.stack.api.run_state(dag, run) not in ("success", "failed"), f"{run} ended without a question"
            found = {entry["task_id"]: entry for entry in self.stack.api.task_instances(dag, run)}[task]
            if found["state"] != "awaiting_input":
                return False
            return len(self._reports(run, found, "awaiting_input")) >= times

        self.await_(heard, f"{task} of {run} asks")

    def await_reports(self, dag: str, run: str) -> None:
        """Wait until the scheduler has heard of the end of every process that worked for a run that has ended."""

        def heard() -> bool:
            worked = [found for found in self.stack.api.task_instances(dag, run) if found["pid"]]
            return bool(worked) and all(self._reports(run, found) for found in worked)

        self.await_(heard, f"the ends of {run} are reported")

    def quoting(self, dag: str, texts: Sequence[str], *, tasks: set[str]) -> list[str]:
        """XComs of a DAG and logs of the whole stack that hold a text: they carry counts, hashes and URIs alone.

        Args:
            tasks: what must have left an XCom, so that an empty list means something.
        """
        database = self.stack.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
        with psycopg.connect(database) as airflow:
            values = airflow.execute("select task_id, value::text from xcom where dag_id = %s", [dag]).fetchall()
        assert tasks <= {task for task, _ in values}, "fewer XComs than expected"
        logs = list(Path(self.stack.plan.home.path).rglob("*.log"))
        assert logs, "no logs"
        said = [*values, *((str(path), path.read_text(errors="replace")) for path in logs)]
        return sorted({where for where, value in said for text in texts if text in value})

    def _reports(self, run: str, task: Mapping[str, Any], state: str = r"\w+") -> list[str]:
        """What the scheduler has logged of the ends of a task's processes, in this try."""
        log = self.stack.plan.home.log("scheduler").read_text(errors="replace")
        where = f"task_id={task['task_id']}, run_id={re.escape(run)}, map_index={task['map_index']},"
        pattern = rf"TaskInstance Finished: dag_id=\w+, {where} .*\bstate={state}, .*\btry_number={task['try_number']},"
        return re.findall(pattern, log)

    def finish(self, run: str) -> str:
        """Wait for the run's end; returns its state."""

        def ended() -> str:
            state = self.stack.api.run_state(DAG, run)
            return state if state in ("success", "failed") else ""

        return str(self.await_(ended, f"end of {run}"))

    def succeed(self, run: str) -> dict[str, str]:
        """Wait for the run's success; returns the state of each task."""
        state = self.finish(run)
        states = self.states(run)
        logs = "\n".join(self.log(run, name)[-1500:] for name, found in states.items() if found == "failed")
        assert state == "success", f"{state}: {states}\n{logs}"
        return states

    def clear(self, run: str, task: str, *, reported: bool = True) -> None:
        """Clear a task. One that was killed is cleared when the executor has reported it, if it ever does.

        Cleared while the report of the killed try is still on its way, the new try may be taken for the one that was
        reported. No person is so fast.
        """
        for name, found in self.tasks(run).items() if reported else ():
            if found["task_id"] == task and found["state"] in ("up_for_retry", "failed"):
                self.await_(lambda found=found: self._reports(run, found), f"the end of {name} is reported")
        body = {"dry_run": False, "dag_run_id": run, "task_ids": [task], "only_failed": False}
        answer = self.post("clearTaskInstances", body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["total_entries"] >= 1

    def log(self, run: str, task: str) -> str:
        """What the task's last attempt has written."""
        path = task_log(self.stack.plan.home, DAG, run, self.tasks(run)[task])
        return path.read_text() if path else ""

    def planned(self, run: str) -> str:
        """Return the date that the run's plan took."""
        url = f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/plan/xcomEntries/summary"
        found = self.client.get(url, params={"stringify": False})
        assert found.status_code == 200, found.text
        return str(found.json()["value"]["partition_date"])

    def airflow(self, *words: str) -> list[str]:
        """Enter a command of Airflow as a person does; returns the ids of the runs that it made, in order."""
        known = {run["dag_run_id"] for run in self.runs()}
        done = subprocess.run(
            program(["airflow", *words]),
            env=dict(self.stack.environment),
            capture_output=True,
            text=True,
            timeout=HANG_S,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        made = [run["dag_run_id"] for run in self.runs() if run["dag_run_id"] not in known]
        assert made, done.stdout + done.stderr
        return made

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Keep the scheduler's hands off the DAG's runs."""
        assert self.client.patch(f"/api/v2/dags/{DAG}", json={"is_paused": True}).status_code == 200
        try:
            yield
        finally:
            self.stack.api.unpause(DAG)

    def backfill(self, first: str, last: str, *more: str) -> list[str]:
        """``airflow backfill create`` as a person enters it; waits for its runs and returns their ids in order."""
        made = self.airflow("backfill", "create", "--dag-id", DAG, "--from-date", first, "--to-date", last, *more)
        for run in made:
            self.succeed(run)
        # Airflow refuses the DAG's next backfill until its scheduler has seen, every 30 s, that this one is done.
        self.await_(lambda: not self._unfinished_backfills(), "the backfill is over")
        return made

    def _unfinished_backfills(self) -> list[Any]:
        found = self.client.get("/api/v2/backfills", params={"dag_id": DAG}).json()["backfills"]
        return [one for one in found if not one["completed_at"]]

    def abandon(self) -> None:
        """Fail what a test has left unfinished, so that the next one's runs do not wait for it."""
        for run in self.stack.api.unfinished_runs(DAG):
            self.stack.api.fail_run(DAG, run, "its test has ended")

    # Violence ------------------------------------------------------------------------------------

    def kill(self, run: str, task: str, *, with_supervisor: bool = False) -> None:
        """SIGKILL the running task's process, and its supervisor in the executor if wanted."""
        process = psutil.Process(self.await_(lambda: self.tasks(run)[task]["pid"], f"{task} runs"))
        assert process in marked(self.stack.plan.home.path), f"{process} is no process of this stack"
        for one in [process.parent(), process] if with_supervisor else [process]:
            assert one is not None
            os.kill(one.pid, signal.SIGKILL)

    def command_of(self, run: str, task: str) -> list[psutil.Process]:
        """The child that works for a mapped task right now."""
        with suppress(psutil.Error, TypeError, KeyError):
            task_process = psutil.Process(self.tasks(run)[task]["pid"])
            return [one for one in task_process.children() if "--die-with-parent" in one.cmdline()]
        return []

    @contextmanager
    def held(self, *steps: str) -> Iterator["Held"]:
        """Stop each step (``filter``; ``lexical0`` for a tier's shard) at the moment when it records its end."""
        with psycopg.connect(self.world.url, autocommit=True) as connection:
            yield Held(refresh=self, connection=connection, steps=list(steps))


@dataclass(kw_only=True)
class Held:
    """The steps that wait."""

    refresh: Refresh
    connection: psycopg.Connection[Any]
    steps: list[str]

    def __post_init__(self) -> None:
        for step in self.steps:
            self.connection.execute("select pg_advisory_lock(hashtext(%s))", [step])

    def await_(self, step: str) -> None:
        """Wait until the step has done its work."""
        self.refresh.await_(lambda: self._waiting(step), f"{step} reaches its end")

    def _waiting(self, step: str) -> list[Any]:
        query = "select pid from pg_locks where locktype = 'advisory' and not granted and objid = (%s)::oid"
        key = "hashtext(%s)::bigint & 4294967295"
        return self.connection.execute(query % key, [step]).fetchall()

    def release(self, step: str) -> None:
        """Let the step go on; of a task that was killed, end what it left waiting in the server."""
        for (pid,) in self._waiting(step):
            self.connection.execute("select pg_terminate_backend(%s)", [pid])
        self.connection.execute("select pg_advisory_unlock(hashtext(%s))", [step])


def _name(task: Mapping[str, Any]) -> str:
    return str(task["task_id"]) if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]"


@contextmanager
def scheduled(
    home: Path, like: Any, *, follow_schedules: bool = False, triggerer: bool = False, **env: str
) -> Iterator[Refresh]:
    """The project's DAGs on a stack of their own, while the block runs.

    Args:
        home: TM_HOME, used again for a second start.
        like: a world (see conftest.py) whose settings the stack gets, and whose commands look at its memory.
        triggerer: which `make up` has and `make demo` has not.
        env: further settings.
    """
    plan = Plan(
        home=Home(path=home),
        workload=Workload.of(ROOT, follow_schedules=follow_schedules),
        kind=DEMO,
        components=ALL_COMPONENTS if triggerer else DEMO_COMPONENTS,
    )
    wanted = {name: like.env[name] for name in ("TM_INCLUDE", *SETTINGS)} | env
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TM_")]:
            patch.delenv(name)
        for name, value in wanted.items():
            patch.setenv(name, value)
        with launched(plan) as stack:
            world = type(like)(
                folder=home, url=stack.environment["TM_DATABASE_OWNER_URL"], warm=like.warm, env=dict(stack.environment)
            )
            world.tm("migrate").ok()
            _hold(world)
            stack.await_ready()
            with httpx.Client(base_url=stack.running.api_url, trust_env=False, timeout=HANG_S) as client:
                client.headers["Authorization"] = str(stack.api._client.headers["Authorization"])
                refresh = Refresh(stack=stack, world=world, client=client)
                refresh.await_(lambda: stack.api.dag(DAG), "the DAG is known")
                stack.api.unpause(DAG)
                yield refresh


def _hold(world: Any) -> None:
    if not world.value("select count(*) from pg_proc where proname = 'hold'"):
        with psycopg.connect(world.url, autocommit=True) as connection:
            connection.execute(HOLDS)
