"""The lock, the memory and the removal of TM_HOME."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.waiting import HANG_S, wait_until
from tm_embedded import home as home_module
from tm_embedded.errors import AlreadyRunning, ComponentFailed, StackError
from tm_embedded.home import Home, RunningStack, describe, locked, remember, remove_made, running_stack
from tm_embedded.processes import marked, marked_environment, sweep, watched


@pytest.fixture
def place(home: Path) -> Home:
    return Home(path=home)


def stack(pid: int) -> RunningStack:
    return RunningStack(pid=pid, kind="make up", started="now", project="", postgres_port=1, api_port=2)


def test_nothing_runs_where_nothing_is(place: Home) -> None:
    assert running_stack(place) is None


def test_a_second_stack_is_refused_with_what_runs(place: Home) -> None:
    with locked(place):
        describe(place, stack(os.getpid()))
        assert running_stack(place) == stack(os.getpid())
        with pytest.raises(AlreadyRunning, match=rf"`make up`, process {os.getpid()}.*`make down`"):
            locked(place).__enter__()
        assert running_stack(place) == stack(os.getpid()), "the refused one must leave the description alone"
    assert running_stack(place) is None


def test_the_lock_of_a_killed_one_is_waited_for(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_module, "LOCK_WAIT_SECONDS", 0.5)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with locked(place):
        describe(place, stack(dead.pid))
        with pytest.raises(AlreadyRunning):
            locked(place).__enter__()


def test_the_watchdog_holds_the_lock_until_it_is_done(place: Home) -> None:
    others = watchdogs()  # of servers that other tests keep running
    with locked(place) as lock, watched(place.path, data=place.postgres, keep=[lock]):
        # A process has no command line yet in the moment in which its program takes the place of the caller's copy.
        (mine,) = wait_until(lambda: watchdogs() - others, "the watchdog is there")
        assert [found for found in Path(f"/proc/{mine}/fd").iterdir() if found.resolve() == place.lock]


def watchdogs() -> set[int]:
    found = set()
    for child in psutil.Process().children():
        with suppress(psutil.Error):  # another test's, which has just ended
            found |= {child.pid} if "tm_embedded.watchdog" in child.cmdline() else set()
    return found


def test_what_is_remembered_is_added_to(place: Home) -> None:
    place.make()
    remember(place, a=1, b=2)
    remember(place, b=3)
    assert home_module.read_json(place.state) == {"a": 1, "b": 3}
    place.state.write_text("{ cut sho")
    assert home_module.read_json(place.state) == {}


def test_a_home_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match=r"TM_HOME=.*Set TM_HOME to another folder"):
        Home(path=tmp_path / "file" / "home").make()


def rights(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_home_is_closed_to_other_users(place: Home) -> None:
    before = os.umask(0o022)
    try:
        place.make()
    finally:
        os.umask(before)
    # Root's Postgres runs as another user, who passes through TM_HOME and can list nothing of it.
    assert rights(place.path) == (0o711 if os.geteuid() == 0 else 0o700)
    assert {path.name: oct(rights(path)) for path in place.path.iterdir()} == dict.fromkeys(
        ("airflow", "logs", "storage", "work"), "0o700"
    )


def test_an_open_home_is_closed_and_what_is_not_the_stacks_keeps_its_rights(place: Home, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("of somebody else")
    for path in (place.path / "thesis.txt", place.path / "storage/raw/demo/ü.txt", place.log("scheduler"), place.state):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        path.chmod(0o664)
    program = place.path / "work" / "program"
    program.parent.mkdir()
    program.write_text("x")
    for path in (elsewhere, program):
        path.chmod(0o755)
    (place.path / "work" / "link").symlink_to(elsewhere)
    place.path.chmod(0o755)
    place.postgres.mkdir()
    place.postgres.chmod(0o750)
    place.make()
    closed = [path for top in place.made for path in (top, *top.rglob("*")) if path.exists() and not path.is_symlink()]
    assert {"ü.txt", "scheduler.log", "program", "demo", "state.json"} <= {path.name for path in closed}
    assert [path for path in closed if rights(path) & 0o077] == []
    assert (rights(program), rights(place.state)) == (0o700, 0o600)
    assert rights(elsewhere) == 0o755, "a link was followed"
    # TM_HOME may be a person's own folder; Postgres looks after its own rights.
    assert (rights(place.path), rights(place.path / "thesis.txt"), rights(place.postgres)) == (0o755, 0o664, 0o750)


def test_a_home_of_another_user_is_refused(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    place.make()
    theirs = place.path / "storage" / "theirs"
    theirs.write_text("x")
    (place.path / "storage").chmod(0o755)

    def refuse(path: Path, _mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(StackError, match=r"theirs: expected a file of this user.*chown -R.*Nothing has been started"):
        place.make()


def test_the_processes_of_a_stack_create_what_is_closed(tmp_path: Path) -> None:
    with home_module.private_files():
        subprocess.run(["/bin/sh", "-c", f"mkdir '{tmp_path}/a' && echo > '{tmp_path}/a/b'"], check=True)
    (tmp_path / "after").mkdir()
    assert [rights(tmp_path / name) for name in ("a", "a/b")] == [0o700, 0o600]
    assert rights(tmp_path / "after") & 0o055, "the caller's own umask is back"


def test_reset_removes_what_was_made_and_nothing_else(place: Home) -> None:
    place.make()
    (place.airflow / "logs").mkdir(parents=True)
    remember(place, a=1)
    mine = place.path / "thesis.txt"
    mine.write_text("not the stack's")
    assert remove_made(place) == [mine]
    mine.unlink()
    assert remove_made(place) == []
    assert not place.path.exists()


def test_the_sweep_ends_the_stubborn_and_spares_the_others(home: Path) -> None:
    home.mkdir()
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(3600)"
    )

    def start(environment: dict[str, str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code], env=os.environ | environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    ours, other = start(marked_environment(home)), start(marked_environment(home.parent))
    try:
        assert [process.pid for process in marked(home)] == [ours.pid]
        assert sweep(home, data=home / "postgres") == 1
        assert ours.wait(HANG_S) == -9
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.communicate()


def test_an_error_shows_the_end_of_the_log_and_survives_pickling(tmp_path: Path) -> None:
    import pickle

    log = tmp_path / "scheduler.log"
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    error = pickle.loads(pickle.dumps(ComponentFailed("scheduler", "it ended with status 1", str(log))))
    assert "scheduler" in str(error)
    assert "line 99" in str(error)
    assert "line 5\n" not in str(error)
    assert str(log) in str(error)
