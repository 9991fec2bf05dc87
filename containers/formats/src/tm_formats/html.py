"""HTML: what a reader sees, block by block.

lxml's parser mends broken pages as browsers do; nothing is loaded or run.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

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
_TEXT_ATTRIBUTES = ("alt", "title", "placeholder", "aria-label", "aria-description")
_BUTTONS = frozenset({"submit", "button", "reset"})
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"""^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9_.-]{2,40})["']""")
_SPACE = re.compile(r"[ \t\r\n\f]+")
#: Bytes in which a declaration must stand. Source: HTML standard, "prescan a byte stream".
_PRESCAN_BYTES = 1024
#: Levels of elements, and attributes of one element; real pages have up to a hundred, and some dozens.
MAX_DEPTH, MAX_ATTRIBUTES = 2_000, 10_000


def read(data: bytes, lang: str) -> Document:
    """Read a web page; ``lang`` ("" if unknown) helps to tell encodings apart.

    Each block is a paragraph, in reading order; ``<br>`` is a line break, two of them end the paragraph.
    Left out and noted: navigation, blocks that are not to be translated (within a line such words are part of it), and
    texts of attributes and form fields. Scripts, styles, comments and hidden parts are left out.
    """
    head = data[: 4 * _PRESCAN_BYTES]
    found = _CHARSET.search(head) or _XML_ENCODING.search(head)
    decoded = decode(data, lang=lang, declared=found[1].decode("ascii") if found else "")
    page = _parse(decoded.text)
    notes = decoded.notes
    if page.left_out:
        notes += (f"left out {page.left_out} texts of navigation",)
    if page.not_translated:
        notes += (f"left out {page.not_translated} blocks that are not to be translated",)
    if page.beside:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(page.beside.items()))
        notes += (f"left out texts of attributes and form fields: {counts}",)
    return Document(paragraphs=tuple(page.paragraphs), encoding=decoded.encoding, notes=notes)


def _parse(text: str) -> "_Page":
    page = _Page()
    # No tree is built: it costs some hundred bytes of memory for each tag, and the square of an element's attributes.
    parser = etree.HTMLParser(
        target=page,  # type: ignore[arg-type]
        encoding="utf-8",
        huge_tree=True,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        recover=True,
    )
    try:
        etree.fromstring(text.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"it is not HTML ({error})", "Save it again as HTML.") from error
    if not page.is_begun:
        raise Unreadable("there is no HTML element in it", "Save it again as HTML.")
    return page


class _Page:
    """Collects paragraphs from the parser's events."""

    def __init__(self) -> None:
        self.paragraphs: list[str] = []
        self.left_out = 0
        self.not_translated = 0
        self.beside = Counter[str]()
        self.is_begun = False
        self._line: list[str] = []
        self._data: list[str] = []
        self._pre = 0
        self._navs: list[bool] = []  # of each open element, whether it is navigation
        self._nav = 0
        self._skipped = 0  # open elements within one that is no text, and itself

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element."""
        is_second = self.is_begun and not self._navs  # behind </html>: no part of the page
        self.is_begun = True
        if len(self._navs) + self._skipped >= MAX_DEPTH:
            # Half a page would be worse than none.
            raise Unreadable(f"its elements are nested more than {MAX_DEPTH:,} deep", "Save it again as HTML.")
        if len(attributes) > MAX_ATTRIBUTES:
            raise Unreadable(f"a <{tag[:20]}> has more than {MAX_ATTRIBUTES:,} attributes", "Save it again as HTML.")
        self._take_data()
        if self._skipped or is_second or _is_hidden(attributes):
            self._skipped += 1
            return
        self._note_texts(tag, attributes)
        is_kept_as_it_is = tag in _BLOCKS and _is_not_translated(attributes)
        self.not_translated += is_kept_as_it_is
        if is_kept_as_it_is or tag in _NO_TEXT:
            self._skipped += 1
            return
        if tag in _BLOCKS:
            self._flush()
        self._pre += tag == "pre"
        self._navs.append(_is_navigation(tag, attributes))
        self._nav += self._navs[-1]
        if tag == "br":
            self._line.append("\n")

    def _note_texts(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Count what a reader may see or hear of an element beside its text."""
        self.beside.update(name for name in _TEXT_ATTRIBUTES if attributes.get(name, "").strip())
        if tag == "textarea":
            self.beside["textarea"] += 1
        if tag == "input" and attributes.get("type", "").lower() in _BUTTONS and attributes.get("value", "").strip():
            self.beside["value"] += 1
        if tag == "meta" and attributes.get("name", "").lower() == "description" and attributes.get("content"):
            self.beside["description"] += 1

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        self._take_data()
        if self._skipped:
            self._skipped -= 1
            return
        if tag in _BLOCKS:
            self._flush()
        self._pre -= tag == "pre"
        self._nav -= self._navs.pop()

    def data(self, text: str) -> None:
        """Take a piece of text; the parser may cut one anywhere."""
        if self._navs and not self._skipped:
            self._data.append(text)

    def close(self) -> None:
        """Take the end of the page."""
        self._take_data()
        self._flush()

    def _take_data(self) -> None:
        if self._data:
            text = "".join(self._data)
            self._line.append(text if self._pre else _SPACE.sub(" ", text))
            self._data.clear()

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


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    return "hidden" in attributes or bool(_HIDDEN_STYLE.search(attributes.get("style", "")))


def _is_not_translated(attributes: Mapping[str, str]) -> bool:
    return attributes.get("translate", "").lower() == "no" or "notranslate" in attributes.get("class", "").split()


def _is_navigation(tag: str, attributes: Mapping[str, str]) -> bool:
    return tag == "nav" or attributes.get("role") == "navigation"
