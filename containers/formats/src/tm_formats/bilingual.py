"""Reading files whose strings are paired already: the registry of readers by suffix.

A new format is one module and one line here (and its suffix in ``tm_core.deposits``).
"""

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from tm_core.documents import BilingualUnit, Locale
from tm_core.identity import context_hash, text_hash
from tm_core.languages import canonical, is_language
from tm_formats import delimited, locales, po, tmx, xliff
from tm_formats.boundary import guarded, reading
from tm_formats.encoding import Unreadable
from tm_formats.hints import Columns, Hints

R = TypeVar("R")

_LOCALES: dict[str, Callable[[bytes], Locale]] = {"json": locales.read}
_MEMORIES: dict[str, Callable[[BinaryIO, Hints], Iterator[BilingualUnit]]] = {
    "tmx": tmx.read,
    **dict.fromkeys(("xlf", "xliff", "sdlxliff", "mqxliff"), xliff.read),
    "po": po.read,
    "csv": delimited.read_csv,
    "tsv": delimited.read_tsv,
}


def read_locale(path_name: str, data: bytes) -> Locale:
    """Read the keyed strings of one language; the suffix of ``path_name`` chooses the reader.

    Raises:
        UnreadableDocument: broken, empty or too large; with the reason.
    """
    with reading(path_name):
        return _reader(_LOCALES, path_name)(data)


def read_memory(
    path_name: str,
    source: bytes | BinaryIO,
    *,
    languages: tuple[str, str] = ("", ""),
    left_out: Callable[[int, str], None] | None = None,
    columns: Columns | None = None,
    strict: bool = False,
) -> Iterator[BilingualUnit]:
    """Read already aligned units, in file order; the suffix of ``path_name`` chooses the reader.

    The whole file is checked before the first unit is handed out: a broken or truncated file yields
    nothing. Memory is constant whatever the size of a TMX, XLIFF, CSV or TSV file; a PO file is read whole.

    Args:
        source: the bytes, or a seekable stream at its beginning, which must stay open while units are taken.
        languages: source and target where the file does not name them (a PO file's source, a CSV without a header),
            "" if unknown; a language in ``path_name`` is taken for the target.
        left_out: told of each unit that is there and not handed out, by line and reason: untranslated, fuzzy, damaged.
        columns: where source and target stand in a CSV or TSV file.
        strict: refuse a file in which a unit is damaged, instead of leaving that unit out.

    Raises:
        UnreadableDocument: at the call, with line and reason; later only for what no reader expected.
        OSError: the stream cannot be read.
    """
    is_stream = not isinstance(source, bytes)
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    src_lang, tgt_lang = languages
    hints = Hints(
        src_lang=src_lang,
        tgt_lang=tgt_lang or _named_language(path_name),
        left_out=left_out,
        columns=columns,
        strict=strict,
    )
    with reading(path_name, is_stream=is_stream):
        units = _reader(_MEMORIES, path_name)(stream, hints)
    return guarded(path_name, units, is_stream=is_stream)


def _named_language(path_name: str) -> str:
    """``de`` of ``messages.de.po`` and of ``po/de.po``; "" if the name holds none."""
    stem = path_name.rpartition("/")[2].rpartition(".")[0]
    tag = stem.rpartition(".")[2]
    return canonical(tag) if is_language(tag) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a unit stands, as its file says: its key, and the source texts before and after it; "" if unknown.

    ``context`` is the hash of these, for a file of our own that knows no more.
    """

    key: str = ""
    before: str = ""
    after: str = ""
    context: str = ""


#: Properties of our own TMX: hash of a context that cannot be written out, score, and what aligned the unit.
CONTEXT, SCORE, TIER = "x-tm-context", "x-tm-score", "x-tm-tier"
#: Confidence in a machine's translation that a translator let stand. Not calibrated.
MACHINE_SCORE = 0.5
_HASH = re.compile("[0-9a-f]{64}")

# How tools say it in TMX: OmegaT, memoQ and MateCAT, Phrase, XTM.
_BEFORE = ("prev", "x-context-pre", "context_prev", "x-previous-source-text")
_AFTER = ("next", "x-context-post", "context_next", "x-next-source-text")
# memoQ, Trados, Transifex, OmegaT.
_KEY = ("x-context", "x-IdContext", "context", "id")
# memoQ writes the neighbour's whole <seg> as the property's text.
_SEG = re.compile(r"<seg>(.*)</seg>|<seg */>", re.DOTALL)


def place_of(unit: BilingualUnit, src_lang: str) -> Place:
    """The unit's place, whatever tool wrote it: from its key, and from the context properties of unit or source.

    Args:
        src_lang: the language, as in ``unit.variants``, that is the source.
    """
    return Place(
        key=unit.key or _said(unit, src_lang, _KEY),
        before=_said(unit, src_lang, _BEFORE),
        after=_said(unit, src_lang, _AFTER),
        context=context if _HASH.fullmatch(context := unit.properties.get(f"prop:{CONTEXT}", "")) else "",
    )


def bead_of(unit: BilingualUnit, src_lang: str) -> dict[str, Any]:
    """What a unit's place and confidence are as columns of tm_core.contracts.BEADS: item_key, context, prev_hash,
    next_hash, score. The one place that decides it: a file gives the same units, deposited or imported."""
    place = place_of(unit, src_lang)
    return {
        "item_key": place.key,
        "context": context_hash(place.before, place.after, place.key) or place.context,
        "prev_hash": text_hash(place.before) if place.before else "",
        "next_hash": text_hash(place.after) if place.after else "",
        "score": _score(unit),
    }


def _score(unit: BilingualUnit) -> float:
    """Confidence that our own export wrote beside a unit, 0 to 1; if another tool wrote the file, 1, or what a
    machine's translation has that a translator let stand.

    Without it a doubtful unit would come back from an export as one that is beyond doubt.
    """
    usual = MACHINE_SCORE if unit.properties.get(f"prop:{xliff.ORIGIN}") == xliff.MACHINE else 1.0
    try:
        score = float(unit.properties.get(f"prop:{SCORE}", usual))
    except ValueError:
        return usual
    return score if 0 <= score <= 1 else usual


def _said(unit: BilingualUnit, src_lang: str, names: Iterable[str]) -> str:
    properties = unit.properties
    found = (
        value for name in names for key in (f"prop:{name}", f"{src_lang}:prop:{name}") if (value := properties.get(key))
    )
    value = next(found, "").strip()
    segment = _SEG.fullmatch(value)
    if segment is None:
        return value
    inside = segment[1] or ""
    return _text_of(value, inside) if "<" in inside or "&" in inside else inside


def _text_of(segment: str, otherwise: str) -> str:
    """The text of a whole <seg>, tags numbered as in a unit's own; the markup itself if it is none."""
    file = f'<tmx version="1.4"><body><tu><tuv xml:lang="en">{segment}</tuv></tu></body></tmx>'
    try:
        return next(tmx.read(io.BytesIO(file.encode()))).variants[0].text
    except Unreadable:
        return otherwise


def _reader(readers: Mapping[str, R], path_name: str) -> R:
    reader = readers.get(path_name.rpartition(".")[2].lower())
    if reader is None:
        raise Unreadable(f"no reader for this suffix; there are {', '.join(sorted(readers))}", "Convert it.")
    return reader
