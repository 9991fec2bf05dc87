"""``tm plan``: what a refresh of a date would do and cost, before anything runs; nothing is written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from tm_core.deposits import Kind
from tm_core.outcomes import BatchState
from tm_core.pods import PodSettings, Rates
from tm_core.rules import Tier
from tm_core.settings import Device, Runtime, Settings
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.plan import look
from tm_store.report import table


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A tier's share of a date.

    Attributes:
        chars: text to align, both sides.
        minutes: of pods, start-up included; of how many cores and GPUs each, pods.toml says.
        money: in the currency of pods.toml.
    """

    documents: int
    shards: int
    chars: int
    cpu_minutes: float
    gpu_minutes: float
    money: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a refresh of one date would do.

    Attributes:
        from_ledger: of the documents, those that were aligned before with the same texts and versions.
        tier1, tier2: expected work; how much goes to tier 2 is known only after tier 1.
        tier2_most: if tier 1 were sure of nothing.
        running: who works on the date now, or has begun it and not ended it; "" for nobody.
    """

    day: date
    nothing_new: bool
    files: int
    documents: int
    from_ledger: int
    tier1: Work
    tier2: Work
    tier2_most: Work
    running: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What the numbers rest on: a site's pods, and rates with where they come from."""

    pods: PodSettings
    rates: Rates
    source: str


def assume(db: Database, pods: PodSettings) -> Assumed:
    """The rates that this memory has measured; for what it has not, those of pods.toml."""
    found = {row.tier: row for row in db.run("plan/select_rates")}
    rates, told = pods.rates, []
    for tier, name in ((Tier.LEXICAL, "tier1_chars"), (Tier.EMBEDDING, "tier2_chars")):
        row = found.get(tier.value)
        if row and row.seconds > 0 and row.chars:
            rates = replace(rates, **{name: row.chars / row.seconds})
            told.append(f"{name.removesuffix('_chars')} measured on {row.shards:,} shards")
    if first := found.get(Tier.LEXICAL.value):
        second = found.get(Tier.EMBEDDING.value)
        rates = replace(rates, tier2_share=min(1.0, (second.chars if second else 0) / max(1, first.chars)))
    return Assumed(pods=pods, rates=rates, source=", ".join(told) or "nothing measured yet: [rates] of pods.toml")


def forecast(
    settings: Settings,
    db: Database,
    storage: Storage,
    day: date,
    assumed: Assumed,
    *,
    only_stores: Sequence[str] = (),
    reprocess: bool = False,
) -> Forecast:
    """Look at one date. Reads and hashes its deposits; raises what tm_store.plan.make_plan raises."""
    with db.transaction():
        db.connection.execute("set transaction read only")
        found = look(settings, db, storage, day, only_stores=only_stores, reprocess=reprocess)
        running = _running(db, day)
    fresh = [one for one in found.documents if found.shards.get(one.key, -1) >= 0]
    unsure = [one for one in fresh if one.kind is Kind.DOCUMENT]
    share = assumed.rates.tier2_share
    chars, most = sum(one.chars for one in fresh), sum(one.chars for one in unsure)
    return Forecast(
        day=day,
        nothing_new=found.summary.nothing_new,
        files=len(found.files),
        documents=found.summary.documents,
        from_ledger=found.summary.from_ledger,
        tier1=_work(settings, assumed, Tier.LEXICAL, len(fresh), chars, len(found.summary.shards)),
        tier2=_tier2(settings, assumed, math.ceil(len(unsure) * share), math.ceil(most * share)),
        tier2_most=_tier2(settings, assumed, len(unsure), most),
        running=running,
    )


def _running(db: Database, day: date) -> str:
    if holders := db.run("ops/select_date_holder", day=day):
        return f"'{holders[0].who}' works on it, since {holders[0].since:%H:%M:%S} UTC"
    current = db.run("ops/select_current_batch", day=day)
    if current and current[0].state in (BatchState.PLANNED, BatchState.LOADED):
        batch = db.one("ops/select_batch", batch_id=current[0].batch_id)
        return f"'{batch.run_id}' has begun it at {batch.planned_at:%Y-%m-%d %H:%M} UTC and not ended it"
    return ""


def _tier2(settings: Settings, assumed: Assumed, documents: int, chars: int) -> Work:
    """As tm_core.batches.into_shards will spread them."""
    shards = max(1, min(settings.max_shards, documents, math.ceil(chars / settings.shard_chars))) if documents else 0
    return _work(settings, assumed, Tier.EMBEDDING, documents, chars, shards)


def _work(settings: Settings, assumed: Assumed, tier: Tier, documents: int, chars: int, shards: int) -> Work:
    rates, pod, prices = assumed.rates, assumed.pods.tier(tier), assumed.pods.prices
    speed = rates.tier1_chars if tier is Tier.LEXICAL else rates.tier2_chars
    in_pods = settings.runtime is Runtime.KUBERNETES
    minutes = (chars / speed + (shards * rates.pod_seconds if in_pods else 0)) / 60
    on_gpu = tier is Tier.EMBEDDING and settings.device is Device.CUDA
    cpus, gpus = (pod.cpus, pod.gpus) if in_pods else (1.0, int(on_gpu))
    money = minutes / 60 * (cpus * prices.cpu_hour + gpus * prices.gpu_hour)
    return Work(
        documents=documents,
        shards=shards,
        chars=chars,
        cpu_minutes=minutes * cpus,
        gpu_minutes=minutes * gpus,
        money=money,
    )


# For people ------------------------------------------------------------------------------------------


def render(found: Sequence[Forecast], assumed: Assumed) -> str:
    """A table, what it rests on, and the warnings."""
    currency = assumed.pods.prices.currency
    head: tuple[Any, ...] = (
        "date", "documents", "cache hits", "tier 1 shards", "tier 2 shards", "CPU min", "GPU min", currency,
        f"at most {currency}",
    )  # fmt: skip
    rows = [head, *(_row(one) for one in found)]
    if len(found) > 1:
        rows.append(("all", *(_shown(sum(column)) for column in zip(*map(_numbers, found), strict=True))))
    lines = [table(rows, indent=0)]
    lines += [f"{one.day}: nothing new, nothing would run" for one in found if one.nothing_new]
    lines += [f"WARNING: {one.day} is already running: {one.running}" for one in found if one.running]
    rates = assumed.rates
    lines.append(
        f"Rests on: {rates.tier1_chars:,.0f} characters a second in tier 1, {rates.tier2_chars:,.0f} in tier 2, "
        f"{rates.tier2_share:.0%} of the text in tier 2 ({assumed.source}); prices of pods.toml. 'at most': "
        "all of it in tier 2."
    )
    return "\n".join(lines)


def _numbers(one: Forecast) -> tuple[float, ...]:
    first, second = one.tier1, one.tier2
    return (
        one.documents,
        one.from_ledger,
        first.shards,
        second.shards,
        first.cpu_minutes + second.cpu_minutes,
        second.gpu_minutes,
        first.money + second.money,
        first.money + one.tier2_most.money,
    )


def _row(one: Forecast) -> tuple[Any, ...]:
    return (one.day, *map(_shown, _numbers(one)))


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
