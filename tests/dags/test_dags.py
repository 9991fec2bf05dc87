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
PARSE_SECONDS = 1.0


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
    """What one process that has Airflow imported finds in dags/: DAGs, seconds a file, heavy modules."""
    code = f"""
import json, sys, time
from airflow.dag_processing.dagbag import DagBag
import airflow.sdk.definitions.mappedoperator
result = {{"dags": {{}}, "errors": {{}}, "seconds": {{}}}}
for path in {[str(path) for path in DAG_FILES]!r}:
    began = time.perf_counter()
    bag = DagBag(dag_folder=path, collect_dags=True)
    result["seconds"][path] = time.perf_counter() - began
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


def test_each_file_parses_fast(bag: dict[str, Any]) -> None:
    slow = {path: seconds for path, seconds in bag["seconds"].items() if seconds > PARSE_SECONDS}
    assert not slow, f"over {PARSE_SECONDS} s once Airflow is imported: move work into the tasks"


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


def test_planted_slow_and_heavy_imports_are_seen(tmp_path: Path) -> None:
    """The two guards above, on a file that breaks them."""
    planted = tmp_path / "planted.py"
    planted.write_text(f"import time, pandas\ntime.sleep({PARSE_SECONDS})\n")
    code = (
        "import sys, time; from airflow.dag_processing.dagbag import DagBag; began = time.perf_counter();"
        f"DagBag(dag_folder={str(planted)!r}, safe_mode=False);"
        "print(time.perf_counter() - began, 'pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=_environment(tmp_path), capture_output=True, text=True, check=False
    )
    seconds, is_heavy = done.stdout.split()[-2:]
    assert float(seconds) > PARSE_SECONDS
    assert is_heavy == "True"
