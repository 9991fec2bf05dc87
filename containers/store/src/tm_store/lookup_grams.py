"""Grams and numbers of the look-up index: which texts can be near a query, told without reading them.

A form's **grams** are its overlapping character triples, hashed, with two signs before its start and two after its end,
so that n characters have n + 2 of them. One edit changes at most three, which is what makes them useful: a text within
k edits of a query holds all but 3k of the query's grams (Ukkonen 1992, "Approximate string-matching with q-grams").

A form's **source_id** says how long it is: 32 bits of length class (the power of two below the length), 4 bits of place
within the class, 28 bits of running number. Grams are kept by class, so that a short query never meets long texts.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tm_core.matching import length_bounds

Numbers = npt.NDArray[np.uint32]

#: Longer forms have no grams: they are found by their hash alone. Source: not calibrated yet; the filter's own limit
#: for a segment is 2,000 characters.
MAX_CHARS = 4000

_CLASS_BITS, _PLACE_BITS = 32, 28
MAX_NUMBER = 1 << _PLACE_BITS
_PLACES = 1 << (_CLASS_BITS - _PLACE_BITS)
_LOW = (1 << _CLASS_BITS) - 1
# Controls: no normalised text holds them.
_BEFORE, _AFTER = "\x01\x01", "\x02\x02"


def length_class(length: int) -> int:
    """The class of a form's length: floor(log2(length))."""
    return max(length, 1).bit_length() - 1


def source_id(length: int, number: int) -> int:
    """The id of a form of this length with this running number."""
    of_class = length_class(length)
    place = ((max(length, 1) - (1 << of_class)) * _PLACES) >> of_class
    return of_class << _CLASS_BITS | place << _PLACE_BITS | number


def gram_hashes(forms: Sequence[str]) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """All grams of some forms, repeated ones too, and how many each form has.

    Returns:
        hashes, shape (sum of counts,); counts, shape (len(forms),).

    Cost: about 20 ns a character.
    """
    padded = [_BEFORE + form + _AFTER for form in forms]
    points = np.frombuffer("".join(padded).encode("utf-32-le"), dtype="<u4")
    lengths = np.fromiter(map(len, padded), dtype=np.int64, count=len(padded))
    hashes = _mixed(points[:-2], points[1:-1], points[2:])
    inside = np.ones(len(points), dtype=bool)
    ends = np.cumsum(lengths)
    inside[ends - 1] = inside[ends - 2] = False  # triples that would reach into the next form
    return hashes[inside[:-2]], lengths - 2


def _mixed(first: Numbers, second: Numbers, third: Numbers) -> Numbers:
    """Three code points to 32 bits; odd factors and two rounds of xor-shift spread neighbouring characters."""
    mixed: Numbers = first * np.uint32(0x9E3779B1) + second * np.uint32(0x85EBCA77) + third * np.uint32(0xC2B2AE3D)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x2C1B3C6D)
    mixed ^= mixed >> np.uint32(13)
    return mixed


class Holders(NamedTuple):
    """One gram of a length class and the low halves of the ids of the forms that hold it, ascending, 4 bytes each."""

    gram: int
    held: bytes


def holders(forms: Sequence[str], ids: Sequence[int]) -> Iterator[Holders]:
    """Invert some forms: every gram with its holders, class by class. Forms that are empty or too long have none.

    Cost: about 0.1 µs and 16 bytes of memory a character.
    """
    by_class: dict[int, list[int]] = {}
    for index, form in enumerate(forms):
        if 0 < len(form) <= MAX_CHARS:
            by_class.setdefault(length_class(len(form)), []).append(index)
    for of_class, members in sorted(by_class.items()):
        hashes, counts = gram_hashes([forms[index] for index in members])
        owners = np.fromiter((ids[index] & _LOW for index in members), dtype=np.uint64, count=len(members))
        pairs = hashes.astype(np.uint64) << np.uint64(32) | np.repeat(owners, counts)
        pairs.sort()  # numpy's unique() goes through a hash table: four times the time
        yield from _lists(of_class, pairs[np.diff(pairs, prepend=~pairs[:1]) != 0])


def _lists(of_class: int, pairs: npt.NDArray[np.uint64]) -> Iterator[Holders]:
    grams, held = pairs >> np.uint64(32), (pairs & np.uint64(_LOW)).astype("<u4").tobytes()
    starts = np.flatnonzero(np.diff(grams, prepend=np.uint64(_LOW + 1)))
    ends = np.append(starts[1:], len(pairs))
    high = of_class << _CLASS_BITS
    for gram, start, end in zip(grams[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield Holders(high | gram, held[4 * start : 4 * end])


# Asking for a phrase ----------------------------------------------------------------------------------


def phrase_grams(form: str) -> list[int]:
    """The grams inside a phrase, in every length class of a form that can hold it; empty under 3 characters."""
    if not 3 <= len(form) <= MAX_CHARS:
        return []
    hashes = np.unique(gram_hashes([form])[0][2:-2]).tolist()
    classes = range(length_class(len(form)), length_class(MAX_CHARS) + 1)
    return [of_class << _CLASS_BITS | gram for of_class in classes for gram in hashes]


def holding_all(rows: Iterable[Any]) -> list[int]:
    """The ids of the forms that hold every gram whose holders were read, shorter forms first; ``rows`` as promising."""
    by_class: dict[int, list[bytes]] = {}
    for gram, held in rows:
        if held is not None:
            by_class.setdefault(gram >> _CLASS_BITS, []).append(held)
    wanted = max(map(len, by_class.values()), default=0)
    ids: list[int] = []
    for of_class, lists in sorted(by_class.items()):
        numbers, counts = np.unique(np.frombuffer(b"".join(lists), dtype="<u4"), return_counts=True)
        ids += (numbers[counts >= wanted].astype(np.int64) | of_class << _CLASS_BITS).tolist()
    return ids


# Asking for a segment -----------------------------------------------------------------------------------------------


def query_grams(form: str, min_score: int) -> list[int]:
    """The grams to ask for, in every length class that can hold a match. Empty if none can."""
    if not 0 < len(form) <= MAX_CHARS:
        return []
    shortest, longest = length_bounds(len(form), min_score)
    hashes = np.unique(gram_hashes([form])[0]).tolist()
    classes = range(length_class(shortest), length_class(longest) + 1)
    return [of_class << _CLASS_BITS | gram for of_class in classes for gram in hashes]


def promising(form: str, min_score: int, rows: Iterable[Any], most: int) -> list[int]:
    """The ids of the forms that share most with a query, most promising first.

    Without a budget, and with fewer than ``most`` candidates, no form that reaches the score is missing: the bounds on
    length and on shared grams are necessary conditions.

    Args:
        rows: (gram, holders) for the grams of ``query_grams`` that somebody holds; holders are bytes, None if not read.
        most: how many ids at most.
    """
    by_class: dict[int, list[bytes]] = {}
    unread = set()
    for gram, held in rows:
        if held is None:
            unread.add(gram & _LOW)
        else:
            by_class.setdefault(gram >> _CLASS_BITS, []).append(held)
    asked = len(np.unique(gram_hashes([form])[0])) - len(unread)
    found = [_of_class(form, min_score, asked, *entry) for entry in sorted(by_class.items())]
    if not found:
        return []
    ids, unlike = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if len(ids) > most:
        nearest = np.argpartition(unlike, most)[:most]
        ids, unlike = ids[nearest], unlike[nearest]
    return [int(one) for one in ids[np.argsort(unlike, kind="stable")]]


def _of_class(
    form: str, min_score: int, asked: int, of_class: int, lists: list[bytes]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64]]:
    """Ids of one class that pass the bounds, and how unlike the query each seems, 0 to 1."""
    shortest, longest = length_bounds(len(form), min_score)
    low, high = _lengths(of_class)
    fitting = np.flatnonzero((high >= shortest) & (low <= longest))
    every = np.frombuffer(b"".join(lists), dtype="<u4")
    # Before sorting, which is what costs: a number's high bits are its place.
    every = every[every - np.uint32(fitting[0] << _PLACE_BITS) <= np.uint32(_spread(fitting))]
    every.sort()
    starts = np.flatnonzero(np.diff(every, prepend=~every[:1]))
    numbers, shared = every[starts], np.diff(np.append(starts, len(every)))
    place = numbers >> np.uint32(_PLACE_BITS)
    longer = np.maximum(len(form), high)
    # Ukkonen's bound, by place: the least that a form of these lengths must share.
    fits = shared >= (asked - 3 * (longer * (100 - min_score) // 100))[place]
    numbers, shared, place = numbers[fits], shared[fits], place[fits]
    # Dice's coefficient over the grams that were read, as if the other's grams had been read in the same measure. Of
    # the orders tried it puts the best match first most often (docs/decisions/0041).
    theirs = (low[place] + 2) * (asked / (len(form) + 2))
    return numbers.astype(np.uint64) | np.uint64(of_class << _CLASS_BITS), 1 - 2 * shared / (asked + theirs)


def _lengths(of_class: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Shortest and longest form of each of the 16 places of a class."""
    places = np.arange(_PLACES + 1)
    starts = (1 << of_class) + -(-(places << of_class) // _PLACES)
    return starts[:-1], np.maximum(starts[:-1], starts[1:] - 1)


def _spread(places: npt.NDArray[np.int64]) -> int:
    """How far numbers with the given neighbouring places lie apart at most."""
    return (int(places[-1] - places[0] + 1) << _PLACE_BITS) - 1
