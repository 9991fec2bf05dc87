"""Windows round review items, asked for erased texts by tombstones alone: before they are written, and in a sweep."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from tm_core.identity import text_hash
from tm_store.db import Database
from tm_store.tombstones import Graves

_Bead = Mapping[str, Any]


def blanked(db: Database, store: str, langs: tuple[str, str], around: Mapping[str, Any], graves: Graves) -> Any:
    """A window without the beads that quote an erased text; the same object if there is none.

    A bead that stands as a unit is asked as a whole; in others, a null bead for one, each segment is. A window that
    lost one is without the bead's own segments too: between what is left and what is gone nothing can be moved.
    """
    glues = (str(around.get("src_glue", " ")), str(around.get("tgt_glue", " ")))

    def is_quoting(bead: _Bead) -> bool:
        src, tgt = (glue.join(bead[side]) for glue, side in zip(glues, ("src", "tgt"), strict=True))
        if graves.shadow(*langs, src, tgt):
            return True
        quoted = any(graves.quoted(bead[side], glue) for glue, side in zip(glues, ("src", "tgt"), strict=True))
        return quoted and not _is_unit(db, store, langs, src, tgt)

    return _without(around, is_quoting)


def _is_unit(db: Database, store: str, langs: tuple[str, str], src: str, tgt: str) -> bool:
    hashes = {"src_hash": bytes.fromhex(text_hash(src)), "tgt_hash": bytes.fromhex(text_hash(tgt))}
    return bool(db.run("review/select_pair_texts", store=store, src_lang=langs[0], tgt_lang=langs[1], **hashes))


def _without(around: Mapping[str, Any], is_quoting: Callable[[_Bead], bool]) -> Any:
    own: Sequence[_Bead] = [around["own"]] if around.get("own") else []
    sides = {side: around.get(side, []) for side in ("before", "after")}
    if not any(map(is_quoting, [*own, *sides["before"], *sides["after"]])):
        return around
    kept = {name: value for name, value in around.items() if name != "own"}
    return kept | {
        side: [{**bead, "src": [], "tgt": []} if is_quoting(bead) else bead for bead in beads]
        for side, beads in sides.items()
    }


def sweep_windows(db: Database, store: str, graves: Graves) -> int:
    """Blank what a store's windows quote of an erased text; returns the items that were changed."""
    changed = 0
    for row in db.run("erase/select_windows", store=store):
        around = blanked(db, store, (row.src_lang, row.tgt_lang), row.around, graves)
        if around is not row.around:
            db.run("erase/set_window", item_id=row.item_id, around=Jsonb(around))
            changed += 1
    return changed
