"""From bytes to text: which encoding, on what evidence; never a replacement character.

Order of the evidence: byte order mark, UTF-16 by its NUL bytes, strict UTF-8, the charset that the file
declares, the language of the file's name, charset-normalizer. docs/decisions/0010 has the measurements.
"""

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes

from tm_core.languages import primary

#: Bytes that are shown to charset-normalizer, whose cost grows faster than the text. Source: decision 0010.
_SAMPLE_BYTES = 65_536

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "a PDF"),
    (b"\x1f\x8b", "gzip-compressed"),
    (b"BZh", "bzip2-compressed"),
    (b"\xfd7zXZ\x00", "xz-compressed"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (.doc, .xls or .ppt)"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x7fELF", "a program"),
)
_ZIPPED: tuple[tuple[bytes, str], ...] = (
    (b"word/", "a Word document (.docx)"),
    (b"xl/", "an Excel workbook (.xlsx)"),
    (b"ppt/", "a PowerPoint file (.pptx)"),
    (b"application/epub+zip", "an EPUB book"),
    (b"application/vnd.oasis.opendocument", "an OpenDocument file"),
)
_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    # Before UTF-16, whose mark is the beginning of this one.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What files without a declaration are in, by language, the commonest first. Source: HTML standard, "determining
# the character encoding", suggested defaults by locale (a Windows code page stands for the ISO one that it extends),
# and the encodings of the same language in its table of names and labels.
_LATIN = ("cp1252", "mac_roman", "cp850")
_LEGACY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys("cs hr hu pl ro sk sl bs sq".split(), ("cp1250", "iso8859_2", "cp852")),
    **dict.fromkeys("be bg kk ky mk ru sr tg tt uk".split(), ("cp1251", "koi8_u", "cp866", "iso8859_5")),
    **dict.fromkeys("ar fa ur".split(), ("cp1256", "iso8859_6")),
    **dict.fromkeys("et lt lv".split(), ("cp1257", "iso8859_13")),
    **dict.fromkeys("az ku tr".split(), ("cp1254",)),
    "el": ("cp1253", "iso8859_7"),
    "he": ("cp1255",),
    "ja": ("cp932", "euc_jp", "iso2022_jp"),
    "ko": ("cp949",),
    "th": ("cp874",),
    "vi": ("cp1258",),
    "zh": ("gb18030", "big5hkscs"),
}
# What a wrong encoding makes of text and a right one hardly ever: controls, private and half-width signs, signs
# between letters, a capital after a small letter, three accented letters in a row.
_SMALL, _CAPITAL = "a-zß-öø-ÿăąćčďđęěłľńňőřśšťůűźžа-яёіїґα-ωά-ώ", "À-ÖØ-ÞĂĄĆČĎĐĘĚŁĽŃŇŐŘŚŠŤŮŰŹŽŸŒА-ЯЁІЇҐΑ-Ω"
_ODD = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\uff61-\uff9f]"
    "|[^\\W\\d_][\xa1-\xa9\xab-\xb4\xb6\xb8\xb9\xbb-\xbf\xd7\xf7†-‡‰‹›ˆ˜™─-▟√-≥]+(?=[^\\W\\d_])"
    f"|[{_SMALL}](?=[{_CAPITAL}])"
    "|[À-ÖØ-öø-ɏ]{3,}"
)
#: Oddities per character beyond ASCII from which a reading is not believed. Right readings were measured at up to
#: 0.05; wrong ones mostly from 0.12 on, but not all: hence the language's own encodings come first (decision 0010).
_MAX_ODD = 0.1


class Unreadable(Exception):
    """Why a file cannot be read and what may be done; the reader of its kind adds the name."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason, advice)
        self.reason, self.advice = reason, advice

    def message(self, name: str) -> str:
        shown = name if len(name) <= 120 else f"…{name[-119:]}"
        return f"{shown}: {self.reason}. {self.advice} It was left out and nothing else is affected."


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Text without its byte order mark, the encoding's Python name, and what is worth telling."""

    text: str
    encoding: str
    notes: tuple[str, ...] = ()


def refuse_binary(data: bytes) -> None:
    """Raise Unreadable if the bytes are empty or are plainly no text, saying what they are."""
    if not data:
        raise Unreadable("the file is empty (0 bytes)", "Deposit it again, complete.")
    kind = next((kind for magic, kind in _SIGNATURES if data.startswith(magic)), "")
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        kind = next(
            (kind for mark, kind in _ZIPPED if mark in data[:65_536] or mark in data[-65_536:]), "a zip archive"
        )
    if kind:
        raise Unreadable(f"its content is not text: it is {kind}", "Deposit it under its true suffix, or as text.")


def decode(data: bytes, *, lang: str = "", declared: str = "") -> Decoded:
    """Decode the bytes of a text file.

    Args:
        lang: language tag of the text, "" if unknown.
        declared: the charset that the file itself names, "" if none.

    Raises:
        Unreadable: no encoding fits without loss, or the bytes are no text.
    """
    decoded = _marked(data) or _utf16(data) or _utf8(data) or _declared(data, declared) or _guessed(data, lang)
    if not decoded.text.strip("\ufeff\u200b \t\r\n\f\v\u00a0"):
        raise Unreadable("there is only white space in it", "Deposit it again, complete.")
    if (at := decoded.text.find("\0")) >= 0:
        raise Unreadable(
            f"it has NUL characters, the first at character {at:,}", "It is binary, or damaged: deposit text."
        )
    return decoded


def _marked(data: bytes) -> Decoded | None:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            try:
                return Decoded(text=data[len(mark) :].decode(encoding), encoding=encoding)
            except UnicodeDecodeError as error:
                raise Unreadable(
                    f"it begins with the mark of {encoding} but is not {encoding} at byte {error.start + len(mark):,}",
                    "Most likely it was cut or mixed: save it again as UTF-8.",
                ) from error
    return None


def _utf8(data: bytes) -> Decoded | None:
    try:
        return Decoded(text=data.decode("utf-8"), encoding="utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(data) - 3 and error.reason == "unexpected end of data":
            # Cut within its last character: everything before is whole.
            note = "the file ends within a character: most likely it was cut short"
            return Decoded(text=data[: error.start].decode("utf-8"), encoding="utf-8", notes=(note,))
        good, bad = _high(data)
        if good > 3 * bad:
            raise Unreadable(
                f"it is UTF-8 in {good:,} characters but not at byte {error.start:,} (0x{data[error.start]:02X})",
                "Two encodings are mixed in it: save it again as UTF-8.",
            ) from error
        return None


def _high(data: bytes) -> tuple[int, int]:
    """Well-formed characters of UTF-8 beyond ASCII, and bytes beyond ASCII that are in none. A list of them all would
    need thirty times the file's memory."""
    text = data.decode("utf-8", "ignore")
    ascii_chars = len(text.encode("ascii", "ignore"))
    high_bytes = len(data) - len(data.translate(None, _HIGH_BYTES))
    return len(text) - ascii_chars, high_bytes - (len(text.encode("utf-8")) - ascii_chars)


_HIGH_BYTES = bytes(range(0x80, 0x100))


def _utf16(data: bytes) -> Decoded | None:
    """UTF-16 without a mark: NUL bytes, all or nearly all in even or in odd places."""
    if b"\0" not in data:
        return None
    even, odd = data[::2].count(0), data[1::2].count(0)
    encoding = "utf-16-be" if even > odd else "utf-16-le"
    if len(data) % 2 == 0 and min(even, odd) * 20 <= max(even, odd):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            text = "\0"
        if _oddity(text) <= _MAX_ODD:
            return Decoded(text=text, encoding=encoding, notes=(f"no byte order mark: read as {encoding}",))
    raise Unreadable(
        f"it has NUL bytes, the first at byte {data.find(0):,}, and is not UTF-16",
        "It is binary, or damaged: deposit text.",
    )


def _declared(data: bytes, declared: str) -> Decoded | None:
    if not declared:
        return None
    # The HTML standard reads these labels as the Windows code page, because that is what they hold.
    name = "cp1252" if declared.lower() in ("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii") else declared
    text = _try(data, name)
    return Decoded(text=text, encoding=codecs.lookup(name).name) if text is not None else None


def _guessed(data: bytes, lang: str) -> Decoded:
    """The likeliest old encoding: those of the language first, the least odd of them, the commonest if even."""
    encoding, text = _least_odd(data, _candidates(lang)) if lang else ("", None)
    if text is None or _oddity(text) > _MAX_ODD:
        guesses = [match.encoding for match in from_bytes(data[:_SAMPLE_BYTES])][:3]
        encoding, text = _least_odd(data, filter(None, (encoding, *guesses, *_LATIN)))
    if text is None or _oddity(text) > _MAX_ODD:
        raise Unreadable("it is not UTF-8, and no other encoding makes sense of it", "Save it again as UTF-8.")
    return Decoded(text=text, encoding=encoding, notes=(f"not UTF-8 and nothing declared: read as {encoding}",))


def _candidates(lang: str) -> Sequence[str]:
    found = _LEGACY.get(primary(lang), _LATIN)
    traditional = primary(lang) == "zh" and ("Hant" in lang or lang.endswith(("TW", "HK", "MO")))
    return found[::-1] if traditional else found


def _least_odd(data: bytes, encodings: Iterable[str]) -> tuple[str, str | None]:
    texts = [(encoding, text) for encoding in encodings if (text := _try(data, encoding)) is not None]
    return min(texts, key=lambda found: _oddity(found[1]), default=("", None))


def _oddity(text: str) -> float:
    """Oddities per character beyond ASCII, in the text's beginning."""
    sample = text[:_SAMPLE_BYTES]
    beyond = len(sample) - len(sample.encode("ascii", "ignore"))
    return len(_ODD.findall(sample)) / max(beyond, 1)


def _try(data: bytes, encoding: str) -> str | None:
    if not is_text_encoding(encoding):
        return None
    try:
        return data.decode(encoding)
    except UnicodeError:
        return None


# Codecs of Python that are no encoding of files: they compute domain names (in quadratic time) and escapes, which
# may be half characters.
_NO_FILES = frozenset(("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"))


def is_text_encoding(name: str) -> bool:
    """Say whether the name, which a file declares, is an encoding of text that can be decoded here."""
    try:
        "".encode(name)  # refuses codecs from bytes to bytes, such as 'zip'
        return codecs.lookup(name).name not in _NO_FILES
    except (LookupError, ValueError):
        return False
