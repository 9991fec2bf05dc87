"""``tm-align overlap``: the overlap lines of a text, for an encoder to read; Vecalign's overlap.py."""

import argparse
from pathlib import Path
from typing import Any

from tm_align.files import check_output, read_segments, written


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``overlap``."""
    parser = subparsers.add_parser(
        "overlap", help="write every run of segments as a line, to be encoded", allow_abbrev=False
    )
    parser.add_argument("text", metavar="TEXT", type=Path, nargs="+", help="texts of one language, one segment a line")
    parser.add_argument("--max-merge", metavar="N", type=int, default=8, help="longest run (8)")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: standard output")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write each different overlap line of all texts once."""
    check_output(arguments.output)
    from tm_align.overlap import overlaps

    lines: dict[str, None] = {}
    for path in arguments.text:
        lines.update(dict.fromkeys(overlaps(read_segments(path), runs=arguments.max_merge).lines))
    with written(arguments.output) as sink:
        sink.writelines(f"{line}\n".encode() for line in lines)
    return 0
