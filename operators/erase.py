"""The tasks of tm_erase: show what an erasure would do, and do it once a person has approved just that."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from operators.question import APPROVE, granted_by
from tm_core.settings import Settings

#: Where the reports of erasures lie in object storage, by number.
REPORTS = "reports/erasures"


class PreviewErasureOperator(BaseOperator):
    """Try the erasure and take it back; returns what it would do, without a text.

    Args:
        form: the run's parameters: store, by, what, src, tgt, why.
    """

    template_fields: Sequence[str] = ("form",)

    def __init__(self, *, form: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form = form

    def execute(self, context: Context) -> dict[str, Any]:
        from tm_formats.storage import open_storage
        from tm_store.cli_versions import render_report
        from tm_store.erase import erase
        from tm_store.migrate import open_memory

        settings = Settings.from_env()
        storage = open_storage(settings)
        with open_memory(settings) as db:
            report = erase(settings, db, storage, _what(self.form), who="preview", why=self.form["why"])
        shown = render_report(report)
        self.log.info("%s", shown)
        if not report.tombstones:
            raise AirflowSkipException(_nothing(report))
        return {"named": report.named, "tombstones": report.tombstones, "units": report.units, "shown": shown}


class EraseOperator(BaseOperator):
    """Erase what was approved, and nothing else; returns where the report is. Done again it goes on with the files.

    Args:
        form: as for the preview.
        named: the preview's name for what was shown.
        approved_in: the task that asked for the approval.
    """

    template_fields: Sequence[str] = ("form", "named")

    def __init__(self, *, form: Any, named: str, approved_in: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form = form
        self.named = named
        self.approved_in = approved_in

    def execute(self, context: Context) -> dict[str, Any]:
        from tm_formats.storage import open_storage
        from tm_store.erase import erase, find_erasure, sweep_all
        from tm_store.journal import ship
        from tm_store.migrate import open_memory

        settings = Settings.from_env()
        storage = open_storage(settings)
        with open_memory(settings) as db:
            if number := find_erasure(db, self.form["store"], self.named):
                ship(db, storage)
                sweep_all(settings, db, storage, [number])
                self.log.info(
                    "erasure %s was done by an earlier try; its tables and files were gone through again", number
                )
                return {"number": number, "done_before": True}
            who = granted_by(context, self.approved_in, APPROVE)
            report = erase(
                settings,
                db,
                storage,
                _what(self.form),
                who=who,
                why=self.form["why"],
                dry_run=False,
                approved=self.named,
            )
        path = f"{REPORTS}/{report.journal_id}.json"
        storage.write_atomic(path, report.to_json().encode())
        facts = {"number": report.journal_id, "report": storage.uri_of(path), "sha256": report.sha256()}
        self.log.info("%s", json.dumps(facts))
        return facts


def _nothing(report: Any) -> str:
    """Why there is nothing to approve; the words may stand all the same in what is no unit."""
    places = sorted({*report.removed, *report.inside})
    if places:
        return (
            f"store '{report.store}': no unit, bead or file has this, so there is nothing to approve, but the words "
            f"stand in {', '.join(places)}. `tm erase` on the command line removes what it can, and lists the rest"
        )
    return f"store '{report.store}' holds nothing of this: there is nothing to erase"


def _what(form: Mapping[str, Any]) -> Any:
    from tm_core.stores import Pair
    from tm_store.erase import What

    pair = Pair(src=form["src"], tgt=form["tgt"]) if form["src"] and form["tgt"] else None
    return What(store=form["store"], pair=pair, **{form["by"]: form["what"]})
