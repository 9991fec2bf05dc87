"""Whether a restored database is what was dumped: compared with what the manifest says of the same snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from tm_core.identity import digest
from tm_core.matching import FORM_VERSION
from tm_formats.manifest import Json
from tm_store.backup_catalog import StoredBackup
from tm_store.backup_facts import sums_of, table_sums
from tm_store.backup_objects import differences, list_objects
from tm_store.checksum import memory_checksum
from tm_store.db import Database
from tm_store.lookup import lookup
from tm_store.programs import server_major

#: Look-ups that are asked of the live memory when it is backed up, and again of what was restored.
SAMPLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was compared, and what was not as it should be: nothing, if ``problems`` is empty.

    ``objects``: how many were compared with the source; None: the backup was taken before they were listed.
    """

    problems: tuple[str, ...]
    tables: int
    rows: int
    lookups: int
    objects: int | None = None


def render_compared(*, tables: int, rows: int, objects: int | None, lookups: int) -> str:
    """Say what was compared, for people."""
    alike = "objects not compared (an older backup)" if objects is None else f"{objects:,} objects"
    return f"{tables} tables, {rows:,} rows, {alike}, {lookups} look-ups"


def sample_answers(db: Database) -> dict[str, Json]:
    """Ask the memory for units of its own; of each answer a digest, no text.

    ``code``: what an answer depends on besides the data. Where that has changed only the asking is repeated.

    Cost: about 1 ms a look-up.
    """
    answers: dict[str, Json] = {}
    for row in db.run("backup/select_samples", most=SAMPLES):
        found = lookup(db, store=row.store, src=row.src_lang, tgt=row.tgt_lang, text=row.src_text, min_score=100)
        told = [f"{one.score} {one.kind} {one.unit_key} {one.tgt_text} {one.review_state}" for one in found]
        answers[f"{row.store} {row.unit_key.hex()}"] = digest("answer", *sorted(told))
    return {"code": _code(), "answers": answers}


def _code() -> str:
    return f"{version('tm-store')} form={FORM_VERSION}"


def verify_restored(db: Database, backup: StoredBackup) -> Verified:
    """Compare a restored database, still at its backup's schema, with the manifest, and try its look-ups.

    Args:
        db: a connection to the restored database.
        backup: as ``restore_into`` returns it, with the objects of its source.

    Cost: reads every row twice; 5 to 6 s a million units.
    """
    memory, tables = memory_checksum(db), table_sums(db)
    answers = sample_answers(db)
    problems = [*_schema(db, backup.facts)]
    if memory.digest != backup.facts["checksum"]:
        problems.append(f"the memory's checksum is {memory.digest}, the manifest promises {backup.facts['checksum']}")
    same_major = server_major(db) == backup.facts["server_major"]
    problems += _tables(backup.facts, tables, with_sums=same_major)
    problems += [row.fault for row in db.run("restore/select_faults")]
    if backup.objects:
        problems += differences(backup.objects, list_objects(db), same_major=same_major)
    problems += _lookups(backup.facts, answers)
    asked: Any = answers["answers"]
    rows = sum(one.rows for one in tables.values())
    return Verified(
        problems=tuple(problems),
        tables=len(tables),
        rows=rows,
        lookups=len(asked),
        objects=len(backup.objects.definitions) if backup.objects else None,
    )


def _schema(db: Database, facts: Mapping[str, Json]) -> list[str]:
    found = db.one("backup/select_books").schema
    return [] if found == facts["schema"] else [f"schema {found}, the manifest promises {facts['schema']}"]


def _tables(facts: Mapping[str, Json], found: Mapping[str, Any], *, with_sums: bool) -> list[str]:
    problems = []
    promised = sums_of(facts)
    for table in sorted(promised.keys() | found.keys()):
        wanted, there = promised.get(table), found.get(table)
        if wanted is None or there is None:
            problems.append(f"table {table} is {'not in the manifest' if wanted is None else 'missing'}")
        elif wanted.rows != there.rows:
            problems.append(f"table {table} has {there.rows:,} rows, the manifest promises {wanted.rows:,}")
        elif with_sums and wanted.sum != there.sum:
            problems.append(f"table {table}: its rows say something else than the manifest promises")
    return problems


def _lookups(facts: Mapping[str, Json], found: Mapping[str, Any]) -> list[str]:
    promised: Any = facts["samples"]
    wanted, there = promised["answers"], found["answers"]
    if promised["code"] != found["code"]:
        different = wanted.keys() ^ there.keys()
    else:
        different = {key for key in wanted.keys() | there.keys() if wanted.get(key) != there.get(key)}
    if not different:
        return []
    return [f"{len(different)} of {len(wanted)} look-ups are answered in another way than before the backup"]
