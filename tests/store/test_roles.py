"""Roles, tried with real logins: what each needs works, what each must not do is refused."""

import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tm_core.settings import Settings
from tm_embedded import postgres
from tm_embedded.home import load_secrets
from tm_store.db import Database, Statement, load_statement, open_database
from tm_store.migrate import migrate
from tm_store.roles import GROUPS, LOADER, OWNER, READER, SCHEMAS, apply_roles, gaps, render, script, superuser_gaps

pytestmark = pytest.mark.db

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "include" / "sql"
#: Run as the owner, or on Airflow's database.
OF_OWNERS = ("roles", "upkeep", "restore", "airflow")
OF_MIGRATIONS = ("ops/create_migration_table", "ops/insert_migration")
#: Refused in a savepoint, whoever asks; the rights are those of every login.
NOT_IN_SAVEPOINTS = ("backup/export_snapshot",)
#: Folders that look-ups and exports read with; the review page has the loader's login.
OF_READERS = ("lookup", "export", "report")
#: Refusals that come only after the rights have been looked at: the rows that NULL as every parameter would make.
AFTER_RIGHTS = (psycopg.errors.IntegrityError, psycopg.errors.DataError)


def statements() -> list[Statement]:
    paths = sorted(path for path in SQL.rglob("*.sql") if path.parent.name not in ("schema", *OF_OWNERS))
    names = [f"{path.parent.name}/{path.stem}" for path in paths]
    assert len(names) > 100, "the checks below would pass on nothing"
    return [
        load_statement(SQL / f"{name}.sql", name) for name in names if name not in OF_MIGRATIONS + NOT_IN_SAVEPOINTS
    ]


# Logins ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def logins(server_url: str, template: str) -> Iterator[dict[str, str]]:
    """A login of each group: group -> user:password."""
    mark = uuid.uuid4().hex[:8]
    with psycopg.connect(server_url, autocommit=True) as connection:
        if connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone() != (True,):
            pytest.skip("tests of roles need a superuser in TM_TEST_DATABASE_URL")
        made = {group: f"{group}_{mark}" for group in GROUPS}
        for group, login in made.items():
            connection.execute(f"create role {login} login password 'secret' in role {group}")
        yield {group: f"{login}:secret" for group, login in made.items()}
        for login in made.values():
            connection.execute(f"drop role {login}")


def url_of(url: str, login: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}").geturl()


@pytest.fixture
def urls(database_url: str, logins: dict[str, str]) -> dict[str, str]:
    return {group: url_of(database_url, login) for group, login in logins.items()}


def asked(url: str, statement: str) -> type[psycopg.Error] | None:
    """What a statement is refused with; it is rolled back in any case."""
    with psycopg.connect(url) as connection:
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            return type(error)
        finally:
            connection.rollback()
    return None


REFUSED = psycopg.errors.InsufficientPrivilege
NOT_FOR_LOADERS = """
drop table tm.unit cascade
drop table tm.unit_p0
drop table staging.bead
drop schema tm cascade
truncate tm.unit, tm.extra, tm.evidence
truncate staging.bead
truncate ops.outcome
alter table tm.unit add column more text
alter table tm.unit rename to gone
alter table tm.unit disable trigger note_added
alter table tm.store owner to current_user
create table tm.mine (a integer)
create table ops.mine (a integer)
create table public.mine (a integer)
create table ops.outcome_199901 partition of ops.outcome for values from ('1999-01-01') to ('1999-02-01')
create schema mine
create index mine on tm.unit (score)
drop index ops.batch_date
create trigger mine after insert on tm.unit for each row execute function tm.note_added()
create or replace function ops.ensure_month(day date) returns void language sql as 'select 1'
alter function ops.ensure_month(date) security invoker
insert into ops.migration (number, name, sha256) values (9999, '', '')
update ops.migration set sha256 = ''
delete from ops.migration
delete from ops.put_away
insert into away.mine values (1)
set role tm_owner
reindex table tm.unit_p0
comment on table tm.unit is 'mine'
copy tm.store to program 'cat'
select pg_read_file('PG_VERSION')
alter role tm_reader superuser
""".strip().splitlines()


@pytest.mark.parametrize("statement", NOT_FOR_LOADERS)
def test_a_loader_is_refused(urls: dict[str, str], database_url: str, statement: str) -> None:
    if "away.mine" in statement:
        with psycopg.connect(database_url) as connection:
            connection.execute("create table away.mine (a integer)")
            connection.execute("grant select on away.mine to tm_loader")
    # The same from a superuser goes through: it is the right that is missing, and nothing else.
    assert asked(database_url, statement) is None
    assert asked(urls[LOADER], statement) is REFUSED


NOT_FOR_READERS = """
insert into tm.store (name) values ('mine')
update tm.unit set score = 1
delete from tm.unit
delete from tm.pending
truncate tm.unit, tm.extra, tm.evidence
select * from staging.bead
select * from review.item
update ops.batch set state = 'done'
delete from ops.journal
insert into quality.metric select * from quality.metric
select nextval('ops.generation')
select ops.ensure_month('2031-01-01')
select staging.analyze_beads()
set role tm_loader
create table public.mine (a integer)
select * from tm.unit for update
create temporary table mine (a integer)
create temporary view mine as select 1
select lo_create(0)
select lo_creat(-1)
select lo_from_bytea(0, 'mine')
update tm.unit set score = score where false
""".strip().splitlines()


@pytest.mark.parametrize("statement", NOT_FOR_READERS)
def test_a_reader_is_refused(urls: dict[str, str], database_url: str, statement: str) -> None:
    assert asked(database_url, statement) is None
    assert asked(urls[READER], statement) is REFUSED


def test_an_owner_may_migrate_and_a_loader_may_not(urls: dict[str, str], settings: Settings) -> None:
    assert asked(urls[OWNER], "alter table tm.unit add column more text") is None
    assert asked(urls[OWNER], "create table ops.mine (a integer)") is None
    assert migrate(replace(settings, database_owner_url=urls[OWNER], database_url=urls[LOADER])) == []


# Every table and column ---------------------------------------------------------------------------

#: Tables whose rows a loader may only add, with the columns that say how far a row has come: these it may update.
APPEND_ONLY: dict[str, set[str]] = {
    "ops.approval": set(),
    "ops.backup": {"state", "problem"},
    "ops.drill": set(),
    "ops.erasure": {"swept_at", "lifted_by"},
    "ops.journal": {"shipped_at"},
    "ops.restore": set(),
    "quality.decision": {
        "content", "decided_at", "decided_by", "reasons", "releasable", "verdict", "warnings", "why"
    },
    "quality.decision_history": set(),
    "review.change": set(),
    "review.comparison": {"promoted_at", "promoted_by", "before", "undone_at", "undone_by"},
    "review.threshold": set(),
    "review.verdict": set(),
}  # fmt: skip
#: Tables that a loader may only read, views among them: what the owner has done.
READ_ONLY = {"ops.migration", "ops.put_away", "review.effective", "review.trail"}
#: Tables whose rows a loader reads, adds, updates and deletes: the memory, what is under way, what can be made again.
ROWS = set(
    """
    tm.store tm.unit tm.evidence tm.document tm.numbering tm.source tm.gram tm.pending tm.extra tm.withdrawn_document
    tm.withdrawn tm.withdrawn_unit tm.tombstone tm.ruling
    ops.batch ops.slice ops.step ops.file ops.document ops.outcome ops.shard_run ops.ledger ops.lexicon ops.pod
    ops.breaker ops.alarm
    quality.metric quality.check_result
    review.item review.unsettled review.removed review.standing review.blind
    staging.bead
    """.split()
)
OURS = """
select
    format('%%I.%%I', namespace.nspname, class.relname),
    -- A partition is what its table is.
    coalesce(parent.inhparent::regclass::text, format('%%I.%%I', namespace.nspname, class.relname)),
    array_agg(attribute.attname::text order by attribute.attnum)
from pg_class as class
join pg_namespace as namespace on namespace.oid = class.relnamespace
join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
left join pg_inherits as parent on parent.inhrelid = class.oid
where namespace.nspname = any(%s) and class.relkind in ('r', 'p', 'v', 'm', 'f')
group by 1, 2
"""


def may(connection: Any, statement: str) -> bool:
    """Whether the login has the right to run a statement. A foreign key that it would break is looked at after that."""
    with savepoint(connection) as errors:
        connection.execute(statement)
        raise psycopg.Rollback
    return all(isinstance(error, psycopg.errors.FeatureNotSupported) for error in errors)


def rights(connection: Any, table: str, columns: list[str]) -> dict[str, Any]:
    """What the login may do with a table, tried on no row at all."""
    listed = ", ".join(f'"{column}"' for column in columns)
    return {
        "insert": may(
            connection,
            f"insert into {table} ({listed}) overriding system value select {listed} from {table} where false",
        ),
        "update": {one for one in columns if may(connection, f'update {table} set "{one}" = default where false')},
        "delete": may(connection, f"delete from {table} where false"),
        "truncate": may(connection, f"truncate {table}"),
    }


def declared(table: str, columns: list[str]) -> dict[str, Any] | None:
    """What a loader should be able to do with it; None if no one has said."""
    if table in ROWS:
        return {"insert": True, "update": set(columns), "delete": True, "truncate": False}
    if table in APPEND_ONLY:
        return {"insert": True, "update": APPEND_ONLY[table], "delete": False, "truncate": False}
    if table in READ_ONLY:
        return {"insert": False, "update": set(), "delete": False, "truncate": False}
    return None


def test_a_loader_has_just_the_declared_rights_on_every_table_and_column(urls: dict[str, str], db: Database) -> None:
    db.connection.execute("select ops.ensure_month('2031-05-05')")
    db.connection.commit()
    found = db.connection.execute(OURS, [list(SCHEMAS)]).fetchall()
    db.connection.commit()
    assert {"tm.unit_p0", "ops.outcome_203105", "ops.journal", "review.trail"} <= {name for name, _, _ in found}
    assert {table for _, table, _ in found} == ROWS | set(APPEND_ONLY) | READ_ONLY, (
        "a new table: may a loader delete its rows? Name it in ROWS, APPEND_ONLY or READ_ONLY above; if it is "
        "append-only also in include/sql/roles/grant_rights.sql and select_gaps.sql, with its state columns"
    )
    with psycopg.connect(urls[LOADER]) as connection:
        connection.execute("select 1")  # opens the transaction that savepoints lie in
        wrong = {
            name: (tried_, wanted)
            for name, table, columns in found
            if (tried_ := rights(connection, name, columns)) != (wanted := declared(table, columns))
        }
    assert wrong == {}, (
        "(found, declared): grant or revoke it in include/sql/roles/grant_rights.sql and select_gaps.sql, or correct "
        "the lists above"
    )


def test_a_reader_writes_to_no_table_and_no_column(urls: dict[str, str], database_url: str, db: Database) -> None:
    found = db.connection.execute(OURS, [list(SCHEMAS)]).fetchall()
    assert len(found) > 100
    nothing = {"insert": False, "update": set(), "delete": False, "truncate": False}
    with psycopg.connect(database_url) as connection:
        # The same from a superuser goes through.
        assert rights(connection, "review.verdict", ["who"]) == dict(
            nothing, insert=True, update={"who"}, delete=True, truncate=True
        )
    with psycopg.connect(urls[READER]) as connection:
        connection.execute("select 1")
        assert {name for name, _, columns in found if rights(connection, name, columns) != nothing} == set()


@pytest.mark.parametrize(
    ("kind", "store", "error"),
    [("erase", "demo", None), ("import", "demo", REFUSED), ("erase", "other", REFUSED), (None, "", REFUSED)],
)
def test_texts_of_corrections_go_with_the_journal_entry_of_an_erasure_alone(
    urls: dict[str, str], database_url: str, kind: str | None, store: str, error: type[psycopg.Error] | None
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into tm.store (name) values ('demo')")
        connection.execute(
            "insert into review.verdict (verdict_key, who, kind, note, batch_id, document_key, position,"
            " partition_date, store, src_lang, tgt_lang, tier, score_bin, score, confidence, weight, origin,"
            " unit_key) values"
            " ('k', 'maria', 'accept', 'A', 'b', '', 0, '2026-01-05', 'demo', 'en', 'de', 'lexical', 0, 1, 1, 1,"
            " '', '')"
        )
        connection.execute(
            "insert into review.change (verdict_key, number, side, is_right, store, src_lang, tgt_lang, src_hash,"
            " tgt_hash, src_text, tgt_text) values ('k', 0, 'before', true, 'demo', 'en', 'de', 's', 't', 'A', 'B'),"
            " ('k', 1, 'before', true, 'demo', 'en', 'de', 's2', 't2', 'C', 'D')"
        )
    forget = "select review.forget_changes('demo', '{en}', '{de}', array['s'::bytea], array[''::bytea], '{}')"
    with psycopg.connect(urls[LOADER]) as connection:
        if kind:
            connection.execute(
                "insert into ops.journal (kind, who, store, facts) values (%s, 'maria', %s, '{}')", [kind, store]
            )
        assert connection.execute(forget).fetchone() == (1,)
        assert connection.execute("select review.forget_notes('demo', array['k'::bytea])").fetchone() == (1,)
        if error:
            with pytest.raises(error, match=r"review\.(change|verdict): .* without the journal entry of an erasure"):
                connection.commit()
        else:
            connection.commit()
    with psycopg.connect(database_url) as connection:
        left = connection.execute("select src_text from review.change order by number").fetchall()
        notes = connection.execute("select note from review.verdict").fetchall()
    assert notes == ([("A",)] if error else [("",)])
    assert left == ([("A",), ("C",)] if error else [("C",)])


def test_texts_of_corrections_of_an_unknown_store_are_not_looked_for(urls: dict[str, str]) -> None:
    with (
        psycopg.connect(urls[LOADER]) as connection,
        pytest.raises(psycopg.errors.InvalidParameterValue, match="nowhere"),
    ):
        connection.execute("select review.forget_changes('nowhere', '{}', '{}', '{}', '{}', '{}')")


def test_decisions_that_are_taken_away_stay_in_the_history(urls: dict[str, str], database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into ops.batch (batch_id, partition_date, state, run_id, versions)"
            " values ('b', '2026-01-05', 'planned', 'r', '{}')"
        )
        connection.execute(
            "insert into quality.decision (batch_id, store, src_lang, tgt_lang, verdict, reasons, warnings, decided_by)"
            " values ('b', 'demo', 'en', 'de', 'hold', '{few}', '{}', 'gate')"
        )
    with psycopg.connect(urls[LOADER], autocommit=True) as connection:
        for gone in (1, 0):
            assert connection.execute("select quality.forget_decisions('b')").fetchone() == (gone,)
        kept = connection.execute("select store, verdict, reasons, decided_by from quality.decision_history").fetchall()
    assert kept == [("demo", "hold", ["few"], "gate")]


# Every statement ---------------------------------------------------------------------------------


@contextmanager
def savepoint(connection: Any) -> Iterator[list[psycopg.Error]]:
    """Keep the transaction alive; the list holds the error that the block ended with, if it did."""
    errors: list[psycopg.Error] = []
    try:
        with connection.transaction():
            yield errors
    except psycopg.Error as error:
        errors.append(error)


def run(connection: Any, statement: Statement) -> psycopg.Error | None:
    """Run a statement with NULL for every parameter."""
    cursor = psycopg.ClientCursor(connection)
    with savepoint(connection) as errors:
        if re.search(r"^copy .* from stdin", statement.sql, re.MULTILINE | re.DOTALL):
            with cursor.copy(statement.sql):
                pass
        else:
            cursor.execute(statement.sql, dict.fromkeys(statement.parameters) or None)
    return errors[0] if errors else None


def tried(url: str) -> dict[str, psycopg.Error | None]:
    """What became of every statement, in transactions that are rolled back: None, or its error."""
    every = statements()
    folders = sorted({one.name.partition("/")[0] for one in every})
    result: dict[str, psycopg.Error | None] = {}
    with psycopg.connect(url) as connection:
        for folder in folders:
            connection.execute("select 1")  # opens the transaction that savepoints lie in
            # Temporary tables first, the folder's own before others of that name; again until each has found those that
            # it reads.
            temporary = [one for one in every if "create temporary table" in one.sql]
            temporary.sort(key=lambda one: one.name.partition("/")[0] not in (folder, "tm"))
            temporary.sort(key=lambda one: not one.name.startswith(folder))
            for _ in range(4):
                for one in temporary:
                    run(connection, one)
            mine = [one for one in every if one.name.startswith(f"{folder}/") and one not in temporary]
            result |= {one.name: run(connection, one) for one in mine}
            connection.rollback()
    return result


def test_a_loader_may_run_every_statement(urls: dict[str, str]) -> None:
    found = tried(urls[LOADER])
    refused = {name: str(error) for name, error in found.items() if isinstance(error, REFUSED)}
    assert refused == {}, "grant it in include/sql/roles, or list it in OF_OWNERS"
    # Otherwise an error that comes before the rights are looked at would hide a missing one.
    unclear = {name: str(error) for name, error in found.items() if error and not isinstance(error, AFTER_RIGHTS)}
    assert unclear == {}


def test_a_reader_may_look_up_export_and_report_and_write_nothing(urls: dict[str, str]) -> None:
    found = tried(urls[READER])
    for one in statements():
        if one.name not in found:
            continue
        writes = one.header.get("Writes", "")
        if writes and "(temporary)" not in writes:
            assert isinstance(found[one.name], REFUSED | psycopg.errors.UndefinedTable), one.name
        elif one.name.partition("/")[0] in OF_READERS and "review." not in one.sql and not writes:
            assert not isinstance(found[one.name], REFUSED), f"{one.name}: {found[one.name]}"
    assert sum(isinstance(error, REFUSED) for error in found.values()) > 30


# What is set up ----------------------------------------------------------------------------------


def test_every_schema_of_the_memory_has_its_rights() -> None:
    text = "\n".join(path.read_text() for path in sorted((SQL / "schema").glob("*.sql")))
    made = set(re.findall(r"^create schema (?:if not exists )?(\w+)", text, re.MULTILINE))
    assert made, "no schema found: the check would pass on nothing"
    assert made | {"ops"} == set(SCHEMAS), "name it in tm_store.roles and in every file of include/sql/roles"
    for name in SCHEMAS:
        for file in ("grant_rights", "take_over", "select_gaps"):
            assert re.search(rf"\b{name}\b", (SQL / "roles" / f"{file}.sql").read_text()), f"{file}.sql: {name}"


def test_functions_that_run_as_the_owner_choose_their_own_names(db: Database) -> None:
    found = db.connection.execute(
        "select oid::regprocedure::text, proconfig, has_function_privilege('public', oid, 'execute') from pg_proc"
        " where prosecdef and pronamespace::regnamespace::text = any(%s)",
        [list(SCHEMAS)],
    ).fetchall()
    assert len(found) >= 2
    for name, config, is_public in found:
        assert config, name
        assert config[0].startswith("search_path=pg_catalog, pg_temp"), name
        assert not is_public, f"{name}: anybody may run it as the owner"


def test_a_months_partitions_are_the_owners_whoever_asks(urls: dict[str, str], db: Database) -> None:
    with psycopg.connect(urls[LOADER], autocommit=True) as connection:
        connection.execute("select ops.ensure_month('2031-05-05')")
        with pytest.raises(REFUSED):
            connection.execute("drop table ops.outcome_203105")
    assert gaps(db) == []


PLANTED = {
    "grant truncate on tm.unit to tm_loader": "tm_loader may SELECT, INSERT, UPDATE, DELETE, TRUNCATE on tm.unit",
    "grant insert on tm.unit to tm_reader": "tm_reader may SELECT, INSERT on tm.unit",
    "grant select on review.item to tm_reader": "tm_reader may SELECT on review.item",
    "grant delete on ops.migration to tm_loader": "tm_loader may SELECT, DELETE on ops.migration",
    "revoke select on tm.store from tm_reader": "tm_reader may nothing on tm.store",
    "grant execute on function ops.ensure_month(date) to public": (
        "everybody may run ops.ensure_month(date), which runs as its owner"
    ),
    "grant delete on ops.journal to tm_loader": "tm_loader may SELECT, INSERT, DELETE on ops.journal",
    "grant update (facts) on ops.journal to tm_loader": (
        "tm_loader may update facts, shipped_at of ops.journal, where it may update shipped_at"
    ),
    "revoke update (state) on ops.backup from tm_loader": (
        "tm_loader may update problem of ops.backup, where it may update problem, state"
    ),
    "grant delete on review.effective to tm_loader": "tm_loader may SELECT, DELETE on review.effective",
    "grant update (score) on tm.unit to tm_reader": "tm_reader may SELECT, UPDATE on tm.unit",
    "grant execute on function lo_create(oid) to public": "tm_reader may make large objects: lo_create",
    "grant execute on function lowrite(integer, bytea) to tm_reader": "tm_reader may make large objects: lowrite",
    "alter table ops.batch owner to current_user": "ops.batch does not belong to tm_owner",
    "create table ops.left_by_hand (a integer)": "ops.left_by_hand does not belong to tm_owner",
}


@pytest.mark.parametrize("statement", PLANTED)
def test_a_gap_is_named_and_mended(db: Database, settings: Settings, statement: str) -> None:
    assert gaps(db) == []
    db.connection.execute(statement)
    assert PLANTED[statement] in gaps(db)
    assert PLANTED[statement] in render(db)
    assert migrate(settings) == []
    assert gaps(db) == []


@pytest.mark.parametrize("grantee", ["public", "tm_reader"])
def test_temporary_tables_are_taken_from_readers(
    db: Database, settings: Settings, urls: dict[str, str], grantee: str
) -> None:
    base = urlsplit(settings.database_url).path[1:]
    db.connection.execute(f'grant temporary on database "{base}" to {grantee}')
    db.connection.execute(f'revoke temporary on database "{base}" from tm_owner, tm_loader')
    assert asked(urls[READER], "create temporary table mine (a integer)") is None
    assert "tm_reader may make temporary tables in this database" in gaps(db)
    assert migrate(settings) == []
    assert gaps(db) == []
    assert asked(urls[READER], "create temporary table mine (a integer)") is REFUSED
    for group in (LOADER, OWNER):
        assert asked(urls[group], "create temporary table mine (a integer)") is None


def test_a_login_without_the_right_says_what_a_superuser_has_to_do(
    db: Database, settings: Settings, urls: dict[str, str]
) -> None:
    """Large objects' functions belong to the server: an owner of the memory cannot take them away."""
    db.connection.execute("grant execute on function lo_create(oid) to public")
    db.connection.execute("revoke select on tm.store from tm_reader")
    base = urlsplit(settings.database_url).path[1:]
    db.connection.execute(f'alter database "{base}" owner to tm_owner')
    with open_database(replace(settings, database_url=urls[OWNER])) as owner:
        assert gaps(owner) == ["tm_reader may nothing on tm.store"]
        note = apply_roles(owner)
        assert (
            note
            == "tm_reader may make large objects: lo_create. Only a superuser can take that away: tm roles --sql | psql"
        )
        assert note in render(owner)
        assert (gaps(owner), superuser_gaps(owner)) == ([], ["tm_reader may make large objects: lo_create"])
        assert apply_roles(owner) == "", "what it cannot change is not said at each migration"
    db.connection.execute(script(db))
    assert superuser_gaps(db) == []
    db.connection.execute(f'alter database "{base}" owner to current_user')


def test_the_script_makes_what_migrate_makes(db: Database) -> None:
    db.connection.execute("grant truncate on tm.unit to tm_loader")
    db.connection.execute(script(db))
    assert gaps(db) == []


# A server without the roles ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """A server that has seen no tm-refinery yet."""
    folder = tmp_path_factory.mktemp("bare")
    passwords = load_secrets(folder / "secrets.json")
    with postgres.watched(folder, data=folder / "data"):
        server = postgres.start(folder / "data", log=folder / "log", passwords=passwords, durable=False)
        yield server
        postgres.stop_process(server.process)
    postgres.remove_data(folder / "data")


def test_databases_migrated_at_once_make_the_roles_once(bare: postgres.Server) -> None:
    with psycopg.connect(bare.url("postgres"), autocommit=True) as connection:
        for number in range(4):
            connection.execute(f"create database at_once_{number}")
        every = [
            Settings(database_url=bare.url(f"at_once_{number}", "postgres"), include=ROOT / "include")
            for number in range(4)
        ]
        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(migrate, every))
        for one in every:
            with open_database(one) as db:
                assert gaps(db) == []
        for one in every:
            with open_database(one) as db:
                for group in GROUPS:
                    db.connection.execute(f"drop owned by {group} cascade")
        for group in GROUPS:
            connection.execute(f"drop owned by {group}")
            connection.execute(f"drop role {group}")


def test_a_login_that_may_not_make_roles_is_told_what_to_ask_for(
    bare: postgres.Server, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(bare.url("postgres"), autocommit=True) as connection:
        connection.execute("create role plain login password 'secret'")
        connection.execute("create database plain owner plain")
        settings = Settings(
            database_url=bare.url("plain", "postgres").replace("postgres:", "plain:", 1), include=ROOT / "include"
        )
        settings = replace(settings, database_url=url_of(settings.database_url, "plain:secret"))
        assert migrate(settings), "it migrates all the same"
        with open_database(settings) as db:
            said = apply_roles(db)
            assert said in caplog.text
            db.connection.execute("select ops.ensure_month('2031-01-01')")
        asked_for = [line.strip() for line in said.splitlines() if line.startswith("    ")]
        assert asked_for == [*(f"create role {name} nologin;" for name in GROUPS), 'grant tm_owner to "plain";']
        with psycopg.connect(url_of(bare.url("plain", "postgres"), f"postgres:{bare.passwords['postgres']}")) as root:
            for statement in asked_for:
                root.execute(statement)
        assert migrate(settings) == []
        with open_database(settings) as db:
            assert gaps(db) == []
