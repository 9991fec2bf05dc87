"""``make bench-backup``: a backup and its restore beside ``pg_dump | gzip`` and ``gunzip | psql``, in one run.

Fills an embedded memory with ``--units`` made units, then takes turns: plain dump, backup, plain restore, restore,
drill. Prints seconds and bytes of each. A backup's seconds hold its manifest (the checksums of every table, 200
look-ups), the upload into a folder and its SHA-256; a restore's hold the fetch, the hashes and pg_restore; the
comparison with the manifest that a real one adds is in the drill's. Exit status 1 if one takes more than .6 of what it
is compared with.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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


def fill(settings: Settings, count: int) -> None:
    """Load the units as a night would, and leave nothing staged."""
    storage = Storage(settings.storage)
    with open_database(settings) as db:
        write_batch(db, storage, BATCH, date(2026, 1, 5), units(count))
        load_batch(db, storage, BATCH)
        db.run("staging/delete_beads", batch_id=BATCH)
        db.connection.execute("vacuum analyze")


def pipe(settings: Settings, script: str, *programs: str) -> float:
    """Run a shell pipeline of Postgres' own programs; returns its seconds."""
    with open_database(settings) as db:
        folder = find_program(programs[0], server_major(db)).parent
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "URL": settings.database_url}
    with timed() as spent:
        subprocess.run(["bash", "-c", f"set -eo pipefail; {script}"], env=environment, check=True)
    return spent.seconds


def bench(settings: Settings, folder: Path, count: int) -> bool:
    """Everything; whether both promises were kept."""
    with timed() as filled:
        fill(settings, count)
    with open_database(settings) as db:
        size = db.one("backup/select_size").bytes
    print(
        f"{count:,} units, {size / 1e6:,.0f} MB of database, loaded in {filled.seconds:.0f} s; {os.cpu_count()} cores"
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
    print(f"highest memory of this process {peak:.0f} MB")
    return drilled.is_passed and taken.seconds <= MOST * gzip and restored <= MOST * gunzip


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
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path(".tm/bench-backup"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{arguments.units}-", dir=arguments.folder))
    try:
        with server(folder) as settings:
            return 0 if bench(replace(settings, home=folder.absolute() / "home"), folder, arguments.units) else 1
    finally:
        remove_data(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
