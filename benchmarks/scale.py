"""How a night's run grows with its documents: what it takes, what it costs, and what breaks first.

A simulation by events of the mapped tiers on a cluster that scales with its queue, followed by the steps that run
once. What a document costs tier 1 is measured here, on the samples, in the same run; rates of the database are
arguments whose defaults are what `make bench-tm` and `make bench-backup` printed; what could not be measured (the GPU's
encoder, prices, how long a node takes to come) is an argument too, and printed as an assumption.

    make simulate-scale
    python benchmarks/scale.py --documents 100000 --loss 0.3 --gpu-rate 4000
"""

import argparse
import heapq
import itertools
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from tm_align.lexical import align_lexical
from tm_align.segment import segment
from tm_core.pods import load_pods
from tm_formats.documents import read_document

TICK = 30.0  # seconds between two looks of the scaler; the cluster autoscaler's own is 10 s, KEDA's 30 s
INCLUDE = Path(__file__).resolve().parents[1] / "include"
FIRST_DATE = INCLUDE / "samples" / "2026-01-05"
PODS = load_pods(INCLUDE / "pods.toml")


def _given(default: float, doc: str, source: str = "assumed") -> float:
    value: float = field(default=default, metadata={"doc": doc, "source": source})
    return value


@dataclass(frozen=True, kw_only=True)
class World:
    """What the simulation takes as given; every field is an argument of the command."""

    tier1_segment: float = _given(0.0, "CPU s of tier 1 by segment, reading included", "measured in this run")
    segments: float = _given(180, "segments of a document, both sides, mean", "the Debian handbook: 52,265 in 288")
    tier2_share: float = _given(0.1, "share of documents that tier 1 is not sure of")
    gpu_rate: float = _given(3000, "texts a second that one GPU encodes")
    overlaps: float = _given(3.0, "texts encoded by segment: merges share most")
    pod_start: float = _given(8, "s from a pod's creation to its first document")
    node_start: float = _given(120, "s until an ordered node is there")
    queue_age: float = _given(300, "s in the queue after which the pool doubles", "the trigger of docs/scale.md")
    workers_least: float = _given(2, "CPU nodes, least")
    workers_most: float = _given(100, "CPU nodes, most")
    gpus_least: float = _given(0, "GPU nodes, least")
    gpus_most: float = _given(PODS.tier2.parallelism, "GPU nodes, most: the pool's slots", "include/pods.toml")
    max_shards: float = _given(200, "mapped tasks of a tier (TM_MAX_SHARDS; Airflow's own limit is 1,024)")
    shard_seconds: float = _given(600, "work that a shard is planned for, s")
    filter_rate: float = _given(12_000, "beads a second through filter and staging, one process")
    load_rate: float = _given(30_000, "units a second into the memory, one transaction")
    backup_rate: float = _given(50_000, "units a second of the backup")
    worker_price: float = _given(0.05, "dollars an hour of a CPU node's core, on demand")
    gpu_price: float = _given(0.60, "dollars an hour of a GPU node, on demand")
    spot_price: float = _given(0.35, "a spot node's price as a share of the other")
    losses_before_on_demand: float = _given(
        PODS.loss.spot_losses, "lost pods of a shard before it goes to an on-demand node", "include/pods.toml"
    )


@dataclass(kw_only=True)
class Shard:
    """Work of one pod, in seconds. What a lost pod had finished stays done, but for the document under way."""

    left: float
    document: float
    queued_at: float = 0.0
    losses: int = 0


@dataclass(kw_only=True)
class Pool:
    """Nodes of one kind, a pod each, that come and go with the queue."""

    low: int
    high: int
    price: float
    size: int = 0
    busy: int = 0
    coming: list[float] = field(default_factory=list)  # moments at which ordered nodes are there
    paid: float = 0.0
    peak: int = 0


@dataclass(frozen=True, kw_only=True)
class Tier:
    """What became of a tier: seconds until its last shard was done, dollars, lost pods, most nodes at once."""

    seconds: float
    dollars: float
    losses: int
    peak: int
    shards: int


def measure(repeats: int = 5) -> float:
    """CPU seconds of tier 1 by segment, reading and segmenting included, over the samples in English and German."""
    targets = {src: src.with_name(src.name.replace(".en.", ".de.")) for src in sorted(FIRST_DATE.glob("*.en.*"))}
    pairs = [(src, tgt) for src, tgt in targets.items() if tgt.is_file()]
    assert pairs, "no sample has an English and a German side"
    for pair in pairs:
        _align(*pair)  # loads the kernels
    began = time.process_time()
    segments = sum(_align(*pair) for _ in range(repeats) for pair in pairs)
    return (time.process_time() - began) / segments


def _align(src: Path, tgt: Path) -> int:
    sides = [
        [one.text for one in segment(read_document(path.name, path.read_bytes()), lang)]
        for path, lang in ((src, "en"), (tgt, "de"))
    ]
    align_lexical(*sides, src_lang="en", tgt_lang="de")
    return sum(map(len, sides))


def shards_of(documents: int, document_seconds: float, world: World, rng: random.Random) -> list[Shard]:
    """Documents in shards of about equal work: as many as their length asks for, at most the plan's limit."""
    total = documents * document_seconds
    number = max(1, min(world.max_shards, math.ceil(total / world.shard_seconds), documents))
    # Shards are planned by estimates: what they really take differs by some percent.
    return [Shard(left=total / number * rng.lognormvariate(0, 0.1), document=document_seconds) for _ in range(number)]


def run_tier(shards: Sequence[Shard], pool: Pool, world: World, loss: float, rng: random.Random) -> Tier:
    """Run shards, the biggest first, on a pool that grows while the queue is old.

    Args:
        loss: share of spot nodes that are taken away within an hour.
    """
    rate = -math.log(1 - loss) / 3600
    queue = sorted(shards, key=lambda one: -one.left)
    running: list[tuple[float, int, float, Shard]] = []
    now, done_at, losses, serial = 0.0, 0.0, 0, itertools.count()
    pool.size = pool.peak = pool.low
    while queue or running:
        while queue and pool.busy < pool.size:
            shard = queue.pop(0)
            ends = now + min(world.pod_start + shard.left, _survives(shard, rate, world, rng))
            heapq.heappush(running, (ends, next(serial), now, shard))
            pool.busy += 1
        if running and running[0][0] <= now + TICK:
            ended, _, began, shard = heapq.heappop(running)
            now = max(now, ended)
            pool.busy -= 1
            _pay(pool, ended - began, spot=shard.losses < world.losses_before_on_demand, world=world)
            _settle(shard, worked=ended - began - world.pod_start)
            if shard.left > 0:
                losses, shard.losses, shard.queued_at = losses + 1, shard.losses + 1, now
                queue.append(shard)
            else:
                done_at = now
        else:
            now += TICK
            _scale(pool, queue, now, world)
    return Tier(seconds=done_at, dollars=pool.paid, losses=losses, peak=pool.peak, shards=len(shards))


def _survives(shard: Shard, rate: float, world: World, rng: random.Random) -> float:
    """Seconds until its node is taken away; on-demand nodes, which a shard gets after some losses, are not."""
    return rng.expovariate(rate) if rate and shard.losses < world.losses_before_on_demand else math.inf


def _settle(shard: Shard, worked: float) -> None:
    if worked >= shard.left - 1e-9:
        shard.left = 0.0
    elif worked > 0:
        shard.left -= worked // shard.document * shard.document


def _pay(pool: Pool, seconds: float, *, spot: bool, world: World) -> None:
    pool.paid += seconds / 3600 * pool.price * (world.spot_price if spot else 1.0)


def _scale(pool: Pool, queue: Sequence[Shard], now: float, world: World) -> None:
    """The triggers of docs/scale.md: twice the nodes while somebody waits too long, no idle ones but the least."""
    pool.size += sum(moment <= now for moment in pool.coming)
    pool.coming = [moment for moment in pool.coming if moment > now]
    waiting = max((now - one.queued_at for one in queue), default=0.0)
    if waiting > world.queue_age and not pool.coming:
        wanted = min(pool.high, 2 * pool.size, pool.size + len(queue))
        pool.coming = [now + world.node_start] * (wanted - pool.size)
    if not queue:
        pool.size = max(pool.low, pool.busy)
    pool.peak = max(pool.peak, pool.size)


@dataclass(frozen=True, kw_only=True)
class Night:
    """A night in the simulation: seconds of each part, dollars, lost pods."""

    documents: int
    loss: float
    tier1: Tier
    tier2: Tier
    once: dict[str, float]

    @property
    def seconds(self) -> float:
        return self.tier1.seconds + self.tier2.seconds + sum(self.once.values())

    @property
    def longest(self) -> str:
        parts = {"tier 1": self.tier1.seconds, "tier 2": self.tier2.seconds, **self.once}
        return max(parts, key=lambda name: parts[name])


def night(documents: int, loss: float, world: World, seed: int) -> Night:
    """Simulate one night."""
    rng = random.Random(seed)
    document = world.tier1_segment * world.segments
    workers = Pool(low=int(world.workers_least), high=int(world.workers_most), price=world.worker_price)
    tier1 = run_tier(shards_of(documents, document, world, rng), workers, world, loss, rng)
    doubtful = math.ceil(documents * world.tier2_share)
    encoding = world.segments * world.overlaps / world.gpu_rate
    # A pool without nodes gets its first one when somebody waits, as every other.
    gpus = Pool(low=max(1, int(world.gpus_least)), high=int(world.gpus_most), price=world.gpu_price)
    tier2 = run_tier(shards_of(doubtful, encoding + document, world, rng), gpus, world, loss, rng)
    beads = documents * world.segments / 2
    once = {
        "filter, gate": beads / world.filter_rate,
        "load": beads / world.load_rate,
        "backup": beads / world.backup_rate,
    }
    return Night(documents=documents, loss=loss, tier1=tier1, tier2=tier2, once=once)


def _hours(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


HEAD = ("documents", "spot loss", "tier 1", "tier 2", "once", "night", "dollars", "lost pods", "nodes", "longest")


def table(nights: Sequence[Night]) -> str:
    """The nights as text, a line each."""
    rows = [HEAD, *(_row(one) for one in nights)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _row(one: Night) -> tuple[str, ...]:
    return (
        f"{one.documents:,}",
        f"{one.loss:.0%}",
        _hours(one.tier1.seconds),
        _hours(one.tier2.seconds),
        _hours(sum(one.once.values())),
        _hours(one.seconds),
        f"{one.tier1.dollars + one.tier2.dollars:.2f}",
        str(one.tier1.losses + one.tier2.losses),
        f"{one.tier1.peak}+{one.tier2.peak}",
        one.longest,
    )


def main() -> None:
    """Print what is taken as given, then the nights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[1000, 10_000, 100_000, 1_000_000, 10_000_000])
    parser.add_argument("--loss", type=float, nargs="+", default=[0.0, 0.1, 0.3], help="spot nodes lost within an hour")
    parser.add_argument("--seed", type=int, default=1)
    for item in fields(World):
        parser.add_argument(
            "--" + item.name.replace("_", "-"), type=float, default=item.default, help=item.metadata["doc"]
        )
    options = vars(parser.parse_args())
    given = {item.name: options[item.name] for item in fields(World)}
    given["tier1_segment"] = given["tier1_segment"] or measure()
    world = World(**given)
    for item in fields(World):
        print(
            f"  {item.name:24} {getattr(world, item.name):>12.6g}  {item.metadata['doc']} ({item.metadata['source']})"
        )
    nights = [night(count, loss, world, options["seed"]) for count in options["documents"] for loss in options["loss"]]
    print(table(nights))


if __name__ == "__main__":
    main()
