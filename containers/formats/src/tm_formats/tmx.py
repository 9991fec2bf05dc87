"""TMX 1.4b: reading it as a stream, whole or not at all, and writing it.

Inline elements become placeholders (``inline``): ``bpt`` and ``ept`` of one ``i``, or ``hi``, are a pair; ``ph``,
``it`` and ``ut`` stand alone. Elements with the same ``x`` correspond.

Source: TMX 1.4b Specification, LISA OSCAR, 2005-04-26.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from tm_core.documents import BilingualUnit, Variant
from tm_core.languages import canonical, is_language
from tm_formats.encoding import Unreadable
from tm_formats.hints import Hints
from tm_formats.inline import PLACEHOLDER, Numbers, Piece, Role, Tag
from tm_formats.xmlstream import SPOILED, XmlParser

#: Characters (markup included) in one unit. A real unit has some thousands; without a bound a file could fill memory.
MAX_UNIT_CHARS = 2_000_000
#: Languages of one unit, and values of all the units it becomes where languages are in it more than once: each of them
#: has every property and language of the unit.
MAX_LANGUAGES, MAX_VALUES = 1_000, 100_000
_INLINE = frozenset("bpt ept hi it ph ut sub".split())
_REPEATED = re.compile(r"(.+)#\d+", re.DOTALL)
# What XML 1.0 cannot hold, even escaped (section 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(source: BinaryIO, hints: Hints | None = None) -> Iterator[BilingualUnit]:
    """Read a TMX file's units in file order.

    The file is read twice: first to its end to see that it is whole, so that a broken file yields nothing,
    then unit by unit. A unit with a language twice is yielded as several units, each with one text a language. A unit
    without a text, or with a character that XML cannot hold, is left out and told, and so is a text in a language that
    does not exist; an element inside a text that TMX does not know is a tag.

    Args:
        source: a seekable stream at its beginning, which must stay open while units are taken.
        hints: whom to tell, and whether one such unit refuses the file; a TMX file says all else itself.

    Raises:
        Unreadable: before the first unit; with line and reason.

    Cost: O(bytes) time, constant memory: 21,000 plain units/s and 6,600 with tags, measured on one busy core.
    """
    start = source.tell()
    hints = hints or Hints()
    reasons: list[tuple[int, str]] = []
    first = replace(hints, left_out=lambda line, reason: reasons.append((line, reason)) if not reasons else None)
    checked = _Handler(first, build=False)
    for _ in checked.parser.feed(source):
        pass
    if not checked.count:
        why = "".join(f" (line {line:,}: {reason})" for line, reason in reasons)
        raise Unreadable(f"there is no unit in it{why}", "Export it again.")
    source.seek(start)
    return _units(source, hints)


def _units(stream: BinaryIO, hints: Hints) -> Iterator[BilingualUnit]:
    handler = _Handler(hints, build=True)
    for _ in handler.parser.feed(stream):
        yield from handler.take()


@dataclass(slots=True)
class _Tuv:
    lang: str
    pieces: list[Piece] = field(default_factory=list)
    has_seg: bool = False


@dataclass(slots=True)
class _Tu:
    line: int
    place: int
    key: str
    properties: dict[str, str]
    tuvs: list[_Tuv] = field(default_factory=list)
    chars: int = 0
    numbers: dict[str, int] = field(default_factory=dict)

    def note(self, name: str, text: str) -> None:
        """Keep a property; the second of a name becomes ``name#2``, so that it is written as one of its own."""
        number = self.numbers.get(name, 1)
        free = name if number == 1 else f"{name}#{number}"
        while free in self.properties:
            number += 1
            free = f"{name}#{number}"
        self.numbers[name] = number
        self.properties[free] = text


class _Handler:
    """Builds units from expat's events, or with ``build=False`` checks and counts them only."""

    def __init__(self, hints: Hints, *, build: bool) -> None:
        self.count = 0
        self._hints = hints
        self._build = build
        self.parser = XmlParser(self)
        self._root = False
        self._in_seg = False
        self._in_tuv = False
        self._srclang = ""
        self._body = False
        self._tu: _Tu | None = None
        self._inline: list[tuple[str, dict[str, str]]] = []
        self._codes = 0  # open inline elements that are not <hi>
        self._code: list[str] = []
        self._code_chars = 0
        self._words: list[str] | None = None
        self._prop = ""
        self._ready: list[BilingualUnit] = []

    def finish(self) -> None:
        if not self._body:
            raise Unreadable("it has no <body>", "Export it again as TMX.")

    def take(self) -> list[BilingualUnit]:
        ready, self._ready = self._ready, []
        return ready

    def _at(self) -> str:
        return f"line {self.parser.line:,}"

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._root and name != "tmx":
            raise Unreadable(f"it is XML, but not TMX: its outermost element is <{name}>", "Export it again as TMX.")
        self._root = True
        if self._in_seg:
            self._start_inline(name, attributes)
        elif name == "header":
            self._srclang = attributes.get("srclang", "")
        elif name == "body":
            self._body = True
        elif name == "tu":
            self._start_tu(attributes)
        elif self._tu is not None:
            self._start_in_tu(self._tu, name, attributes)

    def _start_tu(self, attributes: dict[str, str]) -> None:
        if self._tu is not None:
            raise Unreadable(f"a <tu> begins inside another at {self._at()}", "Export it again.")
        rest = {_property(name): value for name, value in attributes.items() if name != "tuid"}
        if self._srclang:
            rest.setdefault("srclang", self._srclang)
        self._tu = _Tu(line=self.parser.line, place=self.parser.place, key=attributes.get("tuid", ""), properties=rest)
        self._count_attributes(self._tu, attributes)

    def _start_in_tu(self, tu: _Tu, name: str, attributes: dict[str, str]) -> None:
        self._count_attributes(tu, attributes)
        prefix = f"{tu.tuvs[-1].lang}:" if self._in_tuv else ""
        if name == "tuv":
            self._in_tuv = True
            lang = self._language(attributes)
            tu.tuvs.append(_Tuv(lang))
            for key in attributes.keys() - {"xml:lang", "lang"} if lang else ():
                tu.note(f"{lang}:{_property(key)}", attributes[key])
        elif name == "seg" and prefix:
            tu.tuvs[-1].has_seg = self._in_seg = True
        elif name in ("prop", "note") and prefix != ":":
            self._words = []
            self._prop = prefix + (f"prop:{attributes.get('type', '')}" if name == "prop" else "note")

    def _language(self, attributes: dict[str, str]) -> str:
        """The language of a <tuv>, "" for one that is left out."""
        tag = " ".join((attributes.get("xml:lang") or attributes.get("lang") or "").split())
        if tag and is_language(tag):
            return canonical(tag)
        reason = f"it has the language '{tag[:40]}', which does not exist" if tag else "it has no language"
        self._hints.spoil(self.parser.line, reason, "Correct xml:lang, e.g. to 'de' or 'pt-BR', or export it again.")
        return ""

    def _start_inline(self, name: str, attributes: dict[str, str]) -> None:
        if name not in _INLINE and not self._codes:
            # What TMX does not know is a highlight of that kind: its text is text.
            attributes, name = {"type": _described(name, attributes)}, "hi"
        markup = f"<{name}" + "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items()) + ">"
        if self._code or name != "hi":
            # Inside a code: everything up to its end is markup, not text.
            self._append_code(markup)
        else:
            self._add(Role.OPEN, _key(name, attributes, markup), self._hi_id(), markup)
        self._inline.append((name, attributes))
        self._codes += name != "hi"

    def _hi_id(self) -> str:
        return f"hi{len(self._inline)}"

    def end(self, name: str) -> None:
        if self._in_seg and self._inline:
            self._end_inline(name)
        elif name == "seg":
            self._in_seg = False
        elif name == "tuv":
            self._in_tuv = False
        elif name == "tu":
            self._end_tu()
        elif self._words is not None and name in ("prop", "note") and self._tu is not None:
            self._tu.note(self._prop, "".join(self._words))
            self._words = None

    def _end_inline(self, name: str) -> None:
        name, attributes = self._inline.pop()
        self._codes -= name != "hi"
        if not self._code:
            self._add(Role.CLOSE, "", self._hi_id(), f"</{name}>")
            return
        self._append_code(f"</{name}>")
        if self._codes:
            return
        role = {"bpt": Role.OPEN, "ept": Role.CLOSE}.get(name, Role.SINGLE)
        pair = "i" + attributes.get("i", "") if role is not Role.SINGLE else ""
        markup = "".join(self._code)
        self._add(role, _key(name, attributes, markup), pair, markup)
        self._code, self._code_chars = [], 0

    def _append_code(self, markup: str) -> None:
        """Add to the code that is open. What it is in all counts when it is closed; it is bounded until then."""
        self._code.append(markup)
        self._code_chars += len(markup)
        if self._tu is not None:
            self._check_chars(self._tu, self._code_chars)

    def text(self, text: str) -> None:
        if self._tu is None:
            return
        self._count(self._tu, text)
        if self._code:
            self._append_code(escape(text))
        elif self._in_seg:
            self._tu.tuvs[-1].pieces.append(text)
        elif self._words is not None:
            self._words.append(text)

    def _add(self, role: Role, key: str, pair: str, markup: str) -> None:
        if self._tu is not None:
            self._count(self._tu, markup)
            self._tu.tuvs[-1].pieces.append(Tag(role, key, pair, markup))

    def _count(self, tu: _Tu, text: str) -> None:
        tu.chars += len(text)
        self._check_chars(tu)

    def _count_attributes(self, tu: _Tu, attributes: Mapping[str, str]) -> None:
        tu.chars += sum(len(name) + len(value) for name, value in attributes.items())
        self._check_chars(tu)

    def _check_chars(self, tu: _Tu, more: int = 0) -> None:
        if tu.chars + more > MAX_UNIT_CHARS:
            raise Unreadable(f"the unit at line {tu.line:,} has more than {MAX_UNIT_CHARS:,} characters", "Split it.")

    def _end_tu(self) -> None:
        tu, self._tu = self._tu, None
        if tu is None:
            return
        if self.parser.spoiled(tu.place):
            self._hints.spoil(tu.line, SPOILED, "Remove it.")
            return
        if any(not tuv.has_seg for tuv in tu.tuvs):
            self._hints.spoil(tu.line, "it has a <tuv> without a <seg>", "Export it again.")
        tu.tuvs = [tuv for tuv in tu.tuvs if tuv.has_seg and tuv.lang]
        if not tu.tuvs:
            self._hints.spoil(tu.line, "it has no <tuv> with a <seg>", "Export it again.")
            return
        _check_size(tu)
        self.count += 1
        if self._build:
            self._ready += _split(tu)


def _check_size(tu: _Tu) -> None:
    """Refuse a unit that becomes many times its own size when it is split."""
    langs = Counter(tuv.lang for tuv in tu.tuvs)
    turns = max(langs.values())
    if len(langs) > MAX_LANGUAGES or (turns > 1 and turns * (len(langs) + len(tu.properties)) > MAX_VALUES):
        raise Unreadable(
            f"the unit at line {tu.line:,} has {len(langs):,} languages, one of them {turns:,} times, and "
            f"{len(tu.properties):,} properties",
            "Make it several units.",
        )


def _described(name: str, attributes: Mapping[str, str]) -> str:
    """A start tag without its brackets."""
    return " ".join([name, *(f"{key}={quoteattr(value)}" for key, value in attributes.items())])


def _property(attribute: str) -> str:
    """Name of the property for an attribute; one in a tool's own namespace is kept as a <prop>."""
    return f"prop:{attribute}" if ":" in attribute and not attribute.startswith("xml:") else attribute


def _split(tu: _Tu) -> Iterator[BilingualUnit]:
    """One unit; several if a language stands in it more than once."""
    by_lang: dict[str, list[Variant]] = {}
    numbers = Numbers(tuv.pieces for tuv in tu.tuvs)
    for tuv in tu.tuvs:
        by_lang.setdefault(tuv.lang, []).append(numbers.variant(tuv.lang, tuv.pieces))
    for turn in range(max(map(len, by_lang.values()))):
        chosen = tuple(variants[min(turn, len(variants) - 1)] for variants in by_lang.values())
        yield BilingualUnit(variants=chosen, key=tu.key, line=tu.line, properties=tu.properties)


def _key(name: str, attributes: Mapping[str, str], markup: str) -> str:
    """Partners in other languages share kind and ``x``; without ``x``, kind and markup."""
    return f"{name} {attributes['x']}" if attributes.get("x") else f"{name}  {markup}"


def write_tmx(sink: BinaryIO, units: Iterable[BilingualUnit], *, srclang: str = "*all*") -> int:
    """Write units as TMX 1.4b in UTF-8; the inverse of ``read``.

    Characters that XML cannot hold (controls, half surrogates) are left out.

    Returns:
        The number of units written.

    Cost: constant memory.
    """
    header = {
        "creationtool": "tm-refinery",
        "creationtoolversion": "1",
        "segtype": "sentence",
        "o-tmf": "tm-refinery",
        "adminlang": "en",
        "srclang": srclang,
        "datatype": "plaintext",
    }
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4">\n<header{_attributes(header)}/>\n<body>\n'
    sink.write(head.encode("utf-8"))
    count = 0
    for unit in units:
        sink.write(_tu(unit, srclang).encode("utf-8"))
        count += 1
    sink.write(b"</body>\n</tmx>\n")
    return count


def _tu(unit: BilingualUnit, srclang: str) -> str:
    of_variants = tuple(f"{variant.lang}:" for variant in unit.variants)
    own = {name: value for name, value in unit.properties.items() if not name.startswith(of_variants)}
    attributes, children = _properties(own)
    if attributes.get("srclang") == srclang:
        del attributes["srclang"]
    if unit.key:
        attributes = {"tuid": unit.key, **attributes}
    body = "".join(_tuv(variant, unit.properties) for variant in unit.variants)
    return f"<tu{_attributes(attributes)}>{children}{body}</tu>\n"


def _tuv(variant: Variant, properties: Mapping[str, str]) -> str:
    prefix = f"{variant.lang}:"
    own = {name.removeprefix(prefix): value for name, value in properties.items() if name.startswith(prefix)}
    attributes, children = _properties(own)
    seg = _seg(variant)
    return f"<tuv{_attributes({'xml:lang': variant.lang, **attributes})}>{children}<seg>{seg}</seg></tuv>"


def _properties(properties: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Attributes, and the <prop> and <note> elements, that ``properties`` stand for."""
    attributes: dict[str, str] = {}
    children: list[str] = []
    for numbered, value in properties.items():
        found = _REPEATED.fullmatch(numbered)
        name = found[1] if found and found[1] in properties else numbered
        if name == "note":
            children.append(f"<note>{_escaped(value)}</note>")
        elif name.startswith("prop:"):
            children.append(f"<prop{_attributes({'type': name.removeprefix('prop:')})}>{_escaped(value)}</prop>")
        else:
            attributes[name] = value
    return attributes, "".join(children)


def _seg(variant: Variant) -> str:
    pieces: list[str] = []
    at = 0
    for found in PLACEHOLDER.finditer(variant.text):
        if found[0] in variant.tags:
            pieces += [_escaped(variant.text[at : found.start()]), variant.tags[found[0]]]
            at = found.end()
    return "".join([*pieces, _escaped(variant.text[at:])])


def _escaped(text: str) -> str:
    return escape(_NOT_XML.sub("", text))


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(_NOT_XML.sub('', value))}" for name, value in values.items())
