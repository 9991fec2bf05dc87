"""The tasks of tm_export: find what there is, write each store and pair, and close the run's folder."""

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from tm_core.identity import digest
from tm_core.settings import Settings


def folder_of(context: Context) -> str:
    """Where a run's files lie: by its date, and apart from other runs of that date."""
    run = context["dag_run"]
    day = run.run_after.date().isoformat()
    # An enumeration here, its value there, as Airflow hands it out.
    kind = getattr(run.run_type, "value", run.run_type)
    return f"exports/{day}/{kind}-{digest(str(context['run_id']))[:8]}"


class PlanExportOperator(BaseOperator):
    """Find the stores and pairs to export; returns one mapping a task of the next step.

    Args:
        store, pair: one of them, "" for all there are.
    """

    template_fields: Sequence[str] = ("store", "pair")

    def __init__(self, *, store: str, pair: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.store = store
        self.pair = pair

    def execute(self, context: Context) -> list[dict[str, str]]:
        from tm_core.stores import parse_pair
        from tm_store.exports import contents
        from tm_store.lookup_reader import open_reader

        pair = parse_pair(self.pair, "the run's parameter 'pair'") if self.pair else None
        settings = Settings.from_env()
        with open_reader(settings, statement_seconds=settings.statement_seconds) as db:
            found = contents(db, store=self.store, pair=pair)
        if not found:
            raise AirflowSkipException(f"the memory holds nothing of {self.store or 'any store'} {self.pair}".strip())
        return [{"store": store, "src_lang": pair.src, "tgt_lang": pair.tgt} for store, pair in found]


class ExportOperator(BaseOperator):
    """Write the units of one store and pair; returns what was written, for the manifest.

    Args:
        store, src_lang, tgt_lang: whose units.
        filters: the run's parameters: format, min_score, tiers, reviewed_only, split.
    """

    template_fields: Sequence[str] = ("filters",)

    def __init__(self, *, store: str, src_lang: str, tgt_lang: str, filters: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.store = store
        self.src_lang = src_lang
        self.tgt_lang = tgt_lang
        self.filters = filters

    def execute(self, context: Context) -> list[dict[str, Any]]:
        from dataclasses import asdict

        from tm_formats.storage import open_storage
        from tm_store.exports import export_to_storage
        from tm_store.lookup_reader import open_reader

        settings = Settings.from_env()
        storage = open_storage(settings)
        with open_reader(settings, statement_seconds=settings.statement_seconds) as db:
            entries = export_to_storage(db, storage, self._wanted(self.filters), folder_of(context))
        for entry in entries:
            self.log.info("%s: %s units, %s bytes, sha256 %s", entry.name, entry.rows, entry.size, entry.sha256)
        return [asdict(entry) for entry in entries]

    def _wanted(self, filters: Mapping[str, Any]) -> Any:
        from tm_core.rules import Tier
        from tm_core.splits import parse_split
        from tm_core.stores import Pair
        from tm_store.exports import Format, Wanted

        return Wanted(
            store=self.store,
            pair=Pair(src=self.src_lang, tgt=self.tgt_lang),
            format=Format(filters["format"]),
            min_score=float(filters["min_score"]),
            tiers=tuple(map(Tier, filters["tiers"])),
            reviewed_only=bool(filters["reviewed_only"]),
            split=parse_split(filters["split"]) if filters["split"] else None,
        )


class CloseExportOperator(BaseOperator):
    """Write the folder's manifest: a folder without one is unfinished. Returns its URI and counts.

    Args:
        written: what the export tasks returned.
        filters: the run's parameters, kept in the manifest.
    """

    template_fields: Sequence[str] = ("written", "filters")

    def __init__(self, *, written: Any, filters: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.written = written
        self.filters = filters

    def execute(self, context: Context) -> dict[str, Any]:
        from tm_formats.manifest import FileEntry, write_manifest
        from tm_formats.storage import open_storage

        storage = open_storage(Settings.from_env())
        folder = folder_of(context)
        entries = [FileEntry(**entry) for entries in self.written for entry in entries]
        manifest = write_manifest(storage, folder, entries, {"filters": dict(self.filters)})
        facts = {"folder": storage.uri_of(folder), "files": len(manifest.files), "rows": manifest.rows}
        self.log.info("%s", facts)
        return facts
