"""``tm-align score``: beads against gold, as Vecalign's score.py counts."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tm_align.score import GoldBead, Score


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``score``."""
    parser = subparsers.add_parser(
        "score", help="strict and lax precision, recall and F1 against gold beads", allow_abbrev=False
    )
    parser.add_argument("--gold", metavar="FILE", type=Path, nargs="+", required=True, help="gold, a file a document")
    parser.add_argument("--hyp", metavar="FILE", type=Path, nargs="+", required=True, help="beads, in the same order")
    parser.epilog = "Files are Vecalign's, or hunalign's if named .ladder. Counts are summed over documents."
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    from tm_align.score import check_same_number, score_documents

    check_same_number(arguments.gold, arguments.hyp)
    documents = [(_read(gold), _read(hyp)) for gold, hyp in zip(arguments.gold, arguments.hyp, strict=True)]
    sys.stdout.write(_table(score_documents(documents)))
    return 0


def _read(path: Path) -> "Sequence[GoldBead]":
    from tm_formats import hunalign, vecalign

    if path.suffix == ".ladder":
        spans = hunalign.spans(hunalign.read_ladder(path))
        return [(tuple(range(*src)), tuple(range(*tgt))) for src, tgt in spans]
    return [(bead.src, bead.tgt) for bead in vecalign.read_beads(path)]


def _table(score: "Score") -> str:
    rows = (
        ("", "precision", "recall", "F1"),
        ("strict", f"{score.precision_strict:.4f}", f"{score.recall_strict:.4f}", f"{score.f1_strict:.4f}"),
        ("lax", f"{score.precision_lax:.4f}", f"{score.recall_lax:.4f}", f"{score.f1_lax:.4f}"),
    )
    return "".join(f"{name:<7}{precision:>10}{recall:>8}{f1:>8}\n" for name, precision, recall, f1 in rows)
