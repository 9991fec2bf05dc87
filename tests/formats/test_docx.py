"""Word documents: text in reading order, and archives that are something else or unpack to too much."""

import io
import zipfile

import pytest

from tm_core.errors import UnreadableDocument
from tm_formats import docx
from tm_formats.documents import read_document

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'


def archive(parts: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return sink.getvalue()


def document(body: str, **more: str | bytes) -> bytes:
    xml = f'<?xml version="1.0" encoding="UTF-8"?><w:document {W} {MC}><w:body>{body}</w:body></w:document>'
    return archive({"[Content_Types].xml": "<Types/>", "word/document.xml": xml, **more})


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(*runs: str) -> str:
    return f"<w:p><w:pPr><w:rPr/></w:pPr>{''.join(runs)}</w:p>"


def paragraphs(data: bytes) -> tuple[str, ...]:
    return read_document("deposit/a.de.docx", data).paragraphs


def test_paragraphs_runs_tabs_and_tables_in_reading_order() -> None:
    table = (
        f"<w:tbl><w:tr><w:tc>{paragraph(run('cell 1'))}</w:tc><w:tc>{paragraph(run('cell 2'))}</w:tc></w:tr></w:tbl>"
    )
    link = f"<w:hyperlink>{run('link')}</w:hyperlink>"
    body = paragraph(run("One "), run("bold", "<w:b/>"), "<w:r><w:tab/></w:r>", link) + paragraph() + table
    assert paragraphs(document(body + paragraph(run("End &amp; out")))) == (
        "One bold\tlink", "cell 1", "cell 2", "End & out",
    )  # fmt: skip


def test_what_is_deleted_hidden_or_a_field_s_code_is_no_text() -> None:
    body = paragraph(
        run("kept"),
        f"<w:del>{run('gone').replace('w:t', 'w:delText')}</w:del>",
        f"<w:ins>{run(' added')}</w:ins>",
        run(" hidden", "<w:vanish/>"),
        run(" shown", '<w:vanish w:val="0"/>'),
        "<w:r><w:instrText>PAGE</w:instrText></w:r>",
    )
    assert paragraphs(document(body)) == ("kept added shown",)


def test_the_reading_above_a_word_is_no_text() -> None:
    ruby = f"<w:r><w:ruby><w:rt>{run('とうきょう')}</w:rt><w:rubyBase>{run('東京')}</w:rubyBase></w:ruby></w:r>"
    assert paragraphs(document(paragraph(ruby, run("に行く。")))) == ("東京に行く。",)


@pytest.mark.parametrize("mark", ["del", "moveFrom"])
def test_a_paragraph_whose_end_was_deleted_goes_on_with_the_next(mark: str) -> None:
    first = paragraph(run("One ")).replace("<w:rPr/>", f'<w:rPr><w:{mark} w:id="1" w:author="a"/></w:rPr>', 1)
    body = first + paragraph(run("sentence.")) + paragraph(run("Another."))
    assert paragraphs(document(body)) == ("One sentence.", "Another.")
    assert paragraphs(document(paragraph(run("x")) + first)) == ("x", "One ")


def style(name: str, properties: str = "", base: str = "") -> str:
    based = f'<w:basedOn w:val="{base}"/>' if base else ""
    return f'<w:style w:styleId="{name}">{based}<w:rPr>{properties}</w:rPr></w:style>'


def test_text_is_hidden_by_its_style_and_by_what_that_is_based_on() -> None:
    off = '<w:vanish w:val="0"/>'
    every = style("Secret", "<w:vanish/>") + style("Child", base="Secret") + style("Open", off, base="Secret")
    styles = f"<w:styles {W}>{every}{style('Loop', base='Loop')}</w:styles>"
    runs = [run(f"{name} ", f'<w:rStyle w:val="{name}"/>') for name in ("Secret", "Child", "Open", "Loop")]
    runs.append(run("own", f'<w:rStyle w:val="Secret"/>{off}'))
    whole = paragraph(run("whole")).replace("<w:pPr>", '<w:pPr><w:pStyle w:val="Child"/>')
    data = document(paragraph(*runs) + whole, **{"word/styles.xml": styles})
    assert paragraphs(data) == ("Open Loop own",)


def test_the_main_part_is_the_one_that_the_archive_names() -> None:
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    relation = f'<Relationship Id="r" Type="{kind}" Target="/word/document2.xml"/>'
    xml = f"<w:document {W}><w:body>{paragraph(run('text'))}</w:body></w:document>"
    notes = f"<w:footnotes {W}><w:footnote>{paragraph(run('a note'))}</w:footnote></w:footnotes>"
    parts: dict[str, str | bytes] = {
        "_rels/.rels": f'<Relationships xmlns="{space}">{relation}</Relationships>',
        "word/document2.xml": xml,
        "word/footnotes.xml": notes,
    }
    assert paragraphs(archive(parts)) == ("text", "a note")


@pytest.mark.parametrize(
    ("stream", "reason"), [("EncryptedPackage", "protected by a password"), ("WordDocument", "Word 97 to 2003")]
)
def test_a_password_and_an_old_format_are_told_as_such(stream: str, reason: str) -> None:
    data = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600) + stream.encode("utf-16-le") + bytes(600)
    with pytest.raises(UnreadableDocument, match=reason):
        paragraphs(data)


def test_a_text_box_comes_once_and_notes_at_the_end() -> None:
    box = f"<w:txbxContent>{paragraph(run('in the box'))}</w:txbxContent>"
    both = f"<mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
    notes = f"<w:footnotes {W}><w:footnote>{paragraph(run('a note'))}</w:footnote></w:footnotes>"
    data = document(paragraph(run("text"), f"<w:r>{both}</w:r>"), **{"word/footnotes.xml": notes})
    assert paragraphs(data) == ("text", "in the box", "a note")


BOMB = document(paragraph(run("a" * (docx._SMALL_BYTES * 40))))
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (BOMB, "it unpacks from"),
        (archive({"word/document.xml": LAUGHS + f"<w:document {W}>&b;</w:document>"}), "has a document type"),
        (archive({"xl/workbook.xml": "<x/>"}), "a zip archive without a Word document"),
        (archive({"EncryptedPackage": "x"}), "an encrypted document"),
        (archive({"word/document.xml": "<w:document"}), "its XML is damaged"),
        (document(paragraph())[:-30], "damaged archive"),
        (b"PK\x03\x04" + b"\0" * 100, "damaged archive"),
        (b"just text", "damaged archive"),
        (document(paragraph()), "no text in it"),
        (b"", "the file is empty"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        paragraphs(data)
    assert str(caught.value).startswith("deposit/a.de.docx: ")
    assert reason in str(caught.value)


def test_a_part_that_claims_to_be_small_is_not_unpacked_further() -> None:
    honest = document(paragraph(run("text " * 1000)))
    size = len(zipfile.ZipFile(io.BytesIO(honest)).read("word/document.xml"))
    lying = honest.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(UnreadableDocument, match="damaged"):
        paragraphs(lying)


def test_external_entities_and_deep_nesting_do_no_harm() -> None:
    nested = "<w:sdt>" * 5000 + paragraph(run("deep")) + "</w:sdt>" * 5000
    with pytest.raises(UnreadableDocument, match="its XML is damaged"):
        paragraphs(document(nested))
