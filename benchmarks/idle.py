"""What an idle stack costs, and how soon a triggered run starts: ``make bench-idle`` (SECONDS_IDLE=60 RUNS=5).

The stack of `make up` with the project's DAGs, in a folder of its own: once with the intervals it had before, once with
those of today. CPU seconds are those of the processes, their children included, in percent of one core; a start is
from the trigger until the first task begins, for a date without deposits; a step is from the end of one task to the
begin of the next in a run of a small DAG of three tasks. On a machine that others use, compare the two rows only.
"""

import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from tm_embedded import airflow, supervisor
from tm_embedded.airflow import Workload
from tm_embedded.home import Home
from tm_embedded.processes import marked, wait_until
from tm_embedded.supervisor import ALL_COMPONENTS, Plan, Stack, launched

ROOT = Path(__file__).resolve().parents[1]
SECONDS = float(os.environ.get("SECONDS_IDLE", "60"))
RUNS = int(os.environ.get("RUNS", "5"))
SETTLE_S = 20.0
TARGET = 8.0  # percent of a core

BEFORE: dict[str, dict[str, float]] = {
    "SCHEDULER": {"SCHEDULER_IDLE_SLEEP_TIME": 0.2},
    "DAG_PROCESSOR": {"REFRESH_INTERVAL": 10, "BUNDLE_REFRESH_CHECK_INTERVAL": 1, "MIN_FILE_PROCESS_INTERVAL": 10},
}
PARTS = ("scheduler", "dag-processor", "triggerer", "api_server", "fork server", "postgres")

CHAIN = """
from datetime import datetime

from airflow.sdk import chain, dag, task


@dag(schedule=None, start_date=datetime(2026, 1, 1), catchup=False)
def idle_chain():
    @task
    def step():
        pass

    chain(step(), step(), step())


idle_chain()
"""


def part_of(process: psutil.Process) -> str:
    """Which component a process belongs to; "" for a fork server's child without a title of its own."""
    words = process.cmdline()
    if "tm_embedded.forkserver" in words:
        return "fork server"
    title = words[0] if words else ""
    return next((part for part in PARTS if title.startswith(f"airflow {part}")), "scheduler")  # else its workers


def seconds_of(stack: Stack) -> dict[str, float]:
    """CPU seconds of each component so far, ended children included."""
    found = dict.fromkeys(PARTS, 0.0)
    for process in marked(stack.plan.home.path):
        with suppress(psutil.Error):
            found[part_of(process)] += sum(process.cpu_times()[:4])
    # A backend that ends is counted in the server's children.
    server = psutil.Process(stack.server.process.pid)
    for process in [server, *server.children()]:
        with suppress(psutil.Error):
            found["postgres"] += sum(process.cpu_times()[: 4 if process == server else 2])
    return found


def idle(stack: Stack) -> dict[str, float]:
    """Percent of a core of each component while nothing is asked of the stack."""
    begin, before = time.monotonic(), seconds_of(stack)
    time.sleep(SECONDS)
    after, lasted = seconds_of(stack), time.monotonic() - begin
    return {part: max(0.0, after[part] - before[part]) / lasted * 100 for part in PARTS}


def runs(stack: Stack, dag_id: str, keys: list[str | None]) -> Iterator[list[tuple[datetime, datetime]]]:
    """Begin and end of each run's tasks, in order, after the moment of the trigger as (moment, moment)."""
    for key in keys:
        run = stack.api.trigger(dag_id, partition_key=key, conf={})
        if not wait_until(lambda run=run: stack.api.run_state(dag_id, run) in ("success", "failed"), 300):
            raise SystemExit(f"{dag_id}: run {run} did not end within 300 s")
        found = [task for task in stack.api.task_instances(dag_id, run) if task["start_date"] and task["pid"]]
        begun = sorted((_moment(task["start_date"]), _moment(task["end_date"])) for task in found)
        asked = _moment(_queued_at(stack, dag_id, run))
        yield [(asked, asked), *begun]
        time.sleep(1.0)  # the next one finds an idle scheduler


def _queued_at(stack: Stack, dag_id: str, run: str) -> str:
    return str(stack.api.run(dag_id, run)["queued_at"])


def _moment(text: Any) -> datetime:
    return datetime.fromisoformat(str(text).replace("Z", "+00:00"))


def gaps(moments: list[tuple[datetime, datetime]]) -> list[float]:
    """Seconds between the end of each and the begin of the next."""
    return [(begin - end).total_seconds() for (_, end), (begin, _) in itertools.pairwise(moments)]


def measure(intervals: Mapping[str, Mapping[str, float]], folder: Path) -> dict[str, float]:
    """Start a stack with the intervals and measure it."""
    airflow.INTERVALS = {section: dict(values) for section, values in intervals.items()}
    dags = folder / "dags"
    dags.mkdir(parents=True)
    for path in (ROOT / "dags").glob("*.py"):
        (dags / path.name).symlink_to(path)
    (dags / "idle_chain.py").write_text(CHAIN)
    workload = Workload(project=ROOT, dags=dags, plugins=ROOT / "plugins", follow_schedules=False)
    plan = Plan(home=Home(path=folder / "home"), workload=workload, kind=supervisor.DEMO, components=ALL_COMPONENTS)
    with launched(plan) as stack:
        supervisor.run_command(("tm", "migrate"), stack.environment, log=plan.home.log("commands"))
        stack.await_ready()
        for dag_id in ("tm_refresh", "idle_chain"):
            if not wait_until(lambda dag_id=dag_id: stack.api.dag(dag_id) is not None, 120):
                raise SystemExit(f"{dag_id} was not found")
            stack.api.unpause(dag_id)
        starts = [
            gaps(found)[0] for found in runs(stack, "tm_refresh", [f"2026-01-{day:02}" for day in range(1, RUNS + 1)])
        ]
        steps = [gap for found in runs(stack, "idle_chain", [None] * RUNS) for gap in gaps(found)[1:]]
        time.sleep(SETTLE_S)
        shares = idle(stack)
        return shares | {
            "all": sum(shares.values()),
            "start": statistics.median(starts),
            "step": statistics.median(steps),
        }


def main() -> int:
    """Print the table; exit code 1 above the target."""
    today = airflow.INTERVALS
    columns = [*PARTS, "all", "start", "step"]
    print(f"{'':<8}" + "".join(f"{name:>15}" for name in columns))
    print(f"{'':<8}" + "".join(f"{'s' if name in ('start', 'step') else '% of a core':>15}" for name in columns))
    for name, intervals in (("before", BEFORE), ("now", today)):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(intervals, Path(folder))
        print(f"{name:<8}" + "".join(f"{found[column]:>15.2f}" for column in columns), flush=True)
    print(f"{'met' if found['all'] <= TARGET else 'MISSED'}: at most {TARGET:.0f} % of a core while idle")
    return 0 if found["all"] <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
