"""``tm ab``: comparisons of aligners, and the way back from a promotion."""

import argparse
import getpass
from datetime import UTC, datetime
from typing import Any

from tm_core.settings import Settings


def add_commands(commands: Any) -> None:
    """Add ``ab`` to the parser of ``tm``."""
    compared = commands.add_parser("ab", help="comparisons of aligners: list, show, undo a promotion")
    actions = compared.add_subparsers(dest="action", required=True, metavar="ACTION")
    every = actions.add_parser("list", help="all comparisons, newest first")
    every.set_defaults(run=_list)
    one = actions.add_parser("show", help="what a comparison says now")
    one.add_argument("comparison", help="its name, as listed")
    one.set_defaults(run=_show)
    back = actions.add_parser("undo", help="have the plans to come pin what they pinned before a promotion")
    back.add_argument("comparison", help="its name, as listed")
    back.add_argument("--why", required=True, help="the reason; kept with the decision")
    back.set_defaults(run=_undo)


def _list(arguments: argparse.Namespace) -> None:
    from tm_store.migrate import open_memory
    from tm_store.report import table

    with open_memory(Settings.from_env()) as db:
        found = db.run("ab/select_comparisons")
    rows = [
        (row.batch_id, f"{row.store} {row.src_lang}-{row.tgt_lang}", f"{row.made_at:%Y-%m-%d %H:%M}", _state(row))
        for row in found
    ]
    print(table(rows, indent=0) or "nothing has been compared: trigger the DAG aligner_ab")


def _state(row: Any) -> str:
    if not row.promoted_at:
        return "compared"
    return f"{'undone' if row.undone_at else 'promoted'}, promoted by {row.promoted_by}"


def _show(arguments: argparse.Namespace) -> None:
    from tm_store.ab import weigh
    from tm_store.migrate import open_memory

    with open_memory(Settings.from_env()) as db:
        found = weigh(db, arguments.comparison)
    print(found.shown)
    print(f"\n{found.open} blind items want a verdict still")


def _undo(arguments: argparse.Namespace) -> None:
    from tm_formats.storage import open_storage
    from tm_store.ab import undo
    from tm_store.migrate import open_memory

    settings = Settings.from_env()
    today = datetime.now(UTC).date()
    with open_memory(settings) as db:
        undo(settings, db, open_storage(settings), arguments.comparison, who=getpass.getuser(), why=arguments.why,
             day=today)  # fmt: skip
    print(f"{arguments.comparison}: taken back; holds from the next plan on")
