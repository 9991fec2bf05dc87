"""Comparisons of two aligners: variants, the paired bootstrap, the difference of verdicts, and what is proposed."""

import math
import random

import pytest

from tm_core.ab import (
    Difference,
    Hits,
    Judged,
    Side,
    Variant,
    blocks_of,
    bootstrap,
    decide,
    obstacle,
    parse_variant,
    place,
    verdicts_differ,
)
from tm_core.errors import ReviewError

CURRENT = Variant(threshold=0.7, encoder="lexicon", lexicon="ab" * 32)
Bead = tuple[tuple[int, ...], tuple[int, ...]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("current", CURRENT),
        ("tier=lexical", Variant(threshold=0.0, encoder="lexicon", lexicon="ab" * 32)),
        ("tier=embedding, encoder=laser2", Variant(threshold=1.0, encoder="laser2", lexicon="ab" * 32)),
        ("current,lexicon=none", Variant(threshold=0.7, encoder="lexicon")),
        ("threshold=0.85,lexicon=0123abcd", Variant(threshold=0.85, encoder="lexicon", lexicon="0123abcd")),
    ],
)
def test_a_variant_is_what_differs_from_what_is_in_use(text: str, wanted: Variant) -> None:
    assert parse_variant(text, CURRENT) == wanted


@pytest.mark.parametrize("text", ["tier=best", "threshold=2", "encoder=x", "lexicon=zz", "command=../sh", "nothing"])
def test_a_wrong_variant_is_named(text: str) -> None:
    with pytest.raises(ReviewError, match="nothing was compared"):
        parse_variant(text, CURRENT)


def one_to_one(count: int) -> list[Bead]:
    return [((number,), (number,)) for number in range(count)]


def test_hits_are_those_of_the_score_and_blocks_hold_them_all() -> None:
    gold = [*one_to_one(50), ((50,), ())]
    made = [*one_to_one(30), ((30, 31), (30, 31)), *one_to_one(50)[32:], ((), (50,)), ((50,), ())]
    blocks = blocks_of(gold, made, segments=51)
    assert len(blocks) == 3
    total = sum(blocks, Hits())
    # 49 of 51 made ones are right; 48 of the 50 gold beads with two sides are found.
    assert total == Hits(made=51, made_right=49, gold=50, gold_found=48)
    assert total.f1 == pytest.approx(2 * (49 / 51) * (48 / 50) / (49 / 51 + 48 / 50))
    assert len(blocks_of(gold, [], segments=51)) == 3


def test_the_score_is_the_one_of_tm_align_score() -> None:
    score = pytest.importorskip("tm_align.score").score
    lottery = random.Random(5)
    gold = [bead for bead in one_to_one(200) if lottery.random() < 0.9]
    made = [bead if lottery.random() < 0.8 else (bead[0], ()) for bead in one_to_one(200)]
    assert sum(blocks_of(gold, made, segments=200), Hits()).f1 == pytest.approx(score(gold, made).f1_strict)


def blocks(share: float, count: int, seed: int) -> list[Hits]:
    lottery = random.Random(seed)
    found = [sum(lottery.random() < share for _ in range(20)) for _ in range(count)]
    return [Hits(made=20, made_right=right, gold=20, gold_found=right) for right in found]


def test_the_bootstrap_is_the_same_for_the_same_seed_and_sees_a_real_difference() -> None:
    a, b = blocks(0.8, 40, 1), blocks(0.9, 40, 2)
    found = bootstrap(a, b, seed="x")
    assert found == bootstrap(a, b, seed="x")
    assert found.lower < found.b - found.a < found.upper
    assert found.sign == 1
    assert bootstrap(b, a, seed="x").sign == -1
    assert bootstrap(a, a, seed="x") == Difference(a=found.a, b=found.a, lower=0.0, upper=0.0)
    assert bootstrap([], [], seed="x").sign == 0


def test_two_equal_aligners_are_told_apart_as_seldom_as_promised() -> None:
    signs = [
        bootstrap(blocks(0.9, 30, 2 * run), blocks(0.9, 30, 2 * run + 1), seed=str(run), resamples=200).sign
        for run in range(200)
    ]
    # 5 % are promised; a percentile interval of 30 blocks is a little short, and 200 runs scatter by 1.5 %.
    assert sum(map(abs, signs)) <= 22


@pytest.mark.parametrize(("a", "b"), [((30, 50), (45, 50)), ((10, 10), (8, 10)), ((0, 7), (3, 9))])
def test_the_difference_of_verdicts_is_newcombes(a: tuple[int, int], b: tuple[int, int]) -> None:
    reference = pytest.importorskip("statsmodels.stats.proportion").confint_proportions_2indep
    found = verdicts_differ(Judged(right=a[0], total=a[1]), Judged(right=b[0], total=b[1]))
    lower, upper = reference(*b, *a, compare="diff", method="newcomb", alpha=0.05)
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=1e-9)


def test_no_verdicts_say_nothing() -> None:
    assert verdicts_differ(Judged(right=0, total=0), Judged(right=9, total=9)).sign == 0


def difference(sign: int) -> Difference:
    return Difference(a=0.8, b=0.8 + 0.05 * sign, lower=0.05 * sign - 0.04, upper=0.05 * sign + 0.04)


@pytest.mark.parametrize(
    ("gold", "verdicts", "proposed"),
    [(1, 0, True), (0, 1, True), (1, 1, True), (0, 0, False), (1, -1, False), (-1, 1, False), (-1, 0, False)],
)
def test_better_by_one_and_worse_by_neither_is_proposed(gold: int, verdicts: int, proposed: bool) -> None:
    assert decide(difference(gold), difference(verdicts), "").proposed is proposed
    assert not decide(difference(gold), difference(verdicts), "it is no setting").proposed


def test_what_a_plan_cannot_pin_is_not_promoted() -> None:
    other = Variant(threshold=0.5, encoder="lexicon", lexicon="cd" * 32)
    assert obstacle(CURRENT, other) == ""
    assert "TM_ENCODER=laser2" in obstacle(CURRENT, Variant(threshold=0.7, encoder="laser2", lexicon="ab" * 32))
    assert "external" in obstacle(CURRENT, Variant(threshold=0.7, encoder="lexicon", command="hunalign"))
    assert "external" in obstacle(Variant(threshold=0.7, encoder="lexicon", command="hunalign"), other)
    assert obstacle(CURRENT, CURRENT)
    assert obstacle(CURRENT, Variant(threshold=0.7, encoder="lexicon"))


def test_the_lottery_is_fair_and_the_same_every_time() -> None:
    drawn = [place("seed", number) for number in range(2000)]
    assert drawn == [place("seed", number) for number in range(2000)]
    assert math.fsum(drawn) / len(drawn) == pytest.approx(0.5, abs=0.02)
    assert list(Side) == ["a", "b"]
