"""Versions stand for code: who changes the code is told to raise them, and how."""

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tm_core import languages, precision, rules, verdicts
from tm_core.identity import digest

ROOT = Path(__file__).resolve().parents[2]
RULES = [Path(str(module.__file__)) for module in (rules, languages)]
GATE = [
    *(Path(str(module.__file__)) for module in (verdicts, precision)),
    ROOT / "containers" / "store" / "src" / "tm_store" / "gate_suite.py",
]
#: What each version stands for. A digest changes with the code, not with its comments, docstrings and layout.
FILTER_3 = ("3", "cd843a45728e19b6891c88a08f9dac508e0950642a279b58af3a556944f45de0")
GATE_1 = ("1", "bb711ee1e7f37dda6d67be1c9c92ec877bf17b70516f8bb483661b6191b7d4ee")

# Not there in each Python that we run on, or no part of what the code does.
_IGNORED = {"ctx", "kind", "type_comment", "type_params"}
_VERSIONS = {"FILTER_VERSION", "GATE_VERSION"}


def code_digest(sources: Iterable[str]) -> str:
    """Return a digest of what the sources do, the same on every Python."""
    return digest("code", *(repr(_plain(ast.parse(source))) for source in sources))


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(one) for one in node if not _is_no_code(one)]
    if isinstance(node, ast.JoinedStr):
        return ("text", _joined(node.values))
    if not isinstance(node, ast.AST):
        return node
    fields = [(name, _plain(value)) for name, value in ast.iter_fields(node) if name not in _IGNORED]
    return (type(node).__name__, [(name, value) for name, value in fields if value not in (None, [])])


def _is_no_code(node: Any) -> bool:
    """Say whether this is a docstring, a text that nothing takes, or the version itself."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id in _VERSIONS
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _joined(values: Iterable[ast.AST]) -> list[Any]:
    """Return an f-string's parts; Pythons differ in where they cut its plain text."""
    parts: list[Any] = []
    for value in values:
        if isinstance(value, ast.Constant) and parts and isinstance(parts[-1], str):
            parts[-1] += str(value.value)
        else:
            parts.append(str(value.value) if isinstance(value, ast.Constant) else _plain(value))
    return parts


def problem(what: str, version: str, found: str, known: tuple[str, str]) -> str:
    """Return what to do about a version that does not stand for the code any more; "" if it does."""
    if (version, found) == known:
        return ""
    return (
        f"{what} changed: expected {known}, found {(version, found)}. If any bead or slice may be judged differently, "
        f"raise the version to '{int(known[0]) + 1}': dates that are refined again get new batches. If the code only "
        f"reads differently, leave it at '{known[0]}'. Then set the pair in {Path(__file__).name}."
    )


def test_the_filters_version_stands_for_the_rules() -> None:
    found = code_digest(path.read_text() for path in RULES)
    assert not problem("FILTER_VERSION (tm_core/rules.py)", rules.FILTER_VERSION, found, FILTER_3)


def test_the_gates_version_stands_for_its_code() -> None:
    found = code_digest(path.read_text() for path in GATE)
    assert not problem("GATE_VERSION (tm_core/verdicts.py)", verdicts.GATE_VERSION, found, GATE_1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("> limits.max_ratio", ">= limits.max_ratio"),
        ('"zh": 0.33', '"zh": 0.34'),
        ("|ï»¿|", "|"),
        ("Rule.MOJIBAKE: _mojibake,", ""),
        ("min_score: float = 0.5", "min_score: float = 0.6"),
    ],
)
def test_a_changed_rule_without_a_new_version_is_found(before: str, after: str) -> None:
    source = RULES[0].read_text()
    changed = source.replace(before, after) if before in source else source.replace("ï»¿|", "")
    assert changed != source
    found = code_digest([changed, RULES[1].read_text()])
    said = problem("FILTER_VERSION", rules.FILTER_VERSION, found, FILTER_3)
    assert "raise the version to '4'" in said
    assert found in said, "the message holds what to write"


def test_comments_docstrings_layout_and_the_version_itself_do_not_count() -> None:
    source = RULES[0].read_text()
    changed = source.replace('"""The filter: named rules', '"""Some rules').replace("# Source", "# From")
    changed = changed.replace('FILTER_VERSION = "3"', 'FILTER_VERSION = "4"').replace("    ", "\t")
    assert ast.unparse(ast.parse(source)) != ast.unparse(ast.parse(changed))
    assert code_digest([source]) == code_digest([changed])
    assert code_digest(["a = f'{b}c' 'd'"]) == code_digest(['a = (f"{b}"\n "cd")'])
