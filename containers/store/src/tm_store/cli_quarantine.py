"""``tm quarantine``: what was not loaded, and a person's decision on it. ``tm held-out``: the list of gold texts."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm_core.outcomes import Verdict
from tm_core.settings import Settings

if TYPE_CHECKING:
    from tm_store.gate_suite import SliceKey


def add_commands(commands: Any) -> None:
    """Add the commands to the parser of ``tm``."""
    kept = commands.add_parser("quarantine", help="slices that were not loaded: list, show, release, discard")
    actions = kept.add_subparsers(dest="action", required=True, metavar="ACTION")
    show_all = actions.add_parser("list", help="what waits for a person or was refused, newest date first")
    show_all.add_argument("--discarded", action="store_true", help="also what was thrown away")
    show_all.set_defaults(run=_list)
    one = actions.add_parser("show", help="one slice: why, its numbers, every decision on it")
    _add_place(one)
    one.set_defaults(run=_show)
    for name, verdict, text in (
        ("release", Verdict.ACCEPT, "let a slice in: through the gate and the load again"),
        ("discard", Verdict.DISCARD, "throw a slice away"),
    ):
        act = actions.add_parser(name, help=text)
        _add_place(act)
        act.add_argument("--who", required=True, help="the person who decides; kept with the decision")
        act.add_argument("--why", required=True, help="the reason; kept with the decision")
        act.set_defaults(run=_settle, verdict=verdict)

    gold = commands.add_parser("held-out", help="the hashes of gold texts, one a line, for TM_HELD_OUT")
    gold.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a segment a line")
    gold.set_defaults(run=_held_out)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("batch", help="its id, as listed")
    parser.add_argument("store")
    parser.add_argument("pair", help="as in stores.toml: en-de")


def _key(arguments: argparse.Namespace) -> "SliceKey":
    from tm_core.stores import parse_pair
    from tm_store.gate_suite import SliceKey

    pair = parse_pair(arguments.pair)
    return SliceKey(store=arguments.store, src_lang=pair.src, tgt_lang=pair.tgt)


def _list(arguments: argparse.Namespace) -> None:
    from tm_store.migrate import open_memory
    from tm_store.quarantine import OPEN, waiting
    from tm_store.report import table

    verdicts = (*OPEN, Verdict.DISCARD) if arguments.discarded else OPEN
    with open_memory(Settings.from_env()) as db:
        found = waiting(db, verdicts=verdicts)
    rows = [
        (
            one.batch_id,
            one.key.store,
            f"{one.key.src_lang}-{one.key.tgt_lang}",
            one.verdict.value,
            f"{one.beads:,} beads",
            "; ".join(one.reasons),
        )
        for one in found
    ]
    print(table(rows, indent=0) or "nothing is held or quarantined")


def _show(arguments: argparse.Namespace) -> None:
    from tm_core.errors import ReleaseObsolete
    from tm_store.migrate import open_memory
    from tm_store.quarantine import history, waiting
    from tm_store.report import table

    key = _key(arguments)
    with open_memory(Settings.from_env()) as db:
        one = next((one for one in waiting(db, arguments.batch, tuple(Verdict)) if one.key == key), None)
        if one is None:
            raise ReleaseObsolete(
                f"batch {arguments.batch}, slice {key}: expected a slice of the batch that stands for its date, found "
                "none. `tm quarantine list` shows what waits."
            )
        said = history(db, arguments.batch, key)
    told = ", ".join(f"{beads:,} {outcome}" for outcome, beads in one.outcomes.items())
    facts = [
        ("verdict", f"{one.verdict.value}, by {one.decided_by} at {one.decided_at:%Y-%m-%d %H:%M} UTC"),
        ("documents", f"{one.documents:,}"),
        ("beads", f"{one.beads:,}: {told or 'not loaded yet'}"),
        ("releasable", "yes" if one.releasable else "no: its numbers cannot be right"),
        *(("why", reason) for reason in one.reasons),
        *(("warning", warning) for warning in one.warnings),
        ("page", f"work/{one.batch_id}/gate/data_docs/index.html"),
    ]
    print(f"{one.key}, {one.partition_date}, batch {one.batch_id}\n{table(facts)}\nEvery decision on it:")
    print(table((f"{at.at:%Y-%m-%d %H:%M:%S}", at.verdict, at.who, at.why) for at in said))


def _settle(arguments: argparse.Namespace) -> None:
    from tm_core.verdicts import Ruling
    from tm_formats.storage import open_storage
    from tm_store.migrate import open_memory
    from tm_store.release import settle

    ruling = Ruling(verdict=arguments.verdict, who=arguments.who, why=arguments.why)
    settings, key = Settings.from_env(), _key(arguments)
    with open_memory(settings) as db:
        done = settle(settings, db, open_storage(settings), arguments.batch, key, ruling)
    told = ", ".join(f"{beads:,} {outcome}" for outcome, beads in sorted(done.outcomes.items()))
    print(f"{key}: {done.verdict.value}\n  beads: {told}\n  units: {done.inserted:,} came, {done.removed:,} left")


def _held_out(arguments: argparse.Namespace) -> None:
    from tm_core.errors import SettingsError
    from tm_store.gate_held_out import hash_lines

    try:
        lines = [line for path in arguments.files for line in path.read_text(encoding="utf-8").split("\n")]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{error}. Expected files of text, a segment a line; nothing was written.") from None
    print("\n".join(hash_lines(lines)))
