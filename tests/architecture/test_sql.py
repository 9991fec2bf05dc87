"""Every statement is a file with a true header, and every file is used."""

import re
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
