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
        (TMX.replace('"EN-us"', '"qq"'), "line 6 has the language 'qq'"),
        (TMX.replace('lang="de"', 'x="de"'), "line 7 has no language"),
        (tmx_of("<tu></tu>"), "no <tuv> with a <seg>"),
        (tmx_of('<tu><tuv xml:lang="en"></tuv></tu>'), "no <tuv> with a <seg>"),
        (tmx_of(tu("<b>x</b>")), "<b> inside <seg> at line 1"),
        (tmx_of(f"<tu>{tu()}</tu>"), "begins inside another"),
        (tmx_of(""), "no unit in it"),
        ('<tmx version="1.4"><header/></tmx>', "no <body>"),
        ("<html><body/></html>", "outermost element is <html>"),
        ("", "empty (0 bytes)"),
        (TMX.encode("latin-1"), "not utf-8"),
        (TMX.replace("UTF-8", "nonsense"), "unknown encoding 'nonsense'"),
        (tmx_of(tu("x" * (tmx.MAX_UNIT_CHARS + 1))), "more than 2,000,000 characters"),
        (tmx_of(tu("a\0b")), "no whole XML"),
        (b"PK\x03\x04word/", "a Word document"),
    ],
)
def test_broken_files_are_refused_whole(data, reason):
    # The error comes from the call: a broken file never hands out its first units.
    with pytest.raises(UnreadableDocument) as caught:
        read_memory("deposit/a.tmx", data if isinstance(data, bytes) else data.encode())
    assert str(caught.value).startswith("deposit/a.tmx: ")
    assert reason in str(caught.value)


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
