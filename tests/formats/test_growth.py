"""Twice the file costs a reader twice the work, or is refused with a message: counted, not timed."""

import sys
import unicodedata
from random import Random

import pytest

from tests.formats.nasty import SHAPES, docx, tmx
from tests.formats.nasty import po as po_file
from tests.formats.operations import Operations, count
from tm_core import identity
from tm_core.deposits import SUFFIXES, Kind, parse_name
from tm_core.errors import UnreadableDocument
from tm_core.identity import normalise
from tm_formats import xmlstream
from tm_formats.bilingual import read_locale, read_memory
from tm_formats.documents import read_document

#: Bytes of the smaller file of each shape; those that are refused need enough to meet their bound.
BYTES = 2_500
BEYOND = {
    "tmx languages and repeats": 26_000,
    "tmx repeats and notes": 16_000,
    "tmx long attribute": 400_000,
    "tmx long comment": 400_000,
    "xliff segments and notes": 24_000,
    "xliff 2 codes referred to": 30_000,
    "json long name above strings": 60_000,
    "html nested": 16_000,
    "html blocks in a line": 26_000,
    "csv languages": 10_000,
    "po msgid lines": 14_000,
    "po msgstr lines": 14_000,
    "po msgstr lines and empty marks": 14_000,
    "po msgctxt lines": 14_000,
    "po plural lines": 14_000,
    "po header lines": 14_000,
    "po comments": 6_000,
    "po comments of two kinds": 6_000,
    "po comments and empty marks": 6_000,
    "txt marks": 5_000,
    "txt decomposed marks": 7_000,
}
#: Shapes that are refused, with words of the message.
REFUSED = {
    "tmx languages and repeats": "languages, one of them",
    "tmx repeats and notes": "properties. Make it several units",
    "xliff segments and notes": "properties each",
    "xliff 2 codes referred to": "the codes that the unit refers to",
    "po comments between keywords": "whose translation is missing",
    "json long name above strings": "its keys, joined over their levels",
    "json one key twice": "stands twice in one object",
    "json last key twice": "stands twice in one object",
    "html nested": "nested more than 2,000 deep",
    "html blocks in a line": "nested more than 2,000 deep",
}
#: What is called linear: 2 is exact; blocks and growing tables make it a little more.
MOST = 2.6
#: Operations below which a kind of them is not compared: buffers of the interpreter.
FEW = 4_000


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """What is made once, at the first long text, is no work of a file's."""
    normalise("é" * 2_000)


def read(name: str, data: bytes) -> str:
    """Read a file as the refresh does; what it says if it is refused."""
    try:
        kind = parse_name(name).kind
        if kind is Kind.MEMORY:
            for unit in read_memory(name, data, languages=("en", "de")):
                for variant in unit.variants:
                    normalise(variant.text)
        elif kind is Kind.LOCALE:
            for entry in read_locale(name, data).entries:
                normalise(entry.text)
        else:
            for paragraph in read_document(name, data).paragraphs:
                normalise(paragraph)
    except UnreadableDocument as error:
        return str(error)
    return ""


def counts(name: str, data: bytes) -> tuple[Operations, str]:
    message = ""

    def work() -> None:
        nonlocal message
        message = read(name, data)

    return count(work), message


def grown(first: Operations, second: Operations) -> dict[str, float]:
    """The kinds of operations that grew by more than the file."""
    less = first.all()
    ratios = {kind: many / max(less[kind], FEW) for kind, many in second.all().items()}
    return {kind: round(ratio, 1) for kind, ratio in ratios.items() if ratio > MOST}


def test_the_shapes_are_many_and_of_every_format() -> None:
    assert len(SHAPES) > 60
    same = {"htm": "html", "xlf": "xliff", "sdlxliff": "xliff", "mqxliff": "xliff"}
    formats = {same.get(suffix, suffix) for suffix in SUFFIXES}
    assert {same.get(name.rpartition(".")[2], name.rpartition(".")[2]) for name, _ in SHAPES.values()} == formats
    assert {*REFUSED, *BEYOND} <= {*SHAPES}


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_file_is_twice_the_work(shape: str) -> None:
    name, make = SHAPES[shape]
    size = BEYOND.get(shape, BYTES)
    small, large = make(size), make(2 * size)
    assert 1.8 * len(small) < len(large) + 1_000
    read(name, make(100))  # what is made once is made now
    first, _ = counts(name, small)
    second, message = counts(name, large)
    assert REFUSED.get(shape, "") in message
    assert bool(message) == (shape in REFUSED), message
    assert first.lines > 10
    assert grown(first, second) == {}, (first, second)


# Bounds --------------------------------------------------------------------------------------------

#: What would cost memory without end -> name of the file, its bytes, and the words that refuse it.
BOUNDS = {
    "attributes of a tag": (
        "a.en.html",
        lambda: b"<p " + b" ".join(b"a%d" % n for n in range(10_001)) + b">key",
        "attributes",
    ),
    "depth of a page": ("a.en.html", lambda: b"<b>" * 2_001 + b"key", "nested more than 2,000 deep"),
    "a tag of XML": ("a.tmx", lambda: b"<tmx a='" + b"b" * (9 << 20), "a tag or comment at line 1 has more than"),
    "a unit's attributes": ("a.tmx", lambda: tmx(before=f"<prop type='{'b' * 2_000_001}'>c</prop>"), "characters"),
    "a unit's open code": ("a.tmx", lambda: tmx("<ph>" + "<sub x='1'>" * 200_000), "more than 2,000,000 characters"),
    "tags of a document": ("a.en.docx", lambda: docx("<w:p/>" * 4_000_001), "more than 4,000,000 tags"),
    "values of a locale": ("a.en.json", lambda: b'{"a": [' + b"1," * 1_000_001 + b"1]}", "more than 1,000,000 values"),
    "lines of a PO file": ("a.de.po", lambda: po_file("\n" * 2_000_001), "more than 2,000,000 lines"),
    "messages of a PO file": (
        "a.de.po",
        lambda: po_file('msgid "a"\nmsgstr "b"\n' * 400_001),
        "more than 400,000 messages",
    ),
}


@pytest.mark.parametrize("bound", BOUNDS)
def test_what_could_fill_memory_is_refused(bound: str) -> None:
    name, make, words = BOUNDS[bound]
    assert words in read(name, make())


# Marks ---------------------------------------------------------------------------------------------


def test_the_order_of_marks_changes_no_text() -> None:
    """Against unicodedata itself: what is stored stays what it was."""
    random = Random(12)
    marks = [*identity._long_runs().pattern[1:-6], "\u0344", "\u0340"]
    assert len(marks) > 900
    for _ in range(300):
        runs = (random.choices(marks, k=random.choice((0, 1, 3, 40, 200))) for _ in range(40))
        text = "".join(random.choice("aéǖᾂ한각क\u0f71z \u1100") + "".join(run) for run in runs)
        if len(text) > identity._SHORT_CHARS:
            assert normalise(text) == unicodedata.normalize("NFC", " ".join(text.split()))


def test_no_mark_is_beyond_the_planes_that_are_looked_at() -> None:
    marks = [number for number in range(sys.maxunicode + 1) if unicodedata.combining(chr(number))]
    assert len(marks) > 900
    assert max(marks) < identity._MARKS_END


# What the counts see -------------------------------------------------------------------------------


class Bag:
    text = ""


def test_text_put_together_piece_by_piece_is_seen() -> None:
    def join(pieces: int) -> None:
        bag = Bag()
        for _ in range(pieces):
            bag.text += "abcd"

    assert "allocated" in grown(count(lambda: join(1_000)), count(lambda: join(2_000)))


def test_a_search_in_a_loop_is_seen() -> None:
    def search(size: int) -> None:
        items = list(range(size))
        for item in items:
            items.count(item)

    assert grown(count(lambda: search(500)), count(lambda: search(1_000))) == {"scanned": 4.0}


def test_sorting_marks_by_insertion_is_seen() -> None:
    def sort(size: int) -> None:
        identity.unicodedata.normalize("NFC", "a" + "\u0301\u0316" * size)

    assert grown(count(lambda: sort(500)), count(lambda: sort(1_000))) == {"swaps": 4.0}


def test_a_tag_given_again_is_seen() -> None:
    def parse(blocks: int) -> None:
        parser = xmlstream.expat.ParserCreate("utf-8")
        for block in (b"<a b='", *[b"c" * 1_000] * blocks, b"'/>"):
            parser.Parse(block, False)

    assert grown(count(lambda: parse(50)), count(lambda: parse(100))).keys() == {"rescanned"}
