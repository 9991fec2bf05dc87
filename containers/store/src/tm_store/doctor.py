"""``tm doctor``: what runs, what is configured, what is missing, and the command that mends it.

Every check stands alone: one that fails, in whatever way, says so in its line and keeps no other from its turn.
Nothing is changed; the only thing written is a probe in storage, which is deleted again.
"""

import json
import os
import shutil
import sys
import textwrap
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from tm_core.errors import BackupError, DatabaseError, SchemaTooNew, SettingsError, StorageUnavailable, TmError
from tm_core.outcomes import BatchState
from tm_core.pods import load_pods, pods_path
from tm_core.rules import Tier
from tm_core.settings import Approvals, Encoder, Runtime, Settings, hide_password
from tm_core.stores import load_stores
from tm_formats.storage import Storage
from tm_store.backup_alarms import find_alarms
from tm_store.db import OLDEST_SERVER, Database, open_database
from tm_store.migrate import check_schema
from tm_store.programs import find_program, knows_tls, server_major
from tm_store.roles import LOADER, OWNER, gaps, superuser_gaps

OLDEST_PYTHON = (3, 11)
# Under this a night's work files and backup may not find room. Not calibrated yet.
LOW_BYTES = 1 << 30
# A refresh takes minutes; what has not ended after a day has been given up. Not calibrated yet.
STALE_HOURS = 24.0
# A doctor who does not answer is no help: seconds for one statement, and for Airflow's answer.
PATIENCE_SECONDS = 10
LASER2_FILES = ("laser2.pt", "laser2.spm", "laser2.cvocab")
WIDTH = 110


class State(StrEnum):
    """The result of a check. ``missing``: not there yet; ``wrong``: there, and it will not work as it is."""

    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the doctor: what was looked at, what was found, and the command that mends it ("" if none)."""

    name: str
    state: State
    found: str
    mend: str = ""

    @property
    def status(self) -> int:
        """What it adds to the exit status, of which the greatest counts: 0 ok, 1 missing, 2 wrong."""
        return list(State).index(self.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """A check's result without its name."""

    state: State
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patient:
    """What the checks look at. ``db`` is None where there is none, and ``db_problem`` says why.

    ``is_migrated``: it has this version's schema, so that its tables can be read.
    """

    settings: Settings
    problems: Mapping[str, str]
    db: Database | None
    db_problem: str
    is_migrated: bool


def _ok(found: str) -> _Finding:
    return _Finding(state=State.OK, found=found)


def _missing(found: str, mend: str) -> _Finding:
    return _Finding(state=State.MISSING, found=found, mend=mend)


def _wrong(found: str, mend: str) -> _Finding:
    return _Finding(state=State.WRONG, found=found, mend=mend)


def examine(env: Mapping[str, str] | None = None) -> list[Check]:
    """Run every check. Never raises.

    Cost: under a second; up to some ten seconds where a server does not answer.
    """
    settings, problems = _readable(os.environ if env is None else env)
    with ExitStack() as exits:
        db, db_problem = _open(exits, settings)
        patient = _Patient(
            settings=settings, problems=problems, db=db, db_problem=db_problem, is_migrated=_is_migrated(db)
        )
        return [_isolated(name, check, patient) for name, check in CHECKS.items()]


def _wrapped(paragraph: str, head: str, indent: str) -> list[str]:
    """Wrap at blanks alone: a path or an address stays whole, so that it can be copied."""
    return textwrap.wrap(
        paragraph,
        WIDTH,
        initial_indent=head,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def render(checks: Sequence[Check]) -> str:
    """The checks as a table, each with the command that mends it below, and one line that sums up."""
    name_width = max((len(check.name) for check in checks), default=0)
    indent = " " * (9 + name_width + 2)
    lines = []
    for check in checks:
        head = f"{check.state:7}  {check.name:{name_width}}  "
        for paragraph in check.found.splitlines() or [""]:
            lines += _wrapped(paragraph, head, indent) or [head.rstrip()]
            head = indent
        if check.mend:
            lines.append(f"{indent}-> {check.mend}")
    bad = sum(check.state is not State.OK for check in checks)
    return "\n".join([*lines, "", f"{bad} of {len(checks)} need something" if bad else "all is well"])


def _isolated(name: str, check: Callable[[_Patient], _Finding], patient: _Patient) -> Check:
    try:
        finding = check(patient)
    except TmError as error:
        finding = _wrong(str(error), "")
    except Exception as error:  # a check that breaks is a finding too, and the others must still run
        finding = _wrong(f"the check itself failed: {type(error).__name__}: {error}", "")
    return Check(name=name, state=finding.state, found=finding.found, mend=finding.mend)


def _readable(env: Mapping[str, str]) -> tuple[Settings, dict[str, str]]:
    """The settings without the variables that cannot be used, and of each of those what is wrong with it."""
    left = {name: value for name, value in env.items() if name.startswith("TM_")}
    good: dict[str, str] = {}
    # Again and again, because one may need another: TM_ENCODER=laser2 is refused until TM_MODEL_DIR is there.
    before = -1
    while before != len(good):
        before = len(good)
        for name in list(left):
            if not _complaint(good | {name: left[name]}):
                good[name] = left.pop(name)
    return Settings.from_env(good), {name: _complaint(good | {name: value}) for name, value in left.items()}


def _complaint(env: Mapping[str, str]) -> str:
    try:
        Settings.from_env(env)
    except SettingsError as error:
        return str(error)
    return ""


def _open(exits: ExitStack, settings: Settings) -> tuple[Database | None, str]:
    if not settings.database_url:
        return None, "TM_DATABASE_URL is not set"
    impatient = replace(settings, statement_seconds=PATIENCE_SECONDS)
    try:
        return exits.enter_context(open_database(impatient)), ""
    except Exception as error:  # a malformed URL raises psycopg's own errors
        return None, str(error)


def _is_migrated(db: Database | None) -> bool:
    try:
        if db is not None:
            check_schema(db)
            return True
    except Exception:  # the check of the schema says which
        return False
    return False


# The checks ---------------------------------------------------------------------------------------


def _python(patient: _Patient) -> _Finding:
    found = "{}.{}.{}".format(*sys.version_info[:3])
    if sys.version_info < OLDEST_PYTHON:
        return _wrong(f"{found}, expected 3.11 or newer", "make PYTHON=python3.12 install")
    return _ok(found)


def _settings(patient: _Patient) -> _Finding:
    if patient.problems:
        found = "\n".join(patient.problems.values())
        return _wrong(
            found, f"unset {' '.join(patient.problems)}   (or correct them; all other checks went on without)"
        )
    return _ok("every TM_ variable can be used")


def _include(patient: _Patient) -> _Finding:
    folder = patient.settings.include
    gone = [name for name in ("sql/schema", "gx", "stores.toml") if not (folder / name).exists()]
    if gone:
        return _wrong(f"{folder}: expected {', '.join(gone)} in it", "export TM_INCLUDE=<checkout>/include")
    return _ok(str(folder))


def _stores(patient: _Patient) -> _Finding:
    path = patient.settings.include / "stores.toml"
    try:
        stores = load_stores(path)
    except SettingsError as error:
        return _wrong(str(error), f"edit {path}")
    pairs = sum(len(store.pairs) for store in stores.values())
    return _ok(f"{len(stores)} stores, {pairs} language pairs")


def _storage(patient: _Patient) -> _Finding:
    storage = Storage(patient.settings.storage)
    folder = storage.local_path("")
    try:
        storage.require()
    except StorageUnavailable as error:
        if folder is None or folder.exists():
            raise
        return _missing(str(error), "make demo   (it or the first `tm deposit` makes a new one)")
    # A name with a dot is not listed: no step takes it for a deposit.
    probe = f".tm-doctor-{uuid.uuid4().hex}"
    storage.write_atomic(probe, b"probe")
    try:
        if storage.read(probe) != b"probe":
            return _wrong(f"{storage.uri}: does not give back what was written", "")
    finally:
        storage.delete(probe)
    return _ok(f"{storage.uri}: written, read and deleted a probe")


def _database(patient: _Patient) -> _Finding:
    if patient.db is not None:
        info = patient.db.connection.info
        return _ok(f"'{info.dbname}' on {info.host or 'the local socket'}, as {info.user}")
    if not patient.settings.database_url:
        return _missing(patient.db_problem, "make up   (starts one and prints the line to export)")
    # What the server itself has said has its next step with it.
    is_unreachable = "cannot be reached" in patient.db_problem
    return _wrong(
        patient.db_problem, "make up   (or start the server, or correct TM_DATABASE_URL)" if is_unreachable else ""
    )


_NO_DATABASE = _Finding(state=State.MISSING, found="not looked at: no database")
#: One line says so, that of the schema.
_NOT_MIGRATED = _Finding(state=State.MISSING, found="not looked at: see schema")


def _server(patient: _Patient) -> _Finding:
    if patient.db is None:
        return _NO_DATABASE
    version = patient.db.connection.info.parameter_status("server_version")
    if server_major(patient.db) < OLDEST_SERVER:
        return _wrong(f"Postgres {version}, expected {OLDEST_SERVER} or newer", "upgrade the server")
    return _ok(f"Postgres {version}")


def _schema(patient: _Patient) -> _Finding:
    if patient.db is None:
        return _NO_DATABASE
    try:
        check_schema(patient.db)
    except SchemaTooNew as error:
        return _wrong(str(error), "run the newer tm-refinery")
    except DatabaseError as error:
        return _missing(str(error), "tm migrate")
    return _ok("as this version wants it")


def _roles(patient: _Patient) -> _Finding:
    if patient.db is None:
        return _NO_DATABASE
    if not patient.is_migrated:
        return _NOT_MIGRATED
    missing, me = gaps(patient.db), patient.db.one("roles/select_self")
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return _missing(f"{missing[0]}{more}", "tm migrate   (it says what a superuser has to run, if it may not)")
    groups = ", ".join(me.groups) or "no role of the memory"
    if not {OWNER, LOADER} & set(me.groups):
        return _wrong(f"'{me.login}' is a member of {groups}", f"psql -c 'grant {LOADER} to \"{me.login}\"'")
    left = superuser_gaps(patient.db)
    more = f"; {left[0]} (a superuser may run: tm roles --sql | psql)" if left else ""
    return _ok(f"'{me.login}' is a member of {groups}{more}")


def _approvals(patient: _Patient) -> _Finding:
    named = f"; by {patient.settings.approvers} alone" if patient.settings.approvers else ""
    if patient.settings.approvals is Approvals.ONE:
        return _ok(
            "TM_APPROVALS=one: an operator may approve an erasure or a restore that they asked for themselves. Where "
            f"several people work, set TM_APPROVALS=two{named}"
        )
    return _ok(f"another operator approves than the one who asked{named}")


_ENCRYPTED = ("require", "verify-ca", "verify-full")


def _pg_dump(patient: _Patient) -> _Finding:
    if patient.db is None:
        return _NO_DATABASE
    major = server_major(patient.db)
    try:
        programs = [find_program(name, major) for name in ("pg_dump", "pg_restore")]
    except BackupError as error:
        return _missing(str(error), f"apt-get install postgresql-client-{major}   (or put that version first on PATH)")
    if patient.db.connection.info.get_parameters().get("sslmode") in _ENCRYPTED and not knows_tls(programs[0]):
        return _missing(
            f"{programs[0]} knows no TLS, which the connection demands: no backup can be taken",
            f"apt-get install postgresql-client-{major}   (in the image: POSTGRES_CLIENT, docs/deployment.md)",
        )
    return _ok(f"version {major}: {programs[0]}")


def _disk(patient: _Patient) -> _Finding:
    places = [patient.settings.home, Storage(patient.settings.storage).local_path("")]
    existing = [next(parent for parent in (place, *place.parents) if parent.exists()) for place in places if place]
    free = {place: shutil.disk_usage(place).free for place in existing}
    place = min(free, key=lambda one: free[one])
    found = f"{free[place] / 1e9:.1f} GB free at {place}"
    if free[place] < LOW_BYTES:
        return _wrong(
            f"{found}, expected at least {LOW_BYTES / 1e9:.1f} GB", "free some space, or move TM_HOME or TM_STORAGE"
        )
    return _ok(found)


def _encoder(patient: _Patient) -> _Finding:
    settings = patient.settings
    if settings.encoder is Encoder.LEXICON:
        return _ok("lexicon (needs no model)")
    gone = [name for name in LASER2_FILES if not (settings.model_dir / name).is_file()]
    if gone:
        return _wrong(
            f"laser2: {settings.model_dir} has no {', '.join(gone)}", "correct TM_MODEL_DIR, or unset TM_ENCODER"
        )
    # Looked for, not imported: importing torch takes seconds.
    packages = [name for name in ("torch", "sentencepiece") if find_spec(name) is None]
    if packages:
        return _missing(f"laser2: {', '.join(packages)} not installed", f"pip install {' '.join(packages)}")
    return _ok(f"laser2 in {settings.model_dir}, on {settings.device}")


def _pods(patient: _Patient) -> _Finding:
    settings = patient.settings
    if settings.runtime is Runtime.PROCESS:
        return _ok("none: shards run as processes (TM_RUNTIME)")
    path = pods_path(settings)
    pods = load_pods(path)
    pods.check_devices(settings)
    for image in {pods.sidecar_image, *map(pods.image_of, Tier)}:
        pods.check_image(image)
    return _ok(f"{path}, namespace {pods.namespace}")


def _airflow(patient: _Patient) -> _Finding:
    home = patient.settings.home
    stack = _running_stack(home)
    if stack is None:
        if why := [event for event in _stack_events(home)[-1:] if event.get("is_last")]:
            return _wrong(f"the embedded stack on {home} has ended: {_told(why[0])}", f"make up   (logs: {home}/logs)")
        return _ok(f"no embedded stack runs on {home}   (`make up` starts one)")
    url = f"http://127.0.0.1:{stack['api_port']}"
    mend = f"make down, then make up   (logs: {patient.settings.home / 'logs'})"
    try:
        # Without the machine's proxies: they know nothing of this machine's own address.
        with build_opener(ProxyHandler({})).open(f"{url}/api/v2/monitor/health", timeout=PATIENCE_SECONDS) as answer:
            health = json.load(answer)
    except (OSError, ValueError) as error:
        return _wrong(f"{url}: {stack['kind']} is up, Airflow does not answer: {error}", mend)
    # A component that was never started has no status.
    sick = [name for name, part in sorted(health.items()) if part.get("status") not in ("healthy", None)]
    if sick:
        return _wrong(f"{url}: {', '.join(sick)} not healthy", mend)
    return _ok("\n".join([f"{url}, {stack['kind']}", *_places(stack, patient.settings), *_restarts(stack, home)]))


def _restarts(stack: Mapping[str, object], home: Path) -> list[str]:
    """What has ended since the stack was started, and was started again."""
    since = str(stack.get("started") or "")
    events = [event for event in _stack_events(home) if str(event.get("at")) >= since]
    if not events:
        return []
    return [f"{len(events)} times a component has ended, last:", *map(_told, events[-3:])]


def _told(event: dict[str, object]) -> str:
    return f"{event.get('at')} {event.get('component')}: {event.get('what')}; {event.get('done')}"


def _stack_events(home: Path) -> list[dict[str, object]]:
    """What the embedded stack has recorded in TM_HOME/events.json."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        events = json.loads((home / "events.json").read_text(encoding="utf-8"))["events"]
        return [event for event in events if isinstance(event, dict)]
    return []


def _places(stack: Mapping[str, object], settings: Settings) -> list[str]:
    """Which memory and storage the stack works on, and whether this shell works on others."""
    memory, storage = str(stack.get("memory") or ""), str(stack.get("storage") or "")
    if not memory:
        return []  # a stack that an earlier version started
    lines = [f"it works on the memory {memory}", f"and the storage {storage}"]
    if settings.database_url and _place_of(settings.database_url) != _place_of(memory):
        lines.append(f"this shell works on another memory: TM_DATABASE_URL={hide_password(settings.database_url)}")
    if Storage(settings.storage).uri != Storage(storage).uri:
        lines.append(f"this shell works on another storage: TM_STORAGE={settings.storage}")
    return lines


def _place_of(url: str) -> str:
    """The server and the database of a URL: the login may be another one."""
    return url.partition("://")[2].rpartition("@")[2]


def _running_stack(home: Path) -> dict[str, object] | None:
    """What the embedded stack says of itself in TM_HOME/stack.json, if its process lives."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        stack: dict[str, object] = json.loads((home / "stack.json").read_text(encoding="utf-8"))
        pid = int(str(stack["pid"]))
        with suppress(PermissionError):  # it lives, and is another user's
            os.kill(pid, 0)
        return {"kind": "embedded stack"} | stack if stack["api_port"] else None
    return None


def _last_batch(patient: _Patient) -> _Finding:
    if patient.db is None:
        return _NO_DATABASE
    if not patient.is_migrated:
        return _NOT_MIGRATED
    rows = patient.db.run("doctor/select_last_batch")
    if not rows:
        return _ok("none yet   (`make demo` runs one)")
    batch = rows[0]
    name = f"{batch.batch_id} of {batch.partition_date}"
    if batch.state == BatchState.DONE:
        return _ok(f"{name}: done {batch.done_at:%Y-%m-%d %H:%M} UTC")
    planned = f"planned {batch.planned_at:%Y-%m-%d %H:%M} UTC"
    so_far = f"{name}: {batch.state}, {planned}, last finished step: {batch.step or 'none'}"
    if batch.hours > STALE_HOURS:
        return _wrong(so_far, f"in Airflow, open run {batch.run_id} of tm_refresh and clear its failed task")
    return _ok(f"{so_far} (under way)")


def _backups(patient: _Patient) -> _Finding:
    """Deadlines of backups and drills, as `tm backup --check` looks at them; nothing is written."""
    if patient.db is None:
        return _NO_DATABASE
    if not patient.is_migrated:
        return _NOT_MIGRATED
    if found := find_alarms(patient.db):
        shown = "\n".join(f"{alarm.name}: {alarm.found}" for alarm in found)
        return _wrong(shown, f"{found[0].next_step}   (docs/runbooks/tm_backup.md)")
    if not patient.db.run("backup/select_taken"):
        return _ok("none yet, and none is due   (every refresh ends with one; `tm backup` takes one)")
    return _ok("backups and drills keep their deadlines")


def _tier2(patient: _Patient) -> _Finding:
    """What a tier 2 that was down has left, and whether it is left alone now."""
    if patient.db is None:
        return _NO_DATABASE
    if not patient.is_migrated:
        return _NOT_MIGRATED
    for row in patient.db.run("doctor/select_open_breaker"):
        found = f"{row.state}, without success since {row.first_failed_at:%Y-%m-%d %H:%M} UTC: {row.reason}"
        return _wrong(found, "mend the cluster; one shard tries it again by itself (docs/kubernetes.md)")
    rows = patient.db.run("runtime/select_deferred")
    if rows:
        found = "\n".join(f"{row.documents:,} document pairs of {row.partition_date}: {row.reason}" for row in rows)
        return _wrong(found, "tm_deferred runs these dates again at 03:00 UTC, or now if you trigger it")
    return _ok("no document waits for it")


def _deposits(patient: _Patient) -> _Finding:
    """What no run will ever look at: a store that is not configured, a folder that is no date."""
    settings = patient.settings
    stores = set(load_stores(settings.include / "stores.toml"))
    storage = Storage(settings.storage)
    if not storage.is_there():
        return _missing("not looked at: no storage", "")
    files = storage.list("raw")
    lost = sorted({problem for info in files if (problem := _unreachable(info.path, stores))})
    if lost:
        shown = "\n".join(lost[:5]) + (f"\nand {len(lost) - 5} more" if len(lost) > 5 else "")
        return _wrong(shown, f"move them, or add the store to {settings.include / 'stores.toml'}")
    limit = datetime.now(UTC) - timedelta(seconds=settings.settle_seconds)
    young = sum(info.modified > limit for info in files)
    return _ok(f"{len(files)} files" + (f", {young} of them perhaps still being written" if young else ""))


def _unreachable(path: str, stores: set[str]) -> str:
    _, store, *rest = path.split("/")
    if not rest:
        return f"{path}: expected raw/<store>/<date>/<file>"
    if store not in stores:
        return f"raw/{store}: no store of stores.toml"
    return "" if len(rest) > 1 and _is_date(rest[0]) else f"raw/{store}/{rest[0]}: expected a folder YYYY-MM-DD"


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


#: Name -> check, in the order in which things depend on each other.
CHECKS: Mapping[str, Callable[[_Patient], _Finding]] = {
    "python": _python,
    "settings": _settings,
    "include": _include,
    "stores": _stores,
    "storage": _storage,
    "disk": _disk,
    "database": _database,
    "server": _server,
    "schema": _schema,
    "roles": _roles,
    "approvals": _approvals,
    "pg_dump": _pg_dump,
    "encoder": _encoder,
    "pods": _pods,
    "airflow": _airflow,
    "last batch": _last_batch,
    "backups": _backups,
    "tier 2": _tier2,
    "deposits": _deposits,
}
