"""The gate's Data Docs: one HTML page, rendered by Great Expectations' own renderer with a page template of ours.

Its own page templates load styles, fonts and scripts from seven hosts, and a picture from its makers; ours, of
``include/gx/templates``, loads nothing (docs/decisions/0020).
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tm_core.verdicts import Check, Decision
from tm_store.gate_suite import TOO_LITTLE, Answers, Metrics, SliceKey


def render_page(
    templates: Path, batch_id: str, decisions: Mapping[SliceKey, Decision], answers: Answers, metrics: Metrics
) -> bytes:
    """The page as UTF-8 HTML: verdicts with reasons, every check and number of each slice, and the validation.

    Args:
        templates: the folder with ``gate.html``.
    """
    from great_expectations.render.renderer import ValidationResultsPageRenderer  # type: ignore[attr-defined]
    from great_expectations.render.view import DefaultJinjaPageView  # type: ignore[attr-defined]

    document = ValidationResultsPageRenderer().render(answers.validation)
    # The first section is an overview for a site of many runs: its links lead to pages that are not here.
    document.sections = document.sections[1:]
    view: Any = DefaultJinjaPageView(custom_views_directory=str(templates))
    html: str = view.render(
        document,
        template="gate.html",
        batch_id=batch_id,
        counts=dict(sorted(Counter(one.verdict.value for one in decisions.values()).items())),
        slices=[_slice(key, one, answers.checks[key], metrics[key]) for key, one in decisions.items()],
    )
    return html.encode("utf-8")


def _slice(
    key: SliceKey, decision: Decision, checks: tuple[Check, ...], metrics: Mapping[str, float]
) -> dict[str, Any]:
    return {
        "name": str(key),
        "verdict": decision.verdict.value,
        "reasons": decision.reasons,
        "warnings": decision.warnings,
        "checks": [
            {"name": one.name, "level": one.level.value, "passed": one.passed, "found": one.found,
             "unasked": one.found.startswith(TOO_LITTLE)}
            for one in checks
        ],
        "metrics": [(name, f"{value:,.4f}".rstrip("0").rstrip(".")) for name, value in sorted(metrics.items())],
    }  # fmt: skip
