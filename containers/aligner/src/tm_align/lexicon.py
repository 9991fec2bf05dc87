"""A lexicon: which words of two languages translate each other, and how surely."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Self, TypeAlias

from tm_align.tokens import TOKENS_VERSION, tokenize
from tm_core.errors import AlignmentInputError

_MAGIC: Final = "# tm-lexicon 1"
WEIGHT_DIGITS: Final = 4
"""Decimals of a weight, in the file and in memory alike."""

Pairs: TypeAlias = Mapping[tuple[str, str], float]
Rows: TypeAlias = Mapping[str, Mapping[str, float]]
"""Counterparts of each word of one language, with their weights, in no order that means anything."""


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """Word pairs with weights in (0, 1], 1 being a certain translation.

    Words are tokens (see :mod:`tm_align.tokens`), not dictionary headwords. The file form is
    text: a header, then one ``source<TAB>target<TAB>weight`` a line, sorted; the same pairs give
    the same bytes, and :attr:`sha256` of them is the lexicon's identity.

    Cost: each direction is indexed when it is first asked for, linear in pairs, and never again:
    a lexicon and its mirrored ones share pairs and indexes.
    """

    src_lang: str
    tgt_lang: str
    weights: Pairs

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def rows(self) -> Rows:
        """Counterparts of each source word."""
        return self._indexes[0].rows

    @cached_property
    def _indexes(self) -> "tuple[_Index, _Index]":
        """By source word and by target word."""
        return _Index(self.weights, 0), _Index(self.weights, 1)

    @cached_property
    def sha256(self) -> str:
        """The lexicon's identity: the hash of its file form."""
        return hashlib.sha256(self._encoded()).hexdigest()

    def mirrored(self) -> "Lexicon":
        """The lexicon of the other direction; it shares this one's pairs and indexes, so that it costs nothing."""
        swapped = self.weights.pairs if isinstance(self.weights, _Swapped) else _Swapped(self.weights)
        mirror = Lexicon(src_lang=self.tgt_lang, tgt_lang=self.src_lang, weights=swapped)
        # What a cached property keeps. A mirror held here that held this one would be a cycle: memory freed late.
        vars(mirror)["_indexes"] = self._indexes[::-1]
        return mirror

    def turned(self, src_lang: str, tgt_lang: str) -> "Lexicon":
        """The lexicon from ``src_lang`` to ``tgt_lang``: itself or mirrored.

        Raises:
            AlignmentInputError: it is of other languages.
        """
        if (self.src_lang, self.tgt_lang) == (src_lang, tgt_lang):
            return self
        if (self.tgt_lang, self.src_lang) == (src_lang, tgt_lang):
            return self.mirrored()
        raise AlignmentInputError(
            f"lexicon {self.sha256[:12]}: expected {src_lang}-{tgt_lang}, found {self.src_lang}-{self.tgt_lang}. "
            "Most likely the wrong file was named. Nothing has been aligned."
        )

    def save(self, path: Path) -> None:
        """Write the file form."""
        path.write_bytes(self._encoded())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file form.

        Raises:
            AlignmentInputError: not a lexicon, of another version, or broken at a named line.
        """
        lines = path.read_text(encoding="utf-8").split("\n")
        header = lines[0].split()
        if " ".join(header[:3]) != _MAGIC or len(header) != 6:
            raise AlignmentInputError(
                f"{path}: expected a first line that begins '{_MAGIC}', found {lines[0][:40]!r}. "
                "Dictionaries are read by 'tm-align lexicon import'. Nothing has been aligned."
            )
        if header[5] != TOKENS_VERSION:
            raise AlignmentInputError(
                f"{path}: expected words cut by {TOKENS_VERSION}, found {header[5]}. "
                "The lexicon was made by another version: learn or import it again. Nothing has been aligned."
            )
        return cls(src_lang=header[3], tgt_lang=header[4], weights=dict(_read_entries(path, lines[1:])))

    @classmethod
    def from_dictionaries(cls, pairs: Iterable[tuple[str, str]], *, src_lang: str, tgt_lang: str) -> Self:
        """A lexicon from dictionary entries, word or phrase each.

        An entry's weight is shared by all pairs of its tokens: a phrase says little about each of its words.
        """
        weights: dict[tuple[str, str], float] = {}
        for src, tgt in pairs:
            src_words, tgt_words = set(tokenize(src)), set(tokenize(tgt))
            for src_word in src_words:
                for tgt_word in tgt_words:
                    weight = round(1.0 / (len(src_words) * len(tgt_words)), WEIGHT_DIGITS)
                    weights[src_word, tgt_word] = max(weight, weights.get((src_word, tgt_word), 0.0))
        return cls(src_lang=src_lang, tgt_lang=tgt_lang, weights={pair: w for pair, w in weights.items() if w > 0.0})

    @classmethod
    def merged(cls, lexicons: Iterable["Lexicon"], *, src_lang: str, tgt_lang: str) -> Self:
        """Several lexicons as one: each pair with its greatest weight."""
        weights: dict[tuple[str, str], float] = {}
        for lexicon in lexicons:
            for pair, weight in lexicon.turned(src_lang, tgt_lang).weights.items():
                weights[pair] = max(weight, weights.get(pair, 0.0))
        return cls(src_lang=src_lang, tgt_lang=tgt_lang, weights=weights)

    def _encoded(self) -> bytes:
        lines = [f"{_MAGIC} {self.src_lang} {self.tgt_lang} {TOKENS_VERSION}"]
        lines += (f"{src}\t{tgt}\t{self.weights[src, tgt]:.{WEIGHT_DIGITS}f}" for src, tgt in sorted(self.weights))
        return ("\n".join(lines) + "\n").encode()


class _Index:
    """The rows of one direction, made when they are first asked for."""

    def __init__(self, pairs: Pairs, at: int) -> None:
        self._pairs, self._at = pairs, at

    @cached_property
    def rows(self) -> Rows:
        return _rows(self._pairs, self._at)


def _rows(pairs: Pairs, at: int) -> Rows:
    """Index pairs by their source words (``at`` 0) or target words (1)."""
    rows: dict[str, dict[str, float]] = {}
    for pair, weight in pairs.items():
        rows.setdefault(pair[at], {})[pair[1 - at]] = weight
    return rows


class _Swapped(Pairs):
    """Pairs seen from the other side, without a copy."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs

    def __getitem__(self, pair: tuple[str, str]) -> float:
        return self.pairs[pair[::-1]]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((tgt, src) for src, tgt in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)


def _read_entries(path: Path, lines: list[str]) -> Iterable[tuple[tuple[str, str], float]]:
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        try:
            src, tgt, weight = line.split("\t")
            value = float(weight)
        except ValueError:
            value = 0.0
        if not 0.0 < value <= 1.0:
            raise AlignmentInputError(
                f"{path}:{number}: expected 'source<TAB>target<TAB>weight in (0, 1]', found {line[:40]!r}. "
                "Most likely the file was cut short or edited. Nothing has been aligned."
            )
        yield (src, tgt), value
