"""The task of tm_deferred: which dates are run again for documents that wait for tier 2."""

from typing import Any

from airflow.sdk import BaseOperator, Context

from tm_core.settings import Settings


class DeferredOperator(BaseOperator):
    """List the dates whose documents wait for tier 2; returns for each what starts its run of tm_refresh.

    The run's id is that of this plan of the date: a run that has not planned yet is not started twice.
    """

    def execute(self, context: Context) -> list[dict[str, Any]]:
        from tm_store.migrate import open_memory
        from tm_store.tier2_down import find_deferred

        with open_memory(Settings.from_env()) as db:
            found = find_deferred(db)
        for row in found:
            self.log.info("%s: %s document pairs: %s", row.partition_date, row.documents, row.reason)
        return [{"trigger_run_id": _run_id(row), "conf": {"date": str(row.partition_date)}} for row in found]


def _run_id(row: Any) -> str:
    return f"deferred__{row.partition_date}__{row.generation}"
