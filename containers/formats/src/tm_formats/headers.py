"""The header of a table: which columns hold source and target, keys, notes, states.

A header names languages by code or name, or says source and target; rows of one cell may stand above it. Without a
header two columns are source and target; of more it must be said which: the first two may be keys and sources.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tm_core.languages import canonical, is_language, named, same_language
from tm_formats.encoding import Unreadable
from tm_formats.hints import Columns, Hints, language

_SOURCES = frozenset(
    "source|src|original|term|quelle|quelltext|quellsprache|ausgangstext|ausgangssprache|fuente|origen|src text|"
    "source text|source string|source segment|source term".split("|")
)
_TARGETS = frozenset(
    "target|tgt|translation|translated|ziel|zieltext|zielsprache|übersetzung|traduction|traducción|tgt text|"
    "target text|target string|target segment|target term|translated text".split("|")
)
_KEYS = ("key", "id", "context", "msgctxt", "string id", "identifier", "schlüssel")
_NOTES = frozenset(("note", "comment", "notes", "comments", "description", "bemerkung", "kommentar"))
#: Columns that say whether a translator is done (translate-toolkit, Weblate, Crowdin).
_FUZZY = frozenset(("fuzzy",))
_STATES = frozenset(("state", "status"))
_OTHERS = frozenset((*_KEYS, *_NOTES, *_FUZZY, *_STATES))
#: Rows that may stand above the header, of one cell each: a title, a date.
MOST_ABOVE = 5
# "English (en-US)", "German [de]", "Source: English": what stands around a language or a role in a header.
_AROUND = re.compile(r"(?P<one>.*?)\s*(?:[(\[](?P<other>[^)\]]+)[)\]]|[:\u2013\u2014-]\s+(?P<rest>.+))\s*")
#: What our own columns are called as properties of TMX.
_OWN = {
    "score": "x-tm-score",
    "tier": "x-tm-tier",
    "review_state": "x-tm-review",
    "date": "x-tm-date",
    "document": "file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which column holds what; ``others`` are properties by name."""

    langs: tuple[tuple[int, str], ...]
    keys: tuple[int, ...] = ()
    fuzzy: tuple[int, ...] = ()
    states: tuple[int, ...] = ()
    others: tuple[tuple[int, str], ...] = ()
    count: int


def read_header(first: Sequence[tuple[int, list[str]]], hints: Hints) -> tuple[Layout, int]:
    """What the columns hold, and the number of the first rows that are no units."""
    rows = [row for _, row in first]
    if hints.columns is not None and not hints.columns.unless_named:
        return _told(rows, hints, hints.columns)
    above = next((n for n, row in enumerate(rows) if sum(bool(cell.strip()) for cell in row) > 1), 0)
    header = rows[above] if rows else []
    if len(_languages(header, hints)) >= 2:
        return _named(header, hints), above + 1
    if hints.src_lang and hints.tgt_lang and rows:
        if len(rows[0]) == 2:
            return _bare(Columns(1, 2), rows[0], hints), 0
        if hints.columns is not None and len(rows[0]) > 2:
            return _bare(hints.columns, rows[0], hints), 0
    raise Unreadable(_missing(header, hints), _REMEDY)


_REMEDY = (
    "Begin with a line that names the languages or 'source' and 'target', or say where they stand: "
    "--src en --tgt de --columns source=2,target=3."
)


def _missing(header: Sequence[str], hints: Hints) -> str:
    shown = _shown(header)
    if not (hints.src_lang and hints.tgt_lang):
        return f"the first line names no two languages (it is '{shown}')"
    of = f" of its {len(header)} columns" if len(header) > 2 else ""
    return f"the first line does not say which{of} are {hints.src_lang} and {hints.tgt_lang} (it is '{shown}')"


def _shown(cells: Sequence[str]) -> str:
    """Cells as a message quotes them: in one line, not too long."""
    return ", ".join(" ".join(cell.split()) for cell in cells)[:80]


def _told(rows: Sequence[Sequence[str]], hints: Hints, columns: Columns) -> tuple[Layout, int]:
    """The columns that the caller named; a header, if there is one, names the others."""
    if not (hints.src_lang and hints.tgt_lang):
        raise Unreadable("columns are named, but not their languages", "Say --src and --tgt too.")
    count = max((len(row) for row in rows), default=0)
    if not 1 <= min(columns[:2]) <= max(columns[:2]) <= count or columns.source == columns.target:
        raise Unreadable(
            f"it has {count} columns, not the {columns.source} and {columns.target} that were named",
            "Count them from 1: --columns source=2,target=3.",
        )
    above = next((n for n, row in enumerate(rows) if len(row) == count), 0)
    header = rows[above]
    cells = [header[one - 1] for one in columns[:2]]
    is_header = all(_role(cell, hints) for cell in cells) or not _OTHERS.isdisjoint(map(plain, header))
    found = _bare(columns, header, hints)
    if not is_header:
        return found, 0
    more = _named(header, hints, dict(found.langs))
    return more, above + 1


def _bare(columns: Columns, row: Sequence[str], hints: Hints) -> Layout:
    langs = ((columns.source - 1, hints.src_lang), (columns.target - 1, hints.tgt_lang))
    return Layout(langs=langs, count=len(row))


def _named(header: Sequence[str], hints: Hints, told: dict[int, str] | None = None) -> Layout:
    """What a header says of its columns; ``told`` are languages that are known otherwise."""
    langs = told or _languages(header, hints)
    if len(set(langs.values())) < len(langs):
        raise Unreadable(
            f"the first line names a language twice ({_shown([header[at] for at in langs])})",
            "Leave one column a language, or say which: --columns source=2,target=3.",
        )
    names = {at: cell.strip() for at, cell in enumerate(header) if at not in langs and cell.strip()}
    words = {at: plain(name) for at, name in names.items()}
    keys = [at for word in _KEYS for at, name in words.items() if name == word]
    fuzzy = [at for at, name in words.items() if name in _FUZZY]
    states = [at for at, name in words.items() if name in _STATES]
    used = {*keys[:1], *fuzzy}
    others = tuple((at, _property(name)) for at, name in names.items() if at not in used)
    return Layout(
        langs=tuple(sorted(langs.items())),
        keys=tuple(keys),
        fuzzy=tuple(fuzzy),
        states=tuple(states),
        others=others,
        count=len(header),
    )


def _languages(header: Sequence[str], hints: Hints) -> dict[int, str]:
    """The columns that hold texts, with their languages."""
    roles = {at: role for at, cell in enumerate(header) if (role := _role(cell, hints))}
    if len(roles) == 1 and len(header) == 2 and {plain(cell) for cell in header} & {"id"}:
        # Beside one language alone 'id' is Indonesian, else a column of keys.
        roles = {at: _role(cell, hints) or "id" for at, cell in enumerate(header)}
    texts = {at: lang for at, lang in roles.items() if lang not in ("src", "tgt")}
    for at, role in roles.items():
        lang = {"src": hints.src_lang, "tgt": hints.tgt_lang}.get(role, "")
        if lang and not any(same_language(lang, other) for other in texts.values()):
            texts[at] = lang
    return texts


def _role(cell: str, hints: Hints) -> str:
    """What a column's name means: a language, ``src``, ``tgt``, or "" if it is none of them."""
    name = cell.strip()
    if name.startswith(("src:", "tgt:")):
        return language(name[4:], 1)
    if found := _word(name):
        return found
    around = _AROUND.fullmatch(name)
    if around is None:
        return ""
    one, other = _word(around["one"].strip()), _word((around["other"] or around["rest"] or "").strip())
    langs = [found for found in (other, one) if found and found not in ("src", "tgt")]
    return next(iter(langs), one or other if around["other"] else "")


def _word(name: str) -> str:
    word = plain(name)
    if word in _SOURCES:
        return "src"
    if word in _TARGETS:
        return "tgt"
    if word in _KEYS or word in _NOTES:
        return ""
    # Every third word of three letters is a language somewhere: as such only those of the wider world are taken.
    if is_language(name) and (len(re.split(r"[-_@]", name)[0]) == 2 or "_" in name or "-" in name):
        return canonical(name)
    return named(name)


def plain(name: str) -> str:
    """A column's name as it is compared: small letters, words parted by one space."""
    return " ".join(re.split(r"[\s_-]+", name.strip().casefold()))


def _property(name: str) -> str:
    return "note" if plain(name) in _NOTES else f"prop:{_OWN.get(name, name)}"
