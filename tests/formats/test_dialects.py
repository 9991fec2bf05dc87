"""XLIFF, PO, CSV and TSV, and TMX as each tool writes it: small files written for this test in every dialect."""

from typing import Any

import pytest

from tm_core.documents import BilingualUnit
from tm_core.errors import UnreadableDocument
from tm_formats import bilingual, delimited, xliff
from tm_formats.bilingual import Place, place_of, read_memory
from tm_formats.hints import Columns

Told = list[tuple[int, str]]


def read(name: str, text: str | bytes, **more: Any) -> tuple[list[BilingualUnit], Told]:
    told: Told = []
    data = text if isinstance(text, bytes) else text.encode()
    units = list(read_memory(name, data, left_out=lambda line, reason: told.append((line, reason)), **more))
    return units, told


def texts(units: list[BilingualUnit]) -> list[tuple[str, ...]]:
    return [tuple(variant.text for variant in unit.variants) for unit in units]


# TMX ------------------------------------------------------------------------------------------------

OMEGAT = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx11.dtd">
<tmx version="1.1">
  <header creationtool="OmegaT" o-tmf="OmegaT TMX" adminlang="EN-US" datatype="plaintext" creationtoolversion="6.0.0"
    segtype="sentence" srclang="en-US"/>
  <body>
    <tu>
      <note>a note</note>
      <prop type="file">intro.txt</prop>
      <prop type="prev">Before it.</prop>
      <prop type="next">After it.</prop>
      <tuv lang="en-US"><seg>Open</seg></tuv>
      <tuv lang="de" changeid="ann" changedate="20260102T030405Z" creationid="ann" creationdate="20260101T000000Z">
        <seg>Öffnen</seg></tuv>
    </tu>
    <tu>
      <prop type="id">menu.open</prop>
      <tuv lang="en-US"><seg>Open</seg></tuv><tuv lang="de"><seg>Auf</seg></tuv>
    </tu>
  </body>
</tmx>
"""

TRADOS = """<?xml version="1.0" encoding="utf-8"?>
<tmx version="1.4"><header creationtool="SDL Language Platform" creationtoolversion="8.1" o-tmf="SDL TM8 Format"
 datatype="xml" segtype="sentence" adminlang="en-GB" srclang="en-GB" creationdate="20260101T000000Z" creationid="X\\ann">
<prop type="x-Recognizers">RecognizeAll</prop></header><body>
<tu creationdate="20260101T000000Z" creationid="X\\ann" changedate="20260102T000000Z" changeid="X\\ann" lastusagedate="20260103T000000Z" usagecount="2">
<prop type="x-LastUsedBy">X\\ann</prop><prop type="x-Context">1, 2</prop><prop type="x-Context">3, 4</prop>
<prop type="x-IdContext">btn_ok</prop><prop type="x-ConfirmationLevel">ApprovedTranslation</prop>
<tuv xml:lang="en-GB"><seg>Press <bpt i="1" type="8" x="1" /><ph x="2" type="10" />OK<ept i="1" /></seg></tuv>
<tuv xml:lang="de-DE"><seg><ph x="2" type="10" /><bpt i="1" type="8" x="1" />OK<ept i="1" /> drücken</seg></tuv></tu>
</body></tmx>
"""  # noqa: E501

MEMOQ = """<?xml version="1.0" encoding="utf-8"?>
<tmx version="1.4"><header creationtool="MemoQ" creationtoolversion="10.0" segtype="sentence" adminlang="en-us"
 srclang="en" o-tmf="MemoQTM" datatype="unknown"><prop type="defclient">C</prop></header><body>
<tu changedate="20260102T030405Z" creationdate="20260101T000000Z" creationid="ann" changeid="ann">
<prop type="client">C</prop><prop type="corrected">no</prop><prop type="aligned">no</prop><prop type="x-document">a.docx</prop>
<tuv xml:lang="en"><prop type="x-context-pre">&lt;seg&gt;Before it.&lt;/seg&gt;</prop>
<prop type="x-context-post">&lt;seg&gt;After it.&lt;/seg&gt;</prop><seg>Open<ph>&lt;br /&gt;</ph></seg></tuv>
<tuv xml:lang="de"><seg>Öffnen<ph>&lt;br /&gt;</ph></seg></tuv></tu></body></tmx>
"""  # noqa: E501

MYMEMORY = """<?xml version="1.0" encoding="UTF-8"?>
<tmx version="1.4"><header creationtool="MyMemory" creationtoolversion="1.0" datatype="plaintext" segtype="block"
 o-tmf="MyMemory" adminlang="en-US" srclang="en-GB"/><body>
<tu tuid="0815" srclang="en-GB" datatype="Text" creationdate="20260101T000000Z" changedate="20260101T000000Z" creationid="MyMemory_ab" changeid="MyMemory_ab">
<prop type="tda-type">TM</prop><prop type="x-reference-count">1</prop><prop type="x-user-id">u</prop>
<tuv xml:lang="en-GB" creationid="u"><seg>Good &amp; cheap</seg></tuv><tuv xml:lang="de-DE"><seg>Gut &amp; billig</seg></tuv></tu>
</body></tmx>
"""  # noqa: E501

WEBLATE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
  <header creationtool="Translate Toolkit" creationtoolversion="3.13.3" segtype="sentence" o-tmf="UTF-8" adminlang="en"
   srclang="en" datatype="PlainText"/>
  <body><tu><note>shown on the button</note><tuv xml:lang="en"><seg>Save</seg></tuv>
  <tuv xml:lang="pt_BR"><seg>Salvar</seg></tuv></tu></body>
</tmx>
"""


@pytest.mark.parametrize(
    ("text", "place", "found", "properties"),
    [
        (OMEGAT, Place(before="Before it.", after="After it."), ("Open", "Öffnen"), {"prop:file": "intro.txt"}),
        (TRADOS, Place(key="btn_ok"), ("Press <1><2/>OK</1>", "<2/><1>OK</1> drücken"), {"prop:x-Context#2": "3, 4"}),
        (MEMOQ, Place(before="Before it.", after="After it."), ("Open<1/>", "Öffnen<1/>"), {"prop:client": "C"}),
        (MYMEMORY, Place(key="0815"), ("Good & cheap", "Gut & billig"), {"creationid": "MyMemory_ab"}),
        (WEBLATE, Place(), ("Save", "Salvar"), {"note": "shown on the button"}),
    ],
    ids=["omegat", "trados", "memoq", "mymemory", "weblate"],
)
def test_each_tool_s_tmx(text: str, place: Place, found: tuple[str, str], properties: dict[str, str]) -> None:
    units, _ = read("a.tmx", text)
    assert texts(units)[0] == found
    assert place_of(units[0], units[0].variants[0].lang) == place
    assert properties.items() <= units[0].properties.items()


def test_omegat_s_id_is_a_key() -> None:
    units, _ = read("a.tmx", OMEGAT)
    assert place_of(units[1], "en-US") == Place(key="menu.open")
    assert units[0].properties["de:changedate"] == "20260102T030405Z"


# XLIFF ----------------------------------------------------------------------------------------------


def xliff_of(body: str, more: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2" xmlns:sdl="http://sdl.com/FileTypes/SdlXliff/1.0"'
        ' xmlns:mq="MQXliff">\n'
        f'<file original="a.txt" source-language="en" target-language="de" datatype="plaintext"{more}><body>\n'
        f"{body}\n</body></file></xliff>\n"
    )


WEBLATE_XLIFF = """<trans-unit id="1" resname="menu.save" approved="yes" xml:space="preserve"><source>Save</source>
<target state="translated">Sichern</target><note from="developer">on the button</note></trans-unit>
<trans-unit id="2"><source>Open</source><target state="needs-translation">Offen</target></trans-unit>
<trans-unit id="3"><source>Close</source><target></target></trans-unit>
<trans-unit id="4" translate="no"><source>tm</source><target>tm</target></trans-unit>
<trans-unit id="5"><source>Old</source><alt-trans><target>Alt</target></alt-trans></trans-unit>"""

TRADOS_XLIFF = """<group><trans-unit id="9d1f"><source><g id="3">One house. Two houses.</g></source>
<seg-source><g id="3"><mrk mtype="seg" mid="1">One <g id="4">house</g>.</mrk> <mrk mtype="seg" mid="2">Two houses.</mrk>
<mrk mtype="seg" mid="3">Three.</mrk></g></seg-source>
<target><g id="3"><mrk mtype="seg" mid="1">Ein <g id="4">Haus</g>.</mrk> <mrk mtype="seg" mid="2">Zwei Häuser.</mrk>
<mrk mtype="seg" mid="3" /></g></target>
<sdl:seg-defs><sdl:seg id="1" conf="Translated"><sdl:value key="x">y</sdl:value></sdl:seg><sdl:seg id="2" conf="Draft"/>
<sdl:seg id="3"/></sdl:seg-defs></trans-unit></group>"""

MEMOQ_XLIFF = """<trans-unit id="1" mq:status="ManuallyConfirmed" mq:lastchangedtimestamp="2026-01-02T03:04:05Z">
<source xml:space="preserve">Open <bpt id="1">&lt;b&gt;</bpt>it<ept id="1">&lt;/b&gt;</ept><x id="2"/></source>
<target xml:space="preserve"><bpt id="1">&lt;b&gt;</bpt>Es<ept id="1">&lt;/b&gt;</ept> öffnen<x id="2"/></target></trans-unit>
<trans-unit id="2" mq:status="NotStarted"><source>Close</source><target>Zu</target></trans-unit>"""  # noqa: E501

XLIFF_2 = """<?xml version="1.0"?>
<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en-US" trgLang="de-DE">
<file id="f1" original="a.html"><unit id="u1" name="greeting"><notes><note>be polite</note></notes>
<originalData><data id="d1">&lt;b&gt;</data><data id="d2">&lt;/b&gt;</data><data id="d3">%s</data></originalData>
<segment id="s1" state="final"><source>Hi <pc id="1" dataRefStart="d1" dataRefEnd="d2">you</pc>, <ph id="2" dataRef="d3"/></source>
<target>Hallo <pc id="1" dataRefStart="d1" dataRefEnd="d2">du</pc>, <ph id="2" dataRef="d3"/></target></segment>
<ignorable><source> </source></ignorable>
<segment id="s2" state="initial"><source>Bye</source><target>Tschüs</target></segment>
<segment id="s3"><source><sc id="3"/>A<ec startRef="3"/><cp hex="0007"/></source><target><sc id="3"/>B<ec startRef="3"/></target></segment>
</unit></file></xliff>
"""  # noqa: E501


def test_xliff_of_weblate_and_the_translate_toolkit() -> None:
    units, told = read("a.xlf", xliff_of(WEBLATE_XLIFF))
    assert texts(units) == [("Save", "Sichern")]
    assert (units[0].key, units[0].line) == ("menu.save", 4)
    assert units[0].properties == {
        "prop:resname": "menu.save", "prop:approved": "yes", "prop:state": "translated", "note": "on the button",
        "prop:file": "a.txt", "prop:x-context-post": "Open",
    }  # fmt: skip
    assert [line for line, _ in told] == [6, 7, 8, 9]
    assert [reason.partition(":")[0] for _, reason in told] == [
        "its state is 'needs-translation'", "no translation", "not to be translated", "no translation",
    ]  # fmt: skip


def test_xliff_of_trados_is_read_segment_by_segment() -> None:
    units, told = read("a.sdlxliff", xliff_of(TRADOS_XLIFF))
    assert texts(units) == [("One <1>house</1>.", "Ein <1>Haus</1>.")]
    assert units[0].key == "9d1f/1"
    assert units[0].variants[0].tags == {
        "<1>": '<bpt i="1" x="4">&lt;g id="4"&gt;</bpt>',
        "</1>": '<ept i="1">&lt;/g&gt;</ept>',
    }
    assert [reason.partition(":")[0] for _, reason in told] == ["its state is 'Draft'", "no translation"]


def test_xliff_of_memoq() -> None:
    units, told = read("a.mqxliff", xliff_of(MEMOQ_XLIFF))
    assert texts(units) == [("Open <1>it</1><2/>", "<1>Es</1> öffnen<2/>")]
    assert units[0].properties["prop:mq:lastchangedtimestamp"] == "2026-01-02T03:04:05Z"
    assert told == [(7, "its state is 'NotStarted': a translator has not confirmed it")]


def test_xliff_2() -> None:
    units, told = read("a.xliff", XLIFF_2)
    assert texts(units) == [("Hi <1>you</1>, <2/>", "Hallo <1>du</1>, <2/>"), ("<1>A</1>\x07", "<1>B</1>")]
    assert [variant.lang for variant in units[0].variants] == ["en-US", "de-DE"]
    assert units[0].key == "greeting/s1"
    assert units[0].variants[0].tags["<1>"] == '<bpt i="1" x="1">&lt;b&gt;</bpt>'
    assert units[0].variants[0].tags["<2/>"] == '<ph x="2">%s</ph>'
    assert units[0].properties["note"] == "be polite"
    assert told == [(8, "its state is 'initial': a translator has not confirmed it")]


def test_a_prefix_on_every_element_changes_nothing() -> None:
    prefixed = XLIFF_2.replace("xmlns=", "xmlns:q=")
    for name in "xliff file unit notes note originalData data segment source target pc ph ignorable sc ec cp".split():
        prefixed = prefixed.replace(f"<{name} ", f"<q:{name} ").replace(f"<{name}>", f"<q:{name}>")
        prefixed = prefixed.replace(f"</{name}>", f"</q:{name}>")
    assert texts(read("a.xliff", prefixed)[0]) == texts(read("a.xliff", XLIFF_2)[0])


UNIT = '<trans-unit id="1"><source>a</source><target>b</target></trans-unit>'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (xliff_of(UNIT)[:-40], "no whole XML at line 4"),
        (xliff_of(UNIT.replace("</target>", "")), "no whole XML at line 4 (mismatched tag)"),
        (xliff_of(UNIT).replace("<xliff", '<!DOCTYPE x [<!ENTITY a "b">]><xliff'), "entity 'a' at line 2"),
        (xliff_of("&a;").replace("<xliff", '<!DOCTYPE x SYSTEM "http://127.0.0.1/x"><xliff'), "entity 'a'"),
        (xliff_of(UNIT).replace('"de"', '"qq"'), "line 3 has the language 'qq'"),
        (xliff_of(UNIT).replace(' target-language="de"', ""), "line 3 names no target language"),
        (xliff_of(UNIT).replace('"1.2"', '"3.0"'), "it is XLIFF 3.0"),
        (xliff_of("<trans-unit id='1'><source>a</source></trans-unit>"), "no translated unit"),
        (xliff_of(f"<trans-unit><source>{'x' * (xliff.MAX_UNIT_CHARS + 1)}</source></trans-unit>"), "2,000,000"),
        (xliff_of(f"<trans-unit>{'<g>' * 150}{'</g>' * 150}</trans-unit>"), "deeper than 100"),
        ("<tmx/>", "not XLIFF: its outermost element is <tmx>"),
        (b"PK\x03\x04xl/", "its content is not text"),
        ("", "empty"),
    ],
)  # fmt: skip
def test_a_broken_xliff_is_refused_whole(text: str | bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        read_memory("deposit/a.xlf", text if isinstance(text, bytes) else text.encode())
    assert str(caught.value).startswith("deposit/a.xlf: ")
    assert reason in str(caught.value)


# PO -------------------------------------------------------------------------------------------------

PO = r"""# Translators: nobody yet
msgid ""
msgstr ""
"Language: pl\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 ? 1 : 2);\n"

#. shown on the button
#: src/a.c:12 src/b.c:7
msgctxt "menu"
msgid "Open \"it\"\n"
msgstr ""
"Otwórz "
"\"to\"\n"

#, c-format
msgid "%d file"
msgid_plural "%d files"
msgstr[0] "%d plik"
msgstr[1] "%d pliki"
msgstr[2] "%d plików"

#, fuzzy
msgid "Close"
msgstr "Zamknij?"

msgid "Quit"
msgstr ""

#~ msgid "Old"
#~ msgstr "Stary"
"""


def test_po_with_plurals_contexts_fuzzy_and_obsolete() -> None:
    units, told = read("a.po", PO)
    assert texts(units) == [
        ('Open "it"\n', 'Otwórz "to"\n'), ("%d file", "%d plik"), ("%d files", "%d pliki"), ("%d files", "%d plików"),
    ]  # fmt: skip
    assert [(unit.key, unit.line) for unit in units] == [("menu", 8), ("", 16), ("", 16), ("", 16)]
    assert units[0].properties == {
        "prop:x-po-comment": "shown on the button",
        "prop:x-po-references": "src/a.c:12 src/b.c:7",
    }
    assert units[3].properties == {"prop:x-po-flags": "c-format", "prop:x-po-plural": "2"}
    assert {variant.lang for unit in units for variant in unit.variants} == {"en", "pl"}
    assert [reason.partition(":")[0] for _, reason in told] == ["fuzzy", "no translation", "obsolete"]


@pytest.mark.parametrize(
    ("name", "header", "languages", "found"),
    [
        ("a.po", r'"Language: pt_BR\n"', ("", ""), ["en", "pt-BR"]),
        ("a.po", r'"Language: ca@valencia\n"' + "\n" + r'"X-Source-Language: C\n"', ("", ""), ["en", "ca"]),
        ("a.po", r'"Language: de\n"' + "\n" + r'"X-Source-Language: fr\n"', ("", ""), ["fr", "de"]),
        ("a.po", r'"Language: sr@latin\n"', ("", ""), ["en", "sr-Latn"]),
        ("a.po", r'"Language: uz_UZ@cyrillic\n"', ("", ""), ["en", "uz-Cyrl-UZ"]),
        ("po/de.po", '""', ("", ""), ["en", "de"]),
        ("app.de.po", '""', ("", ""), ["en", "de"]),
        ("a.po", '""', ("fr", "de"), ["fr", "de"]),
    ],
)
def test_po_languages(name: str, header: str, languages: tuple[str, str], found: list[str]) -> None:
    units, _ = read(name, f'msgid ""\nmsgstr ""\n{header}\n\nmsgid "a"\nmsgstr "b"\n', languages=languages)
    assert [variant.lang for variant in units[0].variants] == found


def test_an_old_charset_that_the_header_declares() -> None:
    head = 'msgid ""\nmsgstr ""\n"Language: pl\\n"\n"Content-Type: text/plain; charset=ISO-8859-2\\n"\n\n'
    text = head + 'msgid "a"\nmsgstr "ąę"\n'
    assert texts(read("a.po", text.encode("iso-8859-2"))[0]) == [("a", "ąę")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PO.replace('"%d pliki"', '"%d pliki'), "line 20 is no PO"),
        (PO.replace('msgstr[1] "%d pliki"', "garbage"), "line 20 is no PO"),
        (PO.replace('msgid "Quit"\nmsgstr ""', 'msgid "Quit"\nmsgid "Again"\nmsgstr ""'), "line 28"),
        (PO[: PO.index('msgstr "Zamk')], "ends after 'msgid'"),
        (PO.replace(r'"Language: pl\n"', ""), "no Language"),
        (PO.replace("Language: pl", "Language: qq"), "language 'qq'"),
        ("/etc/passwd", "no message in it"),
        ('msgid ""\nmsgstr ""\n"Language: pl\\n"\n', "no translated message"),
        (PO.encode().replace(b"Stary", b"a\0b"), "NUL"),
        ("", "empty"),
    ],
)  # fmt: skip
def test_a_broken_po_is_refused_whole(text: str | bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        read_memory("a.po", text if isinstance(text, bytes) else text.encode())
    assert reason in str(caught.value)


# CSV and TSV ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        '#Note\nmsgid "a"\nmsgstr "b"\n',
        '#msgid "old"\n#,c-format\n#:a.c:1\nmsgid "a"\nmsgstr "b"\n',
        'msgid "a"\nmsgstr "b"\n\n#~msgid "old"\n#~msgstr ""\n#~"alt"\n',
    ],
)
def test_marks_of_po_without_a_space_are_read_as_msgfmt_does(body: str) -> None:
    units, _ = read("a.de.po", f'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n{body}')
    assert texts(units) == [("a", "b")]


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\v", "\f", "\x1c", "\x1e"])
def test_only_a_line_feed_ends_a_line_of_po(end: str) -> None:
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    units, _ = read("a.de.po", f'{head}# of{end}us\nmsgctxt "k{end}k"\nmsgid "a{end}b"\nmsgstr ""\n"c{end}d"\n')
    assert texts(units) == [(f"a{end}b", f"c{end}d")]
    assert (units[0].key, units[0].properties["note"]) == (f"k{end}k", f"of{end}us")


def trans_unit(source: str, target: str, more: str = "", of_target: str = "") -> str:
    return f"<trans-unit {more}><source>{source}</source><target {of_target}>{target}</target></trans-unit>"


def xliff_1(body: str) -> str:
    return f'<xliff version="1.2"><file source-language="en" target-language="de"><body>{body}</body></file></xliff>'


def test_what_a_tracked_change_deleted_is_gone() -> None:
    mrk = '<mrk mtype="x-sdl-{}">{}</mrk>'
    target = f"Der Lüfter ist {mrk.format('deleted', 'sehr ')}{mrk.format('added', 'recht ')}laut."
    source = "The {}fan is loud.".format(mrk.format("deleted", '<g id="1">old</g> '))
    units, _ = read("a.sdlxliff", xliff_1(trans_unit(source, target)))
    assert texts(units) == [("The fan is loud.", "Der Lüfter ist recht laut.")]


def test_what_a_machine_translated_is_left_out_or_marked() -> None:
    seg = '<sdl:seg-defs xmlns:sdl="x"><sdl:seg id="1" conf="Translated" origin="nmt"/></sdl:seg-defs>'
    body = (
        trans_unit("a", "b", of_target='state-qualifier="mt-suggestion"')
        + trans_unit("c", "d", of_target='state="translated" state-qualifier="leveraged-mt"')
        + trans_unit("e", "f").replace("</trans-unit>", f"{seg}</trans-unit>")
        + trans_unit("g", "h", of_target='state="final"')
    )
    units, told = read("a.xlf", xliff_1(body))
    assert texts(units) == [("c", "d"), ("e", "f"), ("g", "h")]
    assert told == [(1, "its state is 'mt-suggestion': a translator has not confirmed it")]
    assert [unit.properties.get("prop:x-tm-origin", "") for unit in units] == ["mt", "mt", ""]
    assert [bilingual.bead_of(unit, "en")["score"] for unit in units] == [0.5, 0.5, 1.0]


def test_translate_no_counts_for_what_is_in_a_file_or_group() -> None:
    group = '<group translate="no">{}<group translate="yes">{}</group>{}</group>{}'
    body = group.format(*(trans_unit(one, one.upper()) for one in "abcd"))
    units, told = read("a.xlf", xliff_1(body))
    assert texts(units) == [("b", "B"), ("d", "D")]
    assert [reason for _, reason in told] == ["not to be translated"] * 2
    file = xliff_1(trans_unit("a", "b") + trans_unit("c", "d", 'translate="yes"')).replace(
        "<file", '<file translate="no"'
    )
    assert texts(read("a.xlf", file)[0]) == [("c", "d")]
    segment = "<segment><source>{0}</source><target>{0}</target></segment>"
    head = '<xliff version="2.0" srcLang="en" trgLang="de"><file id="f"><group id="g" translate="no">'
    two = f'{head}<unit id="1">{segment.format("a")}</unit></group><unit id="2">{segment.format("b")}</unit>'
    two += "</file></xliff>"
    assert texts(read("a.xlf", two)[0]) == [("b", "b")]


def test_a_side_in_another_language_than_the_file_is_left_out_and_told() -> None:
    body = trans_unit("a", "b", of_target='xml:lang="fr"') + trans_unit("c", "d", of_target='xml:lang="deu-AT"')
    units, told = read("a.xlf", xliff_1(body))
    assert texts(units) == [("c", "d")]
    assert told == [(1, "its target is in 'fr', while the file says 'de'")]
    with pytest.raises(UnreadableDocument, match="line 1: its target is in 'fr'"):
        read_memory("a.xlf", xliff_1(body).encode(), strict=True)


def test_text_inside_an_element_that_xliff_does_not_know_is_text() -> None:
    body = trans_unit("Press <b>Control+R</b><br/> <i><b>now</b></i>", "<b>Strg+R</b><br/> <i><b>jetzt</b></i> drücken")
    (unit,), _ = read("a.xlf", xliff_1(body))
    assert unit.variants[0].text == "Press <1>Control+R</1><2/> <3><4>now</4></3>"
    assert unit.variants[1].text == "<1>Strg+R</1><2/> <3><4>jetzt</4></3> drücken"


def test_the_order_of_units_in_a_file_is_their_context() -> None:
    body = trans_unit("One.", "Eins.") + trans_unit("Two.", "") + trans_unit("Three.", "Drei.")
    second = '</body></file><file source-language="en" target-language="de"><body>' + trans_unit("Four.", "Vier.")
    units, _ = read("a.xlf", xliff_1(body + second))
    places = [bilingual.place_of(unit, "en") for unit in units]
    assert [(place.before, place.after) for place in places] == [("", "Two."), ("Two.", ""), ("", "")]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("&lt;seg&gt;Open it.&lt;/seg&gt;", "Open it."),
        ("&lt;seg&gt;Fish &amp;amp; chips.&lt;/seg&gt;", "Fish & chips."),
        (
            "&lt;seg&gt;A &lt;bpt i='1'&gt;{}&lt;/bpt&gt;lid&lt;ept i='1'&gt;{}&lt;/ept&gt;.&lt;/seg&gt;",
            "A <1>lid</1>.",
        ),
        ("&lt;seg&gt;A &lt;ph/&gt; lid.&lt;/seg&gt;", "A <1/> lid."),
        ("&lt;seg&gt;broken &lt;b lid&lt;/seg&gt;", "broken <b lid"),
        ("no seg &amp;amp; no", "no seg &amp; no"),
    ],
)
def test_a_neighbour_that_memoq_writes_as_a_segment_is_its_text(said: str, wanted: str) -> None:
    prop = f'<prop type="x-context-pre">{said}</prop>'
    tuvs = f'<tuv xml:lang="en">{prop}<seg>a</seg></tuv><tuv xml:lang="de"><seg>b</seg></tuv>'
    (unit,), _ = read("a.tmx", f'<tmx version="1.4"><header/><body><tu>{tuvs}</tu></body></tmx>')
    assert bilingual.place_of(unit, "en").before == wanted


@pytest.mark.parametrize("bad", ["&#x1F;", "&#11;", "\x02"])
def test_a_unit_of_xliff_with_a_forbidden_character_is_left_out(bad: str) -> None:
    def unit(text: str) -> str:
        return f'<trans-unit id="{len(text)}"><source>{text}</source><target>{text}</target></trans-unit>\n'

    head = '<xliff version="1.2"><file source-language="en" target-language="de"><body>\n'
    data = f"{head}{unit('a')}{unit('b' + bad)}{unit('c')}</body></file></xliff>"
    units, told = read("a.xlf", data)
    assert texts(units) == [("a", "a"), ("c", "c")]
    assert told == [(3, "it has a character that XML cannot hold, such as &#x1F;")]
    with pytest.raises(UnreadableDocument, match="line 3: it has a character"):
        read_memory("a.xlf", data.encode(), strict=True)


@pytest.mark.parametrize(
    ("name", "text", "languages"),
    [
        ("a.csv", 'en,de,key,comment\n"One, two",Eins,k1,why\n', ("", "")),
        ("a.csv", 'key;en_US;de-DE;comment\nk1;"One, two";Eins;why\n', ("", "")),
        ("a.csv", '\ufeffsource,target,id,note\r\n"One, two",Eins,k1,why\r\n', ("en", "de")),
        ("a.tsv", "en\tde\tcontext\tcomment\nOne, two\tEins\tk1\twhy\n", ("", "")),
        ("a.tsv", "src:en\ttgt:de\tkey\tcomment\nOne, two\tEins\tk1\twhy\n", ("", "")),
    ],
)
def test_headers(name: str, text: str, languages: tuple[str, str]) -> None:
    (unit,), _ = read(name, text, languages=languages)
    assert texts([unit]) == [("One, two", "Eins")]
    assert (unit.key, unit.line, unit.properties) == ("k1", 2, {"note": "why"})


@pytest.mark.parametrize(
    ("text", "languages", "wanted"),
    [
        ("Key,English,German\nk1,One,Eins\n", ("", ""), ("en", "de")),
        ("Kennung;Deutsch;Français\nk1;Eins;Un\n", ("", ""), ("de", "fr")),
        ("Schlüssel;Quelle;Ziel\nk1;One;Eins\n", ("en", "de"), ("en", "de")),
        ("Term,Translation\nOne,Eins\n", ("en", "de"), ("en", "de")),
        ("Key,Term,German\nk1,One,Eins\n", ("en", "de"), ("en", "de")),
        ("id,English (en-GB),Deutsch [de-AT]\nk1,One,Eins\n", ("", ""), ("en-GB", "de-AT")),
        ("Source: English,Target: German\nOne,Eins\n", ("", ""), ("en", "de")),
        ("en,id\nOne,Satu\n", ("en", "id"), ("en", "id")),
        ("id,fr\nSatu,Un\n", ("", ""), ("id", "fr")),
        ("eng_Latn,swh_Latn\nOne,Moja\n", ("en", "sw"), ("en-Latn", "sw-Latn")),
        ("Glossary,,\n,,\n2024-05-01,,\nKey,en,de\nk1,One,Eins\n", ("", ""), ("en", "de")),
        ("Glossary of the lamp\nen;de\nOne;Eins\n", ("", ""), ("en", "de")),
        ("sep=;\nen;de\nOne, two;Eins, zwei\n", ("en", "de"), ("en", "de")),
        ('"sep=\t"\nen\tde\nOne\tEins\n', ("en", "de"), ("en", "de")),
    ],
)
def test_headers_of_other_tools(text: str, languages: tuple[str, str], wanted: tuple[str, str]) -> None:
    (unit,), told = read("a.csv", text, languages=languages)
    assert tuple(one.lang for one in unit.variants) == wanted
    assert unit.variants[0].text in ("One", "Eins", "Satu", "One, two")
    assert all(reason == "stands above the header" for _, reason in told)


def test_a_line_number_counts_every_line_of_the_file() -> None:
    units, _ = read("a.csv", "sep=;\nTitle\nen;de\nOne;Eins\nTwo;Zwei\n")
    assert [unit.line for unit in units] == [4, 5]


def test_rows_that_a_translator_has_not_finished_are_left_out() -> None:
    head = "location,source,target,id,fuzzy,context,translator_comments,developer_comments\n"
    units, told = read(
        "a.csv", head + "a.c:1,One,Eins,,False,menu,,\na.c:2,Two,Zwei,,True,,,\n", languages=("en", "de")
    )
    assert [(unit.key, unit.line) for unit in units] == [("menu", 2)]
    assert told == [(3, "fuzzy: a translator has not confirmed it")]
    units, told = read("a.csv", "en,de,State\nOne,Eins,translated\nTwo,Zwei,Needs-Review\n")
    assert texts(units) == [("One", "Eins")]
    assert told == [(3, "its state is 'Needs-Review': a translator has not confirmed it")]


@pytest.mark.parametrize(
    "text",
    ["menu.open,Open the file,Datei öffnen,why\nmenu.save,Save,Sichern,\n", "Name,A,B\nk1,One,Eins\n", "k,One,Eins\n"],
)
def test_of_three_columns_without_a_header_none_is_guessed(text: str) -> None:
    with pytest.raises(
        UnreadableDocument, match=r"which of its [34] columns are en and de .*--columns source=2,target=3"
    ):
        read_memory("a.csv", text.encode(), languages=("en", "de"))
    units, _ = read("a.csv", text, languages=("en", "de"), columns=Columns(2, 3))
    assert texts(units)[-1] in (("Save", "Sichern"), ("One", "Eins"))


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", "\x1c", "\v"])
def test_a_message_quotes_a_header_in_one_line(end: str) -> None:
    for text in (f'"k{end}k",One,Eins\n', f'"German{end}",German,en\nEins,Eins,One\n'):
        with pytest.raises(UnreadableDocument) as refused:
            read_memory("a.csv", text.encode(), languages=("en", "de"))
        assert len(str(refused.value).splitlines()) == 1


def test_columns_that_are_named_win_over_the_header_and_leave_it_out() -> None:
    text = "Key,English,German,German\nk1,One,Eins,Ein\n"
    units, _ = read("a.csv", text, languages=("en", "de"), columns=Columns(2, 4))
    assert [(unit.key, *texts([unit])[0]) for unit in units] == [("k1", "One", "Ein")]
    for columns in (Columns(2, 5), Columns(2, 2)):
        with pytest.raises(UnreadableDocument, match=r"it has 4 columns, not the 2 and [25] that were named"):
            read_memory("a.csv", text.encode(), languages=("en", "de"), columns=columns)
    with pytest.raises(UnreadableDocument, match="Say --src and --tgt too"):
        read_memory("a.csv", text.encode(), columns=Columns(2, 3))


def test_without_a_header_two_columns_are_the_languages_asked_for() -> None:
    units, told = read("a.tsv", "One\tEins\nTwo\t\n\nThree\tDrei\n\tVier\n", languages=("en", "de"))
    assert [(unit.line, *texts([unit])[0]) for unit in units] == [(1, "One", "Eins"), (4, "Three", "Drei")]
    assert told == [(2, "no translation"), (5, "no source text")]


def test_a_quoted_field_may_hold_lines_and_delimiters() -> None:
    units, _ = read("a.csv", 'en,de\n"One\nline","Eine ""Zeile"""\nTwo,Zwei\n')
    assert [(unit.line, *texts([unit])[0]) for unit in units] == [(2, "One\nline", 'Eine "Zeile"'), (4, "Two", "Zwei")]


def test_escapes_are_read_in_our_own_tsv_and_others_backslashes_are_text() -> None:
    line = rb"tab\there" + b"\t" + rb"back\\slash\nline \\n" + b"\n"
    assert texts(read("a.tsv", b"src:en\ttgt:de\n" + line)[0]) == [("tab\there", "back\\slash\nline \\n")]
    assert texts(read("a.tsv", b'en\tde\nC:\\new\t"quoted\n')[0]) == [("C:\\new", '"quoted')]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_delimited_encodings(encoding: str) -> None:
    text = "en,de\n" + "Doors open,Türen öffnen\n" * 3
    assert texts(read("a.csv", text.encode(encoding))[0])[0] == ("Doors open", "Türen öffnen")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.csv", "en,de\nOne,Eins\nTwo,Zwei,x\n", "line 3 has 3 fields where the first line has 2"),
        ("a.csv", 'en,de\nOne,"Eins\nTwo,Zwei\n', "row that begins at line 2 is no CSV"),
        ("a.csv", 'en,de\nOne,"Eins"x\n', "row that begins at line 2 is no CSV"),
        ("a.tsv", "en\tde\nOne\n", "line 2 has 1 fields"),
        ("a.csv", "One,Eins\nTwo,Zwei\n", "names no two languages (it is 'One, Eins')"),
        ("a.csv", "en,en\nOne,Eins\n", "a language twice"),
        ("a.tsv", "src:qq\ttgt:de\nOne\tEins\n", "language 'qq'"),
        ("a.csv", "en,de\nOne,\n", "no unit in it"),
        ("a.csv", "en,de\nOne,Ei\0ns\n", "line 2 has a NUL"),
        ("a.tsv", "en\tde\nOne\t" + "x" * (delimited.MAX_LINE_CHARS * 2), "more than 2,000,000"),
        ("a.csv", f'en,de\nOne,"{"x" * 200_000}"\n', "no CSV (field larger than field limit"),
        ("a.csv", "", "empty"),
    ],
)  # fmt: skip
def test_a_broken_table_is_refused_whole(name: str, text: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        read_memory(name, text.encode())
    assert reason in str(caught.value)


def test_every_suffix_of_a_memory_has_a_reader() -> None:
    from tm_core.deposits import SUFFIXES, Kind
    from tm_formats import documents

    assert {suffix for suffix, kind in SUFFIXES.items() if kind is Kind.MEMORY} == set(bilingual._MEMORIES)
    assert {suffix for suffix, kind in SUFFIXES.items() if kind is Kind.DOCUMENT} == set(documents._READERS)
