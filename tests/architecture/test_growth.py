"""The judge of growth itself: it sees quadratic work, in Python and inside C, and lets linear work pass."""

import re

import pytest

from tests.growth import assert_linear, lines_run


def pairs(size: int) -> int:
    """Quadratic in Python."""
    return sum(1 for _ in range(size) for _ in range(size))


def backtracking(size: int) -> None:
    """Quadratic inside the regular expressions' C."""
    re.search(r"a+b", "a" * size)


def sorting(size: int) -> list[int]:
    """Just over linear."""
    return sorted(range(size, 0, -1), key=lambda number: number * 7919 % size)


@pytest.mark.parametrize(("work", "size"), [(pairs, 150), (backtracking, 1500)])
def test_quadratic_work_is_seen(work, size: int) -> None:
    with pytest.raises(AssertionError, match=r"quadratic: 4 times the input costs (1\d\.\d|2\d\.\d)"):
        assert_linear(work, size, "quadratic")


def test_work_that_is_about_linear_passes() -> None:
    assert_linear(sorting, 5000)


def test_lines_are_counted() -> None:
    def loop() -> None:
        for number in range(100):
            number += 1

    assert 200 <= lines_run(loop) <= 210
