"""A world of its own for each test: a memory, a storage, and the project's commands as real processes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from tests.conftest import UNFINDABLE
from tests.waiting import HANG_S
from tm_core.settings import Settings
from tm_formats.storage import Storage

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SAMPLES = ROOT / "include" / "samples"
BIN = Path(sys.executable).parent

#: Between the confidences of the sample documents, so that both tiers have work (test_order sees that they do).
TIER_THRESHOLD = "0.95"
TMX = """<?xml version="1.0" encoding="UTF-8"?>
<tmx version="1.4"><header creationtool="hand" creationtoolversion="1" segtype="sentence" o-tmf="none"
adminlang="en" srclang="en" datatype="plaintext"/><body>{}</body></tmx>"""
UNIT = '<tu><tuv xml:lang="en"><seg>{}</seg></tuv><tuv xml:lang="de"><seg>{}</seg></tuv></tu>'

# Commands ----------------------------------------------------------------------------------------

# What stands for `tm-align` on the PATH of a warm `tm refresh`: it hands its arguments on and ends as the fork does.
_SHIM = """#!{python} -IS
import json, os, socket, sys
ends = socket.socket(socket.AF_UNIX)
ends.connect(os.environ["TM_TEST_WARM"])
request = {{"argv": ["tm-align", *sys.argv[1:]], "env": dict(os.environ)}}
socket.send_fds(ends, [json.dumps(request).encode() + b"\\n"], [0, 1, 2])
status = json.loads(ends.makefile().read().splitlines()[-1])["status"]
if status < 0:
    os.kill(os.getpid(), -status)
os._exit(status)
"""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that has ended. ``status`` is negative for a signal."""

    argv: list[str]
    status: int
    out: str
    err: str

    def ok(self) -> "Done":
        assert self.status == 0, f"{' '.join(self.argv)} ended with {self.status}:\n{self.err}"
        return self

    @property
    def json(self) -> dict:
        return json.loads(self.ok().out.splitlines()[-1])


@dataclass(kw_only=True)
class Running:
    """A command at work; ``pid`` is the process that does the work itself."""

    argv: list[str]
    pid: int
    log: Path
    ends: Callable[[float], int]

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = HANG_S) -> Done:
        status = self.ends(seconds)
        out, err = (self.log.with_suffix(suffix).read_text(errors="replace") for suffix in (".out", ".err"))
        return Done(argv=self.argv, status=status, out=out, err=err)


class Warm:
    """The process that has imported everything (see warm.py), asked over its socket."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "warm.sock"
        self.bin = folder / "bin"
        self.bin.mkdir()
        shim = self.bin / "tm-align"
        shim.write_text(_SHIM.format(python=sys.executable))
        shim.chmod(0o755)
        said = folder / "warm.log"
        with said.open("wb") as log:
            command = [sys.executable, str(HERE / "warm.py"), str(self.socket)]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n", said.read_text()

    def start(self, argv: list[str], env: Mapping[str, str], log: Path) -> Running:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.socket))
        path = f"{self.bin}:{env['PATH']}"
        request = {"argv": argv, "env": dict(env) | {"TM_TEST_WARM": str(self.socket), "PATH": path}}
        with _opened(log) as (out, err), open(os.devnull) as nothing:
            descriptors = [nothing.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(connection, [json.dumps(request).encode() + b"\n"], descriptors)
        answers = connection.makefile()
        pid = json.loads(answers.readline())["pid"]

        def ends(seconds: float) -> int:
            connection.settimeout(seconds)
            return int(json.loads(answers.readline())["status"])

        return Running(argv=argv, pid=pid, log=log, ends=ends)

    def stop(self) -> None:
        # A test that gave up waiting leaves its command at work, and a killed command what it had started.
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.communicate()


def start_cold(argv: list[str], env: Mapping[str, str], log: Path, limit: Callable[[], None] | None = None) -> Running:
    """The installed program itself. ``limit`` is called in the new process before the program."""
    program = str(BIN / argv[0])
    with _opened(log) as (out, err):
        process = subprocess.Popen(
            [program, *argv[1:]],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            preexec_fn=limit,
            start_new_session=True,
        )
    return Running(argv=argv, pid=process.pid, log=log, ends=process.wait)


class _opened:
    """The two files of a command's output."""

    def __init__(self, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._files = [log.with_suffix(suffix).open("wb") for suffix in (".out", ".err")]

    def __enter__(self) -> list:
        return self._files

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    made = Warm(tmp_path_factory.mktemp("warm"))
    yield made
    made.stop()


# What differs between two runs that do the same.
# item_id: a number is drawn in every try of a sample.
_TIMES = (
    "created_at updated_at recorded_at planned_at done_at settled_at decided_at cpu_seconds generation item_id"
).split()

# The world ---------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class World:
    """One memory, one storage, and the commands on them."""

    folder: Path
    url: str
    warm: Warm
    env: dict[str, str]
    _count: int = field(default=0)

    @property
    def storage(self) -> Storage:
        return Storage(Settings.from_env(self.settings_env).storage)

    @property
    def settings_env(self) -> dict[str, str]:
        return {name: value for name, value in self.env.items() if name.startswith("TM_")}

    # Commands

    def start(self, *argv: str, cold: bool = False, limit: Callable[[], None] | None = None, **env: str) -> Running:
        self._count += 1
        log = self.folder / "commands" / f"{self._count:03d}"
        if cold or limit:
            return start_cold(list(argv), self.env | env, log, limit)
        return self.warm.start(list(argv), self.env | env, log)

    def tm(self, *arguments: str, **options) -> Done:
        return self.start("tm", *arguments, **options).wait()

    def refresh(self, day: str, *arguments: str, **options) -> Done:
        return self.tm("refresh", "--date", day, *arguments, **options)

    def refreshed(self, *days: str) -> str:
        """Refresh the days in order; returns the memory's checksum."""
        for day in days:
            self.refresh(day).ok()
        return self.checksum()

    def checksum(self) -> str:
        return self.tm("checksum").ok().out.strip()

    # Deposits

    def deposit(self, day: str, *files: str, store: str = "demo") -> None:
        """Put sample files (paths below include/samples) into storage under their own names."""
        for one in files:
            path = SAMPLES / one
            self.put(day, path.name, path.read_bytes(), store=store)

    def put(self, day: str, name: str, content: bytes | str, *, store: str = "demo") -> None:
        data = content.encode() if isinstance(content, str) else content
        self.storage.write_atomic(f"raw/{store}/{day}/{name}", data)

    def take_away(self, day: str, name: str, *, store: str = "demo") -> None:
        self.storage.delete(f"raw/{store}/{day}/{name}")

    def deposit_day(self, day: str) -> None:
        """Documents that appear, are corrected, vanish in parts and come back; one that cannot be read; every kind."""
        samples = {
            "2026-01-05": ["weather-station en de fr", "weather-station-final en de", "seven-minutes en de"],
            "2026-01-06": ["weather-station en de fr"],
            "2026-01-07": ["lighthouse-audio en de fr"],
        }
        for name, *langs in map(str.split, samples[day]):
            self.deposit(day, *(f"{day}/{name}.{lang}.txt" for lang in langs))
        number = list(samples).index(day)
        # One sentence, so that it has no neighbours: the very unit that the TMX brings, from another document.
        notice = [("The workshop is closed on Monday.", "Die Werkstatt ist am Montag geschlossen.")]
        other = [("The workshop is open all week.", "Die Werkstatt ist die ganze Woche geöffnet.")]
        for lang, text in zip(("en", "de"), (other if number == 1 else notice)[0], strict=True):
            self.put(day, f"notice.{lang}.txt", text)
        units = [*notice, ("Open", "Geöffnet"), ("Closed", "Geschlossen")]
        self.put(day, "shop.tmx", self.tmx(*units[number:]))
        self.put(day, "ui.en.json", f'{{"save": "Save the file", "quit": "Quit version {number}"}}')
        self.put(day, "ui.de.json", f'{{"save": "Datei sichern", "quit": "Version {number} beenden"}}')
        self.put(day, "torn.en.txt", "")
        self.put(day, "torn.de.txt", "Diese Seite hat ihr Gegenstück verloren.")

    @staticmethod
    def tmx(*pairs: tuple[str, str]) -> str:
        """A TMX file of units in en and de."""
        return TMX.format("".join(UNIT.format(*pair) for pair in pairs))

    # Looking

    def rows(self, query: str, *parameters: object) -> list[tuple]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query, parameters or None).fetchall()

    def value(self, query: str, *parameters: object):
        ((value,),) = self.rows(query, *parameters)
        return value

    def every_row(self) -> dict[str, str]:
        """Table -> digest over all of its rows with their xmin: equal if and only if no row was written."""
        tables = self.rows(
            "select relnamespace::regnamespace::text, relname from pg_class"
            " where relkind = 'r' and relnamespace::regnamespace::text = any(%s)",
            ["tm", "ops", "quality", "review", "staging"],
        )
        assert len(tables) > 20, tables
        return {
            f"{schema}.{table}": self.value(
                f"select md5(coalesce(string_agg(row::text || xmin::text, ';' order by row::text), ''))"
                f" from (select xmin, one::text as row from {schema}.{table} as one) as rows"
            )
            for schema, table in tables
        }

    def batch(self, day: str) -> str:
        """The date's current batch."""
        return self.value(
            "select batch_id from ops.batch where partition_date = %s order by generation desc limit 1", day
        )

    def outcomes(self, day: str) -> dict[str, int]:
        """Outcome -> beads of the date's current batch."""
        batch = self.batch(day)
        return dict(self.rows("select outcome, count(*) from ops.outcome where batch_id = %s group by 1", batch))

    def state(self) -> dict[str, list]:
        """All that the tables and the batches' files say, less what says when, how long, where, and how often."""
        tables = (
            "tm.unit tm.evidence tm.document ops.batch ops.slice ops.file ops.document ops.outcome ops.ledger"
            " quality.metric quality.check_result quality.decision review.item staging.bead"
        ).split()
        rows = {
            table: sorted(
                str(row) for (row,) in self.rows(f"select to_jsonb(one) - %s::text[] from {table} as one", _TIMES)
            )
            for table in tables
        }
        work = [info.path for info in self.storage.list("work") if not info.path.endswith("/costs.json")]
        return rows | {"files": [(path, self.storage.sha256(path)) for path in work]}

    def check_books(self, day: str) -> None:
        """No bead without an outcome and none with two, no torn file, no staged row left of a finished batch."""
        batch = self.batch(day)
        promised, documents = self.rows(
            "select coalesce(sum(beads), 0), coalesce(sum(documents), 0) from ops.slice where batch_id = %s", batch
        )[0]
        assert promised > 0, f"{batch}: the check would pass on nothing"
        assert sum(self.outcomes(day).values()) == promised
        assert self.value("select count(*) from ops.document where batch_id = %s", batch) == documents
        settled = self.value(
            "select coalesce(sum(n.value::int), 0) from ops.slice, jsonb_each_text(outcomes) as n where batch_id = %s",
            batch,
        )
        assert settled == promised
        assert self.value("select state from ops.batch where batch_id = %s", batch) == "done"
        assert self.value("select count(*) from staging.bead where batch_id = %s", batch) == 0
        # A unit that no document says, or one that is said and not there, came from half a load.
        said = "(select distinct store_id, unit_key from tm.evidence) as said"
        alone = f"select count(*) from tm.unit full join {said} using (store_id, unit_key)"
        assert self.value(f"{alone} where unit.src_text is null or said.unit_key is null") == 0
        assert self.value(UNFINDABLE) == 0


@contextmanager
def worlds(server_url: str, template: str, warm: Warm, folder: Path) -> Iterator[Callable[..., World]]:
    """Make worlds while the block runs: empty ones, or copies. Keyword arguments are environment variables."""
    made: list[str] = []

    def make(*, like: World | None = None, **env: str) -> World:
        name = f"e2e_{uuid.uuid4().hex[:12]}"
        original = urlsplit(like.url).path[1:] if like else template
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'create database "{name}" template "{original}"')
        made.append(name)
        if like:
            shutil.copytree(like.folder / "home", folder / name / "home")
        return world_at(folder / name, urlsplit(server_url)._replace(path="/" + name).geturl(), warm, **env)

    yield make
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name in made:
            connection.execute(f'drop database "{name}" with (force)')


@pytest.fixture
def make_world(server_url: str, template: str, warm: Warm, tmp_path: Path) -> Iterator[Callable[..., World]]:
    with worlds(server_url, template, warm, tmp_path) as make:
        yield make


@pytest.fixture(scope="module")
def make_lasting_world(
    server_url: str, template: str, warm: Warm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., World]]:
    """For what several tests of a module compare themselves with."""
    with worlds(server_url, template, warm, tmp_path_factory.mktemp("worlds")) as make:
        yield make


def world_at(folder: Path, url: str, warm: Warm, **env: str) -> World:
    """A world on a database that is there and migrated."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TM_")}
    settings = {
        "TM_HOME": str(folder / "home"),
        "TM_DATABASE_URL": url,
        "TM_INCLUDE": str(ROOT / "include"),
        "TM_SETTLE_SECONDS": "0",
        "TM_TIER_THRESHOLD": TIER_THRESHOLD,
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    return World(folder=folder, url=url, warm=warm, env=clean | settings | env)


@pytest.fixture
def new_world(warm: Warm, tmp_path: Path) -> Callable[[str], World]:
    """Make a world on a database that is somebody else's care."""
    return lambda url: world_at(tmp_path / "world", url, warm)


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
