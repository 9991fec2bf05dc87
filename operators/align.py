"""The mapped tasks: one shard of documents through one tier."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from operators.runtime import Runtime, runtime_of
from tm_core.breaker import TierDown
from tm_core.rules import Tier
from tm_core.settings import Settings


class AlignShardOperator(BaseOperator):
    """Run ``tm-align shard`` for one shard, where TM_RUNTIME says, and record what it ran on.

    Args:
        batch_id: the planned batch.
        tier: whose work is done.
        shard: number of the shard within the tier.
    """

    template_fields: Sequence[str] = ("batch_id",)
    ui_color = "#dbe9f6"

    def __init__(self, *, batch_id: str, tier: Tier, shard: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id
        self.tier = tier
        self.shard = shard
        self.title = f"shard {shard}"  # of the mapped task, until the plan says what the shard consists of
        self._runtime: Runtime | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Returns the attestation: device, encoder, versions, documents by state."""
        from tm_store.steps import record_shards

        settings = Settings.from_env()
        self.title = self._title(settings)
        self._runtime = runtime_of(settings, context)
        try:
            attestation = self._runtime.run_shard(self.batch_id, self.tier, self.shard)
        except TierDown as down:
            attestation = self._without_tier(settings, down)
        record_shards(settings, self.batch_id, [attestation])
        return attestation

    def _title(self, settings: Settings) -> str:
        from tm_formats.storage import open_storage
        from tm_store.pods import describe_shard

        return describe_shard(open_storage(settings), self.batch_id, self.tier, self.shard).title(self.shard)

    def _without_tier(self, settings: Settings, down: TierDown) -> dict[str, Any]:
        from tm_store.tier2_down import settle_without_tier2

        attestation = settle_without_tier2(settings, self.batch_id, self.shard, down)
        self.log.warning("%s\n%s: %s", down, attestation["documents"], attestation["unavailable"])
        return attestation

    def on_kill(self) -> None:
        """Stop the command when somebody marks the task failed or cleared."""
        if self._runtime is not None:
            self._runtime.stop()
