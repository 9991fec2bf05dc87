"""No test waits for seconds or is judged by a clock: tests/waiting.py says what it does instead."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
#: Files whose time is the product's or the fault's own, and the reason.
EXEMPT = {
    "waiting.py": "the one place that waits",
    "growth.py": "compares the CPU time of two sizes, and hands out no time",
    "embedded/dags/toy.py": "the DAG under test: its task is to last",
    "cluster/in_pod/sitecustomize.py": "the fault itself: what makes a pod slow",
}
CLOCKS = {
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "thread_time",
    "time",
    "time_ns",
}
SLEEPS = {"sleep", "wait_for_timeout", "Timer"}
#: Methods whose first argument is a number of seconds.
WAITS = {"wait", "join", "result"}


def names_of(tree: ast.AST) -> dict[str, str]:
    """What a file calls the functions of `time`: {its name: time's}."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "asyncio"):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
    return found


def called(node: ast.Call, names: dict[str, str]) -> str:
    """The function that a call names, without the module; "" for one that is of no interest."""
    if isinstance(node.func, ast.Attribute):
        module = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        return node.func.attr if node.func.attr not in CLOCKS or module in ("time", "clock") else ""
    return names.get(node.func.id, "") if isinstance(node.func, ast.Name) else ""


def seconds_of(node: ast.AST) -> float | None:
    """The number that is written there."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int | float) else None


def complaints(source: str) -> Iterator[tuple[int, str]]:
    """(line, what is wrong there)."""
    tree = ast.parse(source)
    names = names_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for what in (_of_call(node, called(node, names)), *map(_of_keyword, node.keywords)):
                if what:
                    yield node.lineno, what
        elif isinstance(node, ast.ImportFrom) and _is_foreign(node):
            yield node.lineno, "the product's own wait, which has a limit in seconds: take that of tests.waiting"


def _is_foreign(node: ast.ImportFrom) -> bool:
    return "wait_until" in {alias.name for alias in node.names} and node.module != "tests.waiting"


def _of_call(node: ast.Call, name: str) -> str:
    if name in SLEEPS:
        return f"{name}(): wait_until(cause, what)"
    if name in CLOCKS:
        return f"{name}(): count what was done, or give the product a clock; stopwatch() to print"
    if name in WAITS and node.args and (seconds := seconds_of(node.args[0])) is not None:
        return f"{name}({seconds:g}): HANG_S"
    if name == "timeout" and node.args:
        return "a limit of its own: pytest's is for hanging tests, and there is one for all"
    return ""


def _of_keyword(keyword: ast.keyword) -> str:
    seconds = seconds_of(keyword.value) if keyword.arg == "timeout" else None
    return "" if seconds is None else f"timeout={seconds:g}: HANG_S"


def files() -> list[Path]:
    found = [path for path in sorted(TESTS.rglob("*.py")) if str(path.relative_to(TESTS)) not in EXEMPT]
    assert len(found) > 100
    return found


def test_no_test_waits_for_seconds() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in files()
        for line, what in sorted(complaints(path.read_text(encoding="utf-8")))
    ]
    assert found == [], "tests/waiting.py has what to use instead:\n" + "\n".join(found)


def test_what_is_exempt_is_there() -> None:
    assert [name for name in EXEMPT if not (TESTS / name).is_file()] == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.sleep(1)",
        "from time import sleep as rest\nrest(0.1)",
        "import asyncio\nawait asyncio.sleep(1)",
        "page.wait_for_timeout(500)",
        "import time\nassert time.monotonic() - began < 5",
        "from time import perf_counter\nbegan = perf_counter()",
        "import time\nwhile time.time() < deadline: pass",
        "import threading\nthreading.Timer(0.5, stop).start()",
        "from tm_embedded.processes import wait_until",
        "thread.join(10)",
        "process.wait(5)",
        "future.result(timeout=30)",
        "subprocess.run(command, timeout=120)",
        "import pytest\npytestmark = pytest.mark.timeout(30)",
    ],
)
def test_a_planted_wait_is_seen(source: str) -> None:
    assert [line for line, _ in complaints(source)] == [len(source.splitlines())]


@pytest.mark.parametrize(
    "source",
    [
        "thread.join()",
        "process.wait(HANG_S)",
        "subprocess.run(command, timeout=HANG_S)",
        "', '.join(names)",
        "path.join('a', 'b')",
        "wait_until(lambda: ready, 'it is ready')",
        "code = 'import time; time.sleep(60)'",
        "datetime.time(3, 0)",
        "Row(time=3)",
    ],
)
def test_a_wait_for_a_cause_is_none(source: str) -> None:
    assert list(complaints(source)) == []
