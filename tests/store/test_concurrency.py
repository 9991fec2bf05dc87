"""Four loaders of overlapping batches and eight readers on a real server; loaders are killed, then the server is.

``TM_TEST_CONCURRENCY_KILLS`` sets how many kills the slow run has (20). Loaders are processes: this file as a program.
"""

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.conftest import UNFINDABLE
from tests.store.batches_made import load
from tests.waiting import pause, wait_until
from tm_core.contracts import Step
from tm_core.errors import BatchBusy, DatabaseError
from tm_core.settings import Settings
from tm_core.stores import Pair
from tm_embedded import postgres
from tm_embedded.home import load_secrets
from tm_embedded.processes import watched
from tm_formats.storage import Storage
from tm_store.checksum import memory_checksum
from tm_store.db import Database, open_database
from tm_store.imports import import_files
from tm_store.locks import date_lock
from tm_store.lookup import lookup
from tm_store.migrate import migrate
from tm_store.retry import with_memory

pytestmark = pytest.mark.db

ROOT = Path(__file__).resolve().parents[2]
STORES, DOCUMENTS, DAYS = ("demo", "handbook"), 6, 5
LOADERS, READERS = 4, 8
Texts = list[tuple[str, str, float]]


# What is loaded ----------------------------------------------------------------------------------


def day_of(number: int) -> date:
    return date(2026, 1, 5) + timedelta(days=number)


def version(store: str, name: str, number: int) -> Texts:
    """A document as it was on a date: a part is as before, a part is new, a part all documents say."""
    drawn = random.Random(f"{store} {name} {number}")
    texts = [f"All documents say sentence {index}." for index in range(4)]
    texts += [f"In {name} sentence {index} stays." for index in range(6)]
    texts += [f"In {name} sentence {index} is of day {number}." for index in range(drawn.randint(3, 12))]
    return [(text, f"[{text}]", round(drawn.random(), 3)) for text in texts]


def batch(store: str, number: int) -> dict[str, Texts]:
    """A date's documents: most of them, so that each has several versions and none is on every date."""
    drawn = random.Random(f"{store} {number}")
    names = drawn.sample([f"document-{index}" for index in range(DOCUMENTS)], DOCUMENTS - 2)
    return {name: version(store, name, number) for name in sorted(names)}


#: (store, document, date) -> how many units that version says. Imports are documents too, named after their file.
EXPECTED = {
    (store, name, day_of(number)): len(texts)
    for store in STORES
    for number in range(DAYS)
    for name, texts in batch(store, number).items()
} | {(store, "shared.tsv", day_of(number)): 5 + number for store in STORES for number in range(DAYS)}
EVERY = [(store, number, how) for store in STORES for number in range(DAYS) for how in ("refresh", "import")]


def import_path(folder: Path, number: int) -> Path:
    path = folder / str(number) / "shared.tsv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [f"Imported sentence {index}.\tEingeführter Satz {index}.\n" for index in range(5 + number)]
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text("en\tde\n" + "".join(rows), encoding="utf-8")
        part.replace(path)
    return path


def put(settings: Settings, db: Database, folder: Path, store: str, number: int, how: str) -> str:
    """Load or import one date of one store; returns the batch's id."""
    day = day_of(number)
    if how == "refresh":
        with date_lock(db, day, Step.LOAD, f"loader {os.getpid()}"):
            return load(db, day, batch(store, number), batch_id=f"{day}-{store}", store=store)[0]
    pair = Pair(src="en", tgt="de")
    paths = [import_path(folder, number)]
    return import_files(settings, db, Storage(settings.storage), store, paths, pair=pair, day=day).batch_id


def loader(url: str, home: str, seed: int) -> None:
    """Load everything again and again in an order of one's own, and write down what has been committed."""
    folder = Path(home)
    settings = Settings.from_env({"TM_DATABASE_URL": url, "TM_HOME": home, "TM_INCLUDE": str(ROOT / "include")})
    drawn = random.Random(seed)
    with (folder / f"loader-{os.getpid()}.log").open("a", buffering=1) as said:
        while True:
            store, number, how = drawn.choice(EVERY)

            def work(db: Database, what: tuple[str, int, str] = (store, number, how)) -> tuple[str, int]:
                done = put(settings, db, folder, *what)
                return done, int(db.one("ops/select_batch", batch_id=done).generation)

            try:
                said.write(json.dumps({"done": with_memory(settings, work)}) + "\n")
            except BatchBusy:
                pause(0.02, "as Airflow does, a little later")
            except Exception as error:
                said.write(json.dumps({"error": f"{type(error).__name__}: {error}"}) + "\n")
                pause(0.2, "the server may be down: ask it some times a second")


# The world ---------------------------------------------------------------------------------------


class World:
    """A server of its own that can be killed, and the processes on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.passwords = load_secrets(folder / "secrets.json")
        self.port: int | None = None
        self.loaders: list[subprocess.Popen[bytes]] = []
        self.seeds = iter(range(1000))
        self.begin()
        self.settings = Settings.from_env(
            {
                "TM_DATABASE_URL": self.server.url("tm", "postgres"),
                "TM_HOME": str(folder),
                "TM_INCLUDE": str(ROOT / "include"),
            }
        )

    def begin(self) -> None:
        # Durable: what was committed must outlive the kill; a server without synchronous commits promises less.
        log = self.folder / "postgres.log"
        self.server = postgres.start(self.data, log=log, passwords=self.passwords, port=self.port)
        self.port = self.server.port

    def kill(self) -> None:
        """Every process of the server at once."""
        postmaster = psutil.Process(self.server.process.pid)
        for process in (postmaster, *postmaster.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.server.process.wait()

    def add_loader(self) -> None:
        command = [sys.executable, __file__, self.settings.database_url, str(self.folder), str(next(self.seeds))]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        self.loaders.append(subprocess.Popen(command, env=environment))

    def stop_loaders(self) -> None:
        for process in self.loaders:
            process.kill()
            process.wait()

    def said(self, kind: str) -> list[Any]:
        lines = [
            line for path in self.folder.glob("loader-*.log") for line in path.read_text().splitlines(keepends=True)
        ]
        # A killed loader's last line may be cut.
        found = [json.loads(line) for line in lines if line.endswith("}\n")]
        return [one[kind] for one in found if kind in one]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with watched(tmp_path, data=tmp_path / "data"):
        made = World(tmp_path)
        try:
            postgres.ensure_databases(made.server, ["tm"])
            migrate(made.settings)
            yield made
        finally:
            made.stop_loaders()
            postgres.stop_process(made.server.process)
    postgres.remove_data(tmp_path / "data")


class Readers:
    """Threads that look at the memory and hold every look against what a whole batch is."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.stop = settings, threading.Event()
        self.wrong: list[str] = []
        self.looks = self.lost = 0
        self.threads = [threading.Thread(target=self._read, args=(number,)) for number in range(READERS)]

    def __enter__(self) -> "Readers":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _read(self, number: int) -> None:
        drawn = random.Random(number)
        while not self.stop.is_set():
            try:
                with open_database(self.settings) as db:
                    while not self.stop.is_set():
                        self._look(db, drawn)
                        self.looks += 1
                        pause(0.02, "loaders need the two cores too")
            except DatabaseError as error:
                if "cannot be reached" not in str(error):
                    self.wrong.append(str(error))
                self.lost += 1
                pause(0.1, "the server is down: ask it some times a second")

    def _look(self, db: Database, drawn: random.Random) -> None:
        for store, name, day, units, batches in db.connection.execute(WHOLE).fetchall():
            if (units, batches) != (EXPECTED[store, name, day], 1):
                self.wrong.append(f"{store} {name} {day}: {units} units of {batches} batches")
        if drawn.random() < 0.3:
            name = f"document-{drawn.randrange(DOCUMENTS)}"
            text = f"In {name} sentence {drawn.randrange(6)} stays."
            known = db.connection.execute("select exists (select from tm.store where name = 'demo')").fetchone()
            for match in lookup(db, store="demo", src="en", tgt="de", text=text) if known == (True,) else []:
                if match.tgt_text != f"[{match.src_text}]" and "Imported" not in match.src_text:
                    self.wrong.append(f"{match.src_text} | {match.tgt_text}")


# In one statement, so in one snapshot: a document's version and the units said by it.
WHOLE = """
select store.name, document.name, document.partition_date, count(*), count(distinct evidence.batch_id)
from tm.document as document
join tm.store as store using (store_id)
join tm.evidence as evidence using (store_id, document_key)
join tm.unit as unit using (store_id, unit_key)
group by store.name, document.store_id, document.document_key, document.name, document.partition_date
"""
# A batch's beads, as promised and as settled.
SUMS = """
select slice.batch_id, slice.beads, (select sum(n.value::int) from jsonb_each_text(slice.outcomes) as n),
    (select count(*) from ops.outcome as outcome where outcome.batch_id = slice.batch_id)
from ops.slice as slice
"""


def serial(world: World) -> str:
    """The checksum of the same batches loaded one after the other into a memory of their own."""
    with psycopg.connect(world.server.url("postgres"), autocommit=True) as connection:
        connection.execute("create database serial")
    url = world.server.url("serial", "postgres")
    settings = Settings.from_env(
        {"TM_DATABASE_URL": url, "TM_HOME": str(world.folder / "serial"), "TM_INCLUDE": str(ROOT / "include")}
    )
    migrate(settings)
    with open_database(settings) as db:
        for one in EVERY:
            put(settings, db, world.folder, *one)
        return memory_checksum(db).digest


def check_books(db: Database, *, settled: bool) -> None:
    sums = db.connection.execute(SUMS).fetchall()
    assert sums
    if settled:
        assert len(sums) == len(EVERY)
    for batch_id, beads, told, outcomes in sums:
        # A batch that is being loaded anew has no outcome yet.
        assert (told, outcomes) in ((beads, beads), *([] if settled else [(None, 0)])), batch_id
    assert db.connection.execute(UNFINDABLE).fetchone() == (0,)


SLOW = int(os.environ.get("TM_TEST_CONCURRENCY_KILLS", "20"))
LOOKS = 4 * READERS  # between two kills


@pytest.mark.parametrize("kills", [4, pytest.param(SLOW, marks=pytest.mark.slow)])
def test_loaders_and_readers_killed_in_between(world: World, kills: int) -> None:
    drawn = random.Random(kills)
    for _ in range(LOADERS):
        world.add_loader()
    wait_until(lambda: len(world.said("done")) >= LOADERS, "every loader has loaded")
    with Readers(world.settings) as readers:
        server_died = False
        # Counted, not timed: a machine under load gives the readers less, and they have their looks before the end.
        for kill in range(kills):
            looks, loads = readers.looks + LOOKS, len(world.said("done"))
            wait_until(lambda looks=looks: readers.looks > looks, "the readers look between two kills")
            wait_until(lambda loads=loads: len(world.said("done")) > loads, "a load ends between two kills")
            pause(drawn.uniform(0.0, 2.0), "the moment of the kill is drawn by lot")
            victim = world.loaders.pop(drawn.randrange(LOADERS))
            victim.kill()
            assert victim.wait() == -9, "a loader ended by itself"
            world.add_loader()
            if kill == kills // 2:
                server_died = True
                world.kill()
                committed = world.said("done")
                pause(0.5, "loaders and readers meet a server that is down")
                world.begin()
                with open_database(world.settings) as db:
                    there = dict(db.connection.execute("select batch_id, generation from ops.batch").fetchall())
                lost = [one for one in committed if there.get(one[0], 0) < one[1]]
                assert committed
                assert lost == [], "committed before the server was killed, and gone after it"
    assert server_died
    world.stop_loaders()
    assert readers.wrong == []
    assert readers.looks > 10 * READERS
    errors = world.said("error")
    assert [one for one in errors if "cannot be reached" not in one] == [], (
        "an error that is none of the kill's reached a user"
    )

    with open_database(world.settings) as db:
        check_books(db, settled=False)
        # What nobody has loaded yet, or was cut off in, is loaded once more: as an operator clears what has failed.
        for one in EVERY:
            put(world.settings, db, world.folder, *one)
        check_books(db, settled=True)
        total = db.connection.execute("select count(*), count(distinct (store_id, unit_key)) from tm.unit").fetchone()
        assert total is not None
        assert total[0] == total[1] > 100
        assert memory_checksum(db).digest == serial(world)
    done, deadlocks = world.said("done"), (world.folder / "postgres.log").read_text().count("deadlock detected")
    print(
        f"{kills} kills: {len(done)} loads of {len(EVERY)} batches, {readers.looks} looks, {len(errors)} errors of the "
        f"kill, {deadlocks} deadlocks that a retry hid"
    )
    assert len(done) > LOADERS


if __name__ == "__main__":
    loader(sys.argv[1], sys.argv[2], int(sys.argv[3]))
