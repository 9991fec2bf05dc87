"""The threshold between the tiers: proposed from verdicts, set by a person, pinned by the plan; and `tm review`."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tm_core.errors import ReviewError
from tm_core.settings import Encoder, Settings
from tm_core.stores import load_stores
from tm_store.cli import main
from tm_store.db import Database
from tm_store.plan import _pin
from tm_store.review_threshold import approve, decisions, proposal, tier_threshold

from .test_review import Desk
from .test_review_stats import Verdicts

pytestmark = pytest.mark.db
TODAY = datetime.now(UTC).date()


def test_an_approved_threshold_is_pinned_and_changes_what_alignments_are_keyed_by(
    settings: Settings, db: Database
) -> None:
    stores = load_stores(settings.include / "stores.toml")
    before = _pin(settings, db, stores)
    assert before.threshold == tier_threshold(settings, db) == 0.0  # nothing is set, and no model has vectors
    model = replace(settings, encoder=Encoder.LASER2)
    assert tier_threshold(model, db) == 0.7
    assert tier_threshold(replace(settings, tier_threshold=0.9), db) == 0.9
    Verdicts(db).add(100, day=TODAY, confidence=0.83)
    found = proposal(settings, db, TODAY)
    assert found.proposed == 0.8
    assert tier_threshold(settings, db) == 0.0  # a proposal sets nothing
    assert approve(settings, db, 0.8, who="ann", why="verdicts say so", day=TODAY) == 1
    after = _pin(settings, db, stores)
    assert after.threshold == 0.8
    assert after.alignment("en-de") != before.alignment("en-de")
    assert proposal(settings, db, TODAY).proposed is None  # it is set
    approve(settings, db, None, who="ann", why="back", day=TODAY)
    assert _pin(settings, db, stores) == before
    assert [row[2:] for row in decisions(db)] == [("the setting", "ann", "back"), ("0.80", "ann", "verdicts say so")]


@pytest.mark.parametrize(("value", "who", "why"), [(1.5, "ann", "x"), (0.8, " ", "x"), (0.8, "ann", "")])
def test_a_decision_needs_a_number_a_person_and_a_reason(
    settings: Settings, db: Database, value: float, who: str, why: str
) -> None:
    with pytest.raises(ReviewError, match="nothing was set"):
        approve(settings, db, value, who=who, why=why, day=TODAY)
    assert decisions(db) == []


def test_reviewing_on_the_command_line(
    settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(settings, db)
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    wanted = {"TM_HOME": str(settings.home), "TM_DATABASE_URL": settings.database_url}
    for name, value in (wanted | {"TM_INCLUDE": str(settings.include)}).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> str:
        status = main(["review", *arguments])
        said = capsys.readouterr()
        return f"{status} {said.out}{said.err}"

    number = desk.item(1).head.item_id
    assert "It dreams." in run("queue")
    assert f"0 item {number}: done, version 1" in run("verdict", str(number), "wrong", "--version", "0")
    assert "It dreams." not in run("queue")
    assert run("verdict", str(number), "accept", "--version", "0").startswith("1 tm review: review item")
    assert "0 of 1 right" in run("stats", "--date", "2026-01-05")
    assert f"0 item {number}: open, version 2" in run("verdict", str(number), "undo", "--version", "1")
    assert "unknown" in run("kappa")
    assert "nobody has judged a bead of tier 1" in run("threshold")
    assert "Give all three" in run("threshold", "--set", "0.8")
    assert "decision 1" in run("threshold", "--set", "0.8", "--why", "a trial")
    assert "in force: 0.80" in run("threshold")
