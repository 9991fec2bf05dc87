"""A whole refresh without Airflow: the same steps and the same commands, one after the other.

For tests, for benchmarks and for whoever debugs a batch; operators use the DAG ``tm_refresh``.
"""

import json
import subprocess
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from tm_core.commands import shard_command
from tm_core.contracts import Step
from tm_core.errors import TmError
from tm_core.rules import Tier
from tm_core.settings import Settings
from tm_store import steps


def refresh(
    settings: Settings,
    day: date,
    *,
    run_id: str,
    only_stores: Sequence[str] = (),
    reprocess: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Refresh one date. Returns the facts of every step; raises what the failing step raises."""
    say(f"plan {day}")
    planned = steps.plan(settings, day, run_id=run_id, only_stores=only_stores, reprocess=reprocess)
    if planned.nothing_new:
        return {"plan": planned.batch_id, "nothing_new": True}
    batch = planned.batch_id
    facts: dict[str, Any] = {"plan": batch, "nothing_new": False}
    _tier(settings, batch, Tier.LEXICAL, planned.shards, say)
    facts["route"] = steps.run(settings, Step.ROUTE, batch, run_id=run_id)
    _tier(settings, batch, Tier.EMBEDDING, facts["route"]["shards"], say)
    for step in (Step.FILTER, Step.GATE, Step.LOAD, Step.SAMPLE, Step.PUBLISH, Step.BACKUP):
        say(step.value)
        facts[step.value] = steps.run(settings, step, batch, run_id=run_id)
    return facts


def _tier(settings: Settings, batch: str, tier: Tier, shards: Sequence[int], say: Callable[[str], None]) -> None:
    for shard in shards:
        say(f"{tier.value} shard {shard}")
        done = subprocess.run(shard_command(batch, tier, shard), capture_output=True, text=True, check=False)
        if done.returncode:
            raise TmError(
                f"tm-align shard {shard} of {tier.value}: exit status {done.returncode}\n{done.stderr.strip()}"
            )
        steps.record_shards(settings, batch, [json.loads(done.stdout.strip().splitlines()[-1])])
