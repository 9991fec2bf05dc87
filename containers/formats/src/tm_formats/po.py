"""PO files of gettext: translated entries as units, each plural form one of them.

A message's context is the unit's key. Fuzzy, untranslated and obsolete entries are left out, and told. Comments,
references and flags are kept as properties.

Source: GNU gettext manual, "The Format of PO Files".
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

import polib

from tm_core.documents import BilingualUnit, Variant
from tm_formats.encoding import Unreadable, decode, refuse_binary
from tm_formats.hints import Hints, language

#: Bytes of the largest file read: it is read whole, and the largest known to us has 20 MB.
MAX_BYTES = 64 << 20
#: gettext's own convention: messages are in English unless the file says otherwise.
_SOURCE = "en"
_CHARSET = re.compile(rb'charset=([A-Za-z0-9_.:-]{2,40})\\n"')
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
    entries = _parsed(source)
    src_lang, tgt_lang = _languages(entries, hints)
    units = [unit for entry in entries for unit in _units(entry, src_lang, tgt_lang)]
    if not units:
        raise Unreadable("there is no translated message in it", "Translate it first.")
    return _told(entries, units, hints)


def _told(entries: polib.POFile, units: list[BilingualUnit], hints: Hints) -> Iterator[BilingualUnit]:
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
    _check_lines(text)
    try:
        return polib.pofile(text + "\n", wrapwidth=0)
    except (OSError, ValueError, IndexError, UnicodeError) as error:
        found_line = _LINE.search(str(error))
        where = f" at line {int(found_line[1]):,}" if found_line else ""
        what = (found_line[2] if found_line else str(error)).strip() or "it cannot be understood"
        raise Unreadable(f"it is no PO file{where} ({what[:120]})", "Check it with `msgfmt -c`.") from error


def _check_lines(text: str) -> None:
    """Find what polib passes over in silence: a string that is not closed, a message cut off before its translation."""
    last = ""
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        if not plain or (plain.startswith("#") and not plain.startswith("#~")) or plain in ("#~", "#~|"):
            continue
        found = _STRING.fullmatch(plain)
        if not found and not plain.startswith(("#~ #", "#~|")):
            reason = f"line {number:,} is no PO (a quote is open, or the line begins with no keyword)"
            raise Unreadable(reason, "Check it with `msgfmt -c`.")
        last = (found and found[1]) or last
    if not last.startswith("msgstr"):
        raise Unreadable(f"it ends after '{last}', without its translation", "It was cut short: export it again.")


def _languages(entries: polib.POFile, hints: Hints) -> tuple[str, str]:
    stated = entries.metadata
    tgt = stated.get("Language", "").split("@")[0].strip()
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
        variants=(Variant(lang=src_lang, text=src), Variant(lang=tgt_lang, text=tgt)),
        key=entry.msgctxt or "",
        line=entry.linenum or 1,
        properties=dict(properties),
    )


def _properties(entry: polib.POEntry) -> dict[str, str]:
    references = " ".join(":".join(filter(None, one)) for one in entry.occurrences)
    found = {
        "note": entry.tcomment,
        "prop:x-po-comment": entry.comment,
        "prop:x-po-references": references,
        "prop:x-po-flags": ", ".join(entry.flags),
    }
    return {name: value for name, value in found.items() if value}
