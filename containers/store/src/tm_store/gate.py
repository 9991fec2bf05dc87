"""The gate: SQL measures each slice, Great Expectations asserts the promises, tm_core decides.

Importing this module costs nothing: Great Expectations and pandas are imported when a batch is judged.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tm_core.batches import work_path
from tm_core.contracts import Step
from tm_core.errors import ConservationError, ContractError
from tm_core.languages import same_language
from tm_core.outcomes import Verdict
from tm_core.precision import Standing
from tm_core.rules import Rule, Tier
from tm_core.sampling import BIN_BOUNDS
from tm_core.settings import Settings
from tm_core.verdicts import GATE, TIMEOUT, Check, Decision, Level, Ruling, decide
from tm_formats.storage import Storage
from tm_store.db import Database, load_statement
from tm_store.gate_docs import Example, ShownSlice, examples_file, render_examples, render_page
from tm_store.gate_held_out import read_held_out
from tm_store.gate_suite import Metrics, SliceKey, ask, load_suite
from tm_store.review_stats import Standings, rule_of, stratum_states

#: Characters from which on a side's identified language is believed, and an equal text on both sides is suspicious.
#: Source: of true translations in the Debian handbook and 22 UI locales, 25 characters are misread in up to 22 %,
#: 60 characters in at most 0.6 % (docs/decisions/0021).
LONG_CHARS = 60
#: Rules that refuse what was left untranslated: the dirt of life, however much of it there is.
DIRT = (Rule.UNTRANSLATED_COPY, Rule.WRONG_LANGUAGE)

#: The language that untranslated text is in. A German-French page may be half English: it was translated from English.
#: Source: 21 to 33 % of the Debian handbook's beads.
PIVOT = "en"

#: What a slice is compared with: so many earlier partition dates of its store and pair, if there are enough of them,
#: and if it and they are large enough. Source: docs/decisions/0070, false alarms on made histories.
HISTORY_LIMITS = {"history_dates": 30, "least_dates": 7, "least_documents": 3, "least_beads": 100}
#: A document is held-out gold if so many of its beads, each of so many characters a side, are. Source: the longest
#: imprint that the sample documents share has four sentences; headings and labels are shorter than 40 characters.
GOLD_LIMITS = {"gold_chars": 40, "gold_beads": 5}
#: Beads of each kind that the page shows of a slice that waits for a person.
EXAMPLES = 10


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
    """Judge the open slices of a batch whose beads are staged; judging them again changes no row.

    A slice that the load has settled is not judged again: what was decided on it has been done. What a person said of
    a slice's content stands for as long as the content is the same (tm_core.verdicts.decide).

    Writes quality.metric, quality.check_result, quality.decision with its history and the slices' verdicts, and beside
    the batch ``work/<batch_id>/gate/data_docs/index.html`` and ``verdict.json``. The verdicts are written last, all at
    once: a killed gate leaves no half-judged batch.

    Raises:
        ContractError: the batch is unknown or has no slice, or a promise could not be asked. Nothing was judged.
        ConservationError: something is staged that belongs to no promised slice. Nothing was judged.
        SettingsError: the suite in ``include/gx`` is wrong. Nothing was judged.

    Cost: 5 to 6 CPU seconds, nearly all of it the import of Great Expectations; a tenth of a second per 30 slices.
    """
    batch = _batch(db, batch_id)
    docs = work_path(batch_id, Step.GATE, "data_docs")
    page = f"{docs}/index.html"
    keys = [_key(row) for row in db.run("quality/select_open", batch_id=batch_id)]
    if keys:
        suite = load_suite(settings.include / "gx" / "slice_suite.json")
        metrics = _measure(settings, db, batch, keys)
        answers = ask(suite, metrics)
        proven = _proven(settings, db, batch, keys)
        checks = {key: (*found, proven[key]) for key, found in answers.checks.items()}
        contents, rulings = _rulings(db, batch)
        decisions = {key: decide(checks[key], rulings.get(key)) for key in keys}
        shown = [*_settled(db, batch_id, decisions), *_judged(db, batch_id, decisions, checks, metrics)]
        for one in shown:
            if one.examples:
                storage.write_atomic(f"{docs}/{examples_file(one.key)}", render_examples(one.key, one.examples))
        templates = settings.include / "gx" / "templates"
        storage.write_atomic(page, render_page(templates, batch_id, sorted(shown, key=_place), answers.validation))
        storage.write_atomic(work_path(batch_id, Step.GATE, "verdict.json"), _as_json(batch_id, shown))
        _record(db, batch_id, decisions, contents, checks)
    slices = tuple(_verdict(row) for row in db.run("quality/select_decisions", batch_id=batch_id))
    return GateSummary(batch_id=batch_id, slices=slices, docs_uri=storage.uri_of(page))


def _batch(db: Database, batch_id: str) -> Any:
    batch = next(iter(db.run("ops/select_batch", batch_id=batch_id)), None)
    if batch is None or not db.run("ops/select_slices", batch_id=batch_id):
        raise ContractError(
            f"batch {batch_id}: expected at least one slice to judge, found none. Either nothing was planned, or the "
            "batch was not staged. Clear 'filter' and what follows it; nothing has been judged."
        )
    return batch


def _key(row: Any) -> SliceKey:
    return SliceKey(store=row.store, src_lang=row.src_lang, tgt_lang=row.tgt_lang)


def _place(one: ShownSlice) -> SliceKey:
    return one.key


def _verdict(row: Any) -> SliceVerdict:
    return SliceVerdict(
        store=row.store,
        src_lang=row.src_lang,
        tgt_lang=row.tgt_lang,
        verdict=Verdict(row.verdict),
        reasons=tuple(row.reasons),
        warnings=tuple(row.warnings),
    )


def _rulings(db: Database, batch: Any) -> tuple[dict[SliceKey, str], dict[SliceKey, Ruling]]:
    """The fingerprint of each open slice, and what a person last said of that very content on this date."""
    rows = db.run("quality/select_contents", batch_id=batch.batch_id, day=batch.partition_date)
    contents = {_key(row): row.content for row in rows}
    said = db.run("quality/select_rulings", day=batch.partition_date)
    rulings = {
        _key(row): Ruling(verdict=Verdict(row.verdict), who=row.who, why=row.why)
        for row in said
        if contents.get(_key(row)) == row.content
    }
    return contents, rulings


def _proven(settings: Settings, db: Database, batch: Any, keys: Sequence[SliceKey]) -> dict[SliceKey, Check]:
    """The publishing rule as a check of each slice: what people proved bad is not loaded unseen.

    Unproven strata load as unreviewed and trusted ones as trusted, which is for the sample to say
    (tm_store.sample); here only what is proven bad counts.
    """
    bad: dict[SliceKey, list[str]] = {key: [] for key in keys}
    known = {key: _standings(settings, db, batch, key) for key in keys}
    for row in db.run("quality/select_strata", batch_id=batch.batch_id, bounds=list(BIN_BOUNDS)):
        if (key := _key(row)) in bad:
            state = known[key].of(row.tier, row.score_bin)
            if state.standing is Standing.PROVEN_BAD:
                bad[key].append(f"{row.beads:,} beads of {state.told()}")
    return {
        key: Check(
            name="Reviewers proved no stratum bad",
            level=Level.HOLD,
            passed=not found,
            found="; ".join(found) or "none of those with beads",
        )
        for key, found in bad.items()
    }


def _standings(settings: Settings, db: Database, batch: Any, key: SliceKey) -> Standings:
    return stratum_states(
        db,
        key.store,
        key.src_lang,
        key.tgt_lang,
        batch.partition_date,
        rule=rule_of(settings),
        window_days=settings.review_window_days,
    )


# Measuring ---------------------------------------------------------------------------------------


def _measure(settings: Settings, db: Database, batch: Any, keys: Sequence[SliceKey]) -> Metrics:
    """Run every statement of ``include/sql/metrics``, and record and return what they say of these slices."""
    batch_id, day = batch.batch_id, batch.partition_date
    _refuse_strays(batch_id, db.run("quality/select_strays", batch_id=batch_id, day=day))
    languages = db.run("quality/select_languages", batch_id=batch_id, day=day)
    known: dict[str, object] = {
        "batch_id": batch_id,
        "day": day,
        "rules": [rule.value for rule in Rule],
        "tiers": [tier.value for tier in Tier],
        "dirt": [rule.value for rule in DIRT],
        "long_chars": LONG_CHARS,
        # 'tag code' for every language code that stands for a tag: the rule itself is tm_core's.
        "same": [f"{row.tag} {row.code}" for row in languages if same_language(row.tag, row.code)],
        "pivot": sorted({row.code for row in languages if same_language(PIVOT, row.code)}),
        "held_out": read_held_out(settings.held_out),
    }
    with db.transaction():
        names = _statements(settings.include)
        rows = [
            row
            for name in names
            for row in db.run(name, **_wanted(settings.include, name, known | HISTORY_LIMITS | GOLD_LIMITS))
            if _key(row) in set(keys)
        ]
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
    found = _by_slice(db.run("quality/select_metrics", batch_id=batch_id))
    return {key: found[key] for key in keys}


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


# Showing -----------------------------------------------------------------------------------------


def _judged(
    db: Database,
    batch_id: str,
    decisions: Mapping[SliceKey, Decision],
    checks: Mapping[SliceKey, tuple[Check, ...]],
    metrics: Metrics,
) -> list[ShownSlice]:
    return [
        ShownSlice(
            key=key,
            verdict=one.verdict,
            reasons=one.reasons,
            warnings=one.warnings,
            checks=checks[key],
            metrics=metrics[key],
            examples=_examples(db, batch_id, key, one.verdict),
        )
        for key, one in decisions.items()
    ]


def _examples(db: Database, batch_id: str, key: SliceKey, verdict: Verdict) -> tuple[Example, ...]:
    if verdict not in (Verdict.HOLD, Verdict.QUARANTINE):
        return ()
    place = {"store": key.store, "src_lang": key.src_lang, "tgt_lang": key.tgt_lang}
    rows = db.run("quality/select_examples", batch_id=batch_id, **place, most=EXAMPLES)
    return tuple(Example(kind=row.kind, score=row.score, src_text=row.src_text, tgt_text=row.tgt_text) for row in rows)


def _settled(db: Database, batch_id: str, judged: Iterable[SliceKey]) -> list[ShownSlice]:
    """The batch's other slices, as the gate left them: a page shows the whole batch."""
    left_out = set(judged)
    metrics = _by_slice(db.run("quality/select_metrics", batch_id=batch_id))
    checks = recorded_checks(db, batch_id)
    return [
        ShownSlice(
            key=_key(row),
            verdict=Verdict(row.verdict),
            reasons=tuple(row.reasons),
            warnings=tuple(row.warnings),
            checks=tuple(checks.get(_key(row), ())),
            metrics=metrics.get(_key(row), {}),
            examples=_examples(db, batch_id, _key(row), Verdict(row.verdict)),
        )
        for row in db.run("quality/select_decisions", batch_id=batch_id)
        if _key(row) not in left_out
    ]


def _as_json(batch_id: str, slices: Iterable[ShownSlice]) -> bytes:
    found = [
        {
            "store": one.key.store,
            "src_lang": one.key.src_lang,
            "tgt_lang": one.key.tgt_lang,
            "verdict": one.verdict.value,
            "reasons": one.reasons,
            "warnings": one.warnings,
        }
        for one in sorted(slices, key=_place)
    ]
    return (json.dumps({"batch_id": batch_id, "slices": found}, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def recorded_checks(db: Database, batch_id: str) -> dict[SliceKey, list[Check]]:
    """What the gate found of a batch's slices when it judged them."""
    checks: dict[SliceKey, list[Check]] = {}
    for row in db.run("quality/select_checks", batch_id=batch_id):
        check = Check(
            name=row.name, level=Level(row.level), passed=row.passed, found=row.found, releasable=row.releasable
        )
        checks.setdefault(_key(row), []).append(check)
    return checks


# Recording ---------------------------------------------------------------------------------------


def _record(
    db: Database,
    batch_id: str,
    decisions: Mapping[SliceKey, Decision],
    contents: Mapping[SliceKey, str],
    checks: Mapping[SliceKey, tuple[Check, ...]],
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
            releasable=[check.releasable for _, check in rows],
        )
        for key, one in decisions.items():
            record_decision(db, batch_id, key, one, contents[key])


def record_decision(db: Database, batch_id: str, key: SliceKey, decision: Decision, content: str) -> None:
    """Write down what was decided on a slice, with its history; the load does what the verdict says."""
    place = {"batch_id": batch_id, "store": key.store, "src_lang": key.src_lang, "tgt_lang": key.tgt_lang}
    db.run(
        "quality/upsert_decision",
        **place,
        content=content,
        verdict=decision.verdict.value,
        reasons=list(decision.reasons),
        warnings=list(decision.warnings),
        releasable=decision.releasable,
        decided_by=decision.decided_by,
        by_person=decision.decided_by not in (GATE, TIMEOUT),
        why=decision.why,
    )
    db.run("quality/set_verdict", **place, verdict=decision.verdict.value)
