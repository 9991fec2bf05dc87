"""Continuous archiving, a replica and its promotion: the files of deploy/pitr, run by a real Postgres and pgBackRest.

In a folder to chroot into that tests/pitr/fetch-debian fills: TM_TEST_DEBIAN. What is measured is printed (pytest -s).
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import yaml
from psycopg import Rollback

from tests.conftest import missing
from tests.store.batches_made import load
from tests.waiting import HANG_S, pause, stopwatch, wait_until
from tm_core.identity import text_hash
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.checksum import memory_checksum
from tm_store.db import open_database
from tm_store.journal import record, ship
from tm_store.lookup import lookup
from tm_store.migrate import migrate
from tm_store.restore_replay import find_pending
from tm_store.tombstones import Tombstone, encode, path_of

pytestmark = [pytest.mark.db, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
PITR = ROOT / "deploy" / "pitr"
RUNBOOK = (ROOT / "docs" / "runbooks" / "database-lost.md").read_text()
BIN = "/usr/lib/postgresql/17/bin"
PASSWORD = "of-the-tests"


# The files of deploy/pitr ---------------------------------------------------------------------------


COMPOSE: dict[str, Any] = yaml.safe_load((PITR / "compose.yaml").read_text())


def command_of(service: str) -> list[str]:
    """The server's command, as compose would fill it in without .env."""
    words = COMPOSE["services"][service]["command"]
    return [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", word) for word in words]


def at(name: str) -> str:
    """MEMORY_AT or MEMORY_READ_AT, as the head of compose.yaml says to set it."""
    found = re.search(rf"^#   {name}=(.*)$", (PITR / "compose.yaml").read_text(), re.MULTILINE)
    assert found
    return found[1]


# Servers ----------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Server:
    """One Postgres inside the folder: its data below ``place``, its port, its process."""

    root: Path
    site: str
    name: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> str:
        return f"{self.site}/{self.name}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{BIN}:/usr/local/bin:/usr/sbin:/usr/bin",
            "HOME": "/tmp",
            "LC_ALL": "C",
            "PGDATA": f"{self.place}/data",
            "PGHOST": self.place,
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "REPLICA_PASSWORD": PASSWORD,
            "PGBACKREST_PG1_PATH": f"{self.place}/data",
            "PGBACKREST_PG1_PORT": str(self.port),
            "PGBACKREST_PG1_SOCKET_PATH": self.place,
            "PGBACKREST_REPO1_PATH": f"{self.site}/archive",
            "PGBACKREST_LOCK_PATH": f"{self.place}/lock",
        }

    def start(self, command: list[str], **more: str) -> None:
        """As compose would; only what a container gives (address, socket, shared memory) is given here."""
        here = [f"port={self.port}", f"unix_socket_directories={self.place}", "listen_addresses=127.0.0.1"]
        words = [*command, *(word for one in [*here, "dynamic_shared_memory_type=mmap"] for word in ("-c", one))]
        with (self.root / self.place.lstrip("/") / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["chroot", "--userspec=999:999", str(self.root), *words],
                env=self.environment | more,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, *words: str) -> str:
        """A command beside the server, as `docker compose exec` gives it."""
        done = self._run(*words)
        assert done.returncode == 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}\n{self.log()}"
        return done.stdout

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["chroot", "--userspec=999:999", str(self.root), *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )

    def log(self) -> str:
        return (self.root / self.place.lstrip("/") / "log").read_text()[-3000:]

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/tm"

    def await_health(self, service: str) -> None:
        """Wait as `docker compose up --wait` does: by the service's own health check."""
        kind, check = COMPOSE["services"][service]["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        wait_until(lambda: self._run("sh", "-c", check).returncode == 0, f"{service} is healthy", alive=self._lives)

    def _lives(self) -> None:
        assert self.process is None or self.process.poll() is None, self.log()

    def kill(self) -> None:
        """All its processes at once, as when the machine goes."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)  # it must not start new ones meanwhile
            for one in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
                with suppress(psutil.NoSuchProcess):
                    one.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """As a container is stopped; one that is gone already is no error."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # Postgres' fast shutdown, and the official image's
            self.process.wait(HANG_S)
            self.process = None


@dataclass(kw_only=True)
class Site:
    """The memory's server, its archive and its replica, with the settings of who uses them."""

    root: Path
    folder: str
    programs: Path
    settings: Settings
    servers: dict[str, Server] = field(default_factory=dict)

    def server(self, name: str) -> Server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        one = Server(root=self.root, site=self.folder, name=name, port=port)
        place = self.root / one.place.lstrip("/")
        place.mkdir()
        os.chown(place, 999, 999)
        self.servers[name] = one
        return one

    def url(self, name: str) -> str:
        """The address that .env gives to every client, with this site's ports."""
        text = at(name)
        for host in ("memory-replica", "memory"):
            text = text.replace(f"{host}:5432", f"127.0.0.1:{self.servers[host].port}")
        return f"postgresql://postgres:{PASSWORD}@{text}"


@pytest.fixture(scope="session")
def debian() -> Path:
    root = Path(os.environ.get("TM_TEST_DEBIAN", ""))
    if os.getuid() != 0 or not (root / "complete").exists():
        missing("a folder with Debian's Postgres and pgBackRest", "As root: tests/pitr/fetch-debian, TM_TEST_DEBIAN.")
    return root


@pytest.fixture(scope="module")
def site(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    for name in ("usr/local/bin", "etc/pgbackrest"):
        (debian / name).mkdir(parents=True, exist_ok=True)
    for name in ("archive", "replica"):
        shutil.copy(PITR / name, debian / "usr" / "local" / "bin" / name)
    for name in ("pgbackrest.conf", "pg_hba.conf"):
        shutil.copy(PITR / name, debian / "etc" / "pgbackrest" / name)
    folder = f"/tmp/{uuid.uuid4().hex[:8]}"
    (debian / folder.lstrip("/")).mkdir()
    os.chown(debian / folder.lstrip("/"), 999, 999)
    home = tmp_path_factory.mktemp("home")
    settings = Settings.from_env(
        {"TM_HOME": str(home), "TM_INCLUDE": str(ROOT / "include"), "TM_DATABASE_URL": "postgresql://x/y"}
    )
    found = Site(root=debian, folder=folder, programs=make_programs(debian, home), settings=settings)
    try:
        _set_up(found)
        yield found
    finally:
        for one in found.servers.values():
            one.kill()
        shutil.rmtree(debian / folder.lstrip("/"), ignore_errors=True)


def start(site: Site, name: str) -> None:
    """A service of compose.yaml."""
    if name == "archive":
        site.servers["memory"].run("archive", "--once")
        return
    server = site.servers[name]
    written = COMPOSE["services"][name]
    primary = (
        written["environment"].get("PRIMARY", "").replace("memory:5432", f"127.0.0.1:{site.servers['memory'].port}")
    )
    server.start([*written.get("entrypoint", []), *command_of(name)], PRIMARY=primary)
    server.await_health(name)


def follow(site: Site, heading: str, moment: datetime = datetime.min) -> str:
    """Do what the runbook says below a heading, line by line; returns what `tm` said."""
    section = RUNBOOK.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    said = ""
    for line in re.findall(r"^docker compose (.*)$", section, re.MULTILINE):
        # pgBackRest's form of a time, and ours.
        line = line.replace("2026-01-05 04:00:00+00", f"{moment:%Y-%m-%d %H:%M:%S.%f+00}")
        line = line.replace("2026-01-05T04:00:00", f"{moment:%Y-%m-%dT%H:%M:%S.%f}")
        said += _do(site, shlex.split(line))
    return said


def _do(site: Site, words: list[str]) -> str:
    match words:
        case ["stop", *names]:
            for name in names:
                if name in site.servers:
                    site.servers[name].stop()
        case ["up", "--detach", *wait, name] if wait in ([], ["--wait"]):
            start(site, name)
        case ["exec", name, *command]:
            site.servers[name].run(*command)
        case ["--profile", "tools", "run", "--rm", "tm", *command]:
            return tm(site, *command)
        case ["run", "--rm", "--no-deps", "--user", "postgres", "--entrypoint", program, name, *command]:
            site.servers[name].run(program, *command)
        case ["run", "--rm", "--no-deps", "--entrypoint", "rm", name, "-rf", "/var/lib/postgresql/data/18"]:
            site.servers[name].run("rm", "-rf", site.servers[name].environment["PGDATA"])
        case _:
            pytest.fail(f"the runbook has a line that the test does not know: {words}")
    return ""


def tm(site: Site, *words: str) -> str:
    """The command `tm` with the addresses that the stack gives it."""
    settings = site.settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TM_")}
    environment |= {"TM_HOME": str(settings.home), "TM_INCLUDE": str(settings.include)}
    environment |= {"TM_DATABASE_URL": settings.database_url, "TM_DATABASE_READ_URL": settings.database_read_url}
    # pg_dump of the server's version lies in the folder.
    environment["PATH"] = f"{site.programs}:{environment['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "tm_store.cli", *words], env=environment, capture_output=True, text=True, timeout=HANG_S
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def make_programs(debian: Path, home: Path) -> Path:
    """pg_dump and pg_restore for PATH: in this machine's own tree, on the folder's libraries."""
    folder = home / "bin"
    folder.mkdir()
    libraries = debian / "usr" / "lib" / "x86_64-linux-gnu"
    for name in ("pg_dump", "pg_restore"):
        command = f"{debian}/usr/lib64/ld-linux-x86-64.so.2 --library-path {libraries} {debian}{BIN}/{name}"
        (folder / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


def _set_up(site: Site) -> None:
    memory = site.server("memory")
    (site.root / memory.place.lstrip("/") / "password").write_text(PASSWORD)
    memory.run("initdb", "--username=postgres", f"--pwfile={memory.place}/password", "--encoding=UTF8", "--locale=C")
    start(site, "memory")
    start(site, "archive")
    start(site, "archive")  # started again it keeps what is there
    with psycopg.connect(memory.url.replace("/tm", "/postgres"), autocommit=True) as connection:
        connection.execute("create database tm")
    site.server("memory-replica")
    start(site, "memory-replica")
    site.settings = Settings.from_env(
        {
            "TM_HOME": str(site.settings.home),
            "TM_INCLUDE": str(ROOT / "include"),
            "TM_DATABASE_URL": site.url("MEMORY_AT"),
            "TM_DATABASE_READ_URL": site.url("MEMORY_READ_AT"),
        }
    )
    migrate(site.settings)


def fill(site: Site, day: int) -> str:
    """A batch of units; returns the memory's checksum after it."""
    with open_database(site.settings) as db:
        load(db, date(2026, 1, day), {"a": [(f"Day {day}, house {n}", f"Tag {day}, Haus {n}") for n in range(50)]})
        return memory_checksum(db).digest


def checksum(settings: Settings) -> str:
    with open_database(settings) as db:
        return memory_checksum(db).digest


def erase(site: Site) -> None:
    """An erasure in the journal of the live memory, and so in object storage."""
    data = encode([Tombstone(src_lang="en", tgt_lang="de", src_hash=text_hash("Day 5, house 7"))])
    storage = Storage(site.settings.storage)
    storage.write_atomic(path_of(data), data)
    with open_database(site.settings) as db:
        with db.transaction():
            record(db, kind="erase", who="a test", store="demo", facts={"path": path_of(data)})
        ship(db, storage)


# The tests, in the order of the file: the last two lose the server ----------------------------------------


def test_readers_ask_the_replica_and_writers_the_server(site: Site) -> None:
    fill(site, 4)
    with (
        psycopg.connect(site.settings.database_url) as writer,
        psycopg.connect(site.settings.database_read_url, autocommit=True) as one,
    ):
        assert writer.execute("select pg_is_in_recovery()").fetchone() == (False,)
        assert one.execute("select pg_is_in_recovery()").fetchone() == (True,)
        writer.execute("create table public.beat (n bigint, at timestamptz)")
        writer.commit()
        passed = stopwatch()
        there = "select to_regclass('public.beat') is not null"
        wait_until(lambda: one.execute(there).fetchone() == (True,), "the replica follows", pause_s=0.001)
        print(f"\nthe replica has a commit after {passed()}")


def test_back_to_the_moment_before_an_accident(site: Site) -> None:
    before = fill(site, 5)
    with psycopg.connect(site.settings.database_url, autocommit=True) as connection:
        (moment,) = connection.execute("select clock_timestamp()").fetchone() or (None,)
        connection.execute("delete from tm.unit")
    assert checksum(site.settings) != before, "the accident has not happened"
    storage = Storage(site.settings.storage)
    erase(site)
    with open_database(site.settings) as db:
        with db.transaction():
            later = record(db, kind="rollback", who="a test", store="demo", facts={})
        ship(db, storage)
    passed = stopwatch()
    said = follow(site, "Back to a moment", moment=moment.astimezone(UTC))
    print(f"\nback to a moment, and a new replica: {passed()}; nothing committed before is missing")
    # What was erased does not come back, and what came later stays away, though object storage knows of it.
    assert said == "brought back: 1 erase; left behind for good: 1 changes\n"
    with open_database(site.settings) as db:
        assert lookup(db, store="demo", src="en", tgt="de", text="Day 5, house 7", min_score=100) == []
        assert lookup(db, store="demo", src="en", tgt="de", text="Day 5, house 8", min_score=100)
        (units,) = db.connection.execute("select count(*) from tm.unit").fetchone() or (0,)
        assert units == 49, "all but the erased one"
        assert find_pending(db, storage).events == (), "a later restore would bring it back"
        with db.transaction():
            assert record(db, kind="rollback", who="a test", store="demo", facts={}) > later, "a number was given twice"
            raise Rollback
    with psycopg.connect(site.settings.database_read_url) as reader:
        assert reader.execute("select pg_is_in_recovery(), count(*) from tm.unit").fetchone() == (True, 49)


@dataclass
class Beat:
    """A loader that commits without pause, and knows what it was told to be committed."""

    url: str
    said: list[int] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        n = 0
        while not self.over.is_set():
            with suppress(psycopg.Error), psycopg.connect(self.url, connect_timeout=1, autocommit=True) as connection:
                while not self.over.is_set():
                    n += 1
                    connection.execute("insert into public.beat values (%s, clock_timestamp())", [n])
                    self.said.append(n)
            pause(0.05, "the server is down: ask it some times a second")

    def goes_on(self, count: int = 20) -> None:
        """Wait until it was told of as many commits more."""
        known = len(self.said)
        wait_until(lambda: len(self.said) >= known + count, f"{count} commits more")

    def __enter__(self) -> "Beat":
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()


def newest(url: str) -> int:
    """The newest of the loader's rows that a server has."""
    with psycopg.connect(url) as connection:
        (found,) = connection.execute("select coalesce(max(n), 0) from public.beat").fetchone() or (0,)
    return int(found)


def lost(confirmed: list[int], url: str) -> list[int]:
    """Commits that were confirmed and are not there."""
    with psycopg.connect(url) as connection:
        there = {n for (n,) in connection.execute("select n from public.beat")}
    return [n for n in confirmed if n not in there]


def end_segment(url: str) -> None:
    """End the log's segment, as archive_timeout does within a minute, and wait until it is in the archive."""
    archived = "select last_archived_wal >= %s from pg_stat_archiver"
    with psycopg.connect(url, autocommit=True) as connection:
        (segment,) = connection.execute("select pg_walfile_name(pg_switch_wal())").fetchone() or ("",)
        wait_until(lambda: connection.execute(archived, [segment]).fetchone() == (True,), "the segment is archived")


def test_the_server_is_lost_and_the_replica_takes_its_place(site: Site) -> None:
    replica = site.servers["memory-replica"]
    with Beat(site.settings.database_url) as beat:
        beat.goes_on()
        wait_until(lambda: newest(replica.url) > beat.said[0], "the replica follows the loader")
        # What the replica has cannot be lost; what it has not yet when the server dies can, and is.
        safe = newest(replica.url)
        site.servers["memory"].kill()
        confirmed, passed = list(beat.said), stopwatch()
        follow(site, "Failover")
        beat.goes_on()
    gone = lost(confirmed, site.settings.database_url)
    print(f"\nfailover: {passed()} until the loader went on; {len(gone)} of {len(confirmed)} confirmed commits lost")
    assert [n for n in gone if n <= safe] == []
    # Who uses the memory goes on with the same addresses, and the archive with the same files.
    fill(site, 6)
    with psycopg.connect(site.settings.database_read_url) as reader:
        assert reader.execute("select pg_is_in_recovery()").fetchone() == (False,)
    end_segment(site.settings.database_url)


def test_both_servers_are_lost_and_the_archive_is_left(site: Site) -> None:
    replica = site.servers["memory-replica"]
    with psycopg.connect(replica.url, autocommit=True) as connection:
        connection.execute("truncate public.beat")
    with Beat(replica.url) as beat:
        beat.goes_on()
        safe = beat.said[-1]
        end_segment(replica.url)
        beat.goes_on()
    whole = checksum(site.settings)
    replica.kill()
    passed = stopwatch()
    # The newest there is, on the timeline of the promoted one.
    follow(site, "From the archive")
    gone = lost(beat.said, site.settings.database_url)
    print(f"\nfrom the archive, with a replica: {passed()}; {len(gone)} commits lost, those since the last segment")
    assert gone, "the segment under way was archived: this shows nothing"
    assert [n for n in gone if n <= safe] == [], "what was committed before the segment's end was archived"
    assert checksum(site.settings) == whole
