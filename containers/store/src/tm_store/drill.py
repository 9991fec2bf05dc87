"""``tm drill``: restore the newest backup into a scratch database, compare, bring it up to date, and drop it again.

RTO: seconds from the start until the restored memory has answered its look-ups and holds what came after the backup.
RPO: age of the newest committed batch that the restored memory still lacks; 0 if there is none.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from psycopg.types.json import Jsonb

from tm_core.errors import ProgramRefused
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.backup_catalog import DRILL, StoredBackup, choose, find, put_mark
from tm_store.backup_objects import Rights, compare_rights
from tm_store.db import Database, open_database
from tm_store.migrate import migrate
from tm_store.restore import drop_database, live_name, of_database, only_restore, open_server, restore_into
from tm_store.restore_replay import Replayed, find_pending, replay
from tm_store.restore_verify import Verified, render_compared, verify_restored

log = logging.getLogger(__name__)


#: How often a backup is tried before it is marked bad. What differs once may be the restore's fault; corrupt files are
#: the backup's own, and are not tried again.
_ATTEMPTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """What a drill found; fit for JSON.

    Attributes:
        is_passed: the backup is what its manifest says.
        problems: why it is not, each with its attempt.
        earlier: what an attempt found before another one passed.
        replayed: what came after the backup and was brought back, by kind.
        lost: rights of the source, and what came after the backup, that could not be brought back, a line each; the
            backup is not to blame.
        notes: what else a person may want to know; nothing is wrong.
        objects: how many were compared with the source; None: the backup was taken before they were listed.
        rto_seconds: to a memory that answers look-ups; None if it came to none.
        rpo_seconds: with what object storage holds beside the backup.
        rpo_alone_seconds: had there been the backup alone.
    """

    uri: str
    is_passed: bool
    problems: tuple[str, ...]
    earlier: tuple[str, ...]
    replayed: Mapping[str, int]
    lost: tuple[str, ...]
    notes: tuple[str, ...]
    tables: int
    rows: int
    lookups: int
    objects: int | None
    rto_seconds: float | None
    rpo_seconds: float
    rpo_alone_seconds: float
    seconds: float


def run_drill(settings: Settings, db: Database, storage: Storage, uri: str = "") -> Drilled:
    """Drill a backup, the newest good one if none is named; record what was found in ``ops.drill`` and beside it.

    A backup whose files are as they were written is tried once more before it is marked bad.

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
    attempts = _attempt_all(settings, storage, backup, began)
    last = attempts[-1]
    numbered = [_numbered(number, one) for number, one in enumerate(attempts, 1)]
    rpo, alone = _rpo(db, last.after.loaded, backup, datetime.now(UTC))
    done = Drilled(
        uri=backup.uri,
        is_passed=last.is_passed,
        problems=() if last.is_passed else tuple(chain(*numbered)),
        earlier=tuple(chain(*numbered)) if last.is_passed else (),
        replayed=last.after.replayed.counts,
        lost=(*last.after.rights.missing, *last.after.replayed.problems),
        notes=last.after.rights.notes,
        tables=last.verified.tables,
        rows=last.verified.rows,
        lookups=last.verified.lookups,
        objects=last.verified.objects,
        rto_seconds=last.rto_seconds,
        rpo_seconds=rpo,
        rpo_alone_seconds=alone,
        seconds=round(time.monotonic() - began, 3),
    )
    _record(db, storage, backup, done, began_at)
    return done


@dataclass(frozen=True, slots=True, kw_only=True)
class _After:
    """A restored memory that has been brought up to date. ``loaded``: its batches and which plan of each."""

    rights: Rights = field(default_factory=Rights)
    replayed: Replayed = field(default_factory=lambda: Replayed(counts={}, problems=()))
    loaded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One restore of the backup: it has passed if ``verified`` found no problem."""

    verified: Verified
    after: _After = field(default_factory=_After)
    rto_seconds: float | None = None

    @property
    def is_passed(self) -> bool:
        return not self.verified.problems


def _refused(problem: str) -> _Attempt:
    """An attempt that came to no memory."""
    return _Attempt(verified=Verified(problems=(problem,), tables=0, rows=0, lookups=0))


def _numbered(number: int, attempt: _Attempt) -> list[str]:
    return [f"attempt {number}: {problem}" for problem in attempt.verified.problems]


def _attempt_all(settings: Settings, storage: Storage, backup: StoredBackup, began: float) -> list[_Attempt]:
    """Try until an attempt passes, or it has been tried often enough."""
    live = live_name(settings)
    scratch = f"{live}_drill"
    with open_server(settings) as server, only_restore(server, live):
        if problem := _corrupt(storage, backup):
            return [_refused(problem)]
        attempts: list[_Attempt] = []
        while len(attempts) < _ATTEMPTS and not (attempts and attempts[-1].is_passed):
            drop_database(server, scratch)
            try:
                attempts.append(_attempt(settings, storage, backup, scratch, began))
            finally:
                drop_database(server, scratch)
            for problem in _numbered(len(attempts), attempts[-1]):
                log.warning("%s: %s", backup.uri, problem)
        return attempts


def _corrupt(storage: Storage, backup: StoredBackup) -> str:
    """Say how the backup's files differ from what was written: that is its own fault, and stays so."""
    if backup.problem:
        return backup.problem
    for entry in backup.entries:
        if storage.sha256(f"{backup.path}/{entry.name}") != entry.sha256:
            return f"{entry.name}: its bytes are not those that were written: SHA-256 differs"
    return ""


def _attempt(settings: Settings, storage: Storage, backup: StoredBackup, scratch: str, began: float) -> _Attempt:
    """Restore into the scratch database, compare, and bring it up to date."""
    try:
        restored = restore_into(settings, storage, backup.uri, scratch)
    except ProgramRefused as error:
        return _refused(str(error))
    inner = of_database(settings, scratch)
    with open_database(inner.as_owner()) as db:
        verified = verify_restored(db, restored)
    after = _After() if verified.problems else _bring_back(inner, storage, restored)
    return _Attempt(verified=verified, after=after, rto_seconds=round(time.monotonic() - began, 3))


def _bring_back(inner: Settings, storage: Storage, restored: StoredBackup) -> _After:
    """Do as a restore does; object storage is left as it is."""
    migrate(inner)
    with open_database(inner.as_owner()) as db:
        rights = compare_rights(db, restored.objects)
        replayed = replay(inner, db, storage, find_pending(db, storage))
        rows = db.run("restore/select_loaded")
    return _After(rights=rights, replayed=replayed, loaded={row.batch_id: row.generation for row in rows})


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
    facts |= {"objects": done.objects, "earlier": list(done.earlier), "notes": list(done.notes)}
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
    passed = f"passed at attempt {_ATTEMPTS}" if done.earlier else "passed"
    lines = [f"{done.uri}: {passed if done.is_passed else 'FAILED, and marked bad'}"]
    lines += [f"  {problem}" for problem in (*done.problems, *done.earlier)]
    lines += [f"  NOT brought back: {one}" for one in done.lost]
    lines += [f"  note: {note}" for note in done.notes]
    rto = f"{done.rto_seconds:.1f} s" if done.rto_seconds is not None else "none"
    alike = render_compared(tables=done.tables, rows=done.rows, objects=done.objects, lookups=done.lookups)
    lines.append(f"  {alike}; {done.seconds:.1f} s in all")
    lines.append(f"  RTO {rto}; RPO {done.rpo_seconds:.1f} s, of the backup alone {done.rpo_alone_seconds:.1f} s")
    return "\n".join(lines)
