"""A real standby beside the primary: used while it keeps up, left alone when it lags, is cut off or is gone."""

import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.waiting import wait_until
from tm_core.settings import Settings
from tm_embedded import postgres
from tm_embedded.home import load_secrets
from tm_store.lookup_reader import open_reader
from tm_store.migrate import migrate

pytestmark = [pytest.mark.db, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def servers(server_folder: Path) -> Iterator[tuple[postgres.Server, postgres.Server]]:
    """A migrated primary and a standby that streams from it, which an embedded server has not."""
    folder = server_folder / "replicated"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setitem(postgres.SERVER_OPTIONS, "wal_level", "replica")
        patch.setitem(postgres.SERVER_OPTIONS, "max_wal_senders", "2")
        primary = stack.enter_context(postgres.embedded_postgres(folder / "primary"))
        migrate(Settings(database_url=primary.url("tm"), include=ROOT / "include"))
        standby = _standby(primary, folder)
        try:
            yield primary, standby
        finally:
            postgres.stop_process(standby.process)
            postgres.remove_data(standby.data)


def _standby(primary: postgres.Server, folder: Path) -> postgres.Server:
    owner = postgres.server_owner(primary.data)
    # Beside the primary's data, which the server's owner can reach wherever the tests' folder lies.
    data = primary.data.parent / "standby"
    data.mkdir(mode=0o700)
    if owner is not None:
        os.chown(data, owner.uid, owner.gid)
    program = postgres.programs(owner) / "pg_basebackup"
    subprocess.run([program, "-D", data, "-R", "-X", "stream", "-c", "fast", "-d", primary.url("postgres")], check=True)
    if owner is not None:
        for path in [data, *data.rglob("*")]:
            os.lchown(path, owner.uid, owner.gid)
    secrets = load_secrets(folder / "primary" / "secrets.json")
    return postgres.start(data, log=folder / "standby.log", passwords=secrets, durable=False)


@pytest.fixture
def settings(servers: tuple[postgres.Server, postgres.Server]) -> Settings:
    """Settings with both servers, once the standby has caught up."""
    primary, standby = servers
    made = Settings(database_url=primary.url("tm"), database_read_url=standby.url("tm", "tm"), include=ROOT / "include")
    with psycopg.connect(primary.url("tm"), autocommit=True) as connection:
        # A standby knows its age from the last commit it has applied: one must have come since it was started.
        connection.execute("insert into tm.store (name) values (gen_random_uuid()::text)")
    with psycopg.connect(standby.url("postgres"), autocommit=True) as connection:
        connection.execute("select pg_wal_replay_resume() where pg_is_wal_replay_paused()")
        wait_until(lambda: _caught_up(primary, connection), "the standby catches up")
    return made


def _caught_up(primary: postgres.Server, standby: psycopg.Connection[tuple[object, ...]]) -> bool:
    with psycopg.connect(primary.url("postgres")) as connection:
        row = connection.execute("select pg_current_wal_insert_lsn()::text").fetchone()
    # Of the insert position: a server that is not durable writes its log later than it commits.
    found = standby.execute(
        "select pg_last_wal_replay_lsn() >= %s::pg_lsn and pg_last_xact_replay_timestamp() is not null", row
    ).fetchone()
    return bool(found and found[0])


def _is_replica(settings: Settings) -> bool:
    with open_reader(settings) as db:
        row = db.connection.execute("select pg_is_in_recovery()").fetchone()
    return bool(row and row[0])


def test_a_fresh_replica_is_used(settings: Settings) -> None:
    assert _is_replica(settings)
    assert not _is_replica(replace(settings, database_read_url=""))


def test_a_replica_that_lags_is_not(
    settings: Settings, servers: tuple[postgres.Server, postgres.Server], caplog: pytest.LogCaptureFixture
) -> None:
    primary, standby = servers
    with psycopg.connect(standby.url("postgres"), autocommit=True) as replica:
        replica.execute("select pg_wal_replay_pause()")
        # It is asked for only: what comes before the standby has obeyed is still applied, and nothing lags.
        _await(replica, "select pg_get_wal_replay_pause_state() = 'paused'")
        with psycopg.connect(primary.url("tm"), autocommit=True) as connection:
            connection.execute("insert into tm.store (name) values ('new')")
        with caplog.at_level(logging.WARNING):
            wait_until(lambda: not _is_replica(settings), "the standby lags")
        assert "TM_READ_LAG_SECONDS" in caplog.text
        assert _is_replica(replace(settings, read_lag_seconds=86_400.0))
        replica.execute("select pg_wal_replay_resume()")


def test_a_replica_that_cannot_be_reached_is_not(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    gone = f"postgresql://tm:secret@127.0.0.1:{postgres.free_port()}/tm"
    with caplog.at_level(logging.WARNING):
        assert not _is_replica(replace(settings, database_read_url=gone))
    assert "TM_DATABASE_READ_URL" in caplog.text
    assert "secret" not in caplog.text


def test_a_replica_cut_off_from_its_primary_is_not(
    settings: Settings, servers: tuple[postgres.Server, postgres.Server], caplog: pytest.LogCaptureFixture
) -> None:
    _, standby = servers
    with psycopg.connect(standby.url("postgres"), autocommit=True) as replica:
        known = replica.execute("show primary_conninfo").fetchone()
        assert known
        replica.execute("alter system set primary_conninfo = 'host=127.0.0.1 port=1'")
        replica.execute("select pg_reload_conf()")
        _await(replica, "select not exists (select from pg_stat_wal_receiver)")
        with caplog.at_level(logging.WARNING):
            assert not _is_replica(settings)
        assert "not connected" in caplog.text
        replica.execute(psycopg.sql.SQL("alter system set primary_conninfo = {}").format(known[0]))
        replica.execute("select pg_reload_conf()")
        _await(replica, "select exists (select from pg_stat_wal_receiver where status = 'streaming')")


def _await(connection: psycopg.Connection[tuple[object, ...]], question: str) -> None:
    wait_until(lambda: connection.execute(question).fetchone() == (True,), question)


def test_statements_of_look_ups_are_limited(settings: Settings) -> None:
    with open_reader(replace(settings, lookup_seconds=1)) as db:
        row = db.connection.execute("show statement_timeout").fetchone()
        assert row == ("1s",)
        with pytest.raises(psycopg.errors.QueryCanceled):
            db.connection.execute("select pg_sleep(86400)")
