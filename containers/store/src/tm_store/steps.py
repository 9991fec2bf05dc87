"""The steps of a refresh as commands: what the DAG's tasks and ``tm refresh-step`` both run.

Each can be killed at any point and run again: it works on its batch alone, holds its date's lock, and ends with a row
in ``ops.step``.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from psycopg.types.json import Jsonb

from tm_core.contracts import Step
from tm_core.errors import BatchBusy
from tm_core.outcomes import BatchState
from tm_core.settings import Settings
from tm_formats.storage import Storage, open_storage
from tm_store.db import Database
from tm_store.erase_files import sweep_batch
from tm_store.gate_version import check_gate_version
from tm_store.journal import ship
from tm_store.load import check_not_rolled_back, load_batch
from tm_store.locks import date_lock
from tm_store.migrate import open_memory
from tm_store.plan import PlanSummary, make_plan
from tm_store.refine import refine
from tm_store.restore_loads import record_load
from tm_store.retry import with_memory
from tm_store.route import make_routes
from tm_store.sample import sample_batch
from tm_store.staging import ensure_staged, stage

Facts = dict[str, Any]


def plan(
    settings: Settings, day: date, *, run_id: str, only_stores: Sequence[str] = (), reprocess: bool = False
) -> PlanSummary:
    """Plan one date; see tm_store.plan.make_plan."""
    began = time.monotonic()
    storage = open_storage(settings)

    def work(db: Database) -> PlanSummary:
        summary = make_plan(settings, db, storage, day, run_id=run_id, only_stores=only_stores, reprocess=reprocess)
        if not summary.nothing_new:
            _record(db, summary.batch_id, Step.PLAN, began, asdict(summary))
        return summary

    return with_memory(settings, work)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What a step works with."""

    settings: Settings
    db: Database
    storage: Storage
    batch_id: str
    day: date


def run(settings: Settings, step: Step, batch_id: str, *, run_id: str) -> Facts:
    """Run one step of a planned batch and return what it says of itself: counts and URIs, never text.

    Raises:
        ValueError: the step is not one that is run here (plan has its own call, the tiers are ``tm-align shard``).
        BatchBusy: another run is at work on the date, or has planned this batch anew.
        TmError: as it says; the step can be run again.
    """
    if step not in _STEPS:
        raise ValueError(f"step '{step}': expected one of {', '.join(_STEPS)}")
    began = time.monotonic()

    def attempt(db: Database) -> Facts:
        with _work(settings, db, step, batch_id, run_id) as work:
            facts = _STEPS[step](work)
            _record(db, batch_id, step, began, facts)
            return facts

    return with_memory(settings, attempt)


@contextmanager
def _work(settings: Settings, db: Database, step: Step, batch_id: str, run_id: str) -> Iterator[_Work]:
    day = db.one("ops/select_batch", batch_id=batch_id).partition_date
    with date_lock(db, day, step, run_id):
        _check_loaded(db, step, batch_id)
        yield _Work(settings=settings, db=db, storage=open_storage(settings), batch_id=batch_id, day=day)


def _check_loaded(db: Database, step: Step, batch_id: str) -> None:
    """A run that plans a batch anew takes it over: were the other run to close it, nobody would load it again."""
    batch = db.one("ops/select_batch", batch_id=batch_id)
    check_not_rolled_back(batch)
    if step in (Step.SAMPLE, Step.PUBLISH, Step.BACKUP) and batch.state == BatchState.PLANNED:
        raise BatchBusy(
            f"batch {batch_id}: expected it to be loaded before '{step}', found it planned by the run '{batch.run_id}' "
            f"at {batch.planned_at:%Y-%m-%d %H:%M:%S} UTC and not loaded since. Another run of this date has begun it "
            "anew, or 'load' has not run. Let that run end, or clear 'load' and what follows it; nothing was written."
        )


def record_shards(settings: Settings, batch_id: str, attestations: Sequence[Facts]) -> None:
    """Record what the shards of a tier ran on."""
    with open_memory(settings) as db:
        day = db.one("ops/select_batch", batch_id=batch_id).partition_date
        for one in attestations:
            db.run(
                "ops/record_shard",
                day=day,
                batch_id=batch_id,
                tier=one["tier"],
                shard=one["shard"],
                documents=sum(one["documents"].values()),
                seconds=one["seconds"],
                attestation=Jsonb(one),
            )


def _record(db: Database, batch_id: str, step: Step, began: float, facts: Facts) -> None:
    db.run(
        "ops/record_step",
        batch_id=batch_id,
        step=step.value,
        seconds=round(time.monotonic() - began, 3),
        facts=Jsonb(facts),
    )


def _route(work: _Work) -> Facts:
    return {"shards": make_routes(work.settings, work.storage, work.batch_id)}


def _filter(work: _Work) -> Facts:
    refined = refine(work.settings, work.db, work.storage, work.batch_id)
    # Before anything else reads the texts: what was erased stays in no file, and so gets no further.
    sweep_batch(work.db, work.storage, work.batch_id)
    # Always anew: clearing 'filter' is what mends a staging table that somebody has changed.
    stage(work.db, work.storage, work.batch_id, work.day)
    return {"beads": refined.rules.seen, "rejected": refined.rules.rejected}


def _gate(work: _Work) -> Facts:
    from tm_store.gate import run_gate

    check_gate_version(work.settings.include, work.db.one("ops/select_batch", batch_id=work.batch_id))
    ensure_staged(work.db, work.storage, work.batch_id, work.day)
    if not work.db.run("ops/select_slices", batch_id=work.batch_id):
        # No file of the date had a counterpart: there is nothing to judge, and nothing that could be accepted.
        return {"slices": []}
    summary = run_gate(work.settings, work.db, work.storage, work.batch_id)
    return asdict(summary)


def _load(work: _Work) -> Facts:
    summary = asdict(load_batch(work.db, work.storage, work.batch_id))
    record_load(work.db, work.storage, work.batch_id)
    return summary


def _sample(work: _Work) -> Facts:
    ensure_staged(work.db, work.storage, work.batch_id, work.day)
    return {"items": sample_batch(work.settings, work.db, work.batch_id)}


def _publish(work: _Work) -> Facts:
    """Nothing to write here: the DAG's task emits the asset's partition once this has been recorded."""
    return {"partition": work.day.isoformat()}


def _backup(work: _Work) -> Facts:
    """Back up, delete what retention allows, and close the batch."""
    from tm_store.backup import prune, take_backup

    # What a process that was killed after its commit has left: a restore of an older backup asks for it.
    ship(work.db, work.storage)
    summary = take_backup(work.settings, work.db, work.storage, work.batch_id)
    pruned = prune(work.settings, work.db, work.storage, datetime.now(UTC))
    work.db.run("staging/delete_beads", batch_id=work.batch_id)
    work.db.run("ops/set_batch_state", batch_id=work.batch_id, state=BatchState.DONE)
    return asdict(summary) | {"pruned": len(pruned.backups)}


_STEPS: dict[Step, Callable[[_Work], Facts]] = {
    Step.ROUTE: _route,
    Step.FILTER: _filter,
    Step.GATE: _gate,
    Step.LOAD: _load,
    Step.SAMPLE: _sample,
    Step.PUBLISH: _publish,
    Step.BACKUP: _backup,
}
