"""Erasure: gone everywhere, proved, and kept out on every way into the memory."""

import json
import random
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.store.batches_made import load, stage
from tm_core.batches import work_path
from tm_core.contracts import BEADS, DOCUMENTS, FILTERED, LEXICON_UNITS, SEGMENTS, Step
from tm_core.errors import ErasureError
from tm_core.identity import document_key, text_hash
from tm_core.lexicons import lexicon_path, refresh_folder
from tm_core.settings import Settings
from tm_core.stores import Pair
from tm_formats.manifest import read_manifest, write_manifest
from tm_formats.storage import Storage
from tm_formats.tables import read_rows, write_rows
from tm_store.checksum import memory_checksum
from tm_store.cli import main
from tm_store.db import Database, open_database
from tm_store.erase import What, apply_tombstones, erase, lift
from tm_store.erase_files import sweep
from tm_store.imports import replay
from tm_store.lookup import lookup
from tm_store.restore_replay import find_pending
from tm_store.restore_replay import replay as replay_journal
from tm_store.versions import diff, rollback

pytestmark = pytest.mark.db

D1, D2, D3 = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)
SECRET = ("Call John Doe today", "Rufen Sie heute John Doe an")
HOUSE, TREE, ROAD = ("One house", "Ein Haus"), ("A tree", "Ein Baum"), ("The road", "Die Straße")


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage(settings.storage)


@pytest.fixture
def wipe(settings: Settings, db: Database, storage: Storage) -> Any:
    """Erase from the store demo, for good unless told otherwise."""

    def wiped(*, store: str = "demo", leave: Any = (), why: str = "asked to", **what: Any) -> Any:
        wanted = What(store=store, **what)
        return erase(settings, db, storage, wanted, who="ann", why=why, dry_run=False, leave=leave)

    return wiped


def rows(db: Database, statement: str) -> list[Any]:
    return db.connection.execute(statement).fetchall()  # type: ignore[arg-type]


def count(db: Database, table: str) -> int:
    return int(rows(db, f"select count(*) from {table}")[0][0])


def texts(db: Database) -> list[tuple[str, str]]:
    return rows(db, "select src_text, tgt_text from tm.unit order by 1, 2")


def says(db: Database, needle: str) -> list[str]:
    """Tables with a row in whose printed form the text stands."""
    every = rows(
        db,
        "select relnamespace::regnamespace::text || '.' || relname from pg_class where relkind in ('r', 'p')"
        " and not relispartition and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'",
    )
    assert len(every) > 25
    return [name for (name,) in every if count(db, f"{name} as one where strpos(one::text, '{needle}') > 0")]


def test_a_text_is_gone_everywhere_and_the_report_says_so(db: Database, wipe: Any) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    load(db, D2, {"a": [HOUSE, TREE]})  # the text is in the history alone
    load(db, D2, {"b": [SECRET]})  # and in the memory
    assert "tm.unit" in says(db, "John Doe")
    report = wipe(match="John Doe")
    assert says(db, "John Doe") == []
    assert says(db, "john doe") == []  # the form in which look-ups compare
    assert texts(db) == sorted([HOUSE, TREE])
    assert (report.units, report.tombstones) == (1, 1)
    assert report.removed["tm.withdrawn"] == 1
    assert (report.before["tm.unit"], report.after["tm.unit"]) == (3, 2)
    assert report.columns > 50
    assert json.loads(report.to_json())["sha256"] == report.sha256()
    assert "John" not in report.to_json()
    for text in SECRET:
        assert lookup(db, store="demo", src="en", tgt="de", text=text) == []


def test_a_dry_run_is_the_default_and_changes_nothing(settings: Settings, db: Database, storage: Storage) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    before = memory_checksum(db)
    what = What(store="demo", match="John Doe")
    report = erase(settings, db, storage, what, who="ann", why="asked to")
    assert (report.dry_run, report.units, report.journal_id) == (True, 1, 0)
    assert memory_checksum(db) == before
    assert [count(db, table) for table in ("tm.tombstone", "ops.journal", "ops.erasure")] == [0, 0, 0]
    assert storage.list("journal") == []


def test_a_load_counts_it_as_tombstoned_and_its_sums_close(db: Database, wipe: Any) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    wipe(match="John Doe")
    _, summary = load(db, D2, {"a": [SECRET, HOUSE, TREE], "b": [SECRET]})
    assert {name: beads for name, beads in summary.outcomes.items() if beads} == {
        "tombstoned": 2, "unchanged": 1, "new": 1,
    }  # fmt: skip
    assert texts(db) == sorted([HOUSE, TREE])
    load(db, D1, {"late": [SECRET]})
    load(db, D1, {"a": [SECRET]})  # too late: not even as an older version
    assert says(db, "John Doe") == []


def test_an_import_says_which_line(world: Any, settings: Settings) -> None:
    load(world.db, D1, {"a": [SECRET]})
    erase(settings, world.db, world.storage, What(store="demo", match="John Doe"), who="ann", why="x", dry_run=False)
    path = world.file("b.tsv", "One house\tEin Haus\nCall John Doe today\tRufen Sie heute John Doe an\n")
    summary = world.take(path)
    assert (summary.kinds["tombstoned"], summary.kinds["new"]) == (1, 1)
    assert [one.line for one in summary.listed if one.kind == "tombstoned"] == [2]
    assert texts(world.db) == [HOUSE]
    kept = [info.path for info in world.storage.list("journal/imports")]
    assert [path.endswith(".tsv.units") for path in kept] == [True]
    assert b"John Doe" not in world.storage.read(kept[0])
    checksum, (facts,) = (
        memory_checksum(world.db),
        [row for (row,) in world.rows("select facts from ops.journal where kind = 'import'")],
    )
    world.db.connection.execute("truncate tm.unit, tm.evidence, tm.document, tm.extra")
    replay(world.settings, world.db, world.storage, "demo", facts)
    assert memory_checksum(world.db) == checksum


def test_a_file_whose_erasure_was_lifted_is_imported_again(world: Any, settings: Settings) -> None:
    path = world.file("a.tsv", "One house\tEin Haus\nCall John Doe today\tRufen Sie heute John Doe an\n")
    world.take(path)
    before = memory_checksum(world.db)
    number = erase(
        settings, world.db, world.storage, What(store="demo", match="John Doe"), who="ann", why="x", dry_run=False
    ).journal_id
    assert world.take(path).imported_before
    lift(world.db, world.storage, number, who="ann", why="mistaken")
    assert world.take(path).kinds["new"] == 1
    assert world.take(path).imported_before
    assert memory_checksum(world.db) == before


def test_a_kept_import_is_rewritten_and_still_replays(world: Any, settings: Settings) -> None:
    quoting = '<prop type="prev">Call John Doe today</prop><prop type="next">x</prop><prop type="kind">law</prop>'
    body = world.tu(*SECRET, '<prop type="id">k1</prop>') + world.tu(*HOUSE, quoting)
    world.take(world.file("a.tmx", world.tmx(body)))
    report = erase(
        settings, world.db, world.storage, What(store="demo", match="John Doe"), who="ann", why="x", dry_run=False
    )
    assert report.removed["tm.extra"] == 1  # the neighbour's property quoted it
    assert says(world.db, "John Doe") == []
    (kept,) = [info.path for info in world.storage.list("journal/imports")]
    assert report.files.rewritten == (kept.removesuffix(".units"),)
    assert b"John" not in world.storage.read(kept)
    assert b"law" in world.storage.read(kept)
    checksum = memory_checksum(world.db)
    world.db.connection.execute("truncate tm.unit, tm.evidence, tm.document, tm.extra, tm.tombstone")
    (facts,) = [row for (row,) in world.rows("select facts from ops.journal where kind = 'import'")]
    replay(world.settings, world.db, world.storage, "demo", facts)
    assert memory_checksum(world.db) == checksum


def test_a_roll_back_does_not_bring_it_back(db: Database, storage: Storage, wipe: Any) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    batch, _ = load(db, D2, {"a": [TREE]})
    wipe(match="John Doe")
    assert {one.src_text for one in diff(db, batch).changes} == {"A tree", "One house"}
    rollback(db, storage, batch, who="ann", dry_run=False)
    assert texts(db) == [HOUSE]


def test_a_roll_back_asks_the_tombstones_itself(db: Database, storage: Storage, wipe: Any) -> None:
    """Were a row of the history left, it would still not come back."""
    load(db, D1, {"a": [SECRET, HOUSE]})
    batch, _ = load(db, D2, {"a": [TREE]})
    store = rows(db, "select store_id from tm.store")[0][0]
    db.connection.execute(
        "insert into tm.tombstone (store_id, src_lang, tgt_lang, src_hash, tgt_hash, journal_id)"
        f" values ({store}, 'en', 'de', '\\x{text_hash(SECRET[0])}', '\\x{text_hash(SECRET[1])}', 1)"
    )
    rollback(db, storage, batch, who="ann", dry_run=False)
    assert texts(db) == [HOUSE]


def test_a_document_goes_with_what_it_alone_says(db: Database, storage: Storage, wipe: Any) -> None:
    load(db, D1, {"a": [(*HOUSE, 0.9), SECRET], "b": [(*HOUSE, 0.3), TREE]})
    batch, _ = load(db, D2, {"a": [(*HOUSE, 0.9), ROAD]})
    report = wipe(document="a")
    assert texts(db) == sorted([HOUSE, TREE])
    assert rows(db, "select score::text from tm.unit where src_text = 'One house'") == [("0.3",)]
    assert says(db, "John Doe") == []
    assert report.tombstones == 1
    assert rows(db, "select name from tm.document") == [("b",)]
    _, summary = load(db, D3, {"a": [ROAD], "c": [ROAD]})
    assert (summary.outcomes["tombstoned"], summary.outcomes["new"]) == (1, 1)
    assert texts(db) == sorted([HOUSE, TREE, ROAD])  # c may say it
    assert rows(db, "select name from tm.document order by 1") == [("b",), ("c",)]
    with pytest.raises(Exception, match="found none"):
        rollback(db, storage, batch, who="ann", dry_run=False)


def test_a_source_goes_with_every_target(db: Database, wipe: Any) -> None:
    load(db, D1, {"a": [HOUSE, TREE], "b": [("One house", "Ein Gebäude")]})
    assert wipe(source_hash=text_hash("One house")).units == 2
    _, summary = load(db, D2, {"c": [("One house", "Ein Heim")]})
    assert summary.outcomes["tombstoned"] == 1
    assert texts(db) == [TREE]


def test_other_stores_and_pairs_keep_theirs(db: Database, wipe: Any) -> None:
    load(db, D1, {"a": [SECRET]}, store="handbook")
    load(db, D1, {"a": [SECRET]})
    load(db, D1, {"a": [(SECRET[0], "Appelez John Doe")]}, pair=("en", "fr"), batch_id="french")
    assert wipe(match="John Doe", pair=Pair(src="en", tgt="de")).units == 1
    found = rows(db, "select name, tgt_lang from tm.unit join tm.store using (store_id) order by 1, 2")
    assert found == [("demo", "fr"), ("handbook", "de")]


def test_a_text_that_others_say_rightly_is_no_leak(db: Database, wipe: Any) -> None:
    load(db, D1, {"a": [("One house", "John Doe"), HOUSE]})
    assert wipe(match="John Doe").units == 1
    assert texts(db) == [HOUSE]


@pytest.mark.parametrize(
    "column",
    ["text text", "text varchar(80)", "text jsonb", "text text[]", "text bytea", "text text, store text"],
)
def test_a_copy_that_nobody_knows_of_is_found(db: Database, wipe: Any, column: str) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    value = {
        "text jsonb": json.dumps({"deep": [{"inside": SECRET[1]}]}),
        "text text[]": ["x", SECRET[0]],
        "text bytea": SECRET[0].encode(),
        "text text": f"it says: {SECRET[1]}!",
    }.get(column, SECRET[0])
    db.connection.execute(f"create table public.copy ({column})")
    db.connection.execute(
        "insert into public.copy values (%s, 'demo')" if "store" in column else "insert into public.copy values (%s)",
        [value],
    )
    before = memory_checksum(db)
    with pytest.raises(ErasureError, match=r"public\.copy\.text: 1 rows(.|\n)*Nothing was changed"):
        wipe(match="John Doe")
    assert memory_checksum(db) == before
    assert wipe(match="John Doe", leave=["public.copy.text"]).left_alone == ("public.copy.text",)
    assert texts(db) == [HOUSE]


def test_a_copy_in_a_known_kind_of_table_goes_too(db: Database, wipe: Any) -> None:
    """A table of reviewers, say, that a later version adds: found by the shape of its columns."""
    load(db, D1, {"a": [SECRET, HOUSE]})
    db.connection.execute(
        "create table review.later as select 'demo' as store, src_lang, tgt_lang, src_hash, tgt_hash, src_text,"
        " tgt_text, unit_key from tm.unit"
    )
    assert wipe(match="John Doe").removed["review.later"] == 1
    assert rows(db, "select src_text from review.later") == [("One house",)]


def queue_all(db: Database) -> None:
    """A review item for every unit."""
    db.connection.execute(
        "insert into review.item (batch_id, store, document_key, position, unit_key, src_lang, tgt_lang, tier,"
        " score_bin, weight, score, src_text, tgt_text) select batch_id, 'demo', document_key, position, unit_key,"
        " src_lang, tgt_lang, tier, 1, 1, score, src_text, tgt_text from tm.unit"
    )


def test_review_items_and_staged_beads_go(db: Database, storage: Storage, wipe: Any) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    queue_all(db)
    day, other = D2, {"b": [SECRET, TREE]}
    load(db, day, {"b": [TREE]}, batch_id="later")
    stage(db, "later", day, other, store="demo", pair=("en", "de"))
    report = wipe(match="John Doe")
    assert (report.removed["review.item"], report.removed["staging.bead"]) == (1, 1)
    assert count(db, "staging.bead") == 2  # the batch's sums still close
    assert says(db, "John Doe") == []


@pytest.mark.parametrize(
    ("src", "tgt"),
    [
        ([SECRET[0]], []),  # too short to be looked for inside others
        (["Call John Doe", "today"], []),  # a unit of two segments
        ([], ["Rufen Sie heute John"]),  # one segment of such a unit
        ([], [f"Er sagt: {SECRET[1]}!"]),
    ],
    ids=["whole", "in segments", "a segment", "inside"],
)
def test_what_stands_beside_a_review_item_goes_too(db: Database, wipe: Any, src: list[str], tgt: list[str]) -> None:
    load(db, D1, {"a": [HOUSE, SECRET, TREE]})
    queue_all(db)
    house, secret, tree = (
        {"position": at, "src": [src], "tgt": [tgt], "tier": "lexical", "score": 0.5}
        for at, (src, tgt) in enumerate([HOUSE, SECRET, TREE])
    )
    secret |= {"src": src, "tgt": tgt}
    glues = {"src_glue": " ", "tgt_glue": " "}
    windows = {
        HOUSE[0]: glues | {"own": house, "before": [], "after": [secret, tree]},
        TREE[0]: glues | {"own": tree, "before": [house], "after": []},
    }
    for src, around in windows.items():
        db.connection.execute("update review.item set around = %s where src_text = %s", (Jsonb(around), src))
    assert wipe(match="John Doe").removed["review.item.around"] == 1
    assert says(db, "John Doe") == []
    # Nothing can be moved to a bead that is not there; what quotes nothing stays as it was.
    blank = secret | {"src": [], "tgt": []}
    kept = {HOUSE[0]: glues | {"before": [], "after": [blank, tree]}, TREE[0]: windows[TREE[0]]}
    assert dict(rows(db, "select src_text, around from review.item")) == kept


def test_a_text_that_is_in_a_batch_under_way_alone_is_found(db: Database, wipe: Any) -> None:
    load(db, D1, {"a": [HOUSE]}, batch_id="later")
    stage(db, "later", D1, {"a": [SECRET]}, store="demo", pair=("en", "de"))
    report = wipe(match="John Doe")
    assert (report.units, report.tombstones) == (0, 1)


def test_lexicons_that_may_have_learned_it_are_retired(db: Database, storage: Storage, wipe: Any) -> None:
    load(db, D1, {"a": [(*SECRET, 0.95)]})
    storage.write_atomic(lexicon_path("en", "de", "abc"), b"john doe")
    storage.write_atomic(lexicon_path("en", "fr", "abc"), b"other")
    for src_lang, tgt_lang, sha256, units in (
        ("en", "de", "abc", 10),
        ("en", "de", "given", 0),
        ("en", "fr", "abc", 10),
    ):
        state = "retired" if sha256 == "given" else "promoted"
        db.connection.execute(
            "insert into ops.lexicon (src_lang, tgt_lang, sha256, state, entries, units, reason)"
            f" values ('{src_lang}', '{tgt_lang}', '{sha256}', '{state}', 1, {units}, '')"
        )
    report = wipe(match="John Doe")
    assert report.lexicons == 1
    assert report.files.deleted == (lexicon_path("en", "de", "abc"),)
    states = rows(db, "select src_lang || tgt_lang || sha256, state from ops.lexicon order by 1")
    assert states == [("endeabc", "erased"), ("endegiven", "retired"), ("enfrabc", "promoted")]


def test_a_lifted_erasure_lets_it_come_again(db: Database, storage: Storage, wipe: Any) -> None:
    load(db, D1, {"a": [SECRET]})
    first, second = wipe(match="John Doe"), wipe(source_hash=text_hash(SECRET[0]))
    with pytest.raises(ErasureError, match="expected the reason"):
        lift(db, storage, first.journal_id, who="ann", why=" ")
    assert lift(db, storage, first.journal_id, who="ann", why="mistaken") == 1
    assert load(db, D2, {"a": [SECRET]})[1].outcomes["tombstoned"] == 1  # the second erasure stands
    lift(db, storage, second.journal_id, who="ann", why="mistaken")
    assert load(db, D3, {"a": [SECRET]})[1].outcomes["new"] == 1
    with pytest.raises(ErasureError, match="one that was lifted"):
        lift(db, storage, first.journal_id, who="ann", why="again")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({}, "none of them"),
        ({"match": "a", "document": "b"}, "document and match"),
        ({"match": " "}, "white space"),
        ({"regex": "("}, "regular expression"),
        ({"regex": "x*"}, "fits the empty text"),
        ({"source_hash": "12"}, "64 hexadecimal"),
        ({"document": "unknown"}, "found none"),
        ({"match": "a", "store": "unknown"}, "holds nothing of it"),
        ({"match": "a", "why": ""}, "expected the reason"),
        ({"match": "a", "pair": Pair(src="de", tgt="en")}, "expected one of .*en-de"),
    ],
)
def test_what_cannot_be_meant_is_refused(db: Database, wipe: Any, what: dict[str, Any], message: str) -> None:
    load(db, D1, {"a": [HOUSE]})
    with pytest.raises(ErasureError, match=message):
        wipe(**what)
    assert texts(db) == [HOUSE]


def test_attacks_in_what_is_looked_for(db: Database, wipe: Any) -> None:
    evil = "'; drop table tm.unit; -- %(store)s {own} %s"
    load(db, D1, {"a": [(evil, "böse"), HOUSE]})
    assert wipe(match=evil).units == 1
    assert texts(db) == [HOUSE]
    assert wipe(regex="(?i)ONE H.USE").units == 1
    assert texts(db) == []


# Object storage -------------------------------------------------------------------------------------


@pytest.fixture
def work(storage: Storage) -> str:
    """A batch's files: a document of the text and one of others, in tier 1 and after the filter."""
    batch = "2026-01-05-abc"
    keys = [document_key("demo", name, "en", "de") for name in "ab"]
    plan = [
        {name: "" for name in DOCUMENTS.names}
        | {"document_key": key, "store": "demo", "name": name, "src_lang": "en", "tgt_lang": "de"}
        | {"chars": 1, "shard": 0}
        for key, name in zip(keys, "ab", strict=True)
    ]  # fmt: skip
    _folder(storage, work_path(batch, Step.PLAN), {"documents.parquet": (DOCUMENTS, plan)})
    said = {keys[0]: [HOUSE, SECRET, TREE], keys[1]: [HOUSE, ROAD]}
    beads = [
        {name: "" for name in BEADS.names}
        | {"document_key": key, "position": at, "src_first": at, "src_count": 1, "tgt_first": at, "tgt_count": 1}
        | {"src_text": src, "tgt_text": tgt, "score": 0.5, "src_lang_p": 1.0, "tgt_lang_p": 1.0}
        for key, units in said.items()
        for at, (src, tgt) in enumerate(units)
    ]
    segments = [
        {name: "" for name in SEGMENTS.names}
        | {
            "document_key": key,
            "side": side,
            "position": at,
            "paragraph": 0,
            "text": unit[side],
            "raw": unit[side] + " ",
        }
        | {"lang_p": 1.0}
        for key, units in said.items()
        for at, unit in enumerate(units)
        for side in (0, 1)
    ]
    tier1 = {"beads.parquet": (BEADS, beads), "segments.parquet": (SEGMENTS, segments)}
    _folder(storage, work_path(batch, Step.TIER1, "0"), tier1)
    filtered = [
        {name: "" for name in FILTERED.names}
        | {name: bead[name] for name in set(FILTERED.names) & set(bead)}
        | {"batch_id": batch, "store": "demo", "src_lang": "en", "tgt_lang": "de"}
        | {"src_hash": text_hash(bead["src_text"]), "tgt_hash": text_hash(bead["tgt_text"])}
        for bead in beads
    ]
    _folder(storage, work_path(batch, Step.FILTER), {"beads-0000.parquet": (FILTERED, filtered)})
    return batch


def _folder(storage: Storage, folder: str, files: dict[str, Any]) -> None:
    entries = [write_rows(storage, f"{folder}/{name}", schema, found) for name, (schema, found) in files.items()]
    write_manifest(storage, folder, entries, {"beads": 5})


def stored(storage: Storage) -> str:
    """All texts of the batches' files."""
    found = []
    for info in storage.list("work"):
        name = info.path.rpartition("/")[2]
        for start, schema in (
            ("beads-", FILTERED),
            ("beads.", BEADS),
            ("segments.", SEGMENTS),
            ("units.", LEXICON_UNITS),
        ):
            if name.startswith(start):
                found.append(str(read_rows(storage, info.path, schema)))
    assert found
    return "\n".join(found)


def test_a_batchs_files_lose_the_texts_and_keep_their_rows(
    db: Database, storage: Storage, wipe: Any, work: str
) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    pages = work_path(work, Step.GATE, "data_docs")
    for name in ("index.html", "demo.en-de.svg"):
        storage.write_atomic(f"{pages}/{name}", b"Call John Doe today")
    assert stored(storage).count("John Doe") == 8  # two beads with two texts each, two segments twice
    report = wipe(match="John Doe")
    assert "John Doe" not in stored(storage)
    assert stored(storage).count("Ein Haus") == 8
    for folder in (work_path(work, Step.FILTER), work_path(work, Step.TIER1, "0")):
        manifest = read_manifest(storage, folder)  # sizes and hashes agree again
        assert manifest.facts["beads"] == 5
        assert int(str(manifest.facts["erased_rows"])) >= 1
    assert len(report.files.rewritten) == 3
    assert (len(report.files.deleted), storage.list(pages)) == (2, [])
    beads = read_rows(storage, f"{work_path(work, Step.FILTER)}/beads-0000.parquet", FILTERED)
    assert [one["rule"] for one in beads] == ["", "erased", "", "", ""]
    assert sweep(db, storage).rewritten == ()


def test_a_text_that_lies_in_files_alone_is_found(db: Database, storage: Storage, wipe: Any, work: str) -> None:
    load(db, D1, {"b": [HOUSE]})
    assert wipe(regex=r"John\s+Doe").tombstones == 1
    assert "John Doe" not in stored(storage)


def test_a_documents_files_lose_all_its_texts(db: Database, storage: Storage, wipe: Any, work: str) -> None:
    load(db, D1, {"a": [SECRET, HOUSE], "b": [HOUSE]})
    db.connection.execute(
        "insert into ops.ledger (ledger_key, batch_id, folder, document_key, tier, route, confidence)"
        f" values ('k', '{work}', '{work_path(work, Step.TIER1, '0')}',"
        f" '\\x{document_key('demo', 'a', 'en', 'de')}', 'lexical', '', 1)"
    )
    wipe(document="a")
    assert "John Doe" not in stored(storage)
    assert stored(storage).count("Ein Haus") == 4  # b's
    assert count(db, "ops.ledger") == 0


def test_a_sweep_that_was_killed_goes_on(
    db: Database, storage: Storage, wipe: Any, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    with monkeypatch.context() as patch:
        patch.setattr("tm_store.erase_files._Folder.blank", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            wipe(match="John Doe")
    assert texts(db) == [HOUSE]
    assert "John Doe" in stored(storage)
    assert rows(db, "select swept_at from ops.erasure") == [(None,)]
    assert len(sweep(db, storage).rewritten) == 3
    assert "John Doe" not in stored(storage)
    assert rows(db, "select swept_at is not null from ops.erasure") == [(True,)]


def test_what_a_task_under_way_writes_is_told(db: Database, storage: Storage, wipe: Any, work: str) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    folder = work_path(work, Step.TIER1, "0")
    storage.delete(f"{folder}/manifest.json")
    assert wipe(match="John Doe").files.under_way == (folder,)
    assert rows(db, "select swept_at from ops.erasure") == [(None,)]


def test_what_a_lexicon_was_learned_from_goes(db: Database, storage: Storage, wipe: Any) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    kept = f"{refresh_folder('run', 'en', 'fr')}/units.parquet"
    path = f"{refresh_folder('run', 'en', 'de')}/units.parquet"
    for one in (path, kept):
        write_rows(storage, one, LEXICON_UNITS, [{"src_text": SECRET[0], "tgt_text": SECRET[1]}])
    assert wipe(match="John Doe").files.deleted == (path,)
    assert storage.exists(kept)


def test_what_stays_is_told(db: Database, storage: Storage, wipe: Any) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    for path in ("raw/demo/2026-01-05/a.en.txt", "raw/demo/2026-01-05/b.en.txt", "exports/2026-01-03/x/demo.en-de.tmx"):
        storage.write_atomic(path, b"x")
    report = wipe(match="John Doe")
    assert [line.partition(": ")[0].rpartition("demo/")[2] for line in report.stays] != []
    assert any("a.en.txt" in line for line in report.stays)
    assert not any("b.en.txt" in line for line in report.stays)
    assert any("exports/2026-01-03/x" in line for line in report.stays)


# The journal ----------------------------------------------------------------------------------------


def test_a_restored_database_forgets_what_was_erased_since(
    settings: Settings, db: Database, storage: Storage, wipe: Any, database_url: str, server_url: str
) -> None:
    load(db, D1, {"a": [SECRET, HOUSE], "b": [TREE, ROAD]})
    name = urlsplit(database_url).path[1:]
    db.connection.close()
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'create database "{name}_old" template "{name}"')
    try:
        with open_database(settings) as now:
            erase(settings, now, storage, What(store="demo", match="John Doe"), who="ann", why="x", dry_run=False)
            gone = erase(settings, now, storage, What(store="demo", document="b"), who="ann", why="x", dry_run=False)
            lift(now, storage, gone.journal_id, who="ann", why="mistaken")
            checksum, stones = memory_checksum(now), rows(now, "select * from tm.tombstone order by 1, 2, 3, 4, 5, 6")
        entries = [json.loads(storage.read(info.path)) for info in storage.list("journal/entries")]
        assert [one["kind"] for one in entries] == ["erase", "erase", "lift"]
        assert "John" not in json.dumps(entries)
        with open_database(settings, database=f"{name}_old") as old:
            assert len(texts(old)) == 4
            for _ in range(2):
                assert apply_tombstones(old, storage, entries) == 2
                assert memory_checksum(old) == checksum
                assert rows(old, "select * from tm.tombstone order by 1, 2, 3, 4, 5, 6") == stones
            assert says(old, "John Doe") == []
    finally:
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(f'drop database "{name}_old" with (force)')


def test_a_copy_from_before_and_the_journal_give_the_same_memory(
    world: Any, database_url: str, server_url: str
) -> None:
    """An import, a roll-back, two erasures and a lift, replayed into a copy of the database from before them."""
    load(world.db, D1, {"a": [SECRET, HOUSE], "b": [TREE, ROAD]})
    batch, _ = load(world.db, D2, {"a": [HOUSE, ("Two houses", "Zwei Häuser")]})
    name = urlsplit(database_url).path[1:]
    world.db.connection.close()
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'create database "{name}_old" template "{name}"')
    try:
        with open_database(world.settings) as now:
            world.db = now
            world.take(world.file("c.tsv", "A river\tEin Fluss\nCall John Doe today\tRufen Sie heute John Doe an\n"))
            rollback(now, world.storage, batch, who="ann", dry_run=False)
            for what in (What(store="demo", match="John Doe"), What(store="demo", document="b")):
                number = erase(world.settings, now, world.storage, what, who="ann", why="x", dry_run=False).journal_id
            lift(now, world.storage, number, who="ann", why="mistaken")
            checksum = memory_checksum(now)
            assert texts(now) == sorted([HOUSE, ("A river", "Ein Fluss")])
        with open_database(world.settings, database=f"{name}_old") as old:
            pending = find_pending(old, world.storage)
            assert [event.kind for event in pending.events] == ["import", "rollback", "erase", "erase", "lift"]  # type: ignore[union-attr]
            replayed = replay_journal(world.settings, old, world.storage, pending)
            assert replayed.problems == ()
            assert memory_checksum(old) == checksum
            assert find_pending(old, world.storage).events == ()
    finally:
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(f'drop database "{name}_old" with (force)')


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_loaded_rolled_back_and_erased_no_tombstoned_text_is_there(
    settings: Settings, db: Database, storage: Storage, wipe: Any, seed: int
) -> None:
    chance = random.Random(seed)
    words = ("house", "tree", "road", "river", "bridge", "lamp", "cloud")
    gone: set[str] = set()
    standing: list[str] = []
    for number in range(16):
        what = chance.random()
        if standing and what < 0.25:
            batch = chance.choice(standing)
            rollback(db, storage, batch, who="ann", keep_later=True, dry_run=False)
            standing.remove(batch)
        elif standing and what < 0.4:
            word = chance.choice(words)
            wipe(match=f"The {word}.")
            gone.add(word)
        else:
            documents = {
                name: [(f"The {word}.", f"{chance.choice('XY')} {word}.") for word in chance.choices(words, k=3)]
                for name in "abc"
                if chance.random() < 0.7
            } or {"a": [HOUSE]}
            batch, summary = load(db, chance.choice((D1, D2, D3)), documents, batch_id=f"batch-{number}")
            standing.append(batch)
            assert sum(summary.outcomes.values()) == sum(map(len, documents.values()))
        found = {src for src, _ in texts(db)} | {src for (src,) in rows(db, "select src_text from tm.withdrawn_unit")}
        # A tombstone is of a pair of texts: a pair that had not been seen yet may come.
        pairs = set(rows(db, "select src_hash, tgt_hash from tm.tombstone"))
        held = set(
            rows(db, "select src_hash, tgt_hash from tm.unit union select src_hash, tgt_hash from tm.withdrawn_unit")
        )
        assert not pairs & held, f"seed {seed}, step {number}: {found}"
    assert gone


def test_the_commands(settings: Settings, db: Database, monkeypatch: Any, capsys: Any, tmp_path: Path) -> None:
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))
    load(db, D1, {"a": [SECRET, HOUSE]})
    arguments = ["erase", "--store", "demo", "--match", "John Doe", "--why", "asked to"]
    assert main(arguments) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert main([*arguments, "--yes", "--report", str(tmp_path / "proof.json")]) == 0
    proof = json.loads((tmp_path / "proof.json").read_text())
    assert proof["units"] == 1
    number = str(proof["journal_id"])
    assert main(["erase", "--list"]) == 0
    assert "1 tombstones" in capsys.readouterr().out
    assert main(["erase", "--sweep"]) == 0
    assert main(["erase", "--lift", number, "--why", "mistaken"]) == 0
    assert main(["erase", "--lift", number, "--why", "mistaken"]) == 1
    assert main(["log"]) == 0
    assert "erase" in capsys.readouterr().out
