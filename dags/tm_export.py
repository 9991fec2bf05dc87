"""
# Export the memory for translators' tools and for training

Writes the units of every store and language pair, or of those that the form names, to object storage:
`exports/<date>/<run>/<store>.<src>-<tgt>.<format>`, with a `manifest.json` of sizes, units and SHA-256 written last.

**Which format?** `tmx` for translators' tools (with context as OmegaT writes it), `tsv` and `parquet` for tables,
`moses` for training: two files of lines, each pair of texts once; with `split`, in train, dev and test parts that share
no document. What each holds: docs/exchange.md. `tm export` writes the same files to a disk.

**When?** On Saturdays everything as TMX; with other wishes trigger it and fill in the form.

**Safe to re-run?** Yes. A run writes into a folder of its own; a cleared task writes the same file again. The same
memory gives the same bytes.

**When it fails:** a folder without `manifest.json` is unfinished: clear the failed task. The memory is only read.
More: docs/runbooks/tm_export.md
"""

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable, Param, dag

from operators.export import CloseExportOperator, ExportOperator, PlanExportOperator
from operators.retries import task_defaults
from tm_core.deposits import STORE_NAME
from tm_core.rules import Tier
from tm_core.settings import Settings

SETTINGS = Settings.from_env()


@dag(
    # Before the week's lexicons are learned, and away from midnight, when the refresh runs.
    schedule=CronTriggerTimetable("0 4 * * 6", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    # It writes the memory as it is: a missed Saturday cannot be made up for.
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(SETTINGS),
    params={
        "store": Param(
            "",
            type="string",
            pattern=f"^({STORE_NAME})?$",
            title="Store",
            description="This store of include/stores.toml alone. Empty: all.",
        ),
        "pair": Param(
            "",
            type="string",
            pattern="^([A-Za-z]{2,3}-[A-Za-z]{2,3}|[A-Za-z-]{2,12}:[A-Za-z-]{2,12})?$",
            title="Language pair",
            description="This pair alone, source first: en-de, or en:pt-BR. Empty: all.",
        ),
        "format": Param(
            "tmx",
            type="string",
            enum=["tmx", "tsv", "parquet", "moses"],
            title="Format",
            description="tmx for translators' tools, tsv or parquet for tables, moses for training.",
        ),
        "min_score": Param(
            0.0,
            type="number",
            minimum=0,
            maximum=1,
            title="Least score",
            description="Units with at least this confidence, 0 to 1.",
        ),
        "tiers": Param(
            [],
            type="array",
            items={"type": "string", "enum": [tier.value for tier in Tier]},
            title="Tiers",
            description="Units that these made, one a line: lexical, embedding, imported. Empty: all.",
        ),
        "reviewed_only": Param(
            False,
            type="boolean",
            title="Reviewed only",
            description="Only units that a reviewer accepted.",
        ),
        "split": Param(
            "",
            type="string",
            pattern="^(\\d{1,3}/\\d{1,3}/\\d{1,3})?$",
            title="Split",
            description="Shares of train, dev and test documents in per cent, e.g. 98/1/1; moses only.",
        ),
    },
    render_template_as_native_obj=True,
    tags=["tm", "impact:low"],
    doc_md=__doc__,
)
def tm_export() -> None:
    plan = PlanExportOperator(
        task_id="plan",
        store="{{ params.store }}",
        pair="{{ params.pair }}",
        execution_timeout=timedelta(minutes=10),
        doc_md="Finds the stores and language pairs to export; skips the rest if there are none.",
    )
    export = ExportOperator.partial(
        task_id="export",
        filters="{{ params }}",
        map_index_template="{{ task.store }} {{ task.src_lang }}-{{ task.tgt_lang }}",
        execution_timeout=timedelta(hours=4),
        doc_md="Writes the units of one store and language pair, as a stream.",
    ).expand_kwargs(plan.output)
    CloseExportOperator(
        task_id="close",
        written=export.output,
        filters="{{ params }}",
        execution_timeout=timedelta(minutes=30),
        doc_md="Writes the manifest with sizes, units and SHA-256: the folder is finished.",
    )


tm_export()
