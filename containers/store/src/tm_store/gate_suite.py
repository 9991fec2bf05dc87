"""The gate's promises: the suite of ``include/gx``, asserted by Great Expectations, answered slice by slice.

The suite is a file in Great Expectations' own form. What this module adds lies in each expectation's ``meta``: what a
failure means (``level``, and for a stop ``releasable``), the sentence that explains the result (``found``) and where
the threshold comes from (``source``). Nothing here imports Great Expectations or pandas until a suite is asserted: that
costs five CPU seconds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from tm_core.errors import ContractError, SettingsError
from tm_core.verdicts import Check, Level

#: Great Expectations has a severity of its own, shown by its tools; the level decides.
_SEVERITY = {Level.STOP: "critical", Level.HOLD: "warning", Level.WARN: "info"}
#: How the result of a promise begins that was not asked.
TOO_LITTLE = "too little evidence"
#: The column of the metrics' table that names the slice.
_SLICE = "slice"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SliceKey:
    """One store and language pair of a batch."""

    store: str
    src_lang: str
    tgt_lang: str

    def __str__(self) -> str:
        return f"{self.store} {self.src_lang}-{self.tgt_lang}"


#: What was measured of each slice, by the metric's name.
Metrics = Mapping[SliceKey, Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How much a slice must have before a promise is asked: at least so much of a metric."""

    metric: str
    at_least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One expectation of the suite.

    Attributes:
        text: the promise in words; names the check, so no two are alike.
        level: what breaking it means.
        metric: what it is about.
        found: a format string over the slice's metrics that says what was found.
        evidence: what it needs to be asked; None if it always is.
        releasable: whether a person may let a slice in that breaks it.
        config: the expectation as Great Expectations reads it.
    """

    text: str
    level: Level
    metric: str
    found: str
    evidence: Evidence | None
    releasable: bool
    config: Mapping[str, Any]

    @property
    def needs(self) -> set[str]:
        """The metrics that an answer takes: its own and those that its words name."""
        return {self.metric} | {name for _, name, _, _ in Formatter().parse(self.found) if name}

    def is_asked(self, metrics: Mapping[str, float]) -> bool:
        """Say whether a slice has enough evidence."""
        return self.evidence is None or metrics.get(self.evidence.metric, 0.0) >= self.evidence.at_least

    def check(self, metrics: Mapping[str, float], *, passed: bool) -> Check:
        """The result on one slice. A promise that needs more evidence than there is counts as kept."""
        if self.evidence and not self.is_asked(metrics):
            have = metrics.get(self.evidence.metric, 0.0)
            words = (
                f"{self.evidence.metric.replace('_', ' ')}: {have:,.0f}, asked from {self.evidence.at_least:,.0f} on"
            )
            return self._check(passed=True, found=f"{TOO_LITTLE} ({words})")
        return self._check(passed=passed, found=self.found.format_map(metrics))

    def _check(self, *, passed: bool, found: str) -> Check:
        return Check(name=self.text, level=self.level, passed=passed, found=found, releasable=self.releasable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The promises, in the file's order."""

    name: str
    promises: tuple[Promise, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Every promise's result on every slice, and Great Expectations' own result for its pages."""

    checks: Mapping[SliceKey, tuple[Check, ...]]
    validation: Any


def load_suite(path: Path) -> Suite:
    """Read and validate a suite.

    Raises:
        SettingsError: no such file, not JSON, or an expectation without what the gate needs; names the place.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        promises = tuple(_promise(item, f"{path} expectation {n}") for n, item in enumerate(data["expectations"], 1))
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such suite. Set TM_INCLUDE to the folder with gx/.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path}: expected a suite of Great Expectations with a list 'expectations', found {error!r}. "
            "Correct the file; nothing has been judged."
        ) from None
    texts = [one.text for one in promises]
    if not texts or len(set(texts)) < len(texts):
        twice = sorted({text for text in texts if texts.count(text) > 1})
        raise SettingsError(f"{path}: expected promises, each with a text of its own, found {twice or 'none'}.")
    return Suite(name=data["name"], promises=promises)


def _promise(item: Mapping[str, Any], where: str) -> Promise:
    meta, kwargs = item.get("meta", {}), item.get("kwargs", {})
    for name, value in {"description": item.get("description"), "kwargs.column": kwargs.get("column")}.items():
        if not value:
            raise SettingsError(f"{where}: expected '{name}', found none. Correct the file.")
    if meta.get("level") not in list(Level) or not meta.get("found") or not meta.get("source"):
        raise SettingsError(
            f"{where} ('{item['description']}'): expected meta with level (one of {', '.join(Level)}), found and "
            f"source, found {meta}. Correct the file."
        )
    level = Level(meta["level"])
    if (level is Level.STOP) is not isinstance(meta.get("releasable"), bool):
        raise SettingsError(
            f"{where} ('{item['description']}'): expected meta.releasable (true or false) if and only if the level is "
            f"'{Level.STOP}', found {meta.get('releasable')}. Correct the file."
        )
    return Promise(
        text=item["description"],
        level=level,
        metric=kwargs["column"],
        found=meta["found"],
        evidence=_evidence(kwargs.get("row_condition"), where),
        releasable=meta.get("releasable", True),
        config=dict(item),
    )


def _evidence(condition: Mapping[str, Any] | None, where: str) -> Evidence | None:
    """The gate must know which slices a promise was asked of, hence this one form of Great Expectations' conditions."""
    match condition:
        case None:
            return None
        case {"type": "comparison", "column": {"name": str(metric)}, "operator": ">=", "parameter": int(least)}:
            return Evidence(metric=metric, at_least=least)
    raise SettingsError(f"{where}: expected a row_condition 'metric >= whole number', found {condition}.")


def ask(suite: Suite, metrics: Metrics) -> Answers:
    """Assert the suite on the slices' metrics, all slices at once.

    Raises:
        ContractError: there is no slice, a metric that a promise needs was not measured, or Great Expectations
            could not evaluate a promise: no slice has been judged.

    Cost: 5 CPU seconds for the first import of Great Expectations; then 10 ms a promise.
    """
    if not metrics:
        raise ContractError("the gate was given no slice: expected at least one. Nothing has been judged.")
    _require_metrics(suite, metrics)
    validation = _validate(suite, metrics)
    results = {result.expectation_config.description: result for result in validation.results}
    broken = {one.text: _broken_slices(one, results.get(one.text), metrics) for one in suite.promises}
    checks = {
        key: tuple(one.check(found, passed=str(key) not in broken[one.text]) for one in suite.promises)
        for key, found in metrics.items()
    }
    return Answers(checks=checks, validation=validation)


def _require_metrics(suite: Suite, metrics: Metrics) -> None:
    """A promise on something that was not measured would hold without having been looked at."""
    for key, found in metrics.items():
        for promise in suite.promises:
            unknown = sorted(promise.needs - found.keys())
            if unknown and promise.is_asked(found):
                raise ContractError(
                    f"slice {key}: '{promise.text}' needs the metric '{unknown[0]}', which was not measured. "
                    "Either include/sql/metrics has no statement for it, or the promise needs a row_condition that "
                    "leaves slices without it out. Nothing has been judged."
                )


def _validate(suite: Suite, metrics: Metrics) -> Any:
    import great_expectations as gx
    import pandas as pd
    from great_expectations.core.expectation_suite import ExpectationSuite
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # What no slice has, such as a history that is too short, is a column all the same: of nothing.
    wanted = {
        name for one in suite.promises for name in (one.metric, one.evidence.metric if one.evidence else one.metric)
    }
    columns = sorted({name for found in metrics.values() for name in found} | wanted)
    frame = pd.DataFrame([{_SLICE: str(key), **found} for key, found in metrics.items()], columns=[_SLICE, *columns])
    frame = frame.astype(dict.fromkeys(columns, float))
    asset = context.data_sources.add_pandas("metrics").add_dataframe_asset("slices")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    configs = [{**one.config, "severity": _SEVERITY[one.level]} for one in suite.promises]
    return batch.validate(
        ExpectationSuite(name=suite.name, expectations=configs),
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [_SLICE],
            "return_unexpected_index_query": False,
        },
    )


def _broken_slices(promise: Promise, result: Any, metrics: Metrics) -> set[str]:
    """The slices on which a promise was broken, by name; Great Expectations must have looked at all that were asked."""
    if result is None or "unexpected_index_list" not in result.result:
        why = "no answer" if result is None else result.exception_info
        raise ContractError(
            f"'{promise.text}': expected Great Expectations to answer slice by slice, found {why}. "
            "Correct include/gx; nothing has been judged."
        )
    asked = sum(promise.is_asked(found) for found in metrics.values())
    seen = result.result["element_count"] - result.result["missing_count"]
    if seen != asked:
        raise ContractError(
            f"'{promise.text}': expected an answer on {asked:,} slices, Great Expectations looked at {seen:,}. "
            "Nothing has been judged."
        )
    return {str(row[_SLICE]) for row in result.result["unexpected_index_list"]}
