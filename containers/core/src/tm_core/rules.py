"""The filter: named rules that a bead must pass, and every threshold they use.

A rule looks at one bead and answers yes or no; the first rule in :data:`RULES` that a bead fails names its
rejection. Thresholds live in :class:`Thresholds` and nowhere else; a store may override them in stores.toml.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import SequenceMatcher
from enum import StrEnum
from types import MappingProxyType

from tm_core.languages import primary, same_language

#: Raised with every change that refuses another bead; tests/core/test_versions.py holds the two together.
FILTER_VERSION = "3"


class Tier(StrEnum):
    """What made a bead."""

    LEXICAL = "lexical"
    EMBEDDING = "embedding"
    IMPORTED = "imported"  # the file itself was already aligned


class Rule(StrEnum):
    """Names of the rules, in the order they are asked. The values go into the database and the report."""

    UNALIGNED = "unaligned"
    NO_LETTERS = "no_letters"
    MOJIBAKE = "mojibake"
    TOO_LONG = "too_long"
    UNTRANSLATED_COPY = "untranslated_copy"
    WRONG_LANGUAGE = "wrong_language"
    LENGTH_RATIO = "length_ratio"
    LOW_SCORE = "low_score"


_SHARES = ("min_score", "copy_run_share", "copy_run_probability", "copy_probability", "language_probability")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Every number the filter uses. Each says where it comes from, or that it is not calibrated yet."""

    max_chars: int = 2000  # one side; longer is not a sentence. Source: not calibrated yet
    max_ratio: float = 3.0  # longer over shorter side, after the pair's expansion. Source: not calibrated yet
    ratio_floor_chars: int = 20  # added to both sides, so that "OK" : "Einverstanden" passes. Not calibrated yet
    # Confidence of an aligned bead, from which it is rather right than wrong. Source: confidence is calibrated on gold
    # beads (expected calibration error .04, docs/aligner.md).
    min_score: float = 0.5
    # An identical copy of this many words is no name or code; a shorter one of several tokens is refused if it is in
    # the source's language with this certainty. Source: headings and notes of the Debian handbook's 288 page pairs.
    copy_words: int = 3
    copy_probability: float = 0.8
    # A sentence is untranslated, although a title inside it was translated, if both sides share this many words in a
    # row, this share of the shorter side, and the target is in the source's language. Source: the same pages.
    copy_run_words: int = 5
    copy_run_share: float = 0.4
    copy_run_probability: float = 0.5
    # Asked from this length on, among the pair's languages and English: shorter text is misread too often (.75 right
    # on 8 to 25 characters). Source: the same pages, where these two refused 82 beads, all of them untranslated.
    language_chars: int = 25
    language_probability: float = 0.9

    def __post_init__(self) -> None:
        for name in _SHARES:
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}, expected 0 to 1.")
        if not self.max_ratio >= 1:  # as nan is neither
            raise ValueError(f"max_ratio is {self.max_ratio}, expected at least 1.")
        whole = ("max_chars", "ratio_floor_chars", "copy_words", "copy_run_words", "language_chars")
        if wrong := [name for name in whole if getattr(self, name) < 1]:
            raise ValueError(f"{wrong[0]} is {getattr(self, wrong[0])}, expected at least 1.")

    def version(self) -> str:
        """All numbers as one text: it enters the batch id, so that a changed threshold filters again."""
        return FILTER_VERSION + ";" + ";".join(f"{item.name}={getattr(self, item.name)!r}" for item in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What the rules look at: one bead with its texts (normalised) and what is known of them.

    ``src_lang_id`` and ``tgt_lang_id`` are the identified languages ("und": too little text to tell), with
    their probabilities from 0 to 1. ``score`` is the bead's confidence from 0 to 1.
    """

    src_text: str
    tgt_text: str
    src_lang: str
    tgt_lang: str
    tier: Tier
    score: float
    src_lang_id: str = "und"
    src_lang_p: float = 0.0
    tgt_lang_id: str = "und"
    tgt_lang_p: float = 0.0


def first_failed(bead: Candidate, limits: Thresholds) -> Rule | None:
    """Name the first rule that the bead fails, or None if it passes all. Cost: O(length of the texts)."""
    return next((rule for rule, fails in RULES.items() if fails(bead, limits)), None)


def _unaligned(bead: Candidate, limits: Thresholds) -> bool:
    return not bead.src_text or not bead.tgt_text


def _no_letters(bead: Candidate, limits: Thresholds) -> bool:
    return not (any(map(str.isalpha, bead.src_text)) and any(map(str.isalpha, bead.tgt_text)))


# UTF-8 read as Latin-1 or cp1252: a lead byte's character followed by those of continuation bytes (80 to BF). One such
# sequence alone may be a spelling ("hâlâ”", "«Ñ»", Welsh "â’r", a footnote's "café²"), so it needs a second sign.
_TAIL = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_SEQUENCE = f"(?:[Â-ß]{_TAIL}|[à-ï]{_TAIL}{{2}}|[ð-ô]{_TAIL}{{3}})"
_MOJIBAKE = re.compile(
    "|".join(
        (
            f"{_SEQUENCE}{{2}}",  # two in a row: another script, or accents side by side
            f"(?<=[a-z])[Â-ÖØ-Þ]{_TAIL}",  # the lead, a capital, inside a word in small letters
            "[ÂÃ][\x80-\x9f€ƒ‡ˆ‰ŠŒŽ˜šœžŸ¡-¨¬¯±µ¶¸¼-¿]",  # characters that close no word
            "(?<![A-ZÀ-Þ])[ÂÃ][©ª®°²³´¹º]",  # these may follow a word in capitals as a footnote or a mark
            f"â[€‚†ˆ‰Œœž]{_TAIL}",  # quotes, dashes, arrows, the euro sign
            f"áº{_TAIL}",  # Vietnamese
            "ï»¿|\ufffd",
        )
    )
)


def _mojibake(bead: Candidate, limits: Thresholds) -> bool:
    return bool(_MOJIBAKE.search(bead.src_text) or _MOJIBAKE.search(bead.tgt_text))


def _too_long(bead: Candidate, limits: Thresholds) -> bool:
    return max(len(bead.src_text), len(bead.tgt_text)) > limits.max_chars


# Letters, with hyphens, apostrophes and single slashes inside. Paths, addresses, numbers and options are the same in
# every language, and are no words.
_WORD = re.compile(r"[^\W\d_]+(?:[-'’/][^\W\d_]+)*")


def _words(text: str) -> list[str]:
    tokens = (
        token.strip(".,;:!?()[]{}\"'“”„«»‘’…") for token in unicodedata.normalize("NFKC", text).casefold().split()
    )
    return [token for token in tokens if _WORD.fullmatch(token)]


def _untranslated_copy(bead: Candidate, limits: Thresholds) -> bool:
    """The target is the source again, wholly or for the most part. A word or a name alone is legitimate."""
    src, tgt = _words(bead.src_text), _words(bead.tgt_text)
    if bead.src_text.casefold() == bead.tgt_text.casefold():
        return len(src) >= limits.copy_words or (" " in bead.src_text and _still_source(bead, limits.copy_probability))
    shorter = min(len(src), len(tgt))
    needed = max(limits.copy_run_words, shorter * limits.copy_run_share)
    # A run that both sides share may be a quotation or a command; then the rest tells the languages apart.
    if shorter < needed or not _still_source(bead, limits.copy_run_probability):
        return False
    return SequenceMatcher(None, src, tgt, autojunk=False).find_longest_match().size >= needed


def _still_source(bead: Candidate, probability: float) -> bool:
    return same_language(bead.tgt_lang_id, bead.src_lang) and bead.tgt_lang_p >= probability


def _wrong_language(bead: Candidate, limits: Thresholds) -> bool:
    sides = (
        (bead.src_text, bead.src_lang, bead.src_lang_id, bead.src_lang_p),
        (bead.tgt_text, bead.tgt_lang, bead.tgt_lang_id, bead.tgt_lang_p),
    )
    return any(
        len(text) >= limits.language_chars
        and found != "und"
        and not same_language(found, wanted)
        and probability >= limits.language_probability
        for text, wanted, found, probability in sides
    )


# Characters needed for the same content, English = 1. One Chinese, Japanese or Korean character carries about
# what two to three Latin ones do. Source: ratios of the sample documents' gold beads; other languages use 1.
_EXPANSION: Mapping[str, float] = MappingProxyType({"zh": 0.33, "ja": 0.45, "ko": 0.5})


def _length_ratio(bead: Candidate, limits: Thresholds) -> bool:
    src = len(bead.src_text) / _EXPANSION.get(primary(bead.src_lang), 1.0) + limits.ratio_floor_chars
    tgt = len(bead.tgt_text) / _EXPANSION.get(primary(bead.tgt_lang), 1.0) + limits.ratio_floor_chars
    return max(src, tgt) / min(src, tgt) > limits.max_ratio


def _low_score(bead: Candidate, limits: Thresholds) -> bool:
    return bead.tier is not Tier.IMPORTED and bead.score < limits.min_score


#: Rule -> "does this bead fail it?". The order is the order in which a rejection is named.
RULES: Mapping[Rule, Callable[[Candidate, Thresholds], bool]] = MappingProxyType(
    {
        Rule.UNALIGNED: _unaligned,
        Rule.NO_LETTERS: _no_letters,
        Rule.MOJIBAKE: _mojibake,
        Rule.TOO_LONG: _too_long,
        Rule.UNTRANSLATED_COPY: _untranslated_copy,
        Rule.WRONG_LANGUAGE: _wrong_language,
        Rule.LENGTH_RATIO: _length_ratio,
        Rule.LOW_SCORE: _low_score,
    }
)


@dataclass(slots=True, kw_only=True)
class RuleCounts:
    """How many beads each rule rejected, every rule named even at zero: a rule that fell silent is seen."""

    seen: int = 0
    rejected: dict[str, int] = field(default_factory=lambda: {rule.value: 0 for rule in Rule})

    def add(self, rule: Rule | None) -> None:
        """Count one bead and its rejection, if any."""
        self.seen += 1
        if rule is not None:
            self.rejected[rule.value] += 1
