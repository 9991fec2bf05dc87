"""How far two reviewers agree beyond chance: Cohen's kappa."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Agreement over items that two people judged.

    Attributes:
        items: how many.
        observed: share of items on which they agree; 0 without items.
        expected: share expected if both judged by their own habits alone.
        kappa: from -1 to 1: 1 they agree, 0 no better than chance. None without items, and where both said one and the
            same thing of everything: then chance agrees as well.
        error: kappa's standard error; 0 where kappa is None.
    """

    items: int
    observed: float
    expected: float
    kappa: float | None
    error: float


def cohens_kappa(judged: Iterable[tuple[str, str]]) -> Agreement:
    """Cohen's kappa of pairs of judgements, one pair an item: (first reviewer's, second reviewer's).

    Cost: O(items). Source: J. Cohen, Educational and Psychological Measurement 20 (1960); the standard error is the one
    of J. L. Fleiss, J. Cohen and B. S. Everitt, Psychological Bulletin 72 (1969).
    """
    cells = Counter(judged)
    items = sum(cells.values())
    if not items:
        return Agreement(items=0, observed=0.0, expected=0.0, kappa=None, error=0.0)
    first, second = _margins(cells)
    names = sorted(first.keys() | second.keys())
    observed = sum(cells[name, name] for name in names) / items
    expected = sum(first[name] * second[name] for name in names) / items**2
    if expected == 1:
        return Agreement(items=items, observed=observed, expected=expected, kappa=None, error=0.0)
    kappa = (observed - expected) / (1 - expected)
    shares = {cell: count / items for cell, count in cells.items()}
    rows = {name: first[name] / items for name in names}
    columns = {name: second[name] / items for name in names}
    variance = _variance(shares, rows, columns, kappa, expected) / items
    return Agreement(
        items=items, observed=observed, expected=expected, kappa=kappa, error=math.sqrt(max(0.0, variance))
    )


def _margins(cells: Counter[tuple[str, str]]) -> tuple[Counter[str], Counter[str]]:
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for (one, other), count in cells.items():
        first[one] += count
        second[other] += count
    return first, second


def _variance(
    shares: dict[tuple[str, str], float],
    rows: dict[str, float],
    columns: dict[str, float],
    kappa: float,
    expected: float,
) -> float:
    """Of kappa with one item: three sums over the table, as the source has them."""
    agreed = sum(
        share * (1 - (rows[one] + columns[one]) * (1 - kappa)) ** 2
        for (one, other), share in shares.items()
        if one == other
    )
    parted = (1 - kappa) ** 2 * sum(
        share * (columns[one] + rows[other]) ** 2 for (one, other), share in shares.items() if one != other
    )
    return (agreed + parted - (kappa - expected * (1 - kappa)) ** 2) / (1 - expected) ** 2
