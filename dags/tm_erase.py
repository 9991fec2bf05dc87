"""
# Erase texts from a store, with a person's approval and a proof

Takes a document, a source or every unit with a text out of a store for good: out of the memory, its history, the review
queue, what is staged, lexicons learned from it, and the files of object storage. What is left are hashes, so that no
later load, import, roll-back or restore brings it back.

**What happens:** `preview` does it all and takes it back; `approve` shows what it would do and waits three days for
another operator than you under *Required actions* (`TM_APPROVALS`); `erase` does just that, proves that no table holds
any of it, and writes the report to `reports/erasures/<number>.json`. Rejected, or not answered in time: nothing is
erased, and the run says so (skipped, or failed at `approve`).

**What you enter stays in Airflow:** a text under *What* is kept with this run. Name a document or a source's hash where
you can, run `tm erase` on the command line, or delete the run when it is over.

**Safe to re-run?** Yes. A cleared `erase` finds what it has done and goes on with the files. If something came in
between that was not approved, it stops and changes nothing.

**When it fails:** docs/runbooks/tm_erase.md. A mistaken erasure is lifted with `tm erase --lift`.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import Param, dag

from operators.erase import EraseOperator, PreviewErasureOperator
from operators.question import MARKDOWN_FILTERS, AskApprovalOperator, question
from operators.retries import task_defaults
from tm_core.deposits import STORE_NAME
from tm_core.settings import Settings

SETTINGS = Settings.from_env()
_LANG = "^[A-Za-z-]{0,12}$"


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(SETTINGS),
    params={
        "store": Param(
            type="string",
            pattern=f"^{STORE_NAME}$",
            title="Store",
            description="Whose texts; other stores keep theirs.",
        ),
        "by": Param(
            "document",
            type="string",
            enum=["document", "source_hash", "match", "regex"],
            title="By",
            description="A document's name, the hash of a source, a text inside units, or a Python regular expression.",
        ),
        "what": Param(
            type="string",
            minLength=1,
            title="What",
            description="The name, hash, text or expression. It stays in Airflow with this run: see the DAG's page.",
        ),
        "src": Param("", type="string", pattern=_LANG, title="Source language", description="Of one pair alone."),
        "tgt": Param("", type="string", pattern=_LANG, title="Target language", description="Of one pair alone."),
        "why": Param(
            type="string",
            minLength=3,
            title="Why",
            description="The reason, for the journal. No text that is to go.",
        ),
    },
    render_template_as_native_obj=True,
    user_defined_filters=MARKDOWN_FILTERS,
    tags=["tm", "impact:high"],
    doc_md=__doc__,
)
def tm_erase() -> None:
    preview = PreviewErasureOperator(
        task_id="preview",
        form="{{ params }}",
        execution_timeout=timedelta(hours=1),
        doc_md="Does the erasure, says what it did, and takes it back.",
    )
    approve = AskApprovalOperator(
        task_id="approve",
        subject="Erase {{ ti.xcom_pull(task_ids='preview')['units'] }} units of store {{ params.store }} for good?",
        body="Asked for because: {{ params.why | quoted }}\n\n{{ ti.xcom_pull(task_ids='preview')['shown'] | fenced }}",
        **question(SETTINGS, timedelta(days=3)),
        retries=0,  # asking again after a time-out is a new run's affair
        doc_md="Waits for a person. No answer in three days: nothing is erased, and the run fails here.",
    )
    erase = EraseOperator(
        task_id="erase",
        form="{{ params }}",
        named="{{ ti.xcom_pull(task_ids='preview')['named'] }}",
        approved_in="approve",
        execution_timeout=timedelta(hours=2),
        doc_md="Erases what was approved, proves it, goes through object storage, and writes the report.",
    )
    preview >> approve >> erase


tm_erase()
