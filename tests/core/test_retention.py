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
    SIZE_FLOOR_ROWS,
    USUAL_LEAST,
    Backup,
    Held,
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


LONG_AGO = NOW - timedelta(days=100)


def taken(ago: timedelta, size: int = 100_000, seconds: float = 100.0, **more: Any) -> Taken:
    return Taken(**{"taken_at": NOW - ago, "bytes": size, "seconds": seconds, "units": 1000, "rows": 5000} | more)


def names(
    backups: list[Taken],
    drilled_ago: timedelta | None = timedelta(0),
    began: datetime | None = LONG_AGO,
    units: int = 1000,
) -> list[str]:
    drilled_at = None if drilled_ago is None else NOW - drilled_ago
    return [alarm.name for alarm in alarms(backups, drilled_at, Held(began=began, units=units), now=NOW)]


def test_all_is_well() -> None:
    assert names([taken(timedelta(hours=50)), taken(BACKUP_LIMIT)], DRILL_LIMIT) == []


MOMENT = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("backups", "drilled_ago", "expected"),
    [
        ([], timedelta(0), ["backup_age"]),
        ([taken(BACKUP_LIMIT + MOMENT)], timedelta(0), ["backup_age"]),
        ([taken(timedelta(0))], None, []),
        ([taken(DRILL_LIMIT + MOMENT), taken(timedelta(0))], None, ["drill_age"]),
        ([taken(timedelta(0))], DRILL_LIMIT + MOMENT, ["drill_age"]),
        ([taken(timedelta(1)), taken(timedelta(0), seconds=201)], timedelta(0), ["backup_seconds"]),
        ([taken(timedelta(1), seconds=2), taken(timedelta(0), seconds=50)], timedelta(0), []),
    ],
)
def test_what_is_late_or_slow_is_named(backups: list[Taken], drilled_ago: timedelta | None, expected: Any) -> None:
    assert names(backups, drilled_ago) == expected


# A first week -------------------------------------------------------------------------------------------

EMPTY = taken(timedelta(days=20), 34_000, units=0, rows=10)


@pytest.mark.parametrize("backups", [[], [EMPTY]])
def test_nothing_is_late_before_the_first_batch(backups: list[Taken]) -> None:
    assert names(backups, None, began=None, units=0) == []


@pytest.mark.parametrize("backups", [[], [EMPTY]])
def test_deadlines_start_with_the_first_batch(backups: list[Taken]) -> None:
    """An old backup of the empty memory, or an old drill of it, makes neither deadline shorter."""
    for drilled_ago in (None, timedelta(days=20)):
        assert names(backups, drilled_ago, began=NOW - BACKUP_LIMIT, units=0) == []
        late = names(backups, drilled_ago, began=NOW - BACKUP_LIMIT - MOMENT, units=0)
        assert late == ["backup_age"]
        drill_late = names([*backups, taken(timedelta(0))], drilled_ago, began=NOW - DRILL_LIMIT - MOMENT)
        assert drill_late == (["drill_age"] if backups or drilled_ago else [])


def test_a_first_night_is_no_fault() -> None:
    assert names([EMPTY, taken(timedelta(0))], began=NOW) == []
    growing = [
        taken(timedelta(days=10 - night), 100_000 * 2**night, units=1000 * 2**night, rows=5000 * 2**night)
        for night in range(5)
    ]
    assert names([EMPTY, *growing, taken(timedelta(0), 10**7, units=10**5, rows=6 * 10**5)], units=10**5) == []


def test_a_memory_whose_run_records_are_gone_still_has_deadlines() -> None:
    assert names([taken(BACKUP_LIMIT + MOMENT)], began=None) == ["backup_age"]


# Sizes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("units", "expected"), [(700, []), (699, ["backup_size"])])
def test_a_memory_that_has_lost_units_is_named_however_many_backups_follow(units: int, expected: list[str]) -> None:
    full = taken(BACKUP_LIMIT, uri="full")
    after = [taken(timedelta(hours=hours), units=units, uri="after") for hours in range(25)]
    for backups in ([full], [full, *after]):
        assert names(backups, units=units) == expected
    if expected:
        (alarm,) = alarms([full, *after], NOW, Held(began=LONG_AGO, units=units), now=NOW)
        assert alarm.next_step == "tm restore full"
        assert "301 units are missing" in alarm.found


def test_what_the_run_records_explain_is_no_loss() -> None:
    erased = taken(timedelta(days=1), change=-900)
    assert names([erased], units=100) == []
    assert names([erased, taken(timedelta(0), units=100)], units=100) == []
    assert names([erased], units=60) == ["backup_size"]


def test_units_that_were_loaded_since_are_expected_too() -> None:
    assert names([taken(timedelta(0), change=9000)], units=10_000) == []
    assert names([taken(timedelta(0), change=9000)], units=1000) == ["backup_size"]


def usual(count: int = USUAL_LEAST) -> list[Taken]:
    return [taken(timedelta(days=3, hours=hours)) for hours in range(count)]


@pytest.mark.parametrize(
    ("size", "rows", "expected"),
    [
        (70_000, 5000, []),
        (69_999, 5000, ["backup_size"]),
        (130_000, 5000, []),
        (130_001, 5000, ["backup_size"]),
        # As many rows as before and more: a dump with few bytes is a hollow one, many bytes may be long texts.
        (69_999, 50_000, ["backup_size"]),
        (9_000_000, 50_000, []),
        (60_000, 3000, []),
        (1000, SIZE_FLOOR_ROWS - 1, []),
    ],
)
def test_bytes_are_compared_with_rows(size: int, rows: int, expected: list[str]) -> None:
    last = taken(timedelta(0), size, rows=rows)
    assert names([*usual(), last]) == expected
    assert names([last, *usual()]) == expected, "whatever the order in which they are given"
    assert names([*usual(USUAL_LEAST - 1), last]) == [], "two backups do not make a usual size"


def test_a_drill_that_passes_ends_the_alarm_about_bytes() -> None:
    assert names([*usual(), taken(timedelta(0), 10)]) == ["backup_size"]
    assert names([*usual(), taken(timedelta(0), 10, is_proven=True)]) == []
