"""``auto``: which tier's beads are taken, and why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.aligner.test_lexical import samples
from tm_align import align
from tm_align.beads import Fact
from tm_align.encode import OverlapEncoder
from tm_core.errors import AlignmentInputError


@dataclass(frozen=True, kw_only=True)
class Model:
    """Stands for a model: a text's vector is the sum of its numbers' vectors, and ``noise`` drowns it."""

    noise: float = 0.0
    facts: Mapping[str, Fact] = field(default_factory=lambda: {"encoder": "made"})

    def encode(self, lines: Sequence[str]) -> np.ndarray:
        return np.stack([self._vector(line) for line in lines])

    def _vector(self, line: str) -> np.ndarray:
        meanings = [np.random.default_rng(int(number)).normal(size=128) for number in re.findall(r"\d+", line)]
        seed = int.from_bytes(line.encode()[:8].ljust(8), "little")
        return (sum(meanings) + self.noise * np.random.default_rng(seed).normal(size=128)).astype(np.float32)


NUMBERED = [f"aaa {k}." for k in range(40)], [f"bbb {k}." for k in range(40)]
"""Texts whose only common words are numbers."""


def test_auto_says_why_it_went_on_or_not():
    langs = {"src_lang": "de", "tgt_lang": "fr"}
    model = OverlapEncoder(model=Model())
    sure = align(*NUMBERED, **langs, encoder=model, tier="auto", threshold=0.0)
    unsure = align(*NUMBERED, **langs, encoder=model, tier="auto", threshold=1.0)
    assert (sure.tier, unsure.tier) == ("lexical", "embedding")
    assert sure.details["route"] == f"tier 1 confidence {sure.confidence:.2f} >= 0.00"
    assert unsure.details["route"] == f"tier 1 confidence {sure.confidence:.2f} < 1.00"
    assert unsure.details["lexical_confidence"] == round(sure.confidence, 4)
    assert unsure.details["hinted"] is False


def test_auto_keeps_the_surer_result():
    src, tgt, _ = samples("en-de")[0]
    noise = OverlapEncoder(model=Model(noise=1000.0))
    found = align(src, tgt, src_lang="en", tgt_lang="de", tier="auto", threshold=1.0, encoder=noise)
    assert found.tier == "lexical"
    assert "tier 2 is less sure" in str(found.details["route"])


@pytest.mark.parametrize("cut", [(0.3, 0.7), (0.17, 0.84), (0.4, 0.9)])
def test_auto_without_a_model_stays_with_tier_1(cut):
    src, tgt, _ = samples("en-de")[0]
    begin, end = (int(share * len(tgt)) for share in cut)
    args = {"src": src, "tgt": tgt[:begin] + tgt[end:], "src_lang": "en", "tgt_lang": "de"}
    auto, lexical = align(**args), align(**args, tier="lexical")
    assert auto.confidence < 0.7
    assert auto.beads == lexical.beads
    assert "no vectors of a model" in str(auto.details["route"])
    # A threshold that is set still sends it on; then the surer of the two is kept.
    forced = align(**args, threshold=1.0)
    assert forced.confidence == max(lexical.confidence, align(**args, tier="embedding").confidence)


def test_a_hint_is_refused_beside_vectors_of_a_model():
    model = OverlapEncoder(model=Model())
    with pytest.raises(AlignmentInputError, match="hint: expected the lexicon encoder, found vectors of a model"):
        align(*NUMBERED, src_lang="de", tgt_lang="fr", tier="embedding", encoder=model, hint=True)
