"""hunalign's two file formats: the bilingual dictionary and the ladder.

Facts from hunalign's own description: a dictionary line is ``target phrase @ source phrase``, target first; a ladder
line is a rung, ``source<TAB>target<TAB>confidence``: so many segments lie before it on each side, and the confidence
is that of the bead which begins there. The first rung is 0, 0; the last holds both numbers of segments.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from tm_core.errors import AlignmentInputError

SEPARATOR = " @ "
Span = tuple[int, int]


class ScoredBead(Protocol):
    """What a ladder is written from: ranges of segments on both sides, and a confidence."""

    @property
    def src(self) -> Span: ...
    @property
    def tgt(self) -> Span: ...
    @property
    def score(self) -> float: ...


class Rung(NamedTuple):
    """A point that both texts pass: segments before it on either side, and the next bead's confidence."""

    src: int
    tgt: int
    confidence: float | None = None


def read_dictionary(path: Path) -> Iterator[tuple[str, str]]:
    """The (source, target) phrases of a hunalign dictionary, UTF-8.

    Raises:
        AlignmentInputError: a line without ``' @ '``, or bytes that are not UTF-8.
    """
    for number, line in _numbered_lines(path):
        target, separator, source = line.partition(SEPARATOR)
        if not separator:
            raise AlignmentInputError(
                f"{path}:{number}: expected 'target @ source', found {line[:40]!r}. "
                "Most likely this is not a hunalign dictionary. Nothing has been read from it."
            )
        yield source.strip(), target.strip()


def ladder_lines(beads: Iterable[ScoredBead]) -> Iterator[str]:
    """The ladder of beads in order, without line ends; a document without segments has the one rung ``0 0``."""
    end_src = end_tgt = 0
    for bead in beads:
        yield f"{bead.src[0]}\t{bead.tgt[0]}\t{bead.score:.4f}"
        end_src, end_tgt = bead.src[1], bead.tgt[1]
    yield f"{end_src}\t{end_tgt}\t0.0000"


def read_ladder(path: Path) -> list[Rung]:
    """The rungs of a ladder, two columns or three, parted by a tab or a space.

    Raises:
        AlignmentInputError: a line that is no rung, or rungs that do not rise.
    """
    rungs: list[Rung] = []
    for number, line in _numbered_lines(path):
        rung = _parse_rung(path, number, line)
        if rungs and (rung.src < rungs[-1].src or rung.tgt < rungs[-1].tgt):
            raise AlignmentInputError(
                f"{path}:{number}: expected a rung at or after {rungs[-1][:2]}, found {rung[:2]}. "
                "Most likely two ladders were joined. Nothing has been read from it."
            )
        rungs.append(rung)
    return rungs


def spans(rungs: Iterable[Rung]) -> Iterator[tuple[Span, Span]]:
    """The beads between the rungs, as half-open ranges; a rung that is repeated makes none."""
    before: Rung | None = None
    for rung in rungs:
        if before is not None and rung[:2] != before[:2]:
            yield (before.src, rung.src), (before.tgt, rung.tgt)
        before = rung


def _parse_rung(path: Path, number: int, line: str) -> Rung:
    columns = line.split()
    try:
        src, tgt = int(columns[0]), int(columns[1])
        return Rung(src, tgt, float(columns[2]) if len(columns) > 2 else None)
    except (ValueError, IndexError):
        raise AlignmentInputError(
            f"{path}:{number}: expected 'source<TAB>target[<TAB>confidence]', found {line[:40]!r}. "
            "Most likely this is not a ladder. Nothing has been read from it."
        ) from None


def _numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise AlignmentInputError(
            f"{path}: expected UTF-8, found byte {error.object[error.start]:#04x} at {error.start:,}. "
            "Convert the file, e.g. with iconv. Nothing has been read from it."
        ) from None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.rstrip("\r")
