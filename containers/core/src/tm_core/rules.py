"""The filter: named rules that a bead must pass, and every threshold they use.

A rule looks at one bead and answers yes or no; the first rule in :data:`RULES` that a bead fails names its
rejection. Thresholds live in :class:`Thresholds` and nowhere else; a store may override them in stores.toml.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType

from tm_core.languages import primary, same_language

FILTER_VERSION = "1"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Every number the filter uses. Each says where it comes from, or that it is not calibrated yet."""

    max_chars: int = 2000  # one side; longer is not a sentence. Source: not calibrated yet
    max_ratio: float = 3.0  # longer over shorter side, after the pair's expansion. Source: not calibrated yet
    ratio_floor_chars: int = 20  # added to both sides, so that "OK" : "Einverstanden" passes. Not calibrated yet
    min_score: float = 0.3  # confidence of an aligned bead. Source: not calibrated yet
    copy_chars: int = (
        25  # an identical copy is refused from this length on: names and codes are shorter. Not calibrated yet
    )
    copy_similarity: float = 0.9  # share of the shorter side's words found on the other side. Not calibrated yet
    language_chars: int = 25  # below, identification is near .75 right (measured on 8 to 25 characters): not asked
    language_probability: float = 0.9  # certainty needed to call a side the wrong language. Not calibrated yet

    def __post_init__(self) -> None:
        for name in ("min_score", "copy_similarity", "language_probability"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}, expected 0 to 1.")
        if self.max_ratio < 1:
            raise ValueError(f"max_ratio is {self.max_ratio}, expected at least 1.")
        if min(self.max_chars, self.copy_chars, self.language_chars, self.ratio_floor_chars) < 1:
            raise ValueError("a length in characters is under 1.")

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


# UTF-8 read as Latin-1 or cp1252: a lead byte's character followed by a continuation byte's. The second set is
# what bytes 80 to BF become in cp1252; none of these pairs is a spelling of any language.
_MOJIBAKE = re.compile("[ÂÃâÐÑ][\u0080-\u00a0¡-¿€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|ï»¿|\ufffd")


def _mojibake(bead: Candidate, limits: Thresholds) -> bool:
    return bool(_MOJIBAKE.search(bead.src_text) or _MOJIBAKE.search(bead.tgt_text))


def _too_long(bead: Candidate, limits: Thresholds) -> bool:
    return max(len(bead.src_text), len(bead.tgt_text)) > limits.max_chars


_WORD = re.compile(r"\w+")


def _fold(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _untranslated_copy(bead: Candidate, limits: Thresholds) -> bool:
    """The target is the source again, wholly or nearly. Short ones (names, commands) are legitimate."""
    if min(len(bead.src_text), len(bead.tgt_text)) < limits.copy_chars:
        return False
    if bead.src_text.casefold() == bead.tgt_text.casefold():
        return True
    src, tgt = _fold(bead.src_text), _fold(bead.tgt_text)
    if not src or not tgt:
        return False
    shorter, longer = sorted((src, tgt), key=len)
    return len(set(shorter) & set(longer)) >= limits.copy_similarity * len(set(shorter))


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
