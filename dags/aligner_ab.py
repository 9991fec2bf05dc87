"""
# Compare two aligners, and promote the better one with a person's approval

Aligns the same documents by variant `a` (what is in use) and variant `b`. On the pair's gold documents both are scored
(strict F1, paired bootstrap); of the store's own documents, beads that only one of the two made go to the review queue,
where people judge them without being told whose they are (*TM review*). What each costs stands beside it.

**A variant** is `current`, or what differs from it: `tier=lexical`, `tier=embedding`, `threshold=0.8`,
`encoder=laser2`, `lexicon=none`, `lexicon=<beginning of a hash>`, parted by commas; or `command=<name>`, an external
aligner of `include/aligners.toml` (hunalign, Vecalign, another version of this one).

**What happens:** `judged` waits up to 14 days for the verdicts; then what there is counts. If `b` is proven better by
gold or verdicts and worse by neither, `approve` asks a person under *Required actions*, for three days; `promote` then
has every plan to come pin b's threshold (of all stores and pairs) and lexicon (of the pair). Nothing proven, rejected,
or not answered: nothing changes. An encoder or an external command can be compared, not promoted.

**The way back:** `tm ab undo <comparison> --why …` (`tm ab list` names them): one command, and the next plan pins
what it pinned before.

**Safe to re-run?** Yes. Cleared tasks find what they have done; `promote` refuses if the evidence has changed since it
was approved, or if somebody else has changed what is in use.

**When it fails:** docs/runbooks/aligner_ab.md
"""

from datetime import timedelta

import pendulum
from airflow.sdk import Param, TriggerRule, dag

from operators.ab import (
    AlignSideOperator,
    CollectDocumentsOperator,
    MeasureOperator,
    PromoteVariantOperator,
    VerdictsSensor,
    WeighOperator,
)
from operators.question import AskApprovalOperator, question
from operators.retries import task_defaults
from tm_core.deposits import STORE_NAME
from tm_core.settings import Settings

SETTINGS = Settings.from_env()
_VARIANT = "^[a-z0-9=,. _-]{1,200}$"


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=4,
    default_args=task_defaults(SETTINGS),
    params={
        "store": Param(
            type="string",
            pattern=f"^{STORE_NAME}$",
            title="Store",
            description="Whose documents people judge.",
        ),
        "pair": Param(
            type="string", pattern="^[A-Za-z-]{5,25}$", title="Pair", description="As in stores.toml: en-de."
        ),
        "a": Param("current", type="string", pattern=_VARIANT, title="Variant a", description="The one in use."),
        "b": Param(
            type="string", pattern=_VARIANT, title="Variant b", description="The challenger, e.g. tier=lexical."
        ),
        "documents": Param(
            20, type="integer", minimum=0, maximum=1000, title="Documents", description="Of the store, at most."
        ),
        "items": Param(
            100, type="integer", minimum=0, maximum=1000, title="Items", description="Beads to judge, at most."
        ),
    },
    render_template_as_native_obj=True,
    tags=["tm", "impact:medium"],
    doc_md=__doc__,
)
def aligner_ab() -> None:
    collect = CollectDocumentsOperator(
        task_id="collect",
        form="{{ params }}",
        execution_timeout=timedelta(minutes=30),
        doc_md="Draws the documents, the same for the same question, and writes them down with both variants.",
    )
    align = AlignSideOperator.partial(
        task_id="align",
        map_index_template="variant {{ task.side }}",
        execution_timeout=timedelta(hours=6),
        doc_md="Aligns all documents by one variant, and says what it cost.",
    ).expand(side=collect.output)
    measure = MeasureOperator(
        task_id="measure",
        execution_timeout=timedelta(minutes=30),
        doc_md="Scores both on gold and draws the blind items; the documents' files are deleted.",
    )
    judged = VerdictsSensor(
        task_id="judged",
        mode="reschedule",
        poke_interval=60,
        timeout=timedelta(days=14).total_seconds(),
        # Too late is no fault: what has been said by then counts.
        soft_fail=True,
        execution_timeout=timedelta(minutes=10),
        doc_md="Waits until people have judged the blind items, 14 days at most.",
    )
    weigh = WeighOperator(
        task_id="weigh",
        trigger_rule=TriggerRule.NONE_FAILED,
        execution_timeout=timedelta(minutes=10),
        doc_md="Puts gold, verdicts and costs together; skips what follows if nothing is proposed.",
    )
    approve = AskApprovalOperator(
        task_id="approve",
        subject="Promote variant b of {{ ti.xcom_pull(task_ids='weigh')['comparison'] }} ({{ params.pair }})?",
        body="{{ ti.xcom_pull(task_ids='weigh')['shown'] }}",
        **question(SETTINGS, timedelta(days=3)),
        retries=0,  # asking again after a time-out is a new run's affair
        doc_md="Waits for a person. No answer in three days: nothing is promoted, and the run fails here.",
    )
    promote = PromoteVariantOperator(
        task_id="promote",
        named="{{ ti.xcom_pull(task_ids='weigh')['named'] }}",
        approved_in="approve",
        execution_timeout=timedelta(minutes=10),
        doc_md="Has the plans to come pin b's threshold and lexicon.",
    )
    collect >> align >> measure >> judged >> weigh >> approve >> promote


aligner_ab()
