"""Good files of every format that is read, and what a disk, a network, an editor or an attacker makes of them."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from random import Random

from tests.formats.nasty import WORD, XLIFF_1, XLIFF_2

EN = "The bicycles may be borrowed by everybody. They cost nothing.\n\nThe bells are loud. “The brakes” are good — é.\n"
DE = "Die Räder dürfen von allen ausgeliehen werden. Sie kosten nichts.\n\nDie Klingeln sind laut. Die Bremsen gut.\n"
TMX = """<?xml version="1.0" encoding="UTF-8"?>
<tmx version="1.4"><header creationtool="hand" srclang="en" datatype="plaintext"/><body>
<tu tuid="k1" creationdate="20240102T030405Z"><prop type="project">P &amp; Q</prop><note>first</note>
<tuv xml:lang="en"><seg>Press <bpt i="1" x="1">&lt;b&gt;</bpt>OK<ept i="1">&lt;/b&gt;</ept> now<ph x="2"/>.</seg></tuv>
<tuv xml:lang="de"><seg>Jetzt<ph x="2"/> <hi>OK</hi> drücken.</seg></tuv></tu>
<tu><tuv xml:lang="en"><seg>Open</seg></tuv><tuv xml:lang="de"><seg>Öffnen</seg></tuv></tu></body></tmx>
"""
UNIT_1 = """<trans-unit id="1" resname="menu"><source>Open <x id="1"/>the <g id="2">door</g>.</source>
<target state="translated">Öffnen <x id="1"/>Sie die <g id="2">Tür</g>.</target><note>a note</note></trans-unit>
<trans-unit id="2"><source>Old</source><seg-source><mrk mtype="seg" mid="1">One.</mrk></seg-source>
<target><mrk mtype="seg" mid="1">Eins<cp hex="0001"/>.</mrk></target></trans-unit>"""
FILE_1 = f"""<?xml version="1.0" encoding="utf-8"?><xliff version="1.2" xmlns="{XLIFF_1}">
<file original="a" source-language="en" target-language="de" datatype="x"><body>{UNIT_1}</body></file></xliff>
"""
FILE_2 = f"""<xliff version="2.0" xmlns="{XLIFF_2}" srcLang="en" trgLang="de"><file id="f"><unit id="u" name="save">
<notes><note>a note</note></notes><originalData><data id="d">&lt;br/&gt;</data></originalData>
<segment state="translated"><source>Save<ph id="1" dataRef="d"/> <pc id="2">all</pc></source>
<target>Alles<ph id="1" dataRef="d"/> <pc id="2">sichern</pc></target></segment></unit></file></xliff>
"""
PO = r"""# The head
msgid ""
msgstr ""
"Language: de\n"
"Content-Type: text/plain; charset=UTF-8\n"

# a comment
#. of the program
#: a.c:1
#, c-format
msgctxt "menu"
msgid ""
"Open the "
"door\n"
msgstr "Öffnen Sie die Tür\n"

#| msgid "Fil"
msgid "File"
msgid_plural "Files"
msgstr[0] "Datei"
msgstr[1] "Dateien"

#~ msgid "Old"
#~ msgstr "Alt"
"""
CSV = 'key,en,de,note\nmenu.open,Open the door,Öffnen Sie die Tür,\nmenu.save,"Save, ""all""","Alles\nsichern",a note\n'
TSV = "src:en\ttgt:de\tscore\nOpen\\tthe door\tÖffnen Sie\\ndie Tür\t0.9\nSave\tSichern\t1\n"
JSON = '{"menu": {"open": "Open the door", "n": 3, "list": ["One", "Two \\u00e9"]}, "save": "Save", "none": ""}'
HTML = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>Bikes</title><style>p {}</style></head><body>
<nav>Home</nav><h1>The bikes</h1><p>They are <b>red</b>.<br>Ring &amp; ride&nbsp;é.</p><pre> a  b </pre>
<table><tr><td>One</td><td hidden>Two</td></tr></table><script>var a = "x";</script></body></html>
"""


def docx(text: str = EN, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A document with these paragraphs."""
    body = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in text.split("\n") if line)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>')
        archive.writestr("word/footnotes.xml", f'<w:footnotes xmlns:w="{WORD}"/>')
    return whole.getvalue()


#: Suffix -> good files of it.
GOOD: dict[str, list[bytes]] = {
    "txt": [EN.encode(), EN.encode("utf-16"), EN.encode("cp1252")],
    "html": [HTML.encode(), HTML.replace("utf-8", "windows-1252").encode("cp1252")],
    "htm": [HTML.encode()],
    "docx": [docx(), docx(method=zipfile.ZIP_STORED), docx(method=zipfile.ZIP_LZMA), docx(method=zipfile.ZIP_BZIP2)],
    "json": [JSON.encode()],
    "tmx": [TMX.encode(), TMX.replace("UTF-8", "UTF-16").encode("utf-16")],
    "xlf": [FILE_1.encode(), FILE_2.encode()],
    "xliff": [FILE_2.encode()],
    "sdlxliff": [FILE_1.encode()],
    "mqxliff": [FILE_1.replace("utf-8", "windows-1252").encode("cp1252")],
    "po": [PO.encode(), PO.replace("UTF-8", "ISO-8859-1").encode("latin-1")],
    "csv": [CSV.encode(), CSV.replace(",", ";").encode("cp1252")],
    "tsv": [TSV.encode(), TSV.encode("utf-16")],
}

Mutation = Callable[[Random, bytes], bytes]


def _cut(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data))]


def _flip(random: Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 3, 20))):
        out[random.randrange(len(out))] ^= 1 << random.randrange(8)
    return bytes(out)


def _span(random: Random, data: bytes) -> tuple[int, int]:
    first = random.randrange(len(data))
    return first, min(len(data), first + random.choice((1, 2, 10, 100)))


def _remove(random: Random, data: bytes) -> bytes:
    first, last = _span(random, data)
    return data[:first] + data[last:]


def _repeat(random: Random, data: bytes) -> bytes:
    first, last = _span(random, data)
    return data[:last] + data[first:last] * random.choice((1, 2, 50)) + data[last:]


def _move(random: Random, data: bytes) -> bytes:
    (first, last), at = _span(random, data), random.randrange(len(data))
    rest = data[:first] + data[last:]
    return rest[:at] + data[first:last] + rest[at:]


#: What is put somewhere: NULs, half characters, numbers and names that mean something to a reader, quotes, marks.
_PIECES = [
    b"\0", bytes(500), b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"&#0;", b"&#xD800;", b"&x;",
    b"&#99999999999;", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\x1a", b"\xc3", b'"', b"'", b"<", b">", b"{",
    b"]", b"\\", b"<!--", b"<![CDATA[", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b'<cp hex="D800"/>',
    b'<cp hex="0"/>', b'<cp hex="110000"/>', b"<1>", b"</1>", b"msgstr[9] ", b"#~|", b"1e999", b"NaN",
    b"xml:lang='x'", b"\r", b"\x0b\x0c\x85", "\u2028\u0085\u200b".encode(), "\u0301\u0316".encode() * 400,
    b"charset=utf-7", b"99999999999999999999", b" " * 5_000, b"\n" * 5_000,
]  # fmt: skip


def _insert(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + random.choice(_PIECES) + data[at:]


def _nest(random: Random, data: bytes) -> bytes:
    opening = random.choice((b"<hi>", b"<g>", b"<div>", b"<sub>", b"[", b'{"a":', b"<w:p>", b"<mrk>", b"<tu>"))
    at = random.randrange(len(data))
    return data[:at] + opening * random.choice((5, 150, 3_000)) + data[at:]


def _encode(random: Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    encoding = random.choice(("utf-16", "utf-16-be", "utf-32", "cp1251", "utf-7", "euc_jp", "cp037"))
    return text.encode(encoding, "replace")


_CODECS = "utf-7 punycode idna undefined zip hex rot13 unicode_escape utf-32 cp037 x mbcs big5 utf-16 \x00".split(" ")


def _declare(random: Random, data: bytes) -> bytes:
    """Another encoding is declared than the file has; bytes beyond ASCII make the reader believe it."""
    for name in (b"UTF-8", b"utf-8", b"windows-1252", b"UTF-16", b"ISO-8859-1"):
        if name in data:
            return data.replace(name, random.choice(_CODECS).encode()).replace(b"O", b"\xd6")
    return _flip(random, data)


MUTATIONS: list[Mutation] = [
    _cut,
    _cut,
    _flip,
    _flip,
    _remove,
    _repeat,
    _move,
    _insert,
    _insert,
    _nest,
    _encode,
    _declare,
]


def _bomb(random: Random, data: bytes) -> bytes:
    """A part that unpacks to much more than it should, or claims to be small and is not."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<w:p/>" * random.choice((50_000, 300_000)))
    made = whole.getvalue()
    size = zipfile.ZipFile(io.BytesIO(made)).infolist()[0].file_size
    return made.replace(struct.pack("<L", size), struct.pack("<L", random.choice((size, 10, 2**31))))


def _deflate(random: Random, data: bytes) -> bytes:
    """The packed bytes of a part are damaged."""
    at = max(data.find(b"document.xml"), 0)
    out = bytearray(data)
    for _ in range(random.randrange(1, 20)):
        out[random.randrange(at, min(len(data), at + 160))] = random.randrange(256)
    return bytes(out)


def mutate(random: Random, suffix: str, data: bytes) -> bytes:
    """One or two things happen to a file."""
    of_suffix: list[Mutation] = [*MUTATIONS, *([_bomb, _deflate, _deflate, _deflate] if suffix == "docx" else [])]
    for _ in range(random.choice((1, 1, 2))):
        data = random.choice(of_suffix)(random, data) or b"x"
    return data


def mutated(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """So many damaged files as (suffix, bytes), all suffixes in turn."""
    random = Random(seed)
    for number in range(count):
        suffix = list(GOOD)[number % len(GOOD)]
        yield suffix, mutate(random, suffix, random.choice(GOOD[suffix]))
