"""``make demo``: one night's refresh of the sample documents, by a real scheduler, with a report at the end.

A stack that `make up` started is used as it is; without one the demo starts its own and stops it again.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib import util
from pathlib import Path
from typing import Any

import httpx

from tm_embedded import airflow, supervisor
from tm_embedded.airflow import AirflowApi
from tm_embedded.errors import ApiError, ComponentFailed, RunFailed, StackError
from tm_embedded.home import Home, RunningStack, load_secrets, running_stack
from tm_embedded.progress import DONE, Progress
from tm_embedded.supervisor import Plan

POLL_SECONDS = 0.5  # a look costs the api-server 15 to 40 ms
PARSE_SECONDS = 120.0  # the first read of the DAG files takes about 1 s once the processor is up
LOG_LINES = 15
AWAY_SECONDS = 180.0  # the api-server may be away for so long, while it is started again


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What the demo runs.

    Args:
        dag_id: the DAG; it is unpaused.
        partition: the run's partition key, None for a DAG without partitions.
        before: commands run once Postgres is there, while Airflow is starting.
        after: commands run when the run has succeeded: their output is the report.
        conf: the run's parameters, where they differ from the form's defaults.
    """

    dag_id: str
    partition: str | None
    before: tuple[tuple[str, ...], ...] = ()
    after: tuple[tuple[str, ...], ...] = ()
    conf: Mapping[str, Any] = field(default_factory=dict)


def refresh(project: Path, day: date | None) -> Demo:
    """The demo of this project: deposit the samples and the UI's translations of `day`, refresh, report.

    Without a day: the first date of the samples.
    """
    samples = project / "include" / "samples"
    first = min((path.name for path in samples.glob("????-??-??")), default=None)
    if day is None and first is None:
        raise StackError(f"{samples}: expected a folder per date, found none. Is this a whole checkout?")
    chosen = day.isoformat() if day else str(first)
    deposit = ("tm", "deposit", "--date", chosen, "--store")
    before: list[tuple[str, ...]] = [("tm", "migrate")]
    if (samples / chosen).is_dir():
        before.append((*deposit, "demo", str(samples / chosen)))
    locales = sorted(path for path in locale_folder().iterdir() if path.is_dir())
    before.append((*deposit, "airflow-ui", *(word for path in locales for word in ("--lang", path.name, str(path)))))
    return Demo(
        dag_id="tm_refresh", partition=chosen, before=tuple(before), after=(("tm", "report", "--date", chosen),)
    )


def locale_folder() -> Path:
    """Where the installed Airflow keeps its UI's translations: real, keyed text in some 20 languages."""
    spec = util.find_spec("airflow")
    root = Path(spec.origin).parent if spec and spec.origin else Path()
    found = sorted(root.glob("ui/**/i18n/locales"))
    if not found:
        raise StackError(f"{root}: expected Airflow's i18n/locales, found none. Run: make install")
    return found[0]


@dataclass(frozen=True, kw_only=True)
class Session:
    """A stack to work with, one's own or one that was there."""

    home: Home
    api: AirflowApi
    environment: Mapping[str, str]
    check: Callable[[], None]
    await_ready: Callable[[], None]
    is_own: bool


@contextmanager
def session(plan: Plan) -> Iterator[Session]:
    """The stack that `make up` left running, or one of one's own for the length of the block."""
    there = running_stack(plan.home)
    if there is not None and there.kind == supervisor.UP and there.ready:
        yield attach(plan, there)
        return
    with supervisor.launched(plan) as own:
        yield Session(
            home=plan.home,
            api=own.api,
            environment=own.environment,
            check=own.check,
            await_ready=own.await_ready,
            is_own=True,
        )


def attach(plan: Plan, there: RunningStack) -> Session:
    """Use a running stack."""
    api = AirflowApi(there.api_url, load_secrets(plan.home.secrets)["admin"])

    def check() -> None:
        if running_stack(plan.home) != there:
            raise ComponentFailed("the stack", "it has been stopped", str(plan.home.log("supervisor")))

    return Session(
        home=plan.home,
        api=api,
        environment=supervisor.environment_of(plan.home, there),
        check=check,
        await_ready=api.login,
        is_own=False,
    )


def run(plan: Plan, demo: Demo, progress: Progress) -> None:
    """The demo from start to report.

    Raises:
        RunFailed: the run did not succeed.
        StackError: the stack, or one of the commands, failed.
    """
    began = datetime.now(UTC)
    progress.line("Starting Postgres and Airflow" if running_stack(plan.home) is None else "Joining the running stack")
    with session(plan) as stack:
        log = stack.home.log("commands")
        for command in demo.before:
            progress.line(_shown(command))
            for said in supervisor.run_command(command, stack.environment, log=log):
                progress.line(f"  {said}")
        stack.await_ready()
        progress.line(f"Airflow is ready: {stack.api.url}")
        _await_dag(stack, demo.dag_id, since=began if stack.is_own else None)
        run_id = _trigger(stack, demo)
        progress.line(f"{demo.dag_id}: run {run_id}")
        state = _follow(stack, demo.dag_id, run_id, progress)
        if state != "success":
            raise RunFailed(_failure(stack, demo.dag_id, run_id, state))
        progress.line(f"{demo.dag_id}: {state}")
        if _found_nothing_to_do(stack, demo.dag_id, run_id):
            progress.line("Nothing new: this date was refined before, every step after the first was skipped")
        for command in demo.after:
            _print_output(command, stack.environment)


def _shown(command: Sequence[str]) -> str:
    text = " ".join(command)
    return text if len(text) <= 90 else f"{text[:87]}..."


def _print_output(command: Sequence[str], environment: Mapping[str, str]) -> None:
    code = subprocess.run(supervisor.program(command), env=dict(environment), check=False).returncode
    if code != 0:
        raise StackError(f"`{' '.join(command)}`: expected a report, but it ended with status {code}; see above.")


def _await_dag(stack: Session, dag_id: str, *, since: datetime | None) -> None:
    """Wait until the DAG's file has been read (again, for a stack that was just started)."""
    deadline = time.monotonic() + PARSE_SECONDS
    while True:
        found = stack.api.dag(dag_id)
        if found is not None and (since is None or airflow.parsed_since(found, since)):
            return
        stack.check()
        for name, trace in stack.api.import_errors().items():
            if since is not None and Path(name).stem == dag_id:
                raise StackError(f"{name}: Airflow cannot read the DAG file:\n{trace}\n  Mend it and start again.")
        if time.monotonic() > deadline:
            raise ComponentFailed(
                "dag-processor", f"it did not find the DAG '{dag_id}'", str(stack.home.log("dag-processor"))
            )
        time.sleep(POLL_SECONDS)


def _trigger(stack: Session, demo: Demo) -> str:
    if stack.is_own:
        # Nobody else uses this stack: what is unfinished was interrupted, and would hold the new run up.
        for left in stack.api.unfinished_runs(demo.dag_id):
            stack.api.fail_run(demo.dag_id, left, "The demo that started this run was interrupted.")
    stack.api.unpause(demo.dag_id)
    return stack.api.trigger(demo.dag_id, partition_key=demo.partition, conf=demo.conf)


def _follow(stack: Session, dag_id: str, run_id: str, progress: Progress) -> str:
    answered = time.monotonic()
    while True:
        try:
            tasks = list(stack.api.task_instances(dag_id, run_id))
            progress.update(tasks)
            state = stack.api.run_state(dag_id, run_id) if all(task["state"] in DONE for task in tasks) else ""
            answered = time.monotonic()
        except (ApiError, httpx.TransportError):
            # What has ended is started again by `check`, which says so when it gives up.
            if time.monotonic() - answered > AWAY_SECONDS:
                raise
            state = ""
        if state in ("success", "failed"):
            return state
        stack.check()
        time.sleep(POLL_SECONDS)


def _found_nothing_to_do(stack: Session, dag_id: str, run_id: str) -> bool:
    states = [task["state"] for task in stack.api.task_instances(dag_id, run_id)]
    return len(states) > 1 and states.count("skipped") == len(states) - 1


def _failure(stack: Session, dag_id: str, run_id: str, state: str) -> str:
    tasks = list(stack.api.task_instances(dag_id, run_id))
    failed = [task for task in tasks if task["state"] == "failed"]
    if not failed:
        return f"{dag_id}, run {run_id}: expected success, found '{state}', and no task failed. See {stack.api.url}"
    first = min(failed, key=lambda task: str(task["end_date"]))
    name = first["task_id"] if first["map_index"] < 0 else f"{first['task_id']}[{first['map_index']}]"
    path = airflow.task_log(stack.home, dag_id, run_id, first)
    said = "\n".join(f"    {line}" for line in log_tail(path)) if path else "    (it wrote no log)"
    return (
        f"{dag_id}: expected every task to succeed, but '{name}' failed. Its log ends:\n{said}\n"
        f"  The whole log: {path}\n"
        "  Mend the cause and run `make demo` again: finished documents are not done twice, and what was\n"
        "  loaded stays. `make up` shows the run in Airflow's UI."
    )


def log_tail(path: Path, count: int = LOG_LINES) -> list[str]:
    """The end of a task's log as a person reads it: Airflow writes one JSON object a line."""
    lines: list[str] = []
    for line in path.read_text("utf-8", "replace").splitlines():
        lines += _readable(line)
    return lines[-count:]


def _readable(line: str) -> list[str]:
    try:
        entry = json.loads(line)
    except ValueError:
        return [line]
    if not isinstance(entry, dict) or str(entry.get("event", "")).startswith("::"):
        return []
    shown = [f"{entry.get('level', ''):<8} {entry.get('event', '')}"]
    for error in entry.get("error_detail") or []:
        shown += [f"         {error.get('exc_type')}: {error.get('exc_value')}"]
    return shown
