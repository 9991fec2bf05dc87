"""``tm drill``: restore the newest backup into a scratch database, compare, bring it up to date, and drop it again.

RTO: seconds from the start until the restored memory has answered its look-ups and holds what came after the backup.
RPO: age of the newest committed batch that the restored memory still lacks; 0 if there is none.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg.types.json import Jsonb

from tm_core.errors import BackupError, ProgramRefused
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.backup_catalog import DRILL, StoredBackup, choose, find, put_mark
from tm_store.db import Database, open_database
from tm_store.migrate import migrate
from tm_store.restore import drop_database, live_name, of_database, only_restore, open_server, restore_into
from tm_store.restore_replay import Replayed, find_pending, replay
from tm_store.restore_verify import verify_restored


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """What a drill found; fit for JSON.

    Attributes:
        is_passed: the backup is what its manifest says.
        replayed: what came after the backup and was brought back, by kind.
        lost: what came after it and could not be, a line each; the backup is not to blame.
        rto_seconds: to a memory that answers look-ups; None if it came to none.
        rpo_seconds: with what object storage holds beside the backup.
        rpo_alone_seconds: had there been the backup alone.
    """

    uri: str
    is_passed: bool
    problems: tuple[str, ...]
    replayed: Mapping[str, int]
    lost: tuple[str, ...]
    tables: int
    rows: int
    lookups: int
    rto_seconds: float | None
    rpo_seconds: float
    rpo_alone_seconds: float
    seconds: float


def run_drill(settings: Settings, db: Database, storage: Storage, uri: str = "") -> Drilled:
    """Drill a backup, the newest good one if none is named; record what was found in ``ops.drill`` and beside it.

    Args:
        db: the live memory, which is only read, but for the record.

    Returns:
        What was found. One that failed has marked the backup bad; the caller alerts.

    Raises:
        BackupError: there is no good backup, another restore is at work, or this server cannot try it (no room, no
            right, no key): that says nothing of the backup, and nothing is recorded.
    """
    began, began_at = time.monotonic(), datetime.now(UTC)
    backup = find(storage, uri) if uri else choose(storage)
    live = live_name(settings)
    scratch = f"{live}_drill"
    problems: tuple[str, ...] = ()
    tables = rows = lookups = 0
    rto = None
    after = _After()
    with open_server(settings) as server, only_restore(server, live):
        drop_database(server, scratch)
        try:
            _check_files(storage, backup)
            restore_into(settings, storage, backup.uri, scratch)
            inner = of_database(settings, scratch)
            with open_database(inner.as_owner()) as restored:
                found = verify_restored(restored, backup)
            problems, tables, rows, lookups = found.problems, found.tables, found.rows, found.lookups
            if not problems:
                after = _bring_back(inner, storage)
            rto = round(time.monotonic() - began, 3)
        except (_Rotten, ProgramRefused) as error:
            problems = (str(error),)
        finally:
            drop_database(server, scratch)
    rpo, alone = _rpo(db, after.loaded, backup, datetime.now(UTC))
    done = Drilled(
        uri=backup.uri,
        is_passed=not problems,
        problems=problems,
        replayed=after.replayed.counts,
        lost=after.replayed.problems,
        tables=tables,
        rows=rows,
        lookups=lookups,
        rto_seconds=rto,
        rpo_seconds=rpo,
        rpo_alone_seconds=alone,
        seconds=round(time.monotonic() - began, 3),
    )
    _record(db, storage, backup, done, began_at)
    return done


class _Rotten(BackupError):
    """A file of the backup is not what the manifest promises."""


def _check_files(storage: Storage, backup: StoredBackup) -> None:
    """Bit rot is the backup's own fault; what the restore says after this may be the server's."""
    if backup.problem:
        raise _Rotten(backup.problem)
    for entry in backup.entries:
        if storage.sha256(f"{backup.path}/{entry.name}") != entry.sha256:
            raise _Rotten(f"{entry.name}: its bytes are not those that were written: SHA-256 differs")


@dataclass(frozen=True, slots=True, kw_only=True)
class _After:
    """A restored memory that has been brought up to date. ``loaded``: its batches and which plan of each."""

    replayed: Replayed = field(default_factory=lambda: Replayed(counts={}, problems=()))
    loaded: Mapping[str, int] = field(default_factory=dict)


def _bring_back(inner: Settings, storage: Storage) -> _After:
    """As a restore does; object storage is left as it is."""
    migrate(inner)
    with open_database(inner.as_owner()) as db:
        replayed = replay(inner, db, storage, find_pending(db, storage))
        rows = db.run("restore/select_loaded")
    return _After(replayed=replayed, loaded={row.batch_id: row.generation for row in rows})


def _rpo(db: Database, loaded: Mapping[str, int], backup: StoredBackup, now: datetime) -> tuple[float, float]:
    taken_at = datetime.fromisoformat(str(backup.facts.get("taken_at", backup.taken_at.isoformat())))
    after = [row for row in db.run("restore/select_committed") if row.at > taken_at]
    missing = [row for row in after if loaded.get(row.batch_id, -1) < row.generation]
    return _age(missing, now), _age(after, now)


def _age(rows: list[Any], now: datetime) -> float:
    times = [row.at for row in rows]
    return max(0.0, round((now - max(times)).total_seconds(), 3)) if times else 0.0


def _record(db: Database, storage: Storage, backup: StoredBackup, done: Drilled, began_at: datetime) -> None:
    problem = "; ".join(done.problems)[:1000]
    facts: dict[str, Any] = {"tables": done.tables, "rows": done.rows, "lookups": done.lookups}
    facts |= {"rpo_alone": done.rpo_alone_seconds, "replayed": dict(done.replayed), "lost": list(done.lost)}
    with db.transaction():
        db.run(
            "backup/insert_drill",
            uri=done.uri,
            began_at=began_at,
            is_passed=done.is_passed,
            problems=list(done.problems),
            rto=done.rto_seconds,
            rpo=done.rpo_seconds,
            facts=Jsonb(facts),
        )
        db.run("backup/mark_bad", uri=done.uri, problem=problem)
    put_mark(storage, backup, DRILL, is_passed=done.is_passed, problem=problem, rto_seconds=done.rto_seconds)


def render(done: Drilled) -> str:
    """What `tm drill` prints."""
    lines = [f"{done.uri}: {'passed' if done.is_passed else 'FAILED, and marked bad'}"]
    lines += [f"  {problem}" for problem in done.problems]
    lines += [f"  NOT brought back: {one}" for one in done.lost]
    rto = f"{done.rto_seconds:.1f} s" if done.rto_seconds is not None else "none"
    lines.append(f"  {done.tables} tables, {done.rows:,} rows, {done.lookups} look-ups; {done.seconds:.1f} s in all")
    lines.append(f"  RTO {rto}; RPO {done.rpo_seconds:.1f} s, of the backup alone {done.rpo_alone_seconds:.1f} s")
    return "\n".join(lines)
