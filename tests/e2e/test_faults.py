"""Things that break under a run: the database, the disk, the other run, S3. Nothing is lost, nothing doubled, and the
error says what to do."""

import contextlib
import logging
import os
import random
import signal
import socket
import subprocess
import uuid
from pathlib import Path
from urllib.parse import quote

import boto3
import psutil
import psycopg
import pytest

from tests.waiting import pause, wait_until
from tm_embedded.home import load_secrets
from tm_embedded.postgres import remove_data, start, stop_process
from tm_embedded.processes import watched
from tm_store.backup import list_backups

pytestmark = pytest.mark.db

DAYS = ("2026-01-05", "2026-01-06")
BEFORE, DAY = DAYS
STEPS = "route tier2 filter gate load sample publish backup".split()


def shards(world, batch, tier, numbers):
    for number in map(str, numbers):
        world.start("tm-align", "shard", "--batch", batch, "--tier", tier, "--shard", number).wait().ok()


def through(world, *steps):
    """Run steps of the day's batch to their ends; plan first."""
    facts = world.tm("refresh-plan", "--date", DAY).json
    batch = facts["batch_id"]
    shards(world, batch, "lexical", facts["shards"])
    for step in steps:
        if step == "tier2":
            shards(world, batch, "embedding", facts["shards"])
        else:
            facts = world.tm("refresh-step", step, "--batch", batch).json
    return batch


@pytest.fixture(scope="module")
def prepared(make_lasting_world):
    """The day before is in the memory, the day is deposited."""
    world = make_lasting_world()
    world.deposit_day(BEFORE)
    world.refresh(BEFORE).ok()
    world.deposit_day(DAY)
    return world


@pytest.fixture(scope="module")
def undisturbed(make_lasting_world, prepared):
    """What the world says after a refresh that nothing disturbed."""
    world = make_lasting_world(like=prepared)
    world.refresh(DAY).ok()
    return world.state() | {"checksum": world.checksum()}


def check(world, undisturbed):
    found = world.state() | {"checksum": world.checksum()}
    assert {name for name in found if found[name] != undisturbed[name]} == set()
    world.check_books(DAY)


# The database goes away --------------------------------------------------------------------------


class OwnServer:
    """A Postgres that only this test uses, and may kill."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.port: int | None = None
        self.begin()

    def begin(self) -> None:
        passwords = load_secrets(self.folder / "secrets.json")
        log = self.folder / "postgres.log"
        self.server = start(self.data, log=log, passwords=passwords, port=self.port, durable=False)
        self.port = self.server.port

    def kill_all(self) -> None:
        """As a power cut does: no process gets to say a word."""
        postmaster = psutil.Process(self.server.process.pid)
        for process in (postmaster, *postmaster.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.server.process.wait()

    def stop_at_once(self) -> None:
        """pg_ctl stop -m immediate."""
        self.server.process.send_signal(signal.SIGQUIT)
        self.server.process.wait()

    def kill_backend(self) -> None:
        """One server process dies; the server takes all connections down with it and recovers by itself."""
        with psycopg.connect(self.server.url("postgres"), autocommit=True) as connection:
            (pid,) = connection.execute(
                "select pid from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'tm load%'"
            ).fetchone()
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def own_server(tmp_path):
    folder = tmp_path / "postgres"
    folder.mkdir()
    with watched(folder, data=folder / "data"):
        own = OwnServer(folder)
        yield own
        stop_process(own.server.process)
    remove_data(folder / "data")


def await_blocked(url):
    """Wait until a statement waits for a lock."""
    waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    with psycopg.connect(url, autocommit=True) as connection:
        wait_until(lambda: connection.execute(waits).fetchone() != (0,), "a statement waits for a lock")


def await_server(url):
    """Wait until the server answers again after a crash."""

    def answers():
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(url).close()
            return True
        return False

    wait_until(answers, "the server answers")


def test_postgres_goes_away_in_the_middle_of_a_load(own_server, new_world, undisturbed):
    """Three ways to die at three points of one batch's load, one after the other; then the load runs to its end."""
    world = new_world(own_server.server.url("postgres"))
    world.tm("migrate").ok()
    world.deposit_day(BEFORE)
    world.refresh(BEFORE).ok()
    world.deposit_day(DAY)
    batch = through(world, "route", "tier2", "filter", "gate")
    staged = world.value("select count(*) from staging.bead")
    assert staged > 0
    # Writes to the tables that a load ends with, digested: an aborted load may have left none of them.
    before = {table: rows for table, rows in world.every_row().items() if not table.startswith("staging")}
    for table, fault in {
        "tm.evidence": own_server.kill_all,
        "tm.unit": own_server.stop_at_once,
        "ops.outcome": own_server.kill_backend,
    }.items():
        done = _load_with_fault(world, batch, table, fault)
        if fault == own_server.kill_backend and done.status == 0:
            break  # the server had recovered before the last of the load's own tries
        assert done.status == 1
        assert "the database cannot be reached, or went away" in done.err
        assert "Start it (`tm doctor` says what is missing), then clear the task" in done.err
        assert "the memory is as it was before" in done.err
        assert "postgres:***@" in done.err, "a password, or no address"
        if own_server.server.process.poll() is not None:
            refused = world.tm("refresh-step", "load", "--batch", batch)
            assert refused.status == 1
            assert "the database cannot be reached" in refused.err
            own_server.begin()
        await_server(world.url)
        after = {name: rows for name, rows in world.every_row().items() if not name.startswith("staging")}
        assert {name for name in after if after[name] != before[name]} <= {"ops.slice", "ops.document_202601"}
        # The staging table is unlogged: a crash empties it, and the next load fills it again from the files.
        assert world.value("select count(*) from staging.bead") == 0
    for step in ("load", "sample", "publish", "backup"):
        world.tm("refresh-step", step, "--batch", batch).ok()
    check(world, undisturbed)


def _load_with_fault(world, batch, table, fault):
    holder = psycopg.connect(world.url)
    holder.execute(f"lock table {table} in exclusive mode")
    running = world.start("tm", "refresh-step", "load", "--batch", batch)
    await_blocked(world.url)
    fault()
    with contextlib.suppress(psycopg.Error):
        holder.close()
    return running.wait()


# The disk is full --------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 MB, where one can be mounted: a backup wants 64 of them to stay free."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here (needs root on Linux): {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def full(disk):
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for block in (bytes(1 << 20), bytes(4096)):
            with contextlib.suppress(OSError):
                while file.write(block) == len(block):
                    pass
    yield
    filler.unlink()


def test_every_step_on_a_full_disk(make_world, prepared, undisturbed, small_disk):
    """Each step meets a full disk once, says so, and goes on when there is space; the end is the same."""
    world = make_world(like=prepared)
    (small_disk / "storage").mkdir()
    subprocess.run(["cp", "-r", f"{world.env['TM_HOME']}/storage", str(small_disk)], check=True)
    world.env["TM_STORAGE"] = f"file://{quote(str(small_disk / 'storage'))}"
    lexical = ["tm-align", "shard", "--tier", "lexical", "--shard", "0", "--batch"]
    embedding = ["tm-align", "shard", "--tier", "embedding", "--shard", "0", "--batch"]
    step = ["tm", "refresh-step"]
    batch = ""
    for command, writes in [
        (["tm", "refresh-plan", "--date", DAY], True),
        (lexical, True),
        ([*step, "route", "--batch"], True),
        (embedding, True),
        ([*step, "filter", "--batch"], True),
        ([*step, "gate", "--batch"], True),
        ([*step, "load", "--batch"], True),
        ([*step, "sample", "--batch"], False),
        ([*step, "publish", "--batch"], False),
        ([*step, "backup", "--batch"], True),
    ]:
        whole = [*command, batch] if batch else command
        there = {info.path: info for info in world.storage.list()}
        with full(small_disk):
            done = world.start(*whole).wait()
            if writes:
                assert done.status == 1, whole
                assert "Free some space" in done.err, done.err
                assert {info.path: info for info in world.storage.list()} == there, "a part of a file is visible"
            else:
                done.ok()
        done = world.start(*whole).wait().ok()
        batch = batch or done.json["batch_id"]
    check(world, undisturbed)
    assert [backup.good for backup in list_backups(world.storage) if backup.batch_id == batch] == [True]


# Two runs of one date ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 15))])
def test_two_runs_of_one_date_at_once(make_world, prepared, undisturbed, seed):
    world = make_world(like=prepared)
    apart = random.Random(seed).uniform(0, 1.5) if seed else 0.0
    running = [world.start("tm", "refresh", "--date", DAY, "--run-id", "one")]
    pause(apart, "how far apart they begin is drawn by lot")
    running.append(world.start("tm", "refresh", "--date", DAY, "--run-id", "other"))
    done = [one.wait() for one in running]
    for mine, theirs, result in (("one", "other", done[0]), ("other", "one", done[1])):
        if result.status:
            assert "Let that run end" in result.err or "Wait until the other has ended" in result.err, result.err
            assert f"{theirs}'" in result.err, f"{mine} does not name the other: {result.err}"
            assert "Traceback" not in result.err
    assert 0 in (one.status for one in done), [one.err for one in done]
    # Whoever was refused is run again, as the message says.
    for result in done:
        if result.status:
            world.refresh(DAY).ok()
    check_but_outcomes(world, undisturbed)


def check_but_outcomes(world, undisturbed):
    """A batch that was loaded, planned anew by the other run and loaded again finds its units unchanged."""
    found = world.state() | {"checksum": world.checksum()}
    for name in ("checksum", "tm.unit", "tm.evidence", "ops.file", "ops.document"):
        assert found[name] == undisturbed[name], name
    world.check_books(DAY)


def test_a_run_does_not_close_what_another_has_begun_anew(make_world, prepared, undisturbed):
    """One run has loaded; the other plans the date anew; the first goes on, and the other dies."""
    world = make_world(like=prepared)
    batch = through(world, "route", "tier2", "filter", "gate", "load")
    world.tm("refresh-plan", "--date", DAY, "--run-id", "the other").ok()
    for step in ("sample", "publish", "backup"):
        done = world.tm("refresh-step", step, "--batch", batch)
        assert done.status == 1
        assert "planned by the run 'the other'" in done.err
        assert "clear 'load' and what follows it; nothing was written" in done.err
    assert not world.refresh(DAY).json["nothing_new"]
    check_but_outcomes(world, undisturbed)


def test_a_step_that_finds_another_at_work_names_it(make_world, prepared):
    world = make_world(like=prepared)
    with psycopg.connect(world.url) as holder:
        holder.execute("lock table ops.file in exclusive mode")
        first = world.start("tm", "refresh-plan", "--date", DAY, "--run-id", "scheduled 7")
        await_blocked(world.url)
        done = world.tm("refresh-plan", "--date", DAY)
        # Another date is nobody's business.
        assert world.tm("refresh-plan", "--date", "2026-01-09").json["nothing_new"]
        holder.rollback()
    assert done.status == 1
    assert f"partition date {DAY}: expected to work on it alone, found 'tm plan scheduled 7'" in done.err
    assert "nothing was read or written by this one" in done.err
    first.wait().ok()


# S3 ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3():
    """A real HTTP server that speaks S3, and a bucket on it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    env = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request
    yield env
    server.stop()


@pytest.fixture
def bucket(s3, monkeypatch):
    """(client, name of an empty bucket)."""
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    client, name = boto3.client("s3"), f"memory-{uuid.uuid4().hex[:8]}"
    client.create_bucket(Bucket=name)
    return client, name


# Arrow compresses what is written under a name that ends with .gz, as pg_dump's files do, a second time.
def test_a_refresh_on_s3(make_world, undisturbed, s3, bucket):
    """The same two dates, the same checksum."""
    world = make_world(TM_STORAGE=f"s3://{bucket[1]}/some/prefix", **s3)
    for day in DAYS:
        world.deposit_day(day)
        world.refresh(day).ok()
    assert world.checksum() == undisturbed["checksum"]
    world.check_books(DAY)
    assert world.refresh(DAY).json["nothing_new"]
    assert [backup.good for backup in list_backups(world.storage)] == [True, True]


def test_keys_that_no_folder_could_hold(make_world, s3, bucket):
    client, name = bucket
    world = make_world(TM_STORAGE=f"s3://{name}/some/prefix", **s3)
    world.deposit(DAY, *(f"{DAY}/weather-station.{lang}.txt" for lang in ("en", "de")))
    for key in ("/absolute.en.txt", "a//b.en.txt", "../up.en.txt", "./here.en.txt", "folder/"):
        client.put_object(
            Bucket=name, Key=f"some/prefix/raw/demo/{DAY}/{key}", Body=b"" if key == "folder/" else b"A text."
        )
    plan = world.tm("refresh-plan", "--date", DAY).json
    # What begins with a dot is hidden, in a bucket as in a folder; what would be a folder is no file.
    assert plan["files"] == {"paired": 2, "unsupported": 2}
    said = world.rows("select path, reason from ops.file where state = 'unsupported' order by path")
    assert [path for path, _ in said] == [f"raw/demo/{DAY}//absolute.en.txt", f"raw/demo/{DAY}/a//b.en.txt"]
    assert all("it was left out and nothing else is affected" in reason for _, reason in said)


def test_s3_that_does_not_answer(make_world, s3):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        env = s3 | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{unused.getsockname()[1]}"}
        world = make_world(TM_STORAGE="s3://memory/prefix", **env)
        done = world.refresh(DAY)
    assert done.status == 1
    assert "S3 did not answer. Check the network and AWS_ENDPOINT_URL" in done.err
