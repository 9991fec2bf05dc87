"""What ``tm restore --swap``, ``--swap-back`` and ``--drop`` would do; reads only."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from tm_core.errors import BackupError, DatabaseError
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.backup_catalog import size_text, taken_at
from tm_store.db import Database, open_database
from tm_store.restore import live_name, of_database, open_server
from tm_store.restore_replay import Pending, describe, find_pending
from tm_store.restore_swap import Beside, list_beside, newest_beside, refuse_busy

#: So many changes are named, the rest is counted.
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One database of a swap.

    Attributes:
        units: None where they cannot be counted, which is no obstacle: a damaged memory is what a swap is for.
    """

    name: str
    bytes: int
    units: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapPreview:
    """What a swap would do.

    Attributes:
        comes: the database that would be live; uri: the backup it was restored from, "" if it was live before.
        goes: the database that is live; None: there is none.
        kept: the name that the live one would get.
        leaves_out: the restore has left something out on purpose.
        pending: what came since, which the database that comes does not hold yet.
        later: how many changes the restore has left out for good.
        sessions: how many would be ended.
        obstacle: why the swap would be refused now; "" if it would not.
    """

    live: str
    comes: Side
    goes: Side | None
    kept: str
    uri: str
    is_back: bool
    leaves_out: bool
    pending: Pending
    later: int
    sessions: int
    obstacle: str


def preview_swap(
    settings: Settings, storage: Storage, name: str = "", *, back: bool = False, cut: bool = False
) -> SwapPreview:
    """Look at what a swap, or a swap back, would do.

    Args:
        name: as for the swap; cut: too.
        back: a swap back.

    Raises:
        BackupError: there is no database that could take the live one's place.

    Cost: counts the units of two databases, 0.1 s a million; one listing of the journal.
    """
    live = live_name(settings)
    with open_server(settings) as server:
        comes = newest_beside(server, live, "_before_" if back else "_restored_", name)
        goes = [row for row in server.run("restore/select_databases", prefix=live) if row.name == live]
        sessions = server.run("restore/select_sessions", database=live)
        obstacle = _obstacle(server, live, cut=cut) if goes else ""
    pending = _pending(settings, storage, comes)
    return SwapPreview(
        live=live,
        comes=Side(name=comes.name, bytes=comes.bytes, units=_units(settings, comes.name)),
        goes=Side(name=live, bytes=goes[0].bytes, units=_units(settings, live)) if goes else None,
        kept=f"{live}_{'undone' if back else 'before'}_<time>",
        uri="" if back else str(comes.note.get("uri", "")),
        is_back=back,
        leaves_out=comes.leaves_out,
        pending=pending,
        later=len(comes.note.get("later", [])),
        sessions=len(sessions),
        obstacle=obstacle,
    )


def _obstacle(server: Database, live: str, *, cut: bool) -> str:
    try:
        refuse_busy(server, live, cut=cut)
    except BackupError as error:
        return str(error)
    return ""


def _pending(settings: Settings, storage: Storage, comes: Beside) -> Pending:
    try:
        with open_database(of_database(settings, comes.name).as_owner()) as db:
            return find_pending(db, storage, replay=not comes.leaves_out)
    except psycopg.Error as error:
        # What was live before may be damaged: going back to it is possible all the same.
        return Pending(lost=(f"what came since: {comes.name} cannot be read ({error})",))


def _units(settings: Settings, name: str) -> int | None:
    try:
        with open_database(of_database(settings, name).as_owner()) as db:
            return int(db.one("restore/count_units").units)
    except (DatabaseError, psycopg.Error):
        return None


def preview_drop(settings: Settings, name: str) -> Beside:
    """Find the database that would be dropped. Raises BackupError if it is none of those beside the live one."""
    for beside in list_beside(settings):
        if beside.name == name:
            return beside
    raise BackupError(f"database '{name}': expected one that `tm restore --list` shows. Nothing has been dropped.")


# Showing -------------------------------------------------------------------------------------------


def render_swap(preview: SwapPreview) -> str:
    """Return what `tm restore --swap` and `--swap-back` print without --yes."""
    taken = taken_at(preview.uri)
    when = f", taken {taken:%Y-%m-%d %H:%M:%S} UTC" if taken else ""
    what = f"restored from {preview.uri}{when}" if preview.uri else "was live before the last swap"
    lines = [
        f"would {'swap back' if preview.is_back else 'swap'}: {preview.comes.name} becomes {preview.live}",
        f"  {preview.comes.name}: {_size(preview.comes)}; {what}",
    ]
    if preview.goes is None:
        lines.append(f"  {preview.live}: there is no such database now")
    else:
        ended = f"; {preview.sessions} sessions in it are ended" if preview.sessions else ""
        lines.append(f"  {preview.live}, live now: {_size(preview.goes)}; becomes {preview.kept}{ended}")
    lines += [*_changes(preview), *(f"  CANNOT be brought back: {one}" for one in preview.pending.lost)]
    if preview.obstacle:
        lines.append(f"  would be refused now: {preview.obstacle}")
    return "\n".join([*lines, "nothing has been changed: add --yes to do it"])


def _size(side: Side) -> str:
    units = "units cannot be counted" if side.units is None else f"{side.units:,} units"
    return f"{units}, {size_text(side.bytes)}"


def _changes(preview: SwapPreview) -> list[str]:
    events = [describe(event) for event in preview.pending.events]
    if preview.is_back:
        more = " (`tm restore --catch-up` brings them back afterwards)" if events else ""
        return _listed(f"came since and would not be in it: {len(events)} changes{more}", events)
    lines = _listed(f"brought back first, because they came since the restore: {len(events)} changes", events)
    if preview.leaves_out:
        left = [describe(event) for event in preview.pending.later]
        text = f"left out on purpose: {preview.later} changes when it was restored, {len(left)} as of now"
        lines += _listed(text, left)
    return lines


def _listed(head: str, names: Sequence[str]) -> list[str]:
    more = [f"    and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return [f"  {head}", *(f"    {name}" for name in names[:SHOWN]), *more]


def render_drop(beside: Beside) -> str:
    """Return what `tm restore --drop` prints without --yes."""
    from_backup = f", restored from {beside.note['uri']}" if beside.note.get("uri") else ""
    return (
        f"would drop {beside.name}, {size_text(beside.bytes)}{from_backup}: it cannot be swapped in or back any more\n"
        "nothing has been changed: add --yes to do it"
    )
