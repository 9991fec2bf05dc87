"""Between the tiers: decide, document by document, whose beads are taken, and make the shards of tier 2."""

from collections.abc import Sequence
from typing import Any

from tm_core.batches import Weighed, into_shards, work_path
from tm_core.contracts import DOCUMENTS, RESULTS, ROUTES, Step
from tm_core.outcomes import DocumentState
from tm_core.routing import route
from tm_core.rules import Tier
from tm_core.settings import Encoder, Settings
from tm_formats.manifest import read_manifest, write_manifest
from tm_formats.storage import Storage
from tm_formats.tables import read_rows, write_rows


def make_routes(settings: Settings, storage: Storage, batch_id: str) -> list[int]:
    """Read tier 1's confidences, decide, and write ``work/<batch_id>/route``.

    The threshold is the plan's, not the setting's: a run keeps what it was planned with.

    Returns:
        The numbers of the tier 2 tasks; empty if every document stays in tier 1.

    Raises:
        ContractError: a tier 1 shard has not finished, or its files are not what they promise.
    """
    plan = read_manifest(storage, work_path(batch_id, Step.PLAN))
    pinned: Any = plan.facts["pinned"]
    documents = read_rows(storage, work_path(batch_id, Step.PLAN, "documents.parquet"), DOCUMENTS)
    decided = [
        _decide(result, shard, batch_id, pinned["threshold"], has_model=pinned["encoder"] != Encoder.LEXICON)
        for shard in sorted({row["shard"] for row in documents} - {-1})
        for result in _results(storage, work_path(batch_id, Step.TIER1, str(shard)))
    ]
    chars = {row["document_key"]: row["chars"] for row in documents}
    rows = _with_shards(decided, chars, settings)
    folder = work_path(batch_id, Step.ROUTE)
    entry = write_rows(storage, f"{folder}/documents.parquet", ROUTES, rows)
    write_manifest(storage, folder, [entry], {"threshold": pinned["threshold"]})
    return sorted({row["shard"] for row in rows} - {-1})


def _results(storage: Storage, folder: str) -> list[dict[str, Any]]:
    read_manifest(storage, folder)
    return read_rows(storage, f"{folder}/results.parquet", RESULTS)


def _decide(result: dict[str, Any], shard: int, batch_id: str, threshold: float, *, has_model: bool) -> dict[str, Any]:
    folder = work_path(batch_id, Step.TIER1, str(shard))
    fixed = {"document_key": result["document_key"], "confidence": result["confidence"], "tier1_folder": folder}
    if result["state"] != DocumentState.ALIGNED:
        return fixed | {"tier": result["tier"], "reason": f"{result['state']}: no tier is chosen"}
    decision = route(result["confidence"], threshold, has_model=has_model)
    return fixed | {"tier": decision.tier.value, "reason": decision.reason}


def _with_shards(decided: Sequence[dict[str, Any]], chars: dict[str, int], settings: Settings) -> list[dict[str, Any]]:
    wanted = [row["document_key"] for row in decided if row["tier"] == Tier.EMBEDDING]
    items = [Weighed(key=key, chars=chars[key]) for key in wanted]
    shards = into_shards(items, settings.shard_chars, settings.max_shards) if items else []
    of_key = {key: number for number, keys in enumerate(shards) for key in keys}
    return [row | {"shard": of_key.get(row["document_key"], -1)} for row in decided]
