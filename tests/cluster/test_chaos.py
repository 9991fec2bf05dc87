"""Seeded faults over the life of a pod: the memory is the same, or a task says why not, and its clearing mends it."""

import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cluster.chaos import (
    ELSE,
    FAULTS,
    IN_POD,
    Blow,
    Fault,
    Proxy,
    StruckPod,
    api_url,
    has_components,
    kubeconfig_by,
    proxy,
)
from tests.cluster.conftest import DAY, SAMPLES, Batch, Task, checksum
from tests.cluster.kube import Kube
from tests.conftest import own_database
from tests.waiting import stopwatch
from tm_align.work import run_shard
from tm_core.contracts import Step
from tm_core.rules import Tier
from tm_formats.storage import Storage

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.cluster, pytest.mark.slow]

SEED, COUNT, AT_ONCE = 20260105, 42, 8
#: Of a pod; of a task with all its pods; of all tasks, eight at once, on a machine that others use as well.
DEADLINE_S = 120
LIMITS = {"tier1__deadline_seconds": DEADLINE_S, "loss__max_losses": 6}


@dataclass(kw_only=True)
class Shard:
    """A shard, what is done to it, and what became of it: message of the failed try or "", seconds, what is wrong."""

    shard: int
    fault: Fault
    settings: Any
    proxy: Proxy | None
    said: str = ""
    took: str = ""
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"shard {self.shard:2d}  {self.took:>8}  {self.fault.name:28s} {self.said[:100]!r}"


def texts() -> Iterator[tuple[str, str, str]]:
    """(name, English, German): a document a shard, each of its own sentences."""
    sides = [(SAMPLES / "gold" / f"seven-minutes.{lang}.sent").read_text().splitlines() for lang in ("en", "de")]
    half = min(map(len, sides)) // 2
    for number in range(COUNT):
        first = number % half
        yield (f"part-{number:02d}", *("\n".join([f"{number}.", *side[first : first + half]]) for side in sides))


def deposited(batch: Batch) -> Batch:
    """The batch with a shard a document, planned; tier 1 is sure of all, so that they end in the memory as they are."""
    storage = Storage(batch.settings.storage)
    for name, en, de in texts():
        storage.write_atomic(f"raw/demo/{DAY}/{name}.en.txt", en.encode())
        storage.write_atomic(f"raw/demo/{DAY}/{name}.de.txt", de.encode())
    batch.plan()
    assert len(batch.shards) == COUNT, "a shard a document"
    return batch


SMALL = {"TM_SHARD_CHARS": "1000", "TM_TIER_THRESHOLD": "0"}


@pytest.fixture
def batch(make_batch: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch) -> Batch:
    monkeypatch.setattr("operators.pod_runtime.ShardPod", StruckPod)
    return deposited(make_batch(**LIMITS, **SMALL))


@pytest.fixture
def undisturbed(make_batch: Callable[..., Batch], server_url: str, template: str, in_s3: str) -> Iterator[str]:
    """Checksum of another memory, of the same documents refined in this process."""
    with own_database(server_url, template) as url:
        calm = deposited(make_batch(TM_DATABASE_URL=url, TM_STORAGE=f"{in_s3}/calm", **SMALL))
        storage = Storage(calm.settings.storage)
        for shard in calm.shards:
            run_shard(calm.settings, storage, calm.batch_id, Tier.LEXICAL, shard)
        for step in (Step.ROUTE, Step.FILTER, Step.GATE, Step.LOAD):
            calm.step(step)
        yield checksum(calm.settings)


def drawn(kube: Kube) -> list[Fault]:
    """Each fault at least once, in an order that the seed gives."""
    dice = random.Random(SEED)
    known = [one for one in FAULTS if has_components(kube) or not one.whole_node]
    found = [*known, *dice.choices(known, k=COUNT - len(known))]
    dice.shuffle(found)
    return found


def arm(stack: ExitStack, batch: Batch, s3: str, monkeypatch: pytest.MonkeyPatch) -> list[Shard]:
    """Give each shard its fault. Proxies live until the end: the client's settings are shared between threads."""
    shards = []
    for shard, fault in zip(batch.shards, drawn(batch.kube), strict=True):
        changes, way = LIMITS | dict([IN_POD, *fault.pods]), None
        if fault.storage:
            way = stack.enter_context(proxy(s3, fault.storage))
            changes["env__AWS_ENDPOINT_URL"] = f"http://{way.address}"
        if fault.api:
            way = stack.enter_context(proxy(api_url(batch.kube), fault.api))
            path = kubeconfig_by(batch.kube, way, batch.kube.folder / f"chaos-{shard}.kubeconfig")
            changes["connection"] = f"kubernetes_chaos_{shard}"
            extra = {"kube_config_path": str(path), "namespace": batch.kube.namespace}
            name = f"AIRFLOW_CONN_{changes['connection'].upper()}"
            monkeypatch.setenv(name, json.dumps({"conn_type": "kubernetes", "extra": extra}))
        pods: Path = batch.kube.write_pods(f"chaos-{shard}.toml", **changes)
        shards.append(Shard(shard=shard, fault=fault, settings=replace(batch.settings, pods=pods), proxy=way))
    return shards


def strike_all(batch: Batch, shards: list[Shard]) -> None:
    """Strike the shards, some at once."""
    waiting = iter(shards)
    for worker in [Task(lambda: strike_each(batch, waiting)) for _ in range(AT_ONCE)]:
        worker.done()


def strike_each(batch: Batch, waiting: Iterator[Shard]) -> None:
    for one in waiting:
        passed = stopwatch()
        strike(batch, one)
        one.took = passed()
        print(one, *one.problems, flush=True)


def strike(batch: Batch, one: Shard) -> None:
    """Let a task do the shard while it is struck; clear it if it fails."""
    fault, found = one.fault, {}
    blow = StruckPod.blows[one.shard] = Blow(
        fault=fault,
        kube=batch.kube,
        dice=random.Random(SEED + one.shard),
        again=lambda: batch.shard(one.shard, try_number=2),
    )
    try:
        found = Task(lambda: batch.shard(one.shard, settings=one.settings)).done()
        one.problems += [f"did not fail: {fault.says}"] if fault.says and fault.certain else []
    except Exception as error:
        one.said = str(error)
        if not fault.says or not re.search(fault.says, one.said) or "lear this task" not in one.said:
            one.problems.append(f"failed, and not by saying '{fault.says}' and what to do: {error!r}")
    one.problems += not_struck(one, blow)
    try:
        found = found or Task(lambda: batch.shard(one.shard, try_number=3)).done()
        one.problems += [] if found["documents"] == {"aligned": 1} else [f"its document is {found['documents']}"]
    except Exception as error:
        one.problems.append(f"cleared, and not mended: {error!r}")


def not_struck(one: Shard, blow: Blow) -> list[str]:
    """Why the fault cannot be said to have been done."""
    if one.proxy and not one.proxy.struck:
        return ["nothing of its connections was spoilt"]
    if one.fault.strike is None:
        return []
    if blow.task is None:
        return [f"no pod was ever {one.fault.at}"]
    try:
        blow.task.done()
    except Exception as error:
        return [f"the blow failed: {error!r}"]
    return []


def test_forty_two_faults_end_in_the_same_memory(
    batch: Batch, undisturbed: str, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = stopwatch()
    with ExitStack() as stack:
        shards = arm(stack, batch, s3, monkeypatch)
        # Apart: a runtime that is restarted loses the last words of all containers, and messages must have theirs.
        strike_all(batch, [one for one in shards if not one.fault.whole_node])
        strike_all(batch, [one for one in shards if one.fault.whole_node])
    print(f"{COUNT} faults, {AT_ONCE} shards at once: {passed()}")
    check_causes(batch, shards)
    assert [f"{one}: {what}" for one in shards for what in one.problems] == []
    batch.kube.none_left()
    assert " 0 units" not in undisturbed
    assert batch.finish() == undisturbed


def check_causes(batch: Batch, shards: list[Shard]) -> None:
    """Every pod's end is recorded, is one that its fault brings, and is told in words for people."""
    with psycopg.connect(batch.settings.database_url) as connection:
        rows = connection.execute("select shard, cause, message from ops.pod order by pod_id").fetchall()
    for one in shards:
        causes = [str(cause) for shard, cause, _ in rows if shard == one.shard]
        print(f"shard {one.shard:2d}  {one.fault.name:28s} {causes}")
        one.problems += [] if causes[-1:] == ["done"] else [f"its pods ended {causes}"]
        if one.fault.causes and not set(causes) & {*one.fault.causes, *ELSE}:
            one.problems.append(f"expected a pod to end {one.fault.causes}, found {causes}")
    assert all(cause for _, cause, _ in rows), "a pod's end was not recorded"
    slips = re.compile(r"\b(Attribute|Type|Key|Index|Name)Error\b")
    assert [message for _, _, message in rows if slips.search(message)] == []
