"""Helpers for the tests of the embedded stack: what is left of a stack in the process table."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest


def processes_of(home: Path) -> list[str]:
    """The command lines of all processes that know `home`, from their arguments or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
        except psutil.Error:
            continue
        if any(str(home) in word for word in words):
            found.append(f"{process.pid} {' '.join(process.cmdline())}")
    return found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A TM_HOME with a space and letters beyond ASCII; what a failed test leaves there is stopped."""
    from tm_embedded import postgres
    from tm_embedded.processes import sweep

    path = tmp_path / "Stapel ü 翻訳"
    yield path
    for name in ("postgres", "data"):
        sweep(path, data=path / name)
        postgres.remove_data(path / name)


@pytest.fixture
def left_over() -> Callable[[Path], list[str]]:
    """`processes_of`, as a fixture: importlib mode lets no test import a conftest."""
    return processes_of
