"""``tm log``, ``tm diff``, ``tm rollback`` and ``tm erase``."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm_core.settings import Settings
from tm_store.cli_exchange import pair_of

if TYPE_CHECKING:
    from tm_formats.storage import Storage
    from tm_store.db import Database
    from tm_store.erase import Report
    from tm_store.erase_files import Swept
    from tm_store.versions import Change, Diff, Rollback, Version

_SHOWN_CHARS = 60


def add_commands(commands: Any) -> None:
    """Add the commands to the parser of ``tm``."""
    _add_log(commands)
    _add_diff(commands)
    _add_rollback(commands)
    _add_erase(commands)


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


def _add_erase(commands: Any) -> None:
    gone = commands.add_parser("erase", help="take texts out of a store for good, with proof; a preview without --yes")
    gone.add_argument("--store", default="", help="whose texts")
    what = gone.add_mutually_exclusive_group(required=True)
    what.add_argument("--document", default="", metavar="NAME", help="all that this document says, and no other does")
    what.add_argument("--match", default="", metavar="TEXT", help="units with this text in source or target")
    what.add_argument("--regex", default="", help="units that a Python regular expression finds something in")
    what.add_argument("--source-hash", default="", metavar="HASH", help="units of this source, whatever their target")
    what.add_argument("--lift", type=int, metavar="NUMBER", help="let an erasure's texts come again: a mistaken one")
    what.add_argument("--sweep", action="store_true", help="go through object storage again for all erasures")
    what.add_argument("--list", action="store_true", help="the erasures, newest first")
    gone.add_argument("--src", help="source language, with --tgt: this pair alone")
    gone.add_argument("--tgt", help="target language")
    gone.add_argument("--yes", action="store_true", help="do it")
    gone.add_argument("--who", default="", help="whose decision it is; the system's user")
    gone.add_argument("--why", default="", help="the reason, for the journal; no text that is to go")
    gone.add_argument("--report", type=Path, metavar="FILE", help="write the proof there, as JSON")
    gone.add_argument(
        "--leave", action="append", default=[], metavar="SCHEMA.TABLE.COLUMN", help="holds no copy; may be repeated"
    )
    gone.set_defaults(run=_erase)


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
    from tm_formats.storage import open_storage
    from tm_store.imports import user_name
    from tm_store.migrate import open_memory
    from tm_store.versions import rollback

    settings = Settings.from_env()
    with open_memory(settings) as db:
        done = rollback(
            db,
            open_storage(settings),
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


# Erasures -------------------------------------------------------------------------------------------


def _erase(arguments: argparse.Namespace) -> int:
    from tm_formats.storage import open_storage
    from tm_store.migrate import open_memory

    settings = Settings.from_env()
    with open_memory(settings) as db:
        storage = open_storage(settings)
        if arguments.list:
            print(_erasures(db.run("erase/select_erasures")))
        elif arguments.sweep:
            return _sweep(settings, db, storage)
        elif arguments.lift is not None:
            _lift(arguments, db, storage)
        else:
            _erase_texts(arguments, settings, db, storage)
    return 0


def _erasures(rows: Sequence[Any]) -> str:
    from tm_store.report import table

    shown = [
        (
            row.journal_id,
            f"{row.at:%Y-%m-%d %H:%M}" if row.at else "",
            row.store,
            f"{row.tombstones:,} tombstones",
            "lifted" if row.lifted_by else "files gone through" if row.swept_at else "files: run `tm erase --sweep`",
            row.who or "",
            (row.facts or {}).get("why", ""),
        )
        for row in rows
    ]
    return table(shown, indent=0) or "nothing has been erased"


def _sweep(settings: Settings, db: "Database", storage: "Storage") -> int:
    from tm_store.erase import sweep_all

    found = sweep_all(settings, db, storage)
    lines = [*_removed(found.removed), *_swept(found.files), *(f"  stays: {one}" for one in found.cleaned.left)]
    print("\n".join(lines) or "no table and no file holds anything of what was erased")
    return 1 if found.files.under_way else 0


def _lift(arguments: argparse.Namespace, db: "Database", storage: "Storage") -> None:
    from tm_store.erase import lift
    from tm_store.imports import user_name

    lifted = lift(db, storage, arguments.lift, who=arguments.who or user_name(), why=arguments.why)
    print(f"{lifted:,} tombstones lifted: what was erased may come again, with a new run or import")


def _erase_texts(arguments: argparse.Namespace, settings: Settings, db: "Database", storage: "Storage") -> None:
    from tm_store.erase import What, erase
    from tm_store.imports import user_name

    what = What(
        store=arguments.store,
        document=arguments.document,
        match=arguments.match,
        regex=arguments.regex,
        source_hash=arguments.source_hash,
        pair=pair_of(arguments),
    )
    report = erase(
        settings,
        db,
        storage,
        what,
        who=arguments.who or user_name(),
        why=arguments.why,
        dry_run=not arguments.yes,
        leave=arguments.leave,
    )
    if arguments.report:
        arguments.report.write_text(report.to_json(), encoding="utf-8")
    print(render_report(report))


def render_report(report: "Report") -> str:
    """What went, the proof, and what has to be deleted elsewhere."""
    lines = [f"{report.store}: {report.units:,} units of the memory, {report.tombstones:,} tombstones"]
    lines += _removed(report.removed)
    if report.lexicons:
        lines.append(f"  {report.lexicons} lexicons retired, which may have been learned from it")
    if report.inside:
        lines.append(f"  {report.columns} columns of the database were looked into: what was asked for stands inside")
        lines += [f"    {place}: {rows:,} rows; look at them" for place, rows in sorted(report.inside.items())]
    else:
        lines.append(f"  {report.columns} columns of the database were looked into: none holds any of it")
    lines += [f"  not looked into, no right to read: {one}" for one in report.unread]
    lines += _swept(report.files) if report.files else []
    lines += [f"  stays: {one}" for one in report.stays]
    if report.dry_run:
        return "\n".join([*lines, "this is a preview: nothing was changed. Do it with --yes"])
    return "\n".join([*lines, f"erased, number {report.journal_id}; report sha256 {report.sha256()}"])


def _removed(rows: Mapping[str, int]) -> list[str]:
    return [f"  {table:<24} {count:>10,} rows removed or emptied" for table, count in sorted(rows.items())]


def _swept(swept: "Swept") -> list[str]:
    lines = [f"  rewritten without it: {path}" for path in swept.rewritten]
    lines += [f"  deleted: {path}" for path in swept.deleted]
    return lines + [f"  a task may be at work, run `tm erase --sweep` later: {path}" for path in swept.under_way]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str, indent=1)
