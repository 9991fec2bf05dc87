"""The first task: plan one date, or skip the rest when there is nothing to do."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from airflow.sdk import BaseOperator, Context, SkipMixin, timezone

from tm_core.batches import run_date
from tm_core.settings import Settings


class PlanOperator(BaseOperator, SkipMixin):
    """Plan the batch of the run's date; skips all that follows if nothing is new.

    Args:
        only_stores: refine these stores only; empty for all.
        reprocess: align and load again what has been done before.
    """

    template_fields: Sequence[str] = ("only_stores", "reprocess")
    ui_color = "#f6efd2"

    def __init__(self, *, only_stores: Any = (), reprocess: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.only_stores = only_stores
        self.reprocess = reprocess

    def execute(self, context: Context) -> list[int]:
        """Returns the shards of tier 1, because tasks can be mapped over a returned value alone.

        Pushes ``batch_id`` and ``summary`` (tm_store.plan.PlanSummary) beside it.
        """
        from tm_store.steps import plan

        day = partition_date(context)
        self.log.info("Planning the deposits of %s.", day)
        summary = plan(
            Settings.from_env(),
            day,
            run_id=str(context["run_id"]),
            only_stores=self.only_stores or (),
            reprocess=self.reprocess is True or str(self.reprocess).lower() == "true",
        )
        self.log.info("%s", summary)
        context["ti"].xcom_push(key="batch_id", value=summary.batch_id)
        context["ti"].xcom_push(key="summary", value=asdict(summary))
        if summary.nothing_new:
            self.log.info("Nothing new on %s: what follows is skipped.", summary.partition_date)
            followers = context["task"].get_flat_relatives(upstream=False)
            self.skip(ti=context["ti"], tasks=followers)
        return summary.shards


def partition_date(context: Context) -> date:
    """Return the date whose deposits a run refines: tm_core.batches.run_date."""
    run, chosen = context["dag_run"], context["params"].get("date")
    zone = timezone.parse("2026-01-01").tzinfo
    return run_date(run.partition_key, chosen, run.logical_date, run.run_after, zone=zone)
