"""A form that no run can use fails its task at once: trying it again after a pause gives the same answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowFailException

from operators.ab import CollectDocumentsOperator
from operators.erase import PreviewErasureOperator
from operators.export import ExportOperator, PlanExportOperator
from operators.plan import PlanOperator
from operators.recovery import DrillOperator, PreviewRestoreOperator
from operators.release import ShowSliceOperator
from operators.retries import task_defaults
from tests.operators.asked import context
from tests.store.batches_made import load
from tm_core.settings import Settings
from tm_store.db import Database

pytestmark = [pytest.mark.airflow, pytest.mark.db]

DAGS = Path(__file__).resolve().parents[2] / "dags"
#: DAGs whose form has nothing but switches, which the form itself checks.
SWITCHES_ALONE = {"tm_backup", "tm_maintenance"}
ERASE = {"store": "demo", "by": "match", "what": "x", "src": "", "tgt": "", "why": "asked to"}
EXPORT = {"format": "tsv", "min_score": 0, "tiers": [], "reviewed_only": False, "split": ""}
RESTORE = {"dry_run": True, "backup": "", "time": "", "batch": "", "replay": True, "cut": False}
AB = {"store": "demo", "pair": "en-de", "a": "current", "b": "tier=lexical", "documents": 1, "items": 1}
BATCH = "2026-01-05-0123456789ab"
SIDES = {"store": "demo", "src_lang": "en", "tgt_lang": "de"}
NOWHERE = "s3://elsewhere/backups/2026"

#: (DAG, what is wrong) -> the task that meets it first, with the form as Airflow lets it through.
WRONG: dict[tuple[str, str], Callable[[], Any]] = {
    ("aligner_ab", "store"): lambda: CollectDocumentsOperator(task_id="t", form=AB | {"store": "nowhere"}),
    ("aligner_ab", "pair"): lambda: CollectDocumentsOperator(task_id="t", form=AB | {"pair": "en-en"}),
    ("aligner_ab", "b"): lambda: CollectDocumentsOperator(task_id="t", form=AB | {"b": "lexicon=0000"}),
    ("aligner_ab", "a"): lambda: CollectDocumentsOperator(task_id="t", form=AB | {"a": "tier=none"}),
    ("tm_erase", "store"): lambda: PreviewErasureOperator(task_id="t", form=ERASE | {"store": "nowhere"}),
    ("tm_erase", "regex"): lambda: PreviewErasureOperator(task_id="t", form=ERASE | {"by": "regex", "what": "("}),
    ("tm_erase", "hash"): lambda: PreviewErasureOperator(task_id="t", form=ERASE | {"by": "source_hash"}),
    ("tm_erase", "document"): lambda: PreviewErasureOperator(task_id="t", form=ERASE | {"by": "document"}),
    ("tm_erase", "white space"): lambda: PreviewErasureOperator(task_id="t", form=ERASE | {"what": " "}),
    ("tm_erase", "zero byte"): lambda: PreviewErasureOperator(
        task_id="t", form=ERASE | {"by": "document", "what": "a\x00"}
    ),
    ("tm_export", "pair"): lambda: PlanExportOperator(task_id="t", store="", pair="en-en"),
    ("tm_export", "split"): lambda: ExportOperator(task_id="t", filters=EXPORT | {"split": "90/90/90"}, **SIDES),
    ("tm_refresh", "date"): lambda: PlanOperator(task_id="t"),
    ("tm_release", "batch"): lambda: ShowSliceOperator(
        task_id="t", form={"batch_id": BATCH, "store": "demo", "src": "en", "tgt": "de"}
    ),
    ("tm_restore", "backup"): lambda: PreviewRestoreOperator(task_id="t", form=RESTORE | {"backup": "none"}),
    ("tm_restore", "storage"): lambda: PreviewRestoreOperator(task_id="t", form=RESTORE | {"backup": NOWHERE}),
    ("tm_restore", "time"): lambda: PreviewRestoreOperator(task_id="t", form=RESTORE | {"time": "2026-13-45"}),
    ("tm_restore", "batch"): lambda: PreviewRestoreOperator(task_id="t", form=RESTORE | {"batch": BATCH}),
    ("tm_restore_drill", "backup"): lambda: DrillOperator(task_id="t", uri="none"),
    ("tm_restore_drill", "storage"): lambda: DrillOperator(task_id="t", uri=NOWHERE),
}


@pytest.fixture
def memory(settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))
    load(db, datetime(2026, 1, 5, tzinfo=UTC).date(), {"a": [("One house", "Ein Haus")]})
    return settings


@pytest.mark.parametrize("case", WRONG, ids=": ".join)
def test_it_is_not_tried_again(memory: Settings, case: tuple[str, str]) -> None:
    run = context(case[0])
    run["params"] = {"date": "2026-02-30"}
    run["dag_run"] = SimpleNamespace(
        **vars(run["dag_run"]), partition_key=None, logical_date=None, run_after=datetime.now(UTC)
    )
    with pytest.raises(Exception) as found:  # noqa: PT011 - any: what the policy says of it is the test
        WRONG[case]().execute(run)
    if isinstance(found.value, AirflowFailException):
        return
    policy = task_defaults(memory)["retry_policy"]
    decision = policy.evaluate(found.value, try_number=1, max_tries=3)
    assert decision.action is RetryAction.FAIL, f"{type(found.value).__name__}: name it in operators/retries.py"


def test_what_may_pass_is_tried_again(memory: Settings) -> None:
    from json import JSONDecodeError

    from tm_core.errors import BackupError, BatchBusy, DatabaseError, StorageError

    policy = task_defaults(memory)["retry_policy"]
    for error in (
        OSError(),
        DatabaseError(),
        StorageError(),
        BackupError(),
        BatchBusy(),
        JSONDecodeError("cut", "", 0),
    ):
        assert policy.evaluate(error, try_number=1, max_tries=3).action is not RetryAction.FAIL, type(error)


def test_every_form_is_tried() -> None:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(DAGS), collect_dags=True)
    with_forms = {dag.dag_id for dag in bag.dags.values() if dag.params}
    assert len(with_forms) >= 8
    assert with_forms - SWITCHES_ALONE == {dag_id for dag_id, _ in WRONG}, "add wrong forms of the new DAG to WRONG"
    for dag_id in SWITCHES_ALONE:
        dag = bag.dags[dag_id]
        assert {dag.params.get_param(name).schema["type"] for name in dag.params} == {"boolean"}
