"""Verdicts and loads: what people refused does not come back, by no way; what they corrected stays."""

from typing import Any

import pytest

from tm_core.precision import Judgement
from tm_store.db import Database
from tm_store.review import Filters, queue
from tm_store.review_memory import settle_all
from tm_store.review_verdicts import edit_target, judge, undo
from tm_store.versions import rollback

from .conftest import DAY, World

pytestmark = pytest.mark.db
WRONG, FINE = ("Save file", "Datei öffnen"), ("Close file", "Datei schließen")


class Reviewed:
    """A world whose units can be judged: an item each, put in by hand as a draw would."""

    def __init__(self, world: World) -> None:
        self.world, self.db = world, world.db

    def take(self, name: str, *pairs: tuple[str, str], **more: Any) -> Any:
        file = self.world.file(name, World.tmx("".join(World.tu(*pair) for pair in pairs)))
        return self.world.take(file, **more)

    def item(self, src: str) -> int:
        """The item of a unit, made if there is none."""
        self.db.connection.execute(
            "insert into review.item (batch_id, store, document_key, position, unit_key, src_lang, tgt_lang, tier,"
            " score_bin, weight, score, src_text, tgt_text, partition_date, src_hash, tgt_hash, context)"
            " select batch_id, 'demo', document_key, position, unit_key, src_lang, tgt_lang, tier, 4, 1, score,"
            " src_text, tgt_text, partition_date, src_hash, tgt_hash, context from tm.unit"
            " where src_text = %(src)s and not exists (select from review.item where src_text = %(src)s)", {"src": src},
        )  # fmt: skip
        return int(self.db.connection.execute(
            "select item_id from review.item where src_text = %s", (src,)
        ).fetchone()[0])  # fmt: skip

    def write(self, act: Any, src: str, **more: Any) -> Any:
        item_id = self.item(src)
        version = self.world.rows(f"select version from review.item where item_id = {item_id}")[0][0]
        return act(self.db, self.world.storage, item_id, who="ann", version=version, **more)

    def refuse(self, src: str) -> None:
        self.write(judge, src, verdict=Judgement.WRONG)

    def memory(self) -> dict[tuple[str, str], tuple[str, str]]:
        rows = self.world.rows("select src_text, tgt_text, tier, review_state from tm.unit")
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    def outcomes(self, batch: str) -> dict[str, str]:
        """Outcome -> rule."""
        rows = self.world.rows(f"select outcome, rule from ops.outcome where batch_id = '{batch}'")
        return dict(rows)


@pytest.fixture
def reviewed(world: World) -> Reviewed:
    return Reviewed(world)


def test_a_refused_unit_does_not_come_back_and_an_undo_brings_it(reviewed: Reviewed) -> None:
    reviewed.take("a.tmx", WRONG, FINE)
    reviewed.refuse(WRONG[0])
    assert set(reviewed.memory()) == {FINE}
    # In another document, in another context; and once more in the document itself, deposited anew.
    other = reviewed.take("b.tmx", ("Before", "Vorher"), WRONG)
    again = reviewed.take("a.tmx", WRONG, FINE, ("More", "Mehr"), day=DAY.replace(day=9))
    assert WRONG not in reviewed.memory()
    for done in (other, again):
        assert reviewed.outcomes(done.batch_id)["rejected"] == "reviewed"
        assert done.kinds["refused"] == 1
    reviewed.write(undo, WRONG[0])
    assert reviewed.memory()[WRONG] == ("imported", "unreviewed")
    # Both documents say it: it stays when one of them does no longer.
    reviewed.take("b.tmx", ("Before", "Vorher"), day=DAY.replace(day=10))
    assert WRONG in reviewed.memory()
    reviewed.take("a.tmx", FINE, day=DAY.replace(day=11))
    assert WRONG not in reviewed.memory()


def test_an_undo_brings_nothing_that_no_document_says_any_more(reviewed: Reviewed) -> None:
    reviewed.take("a.tmx", WRONG, FINE)
    reviewed.refuse(WRONG[0])
    reviewed.take("a.tmx", FINE, day=DAY.replace(day=9))
    reviewed.write(undo, WRONG[0])
    assert set(reviewed.memory()) == {FINE}


def test_a_roll_back_does_not_bring_back_what_was_refused(reviewed: Reviewed) -> None:
    reviewed.take("a.tmx", WRONG, FINE)
    later = reviewed.take("a.tmx", ("Other", "Anderes"), day=DAY.replace(day=9))
    reviewed.take("b.tmx", WRONG)
    reviewed.refuse(WRONG[0])
    rollback(reviewed.db, reviewed.world.storage, later.batch_id, who="ann", dry_run=False)
    assert set(reviewed.memory()) == {FINE}
    # Had the refusal lost the texts of the withdrawn version, the roll-back would have been refused.
    reviewed.write(undo, WRONG[0])
    assert WRONG in reviewed.memory()


def test_a_correction_outlives_loads_and_wins_over_them(reviewed: Reviewed) -> None:
    reviewed.take("a.tmx", WRONG, FINE)
    reviewed.write(edit_target, WRONG[0], text="Datei speichern")
    right = (WRONG[0], "Datei speichern")
    assert reviewed.memory()[right] == ("reviewed", "accepted")
    reviewed.take("a.tmx", right, FINE, day=DAY.replace(day=9))  # the document is mended too: one unit, said twice
    assert reviewed.memory()[right] == ("reviewed", "accepted")
    reviewed.take("a.tmx", FINE, day=DAY.replace(day=10))
    assert reviewed.memory()[right] == ("reviewed", "accepted")
    reviewed.write(undo, WRONG[0])
    assert set(reviewed.memory()) == {FINE}


def test_a_verdict_does_not_wait_for_a_load(reviewed: Reviewed, settings: Any) -> None:
    from tm_store.db import open_database

    reviewed.take("a.tmx", WRONG, FINE)
    item_id = reviewed.item(WRONG[0])
    with open_database(settings) as load, load.transaction():
        store_id = load.one("tm/select_store", store="demo").store_id
        load.run("lookup/lock_store", store_id=store_id)
        done = judge(
            reviewed.db, reviewed.world.storage, item_id, who="ann", version=0, verdict=Judgement.WRONG
        )  # fmt: skip
        assert [one.settled for one in done.events] == [False]
        assert WRONG in reviewed.memory()
        assert settle_all(reviewed.db) == ["demo"]
    assert settle_all(reviewed.db) == []
    assert set(reviewed.memory()) == {FINE}
    assert queue(reviewed.db, "ann", Filters()).items == ()


def test_evidence_is_weighed_in_one_order(db: Database) -> None:
    load, review = (
        (db.include / "sql" / name).read_text(encoding="utf-8").split("order by")[1].split("\n)")[0].split()
        for name in ("tm/upsert_units.sql", "review/weigh_units.sql")
    )
    assert len(load) > 10
    assert load == review
