"""The doctor: names what is wrong and how to mend it, and never falls ill itself."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.store.batches_made import load
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store import doctor
from tm_store.backup import take_backup
from tm_store.backup_alarms import find_alarms
from tm_store.db import Database
from tm_store.doctor import Check, State, examine, render

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A home of its own, with storage, and no database."""
    (tmp_path / "home" / "storage").mkdir(parents=True)
    return {"TM_HOME": str(tmp_path / "home"), "TM_INCLUDE": str(ROOT / "include")}


@pytest.fixture
def with_database(env: dict[str, str], settings: Settings) -> dict[str, str]:
    return env | {"TM_DATABASE_URL": settings.database_url}


def check(env: dict[str, str], name: str) -> Check:
    [found] = [one for one in examine(env) if one.name == name]
    return found


def states(checks: list[Check]) -> dict[str, State]:
    return {one.name: one.state for one in checks}


# The whole ----------------------------------------------------------------------------------------------


def test_who_approves_is_named(env: dict[str, str]) -> None:
    two, one = check(env, "approvals"), check(env | {"TM_APPROVALS": "one", "TM_APPROVERS": "ann"}, "approvals")
    assert (two.state, one.state) == (State.OK, State.OK)
    assert two.found == "another operator approves than the one who asked"
    assert one.found.startswith("TM_APPROVALS=one: an operator may approve an erasure or a restore that they asked for")
    assert one.found.endswith("; by ann alone")


@pytest.mark.db
def test_a_healthy_system(with_database: dict[str, str]) -> None:
    checks = examine(with_database)
    assert len(checks) == len(doctor.CHECKS) >= 14
    assert {one.name: one.found for one in checks if one.state is not State.OK} == {}
    assert render(checks).endswith("all is well")


def test_without_a_database_the_rest_is_looked_at(env: dict[str, str]) -> None:
    found = states(examine(env))
    missing = {name for name, state in found.items() if state is State.MISSING}
    assert missing == {"database", "server", "schema", "roles", "pg_dump", "last batch", "backups", "tier 2"}
    assert set(found.values()) == {State.OK, State.MISSING}
    assert "make up" in check(env, "database").mend


def test_broken_variables_are_all_named_and_stop_nothing(env: dict[str, str]) -> None:
    broken = {"TM_BACKUPDAYS": "3", "TM_MAX_SHARDS": "many", "TM_ENCODER": "laser2", "TM_STORAGE": "/plain"}
    checks = examine(env | broken)
    found = next(one for one in checks if one.name == "settings")
    assert found.state is State.WRONG
    assert all(name in found.mend for name in broken)
    for said in ("TM_BACKUPDAYS is not a setting", "TM_MAX_SHARDS is 'many'", "TM_MODEL_DIR is not set", "TM_STORAGE"):
        assert said in found.found
    others = {name for name, state in states(checks).items() if state is State.WRONG}
    assert others == {"settings"}, "the other checks go on without the broken variables"


def test_variables_that_need_each_other_are_kept(env: dict[str, str], tmp_path: Path) -> None:
    pair = {
        "TM_ENCODER": "laser2",
        "TM_MODEL_DIR": str(tmp_path),
        "TM_NOTIFY": "smtp",
        "TM_NOTIFY_TO": "ops@example.org",
    }
    assert check(env | pair, "settings").state is State.OK


@pytest.mark.parametrize("name", list(doctor.CHECKS))
@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyError("x"), OSError(5, "Input/output error")])
def test_a_check_that_breaks_is_a_finding(
    env: dict[str, str], name: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(patient: object) -> None:
        raise error

    monkeypatch.setattr(doctor, "CHECKS", dict(doctor.CHECKS) | {name: explode})
    checks = examine(env)
    assert len(checks) == len(doctor.CHECKS)
    found = next(one for one in checks if one.name == name)
    assert found.state is State.WRONG
    assert type(error).__name__ in found.found


def test_the_exit_status_is_the_worst() -> None:
    def status(*states: State) -> int:
        return max(Check(name="x", state=state, found="").status for state in states)

    assert status(State.OK) == 0
    assert status(State.OK, State.MISSING) == 1
    assert status(State.MISSING, State.WRONG, State.OK) == 2


def test_the_table_is_aligned_plain_and_narrow() -> None:
    checks = [
        Check(name="a", state=State.OK, found="fine"),
        Check(name="longer name", state=State.WRONG, found="word " * 60 + "\nsecond line", mend="make up"),
    ]
    text = render(checks)
    assert text.isascii()
    lines = text.splitlines()
    assert max(map(len, lines)) <= doctor.WIDTH
    assert lines[0] == "ok       a            fine"
    assert lines[1].startswith("wrong    longer name  word")
    assert lines[-3] == " " * 22 + "-> make up"
    assert lines[-1] == "1 of 2 need something"


def test_a_path_stays_whole_so_that_it_can_be_copied() -> None:
    path = "file:///srv/" + "-".join(["a-storage"] * 15)
    text = render([Check(name="airflow", state=State.OK, found=f"it works on the storage {path}")])
    assert path in text


def test_passwords_are_not_shown(env: dict[str, str]) -> None:
    checks = examine(env | {"TM_DATABASE_URL": "postgresql://tm:hunter2@127.0.0.1:1/tm"})
    assert states(checks)["database"] is State.WRONG
    assert "hunter2" not in render(checks)


@pytest.mark.parametrize("url", ["postgresql://", "postgresql://[::1", "postgresql://h:port/x", "mysql://x"])
def test_a_malformed_url_is_a_finding(env: dict[str, str], url: str) -> None:
    checks = examine(env | {"TM_DATABASE_URL": url, "PGHOST": "127.0.0.1"})
    assert State.WRONG in {states(checks)["database"], states(checks)["settings"]}


# One by one ---------------------------------------------------------------------------------------------


def test_an_include_folder_without_content(env: dict[str, str], tmp_path: Path) -> None:
    found = check(env | {"TM_INCLUDE": str(tmp_path)}, "include")
    assert found.state is State.WRONG
    assert "stores.toml" in found.found
    assert "TM_INCLUDE" in found.mend


def test_a_wrong_stores_file(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "stores.toml").write_text("[store.demo]\npairs = ['en-qq']")
    found = check(env | {"TM_INCLUDE": str(tmp_path)}, "stores")
    assert found.state is State.WRONG
    assert "[store.demo] pairs" in found.found
    assert found.mend == f"edit {tmp_path / 'stores.toml'}"


def test_storage_that_is_not_there_yet_is_not_made(env: dict[str, str], tmp_path: Path) -> None:
    found = check(env | {"TM_STORAGE": f"file://{tmp_path}/none"}, "storage")
    assert (found.state, "make demo" in found.mend) == (State.MISSING, True)
    assert not (tmp_path / "none").exists()


def test_storage_is_probed_and_left_as_it_was(env: dict[str, str]) -> None:
    assert check(env, "storage").state is State.OK
    assert list((Path(env["TM_HOME"]) / "storage").iterdir()) == []


def test_storage_that_cannot_be_written(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file, no folder")
    found = check(env | {"TM_STORAGE": f"file://{tmp_path}/file"}, "storage")
    assert found.state is State.WRONG


def test_little_disk(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LOW_BYTES", 1 << 60)
    assert check(env, "disk").state is State.WRONG


@pytest.mark.db
def test_a_database_without_schema(with_database: dict[str, str], db: Database) -> None:
    db.connection.execute("drop schema ops cascade")
    found = check(with_database, "schema")
    assert (found.state, found.mend) == (State.MISSING, "tm migrate")


@pytest.mark.db
def test_a_database_of_a_newer_version(with_database: dict[str, str], db: Database) -> None:
    db.run("ops/insert_migration", number=9999, name="from_the_future", sha256="")
    assert check(with_database, "schema").state is State.WRONG


@pytest.mark.db
def test_an_old_server(with_database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "OLDEST_SERVER", 99)
    assert check(with_database, "server").state is State.WRONG


@pytest.mark.db
def test_no_pg_dump_of_the_servers_version(with_database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tm_store.programs._program_folders", lambda major: iter([]))
    found = check(with_database, "pg_dump")
    assert found.state is State.MISSING
    assert "postgresql-client-" in found.mend


@pytest.mark.db
def test_a_pg_dump_without_tls_for_a_server_that_demands_it(
    with_database: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests' server has no TLS, so another mode stands for those that demand it."""
    encrypted = with_database | {"TM_DATABASE_URL": with_database["TM_DATABASE_URL"] + "?sslmode=allow"}
    assert check(encrypted, "pg_dump").state is State.OK
    monkeypatch.setattr(doctor, "_ENCRYPTED", ("allow",))
    assert check(with_database, "pg_dump").state is State.OK
    found = check(encrypted, "pg_dump")
    assert found.state is State.MISSING
    assert "knows no TLS" in found.found
    other = tmp_path / "pg_dump"
    other.write_text("#!/bin/sh\necho 'connection to server on socket failed' >&2; exit 1\n")
    other.chmod(0o755)
    monkeypatch.setattr(doctor, "find_program", lambda name, major: other)
    assert check(encrypted, "pg_dump").state is State.OK


def test_laser2_needs_files_and_packages(env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laser2 = env | {"TM_ENCODER": "laser2", "TM_MODEL_DIR": str(tmp_path)}
    (tmp_path / "laser2.pt").touch()
    found = check(laser2, "encoder")
    assert found.state is State.WRONG
    assert "laser2.spm, laser2.cvocab" in found.found
    for name in doctor.LASER2_FILES:
        (tmp_path / name).touch()
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    found = check(laser2, "encoder")
    assert (found.state, found.mend) == (State.MISSING, "pip install torch sentencepiece")
    monkeypatch.setattr(doctor, "find_spec", lambda name: object())
    assert check(laser2, "encoder").state is State.OK


def test_the_pods_file_is_read_where_shards_run_in_pods(env: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "pods.toml"
    image = "registry.example/tm-aligner@sha256:" + "0" * 64
    pinned = f'image = "{image}"\nsidecar_image = "{image}"\n'
    tier = "cpus = 1.0\nmemory_mib = 100\ndeadline_seconds = 9\nschedule_seconds = 9\nstartup_seconds = 9\n"
    assert check(env, "pods").found.startswith("none: shards run as processes")
    env |= {"TM_RUNTIME": "kubernetes", "TM_PODS": str(path)}
    assert "cannot be read" in check(env, "pods").found
    path.write_text(f"{pinned}[tier1]\n{tier}[tier2]\n{tier}gpus = 1\n")
    found = check(env, "pods")
    assert (found.state, "TM_DEVICE=cpu, which uses no GPU" in found.found) == (State.WRONG, True)
    path.write_text(f"[tier1]\n{tier}[tier2]\n{tier}")
    assert "pods.toml image: expected name@sha256" in check(env, "pods").found
    path.write_text(f"{pinned}[tier1]\n{tier}[tier2]\n{tier}")
    assert check(env, "pods").state is State.OK


@pytest.fixture
def airflow(env: dict[str, str]) -> Iterator[Callable[[object], None]]:
    """A server that answers as Airflow's health page does, and a stack.json that points to it."""
    answers: list[object] = []

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/api/v2/monitor/health"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answers[-1]).encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack = {"pid": os.getpid(), "kind": "make up", "started": "", "postgres_port": 1, "api_port": server.server_port}
    (Path(env["TM_HOME"]) / "stack.json").write_text(json.dumps(stack))
    yield answers.append
    server.shutdown()
    server.server_close()


def test_airflow_that_is_well(env: dict[str, str], airflow: Callable[[object], None]) -> None:
    airflow({"metadatabase": {"status": "healthy"}, "triggerer": {"status": None}})
    found = check(env, "airflow")
    assert found.state is State.OK
    assert "http://127.0.0.1:" in found.found
    assert "make up" in found.found


def test_the_memory_and_storage_of_the_stack_and_whether_the_shell_has_others(
    env: dict[str, str], airflow: Callable[[object], None]
) -> None:
    airflow({})
    path = Path(env["TM_HOME"]) / "stack.json"
    said = {"memory": "postgresql://tm_load:***@127.0.0.1:4001/tm", "storage": "s3://mine/"}
    path.write_text(json.dumps(json.loads(path.read_text()) | said))
    same = env | {"TM_DATABASE_URL": "postgresql://tm:secret@127.0.0.1:4001/tm", "TM_STORAGE": "s3://mine"}
    shown = [f"it works on the memory {said['memory']}", "and the storage s3://mine/"]
    assert check(same, "airflow").found.splitlines()[1:] == shown
    other = same | {"TM_DATABASE_URL": "postgresql://tm:secret@127.0.0.1:4002/tm", "TM_STORAGE": "file:///x"}
    assert check(other, "airflow").found.splitlines()[3:] == [
        "this shell works on another memory: TM_DATABASE_URL=postgresql://tm:***@127.0.0.1:4002/tm",
        "this shell works on another storage: TM_STORAGE=file:///x",
    ]


EVENTS = [
    {"at": "2026-01-04 00:00:00+00:00", "component": "triggerer", "what": "before this stack", "done": "x"},
    {"at": "2026-01-05 00:00:01+00:00", "component": "scheduler", "what": "it was killed by SIGKILL", "done": "again"},
]


def test_what_has_ended_and_was_started_again(env: dict[str, str], airflow: Callable[[object], None]) -> None:
    airflow({})
    home = Path(env["TM_HOME"])
    stack = json.loads((home / "stack.json").read_text()) | {"started": "2026-01-05 00:00:00+00:00"}
    (home / "stack.json").write_text(json.dumps(stack))
    (home / "events.json").write_text(json.dumps({"events": EVENTS}))
    found = check(env, "airflow")
    assert found.state is State.OK
    assert found.found.splitlines()[1:] == [
        "1 times a component has ended, last:",
        "2026-01-05 00:00:01+00:00 scheduler: it was killed by SIGKILL; again",
    ]


@pytest.mark.parametrize(("is_last", "state"), [(True, State.WRONG), (False, State.OK)])
def test_a_stack_that_gave_up_says_why(env: dict[str, str], is_last: bool, state: State) -> None:
    """One that was stopped in order after a restart is not at fault."""
    path = Path(env["TM_HOME"]) / "events.json"
    path.write_text(json.dumps({"events": [*EVENTS[:1], EVENTS[1] | {"is_last": is_last}]}))
    found = check(env, "airflow")
    assert found.state is state
    assert ("has ended: 2026-01-05 00:00:01+00:00 scheduler: it was killed by SIGKILL" in found.found) is is_last
    for broken in ("[]", "{", '{"events": [1]}', '{"events": 1}'):
        path.write_text(broken)
        assert check(env, "airflow").state is State.OK


def test_airflow_whose_scheduler_is_dead(env: dict[str, str], airflow: Callable[[object], None]) -> None:
    airflow({"metadatabase": {"status": "healthy"}, "scheduler": {"status": "unhealthy"}})
    found = check(env, "airflow")
    assert found.state is State.WRONG
    assert "scheduler" in found.found


def test_airflow_that_does_not_answer(env: dict[str, str]) -> None:
    stack = {"pid": os.getpid(), "kind": "make up", "api_port": 1}
    (Path(env["TM_HOME"]) / "stack.json").write_text(json.dumps(stack))
    found = check(env, "airflow")
    assert found.state is State.WRONG
    assert "does not answer" in found.found


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"pid": 0}', '{"pid": "x", "api_port": 1}', '{"pid": 4194303, "api_port": 1}']
)
def test_a_stack_that_is_gone_is_no_fault(env: dict[str, str], text: str) -> None:
    (Path(env["TM_HOME"]) / "stack.json").write_text(text)
    assert check(env, "airflow").state is State.OK


def plan_batch(db: Database, state: str, age: str) -> None:
    db.connection.execute(
        "insert into ops.batch (batch_id, partition_date, state, run_id, versions, planned_at, done_at) "
        "values ('b1', '2026-01-05', %s, 'run-7', '{}', now() - %s::interval, now())",
        (state, age),
    )
    db.connection.execute("insert into ops.step values ('b1', 'filter', 1.0, '{}')")


@pytest.mark.db
@pytest.mark.parametrize(
    ("state", "age", "expected"),
    [("done", "3 days", State.OK), ("planned", "1 hour", State.OK), ("loaded", "25 hours", State.WRONG)],
)
def test_the_last_batch(with_database: dict[str, str], db: Database, state: str, age: str, expected: State) -> None:
    plan_batch(db, state, age)
    found = check(with_database, "last batch")
    assert found.state is expected
    assert "b1 of 2026-01-05" in found.found
    if expected is State.WRONG:
        assert "last finished step: filter" in found.found
        assert "run-7" in found.mend


def test_deposits_that_nothing_will_read(env: dict[str, str]) -> None:
    storage = Storage(f"file://{env['TM_HOME']}/storage")
    storage.write_atomic("raw/demo/2026-01-05/guide.en.txt", b"x")
    assert check(env | {"TM_SETTLE_SECONDS": "0"}, "deposits").found == "1 files"
    assert "1 of them perhaps still being written" in check(env | {"TM_SETTLE_SECONDS": "60"}, "deposits").found
    storage.write_atomic("raw/unknown/2026-01-05/guide.en.txt", b"x")
    storage.write_atomic("raw/demo/20260105/guide.en.txt", b"x")
    storage.write_atomic("raw/demo/guide.en.txt", b"x")
    storage.write_atomic("raw/guide.en.txt", b"x")
    found = check(env, "deposits")
    assert found.state is State.WRONG
    for said in (
        "raw/unknown: no store",
        "raw/demo/20260105: expected",
        "raw/demo/guide.en.txt: exp",
        "raw/guide.en.txt: exp",
    ):
        assert said in found.found


def test_a_missing_right_is_named(with_database: dict[str, str], db: Database) -> None:
    assert check(with_database, "roles").state is State.OK
    db.connection.execute("revoke select on tm.unit from tm_reader")
    found = check(with_database, "roles")
    assert found.state is State.MISSING
    assert found.found == "tm_reader may nothing on tm.unit"
    assert found.mend.startswith("tm migrate")


@pytest.mark.db
def test_a_backup_that_is_too_old(with_database: dict[str, str], db: Database) -> None:
    assert check(with_database, "backups").found.startswith("none yet")
    load(db, date(2026, 1, 5), {"a": [("One house", "Ein Haus")]})
    assert check(with_database, "backups").found.startswith("none yet"), "the first batch has just come"
    db.connection.execute("update ops.batch set planned_at = now() - interval '27 h'")
    found = check(with_database, "backups")
    assert "there is none" in found.found
    db.connection.execute(
        "insert into ops.backup (uri, state, files, bytes, manifest_sha256, counts, taken_at, seconds) "
        "values ('x', 'good', 1, 1, '', '{}', now() - interval '26.5 hours', 1)"
    )
    found = check(with_database, "backups")
    assert (found.state, found.mend.split()[:2]) == (State.WRONG, ["tm", "backup"])
    assert "backup_age" in found.found


@pytest.mark.db
def test_sizes_are_compared_with_what_the_memory_holds(
    with_database: dict[str, str], settings: Settings, db: Database
) -> None:
    """A first night after a backup of the empty memory is no fault; lost units are, until they are back."""
    storage = Storage(settings.storage)
    take_backup(settings, db, storage)
    texts = [(f"House number {number}", f"Haus Nummer {number}") for number in range(60)]
    load(db, date(2026, 1, 5), {"a": texts})
    take_backup(settings, db, storage)
    assert check(with_database, "backups").state is State.OK

    load(db, date(2026, 1, 6), {"a": texts[:20]})
    take_backup(settings, db, storage)
    assert check(with_database, "backups").state is State.OK, "the correction of a document is on record"
    load(db, date(2026, 1, 7), {"a": texts})
    take_backup(settings, db, storage)
    assert check(with_database, "backups").state is State.OK

    with db.connection.transaction(force_rollback=True):
        db.connection.execute("delete from tm.unit where src_text not like '%1'")
        assert [alarm.name for alarm in find_alarms(db)] == ["backup_size"]
    assert find_alarms(db) == [], "the units are back"
    db.connection.execute("delete from tm.unit where src_text not like '%1'")
    for _ in range(2):
        found = check(with_database, "backups")
        assert (found.state, found.mend.split()[:2]) == (State.WRONG, ["tm", "restore"])
        assert "holds 6 units" in found.found
        assert "54 units are missing" in found.found
        take_backup(settings, db, storage)


@pytest.mark.db
def test_a_tier_that_is_left_alone_is_named(with_database: dict[str, str], settings: Settings) -> None:
    from tm_store.breaker import TierBreaker

    assert check(with_database, "tier 2").state is State.OK
    for _ in range(settings.breaker_failures):
        TierBreaker(settings=settings, who="a", probe_seconds=60).failed("unschedulable")
    found = check(with_database, "tier 2")
    assert found.state is State.WRONG
    assert "open, without success since" in found.found
    assert "unschedulable" in found.found
