"""A date, and an import, of damaged files of every kind beside a good pair: the good pair is loaded."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.formats.mutations import GOOD, mutated
from tm_align.work import run_shard
from tm_core.contracts import Step
from tm_core.deposits import SUFFIXES, Kind
from tm_core.errors import ExchangeError, UnreadableDocument
from tm_core.rules import Tier
from tm_formats import bilingual, documents
from tm_formats.bilingual import read_memory
from tm_store import steps

pytestmark = pytest.mark.db

#: `make soak-readers` raises the count and takes another seed.
COUNT, SEED = int(os.environ.get("TM_TEST_COUNT", "2000")), int(os.environ.get("TM_TEST_SEED", "12"))
DAY = date(2026, 1, 7)
SAMPLES = Path(__file__).resolve().parents[2] / "include" / "samples" / str(DAY)
#: Of another pair of languages than the damaged files, whose slice may well have to wait for a person.
PAIR = [f"lighthouse-audio.{lang}.txt" for lang in ("en", "fr")]
MEMORIES = [suffix for suffix, kind in SUFFIXES.items() if kind is Kind.MEMORY]


def put(world: Any, name: str, data: bytes) -> None:
    world.storage.write_atomic(f"raw/demo/{DAY}/{name}", data)


def refresh(world: Any) -> str:
    """Plan, both tiers, filter, gate and load, in this process; returns the batch."""
    planned = steps.plan(world.settings, DAY, run_id="test", only_stores=["demo"])
    for shard in planned.shards:
        run_shard(world.settings, world.storage, planned.batch_id, Tier.LEXICAL, shard)
    routed = steps.run(world.settings, Step.ROUTE, planned.batch_id, run_id="test")
    for shard in routed["shards"]:
        run_shard(world.settings, world.storage, planned.batch_id, Tier.EMBEDDING, shard)
    for step in (Step.FILTER, Step.GATE, Step.LOAD):
        steps.run(world.settings, step, planned.batch_id, run_id="test")
    return planned.batch_id


def good_units(world: Any) -> list[Any]:
    return world.rows("select src_text, tgt_text from tm.unit where tgt_lang = 'fr' order by 1, 2")


def states(world: Any) -> dict[str, tuple[str, str]]:
    rows = world.rows("select path, state, reason from ops.file")
    return {path.rpartition("/")[2]: (state, reason) for path, state, reason in rows}


def test_a_date_of_damaged_files_loads_the_good_pair(world: Any) -> None:
    for name in PAIR:
        put(world, name, (SAMPLES / name).read_bytes())
    refresh(world)
    alone = good_units(world)
    assert len(alone) > 20
    names = []
    for number, (suffix, data) in enumerate(mutated(SEED, COUNT)):
        names.append(f"m{number}.{suffix}" if suffix in MEMORIES else f"m{number}.en.{suffix}")
        put(world, names[-1], data)
        if suffix not in MEMORIES:
            put(world, f"m{number}.de.{suffix}", GOOD[suffix][0])
    batch = refresh(world)
    assert good_units(world) == alone
    assert world.rows(f"select verdict from ops.slice where batch_id = '{batch}' and tgt_lang = 'fr'") == [("accept",)]
    found = states(world)
    assert len(names) == COUNT
    assert {*names} <= found.keys()
    unreadable = {name: reason for name, (state, reason) in found.items() if state == "unreadable"}
    assert {name.rpartition(".")[2] for name in unreadable} == {*SUFFIXES}
    for name, reason in unreadable.items():
        assert f"{name}: " in reason
        assert "It was left out and nothing else is affected." in reason
    assert {found[name][0] for name in names} - {"unpaired"} == {"paired", "unreadable"}
    assert {found[name][0] for name in PAIR} == {"paired"}


def is_read(name: str, data: bytes) -> bool:
    try:
        units = list(read_memory(name, data, languages=("en", "de")))
    except UnreadableDocument:
        return False
    return any({variant.lang for variant in unit.variants} >= {"en", "de"} for unit in units)


def test_an_import_names_the_damaged_files_and_loads_the_good_ones(world: Any) -> None:
    good = world.file("good.tmx", world.tmx(world.tu("One house", "Ein Haus")))
    whole, broken = [], []
    for number, (suffix, data) in enumerate(mutated(SEED, COUNT)):
        path = world.file(f"m{number}.{suffix}" if suffix in MEMORIES else f"m{number}.en.{suffix}", data)
        (whole if suffix in MEMORIES and is_read(path.name, data) else broken).append(path)
    # Those without a unit in both languages are read, and say so when they are imported.
    broken = [path for path in broken if path.suffix[1:] not in MEMORIES or not readable(path)]
    assert len(whole) > COUNT // 20 < len(broken)
    with pytest.raises(ExchangeError, match="Nothing of this import was done") as caught:
        world.take(good, *broken)
    named = str(caught.value).splitlines()[:-1]
    assert len(named) == len(broken)
    assert all(path.name in line for path, line in zip(broken, named, strict=True))
    preview = world.take(good, *broken, dry_run=True)
    assert (preview.kinds["new"], len(preview.refused_files)) == (1, len(broken))
    assert world.rows("select count(*) from tm.unit") == [(0,)]
    # Whatever a reader hands over, the database holds.
    taken = world.take(good, *whole)
    assert {name for name, _, _ in taken.documents} == {"good.tmx", *(path.name for path in whole)}
    assert world.rows("select count(*) from tm.unit where src_text = 'One house'") == [(1,)]


def readable(path: Path) -> bool:
    try:
        return bool(list(read_memory(path.name, path.read_bytes(), languages=("en", "de"))))
    except UnreadableDocument:
        return False


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_bug_in_a_reader_costs_one_file(world: Any, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    """Planted in the reader of each format: the date goes on, and the report says what happened."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("planted")

    for readers in (bilingual._MEMORIES, bilingual._LOCALES, documents._READERS):
        if suffix in readers:
            monkeypatch.setitem(readers, suffix, fail)  # type: ignore[arg-type]
    pair = [name.replace(".txt", ".html") for name in PAIR] if suffix == "txt" else PAIR
    for name, sample in zip(pair, PAIR, strict=True):
        put(world, name, (SAMPLES / sample).read_bytes())
    for lang in ("en", "de"):
        put(world, f"bad.{lang}.{suffix}", GOOD[suffix][0])
    planned = steps.plan(world.settings, DAY, run_id="test", only_stores=["demo"])
    for shard in planned.shards:
        run_shard(world.settings, world.storage, planned.batch_id, Tier.LEXICAL, shard)
    for step in (Step.ROUTE, Step.FILTER):
        steps.run(world.settings, step, planned.batch_id, run_id="test")
    state, reason = states(world)[f"bad.en.{suffix}"]
    assert state == "unreadable"
    assert f"it cannot be read as {suffix} (ZeroDivisionError: planted, in test_bad_files.py:" in reason
    assert world.rows("select name from ops.document where state = 'aligned'") == [("lighthouse-audio",)]
