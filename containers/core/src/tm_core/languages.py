"""Language tags: which are accepted, and how they are written.

Accepted is ``ll``, ``lll``, ``ll-Script``, ``ll-REGION`` or both (BCP 47, RFC 5646 section 2.1), with a code of ISO
639-1 or 639-3, and as POSIX has it ``sr@latin``. A language with a two-letter code is written with it: ``deu`` is
``de``, and ``swh_Latn``, Swahili as FLORES has it, ``sw-Latn``.

``languages.tsv`` has them: code, the code that is written in its place, the script that the language is usually written
in, and its names, English and its own (ISO 639-3; likely subtags and names of CLDR).
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from tm_core.errors import BadName

_TAG = re.compile(
    r"(?P<language>[A-Za-z]{2,3})(?:[-_](?P<script>[A-Za-z]{4}))?(?:[-_](?P<region>[A-Za-z]{2}|\d{3}))?"
    r"(?:@(?P<modifier>[A-Za-z]+))?"
)
#: Scripts as the locales of POSIX name them.
_MODIFIERS = {"latin": "Latn", "cyrillic": "Cyrl", "arabic": "Arab", "devanagari": "Deva"}
#: Regions that write Chinese in traditional characters.
_TRADITIONAL = frozenset({"TW", "HK", "MO"})


class _Language(NamedTuple):
    code: str
    script: str
    names: tuple[str, ...]


@lru_cache(maxsize=1)
def _languages() -> dict[str, _Language]:
    """Every code, with the one that is written and the usual script, "" where it is not known."""
    lines = Path(__file__).with_name("languages.tsv").read_text(encoding="utf-8").splitlines()
    rows = ([*line.split("\t"), "", "", ""][:4] for line in lines)
    return {
        code: _Language(written or code, script, tuple(filter(None, names.split("|"))))
        for code, written, script, names in rows
    }


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    return {name: language.code for language in _languages().values() for name in language.names}


def named(name: str) -> str:
    """The code of a language by its English or its own name, whatever its case; "" if it is none."""
    return _by_name().get(name.strip().casefold(), "")


def is_language(tag: str) -> bool:
    """Say whether ``tag`` is a language tag that is accepted here."""
    found = _TAG.fullmatch(tag)
    return (
        found is not None
        and found["language"].lower() in _languages()
        and (not found["modifier"] or (not found["script"] and found["modifier"].lower() in _MODIFIERS))
    )


def canonical(tag: str) -> str:
    """Write a tag the usual way: ``zh_hant_tw`` becomes ``zh-Hant-TW``, ``sr@latin`` ``sr-Latn``, ``deu`` ``de``.

    Raises:
        BadName: the tag is not one, or its language does not exist.
    """
    found = _TAG.fullmatch(tag)
    if found is None or not is_language(tag):
        raise BadName(
            f"'{tag}' is not a language code. Expected a code of ISO 639 such as 'de', 'pt-BR' or 'zh-Hant'. "
            "Correct the name or the configuration; nothing was stored under this code."
        )
    script = found["script"] or _MODIFIERS.get((found["modifier"] or "").lower(), "")
    parts = [_languages()[found["language"].lower()].code, script.title(), (found["region"] or "").upper()]
    return "-".join(filter(None, parts))


def primary(tag: str) -> str:
    """The language alone: ``pt-BR`` gives ``pt``. Language identification knows no more than that."""
    return re.split(r"[-_]", tag, maxsplit=1)[0].lower()


# Written without spaces between words, hence between sentences.
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "km", "my"})


def glue(lang: str) -> str:
    """What stands between two segments of a language that are joined: a space, or nothing."""
    return "" if primary(lang) in _UNSPACED else " "


def same_language(left: str, right: str) -> bool:
    """Say whether two tags name the same language, regions and scripts aside (``no`` and ``nb`` are one)."""
    macro = {"nb": "no", "nn": "no", "in": "id", "iw": "he", "fil": "tl"}
    one, other = primary(left), primary(right)
    return macro.get(one, one) == macro.get(other, other)


def best_match(wanted: str, available: Iterable[str]) -> str:
    """The tag among ``available`` that serves for ``wanted``: itself, else one with a region where the other has none.

    Args:
        wanted: a canonical tag, like those that are available.

    Returns:
        "" if none does. A region is never exchanged (``pt-PT`` for ``pt-BR``), a script never crossed: ``zh-Hant``
        and ``zh-HK`` serve neither for ``zh-Hans`` nor for ``zh``, ``zh-Hans-CN`` serves for both, and ``sr-Latn`` not
        for ``sr``, which is written in Cyrillic.
    """
    tags = sorted(set(available))
    if wanted in tags:
        return wanted
    fitting = [tag for tag in tags if same_language(tag, wanted) and _serves(_subtags(tag), _subtags(wanted))]
    return min(fitting, key=lambda tag: (len(tag), tag), default="")


def _subtags(tag: str) -> tuple[str, str]:
    """Script and region of a tag: the language's usual script where it names none, "" for a region left out."""
    language, *subtags = re.split(r"[-_]", tag)
    region = next((subtag for subtag in subtags if len(subtag) in (2, 3)), "")
    named = next((subtag for subtag in subtags if len(subtag) == 4), "")
    if not named and language == "zh" and region in _TRADITIONAL:
        named = "Hant"
    known = _languages().get(language)
    return named or (known.script if known else ""), region


def _serves(one: tuple[str, str], other: tuple[str, str]) -> bool:
    (script, region), (other_script, other_region) = one, other
    return script == other_script and (region == other_region or not (region and other_region))
