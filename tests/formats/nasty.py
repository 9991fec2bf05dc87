"""Files of about so many bytes whose shape once cost a reader the square of their size, or might."""

import io
import zipfile
from collections.abc import Callable, Mapping

from tm_core.languages import is_language

XLIFF_1 = "urn:oasis:names:tc:xliff:document:1.2"
XLIFF_2 = "urn:oasis:names:tc:xliff:document:2.0"
PO = 'msgid ""\nmsgstr "Language: de\\nContent-Type: text/plain; charset=UTF-8\\n"\n\n'
REGIONS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def tmx(source: str = "key", before: str = "", sides: str = "") -> bytes:
    """A memory of one unit."""
    both = f'<tuv xml:lang="en"><seg>{source}</seg></tuv><tuv xml:lang="de"><seg>Taste</seg></tuv>'
    return f'<tmx version="1.4"><header srclang="en"/><body><tu>{before}{sides or both}</tu></body></tmx>'.encode()


def xliff(source: str = "key", target: str = "Taste", more: str = "") -> bytes:
    """A file of one unit, XLIFF 1.2."""
    unit = f'<trans-unit id="1"><source>{source}</source><target>{target}</target>{more}</trans-unit>'
    head = '<file source-language="en" target-language="de" original="x" datatype="plaintext">'
    return f'<xliff version="1.2" xmlns="{XLIFF_1}">{head}<body>{unit}</body></file></xliff>'.encode()


def xliff_2(source: str, more: str = "") -> bytes:
    """A file of one unit, XLIFF 2."""
    unit = f'<unit id="1">{more}<segment><source>{source}</source><target>Taste</target></segment></unit>'
    return (
        f'<xliff version="2.0" xmlns="{XLIFF_2}" srcLang="en" trgLang="de"><file id="f">{unit}</file></xliff>'.encode()
    )


def po(before: str = "", source: str = '"key"', target: str = '"Taste"', head: str = "") -> bytes:
    """A file of one message."""
    return (PO.rstrip("\n") + f"\n{head}\n{before}msgid {source}\nmsgstr {target}\n").encode()


def docx(body: str) -> bytes:
    """A document; stored, so that no bound of compression is met."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>')
    return whole.getvalue()


def nested(opening: str, inner: str, closing: str, size: int) -> str:
    """The text within as many levels as go."""
    levels = size // len(opening + closing)
    return opening * levels + inner + closing * levels


def times(text: str, size: int) -> str:
    """The text as often as it goes into so many bytes."""
    return text * (size // len(text.encode()))


def numbered(text: str, size: int) -> str:
    """The text as often as it goes, with ``@`` as a number of its own."""
    return "".join(text.replace("@", str(number)) for number in range(size // (len(text) + 3)))


def languages(text: str, size: int) -> str:
    """The text as often as it goes, with ``@`` as a language of its own; two letters and a region are most of them."""
    tags = [f"{lang}-{a}{b}" for a in REGIONS for b in REGIONS for lang in ("de", "fr", "es")]
    known = [tag for tag in tags if is_language(tag)]
    return "".join(text.replace("@", tag) for tag in known[: size // (len(text) + 4)])


def lines(text: str, size: int) -> str:
    """The text as a string of a PO file that goes on over lines."""
    return '""\n' + times(f'"{text}"\n', size).rstrip("\n")


def _segments(size: int) -> str:
    return numbered('<mrk mtype="seg" mid="@">key</mrk>', size // 3)


def _columns(header: str) -> bytes:
    return f"{header}\n{','.join('k' for _ in header.split(','))}\n".encode()


def _json(size: int, before: str, one: str, after: str) -> bytes:
    return (before + numbered(one + ",", size).rstrip(",") + after).encode()


#: Shape -> name of the file, and its bytes for a size.
SHAPES: Mapping[str, tuple[str, Callable[[int], bytes]]] = {
    "tmx notes": ("a.tmx", lambda n: tmx(before=times("<note>b</note>", n))),
    "tmx props": ("a.tmx", lambda n: tmx(before=times('<prop type="a">b</prop>', n))),
    "tmx props numbered": (
        "a.tmx",
        lambda n: tmx(before=numbered('<prop type="a#@">b</prop>', n // 2) + times('<prop type="a">b</prop>', n // 2)),
    ),
    "tmx ph": ("a.tmx", lambda n: tmx(times('<ph x="1"/>', n) + "key")),
    "tmx ph of their own": ("a.tmx", lambda n: tmx(numbered("<ph>@</ph>", n) + "key")),
    "tmx literals": ("a.tmx", lambda n: tmx(numbered("&lt;@&gt;", n // 2) + times("<ph/>", n // 2) + "key")),
    "tmx nested hi": ("a.tmx", lambda n: tmx(nested("<hi>", "key", "</hi>", n))),
    "tmx codes in nested hi": (
        "a.tmx",
        lambda n: tmx(nested("<hi>", times("<ph/>", n // 2) + "key", "</hi>", n // 2)),
    ),
    "tmx nested sub": ("a.tmx", lambda n: tmx(f"<ph>{nested('<sub>', 'x', '</sub>', n)}</ph>key")),
    "tmx bpt and ept": (
        "a.tmx",
        lambda n: tmx(numbered('<bpt i="@">x</bpt>', n // 2) + "key" + numbered('<ept i="@">x</ept>', n // 2)),
    ),
    "tmx one language often": (
        "a.tmx",
        lambda n: tmx(sides=times('<tuv xml:lang="en"><seg>key</seg></tuv><tuv xml:lang="de"><seg>T</seg></tuv>', n)),
    ),
    "tmx languages and repeats": (
        "a.tmx",
        lambda n: tmx(
            sides=times('<tuv xml:lang="en"><seg>k</seg></tuv>', n // 2)
            + languages('<tuv xml:lang="@"><seg>k</seg></tuv>', n // 2)
        ),
    ),
    "tmx repeats and notes": (
        "a.tmx",
        lambda n: tmx(
            before=times("<note>b</note>", n // 2), sides=times('<tuv xml:lang="en"><seg>k</seg></tuv>', n // 2)
        ),
    ),
    "tmx long attribute": ("a.tmx", lambda n: tmx(f'<ph x="{times("y", n)}"/>key')),
    "tmx long comment": ("a.tmx", lambda n: tmx(before=f"<!--{times('y', n)}-->")),
    "tmx many attributes": ("a.tmx", lambda n: tmx("<ph " + numbered('a@="b" ', n) + "/>key")),
    "xliff x": ("a.xlf", lambda n: xliff(numbered('<x id="@"/>', n) + "key")),
    "xliff g": ("a.xlf", lambda n: xliff(numbered('<g id="@">k</g>', n))),
    "xliff bpt and ept": (
        "a.xlf",
        lambda n: xliff(numbered('<bpt id="@">x</bpt>', n // 2) + "key" + numbered('<ept id="@">x</ept>', n // 2)),
    ),
    "xliff notes": ("a.xlf", lambda n: xliff(more=times("<note>b</note>", n))),
    "xliff segments and notes": (
        "a.xlf",
        lambda n: xliff(_segments(n), _segments(n), times("<note>b</note>", n // 3)),
    ),
    "xliff nested g": (
        "a.xlf",
        lambda n: xliff(times("<g>" * 90 + "k" + "</g>" * 90, n)),
    ),
    "xliff 2 codes referred to": (
        "a.xliff",
        lambda n: xliff_2(
            times('<ph id="1" dataRef="d"/>', n // 2) + "key",
            f'<originalData><data id="d">{times("y", n // 2)}</data></originalData>',
        ),
    ),
    "xliff 2 sc and ec": (
        "a.xliff",
        lambda n: xliff_2(numbered('<sc id="@"/>', n // 2) + "key" + numbered('<ec startRef="@"/>', n // 2)),
    ),
    "po comments": ("a.de.po", lambda n: po(times("# c\n", n))),
    "po comments of two kinds": ("a.de.po", lambda n: po(times("# c\n#. d\n", n))),
    "po comments and empty marks": ("a.de.po", lambda n: po(times("#. d\n#:\n#\n", n))),
    "po comments with tabs": ("a.de.po", lambda n: po(times("#.\td\n##e f\n", n))),
    "po comments between keywords": ("a.de.po", lambda n: po(times('# c\nmsgid "a"\n', n))),
    "po obsolete comments": ("a.de.po", lambda n: po(times("#~ # c\n", n))),
    "po msgid lines": ("a.de.po", lambda n: po(source=lines("aaaa\\n", n))),
    "po msgstr lines": ("a.de.po", lambda n: po(target=lines("aaaa\\n", n))),
    "po msgstr lines and empty marks": ("a.de.po", lambda n: po(target=lines("aaaa", n).replace("\n", "\n#:\n"))),
    "po msgctxt lines": ("a.de.po", lambda n: po("msgctxt " + lines("aaaa", n) + "\n")),
    "po plural lines": (
        "a.de.po",
        lambda n: po(source='"a"\nmsgid_plural ' + lines("a", n // 2), target='"b"').replace(
            b'msgstr "b"', b"msgstr[0] " + lines("b", n // 2).encode()
        ),
    ),
    "po header lines": ("a.de.po", lambda n: po(head=times('"aaaa\\n"\n', n))),
    "po previous lines": ("a.de.po", lambda n: po('#| msgid ""\n' + times('#| "aaaa"\n', n))),
    "po references and flags": ("a.de.po", lambda n: po(times("#: a.c:1\n#, c-format\n", n))),
    "po messages": ("a.de.po", lambda n: po(numbered('# c\nmsgid "@"\nmsgstr "b"\n\n', n))),
    "csv languages": ("a.csv", lambda n: _columns("en" + languages(",@", n // 2))),
    "csv columns": ("a.csv", lambda n: _columns("en,de" + numbered(",c@", n // 2))),
    "csv quotes": (
        "a.csv",
        lambda n: f'en,de\n"{times(chr(34) * 2, n // 2)}",T\n'.encode() + times("key and more,T\n", n // 2).encode(),
    ),
    "csv no translation": ("a.csv", lambda n: b"en,de\nkey,Taste\n" + times("k,\n", n).encode()),
    "tsv escapes": ("a.tsv", lambda n: ("src:en\ttgt:de\n" + times("\\n", n) + "k\tT\n").encode()),
    "json one key twice": ("a.en.json", lambda n: _json(n, "{", '"k@":"v"', ',"k1":"w","z":1,"z":2}')),
    "json last key twice": ("a.en.json", lambda n: _json(n, "{", '"k@":"v"', ',"z":"1","z":"2"}')),
    "json strings": ("a.en.json", lambda n: _json(n, "{", '"k@":"v"', "}")),
    "json long name above strings": (
        "a.en.json",
        lambda n: _json(n // 2, '{"' + times("k", n // 2) + '":{', '"@":"v"', "}}"),
    ),
    "json deep": ("a.en.json", lambda n: b'{"a":' * 60 + _json(n, "{", '"k@":"v"', "}") + b"}" * 60),
    "html nested": ("a.en.html", lambda n: f"<p>{times('<b>', n)}key".encode()),
    "html closed twice": ("a.en.html", lambda n: f"<p>{'<b>' * 200}{times('</i>', n)}key".encode()),
    "html blocks in a line": ("a.en.html", lambda n: times("<p>a<span>b", n).encode()),
    "html attributes": ("a.en.html", lambda n: f"<p {numbered('a@=b ', n)}>key".encode()),
    "html entities": ("a.en.html", lambda n: f"<p>{times('&amp;&x;', n)}key".encode()),
    "html hidden": ("a.en.html", lambda n: f"<p>key<p style='{times('display  :  ', n)}'>key".encode()),
    "html line breaks": ("a.en.html", lambda n: f"<p>{times('a<br>', n)}key".encode()),
    "txt lines": ("a.en.txt", lambda n: times("A line.\n", n).encode()),
    "txt one word": ("a.en.txt", lambda n: times("x", n).encode()),
    "txt full stops": ("a.en.txt", lambda n: times(". ", n).encode() + b"key"),
    "txt quotes": ("a.en.txt", lambda n: times(' ."', n).encode() + b"key"),
    "txt closers": ("a.zh.txt", lambda n: ("门。" + times("”", n)).encode()),
    "txt marks": ("a.en.txt", lambda n: ("a" + times("\u0301\u0316\u0327", n)).encode()),
    "txt decomposed marks": ("a.en.txt", lambda n: ("a" + times("\u0f73\u0f71", n)).encode()),
    "txt old encoding": ("a.de.txt", lambda n: times("größer ", n).encode("cp1252")),
    "docx runs": ("a.en.docx", lambda n: docx(f"<w:p>{times('<w:r><w:t>a</w:t></w:r>', n)}</w:p>")),
    "docx nested": ("a.en.docx", lambda n: docx(times("<w:p>" * 60 + "<w:t>a</w:t>" + "</w:p>" * 60, n))),
    "docx hidden": (
        "a.en.docx",
        lambda n: docx(f"<w:p><w:t>key</w:t><w:r>{times('<w:rPr><w:b/></w:rPr>', n)}<w:t>a</w:t></w:r></w:p>"),
    ),
}
