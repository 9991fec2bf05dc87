"""Every DAG file: listed here, parsed fast, documented, and light to import."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
#: dag_id -> its tasks. A new DAG file fails below until it is listed here.
EXPECTED = {
    "aligner_ab": ["collect", "align", "measure", "judged", "weigh", "approve", "promote"],
    "lexicon_refresh": ["collect", "learn", "promote"],
    "tm_backup": ["take", "prune", "check"],
    "tm_deferred": ["waiting", "refresh"],
    "tm_erase": ["preview", "approve", "erase"],
    "tm_export": ["plan", "export", "close"],
    "tm_maintenance": ["months", "books", "leftovers", "lookup", "tables"],
    "tm_restore": ["preview", "restore", "approve", "swap", "discard", "decide", "end"],
    "tm_restore_drill": ["drill"],
    "tm_refresh": [
        "plan", "tier1", "route", "tier2", "filter", "gate", "load", "sample", "publish", "backup",
        "held", "release",
    ],
    "tm_release": ["show", "ask", "settle", "publish", "backup"],
}  # fmt: skip
HEAVY = ("torch", "numba", "pandas", "great_expectations", "pyarrow")
#: What parsing one file may take, once Airflow is imported. Counted: seconds say how busy the machine is. Measured are
#: 15,000 to 200,000 lines and 1 to 48 modules, the most in the first file, which imports what all share.
MOST_LINES = 1_000_000
MOST_MODULES = 200
#: Parses one file, and counts the lines that Python runs, the modules that it imports, and what it waits for.
PARSER = """
import sys, time
from airflow.dag_processing.dagbag import DagBag
import airflow.sdk.definitions.mappedoperator

lines, waits = 0, []

def parse(path, **options):
    global lines
    known, lines = set(sys.modules), 0
    waits.clear()
    sys.settrace(trace)
    try:
        bag = DagBag(dag_folder=path, **options)
    finally:
        sys.settrace(None)
    return bag, {"lines": lines, "modules": len(set(sys.modules) - known), "waits": sorted(set(waits))}

def trace(frame, event, argument):
    global lines
    lines += event == "line"
    return trace

def hear(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.posix_spawn", "os.fork"):
        waits.append(event)

sys.addaudithook(hear)
time.sleep = lambda seconds: waits.append("time.sleep")
"""


def _environment(home: Path, **more: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TM_", "AIRFLOW"))}
    return plain | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "PYTHONPATH": str(ROOT),
        **more,
    }


@pytest.fixture(scope="session")
def bag(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process that has Airflow imported finds in dags/: DAGs, what a file costs, heavy modules."""
    code = f"""
{PARSER}
import json
result = {{"dags": {{}}, "errors": {{}}, "costs": {{}}}}
for path in {[str(path) for path in DAG_FILES]!r}:
    bag, result["costs"][path] = parse(path, collect_dags=True)
    result["errors"] |= bag.import_errors
    for name, dag in bag.dags.items():
        result["dags"][name] = dict(
            file=path, tasks=list(dag.task_ids), doc=dag.doc_md or "", tags=sorted(dag.tags),
            timeouts={{t.task_id: bool(t.execution_timeout) for t in dag.tasks}},
            callbacks={{t.task_id: bool(t.on_failure_callback) for t in dag.tasks}},
            owner=dag.owner, params={{
                name: param.description or param.schema.get("description_md")
                for name, param in ((name, dag.params.get_param(name)) for name in dag.params)
            }},
        )
result["heavy"] = [name for name in {HEAVY!r} if name in sys.modules]
print("RESULT" + json.dumps(result))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=_environment(tmp_path_factory.mktemp("airflow")),
        capture_output=True,
        text=True,
        check=False,
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT")), None)
    assert line, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(line.removeprefix("RESULT"))
    return found


def test_there_are_dag_files() -> None:
    assert DAG_FILES, "dags/ is empty: every check below would pass on nothing"


def test_no_import_error(bag: dict[str, Any]) -> None:
    assert bag["errors"] == {}


def test_closed_world(bag: dict[str, Any]) -> None:
    found = {name: sorted(dag["tasks"]) for name, dag in bag["dags"].items()}
    assert found == {name: sorted(tasks) for name, tasks in EXPECTED.items()}, (
        "list every DAG and its tasks in EXPECTED of tests/dags/test_dags.py"
    )


def test_one_dag_a_file_named_after_it(bag: dict[str, Any]) -> None:
    assert {name: Path(dag["file"]).stem for name, dag in bag["dags"].items()} == {name: name for name in bag["dags"]}
    assert len(DAG_FILES) == len(bag["dags"])


def test_the_form_of_a_refresh_leads_to_its_plan(bag: dict[str, Any]) -> None:
    from operators.links import PLAN_PATH

    assert f"]({PLAN_PATH})" in bag["dags"]["tm_refresh"]["params"]["date"]


def too_much(costs: dict[str, Any]) -> bool:
    """Whether parsing a file is work that belongs into a task."""
    return bool(costs["lines"] > MOST_LINES or costs["modules"] > MOST_MODULES or costs["waits"])


def test_each_file_parses_fast(bag: dict[str, Any]) -> None:
    assert set(bag["costs"]) == {str(path) for path in DAG_FILES}
    assert all(costs["lines"] > 1000 for costs in bag["costs"].values()), "the lines are not counted"
    slow = {path: costs for path, costs in bag["costs"].items() if too_much(costs)}
    assert not slow, f"over {MOST_LINES} lines, {MOST_MODULES} modules, or a wait: move work into the tasks"


def test_nothing_heavy_is_imported(bag: dict[str, Any]) -> None:
    assert bag["heavy"] == [], "import it inside the function that needs it"


@pytest.mark.parametrize("dag_id", EXPECTED)
def test_the_manual_answers_the_questions(bag: dict[str, Any], dag_id: str) -> None:
    doc = bag["dags"][dag_id]["doc"]
    for wanted in ("# ", "**Safe to re-run?**", "**When it fails:**", "docs/runbooks/"):
        assert wanted in doc, f"dags/{dag_id}.py: the docstring lacks {wanted!r}"
    runbook = ROOT / "docs" / "runbooks" / f"{dag_id}.md"
    assert runbook.is_file(), f"write {runbook.relative_to(ROOT)}"


@pytest.mark.parametrize("dag_id", EXPECTED)
def test_policy(bag: dict[str, Any], dag_id: str) -> None:
    dag = bag["dags"][dag_id]
    assert all(dag["timeouts"].values()), f"{dag_id}: give every task an execution_timeout: {dag['timeouts']}"
    assert all(dag["callbacks"].values()), f"{dag_id}: use task_defaults(), so that a failure is news"
    assert "tm" in dag["tags"]
    assert any(tag.startswith("impact:") for tag in dag["tags"])
    assert all(dag["params"].values()), f"{dag_id}: describe every parameter"


def test_generated_pages_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_wrong_setting_is_an_import_error_that_names_it(tmp_path: Path) -> None:
    code = (
        "from airflow.dag_processing.dagbag import DagBag; import json;"
        f"print(json.dumps(DagBag(dag_folder={str(ROOT / 'dags')!r}).import_errors))"
    )
    environment = _environment(tmp_path, TM_REVIEW_RATE="often")
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "TM_REVIEW_RATE is 'often'" in done.stdout + done.stderr


def test_planted_slow_and_heavy_files_are_seen(tmp_path: Path) -> None:
    """The two guards above, on files that break them."""
    planted = {
        "lines": f"for _ in range({MOST_LINES}): pass",
        "modules": "import pandas",
        "time.sleep": "import time\ntime.sleep(3600)",
        "subprocess.Popen": "import subprocess\nsubprocess.run(['true'])",
        "socket.connect": "import socket\nsocket.socket().connect_ex(('127.0.0.1', 1))",
    }
    files = {name: tmp_path / f"{name}.py" for name in planted}
    for name, path in files.items():
        path.write_text(planted[name] + "\n")
    code = (
        f"{PARSER}\nfound = [parse(path, safe_mode=False)[1] for path in {[str(path) for path in files.values()]!r}]\n"
    )
    code += "import json; print(json.dumps([found, 'pandas' in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=_environment(tmp_path), capture_output=True, text=True, check=False
    )
    found, is_heavy = json.loads(done.stdout.splitlines()[-1])
    assert is_heavy
    for name, costs in zip(files, found, strict=True):
        assert too_much(costs), name
        crossed = {"lines": costs["lines"] > MOST_LINES, "modules": costs["modules"] > MOST_MODULES}
        assert name in {limit for limit, over in crossed.items() if over} | set(costs["waits"])
