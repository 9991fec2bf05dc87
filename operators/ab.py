"""The tasks of aligner_ab: collect documents, align them twice, ask people, weigh, promote."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from operators.question import APPROVE, granted_by
from operators.runtime import ProcessRuntime
from tm_core.ab import Side, comparison_name
from tm_core.commands import ab_command
from tm_core.settings import Settings


def _name(context: Context) -> str:
    return comparison_name(str(context["run_id"]))


class CollectDocumentsOperator(BaseOperator):
    """Write the documents that both variants align; returns the two sides, because tasks are mapped over them.

    Args:
        form: the run's parameters: store, pair, a, b, documents, items.
    """

    template_fields: Sequence[str] = ("form",)

    def __init__(self, *, form: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form = form

    def execute(self, context: Context) -> list[str]:
        from tm_formats.storage import open_storage
        from tm_store.ab import Wanted, collect
        from tm_store.migrate import open_memory

        settings = Settings.from_env()
        with open_memory(settings) as db:
            found = collect(
                settings, db, open_storage(settings), _name(context), Wanted(**self.form), day=_today()
            )  # fmt: skip
        self.log.info("%s: %s", _name(context), found)
        return [side.value for side in Side]


class AlignSideOperator(BaseOperator):
    """Run ``tm-align ab`` for one of the two variants."""

    def __init__(self, *, side: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.side = side

    def execute(self, context: Context) -> dict[str, Any]:
        self._runtime = ProcessRuntime()
        return self._runtime.run(ab_command(_name(context), self.side))

    def on_kill(self) -> None:
        """Stop the command when somebody marks the task failed or cleared."""
        self._runtime.stop()


class MeasureOperator(BaseOperator):
    """Score both on gold, and put the beads on which they differ into the queue, blind."""

    def execute(self, context: Context) -> dict[str, Any]:
        from tm_formats.storage import open_storage
        from tm_store.ab import measure
        from tm_store.migrate import open_memory

        settings = Settings.from_env()
        with open_memory(settings) as db:
            return measure(
                db, open_storage(settings), _name(context), run_id=str(context["run_id"]), day=_today()
            )  # fmt: skip


class VerdictsSensor(BaseSensorOperator):
    """Wait until people have judged every blind item."""

    def poke(self, context: Context) -> bool:
        from tm_store.ab import weigh
        from tm_store.migrate import open_memory

        with open_memory(Settings.from_env()) as db:
            left = weigh(db, _name(context)).open
        self.log.info("%s: %s blind items want a verdict", _name(context), left)
        return left == 0


class WeighOperator(BaseOperator):
    """Put the evidence together; skips the approval if it proposes nothing."""

    def execute(self, context: Context) -> dict[str, Any]:
        from tm_store.ab import weigh
        from tm_store.migrate import open_memory

        with open_memory(Settings.from_env()) as db:
            found = weigh(db, _name(context))
        self.log.info("%s\n%s", _name(context), found.shown)
        if not found.finding.proposed:
            raise AirflowSkipException(f"{_name(context)}: nothing is proposed: {found.finding.reason}")
        return {"comparison": _name(context), "shown": found.shown, "named": found.named}


class PromoteVariantOperator(BaseOperator):
    """Have the plans to come pin what was approved. Done again it changes nothing.

    Args:
        named: the name of the evidence that was shown.
        approved_in: the task that asked for the approval.
    """

    template_fields: Sequence[str] = ("named",)

    def __init__(self, *, named: str, approved_in: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.named = named
        self.approved_in = approved_in

    def execute(self, context: Context) -> dict[str, Any]:
        from tm_formats.storage import open_storage
        from tm_store.ab import promote
        from tm_store.migrate import open_memory

        settings = Settings.from_env()
        who = granted_by(context, self.approved_in, APPROVE)
        with open_memory(settings) as db:
            return promote(
                settings, db, open_storage(settings), _name(context), who=who, named=self.named, day=_today()
            )  # fmt: skip


def _today() -> Any:
    return datetime.now(UTC).date()
