"""XLIFF 1.2 and 2.x as streams, with the dialects of Trados, memoQ, Weblate and the Translate Toolkit.

A unit that its tool has segmented (``mrk mtype="seg"`` in 1.2, ``segment`` in 2) is several units. Inline elements
become placeholders, their markup is kept as TMX writes it; elements that XLIFF does not know are tags, and their text
is text. What tracked changes have deleted is gone. Left out, and told: units without a translation, those not to be
translated (a file's or group's ``translate`` counts for what is in it), and those whose state says that no translator
has confirmed them. What a machine translated and a translator let stand is marked (:data:`ORIGIN`). Each unit has the
source texts before and after it.

Source: OASIS, XLIFF Version 1.2 (2008-02-01) and 2.1 (2018-02-13).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from tm_core.documents import BilingualUnit
from tm_core.languages import canonical, is_language, same_language
from tm_formats.encoding import Unreadable
from tm_formats.hints import Hints, language
from tm_formats.inline import Numbers, Piece, Role, Tag
from tm_formats.xmlstream import SPOILED, XmlParser

#: Characters (markup included) in one unit. A real unit has some thousands; without a bound a file could fill memory.
MAX_UNIT_CHARS = 2_000_000
#: Levels of elements in one unit: real ones have a dozen, and deeper ones are an attack on recursion.
MAX_DEPTH = 100
#: Properties of all the segments of one unit together: each segment has every note and attribute of the unit.
MAX_VALUES = 100_000
_VERSION = re.compile(r"(1)\.[012]|(2)\.[0-9]")
# States of 1.2 and 2 that say: not translated, or not confirmed. Trados and memoQ have attributes of their own.
_UNFINISHED = re.compile(
    "new|needs-.*|initial|mt-suggestion|Draft|Rejected.*|NotStarted|PartiallyEdited|Pretranslated|MachineTranslated"
)


#: Origins of 1.2 that a machine translated.
_MACHINE = frozenset({"mt-suggestion", "leveraged-mt"})
#: Property of a unit that a machine translated and a translator let stand, and its value.
ORIGIN, MACHINE = "x-tm-origin", "mt"


@dataclass(slots=True)
class _Node:
    """One element of a unit."""

    name: str
    attributes: dict[str, str]
    line: int
    children: list["str | _Node"] = field(default_factory=list)

    def all(self, name: str) -> list["_Node"]:
        return [child for child in self.children if isinstance(child, _Node) and child.name == name]

    def first(self, name: str) -> "_Node | None":
        return next(iter(self.all(name)), None)

    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def descendants(self, name: str) -> Iterator["_Node"]:
        for child in self.children:
            if isinstance(child, _Node):
                if child.name == name:
                    yield child
                else:
                    yield from child.descendants(name)


def read(source: BinaryIO, hints: Hints) -> Iterator[BilingualUnit]:
    """Read an XLIFF file; see ``tm_formats.bilingual.read_memory``.

    Raises:
        Unreadable: before the first unit; with line and reason.
    """
    start = source.tell()
    silent = replace(hints, left_out=None)
    if not sum(1 for _ in _units(source, silent)):
        raise Unreadable("there is no translated unit in it", "Export it again, with its translations.")
    source.seek(start)
    return _units(source, hints)


def _units(source: BinaryIO, hints: Hints) -> Iterator[BilingualUnit]:
    before: _Read | None = None
    current: _Read | None = None
    for after in chain(_all(source, hints), [None]):
        if current is not None and current.unit is not None:
            around = {
                name: other.text
                for name, other in (("prop:x-context-pre", before), ("prop:x-context-post", after))
                if other is not None and other.file is current.file
            }
            yield replace(current.unit, properties=around | current.unit.properties)
        before, current = current, after


def _all(source: BinaryIO, hints: Hints) -> Iterator["_Read"]:
    reader = _Reader(hints)
    for _ in reader.parser.feed(source):
        ready, reader.ready = reader.ready, []
        yield from ready


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A segment's source text and its file, for its neighbours; and the unit that it is, if it is one."""

    text: str
    file: Mapping[str, str]
    unit: BilingualUnit | None


class _Reader:
    """Collects one unit's elements after the other from the parser's events."""

    def __init__(self, hints: Hints) -> None:
        self.ready: list[_Read] = []
        self.parser = XmlParser(self)
        self._hints = hints
        self._prefix = ""
        self._version = 0
        self._langs = ("", "")
        self._file: dict[str, str] = {}
        # Whether the file and the groups that are open are to be translated, the innermost last.
        self._translate = [True]
        self._open: list[_Node] = []
        self._place = 0
        self._chars = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._version:
            self._start_root(name, attributes)
            return
        name = name.removeprefix(self._prefix)
        if self._open:
            self._add_node(_Node(name, attributes, self.parser.line))
        elif name in ("file", "group"):
            said = attributes.get("translate")
            self._translate.append(self._translate[-1] if said is None else said != "no")
            if name == "file":
                self._start_file(attributes)
        elif name == ("trans-unit" if self._version == 1 else "unit"):
            self._chars = 0
            self._place = self.parser.place
            if not self._translate[-1]:
                attributes = {"translate": "no"} | attributes
            self._open = [_Node(name, attributes, self.parser.line)]

    def _start_root(self, name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] != "xliff":
            raise Unreadable(f"it is XML, but not XLIFF: its outermost element is <{name[:40]}>", "Export it again.")
        self._prefix = name[: -len("xliff")]
        version = attributes.get("version", "1.2")
        if not (found := _VERSION.fullmatch(version)):
            raise Unreadable(f"it is XLIFF {version[:20]}; read are 1.2 and 2.x", "Export it as one of them.")
        self._version = 1 if found[1] else 2
        if self._version == 2:
            self._langs = self._languages(attributes.get("srcLang", ""), attributes.get("trgLang", ""))

    def _start_file(self, attributes: dict[str, str]) -> None:
        self._file = attributes
        if self._version == 1:
            src, tgt = attributes.get("source-language", ""), attributes.get("target-language", "")
            self._langs = self._languages(src, tgt)

    def _languages(self, src: str, tgt: str) -> tuple[str, str]:
        line = self.parser.line
        src, tgt = src or self._hints.src_lang, tgt or self._hints.tgt_lang
        if not src or not tgt:
            which = "source" if not src else "target"
            raise Unreadable(f"line {line:,} names no {which} language", "Export it again, or say --src and --tgt.")
        return language(src, line), language(tgt, line)

    def _add_node(self, node: _Node) -> None:
        if len(self._open) > MAX_DEPTH:
            raise Unreadable(f"line {node.line:,} is nested deeper than {MAX_DEPTH} elements", "Export it again.")
        self._count(len(node.name) + sum(len(name) + len(value) for name, value in node.attributes.items()))
        self._open[-1].children.append(node)
        self._open.append(node)

    def text(self, text: str) -> None:
        if self._open:
            self._count(len(text))
            self._open[-1].children.append(text)

    def _count(self, chars: int) -> None:
        self._chars += chars
        if self._chars > MAX_UNIT_CHARS:
            line = self._open[0].line
            raise Unreadable(f"the unit at line {line:,} has more than {MAX_UNIT_CHARS:,} characters", "Split it.")

    def end(self, name: str) -> None:
        if not self._open and name.removeprefix(self._prefix) in ("file", "group"):
            self._translate.pop()
        if self._open:
            node = self._open.pop()
            if self._open:
                return
            if self.parser.spoiled(self._place):
                self._hints.spoil(node.line, SPOILED, "Remove it.")
            else:
                read_unit = _read_1 if self._version == 1 else _read_2
                found = read_unit(node, self._langs, self._file, self._hints)
                self.ready += (_Read(text=text, file=self._file, unit=unit) for text, unit in found)

    def finish(self) -> None:
        """Nothing is left to check: what is no whole XML has been refused."""


# Units ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    """One pair of texts of a unit, with the state that its tool gives it."""

    source: _Node | None
    target: _Node | None
    state: str
    line: int
    name: str = ""
    by_machine: bool = False


#: A segment's source text, and its unit, None where it is left out.
_Found = Iterator[tuple[str, BilingualUnit | None]]


def _read_1(node: _Node, langs: tuple[str, str], file: Mapping[str, str], hints: Hints) -> _Found:
    if node.attributes.get("translate") == "no":
        hints.tell(node.line, "not to be translated")
        return
    properties = _properties(node, file)
    target = node.first("target")
    properties |= {f"prop:{name}": value for name, value in (target.attributes if target else {}).items()}
    # A resource's name identifies a string better than a number that changes with the file.
    key = node.attributes.get("resname") or node.attributes.get("id", "")
    yield from _from_segments(_segments_1(node, target), langs, key, properties, {}, hints)


def _segments_1(node: _Node, target: _Node | None) -> list[_Segment]:
    source = node.first("seg-source") or node.first("source")
    conf = {seg.attributes.get("id", ""): seg.attributes.get("conf", "") for seg in node.descendants("sdl:seg")}
    machine = {seg.attributes.get("id", "") for seg in node.descendants("sdl:seg") if _is_machine(seg)}
    qualifier = target.attributes.get("state-qualifier", "") if target else ""
    state = (target.attributes.get("state", "") if target else "") or node.attributes.get("mq:status", "")
    sources, targets = _marked(source), _marked(target)
    if not sources or not targets:
        whole = conf.get(next(iter(conf), ""), "") if len(conf) == 1 else ""
        by_machine = bool(machine) or qualifier in _MACHINE
        state = state or whole or (qualifier if qualifier == "mt-suggestion" else "")
        return [_Segment(source=source, target=target, state=state, line=node.line, by_machine=by_machine)]
    several = len(sources) > 1
    return [
        _Segment(
            source=one, target=targets.get(mid), state=state or conf.get(mid, ""), line=one.line,
            name=f"/{mid}" if several else "", by_machine=mid in machine or qualifier in _MACHINE,
        )
        for mid, one in sources.items()
    ]  # fmt: skip


def _is_machine(seg: _Node) -> bool:
    """Whether Trados says that a segment is what a machine made of it: a translator's edit changes its origin."""
    return seg.attributes.get("origin", "") in ("mt", "nmt", "amt")


def _marked(node: _Node | None) -> dict[str, _Node]:
    """The segments that a tool marked in a source or target, by number."""
    found = node.descendants("mrk") if node else ()
    return {one.attributes.get("mid", ""): one for one in found if one.attributes.get("mtype") == "seg"}


def _read_2(node: _Node, langs: tuple[str, str], file: Mapping[str, str], hints: Hints) -> _Found:
    if node.attributes.get("translate") == "no":
        hints.tell(node.line, "not to be translated")
        return
    data = {one.attributes.get("id", ""): one.text() for one in node.descendants("data")}
    found = node.all("segment")
    segments = [
        _Segment(
            source=one.first("source"), target=one.first("target"), state=one.attributes.get("state", ""),
            line=one.line, name=f"/{one.attributes.get('id', number)}" if len(found) > 1 else "",
        )
        for number, one in enumerate(found, 1)
    ]  # fmt: skip
    key = node.attributes.get("name") or node.attributes.get("id", "")
    yield from _from_segments(segments, langs, key, _properties(node, file), data, hints)


def _properties(node: _Node, file: Mapping[str, str]) -> dict[str, str]:
    """What a unit says beside its texts: attributes, notes, and the file that it came from."""
    properties = {f"prop:{name}": value for name, value in node.attributes.items() if name not in ("id", "xml:space")}
    if original := file.get("original"):
        properties["prop:file"] = original
    notes = [note.text().strip() for note in node.descendants("note")]
    for number, note in enumerate(filter(None, notes), 1):
        properties["note" if number == 1 else f"note#{number}"] = note
    return properties


def _from_segments(
    segments: list[_Segment],
    langs: tuple[str, str],
    key: str,
    properties: dict[str, str],
    data: Mapping[str, str],
    hints: Hints,
) -> _Found:
    if len(segments) > 1 and len(segments) * len(properties) > MAX_VALUES:
        line, notes = segments[0].line, len(properties)
        reason = f"the unit at line {line:,} has {len(segments):,} segments with {notes:,} properties each"
        raise Unreadable(reason, "Make it several units.")
    native = _Native(data)
    for one in segments:
        if not one.source or not one.source.text().strip():
            hints.tell(one.line, "no source text")
            continue
        sides = [_Pieces(native).of(node) if node else [] for node in (one.source, one.target)]
        numbers = Numbers(sides)
        variants = tuple(numbers.variant(lang, pieces) for lang, pieces in zip(langs, sides, strict=True))
        if not one.target or not one.target.text().strip():
            hints.tell(one.line, "no translation")
        elif contradiction := _contradiction(one, langs):
            hints.spoil(one.line, contradiction, "Correct xml:lang or the file's languages.")
        elif _UNFINISHED.fullmatch(one.state):
            hints.tell(one.line, f"its state is '{one.state}': a translator has not confirmed it")
        else:
            said = {"prop:state": one.state} if one.state else {}
            said |= {f"prop:{ORIGIN}": MACHINE} if one.by_machine else {}
            unit = BilingualUnit(variants=variants, key=key + one.name, line=one.line, properties=properties | said)
            yield variants[0].text, unit
            continue
        yield variants[0].text, None


def _contradiction(segment: _Segment, langs: tuple[str, str]) -> str:
    """What a side says of its language against the file; "" if nothing. Regions and scripts contradict nobody."""
    for name, node, lang in (("source", segment.source, langs[0]), ("target", segment.target, langs[1])):
        said = node.attributes.get("xml:lang", "") if node else ""
        if is_language(said) and not same_language(canonical(said), lang):
            return f"its {name} is in '{said}', while the file says '{lang}'"
    return ""


# Inline elements -----------------------------------------------------------------------------------

_PAIRS = frozenset({"g", "pc"})
_OPENING = frozenset({"bx", "bpt", "sc"})
_CLOSING = frozenset({"ex", "ept", "ec"})
#: Comments, terms and segments: they say something of the text, and are no part of it.
_TRANSPARENT = frozenset({"mrk", "sm", "em"})
#: What stands for one code of the original format; its text is that code.
_SINGLE = frozenset({"x", "ph", "it", "sub"})
#: Marked as deleted by a tracked change (Trados).
_DELETED = "x-sdl-deleted"


class _Native:
    """The codes of the original format, which a unit keeps once and refers to as often as it likes."""

    def __init__(self, data: Mapping[str, str]) -> None:
        self._data = data
        self._chars = 0

    def of(self, node: _Node, reference: str, otherwise: str) -> str:
        """The code itself: what the file keeps of the original format, else the element."""
        found = self._data.get(node.attributes.get(reference, ""))
        if found is None:
            return otherwise
        self._chars += len(found)
        if self._chars > MAX_UNIT_CHARS:
            reason = f"the codes that the unit refers to at line {node.line:,} have more than {MAX_UNIT_CHARS:,}"
            raise Unreadable(f"{reason} characters, one of them {len(found):,}", "Split the unit.")
        return found


class _Pieces:
    """Turns the content of one source or target into text and tags."""

    def __init__(self, native: _Native) -> None:
        self._native = native.of
        self._pieces: list[Piece] = []
        self._pairs: dict[str, int] = {}
        self._number = 0

    def of(self, node: _Node) -> list[Piece]:
        for child in node.children:
            if isinstance(child, str):
                self._pieces.append(child)
            else:
                self._element(child)
        return self._pieces

    def _element(self, node: _Node) -> None:
        if node.attributes.get("mtype") == _DELETED:
            return
        if node.name in _TRANSPARENT:
            self.of(node)
        elif node.name == "cp":
            self._pieces.append(_character(node))
        elif node.name in _PAIRS:
            pair = f"{node.name} {node.attributes.get('id', '')}"
            self._tag(Role.OPEN, node, pair, self._native(node, "dataRefStart", _start_tag(node)))
            self.of(node)
            self._tag(Role.CLOSE, node, pair, self._native(node, "dataRefEnd", f"</{node.name}>"))
        elif node.name in _OPENING:
            self._tag(Role.OPEN, node, _pair(node), self._native(node, "dataRef", node.text() or _start_tag(node)))
        elif node.name in _CLOSING:
            self._tag(Role.CLOSE, node, _pair(node), self._native(node, "dataRef", node.text() or _start_tag(node)))
        elif node.name in _SINGLE or not node.text():
            self._tag(Role.SINGLE, node, "", self._native(node, "dataRef", node.text() or _start_tag(node)))
        else:
            self._number += 1
            pair = f"{node.name} {self._number}"
            self._tag(Role.OPEN, node, pair, _start_tag(node))
            self.of(node)
            self._tag(Role.CLOSE, node, pair, f"</{node.name}>")

    def _tag(self, role: Role, node: _Node, pair: str, native: str) -> None:
        number = node.attributes.get("id", "")
        x = f' x="{number}"' if number.isdigit() else ""
        key = f"{node.name} {number}" if number else f"{node.name}  {native}"
        if role is Role.SINGLE:
            markup = f"<ph{x}>{escape(native)}</ph>"
        else:
            i = self._pairs.setdefault(pair, len(self._pairs) + 1)
            element = "bpt" if role is Role.OPEN else "ept"
            markup = f'<{element} i="{i}"{x if role is Role.OPEN else ""}>{escape(native)}</{element}>'
        self._pieces.append(Tag(role, key, pair, markup))


def _pair(node: _Node) -> str:
    """What an opening and a closing element share: ``rid`` in 1.2, ``startRef`` in 2, else ``id``."""
    shared = ("rid", "startRef", "id")
    return next((node.attributes[name] for name in shared if node.attributes.get(name)), "")


def _start_tag(node: _Node) -> str:
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in node.attributes.items())
    return f"<{node.name}{attributes}>"


def _character(node: _Node) -> str:
    """``cp`` stands for a character that XML cannot hold; the memory drops those. Half characters and NUL are dropped
    here: no file or table of ours can hold them."""
    try:
        character = chr(int(node.attributes.get("hex", "")[:8], 16))
    except (ValueError, OverflowError):
        return ""
    return "" if character == "\0" or "\ud800" <= character <= "\udfff" else character
