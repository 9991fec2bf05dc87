"""Texts that share no word, and texts with a chance anchor: the search neither loses its way nor grows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm_align import anchors
from tm_align.beads import Alignment
from tm_align.lexical import align_lexical

WORDS = 3_000


def made(size: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Sentences of made words, each with a translation that is as long: the two sides share no word."""
    rng = np.random.default_rng(seed)
    lengths = rng.lognormal(2.2, 0.6, size).clip(2, 50).astype(int)
    ranks = np.minimum(rng.zipf(1.4, lengths.sum()), WORDS)
    sides: tuple[list[str], list[str]] = ([], [])
    for numbers in np.split(ranks, np.cumsum(lengths)[:-1]):
        for side, letter in zip(sides, "xy", strict=True):
            side.append(" ".join(f"{letter}{number * 7919 % 99991:x}" for number in numbers))
    return sides


def planted(text: list[str], share: float, word: str = "quux") -> list[str]:
    at = min(int(share * len(text)), len(text) - 1)
    return [*text[:at], f"{text[at]} {word}", *text[at + 1 :]]


def align(src: list[str], tgt: list[str]) -> Alignment:
    return align_lexical(src, tgt, src_lang="xa", tgt_lang="xb")


def right(found: Alignment, truth: dict[int, int]) -> float:
    beads = [(bead.src[0], bead.tgt[0]) for bead in found.beads if bead.shape == (1, 1)]
    return sum(truth.get(i) == j for i, j in beads) / len(truth)


def test_one_chance_word_costs_nothing():
    src, tgt = made(3_000)
    plain, chance = align(src, tgt), align(planted(src, 0.6), planted(tgt, 0.1))
    assert right(chance, {k: k for k in range(3_000)}) > 0.99
    assert chance.details["cells"] < 1.2 * plain.details["cells"]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(200, 1_500),
    st.lists(st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)), max_size=12),
    st.floats(0.3, 3.0),
    st.integers(0, 99),
)
def test_the_search_grows_with_the_segments_wherever_anchors_are(size, places, stretch, seed):
    src, tgt = made(size, seed)
    tgt = (tgt * 3)[: max(1, int(stretch * size))]
    for number, (here, there) in enumerate(places):
        src, tgt = planted(src, here, f"word{number}"), planted(tgt, there, f"word{number}")
    found = align(src, tgt)
    searches = int(found.details["rounds"]) + 1
    # No wider than the widest margin on both sides, and never more than the most nodes of a long text.
    most = min(2 * anchors.MAX_MARGIN * (size + 1), max(anchors.MAX_NODES, 2 * anchors.LONG_MARGIN * (size + 1)))
    wide = 2 * (anchors.MARGIN + 1) * (size + 1) + 2 * len(tgt)
    assert found.details["cells"] <= searches * (2 * most + wide)


def test_four_times_the_text_is_four_times_the_search_and_no_more():
    cells = []
    for size in (3_000, 12_000):
        src, tgt = made(size)
        cells.append(align(planted(src, 0.6), planted(tgt, 0.1)).details["cells"])
    assert cells[1] < 6 * cells[0]


@pytest.mark.parametrize("missing", [(2_000, 2_150), (0, 150)])
def test_lengths_show_the_way_where_the_straight_line_misses_by_far(missing):
    """The source lacks a passage, the target one far from it: between them the truth lies beside the straight line."""
    size = 9_000
    src, tgt = made(size)
    first, end = missing
    other = range(size - 300, size - 150)
    ours = [k for k in range(size) if not first <= k < end]
    theirs = [k for k in range(size) if k not in other]
    place = {k: j for j, k in enumerate(theirs)}
    found = align([src[k] for k in ours], [tgt[k] for k in theirs])
    truth = {i: place[k] for i, k in enumerate(ours) if k in place}
    assert max(abs(j - i * len(theirs) / len(ours)) for i, j in truth.items()) > 140
    assert right(found, truth) > 0.9
