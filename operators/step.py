"""A step of the refresh as a task: the same call that ``tm refresh-step`` makes."""

import json
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Asset, BaseOperator, Context

from operators.links import GatePageLink
from tm_core.contracts import Step
from tm_core.settings import Settings

#: What a load changes, by dates: DAGs that wait for the memory are scheduled on it.
MEMORY = Asset("translation_memory")


class StepOperator(BaseOperator):
    """Run one step of a planned batch; returns its facts (counts and URIs, never text).

    Args:
        step: which one.
        batch_id: the planned batch.
    """

    template_fields: Sequence[str] = ("batch_id",)
    ui_color = "#e3f1dc"

    def __init__(self, *, step: Step, batch_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step
        self.batch_id = batch_id

    def execute(self, context: Context) -> dict[str, Any]:
        from tm_store.steps import run

        facts = run(Settings.from_env(), self.step, self.batch_id, run_id=str(context["run_id"]))
        self.log.info("%s: %s", self.step, facts)
        plain: dict[str, Any] = json.loads(json.dumps(facts, default=str))
        return plain


class GateOperator(StepOperator):
    """The gate, with a link to what it found."""

    operator_extra_links = (GatePageLink(),)


class RouteOperator(StepOperator):
    """Decide which documents go to tier 2; returns its shards, because tasks are mapped over a returned value."""

    def execute(self, context: Context) -> list[int]:  # type: ignore[override]
        shards: list[int] = super().execute(context)["shards"]
        return shards


class PublishOperator(StepOperator):
    """Tell whoever waits for the memory that a date's partition of it is there: emits the outlets' partition."""

    def execute(self, context: Context) -> dict[str, Any]:
        facts = super().execute(context)
        for asset in self.outlets:
            context["outlet_events"][asset].add_partitions(facts["partition"])
        return facts
