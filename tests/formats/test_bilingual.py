"""Locales and TMX: read whole or refused whole, with line and reason."""

import dataclasses
import io
import tracemalloc

import pytest

from tm_core.documents import BilingualUnit, Variant
from tm_core.errors import UnreadableDocument
from tm_formats import tmx
from tm_formats.bilingual import read_locale, read_memory

TMX = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header creationtool="t" srclang="en-US" segtype="sentence"/>
<body>
<tu tuid="k1" creationdate="20260101T000000Z"><prop type="file">a.txt</prop><note>one</note><note>two</note>
<tuv xml:lang="EN-us" changeid="ann"><prop type="x">p</prop><seg>Press <bpt i="1" type="bold">&lt;b&gt;</bpt>OK<ept i="1">&lt;/b&gt;</ept> now<ph x="2"/>.</seg></tuv>
<tuv lang="de"><seg>Jetzt<ph x="2"/> <bpt i="1" type="bold">&lt;b&gt;</bpt>OK<ept i="1">&lt;/b&gt;</ept> drücken.</seg></tuv></tu>
<tu><tuv xml:lang="en"><seg>Plain &lt;1&gt; &amp; <hi type="i">high</hi></seg></tuv><tuv xml:lang="fr"><seg></seg></tuv></tu>
</body></tmx>
"""  # noqa: E501 (the line numbers are part of the test)


def units(text, name="a.tmx"):
    return list(read_memory(name, text.encode() if isinstance(text, str) else text))


def tmx_of(body, head=""):
    return f'<?xml version="1.0"?>{head}<tmx version="1.4"><header/><body>{body}</body></tmx>'


def tu(source="a", target="b"):
    return f'<tu><tuv xml:lang="en"><seg>{source}</seg></tuv><tuv xml:lang="de"><seg>{target}</seg></tuv></tu>'


def test_a_unit_has_everything_the_file_says():
    first, second = units(TMX)
    assert (first.key, first.line, second.line) == ("k1", 5, 8)
    assert [(variant.lang, variant.text) for variant in first.variants] == [
        ("en-US", "Press <1>OK</1> now<2/>."),
        ("de", "Jetzt<2/> <1>OK</1> drücken."),
    ]
    assert first.variants[0].tags == {
        "<1>": '<bpt i="1" type="bold">&lt;b&gt;</bpt>',
        "</1>": '<ept i="1">&lt;/b&gt;</ept>',
        "<2/>": '<ph x="2"></ph>',
    }
    assert first.properties == {
        "creationdate": "20260101T000000Z",
        "srclang": "en-US",
        "prop:file": "a.txt",
        "note": "one",
        "note#2": "two",
        "en-US:changeid": "ann",
        "en-US:prop:x": "p",
    }


def test_text_that_looks_like_a_placeholder_stays_text():
    _, second = units(TMX)
    assert second.variants[0].text == "Plain <1> & <2>high</2>"
    assert set(second.variants[0].tags) == {"<2>", "</2>"}
    assert second.variants[1].text == ""


def test_unpaired_and_nested_elements():
    (unit,) = units(
        tmx_of(tu('<it pos="begin">x</it>a<ept i="9"/><hi>b<hi>c</hi></hi>', "<ph>o<sub>inner</sub></ph>d"))
    )
    assert [variant.text for variant in unit.variants] == ["<1/>a<2/><3>b<4>c</4></3>", "<5/>d"]
    assert unit.variants[1].tags == {"<5/>": "<ph>o<sub>inner</sub></ph>"}


def test_what_is_written_is_read_again():
    found = units(TMX)
    sink = io.BytesIO()
    assert tmx.write_tmx(sink, found) == 2
    again = units(sink.getvalue())
    assert [dataclasses.replace(unit, line=0) for unit in again] == [
        dataclasses.replace(unit, line=0) for unit in found
    ]


def test_written_text_is_escaped_and_without_controls():
    texts = ['a & b < c > d "e"', "]]>", "tab\tnew\nline", "bell\x07", "half\ud800", "<1> no tag"]
    sink = io.BytesIO()
    tmx.write_tmx(
        sink, [BilingualUnit(variants=(Variant(lang="en", text=text),), properties={"note": text}) for text in texts]
    )
    read = [unit.variants[0].text for unit in units(sink.getvalue())]
    assert read == [*texts[:3], "bell", "half", texts[5]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(encoding):
    assert len(units(TMX.encode(encoding))) == 2


def test_a_declared_encoding():
    text = '<?xml version="1.0" encoding="windows-1251"?>' + tmx_of(tu("hi", "Привет")).partition("?>")[2]
    assert units(text.encode("cp1251"))[0].variants[1].text == "Привет"


def test_a_language_twice_gives_two_units():
    body = tu("a", "b").replace("</tu>", '<tuv xml:lang="de"><seg>c</seg></tuv></tu>')
    assert [[variant.text for variant in unit.variants] for unit in units(tmx_of(body))] == [["a", "b"], ["a", "c"]]


LAUGHS = '<!DOCTYPE tmx [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (TMX[:-40], "no whole XML at line 8"),
        (TMX.replace("</seg>", "", 1), "no whole XML at line 6 (mismatched tag)"),
        (tmx_of(tu("&b;"), LAUGHS), "entity 'a' at line 1"),
        (tmx_of(tu("&x;"), '<!DOCTYPE tmx [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "entity 'x' at line 1"),
        (tmx_of(tu(), '<!DOCTYPE tmx [<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd"> %p;]>'), "entity 'p' at line 1"),
        (tmx_of(tu("&x;"), '<!DOCTYPE tmx SYSTEM "tmx14.dtd">'), "entity 'x'"),
        (tmx_of("<tu></tu>"), "no <tuv> with a <seg>"),
        (tmx_of('<tu><tuv xml:lang="en"></tuv></tu>'), "a <tuv> without a <seg>"),
        (tmx_of(f"<tu>{tu()}</tu>"), "begins inside another"),
        (tmx_of(""), "no unit in it"),
        ('<tmx version="1.4"><header/></tmx>', "no <body>"),
        ("<html><body/></html>", "outermost element is <html>"),
        ("", "empty (0 bytes)"),
        (TMX.encode("latin-1"), "not utf-8"),
        (TMX.replace("UTF-8", "nonsense"), "unknown encoding 'nonsense'"),
        (tmx_of(tu("x" * (tmx.MAX_UNIT_CHARS + 1))), "more than 2,000,000 characters"),
        (tmx_of(tu("a\0b")), "a character that XML cannot hold"),
        (b"PK\x03\x04word/", "a Word document"),
    ],
)
def test_broken_files_are_refused_whole(data, reason):
    # The error comes from the call: a broken file never hands out its first units.
    with pytest.raises(UnreadableDocument) as caught:
        read_memory("deposit/a.tmx", data if isinstance(data, bytes) else data.encode())
    assert str(caught.value).startswith("deposit/a.tmx: ")
    assert reason in str(caught.value)


GOOD = tu("Good", "Gut")
DANISH = '<tu><tuv xml:lang="en"><seg>a</seg></tuv><tuv xml:lang="DA-01"><seg>b</seg></tuv>\
<tuv xml:lang="de"><prop type="x">p</prop><seg>c</seg></tuv></tu>'
BAD_UNITS = [
    ("<tu>\n</tu>", 0, "it has no <tuv> with a <seg>"),
    ('<tu tuid="7"/>', 0, "it has no <tuv> with a <seg>"),
    (tu().replace("<seg>", "<note>").replace("</seg>", "</note>"), 0, "it has a <tuv> without a <seg>"),
    ('<tu><tuv xml:lang="en"><seg>a</seg></tuv><tuv xml:lang="de"></tuv></tu>', 1, "it has a <tuv> without a <seg>"),
    (tu("a&#x1F;b"), 0, "it has a character that XML cannot hold"),
    (tu("a&#1;b"), 0, "it has a character that XML cannot hold"),
    (tu("a\x0cb"), 0, "it has a character that XML cannot hold"),
    (tu("a", "b").replace("<tu>", '<tu creationid="&#xB;">'), 0, "it has a character that XML cannot hold"),
    (DANISH, 1, "it has the language 'DA-01', which does not exist"),
    (DANISH.replace("DA-01", "x-private"), 1, "it has the language 'x-private', which does not exist"),
    (DANISH.replace(' xml:lang="DA-01"', ""), 1, "it has no language"),
]


@pytest.mark.parametrize(("bad", "kept", "reason"), BAD_UNITS)
def test_a_bad_unit_is_left_out_and_told_and_the_others_are_read(bad, kept, reason):
    data = tmx_of(f"{GOOD}\n{bad}\n{GOOD}").encode()
    told = []
    found = list(read_memory("a.tmx", data, left_out=lambda *one: told.append(one)))
    assert len(found) == 2 + kept
    assert [variant.text for variant in found[-1].variants] == ["Good", "Gut"]
    assert told[0] == (2, told[0][1])
    assert told[0][1].startswith(reason)
    with pytest.raises(UnreadableDocument, match="line 2: " + reason.partition("'")[0]):
        read_memory("a.tmx", data, strict=True)


def test_what_is_left_of_a_unit_with_an_unknown_language_is_its_other_texts():
    found = list(read_memory("a.tmx", tmx_of(DANISH).encode()))
    assert [(one.lang, one.text) for one in found[0].variants] == [("en", "a"), ("de", "c")]
    assert found[0].properties["de:prop:x"] == "p"


@pytest.mark.parametrize("size", range(65_500, 65_560, 7))
def test_a_forbidden_reference_is_found_wherever_a_block_ends(size):
    """Blocks have 65,536 bytes: the reference lies across their border for some of these sizes."""
    body = f"<!--{'x' * (size - len(tmx_of(GOOD)))}-->{tu('a&#x1F;b')}{GOOD}"
    told = []
    found = list(read_memory("a.tmx", tmx_of(GOOD + body).encode(), left_out=lambda *one: told.append(one)))
    assert len(found) == 2
    assert len(told) == 1


def test_an_element_that_tmx_does_not_know_is_a_tag_and_its_text_is_text():
    one = tu('Press <b class="k">OK</b><br/> now', "Jetzt <b>OK</b><br/> drücken")
    unit = next(iter(read_memory("a.tmx", tmx_of(one).encode())))
    assert [variant.text for variant in unit.variants] == [
        "Press <1>OK</1><2></2> now", "Jetzt <3>OK</3><2></2> drücken",
    ]  # fmt: skip
    sink = io.BytesIO()
    tmx.write_tmx(sink, [unit])
    again = next(iter(read_memory("a.tmx", sink.getvalue(), strict=True)))
    assert [variant.text for variant in again.variants] == [variant.text for variant in unit.variants]


def test_memory_does_not_grow_with_the_file():
    def peak(count):
        sink = io.BytesIO()
        tmx.write_tmx(sink, (unit for unit in units(TMX)[:1] * count))
        sink.seek(0)
        tracemalloc.start()
        assert sum(1 for _ in read_memory("a.tmx", sink)) == count
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(2000) < 2 * peak(500)


@pytest.mark.parametrize("name", ["a.de.json", "a.tmx"])
def test_another_suffix_is_refused(name):
    reader = read_memory if name.endswith("json") else read_locale
    with pytest.raises(UnreadableDocument, match="no reader for this suffix"):
        reader(name, b"{}")


def test_a_locale_is_flattened_in_file_order():
    locale = read_locale(
        "a.de.json", '{"b": {"x": "Über", "n": 3}, "a": ["eins", {"k": "zwei"}], "e": "", "z": null}'.encode()
    )
    assert [(entry.key, entry.text) for entry in locale.entries] == [
        ("b.x", "Über"),
        ("a.0", "eins"),
        ("a.1.k", "zwei"),
    ]
    assert locale.notes == ("left out 2 values that are not text", "left out 1 empty strings")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_locale_encodings(encoding):
    assert read_locale("a.de.json", '{"k": "schön"}'.encode(encoding)).entries[0].text == "schön"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty (0 bytes)"),
        (b'{"a": "x",}', "not JSON at line 1, column"),
        (b'{"a":\n "x"', "not JSON at line 2"),
        (b'["x"]', "not an object"),
        (b'"x"', "not an object"),
        (b'{"a": "x", "a": "y"}', "the key 'a' stands twice"),
        (b'{"a.b": "x", "a": {"b": "y"}}', "two strings have the key 'a.b'"),
        (b'{"a":' * 70 + b'"x"' + b"}" * 70, "nested deeper than 64"),
        (b'{"a":' * 100_000, "nested deeper than 64"),
        (b'{"n": 1}', "no text in it"),
    ],
)
def test_broken_locales_are_refused(data, reason):
    with pytest.raises(UnreadableDocument) as caught:
        read_locale("a.de.json", data)
    assert reason in str(caught.value)


def test_half_characters_are_left_out_and_noted():
    locale = read_locale("a.de.json", b'{"a": "\\ud800", "b": "ok", "n": ' + b"1" * 5000 + b"}")
    assert [entry.key for entry in locale.entries] == ["b"]
    assert "left out 1 strings with half characters" in locale.notes
