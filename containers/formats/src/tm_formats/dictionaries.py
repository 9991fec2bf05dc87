"""Bilingual dictionaries as (source, target) phrases: FreeDict's dictd form, TSV, and hunalign's.

A dictd dictionary is two files. ``name.index`` has ``headword<TAB>offset<TAB>length`` a line, numbers in base 64 of
the alphabet A-Z a-z 0-9 + /, most significant digit first; ``name.dict`` or ``name.dict.dz`` (dictzip, a kind of gzip)
holds the entries' text. An entry's first line is the headword as printed, with pronunciation and grammar behind it. The
rest is not marked up: in FreeDict the first line, and each that begins ``2. ``, are translations; the others gloss
them in the source language.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from tm_core.errors import AlignmentInputError
from tm_formats import hunalign

_DIGITS = {c: k for k, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}
_DESCRIPTION = "00database"
_SENSE = re.compile(r"\d+\. (?=\S)")
_ASIDE = re.compile(r"\[[^\]]*\]|<[^>]*>|\([^)]*\)|\{[^}]*\}|\s\d+\.$")
_MAX_PHRASE_WORDS = 4


def read_dictionary(path: Path) -> Iterator[tuple[str, str]]:
    """The (source, target) phrases of a dictionary, by its name: ``.dic`` hunalign, ``.index`` or ``.dict[.dz]`` dictd,
    ``.tsv`` or ``.txt`` two columns.

    Raises:
        AlignmentInputError: an unknown name, or a file that is not what its name says.
    """
    if path.suffix == ".dic":
        return hunalign.read_dictionary(path)
    if path.suffix == ".index":
        return _read_dictd(path)
    if path.name.endswith((".dict", ".dict.dz")):
        return _read_dictd(path.with_name(path.name.removesuffix(".dz").removesuffix(".dict") + ".index"))
    if path.suffix in (".tsv", ".txt"):
        return _read_tsv(path)
    raise AlignmentInputError(
        f"{path}: expected a dictionary named .dic, .index, .dict, .dict.dz, .tsv or .txt. "
        "Rename it to what it is. Nothing has been read."
    )


def _read_tsv(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
        columns = line.rstrip("\r").split("\t")
        if len(columns) > 1:
            yield columns[0].strip(), columns[1].strip()
        elif line.strip():
            raise AlignmentInputError(
                f"{path}:{number}: expected 'source<TAB>target', found {line[:40]!r}. "
                "Most likely the columns are parted by something else. Nothing has been read from it."
            )


def _read_dictd(index: Path) -> Iterator[tuple[str, str]]:
    text = _entries_text(index)
    seen: set[tuple[int, int]] = set()
    for number, line in enumerate(index.read_text(encoding="utf-8").split("\n"), start=1):
        if not line or line.startswith(_DESCRIPTION):
            continue
        offset, length = _place(index, number, line, len(text))
        if (offset, length) not in seen:  # one entry may stand under several headwords
            seen.add((offset, length))
            yield from _translations(text[offset : offset + length].decode("utf-8", errors="replace"))


def _entries_text(index: Path) -> bytes:
    packed, plain = index.with_suffix(".dict.dz"), index.with_suffix(".dict")
    try:
        return gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    except FileNotFoundError:
        raise AlignmentInputError(
            f"{index}: expected {packed.name} or {plain.name} beside it, found neither. "
            "A dictd dictionary is two files: copy both. Nothing has been read."
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise AlignmentInputError(
            f"{packed}: expected a whole gzip file, found: {error}. "
            "Most likely the download was cut short. Nothing has been read from it."
        ) from None


def _place(index: Path, number: int, line: str, size: int) -> tuple[int, int]:
    try:
        _, offset, length = line.split("\t")[:3]
        place = _decoded(offset), _decoded(length)
    except (ValueError, KeyError):
        place = size, 1
    if sum(place) > size:
        raise AlignmentInputError(
            f"{index}:{number}: expected 'headword<TAB>offset<TAB>length' within {size:,} bytes, found {line[:60]!r}. "
            "Most likely index and dictionary are of different versions. Nothing more has been read."
        )
    return place


def _decoded(number: str) -> int:
    value = 0
    for digit in number:
        value = 64 * value + _DIGITS[digit]
    return value


def _translations(entry: str) -> Iterator[tuple[str, str]]:
    head, *body = entry.split("\n")
    headword = re.split(r" [/<(\[]", head, maxsplit=1)[0].strip()
    for number, line in enumerate(body):
        sense = _SENSE.match(line)
        if number > 0 and not sense:
            continue
        for phrase in re.split(r"[,;]", _ASIDE.sub("", line[sense.end() :] if sense else line)):
            words = phrase.split()
            if headword and 0 < len(words) <= _MAX_PHRASE_WORDS:
                yield headword, " ".join(words)
