"""The journal: every change of the memory outside a refresh, recorded with the change and shipped to object storage.

A restored backup knows nothing of what came after it; the entries after its time, replayed in order, bring that back.
"""

import json
from typing import Any

from psycopg.types.json import Jsonb

from tm_core.errors import ContractError
from tm_formats.storage import Storage
from tm_store.db import Database

#: Where entries lie, by number; what they speak of (imported files) lies beside them.
FOLDER = "journal"
_BLOCK = 1000


def record(db: Database, *, kind: str, who: str, store: str, facts: dict[str, object], uri: str = "") -> int:
    """Add an entry; call it in the transaction that makes the change.

    Args:
        kind: what was done: import, erase, …
        who: whose change it is, in words.
        facts: what a replay needs; counts, hashes and names, never a segment's text.
        uri: where in object storage the rest lies, if there is more.

    Returns:
        The entry's number.
    """
    row = db.one("journal/insert_entry", kind=kind, who=who, store=store, facts=Jsonb(facts), uri=uri)
    return int(row.id)


def ship(db: Database, storage: Storage) -> int:
    """Write the entries that object storage does not hold yet as ``journal/entries/<number>.json``.

    Call it after a change has been committed, and before each backup: a process that was killed in between leaves its
    entry to the next call. Safe to run by several at once.

    Returns:
        How many were written.
    """
    shipped = 0
    while True:
        with db.transaction():
            rows = db.run("journal/select_unshipped", most=_BLOCK)
            for row in rows:
                body = row._asdict() | {"at": row.at.isoformat()}
                text = json.dumps(body, ensure_ascii=False, sort_keys=True)
                storage.write_atomic(f"{FOLDER}/entries/{row.id:012d}.json", text.encode("utf-8") + b"\n")
            if rows:
                db.run("journal/mark_shipped", ids=[row.id for row in rows])
        shipped += len(rows)
        if len(rows) < _BLOCK:
            return shipped


def read_body(storage: Storage, path: str, *names: str) -> dict[str, Any]:
    """A JSON file of the journal.

    Args:
        names: keys that it must have.

    Raises:
        ContractError: it is no such file any more.
    """
    try:
        body = json.loads(storage.read(path))
        missing = [name for name in names if name not in body]
    except (ValueError, TypeError) as error:
        raise ContractError(_spoilt(storage, path, "JSON", f"none ({type(error).__name__})")) from None
    if missing or not isinstance(body, dict):
        raise ContractError(_spoilt(storage, path, f"an object with {', '.join(names)}", "something else"))
    return body


def _spoilt(storage: Storage, path: str, expected: str, found: str) -> str:
    return (
        f"{storage.uri_of(path)}: expected {expected}, found {found}. The file was changed after it was written. Bring "
        "its older version back from the bucket's versions or its replica; removed, what it tells of is lost to every "
        "restore. Nothing of it has been replayed."
    )
