"""The whole stack with a toy DAG: it runs, it stops, and it leaves nothing behind, whatever happens to it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.waiting import HANG_S, ended, wait_until
from tm_core.settings import hide_password
from tm_embedded.airflow import AirflowApi
from tm_embedded.home import Home, RunningStack, load_secrets, read_json, running_stack
from tm_embedded.processes import marked, postmaster_pid
from tm_embedded.restarts import events_of

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.slow]

HERE = Path(__file__).resolve().parent


def toy(home: Path, conf: dict[str, object] | None = None) -> list[str]:
    return [sys.executable, str(HERE / "run_toy.py"), str(home), json.dumps(conf or {})]


def run_toy(home: Path, conf: dict[str, object] | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"KUBECONFIG": "/nowhere", "AIRFLOW__CORE__EXECUTOR": "NoSuchExecutor"}
    return subprocess.run(toy(home, conf), capture_output=True, text=True, timeout=HANG_S, env=environment)


def begin(command: list[str], home: Path, until: str) -> subprocess.Popen[bytes]:
    """Start a program and wait until its output, kept beside TM_HOME, contains `until`."""
    output = home.parent / "output"
    with output.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    wait_until(lambda: until in output.read_text() or process.poll() is not None, f"the output says {until!r}")
    assert process.poll() is None, output.read_text()
    return process


def test_a_demo_runs_reports_stops_and_can_be_repeated(home: Path, left_over: Callable[[Path], list[str]]) -> None:
    first = run_toy(home)
    assert first.returncode == 0, first.stdout + first.stderr
    assert re.search(r"a command ran\n", first.stdout)
    assert re.search(r"work +3 done in [\d.]+ s\n", first.stdout)
    assert first.stdout.endswith("the report\n"), first.stdout
    assert left_over(home) == []
    check_closed(home)
    ports = read_json(Home(path=home).state)

    second = run_toy(home, {"fail": True})
    assert second.returncode == 1, second.stdout + second.stderr
    assert "'work[1]' failed" in second.stdout
    assert "RuntimeError: planted fault of the toy" in second.stdout
    log = re.search(r"The whole log: (.*)\n", second.stdout)
    assert log is not None
    assert "planted fault" in Path(log.group(1)).read_text()
    assert "the report" not in second.stdout
    assert left_over(home) == []
    assert read_json(Home(path=home).state) == ports, "the second start must reuse ports and schema"


@pytest.fixture
def asleep(home: Path) -> subprocess.Popen[bytes]:
    """A demo in the middle of its tasks."""
    return begin(toy(home, {"sleep_s": 3600}), home, "work                     0/3 running")


# SIGTERM and SIGHUP take the way of SIGINT: see test_supervisor.py.
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_demo_leaves_nothing(
    asleep: subprocess.Popen[bytes], home: Path, number: signal.Signals, left_over: Callable[[Path], list[str]]
) -> None:
    # The supervisor, its watchdog, four parts and three tasks: or the count below shows nothing.
    assert len(left_over(home)) > 8
    asleep.send_signal(number)
    code = ended(asleep)
    assert code == (-number if number is signal.SIGKILL else 130)
    if number is signal.SIGKILL:
        refused = subprocess.run(toy(home), capture_output=True, text=True, timeout=HANG_S)
        assert refused.returncode == 0, "the next start waits for the watchdog, then runs: " + refused.stdout
    assert left_over(home) == []


def test_a_killed_demo_is_swept_by_its_watchdog_alone(
    asleep: subprocess.Popen[bytes], home: Path, left_over: Callable[[Path], list[str]]
) -> None:
    asleep.kill()
    asleep.wait()
    wait_until(lambda: not left_over(home), "nothing is left")


def test_a_component_that_ends_too_often_is_named_and_all_is_stopped(
    home: Path, left_over: Callable[[Path], list[str]]
) -> None:
    demo = begin(toy(home, {"sleep_s": 3600, "restarts": 1}), home, "work                     0/3 running")
    output = home.parent / "output"
    first = component(home, "scheduler")
    first.kill()
    started = lambda: component_pids(home, "scheduler") not in ([], [first.pid])  # noqa: E731
    wait_until(lambda: started() or demo.poll() is not None, "the scheduler is started again")
    assert demo.poll() is None, output.read_text()
    component(home, "scheduler").kill()
    assert ended(demo) == 1
    said = output.read_text()
    assert "scheduler: it was killed by SIGKILL; it is started again after 1 s" in said
    assert "scheduler: expected it to run, but it was killed by SIGKILL. It was started again 1 times within" in said
    assert str(home / "logs" / "scheduler.log") in said
    assert left_over(home) == []
    assert [event.is_last for event in events_of(Home(path=home).events)] == [False, True]


def component_pids(home: Path, name: str) -> list[int]:
    """The components' processes are the fork server's children; some have helpers of the same title."""
    found = [(each, command) for each in marked(home) if (command := command_of(each))]
    servers = {each.pid for each, command in found if "tm_embedded.forkserver" in command}
    if name == "fork server":
        return sorted(servers)
    if name == "postgres":
        return [pid for pid in [postmaster_pid((home / "postgres").resolve())] if pid]
    title = f"airflow {name}"
    with suppress(psutil.NoSuchProcess):  # it ended since then: asked again
        return [each.pid for each, command in found if command[0].startswith(title) and each.ppid() in servers]
    return []


def command_of(process: psutil.Process) -> list[str]:
    """The words of a process; none of one that has ended meanwhile."""
    with suppress(psutil.NoSuchProcess):  # a zombie is one, too
        return process.cmdline()
    return []


def component(home: Path, name: str) -> psutil.Process:
    (pid,) = component_pids(home, name)
    return psutil.Process(pid)


class TestUp:
    """`up`, `status`, `down`, `reset`, as the Makefile calls them, on a small project of their own."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        for name in ("dags", "plugins"):
            (tmp_path / "project" / name).mkdir(parents=True)
        (tmp_path / "project" / "dags" / "toy.py").write_text((HERE / "dags" / "toy.py").read_text())
        (tmp_path / "project" / "operators").symlink_to(HERE.parents[1] / "operators")
        return tmp_path / "project"

    def embedded(self, home: Path, project: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "tm-embedded"), "--project", str(project), *words]
        environment = os.environ | {"TM_HOME": str(home)}
        return subprocess.run(command, capture_output=True, text=True, timeout=HANG_S, env=environment)

    def test_up_is_used_by_a_demo_and_stopped_by_down(
        self, home: Path, project: Path, left_over: Callable[[Path], list[str]]
    ) -> None:
        with socket.create_server(("127.0.0.1", 8080)) if port_free() else socket.socket():
            up = self.embedded(home, project, "up")
        assert up.returncode == 0, up.stdout + up.stderr
        assert "user admin, password" in up.stdout
        there = running(home)
        assert there.api_port != 8080
        try:
            assert f"http://127.0.0.1:{there.api_port}" in up.stdout
            assert all_listen_locally(home)
            again = self.embedded(home, project, "up")
            assert again.returncode == 0
            assert again.stdout == up.stdout
            assert running(home) == there
            demo = run_toy(home)
            assert demo.returncode == 0, demo.stdout + demo.stderr
            assert "Joining the running stack" in demo.stdout
            assert running(home) == there
            status = self.embedded(home, project, "status")
            assert status.returncode == 0
            for name in ("postgres", "api-server", "scheduler", "dag-processor", "triggerer"):
                assert re.search(rf"{name} .*(healthy|process \d+)", status.stdout), status.stdout
            check_the_printed_line(home, up.stdout)
            check_closed(home)
        finally:
            down = self.embedded(home, project, "down")
        assert down.stdout == "Stopped.\n"
        assert left_over(home) == []
        assert self.embedded(home, project, "status").returncode == 3
        nothing = self.embedded(home, project, "env")
        assert (nothing.returncode, nothing.stdout) == (1, "")
        assert "expected a stack that `make up` runs, found: none runs. Run: make up" in nothing.stderr
        assert self.embedded(home, project, "down").stdout == "Nothing is running.\n"
        reset = self.embedded(home, project, "reset")
        assert reset.returncode == 0, reset.stderr
        assert not home.exists()

    def test_a_persons_memory_and_storage_win_in_the_shell_of_the_readme(
        self, home: Path, project: Path, database_url: str, tmp_path: Path
    ) -> None:
        """Set by a person, up, `eval "$(tm-embedded env)"`, down, up: the second stack runs on the same."""
        storage = f"file://{tmp_path}/mine"
        script = """set -e
        tm-embedded up; eval "$(tm-embedded env)"; tm-embedded down
        echo --- second; tm-embedded up; tm-embedded status; tm doctor || true; env"""
        environment = {
            "HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "TM_HOME": str(home),
            "TM_STORAGE": storage, "TM_DATABASE_URL": database_url,
        }  # fmt: skip
        try:
            done = subprocess.run(
                ["bash", "-c", script], env=environment, cwd=project, capture_output=True, text=True, timeout=HANG_S
            )
            assert done.returncode == 0, done.stdout + done.stderr
            there = running(home)
        finally:
            self.embedded(home, project, "down")
        memory = hide_password(database_url)
        first, second = done.stdout.split("--- second")
        for said in (first, second):
            assert f"Memory:    {memory}\nStorage:   {storage}\n" in said
        assert re.search(rf"  memory +{re.escape(memory)}\n  storage +{re.escape(storage)}\n", second), "status"
        told = " ".join(second.split("ok       airflow")[1].split())
        assert f"works on the memory {memory} and the storage {storage}" in told, "doctor"
        assert "this shell works on another" not in told
        assert (there.memory, there.storage) == (memory, storage)
        assert f"TM_DATABASE_URL={database_url}\n" in second
        with psycopg.connect(database_url) as connection:
            assert connection.execute("select count(*) > 0 from ops.migration").fetchone() == (True,)

    def test_what_ends_is_started_again_and_no_task_loses_a_try(self, home: Path, project: Path) -> None:
        """Every component is killed in the middle of a run whose tasks are tried once; then it succeeds."""
        assert self.embedded(home, project, "up").returncode == 0
        try:
            run = Toy(home)
            assert run.begins(1)
            # Those that take the tasks with them, and those that do not.
            expected = {"scheduler": 2, "fork server": 3, "postgres": 4} | dict.fromkeys(OTHERS, 4)
            for ended, (name, tries) in enumerate(expected.items(), start=1):
                before = component(home, name)
                before.kill()
                wait_until(
                    lambda name=name, before=before: component_pids(home, name) not in ([], [before.pid]),
                    f"{name} is started again",
                )
                assert [event.is_last for event in events_of(Home(path=home).events)] == [False] * ended
                assert run.begins(tries), name
            status = self.embedded(home, project, "status").stdout
            assert "  ended since then: 6\n" in status
            assert "triggerer: it was killed by SIGKILL; it is started again after 1 s\n" in status
            run.until.touch()
            assert run.ends() == "success"
            assert {(task["try_number"], task["max_tries"]) for task in run.tasks("work")} == {(4, 3)}
        finally:
            self.embedded(home, project, "down")

    def test_a_stop_uses_up_no_try(self, home: Path, project: Path, left_over: Callable[[Path], list[str]]) -> None:
        """`make down` in the middle of a run, and kill -9 of the supervisor; the tasks are tried once."""
        assert self.embedded(home, project, "up").returncode == 0
        try:
            run = Toy(home)
            assert run.begins(1)
            assert self.embedded(home, project, "down").stdout == "Stopped.\n"
            assert self.embedded(home, project, "up").returncode == 0
            assert run.begins(2)
            psutil.Process(running(home).pid).kill()
            wait_until(lambda: not left_over(home), "nothing is left")
            status = self.embedded(home, project, "status")
            assert status.returncode == 3
            assert "supervisor: it was killed; all was stopped\n" in status.stdout
            assert self.embedded(home, project, "up").returncode == 0
            assert run.begins(3)
            run.until.touch()
            assert run.ends() == "success"
            assert {(task["try_number"], task["max_tries"]) for task in run.tasks("work")} == {(3, 2)}
        finally:
            self.embedded(home, project, "down")

    def test_wrong_settings_are_refused_before_anything_runs(
        self, home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TM_REVIEW_RATE", "lots")
        refused = self.embedded(home, project, "demo")
        assert refused.returncode == 2
        assert "TM_REVIEW_RATE" in refused.stderr
        assert not home.exists()

    def test_a_folder_that_is_no_checkout_is_refused(self, home: Path, tmp_path: Path) -> None:
        refused = self.embedded(home, tmp_path, "up")
        assert refused.returncode == 1
        assert "found no folder dags/" in refused.stderr
        assert not home.exists()


#: The tasks of a run outlive these; the api-server's title has an underscore.
OTHERS = ("api_server", "dag-processor", "triggerer")


class Toy:
    """A run of the toy on a stack that is up: its three tasks begin, and wait for the file `until`."""

    def __init__(self, home: Path) -> None:
        self.home, self.until = home, home.parent / "until"
        api = self.api()
        wait_until(lambda: api.dag("toy") is not None, "the DAG is known")
        self.run = api.trigger("toy", partition_key=None, conf={"until": str(self.until)})

    def api(self) -> AirflowApi:
        api = AirflowApi(running(self.home).api_url, load_secrets(Home(path=self.home).secrets)["admin"])
        api.login()
        return api

    def begins(self, tries: int) -> bool:
        """Whether all tasks begin that many times, and not more often."""
        begun = self.until.with_name("until.begun")
        wait_until(lambda: begun.exists() and len(begun.read_text().split()) >= 3 * tries, f"try {tries} begins")
        return sorted(begun.read_text().split()) == sorted(["1", "2", "3"] * tries)

    def tasks(self, name: str) -> list[dict[str, object]]:
        return [task for task in self.api().task_instances("toy", self.run) if task["task_id"] == name]

    def ends(self) -> str:
        api = self.api()
        wait_until(lambda: api.run_state("toy", self.run) in ("success", "failed"), "the run ends")
        return api.run_state("toy", self.run)


def running(home: Path) -> RunningStack:
    found = running_stack(Home(path=home))
    assert found is not None
    return found


def check_the_printed_line(home: Path, said: str) -> None:
    """A shell that knows nothing enters the line that `up` printed, where `up` ran: `tm` and `airflow` find it."""
    (line,) = re.findall(r"Shell: +(eval .*?) +#", said)
    script = f"set -e; {line}; tm checksum; airflow dags list-runs toy --output plain; exec tm-embedded status"
    clean = {"HOME": str(home.parent), "PATH": "/usr/bin:/bin", "AIRFLOW_CONFIG": "/nowhere"}
    shell = subprocess.run(["bash", "-c", script], env=clean, capture_output=True, text=True, timeout=HANG_S)
    assert shell.returncode == 0, shell.stdout + shell.stderr
    assert "0 units" in shell.stdout, "the stack's own memory, migrated and empty"
    assert "manual__" in shell.stdout, "the run that the demo made"
    assert str(home) in shell.stdout


def check_closed(home: Path) -> None:
    """Other users of the machine can read nothing of the stack. Postgres runs as one of them if root started it."""
    found = [path for path in home.rglob("*") if not path.is_symlink()]
    assert {"scheduler.log", "work", "secrets.json"} <= {path.name for path in found}
    assert any(path.name.startswith("attempt=") for path in found), "the logs of tasks, whose rights Airflow sets"
    assert [f"{path} {path.stat().st_mode:o}" for path in found if path.stat().st_mode & 0o077] == []


def port_free() -> bool:
    from tm_embedded.postgres import port_is_free

    return port_is_free(8080)


def all_listen_locally(home: Path) -> bool:
    addresses = {
        connection.laddr.ip
        for process in marked(home)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses, "the api-server listens, or this check sees nothing"
    return addresses == {"127.0.0.1"}
