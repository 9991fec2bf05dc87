"""The processes of a stack: how they are marked, found again and stopped; who stops them when nobody else can.

Every process that a stack starts carries MARK in its environment, and so do the processes that those
start. Postgres writes its titles over its environment, so it is found by its ``postmaster.pid``.

The watchdog is a process that waits for the end of a pipe whose other end only the supervisor holds.
However the supervisor ends, kill -9 included, the system closes the pipe, and the watchdog stops what is
left. (Linux could send each child a signal at its parent's death; macOS could not, and grandchildren
would be missed.)
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

MARK = "REFINERY_STACK"  # not TM_…: those are settings, and an unknown one is refused
FAST_STOP_SECONDS = 4.0  # a fast shutdown ends with one checkpoint of a 128 MB buffer
KILL_SECONDS = 2.0  # a killed process is gone at once, unless the disk does not answer
POLL_SECONDS = 0.02


def marked_environment(home: Path) -> dict[str, str]:
    """What a child's environment needs for the sweep to find the child."""
    # setproctitle, which Airflow uses, would write over the environment that is read here.
    return {MARK: str(home.resolve()), "SPT_NOENV": "1"}


def marked(home: Path) -> list[psutil.Process]:
    """The living processes of the stack on `home`, without this one. Cost: about 0.1 ms per process."""
    mark = str(home.resolve())
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _mark_of(process) == mark]


def _mark_of(process: psutil.Process) -> str | None:
    with suppress(psutil.Error, OSError):
        if process.status() != psutil.STATUS_ZOMBIE:
            mark: str | None = process.environ().get(MARK)
            return mark
    return None


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not waited for does not."""
    with suppress(psutil.Error):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    """Whether `done()` came true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def postmaster(data: Path) -> list[str]:
    """The lines of ``postmaster.pid``: pid, folder, start, port, socket folder, address, memory, status."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def postmaster_pid(data: Path) -> int | None:
    """The pid of the server that runs on `data`, None without one."""
    lines = postmaster(data)
    pid = int(lines[0]) if lines and lines[0].strip().isdigit() else None
    return pid if pid is not None and _is_postgres_on(pid, data) else None


def _is_postgres_on(pid: int, data: Path) -> bool:
    with suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and str(data) in process.cmdline()
    return False


def stop_postmaster(data: Path) -> None:
    """Stop a server that an earlier supervisor left on `data`; forget the pid file of one that is gone.

    Postgres itself refuses to start while any process has the file's pid, its own or another.
    """
    data = data.resolve()
    for number, seconds in ((signal.SIGINT, FAST_STOP_SECONDS), (signal.SIGKILL, 2.0)):
        pid = postmaster_pid(data)
        if pid is None:
            break
        _signal(pid, number)
        wait_until(lambda: postmaster_pid(data) is None, seconds)
    if postmaster_pid(data) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def sweep(home: Path, *, data: Path) -> int:
    """Stop every process of the stack on `home`, Postgres on `data` last. Returns how many there were.

    At most about 8 seconds; without leftovers some milliseconds.
    """
    found = end_all(lambda: marked(home))
    stop_postmaster(data)
    return found


def end_all(find: Callable[[], Sequence[psutil.Process]]) -> int:
    """Kill the processes that `find` finds, until it finds none. Returns how many there were.

    They are all stopped first, so that none sees another die: Airflow's supervisor of a task would report a failure,
    which uses up one of the task's tries.
    """
    known: set[int] = set()
    # A process can be born while the list is read: stop, and later kill, until a list brings nothing new.
    while new := [process.pid for process in find() if process.pid not in known]:
        for pid in new:
            _signal(pid, signal.SIGSTOP)
        known.update(new)
    wait_until(lambda: _kill_all(find()) == 0, KILL_SECONDS)
    return len(known)


def _kill_all(processes: Sequence[psutil.Process]) -> int:
    for process in processes:
        _signal(process.pid, signal.SIGKILL)
    return len(processes)


def session_of(home: Path, pid: int) -> list[psutil.Process]:
    """The living processes of the stack in the session that `pid` began: what a component leaves when it ends."""
    return [process for process in marked(home) if _session(process.pid) == pid]


def _session(pid: int) -> int | None:
    with suppress(ProcessLookupError):
        return os.getsid(pid)
    return None


IN_ORDER = b"in order"


@contextmanager
def watched(home: Path, *, data: Path, keep: Sequence[int] = ()) -> Iterator[None]:
    """While the block runs, a watchdog stands by; after it, the watchdog sweeps what is left and ends.

    Args:
        home: whose marked processes are swept.
        data: the Postgres data folder.
        keep: file descriptors (a lock's) that the watchdog holds until it is done.
    """
    command = [sys.executable, "-m", "tm_embedded.watchdog", str(home), str(data)]
    # A session of its own: what kills the supervisor's process group must not kill the watchdog.
    dog = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True, pass_fds=keep, cwd="/"
    )
    try:
        yield
    finally:
        assert dog.stdin is not None  # noqa: S101 - for mypy: PIPE was asked for
        # It tells an end in order from that of a supervisor that was killed.
        with suppress(BrokenPipeError):
            dog.stdin.write(IN_ORDER)
            dog.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            dog.wait(KILL_SECONDS + FAST_STOP_SECONDS + 6)
