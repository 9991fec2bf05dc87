"""A changed rule or gate makes another batch, and no batch is made by two of them."""

import json
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tm_core import rules
from tm_core.batches import batch_id
from tm_core.contracts import Step
from tm_core.errors import ContractError
from tm_core.rules import Thresholds
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store import steps
from tm_store.db import Database
from tm_store.gate_version import FIRST, KNOWN, gate_digest, gate_version, plain_sql
from tm_store.plan import Pinned, make_plan

DAY = date(2026, 1, 5)
SUITE, METRIC = "gx/slice_suite.json", "sql/metrics/beads.sql"


@pytest.fixture
def include(tmp_path: Path) -> Path:
    """A copy of include/ that a test may change."""
    return Path(shutil.copytree(ROOT / "include", tmp_path / "include"))


def change(include: Path, name: str, before: str, after: str) -> None:
    path = include / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


# The version ------------------------------------------------------------------------------------------


def test_the_gate_that_is_shipped_has_a_version() -> None:
    found = gate_digest(ROOT / "include")
    last = [*KNOWN.values()][-1]
    assert found in KNOWN, (
        "the gate changed: include/gx, include/sql/metrics, their parameters in tm_store/gate.py, or GATE_VERSION. "
        f"Its digest is {found}. In tm_store/gate_version.py give it the version '{last}' if it gives the same "
        "verdicts as before (the digest replaces the old one), else the next number: every date that is refined again "
        "then gets a new batch."
    )


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (SUITE, '"min_value": 0, "max_value": 0', '"min_value": 0, "max_value": 1'),
        (SUITE, '"level": "hold"', '"level": "warn"'),
        (SUITE, '"releasable": false', '"releasable": true'),
        (METRIC, "bead.rule = ''", "bead.rule = '-- no comment'"),
        (METRIC, "coalesce(counted.passed, 0)", "coalesce(counted.passed, 1)"),
    ],
)
def test_a_changed_gate_is_another(include: Path, name: str, before: str, after: str) -> None:
    change(include, name, before, after)
    assert gate_version(include) not in (FIRST, gate_version(ROOT / "include"))
    assert re.fullmatch("[0-9a-f]{12}", gate_version(include))


def test_words_comments_and_layout_make_no_other_gate(include: Path) -> None:
    known = gate_digest(include)
    suite = json.loads((include / SUITE).read_text())
    for promise in suite["expectations"]:
        promise["meta"] |= {"found": "other words", "source": "another source"}
        promise["description"] += ", in other words"
    (include / SUITE).write_text(json.dumps(suite, indent=8, sort_keys=True))
    change(include, METRIC, "select", "select -- a comment\n\n")
    assert gate_digest(include) == known


def test_an_added_or_missing_metric_counts(include: Path) -> None:
    known = gate_digest(include)
    shutil.copy(include / METRIC, include / "sql/metrics/more.sql")
    assert gate_digest(include) != known
    shutil.rmtree(include / "sql" / "metrics")
    with pytest.raises(ContractError, match="sql/metrics, found no such files"):
        gate_digest(include)


def test_quoted_text_is_no_comment() -> None:
    assert (
        plain_sql("select '--a  b''--' -- c\n,  1\n") == plain_sql("select '--a  b''--',1") == "select '--a  b''--' , 1"
    )


def test_batches_from_before_the_gate_had_versions_keep_their_ids() -> None:
    def planned(gate: str) -> str:
        filters = {"demo": Thresholds().version()}
        pinned = Pinned(encoder="lexicon", model_hash="", threshold=0.8, filters=filters, gate=gate)
        return batch_id(DAY, ["raw/demo/a.en.txt\0aa"], pinned.all())

    # As the code before gates had versions computes it: it changes with the versions of filter, aligners and readers.
    assert planned(FIRST) == "2026-01-05-8f2036f2ab6b"
    assert len({planned(FIRST), planned("2"), planned("0123456789ab")}) == 3


# The batch --------------------------------------------------------------------------------------------


def deposit(storage: Storage) -> None:
    for lang, text in (("en", "Good morning, dear reader."), ("de", "Guten Morgen, lieber Leser.")):
        storage.write_atomic(f"raw/demo/{DAY}/hello.{lang}.txt", text.encode())


@pytest.mark.db
def test_a_new_version_is_a_new_batch(
    settings: Settings, db: Database, include: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(settings.storage)
    deposit(storage)
    first = make_plan(settings, db, storage, DAY, run_id="test").batch_id
    assert make_plan(settings, db, storage, DAY, run_id="test").batch_id == first
    change(include, SUITE, '"level": "hold"', '"level": "warn"')
    second = make_plan(replace(settings, include=include), db, storage, DAY, run_id="test").batch_id
    monkeypatch.setattr(rules, "FILTER_VERSION", "4")
    third = make_plan(settings, db, storage, DAY, run_id="test").batch_id
    assert len({first, second, third}) == 3


@pytest.mark.db
def test_a_batch_is_not_filtered_or_judged_by_what_came_after_its_plan(
    settings: Settings, db: Database, include: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(settings.storage)
    deposit(storage)
    batch = make_plan(settings, db, storage, DAY, run_id="test").batch_id
    change(include, SUITE, '"level": "hold"', '"level": "warn"')
    with pytest.raises(ContractError, match=f"{batch}: expected the gate that it was planned with, version 1, found"):
        steps.run(replace(settings, include=include), Step.GATE, batch, run_id="test")
    monkeypatch.setattr(rules, "FILTER_VERSION", "4")
    with pytest.raises(ContractError, match=r"store '.+': expected the filter that it was planned"):
        steps.run(settings, Step.FILTER, batch, run_id="test")
    assert not storage.list(f"work/{batch}/filtered")
