"""The tasks of tm_maintenance: one part of ``tm maintain`` each."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from airflow.sdk import BaseOperator, Context

from tm_core.settings import Settings


class MaintainOperator(BaseOperator):
    """Do one part of ``tm maintain``; returns what was done and what was left, with counts.

    Args:
        part: one of tm_store.upkeep.Part.
        preview: change nothing, say what would be done.
    """

    template_fields: Sequence[str] = ("preview",)
    ui_color = "#e8e4f3"

    def __init__(self, *, part: str, preview: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.part = part
        self.preview = preview

    def execute(self, context: Context) -> list[dict[str, Any]]:
        from tm_store.upkeep import Part, maintain, render, storage_of

        settings = Settings.from_env()
        parts, preview = [Part(self.part)], bool(self.preview)
        actions = maintain(settings, storage_of(settings, parts), parts=parts, dry_run=preview)
        for line in render(actions, dry_run=preview).splitlines():
            self.log.info("%s", line)
        return [asdict(action) for action in actions]
