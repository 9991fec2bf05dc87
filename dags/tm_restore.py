"""
# Restore the memory from a backup, with a person's approval

Brings the memory back as it was at the newest backup, a time or the end of a batch. The live database is not touched
before a person has seen the restored one.

**What happens:** `preview` chooses the backup and looks whether it fits here; with *Dry run*, as the form has it,
that is all. `restore` puts it into a database beside the live one, compares it with its manifest, and brings back
what came after it from object storage. `approve` shows what came back and what did not, and waits three days for
another operator than you (`TM_APPROVALS`). `swap` gives the restored database the live one's name; sessions that only
wait are ended and connect again. `decide` asks such an operator what becomes of the old one: drop it, swap back, or
keep both, which is also what happens if nobody answers within two weeks. `end` does it.

Pause `tm_refresh` and wait for its run to end before you approve: a swap is refused while somebody is at work in the
memory.

**Safe to re-run?** Yes. A cleared `restore` restores once more, beside what is there; a cleared `swap` finds what it
has done. Rejected: `discard` drops what was restored. Without an answer it stays beside the live one until `tm restore
--drop NAME --yes`.

**When it fails:** docs/runbooks/tm_restore.md. Without Airflow, or on an empty machine: docs/runbooks/backup.md.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import Param, dag

from operators.question import MARKDOWN_FILTERS, AskBranchOperator, AskOptionOperator, question
from operators.recovery import (
    DiscardRestoreOperator,
    Ending,
    EndRestoreOperator,
    PreviewRestoreOperator,
    RestoreOperator,
    SwapOperator,
)
from operators.retries import task_defaults
from tm_core.settings import Settings

SETTINGS = Settings.from_env()


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(SETTINGS),
    params={
        "dry_run": Param(
            True, type="boolean", title="Dry run", description="Say what would be restored, and change nothing."
        ),
        "backup": Param(
            "",
            type="string",
            title="Backup",
            description="URI of this one, as `tm backup --list` shows it. Empty: the newest good one that fits.",
        ),
        "time": Param(
            "",
            type="string",
            pattern=r"^(\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?)?$",
            title="Time",
            description="As the memory was then, UTC: 2026-01-05T04:00. Empty: as it is now.",
        ),
        "batch": Param(
            "", type="string", title="Batch", description="As the memory was at the end of this batch, by its id."
        ),
        "replay": Param(
            True,
            type="boolean",
            title="Bring back what came after",
            description="Batches and the journal. Without it the backup alone, and erasures.",
        ),
        "cut": Param(
            False,
            type="boolean",
            title="Cut off who is at work",
            description="At the swap end sessions that are at work too; their transactions are rolled back.",
        ),
    },
    render_template_as_native_obj=True,
    user_defined_filters=MARKDOWN_FILTERS,
    tags=["tm", "impact:high"],
    doc_md=__doc__,
)
def tm_restore() -> None:
    preview = PreviewRestoreOperator(
        task_id="preview",
        form="{{ params }}",
        execution_timeout=timedelta(minutes=30),
        doc_md="Chooses the backup, and says what would be refused.",
    )
    restore = RestoreOperator(
        task_id="restore",
        form="{{ params }}",
        uri="{{ ti.xcom_pull(task_ids='preview')['uri'] }}",
        execution_timeout=timedelta(hours=8),
        doc_md="Restores beside the live database, verifies, and brings back what came after the backup.",
    )
    approve = AskBranchOperator(
        task_id="approve",
        subject="Let {{ ti.xcom_pull(task_ids='restore')['database'] }} take the place of the live memory?",
        body="{{ ti.xcom_pull(task_ids='restore')['shown'] | fenced }}\n*Reject* drops it.",
        options=["Approve", "Reject"],
        options_mapping={"Approve": "swap", "Reject": "discard"},
        **question(SETTINGS, timedelta(days=3)),
        retries=0,  # asking again after a time-out is a new run's affair
        doc_md="Waits for a person. No answer in three days: both databases stay as they are, and the run fails here.",
    )
    discard = DiscardRestoreOperator(
        task_id="discard",
        database="{{ ti.xcom_pull(task_ids='restore')['database'] }}",
        execution_timeout=timedelta(minutes=30),
        doc_md="Rejected: drops what was restored. Skipped otherwise.",
    )
    swap = SwapOperator(
        task_id="swap",
        database="{{ ti.xcom_pull(task_ids='restore')['database'] }}",
        cut="{{ params.cut }}",
        approved_in="approve",
        execution_timeout=timedelta(hours=2),
        doc_md="Brings back what came since, then renames both databases in one transaction.",
    )
    decide = AskOptionOperator(
        task_id="decide",
        subject="The restored memory is live. What becomes of {{ ti.xcom_pull(task_ids='swap') or 'nothing' }}?",
        body="Look the memory up and compare before you drop the old one. *Swap back* undoes the restore.",
        options=[ending.value for ending in Ending],
        defaults=Ending.KEEP.value,
        **question(SETTINGS, timedelta(days=14)),
        retries=0,
        doc_md="Waits for a person. No answer in two weeks: both are kept.",
    )
    end = EndRestoreOperator(
        task_id="end",
        kept="{{ ti.xcom_pull(task_ids='swap') }}",
        answer="{{ ti.xcom_pull(task_ids='decide') }}",
        cut="{{ params.cut }}",
        answered_in="decide",
        execution_timeout=timedelta(minutes=30),
        doc_md="Drops the old database, swaps back, or is skipped because both are kept.",
    )
    preview >> restore >> approve >> [swap, discard]
    swap >> decide >> end


tm_restore()
