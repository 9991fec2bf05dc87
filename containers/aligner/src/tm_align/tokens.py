"""Words, numbers and marks of a segment, as the lexical aligner compares them."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]

# Scripts written without spaces between words: Thai to Lao, Myanmar, Khmer, kana, Han. They are cut into
# overlapping pairs of characters, since a single Han character is as common as an English syllable.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
)
_TOKEN: Final = re.compile(rf"\d+(?:[.,:]\d+)*|[{_UNSPACED}]+|[^\W\d_{_UNSPACED}]+|[^\w\s]|_+")
_IS_UNSPACED: Final = re.compile(rf"[{_UNSPACED}]")

_IS_DENSE: Final = re.compile("[\u1100-\u11ff\u3040-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003134f]")
_DENSE: Final = (
    (re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]+"), 3.3),
    (re.compile("[\u1100-\u11ff\uac00-\ud7ff]+"), 2.35),
    (re.compile("[\u3040-\u30ff\u31f0-\u31ff]+"), 1.55),
)
"""Scripts whose characters say more than a letter: Han, Hangul, kana, and how many English letters each stands for."""

STEM_LENGTH: Final = 5
"""Characters of a word that are kept: endings carry grammar. 4 to 8 differ by less than a point of F1."""

TOKENS_VERSION: Final = "tokens-1"
"""Changes whenever the same text would give other tokens; a lexicon of another version is refused."""


def tokenize(segment: str) -> list[str]:
    """The tokens of one segment, case-folded, words cut to their first :data:`STEM_LENGTH` characters."""
    return [token for run in _runs(segment) for token in _cut(run)]


def _runs(segment: str) -> list[str]:
    found: list[str] = _TOKEN.findall(
        (segment if segment.isascii() else unicodedata.normalize("NFKC", segment)).casefold()
    )
    return found


def _cut(run: str) -> list[str]:
    if run[0].isdecimal():
        return [run]
    if len(run) > 1 and not run.isascii() and _IS_UNSPACED.match(run):
        return [run[k : k + 2] for k in range(len(run) - 1)]
    return [run[:STEM_LENGTH]]


# Letters that Unicode does not take apart, as other languages that have the word write them.
_LETTERS: Final = str.maketrans(
    {"ð": "d", "þ": "th", "ø": "o", "æ": "ae", "œ": "oe", "ß": "ss", "ł": "l", "đ": "d", "ı": "i"}
)


def fold(token: str) -> str:
    """A token without its accents, for comparing words across languages."""
    return "".join(c for c in unicodedata.normalize("NFKD", token.translate(_LETTERS)) if not unicodedata.combining(c))


@dataclass(frozen=True, kw_only=True)
class Side:
    """One document side as numbers. ``tokens[starts[i]:starts[i + 1]]`` are segment i's."""

    words: tuple[str, ...]
    """The vocabulary, in order of first appearance."""
    starts: NDArray[np.int64]
    tokens: Ints
    lengths: NDArray[np.float64]
    """What is not white space in each segment, in English letters: see :func:`letters`."""

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def places(self) -> NDArray[np.float64]:
        """Letters before each node, shape (segments + 1,)."""
        return np.concatenate([[0.0], np.cumsum(self.lengths)])


def read_side(segments: Sequence[str]) -> Side:
    """Tokenise one document side. Cost: linear in characters."""
    number: dict[str, int] = {}
    known: dict[str, list[int]] = {}
    starts: list[int] = [0]
    tokens: list[int] = []
    for segment in segments:
        for run in _runs(segment):
            if run not in known:
                known[run] = [number.setdefault(token, len(number)) for token in _cut(run)]
            tokens += known[run]
        starts.append(len(tokens))
    return Side(
        words=tuple(number),
        starts=np.array(starts, dtype=np.int64),
        tokens=np.array(tokens, dtype=np.int32),
        lengths=letters(segments),
    )


def letters(segments: Sequence[str]) -> NDArray[np.float64]:
    """Count what is not white space in each segment, in English letters: a Han character says as much as three.

    Cost: linear in characters.
    """
    return np.array([_letters(segment) for segment in segments], dtype=np.float64)


def _letters(segment: str) -> float:
    size = float(len("".join(segment.split())))
    if not segment.isascii() and _IS_DENSE.search(segment):
        for script, worth in _DENSE:
            size += (worth - 1.0) * sum(map(len, script.findall(segment)))
    return size
