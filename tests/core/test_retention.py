"""Retention and deadlines: what is old goes, and what is good, proven or held never does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm_core.retention import (
    BACKUP_LIMIT,
    DRILL_LIMIT,
    KEEP_DAYS,
    Backup,
    Keep,
    Kept,
    Kind,
    Reason,
    Taken,
    alarms,
    expired,
    outdated,
    reasons,
)

NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)
DAYS_ALONE = Keep(days=30, weeks=0, months=0)


def backup(days: float, **more: Any) -> Backup:
    return Backup(taken_at=NOW - timedelta(days=days), uri=f"backup-{days}", **more)


def gone(backups: list[Backup], keep: Keep = DAYS_ALONE, now: datetime = NOW) -> list[Backup]:
    return expired(backups, now=now, keep=keep)


def test_nothing_of_nothing() -> None:
    assert gone([]) == []


def test_older_than_the_limit_goes_oldest_first() -> None:
    kept = [backup(0), backup(29), backup(30)]
    old = [backup(31), backup(90)]
    assert gone(kept + old) == [backup(90), backup(31)]


def test_the_newest_good_one_stays_however_old() -> None:
    assert gone([backup(400), backup(300)]) == [backup(400)]


def test_the_newest_proven_one_stays_beside_a_newer_good_one() -> None:
    proven = backup(350, proven=True)
    assert gone([backup(400, proven=True), proven, backup(300)]) == [backup(400, proven=True)]
    assert reasons([proven], now=NOW, keep=DAYS_ALONE)[proven.uri] == (Reason.LAST_GOOD, Reason.LAST_PROVEN)


def test_a_torn_one_does_not_protect() -> None:
    # The torn one is newer, but the older one is all there is to restore from.
    assert gone([backup(40), backup(35, good=False)]) == [backup(35, good=False)]


def test_one_that_was_proven_and_is_bad_now_does_not_protect() -> None:
    rotten = backup(35, good=False, proven=True)
    assert gone([backup(40), rotten]) == [rotten]


def test_a_legal_hold_keeps_whatever_it_is_on() -> None:
    assert gone([backup(4000, held=True), backup(3000, good=False, held=True), backup(0)]) == []


def test_a_year_of_nights_leaves_days_weeks_and_months() -> None:
    nights = [backup(day) for day in range(500)]
    keep = Keep(days=30, weeks=12, months=12)
    kept = [one for one in nights if one not in gone(nights, keep)]
    days = [(NOW - one.taken_at).days for one in kept]
    assert days[:31] == list(range(31))
    assert 8 <= sum(30 < day <= 84 for day in days) <= 9
    months = sorted({(one.taken_at.year, one.taken_at.month) for one in kept})
    assert len(months) == 12
    assert months[0] == (2025, 4)
    # Of a month that is over the last night is kept.
    assert datetime(2025, 4, 30, 4, tzinfo=UTC) in [one.taken_at for one in kept]


def test_a_week_is_kept_by_its_newest_good_one() -> None:
    # 2026-01-21 is a Wednesday: 39 to 41 days before NOW lie in one week.
    week = [backup(39, good=False), backup(40), backup(41), backup(0)]
    assert gone(week, Keep(days=30, weeks=12, months=0)) == [backup(41), backup(39, good=False)]


some_backups = st.lists(
    st.tuples(st.integers(0, 900), st.booleans(), st.booleans(), st.booleans()),
    unique_by=lambda one: one[0],
    max_size=40,
).map(lambda found: [backup(days, good=good, proven=proven, held=held) for days, good, proven, held in found])
some_rules = st.builds(Keep, days=st.integers(1, 60), weeks=st.integers(0, 20), months=st.integers(0, 20))


@given(some_backups, some_rules)
def test_whatever_there_is_what_must_stay_stays(backups: list[Backup], keep: Keep) -> None:
    deleted = gone(backups, keep)
    kept = [one for one in backups if one not in deleted]
    good = [one for one in backups if one.good]
    assert not good or max(good) in kept
    proven = [one for one in good if one.proven]
    assert not proven or max(proven) in kept
    assert not any(one.held for one in deleted)
    assert all(one.taken_at < NOW - timedelta(days=keep.days) for one in deleted)


@given(some_backups, some_rules, st.integers(0, 200))
def test_deleting_today_deletes_nothing_that_later_rules_would_keep(
    backups: list[Backup], keep: Keep, later: int
) -> None:
    after = NOW + timedelta(days=later)
    once = gone(backups, keep, after)
    left = [one for one in backups if one not in gone(backups, keep)]
    twice = [one for one in backups if one not in left] + gone(left, keep, after)
    assert sorted(one for one in backups if one not in twice) == sorted(one for one in backups if one not in once)


def test_other_files_go_by_their_kind_and_never_while_they_are_used() -> None:
    def file(kind: Kind, days: int, **more: Any) -> Kept:
        return Kept(modified=NOW - timedelta(days=days), path=f"{kind}-{days}", kind=kind, **more)

    young = [file(kind, KEEP_DAYS[kind] - 1) for kind in Kind]
    old = [file(kind, KEEP_DAYS[kind] + 1) for kind in Kind]
    used = [file(kind, 9000, in_use=True) for kind in Kind]
    assert outdated(young + old + used, now=NOW) == sorted(old)
    assert (KEEP_DAYS[Kind.AUDIT], KEEP_DAYS[Kind.CONFIGURATION], KEEP_DAYS[Kind.MODEL]) == (2557, 90, 365)


# Deadlines ----------------------------------------------------------------------------------------------


def taken(ago: timedelta, size: int = 1000, seconds: float = 100.0) -> Taken:
    return Taken(taken_at=NOW - ago, bytes=size, seconds=seconds)


def names(books: list[Taken], drilled_ago: timedelta | None = timedelta(0)) -> list[str]:
    drilled_at = None if drilled_ago is None else NOW - drilled_ago
    return [one.name for one in alarms(books, drilled_at, now=NOW)]


def test_all_is_well() -> None:
    assert names([taken(timedelta(hours=50)), taken(BACKUP_LIMIT)], DRILL_LIMIT) == []


@pytest.mark.parametrize(
    ("books", "drilled_ago", "expected"),
    [
        ([], timedelta(0), ["backup_age"]),
        ([taken(BACKUP_LIMIT + timedelta(seconds=1))], timedelta(0), ["backup_age"]),
        ([taken(timedelta(0))], None, []),
        ([taken(DRILL_LIMIT + timedelta(seconds=1)), taken(timedelta(0))], None, ["drill_age"]),
        ([taken(timedelta(0))], DRILL_LIMIT + timedelta(seconds=1), ["drill_age"]),
        ([taken(timedelta(1)), taken(timedelta(0), 1301)], timedelta(0), ["backup_size"]),
        ([taken(timedelta(1)), taken(timedelta(0), 699)], timedelta(0), ["backup_size"]),
        ([taken(timedelta(1)), taken(timedelta(0), 1300)], timedelta(0), []),
        ([taken(timedelta(1)), taken(timedelta(0), seconds=201)], timedelta(0), ["backup_seconds"]),
        ([taken(timedelta(1), seconds=2), taken(timedelta(0), seconds=50)], timedelta(0), []),
    ],
)
def test_what_is_late_or_strange_is_named(books: list[Taken], drilled_ago: timedelta | None, expected: Any) -> None:
    assert names(books, drilled_ago) == expected


def test_the_last_backup_is_compared_whatever_the_order_of_the_books() -> None:
    books = [taken(timedelta(hours=1), 5000), taken(timedelta(hours=20)), taken(timedelta(hours=40))]
    assert names(books) == names(books[::-1]) == ["backup_size"]
