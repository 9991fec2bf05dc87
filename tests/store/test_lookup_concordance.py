"""Concordance and the two commands, against a real Postgres."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.store.units_made import add
from tm_core.errors import BadName, LookupRefused
from tm_core.settings import Settings
from tm_store.cli import main
from tm_store.db import Database
from tm_store.lookup_concordance import Occurrence, Side, concordance
from tm_store.lookup_index import index_pending

pytestmark = pytest.mark.db


def find(db: Database, phrase: str, **more: Any) -> list[Occurrence]:
    return concordance(db, **{"store": "demo", "src": "en", "tgt": "de", "phrase": phrase} | more)


def sources(found: list[Occurrence]) -> list[str]:
    return [one.src_text for one in found]


@pytest.fixture(params=["indexed", "queued"])
def ready(request: pytest.FixtureRequest, db: Database) -> Callable[[], object]:
    """Call it when the units are there: they are indexed, or still in the queue."""
    return (lambda: index_pending(db)) if request.param == "indexed" else (lambda: None)


def test_a_phrase_in_sources(db: Database, ready: Callable[[], object]) -> None:
    add(db, "Press the red button on page 12 now.", "Drücken Sie jetzt den roten Knopf auf Seite 12.")
    add(db, "The Red Button", "Der rote Knopf")
    add(db, "Press the <1>red</1> button.", "Den <1>roten</1> Knopf drücken.")
    add(db, "Press the red lever.", "Den roten Hebel ziehen.")
    add(db, "The red button", "Der rote Knopf", store="other")
    ready()
    assert sources(find(db, "red  button")) == [
        "The Red Button",
        "Press the <1>red</1> button.",
        "Press the red button on page 12 now.",
    ]
    assert sources(find(db, "red button", limit=1)) == ["The Red Button"]
    assert sources(find(db, "page 12")) == ["Press the red button on page 12 now."]
    assert find(db, "page 13") == []
    assert find(db, "blue button") == []
    assert len(find(db, "re")) == 4


def test_a_phrase_in_targets(db: Database, ready: Callable[[], object]) -> None:
    add(db, "Press the red button.", "Drücken Sie den roten Knopf.")
    add(db, "Press the red button.", "Auf den Taster drücken.")
    ready()
    assert [one.tgt_text for one in find(db, "ROTEN KNOPF", side=Side.TARGET)] == ["Drücken Sie den roten Knopf."]
    assert find(db, "red button", side=Side.TARGET) == []
    assert sources(find(db, "red button")) == ["Press the red button."] * 2


def test_more_texts_than_a_step_and_a_limit(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tm_store.lookup_concordance._STEP", 7)
    for number in range(40):
        add(db, f"The {'very ' * (number % 9)}red button {chr(97 + number % 26)}{chr(97 + number // 26)}")
    index_pending(db)
    found = sources(find(db, "red button", limit=100))
    assert len(found) == 40
    assert found == sorted(found, key=len) or [len(one) for one in found] == sorted(map(len, found))
    # A second statement works on the same connection, although the scan stopped early.
    assert len(find(db, "re", limit=5)) == 5
    assert len(find(db, "red button", limit=12)) == 12


def test_hostile_phrases_are_phrases(db: Database, ready: Callable[[], object]) -> None:
    hostile = ["'; drop table tm.unit; --", "%s%s%s {0}", "100%", "\\", "a_c", "(.*)"]
    for text in hostile:
        add(db, f"Before {text} after", f"Vor {text} nach")
    ready()
    for text in hostile:
        assert sources(find(db, text)) == [f"Before {text} after"]
        assert sources(find(db, text + "\x00\ud800", side=Side.TARGET)) == [f"Before {text} after"]


def test_what_is_refused(db: Database) -> None:
    add(db, "Save")
    with pytest.raises(LookupRefused, match="empty"):
        find(db, " ")
    with pytest.raises(LookupRefused, match="limit"):
        find(db, "Save", limit=0)
    with pytest.raises(LookupRefused, match="demo"):
        find(db, "Save", store="nowhere")
    with pytest.raises(BadName):
        find(db, "Save", tgt="d'e")


@pytest.fixture
def in_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's database in the environment, as a user sets it."""
    monkeypatch.setenv("TM_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TM_INCLUDE", str(settings.include))


PAIR = ["--store", "demo", "--src", "en", "--tgt", "de"]


@pytest.mark.usefixtures("in_environment")
def test_the_commands(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    add(db, "Page 7", "Seite 7", tier="lexical", previous="Before")
    index_pending(db)
    assert main(["lookup", *PAIR, "page 12", "--penalty", "aligned=3"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(" 95  Page 7\n     Seite 12\n     in the memory: Seite 7\n     normalised, ")
    assert "aligned -3" in out
    assert main(["lookup", *PAIR, "Page 7", "--prev", "Before"]) == 0
    assert capsys.readouterr().out.startswith("101  Page 7\n     Seite 7\n     context;")
    assert main(["lookup", *PAIR, "Nothing like it", "--min-score", "80"]) == 0
    assert capsys.readouterr().out == "no match of 80 or more\n"
    assert main(["concordance", *PAIR, "page"]) == 0
    assert capsys.readouterr().out == "Page 7\n  Seite 7\n"
    assert main(["concordance", *PAIR, "page", "--side", "target"]) == 0
    assert capsys.readouterr().out == "no unit holds the phrase\n"


@pytest.mark.usefixtures("in_environment")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lookup", *PAIR, " "], "empty"),
        (["lookup", *PAIR, "Save", "--min-score", "5"], "30 to 101"),
        (["lookup", *PAIR, "Save", "--penalty", "rain=3"], "unreviewed"),
        (["lookup", *PAIR, "Save", "--penalty", "case=x"], "NAME=POINTS"),
        (["lookup", *PAIR, "Save", "--penalty", "case=200"], "0 to 100"),
        (["lookup", "--store", "nowhere", *PAIR[2:], "Save"], "demo"),
        (["concordance", *PAIR[:4], "--tgt", "d'e", "Save"], "language code"),
    ],
)
def test_a_wrong_command_is_one_message(
    db: Database, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    add(db, "Save")
    assert main(words) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
