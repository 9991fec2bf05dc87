"""Identity of a batch and of a document's alignment, and how documents are put into shards."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from tm_core.identity import digest, fingerprint

#: Layout of everything below ``work/``. Changed when an older run's files can no longer be read.
CONTRACT_VERSION = "1"


def batch_id(day: date, inputs: Iterable[str], versions: Iterable[str]) -> str:
    """Identity of all that one date's run refines: the same input under the same versions is the same batch.

    Args:
        day: the partition date.
        inputs: one text a deposited file (path and content hash), in any order.
        versions: what the result depends on besides: code versions, thresholds, hashes of lexicons and models.

    Returns:
        ``2026-01-05-`` and twelve hexadecimal digits.
    """
    whole = digest("batch", day.isoformat(), fingerprint(inputs), fingerprint(versions), CONTRACT_VERSION)
    return f"{day.isoformat()}-{whole[:12]}"


def run_date(
    partition_key: str | None,
    chosen: str | None,
    logical_date: datetime | None,
    run_after: datetime,
    *,
    zone: tzinfo | None = UTC,
) -> date:
    """Choose the date whose deposits a run refines.

    The first of these that there is: the run's partition key (the schedule, backfills and the form's field give it),
    the form's ``date``, a logical date that somebody chose (``airflow dags test tm_refresh 2026-03-01``), and the day
    before the run, which the nightly schedule would have taken.

    Args:
        zone: the timezone in which Airflow reads a date that was typed without a time.

    Raises:
        ValueError: the key or the form's date is no date.
    """
    if given := partition_key or chosen:
        return date.fromisoformat(given)
    if logical_date:
        typed = logical_date.astimezone(zone)
        moment = typed if typed.time() == time.min else logical_date
        if _is_chosen(moment, run_after):
            return moment.date()
    return run_after.date() - timedelta(days=1)


def _is_chosen(logical_date: datetime, run_after: datetime) -> bool:
    """Tell a chosen logical date from the moment of the run, which Airflow fills in where no one chose any."""
    return logical_date.date() != run_after.date() or logical_date.time() == time.min


def ledger_key(src_sha256: str, tgt_sha256: str, src_lang: str, tgt_lang: str, versions: Iterable[str]) -> str:
    """Identity of one alignment: both texts and all that the beads depend on, the filter excepted.

    Filters have a version of their own, so a changed threshold filters again and aligns nothing again.
    """
    return digest("ledger", src_sha256, tgt_sha256, src_lang, tgt_lang, fingerprint(versions))


def work_path(batch: str, *parts: str) -> str:
    """Where a batch's files lie in storage: ``work/<batch_id>/…``."""
    return "/".join(("work", batch, *parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """Something to be put into a shard: its key and its cost, in characters."""

    key: str
    chars: int


def into_shards(items: Sequence[Weighed], shard_chars: int, max_shards: int) -> list[list[str]]:
    """Spread items over shards of about ``shard_chars`` characters, at most ``max_shards`` of them.

    Biggest first into the emptiest shard, so that shards end at about the same time. The same items give the
    same shards in the same order, biggest shard first, whatever order they come in. Cost: O(n log n).

    Source: longest-processing-time rule, Graham 1969.
    """
    ordered = sorted(items, key=lambda item: (-item.chars, item.key))
    total = sum(item.chars for item in items)
    count = max(1, min(max_shards, len(ordered), -(-total // shard_chars)))
    heap: list[tuple[int, int]] = [(0, number) for number in range(count)]
    shards: list[list[str]] = [[] for _ in range(count)]
    for item in ordered:
        load, number = heapq.heappop(heap)
        shards[number].append(item.key)
        heapq.heappush(heap, (load + item.chars, number))
    return [shards[number] for _, number in sorted(heap, key=lambda one: (-one[0], one[1])) if shards[number]]
