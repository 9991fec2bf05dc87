"""The gate's Data Docs: one HTML page, rendered by Great Expectations' own renderer with a page template of ours.

Its own page templates load styles, fonts and scripts from seven hosts, and a picture from its makers; ours, of
``include/gx/templates``, loads nothing (docs/decisions/0020). Texts of segments stand here and in no log, XCom or form:
the page lies beside the batch's beads, and goes when they go (docs/decisions/0072).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tm_core.outcomes import Verdict
from tm_core.verdicts import Check
from tm_store.gate_suite import TOO_LITTLE, SliceKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One bead for the person who decides: what it stands for, its confidence, its texts (cut)."""

    kind: str
    score: float
    src_text: str
    tgt_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSlice:
    """All that the page says of a slice."""

    key: SliceKey
    verdict: Verdict
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    checks: tuple[Check, ...]
    metrics: Mapping[str, float]
    examples: tuple[Example, ...] = ()


def render_page(templates: Path, batch_id: str, slices: Sequence[ShownSlice], validation: Any) -> bytes:
    """The page as UTF-8 HTML: verdicts with reasons, every check and number of each slice, and the validation.

    Args:
        templates: the folder with ``gate.html``.
        validation: Great Expectations' result on the slices that were judged now.
    """
    from great_expectations.render.renderer import ValidationResultsPageRenderer  # type: ignore[attr-defined]
    from great_expectations.render.view import DefaultJinjaPageView  # type: ignore[attr-defined]

    document = ValidationResultsPageRenderer().render(validation)
    # The first section is an overview for a site of many runs: its links lead to pages that are not here.
    document.sections = document.sections[1:]
    view: Any = DefaultJinjaPageView(custom_views_directory=str(templates))
    html: str = view.render(
        document,
        template="gate.html",
        batch_id=batch_id,
        counts=dict(sorted(Counter(one.verdict.value for one in slices).items())),
        slices=[_slice(one) for one in slices],
    )
    return html.encode("utf-8")


def _slice(one: ShownSlice) -> dict[str, Any]:
    return {
        "name": str(one.key),
        "verdict": one.verdict.value,
        "reasons": one.reasons,
        "warnings": one.warnings,
        "checks": [
            {"name": check.name, "level": check.level.value, "passed": check.passed, "found": check.found,
             "unasked": check.found.startswith(TOO_LITTLE)}
            for check in one.checks
        ],
        "metrics": [(name, f"{value:,.4f}".rstrip("0").rstrip(".")) for name, value in sorted(one.metrics.items())],
        "examples": one.examples,
        "src_lang": one.key.src_lang,
        "tgt_lang": one.key.tgt_lang,
    }  # fmt: skip
