"""Inline tags as placeholders that a person can read and an export can turn back.

``<1>`` and ``</1>`` stand for a pair, ``<1/>`` for one that stands alone; tags that correspond in the languages of a
unit have the same number. A ``<1>`` that the author wrote stays text: numbers are chosen so that the two never meet.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tm_core.documents import Variant

#: Any placeholder, in the text of a variant.
PLACEHOLDER = re.compile(r"</?\d{1,6}/?>")
_LITERAL = re.compile(r"</?(\d{1,6})/?>")


class Role(StrEnum):
    """What an inline tag does."""

    OPEN = "open"
    CLOSE = "close"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class Tag:
    """One inline tag.

    Attributes:
        key: finds its partner in the other languages: same key, same number; the n-th of a key finds the n-th.
        pair: what an opening and its closing tag share; "" for one that stands alone.
        markup: the tag as an element of TMX.
    """

    role: Role
    key: str
    pair: str
    markup: str


Piece = str | Tag


class Numbers:
    """Gives the tags of one unit their numbers, the same ones in every language."""

    def __init__(self, sides: Iterable[Sequence[Piece]]) -> None:
        texts = [piece for pieces in sides for piece in pieces if isinstance(piece, str)]
        self._taken = {int(found[1]) for text in texts for found in _LITERAL.finditer(text)}
        self._known: dict[tuple[str, int], int] = {}
        # No number below it is free, and none becomes free.
        self._next = 1

    def variant(self, lang: str, pieces: Sequence[Piece]) -> Variant:
        """One language with placeholders for its tags."""
        text: list[str] = []
        tags: dict[str, str] = {}
        seen: dict[str, int] = {}
        open_pairs: dict[str, int] = {}
        for piece in pieces:
            if isinstance(piece, str):
                text.append(piece)
                continue
            if piece.role is Role.CLOSE and piece.pair in open_pairs:
                placeholder = f"</{open_pairs.pop(piece.pair)}>"
            else:
                seen[piece.key] = seen.get(piece.key, 0) + 1
                number = self._number((piece.key, seen[piece.key]))
                if piece.role is Role.OPEN:
                    open_pairs[piece.pair] = number
                placeholder = f"<{number}>" if piece.role is Role.OPEN else f"<{number}/>"
            tags[placeholder] = piece.markup
            text.append(placeholder)
        return Variant(lang=lang, text="".join(text), tags=tags)

    def _number(self, label: tuple[str, int]) -> int:
        if label not in self._known:
            while self._next in self._taken:
                self._next += 1
            self._known[label] = self._next
            self._next += 1
        return self._known[label]
