"""Contracts between Python and SQL: columns and states are the same on both sides. And errors, and docstrings."""

import ast
import inspect
import pickle
import re
from pathlib import Path

import pytest

import tm_core
from tm_core import contracts, errors
from tm_core.contracts import FILES, FILTERED, REFINED, Schema
from tm_core.errors import TmError
from tm_core.outcomes import BatchState, Outcome, ReviewState, Verdict

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "include" / "sql"
MEMORY = "schema/0001_memory.sql"


def sql(name: str) -> str:
    """A statement without its comments."""
    return re.sub(r"--.*", "", (SQL / name).read_text(encoding="utf-8"))


def copied(name: str) -> tuple[str, list[str]]:
    """The table that a copy statement fills, and its columns in order."""
    found = re.search(r"copy ([\w.]+) \(([^)]*)\)", sql(name))
    assert found, f"{name} has no copy with a list of columns"
    return found[1], [column.strip() for column in found[2].split(",")]


def tables() -> dict[str, str]:
    """Table -> what stands between its parentheses, over all of the first schema file."""
    found = dict(re.findall(r"create (?:unlogged )?table ([\w.]+) \(\n(.*?)\n\)", sql(MEMORY), re.DOTALL))
    assert len(found) >= 15, "the schema file was not understood"
    return found


def columns(table: str) -> list[str]:
    return [name for name in re.findall(r"^    (\w+) ", tables()[table], re.MULTILINE) if name != "primary"]


# Columns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "schema", "table", "added"),
    [
        ("staging/copy_beads.sql", FILTERED, "staging.bead", []),
        ("ops/copy_documents.sql", REFINED, "ops.document", ["partition_date", "batch_id", "cpu_seconds"]),
        ("ops/copy_files.sql", FILES, "ops.file", ["partition_date", "batch_id"]),
    ],
)
def test_what_is_copied_has_the_contract_s_columns(
    statement: str, schema: Schema, table: str, added: list[str]
) -> None:
    target, names = copied(statement)
    assert target == table
    assert names == [*schema.names, *added]
    assert set(names) == set(columns(table)), "the copy leaves a column out"


def test_staged_beads_are_in_the_order_of_their_table() -> None:
    assert list(FILTERED.names) == columns("staging.bead")


def test_columns_and_names_of_schemas_are_unique() -> None:
    schemas = [value for value in vars(contracts).values() if isinstance(value, Schema)]
    assert len(schemas) >= 7
    assert len({schema.name for schema in schemas}) == len(schemas)
    for schema in schemas:
        assert len(set(schema.names)) == len(schema.names) > 0, schema.name
        assert schema.version >= 1


# States --------------------------------------------------------------------------------------------

# Checked column -> the enumeration that owns its values; None where no code outside tm_store names them.
OWNERS = {
    "ops.batch.kind": None,
    "ops.batch.state": BatchState,
    "ops.slice.verdict": Verdict,
    "ops.backup.state": None,
    "ops.lexicon.state": None,
    "review.item.state": None,
}


def checked() -> dict[str, set[str]]:
    """Column -> the values that its check constraint lists."""
    found = [
        (f"{table}.{column}", values) for table, body in tables().items() for column, values in re.findall(_CHECK, body)
    ]
    # A later migration may put another list in the place of a constraint; files are in the order of their numbers.
    for path in sorted((SQL / "schema").glob("*.sql")):
        for table, column, values in re.findall(
            rf"alter table ([\w.]+)\s+add constraint \w+\s+{_CHECK}", path.read_text()
        ):
            found.append((f"{table}.{column}", values))
    return {column: set(re.findall(r"'(\w+)'", values)) for column, values in found}


_CHECK = r"check \((\w+) in \(([^)]*)\)\)"


def test_every_list_of_states_in_the_schema_has_an_owner() -> None:
    assert set(checked()) <= set(OWNERS)
    assert {column for column, owner in OWNERS.items() if owner} <= set(checked())


@pytest.mark.parametrize("column", [column for column, owner in OWNERS.items() if owner])
def test_enumerations_are_those_of_the_check_constraints(column: str) -> None:
    owner = OWNERS[column]
    assert owner is not None
    assert checked()[column] == {state.value for state in owner}


def test_a_new_unit_is_unreviewed() -> None:
    (default,) = re.findall(r"review_state text not null default '(\w+)'", tables()["tm.unit"])
    assert default == ReviewState.UNREVIEWED


def test_outcomes_written_in_sql_are_outcomes() -> None:
    # "lost" is none: it is the alarm that makes the load refuse (tm_store.load).
    written = set(re.findall(r"(?:then|else) '(\w+)'", sql("ops/insert_outcomes.sql").split("    end,\n")[0]))
    written -= {"lost"}
    assert {"new", "duplicate", "rejected"} <= written
    assert written <= {outcome.value for outcome in Outcome}


# Errors --------------------------------------------------------------------------------------------

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]


def drawn() -> dict[str, str]:
    """Class -> parent, as the module's docstring draws them."""
    parents: dict[str, str] = {}
    above: list[str] = []
    for indent, name in re.findall(
        r"^    ((?:[│ ]   )*(?:[├└]── )?)(\w+Error|\w+)(?=  |$)", errors.__doc__, re.MULTILINE
    ):
        depth = len(indent) // 4
        above[depth:] = [name]
        if depth:
            parents[name] = above[depth - 1]
    return parents


def test_the_drawn_tree_is_the_tree() -> None:
    assert len(CLASSES) >= 10
    assert drawn() == {one.__name__: one.__bases__[0].__name__ for one in CLASSES if one is not TmError}


@pytest.mark.parametrize("error", CLASSES)
def test_an_error_survives_pickling(error: type[TmError]) -> None:
    raised = error("guide.de.txt: expected text, found a picture.")
    back = pickle.loads(pickle.dumps(raised))
    assert type(back) is error
    assert (str(back), back.args) == (str(raised), raised.args)
    assert isinstance(raised, TmError)


# Docstrings ----------------------------------------------------------------------------------------

FILES_OF_CORE = sorted(Path(inspect.getfile(tm_core)).parent.glob("*.py"))


def silent(source: str) -> list[str]:
    """Public functions, classes and methods without a docstring; the module itself is "module"."""
    tree = ast.parse(source)
    wrong = [] if ast.get_docstring(tree) else ["module"]
    todo: list[ast.AST] = [tree]
    while todo:
        for item in ast.iter_child_nodes(todo.pop()):
            if isinstance(item, ast.ClassDef | ast.FunctionDef) and not item.name.startswith("_"):
                wrong += [] if ast.get_docstring(item) else [item.name]
                todo += [item] if isinstance(item, ast.ClassDef) else []
    return wrong


@pytest.mark.parametrize("path", FILES_OF_CORE, ids=lambda path: path.stem)
def test_everything_public_has_a_docstring(path: Path) -> None:
    assert silent(path.read_text(encoding="utf-8")) == []


def test_a_missing_docstring_is_found() -> None:
    assert len(FILES_OF_CORE) >= 15
    assert silent('"""M."""\nclass A:\n    """A."""\n    def b(self): ...\n    def _c(self): ...\ndef d(): ...') == [
        "d",
        "b",
    ]
    assert silent("") == ["module"]
