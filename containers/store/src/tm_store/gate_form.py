"""What a person is shown who decides on a slice: Markdown with numbers and links, and no text of a segment.

A form stays in Airflow's database for as long as its run, where no erasure reaches. So the examples come as a picture
that the browser fetches from the gate's files (tm_store.gate_docs.render_examples; docs/decisions/0072).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tm_core.markdown import quoted
from tm_store.db import Database
from tm_store.gate_docs import examples_file
from tm_store.quarantine import Said, Waiting, history

#: What the form says of a slice, over the metrics of include/sql/metrics. What was not measured is left out.
NUMBERS = (
    ("documents", "{documents:,.0f}: {documents_from_ledger:,.0f} from the ledger, {documents_failed:,.0f} failed"),
    ("beads", "{beads:,.0f}"),
    ("beads without counterpart", "{null_share:.1%}"),
    ("refused by rules", "{rejected_share:.1%}"),
    ("score, mean and median", "{score_mean:.3f}, {score_median:.3f}"),
    ("repeats", "{duplicate_share:.1%} of what would be loaded"),
    ("compared with", "{history_dates:,.0f} earlier dates"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A question to a person: one line, and what is needed to answer it, as Markdown."""

    subject: str
    body: str


def make_form(db: Database, found: Waiting, page_url: str) -> Form:
    """Ask what is to become of a slice.

    Args:
        page_url: where the browser finds the gate's page of the batch.
    """
    key = found.key
    asked = f"{key.store} {key.src_lang}-{key.tgt_lang} of {found.partition_date}: {found.beads:,} beads"
    can = "" if found.releasable else " Its numbers cannot be right: nobody can approve it."
    parts = [
        f"Batch `{found.batch_id}`. The verdict is **{found.verdict}**, by {quoted(found.decided_by)}.{can}",
        _listed("Why", found.reasons),
        _listed("Warnings", found.warnings),
        _numbers(db, found),
        _said(history(db, found.batch_id, key)),
        f"![The worst examples; they stand on the gate's page too]({page_url}/{examples_file(key)})",
        f"[Every number, promise and example]({page_url})",
        "**Approve**: the gate looks again, then it is loaded. **Keep out**: quarantine, from which it can be released "
        "later. **Discard**: thrown away. The reason is kept with the decision.",
    ]
    return Form(subject=f"{asked}. Load them?", body="\n\n".join(filter(None, parts)))


def _listed(title: str, texts: Sequence[str]) -> str:
    return f"{title}:\n\n" + "\n".join(f"- {quoted(text)}" for text in texts) if texts else ""


def _numbers(db: Database, found: Waiting) -> str:
    rows = db.run("quality/select_metrics", batch_id=found.batch_id)
    key = found.key
    known = {
        row.name: row.value
        for row in rows
        if (row.store, row.src_lang, row.tgt_lang) == (key.store, key.src_lang, key.tgt_lang)
    }
    told = [(what, _filled(text, known)) for what, text in NUMBERS]
    told += [(f"outcome: {outcome}", f"{beads:,}") for outcome, beads in sorted(found.outcomes.items())]
    lines = [f"| {_cell(what)} | {_cell(text)} |" for what, text in told if text]
    return "\n".join(["| what | found |", "|---|---|", *lines])


def _cell(text: str) -> str:
    # Our own words and numbers alone: what people have entered is quoted, and stands in no table.
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~:-])", r"\\\1", text)


def _filled(text: str, known: dict[str, float]) -> str:
    try:
        return text.format(**known)
    except KeyError:
        return ""


def _said(decisions: Sequence[Said]) -> str:
    texts = [f"{one.at:%Y-%m-%d %H:%M} UTC, {one.who}: {one.verdict}. {one.why}" for one in decisions if one.why]
    return _listed("Decided before", texts)
