"""The mapped tasks: one shard of documents through one tier."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from operators.runtime import ProcessRuntime
from tm_core.commands import shard_command
from tm_core.rules import Tier
from tm_core.settings import Settings


class AlignShardOperator(BaseOperator):
    """Run ``tm-align shard`` for one shard and record what it ran on.

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
        self._runtime = ProcessRuntime()

    def execute(self, context: Context) -> dict[str, Any]:
        """Returns the attestation: device, encoder, versions, documents by state."""
        from tm_store.steps import record_shards

        attestation = self._runtime.run(shard_command(self.batch_id, self.tier, self.shard))
        record_shards(Settings.from_env(), self.batch_id, [attestation])
        return attestation

    def on_kill(self) -> None:
        """Stop the command when somebody marks the task failed or cleared."""
        self._runtime.stop()
