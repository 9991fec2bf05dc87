"""Scores that know: nothing vouches for itself, and what speaks against a bead lowers it, in any script."""

import numpy as np
import pytest

from tests.aligner.test_lexical import samples
from tm_align.auto import align
from tm_align.beads import Alignment
from tm_align.confidence import Coefficients, Doubt, bead_confidences
from tm_align.evidence import read_pair
from tm_align.lexical import align_lexical
from tm_align.witness import witness

HAN = [chr(0x4E00 + k) for k in range(1_500)]
KANA = [*"はがをにでとのもへや"]
LATIN = [*"etaoinshrdlucmfwypvbgk"]


def drawn(lang: str, size: int, seed: int) -> list[str]:
    """Sentences of made words by Zipf's law: Han words of one or two characters, Japanese ones with a particle."""
    rng = np.random.default_rng(seed)
    signs = HAN if lang in ("zh", "ja") else LATIN
    longest = 3 if lang in ("zh", "ja") else 9
    words = ["".join(rng.choice(signs, size=rng.integers(1, longest))) for _ in range(3_000)]
    text = []
    for length in rng.lognormal(2.0, 0.6, size).clip(2, 40).astype(int).tolist():
        chosen = [words[min(rank, 3_000) - 1] for rank in rng.zipf(1.3, length).tolist()]
        if lang == "ja":
            chosen = [word + str(rng.choice(KANA)) for word in chosen]
        text.append("".join(chosen) + "。" if lang in ("zh", "ja") else " ".join(chosen) + ".")
    return text


def sure(*found: Alignment) -> float:
    """The share of beads with a score of .8 or more."""
    beads = [bead for one in found for bead in one.beads if not bead.is_null]
    return sum(bead.score >= 0.8 for bead in beads) / len(beads)


@pytest.mark.parametrize("tier", ["lexical", "embedding"])
@pytest.mark.parametrize("lang", ["zh", "ja", "fr"])
@pytest.mark.parametrize("size", [300, 1_500])
def test_texts_drawn_apart_look_unrelated(lang, size, tier):
    found = align(drawn(lang, size, 1), drawn("en", size, 2), src_lang=lang, tgt_lang="en", tier=tier)
    assert found.confidence < 0.5
    assert sure(found) < 0.02


@pytest.mark.parametrize("tier", ["lexical", "embedding"])
@pytest.mark.parametrize("pair", ["en-de", "en-fr", "en-es", "en-zh", "de-fr"])
def test_every_two_samples_that_do_not_belong_together_look_unrelated(pair, tier):
    src_lang, tgt_lang = pair.split("-")
    # The museum's guide is left out: it ends with the very lines that the weather station's ends with.
    documents = [samples(pair)[k] for k in (0, 2, 3)]
    found = [
        align(one[0], other[1], src_lang=src_lang, tgt_lang=tgt_lang, tier=tier)
        for k, one in enumerate(documents)
        for m, other in enumerate(documents)
        if k != m
    ]
    assert len(found) == 6
    assert max(one.confidence for one in found) < 0.5
    assert sure(*found) < 0.02


@pytest.mark.parametrize("times", [1, 4, 20])
def test_one_overlong_segment_changes_no_other_score(times):
    src, tgt, _ = samples("en-de")[0]
    plain = align_lexical(src, tgt, src_lang="en", tgt_lang="de")
    huge = " ".join(src) * times, " ".join(tgt) * times
    found = align_lexical([huge[0], *src], [huge[1], *tgt], src_lang="en", tgt_lang="de")
    assert sum(bead.score >= 0.8 for bead in found.beads[1:]) >= 0.97 * sum(bead.score >= 0.8 for bead in plain.beads)
    assert found.confidence > plain.confidence - 0.05


def test_words_vouch_for_beads_of_the_other_half_alone():
    """Words that only one half of the beads has teach nothing of that half, however often they meet there."""
    src_words, tgt_words = "rain wind snow hail fog iron zinc gold tin lead", "yva hqe jto kwu xpi ozb dlg mcf snr etk"

    def heard(kinds: list[int]) -> np.ndarray:
        texts = [[f"{words.split()[kind]} {words.split()[kind][::-1]}" for kind in kinds]
                 for words in (src_words, tgt_words)]  # fmt: skip
        steps = np.array([(k, k, 1, 1) for k in range(len(kinds))])
        return witness(read_pair(*texts, None, None, None), steps).words

    blocks = 8  # of 64 beads
    assert heard([k % 5 + 5 * (k // blocks % 2) for k in range(64)]).max() < 1.5
    assert heard([k % 5 + 5 * (k % 2) for k in range(64)]).min() > 2.0


@pytest.mark.parametrize("at", range(10, 40, 6))
def test_a_second_sentence_without_a_word_here_lowers_its_bead(at):
    src, tgt, _ = samples("en-fr")[0]
    pair = read_pair(src, tgt, None, None, None)
    found = align_lexical(src, tgt, src_lang="en", tgt_lang="fr", learn=True)
    steps = np.array([(bead.src[0], bead.tgt[0], *bead.shape) for bead in found.beads if not bead.is_null])
    steps = steps[(steps[:, 2] == 1) & (steps[:, 3] == 1)]
    merged = steps.copy()
    merged[at, 2] = 2
    merged = np.delete(merged, at + 1, axis=0) if merged[at + 1, 0] == merged[at, 0] + 1 else merged
    assert witness(pair, merged).weakest[at] <= witness(pair, steps).weakest[at]


def test_what_speaks_against_a_bead_and_its_neighbour_lowers_it():
    steps = np.array([(k, k, 1, 1) for k in range(5)])
    sure_of = Coefficients(
        related=(4.0, 0.0, -1.0, 0.0), exact=(0.0, 0.5, 0.0, 0.0, 0.0, 1.0, 1.0), beside=(0.0, 1.0, 1.0, 0.0, -1.0),
        null=(0.0, 0.0),
    )  # fmt: skip
    even = np.zeros(5)

    def confidences(**doubts: list[float]) -> np.ndarray:
        doubt = {"weakest": even, "lengths": even, "across": even} | {k: np.array(v) for k, v in doubts.items()}
        return bead_confidences(steps, np.full(5, 0.9), (even,), even, sure_of, Doubt(**doubt))

    plain = confidences()
    for name, value in (("weakest", -2.0), ("lengths", -3.0), ("across", 3.0)):
        doubted = confidences(**{name: [0.0, 0.0, value, 0.0, 0.0]})
        assert doubted[2] < plain[2] - 0.05, name
        assert np.allclose(doubted[[0, 4]], plain[[0, 4]]), name
    beside = confidences(weakest=[0.0, 0.0, -4.0, 0.0, 0.0])
    assert (beside[[1, 3]] < plain[[1, 3]]).all(), "the less sure neighbour counts"
