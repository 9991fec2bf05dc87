"""The version of the gate: what its verdicts depend on besides the batch's content. Part of a batch's identity."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tm_core.errors import ContractError
from tm_core.identity import digest
from tm_core.rules import Rule, Tier
from tm_core.verdicts import GATE_VERSION
from tm_store.gate import DIRT, GOLD_LIMITS, HISTORY_LIMITS, LONG_CHARS, PIVOT

#: Batches planned before gates had versions were judged by this one: it is in no id, so that they keep theirs.
FIRST = "1"
#: Digests of gates -> the version that they are. A gate that gives the same verdicts as one before keeps its version;
#: one that is not listed, such as a site's own suite, is a version of its own.
KNOWN: Mapping[str, str] = MappingProxyType({"bc03f8c08e7da683ec467e24d22492a97a8773227f11dbb7bb855fa4d40ba05d": FIRST})
#: What an expectation says in words only.
_WORDS = frozenset({"found", "source"})
_SQL_TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\w+|[^\s\w]")


def gate_version(include: Path) -> str:
    """Return the version of the gate whose suite and metrics lie in this folder."""
    found = gate_digest(include)
    return KNOWN.get(found, found[:12])


def gate_digest(include: Path) -> str:
    """Return the fingerprint of the suite, the metrics, their parameters and the code; words and layout do not count.

    Raises:
        ContractError: there is no suite or no metric.
    """
    suite = include / "gx" / "slice_suite.json"
    metrics = sorted((include / "sql" / "metrics").glob("*.sql"))
    if not metrics or not suite.is_file():
        raise ContractError(
            f"{include}: expected gx/slice_suite.json and statements in sql/metrics, found no such files. "
            "Set TM_INCLUDE to the folder that holds them; nothing was planned."
        )
    limits = [LONG_CHARS, PIVOT, *DIRT, *Rule, *Tier, *sorted({**HISTORY_LIMITS, **GOLD_LIMITS}.items())]
    statements = [part for path in metrics for part in (path.stem, plain_sql(path.read_text(encoding="utf-8")))]
    return digest(
        "gate", GATE_VERSION, plain_suite(json.loads(suite.read_text(encoding="utf-8"))), *map(str, limits), *statements
    )


def plain_suite(suite: Mapping[str, Any]) -> str:
    """Return what a suite asserts, without the sentences that explain it, in whatever order its fields stand."""
    promises = [
        {name: value for name, value in item.items() if name not in ("meta", "description")}
        | {"meta": {name: value for name, value in item.get("meta", {}).items() if name not in _WORDS}}
        for item in suite["expectations"]
    ]
    return json.dumps(sorted(json.dumps(one, sort_keys=True) for one in promises))


def plain_sql(sql: str) -> str:
    """Return a statement without its comments and layout; what stands in quotes stays."""
    return " ".join(token for token in _SQL_TOKEN.findall(sql) if not token.startswith("--"))


def check_gate_version(include: Path, batch: Any) -> None:
    """Refuse to judge a batch by another gate than the one that it was planned with: its id would have two contents.

    Args:
        batch: the row of ``ops/select_batch``.

    Raises:
        ContractError: the suite, a metric or the code has changed since the plan. Nothing was judged.
    """
    planned, found = batch.versions.get("gate", FIRST), gate_version(include)
    if planned != found:
        raise ContractError(
            f"batch {batch.batch_id}: expected the gate that it was planned with, version {planned}, found version "
            f"{found}. include/gx, include/sql/metrics or the code was changed since. Run the date "
            f"{batch.partition_date} again: it becomes a batch of its own. Nothing was judged."
        )
