"""``tm-align lexicon``: learn word translations, import dictionaries, look into a lexicon."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm_align.arguments import language_code
from tm_align.files import check_output, read_segments, replacing

if TYPE_CHECKING:
    from tm_align.lexicon import Lexicon


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``lexicon`` with its own subcommands."""
    parser = subparsers.add_parser("lexicon", help="learn, import or show word translations", allow_abbrev=False)
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")

    learn = actions.add_parser("learn", help="learn from documents or from aligned units", allow_abbrev=False)
    learn.add_argument("texts", metavar="TEXT", type=Path, nargs="*", help="SRC TGT [SRC TGT ...], one segment a line")
    learn.add_argument("--units", metavar="FILE", type=Path, action="append", default=[], help="TSV: source, target")
    learn.add_argument("--lexicon", metavar="FILE", type=Path, help="what is known already: guides the alignment")
    _add_result(learn)
    learn.set_defaults(run=run_learn)

    imported = actions.add_parser("import", help="make a lexicon of dictionaries", allow_abbrev=False)
    imported.add_argument(
        "dictionaries", metavar="DICT", type=Path, nargs="*", help="source to target: .dic, .index, .tsv"
    )
    imported.add_argument(
        "--reverse", metavar="DICT", type=Path, action="append", default=[], help="target to source; may be repeated"
    )
    _add_result(imported)
    imported.set_defaults(run=run_import)

    show = actions.add_parser("show", help="identity and size, or a word's counterparts", allow_abbrev=False)
    show.add_argument("lexicon", metavar="LEXICON", type=Path)
    show.add_argument("words", metavar="WORD", nargs="*", help="words of the source language")
    show.set_defaults(run=run_show)


def _add_result(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--src-lang", metavar="LANG", type=language_code, required=True, help="language code of the source, e.g. de"
    )
    parser.add_argument(
        "--tgt-lang", metavar="LANG", type=language_code, required=True, help="language code of the target"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the lexicon to write")


def run_learn(arguments: argparse.Namespace) -> int:
    """Learn a lexicon and write it."""
    check_output(arguments.output)
    from tm_align.learning import learn_lexicon
    from tm_align.lexicon import Lexicon
    from tm_formats.dictionaries import read_dictionary

    documents = _documents(arguments.texts)
    units = [unit for path in arguments.units for unit in read_dictionary(path)]
    _check_some([*documents, *units], "a pair of texts, or --units")
    lexicon = learn_lexicon(
        [*documents, *units],
        src_lang=arguments.src_lang,
        tgt_lang=arguments.tgt_lang,
        lexicon=Lexicon.load(arguments.lexicon) if arguments.lexicon else None,
    )
    return _write(lexicon, arguments.output)


def run_import(arguments: argparse.Namespace) -> int:
    """Make a lexicon of dictionaries and write it."""
    check_output(arguments.output)
    from tm_align.lexicon import Lexicon

    _check_some([*arguments.dictionaries, *arguments.reverse], "a dictionary")
    pairs = _entries(arguments.dictionaries, arguments.reverse)
    lexicon = Lexicon.from_dictionaries(pairs, src_lang=arguments.src_lang, tgt_lang=arguments.tgt_lang)
    return _write(lexicon, arguments.output)


def run_show(arguments: argparse.Namespace) -> int:
    """Print what a lexicon is, or the counterparts of words, likeliest first."""
    from tm_align.lexicon import Lexicon
    from tm_align.tokens import tokenize

    lexicon = Lexicon.load(arguments.lexicon)
    if not arguments.words:
        sys.stdout.write(_description(lexicon))
    for word in (token for text in arguments.words for token in tokenize(text)):
        for counterpart, weight in sorted(lexicon.rows.get(word, {}).items(), key=lambda entry: (-entry[1], entry[0])):
            sys.stdout.write(f"{word}\t{counterpart}\t{weight:.4f}\n")
    return 0


def _documents(texts: Sequence[Path]) -> list[tuple[list[str], list[str]]]:
    from tm_core.errors import AlignmentInputError

    if len(texts) % 2:
        raise AlignmentInputError(
            f"lexicon learn: expected source and target texts in turn, found {len(texts)} texts. "
            "Name them SRC TGT SRC TGT … Nothing has been written."
        )
    return [(read_segments(src), read_segments(tgt)) for src, tgt in zip(texts[::2], texts[1::2], strict=True)]


def _entries(dictionaries: Iterable[Path], reverse: Iterable[Path]) -> Iterator[tuple[str, str]]:
    from tm_formats.dictionaries import read_dictionary

    for path in dictionaries:
        yield from read_dictionary(path)
    for path in reverse:
        yield from ((src, tgt) for tgt, src in read_dictionary(path))


def _check_some(found: Sequence[object], what: str) -> None:
    from tm_core.errors import AlignmentInputError

    if not found:
        raise AlignmentInputError(f"lexicon: expected {what}, found none. See --help. Nothing has been written.")


def _write(lexicon: "Lexicon", path: Path) -> int:
    with replacing(path) as part:
        lexicon.save(part)
    sys.stdout.write(_description(lexicon))
    return 0


def _description(lexicon: "Lexicon") -> str:
    return f"{lexicon.src_lang}-{lexicon.tgt_lang}\t{len(lexicon):,} pairs\tsha256 {lexicon.sha256}\n"
