"""Cohen's kappa against statsmodels."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa as reference

from tm_core.agreement import cohens_kappa

KINDS = ("accept", "partial", "wrong")
JUDGED = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)), min_size=1, max_size=80)


def table(judged: list[tuple[str, str]]) -> list[list[int]]:
    return [[judged.count((one, other)) for other in KINDS] for one in KINDS]


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@given(JUDGED)
def test_kappa_is_statsmodels_kappa(judged: list[tuple[str, str]]) -> None:
    found = cohens_kappa(judged)
    assert found.items == len(judged)
    if found.kappa is None:
        assert len(set(judged)) == 1
        assert judged[0][0] == judged[0][1]
        return
    expected = reference(table(judged), return_results=True)
    assert found.kappa == pytest.approx(expected.kappa, abs=1e-9)
    # Where its variance is 0 but for rounding, the reference takes the root of a number below 0.
    assert found.error == pytest.approx(0 if math.isnan(expected.std_kappa) else expected.std_kappa, abs=1e-7)


def test_a_worked_table() -> None:
    # 20 and 15 agreed of 50, 5 and 10 not: .7 observed, .5 expected (J. Cohen's own arithmetic).
    judged = [("yes", "yes")] * 20 + [("no", "no")] * 15 + [("yes", "no")] * 5 + [("no", "yes")] * 10
    found = cohens_kappa(judged)
    assert (found.observed, found.expected) == pytest.approx((0.7, 0.5))
    assert found.kappa == pytest.approx(0.4)


def test_no_kappa_without_items_or_without_a_difference() -> None:
    assert cohens_kappa([]).kappa is None
    assert cohens_kappa([("accept", "accept")] * 9).kappa is None
    assert cohens_kappa([("accept", "wrong")] * 9).kappa == pytest.approx(0)
