"""What may be deleted, and what must not have become too old. Pure: the caller deletes, and the caller alerts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Backup:
    """One backup as its manifest and the marks beside it tell it.

    Attributes:
        good: the manifest is there, its files match it, and no drill has found it bad.
        proven: a drill has restored it, and what it restored was right.
        held: a legal hold keeps it, whatever its age.
    """

    taken_at: datetime
    uri: str
    good: bool = True
    proven: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long backups are kept: every one for ``days``, then the newest good one of a week, of a month."""

    days: int = 30
    weeks: int = 12
    months: int = 12


class Reason(StrEnum):
    """Why a backup is kept."""

    DAILY = "younger than the days"
    WEEKLY = "newest good one of its week"
    MONTHLY = "newest good one of its month"
    LAST_GOOD = "newest good one"
    LAST_PROVEN = "newest one that a drill has proven"
    HELD = "legal hold"


def reasons(backups: Sequence[Backup], *, now: datetime, keep: Keep) -> dict[str, tuple[Reason, ...]]:
    """Why each backup is kept, by URI; without a reason it may be deleted.

    Weeks are those of ISO 8601, months those of the calendar, both in UTC; the running ones count. What is kept of a
    period that is over never changes, so that deleting today does not delete what tomorrow's rules would keep.

    Args:
        now: in UTC, like every ``taken_at``.
    """
    found: dict[str, list[Reason]] = {backup.uri: [] for backup in backups}
    good = [backup for backup in backups if backup.good]
    chosen: list[tuple[Reason, Sequence[Backup]]] = [
        (Reason.DAILY, [one for one in backups if one.taken_at >= now - timedelta(days=keep.days)]),
        (Reason.WEEKLY, _newest_of(good, _week, {_week(now - timedelta(weeks=ago)) for ago in range(keep.weeks)})),
        (Reason.MONTHLY, _newest_of(good, _month, {_month(now) - ago for ago in range(keep.months)})),
        (Reason.LAST_GOOD, sorted(good)[-1:]),
        (Reason.LAST_PROVEN, sorted(backup for backup in good if backup.proven)[-1:]),
        (Reason.HELD, [backup for backup in backups if backup.held]),
    ]
    for reason, kept in chosen:
        for backup in kept:
            found[backup.uri].append(reason)
    return {uri: tuple(why) for uri, why in found.items()}


def expired(backups: Sequence[Backup], *, now: datetime, keep: Keep) -> list[Backup]:
    """The backups that nothing keeps, oldest first."""
    why = reasons(backups, now=now, keep=keep)
    return sorted(backup for backup in backups if not why[backup.uri])


def _newest_of(
    good: Sequence[Backup], period: Callable[[datetime], object], wanted: set[object] | set[int]
) -> list[Backup]:
    newest: dict[object, Backup] = {}
    for backup in sorted(good):
        newest[period(backup.taken_at)] = backup
    return [backup for place, backup in newest.items() if place in wanted]


def _week(moment: datetime) -> object:
    year, week, _ = moment.isocalendar()
    return year, week


def _month(moment: datetime) -> int:
    return moment.year * 12 + moment.month


# Other files ---------------------------------------------------------------------------------------


class Kind(StrEnum):
    """Files beside the backups that have an age of their own. Audit: the journal and what it speaks of."""

    AUDIT = "audit"
    CONFIGURATION = "configuration"
    MODEL = "model"


#: Days for which files are kept. Audit and job history: seven years, as commercial books are kept.
KEEP_DAYS = {Kind.AUDIT: 7 * 365 + 2, Kind.CONFIGURATION: 90, Kind.MODEL: 365}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Kept:
    """One file beside the backups. ``in_use``: something that is kept needs it, whatever its age."""

    modified: datetime
    path: str
    kind: Kind
    in_use: bool = False


def outdated(files: Sequence[Kept], *, now: datetime) -> list[Kept]:
    """The files that are older than their kind is kept and that nothing uses, oldest first."""
    return sorted(one for one in files if not one.in_use and one.modified < now - timedelta(days=KEEP_DAYS[one.kind]))


# Deadlines -----------------------------------------------------------------------------------------

#: A nightly backup, and two hours for a night that took long.
BACKUP_LIMIT = timedelta(hours=26)
#: A day's backup is due when the newest is older than this. A refresh's, at its day's usual hour, is younger.
DUE = timedelta(hours=20)
#: A weekly drill, and a day for a week in which it had to be tried again.
DRILL_LIMIT = timedelta(days=8)
#: Share by which a backup's size may differ from the one before. Source: the project's brief; not calibrated yet.
SIZE_CHANGE = 0.3
#: A backup that takes so much longer than the middle one of those before. Not calibrated yet.
DURATION_GROWTH = 2.0
#: Shorter than this no trend is told: seconds. Not calibrated yet.
DURATION_FLOOR_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What the books say of one good backup."""

    taken_at: datetime
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that a person should look at: its name for a monitor, and what was found, in words."""

    name: str
    found: str


def alarms(taken: Sequence[Taken], drilled_at: datetime | None, *, now: datetime) -> list[Alarm]:
    """What is too old, or has changed too much.

    Args:
        taken: good backups in any order.
        drilled_at: when a drill last passed; None: never.
    """
    books = sorted(taken, key=lambda one: one.taken_at)
    found = []
    if not books or now - books[-1].taken_at > BACKUP_LIMIT:
        age = f"the newest is {_hours(now - books[-1].taken_at)} old" if books else "there is none"
        found.append(Alarm(name="backup_age", found=f"no good backup within {_hours(BACKUP_LIMIT)}: {age}"))
    # Before the first drill the oldest backup's age counts: a new memory has a week for it.
    since = drilled_at or (books[0].taken_at if books else now)
    if now - since > DRILL_LIMIT:
        age = f"the last was {_hours(now - drilled_at)} ago" if drilled_at else "there has been none"
        found.append(Alarm(name="drill_age", found=f"no drill passed within {DRILL_LIMIT.days} days: {age}"))
    return found + _changes(books)


def _changes(books: Sequence[Taken]) -> list[Alarm]:
    if len(books) < 2:
        return []
    *earlier, last = books
    found = []
    before = earlier[-1].bytes
    if abs(last.bytes - before) > SIZE_CHANGE * before:
        text = f"{last.bytes:,} bytes, the backup before had {before:,}; a change of {SIZE_CHANGE:.0%} is usual at most"
        found.append(Alarm(name="backup_size", found=text))
    usual = sorted(one.seconds for one in earlier[-7:])[len(earlier[-7:]) // 2]
    if last.seconds > max(DURATION_FLOOR_SECONDS, DURATION_GROWTH * usual):
        found.append(Alarm(name="backup_seconds", found=f"took {last.seconds:.0f} s, usual are {usual:.0f} s"))
    return found


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:.0f} h"
