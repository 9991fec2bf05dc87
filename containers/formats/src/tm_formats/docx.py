"""Word documents (DOCX): paragraphs of the body in reading order, tables cell by cell, then foot- and endnotes.

Left out: text that tracked changes deleted, field codes, hidden text, and the second drawing of what is there twice. An
archive is measured before a byte of it is unpacked.

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
_BODY = "word/document.xml"
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
#: A new document can be saved in the strict variant, under another namespace and otherwise alike.
_STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}
_SKIPPED = frozenset({"del", "moveFrom", "instrText", "delText"})


def read(data: bytes, hint: str) -> Document:
    """Read a DOCX file.

    Args:
        hint: not used; a DOCX names its encoding itself.

    Raises:
        Unreadable: no DOCX, damaged, encrypted, or unpacking to more than it should.

    Cost: O(unpacked bytes) time and memory.
    """
    with _named_damage():
        archive = zipfile.ZipFile(io.BytesIO(data))
        _check(archive, len(data))
    there = archive.namelist()
    paragraphs = list(_paragraphs(_part(archive, _BODY)))
    for name in _NOTES:
        if name in there:
            paragraphs += _paragraphs(_part(archive, name))
    return Document(paragraphs=tuple(paragraphs), encoding="utf-8")


@contextmanager
def _named_damage() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise Unreadable(f"it is a damaged archive ({error})", "Save it again, and deposit it complete.") from error


def _check(archive: zipfile.ZipFile, packed: int) -> None:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if _BODY not in names:
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


def _paragraphs(data: bytes) -> Iterator[str]:
    if b"<!DOCTYPE" in data[:4096]:
        raise Unreadable("its XML has a document type", "No Word writes one: save it again with Word.")
    if data.count(b"<") + data.count(b"&") > MAX_TAGS:
        raise Unreadable(f"one of its parts has more than {MAX_TAGS:,} tags and entities", "Split it into parts.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"its XML is damaged ({error.msg})", "Save it again with Word.") from error
    for paragraph in root.iter(f"{_W}p", f"{_STRICT}p"):
        if not _is_twice(paragraph) and (text := "".join(_text(paragraph))).strip():
            yield text


def _is_twice(paragraph: etree._Element) -> bool:
    """A text box stands in the file twice, for newer and for older programs."""
    return next(paragraph.iterancestors(_FALLBACK), None) is not None


def _text(element: etree._Element) -> Iterator[str]:
    """The text of a paragraph, without that of paragraphs inside it (text boxes), which come by themselves."""
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name = etree.QName(child).localname
        if name == "t":
            yield child.text or ""
        elif name in _BREAKS:
            yield _BREAKS[name]
        elif name not in _SKIPPED and name != "p" and child.tag != _FALLBACK and not _is_hidden(child):
            yield from _text(child)


def _is_hidden(element: etree._Element) -> bool:
    return etree.QName(element).localname == "r" and any(
        etree.QName(one).localname == "vanish" and one.get(f"{_W}val", "1") not in ("0", "false", "off")
        for properties in element.iterchildren(f"{_W}rPr")
        for one in properties.iterchildren(f"{_W}vanish")
    )
