"""Language tags: which are accepted, and how they are written.

Accepted is ``ll``, ``lll``, ``ll-Script``, ``ll-REGION`` or both (BCP 47, RFC 5646 section 2.1), with a
two-letter code of ISO 639-1 or one of the three-letter codes below.
"""

import re
from collections.abc import Iterable

from tm_core.errors import BadName

# ISO 639-1, all 183 codes in force.
_ISO_639_1 = frozenset(
    """aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv
    ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne
    ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st
    su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu""".split()
)
# Three-letter codes of languages that are translated into and have no two-letter code (ISO 639-3).
_ISO_639_3 = frozenset(
    "ast ceb ckb csb dsb fil frp fur gsw haw hsb kab lij mai nds pap sco scn sah szl tok vec".split()
)
_TAG = re.compile(r"(?P<language>[A-Za-z]{2,3})(?:[-_](?P<script>[A-Za-z]{4}))?(?:[-_](?P<region>[A-Za-z]{2}|\d{3}))?")


def is_language(tag: str) -> bool:
    """Say whether ``tag`` is a language tag that is accepted here."""
    found = _TAG.fullmatch(tag)
    return found is not None and found["language"].lower() in _ISO_639_1 | _ISO_639_3


def canonical(tag: str) -> str:
    """Write a tag the usual way: ``zh_hant_tw`` becomes ``zh-Hant-TW``.

    Raises:
        BadName: the tag is not one, or its language does not exist.
    """
    found = _TAG.fullmatch(tag)
    if found is None or not is_language(tag):
        raise BadName(
            f"'{tag}' is not a language code. Expected a code of ISO 639 such as 'de', 'pt-BR' or 'zh-Hant'. "
            "Correct the name or the configuration; nothing was stored under this code."
        )
    parts = [found["language"].lower()]
    if found["script"]:
        parts.append(found["script"].title())
    if found["region"]:
        parts.append(found["region"].upper())
    return "-".join(parts)


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
        serves neither for ``zh-Hans`` nor for ``zh``.
    """
    tags = sorted(set(available))
    if wanted in tags:
        return wanted
    fitting = [tag for tag in tags if same_language(tag, wanted) and _serves(_subtags(tag), _subtags(wanted))]
    return min(fitting, key=lambda tag: (len(tag), tag), default="")


def _subtags(tag: str) -> tuple[str, str]:
    """Script and region of a tag; "" for what it leaves out."""
    subtags = re.split(r"[-_]", tag)[1:]
    script = next((subtag for subtag in subtags if len(subtag) == 4), "")
    return script, next((subtag for subtag in subtags if len(subtag) in (2, 3)), "")


def _serves(one: tuple[str, str], other: tuple[str, str]) -> bool:
    (script, region), (other_script, other_region) = one, other
    return script == other_script and (region == other_region or not (region and other_region))
