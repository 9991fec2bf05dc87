"""Sentence splitters against gold: ours, blingfire as it comes, sentencex where it is installed, a bare rule.

    python benchmarks/segment.py [FOLDER]

FOLDER holds ``<name>.<lang>.sent`` (a sentence a line, a blank line between paragraphs); the samples' gold by
default. Printed per splitter: F1 of the ends inside paragraphs, the share of gold sentences found exactly, hard
cases solved (benchmarks/segment-cases.tsv), and sentences a second on one core.
"""

import itertools
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import blingfire

from tm_align.segment import sentences

HERE = Path(__file__).parent
Splitter = Callable[[str, str], Sequence[str]]
Paragraph = tuple[str, list[str]]


def ours(text: str, lang: str) -> Sequence[str]:
    return list(sentences(text, lang))


def raw_blingfire(text: str, lang: str) -> Sequence[str]:
    return str(blingfire.text_to_sentences(text)).split("\n")


def bare_rule(text: str, lang: str) -> Sequence[str]:
    return re.split(r"(?<=[.!?…])\s+|(?<=[。！？])", text)


def splitters() -> dict[str, Splitter]:
    found: dict[str, Splitter] = {"ours": ours, "blingfire": raw_blingfire, "bare rule": bare_rule}
    try:
        import sentencex
    except ImportError:
        return found
    return {**found, "sentencex": lambda text, lang: list(sentencex.segment(lang, text))}


def gold(folder: Path) -> list[Paragraph]:
    """(language, sentences) for each paragraph of each gold file."""
    found = []
    for path in sorted(folder.glob("*.sent")):
        lang = path.name.split(".")[-2]
        for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
            found.append((lang, block.split("\n")))
    return found


def cases() -> list[Paragraph]:
    """The hard cases of segment-cases.tsv, in the same form."""
    lines = (HERE / "segment-cases.tsv").read_text(encoding="utf-8").splitlines()
    split = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(lang, text.split("|")) for lang, text in split]


def joined(paragraph: Paragraph) -> str:
    lang, parts = paragraph
    return ("" if lang in ("zh", "ja") else " ").join(parts)


def solid(text: str) -> str:
    return "".join(text.split())


def ends(parts: Sequence[str]) -> set[int]:
    """Ends inside a paragraph, counted in characters that are not white space."""
    at, found = 0, set()
    for part in parts:
        at += len(solid(part))
        found.add(at)
    return found - {0, at}


def spans(parts: Sequence[str]) -> set[tuple[int, int]]:
    inner = sorted(ends(parts) | {0, len(solid("".join(parts)))})
    return set(itertools.pairwise(inner))


def report(split: Splitter, paragraphs: list[Paragraph]) -> tuple[float, float, int, float]:
    """F1 of ends, share of sentences exact, paragraphs exact, seconds."""
    right = given = wanted = exact = total = whole = 0
    start = time.perf_counter()
    answers = [list(split(joined(paragraph), paragraph[0])) for paragraph in paragraphs]
    seconds = time.perf_counter() - start
    for (_, parts), answer in zip(paragraphs, answers, strict=True):
        right += len(ends(parts) & ends(answer))
        given += len(ends(answer))
        wanted += len(ends(parts))
        exact += len(spans(parts) & spans(answer))
        total += len(spans(parts))
        whole += ends(parts) == ends(answer)
    return 2 * right / max(given + wanted, 1), exact / total, whole, seconds


def misses(split: Splitter, paragraphs: list[Paragraph]) -> Iterator[str]:
    for paragraph in paragraphs:
        answer = list(split(joined(paragraph), paragraph[0]))
        if ends(answer) != ends(paragraph[1]):
            yield f"  {paragraph[0]}  " + " | ".join(part.strip() for part in answer)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "include" / "samples" / "gold"
    paragraphs, hard = gold(folder), cases()
    langs = sorted({lang for lang, _ in paragraphs})
    sentences_total = sum(len(parts) for _, parts in paragraphs)
    print(f"{sentences_total} gold sentences in {', '.join(langs)}; {len(hard)} hard cases")
    print(f"{'splitter':12}{'F1':>7}{'exact':>8}{'hard':>8}{'sent/s':>10}   F1 by language")
    for name, split in splitters().items():
        f1, exact, _, seconds = report(split, paragraphs)
        solved = report(split, hard)[2]
        by_lang = "  ".join(f"{lang} {report(split, [p for p in paragraphs if p[0] == lang])[0]:.3f}" for lang in langs)
        print(f"{name:12}{f1:7.3f}{exact:8.3f}{solved:5}/{len(hard)}{sentences_total / seconds:10,.0f}   {by_lang}")
    print("\nours, hard cases missed:", *misses(ours, hard), sep="\n")
    print("\nours, gold paragraphs missed:", *misses(ours, paragraphs), sep="\n")


if __name__ == "__main__":
    main()
