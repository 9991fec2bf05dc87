"""``tm log``, ``tm diff``, ``tm rollback``, ``tm erase`` and ``tm journal``."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tm_core.settings import Settings

if TYPE_CHECKING:
    from tm_store.versions import Change, Diff, Rollback, Version

_SHOWN_CHARS = 60


def add_commands(commands: Any) -> None:
    """Add the commands to the parser of ``tm``."""
    _add_log(commands)
    _add_diff(commands)
    _add_rollback(commands)


def _add_log(commands: Any) -> None:
    told = commands.add_parser("log", help="what changed the memory: batches, imports, roll-backs, erasures")
    told.add_argument("--store", help="this store alone")
    told.add_argument("--limit", type=int, default=20, metavar="N", help="the newest N; 20")
    told.add_argument("--json", action="store_true", help="for programs")
    told.set_defaults(run=_log)


def _add_diff(commands: Any) -> None:
    shown = commands.add_parser("diff", help="the units that a batch or import added, changed and removed")
    shown.add_argument("--batch", required=True, help="its id, as `tm log` lists it")
    shown.add_argument("--store", help="this store alone")
    shown.add_argument("--limit", type=int, default=20, metavar="N", help="the first N of each kind; 20")
    shown.add_argument("--json", action="store_true", help="for programs")
    shown.set_defaults(run=_diff)


def _add_rollback(commands: Any) -> None:
    undo = commands.add_parser("rollback", help="take a batch or import out of the memory; a preview without --yes")
    undo.add_argument("--batch", required=True, help="its id, as `tm log` lists it")
    undo.add_argument("--yes", action="store_true", help="do it")
    undo.add_argument("--keep-later", action="store_true", help="leave documents alone that later batches replaced")
    undo.add_argument("--who", default="", help="whose decision it is; the system's user")
    undo.set_defaults(run=_rollback)


# Versions -------------------------------------------------------------------------------------------


def _log(arguments: argparse.Namespace) -> None:
    from tm_store.migrate import open_memory
    from tm_store.versions import log

    with open_memory(Settings.from_env()) as db:
        found = log(db, store=arguments.store, limit=max(arguments.limit, 0))
    print(_json([asdict(one) for one in found]) if arguments.json else render_log(found))


def render_log(versions: "list[Version]") -> str:
    """A line a version and store, newest first."""
    from tm_store.report import table

    rows = [
        (
            f"{one.at:%Y-%m-%d %H:%M}",
            one.kind,
            one.id,
            one.store,
            one.state,
            _units("+", one.new),
            _units("~", one.updated),
            _units("-", one.removed),
            one.who,
        )
        for one in versions
    ]
    return table(rows, indent=0) or "nothing has changed the memory yet"


def _units(sign: str, units: int | None) -> str:
    return "" if units is None else f"{sign}{units:,}"


def _diff(arguments: argparse.Namespace) -> None:
    from tm_store.migrate import open_memory
    from tm_store.versions import diff

    with open_memory(Settings.from_env()) as db:
        found = diff(db, arguments.batch, store=arguments.store, limit=max(arguments.limit, 0))
    print(_json(asdict(found)) if arguments.json else render_diff(found))


def render_diff(found: "Diff") -> str:
    """The first units of each kind, and how many there are."""
    lines = [f"{found.batch_id} ({found.state})"]
    for kind, count in found.counts.items():
        lines.append(f"{kind:<8} {count:>10,}")
        lines += [_change(one) for one in found.changes if one.kind == kind]
    return "\n".join(lines)


def _change(one: "Change") -> str:
    before, after = _text(one.old_text), _text(one.tgt_text)
    target = {"added": after, "removed": before}.get(one.kind, f"{before} → {after}")
    return f"    {one.store}/{one.document} {one.src_lang}-{one.tgt_lang}  {_text(one.src_text)} | {target}"


def _text(text: str | None) -> str:
    if text is None:
        return "(not kept)"
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def _rollback(arguments: argparse.Namespace) -> None:
    from tm_formats.storage import Storage
    from tm_store.imports import user_name
    from tm_store.migrate import open_memory
    from tm_store.versions import rollback

    settings = Settings.from_env()
    with open_memory(settings) as db:
        done = rollback(
            db,
            Storage(settings.storage),
            arguments.batch,
            who=arguments.who or user_name(),
            keep_later=arguments.keep_later,
            dry_run=not arguments.yes,
        )
    print(render_rollback(done, arguments.keep_later))


def render_rollback(done: "Rollback", keep_later: bool) -> str:
    """What was done, or what would be and how to do it."""
    from tm_store.versions import describe

    lines = [
        f"{done.batch_id}",
        f"  {done.restored:>10,} documents go back to the version before it",
        f"  {done.removed:>10,} documents leave the memory: it brought them",
        f"  {done.units_back:>10,} units come back",
        f"  {done.units_gone:>10,} units leave",
    ]
    if done.covered:
        lines.append(f"  {len(done.covered):>10,} documents stay as they are: later batches replaced them")
        lines += [f"{'':>13}{describe(one)}" for one in done.covered[:20]]
    if not done.dry_run:
        lines.append("rolled back; a new run of the date, or the same import, loads it again")
    elif done.covered and not keep_later:
        lines.append("this is a preview: nothing was changed. --yes alone would be refused: give --keep-later as well")
    else:
        lines.append("this is a preview: nothing was changed. Do it with --yes")
    return "\n".join(lines)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str, indent=1)
