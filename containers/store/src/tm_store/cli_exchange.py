"""``tm import`` and ``tm export``."""

import argparse
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm_core.rules import Tier
from tm_core.settings import Settings

if TYPE_CHECKING:
    from tm_core.stores import Pair
    from tm_formats.hints import Columns
    from tm_store.exports import ExportSummary
    from tm_store.imports import ImportSummary, Listed

_SHOWN_CHARS = 60
_COLUMNS = re.compile(r"source=(?P<source>[1-9]\d{0,3}),\s*target=(?P<target>[1-9]\d{0,3})")


def add_commands(commands: Any, day: Callable[[str], date]) -> None:
    """Add the two commands to the parser of ``tm``; ``day`` reads a date."""
    take = commands.add_parser("import", help="bring aligned files into a store: TMX, XLIFF, PO, CSV, TSV")
    take.add_argument("files", nargs="+", type=Path, metavar="FILE")
    take.add_argument("--store", required=True, help="one of include/stores.toml")
    take.add_argument("--src", help="source language, with --tgt; without them every pair of the store")
    take.add_argument("--tgt", help="target language")
    take.add_argument(
        "--columns",
        type=_columns,
        metavar="source=2,target=3",
        help="where the texts of a table stand whose header does not say it, counted from 1; with --src and --tgt",
    )
    take.add_argument("--strict", action="store_true", help="refuse a file for one damaged unit; else it is left out")
    take.add_argument("--date", type=day, help="partition date of what is imported; today in UTC")
    take.add_argument("--name", default="", help="import one file under this name: newer replaces older under a name")
    take.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")
    take.add_argument("--list", type=int, default=10, metavar="N", help="show the first N units of each kind")
    take.set_defaults(run=_import)

    give = commands.add_parser("export", help="write a store's units: TMX, TSV, Parquet, or Moses for training")
    give.add_argument("--store", required=True)
    give.add_argument("--src", required=True, help="source language")
    give.add_argument("--tgt", required=True, help="target language")
    give.add_argument("--format", required=True, choices=["tmx", "tsv", "parquet", "moses"])
    give.add_argument(
        "-o", "--output", required=True, type=Path, metavar="FILE", help="the file; for moses the prefix of FILE.<lang>"
    )
    give.add_argument("--min-score", type=float, default=0.0, metavar="SHARE", help="confidence, 0 to 1")
    give.add_argument("--tier", action="append", default=[], choices=list(Tier), help="may be repeated; all")
    give.add_argument("--reviewed-only", action="store_true", help="only what a reviewer accepted")
    give.add_argument("--split", metavar="98/1/1", help="shares of train, dev and test documents; moses only")
    give.set_defaults(run=_export)


def _columns(text: str) -> "Columns":
    """``source=2,target=3`` as numbers; argparse tells what is wrong with others."""
    from tm_formats.hints import Columns

    found = _COLUMNS.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}': expected two numbers from 1, such as source=2,target=3")
    return Columns(int(found["source"]), int(found["target"]))


def pair_of(arguments: argparse.Namespace) -> "Pair | None":
    """``--src`` and ``--tgt`` as a pair, None without them; ExchangeError with one alone."""
    from tm_core.errors import ExchangeError
    from tm_core.stores import parse_pair

    if not arguments.src and not arguments.tgt:
        return None
    if not (arguments.src and arguments.tgt):
        raise ExchangeError("--src and --tgt: expected both languages or none. Nothing was changed.")
    return parse_pair(f"{arguments.src}:{arguments.tgt}", "--src and --tgt")


def _import(arguments: argparse.Namespace) -> int:
    from tm_formats.storage import open_storage
    from tm_store.imports import import_files
    from tm_store.retry import with_memory

    settings = Settings.from_env()
    pair = pair_of(arguments)
    summary = with_memory(
        settings,
        lambda db: import_files(
            settings,
            db,
            open_storage(settings),
            arguments.store,
            arguments.files,
            pair=pair,
            day=arguments.date,
            name=arguments.name,
            dry_run=arguments.dry_run,
            listed=max(arguments.list, 0),
            columns=arguments.columns,
            strict=arguments.strict,
        ),
    )
    print(render_import(summary))
    return 1 if summary.refused_files else 0


def render_import(summary: "ImportSummary") -> str:
    """The preview, or what was done, for a person."""
    lines = [f"cannot be imported: {reason}" for reason in summary.refused_files]
    if summary.imported_before:
        return f"{summary.batch_id}: imported before and still in place; nothing was changed"
    for name, pair, units in summary.documents:
        lines.append(f"{name}  {pair}  {units:,} units")
    for kind, count in summary.kinds.items():
        lines.append(f"  {kind:<12} {count:>10,}{_meaning(kind)}")
        lines += [_line(one) for one in summary.listed if one.kind == kind]
    if summary.removed:
        lines.append(f"  {'removed':<12} {summary.removed:>10,}  only an older version of these documents said them")
    done = "this is a preview: nothing was changed" if summary.dry_run else f"imported as {summary.batch_id}"
    lines.append(f"{done}, {summary.seconds:.1f} s")
    return "\n".join(lines)


_MEANINGS = {
    "conflicting": "new beside another target of the same source",
    "duplicate": "said twice by this import",
    "unchanged": "in the memory already",
    "superseded": "a later version of the document is in the memory",
    "updated": "in the memory with less evidence",
    "tombstoned": "erased from this store: it must not come back",
    "refused": "by a rule of the filter, or unusable",
}


def _meaning(kind: str) -> str:
    return f"  {_MEANINGS[kind]}" if kind in _MEANINGS else ""


def _line(one: "Listed") -> str:
    place = f"{one.file}:{one.line}" if one.line else one.file
    texts = f"{_short(one.src_text)} | {_short(one.tgt_text)}" if one.src_text or one.tgt_text else ""
    return "      " + "  ".join(part for part in (place, one.reason, texts) if part)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def _export(arguments: argparse.Namespace) -> None:
    from tm_core.splits import parse_split
    from tm_store.exports import Format, Wanted, export_units
    from tm_store.lookup_reader import open_reader

    pair = pair_of(arguments)
    assert pair is not None  # noqa: S101 - both options are required
    wanted = Wanted(
        store=arguments.store,
        pair=pair,
        format=Format(arguments.format),
        min_score=arguments.min_score,
        tiers=tuple(map(Tier, arguments.tier)),
        reviewed_only=arguments.reviewed_only,
        split=parse_split(arguments.split) if arguments.split else None,
    )
    settings = Settings.from_env()
    with open_reader(settings, statement_seconds=settings.statement_seconds) as db:
        print(render_export(export_units(db, wanted, arguments.output)))


def render_export(summary: "ExportSummary") -> str:
    """What was written, a line a file."""
    lines = [f"{one.path}  {one.units:,} units  {one.size:,} bytes" for one in summary.files]
    if summary.duplicates:
        lines.append(f"left out {summary.duplicates:,} units with the texts of another")
    return "\n".join([*lines, f"{summary.units:,} units in {summary.seconds:.1f} s"])
