"""Which backups may be deleted. Pure: the caller deletes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Backup:
    """One backup as its manifest tells it. ``good``: the manifest is there and its files match it."""

    taken_at: datetime
    uri: str
    good: bool = True


def expired(backups: Sequence[Backup], *, now: datetime, keep_days: int) -> list[Backup]:
    """Backups older than ``keep_days``, oldest first; the newest good one is never among them.

    Args:
        now: with a time zone, like every ``taken_at``.
    """
    newest_good = max((backup for backup in backups if backup.good), default=None)
    limit = now - timedelta(days=keep_days)
    return sorted(backup for backup in backups if backup.taken_at < limit and backup != newest_good)
