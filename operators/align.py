"""The mapped tasks: one shard of documents through one tier."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from operators.runtime import Runtime, runtime_of
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
        self._runtime: Runtime | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Returns the attestation: device, encoder, versions, documents by state."""
        from tm_store.steps import record_shards

        settings = Settings.from_env()
        self._runtime = runtime_of(settings, context)
        attestation = self._runtime.run_shard(self.batch_id, self.tier, self.shard)
        record_shards(settings, self.batch_id, [attestation])
        return attestation

    def on_kill(self) -> None:
        """Stop the command when somebody marks the task failed or cleared."""
        if self._runtime is not None:
            self._runtime.stop()
