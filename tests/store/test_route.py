"""The route step: which documents go on to tier 2, and the recorded reason."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tm_align.work import run_shard
from tm_core.batches import work_path
from tm_core.contracts import ROUTES, Step
from tm_core.rules import Tier
from tm_formats.tables import read_rows
from tm_store import steps

pytestmark = pytest.mark.db

DAY = date(2026, 1, 7)
SAMPLES = Path(__file__).resolve().parents[2] / "include" / "samples" / str(DAY)


def route_half_a_document(world: Any) -> tuple[list[int], dict[str, Any]]:
    """Deposit a pair whose target ends half way, and run the steps up to the route; returns its shards and row."""
    for lang, share in (("en", 1.0), ("fr", 0.5)):
        name = f"lighthouse-audio.{lang}.txt"
        data = (SAMPLES / name).read_bytes()
        world.storage.write_atomic(f"raw/demo/{DAY}/{name}", data[: data.rfind(b"\n", 0, int(share * len(data)) + 1)])
    planned = steps.plan(world.settings, DAY, run_id="test", only_stores=["demo"])
    for shard in planned.shards:
        run_shard(world.settings, world.storage, planned.batch_id, Tier.LEXICAL, shard)
    shards = steps.run(world.settings, Step.ROUTE, planned.batch_id, run_id="test")["shards"]
    (row,) = read_rows(world.storage, work_path(planned.batch_id, Step.ROUTE, "documents.parquet"), ROUTES)
    return shards, row


def test_without_a_model_every_document_stays_in_tier_1_and_its_route_says_so(world: Any) -> None:
    shards, row = route_half_a_document(world)
    assert row["confidence"] < 0.7
    assert (shards, row["tier"]) == ([], "lexical")
    assert "no vectors of a model" in row["reason"]


def test_a_threshold_that_is_set_sends_documents_to_tier_2(world: Any) -> None:
    world.settings = replace(world.settings, tier_threshold=1.0)
    shards, row = route_half_a_document(world)
    assert (shards, row["tier"]) == ([0], "embedding")
    assert row["reason"] == f"tier 1 confidence {row['confidence']:.2f} < 1.00"
