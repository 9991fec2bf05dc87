"""Names of deposits: what is read, what is refused, and that a refusal names the file and what to do."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm_core.deposits import MAX_NAME_CHARS, SUFFIXES, DepositName, Kind, check_store, parse_name, raw_folder
from tm_core.errors import BadName


@pytest.mark.parametrize(
    ("path", "name", "lang", "suffix", "kind"),
    [
        ("guide.de.txt", "guide", "de", "txt", Kind.DOCUMENT),
        ("guide.pt-BR.txt", "guide", "pt-BR", "txt", Kind.DOCUMENT),
        ("guide.pt_br.txt", "guide", "pt-BR", "txt", Kind.DOCUMENT),
        ("guide.zh_hant.html", "guide", "zh-Hant", "html", Kind.DOCUMENT),
        ("Guide.DE.HTM", "Guide", "de", "htm", Kind.DOCUMENT),
        ("release-1.2.3.de.html", "release-1.2.3", "de", "html", Kind.DOCUMENT),
        ("v1.0/sub.dir/guide.fr.txt", "v1.0/sub.dir/guide", "fr", "txt", Kind.DOCUMENT),
        ("menu.en.json", "menu", "en", "json", Kind.LOCALE),
        ("guide.tmx", "guide", "", "tmx", Kind.MEMORY),
        ("guide.en.tmx", "guide", "en", "tmx", Kind.MEMORY),
        ("guide.v2.tmx", "guide.v2", "", "tmx", Kind.MEMORY),
        ("日本語の手引き.ja.txt", "日本語の手引き", "ja", "txt", Kind.DOCUMENT),
        ("Cafe\u0301 menu.fr.txt", "Café menu", "fr", "txt", Kind.DOCUMENT),
        ("a..b.de.txt", "a..b", "de", "txt", Kind.DOCUMENT),  # two dots that climb nowhere
    ],
)
def test_a_good_name_is_taken_apart(path: str, name: str, lang: str, suffix: str, kind: Kind) -> None:
    found = parse_name(path)
    assert found == DepositName(name=name, lang=lang, suffix=suffix)
    assert found.kind is kind
    # Put together again it means the same file.
    assert parse_name(found.file_name) == found


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("../guide.de.txt", "climbs"),
        ("a/../../guide.de.txt", "climbs"),
        ("./guide.de.txt", "climbs"),
        ("a//guide.de.txt", "empty part"),
        ("a/", "empty part"),
        ("", "empty part"),
        ("/etc/guide.de.txt", "absolute"),
        ("C:/guide.de.txt", "absolute"),
        ("..\\guide.de.txt", "backslashes"),
        ("a\\b.de.txt", "backslashes"),
        ("gui\x00de.de.txt", "control characters"),
        ("gui\nde.de.txt", "control characters"),
        ("gui\x85de.de.txt", "control characters"),
        ("gui\udcffde.de.txt", "control characters"),
        ("x" * 300 + ".de.txt", "307 characters, more than 200"),
        ("guide.de.pdf", "suffix '.pdf' is not read"),
        ("guide.de", "suffix '.de' is not read"),
        ("guide", "suffix '.' is not read"),
        ("v1.0/guide", "is not read"),
        (".txt", "is not read"),
        ("guide.txt", "no language in the name"),
        (".de.txt", "no language in the name"),
        ("sub/.de.txt", "no language in the name"),
        ("guide.xx.txt", "'xx' is not a language code"),
        ("guide.german.txt", "'german' is not a language code"),
        ("guide..txt", "no language in the name"),
        ("v1.0/guide.txt", "no language in the name"),
    ],
)
def test_a_bad_name_is_refused_and_named(path: str, problem: str) -> None:
    with pytest.raises(BadName) as caught:
        parse_name(path)
    message = str(caught.value)
    assert problem in message
    assert message.lstrip("'").startswith(repr(path).strip("'")[:70]), "the file comes first"
    assert "Expected" in message
    assert "it was left out and nothing else is affected" in message
    assert len(message) < 500
    message.encode("utf-8")


def test_a_name_of_the_longest_length_is_read() -> None:
    longest = "é" * (MAX_NAME_CHARS - len(".de.txt")) + ".de.txt"
    assert parse_name(longest).lang == "de"
    with pytest.raises(BadName):
        parse_name("é" + longest)


@given(st.text(max_size=30) | st.from_regex(r"[./\\a-d]{0,12}\.(de|en-US|xx)\.(txt|tmx|json|docx)", fullmatch=True))
def test_any_name_is_read_or_refused_and_never_leaves_its_folder(path: str) -> None:
    try:
        found = parse_name(path)
    except BadName:
        return
    parts = found.file_name.split("/")
    assert "" not in parts
    assert ".." not in parts
    assert "." not in parts
    assert "\\" not in found.file_name
    assert found.suffix in SUFFIXES
    assert parse_name(found.file_name) == found


def test_raw_folder() -> None:
    assert raw_folder("demo", date(2026, 1, 5)) == "raw/demo/2026-01-05"


@pytest.mark.parametrize("store", ["a", "0", "a-b_c", "x" * 63])
def test_a_good_store_is_taken(store: str) -> None:
    assert check_store(store) == store


@pytest.mark.parametrize("store", ["", "A", "-a", "_a", "a/b", "..", "a b", "ä", "a\n", "x" * 64])
def test_a_bad_store_is_refused(store: str) -> None:
    with pytest.raises(BadName, match=r"include/stores\.toml"):
        raw_folder(store, date(2026, 1, 5))
