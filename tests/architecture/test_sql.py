"""Every statement is a file with a true header, and every file is used."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tm_core.errors import DatabaseError
from tm_store.db import load_statement

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "include" / "sql"
STATEMENTS = sorted(path for path in SQL.rglob("*.sql") if path.parent.name != "schema")
CODE = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("containers/*/src/**/*.py")))


def test_there_are_statements() -> None:
    assert len(STATEMENTS) > 20


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_header_and_parameters_agree(path: Path) -> None:
    statement = load_statement(path, path.stem)
    assert statement.header["Purpose"].strip(), f"{path}: say what the statement is for"
    assert not re.search(r"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|FROM|WHERE)\b", statement.sql, re.MULTILINE), (
        f"{path}: write SQL in lower case"
    )


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_statement_is_used(path: Path) -> None:
    name = f"{path.parent.name}/{path.stem}"
    whole_folder = path.parent.name == "metrics"  # the gate runs every file of it
    assert whole_folder or f'"{name}"' in CODE, f"{name}.sql is run by no code: delete it"


def test_every_used_statement_exists() -> None:
    used = set(re.findall(r'\.(?:run|one|copy|copy_csv|stream)\(\s*"(\w+/\w+)"', CODE))
    assert used
    missing = {name for name in used if not (SQL / f"{name}.sql").is_file()}
    assert not missing


def test_undeclared_parameter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "planted.sql"
    path.write_text("-- Purpose: x\n-- Parameters: none\n-- Repeatable: yes\nselect %(batch_id)s;\n")
    with pytest.raises(DatabaseError, match="batch_id"):
        load_statement(path, "planted")
    path.write_text("-- Parameters: none\n-- Repeatable: yes\nselect 1;\n")
    with pytest.raises(DatabaseError, match="Purpose"):
        load_statement(path, "planted")


# Every statement names its store (docs/scale.md) ---------------------------------------------------

_OF_STORES = re.compile(
    r"create (?:unlogged )?table tm\.(\w+) \((?:(?!;).)*?\) partition by hash \(store_id\)", re.DOTALL
)
PARTITIONED = sorted({name for path in (SQL / "schema").glob("*.sql") for name in _OF_STORES.findall(path.read_text())})
#: Statements over all stores on purpose, with the reason. On several servers each asks all of them.
OVER_ALL_STORES = {
    "erase/select_tombstones": "a restore takes over what was erased from any store",
    "lexicon/select_units": "a lexicon of a language pair is learned from all stores, by its own weekly DAG",
    "report/memory": "the report counts the units of every store",
    "report/units": "the report shows a few units of a batch, whatever their store",
    "tm/create_buried": "joined to the stores of one batch by their number, which is not known before",
    "upkeep/select_superseded": "a batch is of all stores, and none of them may hold a document of it",
}
#: Rows taken whole from where a statement of their store has put them: the number is among their columns.
WHOLE_ROWS = ("review/restore_units",)


def stores_not_named(sql: str) -> list[str]:
    """The partitioned tables that a statement reads or writes without a word on the store, by name or alias."""
    body = re.sub(r"--.*", "", sql)
    tables = "|".join(PARTITIONED)
    written = re.findall(rf"(?:insert into|copy) tm\.({tables})\b(?: as \w+)?\s*(\([^)]*\))?", body)
    found = [table for table, columns in written if "store_id" not in columns]
    used: Counter[str] = Counter()
    reading = re.sub(rf"(?:insert into|copy) tm\.(?:{tables})\b", "", body)
    for table, alias in re.findall(rf"(?<!::)\btm\.({tables})\b(?: as (\w+))?", reading):
        used[alias or table] += 1
        named = rf"\b{alias}\.store_id\b" if alias else rf"\b{table}\.store_id\b|(?<!\.)\bstore_id\b"
        if len(re.findall(named, body)) < used[alias or table]:
            found.append(table)
    return found


def test_the_tables_of_stores_are_found() -> None:
    assert {"unit", "evidence", "document", "extra", "source", "gram", "withdrawn", "tombstone"} <= set(PARTITIONED)
    touching = [path for path in STATEMENTS if re.search(rf"tm\.({'|'.join(PARTITIONED)})\b", path.read_text())]
    assert len(touching) > 50


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_statement_on_units_names_its_store(path: Path) -> None:
    name = f"{path.parent.name}/{path.stem}"
    found = stores_not_named(path.read_text(encoding="utf-8"))
    if name in OVER_ALL_STORES or name in WHOLE_ROWS:
        assert found, f"{name} names its store now: take it off the list"
        return
    assert not found, (
        f"{name}.sql: tm.{found[0]} is partitioned by store_id and the statement does not say which store: it would "
        "read every partition, on every server. Add `store_id = %(store_id)s`, or the statement and its reason to "
        "OVER_ALL_STORES."
    )


@pytest.mark.parametrize(
    "planted",
    [
        "select unit.src_text from tm.unit as unit where unit.unit_key = %(key)s",
        "select src_text from tm.unit where unit_key = %(key)s",
        "delete from tm.evidence as evidence where evidence.batch_id = %(batch_id)s",
        "update tm.unit as unit set score = 1 from tm.evidence as said where unit.store_id = 1",
        "insert into tm.document (document_key, name) values (%(key)s, 'x')",
        "copy tm.gram (gram, chunk) from stdin",
        "select from tm.store as store join tm.unit as unit on unit.batch_id = '' where store.store_id = 1",
        "select from tm.unit as unit where exists (select from tm.unit as unit) and unit.store_id = 1",
        "-- unit.store_id\nselect from tm.unit as unit",
    ],
)
def test_a_statement_without_its_store_is_found(planted: str) -> None:
    assert stores_not_named(planted)
