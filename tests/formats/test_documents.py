"""Documents are read without loss, or refused by name with the reason: never a replacement character."""

import gzip
import io
import pickle
import zipfile

import pytest

from tests.growth import assert_linear
from tm_core.errors import UnreadableDocument
from tm_formats.documents import MAX_BYTES, read_document

GERMAN = "Über die Straße gehen wir schön müde.\n\nDann fröhlich „heim“ – größer als vorher."
FRENCH = "L’œuvre est achevée à l’été, c’est sûr.\n\nLe garçon naïf reçut très tôt une réponse."
POLISH = "Zażółć gęślą jaźń, proszę państwa.\n\nŁódź płynie wciąż dalej."
RUSSIAN = "Привет, мир! Как дела сегодня?\n\nСпасибо, очень хорошо."
JAPANESE = "これはペンです。とても安いです。\n\n明日また来てください。"
CHINESE = "这是一个测试。今天天气很好。\n\n明天请再来。"


def zipped(name="a.txt", text="x"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def paragraphs(text):
    return tuple(text.split("\n\n"))


@pytest.mark.parametrize(
    ("encoding", "known"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le"), ("utf-16-le", "utf-16-le"),
     ("utf-16-be", "utf-16-be"), ("utf-32", "utf-32-le"), ("cp1252", "cp1252"), ("mac_roman", "mac_roman")],
)  # fmt: skip
def test_german_in_every_encoding(encoding, known):
    document = read_document("a.de.txt", GERMAN.encode(encoding))
    assert (document.paragraphs, document.encoding) == (paragraphs(GERMAN), known)


@pytest.mark.parametrize(
    ("lang", "text", "encoding"),
    [
        ("fr", FRENCH, "cp1252"),
        ("fr", FRENCH.replace("œ", "oe").replace("’", "'"), "latin-1"),
        ("pl", POLISH, "cp1250"),
        ("pl", POLISH, "iso8859_2"),
        ("ru", RUSSIAN, "cp1251"),
        ("ru", RUSSIAN, "koi8_r"),
        ("ja", JAPANESE, "cp932"),
        ("ja", JAPANESE, "euc_jp"),
        ("ja", JAPANESE, "utf-16-le"),
        ("zh", CHINESE, "gb18030"),
        ("zh-TW", "這是一個測試。今天天氣很好。\n\n明天請再來。", "big5"),
    ],
)
def test_old_encodings_by_the_language_of_the_name(lang, text, encoding):
    document = read_document(f"raw/s/2026-01-01/a.{lang}.txt", text.encode(encoding))
    assert document.paragraphs == paragraphs(text)
    assert any("read as" in note for note in document.notes)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.de.txt", b"", "empty (0 bytes)"),
        ("a.de.txt", b" \n\t\r\n ", "only white space"),
        ("a.de.txt", "\ufeff \u00a0".encode(), "only white space"),
        ("a.de.txt", b"abc\0def", "NUL bytes, the first at byte 3"),
        ("a.de.txt", b"text\0\0\0\x01more" * 50, "NUL bytes"),
        ("a.de.txt", zipped(), "it is a zip archive"),
        ("a.de.txt", zipped("word/document.xml"), "a Word document (.docx)"),
        ("a.de.html", zipped("mimetype", "application/epub+zip"), "an EPUB book"),
        ("a.de.txt", b"%PDF-1.7 ...", "a PDF"),
        ("a.de.html", gzip.compress(b"<p>x</p>", mtime=0), "gzip-compressed"),
        ("a.de.txt", b"\xff\xfea\x00b", "begins with the mark of utf-16-le but is not"),
        ("a.de.txt", GERMAN.encode() * 9 + b"\xfc" + GERMAN.encode(), "0xFC"),
        ("a.de.html", b"<html><script>var x = 'text';</script><style>p {}</style></html>", "no text in it"),
        ("a.de.html", b"<div>" * 5000 + b"deep", "nested more than"),
        ("a.de.pdf", b"x", "no reader for this suffix"),
        ("a.de.txt", b"x" * (MAX_BYTES + 1), "more than"),
    ],
)
def test_refused_by_name_with_the_reason(name, data, reason):
    with pytest.raises(UnreadableDocument) as caught:
        read_document(name, data)
    message = str(caught.value)
    assert message.startswith(name + ": ")
    assert reason in message
    assert message.endswith("It was left out and nothing else is affected.")
    assert str(pickle.loads(pickle.dumps(caught.value))) == message


def test_english_in_utf16_without_a_mark():
    # Its bytes are well-formed UTF-8 too, with NULs.
    document = read_document("a.en.txt", "Plain English text.".encode("utf-16-be"))
    assert (document.paragraphs, document.encoding) == (("Plain English text.",), "utf-16-be")


def test_no_encoding_is_guessed_for_noise():
    noise = bytes((number * 73 + 41) % 256 or 1 for number in range(4000))
    with pytest.raises(UnreadableDocument):
        read_document("a.de.txt", noise)


def test_a_file_cut_within_a_character_is_read_and_noted():
    document = read_document("a.de.txt", "Das ist schön".encode()[:-2])
    assert document.paragraphs == ("Das ist sch",)
    assert "cut short" in document.notes[0]


@pytest.mark.parametrize("name", ["a.de.txt", "a.de.html"])
def test_a_line_of_20_mb_is_read_in_linear_time(name):
    data = b"Das ist ein Satz ohne Ende und " * 650_000
    document = read_document(name, data)
    assert_linear(lambda size: read_document(name, data[:size]), 500_000, name)
    assert len(document.paragraphs) == 1
    assert len(document.paragraphs[0].strip()) == len(data) - 1


def test_text_paragraphs():
    assert read_document("a.de.txt", b"Kopf\r\n\r\nZeile eins\r\nzwei\r\n \t\r\n\r\nEnde").paragraphs == (
        "Kopf",
        "Zeile eins\nzwei",
        "Ende",
    )


def test_text_without_blank_lines_is_a_paragraph_a_line_unless_wrapped():
    lines = read_document("a.de.txt", b"Ein Satz.\nNoch einer.\nUnd der dritte.")
    assert (len(lines.paragraphs), len(lines.notes)) == (3, 1)
    wrapped = read_document("a.de.txt", b"Ein Satz, der am Ende der\nZeile weitergeht und erst in der\ndritten endet.")
    assert (len(wrapped.paragraphs), wrapped.notes) == (1, ())


PAGE = """<!DOCTYPE html><html lang=de><head><meta charset="utf-8"><title>Titel &amp; mehr</title>
<script>var kein = "Text";</script><style>p { color: red }</style></head><body>
<nav><ul><li>Start</li><li>Hilfe</li></ul></nav>
<h1>Kopf<br>zeile</h1>
Loser <b>fett</b>er Text <!-- Bemerkung --> hier
<p>Erster&nbsp;Absatz mit <a href="#">Ver<i>weis</i></a>.
<p>Zweiter ohne Ende<br><br>und nach zwei Umbrüchen
<ul><li>eins<li>zwei <ul><li>innen</ul></ul>
<table><caption>Tafel</caption><tr><th>A</th><td>1 &lt; 2</td></tr></table>
<pre>Zeile 1
  Zeile 2</pre>
<p hidden>versteckt</p><div style="display:none">auch</div><template>nicht</template><noscript>nein</noscript>
<p><ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp>字</ruby> bleibt</p>
<aside>Am Rand</aside><footer>Fuß</footer></div></p></body></html>"""


def test_html_is_read_block_by_block():
    document = read_document("a.de.html", PAGE.encode())
    assert document.paragraphs == (
        "Titel & mehr",
        "Kopf\nzeile",
        "Loser fetter Text hier",
        "Erster\u00a0Absatz mit Verweis.",
        "Zweiter ohne Ende",
        "und nach zwei Umbrüchen",
        "eins",
        "zwei",
        "innen",
        "Tafel",
        "A",
        "1 < 2",
        "Zeile 1\nZeile 2",
        "漢字 bleibt",
        "Am Rand",
        "Fuß",
    )
    assert document.notes == ("left out 2 texts of navigation",)


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="windows-1251">', "cp1251"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r"),
        ('<?xml version="1.0" encoding="iso-8859-5"?>', "iso8859-5"),
        ('<meta charset="no-such-thing">', "cp1251"),
        ("", "cp1251"),
    ],
)
def test_html_declares_its_charset(head, encoding):
    document = read_document("a.ru.html", f"{head}<p>Привет, мир</p><p>Как дела?</p>".encode(encoding))
    assert document.paragraphs == ("Привет, мир", "Как дела?")


def test_html_that_says_latin1_means_cp1252():
    data = '<meta charset="iso-8859-1"><p>„so“ – 5 €</p>'.encode("cp1252")
    assert read_document("a.de.htm", data).paragraphs == ("„so“ – 5 €",)


@pytest.mark.parametrize(
    "page",
    [
        b"<p>un<b>clo<i>sed</b> ta</i>gs",
        b"</p></div>un<p/>closed tags",
        b"<p>unclosed tags<",
        b"unclosed tags</html></html>",
    ],
)
def test_broken_html_keeps_its_text(page):
    assert " ".join(read_document("a.en.html", page).paragraphs).replace(" ", "").startswith("unclosedtags")


def test_what_is_not_to_be_translated_is_kept_in_a_line_and_left_out_as_a_block():
    page = """<p>Press <code translate="no">--force</code> now.</p><p translate=no>SELECT <b>1</b></p>
<div class="big notranslate"><p>ACME</p></div><p translate="yes">Yes.</p>"""
    document = read_document("a.en.html", page.encode())
    assert document.paragraphs == ("Press --force now.", "Yes.")
    assert document.notes == ("left out 2 blocks that are not to be translated",)


def test_texts_of_attributes_and_fields_are_reported():
    page = """<p>x<img alt="A pump" title="Cut open"><img alt=""><input placeholder="Number" value="7"></p>
<input type=submit value="Send it"><button aria-label="Close">y</button><textarea>Text</textarea>
<div hidden><img alt="unseen"></div>"""
    document = read_document("a.en.html", page.encode())
    assert document.paragraphs == ("x", "y")
    counts = "alt 1, aria-label 1, placeholder 1, textarea 1, title 1, value 1"
    assert document.notes == (f"left out texts of attributes and form fields: {counts}",)


def test_html_loads_nothing(tmp_path):
    (tmp_path / "secret").write_text("geheim")
    page = f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><p>a &x; b</p>'
    assert "geheim" not in "".join(read_document("a.de.html", page.encode()).paragraphs)
