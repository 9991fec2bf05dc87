"""
# Back the memory up, and see that backups keep their deadlines

Every refresh ends with a backup. This DAG takes one where no refresh did (a night without deposits, a day of
verdicts), deletes what retention allows, and looks at the deadlines. Triggered by a person it always takes one.

`take` does nothing while a good backup is younger than 20 hours. `prune` keeps every backup for TM_BACKUP_DAYS, then
one a week and one a month; never goes the newest good one, the newest that a drill has proven, and what `tm backup
--hold` holds. `check` fails, and so tells whom TM_NOTIFY names, when the newest backup is older than 26 hours, the
last drill older than 8 days, the memory holds 30 % fewer units than its backups and run records say, a backup's bytes
do not fit its rows, or it took twice as long as usual. Nothing is late before the first batch. A night's run that has
not succeeded two hours after it was queued, because it hangs or failed, is told by Airflow's deadline alert, if the
newest backup is older than 26 hours by then. A monitor reads the same from `ops.alarm` or from `tm backup --check`,
which ends with status 1.

**Safe to re-run?** Yes. A killed `take` leaves a folder without a manifest, which is never taken for a backup.

**When it fails:** docs/runbooks/tm_backup.md. The same by hand: `tm backup`, `tm backup --prune`, `tm backup
--check`.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable, Param, TriggerRule, dag

from operators.deadlines import deadline
from operators.recovery import CheckDeadlinesOperator, PruneOperator, TakeBackupOperator
from operators.retries import task_defaults
from tm_core.retention import BACKUP_LIMIT
from tm_core.settings import Settings

SETTINGS = Settings.from_env()


@dag(
    # Within 26 hours of the backup that the last refresh took, shortly after midnight of the day before.
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    # A backup holds the memory as it is now: a missed night is made up for by the next.
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(SETTINGS),
    deadline=deadline("backup_age", limit=BACKUP_LIMIT, every=timedelta(days=1)),
    params={
        "dry_run": Param(
            False, type="boolean", title="Delete nothing", description="Say what retention would delete, and keep it."
        ),
    },
    render_template_as_native_obj=True,
    tags=["tm", "impact:high"],
    doc_md=__doc__,
)
def tm_backup() -> None:
    take = TakeBackupOperator(
        task_id="take",
        always="{{ dag_run.run_type == 'manual' }}",
        execution_timeout=timedelta(hours=4),
        doc_md="Dumps the database to object storage, if a backup is due or a person has asked for one.",
    )
    prune = PruneOperator(
        task_id="prune",
        preview="{{ params.dry_run }}",
        execution_timeout=timedelta(hours=1),
        doc_md="Deletes the backups that nothing keeps any more.",
    )
    check = CheckDeadlinesOperator(
        task_id="check",
        # A backup that failed is what the deadlines are for.
        trigger_rule=TriggerRule.ALL_DONE,
        # What is too old now is so a minute later.
        retries=0,
        execution_timeout=timedelta(minutes=10),
        doc_md="Fails when a backup or drill is too old, units are lost, or a backup is odd; writes ops.alarm.",
    )
    # Not one after the other: a run whose backup failed must not end green because its deadlines are kept.
    take >> [prune, check]


tm_backup()
