"""Which part of a training corpus a pair of texts belongs to: by its documents, so that none is in two parts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tm_core.errors import ExchangeError


class Part(StrEnum):
    """Parts of a corpus; of several documents' parts, the first one here takes the pair."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Shares of the documents, in per cent; together 100."""

    train: int
    dev: int
    test: int

    def __post_init__(self) -> None:
        if min(self.train, self.dev, self.test) < 0 or self.train + self.dev + self.test != 100:
            raise ExchangeError(
                f"split {self.train}/{self.dev}/{self.test}: expected three shares in per cent that make 100. "
                "Correct them, e.g. 98/1/1; nothing was written."
            )

    def part(self, document_key: bytes) -> Part:
        """The part of one document: of its hash, so the same in every export, whatever else the memory holds."""
        place = int.from_bytes(document_key[:8], "big") % 100
        if place < self.test:
            return Part.TEST
        return Part.DEV if place < self.test + self.dev else Part.TRAIN


def parse_split(text: str) -> Split:
    """``98/1/1``: shares of train, dev and test. Raises ExchangeError."""
    if not (found := re.fullmatch(r"(\d{1,3})/(\d{1,3})/(\d{1,3})", text)):
        raise ExchangeError(f"split '{text}': expected <train>/<dev>/<test> in per cent, e.g. 98/1/1. Correct it.")
    train, dev, test = map(int, found.groups())
    return Split(train=train, dev=dev, test=test)


def part_of(document_keys: Iterable[bytes], split: Split) -> Part:
    """The part of a pair of texts that these documents say.

    A pair that documents of several parts say is for training: what is left in dev and test stands in no document
    that a model was trained on.
    """
    parts = {split.part(key) for key in document_keys}
    return next((part for part in Part if part in parts), Part.TRAIN)
