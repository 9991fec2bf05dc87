"""The filter's rules: each refuses what was planted for it, all let harmless beads through, every number counts."""

import ast
import inspect
import re
from dataclasses import fields, replace
from typing import Any

import pytest

from tm_core import rules
from tm_core.rules import RULES, Candidate, Rule, RuleCounts, Thresholds, Tier, first_failed

GOOD = Candidate(
    src_text="The package manager installs what is missing.",
    tgt_text="Die Paketverwaltung installiert, was fehlt.",
    src_lang="en",
    tgt_lang="de",
    tier=Tier.LEXICAL,
    score=0.9,
    src_lang_id="en",
    src_lang_p=0.99,
    tgt_lang_id="de",
    tgt_lang_p=0.99,
)
FIELDS = [item.name for item in fields(Thresholds)]


def bead(src: str, tgt: str, **other: Any) -> Candidate:
    """A bead of which no language is identified, unless it is said."""
    unknown = {"src_lang_id": "und", "src_lang_p": 0.0, "tgt_lang_id": "und", "tgt_lang_p": 0.0}
    return replace(GOOD, src_text=src, tgt_text=tgt, **unknown | other)


# Harmless ------------------------------------------------------------------------------------------

HARMLESS = {
    "a sentence": GOOD,
    "a short string": bead("OK", "Einverstanden"),
    "one letter": bead("a", "un", tgt_lang="fr"),
    "a name": bead("Ada Lovelace", "Ada Lovelace"),
    "a product and its number": bead("Debian GNU/Linux 12", "Debian GNU/Linux 12", tgt_lang_id="en", tgt_lang_p=0.5),
    "a command": bead("apt-get install apache2", "apt-get install apache2", tgt_lang_id="en", tgt_lang_p=0.4),
    "a command line": bead("# mount -o ro /dev/sda1 /mnt", "# mount -o ro /dev/sda1 /mnt"),
    "a path": bead("/etc/apt/sources.list", "/etc/apt/sources.list"),
    "the same word in both languages": bead(
        "Introduction", "Introduction", tgt_lang="fr", src_lang_id="en", src_lang_p=0.9, tgt_lang_id="en",
        tgt_lang_p=0.99,
    ),
    "a quotation with its title": bead(
        "As Eric Raymond wrote in The Cathedral and the Bazaar, many eyes make all bugs shallow.",
        "Wie Eric Raymond in The Cathedral and the Bazaar schrieb, machen viele Augen alle Fehler leicht.",
        tgt_lang_id="de", tgt_lang_p=0.98,
    ),
    "a command in a sentence": bead(
        "Call apt-get update and apt-get upgrade as root.", "Nun apt-get update und apt-get upgrade als root aufrufen.",
        tgt_lang_id="de", tgt_lang_p=0.9,
    ),
    "Chinese is short": bead(
        "The station sends its readings to the village every ten minutes, day and night.",
        "气象站每十分钟向村里发送一次读数，昼夜不停。", tgt_lang="zh",
    ),
    "Chinese source": bead(
        "气象站每十分钟向村里发送一次读数，昼夜不停。",
        "The station sends its readings to the village every ten minutes, day and night.", src_lang="zh-Hans",
        tgt_lang="en",
    ),
    "Japanese is short": bead(
        "The station sends its readings to the village every ten minutes, day and night.",
        "観測所は昼夜を問わず十分ごとに村へ測定値を送る。", tgt_lang="ja",
    ),
    "Korean is short": bead(
        "The station sends its readings to the village every ten minutes, day and night.",
        "관측소는 밤낮으로 십 분마다 마을에 측정값을 보낸다.", tgt_lang="ko",
    ),
    "a German compound": bead("Speed limit", "Geschwindigkeitsbegrenzung"),
    "a longer German compound": bead("Captain's cap", "Donaudampfschifffahrtsgesellschaftskapitänsmütze"),
    "numbers": bead("In 2026, 1,204 packages (3.5 %) changed.", "2026 änderten sich 1.204 Pakete (3,5 %)."),
    "a number with a unit": bead("10 km", "10 km"),
    "a short text, misread": bead("Menu", "Menü", tgt_lang_id="nl", tgt_lang_p=0.99),
    "a doubtful language": bead(GOOD.src_text, GOOD.tgt_text, tgt_lang_id="nl", tgt_lang_p=0.6),
    "two codes of one language": bead(
        GOOD.src_text, "Pakkebehandleren installerer det som mangler.", tgt_lang="no", tgt_lang_id="nb", tgt_lang_p=0.99
    ),
    "a region": bead(
        GOOD.src_text, "O gestor de pacotes instala o que falta.", tgt_lang="pt-BR", tgt_lang_id="pt", tgt_lang_p=0.99
    ),
    "an imported unit has no score": bead("Save", "Speichern", tier=Tier.IMPORTED, score=0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_no_rule_refuses_a_harmless_bead(name: str) -> None:
    assert first_failed(HARMLESS[name], Thresholds()) is None


# Planted -------------------------------------------------------------------------------------------

PLANTED = {
    Rule.UNALIGNED: [bead("Alone.", ""), bead("", "Allein.")],
    Rule.NO_LETTERS: [bead("* * *", "* * *"), bead("12:30", "halb eins"), bead("Page", "— 7 —")],
    Rule.MOJIBAKE: [bead("Caf\u00c3\u00a9", "Kaffee"), bead("Coffee", "K\ufffdse")],
    Rule.TOO_LONG: [bead("word " * 401, "Wort " * 390), bead("word " * 390, "Wort " * 401)],
    Rule.UNTRANSLATED_COPY: [
        bead(GOOD.src_text, GOOD.src_text),
        bead(GOOD.src_text, GOOD.src_text.upper()),
        bead("Getting started", "Getting started", tgt_lang_id="en", tgt_lang_p=0.9),
        bead(
            "As explained in Chapter 4, Installation, the installer asks for a password.",
            "As explained in Kapitel 4, Installation, the installer asks for a password.",
            tgt_lang_id="en", tgt_lang_p=0.8,
        ),
    ],
    Rule.WRONG_LANGUAGE: [
        replace(GOOD, tgt_text="Le gestionnaire installe ce qui manque.", tgt_lang_id="fr"),
        replace(GOOD, src_text="Le gestionnaire installe ce qui manque.", src_lang_id="fr"),
    ],
    Rule.LENGTH_RATIO: [
        bead("A short sentence.", "Ein langer Satz, der mehr sagt. " * 5),
        bead("A long sentence that says more. " * 5, "Ein kurzer Satz."),
        bead("The same length in letters says far too much here.", "太" * 80, tgt_lang="zh"),
    ],
    Rule.LOW_SCORE: [replace(GOOD, score=0.29), replace(GOOD, score=0.0, tier=Tier.EMBEDDING)],
}  # fmt: skip


def test_a_bead_is_planted_for_every_rule() -> None:
    assert list(PLANTED) == list(Rule)
    assert len(HARMLESS) >= 12


@pytest.mark.parametrize(("rule", "planted"), [(rule, one) for rule, several in PLANTED.items() for one in several])
def test_a_planted_bead_is_refused_by_its_rule(rule: Rule, planted: Candidate) -> None:
    assert RULES[rule](planted, Thresholds())
    assert first_failed(planted, Thresholds()) is rule


def test_rules_are_asked_in_the_order_of_their_names() -> None:
    assert list(RULES) == list(Rule)
    # It fails five rules; the first in order names the rejection.
    worst = replace(GOOD, src_text="Caf\u00c3\u00a9 " * 500, tgt_text="x", tgt_lang_id="fr", score=0.0)
    failed = [rule for rule in Rule if RULES[rule](worst, Thresholds())]
    assert failed == [Rule.MOJIBAKE, Rule.TOO_LONG, Rule.LENGTH_RATIO, Rule.LOW_SCORE]
    assert first_failed(worst, Thresholds()) is failed[0]


def test_counts_name_every_rule_even_at_zero() -> None:
    counts = RuleCounts()
    assert counts.rejected == dict.fromkeys([rule.value for rule in Rule], 0)
    for rule in (None, Rule.MOJIBAKE, Rule.MOJIBAKE):
        counts.add(rule)
    assert counts.seen == 3
    assert {rule: count for rule, count in counts.rejected.items() if count} == {"mojibake": 2}
    assert RuleCounts().rejected["mojibake"] == 0


# Thresholds ----------------------------------------------------------------------------------------

COPY = bead("the quick brown fox jumps over it", "the quick brown fox jumps dort", tgt_lang_id="en", tgt_lang_p=0.6)
# Threshold -> (bead, value at which it just passes, value at which it just fails).
EDGES: dict[str, tuple[Candidate, float, float]] = {
    "max_chars": (GOOD, 45, 44),
    "max_ratio": (bead("x" * 10, "x" * 40), 2.0, 1.99),  # (40 + 20) / (10 + 20)
    "ratio_floor_chars": (bead("x" * 10, "x" * 90), 30, 29),  # (90 + 30) / (10 + 30) is 3
    "min_score": (GOOD, 0.9, 0.91),
    "copy_words": (bead("one two three", "one two three"), 4, 3),
    "copy_probability": (bead("one two", "one two", tgt_lang_id="en", tgt_lang_p=0.7), 0.71, 0.7),
    "copy_run_words": (COPY, 6, 5),
    "copy_run_share": (COPY, 0.84, 0.83),  # five of the shorter side's six words
    "copy_run_probability": (COPY, 0.61, 0.6),
    "language_chars": (replace(GOOD, tgt_lang_id="fr"), 44, 43),
    "language_probability": (replace(GOOD, tgt_lang_id="fr", tgt_lang_p=0.7), 0.71, 0.7),
}


def test_every_threshold_has_an_edge() -> None:
    assert list(EDGES) == FIELDS
    assert len(GOOD.tgt_text) == 43
    assert len(GOOD.src_text) == 45


@pytest.mark.parametrize("name", FIELDS)
def test_every_threshold_decides_at_its_edge(name: str) -> None:
    planted, passes, fails = EDGES[name]
    assert first_failed(planted, replace(Thresholds(), **{name: passes})) is None
    assert first_failed(planted, replace(Thresholds(), **{name: fails})) is not None


@pytest.mark.parametrize("name", FIELDS)
def test_every_threshold_is_part_of_the_version(name: str) -> None:
    changed = replace(Thresholds(), **{name: EDGES[name][1]})
    assert changed == Thresholds() or changed.version() != Thresholds().version()
    assert f"{name}=" in Thresholds().version()
    assert Thresholds().version().startswith(rules.FILTER_VERSION)


def undocumented(source: str) -> list[str]:
    """Fields of the class whose comment, beside or above them, names no source."""
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    lines, comment, wrong = source.splitlines(), "", []
    for item in body.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            above = []
            for line in reversed(lines[: item.lineno - 1]):
                if not line.strip().startswith("#"):
                    break
                above.insert(0, line.strip(" #"))
            beside = lines[item.lineno - 1].partition("#")[2]
            # A comment holds for the fields under it, up to the next comment.
            comment = beside or " ".join(above) or comment
            if not re.search(r"Source: |[Nn]ot calibrated yet", comment):
                wrong.append(item.target.id)
    return wrong


def test_every_threshold_says_where_it_comes_from() -> None:
    source = inspect.getsource(Thresholds)
    assert undocumented(source) == []
    # Seen to fail.
    assert undocumented(source.replace("# one side; longer is not a sentence. Source:", "# one")) == []
    said = "# longer over shorter side, after the pair's expansion. Source: not calibrated yet"
    assert undocumented(source.replace(said, "# of lengths")) == ["max_ratio"]
    assert undocumented(source.replace("Source: headings", "Headings")) == ["copy_words", "copy_probability"]


SHARES = ("min_score", "copy_run_share", "copy_run_probability", "copy_probability", "language_probability")


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in SHARES for value in (-0.01, 1.01, float("nan"))]
    + [(name, value) for name in FIELDS if name not in (*SHARES, "max_ratio") for value in (0, -5)]
    + [("max_ratio", 0.99), ("max_ratio", -1), ("max_ratio", float("nan"))],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} is {value}, expected"):
        Thresholds(**{name: value})


@pytest.mark.parametrize("name", SHARES)
def test_the_borders_of_a_share_are_taken(name: str) -> None:
    assert getattr(Thresholds(**{name: 0.0}), name) == 0
    assert getattr(Thresholds(**{name: 1.0}), name) == 1
