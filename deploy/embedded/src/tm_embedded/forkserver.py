"""``python -m tm_embedded.forkserver ORDER``: Airflow's components as forks of one process that has imported Airflow.

Importing Airflow costs 2 to 3 CPU-seconds, and each component would do it again: measured on 2 cores,
forking takes the start from 13 s to 9 s, and a third off the memory. On macOS, where a process that has
used the system's libraries may not run on after a fork, each component is started as a program.

ORDER is JSON: an `Order`. What happens is reported on standard output, a JSON object a line:
``{"ended": name, "code": status}``. SIGTERM stops the components.
"""

import gc
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
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
        waited_for: whether a stop waits until it has ended by itself.
    """

    name: str
    command: tuple[str, ...]
    log: str
    preload: tuple[str, ...] = ()
    waited_for: bool = False


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
    """Import, fork, report, until told to stop."""
    order = Order.from_json(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if CAN_FORK:
        _import(SHARED)
    children: dict[int, Part] = {}
    stopped = threading.Event()

    def stop(*_: object) -> None:
        stopped.set()
        for pid in children:
            # The whole session: the scheduler's workers and their tasks would otherwise be waited for.
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    # The parts begin when this pipe ends: when its writing end, closed in each of them, is closed here too.
    gate, holder = os.pipe()
    for part in (*order.parts, *([order.first] if order.first else [])):
        children[_start(part, None if part == order.first else gate, holder)] = part
    os.close(gate)
    if order.first is None:
        os.close(holder)
    while not (stopped.is_set() and not any(part.waited_for for part in children.values())):
        pid, status = os.waitpid(-1, os.WNOHANG) if children else (0, 0)
        if pid == 0:
            time.sleep(0.05)
            continue
        part, code = children.pop(pid), os.waitstatus_to_exitcode(status)
        _report(ended=part.name, code=code)
        if part == order.first and code == 0:
            os.close(holder)


def _start(part: Part, gate: int | None, holder: int) -> int:
    """Fork the part. Returns its pid, in the parent alone."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
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
