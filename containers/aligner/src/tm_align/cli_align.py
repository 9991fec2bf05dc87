"""``tm-align align``: two texts, one segment a line, to beads."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm_align.arguments import language_code
from tm_align.files import check_output, read_segments, written
from tm_align.output import OutputFormat, write_alignment
from tm_core.settings import Device

if TYPE_CHECKING:
    from tm_align.encode import Encoder
    from tm_align.lexicon import Lexicon

DICTIONARIES = (".dic", ".index", ".tsv", ".dict", ".dz")
"""Suffixes of ``tm_formats.dictionaries``; any other file is a lexicon of our own."""

EPILOG = """\
examples:
  tm-align align book.de book.fr --src-lang de --tgt-lang fr
  tm-align align book.de book.fr --src-lang de --tgt-lang fr --lexicon de-fr.lexicon --format ladder -o book.ladder
  tm-align align book.de book.fr --src-lang de --tgt-lang fr \\
      --src-embed overlaps.de overlaps.de.emb --tgt-embed overlaps.fr overlaps.fr.emb
"""


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``align``."""
    parser = subparsers.add_parser(
        "align",
        help="align two texts, one segment a line",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("src", metavar="SRC", type=Path, help="source text: UTF-8, one segment a line")
    parser.add_argument("tgt", metavar="TGT", type=Path, help="target text")
    parser.add_argument(
        "--src-lang", metavar="LANG", type=language_code, required=True, help="language code of the source, e.g. de"
    )
    parser.add_argument(
        "--tgt-lang", metavar="LANG", type=language_code, required=True, help="language code of the target"
    )
    parser.add_argument(
        "--tier",
        choices=("lexical", "embedding", "auto"),
        help="lexical: words and lengths; embedding: vectors; auto: embedding for what lexical is not sure of, if an "
        "encoder or vectors are named. Default: embedding if they are, else auto",
    )
    parser.add_argument(
        "--lexicon",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="a lexicon, or a dictionary from source to target (.dic, .index, .tsv); may be repeated",
    )
    add_encoder_arguments(parser)
    for side in ("src", "tgt"):
        parser.add_argument(
            f"--{side}-embed",
            metavar=("OVERLAPS", "VECTORS"),
            nargs=2,
            type=Path,
            help="overlap lines and their vectors: raw float32 as Vecalign writes them, or .npy of float16 or float32",
        )
    parser.add_argument("--dimension", metavar="N", type=int, help="components of a raw vector; default: by file size")
    parser.add_argument("--max-merge", metavar="N", type=_merge, default=8, help="most segments in a bead (8)")
    parser.add_argument(
        "--threshold", metavar="P", type=_share, help="confidence below which auto goes on (0.7 with a model's vectors)"
    )
    parser.add_argument(
        "--hint",
        action="store_true",
        help="learn tier 2's words from tier 1's beads; --encoder lexicon always does, vectors of a model refuse it",
    )
    parser.add_argument("--format", choices=[str(name) for name in OutputFormat], default="vecalign")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: standard output")
    parser.set_defaults(run=run, parser=parser)


def add_encoder_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that choose an encoder; also those of ``encode``."""
    parser.add_argument("--encoder", metavar="NAME", help="lexicon, laser2, or a sentence-transformers folder")
    parser.add_argument("--model-dir", metavar="DIR", type=Path, help="folder of laser2.pt, laser2.spm, laser2.cvocab")
    parser.add_argument("--device", choices=[str(name) for name in Device], default="cpu", help="of a neural encoder")


def _merge(text: str) -> int:
    value = int(text)
    if not 2 <= value <= 16:
        raise argparse.ArgumentTypeError(f"expected 2 to 16, found {value}")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"expected 0 to 1, found {text}")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Align, and write the beads."""
    _check(arguments)
    check_output(arguments.output)
    from tm_align.auto import align

    src, tgt = read_segments(arguments.src), read_segments(arguments.tgt)
    lexicon = _lexicon(arguments, src, tgt)
    alignment = align(
        src,
        tgt,
        src_lang=arguments.src_lang,
        tgt_lang=arguments.tgt_lang,
        tier=_tier(arguments),
        lexicon=lexicon,
        encoder=_encoder(arguments, lexicon),
        max_merge=arguments.max_merge,
        threshold=arguments.threshold,
        hint=arguments.hint,
    )
    with written(arguments.output) as sink:
        write_alignment(
            sink,
            alignment,
            src,
            tgt,
            to=OutputFormat(arguments.format),
            src_lang=arguments.src_lang,
            tgt_lang=arguments.tgt_lang,
        )
    return 0


def _check(arguments: argparse.Namespace) -> None:
    parser: argparse.ArgumentParser = arguments.parser
    if (arguments.src_embed is None) != (arguments.tgt_embed is None):
        parser.error("--src-embed and --tgt-embed go together")
    if arguments.src_embed and arguments.encoder:
        parser.error("give an encoder or vectors, not both")
    if arguments.tier == "lexical" and (arguments.src_embed or arguments.encoder):
        parser.error("--tier lexical uses neither encoder nor vectors")
    if arguments.hint and (arguments.src_embed or arguments.encoder not in (None, "lexicon")):
        parser.error("--hint goes with the lexicon encoder alone: with a model's vectors it makes beads worse")
    if arguments.format == "parquet" and arguments.output is None:
        parser.error("--format parquet needs -o FILE")


def _tier(arguments: argparse.Namespace) -> str:
    default = "embedding" if arguments.src_embed or arguments.encoder else "auto"
    return str(arguments.tier or default)


def _lexicon(arguments: argparse.Namespace, src: Sequence[str], tgt: Sequence[str]) -> "Lexicon | None":
    """Read all lexicons as one; warns of those that know no word of the texts."""
    if not arguments.lexicon:
        return None
    from tm_align.lexicon import Lexicon
    from tm_align.lexicon_fit import check_direction
    from tm_formats.dictionaries import read_dictionary

    langs = {"src_lang": arguments.src_lang, "tgt_lang": arguments.tgt_lang}
    lexicons = [
        Lexicon.from_dictionaries(read_dictionary(path), **langs) if path.suffix in DICTIONARIES else Lexicon.load(path)
        for path in arguments.lexicon
    ]
    for path, lexicon in zip(arguments.lexicon, lexicons, strict=True):
        if warning := check_direction(lexicon.turned(**langs), str(path), src, tgt):
            print(f"tm-align: {warning}", file=sys.stderr)
    return Lexicon.merged(lexicons, **langs)


def _encoder(arguments: argparse.Namespace, lexicon: "Lexicon | None") -> "Encoder | None":
    if arguments.encoder in (None, "lexicon") and not arguments.src_embed:
        return None
    from tm_align.encode import VectorFiles, load_encoder

    if arguments.src_embed:
        src, tgt = tuple(arguments.src_embed), tuple(arguments.tgt_embed)
        return VectorFiles(src=src, tgt=tgt, dimension=arguments.dimension)
    return load_encoder(
        arguments.encoder,
        src_lang=arguments.src_lang,
        tgt_lang=arguments.tgt_lang,
        lexicon=lexicon,
        model_dir=arguments.model_dir,
        device=Device(arguments.device),
    )
