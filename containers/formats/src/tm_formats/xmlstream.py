"""XML read block by block: every line is known, nothing is loaded, and entities are refused before one is used."""

import codecs
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import BinaryIO, Protocol
from xml.parsers import expat

from tm_formats.encoding import Unreadable, is_text_encoding, refuse_binary

_BLOCK_BYTES = 1 << 16
_REPLACED = "\ufffd".encode()
#: Bytes of one tag, comment or declaration, which the parser holds until its end. A real one has some thousands.
MAX_TOKEN_BYTES = 4 << 20
_DECLARATION = re.compile(rb"""^<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.-]{2,40})["']""")


class Events(Protocol):
    """What a reader makes of a document; it raises Unreadable at what it does not take."""

    def start(self, name: str, attributes: dict[str, str]) -> None: ...
    def end(self, name: str) -> None: ...
    def text(self, text: str) -> None: ...
    def finish(self) -> None: ...


#: What XML 1.0 cannot hold, as itself or as a reference (section 2.2).
_FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|"
    r"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]));"
)
SPOILED = "it has a character that XML cannot hold, such as &#x1F;"
# A reference that may go on in the next block.
_CUT = re.compile(r"&[#xX0-9a-fA-F]{0,12}\Z")


class XmlParser:
    """Feeds a stream to a reader's events.

    A character that XML cannot hold comes as U+FFFD, and ``spoiled`` tells whether there was one since a place. So one
    such character costs its unit, not the file.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._spoiled = array("Q")
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = events.start
        self._parser.EndElementHandler = events.end
        self._parser.CharacterDataHandler = events.text
        self._parser.EntityDeclHandler = self._refuse_entity
        self._parser.SkippedEntityHandler = self._refuse_entity

    @property
    def line(self) -> int:
        """Where the parser is, from 1."""
        return self._parser.CurrentLineNumber

    @property
    def place(self) -> int:
        """Where the event that is handled begins, in bytes of UTF-8."""
        return self._parser.CurrentByteIndex

    def spoiled(self, since: int) -> bool:
        """Whether a character that XML cannot hold stood between a place and this one."""
        return bisect_left(self._spoiled, since) < bisect_left(self._spoiled, self.place)

    def feed(self, stream: BinaryIO) -> Iterator[None]:
        """Read the stream to its end, pausing after each block for what has been read to be taken.

        Raises:
            Unreadable: no XML, cut short, undecodable, or with entities; with the line.
        """
        try:
            for _ in self._parsed(stream):
                yield
            self._events.finish()
            yield
        except expat.ExpatError as error:
            reason = f"it is no whole XML at line {error.lineno} ({expat.ErrorString(error.code)})"
            raise Unreadable(reason, "Most likely it was cut short or written by hand: export it again.") from error

    def _parsed(self, stream: BinaryIO) -> Iterator[None]:
        """Parse the stream in linear time.

        At each call the parser scans an unfinished tag or comment again from its beginning (expat before 2.6), so it
        is called only when as much has come as it holds already.
        """
        waiting: list[bytes] = []
        fed = size = held = 0
        for text in _whole(_decoded(stream)):
            waiting.append(self._clean(text, fed + size))
            size += len(waiting[-1])
            if size < held:
                continue
            self._parser.Parse(b"".join(waiting), False)
            fed += size
            waiting, size = [], 0
            held = fed - self._parser.CurrentByteIndex
            if held > MAX_TOKEN_BYTES:
                reason = f"a tag or comment at line {self.line:,} has more than {MAX_TOKEN_BYTES:,} bytes"
                raise Unreadable(reason, "Most likely a quote or bracket is not closed: export it again.")
            yield
        self._parser.Parse(b"".join(waiting), True)

    def _clean(self, text: str, place: int) -> bytes:
        """A block as UTF-8, forbidden characters replaced and their places kept; ``place`` is the block's own."""
        if _FORBIDDEN.search(text) is None:
            return text.encode("utf-8")
        parts, at = [], 0
        for found in _FORBIDDEN.finditer(text):
            parts.append(text[at : found.start()].encode("utf-8"))
            place += len(parts[-1])
            self._spoiled.append(place)
            parts.append(_REPLACED)
            place += len(_REPLACED)
            at = found.end()
        return b"".join([*parts, text[at:].encode("utf-8")])

    def _refuse_entity(self, name: str, *_: object) -> None:
        raise Unreadable(
            f"it declares or uses the entity '{name}' at line {self.line:,}",
            "Entities can load other files or fill memory, and no tool needs them here: export it again.",
        )


def _whole(blocks: Iterator[str]) -> Iterator[str]:
    """The same text in blocks that end inside no reference to a character."""
    rest = ""
    for block in blocks:
        text = rest + block
        cut = _CUT.search(text)
        rest = text[cut.start() :] if cut else ""
        yield text[: len(text) - len(rest)]
    yield rest


def _decoded(stream: BinaryIO) -> Iterator[str]:
    """The text in blocks. Python decodes, because expat knows few encodings."""
    head = stream.read(_BLOCK_BYTES)
    refuse_binary(head)
    encoding = _encoding(head)
    if not is_text_encoding(encoding):
        raise Unreadable(f"it declares the unknown encoding '{encoding}'", "Save it as UTF-8.")
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    line, block = 1, head
    try:
        while block:
            text = decoder.decode(block)
            line += text.count("\n")
            yield text
            block = stream.read(_BLOCK_BYTES)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not {encoding} after line {line:,}", "Save it again in one encoding.") from error


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith((b"<\0", b"\0<")):
        return "utf-16-le" if head.startswith(b"<\0") else "utf-16-be"
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    found = _DECLARATION.match(head)
    name = found[1].decode("ascii").lower() if found else "utf-8"
    # Some tools keep the declaration when they convert: bytes that were UTF-16 would have been seen above.
    return "utf-8" if name.startswith(("utf-16", "utf16")) else name
