"""The review sample: the same for the same batch, fair to every stratum, never over its budget."""

from collections import Counter, defaultdict
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tm_core.sampling import SCORE_BINS, Drawn, Stratum, draw, is_double, score_bin

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
@example([1, 40, 5], Fraction(1), 2)
def test_budget_and_rate_are_kept_and_weights_sum_to_the_beads(sizes: list[int], rate: Fraction, budget: int) -> None:
    drawn = draw(beads(sizes), seed="batch", rate=float(rate), budget=budget)
    per_store = [sum(sizes[0::2]), sum(sizes[1::2])]
    # At least what the rate says of all, at most one more for each group that is rounded up; never over the budget.
    least = sum(ceil(size * rate) for size in per_store)
    assert min(budget, least) <= len(drawn) <= min(budget, least + len(sizes))
    assert all(one.weight >= 1 for one in drawn)
    if budget >= len(sizes):
        assert sum(one.weight for one in drawn) == pytest.approx(sum(sizes))


def test_sparse_strata_are_pooled_by_score_then_tier_then_pair() -> None:
    def some(count: int, *, tgt: str = "de", tier: str = "lexical", number: int = 0) -> list[tuple[str, Stratum]]:
        one = Stratum(store="demo", src_lang="en", tgt_lang=tgt, tier=tier, bin=number)
        return [(f"{tgt}{tier}{number}:{at}", one) for at in range(count)]

    alone, scores = some(200), [*some(60, tier="embedding"), *some(60, tier="embedding", number=1)]
    tiers = [*some(60, tgt="fr"), *some(60, tgt="fr", tier="embedding")]
    pairs = [*some(30, tgt="es"), *some(30, tgt="it", tier="embedding")]
    drawn = draw([*alone, *scores, *tiers, *pairs], seed="b", rate=0.01, budget=PLENTY)
    # 2 of 200; 120 beads share two items, and so do the next 120; 60 are left over for one.
    assert (
        Counter(one.stratum.tgt_lang + one.stratum.tier for one in drawn if one.stratum.tgt_lang == "de").total() >= 3
    )
    assert len(drawn) == 2 + 2 + 2 + 1
    assert sum(one.weight for one in drawn) == pytest.approx(200 + 120 + 120 + 60)


def test_items_go_where_least_is_known_and_the_score_is_ambiguous() -> None:
    clear, open_ = stratum(4), stratum(2)  # of one store, 1,000 beads each, at the end and in the middle of the scores
    given_ = [(f"{one.bin}:{at}", one) for one in (clear, open_) for at in range(1000)]

    def counted(widths: dict[Stratum, float]) -> tuple[int, int]:
        drawn = by_stratum(draw(given_, seed="batch", rate=0.05, budget=PLENTY, widths=widths))
        return len(drawn[clear]), len(drawn[open_])

    assert sum(counted({})) == 100
    assert counted({})[1] > counted({})[0]  # nothing is known of either: the ambiguous one
    known = counted({open_: 0.05, clear: 1.0})
    assert known[0] > known[1] > 0  # the ambiguous one is known already
    assert counted({open_: 0.05, clear: 0.05})[1] > counted({})[1]


def test_the_weighted_mean_of_a_sample_is_right_on_the_average() -> None:
    # Ten strata of very different size and precision; the sample over-represents the small and ambiguous ones.
    sizes = [5, 8, 200, 30, 900, 3, 60, 12, 500, 40]
    right = {f"{number}:{at}": at % 10 < number for number, size in enumerate(sizes) for at in range(size)}
    truth = sum(right.values()) / len(right)
    estimates, plain = [], []
    for seed in range(200):
        drawn = draw(beads(sizes), seed=str(seed), rate=0.05, budget=PLENTY)
        estimates.append(sum(one.weight * right[one.bead] for one in drawn) / sum(one.weight for one in drawn))
        plain.append(sum(right[one.bead] for one in drawn) / len(drawn))
    mean, spread = sum(estimates) / 200, (max(estimates) - min(estimates)) / 4
    assert abs(mean - truth) < 3 * spread / 200**0.5
    # The fault that this would find: weights that are ignored.
    assert abs(sum(plain) / 200 - truth) > 3 * spread / 200**0.5


def test_over_the_budget_the_merit_of_a_stratum_decides() -> None:
    seen = by_stratum(draw(beads([4, 400, 4, 4]), seed="batch", rate=1.0, budget=2))
    assert {key.bin for key in seen} == {1, 2}  # the largest, then the one whose score says least


@given(st.lists(st.integers(0, 1), min_size=1, max_size=300), st.floats(0, 1))
def test_double_review_takes_its_share(found: list[int], share: float) -> None:
    chosen = [is_double("batch", str(number), share) for number in range(len(found))]
    assert chosen == [is_double("batch", str(number), share) for number in range(len(found))]
    if share in (0, 1):
        assert set(chosen) == {share == 1}


def test_double_review_of_a_tenth_is_a_tenth() -> None:
    # 1,000 expected, standard deviation 30.
    assert 900 < sum(is_double("batch", str(number), 0.1) for number in range(10_000)) < 1100


@given(st.integers(1, 40), st.integers(1, 40))
def test_beads_added_to_a_stratum_keep_the_others_places(size: int, more: int) -> None:
    few = [one.bead for one in draw(beads([size]), seed="batch", rate=1.0, budget=PLENTY)]
    many = [one.bead for one in draw(beads([size + more]), seed="batch", rate=1.0, budget=PLENTY)]
    assert [one for one in many if one in few] == few


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
