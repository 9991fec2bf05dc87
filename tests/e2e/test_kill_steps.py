"""Any step can be killed at any point and run again: the memory, the books and the files end as if it never was.

A step is killed in three ways: after a share of the time that it takes; as soon as one of its files is there (the
process is stopped and looked at every half a millisecond); and while it waits to write a certain table, which another
connection holds: that point is hit exactly.
"""

import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.waiting import Span, pause, wait_until
from tm_core.contracts import DOCUMENTS, ROUTES
from tm_formats.tables import read_rows
from tm_store.backup import list_backups

pytestmark = pytest.mark.db

BEFORE, DAY = "2026-01-05", "2026-01-06"
STEPS = "plan tier1 route tier2 filter gate load sample publish backup".split()
#: Where each step is killed: a share of its time, a file, or a table that it is about to write.
SHARES = (0.15, 0.5, 0.85)
FILES = {
    "plan": ["work/*/plan/files.parquet", "work/*/plan/documents.parquet", "work/*/plan/manifest.json"],
    "tier1": ["work/*/tier1/0/.tmp-*", "work/*/tier1/0/results.parquet", "work/*/tier1/0/costs.json"],
    "route": ["work/*/route/.tmp-*", "work/*/route/documents.parquet", "work/*/route/manifest.json"],
    "tier2": ["work/*/tier2/0/.tmp-*", "work/*/tier2/0/beads.parquet", "work/*/tier2/0/manifest.json"],
    "filter": ["work/*/filter/beads-0000.parquet", "work/*/filter/documents.parquet"],
    "gate": ["work/*/gate/data_docs/index.html", "work/*/gate/verdict.json"],
    "backup": ["../work/backup-*", "backups/*/memory/toc.dat.zst", "backups/*/manifest.json"],
}
TABLES = {
    "plan": ["ops.batch", "ops.file"],
    "filter": ["ops.ledger", "staging.bead", "ops.document", "ops.slice"],
    "gate": ["quality.metric", "quality.check_result", "ops.slice"],
    "load": ["tm.evidence", "tm.unit", "tm.document", "ops.outcome", "ops.slice", "ops.batch"],
    "sample": ["review.item"],
    "backup": ["ops.backup", "staging.bead", "ops.batch"],
}
MOMENTS = {
    step: [*SHARES, *FILES.get(step, []), *TABLES.get(step, []), *(["ops.step"] if not step.startswith("tier") else [])]
    for step in STEPS
}


class Batch:
    """One batch, step by step, by the commands that the DAG runs."""

    def __init__(self, world):
        self.world = world
        self.batch = ""

    def commands(self, step):
        if step == "plan":
            return [["tm", "refresh-plan", "--date", DAY]]
        if not step.startswith("tier"):
            return [["tm", "refresh-step", step, "--batch", self.batch]]
        folder, schema = ("plan", DOCUMENTS) if step == "tier1" else ("route", ROUTES)
        rows = read_rows(self.world.storage, f"work/{self.batch}/{folder}/documents.parquet", schema)
        tier = "lexical" if step == "tier1" else "embedding"
        shards = sorted({row["shard"] for row in rows} - {-1})
        assert shards, f"{step} has nothing to do: the test would pass on nothing"
        return [["tm-align", "shard", "--batch", self.batch, "--tier", tier, "--shard", str(shard)] for shard in shards]

    def run(self, step):
        """Run a step to its end; returns the time it took, to draw moments from."""
        span = Span()
        for command in self.commands(step):
            done = self._patiently(command).ok()
            if step == "plan":
                self.batch = done.json["batch_id"]
        return span.ended()

    def _patiently(self, command):
        """What the message of BatchBusy asks for: the server may need a moment to see that a client was killed."""

        def alone():
            done = self.world.start(*command).wait()
            return done if done.status == 0 or "expected to work on it alone" not in done.err else None

        return wait_until(alone, "the killed one's lock is free")

    def finish(self, after):
        for step in STEPS[STEPS.index(after) + 1 :]:
            self.run(step)


@pytest.fixture(scope="module")
def day_before(make_lasting_world):
    """A memory that holds the date before, so that the killed load has units to change and to remove."""
    world = make_lasting_world()
    world.deposit_day(BEFORE)
    world.refresh(BEFORE).ok()
    world.deposit_day(DAY)
    return world


@pytest.fixture(scope="module")
def undisturbed(make_lasting_world, day_before):
    """(what the world says after a run that nothing disturbed, the time of each step)."""
    world = make_lasting_world(like=day_before)
    batch = Batch(world)
    spans = {step: batch.run(step) for step in STEPS}
    assert {"new", "updated", "unchanged", "rejected"} <= set(world.outcomes(DAY))
    return world.state() | {"checksum": world.checksum()}, spans


# Killing -----------------------------------------------------------------------------------------


def killed(world, command, moment, span):
    """Start the command and kill it at the moment; says whether it was still at work then."""
    if isinstance(moment, float):
        return _kill_after(world.start(*command), span, moment)
    if "/" in moment:
        return _kill_at_file(world, command, moment)
    return _kill_at_table(world, command, moment)


def _kill_after(running, span, share):
    span.pause(share)
    return _end(running)


def _end(running):
    # The process is gone and not yet waited for only as long as its parent pleases.
    with suppress(ProcessLookupError):
        running.kill()
    return running.wait().status == -signal.SIGKILL


def _files(root, pattern):
    return {(path, path.stat().st_ino) for path in root.glob(pattern)}


def _kill_at_file(world, command, pattern):
    root = Path(world.env["TM_HOME"]) / "storage"
    there = _files(root, pattern)
    running = world.start(*command)
    with suppress(ProcessLookupError):
        while True:
            os.kill(running.pid, signal.SIGSTOP)
            with suppress(FileNotFoundError):
                if _files(root, pattern) - there:
                    return _end(running)
            os.kill(running.pid, signal.SIGCONT)
            pause(0.0005, "the command goes on a little")
    return _end(running)


def _kill_at_table(world, command, table):
    with psycopg.connect(world.url) as holder, psycopg.connect(world.url, autocommit=True) as looking:
        holder.execute(f"lock table {table} in exclusive mode")
        running = world.start(*command)
        waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        wait_until(
            lambda: looking.execute(waits).fetchone() != (0,) or not _alive(running.pid), f"{table} is waited for"
        )
        return _end(running)


def _alive(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


# Tests -------------------------------------------------------------------------------------------


def check(world, undisturbed):
    found = world.state() | {"checksum": world.checksum()}
    assert {name for name in found if found[name] != undisturbed[name]} == set()
    world.check_books(DAY)
    backups = [backup for backup in list_backups(world.storage) if backup.batch_id == world.batch(DAY)]
    assert [backup.good for backup in backups] == [True]
    assert world.rows("select state from ops.backup where batch_id = %s", world.batch(DAY)) == [("good",)]
    assert list((Path(world.env["TM_HOME"]) / "work").iterdir()) == [], "a killed backup's folder was left"


@pytest.mark.parametrize("step", STEPS)
def test_a_step_killed_again_and_again(make_world, day_before, undisturbed, step):
    expected, spans = undisturbed
    world = make_world(like=day_before)
    batch = Batch(world)
    for earlier in STEPS[: STEPS.index(step)]:
        batch.run(earlier)
    command = batch.commands(step)[0]
    hits = {moment: killed(world, command, moment, spans[step]) for moment in MOMENTS[step]}
    assert any(hits.values()), hits
    batch.run(step)
    batch.finish(step)
    check(world, expected)


@pytest.mark.slow
@pytest.mark.parametrize(("step", "moment"), [(step, moment) for step in STEPS for moment in MOMENTS[step]])
def test_a_step_killed_once(make_world, day_before, undisturbed, step, moment):
    expected, spans = undisturbed
    world = make_world(like=day_before)
    batch = Batch(world)
    for earlier in STEPS[: STEPS.index(step)]:
        batch.run(earlier)
    hit = killed(world, batch.commands(step)[0], moment, spans[step])
    # Whether a share of the time or a file that is the last one comes too late is chance; a held table is not.
    assert hit or moment not in (*TABLES.get(step, []), "ops.step"), f"{step} was never seen at {moment}"
    batch.run(step)
    batch.finish(step)
    check(world, expected)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_whole_refresh_killed_at_random(make_world, day_before, undisturbed, seed):
    """`tm refresh` itself, four times at random moments, then to its end: the plan is made anew each time."""
    expected, spans = undisturbed
    chance = random.Random(seed)
    world = make_world(like=day_before)
    for _ in range(4):
        _kill_after(world.start("tm", "refresh", "--date", DAY), Span.total(spans.values()), chance.random())
    done = Batch(world)._patiently(["tm", "refresh", "--date", DAY]).ok()
    assert done.json["nothing_new"] in (True, False)
    assert world.checksum() == expected["checksum"]
    world.check_books(DAY)
