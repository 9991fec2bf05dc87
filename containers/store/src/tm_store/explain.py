"""``tm explain``: a document's way through the last run, bead by bead, with the reasons."""

from collections import Counter
from typing import Any

import pyarrow.compute as pc

from tm_core.batches import work_path
from tm_core.contracts import FILTERED, Step
from tm_core.errors import DepositError, TmError
from tm_formats.manifest import read_manifest
from tm_formats.storage import Storage
from tm_formats.tables import read_columns
from tm_store.db import Database
from tm_store.report import table
from tm_store.upkeep_books import find

_TEXT_CHARS = 60


def explain(db: Database, storage: Storage, name: str, *, every_bead: bool = False) -> str:
    """Tell what became of a document, newest version first for each language pair.

    Args:
        name: as in ``<name>.<lang>.<ext>``, with or without ``<store>/`` before it, or a file's whole name.
        every_bead: list the beads that were loaded too, not only those that were not.

    Raises:
        DepositError: no batch knows a file or document of this name.
    """
    documents = _newest(db.run("report/find_documents", name=name))
    found = (file for pattern in _patterns(name) for file in db.run("report/find_files", pattern=pattern))
    files = [file for file in found if _is_of(file.path, name)]
    away = [] if documents else find(db, storage, name)
    if not documents and not files and not away:
        raise DepositError(
            f"'{name}': no refresh has seen a document or file of this name. Expected the <name> of "
            "raw/<store>/<date>/<name>.<lang>.<ext>. Was its date refreshed? `tm report --date …` says so."
        )
    parts = [_files(files)] if files else []
    if away:
        parts.append(f"'{name}': the books that knew it have been put away for their age:\n  " + "\n  ".join(away))
    parts += [_document(db, storage, one, every_bead) for one in documents]
    return "\n\n".join(parts)


def _patterns(name: str) -> list[str]:
    """Patterns of the paths that a name may mean; what stands before a slash may be a folder or the store."""
    escaped = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    store, slash, rest = escaped.partition("/")
    ends = ("", ".%")  # the file's whole name, or all but language and suffix
    return [
        *(f"%/{escaped}{end}" for end in ends),
        *(f"raw/{store}/____-__-__/{rest}{end}" for end in ends if slash),
    ]


def _is_of(path: str, name: str) -> bool:
    """Whether a path is that of a file of this name: nothing but a language and a suffix may follow it."""
    _, store, _, inside = [*path.split("/", 3), "", "", ""][:4]
    parts = inside.split("/")
    ways = [
        path,
        path.removeprefix("raw/"),
        f"{store}/{inside}",
        *("/".join(parts[first:]) for first in range(len(parts))),
    ]
    return any(way == name or (way.startswith(f"{name}.") and way[len(name) + 1 :].count(".") <= 1) for way in ways)


def _newest(rows: list[Any]) -> list[Any]:
    seen: dict[tuple[str, str, str], Any] = {}
    for row in rows:
        seen.setdefault((row.store, row.src_lang, row.tgt_lang), row)
    return list(seen.values())


def _files(files: list[Any]) -> str:
    newest = max(file.partition_date for file in files)
    rows = [(file.path, file.state, file.reason) for file in files if file.partition_date == newest]
    return f"Files deposited on {newest}:\n{table(rows)}"


def _document(db: Database, storage: Storage, one: Any, every_bead: bool) -> str:
    outcomes = db.run(
        "report/document_outcomes", batch_id=one.batch_id, day=one.partition_date, document_key=one.document_key
    )
    facts = [
        ("batch", f"{one.batch_id} ({one.batch_state})"),
        ("kind", f"{one.kind}, {one.state}" + (f": {one.reason}" if one.reason else "")),
        ("identified as", f"{one.src_lang_id} and {one.tgt_lang_id}"),
        ("segments", f"{one.src_segments:,} and {one.tgt_segments:,}"),
        ("route", f"{one.tier}: {one.route}; confidence {one.confidence:.2f}"),
        ("beads", f"{one.beads:,}: {_told(outcomes)}"),
        ("CPU seconds", f"{one.cpu_seconds or 0:.2f}"),
    ] + ([("notes", one.notes)] if one.notes else [])
    title = f"{one.store}/{one.name} {one.src_lang}-{one.tgt_lang}, {one.partition_date}"
    return f"{title}\n{table(facts)}{_beads(storage, one, outcomes, every_bead)}"


def _told(outcomes: list[Any]) -> str:
    counts = Counter(f"{row.outcome} ({row.rule})" if row.rule else row.outcome for row in outcomes)
    return ", ".join(f"{count:,} {what}" for what, count in counts.most_common()) or "not loaded yet"


def _beads(storage: Storage, one: Any, outcomes: list[Any], every_bead: bool) -> str:
    fate = {row.position: f"{row.outcome}{': ' + row.rule if row.rule else ''}" for row in outcomes}
    plain = {row.position for row in outcomes if row.outcome in ("new", "updated", "unchanged")}
    try:
        beads = _read(storage, one)
    except TmError as error:
        return f"\n  The beads' files are gone ({type(error).__name__}): only their outcomes are known."
    rows = [
        (
            bead["position"],
            f"{bead['score']:.2f}",
            fate.get(bead["position"], "?"),
            _cut(bead["src_text"]),
            _cut(bead["tgt_text"]),
        )
        for bead in beads
        if every_bead or bead["position"] not in plain
    ]
    hidden = len(beads) - len(rows)
    more = f"\n  and {hidden:,} that are in the memory: tm explain --all" if hidden else ""
    return (f"\n{table(rows, indent=4)}" if rows else "") + more


def _read(storage: Storage, one: Any) -> list[dict[str, Any]]:
    folder = work_path(one.batch_id, Step.FILTER)
    columns = ["document_key", "position", "score", "src_text", "tgt_text"]
    found: list[dict[str, Any]] = []
    for file in read_manifest(storage, folder, hashes=False).files:
        if file.name.startswith("beads-"):
            beads = read_columns(storage, f"{folder}/{file.name}", FILTERED, columns)
            found += beads.filter(pc.field("document_key") == one.document_key).to_pylist()
    return sorted(found, key=lambda bead: int(bead["position"]))


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_CHARS else text[: _TEXT_CHARS - 1] + "…"
