"""The gate's Data Docs: one HTML page, rendered by Great Expectations' own renderer with a page template of ours.

Its own page templates load styles, fonts and scripts from seven hosts, and a picture from its makers; ours, of
``include/gx/templates``, loads nothing (docs/decisions/0020). Texts of segments stand on the page and in the picture
of a slice's worst examples, and in no log, XCom or form: both lie beside the batch's beads and go when those go
(docs/decisions/0072).
"""

import html
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tm_core.outcomes import Verdict
from tm_core.verdicts import Check
from tm_store.gate_suite import TOO_LITTLE, SliceKey

#: Airflow shows a picture in a form 300 pixels wide, whatever its own width: so it is a column of cards.
WIDTH_PX, LINE_PX, TEXT_PX = 300, 15, 11
#: A cell is about what a Latin letter takes, an ideograph takes two. So many fit into a line of DejaVu Sans.
_LINE_CELLS = 46
_MOST_LINES, _MOST_CARDS = 4, 6


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


# The picture ---------------------------------------------------------------------------------------


def examples_file(key: SliceKey) -> str:
    """Name of the picture beside the page, as in ``manuals.en-de.svg``."""
    return f"{key.store}.{key.src_lang}-{key.tgt_lang}.svg"


def render_examples(key: SliceKey, examples: Sequence[Example]) -> bytes:
    """The worst of what the slice would load as an SVG for the form, texts cut; light, as paper is, in either theme."""
    lines = list(_lines(key, [one for one in examples if one.kind.startswith("would")]))
    texts = [
        f'<text x="8" y="{LINE_PX * number + 4}" class="{kind}" xml:lang="{lang}">{html.escape(text)}</text>'
        for number, (kind, lang, text) in enumerate(lines, 1)
    ]
    size = f'width="{WIDTH_PX}" height="{LINE_PX * (len(lines) + 1)}"'
    style = (
        f"text{{font:{TEXT_PX}px system-ui,sans-serif;fill:#1f2328;unicode-bidi:plaintext}}"
        ".which{font-weight:600;fill:#9a6700}.tgt{fill:#0550ae}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{"".join(texts)}</svg>\n'
    ).encode()


def _lines(key: SliceKey, examples: Sequence[Example]) -> Iterator[tuple[str, str, str]]:
    """(class, language, text) of every line; a bead that is the worst in two ways stands there once."""
    kinds = list(dict.fromkeys(one.kind for one in examples))
    seen: set[tuple[str, str]] = set()
    for kind in kinds:
        fresh = [one for one in examples if one.kind == kind and (one.src_text, one.tgt_text) not in seen]
        for one in fresh[: _MOST_CARDS // len(kinds)]:
            seen.add((one.src_text, one.tgt_text))
            yield "which", "en", f"{kind.removeprefix('would be loaded, ')}: {one.score:.2f}"
            yield from (("src", key.src_lang, line) for line in wrap(one.src_text))
            yield from (("tgt", key.tgt_lang, line) for line in wrap(one.tgt_text))
    if not seen:
        yield "which", "en", "nothing of it would be loaded"


def wrap(text: str) -> list[str]:
    """The text in lines of the picture, broken at spaces where there are any, cut after the last that has room."""
    lines, line, room = [], "", _LINE_CELLS
    for char in " ".join("".join(c if c.isprintable() else " " for c in text).split()):
        room -= 2 if unicodedata.east_asian_width(char) in "WF" else 1
        line += char
        if room <= 0:
            head, space, rest = line.rpartition(" ")
            lines.append(head if space else line)
            line = rest if space else ""
            room = _LINE_CELLS - len(line)
    lines.append(line)
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES - 1] += " …"
    return [one for one in lines[:_MOST_LINES] if one]
