""".ci/run: a second try is a net, and what fell into it is said at the end."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEPS = (ROOT / ".ci" / "run").read_text()
#: The first try fails, the second passes.
FLAKY = """
from pathlib import Path

def test_good():
    pass

def test_flaky():
    mark = Path("mark")
    known = mark.exists()
    mark.touch()
    assert known
"""


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """The net of .ci/run itself, in a project of one file of tests."""
    (functions,) = re.findall(r"^SECOND=.*?^trap tell EXIT$", STEPS, re.MULTILINE | re.DOTALL)
    (folder / ".venv" / "bin").mkdir(parents=True)
    program = folder / ".venv" / "bin" / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    script = f"set -euo pipefail\n{functions}\n.venv/bin/python -m pytest -q || again -q\necho all is tested\n"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)


def test_what_needed_a_second_try_is_listed_last(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(FLAKY)
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all is tested\n--- needed a second try:\ntest_it.py::test_flaky\n")


def test_what_fails_twice_is_listed_and_fails(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_bad():\n    raise AssertionError\n")
    done = run(tmp_path)
    assert done.returncode == 1
    assert done.stdout.endswith("--- needed a second try:\ntest_it.py::test_bad\n")


def test_nothing_is_said_to_be_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_good():\n    pass\n")
    done = run(tmp_path)
    assert (done.returncode, done.stdout.endswith("all is tested\n--- nothing needed a second try\n")) == (0, True)


def test_every_run_of_tests_has_the_net_and_the_list_outlives_the_cluster() -> None:
    commands = "\n".join(line for line in STEPS.splitlines() if not line.startswith("#"))
    runs = re.findall(r"make test|pytest -n|pytest -m", commands)
    assert len(runs) == 3
    assert STEPS.count("again -m") == len(runs)
    assert "trap 'stop; tell' EXIT" in STEPS
