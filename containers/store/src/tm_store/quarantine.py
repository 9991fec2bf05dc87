"""The slices that were not loaded: held, quarantined and discarded ones, with what the gate found of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tm_core.errors import ReleaseObsolete, ReleaseRefused
from tm_core.outcomes import Verdict
from tm_store.db import Database
from tm_store.gate_suite import SliceKey

#: Verdicts that a person may change; what was discarded is gone until its date is planned anew.
OPEN = (Verdict.HOLD, Verdict.QUARANTINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A slice that was not loaded, of the batch that stands for its date.

    Attributes:
        generation: of the batch; a later plan of the date has a higher one.
        state: how far the batch has come.
        is_settled: whether the load has written what became of its beads.
        outcomes: beads by outcome.
        releasable: whether a person may let it in, as far as the gate knew when it judged.
        content: fingerprint of what was judged.
    """

    batch_id: str
    partition_date: date
    generation: int
    state: str
    key: SliceKey
    verdict: Verdict
    documents: int
    beads: int
    outcomes: dict[str, int]
    is_settled: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    releasable: bool
    content: str
    decided_by: str
    decided_at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One decision of a slice's history."""

    at: datetime
    verdict: str
    who: str
    by_person: bool
    why: str
    reasons: tuple[str, ...]


def waiting(db: Database, batch_id: str = "", verdicts: Sequence[Verdict] = OPEN) -> list[Waiting]:
    """The slices with one of these verdicts, newest date first; "" for those of every date's standing batch."""
    rows = db.run("quarantine/select_waiting", batch_id=batch_id, verdicts=[one.value for one in verdicts])
    return [
        Waiting(
            **{name: getattr(row, name) for name in ("batch_id", "partition_date", "generation", "state", "documents")},
            **{name: getattr(row, name) for name in ("beads", "is_settled", "releasable", "content", "outcomes")},
            **{name: getattr(row, name) for name in ("decided_by", "decided_at", "why")},
            key=SliceKey(store=row.store, src_lang=row.src_lang, tgt_lang=row.tgt_lang),
            verdict=Verdict(row.verdict),
            reasons=tuple(row.reasons),
            warnings=tuple(row.warnings),
        )
        for row in rows
    ]


def find_waiting(
    db: Database, batch_id: str, key: SliceKey, generation: int | None = None, seen: Verdict | None = None
) -> Waiting:
    """The slice that somebody wants to decide on.

    Args:
        generation, seen: of the plan and the verdict that the person was shown; None to take them as they are.

    Raises:
        ReleaseObsolete: the date was planned anew, or the slice has been decided on or loaded in between.
        ReleaseRefused: the load has not settled the slice yet.
    """
    where = f"batch {batch_id}, slice {key}"
    found = next((one for one in waiting(db, batch_id, tuple(Verdict)) if one.key == key), None)
    if found is None or generation not in (None, found.generation):
        raise ReleaseObsolete(
            f"{where}: expected the slice as it was planned, found that its date has been planned anew, or that there "
            "is no such slice. `tm quarantine list` shows what waits now; nothing was changed."
        )
    wanted = OPEN if seen is None else (seen,)
    if found.verdict not in wanted:
        raise ReleaseObsolete(
            f"{where}: expected a slice with the verdict {' or '.join(wanted)}, found it '{found.verdict}', decided by "
            f"{found.decided_by} at {found.decided_at:%Y-%m-%d %H:%M} UTC. Nothing was changed."
        )
    if not found.is_settled:
        raise ReleaseRefused(
            f"{where}: expected a batch whose load has ended, found it '{found.state}'. Wait until the refresh of "
            f"{found.partition_date} has ended, then decide again; nothing was changed."
        )
    return found


def history(db: Database, batch_id: str, key: SliceKey) -> list[Said]:
    """Every decision on a slice, oldest first."""
    place = {"batch_id": batch_id, "store": key.store, "src_lang": key.src_lang, "tgt_lang": key.tgt_lang}
    return [
        Said(
            at=row.at,
            verdict=row.verdict,
            who=row.decided_by,
            by_person=row.by_person,
            why=row.why,
            reasons=tuple(row.reasons),
        )
        for row in db.run("quarantine/select_history", **place)
    ]
