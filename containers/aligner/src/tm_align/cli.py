"""``tm-align``: the command line of the aligner.

Exit status: 0 done, 1 the data or the machine does not allow it, 2 the command line is wrong.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn, Protocol, cast

from tm_align.kernel_cache import use_writable_cache
from tm_core.errors import TmError


class Command(Protocol):
    """A module with a subcommand."""

    def add_parser(self, subparsers: "argparse._SubParsersAction[Any]") -> None:
        """Add the subcommand; its defaults hold ``run``, a function of the parsed arguments that gives the status."""


COMMANDS = ("align", "overlap", "encode", "score", "lexicon", "lexicon_refresh", "shard", "ab")
"""Modules ``tm_align.cli_*``: each imports numba and its like only when its command runs."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. See '{self.prog} --help'.\n")


def make_parser() -> Parser:
    """The whole command line."""
    parser = Parser(prog="tm-align", description="Align documents sentence by sentence.", allow_abbrev=False)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name in COMMANDS:
        cast(Command, import_module(f"tm_align.cli_{name}")).add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    use_writable_cache()
    try:
        arguments = make_parser().parse_args(argv)
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): end quietly, and let nothing flush into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (TmError, OSError) as error:
        print(f"tm-align: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
