"""Confidence means what it says: calibrated on gold, low for what is no translation."""

import numpy as np
import pytest

from tests.aligner.test_lexical import samples
from tm_align.auto import align
from tm_align.lexical import align_lexical
from tm_align.score import calibration_error

PAIRS = ("en-de", "en-fr", "en-es", "en-zh", "de-fr")


def scored(pair: str) -> list[tuple[float, bool]]:
    src_lang, tgt_lang = pair.split("-")
    out = []
    for src, tgt, gold in samples(pair):
        beads = align_lexical(src, tgt, src_lang=src_lang, tgt_lang=tgt_lang).beads
        known = set(gold)
        out += [(b.score, (tuple(range(*b.src)), tuple(range(*b.tgt))) in known) for b in beads if not b.is_null]
    return out


def test_calibration_error_on_the_samples():
    confidences, right = map(np.array, zip(*[row for pair in PAIRS for row in scored(pair)], strict=True))
    assert len(right) > 1_500
    assert calibration_error(confidences, right) < 0.10
    assert confidences[right].mean() > confidences[~right].mean() + 0.05


def test_calibration_error_is_seen_when_planted():
    right = np.arange(100) % 2 == 0
    assert calibration_error(np.full(100, 0.95), right) == pytest.approx(0.45)


@pytest.mark.parametrize("pair", PAIRS)
def test_unrelated_documents_are_told_from_related_ones(pair):
    src_lang, tgt_lang = pair.split("-")
    documents = samples(pair)[:3]
    for k, (src, tgt, _) in enumerate(documents):
        other = documents[(k + 1) % len(documents)][1]
        related = align_lexical(src, tgt, src_lang=src_lang, tgt_lang=tgt_lang).confidence
        unrelated = align_lexical(src, other, src_lang=src_lang, tgt_lang=tgt_lang).confidence
        assert unrelated < 0.5
        assert related > unrelated + 0.2


def test_the_bad_half_of_a_document_is_less_sure():
    src, tgt, _ = samples("en-de")[0]
    other = samples("en-de")[2][1]
    half = len(tgt) // 2
    beads = align_lexical(src, tgt[:half] + other[half : len(tgt)], src_lang="en", tgt_lang="de").beads
    good = [bead.score for bead in beads if not bead.is_null and bead.tgt[1] <= half]
    bad = [bead.score for bead in beads if not bead.is_null and bead.tgt[0] >= half]
    assert len(good) > 15
    assert np.mean(good) > np.mean(bad or [0.0]) + 0.3


@pytest.mark.parametrize("tier", ["lexical", "embedding"])
@pytest.mark.parametrize("pair", ["en-fr", "de-fr", "en-zh"])
def test_the_part_that_is_there_of_a_cut_document_stays_usable(tier, pair):
    src_lang, tgt_lang = pair.split("-")
    src, tgt, gold = samples(pair)[0]
    cut = tgt[: len(tgt) * 6 // 10]
    found = align(src, cut, src_lang=src_lang, tgt_lang=tgt_lang, tier=tier)
    known = {bead for bead in gold if bead[0] and bead[1]}
    right = [b.score for b in found.beads if (tuple(range(*b.src)), tuple(range(*b.tgt))) in known]
    assert len(right) > 10
    assert np.mean(np.array(right) >= 0.5) > 0.8
    assert found.confidence < 0.7


@pytest.mark.parametrize("pair", PAIRS)
def test_tier_2_knows_unrelated_documents_too(pair):
    src_lang, tgt_lang = pair.split("-")
    documents = samples(pair)[:3]
    for k, (src, _, _) in enumerate(documents):
        other = documents[(k + 1) % len(documents)][1]
        assert align(src, other, src_lang=src_lang, tgt_lang=tgt_lang, tier="embedding").confidence < 0.4
