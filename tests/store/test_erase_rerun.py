"""An erased text comes back nowhere: the date is run again, and every table, file and page is read.

A place that can hold text registers in tm_store.erase_places; the last tests here say what to add for one that did not.
"""

import gzip
import io
import json
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from psycopg.types.json import Jsonb

from tests.store.batches_made import load, stage
from tests.store.test_erase import HOUSE, SECRET, TREE, count, queue_all, rows, says, texts
from tests.store.test_review_sample import DAY, Night
from tests.waiting import HANG_S, wait_until
from tm_core.ab import ab_folder
from tm_core.contracts import SEGMENTS
from tm_core.errors import ErasureError, ReviewError
from tm_core.identity import document_key, text_hash
from tm_core.settings import Settings
from tm_core.stores import Pair
from tm_formats.storage import Storage
from tm_formats.tables import read_rows
from tm_store import ab, erase_clean, lexicons
from tm_store.cli import main
from tm_store.cli_versions import render_report
from tm_store.db import Database, open_database
from tm_store.erase import What, apply_tombstones, erase, sweep_all
from tm_store.erase_clean import clean
from tm_store.erase_places import FILES, TABLES, Kind, place_of, undeclared
from tm_store.erase_scan import columns
from tm_store.explain import explain
from tm_store.exports import Format, Wanted, export_units
from tm_store.lookup import lookup
from tm_store.report import report
from tm_store.review import Filters, item, queue
from tm_store.review_verdicts import edit_target, judge
from tm_store.sample import sample_batch
from tm_store.staging import stage as stage_batch
from tm_store.tombstones import Graves, Tombstone, tombstones_of

pytestmark = pytest.mark.db

# Planted into two sample documents: between sentences of their own, in a bead and as one without a translation.
PLANTED = "Xaver Quastenflosser keeps the spare key of shed number nine."
GERMAN = "Xaver Quastenflosser bewahrt den Ersatzschlüssel von Schuppen Nummer neun auf."
ALONE = "Only Xaver Quastenflosser himself may lend that key to visitors."


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage(settings.storage)


@pytest.fixture
def wipe(settings: Settings, db: Database, storage: Storage) -> Any:
    def wiped(**what: Any) -> Any:
        return erase(settings, db, storage, What(store="demo", **what), who="ann", why="asked to", dry_run=False)

    return wiped


def plant(night: Night) -> None:
    """Deposit the date's documents with a sentence more: in the middle, with and without a translation."""
    english = "raw/demo/2026-01-05/seven-minutes.en.txt"
    german = "raw/demo/2026-01-05/seven-minutes.de.txt"
    for path, sentences in ((english, [PLANTED, ALONE]), (german, [GERMAN])):
        assert night.storage.exists(path)
        paragraphs = night.storage.read(path).decode().split("\n\n")
        assert len(paragraphs) > 4
        middle = len(paragraphs) // 2
        night.storage.write_atomic(path, "\n\n".join([*paragraphs[:middle], *sentences, *paragraphs[middle:]]).encode())


def few(night: Night) -> None:
    """Keep a few of the date's documents: these tests refine it twice."""
    for info in night.storage.list("raw"):
        name = info.path.rpartition("/")[2].split(".")
        if name[0] not in ("seven-minutes", "weather-station", "cargo-bikes") or name[1] not in ("en", "de"):
            night.storage.delete(info.path)
    assert len(night.storage.list("raw")) == 6


def unpacked(path: str, data: bytes) -> bytes:
    """What a file says, whatever packs it."""
    if path.endswith(".gz"):
        return gzip.decompress(data)
    if path.endswith(".zst"):
        return pa.CompressedInputStream(io.BytesIO(data), "zstd").read()
    if path.endswith(".parquet"):
        return repr(parquet.read_table(io.BytesIO(data)).to_pylist()).encode()
    return data


def files_with(storage: Storage, needle: str, aside: tuple[str, ...] = ("backups/",)) -> list[str]:
    """Paths of stored files, deposits aside, that hold the words, be they packed."""
    found, seen = [], 0
    for info in storage.list(""):
        if info.path.startswith(("raw/", *aside)):
            continue
        seen += 1
        if needle.encode() in unpacked(info.path, storage.read(info.path)):
            found.append(info.path)
    assert seen > 10
    return found


def pages(night: Night) -> str:
    """What people see: the report, every document's way, every review item, and what look-ups answer."""
    shown = [report(night.db, DAY)]
    shown += [explain(night.db, night.storage, "seven-minutes", every_bead=True)]
    heads = queue(night.db, "ann", Filters(), limit=200).items
    assert heads
    shown += [repr(item(night.db, head.item_id, "ann")) for head in heads]
    shown += [repr(lookup(night.db, store="demo", src="en", tgt="de", text=text)) for text in (PLANTED, ALONE)]
    return "\n".join(shown).replace(repr(PLANTED), "").replace(repr(ALONE), "")


@pytest.fixture
def erased(settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> Night:
    """A night with the planted sentences, erased, and run again."""
    night = Night(settings, db, monkeypatch)
    monkeypatch.setenv("TM_REVIEW_RATE", "1")
    night.settings = Settings.from_env()
    few(night)
    plant(night)
    night.refresh(only_stores=["demo"])
    assert {"tm.unit", "review.item"} <= set(says(db, "Quastenflosser"))
    assert files_with(night.storage, "Quastenflosser")
    assert "Quastenflosser" in pages(night)
    what = What(store="demo", match="Quastenflosser")
    done = erase(night.settings, db, night.storage, what, who="ann", why="asked to", dry_run=False)
    assert done.units >= 1
    assert says(db, "Quastenflosser") == []
    assert files_with(night.storage, "Quastenflosser") == []
    night.refresh(reprocess=True, only_stores=["demo"])
    return night


def test_an_erased_text_comes_back_nowhere(
    erased: Night,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db, storage = erased.db, erased.storage
    assert says(db, "Quastenflosser") == []
    assert files_with(storage, "Quastenflosser") == []
    assert "Quastenflosser" not in pages(erased)
    # The rows are there, without texts: the sums close, and the slice was accepted.
    assert erased.rows("select distinct verdict from ops.slice") == [("accept",)]
    tombstoned = erased.rows("select count(*) from ops.outcome where outcome = 'tombstoned'")
    assert tombstoned[0][0] >= 1
    # A comparison of aligners leaves the document out, and a sweep has nothing left to do.
    wanted = ab.Wanted(store="demo", pair="en-de", documents=50)
    ab.collect(erased.settings, db, storage, "ab-000000000009", wanted, day=DAY)
    segments = read_rows(storage, f"{ab_folder('ab-000000000009')}/segments.parquet", SEGMENTS)
    assert segments
    assert not any("Quastenflosser" in row["text"] for row in segments)
    # Nor do an export, what lexicons are learned from, and the backup that the second run has made.
    export_units(db, Wanted(store="demo", pair=Pair(src="en", tgt="de"), format=Format.TMX), tmp_path / "demo.tmx")
    assert "<seg>" in (exported := (tmp_path / "demo.tmx").read_text())
    assert "Quastenflosser" not in exported
    monkeypatch.setattr(lexicons, "MIN_UNITS", 1)
    assert lexicons.collect(erased.settings, db, storage, "lexicon-x")
    first, second = sorted({"/".join(info.path.split("/")[:2]) for info in storage.list("backups")})
    found = files_with(storage, "Quastenflosser", aside=())
    assert found, "the first run's backup has it, and this can find it"
    assert all(path.startswith(first) for path in found), second
    swept = sweep_all(erased.settings, db, storage)
    assert (swept.removed, swept.files.rewritten) == ({}, ())
    for info in storage.list(""):
        assert place_of(info.path), (
            f"{info.path}: a kind of file that nobody declared: say in tm_store.erase_places.FILES whether it can hold "
            "text, and how an erasure takes it out"
        )
    logged = caplog.text + "".join(capsys.readouterr())
    assert "Quastenflosser" not in logged


def test_a_sample_that_an_erasure_overtakes_takes_nothing_of_it(
    settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night(settings, db, monkeypatch)
    monkeypatch.setenv("TM_REVIEW_RATE", "1")
    night.settings = Settings.from_env()
    few(night)
    plant(night)
    batch = night.refresh(only_stores=["demo"])
    # As it was before the batch's sample: staged, loaded, and nothing drawn.
    db.connection.execute("truncate review.item, review.standing cascade")
    assert stage_batch(db, night.storage, batch, DAY) > 0
    ((store,),) = night.rows("select store_id from tm.store where name = 'demo'")
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"

    def sample() -> int:
        with open_database(night.settings) as other:
            return sample_batch(night.settings, other, batch)

    with ThreadPoolExecutor(1) as pool:
        db.connection.execute("select pg_advisory_lock(7245003, %s)", (store,))
        sampled = pool.submit(sample)
        wait_until(lambda: night.rows(waiting)[0][0], "the sample waits for the store", alive=lambda: running(sampled))
        what = What(store="demo", match="Quastenflosser")
        erase(night.settings, db, night.storage, what, who="ann", why="asked to", dry_run=False)
        db.connection.execute("select pg_advisory_unlock(7245003, %s)", (store,))
        assert sampled.result(HANG_S) > 0
    assert says(db, "Quastenflosser") == []


def running(work: Future[Any]) -> None:
    assert not work.done(), f"ended before it was expected to: {work.result()}"


def test_a_batch_whose_every_text_was_erased_is_no_alarm(
    settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night(settings, db, monkeypatch)
    few(night)
    night.refresh()
    names = [
        name
        for (name,) in night.rows("select distinct name from ops.document where src_lang = 'en' and tgt_lang = 'de'")
    ]
    assert names
    for name in names:
        what = What(store="demo", document=name, pair=Pair(src="en", tgt="de"))
        erase(night.settings, db, night.storage, what, who="ann", why="asked to", dry_run=False)
    night.refresh(reprocess=True)
    assert night.rows("select distinct verdict from ops.slice where src_lang = 'en' and tgt_lang = 'de'") == [
        ("accept",)
    ]


def test_the_gates_examples_show_no_erased_bead(db: Database, wipe: Any) -> None:
    load(db, D1, {"a": [HOUSE]}, batch_id="later")
    stage(db, "later", D1, {"a": [SECRET, HOUSE]}, store="demo", pair=("en", "de"))
    asked = {"batch_id": "later", "store": "demo", "src_lang": "en", "tgt_lang": "de", "most": 10}
    assert SECRET in {(row.src_text, row.tgt_text) for row in db.run("quality/select_examples", **asked)}
    wipe(match="John Doe")
    assert {(row.src_text, row.tgt_text) for row in db.run("quality/select_examples", **asked)} == {HOUSE}


# One rule for units and their copies ----------------------------------------------------------------

LONGER = (f"{SECRET[1]}, heute noch.", "Longer")


def test_a_longer_unit_is_another_text_in_the_memory_and_in_copies(db: Database, wipe: Any) -> None:
    """The other side of what is erased stands inside a longer unit of another pair: it stays, here and there."""
    load(db, D1, {"a": [SECRET, HOUSE]})
    load(db, D1, {"b": [LONGER]}, pair=("de", "fr"), batch_id="longer")
    queue_all(db)
    bead = {"position": 0, "src": [LONGER[0]], "tgt": [LONGER[1]], "tier": "lexical", "score": 0.5}
    around = {"src_glue": " ", "tgt_glue": " ", "own": bead, "before": [], "after": []}
    db.connection.execute("update review.item set around = %s where src_lang = 'de'", [Jsonb(around)])
    assert wipe(match=SECRET[0]).units == 1
    assert LONGER in texts(db)
    assert rows(db, "select src_text, around from review.item where src_lang = 'de'") == [(LONGER[0], around)]
    # A copy that nobody declared may hold the longer unit too, and not the text in words of its own.
    db.connection.execute("create table public.copy as select %s::text as text", [LONGER[0]])
    load(db, D2, {"c": [("Ring John Doe up", SECRET[1])]})
    assert wipe(match="Ring John Doe up").units == 1
    db.connection.execute("update public.copy set text = %s", [f"He wrote: {SECRET[1]}!"])
    load(db, D2, {"d": [("Write to John Doe", SECRET[1])]})
    with pytest.raises(ErasureError, match=r"public\.copy\.text: 1 rows"):
        wipe(match="Write to John Doe")


D1, D2 = date(2026, 1, 5), date(2026, 1, 6)


def quoting(bead: tuple[list[str], list[str]]) -> dict[str, Any]:
    beads = [{"position": 7, "src": bead[0], "tgt": bead[1], "tier": "lexical", "score": 0.5}]
    return {"src_glue": " ", "tgt_glue": " ", "before": [], "after": beads}


def test_a_second_erasure_looks_for_the_text(db: Database, wipe: Any) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    queue_all(db)
    wipe(match="John Doe")
    # A writer that did not ask: the text stands beside an item, where no unit and no table of texts has it.
    around = Jsonb(quoting(([SECRET[0]], [SECRET[1]])))
    db.connection.execute("update review.item set around = %s", [around])
    report = wipe(match="John Doe")
    assert (report.tombstones, report.removed["review.item.around"]) == (1, 1)
    assert says(db, "John Doe") == []


@pytest.mark.parametrize(
    "what", [{"match": "John Doe"}, {"regex": "John +Doe"}, {"match": "John Doe may be reached at home"}]
)
def test_words_that_stand_inside_prose_are_never_called_gone(db: Database, wipe: Any, what: dict[str, str]) -> None:
    load(db, D1, {"a": [HOUSE]})
    db.connection.execute(
        "insert into ops.journal (kind, who, store, facts) values ('rollback', 'ann', 'demo', %s)",
        [Jsonb({"why": "He says: John Doe may be reached at home."})],
    )
    if len(what.get("match", "")) >= 20:
        with pytest.raises(ErasureError, match=r"ops\.journal\.facts: 1 rows"):
            wipe(**what)
        return
    report = wipe(**what)
    assert report.inside == {"ops.journal.facts": 1}
    shown = render_report(report)
    assert "ops.journal.facts: 1 rows; look at them" in shown
    assert "none holds any of it" not in shown
    assert "John" not in shown


def test_a_sweep_removes_what_writers_left(
    settings: Settings, db: Database, storage: Storage, wipe: Any, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    load(db, D1, {"a": [SECRET, HOUSE, TREE]})
    queue_all(db)
    for src, tgt in (SECRET, HOUSE, TREE):
        db.connection.execute(
            "update review.item set src_hash = %s, tgt_hash = %s where src_text = %s",
            [bytes.fromhex(text_hash(src)), bytes.fromhex(text_hash(tgt)), src],
        )
    assert count(db, "review.item") == 3
    db.connection.execute("create temporary table kept as select * from review.item where src_text like 'Call%'")
    wipe(match="John Doe")
    names = ", ".join(
        name for (name,) in rows(
            db, "select attname::text from pg_attribute where attrelid = 'review.item'::regclass and attnum > 0"
            " and attname <> 'item_id' and not attisdropped"
        )
    )  # fmt: skip
    db.connection.execute(f"insert into review.item ({names}) select {names} from kept")
    # As a null bead, joined from two segments, and one that says only something else.
    for src, beads in {
        "One house": ([SECRET[0]], []),
        "A tree": (["Call John", "Doe today"], []),
    }.items():
        db.connection.execute(
            "update review.item set around = %s where src_text = %s", [Jsonb(quoting(beads)), src]
        )  # fmt: skip
    db.connection.execute("drop table kept")
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))
    assert main(["erase", "--sweep"]) == 0
    shown = capsys.readouterr().out
    assert "review.item.around" in shown
    assert "2 rows removed or emptied" in shown
    assert says(db, "John") == []
    assert main(["erase", "--sweep"]) == 0
    assert "no table and no file holds anything" in capsys.readouterr().out


def test_a_restore_takes_it_out_of_windows_too(settings: Settings, db: Database, storage: Storage, wipe: Any) -> None:
    """By the tombstones of the journal; one of an erasure that found nothing names none."""
    load(db, D1, {"a": [SECRET, HOUSE]})
    wipe(match="John Doe")
    wipe(match="nowhere to be found")
    db.connection.execute("truncate tm.tombstone, ops.erasure, review.item")
    load(db, D2, {"b": [HOUSE]})
    queue_all(db)
    db.connection.execute("update review.item set around = %s", [Jsonb(quoting(([SECRET[0]], [])))])
    entries = [json.loads(storage.read(info.path)) for info in storage.list("journal/entries")]
    assert apply_tombstones(db, storage, entries) == 2
    assert says(db, "John Doe") == []


def test_a_text_that_a_unit_says_may_stand_beside_others(
    settings: Settings, db: Database, storage: Storage, wipe: Any
) -> None:
    """Erased was the pair: one side of it is another unit's too."""
    load(db, D1, {"a": [("One house", "John Doe"), HOUSE, TREE]})
    wipe(match="John Doe")
    queue_all(db)
    around = quoting((["One house"], []))
    db.connection.execute("update review.item set around = %s", [Jsonb(around)])
    assert sweep_all(settings, db, storage).removed == {}
    assert rows(db, "select distinct around from review.item") == [(around,)]
    graves = tombstones_of(db)["demo"]
    assert graves.quote("John Doe")
    assert not graves.quote("One house")


def test_a_reviewer_cannot_bring_it_back(db: Database, storage: Storage, wipe: Any) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    wipe(match="John Doe")
    load(db, D2, {"b": [(SECRET[0], "Rufen Sie an")]})
    queue_all(db)
    ((number, version),) = rows(db, "select item_id, version from review.item where src_text like 'Call%'")
    place = {"who": "ann", "version": version}
    with pytest.raises(ReviewError, match="erased"):
        edit_target(db, storage, number, **place, text=SECRET[1])
    with pytest.raises(ReviewError, match="erased"):
        edit_target(db, storage, number, **place, text="Rufen Sie bitte an", note=SECRET[1])
    assert storage.list("journal/verdicts") == []
    edit_target(db, storage, number, **place, text="Rufen Sie bitte an", note="shorter")


def test_a_note_on_an_erased_text_is_emptied(db: Database, storage: Storage, wipe: Any) -> None:
    from tm_core.precision import Judgement

    load(db, D1, {"a": [SECRET, HOUSE]})
    queue_all(db)
    for number, src in rows(db, "select item_id, src_text from review.item"):
        note = "the man moved away" if src == SECRET[0] else "quite right"
        judge(db, storage, number, who="ann", version=0, verdict=Judgement.ACCEPT, note=note)
    assert wipe(match="John Doe").removed["review.verdict.note"] == 1
    assert {note for (note,) in rows(db, "select note from review.verdict")} == {"", "quite right"}


def test_a_shards_checkpoint_goes_if_it_quotes_it(db: Database, storage: Storage, wipe: Any) -> None:
    from tests.store.test_erase import _folder
    from tm_core.batches import work_path
    from tm_core.contracts import DOCUMENTS, Step

    load(db, D1, {"a": [SECRET, HOUSE]})
    key = document_key("demo", "a", "en", "de")
    document = {name: "" for name in DOCUMENTS.names} | {"chars": 1, "shard": 0, "document_key": key}
    document |= {"store": "demo", "name": "a", "src_lang": "en", "tgt_lang": "de"}
    _folder(storage, work_path("2026-01-05-abc", Step.PLAN), {"documents.parquet": (DOCUMENTS, [document])})
    shard = work_path("2026-01-05-abc", Step.TIER1, "0")
    for name, (src, tgt) in {"kept": HOUSE, "gone": SECRET}.items():
        beads = [{"document_key": key, "src_text": src, "tgt_text": tgt}]
        segments = [{"document_key": key, "text": src}]
        body = {name: {"result": {}, "beads": beads, "segments": segments, "facts": {}, "cost": 0}}
        storage.write_atomic(f"{shard}/parts/{name}.json.gz", gzip.compress(json.dumps(body).encode()))
    report = wipe(match="John Doe")
    assert report.files.deleted == (f"{shard}/parts/gone.json.gz",)
    assert report.files.under_way == (shard,)
    assert storage.exists(f"{shard}/parts/kept.json.gz")


def test_segments_are_asked_one_by_one_and_joined() -> None:
    stones = [Tombstone(src_lang="en", tgt_lang="de", src_hash=text_hash("a b c"), tgt_hash=text_hash("x"))]
    graves = Graves(stones)
    assert graves.quoted(["z", "a", "b", "c", "d", "x"], " ") == {1, 2, 3, 5}
    assert graves.quoted(["a b", "c"], " ") == {0, 1}
    assert graves.quoted(["a", "b", "", "c"], " ") == set()
    assert graves.sparing([text_hash("x")]).quoted(["x"], " ") == set()
    assert Graves(()).quoted(["x"], " ") == set()
    null = Graves([Tombstone(src_lang="en", tgt_lang="de", src_hash=text_hash("a"), tgt_hash=text_hash(""))])
    assert not null.shadow("en", "de", "", "")
    assert null.quoted(["", "a", ""], " ") == {1}
    assert graves.shadow("en", "de", "x", "")
    assert not graves.shadow("en", "de", "a b", "y")


# What no row shows ----------------------------------------------------------------------------------


def dead_texts(url: str, needle: str) -> int:
    """Tuples, dead or alive, of all tables with texts in which the words stand, as pageinspect reads the pages."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create extension if not exists pageinspect")
        names = connection.execute(
            "select oid::regclass::text from pg_class where relkind in ('r', 't') and"
            " (relnamespace::regnamespace::text in ('tm', 'staging', 'review', 'ops', 'quality') or relkind = 't')"
            " and pg_relation_size(oid) > 0 and relname !~ '^pg_toast_(1|2)?[0-9]{1,4}$'"
        ).fetchall()
        assert names
        total = 0
        for (name,) in names:
            pages_ = int(connection.execute("select pg_relation_size(%s::regclass) / 8192", [name]).fetchone()[0])
            for page in range(pages_):
                total += connection.execute(
                    "select count(*) from heap_page_items(get_raw_page(%s, %s))"
                    " where position(%s::bytea in t_data) > 0",
                    [name, page, needle.encode()],
                ).fetchone()[0]
        return total


def common_values(db: Database, needle: str) -> list[str]:
    return [
        place
        for (place,) in rows(
            db,
            "select schemaname || '.' || tablename || '.' || attname from pg_stats where"
            " strpos(concat(most_common_vals::text, histogram_bounds::text, most_common_elems::text),"
            f" '{needle}') > 0",
        )
    ]


@pytest.mark.parametrize("newest", [True, False], ids=["clear_attribute_stats", "alter_column"])
def test_neither_dead_rows_nor_statistics_show_it(
    settings: Settings, db: Database, wipe: Any, server_url: str, monkeypatch: pytest.MonkeyPatch, newest: bool
) -> None:
    if not newest:
        monkeypatch.setattr(erase_clean, "_CLEAR_STATISTICS", 10**9)
    elif db.connection.info.server_version < erase_clean._CLEAR_STATISTICS:
        pytest.skip("this Postgres has no pg_clear_attribute_stats")
    load(db, D1, {"a": [SECRET, HOUSE, TREE]})
    queue_all(db)
    # A batch that was staged, analysed and is gone: its statistics stay, for nothing replaces them.
    db.connection.execute(
        "insert into staging.bead select 'b', 'demo', '\\x01', n, 'en', 'de', 0, 1, 0, 1, %s, %s, '', '', '', '', '',"
        " '', '', 'lexical', '', '', 1, '', '', '' from generate_series(1, 20) as n",
        SECRET,
    )
    for table in ("tm.unit", "staging.bead", "review.item"):
        db.connection.execute(f"analyze {table}")
    db.connection.execute("delete from staging.bead")
    address = settings.database_url
    assert "staging.bead.src_text" in common_values(db, "John Doe")
    assert dead_texts(address, "John Doe") > 20
    report = wipe(match="John Doe")
    assert {"tm.unit", "tm.unit_p0", "staging.bead", "review.item"} <= set(report.cleaned)
    assert common_values(db, "John Doe") == []
    assert dead_texts(address, "John Doe") == 0
    assert any("write-ahead log" in line for line in report.stays)
    assert any("free space" in line for line in report.stays)


def test_what_a_login_may_not_clear_is_listed(settings: Settings, db: Database, server_url: str, wipe: Any) -> None:
    load(db, D1, {"a": [SECRET, HOUSE]})
    login = "eraser_" + settings.database_url.rpartition("_")[2]
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"create role {login} login password 'x' in role tm_loader")
    try:
        from dataclasses import replace
        from urllib.parse import urlsplit

        parts = urlsplit(settings.database_url)
        place = parts.netloc.rpartition("@")[2]
        url = parts._replace(netloc=f"{login}:x@{place}").geturl()
        loader = replace(settings, database_url=url)
        left = clean(loader).left
        assert left
        assert all("TM_DATABASE_OWNER_URL" in line for line in left)
        both = replace(loader, database_owner_url=settings.database_url)
        assert clean(both).left == ()
    finally:
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(f"drop role {login}")


# The register ---------------------------------------------------------------------------------------


def test_every_column_that_can_hold_text_is_declared(db: Database) -> None:
    found = columns(db)
    assert len(found) > 150
    missing = [text for one in found if (text := undeclared(one.schema, one.table, one.name))]
    assert not missing, "\n".join(missing)
    there = {(f"{one.schema}.{one.table}", one.name) for one in found}
    gone = [
        f"{table}.{name}" for table, place in TABLES.items() for name in place.columns if (table, name) not in there
    ]
    assert not gone, f"declared in tm_store.erase_places and not in the database: {', '.join(gone)}; take them out"
    assert {one.kind for one in found if one.place is Kind.WINDOW} == {"json"}


def test_a_place_that_nobody_declared_is_named_and_looked_into(db: Database, wipe: Any) -> None:
    db.connection.execute("alter table review.item add column remark jsonb")
    db.connection.execute("create table ops.planted (words text[])")
    missing = [text for one in columns(db) if (text := undeclared(one.schema, one.table, one.name))]
    assert [text.partition(" ")[0] for text in missing] == ["ops.planted.words", "review.item.remark"]
    assert all("tm_store.erase_places.TABLES" in text for text in missing)
    load(db, D1, {"a": [SECRET, HOUSE]})
    db.connection.execute("insert into ops.planted values (array[%s])", [f"it says: {SECRET[1]}"])
    with pytest.raises(ErasureError, match=r"ops\.planted\.words: 1 rows"):
        wipe(match="John Doe")


def test_every_file_is_of_one_kind() -> None:
    for path, holds in {
        "work/2026-01-05-abc/tier1/0/beads.parquet": True,
        "work/2026-01-05-abc/plan/documents.parquet": False,
        "journal/entries/000000000001.json": False,
        "exports/2026-01-05/x/demo.tmx": True,
    }.items():
        place = place_of(path)
        assert place, path
        assert place.texts is holds
    assert place_of("somewhere/else.txt") is None
    assert all(one.removed for one in FILES if one.texts)
