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
from dataclasses import replace
from itertools import chain, islice
from typing import BinaryIO

from tm_core.documents import BilingualUnit, Variant
from tm_formats.encoding import Unreadable, decode, refuse_binary
from tm_formats.headers import MOST_ABOVE, Layout, plain, read_header
from tm_formats.hints import Hints

#: Characters of one line and of one field: a longer one is no segment, and could fill memory.
MAX_LINE_CHARS = 2_000_000
#: Bytes of a file in an old encoding, which is decoded whole; UTF-8 and UTF-16 are streamed, whatever their size.
MAX_LEGACY_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 20
_ESCAPED = re.compile(r"\\([\\tnrbfv])")
_PLAIN = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
#: What says in such a column that a translator is not done.
_IS_FUZZY = frozenset(("true", "1", "yes", "fuzzy", "x"))
_NOT_DONE = frozenset(
    "fuzzy|untranslated|new|empty|draft|rejected|unfinished|needs translation|needs editing|needs review|needs work|"
    "needs l10n|needs adaptation|needs review translation".split("|")
)
#: Lines that a delimiter is found by.
_HEAD_LINES = 10
_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)

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

    if not sum(1 for _ in units(replace(hints, left_out=None))):
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
    head = list(islice(lines, _HEAD_LINES))
    said = _SEP.fullmatch(head[0]) if head else None
    delimiter = said[1] if said else max(",;\t", key=lambda one: _evidence(head, one))
    reader = csv.reader(chain(head[1:] if said else head, lines), delimiter=delimiter, strict=True)
    begin = line = 2 if said else 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            reason = f"the row that begins at line {line:,} is no CSV ({error})"
            raise Unreadable(reason, "A quote is open, or stands inside a field: export it again.") from error
        if row is None:
            return
        yield line, row
        line = reader.line_num + begin


def _evidence(lines: Sequence[str], delimiter: str) -> tuple[int, int]:
    """What speaks for a delimiter: in how many lines it stands, then how often in the first of these."""
    counts = [count for line in lines if (count := line.count(delimiter))]
    return len(counts), counts[0] if counts else 0


def _tsv_rows(lines: Iterator[str]) -> Rows:
    own = False
    for number, line in enumerate(lines, 1):
        row = line.rstrip("\r\n").split("\t")
        if number == 1:
            own = any(cell.startswith("src:") for cell in row)
        yield number, [_ESCAPED.sub(lambda found: _PLAIN[found[1]], cell) for cell in row] if own else row


# Units ---------------------------------------------------------------------------------------------


def _units(rows: Rows, hints: Hints) -> Iterator[BilingualUnit]:
    numbered = ((line, row) for line, row in rows if any(cell.strip() for cell in row))
    first = list(islice(numbered, MOST_ABOVE + 1))
    columns, begin = read_header(first, hints)
    for line, _ in first[: max(begin - 1, 0)]:
        hints.tell(line, "stands above the header")
    for line, row in chain(first[begin:], numbered):
        if len(row) != columns.count:
            reason = f"line {line:,} has {len(row)} fields where the first line has {columns.count}"
            raise Unreadable(reason, "A delimiter stands inside a text without quotes: export it again.")
        if reason := _left_out(row, columns):
            hints.tell(line, reason)
            continue
        yield BilingualUnit(
            variants=tuple(Variant(lang=lang, text=row[at]) for at, lang in columns.langs if row[at].strip()),
            key=next((row[at] for at in columns.keys if row[at]), ""),
            line=line,
            properties={name: row[at] for at, name in columns.others if row[at]},
        )


def _left_out(row: Sequence[str], columns: Layout) -> str:
    """Why a row is no unit; "" if it is one."""
    if sum(bool(row[at].strip()) for at, _ in columns.langs) < 2:
        return "no translation" if row[columns.langs[0][0]].strip() else "no source text"
    if any(plain(row[at]) in _IS_FUZZY for at in columns.fuzzy):
        return "fuzzy: a translator has not confirmed it"
    state = next((row[at] for at in columns.states if plain(row[at]) in _NOT_DONE), "")
    return f"its state is '{state.strip()}': a translator has not confirmed it" if state else ""
