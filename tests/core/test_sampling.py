"""The review sample: the same for the same batch, fair to every stratum, never over its budget."""

from collections import Counter, defaultdict
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tm_core.sampling import SCORE_BINS, Drawn, Stratum, draw, score_bin

PLENTY = 10**6
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=8)
RATES = st.integers(1, 100).map(lambda percent: Fraction(percent, 100))
BUDGETS = st.integers(0, 60)


def stratum(number: int) -> Stratum:
    return Stratum(store=f"store{number % 2}", src_lang="en", tgt_lang="de", tier="lexical", bin=number)


def beads(sizes: list[int]) -> list[tuple[str, Stratum]]:
    return [(f"{number}:{at}", stratum(number)) for number, size in enumerate(sizes) for at in range(size)]


def by_stratum(drawn: list[Drawn]) -> dict[Stratum, list[Drawn]]:
    found = defaultdict(list)
    for one in drawn:
        found[one.stratum].append(one)
    return found


@given(SIZES, RATES, BUDGETS, st.randoms(use_true_random=False))
def test_the_same_whatever_the_order(sizes: list[int], rate: Fraction, budget: int, random) -> None:  # type: ignore[no-untyped-def]
    given_, shuffled = beads(sizes), beads(sizes)
    random.shuffle(shuffled)
    expected = draw(given_, seed="batch", rate=float(rate), budget=budget)
    assert draw(iter(shuffled), seed="batch", rate=float(rate), budget=budget) == expected
    assert len({one.bead for one in expected}) == len(expected)
    assert {(one.bead, one.stratum) for one in expected} <= set(given_)


@given(SIZES, RATES, BUDGETS)
def test_budget_and_rate_are_kept_and_weights_sum_to_the_stratum(sizes: list[int], rate: Fraction, budget: int) -> None:
    drawn = draw(beads(sizes), seed="batch", rate=float(rate), budget=budget)
    wanted = {stratum(number): ceil(size * rate) for number, size in enumerate(sizes)}
    assert len(drawn) == min(budget, sum(wanted.values()))
    for key, group in by_stratum(drawn).items():
        assert len(group) <= wanted[key]
        assert sum(one.weight for one in group) == pytest.approx(sizes[key.bin])
        assert len({one.weight for one in group}) == 1


@given(SIZES, RATES, BUDGETS)
@example([1, 40, 5], Fraction(1), 2)
def test_every_stratum_is_seen_while_the_budget_lasts(sizes: list[int], rate: Fraction, budget: int) -> None:
    seen = by_stratum(draw(beads(sizes), seed="batch", rate=float(rate), budget=budget))
    assert len(seen) == min(budget, len(sizes))
    # Where it does not last, the largest are seen.
    left_out = [size for number, size in enumerate(sizes) if stratum(number) not in seen]
    assert max(left_out, default=0) <= min((sizes[key.bin] for key in seen), default=PLENTY)


@given(SIZES, SIZES, RATES)
def test_beads_elsewhere_change_nothing_under_the_budget(sizes: list[int], more: list[int], rate: Fraction) -> None:
    before = by_stratum(draw(beads(sizes), seed="batch", rate=float(rate), budget=PLENTY))
    after = by_stratum(draw(beads(sizes + more), seed="batch", rate=float(rate), budget=PLENTY))
    assert all(after[key] == group for key, group in before.items())


@given(st.integers(1, 40), st.integers(1, 40))
def test_beads_added_to_a_stratum_keep_the_others_places(size: int, more: int) -> None:
    few = [one.bead for one in draw(beads([size]), seed="batch", rate=1.0, budget=PLENTY)]
    many = [one.bead for one in draw(beads([size + more]), seed="batch", rate=1.0, budget=PLENTY)]
    assert [one for one in many if one in few] == few


def test_over_the_budget_shares_follow_size() -> None:
    drawn = draw(beads([1000, 500, 10, 1]), seed="batch", rate=0.5, budget=79)
    assert {key.bin: len(group) for key, group in by_stratum(drawn).items()} == {0: 51, 1: 26, 2: 1, 3: 1}


def test_the_seed_decides_and_no_place_is_favoured() -> None:
    hits = Counter(
        one.bead for seed in range(300) for one in draw(beads([10]), seed=str(seed), rate=0.2, budget=PLENTY)
    )
    assert sum(hits.values()) == 600
    # 60 expected of each, standard deviation 6.9: the seeds are fixed, so this is no lottery.
    assert len(hits) == 10
    assert all(35 < count < 85 for count in hits.values())


@pytest.mark.parametrize(("rate", "budget"), [(0.0, 10), (0.5, 0)])
def test_nothing_is_drawn_at_no_rate_or_no_budget(rate: float, budget: int) -> None:
    assert draw(beads([5]), seed="batch", rate=rate, budget=budget) == []
    assert draw([], seed="batch", rate=0.5, budget=10) == []


@pytest.mark.parametrize(
    ("rate", "size", "count"), [(0.07, 100, 7), (0.29, 100, 29), (1e-12, 3, 1), (0.01, 101, 2), (1.0, 3, 3)]
)
def test_a_rate_is_rounded_up_but_not_for_the_sake_of_a_float(rate: float, size: int, count: int) -> None:
    assert len(draw(beads([size]), seed="batch", rate=rate, budget=PLENTY)) == count


@pytest.mark.parametrize(("score", "number"), [(0, 0), (0.199, 0), (0.2, 1), (0.4, 2), (0.6, 3), (0.8, 4), (1, 4)])
def test_score_bin(score: float, number: int) -> None:
    assert score_bin(score) == number


@given(st.floats(-1, 2))
def test_score_bin_stays_in_range(score: float) -> None:
    assert score_bin(score) in range(SCORE_BINS)
