"""What stands around a review item, kept with it: its bead's segments, and the beads before and after.

Staging is emptied and a batch's files are deleted while items still wait, so that a window is read once, when its item
is drawn: 2 to 3 kB an item, a few milliseconds each (docs/decisions/0076).
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow.compute as pc

from tm_core.batches import work_path
from tm_core.contracts import DOCUMENTS, ROUTES, SEGMENTS, Step
from tm_core.errors import TmError
from tm_core.languages import glue
from tm_core.rules import Tier
from tm_formats.storage import Storage
from tm_formats.tables import read_columns, read_rows
from tm_store.db import Database
from tm_store.erase_windows import blanked
from tm_store.tombstones import tombstones_of

log = logging.getLogger(__name__)

#: Beads kept on each side. A moved segment changes the context of the neighbour too, which is one segment further.
AROUND = 3
_Segments = Mapping[tuple[str, int], Sequence[str]]


def windows(
    db: Database, storage: Storage, batch_id: str, drawn: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], dict[str, Any]]:
    """The windows of some beads of a batch that is staged, as JSON for ``review.item.around``.

    Args:
        drawn: (document_key, position); the key in hexadecimal digits.

    Returns:
        By bead: ``src_glue``, ``tgt_glue``, ``before``, ``after`` and ``own``. Without ``own`` nothing can be moved:
        keyed strings and imported pairs have no order, files may be gone, and a bead beside it may be erased.
    """
    rows = db.run(
        "review/select_around",
        batch_id=batch_id,
        documents=[document for document, _ in drawn],
        positions=[position for _, position in drawn],
        around=AROUND,
    )
    texts = segments_of(storage, batch_id, {row.document_key for row in rows if row.tier != Tier.IMPORTED})
    beads: dict[tuple[str, int], dict[int, Any]] = defaultdict(dict)
    for row in rows:
        beads[row.document_key, row.drawn][row.position] = row
    graves = tombstones_of(db)
    found = {}
    for place, near in beads.items():
        one, window = near[place[1]], _window(near, place[1], texts)
        if one.store in graves:
            window = blanked(db, one.store, (one.src_lang, one.tgt_lang), window, graves[one.store])
        found[place] = window
    return found


def _window(beads: Mapping[int, Any], drawn: int, texts: _Segments) -> dict[str, Any]:
    one = beads[drawn]
    glues = (glue(one.src_lang), glue(one.tgt_lang))
    found = {position: _bead(row, glues, texts) for position, row in beads.items()}
    shown = {position: bead or _whole(beads[position]) for position, bead in found.items()}
    window: dict[str, Any] = {
        "src_glue": glues[0],
        "tgt_glue": glues[1],
        "before": [shown[position] for position in sorted(shown) if position < drawn],
        "after": [shown[position] for position in sorted(shown) if position > drawn],
    }
    # All or nothing: between a bead in segments and one as a whole, nothing can be moved.
    return window | ({"own": found[drawn]} if all(found.values()) else {})


def _bead(row: Any, glues: tuple[str, str], texts: _Segments) -> dict[str, Any] | None:
    """A bead as its segments; None where they are not known, or are not what its text was made of."""
    sides = []
    for number, (side, first, count, text) in enumerate(
        (("src", row.src_first, row.src_count, row.src_text), ("tgt", row.tgt_first, row.tgt_count, row.tgt_text))
    ):
        segments = list(texts.get((row.document_key, number), ())[first : first + count])
        if len(segments) != count or glues[number].join(segments) != text:
            return None
        sides.append((side, segments))
    return _facts(row) | dict(sides)


def _whole(row: Any) -> dict[str, Any]:
    return _facts(row) | {"src": [row.src_text] * bool(row.src_text), "tgt": [row.tgt_text] * bool(row.tgt_text)}


def _facts(row: Any) -> dict[str, Any]:
    return {"position": row.position, "score": row.score, "tier": row.tier}


# Segments ------------------------------------------------------------------------------------------


def segments_of(storage: Storage, batch_id: str, documents: Iterable[str]) -> Mapping[tuple[str, int], Sequence[str]]:
    """(document_key, side) -> its segments, of those documents whose files are there; side 0 is the source."""
    wanted = set(documents)
    found: dict[tuple[str, int], list[str]] = {}
    try:
        for folder, keys in _folders(storage, batch_id, wanted).items():
            found |= _read(storage, folder, keys)
    except (TmError, OSError) as error:
        # A reviewer can judge without them; a refresh does not fail for it.
        log.warning("segments of batch %s cannot be read, nothing can be moved: %s", batch_id, error)
    return found


def _folders(storage: Storage, batch_id: str, documents: set[str]) -> dict[str, dict[str, str]]:
    """Tier 1 folder -> (key there -> key here): the ledger's documents lie in the batch that aligned them."""
    folders: dict[str, dict[str, str]] = defaultdict(dict)
    for row in read_rows(storage, work_path(batch_id, Step.PLAN, "documents.parquet"), DOCUMENTS):
        key = row["document_key"]
        if key not in documents:
            continue
        if row["ledger_folder"]:
            folder = _tier1(storage, row["ledger_batch"], row["ledger_folder"], row["ledger_document"])
            folders[folder][row["ledger_document"]] = key
        else:
            folders[work_path(batch_id, Step.TIER1, str(row["shard"]))][key] = key
    return folders


def _tier1(storage: Storage, batch_id: str, folder: str, document: str) -> str:
    """The folder with a document's segments, whichever tier its beads came from."""
    if not folder.startswith(work_path(batch_id, Step.TIER2) + "/"):
        return folder
    routes = read_rows(storage, work_path(batch_id, Step.ROUTE, "documents.parquet"), ROUTES)
    return next((row["tier1_folder"] for row in routes if row["document_key"] == document), folder)


def _read(storage: Storage, folder: str, keys: Mapping[str, str]) -> dict[tuple[str, int], list[str]]:
    columns = ["document_key", "side", "position", "text"]
    table = read_columns(storage, f"{folder}/segments.parquet", SEGMENTS, columns)
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in table.filter(pc.field("document_key").isin(list(keys))).sort_by("position").to_pylist():
        found[keys[row["document_key"]], row["side"]].append(row["text"])
    return found
