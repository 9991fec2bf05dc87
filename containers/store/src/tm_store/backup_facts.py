"""What a backup's manifest states of the data it holds, so that a restore can be compared with it exactly.

Read in the very snapshot that pg_dump dumps, on another connection than pg_dump's, while it works.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tm_core.errors import BackupError
from tm_core.identity import digest
from tm_core.lexicons import lexicon_path
from tm_core.settings import Settings, hide_password
from tm_formats.manifest import Json
from tm_formats.storage import Storage
from tm_store.checksum import memory_checksum
from tm_store.db import Database, connect
from tm_store.programs import server_major

CONFIGURATION = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the memory holds of one store, in rows."""

    units: int
    evidence: int
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSum:
    """One table or partition: its rows, and a sum over their hashes that asks for no order.

    The hash is the server's own and the same on every server of one major version; other versions compare rows alone.
    """

    rows: int
    sum: str


def memory_facts(db: Database, taken_at: datetime, batch_id: str | None) -> dict[str, Json]:
    """The memory and the books in this transaction's snapshot. ``state``: equal for two that need not both be kept.

    Cost: about 2 s a million units.
    """
    memory = memory_checksum(db)
    books = db.one("backup/select_books")._asdict()
    stores: dict[str, Json] = {
        row.store: {"units": row.units, "evidence": row.evidence, "documents": row.documents}
        for row in db.run("backup/select_counts")
    }
    return {
        "batch_id": batch_id,
        "taken_at": taken_at.astimezone(UTC).isoformat(),
        "server": db.connection.info.parameter_status("server_version"),
        "server_major": server_major(db),
        "schema": books["schema"],
        "journal": books["journal"],
        "stores": stores,
        "checksum": memory.digest,
        "state": digest("backup", memory.digest, repr(sorted(books.items())), repr(sorted(stores.items()))),
    }


def server_facts(db: Database) -> dict[str, Json]:
    """Extensions and roles: what a server must have before the dump fits into it."""
    return {
        "extensions": {row.name: row.version for row in db.run("backup/select_extensions")},
        "roles": [row._asdict() for row in db.run("backup/select_roles")],
    }


def table_sums(db: Database) -> dict[str, TableSum]:
    """Every table and partition whose rows a backup holds.

    Cost: reads every row once, 2 to 3 s a million units.
    """
    sums = {}
    # Rows enter by the values they hold, and these by their own hash: no time zone or number format has a say.
    form = "select count(*), coalesce(sum(hash_record_extended(one, 0)::numeric), 0)::text from only {} as one"
    for table in db.run("backup/select_tables"):
        found = db.connection.execute(sql.SQL(form).format(sql.Identifier(table.schema, table.name))).fetchone()
        assert found is not None  # noqa: S101 - an aggregate gives one row
        sums[f"{table.schema}.{table.name}"] = TableSum(rows=found[0], sum=found[1])
    return sums


def counts_of(facts: Mapping[str, Json]) -> dict[str, Counts]:
    """The stores of a manifest."""
    stores: Any = facts["stores"]
    return {store: Counts(**counts) for store, counts in stores.items()}


def sums_of(facts: Mapping[str, Json]) -> dict[str, TableSum]:
    """The tables of a manifest."""
    tables: Any = facts["tables"]
    return {table: TableSum(**one) for table, one in tables.items()}


def as_json(sums: Mapping[str, TableSum]) -> dict[str, Json]:
    """The tables, for a manifest."""
    return {table: asdict(one) for table, one in sums.items()}


# What else an empty machine needs --------------------------------------------------------------------


def keep_configuration(settings: Settings, storage: Storage) -> str:
    """Write the settings (secrets hidden), stores.toml and the gate's suite as one file; returns its path.

    It is named by what it says: the same configuration lies there once, whatever number of backups name it.
    """
    files = ("stores.toml", "gx/slice_suite.json")
    body = {
        "settings": {name: value for name, value, _ in settings.shown()},
        "files": {name: (settings.include / name).read_text(encoding="utf-8") for name in files},
    }
    text = json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True)
    path = f"{CONFIGURATION}/{digest('configuration', text)[:16]}.json"
    if not storage.exists(path):
        storage.write_atomic(path, text.encode("utf-8") + b"\n")
    return path


def lexicon_facts(db: Database) -> list[Json]:
    """Where the lexicons in use lie: beside the backups, so a copy of the storage holds them."""
    rows = db.run("lexicon/select_promoted")
    return [lexicon_path(row.src_lang, row.tgt_lang, row.sha256) for row in rows]


def write_airflow(settings: Settings, folder: Path, *, is_encrypted: bool) -> dict[str, Json]:
    """Write Airflow's variables, the names of its connections and its history as CSV; returns rows by file.

    A variable that Airflow has not encrypted may be a password: its value is written only where the backup is
    encrypted itself.

    Raises:
        BackupError: TM_AIRFLOW_DATABASE_URL is set, and the database cannot be read.
    """
    if not settings.airflow_database_url:
        return {}
    folder.mkdir(parents=True)
    try:
        with connect(settings.airflow_database_url, settings.statement_seconds) as connection:
            db = Database(connection, settings.include)
            with db.transaction():
                db.connection.execute("set transaction isolation level repeatable read read only")
                return {name: _write_csv(db, name, folder, is_encrypted) for name in _AIRFLOW}
    except psycopg.Error as error:
        raise BackupError(
            f"{hide_password(settings.airflow_database_url)}: Airflow's metadata cannot be read ({error}). Correct or "
            "unset TM_AIRFLOW_DATABASE_URL; nothing is listed as a backup, and the memory is as it was."
        ) from error


_AIRFLOW = {
    "variables": "airflow/select_variables",
    "connections": "airflow/select_connections",
    "runs": "airflow/select_runs",
    "tasks": "airflow/select_tasks",
}


def _write_csv(db: Database, name: str, folder: Path, is_encrypted: bool) -> int:
    rows = db.run(_AIRFLOW[name])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, row in enumerate(rows):
        values = row._asdict()
        if number == 0:
            writer.writerow(values)
        if name == "variables" and not (is_encrypted or values["is_encrypted"]):
            values["value"] = ""
        writer.writerow(values.values())
    (folder / f"{name}.csv").write_text(text.getvalue(), encoding="utf-8")
    return len(rows)
