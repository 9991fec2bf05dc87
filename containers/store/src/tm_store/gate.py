"""The gate: SQL measures each slice, Great Expectations asserts the promises, tm_core decides.

Importing this module costs nothing: Great Expectations and pandas are imported when a batch is judged.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tm_core.batches import work_path
from tm_core.contracts import Step
from tm_core.errors import ConservationError, ContractError
from tm_core.languages import same_language
from tm_core.outcomes import Verdict
from tm_core.rules import Rule
from tm_core.settings import Settings
from tm_core.verdicts import Check, Decision, decide
from tm_formats.storage import Storage
from tm_store.db import Database, load_statement
from tm_store.gate_docs import render_page
from tm_store.gate_suite import Metrics, SliceKey, ask, load_suite

#: Characters from which on a side's identified language is believed, and an equal text on both sides is suspicious.
#: Source: of true translations in the Debian handbook and 22 UI locales, 25 characters are misread in up to 22 %,
#: 60 characters in at most 0.6 % (docs/decisions/0021).
LONG_CHARS = 60
#: Rules that refuse what was left untranslated: the dirt of life, however much of it there is.
DIRT = (Rule.UNTRANSLATED_COPY, Rule.WRONG_LANGUAGE)

#: The language that untranslated text is in. A German-French page may be half English: it was translated from English.
#: Source: 21 to 33 % of the Debian handbook's beads.
PIVOT = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceVerdict:
    """A slice and what the gate says of it, with reasons and warnings in words."""

    store: str
    src_lang: str
    tgt_lang: str
    verdict: Verdict
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSummary:
    """What the gate said of a batch.

    Attributes:
        slices: one verdict a slice, by store and languages.
        docs_uri: the page with all results and numbers.
    """

    batch_id: str
    slices: tuple[SliceVerdict, ...]
    docs_uri: str

    @property
    def counts(self) -> dict[str, int]:
        """Slices by verdict, every verdict named."""
        found = Counter(one.verdict for one in self.slices)
        return {verdict.value: found[verdict] for verdict in Verdict}


def run_gate(settings: Settings, db: Database, storage: Storage, batch_id: str) -> GateSummary:
    """Judge every slice of a batch whose beads are staged; judging it again changes no row.

    Writes quality.metric, quality.check_result, quality.decision and the slices' verdicts, and beside the batch
    ``work/<batch_id>/gate/data_docs/index.html`` and ``verdict.json``. The verdicts are written last, all at once:
    a killed gate leaves no half-judged batch.

    Raises:
        ContractError: the batch is unknown or has no slice, or a promise could not be asked. Nothing was judged.
        ConservationError: something is staged that belongs to no promised slice. Nothing was judged.
        SettingsError: the suite in ``include/gx`` is wrong. Nothing was judged.

    Cost: 5 to 6 CPU seconds, nearly all of it the import of Great Expectations; a tenth of a second per 30 slices.
    """
    suite = load_suite(settings.include / "gx" / "slice_suite.json")
    metrics = _measure(settings.include, db, batch_id)
    answers = ask(suite, metrics)
    decisions = {key: decide(checks) for key, checks in answers.checks.items()}
    page = work_path(batch_id, Step.GATE, "data_docs", "index.html")
    storage.write_atomic(
        page, render_page(settings.include / "gx" / "templates", batch_id, decisions, answers, metrics)
    )
    slices = tuple(_verdict(key, decision) for key, decision in decisions.items())
    storage.write_atomic(work_path(batch_id, Step.GATE, "verdict.json"), _as_json(batch_id, slices))
    _record(db, batch_id, slices, answers.checks)
    return GateSummary(batch_id=batch_id, slices=slices, docs_uri=storage.uri_of(page))


def _verdict(key: SliceKey, decision: Decision) -> SliceVerdict:
    return SliceVerdict(
        store=key.store,
        src_lang=key.src_lang,
        tgt_lang=key.tgt_lang,
        verdict=decision.verdict,
        reasons=decision.reasons,
        warnings=decision.warnings,
    )


# Measuring ---------------------------------------------------------------------------------------


def _measure(include: Path, db: Database, batch_id: str) -> Metrics:
    """Run every statement of ``include/sql/metrics`` and record what they say; returns what was recorded."""
    batch = next(iter(db.run("ops/select_batch", batch_id=batch_id)), None)
    if batch is None or not db.run("ops/select_slices", batch_id=batch_id):
        raise ContractError(
            f"batch {batch_id}: expected at least one slice to judge, found none. Either nothing was planned, or the "
            "batch was not staged. Clear 'filter' and what follows it; nothing has been judged."
        )
    _refuse_strays(batch_id, db.run("quality/select_strays", batch_id=batch_id, day=batch.partition_date))
    languages = db.run("quality/select_languages", batch_id=batch_id, day=batch.partition_date)
    known: dict[str, object] = {
        "batch_id": batch_id,
        "day": batch.partition_date,
        "rules": [rule.value for rule in Rule],
        "dirt": [rule.value for rule in DIRT],
        "long_chars": LONG_CHARS,
        # 'tag code' for every language code that stands for a tag: the rule itself is tm_core's.
        "same": [f"{row.tag} {row.code}" for row in languages if same_language(row.tag, row.code)],
        "pivot": sorted({row.code for row in languages if same_language(PIVOT, row.code)}),
    }
    with db.transaction():
        rows = [row for name in _statements(include) for row in db.run(name, **_wanted(include, name, known))]
        db.run("quality/delete_metrics", batch_id=batch_id)
        db.run(
            "quality/insert_metrics",
            batch_id=batch_id,
            stores=[row.store for row in rows],
            src_langs=[row.src_lang for row in rows],
            tgt_langs=[row.tgt_lang for row in rows],
            names=[row.name for row in rows],
            numbers=[row.value for row in rows],
        )
    return _by_slice(db.run("quality/select_metrics", batch_id=batch_id))


def _refuse_strays(batch_id: str, strays: Iterable[Any]) -> None:
    if names := [f"{one.store} {one.src_lang}-{one.tgt_lang}" for one in strays]:
        raise ConservationError(
            f"batch {batch_id}: expected beads and documents of the promised slices only, found some of "
            f"{', '.join(names)}. Clear 'filter' and what follows it; nothing has been judged."
        )


def _statements(include: Path) -> list[str]:
    """Names of the metrics' statements; a new file in the folder is a new metric."""
    names = sorted(f"metrics/{path.stem}" for path in (include / "sql" / "metrics").glob("*.sql"))
    if not names:
        raise ContractError(f"{include / 'sql' / 'metrics'}: expected statements, found none. Set TM_INCLUDE.")
    return names


def _wanted(include: Path, name: str, known: Mapping[str, object]) -> dict[str, object]:
    """The parameters that a statement declares, of those that the gate can give."""
    declared = load_statement(include / "sql" / f"{name}.sql", name).parameters
    if unknown := sorted(declared - known.keys()):
        raise ContractError(f"{name}.sql takes '{unknown[0]}'; the gate can give {', '.join(sorted(known))}.")
    return {parameter: known[parameter] for parameter in declared}


def _by_slice(rows: Iterable[Any]) -> dict[SliceKey, dict[str, float]]:
    metrics: dict[SliceKey, dict[str, float]] = {}
    for row in rows:
        key = SliceKey(store=row.store, src_lang=row.src_lang, tgt_lang=row.tgt_lang)
        metrics.setdefault(key, {})[row.name] = row.value
    return metrics


# Recording ---------------------------------------------------------------------------------------


def _record(
    db: Database, batch_id: str, slices: Iterable[SliceVerdict], checks: Mapping[SliceKey, tuple[Check, ...]]
) -> None:
    rows = [(key, check) for key, found in checks.items() for check in found]
    with db.transaction():
        db.run("quality/delete_checks", batch_id=batch_id)
        db.run(
            "quality/insert_checks",
            batch_id=batch_id,
            stores=[key.store for key, _ in rows],
            src_langs=[key.src_lang for key, _ in rows],
            tgt_langs=[key.tgt_lang for key, _ in rows],
            names=[check.name for _, check in rows],
            levels=[check.level.value for _, check in rows],
            passed=[check.passed for _, check in rows],
            found=[check.found for _, check in rows],
        )
        for one in slices:
            place = {"batch_id": batch_id, "store": one.store, "src_lang": one.src_lang, "tgt_lang": one.tgt_lang}
            db.run(
                "quality/upsert_decision",
                **place,
                verdict=one.verdict.value,
                reasons=list(one.reasons),
                warnings=list(one.warnings),
            )
            db.run("quality/set_verdict", **place, verdict=one.verdict.value)


def _as_json(batch_id: str, slices: Iterable[SliceVerdict]) -> bytes:
    found = [
        {
            "store": one.store,
            "src_lang": one.src_lang,
            "tgt_lang": one.tgt_lang,
            "verdict": one.verdict.value,
            "reasons": one.reasons,
            "warnings": one.warnings,
        }
        for one in slices
    ]
    return (json.dumps({"batch_id": batch_id, "slices": found}, ensure_ascii=False, indent=2) + "\n").encode("utf-8")
