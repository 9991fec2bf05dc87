"""Another try where it helps and only there; pools that wait a bounded time and say why they gave up."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date

import psycopg
import pytest

from tests.store.units_made import add
from tests.waiting import HANG_S, wait_until
from tm_core.contracts import Step
from tm_core.errors import BatchBusy, DatabaseError
from tm_core.settings import Settings
from tm_embedded import postgres
from tm_store import pool as pool_module
from tm_store.db import Database, explained, open_database
from tm_store.locks import date_lock
from tm_store.pool import Pool, open_pool
from tm_store.retry import JITTER, PAUSES, is_transient, retried, with_memory

pytestmark = pytest.mark.db
URL = "postgresql://tm:secret@host/tm"


class Failing:
    """Work that fails so many times before it succeeds."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times, self.calls = error, times, 0
        self.slept: list[float] = []
        self.asked: list[tuple[float, float]] = []

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return "done"

    def run(self) -> str:
        def between(low: float, high: float) -> float:
            self.asked.append((low, high))
            return high

        return retried(self, sleep=self.slept.append, between=between)


def wrapped(error: psycopg.Error) -> DatabaseError:
    """As it leaves open_database."""
    try:
        raise explained(URL, error) from error
    except DatabaseError as found:
        return found


PASSING = [
    psycopg.errors.SerializationFailure("s"),
    psycopg.errors.DeadlockDetected("d"),
    psycopg.errors.AdminShutdown("a"),
    psycopg.errors.CannotConnectNow("c"),
    psycopg.errors.TooManyConnections("t"),
    psycopg.errors.ConnectionFailure("f"),
    psycopg.OperationalError("server closed the connection unexpectedly"),
]
LASTING = [
    psycopg.errors.QueryCanceled("q"),
    psycopg.errors.DiskFull("d"),
    psycopg.errors.LockNotAvailable("l"),
    psycopg.errors.UniqueViolation("u"),
    psycopg.errors.InsufficientPrivilege("i"),
    psycopg.errors.UndefinedTable("t"),
    psycopg.errors.ConnectionTimeout("t"),
    DatabaseError("of our own"),
    ValueError("v"),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("times", range(5))
def test_what_passes_is_tried_four_times_in_all(error: psycopg.Error, times: int) -> None:
    for one in (error, wrapped(error)):
        work = Failing(one, times)
        if times < 4:
            assert work.run() == "done"
        else:
            with pytest.raises(DatabaseError, match="It was tried 4 times"):
                work.run()
        assert work.calls == min(times + 1, 4)
        assert work.slept == [pause + JITTER for pause in PAUSES[:times]]
        assert work.asked == [(-JITTER, JITTER)] * min(times, 3)


def test_the_pauses_are_those_promised() -> None:
    assert (PAUSES, JITTER) == ((0.05, 0.1, 0.2), 0.025)


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
def test_what_lasts_is_tried_once(error: Exception) -> None:
    work = Failing(error, 1)
    with pytest.raises(type(error)):
        work.run()
    assert (work.calls, work.slept) == (1, [])
    assert not is_transient(error)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (psycopg.errors.SerializationFailure("x"), "another transaction was in the way"),
        (psycopg.errors.DeadlockDetected("x"), "waited for each other"),
        (psycopg.errors.LockNotAvailable("x"), "holds a lock"),
        (psycopg.errors.DiskFull("x"), "disk of the database is full"),
        (psycopg.errors.QueryCanceled("x"), "TM_STATEMENT_SECONDS"),
        (psycopg.errors.InsufficientPrivilege("x"), "tm_loader"),
        (psycopg.errors.AdminShutdown("x"), "cannot be reached, or went away"),
        (psycopg.errors.TooManyConnections("x"), "cannot be reached, or went away"),
        (psycopg.OperationalError("x"), "cannot be reached, or went away"),
        (psycopg.errors.ConfigurationLimitExceeded("x"), "the server refused"),
        (psycopg.errors.ObjectInUse("x"), "the server refused"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_refusal_is_explained_as_what_it_is(error: psycopg.Error, words: str) -> None:
    said = wrapped(error)
    assert words in str(said)
    assert "secret" not in str(said)
    assert str(pickle.loads(pickle.dumps(said))) == str(said)
    others = {"in the way", "each other", "cannot be reached", "disk"} - {word for word in [words] if word}
    assert sum(word in str(said) for word in others) <= 1


def test_a_real_deadlock_reaches_nobody(settings: Settings, db: Database) -> None:
    """Two transactions that lock two stores in opposite order: the server ends one, and its second try succeeds."""
    add(db, "a", store="one")
    add(db, "a", store="two")
    tries: list[str] = []
    both_hold = threading.Barrier(2)

    def work(first: str, second: str) -> None:
        def change(mine: Database) -> None:
            tries.append(first)
            with mine.transaction():
                for name in (first, second):
                    mine.connection.execute("update tm.store set name = name where name = %s", (name,))
                    if len(tries) <= 2 and name == first:
                        both_hold.wait()

        with_memory(settings, change)

    threads = [threading.Thread(target=work, args=names) for names in (("one", "two"), ("two", "one"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(tries) in (["one", "one", "two"], ["one", "two", "two"])


# A killed task -----------------------------------------------------------------------------------


def test_a_killed_task_gives_its_date_free_before_its_statement_ends(settings: Settings, db: Database) -> None:
    day = date(2026, 1, 5)
    code = (
        "import sys; from datetime import date; from tm_core.settings import Settings\n"
        "from tm_store.db import open_database; from tm_store.locks import date_lock\n"
        "with open_database(Settings.from_env()) as db, date_lock(db, date(2026, 1, 5), 'load', 'killed'):\n"
        "    print('held', flush=True); db.connection.execute('select pg_sleep(86400)')"
    )
    environment = os.environ | {"TM_DATABASE_URL": settings.database_url, "TM_INCLUDE": str(settings.include)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGKILL)
    process.wait()

    def free() -> bool:
        with suppress(BatchBusy), date_lock(db, day, Step.LOAD, "next"):
            return True
        return False

    wait_until(free, "the date is free: else the server's process lives on until its statement ends")


# Pools -------------------------------------------------------------------------------------------


@pytest.fixture
def pool(settings: Settings) -> Iterator[Pool]:
    with open_pool(replace(settings, pool_size=2, pool_seconds=HANG_S), read=True) as opened:
        yield opened


def be_impatient(pool: Pool) -> None:
    """From now on nobody waits long for a connection; those in use were made with patience."""
    pool.seconds = 0.2


def refused(pool: Pool) -> None:
    """Wait until the server has refused a connection, which the pool's own thread makes and notes."""
    with suppress(DatabaseError):
        pool.run(lambda db: None)
    wait_until(lambda: pool.primary.failed, "a connection was refused")


def test_a_pool_hands_out_the_same_connections(pool: Pool) -> None:
    def process(db: Database) -> int:
        return int(db.connection.info.backend_pid)

    assert len({pool.run(process) for _ in range(20)}) == 1
    with pool.database() as one, pool.database() as other:
        assert process(one) != process(other)


def test_every_connection_has_its_time_out(settings: Settings) -> None:
    def limit(db: Database) -> str:
        row = db.connection.execute("show statement_timeout").fetchone()
        assert row is not None
        return str(row[0])

    limited = replace(settings, lookup_seconds=3, statement_seconds=120)
    with open_pool(limited, read=True) as reading, open_pool(limited) as writing:
        assert (reading.run(limit), writing.run(limit)) == ("3s", "2min")
    with (
        open_pool(replace(settings, lookup_seconds=1), read=True) as pool,
        pytest.raises(DatabaseError, match="a statement took longer"),
    ):
        pool.run(lambda db: db.connection.execute("select pg_sleep(86400)"))


def test_the_wait_for_a_connection_is_bounded_and_explained(pool: Pool) -> None:
    with pool.database(), pool.database():
        be_impatient(pool)
        with pytest.raises(DatabaseError, match=r"within 0.2 s, found all 2 in use"):
            pool.run(lambda db: None)


def test_a_server_that_has_no_more_room_is_not_called_a_pool_in_use(
    settings: Settings, db: Database, database_url: str
) -> None:
    """The second connection is refused: the pool has one in use of two, and the server's own words reach the caller."""
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    with open_database(settings) as owner:
        owner.connection.execute("create role pool_one login password 'secret' connection limit 1 in role tm_loader")
    url = psycopg.conninfo.make_conninfo(database_url, user="pool_one", password="secret", dbname=name)
    try:
        patient = replace(settings, database_url=url, pool_size=2, pool_seconds=HANG_S)
        with open_pool(patient) as pool, pool.database():
            be_impatient(pool)
            refused(pool)
            for _ in range(2):
                with pytest.raises(DatabaseError, match="too many connections for role") as found:
                    pool.run(lambda db: None)
                assert "in use" not in str(found.value)
            assert "secret" not in str(found.value)
    finally:
        db.connection.execute("drop role pool_one")


def test_a_server_that_does_not_answer_is_not_called_a_pool_in_use(settings: Settings) -> None:
    """The port takes the call and says nothing: no connection has failed yet when the caller gives up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://tm:secret@127.0.0.1:{silent.getsockname()[1]}/tm?sslmode=disable&gssencmode=disable"
        mute = replace(settings, database_url=url, pool_size=2, pool_seconds=0.3)
        with open_pool(mute) as pool:
            with pytest.raises(DatabaseError, match="0 of 2 in use and no answer of the server") as found:
                pool.run(lambda db: None)
            # The pool's own thread waits for the answer: let it go before the pool is closed.
            silent.accept()[0].close()
    assert "secret" not in str(found.value)


def test_a_connection_that_the_server_closed_is_replaced(pool: Pool, database_url: str) -> None:
    first = pool.run(lambda db: db.connection.info.backend_pid)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("select pg_terminate_backend(%s)", (first,))
    assert pool.run(lambda db: db.connection.info.backend_pid) != first


def test_a_connection_lost_in_the_middle_is_a_second_try(pool: Pool, database_url: str) -> None:
    seen: list[int] = []

    def work(db: Database) -> int:
        seen.append(db.connection.info.backend_pid)
        if len(seen) == 1:
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute("select pg_terminate_backend(%s)", (seen[0],))
        row = db.connection.execute("select 1").fetchone()
        assert row is not None
        return int(row[0])

    assert pool.run(work) == 1
    assert len(seen) == 2


def test_a_server_that_is_gone_is_named(settings: Settings) -> None:
    gone = f"postgresql://tm:secret@127.0.0.1:{postgres.free_port()}/tm"
    impatient = replace(settings, database_url=gone, pool_seconds=0.2)
    with open_pool(impatient) as pool:
        refused(pool)
        with pytest.raises(DatabaseError, match="cannot be reached") as found:
            pool.run(lambda db: None)
    assert "secret" not in str(found.value)


def test_a_database_of_another_schema_is_refused(settings: Settings, db: Database) -> None:
    db.run("ops/insert_migration", number=9999, name="from_the_future", sha256="")
    with open_pool(replace(settings, pool_seconds=HANG_S)) as pool, pytest.raises(DatabaseError, match="schema 9999"):
        pool.run(lambda one: None)


def test_a_replica_that_is_gone_is_left_alone(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_REST_SECONDS", HANG_S)
    gone = f"postgresql://tm:secret@127.0.0.1:{postgres.free_port()}/tm"
    with open_pool(replace(settings, database_read_url=gone, pool_seconds=HANG_S), read=True) as pool:
        for _ in range(20):
            pool.run(lambda db: None)
    assert caplog.text.count("TM_DATABASE_READ_URL is not used") == 1, "every question waits for the replica"
    assert "secret" not in caplog.text


def test_a_reading_login_is_used_for_reading_alone(settings: Settings) -> None:
    with open_database(settings) as db:
        db.connection.execute("drop role if exists pool_reads")
        db.connection.execute("create role pool_reads login password 'secret' in role tm_reader")
    url = settings.database_url.replace(settings.database_url.split("//")[1].split("@")[0], "pool_reads:secret", 1)
    both = replace(settings, database_read_url=url)

    def who(db: Database) -> str:
        row = db.connection.execute("select current_user::text").fetchone()
        assert row is not None
        return str(row[0])

    try:
        with open_pool(both, read=True) as reading, open_pool(both) as writing:
            assert reading.run(who) == "pool_reads"
            assert writing.run(who) != "pool_reads"
    finally:
        with open_database(settings) as db:
            db.connection.execute("drop role pool_reads")
