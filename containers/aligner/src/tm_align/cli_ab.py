"""``tm-align ab``: align a comparison's documents by one of its two variants; what the DAG aligner_ab runs."""

import argparse
import json

from tm_align.parent import die_with_parent
from tm_core.ab import Side
from tm_core.settings import Settings


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser("ab", help="align a comparison's documents (run by the DAG aligner_ab)")
    parser.add_argument("--run", required=True, dest="run_id", help="folder below work/ with the documents")
    parser.add_argument("--side", required=True, choices=[str(side) for side in Side])
    parser.add_argument(
        "--die-with-parent", action="store_true", help="stop when the process that started this one ends"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Align; the last line on standard output is the attestation as JSON."""
    if arguments.die_with_parent:
        die_with_parent()
    from tm_align.ab import align_side
    from tm_formats.storage import open_storage

    settings = Settings.from_env()
    found = align_side(settings, open_storage(settings), arguments.run_id, Side(arguments.side))
    print(json.dumps(found, sort_keys=True))
    return 0
