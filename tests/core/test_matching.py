"""Scores: forms, penalties, what is put into the target, and the bounds that a minimum score implies."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from tests.growth import assert_linear
from tm_core.errors import LookupRefused
from tm_core.identity import context_hash, normalise, text_hash
from tm_core.matching import (
    Grade,
    MatchKind,
    Penalties,
    Query,
    UnitFacts,
    check_min_score,
    form_of,
    grade,
    length_bounds,
    most_edits,
    percent,
)


def unit(src: str, tgt: str = "…", **more: str) -> UnitFacts:
    return UnitFacts(src_text=src, tgt_text=tgt, src_hash=text_hash(src), **more)


def graded(text: str, found: UnitFacts, penalties: Penalties | None = None, **around: str) -> Grade:
    return grade(Query.of(text, **around), found, Levenshtein.distance, penalties or Penalties())


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Save the File", "save the file"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Page 12 of 1,200", "page 0 of 0"),
        ("At 10:30 on 5/6", "at 0 on 0"),
        ("Click <1>Save</1> now", "click save now"),
        ("a <1/> b", "a b"),
        ("<b>Bold</b> and <a href='x y'>link</a>", "bold and link"),
        ("Hello {name}, %s and %(count)d of ${x}", "hello \ufffc, \ufffc and \ufffc of \ufffc"),
        ("50% discount", "0% discount"),
        ("50%discount", "0%discount"),
        ("a < b and c > d", "a < b and c > d"),
        ("<1/>", ""),
    ],
)
def test_form(text: str, form: str) -> None:
    assert form_of(text).text == form


@given(st.text(max_size=80))
def test_a_form_has_no_digit_but_the_sign(text: str) -> None:
    assert set(filter(str.isdecimal, form_of(normalise(text)).text)) <= {"0"}


@pytest.mark.parametrize("piece", ["<", "{", "%(", "1.", "<a ", "9", "{{ ", "<1", "%1$"])
def test_no_text_is_slow(piece: str) -> None:
    assert_linear(lambda size: form_of(piece * size), 5_000, piece)


def test_exact_and_context() -> None:
    placed = unit("Save", context=context_hash("A", "B"), prev_hash=text_hash("A"), next_hash=text_hash("B"))
    assert (graded("Save", placed).score, graded("Save", placed).kind) == (100, MatchKind.EXACT)
    assert graded("Save", placed, previous="A", following="B").score == 101
    assert graded("Save", placed, previous="A").kind is MatchKind.CONTEXT
    assert graded("Save", placed, following="B").score == 101
    assert graded("Save", placed, previous="A", following="other").score == 100
    assert graded("Save", placed, previous="other").score == 100


def test_a_key_is_the_context_and_wins() -> None:
    keyed = unit("Save", context=context_hash("", "", "menu.save"))
    assert graded("Save", keyed, key="menu.save").score == 101
    assert graded("Save", keyed, key="menu.keep").score == 100
    assert graded("Save", keyed).score == 100


def test_other_text_in_the_same_place_is_no_context_match() -> None:
    placed = unit("Save it", prev_hash=text_hash("A"))
    assert graded("Save me", placed, previous="A").kind is MatchKind.FUZZY


@pytest.mark.parametrize(
    ("query", "src", "tgt", "score", "proposal"),
    [
        ("save the file", "Save the file", "Datei sichern", 99, "Datei sichern"),
        ("Page 12", "Page 7", "Seite 7", 99, "Seite 12"),
        ("PAGE 12", "Page 7", "Seite 7", 98, "Seite 12"),
        ("From 3 to 4", "From 1 to 2", "Bis 2 von 1", 99, "Bis 4 von 3"),
        ("From 3 to 4", "From 1 to 1", "Von 1 bis 1", 95, "Von 1 bis 1"),
        (
            "Retry 5 times after 2 s",
            "Retry 2 times after 2 s",
            "Nach 2 s 2-mal wiederholen",
            95,
            "Nach 2 s 2-mal wiederholen",
        ),
        ("From 3 to 3", "From 1 to 1", "Von 1 bis 1", 99, "Von 3 bis 3"),
        ("Pi is 3.2", "Pi is 3.14", "Pi ist 3,14", 99, "Pi ist 3,2"),
        ("It costs 2,400.75", "It costs 1,250.50", "Es kostet 1.250,50", 99, "Es kostet 2.400,75"),
        ("At 10.5 of 3", "At 9.5 of 2", "Bei 9,5 von 2", 99, "Bei 10,5 von 3"),
        ("Use <1>it</1> now", "Use it <1>now</1>", "<1>Jetzt</1> nutzen", 99, "<1>Jetzt</1> nutzen"),
        ("Open <1/>the lid 2", "<1/>Open the lid 1", "<1/>Deckel 1 öffnen", 98, "<1/>Deckel 2 öffnen"),
        ("No.", "No", "Nein", 90, "Nein"),
        ("ID", "ID:", "Kennung:", 90, "Kennung:"),
        ("go", "&Go…", "&Los…", 89, "&Los…"),
        ("none", "(none)", "(keine)", 90, "(keine)"),
        ("Go!", "No!", "Nein!", 66, "Nein!"),
        ("...", "!!!", "!!!", 0, "!!!"),
        ("Page 12", "Page 7", "Siebte Seite", 95, "Siebte Seite"),
        ("Click <b>Save</b>", "Click <1>Save</1>", "<1>Sichern</1> klicken", 99, "<b>Sichern</b> klicken"),
        ("Click Save", "Click <1>Save</1>", "<1>Sichern</1> klicken", 99, "Sichern klicken"),
        ("Click <1>Save</1>", "Click Save", "Sichern klicken", 95, "Sichern klicken"),
        ("Hello {user}", "Hello {name}", "Hallo {name}", 99, "Hallo {user}"),
        ("Save the files", "Save the file", "Datei sichern", 92, "Datei sichern"),
        ("Page 12 now", "Page 7 nov", "Seite 7 nov", 89, "Seite 12 nov"),
    ],
)
def test_what_the_form_hides_costs_points_and_is_put_in(
    query: str, src: str, tgt: str, score: int, proposal: str
) -> None:
    found = graded(query, unit(src, tgt))
    assert (found.score, found.proposal) == (score, proposal)


def test_kinds() -> None:
    assert graded("Page 2", unit("Page 1", "Seite 1")).kind is MatchKind.NORMALISED
    assert graded("Pages 2", unit("Page 1", "Seite 1")).kind is MatchKind.FUZZY


def test_penalties_of_the_unit_come_off_every_kind() -> None:
    strict = Penalties(unreviewed=2, aligned=5)
    machine = unit("Save", tier="lexical")
    assert graded("Save", machine, strict).score == 93
    assert graded("Save", machine, strict).penalties == {"unreviewed": 2, "aligned": 5}
    assert graded("Save", unit("Save", review_state="reviewed"), strict).score == 100
    assert graded("Save", machine).score == 100
    assert graded("x", machine, Penalties(unreviewed=100, aligned=100)).score == 0


@pytest.mark.parametrize("value", [-1, 101, 1.5, True, "2"])
def test_wrong_penalties_are_refused(value: object) -> None:
    with pytest.raises(LookupRefused, match="case"):
        Penalties(case=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800", "\u200b\n\t"])
def test_nothing_to_look_up(text: str) -> None:
    with pytest.raises(LookupRefused, match="empty") as refused:
        Query.of(text)
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


def test_a_query_is_normalised() -> None:
    assert Query.of(" Sa\x00ve\ud800  it ").text == "Save it"


@pytest.mark.parametrize("score", [29, 0, -1, 102])
def test_minimum_scores(score: int) -> None:
    assert check_min_score(30) == 30
    with pytest.raises(LookupRefused, match=str(score)):
        check_min_score(score)


_SHORT = st.text(alphabet="abc ", max_size=12)


@given(_SHORT, _SHORT, st.integers(30, 100))
def test_the_bounds_lose_nothing(one: str, other: str, min_score: int) -> None:
    edits = Levenshtein.distance(one, other)
    if not one or percent(edits, len(one), len(other)) < min_score:
        return
    shortest, longest = length_bounds(len(one), min_score)
    assert shortest <= len(other) <= longest
    assert edits <= most_edits(max(len(one), len(other)), min_score)


@given(_SHORT, _SHORT)
def test_only_equal_forms_have_a_hundred(one: str, other: str) -> None:
    assert (percent(Levenshtein.distance(one, other), len(one), len(other)) == 100) == (one == other)
