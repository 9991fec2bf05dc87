"""
# Decide on a slice that was not loaded

A slice is one store and language pair of a date. Where its numbers are unusual the gate of `tm_refresh` holds it, loads
the rest, and starts a run here for each such slice; quarantined ones are let in by a run that you start.

**What happens:** `show` gathers the numbers; `ask` waits for an operator under *Required actions* and shows what the
gate found, the worst examples and the gate's page. *Approve*: the gate looks again, the slice is loaded, sampled for
review and backed up. *Keep out*: quarantine. *Discard*: thrown away. Nobody answers (`TM_HOLD_DAYS`, 7 days):
quarantine, never the memory. Who decided, when and why is kept in `quality.decision` and its history, and in the
journal.

**Start it yourself** for a quarantined slice: the form wants its batch, store and languages, as `tm quarantine list`
and the gate's page name them. `tm quarantine release` and `discard` do the same on the command line.

**What the colours mean:** `publish` and `backup` skipped: the slice was kept out, the memory is as it was. `settle`
skipped: the time ran out on a slice on which somebody had decided elsewhere.

**Safe to re-run?** Yes. A cleared `settle` finds what it has done. Clear `show` to be asked again; what was decided
on in between, or planned anew, is not decided on unseen: the run says so and changes nothing.

**When it fails:** docs/runbooks/tm_release.md
"""

from datetime import timedelta

import pendulum
from airflow.sdk import Param, dag

from operators.question import question
from operators.release import AskOperator, SettleOperator, ShowSliceOperator
from operators.retries import task_defaults
from operators.step import MEMORY, PublishOperator, StepOperator
from tm_core.contracts import Step
from tm_core.deposits import STORE_NAME
from tm_core.settings import Settings

SETTINGS = Settings.from_env()
_LANG = "^[A-Za-z-]{2,12}$"


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    # A held slice must not wait for somebody to think of the switch: nothing starts here by itself.
    is_paused_upon_creation=False,
    # Runs wait for people, for days; they take no slot of the executor meanwhile.
    max_active_runs=1000,
    default_args=task_defaults(SETTINGS),
    params={
        "batch_id": Param(
            type="string",
            pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{12}$",
            title="Batch",
            description="Its id, as `tm quarantine list` and the gate's page name it.",
        ),
        "store": Param(type="string", pattern=f"^{STORE_NAME}$", title="Store", description="The slice's store."),
        "src": Param(type="string", pattern=_LANG, title="Source language", description="Of the slice: en."),
        "tgt": Param(type="string", pattern=_LANG, title="Target language", description="Of the slice: de, zh-Hant."),
    },
    render_template_as_native_obj=True,
    tags=["tm", "impact:high"],
    doc_md=__doc__,
)
def tm_release() -> None:
    batch_id = "{{ params.batch_id }}"
    shown = "{{ ti.xcom_pull(task_ids='show') }}"

    show = ShowSliceOperator(
        task_id="show",
        form="{{ params }}",
        execution_timeout=timedelta(minutes=10),
        doc_md="Gathers what a person needs to decide; fails if the slice does not wait for anybody.",
    )
    ask = AskOperator(
        task_id="ask",
        subject="{{ ti.xcom_pull(task_ids='show')['subject'] }}",
        body="{{ ti.xcom_pull(task_ids='show')['body'] }}",
        **question(SETTINGS, timedelta(days=SETTINGS.hold_days)),
        doc_md="Waits for a person. No answer in time: the slice is kept out.",
    )
    settle = SettleOperator(
        task_id="settle",
        form="{{ params }}",
        shown=shown,
        said="{{ ti.xcom_pull(task_ids='ask') }}",
        answered_in="ask",
        # Slices of one date wait for each other, and whoever answers them answers them together.
        retries=10,
        execution_timeout=timedelta(hours=2),
        doc_md="Does what was answered, in one transaction: the decision, the gate again, the load, the books.",
    )
    publish = PublishOperator(
        task_id="publish",
        step=Step.PUBLISH,
        batch_id=batch_id,
        outlets=[MEMORY],
        execution_timeout=timedelta(minutes=5),
        doc_md="Emits the date's partition of the asset `translation_memory` again: it holds more now.",
    )
    backup = StepOperator(
        task_id="backup",
        step=Step.BACKUP,
        batch_id=batch_id,
        execution_timeout=timedelta(hours=4),
        doc_md="Dumps the database to object storage, and deletes what retention allows.",
    )
    show >> ask >> settle >> publish >> backup


tm_release()
