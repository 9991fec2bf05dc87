"""Mending proposed sentence ends: ends that were missed, ends in the wrong place, ends that are none.

Each rule is here because it was measured to help (docs/decisions/0011): without it, F1 on the samples' gold falls
or hard cases of benchmarks/segment-cases.tsv are lost. All are linear in the text.
"""

import re
from collections.abc import Iterable, Iterator

from tm_core.languages import primary

# Words after which a full stop ends no sentence, by language, in small letters. Those that end one as often as not
# (etc., usw., MwSt.) are left out: blingfire decides.
_ABBREVIATIONS = {
    "de": """abb abs abschn art bd bspw bzgl bzw ca dgl dr evtl exkl fam ff frl geb gem ggf hl hrsg inkl kap max min mio
        mrd nr prof sog st std str tab tel vgl vs zz zzgl""",
    "en": """approx ca cf ch co dept dr ed eds eq est fig figs gen hon jr ltd mr mrs ms no nos p para pp prof rev sec sr
        st vol vols vs""",
    "es": """aprox art av avda c cap cía d dr dra dña ee ed fig gral lic n núm p pág párr págs pp prof sr sra srta sres
        tel ud uds uu vd vds vol""",
    "fr": "art av bd boul c.-à-d cf chap dr éd ex fig m mm mme mlle n no p pp s st ste tél vol",
    "ru": "акад вв гг д им млн млрд п проф р рис см стр т тыс ул",
}
_KNOWN = {lang: frozenset(words.split()) for lang, words in _ABBREVIATIONS.items()}
# Languages that write ordinal numbers with a full stop: "am 3. März".
_ORDINALS = frozenset("bs cs da de et fi hr hu is lt lv nb nn no sk sl sr".split())
_CJK = frozenset(("zh", "ja"))

_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĖĘĚĜĞĢĪĮİĶĹĻĽŁŃŅŇŌŐŒŔŖŘŚŜŞŠŢŤŪŮŰŲŸŹŻŽА-ЯЁІЇЄҐΑ-ΩΆΈΉΊΌΎΏ"
# A mark, what closes after it, white space, and a beginning: a capital or a number, perhaps behind a quotation mark.
_MISSED = re.compile(rf"""[.!?…]["”’»)\]]*\s+(?=["“„«(\[¿¡—]*\s?(?:(?P<capital>[{_UPPER}])|\d))""")
_WORD_BEFORE = re.compile(r"[^\W\d_][^\W\d_.'’-]*(?:[.'’-]+[^\W\d_]+)*$")
_UNIT_BEFORE = re.compile(r"\d\s?[a-zµ°]{0,4}(?:/[a-z]{1,3})?[²³]?$|/[a-z]{1,3}$")
#: Letters from which a word before a number is taken for a word, not an unlisted abbreviation ("stehen. 2024"):
#: in languages with a list above, and in all others.
_WORD_LETTERS, _UNLISTED_WORD_LETTERS = 3, 5
# Abbreviations that end sentences too: only a number behind them says that they did not. "Hauptstr. 5" is one.
_BEFORE_NUMBER = re.compile(r"(?i)(?:approx|env|etc|usw|\w*str)$")

_CLOSERS = {
    "de": re.compile(r"[“”’»«)\]]+(?=\s|$|[,.;:])"),
    # Set off by a space in French, so a quotation mark may stand alone.
    "fr": re.compile(r"\s*[»”)\]]+|[\"'](?=\s|$)"),
    **dict.fromkeys(_CJK, re.compile(r"[。．！？!?…]*[”’」』】）》〉〕)\]]+|[。．！？!?…]+")),
}
_ANY_CLOSER = re.compile(r"[”’»›)\]]+(?=\s|$)|[\"'](?=\s|$)")
_SMALL_BEGINNING = re.compile(r"""["'“„«‘‚‹(\[¿¡—–-]*\s?([^\W\d_])""")
_ENUMERATOR = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]")
_ORDINAL = re.compile(r"(\w+\s)?(?<![\d.,])\d{1,2}\.$")
_NUMBERED = re.compile(r"(?i)(?:seite|kapitel|version|tabelle|abschnitt|zeile|punkt)\s")
# "…", she said: a verb of speech within a few signs of the closing quotation mark.
_SPEECH = re.compile(r"[^。！？“「『，、]{0,8}(?:说|道|问|答|喊|叫)|と")
#: Characters before an end that rules look at: longer than any abbreviation.
_LOOK_BACK = 24


def mend(text: str, proposed: Iterable[int], lang: str) -> list[int]:
    """Mend the ends proposed for one paragraph.

    Args:
        text: the paragraph, all its white space plain spaces.
        proposed: positions of ends, rising, each behind a sentence's last character.
        lang: language tag; abbreviations, ordinals and quotation marks differ by language.

    Returns:
        Ends inside the paragraph, rising.
    """
    lang = primary(lang)
    ends: list[int] = []
    start, last = 0, len(text.rstrip())
    for end in sorted({*proposed, *_missed(text, lang)}):
        if end <= start:
            continue
        end = _behind_closers(text, end, lang)
        if end >= last:
            break
        if not _is_none(text, start, end, lang):
            ends.append(end)
            start = end
    return ends


def _missed(text: str, lang: str) -> Iterator[int]:
    """Ends that follow from a mark and a beginning, unless the word before may be an abbreviation."""
    for found in _MISSED.finditer(text):
        at = found.start()
        if text[at] != "." or _ends_sentence(text[max(0, at - _LOOK_BACK) : at], lang, bool(found["capital"])):
            yield at + len(found[0].rstrip())


def _ends_sentence(before: str, lang: str, capital: bool) -> bool:
    if capital and lang not in _ORDINALS and _UNIT_BEFORE.search(before):
        return True
    found = _WORD_BEFORE.search(before)
    word = found[0] if found else ""
    if not word[1:].islower() or "." in word or _is_known(word.lower(), lang):
        return False
    if capital:
        return word.islower()
    if _BEFORE_NUMBER.match(word):
        return False
    return len(word) >= (_WORD_LETTERS if lang in _KNOWN and word.islower() else _UNLISTED_WORD_LETTERS)


def _is_known(word: str, lang: str) -> bool:
    """Say whether the word, or what follows its last apostrophe or full stop, is a listed abbreviation."""
    known = _KNOWN.get(lang, _KNOWN["en"])
    return word in known or re.split(r"[.'’]", word)[-1] in known


def _behind_closers(text: str, end: int, lang: str) -> int:
    """The end moved behind quotation marks and brackets that close the sentence."""
    closers = _CLOSERS.get(lang, _ANY_CLOSER)
    while found := closers.match(text, end):
        end = found.end()
    return end


def _is_none(text: str, start: int, end: int, lang: str) -> bool:
    """Say whether the sentence goes on behind this end."""
    before = text[max(start, end - _LOOK_BACK) : end].rstrip()
    after = text[end : end + _LOOK_BACK].lstrip()
    if _ENUMERATOR.fullmatch(text[start : min(end, start + _LOOK_BACK)].strip()):
        return True
    if lang in _CJK:
        return before[-1:] in "”」』" and bool(_SPEECH.match(after))
    small = _SMALL_BEGINNING.match(after)
    return (
        bool(small and small[1].islower())
        or (lang in _ORDINALS and _is_ordinal(before, after))
        or _is_abbreviation(before, after, lang)
    )


def _is_ordinal(before: str, after: str) -> bool:
    found = _ORDINAL.search(before)
    return found is not None and not _NUMBERED.match(found[1] or "") and after[:1].isupper()


def _is_abbreviation(before: str, after: str, lang: str) -> bool:
    if not before.endswith(".") or (after[:1].isupper() and _UNIT_BEFORE.search(before[:-1])):
        return False
    found = _WORD_BEFORE.search(before[:-1])
    return found is not None and _is_known(found[0].lower(), lang)
