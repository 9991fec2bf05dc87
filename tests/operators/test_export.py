"""The tasks of tm_export, one after the other as a run calls them, over a real memory and storage."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from operators.export import CloseExportOperator, ExportOperator, PlanExportOperator, folder_of
from tm_core.errors import ExchangeError
from tm_core.settings import Settings
from tm_formats.manifest import read_manifest
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.imports import import_files

pytestmark = [pytest.mark.airflow, pytest.mark.db]

FILTERS = {"format": "tmx", "min_score": 0.0, "tiers": [], "reviewed_only": False, "split": ""}
WHEN = datetime(2026, 1, 10, 4, tzinfo=UTC)


def context(run_id: str = "scheduled__2026-01-10") -> Any:
    return {"run_id": run_id, "dag_run": SimpleNamespace(run_after=WHEN, run_type="scheduled")}


@pytest.fixture
def memory(settings: Settings, db: Database, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two pairs of units in one store; the environment points at them."""
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))
    path = tmp_path / "units.csv"
    path.write_text("en,de,fr\nOne house,Ein Haus,Une maison\n")
    import_files(settings, db, Storage(settings.storage), "demo", [path])
    return settings


def run_all(filters: dict[str, Any], store: str = "", pair: str = "") -> dict[str, Any]:
    slices = PlanExportOperator(task_id="plan", store=store, pair=pair).execute(context())
    written = [ExportOperator(task_id="export", filters=filters, **one).execute(context()) for one in slices]
    return CloseExportOperator(task_id="close", written=written, filters=filters).execute(context())


def test_everything_is_written_and_the_manifest_holds(memory: Settings) -> None:
    facts = run_all(FILTERS)
    manifest = read_manifest(Storage(memory.storage), folder_of(context()))
    assert [file.name for file in manifest.files] == ["demo.de-fr.tmx", "demo.en-de.tmx", "demo.en-fr.tmx"]
    assert facts["rows"] == 3
    assert facts["folder"].endswith(folder_of(context()))
    assert manifest.facts["filters"] == FILTERS


def test_a_cleared_run_writes_the_same_bytes(memory: Settings) -> None:
    run_all(FILTERS)
    first = read_manifest(Storage(memory.storage), folder_of(context()))
    run_all(FILTERS)
    assert read_manifest(Storage(memory.storage), folder_of(context())) == first


def test_the_form_narrows_it(memory: Settings) -> None:
    run_all(FILTERS | {"format": "moses", "split": "98/1/1", "min_score": 1}, store="demo", pair="en-fr")
    names = [file.name for file in read_manifest(Storage(memory.storage), folder_of(context())).files]
    assert len(names) == 6
    assert all(name.startswith("demo.en-fr.") for name in names)


def test_nothing_to_export_skips_and_wrong_wishes_fail(memory: Settings) -> None:
    with pytest.raises(AirflowSkipException, match="nothing of handbook"):
        run_all(FILTERS, store="handbook")
    with pytest.raises(ExchangeError, match="expected --format moses"):
        run_all(FILTERS | {"split": "98/1/1"})


def test_runs_of_one_date_have_folders_of_their_own() -> None:
    one, other = folder_of(context()), folder_of(context("manual__2026-01-10"))
    assert one != other
    assert one.startswith("exports/2026-01-10/scheduled-")
