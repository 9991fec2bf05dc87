"""Migrations: forward only, safe to run at once, refused when the database is newer."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tm_core.errors import DatabaseError, SchemaTooNew
from tm_core.settings import Settings
from tm_store.db import Database, open_database
from tm_store.migrate import check_schema, migrate, migrations

pytestmark = pytest.mark.db


def test_second_migration_does_nothing(settings: Settings) -> None:
    assert migrate(settings) == []


def test_many_at_once_apply_each_migration_once(server_url: str, settings: Settings) -> None:
    name = "migrate_at_once"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        fresh = Settings(database_url=server_url.rsplit("/", 1)[0] + "/" + name, include=settings.include)
        try:
            with ThreadPoolExecutor(6) as pool:
                applied = list(pool.map(lambda _: migrate(fresh), range(6)))
            assert sorted(map(len, applied)) == [0, 0, 0, 0, 0, len(migrations(settings.include))]
        finally:
            connection.execute(f"drop database {name} with (force)")


def test_newer_database_is_refused(settings: Settings, db: Database) -> None:
    db.run("ops/insert_migration", number=9999, name="from_the_future", sha256="")
    with pytest.raises(SchemaTooNew, match="schema 9999"):
        migrate(settings)
    with pytest.raises(SchemaTooNew):
        check_schema(db)


def test_changed_migration_is_refused(settings: Settings, db: Database) -> None:
    db.connection.execute("update ops.migration set sha256 = 'other' where number = 1")
    with pytest.raises(DatabaseError, match="0001_memory"):
        migrate(settings)


def test_database_without_schema_is_named(settings: Settings, db: Database) -> None:
    db.connection.execute("drop schema ops cascade")
    with open_database(settings) as fresh, pytest.raises(DatabaseError, match="tm migrate"):
        check_schema(fresh)


def test_months_are_made_once(db: Database) -> None:
    for _ in range(2):
        db.connection.execute("select ops.ensure_month('2026-01-05')")
    names = db.connection.execute("select to_regclass('ops.outcome_202601'), to_regclass('ops.file_202601')").fetchone()
    assert names == ("ops.outcome_202601", "ops.file_202601")
