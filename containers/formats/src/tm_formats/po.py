"""PO files of gettext: translated entries as units, each plural form one of them.

A message's context is the unit's key. Fuzzy, untranslated and obsolete entries are left out, and told. Comments,
references and flags are kept as properties.

Source: GNU gettext manual, "The Format of PO Files".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

import polib

from tm_core.documents import BilingualUnit, Variant
from tm_core.languages import is_language
from tm_formats.encoding import Unreadable, decode, refuse_binary
from tm_formats.hints import Hints, language

#: Bytes of the largest file read: it is read whole, and the largest known to us has 20 MB.
MAX_BYTES = 64 << 20
#: Lines and messages of one file; polib needs two kilobytes of memory for a message.
MAX_LINES, MAX_MESSAGES = 2_000_000, 400_000
#: gettext's own convention: messages are in English unless the file says otherwise.
_SOURCE = "en"
_CHARSET = re.compile(rb'charset=([A-Za-z0-9_.:-]{2,40})\\n"')
#: Characters that polib would end a line at, and noncharacters, which no text has, in their places.
_ENDS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_HIDDEN = {ord(end): 0xFDD0 + number for number, end in enumerate(_ENDS)}
_SHOWN = {hidden: end for end, hidden in _HIDDEN.items()}
# A comment, a flag or an obsolete line without the space that others put behind its mark.
_TIGHT = re.compile(r"^(?:#[,:.](?=\S)|(?:#~|#)(?=[^\s#~:,.|]))")
# Lines that say nothing: marks without a comment, and what is left of the text before a change, of which we read none.
_NOTHING = re.compile(r'#~(?:\|.*)?|#[:,.]|#\|\s+".*')
#: Keywords of a message before its translation, in their order.
_ORDER = ("msgctxt", "msgid", "msgid_plural")
# What a line may be: empty, a comment, or a keyword (none: the text goes on) with a closed string.
_STRING = re.compile(r'(?:#~ *)?(?:(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)\s*)?"(?:[^"\\]|\\.)*"')
_LINE = re.compile(r"\(line (\d+)\)(?:: )?(.*)", re.DOTALL)


def read(source: BinaryIO, hints: Hints) -> Iterator[BilingualUnit]:
    """Read a PO file; see ``tm_formats.bilingual.read_memory``.

    The target is the header's ``Language``, or the file's name; the source is ``X-Source-Language``, or the hint, or
    English.

    Raises:
        Unreadable: no PO, with the line; no language; nothing translated.
    """
    messages = _parsed(source)
    header = _header(messages)
    entries = [entry for entry in messages if entry is not header]
    src_lang, tgt_lang = _languages(_fields(header), hints)
    units = [unit for entry in entries for unit in _units(entry, src_lang, tgt_lang)]
    if not units:
        raise Unreadable("there is no translated message in it", "Translate it first.")
    return _told(entries, units, hints)


def _told(entries: Sequence[polib.POEntry], units: list[BilingualUnit], hints: Hints) -> Iterator[BilingualUnit]:
    for entry in entries:
        if reason := _left_out(entry):
            hints.tell(entry.linenum or 1, reason)
    yield from units


def _parsed(source: BinaryIO) -> polib.POFile:
    data = source.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Unreadable(f"it has more than {MAX_BYTES:,} bytes", "Split it into parts.")
    refuse_binary(data)
    declared = found[1].decode("ascii") if (found := _CHARSET.search(data[:65_536])) else ""
    text = decode(data, declared="" if declared.upper() == "CHARSET" else declared).text
    # polib takes a short text for a file's name: what it opens must never come from what was deposited.
    if "\n" not in text or "msgid" not in text:
        raise Unreadable("there is no message in it", "Deposit a PO file.")
    text = _folded(text)
    try:
        return polib.pofile(text + "\n", wrapwidth=0, klass=_Messages, encoding="utf-8")
    except (OSError, ValueError, IndexError, UnicodeError) as error:
        found_line = _LINE.search(str(error))
        where = f" at line {int(found_line[1]):,}" if found_line else ""
        what = (found_line[2] if found_line else str(error)).strip() or "it cannot be understood"
        raise Unreadable(f"it is no PO file{where} ({what[:120]})", "Check it with `msgfmt -c`.") from error


class _Messages(polib.POFile):
    """What polib makes of a file, without its search for the header: it joins the header's lines in quadratic time."""

    def find(self, *_: object, **__: object) -> None:
        return None


def _folded(text: str) -> str:
    """Check the lines, and put what polib would join line by line, in quadratic time, into one line each.

    Strings that go on over several lines become one; so do the comments of a message, with NUL (which no text has)
    between them. Blank lines take their places, so that every message keeps its line.

    Finds what polib passes over in silence: a string that is not closed, a message cut off before its translation.
    """
    # Only these end a line; what else Python takes for an end, such as U+2028, is text.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").translate(_HIDDEN).split("\n")
    if len(lines) > MAX_LINES:
        raise Unreadable(f"it has more than {MAX_LINES:,} lines", "Split it into parts.")
    folding = _Folding([""] * len(lines))
    for number, line in enumerate(lines):
        folding.add(number, line.strip())
    if not folding.last.startswith("msgstr"):
        raise Unreadable(
            f"it ends after '{folding.last}', without its translation", "It was cut short: export it again."
        )
    return folding.text()


class _Folding:
    """The lines of a file on their way to polib."""

    def __init__(self, lines: list[str]) -> None:
        self.last = ""
        self._lines = lines
        self._messages = 0
        # The string that may go on: the line it begins at, and what the following lines add.
        self._string: tuple[int, list[str]] | None = None
        # Comments since the last string, by kind: the line of the first, and all of them.
        self._comments: dict[str, tuple[int, list[str]]] = {}
        self._is_head = True

    def add(self, number: int, plain: str) -> None:
        """Take the next line, without its outer white space."""
        if plain.startswith("#~ #"):
            plain = plain[3:].lstrip()  # polib reads it like this
        plain = _TIGHT.sub(r"\g<0> ", plain)
        if not plain or _NOTHING.fullmatch(plain):
            return
        if plain.startswith("#") and not plain.startswith("#~"):
            self._comment(number, plain)
        elif found := _STRING.fullmatch(plain):
            self._text(number, plain, found[1] or "")
        else:
            reason = f"line {number + 1:,} is no PO (a quote is open, or the line begins with no keyword)"
            raise Unreadable(reason, "Check it with `msgfmt -c`.")

    def _text(self, number: int, plain: str, keyword: str) -> None:
        if not keyword and self._string is not None:
            self._string[1].append(plain[plain.index('"') + 1 : -1])
            return
        if keyword:
            self._check_order(number, keyword)
            self.last = keyword
        self._end_string()
        self._end_comments()
        self._is_head = False
        self._lines[number] = plain
        self._string = (number, [])

    def _check_order(self, number: int, keyword: str) -> None:
        self._messages += keyword == "msgid"
        if self._messages > MAX_MESSAGES:
            raise Unreadable(f"it has more than {MAX_MESSAGES:,} messages", "Split it into parts.")
        if keyword in _ORDER and self.last in _ORDER[_ORDER.index(keyword) :]:
            reason = f"at line {number + 1:,} '{keyword}' stands after '{self.last}', whose translation is missing"
            raise Unreadable(reason, "Check it with `msgfmt -c`.")

    def _comment(self, number: int, plain: str) -> None:
        self._end_string()
        mark = plain.split(None, 1)[0]
        if mark == "#.":
            kind, text = "#.", plain[3:]
        elif mark == "#" or mark.startswith("##"):
            kind, text = "#", plain.lstrip("#").removeprefix(" ")
        else:
            # References, flags, the text before: polib keeps a list, or the last.
            self._lines[number] = plain
            self._is_head = False
            return
        # Comments at the beginning of a file are its head to polib, not of the first message.
        self._is_head = self._is_head and kind == "#"
        first, texts = self._comments.setdefault("head" if self._is_head else kind, (number, []))
        self._lines[first] = kind  # holds the place
        if texts or text:
            texts.append(text)

    def _end_string(self) -> None:
        if self._string is not None and self._string[1]:
            first, parts = self._string
            self._lines[first] = self._lines[first][:-1] + "".join(parts) + '"'
        self._string = None

    def _end_comments(self) -> None:
        for first, texts in self._comments.values():
            self._lines[first] += " " + "\0".join(texts)
        self._comments = {}

    def text(self) -> str:
        """All lines, folded."""
        self._end_string()
        self._end_comments()
        return "\n".join(self._lines)


def _header(messages: Sequence[polib.POEntry]) -> polib.POEntry | None:
    """The message that describes the file: it has no text; of several, the last one without a context."""
    found = [entry for entry in messages if not entry.obsolete and entry.msgid == ""]
    plain = [entry for entry in found if not entry.msgctxt]
    return plain[-1] if plain else next(iter(found), None)


def _fields(header: polib.POEntry | None) -> dict[str, str]:
    """The lines ``Name: value`` of a header; a line without a colon goes on with the one before."""
    fields: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in header.msgstr.splitlines() if header else ():
        name, colon, value = line.partition(":")
        if colon:
            last = fields[name] = [value.strip()]
        elif last is not None:
            last.append(line.strip())
    return {name: "\n".join(lines) for name, lines in fields.items()}


def _languages(stated: Mapping[str, str], hints: Hints) -> tuple[str, str]:
    # 'sr@latin' is another script; 'ca@valencia' and the like are varieties that have no tag here.
    tgt = stated.get("Language", "").strip()
    tgt = tgt if is_language(tgt) else tgt.split("@")[0]
    if not tgt and not hints.tgt_lang:
        raise Unreadable("its header has no Language", "Add it, or name the file <name>.<lang>.po.")
    src = stated.get("X-Source-Language", "").strip()
    # 'C' and 'POSIX' are locales, not languages: the source is what the programmers wrote.
    src = "" if src.upper() in ("C", "POSIX") else src
    return language(hints.src_lang or src or _SOURCE, 1), language(tgt or hints.tgt_lang, 1)


def _left_out(entry: polib.POEntry) -> str:
    if entry.obsolete:
        return "obsolete"
    if "fuzzy" in entry.flags:
        return "fuzzy: a translator has not confirmed it"
    if not (entry.msgstr or all(entry.msgstr_plural.values() or [""])):
        return "no translation"
    return ""


def _units(entry: polib.POEntry, src_lang: str, tgt_lang: str) -> Iterator[BilingualUnit]:
    if _left_out(entry):
        return
    properties = _properties(entry)
    if not entry.msgid_plural:
        yield _unit(entry, src_lang, tgt_lang, entry.msgid, entry.msgstr, properties)
        return
    forms = {int(number): text for number, text in entry.msgstr_plural.items()}
    for number, text in sorted(forms.items()):
        # A language with one form says the plural with it; with several, the first is the singular.
        singular = number == 0 and len(forms) > 1
        msgid = entry.msgid if singular else entry.msgid_plural
        yield _unit(entry, src_lang, tgt_lang, msgid, text, properties | {"prop:x-po-plural": str(number)})


def _unit(
    entry: polib.POEntry, src_lang: str, tgt_lang: str, src: str, tgt: str, properties: dict[str, str]
) -> BilingualUnit:
    return BilingualUnit(
        variants=(
            Variant(lang=src_lang, text=src.translate(_SHOWN)),
            Variant(lang=tgt_lang, text=tgt.translate(_SHOWN)),
        ),
        key=(entry.msgctxt or "").translate(_SHOWN),
        line=entry.linenum or 1,
        properties=dict(properties),
    )


def _properties(entry: polib.POEntry) -> dict[str, str]:
    references = " ".join(":".join(filter(None, one)) for one in entry.occurrences)
    found = {
        "note": entry.tcomment.replace("\0", "\n"),
        "prop:x-po-comment": entry.comment.replace("\0", "\n"),
        "prop:x-po-references": references,
        "prop:x-po-flags": ", ".join(entry.flags),
    }
    return {name: value.translate(_SHOWN) for name, value in found.items() if value}
