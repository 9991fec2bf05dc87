"""What a reader hands over: plain text with its place in the file, whatever the format was."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The text of one monolingual document.

    Attributes:
        paragraphs: the text blocks in reading order, as they stand in the file (NFC and white space
            are not touched yet), none of them blank.
        encoding: the encoding the bytes were decoded with, e.g. ``utf-8`` or ``cp1252``.
        notes: what the reader had to do or leave out, in words a person understands.
    """

    paragraphs: tuple[str, ...]
    encoding: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One keyed string of a monolingual locale file, e.g. ``("dag.runs.title", "Runs")``."""

    key: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Locale:
    """The keyed strings of one locale file, in file order; keys are unique."""

    entries: tuple[Entry, ...]
    encoding: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One language of a bilingual unit.

    Attributes:
        text: inline tags stand in it as ``<1>`` … ``</1>`` (a pair) or ``<1/>`` (one alone).
        tags: the file's own markup behind each placeholder; what is not a key here is plain text.
    """

    lang: str
    text: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BilingualUnit:
    """One unit of an already aligned file, with all its languages.

    Attributes:
        variants: at least one; languages unique, canonical tags.
        key: what identifies the unit inside its file (``tuid``, a resource key); "" if nothing does.
        line: line of the unit in the file, from 1; 0 where the format has none.
        properties: what the file said beside the text (author, dates, context), as written.
    """

    variants: tuple[Variant, ...]
    key: str = ""
    line: int = 0
    properties: dict[str, str] = field(default_factory=dict)
