"""``tm-align encode``: overlap lines to vectors."""

import argparse
from pathlib import Path
from typing import Any

from tm_align.cli_align import add_encoder_arguments
from tm_core.settings import Device


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``encode``."""
    parser = subparsers.add_parser("encode", help="write the vectors of overlap lines", allow_abbrev=False)
    parser.add_argument("lines", metavar="OVERLAPS", type=Path, help="overlap lines (tm-align overlap)")
    parser.add_argument(
        "-o", "--output", metavar="VECTORS", type=Path, required=True, help="*.npy, or raw float32 for Vecalign"
    )
    add_encoder_arguments(parser)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Encode every line."""
    if arguments.encoder in (None, "lexicon"):
        arguments.parser.error(
            "--encoder: expected laser2 or a sentence-transformers folder; lexicon encodes pairs only"
        )
    from tm_align.encode import load_line_encoder
    from tm_align.files import check_output, read_segments, replacing
    from tm_formats.vecalign import write_vectors

    check_output(arguments.output)
    model = load_line_encoder(arguments.encoder, model_dir=arguments.model_dir, device=Device(arguments.device))
    vectors = model.encode(read_segments(arguments.lines))
    with replacing(arguments.output) as part:
        write_vectors(part, vectors)
    return 0
