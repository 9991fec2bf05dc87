"""The tasks of lexicon_refresh: collect units, learn a pair's lexicon, decide on the candidates."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from operators.runtime import ProcessRuntime
from tm_core.commands import lexicon_command
from tm_core.identity import digest
from tm_core.settings import Settings


def work_name(run_id: str) -> str:
    """The run's folder below ``work/``."""
    return f"lexicon-{digest(run_id)[:12]}"


class CollectUnitsOperator(BaseOperator):
    """Write every pair's approved units beside its gold documents; returns the pairs that have enough of them."""

    def execute(self, context: Context) -> list[dict[str, str]]:
        from tm_formats.storage import open_storage
        from tm_store.lexicons import collect
        from tm_store.migrate import open_memory

        settings = Settings.from_env()
        with open_memory(settings) as db:
            return collect(settings, db, open_storage(settings), work_name(str(context["run_id"])))


class LearnLexiconOperator(BaseOperator):
    """Run ``tm-align lexicon-refresh`` for one language pair.

    Args:
        src_lang, tgt_lang: the pair.
        promoted: hash of the lexicon in use, "" if there is none.
    """

    def __init__(self, *, src_lang: str, tgt_lang: str, promoted: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.src_lang = src_lang
        self.tgt_lang = tgt_lang
        self.promoted = promoted

    def execute(self, context: Context) -> dict[str, Any]:
        self._runtime = ProcessRuntime()
        run = work_name(str(context["run_id"]))
        return self._runtime.run(lexicon_command(run, self.src_lang, self.tgt_lang, self.promoted))

    def on_kill(self) -> None:
        """Stop the command when somebody marks the task failed or cleared."""
        self._runtime.stop()


class PromoteLexiconsOperator(BaseOperator):
    """Put each candidate into use that aligns gold no worse than what is in use; keep the last ones."""

    template_fields: Sequence[str] = ("pairs",)

    def __init__(self, *, pairs: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pairs = pairs

    def execute(self, context: Context) -> list[dict[str, Any]]:
        from tm_formats.storage import open_storage
        from tm_store.lexicons import promote
        from tm_store.migrate import open_memory

        settings = Settings.from_env()
        with open_memory(settings) as db:
            decided = promote(db, open_storage(settings), work_name(str(context["run_id"])), self.pairs)
        for one in decided:
            self.log.info("%s-%s: promoted=%s, %s", one["src_lang"], one["tgt_lang"], one["promoted"], one["reason"])
        return decided
