"""HTML: what a reader sees, block by block.

lxml's parser mends broken pages as browsers do; nothing is loaded or run.
"""

import re
from collections.abc import Iterator

from lxml import etree

from tm_core.documents import Document
from tm_formats.encoding import Unreadable, decode

# Elements that end the paragraph before them and the one within them; every other is part of the line.
_BLOCKS = frozenset(
    """address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption
    figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol optgroup option p
    pre search section select summary table tbody td tfoot th thead title tr ul""".split()
)
# Never text for a reader. rt and rp hold readings above Japanese words, which would stand twice.
_NO_TEXT = frozenset("script style template noscript iframe object svg math canvas audio video rt rp textarea".split())
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"""^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9_.-]{2,40})["']""")
_SPACE = re.compile(r"[ \t\r\n\f]+")
#: Bytes in which a declaration must stand. Source: HTML standard, "prescan a byte stream".
_PRESCAN_BYTES = 1024


def read(data: bytes, lang: str) -> Document:
    """Read a web page; ``lang`` ("" if unknown) helps to tell encodings apart.

    Each block is a paragraph, in reading order; ``<br>`` is a line break, two of them end the paragraph.
    Navigation is left out and noted; scripts, styles, comments and hidden parts are left out.
    """
    head = data[: 4 * _PRESCAN_BYTES]
    found = _CHARSET.search(head) or _XML_ENCODING.search(head)
    decoded = decode(data, lang=lang, declared=found[1].decode("ascii") if found else "")
    blocks = _Blocks()
    blocks.read(_parse(decoded.text))
    notes = decoded.notes
    if blocks.left_out:
        notes += (f"left out {blocks.left_out} texts of navigation",)
    return Document(paragraphs=tuple(blocks.paragraphs), encoding=decoded.encoding, notes=notes)


def _parse(text: str) -> etree._Element:
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True, recover=True
    )
    try:
        root = etree.fromstring(text.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"it is not HTML ({error})", "Save it again as HTML.") from error
    if root is None:
        raise Unreadable("there is no HTML element in it", "Save it again as HTML.")
    if any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log):
        # The parser drops everything below that depth: half a page is worse than none.
        raise Unreadable("its elements are nested more than 2,000 deep", "Save it again as HTML.")
    return root


class _Blocks:
    """Collects paragraphs during one walk over the tree."""

    def __init__(self) -> None:
        self.paragraphs: list[str] = []
        self.left_out = 0
        self._line: list[str] = []
        self._pre = 0
        self._nav = 0

    def read(self, root: etree._Element) -> None:
        # iterwalk keeps its own stack: a page nested a thousand deep is no recursion.
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if event == "start":
                if tag in _NO_TEXT or _is_hidden(element):
                    walk.skip_subtree()
                else:
                    self._start(element, tag)
            else:
                self._end(element, tag)
        self._flush()

    def _start(self, element: etree._Element, tag: str) -> None:
        if tag in _BLOCKS:
            self._flush()
        self._pre += tag == "pre"
        self._nav += _is_navigation(element)
        if tag == "br":
            self._line.append("\n")
        self._text(element.text)

    def _end(self, element: etree._Element, tag: str) -> None:
        if tag not in _NO_TEXT and not _is_hidden(element):
            if tag in _BLOCKS:
                self._flush()
            self._pre -= tag == "pre"
            self._nav -= _is_navigation(element)
        self._text(element.tail)

    def _text(self, text: str | None) -> None:
        if text:
            self._line.append(text if self._pre else _SPACE.sub(" ", text))

    def _flush(self) -> None:
        if self._line:
            texts = list(_paragraphs("".join(self._line)))
            self._line.clear()
            if self._nav:
                self.left_out += len(texts)
            else:
                self.paragraphs += texts


def _paragraphs(text: str) -> Iterator[str]:
    block: list[str] = []
    for line in [*text.split("\n"), ""]:
        if line.strip():
            block.append(line.strip(" "))
        elif block:
            yield "\n".join(block)
            block = []


def _is_hidden(element: etree._Element) -> bool:
    return "hidden" in element.attrib or bool(_HIDDEN_STYLE.search(element.get("style", "")))


def _is_navigation(element: etree._Element) -> bool:
    return element.tag == "nav" or element.get("role") == "navigation"
