"""Vectors without a model: every word and its translations, hashed into 1,024 components a language.

Each language has half of a vector. A source word writes itself into the source half and its translations into
the target half; a target word likewise. So a cosine asks both ways whether the words of one side are translations of
the other's. Word positions come from BLAKE2b, never from Python's own hash: equal words, equal vectors, everywhere.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tm_align.beads import Fact
from tm_align.learning import learn_lexicon
from tm_align.lexicon import Lexicon, Rows
from tm_align.tokens import fold, tokenize
from tm_align.vectors import DocumentVectors, SummedVectors

HALF = 1024
"""Components per language. 512 lose up to three points of F1 on our gold, 2,048 gain none."""

SPOTS = 4
"""Components that one word is written to, each with a sign: more blur the vector, fewer let words collide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LexiconEncoder:
    """Encodes document pairs by a lexicon: the given one, and what the pair teaches once tier 1 has aligned it."""

    src_lang: str
    tgt_lang: str
    lexicon: Lexicon | None = None
    skips_blanks: bool = True

    @property
    def facts(self) -> Mapping[str, Fact]:
        lexicon = self.lexicon.sha256 if self.lexicon else ""
        return {"encoder": "lexicon", "dimension": 2 * HALF, "device": "cpu", "lexicon": lexicon}

    def encode_pair(
        self, src: Sequence[str], tgt: Sequence[str], *, runs: int
    ) -> tuple[DocumentVectors, DocumentVectors]:
        lexicons = self._lexicons_for(src, tgt)
        src_words, tgt_words = [tokenize(line) for line in src], [tokenize(line) for line in tgt]
        src_rarity, tgt_rarity = _rarity(src_words), _rarity(tgt_words)
        forward = _Writer([lexicon.rows for lexicon in lexicons], src_rarity, tgt_rarity, own=0)
        backward = _Writer([lexicon.mirrored().rows for lexicon in lexicons], tgt_rarity, src_rarity, own=1)
        return (
            SummedVectors.of_segments(forward.write(src_words), runs=runs, name="source"),
            SummedVectors.of_segments(backward.write(tgt_words), runs=runs, name="target"),
        )

    def _lexicons_for(self, src: Sequence[str], tgt: Sequence[str]) -> list[Lexicon]:
        """What the pair teaches, and the given lexicon, each by itself: merging them would cost what the latter has."""
        learned = learn_lexicon([(src, tgt)], src_lang=self.src_lang, tgt_lang=self.tgt_lang, lexicon=self.lexicon)
        return [self.lexicon.turned(self.src_lang, self.tgt_lang), learned] if self.lexicon else [learned]


def _rarity(segments: Sequence[Sequence[str]]) -> dict[str, float]:
    """What a word tells: the log of how few segments have it, at least a little."""
    counts = Counter(word for segment in segments for word in set(segment))
    return {word: 0.1 + math.log((1 + len(segments)) / count) for word, count in counts.items()}


def _spots(word: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Where a word is written inside a half, and with which signs."""
    numbers = np.frombuffer(hashlib.blake2b(word.encode(), digest_size=4 * SPOTS).digest(), "<u4")
    return (numbers >> 1).astype(np.int64) % HALF, np.where(numbers & 1, 1.0, -1.0).astype(np.float32)


class _Writer:
    """Writes the segments of one language: ``own`` is the half of that language."""

    def __init__(
        self,
        rows: Sequence[Rows],
        rarity: Mapping[str, float],
        other_rarity: Mapping[str, float],
        *,
        own: int,
    ) -> None:
        self.rows, self.rarity, self.other_rarity, self.own = rows, rarity, other_rarity, own
        self.vectors: dict[str, NDArray[np.float32]] = {}

    def write(self, segments: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        out = np.zeros((len(segments), 2 * HALF), np.float32)
        for vector, words in zip(out, segments, strict=True):
            for word in words:
                vector += self._vector(word)
        return out

    def _vector(self, word: str) -> NDArray[np.float32]:
        known = self.vectors.get(word)
        if known is None:
            known = self.vectors[word] = np.zeros(2 * HALF, np.float32)
            self._add(known, word, self.rarity[word], self.own)
            for other, weight in self._counterparts(word):
                self._add(known, other, weight * self.other_rarity.get(other, self.rarity[word]), 1 - self.own)
        return known

    def _counterparts(self, word: str) -> Sequence[tuple[str, float]]:
        """The word's translations; a word that the lexicon does not know stands for itself: names, numbers, marks."""
        found: dict[str, float] = {}
        for rows in self.rows:
            for other, weight in rows.get(word, {}).items():
                found[other] = max(weight, found.get(other, 0.0))
        return sorted(found.items()) or ((word, 1.0),)  # in one order: sums of floats come out alike

    @staticmethod
    def _add(vector: NDArray[np.float32], word: str, weight: float, half: int) -> None:
        places, signs = _spots(fold(word))
        np.add.at(vector, places + half * HALF, signs * np.float32(weight))
