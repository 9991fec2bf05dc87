"""The files in which the steps of a batch meet: their places, their columns and their versions.

``tm_align`` and ``tm_store`` never call each other: one writes these files, the other reads them. Everything lies
under ``work/<batch_id>/``; each folder is finished once its ``manifest.json`` is there::

    plan/               files.parquet  documents.parquet      the input, pinned, with all versions
    tier1/<shard>/      segments.parquet  beads.parquet  results.parquet
    route/              documents.parquet                     which documents go to tier 2, and why
    tier2/<shard>/      beads.parquet  results.parquet
    filter/             beads-<n>.parquet  documents.parquet  every bead with the rule it failed, if any
"""

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """The steps of a refresh, in order; also the folders' names and the tasks' ids."""

    PLAN = "plan"
    TIER1 = "tier1"
    ROUTE = "route"
    TIER2 = "tier2"
    FILTER = "filter"
    GATE = "gate"
    SAMPLE = "sample"
    LOAD = "load"
    PUBLISH = "publish"
    BACKUP = "backup"


class ColumnType(StrEnum):
    """Types of columns, named as Arrow names them."""

    TEXT = "string"
    INT = "int64"
    FLOAT = "float32"
    FLAG = "bool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A kind of Parquet file: its name and version stand in the file, its columns are read by name."""

    name: str
    version: int
    columns: tuple[tuple[str, ColumnType], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(name for name, _ in self.columns)


_T, _I, _F = ColumnType.TEXT, ColumnType.INT, ColumnType.FLOAT

#: One deposited file and its fate so far (tm_core.outcomes.FileState).
FILES = Schema(
    name="files",
    version=1,
    columns=(("path", _T), ("store", _T), ("size", _I), ("sha256", _T), ("state", _T), ("reason", _T)),
)

#: One document pair to be refined. ``ledger_*`` say where its beads lie if it was aligned before; ``shard`` is
#: its tier 1 task, -1 if it needs none. ``lexicon`` is the hash of the lexicon pinned for the pair, or "".
DOCUMENTS = Schema(
    name="documents",
    version=1,
    columns=(
        ("document_key", _T),
        ("store", _T),
        ("name", _T),
        ("src_lang", _T),
        ("tgt_lang", _T),
        ("kind", _T),
        ("src_path", _T),
        ("tgt_path", _T),
        ("src_sha256", _T),
        ("tgt_sha256", _T),
        ("chars", _I),
        ("lexicon", _T),
        ("ledger_key", _T),
        ("ledger_batch", _T),
        ("ledger_folder", _T),
        ("ledger_document", _T),
        ("shard", _I),
    ),
)

#: One segment. ``side`` is 0 for source, 1 for target; ``raw`` is the text as it stood in the file.
SEGMENTS = Schema(
    name="segments",
    version=1,
    columns=(
        ("document_key", _T),
        ("side", _I),
        ("position", _I),
        ("paragraph", _I),
        ("text", _T),
        ("raw", _T),
        ("lang_id", _T),
        ("lang_p", _F),
    ),
)

#: One bead. Spans count segments from 0; ``src_text`` and ``tgt_text`` are normalised and "" in a null bead;
#: ``context`` is tm_core.identity.context_hash; ``item_key`` is the key of a keyed string, "" in running text.
BEADS = Schema(
    name="beads",
    version=1,
    columns=(
        ("document_key", _T),
        ("position", _I),
        ("src_first", _I),
        ("src_count", _I),
        ("tgt_first", _I),
        ("tgt_count", _I),
        ("src_text", _T),
        ("tgt_text", _T),
        ("context", _T),
        ("prev_hash", _T),
        ("next_hash", _T),
        ("item_key", _T),
        ("score", _F),
        ("tier", _T),
        ("src_lang_id", _T),
        ("src_lang_p", _F),
        ("tgt_lang_id", _T),
        ("tgt_lang_p", _F),
    ),
)

#: What one tier made of one document pair (tm_core.outcomes.DocumentState, with the reason if it failed).
RESULTS = Schema(
    name="results",
    version=1,
    columns=(
        ("document_key", _T),
        ("state", _T),
        ("reason", _T),
        ("unreadable_path", _T),
        ("tier", _T),
        ("confidence", _F),
        ("aligner", _T),
        ("model_hash", _T),
        ("src_segments", _I),
        ("tgt_segments", _I),
        ("beads", _I),
        ("src_lang_id", _T),
        ("tgt_lang_id", _T),
        ("notes", _T),
    ),
)

#: The routing decision of one aligned document pair; ``shard`` is its tier 2 task, -1 if it stays in tier 1.
ROUTES = Schema(
    name="routes",
    version=1,
    columns=(
        ("document_key", _T),
        ("tier", _T),
        ("reason", _T),
        ("confidence", _F),
        ("tier1_folder", _T),
        ("shard", _I),
    ),
)

#: What a lexicon is learned from: one aligned unit a row.
LEXICON_UNITS = Schema(name="lexicon-units", version=1, columns=(("src_text", _T), ("tgt_text", _T)))

#: One bead of one side of a comparison (tm_core.ab). Spans count segments from 0.
COMPARED = Schema(
    name="compared",
    version=1,
    columns=(("document_key", _T), ("src_first", _I), ("src_count", _I), ("tgt_first", _I), ("tgt_count", _I)),
)

#: A bead after the filter, as it is copied to staging: the columns are those of staging.bead, in order.
#: ``rule`` is "" for a bead that passed. Hashes are 64 hexadecimal digits.
FILTERED = Schema(
    name="filtered",
    version=1,
    columns=(
        ("batch_id", _T),
        ("store", _T),
        ("document_key", _T),
        ("position", _I),
        ("src_lang", _T),
        ("tgt_lang", _T),
        ("src_first", _I),
        ("src_count", _I),
        ("tgt_first", _I),
        ("tgt_count", _I),
        ("src_text", _T),
        ("tgt_text", _T),
        ("src_hash", _T),
        ("tgt_hash", _T),
        ("context", _T),
        ("prev_hash", _T),
        ("next_hash", _T),
        ("unit_key", _T),
        ("item_key", _T),
        ("tier", _T),
        ("aligner", _T),
        ("model_hash", _T),
        ("score", _F),
        ("src_lang_id", _T),
        ("tgt_lang_id", _T),
        ("rule", _T),
    ),
)

#: A document pair after the filter: what ops.document says of it, in the order of its columns.
REFINED = Schema(
    name="refined",
    version=1,
    columns=(
        ("document_key", _T),
        ("store", _T),
        ("name", _T),
        ("src_lang", _T),
        ("tgt_lang", _T),
        ("kind", _T),
        ("state", _T),
        ("reason", _T),
        ("content_hash", _T),
        ("ledger_key", _T),
        ("tier", _T),
        ("route", _T),
        ("confidence", _F),
        ("src_segments", _I),
        ("tgt_segments", _I),
        ("beads", _I),
        ("src_lang_id", _T),
        ("tgt_lang_id", _T),
        ("notes", _T),
    ),
)
