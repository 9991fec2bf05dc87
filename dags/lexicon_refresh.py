"""
# Learn word translations from the memory

Learns one lexicon per language pair from the memory's approved units (accepted by people, imported, or aligned with
a high score), scores it on the gold documents of that pair, and puts it into use only if it aligns them no worse than
what is in use. The lexicon in use is pinned by every plan of `tm_refresh` and part of its ledger key: once a new one is
promoted, documents are aligned again when their date is refreshed again, and not before.

**Which data?** What the memory holds when it runs, on Sundays. Pairs with fewer than 200 approved units are left alone;
pairs without gold documents keep what they have, because nothing shows that a candidate is no worse.

**Safe to re-run?** Yes. The same memory gives the same lexicon, to the byte; promoting it twice changes nothing.

**When it fails:** nothing is put into use until `promote` is green; clear the failed task. `tm lexicon list` shows what
is in use and why, `tm lexicon use` puts an older or a given one into use. More: docs/runbooks/lexicon_refresh.md
"""

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable, dag

from operators.lexicon import CollectUnitsOperator, LearnLexiconOperator, PromoteLexiconsOperator
from operators.retries import task_defaults
from tm_core.settings import Settings

SETTINGS = Settings.from_env()


@dag(
    # After the week's nights, and away from midnight, when the refresh runs.
    schedule=CronTriggerTimetable("0 4 * * 0", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    # It reads the memory as it is: a missed Sunday has nothing of its own to learn.
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(SETTINGS),
    tags=["tm", "impact:medium"],
    doc_md=__doc__,
)
def lexicon_refresh() -> None:
    collect = CollectUnitsOperator(
        task_id="collect",
        execution_timeout=timedelta(hours=1),
        doc_md="Writes each pair's approved units and gold documents to object storage.",
    )
    LearnLexiconOperator.partial(
        task_id="learn",
        map_index_template="{{ task.src_lang }}-{{ task.tgt_lang }}",
        execution_timeout=timedelta(hours=2),
        doc_md="Learns a pair's lexicon and scores it on gold, beside the one in use.",
    ).expand_kwargs(collect.output) >> PromoteLexiconsOperator(
        task_id="promote",
        pairs=collect.output,
        execution_timeout=timedelta(minutes=30),
        doc_md="Puts candidates into use that are no worse; keeps the last ones to go back to.",
    )


lexicon_refresh()
