"""How verdicts reach the memory: refused texts leave it, corrections enter it, accepted units say so.

What people say of a pair of texts in a store is a **ruling** (``tm.ruling``), the sum of the verdicts that stand; it
holds wherever the two texts stand in that store, and a load asks for it, so that a refused unit does not come back with
a re-run or a backfill. :func:`settle` brings a store to what its waiting verdicts say; it converges, whatever was done
or taken back in between, so that it may be repeated, and done late.
"""

from typing import Any

from psycopg.types.json import Jsonb

from tm_core.sampling import BIN_BOUNDS
from tm_store.db import Database
from tm_store.lookup_index import index_pending


def settle(db: Database, store: str) -> bool:
    """Bring a store to what the verdicts on it say; part of the caller's transaction if one is open.

    A verdict does not wait for a load: while one holds the store the verdict is noted, and taken in by whoever asks
    next, at the latest by the step ``sample`` after that load.

    Returns:
        False if somebody holds the store, or it is not in the memory: nothing was changed.

    Cost: a few milliseconds.
    """
    with db.transaction():
        found = db.run("tm/select_store", store=store)
        if not found or not db.one("review/try_lock_store", store_id=found[0].store_id).locked:
            return False
        _settle(db, store, found[0].store_id)
    return True


def _settle(db: Database, store: str, store_id: int) -> None:
    pairs = Jsonb([row._asdict() for row in db.run("review/select_ruled", store=store)])
    db.run("review/put_rulings", store_id=store_id, pairs=pairs)
    db.run("review/insert_twins", store=store, bins=list(BIN_BOUNDS))
    units = _enforce(db, store_id, pairs)
    units += [row.unit_key for row in db.run("review/put_corrections", store=store, store_id=store_id)]
    db.run("review/weigh_units", store_id=store_id, units=units)
    db.run("review/stamp_rulings", store_id=store_id, pairs=pairs)
    db.run("review/delete_unsettled", store=store)
    index_pending(db, [store_id])


def _enforce(db: Database, store_id: int, pairs: Jsonb) -> list[bytes]:
    """Take refused units out of a store and bring back those that are refused no longer; the caller holds the store.

    Returns:
        Keys of the units that came back, whose evidence is to be weighed again.
    """
    db.run("review/remove_rejected", store_id=store_id, pairs=pairs)
    back = db.run("review/restore_units", store_id=store_id, pairs=pairs)
    if extras := [_extra(row) for row in back if row.extra is not None]:
        db.run("review/restore_extras", store_id=store_id, rows=Jsonb(extras))
    return [row.unit_key for row in back]


def _extra(row: Any) -> dict[str, Any]:
    return {
        "document_key": "\\x" + row.document_key.hex(),
        "unit_key": "\\x" + row.unit_key.hex(),
        "facts": row.extra,
    }


def settle_all(db: Database) -> list[str]:
    """Settle every store that has verdicts waiting; returns those that had to be left, because somebody holds them."""
    return [row.store for row in db.run("review/select_waiting_stores") if not settle(db, row.store)]
