"""Reviewing against a real database: queue, claims, versions, verdicts, corrections, and what they do to the memory."""

from datetime import date
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tm_core.boundaries import Edge, Move, Side
from tm_core.errors import ItemClaimed, ReviewError, StaleVersion, UnknownItem
from tm_core.identity import context_hash, text_hash, unit_key
from tm_core.precision import Judgement
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.lookup_index import index_pending
from tm_store.review import Filters, Item, QueueState, claim, claim_next, item, progress, queue, unclaim
from tm_store.review_audit import audit, twins, unit_history
from tm_store.review_replay import replay
from tm_store.review_verdicts import edit_target, judge, move_segments, undo

pytestmark = pytest.mark.db
DAY = date(2026, 1, 5)
#: Beads of the sample document: source and target segments. The third's second target segment belongs to the fourth.
BEADS = [
    (("The cat sleeps.",), ("Die Katze schläft.",)),
    (("It dreams.",), ("Sie träumt.",)),
    (("The dog barks.",), ("Der Hund bellt.", "Es regnet.")),
    (("It rains.",), ("Alle werden nass.",)),
    (("Everybody gets wet.",), ()),
    (("The end.",), ("Ende.",)),
]


class Desk:
    """A memory with one document, each bead of which is a review item."""

    def __init__(self, settings: Settings, db: Database, stores: tuple[str, ...] = ("demo",)) -> None:
        self.db, self.storage, self.stores = db, Storage(settings.storage), stores
        self.again()

    def again(self) -> "Desk":
        db = self.db
        db.connection.execute("select ops.ensure_month(%s)", (DAY,))
        db.connection.execute(
            "insert into ops.batch (batch_id, partition_date, state, run_id, versions)"
            " values ('b', %s, 'done', 'r', '{}')", (DAY,),
        )  # fmt: skip
        for number, store in enumerate(self.stores):
            self._fill(store, bytes([number + 1]) * 32)
        index_pending(db)
        return self

    def _fill(self, store: str, document: bytes) -> None:
        run = self.db.connection.execute
        store_id = run("insert into tm.store (name) values (%s) returning store_id", (store,)).fetchone()[0]
        run(
            "insert into tm.document values (%s, %s, 'guide', 'en', 'de', %s, 1, 'b', 'content')",
            (store_id, document, DAY),
        )
        for position, (src, tgt) in enumerate(BEADS):
            if src and tgt:
                self._add(store, store_id, document, position)

    def _add(self, store: str, store_id: int, document: bytes, position: int) -> None:
        said = self.row(store, position)
        known = {"store_id": store_id, "document_key": document, "position": position, "tier": "lexical",
                 "aligner": "a", "model_hash": "", "score": 0.75, "partition_date": DAY, "batch_id": "b"}  # fmt: skip
        self.insert("tm.evidence", known | {"unit_key": said["unit_key"]})
        self.insert("tm.unit", known | said)
        around = {
            "before": [self.bead(at) for at in range(max(0, position - 3), position)],
            "own": self.bead(position),
            "after": [self.bead(at) for at in range(position + 1, min(len(BEADS), position + 4))],
            "src_glue": " ",
            "tgt_glue": " ",
        }
        drawn = {"store": store, "document_key": document, "position": position, "batch_id": "b", "tier": "lexical",
                 "score_bin": 3, "weight": 2.0, "score": 0.75, "partition_date": DAY}  # fmt: skip
        self.insert("review.item", drawn | said | {"around": Jsonb(around)})

    def row(self, store: str, position: int) -> dict[str, Any]:
        src, tgt = (" ".join(side) for side in BEADS[position])
        segments = [segment for side, _ in BEADS for segment in side]
        before = segments[position - 1] if position else ""
        after = segments[position + 1] if position + 1 < len(segments) else ""
        context = context_hash(before, after)
        hashes = {"context": context, "src_hash": text_hash(src), "tgt_hash": text_hash(tgt),
                  "prev_hash": before and text_hash(before), "next_hash": after and text_hash(after),
                  "unit_key": unit_key(store, "en", "de", src, tgt, context)}  # fmt: skip
        return {"src_lang": "en", "tgt_lang": "de", "src_text": src, "tgt_text": tgt, "item_key": ""} | {
            name: bytes.fromhex(value) for name, value in hashes.items()
        }

    @staticmethod
    def bead(position: int) -> dict[str, Any]:
        src, tgt = BEADS[position]
        return {"position": position, "src": src, "tgt": tgt, "score": 0.75, "tier": "lexical"}

    def insert(self, table: str, values: dict[str, Any]) -> None:
        names = ", ".join(values)
        marks = ", ".join(f"%({name})s" for name in values)
        self.db.connection.execute(f"insert into {table} ({names}) values ({marks})", values)

    def item(self, position: int, who: str = "ann", store: str = "demo") -> Item:
        found = self.db.connection.execute(
            "select item_id from review.item where position = %s and store = %s", (position, store)
        ).fetchone()
        return item(self.db, found[0], who)

    def judge(self, position: int, verdict: Judgement, who: str = "ann", **more: Any) -> Item:
        one = self.item(position, who)
        return judge(
            self.db, self.storage, one.head.item_id, who=who, version=one.head.version, verdict=verdict, **more
        )

    def undo(self, position: int, who: str = "ann") -> Item:
        one = self.item(position, who)
        return undo(self.db, self.storage, one.head.item_id, who=who, version=one.head.version)

    def units(self, store: str = "demo") -> dict[str, tuple[str, str, str]]:
        """Source -> target, tier and review state."""
        rows = self.db.connection.execute(
            "select src_text, tgt_text, tier, review_state from tm.unit join tm.store using (store_id) where name = %s",
            (store,),
        ).fetchall()
        found = {row[0]: row[1:] for row in rows}
        assert len(found) == len(rows)
        return found

    def everything(self) -> dict[str, list[str]]:
        tables = ("tm.unit", "tm.evidence", "tm.document", "tm.ruling", "review.removed", "tm.source")
        hidden = "created_at|updated_at|source_id"
        return {
            table: sorted(
                row[0]
                for row in self.db.connection.execute(
                    f"select ((to_jsonb(one) - string_to_array('{hidden}', '|'))"
                    f" #- array['unit', 'created_at'] #- array['unit', 'updated_at'])::text from {table} as one"
                )
            )
            for table in tables
        }


@pytest.fixture
def desk(settings: Settings, db: Database) -> Desk:
    return Desk(settings, db)


def test_a_queue_is_read_page_by_page(desk: Desk) -> None:
    whole = queue(desk.db, "ann", Filters(), limit=200)
    assert [one.src_text for one in whole.items] == [" ".join(src) for src, tgt in BEADS if tgt]
    assert whole.after == ""
    pages, after = [], ""
    while True:
        page = queue(desk.db, "ann", Filters(), after=after, limit=2)
        pages += page.items
        if not (after := page.after):
            break
    assert tuple(pages) == whole.items


def test_a_refused_unit_leaves_the_memory_and_an_undo_brings_it_back(desk: Desk) -> None:
    before = desk.everything()
    done = desk.judge(1, Judgement.WRONG, note="no")
    assert "It dreams." not in desk.units()
    assert (done.head.state, done.head.version, done.current) == ("done", 1, ())
    assert done.events[0].before == (("It dreams.", "Sie träumt."),)
    undone = desk.undo(1)
    assert (undone.head.state, undone.head.version) == ("open", 2)
    assert desk.everything() == before


def test_a_boundary_is_mended_on_both_sides(desk: Desk) -> None:
    before = desk.everything()
    one = desk.item(2)
    move = Move(side=Side.TARGET, edge=Edge.AFTER, count=-1)
    done = move_segments(
        desk.db, desk.storage, one.head.item_id, who="ann", version=one.head.version, moves=[move, ]
    )  # fmt: skip
    units = desk.units()
    assert units["The dog barks."] == ("Der Hund bellt.", "reviewed", "accepted")
    assert units["It rains."] == ("Es regnet. Alle werden nass.", "reviewed", "accepted")
    assert len(done.events[0].before) == len(done.events[0].after) == 2
    desk.undo(2)
    assert desk.everything() == before


def test_a_target_is_edited(desk: Desk) -> None:
    before = desk.everything()
    one = desk.item(0)
    edit = {"who": "ann", "version": one.head.version}
    done = edit_target(desk.db, desk.storage, one.head.item_id, **edit, text=" Die Katze  pennt. ")
    assert desk.units()["The cat sleeps."] == ("Die Katze pennt.", "reviewed", "accepted")
    assert done.current == (("The cat sleeps.", "Die Katze pennt."),)
    desk.undo(0)
    assert desk.everything() == before


def test_a_stale_version_is_refused(desk: Desk) -> None:
    one = desk.item(0)
    desk.judge(0, Judgement.SKIP, who="bob")
    with pytest.raises(StaleVersion, match="expected version 0, found 1"):
        judge(desk.db, desk.storage, one.head.item_id, who="ann", version=0, verdict=Judgement.ACCEPT)
    assert desk.item(0).head.verdicts == 0


def test_claims(desk: Desk) -> None:
    first = claim_next(desk.db, "ann", Filters())
    second = claim_next(desk.db, "bob", Filters())
    assert first
    assert second
    assert first.head.item_id != second.head.item_id
    with pytest.raises(ItemClaimed, match="held by ann"):
        claim(desk.db, first.head.item_id, "bob")
    with pytest.raises(ItemClaimed):
        judge(desk.db, desk.storage, first.head.item_id, who="bob", version=0, verdict=Judgement.ACCEPT)
    unclaim(desk.db, first.head.item_id, "bob")
    with pytest.raises(ItemClaimed):
        claim(desk.db, first.head.item_id, "bob")
    unclaim(desk.db, first.head.item_id, "ann")
    assert claim(desk.db, first.head.item_id, "bob").head.claimed_by == "bob"
    with pytest.raises(UnknownItem):
        claim(desk.db, 10**30, "bob")


def test_progress_and_states(desk: Desk) -> None:
    desk.judge(0, Judgement.ACCEPT, seconds=3)
    desk.judge(1, Judgement.SKIP)
    found = progress(desk.db, "ann", Filters())
    assert (found.open, found.for_me, found.done, found.mine, found.seconds) == (4, 3, 1, 1, 3)
    assert desk.units()["The cat sleeps."][2] == "accepted"
    assert len(queue(desk.db, "ann", Filters(state=QueueState.MINE)).items) == 2
    assert len(queue(desk.db, "ann", Filters(state=QueueState.DONE)).items) == 1
    with pytest.raises(ReviewError, match="they have judged"):
        desk.judge(0, Judgement.ACCEPT)


def test_the_trail_and_the_life_of_a_unit(settings: Settings, db: Database) -> None:
    desk = Desk(settings, db, ("demo", "other"))
    refused = desk.judge(1, Judgement.WRONG, note="not this")
    desk.judge(0, Judgement.ACCEPT, who="bob")
    desk.undo(0, who="bob")
    page = audit(db, limit=2)
    assert [(one.kind, one.who, one.undone) for one in page.events] == [("undo", "bob", False), ("accept", "bob", True)]
    (last,) = audit(db, after=page.after, limit=2).events
    assert (last.kind, last.note, last.before) == ("wrong", "not this", (("It dreams.", "Sie träumt."),))
    assert audit(db, who="nobody").events == ()
    life = unit_history(db, "demo", refused.unit_key)
    assert life
    assert (life.in_memory, life.review_state, life.src_text) == (False, "rejected", "It dreams.")
    assert [(one.document, one.withdrawn_at is None) for one in life.evidence] == [("guide", False)]
    assert [one.kind for one in life.events] == ["wrong"]
    kept = unit_history(db, "other", desk.row("other", 1)["unit_key"].hex())
    assert kept
    assert (kept.in_memory, kept.review_state, kept.events) == (True, "unreviewed", ())
    assert unit_history(db, "demo", "00" * 32) is None
    assert unit_history(db, "nowhere", "00") is None
    with pytest.raises(ReviewError, match="no unit key"):
        unit_history(db, "demo", "x")


def test_twins_leave_their_store_and_are_offered_in_others(settings: Settings, db: Database) -> None:
    desk = Desk(settings, db, ("demo", "other"))
    # The same two texts once more in the store, in another context; and no item for those of the other store.
    db.connection.execute("delete from review.item where store = 'other'")
    said = desk.row("demo", 1) | {"unit_key": b"twin", "context": b"elsewhere"}
    known = {"store_id": 1, "document_key": b"\x01" * 32, "position": 9, "tier": "lexical", "aligner": "a",
             "model_hash": "", "score": 0.75, "partition_date": DAY, "batch_id": "b"}  # fmt: skip
    desk.insert("tm.evidence", known | {"unit_key": b"twin"})
    desk.insert("tm.unit", known | said)
    one = desk.item(1)
    assert one.twins == 2
    assert [(twin.store, twin.item_id) for twin in twins(db, one.head.item_id)] == [("demo", None), ("other", None)]
    before = desk.everything()
    desk.judge(1, Judgement.WRONG)
    assert "It dreams." not in desk.units()
    assert desk.units("other")["It dreams."] == ("Sie träumt.", "lexical", "unreviewed")
    (offered,) = queue(db, "ann", Filters(store="other")).items
    assert (offered.origin, offered.src_text, offered.score_bin) == ("twin", "It dreams.", 3)
    assert queue(db, "ann", Filters(), limit=1).items[0] == offered  # at the head of the queue
    desk.undo(1)
    assert desk.everything() == before


def journal(desk: Desk) -> list[Any]:
    return desk.db.connection.execute("select kind, facts, uri from ops.journal order by id").fetchall()


def forget(desk: Desk) -> Desk:
    """The database as a backup from before all verdicts would bring it back."""
    desk.db.connection.execute(
        "truncate tm.store, tm.unit, tm.evidence, tm.document, tm.extra, tm.source, tm.gram, tm.numbering, tm.pending,"
        " tm.ruling, review.item, review.verdict, review.change, review.unsettled, review.removed, ops.batch,"
        " ops.journal restart identity cascade"
    )
    return desk.again()


def test_a_replay_of_the_journal_gives_the_same_memory(desk: Desk) -> None:
    untouched = desk.everything()
    desk.judge(1, Judgement.WRONG, note="why")
    desk.judge(0, Judgement.ACCEPT)
    desk.undo(0)
    one = desk.item(0)
    edit = {"who": "ann", "version": one.head.version}
    edit_target(desk.db, desk.storage, one.head.item_id, **edit, text="Die Katze pennt.")
    one = desk.item(2)
    move = Move(side=Side.TARGET, edge=Edge.AFTER, count=-1)
    move_segments(desk.db, desk.storage, one.head.item_id, who="bob", version=0, moves=[move])
    desk.judge(5, Judgement.SKIP)
    expected, trail, entries = desk.everything(), audit(desk.db).events, journal(desk)
    assert [kind for kind, _, _ in entries] == ["verdict", "verdict", "verdict", "correction", "correction", "verdict"]
    written = " ".join(str(facts) for _, facts, _ in entries)
    assert not any(text in written for bead in BEADS for side in bead for text in side), "a text in the journal"
    desk = forget(desk)
    assert desk.everything() == untouched
    for _ in range(2):  # the second time changes nothing
        for kind, facts, uri in entries:
            assert replay(desk.db, desk.storage, kind, facts, uri) == ""
        assert desk.everything() == expected
        assert audit(desk.db).events == trail
    assert len(journal(desk)) == len(entries)


def test_a_replay_without_the_texts_refuses_and_brings_nothing(desk: Desk) -> None:
    one = desk.item(0)
    edit = {"who": "ann", "version": one.head.version}
    edit_target(desk.db, desk.storage, one.head.item_id, **edit, text="Die Katze pennt.")
    undone = desk.undo(0)
    assert undone.head.version == 2
    (kind, facts, uri), (_, taken_back, _) = journal(desk)
    desk.storage.write_atomic(uri, b'{"note": "", "texts": [["", ""], ["", ""]]}\n')  # as an erasure leaves it
    desk = forget(desk)
    assert "not in the database" in replay(desk.db, desk.storage, "verdict", taken_back)
    assert replay(desk.db, desk.storage, kind, facts, uri) == ""
    assert "The cat sleeps." not in desk.units()
    assert not [unit for unit in desk.units().values() if unit[1] == "reviewed"]
