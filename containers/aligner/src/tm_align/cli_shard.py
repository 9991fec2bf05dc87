"""``tm-align shard``: refine one shard of a batch; what the mapped tasks of the refresh run."""

import argparse
import json

from tm_align.parent import die_with_parent
from tm_core.rules import Tier
from tm_core.settings import Settings


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser("shard", help="refine one shard of a batch (run by the DAG's mapped tasks)")
    parser.add_argument("--batch", required=True, help="the batch's id")
    parser.add_argument("--tier", required=True, choices=[Tier.LEXICAL.value, Tier.EMBEDDING.value])
    parser.add_argument("--shard", required=True, type=int, help="the shard's number, from 0")
    parser.add_argument(
        "--die-with-parent", action="store_true", help="stop when the process that started this one ends"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Refine the shard; the last line on standard output is the attestation as JSON."""
    if arguments.die_with_parent:
        die_with_parent()
    from tm_align.work import run_shard
    from tm_formats.storage import Storage

    settings = Settings.from_env()
    attestation = run_shard(settings, Storage(settings.storage), arguments.batch, Tier(arguments.tier), arguments.shard)
    print(json.dumps(attestation, sort_keys=True))
    return 0
