"""``make soak-restore``: restore small memories again and again while the machine is busy; each restore must be right.

Every memory is made from ``--seed``: 30 to 1,000 imported units in two stores, with what their file says beside the
texts (tm.extra). It is backed up once and restored several times, each time compared row by row, object by object and
lookup by lookup with its source. Meanwhile ``--load`` processes do nothing but take the processors' time, so that what
waits for nothing comes in another order each time. Prints a table; exit status 1 if a restore was refused.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from statistics import median

from tm_memory import remove, server

from tm_core.errors import BackupError
from tm_core.settings import Settings
from tm_core.stores import Pair
from tm_formats.storage import Storage
from tm_store.backup import take_backup
from tm_store.db import open_database
from tm_store.imports import import_files
from tm_store.restore import drop_database, of_database, open_server, restore_into
from tm_store.restore_verify import verify_restored

#: Restores of one memory, before the next one is made.
EACH = 5
UNITS = (30, 1_000)
STORES = ("demo", "handbook")
UNIT = (
    '<tu tuid="key.{0}"><prop type="project">soak</prop>'
    '<tuv xml:lang="en"><seg>Press <ph x="1"/> key {0}.</seg></tuv>'
    '<tuv xml:lang="de"><seg>Taste <ph x="1"/> {0}.</seg></tuv></tu>'
)
#: Ends with its parent, also with one that was killed.
BUSY = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    sum(range(100_000))\n"


@dataclass(kw_only=True)
class Soaked:
    """The restores of one memory."""

    units: int
    seconds: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep the processors busy during the block."""
    loops = [subprocess.Popen([sys.executable, "-c", BUSY, str(os.getpid())]) for _ in range(processes)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()


def make_memory(settings: Settings, folder: Path, units: int) -> str:
    """Import the units and back them up; returns the backup's URI."""
    storage = Storage(settings.storage)
    with open_database(settings) as db:
        for store in STORES:
            file = folder / f"{store}.tmx"
            body = "".join(map(UNIT.format, range(units // len(STORES))))
            file.write_text(f'<tmx version="1.4"><header srclang="en"/><body>{body}</body></tmx>')
            import_files(settings, db, storage, store, [file], pair=Pair(src="en", tgt="de"), day=date(2026, 1, 5))
        extras = db.connection.execute("select count(*) from tm.extra").fetchone()[0]
        assert extras > 0, "no unit has a row in tm.extra: this would show little"
        return take_backup(settings, db, storage).uri


def restore(settings: Settings, uri: str) -> str:
    """Restore and compare once; returns why it was refused, or "". Leaves nothing."""
    name = "soak_restored"
    try:
        backup = restore_into(settings, Storage(settings.storage), uri, name)
        with open_database(of_database(settings, name)) as db:
            return "; ".join(verify_restored(db, backup).problems)
    except BackupError as error:
        return str(error)
    finally:
        with open_server(settings) as server_db:
            drop_database(server_db, name)


def soak_one(template: Settings, folder: Path, units: int, times: int) -> Soaked:
    """Make a memory, restore it so many times, and print its line."""
    found, settings = Soaked(units=units), of_database(template, "soak")
    with open_server(template) as db:
        db.connection.execute("create database soak template tm")
        try:
            uri = make_memory(settings, folder, units)
            for _ in range(times):
                began = time.monotonic()
                if refused := restore(settings, uri):
                    found.refused.append(refused)
                found.seconds.append(time.monotonic() - began)
        finally:
            drop_database(db, "soak")
    print(
        f"{units:6,} {len(found.seconds):9} {len(found.refused):8} {median(found.seconds):8.1f} "
        f"{max(found.seconds):8.1f}",
        flush=True,
    )
    print(*(f"       refused: {refused[:500]}\n" for refused in found.refused), sep="", end="", flush=True)
    return found


def soak(template: Settings, folder: Path, count: int, seed: int) -> bool:
    """Restore so many times; whether every restore was right."""
    rng, began = random.Random(seed), time.monotonic()
    print(" units  restores  refused  seconds  longest", flush=True)
    found = [soak_one(template, folder, rng.randint(*UNITS), min(EACH, count - done)) for done in range(0, count, EACH)]
    restores, refused = sum(len(one.seconds) for one in found), sum(len(one.refused) for one in found)
    print(f"{restores} restores, {refused} refused; seed {seed}, {time.monotonic() - began:.0f} s")
    return restores == count and not refused


def main() -> int:
    """Print everything; exit status 1 if a restore was refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="restores")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--load", type=int, default=4 * (os.cpu_count() or 1), help="busy processes meanwhile")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tm-soak-"))
    folder.chmod(0o755)  # root's server runs as another user
    try:
        with server(folder, durable=False) as settings, busy(arguments.load):
            settings = replace(settings, home=folder / "home")
            return 0 if soak(settings, folder, arguments.count, arguments.seed) else 1
    finally:
        remove(folder)


if __name__ == "__main__":
    sys.exit(main())
