"""``tm-embedded``: the whole stack on one machine. The Makefile's demo, up, down and reset call it."""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import psutil

from tm_core.errors import TmError
from tm_core.settings import Settings, hide_password
from tm_embedded import airflow, demo, postgres, supervisor
from tm_embedded.airflow import AirflowApi, Workload
from tm_embedded.errors import AlreadyRunning, ComponentFailed, StackError, last_lines
from tm_embedded.home import Home, RunningStack, load_secrets, locked, private_files, remove_made, running_stack
from tm_embedded.processes import is_alive, marked, postmaster_pid, sweep, wait_until
from tm_embedded.progress import Progress
from tm_embedded.restarts import events_of
from tm_embedded.supervisor import ALL_COMPONENTS, READY_SECONDS, UI_PORT, Plan

DOWN_SECONDS = 25.0  # stopping takes at most about 10 s, and the watchdog of a killed supervisor as long again
EVENTS = 5  # of the last ends of components, `status` prints so many
QUOTE = "'\\''"  # a quote within single quotes of a shell
INTERRUPTED = 130  # what shells report of a program that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Exit codes: 0 done, 1 failed, 2 wrong settings or arguments, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.from_env()
    except TmError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        with supervisor.interruptible(), private_files():
            code: int = options.run(Home(path=settings.home), options)
            return code
    except KeyboardInterrupt:
        print("\nInterrupted; everything that was started has been stopped.", file=sys.stderr)
        return INTERRUPTED
    except TmError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tm-embedded", description=__doc__)
    parser.add_argument("--project", type=Path, default=Path.cwd(), help="the checkout (default: this folder)")
    commands = parser.add_subparsers(required=True)
    for name, function in (
        ("demo", _demo),
        ("up", _up),
        ("serve", _serve),
        ("down", _down),
        ("status", _status),
        ("env", _env),
        ("reset", _reset),
    ):
        command = commands.add_parser(name, help=str(function.__doc__).splitlines()[0])
        command.set_defaults(run=function)
        if name == "demo":
            command.add_argument("--date", type=date.fromisoformat, help="partition date (default: the samples' first)")
    return parser


def _workload(options: argparse.Namespace, *, follow_schedules: bool = True) -> Workload:
    project = options.project.resolve()
    if not (project / "dags").is_dir():
        raise StackError(f"{project}: expected the checkout, found no folder dags/. Use --project. Nothing has run.")
    return Workload.of(project, follow_schedules=follow_schedules)


def _demo(home: Home, options: argparse.Namespace) -> int:
    """Run one night's refresh of the samples and print its report."""
    workload = _workload(options, follow_schedules=False)
    plan = Plan(home=home, workload=workload, kind=supervisor.DEMO)
    demo.run(plan, demo.refresh(workload.project, options.date), Progress())
    return 0


def _serve(home: Home, options: argparse.Namespace) -> int:
    """Run the stack in the foreground until a signal or a failure ends it."""
    plan = Plan(home=home, workload=_workload(options), kind=supervisor.UP, components=ALL_COMPONENTS, api_port=UI_PORT)
    with supervisor.launched(plan) as stack:
        supervisor.run_command(("tm", "migrate"), stack.environment, log=home.log("commands"))
        stack.await_ready()
        print(f"Ready: {stack.running.api_url}", flush=True)
        while True:
            stack.check()
            time.sleep(1.0)


def _up(home: Home, options: argparse.Namespace) -> int:
    """Start the stack in the background and print how to sign in."""
    there = running_stack(home)
    if there is None or there.kind != supervisor.UP:
        _start_in_background(home, _workload(options).project)
    _await_up(home)
    _print_login(home)
    return 0


def _start_in_background(home: Home, project: Path) -> None:
    if (there := running_stack(home)) is not None and there.pid:
        raise AlreadyRunning(f"TM_HOME={home.path}: `{there.kind}` is running here. Wait for its end. Nothing changed.")
    home.make()
    command = supervisor.program(("tm-embedded", "--project", str(project), "serve"))
    with home.log("supervisor").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        # Until it is the one that the lock names: from then on `running_stack` tells.
        while (there := running_stack(home)) is None or there.pid != process.pid:
            _check_serving(process, home)
            time.sleep(0.1)
        while not ((there := running_stack(home)) and there.ready):
            _check_serving(process, home)
            time.sleep(0.1)
    except BaseException:
        process.terminate()
        process.wait(DOWN_SECONDS)
        raise


def _check_serving(process: subprocess.Popen[bytes], home: Home) -> None:
    if process.poll() is not None:
        log = home.log("supervisor")
        raise StackError(f"The stack did not start:\n{last_lines(log, 30)}\n  Everything has been stopped.")


def _await_up(home: Home) -> None:
    def ready() -> bool:
        there = running_stack(home)
        return there is None or there.ready

    if not wait_until(ready, READY_SECONDS) or running_stack(home) is None:
        raise ComponentFailed("the stack", "it did not become ready", str(home.log("supervisor")))


def _print_login(home: Home) -> None:
    there, keys = running_stack(home), load_secrets(home.secrets)
    if there is None:
        raise StackError(f"TM_HOME={home.path}: the stack has just been stopped. Start it again: make up")
    print(
        f"Airflow:   {there.api_url}   user admin, password {keys['admin']}\n"
        f"Memory:    {there.memory}\n"
        f"Storage:   {there.storage}\n"
        f"Shell:     {_shell_line(home)}   # then `tm …` and `airflow …` work here\n"
        f"Logs:      {home.path / 'logs'}\n"
        "Stop it with: make down"
    )
    for line in other_wishes(there):
        print(line)


def other_wishes(there: RunningStack, caller: Mapping[str, str] = os.environ) -> Iterator[str]:
    """A line for each value of the caller that a stack, which was running already, does not use."""
    used = {"TM_DATABASE_URL": there.memory, "TM_STORAGE": there.storage}
    for name, value in airflow.wish(caller).items():
        if hide_password(value) != used[name]:
            shown = f"{name}={hide_password(value)}"
            yield f"Not used:  {shown}: the stack was started without it. To use it: make down, make up"


def _shell_line(home: Home) -> str:
    """What a person enters to use the stack from a shell in this folder."""
    program = Path(supervisor.program(("tm-embedded",))[0])
    shown = shlex.quote(str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program))
    # A TM_HOME that the shell would find by itself is left out.
    own = "" if home.path == Path(".tm").absolute() else f"TM_HOME={shlex.quote(str(home.path))} "
    return f'eval "$({own}{shown} env)"'


def _env(home: Home, _options: argparse.Namespace) -> int:
    """Print shell commands that make `tm` and `airflow` work on the stack that `make up` runs."""
    there = running_stack(home)
    if there is None or there.kind != supervisor.UP or not there.ready:
        found = "none runs" if there is None else f"`{there.kind}` is running or starting"
        raise StackError(f"TM_HOME={home.path}: expected a stack that `make up` runs, found: {found}. Run: make up")
    wanted = airflow.shell_environment(supervisor.environment_of(home, there))
    if "AIRFLOW_CONFIG" in os.environ:
        print("unset AIRFLOW_CONFIG")
    # Logins of an earlier stack's memory would be used beside those of this one.
    if stale := [name for name in airflow.OF_ONE_STACK if name not in wanted]:
        print("unset " + " ".join(stale))
    print("\n".join(exports(wanted)))
    return 0


def exports(variables: Mapping[str, str]) -> Iterator[str]:
    """The variables as commands of a POSIX shell."""
    for name, value in variables.items():
        quoted = value.replace("'", QUOTE)
        yield f"export {name}='{quoted}'"


def _down(home: Home, _options: argparse.Namespace) -> int:
    """Stop the stack, however it was started."""
    there = running_stack(home)
    if there is not None and there.pid:
        os.kill(there.pid, signal.SIGTERM)
        # It gives the lock back a moment before it ends.
        if not wait_until(lambda: running_stack(home) is None and not is_alive(there.pid), DOWN_SECONDS):
            raise StackError(f"Process {there.pid} does not stop. End it with: kill -9 {there.pid}; make down")
    if not home.path.is_dir():
        print("Nothing is running.")
        return 0
    with locked(home):
        left = sweep(home.path, data=home.postgres)
    print("Stopped." if there or left else "Nothing is running.")
    return 0


def _reset(home: Home, options: argparse.Namespace) -> int:
    """Stop the stack and remove what it made: databases, storage, logs."""
    if not home.path.is_dir():
        print(f"{home.path}: nothing there.")
        return 0
    _down(home, options)
    with locked(home):
        postgres.remove_data(home.postgres)
        left = remove_made(home)
    print(f"Removed {home.path}." if not left else f"Removed what the stack made; kept: {', '.join(map(str, left))}")
    return 0


def _status(home: Home, _options: argparse.Namespace) -> int:
    """Print what runs, with ports. Exit code 3 when nothing does."""
    there = running_stack(home)
    left = marked(home.path)
    if there is None:
        print(f"TM_HOME={home.path}: no stack is running.")
        # Why the last one ended, if not by `make down`.
        for event in events_of(home.events)[-1:]:
            if event.is_last:
                print(f"  {event}")
        for process in left:
            print(f"  left over: process {process.pid}, {process.name()}. Stop it with: make down")
        return 3
    _print_components(home, there)
    return 0


def _print_components(home: Home, there: RunningStack) -> None:
    print(f"TM_HOME={home.path}: `{there.kind}`, process {there.pid}, since {there.started}")
    print(f"  {'memory':<16} {there.memory or '-'}")
    print(f"  {'storage':<16} {there.storage or '-'}")
    print(f"  {'postgres':<16} 127.0.0.1:{there.postgres_port}  process {postmaster_pid(home.postgres.resolve())}")
    api = AirflowApi(there.api_url, "")
    health = api.health()
    api.close()
    for part in ALL_COMPONENTS:
        place = there.api_url.removeprefix("http://") if part.health == "metadatabase" else ""
        print(f"  {part.name:<16} {place or '-':<16} {health.get(part.health) or 'not running'}")
    if events := [event for event in events_of(home.events) if event.at >= there.started]:
        print(f"  ended since then: {len(events)}")
        for event in events[-EVENTS:]:
            print(f"    {event}")
    megabytes = sum(_memory(process) for process in marked(home.path)) / 1e6
    print(f"  {len(marked(home.path))} processes, {megabytes:,.0f} MB resident (shared pages counted in each)")


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


if __name__ == "__main__":
    sys.exit(main())
