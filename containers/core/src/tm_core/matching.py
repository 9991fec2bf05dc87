"""How well a unit of the memory answers a query: forms, scores, penalties, substitution. Pure; edit distance is given.

A text is compared in its **form**: case folded, inline tags removed, every number and every placeable (``{name}``,
``%s``) replaced by one sign. The score is ``100 * (1 - edit distance / longer length)`` of the two forms, rounded down,
less a penalty for each kind of difference that the form hides. Two short texts whose words are the same, so that they
differ in punctuation, white space or a marked access key alone (``Go``, ``&Go…``), have at least
:data:`SAME_WORDS_SCORE`, for one sign is a third of them. A score depends on the query, the unit and the penalties
alone, never on how the unit was found.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cached_property

from tm_core.errors import LookupRefused
from tm_core.identity import context_hash, normalise, text_hash
from tm_core.rules import Tier

#: Enters the index of forms: a memory indexed by another version is indexed again.
FORM_VERSION = "1"

CONTEXT_SCORE = 101
EXACT_SCORE = 100
SAME_WORDS_SCORE = 90
"""What texts have at least that differ in punctuation alone; below what a case, a number or a tag costs."""
SHORT_CHARS = 12
"""Characters of a form up to which such a difference may cost more than that."""

# Numbered tags as tm_formats makes them of TMX and XLIFF, and the tags of XML and HTML. Bounded, so that a text of
# angle brackets costs no more than any other.
_TAG = r"</?\d{1,6}\s?/?>|</?[A-Za-z][\w:.-]{0,40}(?:\s[^<>]{0,500})?/?>"
_PLACEABLE = (
    r"\$?\{\{?\s?[\w.:-]{0,60}\s?\}?\}"  # {0} {name} {{ name }} ${name}
    # %s %(name)s %1$d
    r"|(?<![\d%])%(?:\(\w{1,60}\)|\d{1,2}\$)?[-+0#]{0,3}\d{0,3}(?:\.\d{1,3})?[sdiufxXgc@](?![A-Za-z])"
)
_NUMBER = r"\d+(?:[.,:/]\d+)*"
_TOKEN = re.compile(f"(?P<tag>{_TAG})|(?P<placeable>{_PLACEABLE})|(?P<number>{_NUMBER})")
_TAGS = re.compile(_TAG)
_KINDS = ("tag", "placeable", "number")
_COMMA_AND_POINT = str.maketrans(",.", ".,")
_SPACES = re.compile(" {2,}")
# A sign that normalised text may hold only to stand for an object; and a digit: all others are gone by then.
_SIGNS = {"tag": "", "placeable": "\ufffc", "number": "0"}
_MAY_HAVE_TOKENS = re.compile(r"[\d<{%]")


class MatchKind(StrEnum):
    """How a unit answers a query, best first."""

    CONTEXT = "context"
    EXACT = "exact"
    NORMALISED = "normalised"
    FUZZY = "fuzzy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalties:
    """Points off the score. Each is 0 to 100, a whole number.

    The first four are for what the form hides; 1 keeps such a match below an exact one and above every text that
    differs in words (not calibrated yet). The last two are for what is known of the unit; 0, because the order of
    equal scores already prefers reviewed units, then imported ones.

    Attributes:
        case: letters differ in case only.
        numbers, tags: they differ, and those of the query could be put into the target.
        unplaced: numbers, tags or placeables differ, and could not.
        unreviewed: no person has looked at the unit.
        aligned: a machine aligned it: it was not imported as a pair.
    """

    case: int = 1
    numbers: int = 1
    tags: int = 1
    unplaced: int = 5
    unreviewed: int = 0
    aligned: int = 0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
                raise LookupRefused(
                    f"penalty '{item.name}' is {value!r}, expected a whole number from 0 to 100. Nothing was looked up."
                )


@dataclass(frozen=True)
class Form:
    """A text as it is compared.

    Attributes:
        text: the form itself.
        cased: the form before its case was folded.
        tokens: the tags, placeables and numbers of the text, in order, by kind.
        raw: the text itself, if it has any.
    """

    text: str
    cased: str
    tokens: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    raw: str = ""

    @cached_property
    def tag_places(self) -> tuple[int, ...]:
        """How many signs other than white space stand before each tag."""
        places, signs, end = [], 0, 0
        for found in _TOKEN.finditer(self.raw):
            signs += len("".join(self.raw[end : found.start()].split()))
            end = found.end()
            if found.lastgroup == "tag":
                places.append(signs)
            else:
                signs += 1
        return tuple(places)

    def of(self, kind: str) -> tuple[str, ...]:
        """The tokens of one kind, in order."""
        return self.tokens.get(kind, ())


def form_of(text: str) -> Form:
    """The form of a normalised text. Cost: O(length), about 1 µs without tokens, 5 µs with some."""
    if not _MAY_HAVE_TOKENS.search(text):
        return Form(text.casefold(), text)
    tokens: dict[str, list[str]] = {}

    def sign(found: re.Match[str]) -> str:
        kind = str(found.lastgroup)
        tokens.setdefault(kind, []).append(found.group())
        return _SIGNS[kind]

    cased = " ".join(_TOKEN.sub(sign, text).split())
    return Form(cased.casefold(), cased, {kind: tuple(found) for kind, found in tokens.items()}, text if tokens else "")


@dataclass(frozen=True, kw_only=True)
class Query:
    """A segment to look up, and where it stands.

    Attributes:
        text: normalised, not empty.
        previous, following: the neighbouring segments; "" if unknown.
        key: of a keyed string (UI texts); "" in running text.
    """

    text: str
    previous: str = ""
    following: str = ""
    key: str = ""

    @classmethod
    def of(cls, text: str, *, previous: str = "", following: str = "", key: str = "") -> "Query":
        """A query for any text: normalised as the memory's texts are.

        Raises:
            LookupRefused: nothing is left of the text.
        """
        wanted = normalise(text)
        if not wanted:
            raise LookupRefused(
                "the text to look up is empty, or white space and control characters alone. Expected a segment; "
                "nothing was looked up."
            )
        return cls(text=wanted, previous=normalise(previous), following=normalise(following), key=key)

    @cached_property
    def form(self) -> Form:
        """The text as it is compared."""
        return form_of(self.text)

    @cached_property
    def text_hash(self) -> str:
        """The identity of the text, as in tm_core.identity."""
        return text_hash(self.text)

    @cached_property
    def _neighbours(self) -> tuple[str, str, str]:
        keyed = context_hash("", "", self.key)
        return keyed, self.previous and text_hash(self.previous), self.following and text_hash(self.following)

    def stands_like(self, unit: "UnitFacts") -> bool:
        """Whether the unit stands where the query stands: under the same key, else between the neighbours given."""
        keyed, previous, following = self._neighbours
        if keyed:
            return unit.context == keyed
        pairs = ((previous, unit.prev_hash), (following, unit.next_hash))
        return bool(previous or following) and all(wanted in ("", found) for wanted, found in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFacts:
    """What the score of a unit depends on. Hashes are hexadecimal digits, "" if unknown."""

    src_text: str
    tgt_text: str
    src_hash: str
    context: str = ""
    prev_hash: str = ""
    next_hash: str = ""
    tier: str = Tier.IMPORTED.value
    review_state: str = "unreviewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """How well a unit answers.

    Attributes:
        score: 0 to 101.
        kind: what the texts have in common, penalties aside.
        proposal: the target with the query's numbers, tags and placeables in place of the unit's, where that could
            be done; else the target as it is.
        penalties: points taken off, by the name of the penalty.
    """

    score: int
    kind: MatchKind
    proposal: str
    penalties: Mapping[str, int]


Distance = Callable[[str, str], int]


def words_of(form: str) -> str:
    """The letters, digits and stand-ins of a form, without what stands around and between them."""
    return "".join(
        sign for sign in form if sign.isalnum() or sign == _SIGNS["placeable"] or unicodedata.combining(sign)
    )


def similarity(edits: int, form: str, other: str) -> int:
    """How similar two forms are in percent, rounded down: by their distance, and short ones also by their words."""
    found = percent(edits, len(form), len(other))
    if found >= SAME_WORDS_SCORE or min(len(form), len(other)) > SHORT_CHARS:
        return found
    words = words_of(form)
    return SAME_WORDS_SCORE if words and words == words_of(other) else found


def grade(query: Query, unit: UnitFacts, distance: Distance, penalties: Penalties) -> Grade:
    """Score one unit; ``distance`` is the Levenshtein distance of two texts, in characters."""
    if unit.src_hash == query.text_hash:
        kind = MatchKind.CONTEXT if query.stands_like(unit) else MatchKind.EXACT
        base = CONTEXT_SCORE if kind is MatchKind.CONTEXT else EXACT_SCORE
        return _graded(base, kind, unit.tgt_text, _of_unit(unit, penalties))
    source = form_of(unit.src_text)
    edits = distance(query.form.text, source.text)
    base = similarity(edits, query.form.text, source.text)
    off = _of_unit(unit, penalties)
    if distance(query.form.cased, source.cased) > edits:
        off["case"] = penalties.case
    proposal = _place_tokens(query.form, source, unit.tgt_text, penalties, off)
    # Two texts with one form whose hidden differences cost nothing are still not the same text.
    kind = MatchKind.FUZZY if edits else MatchKind.NORMALISED
    return _graded(base, kind, proposal, off)


def _graded(base: int, kind: MatchKind, proposal: str, off: dict[str, int]) -> Grade:
    taken = {name: points for name, points in off.items() if points}
    return Grade(score=max(0, base - sum(taken.values())), kind=kind, proposal=proposal, penalties=taken)


def _of_unit(unit: UnitFacts, penalties: Penalties) -> dict[str, int]:
    unreviewed, aligned = unit.review_state == "unreviewed", unit.tier != Tier.IMPORTED
    return {"unreviewed": penalties.unreviewed * unreviewed, "aligned": penalties.aligned * aligned}


def _place_tokens(wanted: Form, known: Form, target: str, penalties: Penalties, off: dict[str, int]) -> str:
    """The target with the tokens of ``wanted`` for those of ``known``; what that costs goes into ``off``."""
    for kind in _KINDS:
        have, want = known.of(kind), wanted.of(kind)
        if have == want:
            if kind == "tag" and wanted.tag_places != known.tag_places:
                # Where they belong in the target nobody knows.
                off["tags"] = penalties.tags
            continue
        placed = _placed(target, kind, have, want)
        if placed is None:
            off["unplaced"] = penalties.unplaced
        else:
            target = placed
            name = "numbers" if kind == "number" else "tags"
            off[name] = getattr(penalties, name)
    return target


def _placed(target: str, kind: str, have: Sequence[str], want: Sequence[str]) -> str | None:
    """The target with each of ``have`` replaced by its counterpart in ``want``; None if it is not clear how."""
    found = [match for match in _TOKEN.finditer(target) if match.lastgroup == kind]
    said = [match.group() for match in found]
    if kind == "number" and Counter(said) != Counter(have) == Counter(map(_swapped, said)):
        # The target writes 1.250,50 for 1,250.50.
        have, want = tuple(map(_swapped, have)), tuple(map(_swapped, want))
    # Every token of the source must stand in the target once, or it was translated in some way of its own.
    if Counter(said) != Counter(have):
        return None
    if not want:
        return _SPACES.sub(" ", _replaced(target, [(match, "") for match in found])).strip() if kind == "tag" else None
    if len(have) != len(want):
        return None
    instead = dict(zip(have, want, strict=True))
    if any(instead[old] != new for old, new in zip(have, want, strict=True)):
        return None  # one token of the unit stands for two of the query: a target may have them in another order
    return _replaced(target, [(match, instead[match.group()]) for match in found])


def _swapped(number: str) -> str:
    """A number with comma and point for each other."""
    return number.translate(_COMMA_AND_POINT)


def _replaced(text: str, replacements: Sequence[tuple[re.Match[str], str]]) -> str:
    parts, end = [], 0
    for found, new in replacements:
        parts += [text[end : found.start()], new]
        end = found.end()
    return "".join([*parts, text[end:]])


# What a minimum score implies --------------------------------------------------------------------


def percent(edits: int, length: int, other: int) -> int:
    """The similarity of two forms in percent, rounded down: 100 for equal forms alone."""
    longer = max(length, other)
    return 100 * (longer - edits) // longer if longer else 100


def most_edits(longer: int, min_score: int) -> int:
    """The largest distance at which a pair whose longer form has this length still reaches the score."""
    return longer * (100 - min_score) // 100


def length_bounds(length: int, min_score: int) -> tuple[int, int]:
    """Shortest and longest form that can reach the score beside one of ``length`` characters."""
    return -(-length * min_score // 100), length * 100 // min_score


def check_min_score(min_score: int) -> int:
    """Raises LookupRefused unless it is 30 to 101: below, two sentences have nothing to do with each other."""
    if not 30 <= min_score <= CONTEXT_SCORE:
        raise LookupRefused(f"the minimum score is {min_score}, expected 30 to 101. Nothing was looked up.")
    return min_score


def holds_phrase(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text, case and inline tags aside. Both are normalised."""
    wanted = phrase.casefold()
    return wanted in text.casefold() or wanted in " ".join(_TAGS.sub("", text).casefold().split())
