"""A server that is too old, not migrated, or lets nobody in: each said by its name, with its own next step."""

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tm_core.errors import DatabaseError, ServerTooOld, SettingsError
from tm_core.settings import Settings
from tm_store import cli, db_refusals
from tm_store import db as db_module
from tm_store.db import OLDEST_SERVER, Database, explained, open_database
from tm_store.db_refusals import REFUSALS, find_refusal
from tm_store.doctor import State, examine
from tm_store.migrate import migrate

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def empty(server_url: str, settings: Settings) -> Iterator[Settings]:
    """A database that no one has migrated."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield replace(settings, database_url=urlsplit(server_url)._replace(path="/" + name).geturl())
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def as_environment(settings: Settings) -> dict[str, str]:
    return {
        "TM_HOME": str(settings.home),
        "TM_INCLUDE": str(settings.include),
        "TM_DATABASE_URL": settings.database_url,
    }


# The version ------------------------------------------------------------------------------------------------


@pytest.mark.db
def test_an_old_server_is_refused_before_any_statement(
    empty: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tests' server is a new one, so the least version is raised above it; a Postgres 15 says the same."""
    monkeypatch.setattr(db_module, "OLDEST_SERVER", 99)
    for name, value in as_environment(empty).items():
        monkeypatch.setenv(name, value)
    ran: list[str] = []
    monkeypatch.setattr(psycopg.Connection, "execute", lambda self, query, *more, **named: ran.append(str(query)))
    for command in ("migrate", "checksum", "log"):
        assert cli.main([command]) == 1
        said = capsys.readouterr().err
        for part in (
            "expected Postgres 99 or newer, found Postgres 1",
            "Upgrade the server",
            "No statement has been run",
        ):
            assert part in said
    with pytest.raises(ServerTooOld):
        migrate(empty)
    assert ran == []
    checks = {check.name: check for check in examine(as_environment(empty))}
    assert checks["database"].state is State.WRONG
    assert "expected Postgres 99 or newer" in checks["database"].found
    assert checks["schema"].found == "not looked at: no database"


def test_the_least_version_stands_in_the_docs() -> None:
    for page in ("README.md", "docs/deployment.md"):
        assert f"Postgres {OLDEST_SERVER} or newer" in (ROOT / page).read_text(), f"{page} has another least version"


# Not migrated -----------------------------------------------------------------------------------------------


@pytest.mark.db
def test_doctor_says_once_that_a_database_is_not_migrated(empty: Settings) -> None:
    checks = examine(as_environment(empty))
    found = {check.name: check for check in checks}
    assert not [check for check in checks if "failed" in check.found or "Undefined" in check.found]
    assert [check.name for check in checks if check.mend == "tm migrate"] == ["schema"]
    assert (found["schema"].state, "not migrated" in found["schema"].found) == (State.MISSING, True)
    unseen = {check.name for check in checks if check.found == "not looked at: see schema"}
    assert unseen == {"roles", "last batch", "backups", "tier 2"}
    migrate(empty)
    assert {check.name: check.state for check in examine(as_environment(empty))}["schema"] is State.OK


@pytest.mark.db
def test_an_older_schema_is_no_crash_of_the_checks(settings: Settings, db: Database) -> None:
    db.connection.execute("delete from ops.migration where number > 5; drop table ops.alarm, ops.drill, ops.breaker")
    checks = examine(as_environment(settings))
    assert [check.name for check in checks if "see schema" in check.found] == [
        "roles",
        "last batch",
        "backups",
        "tier 2",
    ]
    (schema,) = [check for check in checks if check.name == "schema"]
    assert "at schema 5" in schema.found


@pytest.mark.db
@pytest.mark.parametrize("command", [["report", "--date", "2026-01-05"], ["checksum"], ["backup", "--check"]])
def test_a_command_says_that_the_database_is_not_migrated(
    empty: Settings, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in as_environment(empty).items():
        monkeypatch.setenv(name, value)
    assert cli.main(command) == 1
    assert "the database is not migrated" in (said := capsys.readouterr().err)
    assert "Run `tm migrate`" in said


# Not let in -------------------------------------------------------------------------------------------------

Login = Callable[..., str]


@pytest.fixture
def login(server_url: str, settings: Settings) -> Iterator[Login]:
    """Make URLs of the test's database, of a role of its own whose password is 'right'."""
    name = f"guest_{os.getpid()}"
    parts = urlsplit(settings.database_url)
    role, database = sql.Identifier(name), sql.Identifier(parts.path[1:])
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login password 'right'").format(role))

        def url(password: str = "right", *, statement: str = "", **changed: str) -> str:
            if statement:
                connection.execute(sql.SQL(statement).format(role=role, database=database))
            place = f"{name}:{password}@{parts.hostname}:{parts.port}"
            return parts._replace(netloc=place, **changed).geturl()

        yield url
        connection.execute(sql.SQL("drop role {}").format(role))


CASES: dict[str, tuple[dict[str, str], str, str]] = {
    "password": ({"password": "wrong"}, "the password is wrong", "Correct user and password"),
    "database": ({"path": "/no_such"}, "has no such database", "createdb NAME"),
    "group": ({"statement": "alter role {role} nologin"}, "may not log in", "a login that is a member"),
    "right": ({"statement": "revoke connect on database {database} from public"}, "may not connect", "grant connect"),
    "many": ({"statement": "alter role {role} connection limit 0"}, "as many connections as it may", "max_connections"),
    "TLS": ({"query": "sslmode=require"}, "demands TLS, and the server has none", "Switch TLS on"),
    "URL": ({"query": "sslmode=perhaps"}, "a part of the URL cannot be used", "Correct it"),
}


@pytest.mark.db
@pytest.mark.parametrize("case", CASES)
def test_what_a_server_refuses_is_told_apart(
    login: Login, settings: Settings, case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed, found, next_step = CASES[case]
    env = as_environment(settings) | {"TM_DATABASE_URL": login(**changed)}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["checksum"]) == 1
    said = capsys.readouterr().err
    assert found in said
    assert next_step in said
    assert "cannot be reached" not in said
    assert "Nothing was changed" in said
    assert ":right@" not in said
    assert ":wrong@" not in said
    others = [other for name, (_, other, _) in CASES.items() if name != case and other in said]
    assert others == []
    (database,) = [check for check in examine(env) if check.name == "database"]
    assert (database.state, found in database.found, "make up" in database.mend) == (State.WRONG, True, False)


@pytest.mark.db
@pytest.mark.parametrize("place", ["127.0.0.1:1", "no-such-host.invalid:5432"])
def test_a_server_that_is_not_there_is_to_be_started(settings: Settings, place: str) -> None:
    env = as_environment(settings) | {"TM_DATABASE_URL": f"postgresql://tm:secret@{place}/tm"}
    (database,) = [check for check in examine(env) if check.name == "database"]
    assert "the database cannot be reached" in database.found
    assert "make up" in database.mend


#: As a server of another set-up says it: (its words, what we say).
ELSEWHERE = [
    ('FATAL:  role "nobody" does not exist', "the server knows no such role"),
    ('FATAL:  no pg_hba.conf entry for host "10.1.2.3", user "tm", database "tm", no encryption', "over TLS alone"),
    ('FATAL:  no pg_hba.conf entry for host "10.1.2.3", user "tm", database "tm", SSL off', "over TLS alone"),
    (
        'FATAL:  no pg_hba.conf entry for host "10.1.2.3", user "tm", database "tm", SSL encryption',
        "pg_hba.conf lets no",
    ),
    ("SSL error: certificate verify failed", "the certificates do not fit"),
    ('server certificate for "a" does not match host name "b"', "the certificates do not fit"),
    ('root certificate file "/x/root.crt" does not exist', "the certificates do not fit"),
    ("FATAL:  connection requires a valid client certificate", "the certificates do not fit"),
    ("fe_sendauth: no password supplied", "the password is wrong"),
    ('FATAL:  Peer authentication failed for user "tm"', "the password is wrong"),
    ("FATAL:  sorry, too many clients already", "as many connections"),
    ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", "as many connections"),
    ("FATAL:  the database system is starting up", "cannot be reached"),
    ("connection to server failed: Connection refused", "cannot be reached"),
]


@pytest.mark.parametrize(("words", "expected"), ELSEWHERE)
def test_words_of_other_servers(words: str, expected: str) -> None:
    said = str(explained("postgresql://tm:secret@host/tm", psycopg.OperationalError(f"connection failed: {words}")))
    assert expected in said
    assert words in said
    assert "secret" not in said


def test_every_refusal_is_tried_here() -> None:
    tried = {find_refusal(words) for words, _ in ELSEWHERE} | {
        refusal for refusal in REFUSALS for _, found, _ in CASES.values() if found in refusal.found
    }
    assert set(REFUSALS) == tried - {None}
    assert len({refusal.next_step for refusal in db_refusals.REFUSALS}) == len(REFUSALS), "each has its own next step"


# The URL ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql+psycopg://tm:secret@host/tm", ("'postgresql+psycopg://…'", "SQLAlchemy", "without '+psycopg'")),
        ("postgresql+psycopg2://tm:secret@host/tm", ("'postgresql+psycopg2://…'", "without '+psycopg2'")),
        ("postgres+asyncpg://tm:secret@host/tm", ("'postgres+asyncpg://…'", "without '+asyncpg'")),
        ("jdbc:postgresql://host/tm?password=secret", ("'jdbc:postgresql://…'", "Java", "without 'jdbc:'")),
    ],
)
def test_the_address_of_another_program_is_named(url: str, said: tuple[str, ...]) -> None:
    for name in ("TM_DATABASE_URL", "TM_DATABASE_OWNER_URL", "TM_DATABASE_READ_URL"):
        with pytest.raises(SettingsError) as caught:
            Settings.from_env({name: url})
        for part in (name, "postgresql://user:password@host/db", *said):
            assert part in str(caught.value)
        assert "secret" not in str(caught.value)


def test_a_url_that_cannot_be_read(settings_without_database: Settings) -> None:
    url = "postgresql://tm:se cret@[::1/tm"
    with (
        pytest.raises(DatabaseError, match=r"a URL that cannot be read.*%40") as caught,
        open_database(replace(settings_without_database, database_url=url)),
    ):
        pass
    assert "cret" not in str(caught.value)


@pytest.fixture
def settings_without_database(tmp_path: Path) -> Settings:
    return Settings.from_env({"TM_HOME": str(tmp_path)})
