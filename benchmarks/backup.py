"""``make bench-backup``: a backup and its restore beside ``pg_dump | gzip`` and ``gunzip | psql``, size after size.

For each of ``--sizes`` it fills an embedded memory with as many made units, all of them imported ones (each has its row
in tm.extra), then takes turns: plain dump, backup, plain restore, restore, drill. Prints seconds and bytes of each, and
at the end how they grew. A backup's seconds include its manifest (checksums of every table, 200 lookups), the upload
into a folder and its SHA-256. A restore's seconds include the fetch, the hashes and pg_restore; comparing it with the
manifest, as a real one does, is part of the drill's. Exit status 1 if the largest memory's backup or restore takes more
than its share of the plain tool's time, or if restores grow faster than memories.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from tm_memory import server, write_batch
from tm_text import units

from tm_core.settings import Settings
from tm_embedded.postgres import remove_data
from tm_formats.storage import Storage
from tm_store.backup import take_backup
from tm_store.db import open_database
from tm_store.drill import run_drill
from tm_store.load import load_batch
from tm_store.programs import find_program, server_major
from tm_store.restore import drop_database, of_database, open_server, restore_into

BATCH = "2026-01-05-made"
#: The promise: share of the plain tools' wall time.
MOST = 0.6
#: Growth that counts as linear: how many times longer per unit a restore of the next larger memory may take.
LINEAR = 1.5


@dataclass
class Timed:
    """Seconds of a block."""

    seconds: float = 0.0


@contextmanager
def timed() -> Iterator[Timed]:
    """Measure the block."""
    found, began = Timed(), time.monotonic()
    yield found
    found.seconds = time.monotonic() - began


#: What a TMX of a translation tool says of a unit: a key, dates, a tag on either side (tm_store.extras.facts_of).
EXTRAS = """
insert into tm.extra (store_id, document_key, unit_key, facts)
select evidence.store_id, evidence.document_key, evidence.unit_key, jsonb_build_object(
    'key', 'message.' || evidence.position,
    'properties', jsonb_build_object('creationdate', '20260105T120000Z', 'creationid', 'translator'),
    'src', jsonb_build_object('tags', jsonb_build_object('1', '<ph x="1"/>')),
    'tgt', jsonb_build_object('lang', unit.tgt_lang || '-x', 'tags', jsonb_build_object('1', '<ph x="1"/>'))
)
from tm.evidence as evidence
join tm.unit as unit on unit.store_id = evidence.store_id and unit.unit_key = evidence.unit_key
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds of one size."""

    units: int
    gzip: float
    backup: float
    gunzip: float
    restore: float
    drill: float
    is_passed: bool


def fill(settings: Settings, count: int) -> None:
    """Load the units as a night would, add what an import adds, and leave nothing staged."""
    storage = Storage(settings.storage)
    with open_database(settings) as db:
        write_batch(db, storage, BATCH, date(2026, 1, 5), units(count))
        load_batch(db, storage, BATCH)
        db.run("staging/delete_beads", batch_id=BATCH)
        db.connection.execute("vacuum analyze")
        db.connection.execute(EXTRAS)
        db.connection.execute("vacuum analyze tm.extra")


def pipe(settings: Settings, script: str, *programs: str) -> float:
    """Run a shell pipeline of Postgres' own programs; returns its seconds."""
    with open_database(settings) as db:
        folder = find_program(programs[0], server_major(db)).parent
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "URL": settings.database_url}
    with timed() as spent:
        subprocess.run(["bash", "-c", f"set -eo pipefail; {script}"], env=environment, check=True)
    return spent.seconds


def bench(settings: Settings, folder: Path, count: int) -> Measured:
    """Fill a memory, measure everything and print it."""
    with timed() as filled:
        fill(settings, count)
    with open_database(settings) as db:
        size = db.one("backup/select_size").bytes
        extras = db.connection.execute("select count(*) from tm.extra").fetchone()[0]
    print(
        f"\n{count:,} units, {extras:,} of tm.extra, {size / 1e6:,.0f} MB of database, loaded in "
        f"{filled.seconds:.0f} s; {os.cpu_count()} cores"
    )
    packed = folder / "plain.sql.gz"
    gzip = pipe(settings, f'pg_dump "$URL" | gzip > "{packed}"', "pg_dump")
    storage = Storage(settings.storage)
    with open_database(settings) as db, timed() as taken:
        summary = take_backup(settings, db, storage)
    gunzip = plain_restore(settings, packed)
    restored = restore(settings, storage, summary.uri)
    with open_database(settings) as db:
        drilled = run_drill(settings, db, storage, summary.uri)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"pg_dump | gzip  {gzip:7.1f} s  {packed.stat().st_size / 1e6:8.1f} MB")
    print(f"tm backup       {taken.seconds:7.1f} s  {summary.bytes / 1e6:8.1f} MB  {taken.seconds / gzip:.2f} times")
    print(f"gunzip | psql   {gunzip:7.1f} s")
    print(f"restore         {restored:7.1f} s  {'':11}  {restored / gunzip:.2f} times")
    print(f"drill           {drilled.seconds:7.1f} s  passed: {drilled.is_passed}; RTO {drilled.rto_seconds} s")
    print(*(f"                {problem}\n" for problem in drilled.problems), sep="", end="")
    print(f"highest memory of this process {peak:.0f} MB")
    return Measured(
        units=count,
        gzip=gzip,
        backup=taken.seconds,
        gunzip=gunzip,
        restore=restored,
        drill=drilled.seconds,
        is_passed=drilled.is_passed,
    )


def print_growth(found: Sequence[Measured]) -> bool:
    """Print how the times grew with the memory; return whether restores grew no faster than it."""
    print("\n    units  gunzip | psql   restore  times     drill  restore, s per 100,000 more")
    is_linear = True
    for before, one in zip((None, *found), found, strict=False):
        times = one.restore / one.gunzip
        line = f"{one.units:9,} {one.gunzip:12.1f} s {one.restore:7.1f} s   {times:.2f} {one.drill:7.1f} s"
        if before:
            slope = (one.restore - before.restore) / (one.units - before.units)
            line += f"  {slope * 1e5:.2f}"
            is_linear &= one.restore / one.units <= LINEAR * before.restore / before.units
        print(line)
    return is_linear


def is_kept(found: Sequence[Measured]) -> bool:
    """Whether every promise was kept; prints how the times grew."""
    largest = found[-1]
    fast = largest.backup <= MOST * largest.gzip and largest.restore <= MOST * largest.gunzip
    return print_growth(found) and fast and all(one.is_passed for one in found)


def plain_restore(settings: Settings, packed: Path) -> float:
    """The plain dump into a new database of its own, as psql does it by default."""
    inner = of_database(settings, "bench_plain")
    with open_server(settings) as db:
        db.connection.execute("create database bench_plain template template0")
        try:
            return pipe(inner, f'gunzip -c "{packed}" | psql -q -X -v ON_ERROR_STOP=1 "$URL" > /dev/null', "psql")
        finally:
            drop_database(db, "bench_plain")


def restore(settings: Settings, storage: Storage, uri: str) -> float:
    """The backup into a new database of its own."""
    with timed() as spent:
        restore_into(settings, storage, uri, "bench_restored")
    with open_server(settings) as db:
        drop_database(db, "bench_restored")
    return spent.seconds


def main() -> int:
    """Print everything; exit status 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="10000,100000,1000000", help="units of each memory, smallest first")
    parser.add_argument("--folder", type=Path, default=Path(".tm/bench-backup"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    sizes = [int(size) for size in arguments.sizes.split(",")]
    return 0 if is_kept([measure(arguments.folder, size) for size in sizes]) else 1


def measure(parent: Path, count: int) -> Measured:
    """One size, on a server of its own that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"{count}-", dir=parent))
    try:
        with server(folder) as settings:
            return bench(replace(settings, home=folder.absolute() / "home"), folder, count)
    finally:
        remove_data(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
