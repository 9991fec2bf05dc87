"""The stack: Postgres and Airflow's components, started together, watched, and stopped whatever happens."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from tm_embedded import airflow, postgres
from tm_embedded.airflow import AirflowApi, Component, Workload
from tm_embedded.errors import CommandFailed, ComponentFailed
from tm_embedded.home import Home, RunningStack, describe, load_secrets, locked, now, read_json, remember
from tm_embedded.processes import GRACE_SECONDS, sweep, wait_until, watched

# Cold, on 2 cores that others use as well; a start takes 10 to 17 s on quiet ones.
READY_SECONDS = 180.0
LOG_BYTES = 10_000_000  # a log that has grown beyond this makes room for a new one, and stays as .1

DEMO_COMPONENTS = (airflow.API_SERVER, airflow.SCHEDULER, airflow.DAG_PROCESSOR)
ALL_COMPONENTS = (*DEMO_COMPONENTS, airflow.TRIGGERER)
WAITED_FOR = (airflow.SCHEDULER.name, airflow.TRIGGERER.name)
UI_PORT = 8080
DEMO, UP = "make demo", "make up"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to start.

    Args:
        home: TM_HOME.
        workload: the project, its DAGs and plugins.
        kind: ``make demo`` or ``make up``, for those who find the stack running.
        components: of Airflow.
        api_port: wanted when the port of the last run is unknown or taken; None: any free one.
    """

    home: Home
    workload: Workload
    kind: str
    components: tuple[Component, ...] = DEMO_COMPONENTS
    api_port: int | None = None


@dataclass(kw_only=True)
class Stack:
    """A stack that this process started."""

    plan: Plan
    running: RunningStack
    server: postgres.Server
    environment: Mapping[str, str]
    api: AirflowApi
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def check(self) -> None:
        """Raise ComponentFailed if a component has ended."""
        for name, process in {"postgres": self.server.process, **self.processes}.items():
            code = process.poll()
            if code is not None:
                raise ComponentFailed(name, _ending(code), str(self.plan.home.log(name)))

    def await_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until every component reports itself healthy, then sign in.

        Raises:
            ComponentFailed: one ended or was not healthy in time; says which, with the end of its log.
        """
        deadline = time.monotonic() + seconds
        while waiting := self._unhealthy():
            self.check()
            if time.monotonic() > deadline:
                late = waiting[0]
                what = f"it was not healthy within {seconds:.0f} s"
                raise ComponentFailed(late, what, str(self.plan.home.log(late)))
            time.sleep(0.1)
        self.api.warm_up()
        self.api.login()
        self.running = replace(self.running, ready=True)
        describe(self.plan.home, self.running)

    def _unhealthy(self) -> list[str]:
        health = self.api.health()
        if not health:
            return [airflow.API_SERVER.name]
        return [part.name for part in self.plan.components if health.get(part.health) != "healthy"]

    def launch(self, component: Component) -> None:
        """Start a component in a session of its own, its output going to its log."""
        self.processes[component.name] = spawn(
            ["airflow", *component.command], self.environment, log=self.plan.home.log(component.name)
        )

    def stop(self) -> None:
        """Stop all: Airflow together, then Postgres. At most about 10 s; what does not listen is killed."""
        for process in self.processes.values():
            # The whole session: the scheduler's workers and their tasks would otherwise be waited for.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGTERM)
        # The scheduler and the triggerer say in the database that they have gone. The others keep nothing,
        # and taking down an interpreter of 300 MB lasts 3 s.
        waited = [self.processes[name] for name in WAITED_FOR if name in self.processes]
        wait_until(lambda: all(process.poll() is not None for process in waited), GRACE_SECONDS)
        sweep(self.plan.home.path, data=self.server.data, grace_s=0.2)
        for process in self.processes.values():
            process.wait(1.0)
        postgres.stop_process(self.server.process)


def _ending(code: int) -> str:
    return f"it ended with status {code}" if code >= 0 else f"it was killed by {signal.Signals(-code).name}"


def spawn(command: Sequence[str], environment: Mapping[str, str], *, log: Path) -> subprocess.Popen[bytes]:
    """Start a program of the virtual environment, in a session of its own, its output going to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("ab") as out:
        out.write(f"--- {now()} {' '.join(command)}\n".encode())
        out.flush()
        return subprocess.Popen(
            program(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def program(command: Sequence[str]) -> list[str]:
    """The command with the virtual environment's program of that name."""
    return [str(Path(sys.executable).parent / command[0]), *command[1:]]


def run_command(command: Sequence[str], environment: Mapping[str, str], *, log: Path) -> list[str]:
    """Run a program of the virtual environment to its end. Returns the lines it printed, kept in `log` as well.

    Raises:
        CommandFailed: it did not exit 0; with what it said.
    """
    begin = log.stat().st_size if log.exists() else 0
    code = spawn(command, environment, log=log).wait()
    begin = begin if log.stat().st_size > begin else 0  # a log that was full has been put aside
    said = log.read_bytes()[begin:].decode("utf-8", "replace").splitlines()[1:]
    if code != 0:
        tail = "\n".join(f"    {line}" for line in said[-15:])
        raise CommandFailed(f"`{' '.join(command)}`: expected it to succeed, but {_ending(code)}. It said:\n{tail}")
    return said


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does: by an exception, so that every ``finally`` runs."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Signals that end a program wait until the block is over: stopping is bounded in time anyhow."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def launched(plan: Plan) -> Iterator[Stack]:
    """Start the stack and stop it at the end of the block, also after Ctrl-C, a failure or the end of this process.

    The components are still starting when the block begins: `Stack.await_ready` waits for them, and what
    needs only Postgres can run meanwhile.

    Raises:
        AlreadyRunning: another process runs a stack on this TM_HOME.
        PostgresFailed, ComponentFailed, CommandFailed: see `tm_embedded.errors`.
    """
    home = plan.home
    with ExitStack() as exits:
        lock = exits.enter_context(locked(home))
        # What a supervisor left that was killed together with its watchdog (a machine that lost power has nothing).
        sweep(home.path, data=home.postgres)
        exits.enter_context(watched(home.path, data=home.postgres, keep=[lock]))
        server = _start_postgres(home)
        stack = exits.enter_context(_stopped_at_end(_describe(plan, server)))
        postgres.ensure_databases(server, ["tm", "airflow"])
        _migrate(stack)
        for component in plan.components:
            stack.launch(component)
        yield stack


@contextmanager
def _stopped_at_end(stack: Stack) -> Iterator[Stack]:
    try:
        yield stack
    finally:
        with undisturbed():
            stack.api.close()
            stack.stop()


def _start_postgres(home: Home) -> postgres.Server:
    server = postgres.start(
        home.postgres,
        log=home.log("postgres"),
        passwords=load_secrets(home.secrets),
        port=read_json(home.state).get("postgres_port"),
    )
    remember(home, postgres_port=server.port)
    return server


def _describe(plan: Plan, server: postgres.Server) -> Stack:
    home, keys = plan.home, load_secrets(plan.home.secrets)
    api_port = _api_port(plan)
    remember(home, api_port=api_port)
    running = RunningStack(pid=os.getpid(), kind=plan.kind, started=now(), postgres_port=server.port, api_port=api_port)
    describe(home, running)
    airflow.write_passwords(home, keys)
    return Stack(
        plan=plan,
        running=running,
        server=server,
        environment=airflow.environment(home, plan.workload, server, keys, api_port),
        api=AirflowApi(running.api_url, keys["admin"]),
    )


def _api_port(plan: Plan) -> int:
    wanted = [read_json(plan.home.state).get("api_port"), plan.api_port]
    return next((port for port in wanted if port and postgres.port_is_free(port)), None) or postgres.free_port()


def _migrate(stack: Stack) -> None:
    """Bring the metadata database to the installed Airflow's schema, unless the last start left it there."""
    home = stack.plan.home
    version, revision = airflow.installed_version(), airflow.database_revision(stack.server)
    if revision is not None and read_json(home.state).get("migrated") == [version, revision]:
        return
    run_command(["airflow", "db", "migrate"], stack.environment, log=home.log("airflow-migrate"))
    remember(home, migrated=[version, airflow.database_revision(stack.server)])
