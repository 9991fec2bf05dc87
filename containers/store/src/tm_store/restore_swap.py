"""``tm restore``: a verified memory beside the live one, and the live one's name given to it, and given back.

The databases of one memory, by their names::

    tm                        the live one
    tm_restoring              a restore at work, or one that was killed: the next restore drops it
    tm_restored_<time>        verified and brought up to date: ready to take the place of the live one
    tm_before_<time>          what was live before a swap, until a person drops it
    tm_undone_<time>          what was live for a while, before a swap back

A comment on each holds what it is. Both renames of a swap are one transaction: there is always one live database.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tm_core.errors import BackupError
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.backup_catalog import StoredBackup, choose, find, size_text
from tm_store.backup_objects import Rights, compare_rights
from tm_store.db import Database, open_database
from tm_store.migrate import migrate
from tm_store.restore import check_fits, drop_database, live_name, of_database, only_restore, open_server, restore_into
from tm_store.restore_replay import Pending, Replayed, abandon, abandoned_path, find_pending, replay
from tm_store.restore_verify import Verified, render_compared, verify_restored

#: Tries of a rename, each after the sessions have been ended: a client may connect in between.
_RENAMES = 20
_PREFIXES = ("_restored_", "_before_", "_undone_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which moment to go back to.

    Attributes:
        uri: this backup; "" for the newest good one that fits.
        at: nothing younger than this moment; None: everything there is.
        batch_id: the backup at the end of this batch, and nothing after it.
        replay: bring back what came after the backup; erasures are brought back whatever this says.
    """

    uri: str = ""
    at: datetime | None = None
    batch_id: str = ""
    replay: bool = True

    @property
    def leaves_out(self) -> bool:
        """Whether something that happened is not wanted back."""
        return self.at is not None or bool(self.batch_id) or not self.replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A database that is ready beside the live one."""

    database: str
    uri: str
    verified: Verified
    rights: Rights
    replayed: Replayed
    seconds: float

    @property
    def lost(self) -> tuple[str, ...]:
        """What the source had and this database has not, a line each."""
        return (*self.rights.missing, *self.replayed.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A database of this memory that is not the live one."""

    name: str
    note: dict[str, Any]
    bytes: int

    @property
    def leaves_out(self) -> bool:
        """Whether the restore has left something out on purpose."""
        return bool(self.note.get("leaves_out"))


def read_moment(text: str) -> datetime:
    """A time as a person enters it, in UTC where it names no zone. Raises ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def find_backup(storage: Storage, wanted: Wanted) -> StoredBackup:
    """The backup that a restore begins with. Raises BackupError if there is none that is good."""
    if wanted.uri:
        return find(storage, wanted.uri)
    return choose(storage, at=wanted.at, batch_id=wanted.batch_id)


def check(settings: Settings, storage: Storage, wanted: Wanted) -> StoredBackup:
    """What a restore looks at before it begins; reads only. Raises BackupError if it would be refused."""
    backup = find_backup(storage, wanted)
    with open_server(settings) as db:
        check_fits(settings, db, backup)
    return backup


def restore_beside(settings: Settings, storage: Storage, wanted: Wanted) -> Restored:
    """Restore, verify, migrate, bring up to date and analyze; the live database is not touched.

    Killed at any point it leaves a database ``…_restoring``, which the next restore drops.

    Raises:
        BackupError: the backup does not fit or is not what its manifest says; nothing of it is left.
    """
    began, live = time.monotonic(), live_name(settings)
    backup, working = find_backup(storage, wanted), f"{live}_restoring"
    inner = of_database(settings, working)
    with open_server(settings) as server, only_restore(server, live):
        _settle(server, storage, live)
        drop_database(server, working)
        restored = restore_into(settings, storage, backup.uri, working)
        try:
            with open_database(inner.as_owner()) as db:
                verified = verify_restored(db, restored)
            _refuse(backup, verified)
            migrate(inner)
            with open_database(inner.as_owner()) as db:
                rights = compare_rights(db, restored.objects)
                pending = _pending(db, storage, wanted)
                replayed = replay(inner, db, storage, pending)
                _refuse_unerased(db, storage, replayed)
                # A restored table has no statistics, and autovacuum comes minutes after the swap. Run it after the
                # replay, so that neither dead rows nor statistics hold a text that an erasure of the journal removed.
                db.connection.execute("vacuum (analyze)")
                seconds = round(time.monotonic() - began, 3)
                facts = {"replayed": dict(replayed.counts), "problems": list(replayed.problems)}
                db.run("restore/insert_restore", uri=backup.uri, seconds=seconds, facts=Jsonb(facts))
            name = f"{live}_restored_{_now()}"
            _make_ready(server, working, name, backup, wanted, pending)
        except BaseException:
            drop_database(server, working)
            raise
    return Restored(database=name, uri=backup.uri, verified=verified, rights=rights, replayed=replayed, seconds=seconds)


def _now() -> str:
    """For a name: sorted as the times are, and two restores of one second have two."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"[:-3]


def _refuse(backup: StoredBackup, verified: Verified) -> None:
    if verified.problems:
        raise BackupError(
            f"{backup.uri}: what was restored is not what was backed up: {'; '.join(verified.problems[:5])}. Use an "
            "older backup; the live database has not been touched, and what was restored has been dropped."
        )


def _refuse_unerased(db: Database, storage: Storage, replayed: Replayed) -> None:
    """An erased text must not come back by way of a restore: without every erasure there is no restored memory."""
    if open_ones := find_pending(db, storage, replay=False).events:
        raise BackupError(
            f"{len(open_ones)} erasures of the journal could not be done again ({open_ones[0].path} is the first): "
            f"what was erased would be back. {' '.join(replayed.problems)} Update tm-refinery, or mend what stands in "
            "their way, and restore again; the live database has not been touched."
        )


def _pending(db: Database, storage: Storage, wanted: Wanted) -> Pending:
    return find_pending(db, storage, until=wanted.at, replay=wanted.replay and not wanted.batch_id)


def _make_ready(
    server: Database, working: str, name: str, backup: StoredBackup, wanted: Wanted, pending: Pending
) -> None:
    """The new name and its note come at once: a database of that name is ready."""
    later = [event.path for event in pending.later]
    note = {"uri": backup.uri, "leaves_out": wanted.leaves_out, "later": later}
    with server.transaction():
        _rename(server, working, name)
        _note(server, name, note)


def _rename(server: Database, old: str, new: str) -> None:
    form = sql.SQL("alter database {} rename to {}")
    server.connection.execute(form.format(sql.Identifier(old), sql.Identifier(new)))


def _note(server: Database, name: str, note: dict[str, Any]) -> None:
    form = sql.SQL("comment on database {} is {}")
    server.connection.execute(form.format(sql.Identifier(name), sql.Literal(json.dumps(note))))


# Beside the live one -------------------------------------------------------------------------------


def list_beside(settings: Settings) -> list[Beside]:
    """The databases beside the live one, oldest first."""
    live = live_name(settings)
    with open_server(settings) as server:
        return _beside(server, live)


def _beside(server: Database, live: str) -> list[Beside]:
    rows = server.run("restore/select_databases", prefix=f"{live}_")
    ours = [row for row in rows if any(row.name.startswith(live + prefix) for prefix in _PREFIXES)]
    return [Beside(name=row.name, note=json.loads(row.note or "{}"), bytes=row.bytes) for row in ours]


def newest_beside(server: Database, live: str, prefix: str, name: str = "") -> Beside:
    """Find the newest database whose name continues with the prefix, or the one named. Raises BackupError: none."""
    found = [one for one in _beside(server, live) if one.name.startswith(live + prefix) and name in ("", one.name)]
    if found:
        return max(found, key=lambda one: one.name)
    raise BackupError(
        f"expected a database {name or live + prefix + '<time>'}, found none. `tm restore --list` shows what there is; "
        "nothing has been changed."
    )


def drop_beside(settings: Settings, name: str) -> None:
    """Drop a database beside the live one. Raises BackupError if it is not one of ours."""
    live = live_name(settings)
    with open_server(settings) as server, only_restore(server, live):
        if name not in {one.name for one in _beside(server, live)}:
            raise BackupError(
                f"database '{name}': expected one that `tm restore --list` shows. Nothing has been dropped."
            )
        drop_database(server, name)


# The swap ------------------------------------------------------------------------------------------


def swap(settings: Settings, storage: Storage, name: str = "", *, cut: bool = False) -> str:
    """Give the live database's name to a restored one; the old one is kept. Returns the old one's new name, or "".

    What came since the restore is brought back first. Sessions that only wait are ended; their clients connect again.

    Args:
        name: which one; "" for the newest that is ready.
        cut: end sessions that are at work too; their transactions are rolled back.

    Raises:
        BackupError: none is ready, the live database is in use, or a session may not be ended: nothing was changed.
    """
    live = live_name(settings)
    with open_server(settings) as server, only_restore(server, live):
        _settle(server, storage, live)
        ready = newest_beside(server, live, "_restored_", name)
        there = any(row.name == live for row in server.run("restore/select_databases", prefix=live))
        if there:
            refuse_busy(server, live, cut=cut)
        _catch_up(settings, storage, ready)
        kept = f"{live}_before_{_now()}" if there else ""
        note = {"instead": ready.name, "abandoned": abandoned_path(ready.note.get("later", []))}
        _rename_both(server, live, kept, ready.name, note)
        _settle(server, storage, live)
    return kept


def swapped_before(settings: Settings, name: str) -> str | None:
    """What was live before a restored database took its place, by that one's former name; None: it has not."""
    return next((one.name for one in list_beside(settings) if one.note.get("instead") == name), None)


def swap_back(settings: Settings, storage: Storage, name: str = "", *, cut: bool = False) -> str:
    """Give the name back to the database that was live before the last swap. Returns the undone one's new name.

    Args:
        name: which one; "" for the last.
        cut: end sessions that are at work too.

    Raises:
        BackupError: there is none, or the live database is in use: nothing was changed.
    """
    live = live_name(settings)
    with open_server(settings) as server, only_restore(server, live):
        before = newest_beside(server, live, "_before_", name)
        refuse_busy(server, live, cut=cut)
        undone = f"{live}_undone_{_now()}"
        _rename_both(server, live, undone, before.name, {"undone": True})
        _settle(server, storage, live)
    return undone


def _settle(server: Database, storage: Storage, live: str) -> None:
    """Bring object storage in line with the live database, as its note says; also what a killed swap left to do.

    ``later``: what it left out on purpose, and no restore brings back. ``abandoned``: where that is noted of the one
    that took its place for a while; it is in the memory again.
    """
    found = [row.note for row in server.run("restore/select_databases", prefix=live) if row.name == live]
    # Before the first restore the comment is the administrator's own, or none.
    note: dict[str, Any] = json.loads(found[0]) if found and found[0].startswith('{"') else {}
    if not (note.get("later") or note.get("abandoned")):
        return
    abandon(storage, note.pop("later", []))
    if noted := note.pop("abandoned", ""):
        storage.delete(noted)
    _note(server, live, note)


def _catch_up(settings: Settings, storage: Storage, ready: Beside) -> None:
    """Bring back what came since the restore; of one that leaves something out on purpose, erasures alone."""
    inner = of_database(settings, ready.name)
    with open_database(inner.as_owner()) as db:
        pending = find_pending(db, storage, replay=not ready.leaves_out)
        if pending.events:
            _refuse_unerased(db, storage, replay(inner, db, storage, pending))


def refuse_busy(server: Database, live: str, *, cut: bool) -> None:
    """Raise BackupError where sessions are at work in the live database, or may not be ended."""
    sessions = server.run("restore/select_sessions", database=live)
    if foreign := [one.who for one in sessions if not one.is_mine and not _may_signal(server)]:
        raise BackupError(
            f"database '{live}': sessions of {', '.join(sorted(set(foreign)))} are connected, and this role may not "
            f'end them. Stop them, or let a superuser run: grant pg_signal_backend to "{server.connection.info.user}"; '
            "nothing has been changed."
        )
    # Steps of a refresh name themselves 'tm <step> <run>', and may compute between two statements.
    busy = [one for one in sessions if one.state != "idle" or "(tm " in one.who]
    if busy and not cut:
        shown = "; ".join(f"pid {one.pid} {one.who}, {one.state} since {one.since:%H:%M:%S}" for one in busy[:5])
        raise BackupError(
            f"database '{live}': expected nobody at work in it, found {len(busy)}: {shown}. Pause the DAGs and wait, "
            "or add --cut, which ends them; nothing has been changed."
        )


def _may_signal(server: Database) -> bool:
    return bool(server.one("restore/select_server", names=[]).may_signal)


def _rename_both(server: Database, live: str, kept: str, name: str, note: dict[str, Any]) -> None:
    for _ in range(_RENAMES):
        for database in (live, name):
            server.run("restore/end_sessions", database=database)
        try:
            with server.transaction():
                if kept:
                    _rename(server, live, kept)
                    _note(server, kept, note)
                _rename(server, name, live)
        except psycopg.errors.ObjectInUse:
            continue
        return
    raise BackupError(
        f"database '{live}': somebody connects again faster than sessions can be ended. Stop the clients, then run the "
        "swap again; nothing has been changed."
    )


# After a recovery that is not ours ------------------------------------------------------------------


def catch_up(
    settings: Settings, storage: Storage, wanted: Wanted, *, dry_run: bool = False
) -> tuple[Pending, Replayed]:
    """Bring the live database in line with object storage, after a server's own recovery to some moment has made it.

    What it lacks is replayed: batches, imports, erasures, verdicts. What ``wanted`` leaves out is noted as left behind,
    so that no later restore brings it back; the numbers of the journal go on after it.

    Args:
        wanted: ``at`` and ``replay`` are looked at.
        dry_run: look only.

    Returns:
        What was lacking, and what became of it. Doing it again changes nothing.

    Raises:
        BackupError: a restore, swap or drill is at work.
    """
    live = live_name(settings)
    with open_server(settings) as server, only_restore(server, live), open_database(settings.as_owner()) as db:
        pending = find_pending(db, storage, until=wanted.at, replay=wanted.replay)
        if dry_run:
            return pending, Replayed(counts={}, problems=pending.lost)
        replayed = replay(settings, db, storage, pending)
        abandon(storage, [event.path for event in pending.later])
    return pending, replayed


# Showing -------------------------------------------------------------------------------------------


def render_check(backup: StoredBackup, wanted: Wanted) -> str:
    """What `tm restore` prints before it is told to begin."""
    proven = f"proven by the drill of {backup.drilled_at}" if backup.drilled_at else "not proven by a drill yet"
    then = "and then everything that came after it" if not wanted.leaves_out else "and of what came after it "
    if wanted.leaves_out:
        then += "what came until then" if wanted.at and wanted.replay else "the erasures alone"
    return (
        f"would restore {backup.uri}\n  taken {backup.taken_at:%Y-%m-%d %H:%M:%S} UTC, {size_text(backup.bytes)}, "
        f"{proven}\n  beside the live database, {then}; the live one is not touched\n"
        "nothing has been changed: add --yes to begin, then `tm restore --swap` says what a swap would do"
    )


def render_restored(done: Restored) -> str:
    """What `tm restore --yes` prints."""
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(done.replayed.counts.items())) or "nothing"
    found = done.verified
    alike = render_compared(tables=found.tables, rows=found.rows, objects=found.objects, lookups=found.lookups)
    lines = [
        f"{done.database}: ready after {done.seconds:.1f} s, restored from {done.uri}",
        f"  verified: {alike}",
        f"  brought back: {counts}",
    ]
    lines += [f"  NOT brought back: {problem}" for problem in done.lost]
    lines += [f"  note: {note}" for note in done.rights.notes]
    return "\n".join([*lines, f"next: tm restore --swap {done.database}   (says what it would do; --yes does it)"])


def render_caught_up(pending: Pending, replayed: Replayed, *, dry_run: bool) -> str:
    """What `tm restore --catch-up` prints."""
    if dry_run:
        lines = [f"would bring back {len(pending.events)} changes and leave {len(pending.later)} behind for good"]
    else:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(replayed.counts.items())) or "nothing"
        lines = [f"brought back: {counts}; left behind for good: {len(pending.later)} changes"]
    lines += [f"  NOT brought back: {problem}" for problem in replayed.problems]
    return "\n".join([*lines, "nothing has been changed: add --yes to do it"] if dry_run else lines)


def render_beside(found: Sequence[Beside]) -> str:
    """What `tm restore --list` prints."""
    lines = [f"{one.name}  {size_text(one.bytes):>10}  {one.note.get('uri', '')}".rstrip() for one in found]
    return "\n".join(lines) or "no database beside the live one"
