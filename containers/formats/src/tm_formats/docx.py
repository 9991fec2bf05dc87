"""Word documents (DOCX): paragraphs of the body in reading order, tables cell by cell, then foot- and endnotes.

Left out: text that tracked changes deleted, field codes, text that is hidden itself or by its style, readings above
words, and the second drawing of what is there twice. A paragraph whose end a tracked change deleted goes on with the
next. An archive is measured before a byte of it is unpacked.

Source: ECMA-376, Part 1 (WordprocessingML).
"""

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from lxml import etree

from tm_core.documents import Document
from tm_formats.encoding import Unreadable

#: Bytes of one part when unpacked: a book of 1,000 pages has 30 MB.
MAX_PART_BYTES = 256 << 20
#: Unpacked bytes to packed ones, above which an archive of some size is a bomb: text packs to about a tenth, the
#: repetitive XML of Word to a fiftieth. Not calibrated yet.
MAX_RATIO = 200
_SMALL_BYTES = 1 << 20
#: Entries of the archive; a document has dozens, with pictures hundreds.
MAX_ENTRIES = 10_000
#: Tags and entities of one part: the tree has some hundred bytes of memory for each. 1,000 pages have a million.
MAX_TAGS = 4_000_000
# What the standard library raises at damaged archives: zlib and lzma have errors of their own, and RuntimeError is its
# word for a part that turns out to be encrypted.
_DAMAGED = (
    zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError, zlib.error, lzma.LZMAError, struct.error,
    RuntimeError,
)  # fmt: skip
_BODY, _RELATIONS = "word/document.xml", "_rels/.rels"
_NOTES = ("footnotes.xml", "endnotes.xml")
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
#: A new document can be saved in the strict variant, under another namespace and otherwise alike.
_STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}
# rt holds the reading above a word of Japanese, which would stand twice.
_SKIPPED = frozenset({"del", "moveFrom", "instrText", "delText", "rt"})
#: How files of Word 97 begin, and DOCX behind a password: it lies in one as a stream of this name.
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def read(data: bytes, hint: str) -> Document:
    """Read a DOCX file.

    Args:
        hint: not used; a DOCX names its encoding itself.

    Raises:
        Unreadable: no DOCX, damaged, encrypted, or unpacking to more than it should.

    Cost: O(unpacked bytes) time and memory.
    """
    if data.startswith(_COMPOUND):
        is_locked = _ENCRYPTED in data
        kind = "protected by a password" if is_locked else "a document of Word 97 to 2003"
        raise Unreadable(f"it is {kind}", "Save it as DOCX, without a password.")
    with _named_damage():
        archive = zipfile.ZipFile(io.BytesIO(data))
        body = _main_part(archive)
        _check(archive, len(data), body)
    there = archive.namelist()
    folder = body.rpartition("/")[0]
    hidden = _hidden_styles(_part(archive, f"{folder}/styles.xml")) if f"{folder}/styles.xml" in there else frozenset()
    paragraphs = list(_paragraphs(_part(archive, body), hidden))
    for name in _NOTES:
        if f"{folder}/{name}" in there:
            paragraphs += _paragraphs(_part(archive, f"{folder}/{name}"), hidden)
    return Document(paragraphs=tuple(paragraphs), encoding="utf-8")


@contextmanager
def _named_damage() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise Unreadable(f"it is a damaged archive ({error})", "Save it again, and deposit it complete.") from error


def _main_part(archive: zipfile.ZipFile) -> str:
    """The part that the archive names as its document; most call it word/document.xml."""
    entry = next((one for one in archive.infolist() if one.filename == _RELATIONS), None)
    if entry is None or entry.file_size > _SMALL_BYTES:
        return _BODY
    for one in _root(archive.read(entry)).iter("{*}Relationship"):
        if one.get("Type", "").endswith("/officeDocument"):
            return one.get("Target", "").removeprefix("/") or _BODY
    return _BODY


def _check(archive: zipfile.ZipFile, packed: int, body: str) -> None:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if body not in names:
        kind = "an encrypted document" if "EncryptedPackage" in names else "a zip archive without a Word document"
        raise Unreadable(f"it is {kind}", "Save it as DOCX, without a password.")
    if len(entries) > MAX_ENTRIES or len(names) < len(entries):
        raise Unreadable(f"its archive has {len(entries):,} entries, or one twice", "Save it again with Word.")
    total = sum(entry.file_size for entry in entries)
    if max(entry.file_size for entry in entries) > MAX_PART_BYTES or total > max(MAX_RATIO * packed, _SMALL_BYTES):
        raise Unreadable(f"it unpacks from {packed:,} to {total:,} bytes", "Split it, or save it as text.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable("its archive is encrypted", "Save it without a password.")


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    """One part; zipfile stops at the size that ``_check`` has seen, and compares its checksum."""
    with _named_damage():
        return archive.read(name)


def _root(data: bytes) -> etree._Element:
    if b"<!DOCTYPE" in data[:4096]:
        raise Unreadable("its XML has a document type", "No Word writes one: save it again with Word.")
    if data.count(b"<") + data.count(b"&") > MAX_TAGS:
        raise Unreadable(f"one of its parts has more than {MAX_TAGS:,} tags and entities", "Split it into parts.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"its XML is damaged ({error.msg})", "Save it again with Word.") from error


def _paragraphs(data: bytes, hidden: frozenset[str]) -> Iterator[str]:
    parts: list[str] = []
    for paragraph in _root(data).iter(f"{_W}p", f"{_STRICT}p"):
        if _is_twice(paragraph):
            continue
        if _style(paragraph, "pPr", "pStyle") not in hidden:
            parts += _text(paragraph, hidden)
        if not _goes_on(paragraph):
            text = "".join(parts)
            parts.clear()
            if text.strip():
                yield text
    if "".join(parts).strip():
        yield "".join(parts)


def _goes_on(paragraph: etree._Element) -> bool:
    """Whether a tracked change has deleted the paragraph's end."""
    marks = ("del", "moveFrom")
    return any(_local(one) in marks for mark in paragraph.iterfind("./{*}pPr/{*}rPr") for one in mark)


def _style(element: etree._Element, properties: str, name: str) -> str:
    """The style that an element's properties name; "" if none."""
    found = element.find(f"./{{*}}{properties}/{{*}}{name}")
    return _value(found, "") if found is not None else ""


def _value(element: etree._Element, otherwise: str) -> str:
    return element.get(f"{_W}val") or element.get(f"{_STRICT}val") or otherwise


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _hidden_styles(data: bytes) -> frozenset[str]:
    """The styles that hide their text, themselves or by the style that they are based on."""
    own: dict[str, bool] = {}
    based: dict[str, str] = {}
    for style in _root(data).iter(f"{_W}style", f"{_STRICT}style"):
        name = style.get(f"{_W}styleId") or style.get(f"{_STRICT}styleId") or ""
        if (vanish := style.find("./{*}rPr/{*}vanish")) is not None:
            own[name] = _is_on(vanish)
        if (base := style.find("./{*}basedOn")) is not None:
            based[name] = _value(base, "")

    def is_hidden(name: str) -> bool:
        seen: set[str] = set()
        while name not in own and name in based and name not in seen:
            seen.add(name)
            name = based[name]
        return own.get(name, False)

    return frozenset(name for name in {*own, *based} if is_hidden(name))


def _is_on(switch: etree._Element) -> bool:
    return _value(switch, "1") not in ("0", "false", "off")


def _is_twice(paragraph: etree._Element) -> bool:
    """A text box stands in the file twice, for newer and for older programs."""
    return next(paragraph.iterancestors(_FALLBACK), None) is not None


def _text(element: etree._Element, hidden: frozenset[str]) -> Iterator[str]:
    """The text of a paragraph, without that of paragraphs inside it (text boxes), which come by themselves."""
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name = etree.QName(child).localname
        if name == "t":
            yield child.text or ""
        elif name in _BREAKS:
            yield _BREAKS[name]
        elif name not in _SKIPPED and name != "p" and child.tag != _FALLBACK and not _is_hidden(child, hidden):
            yield from _text(child, hidden)


def _is_hidden(element: etree._Element, hidden: frozenset[str]) -> bool:
    """Whether a run is hidden: what it says itself wins over its style."""
    if _local(element) != "r":
        return False
    vanish = element.find("./{*}rPr/{*}vanish")
    return _is_on(vanish) if vanish is not None else _style(element, "rPr", "rStyle") in hidden
