"""The tasks round a person's decision on a slice: which slices wait, what is asked, and doing what was answered."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow.sdk import BaseOperator, Context, Param, SkipMixin
from airflow.sdk.exceptions import AirflowSkipException

from operators.links import GatePageLink, gate_page
from operators.question import APPROVE, CheckedAnswer, check_answer, granted_by
from tm_core.errors import ReleaseObsolete, ReleaseRefused
from tm_core.outcomes import Verdict
from tm_core.settings import Settings
from tm_core.verdicts import TIMEOUT, WHY_CHARS, Ruling

#: What a person can answer, and what it means. Nobody's answer is KEEP_OUT.
KEEP_OUT, DISCARD = "Keep out", "Discard"
ANSWERS = {APPROVE: Verdict.ACCEPT, KEEP_OUT: Verdict.QUARANTINE, DISCARD: Verdict.DISCARD}


class HeldOperator(BaseOperator):
    """List a batch's held slices; returns for each what starts its run of tm_release.

    The run's id is the slice's, of this plan of the date: a cleared task asks nobody twice.
    """

    template_fields: Sequence[str] = ("batch_id",)

    def __init__(self, *, batch_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id

    def execute(self, context: Context) -> list[dict[str, Any]]:
        from tm_store.migrate import open_memory
        from tm_store.quarantine import waiting

        with open_memory(Settings.from_env()) as db:
            found = waiting(db, self.batch_id, [Verdict.HOLD])
        return [{"trigger_run_id": _run_id(one), "conf": _form(one)} for one in found]


class ShowSliceOperator(BaseOperator):
    """Look at the slice of the form; returns the question (no text of a segment) and what it was asked about.

    Args:
        form: the run's parameters: batch_id, store, src, tgt.
    """

    template_fields: Sequence[str] = ("form",)

    def __init__(self, *, form: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form = form

    def execute(self, context: Context) -> dict[str, Any]:
        from tm_store.gate_form import make_form
        from tm_store.migrate import open_memory
        from tm_store.quarantine import find_waiting

        with open_memory(Settings.from_env()) as db:
            found = find_waiting(db, self.form["batch_id"], _key(self.form))
            form = make_form(db, found, gate_page(found.batch_id))
        self.log.info("%s", form.body)
        return {
            "generation": found.generation,
            "verdict": found.verdict.value,
            "subject": form.subject,
            "body": form.body,
        }


class AskOperator(CheckedAnswer):
    """Ask a person; returns the verdict, who gave it and why. Nobody's answer keeps the slice out.

    The server takes any form, so an answer without a reason is not taken here: the question is asked again.
    """

    def __init__(self, **kwargs: Any) -> None:
        least, most = WHY_CHARS
        why = Param(
            None,  # without a default Airflow refuses to start the task
            type=["null", "string"],
            minLength=least,
            maxLength=most,
            title="Reason",
            description="Kept with the decision. No text of the slice: it may have to be erased one day.",
        )
        # In place of the DAG's parameters, which Airflow hands over here.
        kwargs["params"] = {"why": why}
        super().__init__(options=list(ANSWERS), defaults=KEEP_OUT, **kwargs)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        if event.get("timedout"):
            waited = self.response_timeout
            return {"verdict": Verdict.QUARANTINE.value, "who": TIMEOUT, "why": f"nobody decided within {waited}"}
        check_answer(context, event)
        try:
            ruling = _answered(event)
        except ReleaseRefused as error:
            self.log.warning("The answer was not taken, the question is asked again: %s", error)
            return self.execute(context)
        return {"verdict": ruling.verdict.value, "who": ruling.who, "why": ruling.why}


class SettleOperator(BaseOperator, SkipMixin):
    """Do what was answered; what follows is skipped unless the slice was let in. Done again it finds what it has done.

    Args:
        form: the run's parameters: batch_id, store, src, tgt.
        shown: what ShowSliceOperator returned.
        said: what AskOperator returned.
        answered_in: the task that asked.
    """

    template_fields: Sequence[str] = ("form", "shown", "said")
    operator_extra_links = (GatePageLink(),)

    def __init__(self, *, form: Any, shown: Any, said: Any, answered_in: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.answered_in = answered_in
        self.form = form
        self.shown = shown
        self.said = said

    @property
    def batch_id(self) -> str:
        """The form's batch."""
        return str(self.form["batch_id"])

    def execute(self, context: Context) -> dict[str, Any]:
        ruling = Ruling(verdict=Verdict(self.said["verdict"]), who=self.said["who"], why=self.said["why"])
        if ruling.by_person:
            option = next(option for option, verdict in ANSWERS.items() if verdict is ruling.verdict)
            ruling = replace(ruling, who=granted_by(context, self.answered_in, option))
        facts = self._settle(ruling, str(context["run_id"]))
        self.log.info("%s", facts)
        if ruling.verdict is not Verdict.ACCEPT:
            followers = context["task"].get_flat_relatives(upstream=False)
            self.skip(ti=context["ti"], tasks=followers)
        return facts

    def _settle(self, ruling: Ruling, run_id: str) -> dict[str, Any]:
        from tm_formats.storage import open_storage
        from tm_store.migrate import open_memory
        from tm_store.release import settle, was_settled

        settings = Settings.from_env()
        storage = open_storage(settings)
        place = {"batch_id": self.batch_id, "key": _key(self.form)}
        seen = {"generation": self.shown["generation"], "seen": Verdict(self.shown["verdict"])}
        with open_memory(settings) as db:
            try:
                done = settle(settings, db, storage, **place, ruling=ruling, **seen, run_id=run_id)
            except ReleaseObsolete as error:
                if was_settled(db, storage, **place, ruling=ruling):
                    return {"verdict": ruling.verdict.value, "done_before": True}
                if ruling.by_person:
                    raise
                raise AirflowSkipException(f"somebody has decided meanwhile: {error}") from error
        return {"verdict": done.verdict.value, "outcomes": done.outcomes, "units": [done.inserted, -done.removed]}


def _answered(event: Mapping[str, Any]) -> Ruling:
    user = event["responded_by_user"]
    return Ruling(
        verdict=ANSWERS[event["chosen_options"][0]],
        who=str(user["name"] or user["id"]),
        why=str((event["params_input"] or {}).get("why") or ""),
    )


def _run_id(one: Any) -> str:
    key = one.key
    return f"held__{one.batch_id}__{one.generation}__{key.store}__{key.src_lang}-{key.tgt_lang}"


def _form(one: Any) -> dict[str, str]:
    return {"batch_id": one.batch_id, "store": one.key.store, "src": one.key.src_lang, "tgt": one.key.tgt_lang}


def _key(form: Mapping[str, Any]) -> Any:
    from tm_store.gate_suite import SliceKey

    return SliceKey(store=form["store"], src_lang=form["src"], tgt_lang=form["tgt"])
