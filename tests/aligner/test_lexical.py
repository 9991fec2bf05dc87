"""The lexical aligner on gold, on awkward input, and in its promises: the same bits always, and linear time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.growth import assert_linear
from tm_align.beads import Alignment, check_beads
from tm_align.lexical import align_lexical
from tm_align.lexicon import Lexicon
from tm_align.score import GoldBead, indices, score_documents
from tm_align.tokens import tokenize
from tm_core.errors import AlignmentInputError
from tm_formats.vecalign import read_beads

ROOT = Path(__file__).parents[2]
GOLD = ROOT / "include/samples/gold"
Document = tuple[list[str], list[str], list[GoldBead]]


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def gold_beads(path: Path) -> list[GoldBead]:
    return [(bead.src, bead.tgt) for bead in read_beads(path)]


def samples(pair: str) -> list[Document]:
    src, tgt = pair.split("-")
    documents = []
    for path in sorted(GOLD.glob(f"*.{pair}.beads")):
        name = path.name.removesuffix(f".{pair}.beads")
        sides = [[x for x in lines(GOLD / f"{name}.{lang}.sent") if x.strip()] for lang in (src, tgt)]
        documents.append((sides[0], sides[1], gold_beads(path)))
    return documents


def f1(documents: list[Document], pair: str, **options: object) -> float:
    src_lang, tgt_lang = pair.split("-")
    scored = []
    for src, tgt, gold in documents:
        found = align_lexical(src, tgt, src_lang=src_lang, tgt_lang=tgt_lang, **options)
        check_beads(found.beads, len(src), len(tgt))
        scored.append((gold, indices(found.beads)))
    return score_documents(scored).f1_strict


@pytest.mark.parametrize(
    ("pair", "least"), [("en-de", 0.91), ("en-fr", 0.94), ("en-es", 0.94), ("en-zh", 0.88), ("de-fr", 0.85)]
)
def test_samples_reach_their_score(pair, least):
    documents = samples(pair)
    assert len(documents) >= 5
    assert f1(documents, pair) >= least


@pytest.mark.data
def test_text_and_berg(data):
    folder = data / "textberg-dev"
    document = (lines(folder / "dev.de"), lines(folder / "dev.fr"), gold_beads(folder / "dev.defr"))
    assert f1([document], "de-fr") >= 0.84


@pytest.mark.data
def test_parice(data):
    documents = [
        (lines(path.with_suffix(".en")), lines(path.with_suffix(".is")), gold_beads(path))
        for path in sorted((data / "parice").glob("*.gold"))
    ]
    assert len(documents) == 10
    assert f1(documents, "en-is") >= 0.88


def align(src: list[str], tgt: list[str], **options: object) -> Alignment:
    found = align_lexical(src, tgt, src_lang="en", tgt_lang="de", **options)
    check_beads(found.beads, len(src), len(tgt))
    return found


@pytest.mark.parametrize(
    ("src", "tgt"),
    [
        ([], []),
        ([], ["a"]),
        (["a", "b"], []),
        ([""], [""]),
        (["", "", ""], ["", ""]),
        (["a"], [f"Satz {k}." for k in range(10_000)]),
        (["..."] * 5, ["!"] * 3),
        (["word " * 20_000], ["Wort " * 20_000]),
        (["مرحبا بالعالم", "كيف حالك؟"], ["שלום עולם", "מה שלומך?"]),
        (["สวัสดีชาวโลก", "สบายดีไหม"], ["こんにちは世界。", "元気ですか。"]),
        (["\ud83d\ude00" * 3, "\x00\u200b"], ["😀", "\ufeff"]),
    ],
)
def test_awkward_input_is_aligned(src, tgt):
    found = align(src, tgt)
    assert 0.0 <= found.confidence <= 1.0
    assert all(0.0 <= bead.score <= 1.0 for bead in found.beads)


def test_identical_sides_are_aligned_one_to_one_and_surely():
    src, _, _ = samples("en-de")[0]
    found = align(src, src)
    assert [bead.shape for bead in found.beads] == [(1, 1)] * len(src)
    assert found.confidence > 0.9


def test_one_huge_segment_finds_its_counterpart():
    src, tgt, gold = samples("en-de")[3]
    assert all(((k,), (k,)) in gold for k in range(7, 16))
    huge = " ".join(src[7:16]) * 250, " ".join(tgt[7:16]) * 250
    assert len(huge[0]) > 100_000
    found = align([*src[:7], huge[0], *src[16:]], [*tgt[:7], huge[1], *tgt[16:]])
    assert next(bead for bead in found.beads if bead.src == (7, 8)).tgt == (7, 8)


def test_a_chapter_that_one_side_lacks_is_left_out():
    src, tgt, _ = samples("en-de")[4]
    chapter = samples("en-fr")[2][1]
    found = align([*src[:40], *chapter, *src[40:]], tgt)
    inside = range(40, 40 + len(chapter))
    nulls = sum(bead.is_null for bead in found.beads if bead.src[0] in inside)
    assert len(chapter) > 60
    assert nulls > 0.8 * len(chapter)


def test_swapped_sides_give_the_same_beads_mirrored():
    for src, tgt, _ in samples("de-fr"):
        there = align_lexical(src, tgt, src_lang="de", tgt_lang="fr")
        back = align_lexical(tgt, src, src_lang="fr", tgt_lang="de")
        assert back.beads == tuple(bead.mirrored() for bead in there.beads)
        assert back.confidence == there.confidence


def test_same_bits_whatever_the_hash_seed_and_thread_count():
    script = (
        "import hashlib, sys; from tests.aligner.test_lexical import *\n"
        "src, tgt, _ = samples('en-de')[3]\n"
        "print(hashlib.sha256(repr(align(src, tgt)).encode()).hexdigest())"
    )
    seen = set()
    for seed, threads in (("0", "1"), ("1", "2"), ("2", "4")):
        environment = os.environ | {"PYTHONHASHSEED": seed, "NUMBA_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        seen.add(done.stdout)
    assert len(seen) == 1


def test_paragraphs_keep_beads_inside():
    src = ["One.", "Two words.", "Three."] * 10
    tgt = ["Eins.", "Zwei Wörter. Drei."] * 10
    found = align(src, tgt, src_paragraphs=[k // 3 for k in range(30)], tgt_paragraphs=[k // 2 for k in range(20)])
    assert all(bead.src[0] // 3 == (bead.src[1] - 1) // 3 for bead in found.beads if not bead.is_null)


@pytest.mark.parametrize("mark", ["<p>", "<br />"])
@pytest.mark.parametrize("pair", ["en-de", "en-es", "de-fr"])
def test_a_mark_between_paragraphs_is_no_part_of_a_sentence(pair, mark):
    src_lang, tgt_lang = pair.split("-")
    joined = total = 0
    for src, tgt, gold in samples(pair):
        # A mark after every third plain bead, from the end on, and on one side alone every other time.
        plain = [(x[0], y[0]) for x, y in gold if len(x) == len(y) == 1][::-3]
        marked = list(src), list(tgt)
        for number, (i, j) in enumerate(plain):
            marked[0].insert(i + 1, mark)
            if number % 2:
                marked[1].insert(j + 1, mark)
        found = align_lexical(*marked, src_lang=src_lang, tgt_lang=tgt_lang)
        held = [[*marked[0][slice(*bead.src)], *marked[1][slice(*bead.tgt)]] for bead in found.beads]
        joined += sum(mark in texts and set(texts) != {mark} for texts in held)
        total += len(plain)
    assert total > 60
    assert joined <= 0.02 * total


def test_wrong_number_of_paragraphs_is_refused():
    with pytest.raises(AlignmentInputError, match="expected a number for each of 2 segments, found 1"):
        align(["a", "b"], ["c"], src_paragraphs=[0])


def test_a_lexicon_of_other_languages_is_refused():
    lexicon = Lexicon(src_lang="en", tgt_lang="fr", weights={("dog", "chien"): 1.0})
    with pytest.raises(AlignmentInputError, match="expected en-de, found en-fr"):
        align(["a"], ["b"], lexicon=lexicon)


def test_a_lexicon_helps_where_no_word_is_alike():
    src = [line for line in samples("en-de")[0][0] if line.isascii()]
    words = {token for line in src for token in tokenize(line) if token.isalpha()}
    # Words of 1 to 9 characters whatever their meaning: lengths say little.
    cipher = {word: chr(0x0431 + k % 30) * (1 + k // 30 % 9) for k, word in enumerate(sorted(words))}
    tgt = [" ".join(cipher.get(token, "") for token in tokenize(line)) for line in src]
    gold = [((k,), (k - k // 7 - 1,) if k % 7 else ()) for k in range(len(src))]
    tgt = [line for k, line in enumerate(tgt) if k % 7]
    known = Lexicon.from_dictionaries(cipher.items(), src_lang="en", tgt_lang="ru")
    assert f1([(src, tgt, gold)], "en-ru", lexicon=known) > max(0.9, f1([(src, tgt, gold)], "en-ru"))


@pytest.mark.slow
def test_time_grows_with_length_and_not_with_its_square():
    src = [line for document in samples("en-de") for line in document[0]] * 100
    tgt = [line for document in samples("en-de") for line in document[1]] * 100
    assert len(src) > 4 * 4_000
    assert_linear(lambda size: align(src[:size], tgt[:size]), 4_000)
