"""
# Run dates again whose documents wait for tier 2

While tier 2 was down (no GPU node, a breaker that opened), refreshes left its documents for the next run of their date,
or published them from tier 1 with that said on every unit (`TM_TIER2_DOWN`, docs/kubernetes.md). This DAG starts those
runs: every night at 03:00 UTC, after the refresh and the backup, and whenever you trigger it.

**Which dates?** The newest ten that wait and whose last run has come to its end; more the next night. While nobody has
seen tier 2 work again, one alone: its run is the probe. Mended the cluster? Trigger this DAG, and once more when that
run is green.

**Safe to re-run?** Yes. Documents that are done come from the ledger; a date whose run has been started and has not
planned yet is not started again. Runs of tm_refresh wait for each other.

**What the colours mean:** `refresh` skipped: no document waits.

**When it fails:** nothing has been changed; clear the task. A date that waits still is named by `tm doctor` and, with
its documents, by `tm report --date D`. More: docs/runbooks/tm_deferred.md
"""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import CronTriggerTimetable, dag

from operators.deferred import DeferredOperator
from operators.retries import task_defaults
from tm_core.settings import Settings

SETTINGS = Settings.from_env()


@dag(
    # After the night's refresh, which may have seen tier 2 work, and the backup.
    schedule=CronTriggerTimetable("0 3 * * *", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    # It looks at what waits now: a missed night is made up for by the next.
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(SETTINGS),
    render_template_as_native_obj=True,
    tags=["tm", "impact:medium"],
    doc_md=__doc__,
)
def tm_deferred() -> None:
    waiting = DeferredOperator(
        task_id="waiting",
        execution_timeout=timedelta(minutes=10),
        doc_md="Lists the dates whose documents wait for tier 2.",
    )
    TriggerDagRunOperator.partial(
        task_id="refresh",
        trigger_dag_id="tm_refresh",
        logical_date=None,
        # A run that has been started and has not planned yet is not started twice.
        skip_when_already_exists=True,
        map_index_template="{{ task.conf.date }}",
        execution_timeout=timedelta(minutes=10),
        doc_md="Starts the run of tm_refresh for each of them.",
    ).expand_kwargs(waiting.output)


tm_deferred()
