"""Language tags: which are accepted, how they are written, and which serves for which."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm_core.errors import BadName
from tm_core.languages import _languages, best_match, canonical, is_language, primary, same_language

TAGS = st.builds(
    lambda language, script, region: language + script + region,
    st.sampled_from(sorted(_languages())),
    st.sampled_from(["", "-Latn", "_hant", "-CYRL"]),
    st.sampled_from(["", "-BR", "_gb", "-419"]),
)


def test_the_codes_of_iso_639_are_all_there() -> None:
    codes = _languages()
    assert len([code for code in codes if len(code) == 2]) == 186  # 183 in force; in, iw and sh of old files
    assert len([code for code in codes if len(code) == 3]) > 7_900
    assert all(codes[language.code].code == language.code for language in codes.values()), "what is written stands"
    assert {len(language.script) for language in codes.values()} == {0, 4}


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("de", "de"), ("DE", "de"), ("pt_br", "pt-BR"), ("PT-br", "pt-BR"), ("zh_hant_tw", "zh-Hant-TW"),
        ("zh-HANS", "zh-Hans"), ("es-419", "es-419"), ("FIL", "fil"), ("sr_latn", "sr-Latn"),
        ("ach", "ach"), ("yue-HK", "yue-HK"), ("nso", "nso"), ("kok_IN", "kok-IN"), ("deu", "de"), ("ger-DE", "de-DE"),
        ("sr@latin", "sr-Latn"), ("uz_UZ@cyrillic", "uz-Cyrl-UZ"), ("swh_Latn", "sw-Latn"), ("zho_Hant", "zh-Hant"),
    ],
)  # fmt: skip
def test_canonical_by_example(tag: str, expected: str) -> None:
    assert canonical(tag) == expected


@given(TAGS)
def test_canonical_is_idempotent_and_keeps_the_language(tag: str) -> None:
    assert is_language(tag)
    assert canonical(canonical(tag)) == canonical(tag)
    assert primary(canonical(tag)) == _languages()[primary(tag)].code


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "x",
        "xx",
        "qq-DE",
        "DA-01",
        "qzz",
        "x-ours",
        "sr@ekavian",
        "sr-Cyrl@latin",
        "english",
        "de-",
        "-de",
        "de-D",
        "de DE",
        "de\n",
        "de-DE-x-private",
        "zh--Hant",
        "ｄｅ",
    ],
)
def test_what_is_no_language_is_refused(tag: str) -> None:
    assert not is_language(tag)
    with pytest.raises(BadName, match="not a language code"):
        canonical(tag)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("pt-BR", "pt-PT", True), ("zh-Hant", "zh", True), ("no", "nb", True), ("nn", "nb-NO", True),
        ("iw", "he", True), ("in", "id", True), ("EN_us", "en", True), ("fil", "tl", True),
        ("de", "nl", False), ("da", "nb", False), ("id", "ms", False), ("sr", "hr", False), ("und", "en", False),
    ],
)  # fmt: skip
def test_same_language(left: str, right: str, same: bool) -> None:
    assert same_language(left, right) is same_language(right, left) is same


@pytest.mark.parametrize(
    ("wanted", "available", "expected"),
    [
        ("en", ["de", "en"], "en"),
        ("en", ["en-US", "en"], "en"),
        ("en", ["en-US", "en-GB"], "en-GB"),  # no better reason than the alphabet, but always the same
        ("en-US", ["en"], "en"),
        ("pt-BR", ["pt-PT"], ""),
        ("pt-BR", ["pt-PT", "pt"], "pt"),
        ("no", ["nb"], "nb"),
        ("nb", ["no-NO", "da"], "no-NO"),
        ("zh-Hans", ["zh-Hant"], ""),
        ("zh", ["zh-Hant"], ""),
        ("zh-Hans", ["zh"], "zh"),
        ("zh", ["zh-HK", "zh-Hans-CN"], "zh-Hans-CN"),
        ("zh", ["zh-TW", "zh-HK"], ""),
        ("zh-Hant", ["zh-HK"], "zh-HK"),
        ("sr", ["sr-Latn"], ""),
        ("sr", ["sr-Cyrl-RS"], "sr-Cyrl-RS"),
        ("sw", ["sw-Latn"], "sw-Latn"),
        ("zh", ["zh-TW", "zh-CN"], "zh-CN"),
        ("zh-Hant", ["zh-Hant-TW", "zh"], "zh-Hant-TW"),
        ("zh-Hant-TW", ["zh-Hant", "zh-TW"], "zh-TW"),
        ("zh-Hant-HK", ["zh-Hant-TW"], ""),
        ("de", ["und", "x-default"], ""),
        ("de", [], ""),
    ],
)
def test_best_match(wanted: str, available: list[str], expected: str) -> None:
    assert best_match(wanted, available) == expected
    assert best_match(wanted, reversed(available)) == expected


@given(TAGS.map(canonical), st.lists(TAGS.map(canonical)))
def test_what_serves_is_there_and_is_the_same_language(wanted: str, available: list[str]) -> None:
    found = best_match(wanted, available)
    assert found == wanted if wanted in available else found == "" or found in available
    assert not found or same_language(found, wanted)
