"""How long a translation is beside its original, in any script."""

import math

import numpy as np
import pytest

from tests.aligner.test_lexical import samples
from tm_align.lengths import length_ratio
from tm_align.lexical import align_lexical
from tm_align.score import GoldBead, indices, score_documents
from tm_align.tokens import letters


def test_characters_count_as_the_letters_that_they_stand_for():
    assert letters(["abc d", "字字", "かな", "한글", "", "ISO 9001 規格"]).tolist() == pytest.approx(
        [4.0, 6.6, 3.1, 4.7, 0.0, 7.0 + 6.6]
    )


@pytest.mark.parametrize("pair", ["en-de", "en-fr", "en-es", "en-zh", "de-fr"])
def test_whole_texts_are_as_long_in_letters_in_every_script(pair):
    for src, tgt, _ in samples(pair):
        assert abs(math.log(letters(tgt).sum() / letters(src).sum())) < 0.25


def test_a_side_that_is_cut_finer_does_not_change_the_ratio_much():
    src = np.full(100, 60.0)
    assert length_ratio(src, np.full(100, 66.0)) == pytest.approx(math.log(1.1), abs=0.01)
    assert abs(length_ratio(src, np.full(200, 33.0))) < 0.1


def test_a_chapter_that_is_missing_does_not_change_the_ratio_much():
    src = np.full(100, 60.0)
    assert abs(length_ratio(src, np.full(40, 66.0))) < 0.1


MARKS = tuple(",;:，；、：")


def cut_finer(texts: list[str]) -> tuple[list[str], list[range]]:
    """Segments cut after each mark, in parts of ten characters and more, and the parts' numbers of each segment."""
    parts: list[str] = []
    numbers = []
    for text in texts:
        first, part = len(parts), ""
        for character in text:
            part += character
            if character in MARKS and len(part) >= 10:
                parts.append(part)
                part = ""
        if part:
            parts.append(part)
        numbers.append(range(first, len(parts)))
    return parts, numbers


@pytest.mark.parametrize(("pair", "least"), [("en-zh", 0.65), ("en-de", 0.70), ("en-fr", 0.74)])
def test_a_source_that_is_cut_finer_is_aligned(pair, least):
    scored: list[tuple[list[GoldBead], list[GoldBead]]] = []
    src_lang, tgt_lang = pair.split("-")
    for src, tgt, gold in samples(pair):
        parts, numbers = cut_finer(src)
        found = align_lexical(parts, tgt, src_lang=src_lang, tgt_lang=tgt_lang)
        moved = [(tuple(part for one in here for part in numbers[one]), there) for here, there in gold]
        scored.append((moved, indices(found.beads)))
    assert score_documents(scored).f1_strict >= least
