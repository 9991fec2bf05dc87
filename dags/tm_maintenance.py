"""
# Look after the memory's database

What a week leaves to do: partitions of the books for the coming months, months older than `TM_BOOKS_MONTHS` put away as
Parquet below `books/`, work files and staged rows of batches that were replaced, look-up indexes with many texts that
have gone, dead rows and stale statistics. Each task is one part of `tm maintain` and returns what it did, with counts;
what was in use is left for the next week and says so.

**Which rights?** Partitions are made, detached and dropped: the tasks need `TM_DATABASE_OWNER_URL`, a member of
tm_owner (docs/security.md). No other DAG does.

**Safe to re-run?** Yes, also beside a load: locks are waited for 5 seconds at most, and a task that was killed goes on
where it stopped. With `dry_run` nothing is changed.

**When it fails:** nothing is dropped before it has been read back from object storage; clear the task. More:
docs/runbooks/tm_maintenance.md
"""

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable, Param, dag

from operators.maintenance import MaintainOperator
from operators.retries import task_defaults
from tm_core.settings import Settings

SETTINGS = Settings.from_env()
PARTS = {
    "months": "Makes the partitions of the books for this month and those ahead (TM_MONTHS_AHEAD).",
    "books": "Puts old months of the books away as Parquet, reads them back, then drops them (TM_BOOKS_MONTHS).",
    "leftovers": "Removes work files and staged rows of batches that a newer plan has replaced (TM_WORK_DAYS).",
    "lookup": "Indexes stores anew whose look-up index holds many texts that have gone.",
    "tables": "Vacuums tables with many dead rows, gathers statistics of partitioned ones, names invalid indexes.",
}


@dag(
    # After Sunday's lexicons have been learned, and away from midnight, when the refresh runs.
    schedule=CronTriggerTimetable("0 6 * * 0", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    # It looks at the database as it is: a missed Sunday is made up for by the next.
    catchup=False,
    max_active_runs=1,
    # One `tm maintain` at a time works on a database; a second one would fail.
    max_active_tasks=1,
    default_args=task_defaults(SETTINGS),
    params={
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Say what would be done, and change nothing."
        ),
    },
    render_template_as_native_obj=True,
    tags=["tm", "impact:medium"],
    doc_md=__doc__,
)
def tm_maintenance() -> None:
    for part, doc in PARTS.items():
        MaintainOperator(
            task_id=part,
            part=part,
            preview="{{ params.dry_run }}",
            execution_timeout=timedelta(hours=4),
            doc_md=doc,
        )


tm_maintenance()
