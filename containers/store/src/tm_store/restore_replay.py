"""What came after a backup, brought back from object storage: loaded batches and the journal, in order of time.

Brought back are batches with their units, outcomes, books and the gate's verdicts; and by the journal imports,
roll-backs, rulings on held slices and reviewers' verdicts. A batch that was aligned and not loaded is not: run its date
again. An entry of a kind that ``_HANDLERS`` does not know is named as a problem, never passed over.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from psycopg.types.json import Jsonb

from tm_core.errors import StorageError, TmError
from tm_core.identity import digest
from tm_core.settings import Settings
from tm_formats.storage import Storage, Written
from tm_store import erase, imports, release, review_replay, versions
from tm_store.db import Database
from tm_store.journal import FOLDER as JOURNAL
from tm_store.journal import read_body
from tm_store.restore_loads import FOLDER as LOADS
from tm_store.restore_loads import Load, files_are_gone, read_load, replay_load

ENTRIES = f"{JOURNAL}/entries"
#: What a restore to an earlier time has left behind on purpose: no later restore brings it back.
ABANDONED = f"{JOURNAL}/abandoned"
#: Brought back whatever else is: what was erased does not come back, unless its erasure was lifted.
_ERASURES = ("erase", "lift")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the journal, as it was shipped."""

    path: str
    id: int
    at: datetime
    kind: str
    who: str
    store: str
    facts: Mapping[str, Any]
    uri: str


Event = Load | Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What a database lacks of what object storage knows.

    Attributes:
        events: to be replayed, oldest first.
        later: left out, because they came after the wanted time.
        lost: what cannot be brought back, and why, a line each.
    """

    events: tuple[Event, ...] = ()
    later: tuple[Event, ...] = ()
    lost: tuple[str, ...] = ()


def find_pending(db: Database, storage: Storage, *, until: datetime | None = None, replay: bool = True) -> Pending:
    """What came after what a database holds.

    Args:
        until: nothing younger than this, except erasures: what was erased does not come back.
        replay: False: erasures alone.

    Raises:
        ContractError: a file of the journal is spoilt: nobody knows any more whether it was an erasure.

    Cost: one listing of the journal, and one small file for each batch and entry that is missing.
    """
    gone = _abandoned(storage)
    loaded = {row.batch_id: row.generation for row in db.run("restore/select_loaded")}
    known = {row.id for row in db.run("restore/select_entries")}
    found: list[Event] = []
    for info in storage.list(LOADS):
        name = info.path.rpartition("/")[2].removesuffix(".json")
        generation, _, batch_id = name.partition("-")
        if info.path not in gone and loaded.get(batch_id, -1) < int(generation):
            found.append(read_load(storage, info.path))
    for info in storage.list(ENTRIES):
        if info.path not in gone and int(info.path.rpartition("/")[2].removesuffix(".json")) not in known:
            found.append(_read_entry(storage, info.path))
    found.sort(key=lambda event: (event.at, isinstance(event, Entry), event.path))
    wanted = [event for event in found if _is_wanted(event, until, replay)]
    lost = [
        f"batch {event.batch_id} of {event.partition_date}: its files in work/ are gone; run its date again"
        for event in wanted
        if isinstance(event, Load) and files_are_gone(storage, event)
    ]
    possible = [event for event in wanted if not (isinstance(event, Load) and files_are_gone(storage, event))]
    later = tuple(event for event in found if event not in wanted)
    return Pending(events=tuple(possible), later=later, lost=tuple(lost))


def _is_wanted(event: Event, until: datetime | None, replay: bool) -> bool:
    if isinstance(event, Entry) and event.kind in _ERASURES:
        return True
    return replay and (until is None or event.at <= until)


def _read_entry(storage: Storage, path: str) -> Entry:
    names = ("id", "kind", "who", "store", "facts", "uri")
    body = read_body(storage, path, "at", *names)
    return Entry(path=path, at=datetime.fromisoformat(body["at"]), **{name: body[name] for name in names})


def _abandoned(storage: Storage) -> set[str]:
    return {path for info in storage.list(ABANDONED) for path in read_body(storage, info.path, "paths")["paths"]}


def abandon(storage: Storage, paths: Sequence[str]) -> str:
    """Keep later restores from bringing these back; returns where that is noted, "" if there are none."""
    noted = abandoned_path(paths)
    if noted:
        storage.write_atomic(noted, json.dumps({"paths": sorted(paths)}).encode() + b"\n")
    return noted


def abandoned_path(paths: Sequence[str]) -> str:
    """Where ``abandon`` notes these; named by them, so that noting them again after a kill changes nothing."""
    return f"{ABANDONED}/{digest('abandoned', *sorted(paths))[:16]}.json" if paths else ""


# Replaying -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What was brought back, by kind, and what could not be, a line each."""

    counts: Mapping[str, int]
    problems: tuple[str, ...]


class _Kept(Storage):
    """Storage to which a replay ships no entry: what it records again lies there under its own number."""

    def write_atomic(self, path: str, data: bytes | BinaryIO) -> Written:
        if path.startswith(ENTRIES + "/"):
            return Written(size=0, sha256="")
        return super().write_atomic(path, data)


def replay(settings: Settings, db: Database, storage: Storage, pending: Pending) -> Replayed:
    """Bring back what is missing, in its order. Doing it again, or going on after a kill, changes nothing twice.

    Args:
        settings: of the restored database.
        db: a connection to it, as its owner.

    Raises:
        DatabaseError, StorageError: as they say. Anything else that stands in the way of one event is a problem of it
            alone, and the next one is tried.
    """
    kept, counts, problems = _Kept(storage.uri), Counter[str](), list(pending.lost)
    everything = (*pending.events, *pending.later)
    last = db.one(
        "restore/move_numbers",
        journal=max((event.id for event in everything if isinstance(event, Entry)), default=0),
        generation=max((event.generation for event in everything if isinstance(event, Load)), default=0),
    ).journal
    for event in pending.events:
        problem = _replay_one(settings, db, kept, event)
        db.run("restore/forget_recorded", after=last)
        if problem:
            problems.append(f"{describe(event)}: {problem}")
        else:
            counts["batch" if isinstance(event, Load) else event.kind] += 1
    return Replayed(counts=dict(counts), problems=tuple(problems))


def _replay_one(settings: Settings, db: Database, storage: Storage, event: Event) -> str:
    try:
        if isinstance(event, Load):
            replay_load(settings, db, storage, event)
            return ""
        problem = _replay_entry(settings, db, storage, event)
    except StorageError:
        raise
    except TmError as error:
        return str(error)
    if not problem:
        row = {name: getattr(event, name) for name in ("id", "at", "kind", "who", "store", "uri")}
        db.run("restore/insert_entry", **row, facts=Jsonb(dict(event.facts)))
    return problem


def describe(event: Event) -> str:
    """Name a change in one line."""
    if isinstance(event, Load):
        return f"batch {event.batch_id}"
    return f"journal entry {event.id} ({event.kind}, {event.store}, {event.at:%Y-%m-%d %H:%M:%S})"


def _replay_entry(settings: Settings, db: Database, storage: Storage, entry: Entry) -> str:
    """Do what an entry says; returns why it could not be, or ""."""
    handler = _HANDLERS.get(entry.kind)
    if handler is None:
        return "this tm-refinery knows no way to replay it"
    return handler(settings, db, storage, entry)


def _import(settings: Settings, db: Database, storage: Storage, entry: Entry) -> str:
    imports.replay(settings, db, storage, entry.store, entry.facts)
    return ""


def _rollback(settings: Settings, db: Database, storage: Storage, entry: Entry) -> str:
    return versions.replay(db, entry.facts)


def _ruling(settings: Settings, db: Database, storage: Storage, entry: Entry) -> str:
    # False: the slice is not as it was ruled on, because it came again; what came again has its own ruling.
    release.replay(settings, db, storage, entry.store, entry.who, entry.facts)
    return ""


def _erasure(settings: Settings, db: Database, storage: Storage, entry: Entry) -> str:
    said = {"id": entry.id, "kind": entry.kind, "store": entry.store, "facts": entry.facts}
    erase.apply_tombstones(db, storage, [said])
    return ""


def _verdict(settings: Settings, db: Database, storage: Storage, entry: Entry) -> str:
    return review_replay.replay(db, storage, entry.kind, entry.facts, entry.uri)


_HANDLERS: Mapping[str, Callable[[Settings, Database, Storage, Entry], str]] = {
    "import": _import,
    "rollback": _rollback,
    "erase": _erasure,
    "lift": _erasure,
    "release": _ruling,
    "quarantine": _ruling,
    "discard": _ruling,
    "verdict": _verdict,
    "correction": _verdict,
}
