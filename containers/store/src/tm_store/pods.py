"""What the memory's database and object storage know of a shard's pods: how they ended, and which one may finish."""

import json
from dataclasses import dataclass
from typing import Any

from tm_core.batches import work_path
from tm_core.contracts import DOCUMENTS, ROUTES, Step
from tm_core.loss import Cause, Mode, NextPod, PodRun
from tm_core.pods import claim_path
from tm_core.rules import Tier
from tm_core.settings import Settings
from tm_formats.storage import Storage, open_storage
from tm_formats.tables import read_rows
from tm_store.db import Database
from tm_store.retry import with_memory

#: Longest text kept of what a pod said, in characters.
MESSAGE_CHARS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardFacts:
    """A shard as a person knows it.

    Attributes:
        stores: in alphabetical order.
        names: of its documents, the one with most text first.
        chars: text on both sides.
    """

    stores: tuple[str, ...]
    names: tuple[str, ...]
    chars: int

    def title(self, shard: int) -> str:
        """What the mapped task is called: ``shard 3: demo/guide and 4 more``."""
        if not self.names:
            return f"shard {shard}"
        store = self.stores[0] if len(self.stores) == 1 else f"{len(self.stores)} stores"
        more = f" and {len(self.names) - 1} more" if len(self.names) > 1 else ""
        return f"shard {shard}: {store}/{self.names[0]}{more}"


def describe_shard(storage: Storage, batch_id: str, tier: Tier, shard: int) -> ShardFacts:
    """Read from the plan, or for tier 2 from the routes, what a shard consists of."""
    documents = read_rows(storage, work_path(batch_id, Step.PLAN, "documents.parquet"), DOCUMENTS)
    if tier is Tier.EMBEDDING:
        routes = read_rows(storage, work_path(batch_id, Step.ROUTE, "documents.parquet"), ROUTES)
        keys = {row["document_key"] for row in routes if row["shard"] == shard}
        mine = [row for row in documents if row["document_key"] in keys]
    else:
        mine = [row for row in documents if row["shard"] == shard]
    mine.sort(key=lambda row: (-row["chars"], row["name"]))
    return ShardFacts(
        stores=tuple(sorted({row["store"] for row in mine})),
        names=tuple(dict.fromkeys(row["name"] for row in mine)),
        chars=sum(row["chars"] for row in mine),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPods:
    """The pods that one shard has had in one run of the DAG, kept in ``ops.pod``."""

    settings: Settings
    batch_id: str
    run_id: str
    tier: Tier
    shard: int

    @property
    def _place(self) -> dict[str, Any]:
        return {"batch_id": self.batch_id, "run_id": self.run_id, "tier": self.tier.value, "shard": self.shard}

    def runs(self) -> list[PodRun]:
        """All of them, oldest first. One whose end nobody reported was abandoned: its task was killed."""

        def read(db: Database) -> list[PodRun]:
            return [
                PodRun(
                    try_number=row.try_number,
                    cause=Cause(row.cause or Cause.ABANDONED),
                    mode=Mode(row.mode),
                    document=row.document,
                    suspect=row.suspect,
                    on_demand=row.on_demand,
                    memory_factor=row.memory_factor,
                )
                for row in db.run("runtime/select_pods", **self._place)
            ]

        return with_memory(self.settings, read)

    def begin(self, token: str, wanted: NextPod, try_number: int) -> None:
        """Note a pod before it is asked for, and let it alone finish the shard."""
        storage = open_storage(self.settings)
        storage.delete(self._at)
        storage.write_atomic(claim_path(self.batch_id, self.tier, self.shard), token.encode())
        fixed = {"mode": wanted.mode.value, "document": wanted.document, "on_demand": wanted.on_demand}
        values = self._place | fixed | {"memory_factor": wanted.memory_factor, "token": token, "try_number": try_number}
        with_memory(self.settings, lambda db: db.run("runtime/insert_pod", **values))

    def end(self, token: str, cause: Cause, *, message: str, pod_name: str, node: str) -> None:
        """Note how it ended, and which document it had begun, if it noted that."""
        values = {"cause": cause.value, "suspect": self._suspect(), "message": message[-MESSAGE_CHARS:]}
        where = {"token": token, "pod_name": pod_name, "node": node}
        with_memory(self.settings, lambda db: db.run("runtime/end_pod", **values, **where))

    def is_ours(self, token: str) -> bool:
        """Whether no later try has taken the shard over."""
        return open_storage(self.settings).read(self._claim).decode() == token

    @property
    def _claim(self) -> str:
        return claim_path(self.batch_id, self.tier, self.shard)

    @property
    def _at(self) -> str:
        step = Step.TIER1 if self.tier is Tier.LEXICAL else Step.TIER2
        return work_path(self.batch_id, step, str(self.shard), "parts", "at.json")

    def _suspect(self) -> str:
        storage = open_storage(self.settings)
        return str(json.loads(storage.read(self._at))["document"]) if storage.exists(self._at) else ""
