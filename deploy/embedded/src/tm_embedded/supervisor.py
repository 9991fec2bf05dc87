"""The stack: Postgres and Airflow's components, started together, watched, and stopped whatever happens."""

import json
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

import psutil
import psycopg

from tm_core.settings import hide_password
from tm_embedded import airflow, postgres
from tm_embedded.airflow import AirflowApi, Component, Workload
from tm_embedded.errors import CommandFailed, ComponentFailed, PostgresFailed
from tm_embedded.forkserver import Order, Part
from tm_embedded.home import Home, RunningStack, describe, load_secrets, locked, now, private_files, read_json, remember
from tm_embedded.processes import end_all, marked, session_of, sweep, watched
from tm_embedded.restarts import Restarts, Rules, record

# Cold, on 2 cores that others use as well; a start takes 10 to 17 s on quiet ones.
READY_SECONDS = 180.0
LOG_BYTES = 10_000_000  # a log that has grown beyond this makes room for a new one, and stays as .1

DEMO_COMPONENTS = (airflow.API_SERVER, airflow.SCHEDULER, airflow.DAG_PROCESSOR)
ALL_COMPONENTS = (*DEMO_COMPONENTS, airflow.TRIGGERER)
FORKSERVER = "airflow"
POSTGRES = "postgres"
RULES = Rules()
NEWS_SECONDS = 20.0  # the news that the stack gives up is waited for; it takes some seconds to import Airflow
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
    parts: subprocess.Popen[bytes]
    restarts: Restarts = field(default_factory=lambda: Restarts(RULES, time.monotonic))
    _unread: bytes = b""
    _news: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def check(self) -> None:
        """Start again what has ended, after a pause. Called about once a second.

        Raises:
            ComponentFailed: a component ended too often, or before the stack was ready. The caller stops the stack.
        """
        for name, pid, code in self._ended():
            if name == airflow.MIGRATION and code == 0:
                remember_migration(self.plan.home, self.server)
            else:
                self._lose(name, _ending(code), pid)
        for name, process in {POSTGRES: self.server.process, FORKSERVER: self.parts}.items():
            status = process.poll()
            if status is not None and not self.restarts.waiting & {POSTGRES, FORKSERVER}:
                self._lose(name, _ending(status), process.pid)
        for name in self.restarts.due():
            self._start_again(name)

    def _ended(self) -> Iterator[tuple[str, int, int]]:
        """(name, pid, status) of what the fork server has reported since the last call."""
        assert self.parts.stdout is not None  # noqa: S101 - for mypy: it is a pipe
        with suppress(BlockingIOError):
            self._unread += os.read(self.parts.stdout.fileno(), 65_536)
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            event = json.loads(line)
            yield event["ended"], event["pid"], event["code"]

    def _lose(self, name: str, what: str, pid: int) -> None:
        """Decide on a component that has ended: when it starts again, or that the stack gives up."""
        home, log = self.plan.home, str(self.plan.home.log(name))
        if not self.running.ready:
            raise ComponentFailed(name, what, log)
        # No task may go on, and report a failure, while what it needs is gone.
        if name in (POSTGRES, FORKSERVER):
            end_all(lambda: marked(home.path))
            self.parts.wait()
            self.restarts.forget_waiting()
        else:
            end_all(lambda: session_of(home.path, pid))
        pause = self.restarts.ended(name)
        if pause is None:
            rules = self.restarts.rules
            what += f". It was started again {rules.most} times within {rules.window_s / 60:.0f} minutes"
            self._tell(name, what, "the stack gives up and is stopped", is_last=True)
            raise ComponentFailed(name, what, log)
        self._tell(name, what, f"it is started again after {pause:.0f} s")

    def _tell(self, name: str, what: str, done: str, *, is_last: bool = False) -> None:
        """Record what happened, print it to the supervisor's log and send it to whom TM_NOTIFY names."""
        sys.stdout.write(f"{record(self.plan.home.events, name, what, done, is_last=is_last)}\n")
        sys.stdout.flush()
        self._news = [process for process in self._news if process.poll() is None]
        if self.environment.get("TM_NOTIFY", "log") in ("", "log"):
            return
        command = ("python", "-m", "operators.notify", name, what, done)
        # As a server, it finds connections in Airflow's database as well.
        environment = {**self.environment, "_AIRFLOW_PROCESS_CONTEXT": "server"}
        self._news.append(spawn(command, environment, log=self.plan.home.log("commands")))
        if is_last:
            with suppress(subprocess.TimeoutExpired):
                self._news[-1].wait(NEWS_SECONDS)

    def _start_again(self, name: str) -> None:
        try:
            if name == POSTGRES:
                self.server = start_postgres(self.plan.home, port=self.server.port, only_port=True)
            if name in (POSTGRES, FORKSERVER):
                self._start_airflow_again()
            else:
                self._start_component_again(next(part for part in self.plan.components if part.name == name))
        except (PostgresFailed, psycopg.OperationalError) as error:
            self._lose(name, f"it did not start again: {error}", pid=0)

    def _start_airflow_again(self) -> None:
        airflow.release_interrupted(self.server)
        _close_pipes(self.parts)
        self._unread = b""
        self.parts = _start_parts(self.plan, self.environment, migrate=False)

    def _start_component_again(self, component: Component) -> None:
        if component.job:
            airflow.release_interrupted(self.server, [component.job])
        _ready_log(self.plan.home.log(component.name), component.command)
        assert self.parts.stdin is not None  # noqa: S101 - for mypy: it is a pipe
        # A fork server that has ended meanwhile is found by the next check, and all starts again.
        with suppress(BrokenPipeError):
            self.parts.stdin.write(f"{component.name}\n".encode())
            self.parts.stdin.flush()

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

    def stop(self) -> None:
        """Stop Airflow at once, so that no task reports a failure, then Postgres in order: at most about 8 s."""
        sweep(self.plan.home.path, data=self.server.data)
        self.parts.wait()
        _close_pipes(self.parts)
        postgres.stop_process(self.server.process)


def environment_of(home: Home, there: RunningStack) -> dict[str, str]:
    """The environment of a running stack: what its tasks see, whatever the caller's own variables say.

    The lists of folders alone, PATH and its like, are the caller's.
    """
    own = {name: os.environ[name] for name in airflow.SEARCH_LISTS if name in os.environ}
    caller = psutil.Process(there.pid).environ() | own
    address = postgres.Address(port=there.postgres_port, passwords=load_secrets(home.secrets))
    workload = Workload.of(Path(there.project))
    return airflow.environment(home, workload, address, address.passwords, there.api_port, caller)


def _close_pipes(parts: subprocess.Popen[bytes]) -> None:
    for pipe in (parts.stdin, parts.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def _ending(code: int) -> str:
    return f"it ended with status {code}" if code >= 0 else f"it was killed by {signal.Signals(-code).name}"


def spawn(command: Sequence[str], environment: Mapping[str, str], *, log: Path) -> subprocess.Popen[bytes]:
    """Start a program of the virtual environment, in a session of its own, its output going to `log`."""
    with _ready_log(log, command).open("ab") as out:
        return subprocess.Popen(
            program(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _ready_log(log: Path, command: Sequence[str]) -> Path:
    """Make room in a log and head what comes next."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("a") as out:
        out.write(f"--- {now()} {' '.join(command)}\n")
    return log


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
        exits.enter_context(private_files())
        lock = exits.enter_context(locked(home))
        # What a supervisor left that was killed together with its watchdog (a machine that lost power has nothing).
        sweep(home.path, data=home.postgres)
        exits.enter_context(watched(home.path, data=home.postgres, keep=[lock]))
        server = exits.enter_context(_postgres(home))
        yield exits.enter_context(_airflow(plan, server))


def start_postgres(home: Home, *, port: int | None, only_port: bool = False) -> postgres.Server:
    """Start the home's server; see `tm_embedded.postgres.start`."""
    passwords, log = load_secrets(home.secrets), home.log("postgres")
    return postgres.start(home.postgres, log=log, passwords=passwords, port=port, only_port=only_port)


@contextmanager
def _postgres(home: Home) -> Iterator[postgres.Server]:
    server = start_postgres(home, port=read_json(home.state).get("postgres_port"))
    try:
        remember(home, postgres_port=server.port)
        postgres.ensure_databases(server, ["tm", "airflow"])
        # What the last stack was at when it was stopped, however that was.
        airflow.release_interrupted(server)
        yield server
    finally:
        with undisturbed():
            postgres.stop_process(server.process)


@contextmanager
def _airflow(plan: Plan, server: postgres.Server) -> Iterator[Stack]:
    home, keys = plan.home, load_secrets(plan.home.secrets)
    api_port = _api_port(plan)
    remember(home, api_port=api_port)
    environment = airflow.environment(home, plan.workload, server, keys, api_port)
    running = RunningStack(
        pid=os.getpid(),
        kind=plan.kind,
        started=now(),
        project=str(plan.workload.project),
        postgres_port=server.port,
        api_port=api_port,
        memory=hide_password(environment["TM_DATABASE_URL"]),
        storage=environment["TM_STORAGE"],
    )
    describe(home, running)
    airflow.write_passwords(home, keys)
    api = AirflowApi(running.api_url, keys["admin"])
    stack = Stack(
        plan=plan,
        running=running,
        server=server,
        environment=environment,
        api=api,
        parts=_start_parts(plan, environment, migrate=not _is_migrated(home, server)),
    )
    try:
        yield stack
    finally:
        with undisturbed():
            api.close()
            stack.stop()


def _start_parts(plan: Plan, environment: Mapping[str, str], *, migrate: bool) -> subprocess.Popen[bytes]:
    home = plan.home
    parts = tuple(
        Part(
            name=each.name,
            command=each.command,
            log=str(_ready_log(home.log(each.name), each.command)),
            preload=each.preload,
        )
        for each in plan.components
    )
    log, command = home.log(airflow.MIGRATION), ("db", "migrate")
    first = Part(name=airflow.MIGRATION, command=command, log=str(_ready_log(log, command))) if migrate else None
    order = Order(first=first, parts=parts).to_json()
    with _ready_log(home.log(FORKSERVER), ()).open("ab") as log_file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tm_embedded.forkserver", order],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log_file,
            start_new_session=True,
        )
    assert process.stdout is not None  # noqa: S101 - for mypy: PIPE was asked for
    os.set_blocking(process.stdout.fileno(), False)
    return process


def _api_port(plan: Plan) -> int:
    wanted = [read_json(plan.home.state).get("api_port"), plan.api_port]
    return next((port for port in wanted if port and postgres.port_is_free(port)), None) or postgres.free_port()


def _is_migrated(home: Home, server: postgres.Server) -> bool:
    """Whether the metadata database is where the installed Airflow's last migration here left it."""
    revision = airflow.database_revision(server)
    return revision is not None and read_json(home.state).get("migrated") == [airflow.installed_version(), revision]


def remember_migration(home: Home, server: postgres.Server) -> None:
    """Spare the next start the migration, which costs 5 s to find nothing to do."""
    remember(home, migrated=[airflow.installed_version(), airflow.database_revision(server)])
