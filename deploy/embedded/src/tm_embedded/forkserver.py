"""``python -m tm_embedded.forkserver ORDER``: Airflow's components as forks of one process that has imported Airflow.

Importing Airflow costs 2 to 3 CPU-seconds, and each component would do it again: measured on 2 cores,
forking takes the start from 13 s to 9 s, and a third off the memory. On macOS, where a process that has
used the system's libraries may not run on after a fork, each component is started as a program.

ORDER is JSON: an `Order`. What happens is reported on standard output, a JSON object a line:
``{"ended": name, "code": status, "pid": pid}``. On standard input, the name of a part in a line starts it again.
SIGTERM stops the components.
"""

import gc
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

CAN_FORK = sys.platform != "darwin"
# What all components import. What only one imports, it imports itself: the cores are then used side by side.
SHARED = ("airflow", "airflow.cli.cli_parser", "airflow.models.serialized_dag", "airflow.jobs.scheduler_job_runner")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One program to start.

    Args:
        name: for the reports.
        command: the arguments of ``airflow``.
        log: where its output goes.
        preload: modules to import while the database is still being migrated.
    """

    name: str
    command: tuple[str, ...]
    log: str
    preload: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to start. The parts wait until ``first``, the migration, has succeeded; None: they do not wait."""

    first: Part | None
    parts: tuple[Part, ...]

    def to_json(self) -> str:
        """The order as a command-line argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """The order back from its JSON."""
        found = json.loads(text)
        first = Part(**found["first"]) if found["first"] else None
        return cls(first=first, parts=tuple(Part(**part) for part in found["parts"]))


def main() -> None:
    """Import, fork, report, start again what is asked for, until told to stop."""
    order = Order.from_json(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if CAN_FORK:
        _import(SHARED)
    stopped: list[int] = []
    awake = _wake_up_on_signals(stopped)
    children, holder = _begin(order)
    inputs = [awake, sys.stdin.fileno()]
    # Asleep until a child ends, a signal or an order comes: this process costs nothing while nothing happens.
    while not stopped:
        ready, _, _ = select.select(inputs, [], [])
        if sys.stdin.fileno() in ready:
            names = _orders()
            children |= {_start(part, None, None): part.name for part in order.parts if part.name in names}
            if not names:
                inputs.remove(sys.stdin.fileno())  # the supervisor has gone
        with suppress(BlockingIOError):
            os.read(awake, 4096)
        for name, code in _reap(children):
            if order.first is not None and name == order.first.name and code == 0:
                os.close(holder)
    _end(children)


def _wake_up_on_signals(stopped: list[int]) -> int:
    """Return a descriptor that can be read once a child has ended or SIGTERM, which `stopped` is told of, has come."""
    awake, waker = os.pipe()
    for end in (awake, waker):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    return awake


def _begin(order: Order) -> tuple[dict[int, str], int]:
    """Start all. Returns pid to name, and the end of the pipe that holds the parts up until it is closed."""
    # It is closed in each of them, and here when the first has succeeded.
    gate, holder = os.pipe()
    children = {_start(part, gate, holder): part.name for part in order.parts}
    if order.first is not None:
        children[_start(order.first, None, holder)] = order.first.name
    os.close(gate)
    if order.first is None:
        os.close(holder)
    return children, holder


def _reap(children: dict[int, str]) -> Iterator[tuple[str, int]]:
    """Report and forget the children that have ended."""
    for pid in list(children):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            name, code = children.pop(pid), os.waitstatus_to_exitcode(status)
            _report(ended=name, code=code, pid=pid)
            yield name, code


def _end(children: dict[int, str]) -> None:
    for pid in children:
        # The whole session: the scheduler's workers and their tasks as well.
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
    for pid, name in children.items():
        _report(ended=name, code=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), pid=pid)


def _orders() -> list[str]:
    # Not through sys.stdin: what its buffer holds, select does not see. A line is shorter than a pipe's atomic write.
    return os.read(sys.stdin.fileno(), 65_536).decode().splitlines()


def _start(part: Part, gate: int | None, holder: int | None) -> int:
    """Fork the part. Returns its pid, in the parent alone."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        if holder is not None:
            os.close(holder)
        _redirect(part.log)
        code = _become(part, gate)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not sys.exit: this is not the program's end but a fork's, and taking an interpreter down lasts seconds.
        os._exit(code)


def _redirect(log: str) -> None:
    # Its standard input was the pipe with our orders.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    descriptor = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)


def _become(part: Part, gate: int | None) -> int:
    if CAN_FORK:
        _import(part.preload)
    if gate is not None:
        os.read(gate, 1)  # nothing is ever written: it returns when the pipe ends
    if not CAN_FORK:
        os.execv(Path(sys.executable).with_name("airflow"), ["airflow", *part.command])  # noqa: S606
    from airflow.__main__ import main as airflow_main
    from setproctitle import setproctitle

    setproctitle(f"airflow {part.name}")
    sys.argv = ["airflow", *part.command]
    airflow_main()  # type: ignore[no-untyped-call]
    return 0


def _import(modules: Sequence[str]) -> None:
    # Nothing that an import makes is garbage: without the collector it takes a quarter less time. Frozen, the
    # objects are left alone by later collections, and so their pages stay shared between the forks.
    gc.disable()
    for module in modules:
        import_module(module)
    gc.freeze()
    gc.enable()


def _report(**event: object) -> None:
    with suppress(OSError):  # the supervisor has gone: its watchdog takes care of us
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
