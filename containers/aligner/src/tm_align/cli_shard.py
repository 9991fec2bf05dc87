"""``tm-align shard``: refine one shard of a batch; what the mapped tasks of the refresh run."""

import argparse
import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from tm_align.parent import die_with_parent
from tm_core.commands import ShardExit
from tm_core.errors import DeviceUnavailable, SettingsError
from tm_core.loss import ShardTaken
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
    pod = parser.add_argument_group("in a pod")
    pod.add_argument("--token", default="", help="stop if another pod's token is found in the shard's claim")
    pod.add_argument("--result", type=Path, help="write the attestation to this file too")
    pod.add_argument("--careful", action="store_true", help="note and save document by document")
    pod.add_argument("--only", default="", metavar="KEY", help="this document alone; the shard is not finished then")
    pod.add_argument(
        "--quarantine", action="append", default=[], metavar="KEY=WHY", help="leave this document out; may be repeated"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Refine the shard; the last line on standard output is the attestation as JSON.

    Returns:
        A status of tm_core.commands.ShardExit.
    """
    if arguments.die_with_parent:
        die_with_parent()
    if arguments.token:
        # A node that is taken away gives some seconds: what is finished is saved on the way out.
        signal.signal(signal.SIGTERM, _leave)
    try:
        attestation = _work(arguments)
    except (SettingsError, DeviceUnavailable) as error:
        print(f"tm-align: {error}", file=sys.stderr)
        return ShardExit.HOPELESS
    except ShardTaken as error:
        print(f"tm-align: {error}", file=sys.stderr)
        return ShardExit.SUPERSEDED
    said = json.dumps(attestation, sort_keys=True)
    if arguments.result:
        arguments.result.write_text(said)
    print(said)
    return ShardExit.DONE


def _work(arguments: argparse.Namespace) -> dict[str, Any]:
    from tm_align.work import ShardOptions, run_shard
    from tm_formats.storage import open_storage

    settings = Settings.from_env()
    options = ShardOptions(
        token=arguments.token,
        careful=arguments.careful,
        only=arguments.only,
        quarantine=dict(one.split("=", 1) for one in arguments.quarantine),
    )
    tier = Tier(arguments.tier)
    return run_shard(settings, open_storage(settings), arguments.batch, tier, arguments.shard, options)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
