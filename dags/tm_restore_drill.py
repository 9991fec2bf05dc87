"""
# Prove a backup by restoring it

Restores the newest good backup into a scratch database beside the memory, compares every table, checksum, constraint
and index and 200 look-ups with what the manifest promises, brings back what came after it as a real restore would,
measures, and drops the scratch database. The live memory is only read.

**What is measured** lies in `ops.drill`: *RTO*, seconds from the start to a memory that answers and is up to date;
*RPO*, age of the newest committed batch that could not be brought back, 0 if there is none.

**What failing means:** the backup is bad: it is marked so, no restore chooses it, and retention does not count on it.
Or something that came after it could not be brought back: the log names it. It is not tried again by itself, because
the next try would take an older backup and pass. A run that has not succeeded a day after it was queued is told by
Airflow's deadline alert, if no drill has passed for 8 days by then. On a new stack, with nothing loaded and nothing
backed up, the drill is skipped.

**Safe to re-run?** Yes. What a killed drill leaves is dropped by the next.

**When it fails:** docs/runbooks/tm_restore_drill.md. The same by hand: `tm drill`.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable, Param, dag

from operators.deadlines import deadline
from operators.recovery import DrillOperator
from operators.retries import task_defaults
from tm_core.retention import DRILL_LIMIT
from tm_core.settings import Settings

SETTINGS = Settings.from_env()


@dag(
    # After Sunday's maintenance, and away from midnight, when the refresh runs.
    schedule=CronTriggerTimetable("0 9 * * 0", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(SETTINGS),
    deadline=deadline("drill_age", limit=DRILL_LIMIT, every=timedelta(days=7)),
    params={
        "backup": Param(
            "",
            type="string",
            title="Backup",
            description="URI of this one, as `tm backup --list` shows it. Empty: the newest good one.",
        ),
    },
    tags=["tm", "impact:medium"],
    doc_md=__doc__,
)
def tm_restore_drill() -> None:
    DrillOperator(
        task_id="drill",
        uri="{{ params.backup }}",
        execution_timeout=timedelta(hours=8),
        doc_md="Restores into a scratch database, compares, brings up to date, measures, drops it again.",
    )


tm_restore_drill()
