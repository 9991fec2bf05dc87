"""Retention: what is old goes, and the newest good backup never does."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tm_core.retention import Backup, expired

NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)


def backup(days: float, *, good: bool = True) -> Backup:
    return Backup(taken_at=NOW - timedelta(days=days), uri=f"backup-{days}", good=good)


def test_nothing_of_nothing() -> None:
    assert expired([], now=NOW, keep_days=30) == []


def test_older_than_the_limit_goes_oldest_first() -> None:
    kept = [backup(0), backup(29), backup(30)]
    old = [backup(31), backup(90)]
    assert expired(kept + old, now=NOW, keep_days=30) == [backup(90), backup(31)]


def test_the_newest_good_one_stays_however_old() -> None:
    assert expired([backup(400), backup(300)], now=NOW, keep_days=30) == [backup(400)]


def test_a_torn_one_does_not_protect() -> None:
    # The torn one is newer, but the older one is all there is to restore from.
    assert expired([backup(40), backup(35, good=False)], now=NOW, keep_days=30) == [backup(35, good=False)]


@given(
    st.lists(st.tuples(st.integers(0, 100), st.booleans()), unique_by=lambda pair: pair[0]),
    st.integers(1, 60),
)
def test_whatever_there_is_the_newest_good_one_is_kept(found: list[tuple[int, bool]], keep_days: int) -> None:
    backups = [backup(days, good=good) for days, good in found]
    gone = expired(backups, now=NOW, keep_days=keep_days)
    kept = [one for one in backups if one not in gone]
    good = [one for one in backups if one.good]
    assert not good or max(good) in kept
    assert all(one.taken_at < NOW - timedelta(days=keep_days) for one in gone)
    assert [one for one in kept if one.taken_at < NOW - timedelta(days=keep_days)] in ([], [max(good, default=None)])
