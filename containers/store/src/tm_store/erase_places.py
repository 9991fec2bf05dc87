"""Every place that can hold text, declared once: how an erasure looks there, takes a text out, and proves it.

A test compares this with the catalog and with the files that a run leaves; a new place is declared here in the commit
that adds it. What is not declared is still looked into, as prose (docs/decisions/0069).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tm_store.roles import SCHEMAS


class Kind(StrEnum):
    """What a column holds, and so how the proof compares."""

    UNIT = "unit"  # a side of a unit, a copy of one, or JSON of them: compared whole
    WINDOW = "window"  # beads as lists of segments: compared bead by bead
    PROSE = "prose"  # anything that people or programs wrote: compared whole, and looked for inside
    CODE = "code"  # names, codes and hashes: not looked into, because a segment may be "de" or "new" too


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePlace:
    """The columns of one table that can hold text, by kind, and how an erasure takes texts out of it."""

    columns: Mapping[str, Kind]
    removed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlace:
    """Files of object storage or of TM_HOME, by a pattern of their paths.

    Attributes:
        texts: they can hold texts of segments.
        removed: how an erasure takes texts out, or when they go; "" where they hold none.
    """

    pattern: str
    texts: bool
    removed: str = ""


def _table(removed: str, *, unit: str = "", window: str = "", prose: str = "", code: str = "") -> TablePlace:
    named = ((Kind.UNIT, unit), (Kind.WINDOW, window), (Kind.PROSE, prose), (Kind.CODE, code))
    return TablePlace(columns={name: kind for kind, names in named for name in names.split()}, removed=removed)


_NO_TEXT = "holds no text of a segment; looked into all the same, and what is found stops the erasure"
_BY_KEYS = "rows deleted by hashes, unit or document (erase_scan.delete_copies)"
_SLICE = "batch_id store src_lang tgt_lang"
_HASHES = "src_hash tgt_hash context prev_hash next_hash"
_UNIT = f"unit_key src_lang tgt_lang {_HASHES}"

#: Every table with a column that can hold text, in the schemas of this project.
TABLES: Mapping[str, TablePlace] = {
    "ops.alarm": _table(_NO_TEXT, prose="found", code="name"),
    "ops.approval": _table(
        "names of people and of tasks, and the options that a DAG offers",
        code="dag_id run_id task_id who_id who_name asked_by options",
    ),
    "ops.backup": _table(_NO_TEXT, prose="counts problem", code="uri batch_id state manifest_sha256"),
    "ops.batch": _table(_NO_TEXT, prose="versions", code="batch_id state run_id kind"),
    "ops.breaker": _table(_NO_TEXT, prose="probe reason", code="name state"),
    "ops.document": _table(
        _NO_TEXT,
        prose="reason notes",
        code="batch_id document_key store name src_lang tgt_lang kind state content_hash ledger_key tier route "
        "src_lang_id tgt_lang_id",
    ),
    "ops.drill": _table(_NO_TEXT, prose="problems facts", code="uri"),
    "ops.erasure": _table("hashes alone", code="store"),
    "ops.file": _table(_NO_TEXT, prose="reason", code="batch_id path store sha256 state"),
    "ops.journal": _table(
        "facts are counts, hashes and names (journal.record)", prose="facts", code="kind who store uri"
    ),
    "ops.ledger": _table(
        "rows of the documents deleted (erase/delete_ledger)", code="ledger_key batch_id folder document_key tier route"
    ),
    "ops.lexicon": _table("retired, and the file deleted", prose="reason", code="src_lang tgt_lang sha256 state"),
    "ops.migration": _table("names of files", code="name sha256"),
    "ops.outcome": _table("hashes alone", code="batch_id document_key outcome rule unit_key"),
    "ops.pod": _table(
        _NO_TEXT, prose="token mode document cause suspect message pod_name node", code="batch_id run_id tier"
    ),
    "ops.put_away": _table("names of files", code="path table_name sha256"),
    "ops.restore": _table(_NO_TEXT, prose="facts", code="uri"),
    "ops.shard_run": _table(_NO_TEXT, prose="attestation", code="batch_id tier"),
    "ops.slice": _table(_NO_TEXT, prose="outcomes", code=f"{_SLICE} verdict"),
    "ops.step": _table(_NO_TEXT, prose="facts", code="batch_id step"),
    "quality.check_result": _table(_NO_TEXT, prose="found", code=f"{_SLICE} name level"),
    "quality.decision": _table(_NO_TEXT, prose="reasons warnings why", code=f"{_SLICE} verdict decided_by content"),
    "quality.decision_history": _table(
        _NO_TEXT, prose="reasons warnings why", code=f"{_SLICE} content verdict decided_by"
    ),
    "quality.metric": _table("numbers alone", code=f"{_SLICE} name"),
    "review.blind": _table("hashes alone", code="batch_id document_key side"),
    "review.change": _table(_BY_KEYS, unit="src_text tgt_text item_key", code=f"verdict_key side store {_UNIT}"),
    "review.comparison": _table(_NO_TEXT, prose="variants facts promoted_by before undone_by", code=_SLICE),
    "review.item": _table(
        f"{_BY_KEYS}; neighbours blanked (erase/blank_windows, erase_windows)",
        unit="src_text tgt_text item_key",
        window="around",
        code=f"batch_id store document_key {_UNIT} tier state origin reviewers claimed_by",
    ),
    "review.removed": _table(
        _BY_KEYS,
        unit="evidence unit extra",
        code="document_key unit_key src_lang tgt_lang src_hash tgt_hash content_hash",
    ),
    "review.standing": _table("numbers alone", code=f"{_SLICE} tier state pooled"),
    "review.threshold": _table(_NO_TEXT, prose="why facts", code="who"),
    "review.unsettled": _table("hashes alone", code="verdict_key store"),
    "review.verdict": _table(
        "notes on erased texts emptied (erase/blank_notes)",
        prose="note",
        code=f"verdict_key who kind correction undoes document_key {_SLICE} tier origin unit_key",
    ),
    "staging.bead": _table(
        "texts emptied, rows kept (erase/blank_beads); the filter's files are swept before they are staged",
        unit="src_text tgt_text item_key",
        code=f"batch_id store document_key {_UNIT} tier aligner model_hash src_lang_id tgt_lang_id rule",
    ),
    "tm.document": _table(
        "rows of the documents deleted", code="document_key name src_lang tgt_lang batch_id content_hash"
    ),
    "tm.evidence": _table(
        "rows deleted (erase/delete_units)", code="document_key unit_key tier aligner model_hash batch_id"
    ),
    "tm.extra": _table(
        "goes with the evidence; properties that quote a text cut out (erase/strip_extras)",
        unit="facts",
        code="document_key unit_key",
    ),
    "tm.gram": _table("numbers of texts; a number without a text finds none", code="src_lang tgt_lang holders"),
    "tm.numbering": _table("numbers alone", code="src_lang tgt_lang"),
    "tm.pending": _table("follows tm.unit by trigger", unit="src_text", code="src_lang tgt_lang src_hash"),
    "tm.ruling": _table("hashes alone", code="src_lang tgt_lang src_hash tgt_hash verdict_key"),
    "tm.source": _table("follows tm.unit by trigger", unit="form", code="src_lang tgt_lang src_hash"),
    "tm.store": _table("names of stores", code="name"),
    "tm.tombstone": _table("hashes alone", code="src_lang tgt_lang document_key src_hash tgt_hash"),
    "tm.unit": _table(
        "rows deleted (erase/delete_units)",
        unit="src_text tgt_text item_key",
        code=f"{_UNIT} document_key tier aligner model_hash batch_id review_state",
    ),
    "tm.withdrawn": _table(
        "rows deleted (erase/delete_units, erase/delete_versions), properties cut out (erase/strip_extras)",
        unit="facts",
        code="document_key batch_id unit_key tier aligner model_hash",
    ),
    "tm.withdrawn_document": _table(
        "rows of the documents deleted (erase/delete_versions)",
        code="document_key batch_id name src_lang tgt_lang content_hash withdrawn_by",
    ),
    "tm.withdrawn_unit": _table(
        "rows deleted (erase/delete_units, erase/delete_versions)",
        unit="src_text tgt_text item_key",
        code=f"{_UNIT} review_state",
    ),
}

_SWEPT = "rows emptied in place (erase_files)"
#: Every kind of file below TM_STORAGE, by path.
FILES: tuple[FilePlace, ...] = (
    FilePlace(pattern=r"raw/.+", texts=True, removed="a deposit is its owner's: listed under what stays"),
    FilePlace(pattern=r"work/[^/]+/(tier1|tier2)/[^/]+/(beads|segments)\.parquet", texts=True, removed=_SWEPT),
    FilePlace(
        pattern=r"work/[^/]+/(tier1|tier2)/[^/]+/parts/.+", texts=True, removed="deleted if it quotes one (erase_files)"
    ),
    FilePlace(pattern=r"work/[^/]+/(tier1|tier2)/[^/]+/(results\.parquet|[^/]+\.json)", texts=False),
    FilePlace(pattern=r"work/[^/]+/filter/beads-[0-9]+\.parquet", texts=True, removed=_SWEPT),
    FilePlace(pattern=r"work/[^/]+/(plan|route|filter)/(files|documents)\.parquet", texts=False),
    FilePlace(pattern=r"work/[^/]+/(plan|route|filter)/manifest\.json", texts=False),
    FilePlace(pattern=r"work/[^/]+/claims/.+", texts=False),
    FilePlace(pattern=r"work/[^/]+/gate/data_docs/.+", texts=True, removed="deleted with the texts that it shows"),
    FilePlace(pattern=r"work/[^/]+/gate/verdict\.json", texts=False),
    FilePlace(pattern=r"work/ab-[^/]+/.+", texts=True, removed="deleted if it quotes one (erase_files)"),
    FilePlace(pattern=r"work/lexicon-.+", texts=True, removed="units.parquet deleted if it holds one (erase_files)"),
    FilePlace(pattern=r"lexicons/.+", texts=True, removed="deleted, and the lexicon retired"),
    FilePlace(pattern=r"journal/imports/.+", texts=True, removed="kept in pieces without it (kept_imports)"),
    FilePlace(pattern=r"journal/verdicts/.+", texts=True, removed="note and texts emptied (erase_files)"),
    FilePlace(pattern=r"journal/(entries|erasures|batches|abandoned)/.+", texts=False),
    FilePlace(pattern=r"(config|books)/.+", texts=False),
    FilePlace(pattern=r"reports/erasures/.+", texts=False),
    FilePlace(pattern=r"exports/.+", texts=True, removed="listed under what stays"),
    FilePlace(
        pattern=r"backups/.+", texts=True, removed="by retention, listed under what stays; a restore erases again"
    ),
)


def kind_of(schema: str, table: str, column: str) -> Kind:
    """How a column is compared; what nobody declared is looked into as prose."""
    place = TABLES.get(f"{schema}.{table}")
    return place.columns.get(column, Kind.PROSE) if place else Kind.PROSE


def undeclared(schema: str, table: str, column: str) -> str:
    """What to add for a column of this project that nobody declared; "" if it is declared or of another schema."""
    name = f"{schema}.{table}"
    if schema not in SCHEMAS or schema == "away" or column in (TABLES[name].columns if name in TABLES else ()):
        return ""
    return (
        f"{name}.{column} can hold text and is not declared: say in tm_store.erase_places.TABLES['{name}'] what "
        "it holds (unit, window, prose or code) and how an erasure takes a text out; if it holds texts of segments, "
        "make tm_store.erase remove them and let tests/store/test_erase_rerun.py find a planted one gone."
    )


def place_of(path: str) -> FilePlace | None:
    """The declared kind of a file below TM_STORAGE, or None."""
    return next((one for one in FILES if re.fullmatch(one.pattern, path)), None)
