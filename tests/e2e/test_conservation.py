"""Beads, document pairs and units that are lost or doubled: the load refuses, and says where to begin again."""

import re
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from tm_core.contracts import BEADS, FILTERED
from tm_formats.manifest import read_manifest, write_manifest
from tm_formats.tables import read_columns, write_columns

pytestmark = pytest.mark.db

DAY = "2026-01-06"
UNTIL_GATE = ("route", "filter", "gate")


def shards(world, batch, tier, numbers):
    for number in numbers:
        world.start("tm-align", "shard", "--batch", batch, "--tier", tier, "--shard", str(number)).wait().ok()


def step(world, name, **env):
    return world.tm("refresh-step", name, "--batch", world.batch(DAY), **env)


@pytest.fixture(scope="module")
def aligned(make_lasting_world):
    """A memory with one date in it, and the next date's batch aligned by tier 1, before its route."""
    world = make_lasting_world(TM_TIER_THRESHOLD="0")
    world.deposit_day("2026-01-05")
    world.refresh("2026-01-05").ok()
    world.deposit_day(DAY)
    plan = world.tm("refresh-plan", "--date", DAY).json
    shards(world, plan["batch_id"], "lexical", plan["shards"])
    return world


@pytest.fixture(scope="module")
def gated(make_lasting_world, aligned):
    """The same, up to the gate, which accepts every slice."""
    world = make_lasting_world(like=aligned)
    for name in UNTIL_GATE:
        step(world, name).ok()
    assert world.rows("select distinct verdict from ops.slice where batch_id = %s", world.batch(DAY)) == [("accept",)]
    return world


@pytest.fixture(scope="module")
def expected(make_lasting_world, gated):
    """The checksum of the memory where nothing is planted."""
    world = make_lasting_world(like=gated)
    before = world.checksum()
    step(world, "load").ok()
    assert world.checksum() != before
    return world.checksum()


def memory(world):
    """All that a load writes; staging anew writes the slices' promises, which are no part of it."""
    written = {table: rows for table, rows in world.every_row().items() if table.startswith(("tm.", "ops.outcome"))}
    settled = "select batch_id, store, src_lang, tgt_lang, outcomes, generation from ops.slice order by 1, 2, 3, 4"
    return written | {"ops.slice": world.rows(settled)}


def refused(world, *words, **env):
    """The load ends with the words and an advice, and has written nothing."""
    before = memory(world)
    done = step(world, "load", **env)
    assert done.status == 1
    assert done.err.startswith("tm refresh-step: "), done.err
    for word in (*words, "Clear '", "othing was loaded"):
        assert word in done.err, (word, done.err)
    assert memory(world) == before
    assert world.value("select state from ops.batch where batch_id = %s", world.batch(DAY)) == "planned"


def loads(world, expected, *steps):
    """The advised steps and the load lead to the memory of a batch that nothing had happened to."""
    for name in (*steps, "load"):
        step(world, name).ok()
    assert world.checksum() == expected


def change_beads(world, change, *, facts):
    """Change the filter's beads and rewrite the manifest, as a faulty filter would have written both.

    Args:
        facts: added to the number of beads that the manifest promises.
    """
    folder = f"work/{world.batch(DAY)}/filter"
    rewrite(world, folder, "beads-0000.parquet", FILTERED, change, lambda old: old | {"beads": old["beads"] + facts})
    # What a crash of the server does: the table is unlogged, and the files are asked again.
    world.rows("delete from staging.bead returning 1")


def rewrite(world, folder, name, schema, change, facts=dict):
    manifest = read_manifest(world.storage, folder)
    table = change(read_columns(world.storage, f"{folder}/{name}", schema))
    entry = write_columns(world.storage, f"{folder}/{name}", schema, table)
    others = [file for file in manifest.files if file.name != name]
    write_manifest(world.storage, folder, [*others, entry], facts(manifest.facts))


def without_one(table):
    return pa.concat_tables([table.slice(0, 7), table.slice(8)])


def with_one_twice(table):
    return pa.concat_tables([table, table.slice(7, 1)])


# Staging -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "delete from staging.bead where position = 3 returning 1",
        "insert into staging.bead select * from staging.bead where position = 3 returning 1",
        "delete from staging.bead returning 1",
    ],
)
def test_staged_rows_that_are_not_the_files_are_staged_again(make_world, gated, expected, change):
    """The files are the truth: a table that lost or doubled rows is no reason to refuse."""
    world = make_world(like=gated)
    assert world.rows(change)
    loads(world, expected)


def test_as_many_rows_but_not_the_same(make_world, gated, expected):
    world = make_world(like=gated)
    world.rows("delete from staging.bead where position = 3 returning 1")
    manifest = read_manifest(world.storage, f"work/{world.batch(DAY)}/filter")
    lost = manifest.facts["beads"] - world.value("select count(*) from staging.bead")
    assert lost > 0
    world.rows("insert into staging.bead select * from staging.bead where position = 4 limit %s returning 1", lost)
    refused(world, "twice")
    loads(world, expected, "filter", "gate")


# Files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [without_one, with_one_twice])
def test_a_file_that_is_not_what_the_manifest_promises(make_world, gated, expected, change):
    world = make_world(like=gated)
    change_beads(world, change, facts=0)
    refused(world, "the manifest promises", "the files have")
    loads(world, expected, "filter", "gate")


@pytest.mark.parametrize(("change", "facts"), [(without_one, -1), (with_one_twice, 1)])
def test_a_lost_or_doubled_bead_after_the_gate(make_world, gated, expected, change, facts):
    world = make_world(like=gated)
    change_beads(world, change, facts=facts)
    refused(world, world.batch(DAY))
    loads(world, expected, "filter", "gate")


@pytest.mark.parametrize(("change", "facts"), [(without_one, -1), (with_one_twice, 1)])
def test_a_lost_or_doubled_bead_before_the_gate(make_world, gated, expected, change, facts):
    """The gate quarantines the slice; the load leaves it out, counts its beads, and loads the others."""
    world = make_world(like=gated)
    change_beads(world, change, facts=facts)
    step(world, "gate").ok()
    verdicts = world.rows("select verdict from ops.slice where batch_id = %s order by 1", world.batch(DAY))
    assert verdicts.count(("quarantine",)) == 1
    assert verdicts.count(("accept",)) == len(verdicts) - 1 > 0
    done = step(world, "load")
    if facts > 0:
        # Not even quarantined: the books have no place for a bead twice.
        assert done.status == 1
        assert "twice" in done.err
    else:
        assert done.json["outcomes"]["quarantined"] > 0
        assert world.checksum() != expected


def test_the_filter_refuses_what_the_aligner_lost(make_world, aligned):
    world = make_world(like=aligned)
    step(world, "route").ok()
    before = memory(world)
    rewrite(world, f"work/{world.batch(DAY)}/tier1/0", "beads.parquet", BEADS, without_one)
    done = step(world, "filter")
    assert done.status == 1
    assert re.search(r"the aligner promises \d+ beads, its file has \d+. Clear the task that aligned it", done.err)
    assert "nothing was loaded" in done.err
    assert memory(world) == before


def test_a_changed_byte_is_noticed(make_world, aligned):
    world = make_world(like=aligned)
    step(world, "route").ok()
    path = world.storage.local_path(f"work/{world.batch(DAY)}/tier1/0/beads.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = step(world, "filter")
    assert done.status == 1
    assert "the manifest promises SHA-256" in done.err


# The books ---------------------------------------------------------------------------------------


def test_a_document_pair_that_is_not_in_the_books(make_world, gated, expected):
    world = make_world(like=gated)
    where = "batch_id = %s and name = 'weather-station' and src_lang = 'en' and tgt_lang = 'fr'"
    assert world.rows(f"delete from ops.document where {where} returning 1", world.batch(DAY)) == [(1,)]
    refused(world, "slice demo en-fr", "expected 1 documents, found 0")
    # The staged beads are all there, so only staging anew writes the document's row again.
    world.rows("delete from staging.bead returning 1")
    loads(world, expected, "filter", "gate")


def test_a_slice_without_a_verdict(make_world, aligned, expected):
    world = make_world(like=aligned)
    for name in ("route", "filter"):
        step(world, name).ok()
    refused(world, "expected a verdict on every slice", "demo en-de", "Clear 'gate'")
    loads(world, expected, "gate")


# Statements --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "where", "planted", "word"),
    [
        ("tm/create_incoming", "bead.rule = ''", "bead.position <> 5", "beads with a known outcome"),
        ("tm/upsert_units", "incoming.rank_in_batch = 1", "(incoming.position & 1) = 0", "new units"),
        ("ops/insert_outcomes", "bead.batch_id = %(batch_id)s", "bead.position <> 5", "beads, found"),
    ],
)
def test_a_statement_that_loses_a_bead(make_world, gated, expected, tmp_path, statement, where, planted, word):
    """The identity holds the load's own statements to account, not only what comes before them."""
    world = make_world(like=gated)
    include = tmp_path / "include"
    shutil.copytree(Path(world.env["TM_INCLUDE"]), include)
    file = include / "sql" / f"{statement}.sql"
    text = file.read_text()
    assert text.count(where) == 1, "the statement was changed: plant the fault anew"
    file.write_text(text.replace(where, f"{where} and {planted}"))
    refused(world, word, TM_INCLUDE=str(include))
    loads(world, expected)
