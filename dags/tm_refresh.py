"""
# Refine one date's deposits into the translation memory

Reads what was deposited under `raw/<store>/<date>/`, aligns the document pairs in two tiers, filters the beads, lets
the gate judge every slice, loads what is accepted into the memory, samples it for review, and backs the memory up. For
each slice that the gate held it starts a run of `tm_release`, which asks a person. A quarantined slice waits until
somebody starts that run.

**Which date?** Every night the day before. A run's *partition key* is its date, `YYYY-MM-DD`: enter another one when
triggering, fill in `date` in the form, or backfill a range, one date after the other:
`airflow backfill create --dag-id tm_refresh --from-date 2026-01-05 --to-date 2026-01-07 --max-active-runs 1`.
(A backfill does not ask for the DAG's own limit: without the option up to ten dates run at once, which is safe.)
A run without a key and without `date` takes the date of its logical date, as in
`airflow dags test tm_refresh 2026-01-05` or `airflow dags trigger tm_refresh --logical-date 2026-01-05`. Without that
too it takes the day before the run. `plan` logs the date first. (A logical date with a time on the day of the run is
no choice, because Airflow fills in the current moment: for today's deposits give the date alone.) The other DAGs take
no date from a logical date.
Before you start it: "TM plan" in the menu "Browse", linked from the form too, and `tm plan` say what a run would do and
cost, and which dates are already running.

**Safe to re-run?** Yes. Every task writes to places named after its batch, and the load is one transaction. A date
that was refined before with the same documents and versions is found out by `plan`: everything after it is skipped and
no row changes. Dates may be run in any order, and any task may be cleared; the memory ends up the same.
`reprocess` aligns and loads again what the ledger says is done.

**What the colours mean:** all tasks after `plan` skipped: nothing new. `tier1` skipped: every document came from the
ledger. `tier2` skipped: tier 1 was sure of every document. `release` skipped: no slice is held.

**When it fails:** the failed task's log ends with what was expected, what was found and what to do; nothing of the
batch is in the memory unless `load` is green. `tm doctor` says what is missing, `tm report --date D` what a date did,
`tm explain NAME` what became of a document. More: docs/runbooks/tm_refresh.md
"""

from datetime import date, timedelta

import pendulum
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import CronPartitionTimetable, Param, TriggerRule, dag

from operators.align import AlignShardOperator
from operators.links import plan_page
from operators.plan import PlanOperator
from operators.release import HeldOperator
from operators.retries import task_defaults
from operators.step import MEMORY, GateOperator, PublishOperator, RouteOperator, StepOperator
from tm_core.contracts import Step
from tm_core.deposits import STORE_NAME
from tm_core.rules import Tier
from tm_core.settings import Settings

SETTINGS = Settings.from_env()
FIRST_DATE = SETTINGS.first_date or date(2026, 1, 1)


@dag(
    # At midnight UTC for the day that has just ended; the key is the deposits' date.
    schedule=CronPartitionTimetable("0 0 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d"),
    # The midnight that ends the first date: a run starts when its date is over.
    start_date=pendulum.datetime(FIRST_DATE.year, FIRST_DATE.month, FIRST_DATE.day, tz="UTC").add(days=1),
    # With TM_FIRST_DATE every date since then gets its run, also those missed while the scheduler was down.
    catchup=SETTINGS.first_date is not None,
    # One date at a time: dates may come in any order, but two at once would wait for each other's stores.
    max_active_runs=1,
    default_args=task_defaults(SETTINGS),
    params={
        "date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Date",
            description_md="Deposits of this date. Empty: the run's partition key, else its logical date, else the day "
            "before the run. "
            f"[What would a run do and cost, and which dates are already running?]({plan_page()})",
        ),
        "stores": Param(
            [],
            type="array",
            items={"type": "string", "pattern": f"^{STORE_NAME}$"},
            title="Stores",
            description="Only these stores of include/stores.toml, one a line. Empty: all.",
        ),
        "reprocess": Param(
            False,
            type="boolean",
            title="Reprocess",
            description="Align and load again, also what the ledger says was done with the same texts and versions.",
        ),
    },
    render_template_as_native_obj=True,
    tags=["tm", "impact:high"],
    doc_md=__doc__,
)
def tm_refresh() -> None:
    batch_id = "{{ ti.xcom_pull(task_ids='plan', key='batch_id') }}"

    plan = PlanOperator(
        task_id="plan",
        only_stores="{{ params.stores }}",
        reprocess="{{ params.reprocess }}",
        execution_timeout=timedelta(minutes=30),
        doc_md="Finds the date's files, pairs them, asks the ledger, pins versions; skips the rest if nothing is new.",
    )
    tier1 = AlignShardOperator.partial(
        task_id="tier1",
        tier=Tier.LEXICAL,
        batch_id=batch_id,
        map_index_template="{{ task.title }}",
        execution_timeout=timedelta(hours=2),
        doc_md="Reads and segments a shard's documents and aligns them by lengths and words.",
    ).expand(shard=plan.output)
    route = RouteOperator(
        task_id="route",
        step=Step.ROUTE,
        batch_id=batch_id,
        # Skipped tier 1 tasks mean that the ledger had every document: there is still something to filter and load.
        trigger_rule=TriggerRule.NONE_FAILED,
        execution_timeout=timedelta(minutes=30),
        doc_md="Sends the documents that tier 1 is not sure of to tier 2, and records why.",
    )
    tier2 = AlignShardOperator.partial(
        task_id="tier2",
        tier=Tier.EMBEDDING,
        batch_id=batch_id,
        pool=SETTINGS.tier2_pool,
        map_index_template="{{ task.title }}",
        execution_timeout=timedelta(hours=6),
        doc_md="Aligns a shard's documents again, by vectors.",
    ).expand(shard=route.output)
    filtered = StepOperator(
        task_id="filter",
        step=Step.FILTER,
        batch_id=batch_id,
        # A tier without a shard is skipped; what follows it is not.
        trigger_rule=TriggerRule.NONE_FAILED,
        execution_timeout=timedelta(hours=1),
        doc_md="Asks the named rules about every bead, and brings the beads into staging.",
    )
    gate = GateOperator(
        task_id="gate",
        step=Step.GATE,
        batch_id=batch_id,
        execution_timeout=timedelta(minutes=30),
        doc_md="Measures every slice and judges it: accept, hold or quarantine; its page lies beside the batch.",
    )
    load = StepOperator(
        task_id="load",
        step=Step.LOAD,
        batch_id=batch_id,
        execution_timeout=timedelta(hours=2),
        doc_md="Merges the accepted slices into the memory in one transaction, if all sums close.",
    )
    sample = StepOperator(
        task_id="sample",
        step=Step.SAMPLE,
        batch_id=batch_id,
        execution_timeout=timedelta(minutes=30),
        doc_md="Draws loaded beads for review, stratified by store, pair, tier and score.",
    )
    publish = PublishOperator(
        task_id="publish",
        step=Step.PUBLISH,
        batch_id=batch_id,
        outlets=[MEMORY],
        execution_timeout=timedelta(minutes=5),
        doc_md="Emits the date as a new partition of the asset `translation_memory`.",
    )
    backup = StepOperator(
        task_id="backup",
        step=Step.BACKUP,
        batch_id=batch_id,
        execution_timeout=timedelta(hours=4),
        doc_md="Dumps the database to object storage, deletes what retention allows, and closes the batch.",
    )

    # After the backup, which works on the date too: whoever answers at once would have to wait for it.
    held = HeldOperator(
        task_id="held",
        batch_id=batch_id,
        execution_timeout=timedelta(minutes=10),
        doc_md="Lists the slices that the gate held.",
    )
    TriggerDagRunOperator.partial(
        task_id="release",
        trigger_dag_id="tm_release",
        logical_date=None,
        # Cleared, it finds the run that it has started: nobody is asked twice.
        skip_when_already_exists=True,
        map_index_template="{{ task.conf.store }} {{ task.conf.src }}-{{ task.conf.tgt }}",
        execution_timeout=timedelta(minutes=10),
        doc_md="Starts a run of tm_release for each held slice; a person decides there.",
    ).expand_kwargs(held.output)

    plan >> tier1 >> route >> tier2 >> filtered >> gate >> load >> sample >> publish >> backup >> held


tm_refresh()
