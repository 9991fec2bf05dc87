"""Schema migrations: the files ``include/sql/schema/NNNN_*.sql``, applied in order, forward only."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tm_core.errors import DatabaseError, SchemaTooNew
from tm_core.identity import digest
from tm_core.settings import Settings
from tm_store.db import Database, open_database
from tm_store.roles import apply_roles

log = logging.getLogger(__name__)

# Any number that nothing else uses: whoever migrates holds it, the others wait.
_LOCK = 7_245_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file: its number, its name and the hash of what it says."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return digest("migration", self.sql)


def migrations(include: Path) -> list[Migration]:
    """The files in order. Raises DatabaseError if there are none, or a number is missing or taken twice."""
    files = sorted((include / "sql" / "schema").glob("*.sql"))
    found = [
        Migration(number=int(name[:4]), name=name, sql=path.read_text(encoding="utf-8"))
        for path in files
        if re.fullmatch(r"\d{4}_\w+", name := path.stem)
    ]
    if not found or [one.number for one in found] != list(range(1, len(found) + 1)):
        raise DatabaseError(
            f"{include / 'sql' / 'schema'}: expected 0001_….sql, 0002_….sql and so on without a gap, "
            f"found {[path.name for path in files]}. Set TM_INCLUDE or mend the numbers; nothing has been changed."
        )
    return found


def migrate(settings: Settings) -> list[str]:
    """Bring the database to this code's schema and its roles to their rights; safe to run by several at once.

    The connection is that of TM_DATABASE_OWNER_URL, where it is set. A login that may not make the roles migrates all
    the same: a warning says what a superuser has to run.

    Returns:
        The names of the migrations applied now; empty if there was nothing to do.

    Raises:
        SchemaTooNew: the database has migrations that this code does not know. Nothing was changed.
        DatabaseError: an applied migration differs from its file.
    """
    wanted = migrations(settings.include)
    with open_database(settings.as_owner()) as db, db.transaction():
        db.connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        if not _is_known(db):
            db.run("ops/create_migration_table")
        missing = _missing(wanted, dict(db.run("ops/select_migrations")))
        for one in missing:
            db.connection.execute(one.sql)
            db.run("ops/insert_migration", number=one.number, name=one.name, sha256=one.sha256)
        if advice := apply_roles(db):
            log.warning("%s", advice)
    return [one.name for one in missing]


@contextmanager
def open_memory(settings: Settings) -> Iterator[Database]:
    """A connection to a database that has this code's schema; raises what open_database and check_schema raise."""
    with open_database(settings) as db:
        check_schema(db)
        yield db


def check_schema(db: Database) -> None:
    """Raise unless the database has exactly this code's schema."""
    wanted = migrations(db.include)
    applied = dict(db.run("ops/select_migrations")) if _is_known(db) else {}
    if missing := _missing(wanted, applied):
        found = f"at schema {max(applied)}" if applied else "not migrated: it has no table of tm-refinery"
        raise DatabaseError(
            f"the database is {found}; this code needs schema {missing[-1].number}. Run `tm migrate`; nothing has been "
            "changed."
        )


def _is_known(db: Database) -> bool:
    """Whether the database has ever been migrated."""
    row = db.connection.execute("select to_regclass('ops.migration') is not null").fetchone()
    return bool(row and row[0])


def _missing(wanted: list[Migration], applied: dict[int, str]) -> list[Migration]:
    newest = max(applied, default=0)
    if newest > wanted[-1].number:
        raise SchemaTooNew(
            f"the database is at schema {newest}, this code knows schemas up to {wanted[-1].number}. "
            "A newer tm-refinery has migrated it: run that version here too. Nothing has been changed."
        )
    for one in wanted:
        if applied.get(one.number, one.sha256) != one.sha256:
            raise DatabaseError(
                f"schema/{one.name}.sql is not the file that this database was migrated with. A released migration "
                "must not change: restore it, and put the change into the next number. Nothing has been changed."
            )
    return [one for one in wanted if one.number not in applied]
