"""``make bench-tm-load``: what a load of made units costs beside a bare COPY of the same rows.

Loads ``--units`` units into an empty memory, as many again into the memory that holds them, and the second batch once
more, planned anew. Prints the seconds of every statement, what each load took beside a bare COPY of the first batch's
rows into a table without indexes, the highest memory of this process, and bytes a unit on disk.

Then loads a quarter, a half and all of ``--units`` into one store and language pair, each as the one slice of its
night, while what came before stays staged and the statistics are those of a memory with one slice: it prints how the
seconds a unit grow. Exit status 1 if a promise is broken.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb
from tm_memory import print_disk, remove, server, write_batch
from tm_text import units

from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.db import Database, open_database
from tm_store.load import LoadSummary, load_batch

FIRST, SECOND = "2026-01-05-first", "2026-01-06-second"
DAYS = {FIRST: date(2026, 1, 5), SECOND: date(2026, 1, 6)}
# The promises of docs/lookup.md: times a bare COPY into an empty memory, and times that into one as large.
MOST_COPIES, MOST_GROWTH = 12.0, 2.0


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds that passed, and CPU seconds of the server's process and of this one (Linux; else 0).

    Passed seconds grow with whatever else the machine does; CPU seconds hardly do.
    """

    passed: float = 0.0
    server: float = 0.0
    client: float = 0.0

    @classmethod
    def now(cls, server_pid: int) -> "Spent":
        """The clocks' readings."""
        stat = Path(f"/proc/{server_pid}/stat")
        fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else ["0"] * 13
        server = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return cls(time.monotonic(), server, time.process_time())

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.passed - other.passed, self.server - other.server, self.client - other.client)

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.passed + other.passed, self.server + other.server, self.client + other.client)

    @property
    def cpu(self) -> float:
        """CPU seconds of both."""
        return self.server + self.client


class TimedDatabase(Database):
    """A connection that remembers what every statement cost, by its name."""

    def __init__(self, connection: Any, include: Path) -> None:
        super().__init__(connection, include)
        self.pid = connection.info.backend_pid
        self.parts: dict[str, Spent] = {}

    @contextmanager
    def _noted(self, name: str) -> Iterator[None]:
        start = Spent.now(self.pid)
        yield
        self.parts[name] = self.parts.get(name, Spent()) + (Spent.now(self.pid) - start)

    def run(self, name: str, /, **parameters: object) -> list[Any]:
        with self._noted(name):
            return super().run(name, **parameters)

    def copy_csv(self, name: str, data: bytes | memoryview) -> None:
        with self._noted(name):
            super().copy_csv(name, data)


def timed_load(settings: Settings, storage: Storage, batch_id: str) -> tuple[Spent, LoadSummary]:
    """Load a batch on a connection of its own and print where the seconds went."""
    with open_database(settings) as opened:
        db = TimedDatabase(opened.connection, opened.include)
        start = Spent.now(db.pid)
        summary = load_batch(db, storage, batch_id)
        spent = Spent.now(db.pid) - start
    _print_parts(db.parts, spent)
    return spent, summary


def _print_parts(parts: Mapping[str, Spent], whole: Spent) -> None:
    rest = whole - sum(parts.values(), Spent())
    print(f"    {'':28}{'passed s':>10}{'server CPU s':>14}{'client CPU s':>14}")
    for name, spent in [*sorted(parts.items(), key=lambda part: -part[1].passed), ("between the statements", rest)]:
        if spent.passed > whole.passed / 200:
            print(f"    {name:28}{spent.passed:10.1f}{spent.server:14.1f}{spent.client:14.1f}")


def bare_copy(settings: Settings, batch_id: str) -> Spent:
    """What a COPY of a batch's staged rows from a file into a table without indexes costs."""
    with open_database(settings) as db, tempfile.TemporaryFile() as disk, db.connection.cursor() as cursor:
        cursor.execute("create table public.bare (like staging.bead)")
        rows = f"copy (select * from staging.bead where batch_id = '{batch_id}') to stdout (format csv)"
        with cursor.copy(rows) as copy:
            disk.writelines(copy)
        disk.seek(0)
        start = Spent.now(db.connection.info.backend_pid)
        with cursor.copy("copy public.bare from stdin (format csv)") as copy:
            while block := disk.read(1 << 20):
                copy.write(block)
        spent = Spent.now(db.connection.info.backend_pid) - start
        cursor.execute("drop table public.bare")
    return spent


def plan_again(settings: Settings, batch_id: str) -> str:
    """Make a loaded batch the newest again, so that it is loaded once more; returns the memory's checksum."""
    with open_database(settings) as db:
        again = {"day": DAYS[batch_id], "run_id": "bench", "versions": Jsonb({}), "reprocess": False}
        db.run("ops/insert_batch", batch_id=batch_id, **again)
        return checksum(db)


def checksum(db: Database) -> str:
    """One fingerprint of all units."""
    return str(db.one("tm/checksum", store=None).digest)


def bench(settings: Settings, count: int) -> bool:
    """All loads; whether every promise was kept."""
    storage = Storage(settings.storage)
    with open_database(settings) as db:
        made = units(2 * count)
        for batch_id, day in DAYS.items():
            write_batch(db, storage, batch_id, day, islice(made, count))
    print(f"--- {count:,} units into an empty memory")
    empty, first = timed_load(settings, storage, FIRST)
    copy = bare_copy(settings, FIRST)
    print(f"a bare COPY of the rows: {_said(copy)}; the load: {_said(empty, copy)}; {first.inserted:,} new units")
    with open_database(settings) as db:
        print_disk(db)
    print(f"--- {count:,} units into a memory of {first.inserted:,}")
    full, second = timed_load(settings, storage, SECOND)
    print(f"beside the first: {_said(full, empty)}; {second.inserted:,} new units")
    before = plan_again(settings, SECOND)
    print("--- the same batch, planned anew")
    again, third = timed_load(settings, storage, SECOND)
    with open_database(settings) as db:
        same = checksum(db) == before and (third.inserted, third.removed) == (0, 0)
    print(f"{_said(again)}; the memory is {'the same' if same else 'ANOTHER'}; outcomes {_some(third.outcomes)}")
    print(f"highest memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return same and empty.passed <= MOST_COPIES * copy.passed and full.passed <= MOST_GROWTH * empty.passed


def grow(settings: Settings, count: int) -> bool:
    """Load nights of one slice, each larger than the one before; whether the seconds a unit stay the same."""
    storage = Storage(settings.storage)
    # One document a night, as a memory that was deposited is: what looks through a document's beads shows.
    made = (replace(unit, document=0) for unit in units(2 * count, stores=1, pairs=1))
    with open_database(settings) as db:
        write_batch(db, storage, FIRST, DAYS[FIRST], islice(made, count // 4))
    timed_load(settings, storage, FIRST)
    with open_database(settings) as db:
        # As after a vacuum that follows the first night; autovacuum would come at another moment in every run.
        for table in ("ops.slice", "staging.bead"):
            db.connection.execute(f"alter table {table} set (autovacuum_enabled = false)")
        db.connection.execute("vacuum analyze")
    costs = []
    for number, size in enumerate((count // 4, count // 2, count)):
        day = DAYS[SECOND] + timedelta(days=number)
        batch_id = f"{day}-slice"
        with open_database(settings) as db:
            write_batch(db, storage, batch_id, day, islice(made, size))
        print(f"--- one slice of {size:,} units; what came before is staged")
        spent, summary = timed_load(settings, storage, batch_id)
        costs.append(spent.passed / size)
        print(f"{_said(spent)}; {summary.inserted:,} new units; {1e6 * costs[-1]:.0f} s a million units")
    print(f"from {count // 4:,} to {count:,} units the seconds a unit grow {costs[-1] / costs[0]:.2f} times")
    return costs[-1] <= MOST_GROWTH * costs[0]


def _said(spent: Spent, beside: Spent | None = None) -> str:
    times = f" ({spent.passed / beside.passed:.2f} and {spent.cpu / beside.cpu:.2f} times)" if beside else ""
    return f"{spent.passed:.1f} s, {spent.cpu:.1f} s of CPU{times}"


PARTS = (bench, grow)


def _some(outcomes: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in outcomes.items() if count}


def main() -> int:
    """Print everything; exit status 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path(".tm/bench-tm"))
    arguments = parser.parse_args()
    kept = [
        _in_memory(arguments.folder / f"{part.__name__}-{arguments.units}", part, arguments.units) for part in PARTS
    ]
    return 0 if all(kept) else 1


def _in_memory(folder: Path, part: Callable[[Settings, int], bool], count: int) -> bool:
    """Run a part on a memory of its own, which is removed afterwards."""
    remove(folder)
    try:
        with server(folder) as settings:
            return part(settings, count)
    finally:
        remove(folder)


if __name__ == "__main__":
    sys.exit(main())
