"""Text identity: what counts as the same text, the same context and the same unit.

Every hash of the system is computed here, in Python: Postgres only compares them.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import cache

NORMALISATION_VERSION = "1"

_SPACE = re.compile(r"[\s\u200b\u2060\ufeff]+")
# Characters that no document means to contain: controls (white space aside: a form feed parts words, as does the
# NEL of old mainframes), lone surrogates and noncharacters.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def normalise(text: str) -> str:
    """Return ``text`` as the memory keeps it: Unicode NFC, no control characters, white space folded.

    Never changes letters, case, punctuation or digits: two texts that a translator would tell apart stay
    apart. Idempotent. Cost: O(length), also for a letter with 100,000 accents.

    Source: Unicode Standard Annex 15 (NFC).
    """
    # NFC comes last: a control between a letter and its accent keeps the two apart until it is gone.
    return unicodedata.normalize("NFC", _in_order(_SPACE.sub(" ", _CONTROL.sub("", text)).strip()))


def as_written(text: str) -> str:
    """Return ``text`` with its white space: line breaks, tabs, no-break and zero-width spaces are text in a target."""
    return unicodedata.normalize("NFC", _in_order(_CONTROL.sub("", text)))


#: Characters up to which a text is left to unicodedata, whose sorting of marks is quadratic in a run of them.
_SHORT_CHARS = 1_000
#: Beyond it no character is a combining mark: they stand in the first two planes of Unicode.
_MARKS_END = 0x20000


def _in_order(text: str) -> str:
    """Put long runs of combining marks into canonical order, which changes nothing of what NFC makes of the text.

    unicodedata sorts a run by insertion: 200 kB of mixed marks take it minutes.

    Source: Unicode Standard 3.11, canonical ordering algorithm: a stable sort by combining class.
    """
    if len(text) <= _SHORT_CHARS or text.isascii():
        return text
    return _long_runs().sub(_sorted_marks, text)


def _sorted_marks(run: re.Match[str]) -> str:
    return "".join(sorted("".join(map(_decomposed, run[0])), key=unicodedata.combining))


def _decomposed(mark: str) -> str:
    return unicodedata.normalize("NFD", mark)


@cache
def _long_runs() -> re.Pattern[str]:
    """Runs of marks worth sorting, as characters that are a mark or nothing but marks when they are decomposed."""
    marks = (mark for mark in map(chr, range(0x300, _MARKS_END)) if unicodedata.combining(_decomposed(mark)[0]))
    return re.compile(f"[{''.join(marks)}]{{32,}}")


def digest(*parts: str) -> str:
    """SHA-256 over the parts, each preceded by its length so that no two lists of parts collide.

    Returns:
        64 lower-case hexadecimal digits.
    """
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        sha.update(len(data).to_bytes(8, "big"))
        sha.update(data)
    return sha.hexdigest()


def text_hash(text: str) -> str:
    """Identity of one side of a unit: the digest of its normalised text."""
    return digest("text", normalise(text))


def context_hash(before: str, after: str, key: str = "") -> str:
    """Identity of where a unit stands: its neighbours on the source side, or its key in a keyed file.

    A key wins over neighbours: a UI string is identified by its key, wherever it stands in the file.
    "" for all three means "no context known".
    """
    if key:
        return digest("key", key)
    if not before and not after:
        return ""
    return digest("neighbours", normalise(before), normalise(after))


def unit_key(store: str, src_lang: str, tgt_lang: str, src_text: str, tgt_text: str, context: str) -> str:
    """Identity of a unit: same texts in another store, language or context are another unit."""
    return digest("unit", store, src_lang, tgt_lang, normalise(src_text), normalise(tgt_text), context)


def document_key(store: str, name: str, src_lang: str, tgt_lang: str) -> str:
    """Identity of a document pair across dates: a later deposit under the same key supersedes it."""
    return digest("document", store, unicodedata.normalize("NFC", name), src_lang, tgt_lang)


def fingerprint(parts: Iterable[str]) -> str:
    """Digest of a set of strings, whatever their order. Cost: O(n log n)."""
    return digest("set", *sorted(parts))
