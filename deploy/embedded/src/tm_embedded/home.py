"""What the stack keeps in TM_HOME: the paths, the secrets made once, the ports of the last run, the lock."""

import base64
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tm_embedded.errors import AlreadyRunning, StackError

LOCK_WAIT_SECONDS = 15.0  # the watchdog of a killed supervisor needs at most about 10


@dataclass(frozen=True, kw_only=True)
class Home:
    """The folder TM_HOME and what is where in it."""

    path: Path

    @property
    def postgres(self) -> Path:
        """Postgres's data folder, or the link to it (see `tm_embedded.postgres`)."""
        return self.path / "postgres"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.path / "airflow"

    @property
    def task_logs(self) -> Path:
        """Airflow's logs of the tasks."""
        return self.airflow / "logs"

    @property
    def secrets(self) -> Path:
        """Passwords and keys, mode 0600."""
        return self.path / "secrets.json"

    @property
    def lock(self) -> Path:
        """Locked while a stack runs, by its supervisor and its watchdog."""
        return self.path / "stack.lock"

    @property
    def running(self) -> Path:
        """What runs: a `RunningStack` as JSON; only true while the lock is held."""
        return self.path / "stack.json"

    @property
    def state(self) -> Path:
        """What is remembered from run to run: ports, the migrated Airflow."""
        return self.path / "state.json"

    @property
    def events(self) -> Path:
        """What components ended and what was done about it: see `tm_embedded.restarts`."""
        return self.path / "events.json"

    @property
    def made(self) -> tuple[Path, ...]:
        """All that the stack makes here, which is all that a reset removes."""
        folders, files = ("airflow", "logs", "storage", "work"), ("secrets", "stack", "state", "events")
        return tuple(self.path / name for name in (*folders, "stack.lock", *(f"{name}.json" for name in files)))

    def log(self, component: str) -> Path:
        """The log file of a component."""
        return self.path / "logs" / f"{component}.log"

    def make(self) -> None:
        """Create the folder and those in it, closed to other users. An existing TM_HOME keeps its own permissions.

        What an earlier version left open in it is closed.

        Raises:
            StackError: TM_HOME cannot be written, or holds files of another user. Nothing has been started.
        """
        # Started by root, Postgres runs as another user, who passes through here to its own folder.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            if not self.path.is_dir():
                self.path.mkdir(parents=True)
                self.path.chmod(mode)
            for name in ("airflow", "logs", "storage", "work"):
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StackError(
                f"TM_HOME={self.path}: expected a folder that can be written, found: {error.strerror}. "
                "Set TM_HOME to another folder. Nothing has been started."
            ) from None
        for path in self.made:
            close_to_others(path)


def close_to_others(path: Path) -> None:
    """Take from other users every right on the file or folder and on all in it. Links are left alone.

    Raises:
        StackError: it belongs to another user.

    Cost: about 10 µs a file for a folder that was open; nothing for one that is closed already.
    """
    if path.is_symlink() or not path.exists() or not path.stat().st_mode & 0o077:
        return
    try:
        # The folder itself comes last: if this is cut short, the next start does it again.
        for folder, _, files in os.walk(path, topdown=False):
            for inner in (*(Path(folder) / name for name in files), Path(folder)):
                if not inner.is_symlink():
                    inner.chmod(inner.stat().st_mode & 0o700)
        path.chmod(path.stat().st_mode & 0o700)
    except OSError as error:
        raise StackError(
            f"{error.filename}: expected a file of this user, to close it to others, found: {error.strerror}. "
            f"Did another user start a stack here? Give it back (chown -R), or set TM_HOME to another folder. "
            "Nothing has been started."
        ) from None


@contextmanager
def private_files() -> Iterator[None]:
    """What this process and those that it starts create in the block is closed to other users, unless they say else."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@dataclass(frozen=True, kw_only=True)
class RunningStack:
    """How to reach a running stack."""

    pid: int
    kind: str
    started: str
    project: str
    postgres_port: int
    api_port: int
    ready: bool = False
    memory: str = ""  # its database's URL without the password
    storage: str = ""

    @property
    def api_url(self) -> str:
        """Where Airflow's UI and REST API are."""
        return f"http://127.0.0.1:{self.api_port}"


def load_secrets(path: Path) -> dict[str, str]:
    """The secrets in `path`, made on the first call, mode 0600: passwords of roles and admin, Airflow's keys.

    What a newer version needs and an older one has not made is added.
    """
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    names = ("postgres", "tm", "tm_load", "tm_read", "airflow", "admin", "api_secret")
    made = {name: secrets.token_urlsafe(24) for name in names}
    made["jwt"] = secrets.token_urlsafe(64)  # Airflow warns below 64 bytes
    made["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    if made.keys() - known.keys():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, made | known)
    return made | known


def write_json(path: Path, value: Any) -> None:
    """Replace `path` at once, readable by its owner alone."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as out:
        json.dump(value, out, indent=1)
    part.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`; empty when there is none or it cannot be read: it is only a memory."""
    with suppress(OSError, ValueError):
        value = json.loads(path.read_text())
        return value if isinstance(value, dict) else {}
    return {}


def remember(home: Home, **values: Any) -> None:
    """Add to what is remembered from run to run."""
    write_json(home.state, read_json(home.state) | values)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def running_stack(home: Home) -> RunningStack | None:
    """The stack that runs on `home`, None when nobody holds the lock."""
    try:
        descriptor = os.open(home.lock, os.O_RDWR)
    except OSError:
        return None
    try:
        # Shared: those who only look must not get in each other's way.
        if _try_lock(descriptor, fcntl.LOCK_SH):
            return None
    finally:
        os.close(descriptor)
    found = read_json(home.running)
    try:
        return RunningStack(**found)
    except TypeError:
        # Locked and not described yet: it is just starting, or just ending.
        return RunningStack(pid=0, kind="unknown", started="", project="", postgres_port=0, api_port=0)


@contextmanager
def locked(home: Home) -> Iterator[int]:
    """Hold the lock of `home`; yields its file descriptor, for the watchdog to hold as well.

    Raises:
        AlreadyRunning: a living process holds it. For one that was killed, its watchdog is waited for.
    """
    home.make()
    descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _await_lock(home, descriptor)
        home.running.unlink(missing_ok=True)
        try:
            yield descriptor
        finally:
            home.running.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _await_lock(home: Home, descriptor: int) -> None:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while not _try_lock(descriptor, fcntl.LOCK_EX):
        holder = running_stack(home)
        if time.monotonic() > deadline or (holder is not None and holder.pid and _lives(holder.pid)):
            raise AlreadyRunning(_refusal(home, holder))
        time.sleep(0.1)


def _refusal(home: Home, holder: RunningStack | None) -> str:
    if holder is None or not holder.pid:
        return (
            f"TM_HOME={home.path}: another stack is being started or stopped here. "
            "Wait for it and try again, or set TM_HOME to another folder. Nothing has been changed."
        )
    return (
        f"TM_HOME={home.path}: a stack already runs here: `{holder.kind}`, process {holder.pid}, "
        f"since {holder.started}. Stop it with `make down`, or set TM_HOME to another folder. "
        "Nothing has been changed."
    )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def describe(home: Home, stack: RunningStack) -> None:
    """Write down what runs, for `status`, `down` and a demo that uses it."""
    write_json(home.running, asdict(stack))


def now() -> str:
    """The time for people, to the second, with the zone."""
    return datetime.now(UTC).astimezone().isoformat(sep=" ", timespec="seconds")


def remove_made(home: Home) -> list[Path]:
    """Remove what the stack made below TM_HOME, and the folder if nothing is left. Returns what is left."""
    for path in home.made:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    left = sorted(home.path.iterdir()) if home.path.is_dir() else []
    if not left and home.path.is_dir():
        home.path.rmdir()
    return left
