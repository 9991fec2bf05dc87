"""The embedded Postgres: made, started, stopped, and started again after everything that can happen to it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.waiting import wait_until
from tm_embedded import postgres
from tm_embedded.errors import PostgresFailed
from tm_embedded.home import load_secrets
from tm_embedded.postgres import embedded_postgres
from tm_embedded.processes import postmaster_pid

pytestmark = pytest.mark.db


def scalar(server: postgres.Address, query: str, database: str = "tm") -> object:
    with psycopg.connect(server.url(database)) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_it_serves_tcp_and_a_socket_with_scram_utf8_and_locale_c(home: Path) -> None:
    with embedded_postgres(home) as server:
        assert scalar(server, "select current_user") == "tm"
        assert scalar(server, "select rolsuper from pg_roles where rolname = 'tm'") is False
        assert scalar(server, "show server_encoding") == "UTF8"
        assert scalar(server, "select datcollate from pg_database where datname = 'tm'") == "C"
        assert scalar(server, "show listen_addresses") == "127.0.0.1"
        assert scalar(server, "show password_encryption") == "scram-sha-256"
        folder = str(scalar(server, "show unix_socket_directories", "postgres")).strip('"')
        assert len(os.fsencode(home)) > 60 or (Path(folder) / f".s.PGSQL.{server.port}").is_socket()


def test_a_short_folder_has_a_unix_socket(tmp_path: Path) -> None:
    data = Path("/var/tmp/x y")
    assert postgres._socket_option(data) == {"unix_socket_directories": '"/var/tmp/x y"'}
    assert postgres._socket_option(Path("/" + "é" * 60)) == {"unix_socket_directories": ""}


def test_a_wrong_password_is_refused(home: Path) -> None:
    with embedded_postgres(home) as server, pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.url("tm").replace("tm:", "tm:wrong", 1))


def test_secrets_are_made_once_and_are_private(tmp_path: Path) -> None:
    first = load_secrets(tmp_path / "secrets.json")
    assert load_secrets(tmp_path / "secrets.json") == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert len(first["jwt"]) >= 64
    assert len(set(first.values())) == len(first)


def test_a_second_start_finds_the_data_and_a_throwaway_one_does_not(home: Path) -> None:
    with embedded_postgres(home, durable=True) as server, psycopg.connect(server.url("tm")) as connection:
        connection.execute("create table kept as select 7 as number")
    with embedded_postgres(home) as server:
        assert scalar(server, "select number from kept") == 7
    assert not (home / "data").exists()


def test_an_occupied_port_is_left_alone(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert not postgres.port_is_free(taken)
        chosen = postgres.choose_port(taken)
        assert chosen != taken
    assert postgres.choose_port(chosen) == chosen


def start(home: Path) -> postgres.Server:
    return postgres.start(home / "data", log=home / "log", passwords=load_secrets(home / "secrets.json"))


def test_crash_and_stale_pid_files_are_recovered_from(home: Path) -> None:
    server = start(home)
    postgres.ensure_databases(server, ["tm"])
    with psycopg.connect(server.url("tm")) as connection:
        connection.execute("create table kept as select 7 as number")
    server.process.kill()
    server.process.wait()
    pid_file = server.data / "postmaster.pid"
    assert pid_file.exists(), "a killed server leaves its pid file, or this test shows nothing"
    # The pid of the dead server now belongs to another process: Postgres alone would refuse to start.
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    again = start(home)
    try:
        assert scalar(again, "select number from kept") == 7
    finally:
        postgres.stop_process(again.process)
    assert not pid_file.exists()


def test_an_initdb_cut_short_is_done_again(home: Path) -> None:
    (home / "data.new").mkdir(parents=True)
    (home / "data.new" / "PG_VERSION").write_text("18\n")
    with embedded_postgres(home) as server:
        assert scalar(server, "select 1") == 1


def test_a_cluster_of_another_version_is_refused_and_kept(home: Path) -> None:
    with embedded_postgres(home, durable=True) as server:
        version_file = server.data / "PG_VERSION"
    version_file.write_text("12\n")
    with pytest.raises(PostgresFailed, match=r"made by Postgres 12, the installed server is \d+.*untouched"):
        start(home)
    assert version_file.exists()


def test_a_killed_owner_takes_its_server_along(home: Path, left_over: Callable[[Path], list[str]]) -> None:
    script = (
        "import sys, time; from pathlib import Path; from tm_embedded.postgres import embedded_postgres\n"
        "with embedded_postgres(Path(sys.argv[1])) as server: print('up', flush=True); time.sleep(3600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", script, str(home)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "up\n"
    assert postmaster_pid((home / "data").resolve()) is not None
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    wait_until(lambda: postmaster_pid((home / "data").resolve()) is None, "the server has ended")
    wait_until(lambda: not left_over(home), "nothing is left")


def runs(python: str, options: dict[str, object]) -> bool:
    try:
        return subprocess.run([python, "-c", "import tm_embedded.postgres"], **options).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: is about what root may not do")
class TestRoot:
    def test_the_server_runs_as_nobody_and_no_folder_is_opened_up(self, tmp_path: Path) -> None:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        with embedded_postgres(closed / "home") as server:
            assert psutil.Process(server.process.pid).username() == "nobody"
            assert (closed / "home" / "data").is_symlink()
            place = server.data
            assert place.is_relative_to(postgres.REACHABLE)
        assert closed.stat().st_mode & 0o777 == 0o700
        assert not place.parent.exists()

    def test_programs_out_of_reach_are_copied(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        reachable = tmp_path / "reachable"
        monkeypatch.setattr(postgres, "REACHABLE", reachable)
        monkeypatch.setattr(postgres, "_reaches", lambda _owner, folder: folder.is_relative_to(reachable))
        copied = postgres.programs(postgres.server_owner(tmp_path))
        assert copied.is_relative_to(reachable)
        assert os.access(copied / "initdb", os.X_OK)
        assert sorted(path.name for path in reachable.iterdir()) == [copied.parent.name]

    def test_a_folder_that_others_can_write_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgres, "REACHABLE", tmp_path / "open")
        (tmp_path / "open").mkdir()
        (tmp_path / "open").chmod(0o777)
        with pytest.raises(PostgresFailed, match="root alone can write"):
            postgres._reachable_root()

    def test_it_starts_for_an_ordinary_user_too(self) -> None:
        import tempfile

        script = (
            "import os, sys; from pathlib import Path; from tm_embedded.postgres import embedded_postgres\n"
            "with embedded_postgres(Path(sys.argv[1])) as server: print(os.geteuid(), server.data.stat().st_uid)"
        )
        as_nobody: dict[str, object] = {
            "user": "nobody", "group": "nogroup", "extra_groups": [], "capture_output": True, "text": True,
            "cwd": "/", "env": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        }  # fmt: skip
        # The virtual environment's Python may itself lie out of reach; the machine's own of that version will do.
        candidates = [sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"]
        usable = [each for each in candidates if runs(each, as_nobody)]
        if not usable:
            pytest.skip(f"the user nobody can run none of {candidates}")
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            os.chmod(folder, 0o777)
            done = subprocess.run([usable[0], "-c", script, folder + "/home"], **as_nobody)
        assert done.returncode == 0, done.stderr
        uid = done.stdout.split()
        assert uid[0] == uid[1] != "0"


def test_the_memorys_logins_are_members_and_own_nothing(home: Path) -> None:
    query = "select string_agg(rolname, ' ' order by rolname) from pg_roles where rolname ~ '^tm' and "
    with embedded_postgres(home) as server:
        assert scalar(server, query + "rolcanlogin") == "tm tm_load tm_read"
        assert scalar(server, query + "not rolcanlogin") == "tm_loader tm_owner tm_reader"
        assert scalar(server, query + "(rolsuper or rolcreaterole)") is None
        for login, group in postgres.MEMBERS.items():
            with psycopg.connect(server.url("tm", login)) as connection:
                row = connection.execute("select pg_has_role(current_user, %s, 'usage')", (group,)).fetchone()
            assert row == (True,), login
        assert scalar(server, "select pg_has_role('tm', 'pg_signal_backend', 'member')"), "a swap ends idle readers"
        postgres.ensure_databases(server, ["tm"])  # a second start


def test_every_list_of_large_objects_functions_is_the_same() -> None:
    """The stack knows the server and not the memory's code: its statement stands beside the memory's own."""
    roles = Path(__file__).resolve().parents[2] / "include" / "sql" / "roles"
    texts = [
        postgres.NO_LARGE_OBJECTS,
        *((roles / f"{name}.sql").read_text() for name in ("grant_rights", "select_gaps")),
    ]
    lists = [re.findall(r"proname ~ '(\S+)'", text) for text in texts]
    assert lists[0][0].startswith("^(lo_")
    assert lists == [lists[0]] * 3


def test_no_login_but_the_superusers_makes_large_objects(home: Path) -> None:
    with embedded_postgres(home) as server:
        for login in ("tm", "tm_load", "tm_read"):
            with (
                psycopg.connect(server.url("tm", login)) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute("select lo_create(0)")
        with psycopg.connect(server.url("tm", "postgres")) as connection:
            connection.execute("select lo_create(0)")
