"""Encoders: the lexicon one, and how others are named, loaded and refused."""

import numpy as np
import pytest

from tm_align.encode import LineEncoder, OverlapEncoder, VectorFiles, load_encoder, load_line_encoder
from tm_align.encode.lexicon_encoder import HALF, LexiconEncoder
from tm_align.lexicon import Lexicon
from tm_core.errors import AlignmentInputError, DeviceUnavailable
from tm_core.settings import Device

LEXICON = Lexicon(
    src_lang="de",
    tgt_lang="fr",
    weights={("hund", "chien"): 0.9, ("katze", "chat"): 0.9, ("haus", "maiso"): 0.8, ("baum", "arbre"): 0.9},
)
GERMAN = ["Der Hund.", "Die Katze 1957!", "Ein Haus", "Ein Baum"]
FRENCH = ["Le chien.", "Le chat 1957!", "Une maison", "Un arbre"]


def cosines(src, tgt):
    x, y = (side.gather(side.rows[:, 0]).astype(float) / 32767 for side in (src, tgt))
    return x @ y.T


def test_translations_are_near_each_other():
    found = cosines(*LexiconEncoder(src_lang="de", tgt_lang="fr", lexicon=LEXICON).encode_pair(GERMAN, FRENCH, runs=2))
    assert found.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert found.diagonal().min() > 0.3


def test_a_run_is_the_sum_of_its_segments():
    src, _ = LexiconEncoder(src_lang="de", tgt_lang="fr", lexicon=LEXICON).encode_pair(GERMAN, FRENCH, runs=3)
    units = src.gather(src.rows).astype(float)
    assert units.shape == (4, 3, 2 * HALF)
    assert not units[3, 1].any()
    both = units[1, 0] @ units[1, 1] / (32767.0**2)
    assert both > 0.5


def test_swapped_languages_give_the_same_cosines():
    one = cosines(*LexiconEncoder(src_lang="de", tgt_lang="fr", lexicon=LEXICON).encode_pair(GERMAN, FRENCH, runs=1))
    other = cosines(*LexiconEncoder(src_lang="fr", tgt_lang="de", lexicon=LEXICON).encode_pair(FRENCH, GERMAN, runs=1))
    assert np.allclose(one, other.T, atol=1e-3)


def test_without_a_lexicon_one_is_learned_from_the_pair():
    words = [("hund", "chien"), ("katze", "chat"), ("haus", "maison"), ("baum", "arbre"), ("fluss", "riviere")]
    rng = np.random.default_rng(0)
    picks = [rng.choice(5, 3, replace=False) for _ in range(60)]
    src = [f"{' '.join(words[k][0] for k in pick)} {number}." for number, pick in enumerate(picks)]
    tgt = [f"{' '.join(words[k][1] for k in pick)} {number}." for number, pick in enumerate(picks)]
    found = cosines(*LexiconEncoder(src_lang="de", tgt_lang="fr").encode_pair(src, tgt, runs=1))
    assert (found.argmax(axis=1) == np.arange(60)).mean() > 0.9


def test_a_lexicon_of_other_languages_is_refused():
    with pytest.raises(AlignmentInputError, match="expected en-fr"):
        LexiconEncoder(src_lang="en", tgt_lang="fr", lexicon=LEXICON).encode_pair(GERMAN, FRENCH, runs=1)


def test_the_lexicon_encoder_attests_its_lexicon():
    facts = load_encoder("lexicon", src_lang="de", tgt_lang="fr", lexicon=LEXICON).facts
    assert facts["lexicon"] == LEXICON.sha256
    assert facts["device"] == "cpu"


def test_an_unknown_name_is_refused():
    with pytest.raises(AlignmentInputError, match=r"'laser9': expected 'lexicon', 'laser2' or the folder"):
        load_encoder("laser9", src_lang="de", tgt_lang="fr")


def test_laser2_without_a_folder_is_refused():
    with pytest.raises(DeviceUnavailable, match="TM_MODEL_DIR"):
        load_line_encoder("laser2")


def test_laser2_without_its_files_is_refused_before_torch_is_asked_for(tmp_path):
    with pytest.raises(DeviceUnavailable, match=r"laser2\.pt: expected LASER2's file"):
        load_line_encoder("laser2", model_dir=tmp_path)


def test_a_missing_library_or_device_is_an_error_and_no_fallback(tmp_path):
    for suffix in ("pt", "spm", "cvocab"):
        (tmp_path / f"laser2.{suffix}").write_bytes(b"x")
    try:
        import torch
    except ImportError:
        expected = "expected PyTorch, it is not installed"
    else:
        if torch.cuda.is_available():
            pytest.skip("this machine has a GPU: nothing is missing")
        expected = "expected a GPU, PyTorch .* sees none"
    with pytest.raises(DeviceUnavailable, match=expected):
        load_line_encoder("laser2", model_dir=tmp_path, device=Device.CUDA)


class Letters:
    """A line encoder whose vectors are letter counts; it remembers what it was asked."""

    def __init__(self) -> None:
        self.facts = {"encoder": "letters"}
        self.asked = []

    def encode(self, lines):
        self.asked.append(list(lines))
        return np.array([[line.count(chr(97 + k)) for k in range(26)] for line in lines], np.float32)


def test_each_overlap_line_is_encoded_once():
    model: LineEncoder = Letters()
    src, _ = OverlapEncoder(model=model).encode_pair(["ab", "cd", "ab"], ["x"], runs=2)
    assert model.asked == [["ab", "cd", "ab cd", "cd ab"], ["x"]]
    assert src.rows.tolist() == [[0, 2], [1, 3], [0, -1]]


def test_vectors_in_files_keep_blank_segments():
    # Other programs encode runs with BLANK_LINE inside; without them their lines would not be found.
    assert VectorFiles(src=("a", "b"), tgt=("c", "d")).skips_blanks is False
    assert OverlapEncoder(model=Letters()).skips_blanks is True


class Mute:
    """A model that gives every line the same vector."""

    @property
    def facts(self):
        return {"encoder": "mute"}

    def encode(self, lines):
        return np.ones((len(lines), 8), np.float32)


def test_a_model_that_gives_all_lines_one_vector_is_refused():
    with pytest.raises(
        AlignmentInputError, match="source: expected vectors that say something of 4 different segments"
    ):
        OverlapEncoder(model=Mute()).encode_pair(GERMAN, FRENCH, runs=2)


def test_the_lexicon_encoder_may_know_no_word():
    src, _ = LexiconEncoder(src_lang="de", tgt_lang="fr").encode_pair(["…", "–", "…"], FRENCH, runs=1)
    assert src.segments == 3
