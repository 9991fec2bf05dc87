"""Batches: identities that change with every input and nothing else, and shards that share the work evenly."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm_core import batches, identity, versions
from tm_core.batches import Weighed, batch_id, into_shards, ledger_key, work_path
from tm_core.commands import shard_command
from tm_core.rules import Tier
from tm_core.versions import alignment_versions

DAY = date(2026, 1, 5)
INPUTS = ["raw/demo/2026-01-05/a.en.txt\0aa", "raw/demo/2026-01-05/a.de.txt\0bb"]
VERSIONS = ["segmenter=1", "filter=1"]


def test_a_batch_id_is_stable_and_tells_its_date() -> None:
    first = batch_id(DAY, INPUTS, VERSIONS)
    assert re.fullmatch(r"2026-01-05-[0-9a-f]{12}", first)
    assert batch_id(DAY, INPUTS[::-1], iter(VERSIONS[::-1])) == first


@pytest.mark.parametrize(
    ("day", "inputs", "names"),
    [
        (date(2026, 1, 6), INPUTS, VERSIONS),
        (DAY, INPUTS[:1], VERSIONS),
        (DAY, [*INPUTS, "c"], VERSIONS),
        (DAY, [INPUTS[0], INPUTS[1] + "b"], VERSIONS),
        (DAY, INPUTS, ["segmenter=2", "filter=1"]),
        (DAY, INPUTS, VERSIONS[:1]),
        (DAY, [*INPUTS, VERSIONS[0]], VERSIONS[1:]),
        (DAY, [], []),
    ],
)
def test_a_batch_id_depends_on_everything(day: date, inputs: list[str], names: list[str]) -> None:
    assert batch_id(day, inputs, names)[-12:] != batch_id(DAY, INPUTS, VERSIONS)[-12:]


def test_a_batch_id_depends_on_the_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    before = batch_id(DAY, INPUTS, VERSIONS)
    monkeypatch.setattr(batches, "CONTRACT_VERSION", "0")
    assert batch_id(DAY, INPUTS, VERSIONS) != before


def test_a_ledger_key_depends_on_everything_but_the_order_of_versions() -> None:
    parts = ("aa", "bb", "en", "de")
    key = ledger_key(*parts, VERSIONS)
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert ledger_key(*parts, VERSIONS[::-1]) == key
    changed = {ledger_key(*parts[:at], "x", *parts[at + 1 :], VERSIONS) for at in range(4)}
    changed |= {ledger_key("bb", "aa", "en", "de", VERSIONS), ledger_key("aa", "bb", "de", "en", VERSIONS)}
    changed |= {ledger_key(*parts, VERSIONS[:1]), ledger_key(*parts, []), key}
    assert len(changed) == 9


def test_alignment_versions_hold_every_number_and_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = {"encoder": "laser2", "model_hash": "abc", "threshold": 0.5, "lexicon": "def"}
    before = alignment_versions(**arguments)
    for name, value in arguments.items():
        other = 0.25 if isinstance(value, float) else "other"
        assert alignment_versions(**arguments | {name: other}) != before, name
    numbers = [name for name in vars(versions) if name.isupper()]
    assert {"SEGMENTER", "LEXICAL", "NORMALISATION_VERSION"} <= set(numbers)
    assert versions.NORMALISATION_VERSION == identity.NORMALISATION_VERSION
    for name in numbers:
        with monkeypatch.context() as patch:
            patch.setattr(versions, name, "raised")
            assert alignment_versions(**arguments) != before, name


def test_paths_and_commands() -> None:
    assert work_path("b", "plan", "files.parquet") == "work/b/plan/files.parquet"
    assert work_path("b") == "work/b"
    assert shard_command("b", Tier.EMBEDDING, 3) == [
        "tm-align", "shard", "--batch", "b", "--tier", "embedding", "--shard", "3",
    ]  # fmt: skip


# Shards --------------------------------------------------------------------------------------------

ITEMS = st.lists(st.integers(0, 1000), max_size=60).map(
    lambda sizes: [Weighed(key=f"k{number:02}", chars=chars) for number, chars in enumerate(sizes)]
)
SHARD_CHARS, MAX_SHARDS = st.integers(1, 3000), st.integers(1, 12)


@given(ITEMS, SHARD_CHARS, MAX_SHARDS, st.randoms(use_true_random=False))
def test_every_item_is_in_one_shard_whatever_the_order(items: list[Weighed], chars: int, most: int, random) -> None:  # type: ignore[no-untyped-def]
    shards = into_shards(items, chars, most)
    assert sorted(key for shard in shards for key in shard) == [item.key for item in items]
    assert len(shards) <= most
    assert [] not in shards
    shuffled = items.copy()
    random.shuffle(shuffled)
    assert into_shards(shuffled, chars, most) == shards


@given(ITEMS, SHARD_CHARS, MAX_SHARDS)
def test_shards_are_even_within_graham_s_bound_and_the_biggest_comes_first(
    items: list[Weighed], chars: int, most: int
) -> None:
    weight = {item.key: item.chars for item in items}
    loads = [sum(map(weight.__getitem__, shard)) for shard in into_shards(items, chars, most)]
    total, biggest = sum(weight.values()), max(weight.values(), default=0)
    count = max(1, min(most, len(items), -(-total // chars)))
    assert loads == sorted(loads, reverse=True)
    # Graham 1969: an item is put where least is, so no shard ends later than the mean plus one item's excess.
    assert max(loads, default=0) <= total / count + (count - 1) / count * biggest + 1e-9


def test_shards_by_example() -> None:
    def items(*sizes: int) -> list[Weighed]:
        return [Weighed(key=str(size), chars=size) for size in sizes]

    assert into_shards([], 100, 4) == []
    assert into_shards(items(1, 2, 3), 100, 4) == [["3", "2", "1"]]
    assert into_shards(items(10, 9, 8), 14, 4) == [["9", "8"], ["10"]]
    assert into_shards(items(50, 60), 10, 1) == [["60", "50"]]
    assert into_shards(items(0), 10, 4) == [["0"]]
