"""Exports against a real Postgres: every format, filters, splits without leaks, constant memory, whole files only."""

import hashlib
import re
import subprocess
import tracemalloc
from datetime import date
from typing import Any

import pyarrow.parquet as pq
import pytest

from tm_core.errors import ExchangeError, NoRoom
from tm_core.rules import Tier
from tm_core.splits import Part, Split, parse_split, part_of
from tm_core.stores import Pair
from tm_formats.bilingual import read_memory
from tm_formats.manifest import read_manifest, write_manifest
from tm_store.exports import Format, Wanted, export_to_storage

pytestmark = pytest.mark.db

HALVES = Split(train=50, dev=25, test=25)


def fill(world: Any, documents: int = 3, units: int = 4) -> None:
    for number in range(documents):
        body = "".join(
            world.tu(f"unit {at} of text {number}", f"Einheit {at} von Text {number}") for at in range(units)
        )
        world.take(world.file(f"doc{number}.tmx", world.tmx(body + world.tu("in every text", "in jedem Text"))))


def aligned(world: Any) -> None:
    """Make of the imported units what a night would have: aligned, with context, the middle one doubtful."""
    from tm_core.identity import context_hash, text_hash

    texts = [row[0] for row in world.rows("select src_text from tm.unit order by position")]
    world.db.connection.execute("delete from tm.extra")
    for at, text in enumerate(texts):
        before, after = texts[at - 1] if at else "", texts[at + 1] if at + 1 < len(texts) else ""
        place = [bytes.fromhex(context_hash(before, after))]
        place += [bytes.fromhex(text_hash(other)) if other else b"" for other in (before, after)]
        world.db.connection.execute(
            "update tm.unit set tier = 'lexical', score = %s, context = %s, prev_hash = %s, next_hash = %s"
            " where src_text = %s",
            (0.5 if at == 1 else 0.9, *place, text),
        )


def test_tsv_and_parquet_hold_the_same_rows(world: Any) -> None:
    fill(world)
    message = 'msgctxt "a\\nb\\\\"' + '\nmsgid "x"\nmsgstr "y"\n'
    world.take(world.file("de.po", message))
    table = pq.read_table(world.give("out.parquet", format=Format.PARQUET))
    assert table.column_names == [
        "src_text", "tgt_text", "score", "tier", "review_state", "document", "key", "date", "src_lang", "tgt_lang",
    ]  # fmt: skip
    rows = table.to_pylist()
    assert len(rows) == 14
    assert {row["date"] for row in rows} == {date(2026, 1, 5)}
    assert {(row["src_lang"], row["tgt_lang"], row["tier"]) for row in rows} == {("en", "de", "imported")}
    path = world.give("out.tsv", format=Format.TSV)
    assert len(path.read_bytes().splitlines()) == 15
    read = [
        (unit.variants[0].text, unit.variants[1].text, unit.key, unit.properties["prop:file"])
        for unit in read_memory("out.tsv", path.read_bytes())
    ]
    assert read == [(row["src_text"], row["tgt_text"], row["key"], row["document"]) for row in rows]
    assert ("x", "y", "a\nb\\", "de.po") in read


def test_a_tsv_export_can_be_imported_with_its_scores(world: Any) -> None:
    fill(world, documents=1)
    aligned(world)
    world.take(world.give("out.tsv", format=Format.TSV), store="handbook")
    scores = "select score, tier from tm.unit join tm.store using (store_id) where name = 'handbook' order by position"
    assert [round(score, 4) for score, _ in world.rows(scores)] == [0.9, 0.5, 0.9, 0.9, 0.9]


def test_tmx_has_context_and_origin_of_aligned_units(world: Any) -> None:
    fill(world, documents=1, units=2)
    aligned(world)
    first, second, third = read_memory("a.tmx", world.give("a.tmx").read_bytes())
    assert second.properties == {
        "srclang": "en", "creationdate": "20260105T000000Z", "prop:file": "doc0.tmx",
        "prop:prev": "unit 0 of text 0", "prop:next": "in every text", "prop:x-tm-score": "0.5",
        "prop:x-tm-tier": "lexical",
    }  # fmt: skip
    assert "prop:prev" not in first.properties
    assert first.properties["prop:next"] == "unit 1 of text 0"
    assert third.properties["prop:prev"] == "unit 1 of text 0"


def test_context_survives_when_a_filter_takes_the_neighbours_away(world: Any) -> None:
    fill(world, documents=1)
    aligned(world)
    wanted = sorted(row[0] for row in world.rows("select context from tm.unit where score > 0.6"))
    path = world.give("a.tmx", min_score=0.6)
    world.take(path, store="handbook")
    contexts = "select context from tm.unit join tm.store using (store_id) where name = 'handbook'"
    assert sorted(row[0] for row in world.rows(contexts)) == wanted


@pytest.mark.parametrize("format", list(Format))
def test_filters(world: Any, format: Format) -> None:
    fill(world, documents=1, units=5)
    aligned(world)
    world.db.connection.execute("update tm.unit set review_state = 'accepted' where position = 4")
    world.db.connection.execute("update tm.unit set review_state = 'rejected' where position = 0")

    def units(**filters: Any) -> int:
        return int(world.export("out", format=format, **filters).units)

    assert units() == 5  # what a reviewer rejected never goes out
    assert units(min_score=0.6) == 4
    # 0.9 is no number of four bytes: it must be compared as one.
    assert units(tiers=(Tier.LEXICAL, Tier.IMPORTED), min_score=0.9) == 4
    assert units(reviewed_only=True) == 1


@pytest.mark.parametrize("format", list(Format))
def test_nothing_that_fits_writes_nothing(world: Any, format: Format) -> None:
    fill(world, documents=1)
    for more in ({"tiers": (Tier.EMBEDDING,)}, {"pair": Pair(src="de", tgt="fr")}, {"store": "x' or true --"}):
        with pytest.raises(ExchangeError, match="expected units that fit the filters, found none"):
            world.export("out", format=format, **more)
    assert not [path for path in world.folder.iterdir() if "out" in path.name]


def test_checksums_are_those_that_sha256sum_checks(world: Any) -> None:
    fill(world, documents=8)
    world.export("corpus", format=Format.MOSES, split=HALVES)
    done = subprocess.run(
        ["sha256sum", "-c", "corpus.sha256"], cwd=world.folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.count(": OK") == 6


@pytest.mark.parametrize("format", list(Format))
def test_the_same_memory_gives_the_same_bytes(world: Any, format: Format) -> None:
    fill(world)
    first = [one.sha256 for one in world.export("one", format=format).files]
    assert first == [one.sha256 for one in world.export("two", format=format).files]


def lines(world: Any, name: str) -> list[str]:
    return (world.folder / name).read_text(encoding="utf-8").splitlines()


def test_moses_has_each_pair_once_on_the_same_line(world: Any) -> None:
    fill(world)
    context = '<prop type="prev">{}</prop>'
    twice = "".join(world.tu("twice", "zweimal", context.format(before)) for before in ("here", "there"))
    world.take(world.file("twice.tmx", world.tmx(twice)))
    summary = world.export("corpus", format=Format.MOSES)
    src, tgt = lines(world, "corpus.en"), lines(world, "corpus.de")
    assert len(src) == len(tgt) == len(set(src)) == summary.units == 14
    assert summary.duplicates == 1
    assert tgt[src.index("unit 1 of text 2")] == "Einheit 1 von Text 2"


def test_no_document_is_in_two_parts(world: Any) -> None:
    fill(world, documents=24)
    world.export("corpus", format=Format.MOSES, split=HALVES)
    parts = {part: lines(world, f"corpus.{part}.en") for part in Part}
    assert all(parts.values()), "a part is empty: nothing is shown"
    documents = {
        part: {re.search(r"text (\d+)", line)[1] for line in found if "of text" in line}  # type: ignore[index]
        for part, found in parts.items()
    }
    assert len(set.union(*documents.values())) == sum(map(len, documents.values())) == 24
    # What texts of several parts say is for training.
    assert [part for part, found in parts.items() if "in every text" in found] == [Part.TRAIN]


def test_splits() -> None:
    keys = [hashlib.sha256(str(number).encode()).digest() for number in range(2000)]
    shares = [sum(HALVES.part(key) is part for key in keys) / len(keys) for part in Part]
    assert shares == pytest.approx([0.5, 0.25, 0.25], abs=0.04)
    test = next(key for key in keys if HALVES.part(key) is Part.TEST)
    dev = next(key for key in keys if HALVES.part(key) is Part.DEV)
    assert part_of([test, dev], HALVES) is Part.DEV
    assert part_of([test], HALVES) is Part.TEST
    assert parse_split("98/1/1") == Split(train=98, dev=1, test=1)
    for wrong in ("98/1", "98/1/2", "a/b/c", "100/-1/1"):
        with pytest.raises(ExchangeError, match="expected"):
            parse_split(wrong)
    with pytest.raises(ExchangeError, match="expected --format moses"):
        Wanted(store="demo", pair=Pair(src="en", tgt="de"), format=Format.TMX, split=HALVES)


def test_a_failed_export_leaves_the_older_file(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tm_store import exports

    fill(world)
    path = world.give("out.tmx")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports.os, "fsync", full)
    with pytest.raises(NoRoom, match="the disk is full"):
        world.give("out.tmx")
    assert path.read_bytes() == before
    assert sorted(one.name for one in world.folder.iterdir() if "out" in one.name) == ["out.tmx", "out.tmx.sha256"]


def test_a_folder_or_a_place_that_is_not_there_is_refused(world: Any) -> None:
    fill(world, documents=1)
    with pytest.raises(ExchangeError, match="expected a file's name"):
        world.give(".")
    with pytest.raises(ExchangeError, match="cannot be written: No such file or directory"):
        world.give("nowhere/out.tmx")


@pytest.mark.parametrize("format", list(Format))
def test_memory_does_not_grow_with_the_store(world: Any, format: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    from tm_store import exports
    from tm_store.db import Database

    stream = Database.stream
    monkeypatch.setattr(Database, "stream", lambda *args, **more: stream(*args, **more | {"block_rows": 100}))
    monkeypatch.setattr(exports, "_BLOCK_BYTES", 10_000)

    def peak() -> int:
        tracemalloc.start()
        world.export("out", format=format)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    fill(world, documents=1, units=400)
    peak()
    small = peak()
    fill(world, documents=8, units=400)
    assert world.rows("select count(*) > 3000 from tm.unit") == [(True,)]
    assert peak() < 2 * small


def test_an_export_to_storage_has_a_manifest_that_holds(world: Any) -> None:
    fill(world)
    wanted = Wanted(store="demo", pair=Pair(src="en", tgt="de"), format=Format.MOSES, split=HALVES)
    entries = export_to_storage(world.db, world.storage, wanted, "exports/2026-01-05/x")
    write_manifest(world.storage, "exports/2026-01-05/x", entries)
    manifest = read_manifest(world.storage, "exports/2026-01-05/x")
    assert {file.name for file in manifest.files} == {
        f"demo.en-de.{part}.{lang}" for part in Part for lang in ("en", "de")
    }
    assert manifest.rows == 2 * 13
