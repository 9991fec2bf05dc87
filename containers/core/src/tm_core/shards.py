"""The command line of a mapped task: built in one place, run in a process or in a pod."""

from tm_core.rules import Tier


def shard_command(batch_id: str, tier: Tier, shard: int) -> list[str]:
    """The command that refines one shard; settings reach it by the environment (``TM_…``)."""
    return ["tm-align", "shard", "--batch", batch_id, "--tier", tier.value, "--shard", str(shard)]
