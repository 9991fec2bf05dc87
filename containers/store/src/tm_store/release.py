"""Decide on a slice that the gate held or refused: let it in, keep it out, throw it away.

One transaction: the decision with who and why, the gate's second look, the load, the books and the journal. Whichever
way it goes, each bead of the slice has its outcome afterwards and the sums close.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from tm_core.errors import ReleaseObsolete, ReleaseRefused
from tm_core.outcomes import Verdict
from tm_core.settings import Settings
from tm_core.verdicts import Decision, Ruling, decide
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.gate import record_decision, recorded_checks, run_gate
from tm_store.gate_suite import SliceKey
from tm_store.journal import record, ship
from tm_store.load import merge_staged
from tm_store.locks import date_lock
from tm_store.quarantine import Waiting, find_waiting, history
from tm_store.sample import sample_batch
from tm_store.staging import stage

#: Kinds of journal entries by what was decided.
KINDS = {Verdict.ACCEPT: "release", Verdict.QUARANTINE: "quarantine", Verdict.DISCARD: "discard"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a slice that a person decided on.

    Attributes:
        outcomes: its beads by outcome.
        inserted, removed: units that the memory gained and lost.
        items: review items of the batch, of which the slice's are new; 0 unless it was loaded.
    """

    batch_id: str
    store: str
    src_lang: str
    tgt_lang: str
    verdict: Verdict
    outcomes: dict[str, int]
    inserted: int
    removed: int
    items: int


def settle(
    settings: Settings,
    db: Database,
    storage: Storage,
    batch_id: str,
    key: SliceKey,
    ruling: Ruling,
    *,
    generation: int | None = None,
    seen: Verdict | None = None,
    run_id: str = "command line",
) -> Settled:
    """Do what a person says of a slice; doing it twice is refused the second time and changes nothing.

    A slice that is let in is staged again from the filter's files, judged again and loaded. The rest of its batch is
    not touched: what was loaded keeps its outcomes.

    Args:
        ruling: the verdict, the person, the reason.
        generation, seen: of the plan and the verdict that the person was shown; None to take them as they are.

    Raises:
        ReleaseObsolete: the slice is not there any more as it was judged. Nothing was changed.
        ReleaseRefused: it may not be let in, or not yet. Nothing was changed.
        BatchBusy: another run works on the date. Nothing was changed.
        ContractError: the filter's files are gone or changed. Nothing was changed.

    Cost: staging the whole batch again; for a slice that is let in also the gate, 6 CPU seconds.
    """
    day = find_waiting(db, batch_id, key, generation, seen).partition_date
    with date_lock(db, day, "release", run_id):
        found = find_waiting(db, batch_id, key, generation, seen)
        try:
            stage(db, storage, batch_id, day)
            with db.transaction():
                inserted, removed = _decide_and_load(settings, db, storage, found, ruling)
                items = sample_batch(settings, db, batch_id) if ruling.verdict is Verdict.ACCEPT else 0
        finally:
            db.run("staging/delete_beads", batch_id=batch_id)
        outcomes = _outcomes(db, batch_id, key)
    ship(db, storage)
    return Settled(
        batch_id=batch_id,
        **asdict(key),
        verdict=ruling.verdict,
        outcomes=outcomes,
        inserted=inserted,
        removed=removed,
        items=items,
    )


def _decide_and_load(
    settings: Settings, db: Database, storage: Storage, found: Waiting, ruling: Ruling
) -> tuple[int, int]:
    place = {"batch_id": found.batch_id, **asdict(found.key)}
    checks = recorded_checks(db, found.batch_id).get(found.key, [])
    db.run("quarantine/open_slice", **place)
    content = _check_content(db, found)
    # Written before the gate looks again: it finds the ruling where it finds that of an earlier run.
    record_decision(db, found.batch_id, found.key, _ruled(checks, found, ruling), content)
    if ruling.verdict is Verdict.ACCEPT:
        run_gate(settings, db, storage, found.batch_id)
        _check_let_in(db, found)
    inserted, removed = merge_staged(db, db.one("ops/select_batch", batch_id=found.batch_id))
    # The load says that the batch is loaded; how far it had come does not change by a slice that comes after it.
    db.run("ops/set_batch_state", batch_id=found.batch_id, state=found.state)
    facts: dict[str, object] = {
        "batch_id": found.batch_id,
        "date": found.partition_date.isoformat(),
        "src_lang": found.key.src_lang,
        "tgt_lang": found.key.tgt_lang,
        "verdict": ruling.verdict.value,
        "why": ruling.why,
        "content": content,
    }
    record(db, kind=KINDS[ruling.verdict], who=ruling.who, store=found.key.store, facts=facts)
    return inserted, removed


def _ruled(checks: list[Any], found: Waiting, ruling: Ruling) -> Decision:
    if checks:
        decided = decide(checks, ruling)
        if decided.verdict is ruling.verdict:
            return decided
    # Whether its numbers can be right is for the gate's second look to say: what was lost may have been mended.
    return Decision(
        verdict=ruling.verdict,
        reasons=(str(ruling), *found.reasons),
        warnings=found.warnings,
        decided_by=ruling.who.strip(),
        why=ruling.why.strip(),
    )


def _check_content(db: Database, found: Waiting) -> str:
    rows = db.run("quality/select_contents", batch_id=found.batch_id, day=found.partition_date)
    content: str = next(row.content for row in rows if _key(row) == found.key)
    if found.content not in ("", content):
        raise ReleaseObsolete(
            f"batch {found.batch_id}, slice {found.key}: expected the beads that the gate judged, found others in the "
            f"filter's files. Either they or staging were changed. Run {found.partition_date} again with 'reprocess'; "
            "nothing was changed."
        )
    return content


def _check_let_in(db: Database, found: Waiting) -> None:
    rows = db.run("quality/select_decisions", batch_id=found.batch_id)
    decided = next(row for row in rows if found.key == _key(row))
    if decided.verdict != Verdict.ACCEPT:
        wrong = [
            f"{one.name}: {one.found}"
            for one in recorded_checks(db, found.batch_id)[found.key]
            if not one.passed and not one.releasable
        ]
        raise ReleaseRefused(
            f"batch {found.batch_id}, slice {found.key}: it cannot be released by anybody, because its numbers cannot "
            f"be right ({'; '.join(wrong)}). Run {found.partition_date} again with 'reprocess', which aligns and "
            "filters it anew, or discard it. Nothing was changed."
        )


def _key(row: Any) -> SliceKey:
    return SliceKey(store=row.store, src_lang=row.src_lang, tgt_lang=row.tgt_lang)


def _outcomes(db: Database, batch_id: str, key: SliceKey) -> dict[str, int]:
    rows = db.run("ops/select_slices", batch_id=batch_id)
    return dict(next(row.outcomes for row in rows if _key(row) == key))


def was_settled(db: Database, storage: Storage, batch_id: str, key: SliceKey, ruling: Ruling) -> bool:
    """Whether the slice stands as this ruling left it: asked by a task that was killed after its commit.

    Ships the journal then, which may have been left to do.
    """
    said = history(db, batch_id, key)
    last = said[-1] if said else None
    done = last is not None and (last.verdict, last.who, last.why) == (
        ruling.verdict.value,
        ruling.who.strip(),
        ruling.why.strip(),
    )
    if done:
        ship(db, storage)
    return done


def replay(settings: Settings, db: Database, storage: Storage, store: str, who: str, facts: Mapping[str, Any]) -> bool:
    """Do again what a journal entry of this module's kinds says, on a memory that was restored from before it.

    Returns:
        False if the restored memory knows it already, or holds another plan of the date.
    """
    key = SliceKey(store=store, src_lang=facts["src_lang"], tgt_lang=facts["tgt_lang"])
    ruling = Ruling(verdict=Verdict(facts["verdict"]), who=who, why=facts["why"])
    try:
        found = find_waiting(db, facts["batch_id"], key)
        if date.fromisoformat(facts["date"]) != found.partition_date or found.verdict is ruling.verdict:
            return False
        settle(settings, db, storage, facts["batch_id"], key, ruling, run_id="replay")
    except ReleaseObsolete:
        return False
    return True
