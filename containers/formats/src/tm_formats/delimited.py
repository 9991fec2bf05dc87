"""CSV and TSV: a unit a line, the languages named in the header.

CSV is read with quotes (RFC 4180), its delimiter is comma, semicolon or tab. In TSV a quote is text and a tab ends a
field (IANA text/tab-separated-values); in our own, which a header ``src:en  tgt:de`` marks, backslash escapes stand for
tabs, line breaks and backslashes, as in the text format of Postgres.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from tm_core.documents import BilingualUnit, Variant
from tm_core.languages import canonical, is_language
from tm_formats.encoding import Unreadable, decode, refuse_binary
from tm_formats.hints import Hints, language

#: Characters of one line and of one field: a longer one is no segment, and could fill memory.
MAX_LINE_CHARS = 2_000_000
#: Bytes of a file in an old encoding, which is decoded whole; UTF-8 and UTF-16 are streamed, whatever their size.
MAX_LEGACY_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 20
_ESCAPED = re.compile(r"\\([\\tnrbfv])")
_PLAIN = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
_SOURCES = ("source", "src", "src_text", "source_text")
_TARGETS = ("target", "tgt", "tgt_text", "target_text", "translation")
_KEYS = ("key", "id", "context", "msgctxt")
_NOTES = ("note", "comment", "notes", "comments")
#: What our own columns are called as properties of TMX.
_OWN = {
    "score": "x-tm-score",
    "tier": "x-tm-tier",
    "review_state": "x-tm-review",
    "date": "x-tm-date",
    "document": "file",
}

Rows = Iterator[tuple[int, list[str]]]


def read_csv(source: BinaryIO, hints: Hints) -> Iterator[BilingualUnit]:
    """Read a CSV file; see ``tm_formats.bilingual.read_memory``.

    Raises:
        Unreadable: a line with more or fewer fields than the header, an open quote, a header without two languages.
    """
    return _read(source, hints, _csv_rows)


def read_tsv(source: BinaryIO, hints: Hints) -> Iterator[BilingualUnit]:
    """Read a TSV file; as ``read_csv``."""
    return _read(source, hints, _tsv_rows)


def _read(source: BinaryIO, hints: Hints, rows_of: Callable[[Iterator[str]], Rows]) -> Iterator[BilingualUnit]:
    start = source.tell()
    encoding = _encoding(source)

    def units(told: Hints) -> Iterator[BilingualUnit]:
        source.seek(start)
        return _units(rows_of(_lines(source, encoding)), told)

    if not sum(1 for _ in units(Hints(src_lang=hints.src_lang, tgt_lang=hints.tgt_lang))):
        raise Unreadable("there is no unit in it", "Export it again, with text on both sides.")
    return units(hints)


# Lines ---------------------------------------------------------------------------------------------


def _encoding(source: BinaryIO) -> str:
    """How the file is decoded: UTF-8 or UTF-16 if it is that to its end, else the likeliest old encoding."""
    start = source.tell()
    head = source.read(4)
    refuse_binary(head)
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    source.seek(start)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := source.read(_BLOCK_BYTES):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        size = source.seek(0, io.SEEK_END) - start
        if size > MAX_LEGACY_BYTES:
            raise Unreadable(f"it is not {encoding} and has {size:,} bytes", "Save it again as UTF-8.") from None
        source.seek(start)
        decoded = decode(source.read())
        if decoded.encoding == "utf-8":
            # Only an ending within a character is UTF-8 and is not decoded above.
            raise Unreadable("it ends within a character", "Most likely it was cut short: export it again.") from None
        encoding = decoded.encoding
    source.seek(start)
    return encoding


def _lines(source: BinaryIO, encoding: str) -> Iterator[str]:
    """Lines with their ends, as csv wants them. Raises Unreadable for one that is too long, or has a NUL."""
    decoder = codecs.getincrementaldecoder(encoding)()
    number, rest = 0, ""
    while True:
        block = source.read(_BLOCK_BYTES)
        lines = io.StringIO(rest + decoder.decode(block, final=not block), newline="").readlines()
        rest = lines.pop() if block and lines else ""
        for line in lines:
            number += 1
            if "\0" in line:
                raise Unreadable(f"line {number:,} has a NUL character", "It is binary, or damaged: export it again.")
            yield line
        if len(rest) > MAX_LINE_CHARS:
            raise Unreadable(f"line {number + 1:,} has more than {MAX_LINE_CHARS:,} characters", "Split it.")
        if not block:
            return


def _csv_rows(lines: Iterator[str]) -> Rows:
    first = next(lines, "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(_chained(first, lines), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            reason = f"the row that begins at line {line:,} is no CSV ({error})"
            raise Unreadable(reason, "A quote is open, or stands inside a field: export it again.") from error
        if row is None:
            return
        yield line, row
        line = reader.line_num + 1


def _chained(first: str, lines: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from lines


def _tsv_rows(lines: Iterator[str]) -> Rows:
    own = False
    for number, line in enumerate(lines, 1):
        row = line.rstrip("\r\n").split("\t")
        if number == 1:
            own = any(cell.startswith("src:") for cell in row)
        yield number, [_ESCAPED.sub(lambda found: _PLAIN[found[1]], cell) for cell in row] if own else row


# Units ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Which column holds what; ``others`` are properties by name."""

    langs: tuple[tuple[int, str], ...]
    key: int
    others: tuple[tuple[int, str], ...]
    count: int


def _units(rows: Rows, hints: Hints) -> Iterator[BilingualUnit]:
    columns: _Columns | None = None
    for line, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if columns is None:
            columns, is_header = _columns(row, hints)
            if is_header:
                continue
        if len(row) != columns.count:
            reason = f"line {line:,} has {len(row)} fields where the first line has {columns.count}"
            raise Unreadable(reason, "A delimiter stands inside a text without quotes: export it again.")
        variants = tuple(Variant(lang=lang, text=row[at]) for at, lang in columns.langs if row[at].strip())
        if len(variants) < 2:
            hints.tell(line, "no translation" if row[columns.langs[0][0]].strip() else "no source text")
            continue
        properties = {name: row[at] for at, name in columns.others if row[at]}
        key = row[columns.key] if columns.key >= 0 else ""
        yield BilingualUnit(variants=variants, key=key, line=line, properties=properties)


def _columns(header: Sequence[str], hints: Hints) -> tuple[_Columns, bool]:
    """What the first line says; without languages in it the two columns are those that the hints name."""
    names = [cell.strip() for cell in header]
    langs = [(at, lang) for at, name in enumerate(names) if (lang := _lang(name, hints))]
    if len(langs) < 2 and hints.src_lang and hints.tgt_lang and len(header) >= 2:
        plain = ((0, hints.src_lang), (1, hints.tgt_lang))
        return _Columns(langs=plain, key=-1, others=(), count=len(header)), False
    _check(names, langs)
    used = {at for at, _ in langs}
    key = next((at for at, name in enumerate(names) if name.lower() in _KEYS and at not in used), -1)
    others = [(at, _property(name)) for at, name in enumerate(names) if at not in used and at != key and name]
    return _Columns(langs=tuple(langs), key=key, others=tuple(others), count=len(header)), True


def _check(names: Sequence[str], langs: Sequence[tuple[int, str]]) -> None:
    if len(langs) < 2:
        shown = ", ".join(names)[:80]
        raise Unreadable(
            f"the first line names no two languages (it is '{shown}')",
            "Begin with a line such as 'en,de', or say --src and --tgt.",
        )
    if len({lang for _, lang in langs}) < len(langs):
        raise Unreadable("the first line names a language twice", "Leave one column a language.")


def _lang(name: str, hints: Hints) -> str:
    """The language that a column's name means, "" if none."""
    if name.startswith(("src:", "tgt:")):
        return language(name[4:], 1)
    if name.lower() in _SOURCES:
        return hints.src_lang
    if name.lower() in _TARGETS:
        return hints.tgt_lang
    # 'id' is a column of keys far more often than a column in Indonesian.
    return canonical(name) if is_language(name) and name.lower() not in _KEYS else ""


def _property(name: str) -> str:
    return "note" if name.lower() in _NOTES else f"prop:{_OWN.get(name, name)}"
