"""stores.toml: what is right is read, what is wrong is named by table and key."""

from pathlib import Path

import pytest

from tm_core.errors import SettingsError
from tm_core.rules import Thresholds
from tm_core.stores import Pair, load_stores

ROOT = Path(__file__).resolve().parents[2]

GOOD = """
[thresholds]
max_chars = 900

[store.demo]
description = "A demo"
pairs = ["en-de", "en:pt-BR", "en-de"]

[store.other_1]
pairs = ["fr-en"]
[store.other_1.thresholds]
max_ratio = 6
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "stores.toml"


def test_a_good_file_is_read(file: Path) -> None:
    file.write_text(GOOD)
    stores = load_stores(file)
    assert list(stores) == ["demo", "other_1"]
    demo, other = stores["demo"], stores["other_1"]
    assert demo.description == "A demo"
    assert demo.pairs == (Pair(src="en", tgt="de"), Pair(src="en", tgt="pt-BR"))
    assert demo.thresholds == Thresholds(max_chars=900)
    # A store's own thresholds lie over those of the file, and an equal number is an equal version.
    assert other.thresholds.version() == Thresholds(max_chars=900, max_ratio=6.0).version()


def test_the_file_that_ships_is_good() -> None:
    stores = load_stores(ROOT / "include" / "stores.toml")
    assert len(stores) >= 3
    assert all(store.description for store in stores.values())


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("", "", "at least one [store.<name>] table"),
        ("[store]", "", "at least one [store.<name>] table"),
        ("store = 3", " store", "expected a table, found 3"),
        ("stores = 1", "", "found 'stores'"),
        ("thresholds = 3", " [thresholds]", "expected a table, found 3"),
        ("[thresholds]\nmax_char = 9", " [thresholds]", "found 'max_char'"),
        ("[thresholds]\nmax_chars = 'x'", " [thresholds] max_chars", "expected a number, found 'x'"),
        ("[thresholds]\nmax_chars = true", " [thresholds] max_chars", "expected a number, found True"),
        ("[thresholds]\nmax_chars = 9.5", " [thresholds] max_chars", "expected a whole number, found 9.5"),
        ("[thresholds]\nmax_chars = 0", " [thresholds] max_chars", " 1."),
        ("[thresholds]\nmax_ratio = nan", " [thresholds] max_ratio", "expected a number, found nan"),
        ("[thresholds]\nmax_ratio = inf", " [thresholds] max_ratio", "expected a number, found inf"),
        ("[thresholds]\nmin_score = 1.5", " [thresholds] min_score", "1.5"),
        ("[store]\ndemo = 3", " [store.demo]", "expected a table, found 3"),
        ("[store.Demo]\npairs = ['en-de']", " [store.Demo]", "lower-case"),
        ("[store.demo]\npair = ['en-de']", " [store.demo]", "found 'pair'"),
        ("[store.demo]", " [store.demo] pairs", "at least one pair"),
        ("[store.demo]\npairs = []", " [store.demo] pairs", "at least one pair"),
        ("[store.demo]\npairs = 'en-de'", " [store.demo] pairs", "expected a list"),
        ("[store.demo]\npairs = ['ende']", " [store.demo] pairs", "found 'ende'"),
        ("[store.demo]\npairs = [1]", " [store.demo] pairs", "found 1"),
        ("[store.demo]\npairs = ['en-pt-BR']", " [store.demo] pairs", "'en:pt-BR'"),
        ("[store.demo]\npairs = ['en-qq']", " [store.demo] pairs", "'qq' is not a language code"),
        ("[store.demo]\npairs = ['en-en']", " [store.demo] pairs", "two different languages"),
        ("[store.demo]\npairs = ['en-de']\ndescription = 3", " [store.demo] description", "expected a text"),
        (
            "[store.demo]\npairs = ['en-de']\n[store.demo.thresholds]\nmax_chars = -1",
            " [store.demo] thresholds max_chars",
            " 1.",
        ),
        ("[store.demo]\npairs = ['en-de']\nthresholds = 1", " [store.demo] thresholds", "expected a table"),
        ("[store.demo\n", "", "not a TOML file"),
        ("[store.demo]\n[store.demo]\n", "", "not a TOML file"),
    ],
)
def test_what_is_wrong_is_named(file: Path, text: str, where: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_stores(file)
    message = str(caught.value)
    assert message.startswith(f"{file}{where}: ")
    assert said in message
    assert "nothing has run" in message or "nothing was stored" in message


def test_a_file_that_cannot_be_read_is_named(file: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        load_stores(file)
    file.mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_stores(file)
    file.rmdir()
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not a TOML file"):
        load_stores(file)
