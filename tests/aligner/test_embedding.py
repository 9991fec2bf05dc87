"""Tier 2: alignment by vectors."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aligner.test_lexical import samples
from tests.aligner.vectors_made import DIMENSION, made_pair, made_side, spans
from tm_align.auto import align
from tm_align.beads import Alignment, Bead, check_beads
from tm_align.embedding import align_vectors
from tm_align.kernels import UNIT, dots_4x4
from tm_align.lattice import SearchSettings, Side, bead_kinds
from tm_align.vectors import DocumentVectors, quantised
from tm_core.errors import AlignmentInputError

SHAPES = [(1, 1)] * 5 + [(1, 2), (2, 1), (1, 1), (2, 2), (3, 1), (1, 1), (1, 4), (1, 1)]


def linked(alignment: Alignment) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    return [(bead.src, bead.tgt) for bead in alignment.beads if not bead.is_null]


def linked_of(shapes):
    return [(src, tgt) for src, tgt in spans(shapes) if src[0] < src[1] and tgt[0] < tgt[1]]


def test_beads_of_many_shapes_are_found():
    found = align_vectors(*made_pair(SHAPES))
    # 2:2 may be cut further by its very meanings; every other bead must be there.
    missed = set(linked_of(SHAPES)) - set(linked(found))
    assert missed <= {bead for bead in linked_of(SHAPES) if bead[0][1] - bead[0][0] == bead[1][1] - bead[1][0] == 2}


def test_segments_without_counterpart_become_null_beads():
    shapes = [(1, 1)] * 10 + [(1, 0)] * 5 + [(1, 1)] * 10 + [(0, 1)] * 7 + [(1, 1)] * 10
    found = align_vectors(*made_pair(shapes))
    assert len(linked(found)) == 30
    assert set(linked(found)) == set(linked_of(shapes))


@pytest.mark.parametrize("where", [100, 1500])
def test_a_missing_chapter_is_bridged(where):
    # Far longer than any band is wide: only the coarse levels can find the way.
    shapes = [(1, 1)] * where + [(1, 0)] * 700 + [(1, 1)] * 400 + [(0, 1)] * 500 + [(1, 1)] * 300
    found = align_vectors(*made_pair(shapes, runs=3), settings=SearchSettings(max_merge=4))
    hits = set(linked(found)) & set(linked_of(shapes))
    assert len(hits) >= 0.97 * len(linked_of(shapes))


shapes_strategy = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(any), min_size=1, max_size=25).filter(
    lambda shapes: sum(a for a, _ in shapes) and sum(b for _, b in shapes)
)


@settings(max_examples=60)
@given(shapes=shapes_strategy, seed=st.integers(0, 2**16), noise=st.floats(0.0, 3.0))
def test_every_segment_is_in_one_bead_and_swapped_sides_mirror(shapes, seed, noise):
    src, tgt = made_pair(shapes, seed=seed, noise=noise)
    found = align_vectors(src, tgt)
    check_beads(found.beads, src.vectors.segments, tgt.vectors.segments)
    assert all(0.0 <= bead.score <= 1.0 and bead.cost >= 0.0 for bead in found.beads)
    assert 0.0 <= found.confidence <= 1.0
    swapped = align_vectors(tgt, src)
    assert {(b.tgt, b.src, b.score) for b in swapped.beads if not b.is_null} == {
        (b.src, b.tgt, b.score) for b in found.beads if not b.is_null
    }
    assert swapped.confidence == found.confidence


def test_the_mirror_test_sees_a_difference():
    # The property above must not pass on anything: other noise, other scores.
    one, other = (align_vectors(*made_pair(SHAPES, seed=seed)) for seed in (0, 1))
    assert [bead.score for bead in one.beads] != [bead.score for bead in other.beads]


def test_identical_sides_align_one_to_one():
    src, _ = made_pair([(1, 1)] * 200, noise=0.0)
    found = align_vectors(src, src)
    assert linked(found) == [((i, i + 1), (i, i + 1)) for i in range(200)]
    assert found.confidence > 0.9
    assert max(bead.cost for bead in found.beads) < 1e-3


def test_unrelated_documents_are_not_trusted():
    src, _ = made_pair([(1, 1)] * 150, seed=1)
    _, tgt = made_pair([(1, 1)] * 150, seed=2)
    related = align_vectors(*made_pair([(1, 1)] * 150, seed=1))
    assert align_vectors(src, tgt).confidence < 0.3
    assert related.confidence > 0.9


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 2), (2, 9), (1, 3000), (3000, 1), (3, 2000)])
def test_lopsided_documents(n, m):
    rng = np.random.default_rng(0)
    src, tgt = (made_side(list(rng.normal(size=(size, DIMENSION))), rng, 0.1, 7) for size in (n, m))
    check_beads(align_vectors(src, tgt).beads, n, m)


def test_null_vectors_align_as_nothing():
    zeros = DocumentVectors.stacked(np.zeros((7, 5, DIMENSION), np.float32))
    side = Side(vectors=zeros, lengths=np.ones(5))
    found = align_vectors(side, side)
    check_beads(found.beads, 5, 5)
    assert found.confidence < 0.5


@pytest.mark.parametrize("scale", [1e30, 3e37, 1e-30, 1e-44])
def test_the_length_of_a_vector_does_not_matter_however_large_or_small(scale):
    vectors = np.random.default_rng(3).choice([-1.0, 1.0, 2.0, 0.0], (1, 5, 37)).astype(np.float32)
    usual = DocumentVectors.stacked(vectors)
    extreme = DocumentVectors.stacked(vectors * np.float32(scale))
    assert (extreme.gather(extreme.rows) == usual.gather(usual.rows)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_vector_that_is_not_finite_is_named(bad, dtype):
    vectors = np.ones((7, 5, DIMENSION), dtype)
    vectors[0, 3, 7] = bad
    side = Side(vectors=DocumentVectors.stacked(vectors, name="german"), lengths=np.ones(5))
    with pytest.raises(AlignmentInputError, match="german, vector 4: expected finite"):
        align_vectors(side, side)


def test_other_dimensions_are_refused():
    src, _ = made_pair([(1, 1)] * 3)
    tgt = Side(vectors=DocumentVectors.stacked(np.ones((7, 3, 16), np.float32)), lengths=np.ones(3))
    with pytest.raises(AlignmentInputError, match="one dimension, found 128 and 16"):
        align_vectors(src, tgt)


def test_too_short_runs_are_refused():
    src, tgt = made_pair([(1, 1)] * 20, runs=3)
    with pytest.raises(AlignmentInputError, match="runs of up to 7 segments, found up to 3"):
        align_vectors(src, tgt)
    assert linked(align_vectors(src, tgt, settings=SearchSettings(max_merge=4)))


def test_no_bead_is_larger_than_max_merge():
    src, tgt = made_pair([(3, 3), (1, 5), (4, 1)] * 4)
    for most in (2, 3, 5):
        found = align_vectors(src, tgt, settings=SearchSettings(max_merge=most))
        assert max(sum(bead.shape) for bead in found.beads) <= most


def test_paragraphs_keep_beads_apart():
    src, tgt = made_pair([(1, 2)] * 30, noise=2.0)
    hinted = align_vectors(
        replace(src, paragraphs=list(range(30))), replace(tgt, paragraphs=[number // 2 for number in range(60)])
    )
    misled = align_vectors(replace(src, paragraphs=list(range(30))), replace(tgt, paragraphs=list(range(60))))
    merged = lambda found: sum(max(bead.shape) > 1 for bead in found.beads)  # noqa: E731
    assert merged(hinted) > merged(misled)


def test_words_tip_the_balance():
    src, tgt = made_pair([(1, 1)] * 60, noise=4.0)
    texts = [f"word{number} name{number} {number}{number}." for number in range(60)]
    hits = lambda found: sum(bead.src == bead.tgt for bead in found.beads)  # noqa: E731
    told = align_vectors(replace(src, texts=texts), replace(tgt, texts=texts))
    assert hits(told) > 50 > hits(align_vectors(src, tgt))
    assert align_vectors(replace(src, texts=texts), tgt) == align_vectors(src, tgt)  # one side's words say nothing


def test_words_are_learned_from_the_hint():
    src, _ = made_pair([(1, 1)] * 60, seed=1)
    _, tgt = made_pair([(1, 1)] * 60, seed=2)  # unrelated vectors: the first path is astray
    rng = np.random.default_rng(0)
    meanings = [rng.integers(0, 40, 8) for _ in range(60)]
    sides = [
        replace(side, texts=[" ".join(f"{letter}{word}{letter}" for word in words) for words in meanings])
        for side, letter in ((src, "x"), (tgt, "y"))
    ]
    hint = [Bead((i, i + 1), (i, i + 1), 1.0, 0.0) for i in range(60)]
    hits = lambda found: sum(bead.src == bead.tgt for bead in found.beads)  # noqa: E731
    assert hits(align_vectors(*sides, hint=hint)) > hits(align_vectors(*sides))


def test_a_cut_text_spoils_no_lengths():
    # The rest of a text that is cut off must not make every bead look half as long as it should be.
    src, tgt = made_pair([(1, 1)] * 60 + [(1, 0)] * 60, noise=1.5)
    found = linked(align_vectors(src, tgt))
    assert sum(bead in linked_of([(1, 1)] * 60) for bead in found) >= 46  # 42 when whole texts are compared


@pytest.mark.parametrize("pair", ["en-de", "en-zh"])
@pytest.mark.parametrize("cut", [(0.3, 0.7), (0.17, 0.84), (0.0, 0.3), (0.7, 1.0)])
def test_a_gap_is_null_beads_in_tier_2(cut, pair):
    src_lang, tgt_lang = pair.split("-")
    for src, tgt, _ in samples(pair):
        begin, end = (int(share * len(tgt)) for share in cut)
        found = align(src, tgt[:begin] + tgt[end:], src_lang=src_lang, tgt_lang=tgt_lang, tier="embedding")
        assert max(max(bead.shape) for bead in found.beads) < 5


def test_types_of_beads_are_vecaligns():
    kinds, numbers = bead_kinds(8)
    assert len(kinds) == 28
    assert all(numbers[a - 1, b - 1] == number for number, (a, b) in enumerate(kinds))
    assert kinds.sum(axis=1).max() == 8


def test_float16_gives_the_beads_of_float32():
    src, tgt = made_pair(SHAPES)
    half = [
        replace(side, vectors=replace(side.vectors, vectors=side.vectors.vectors.astype(np.float16)))
        for side in (src, tgt)
    ]
    assert linked(align_vectors(*half)) == linked(align_vectors(src, tgt))


@pytest.mark.parametrize("width", [1, 15, 16, 40, 1024])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_quantised_vectors_are_unit_vectors(width, dtype):
    vectors = np.random.default_rng(0).normal(size=(50, width)).astype(dtype)
    vectors[3] = 0
    vectors[4] *= dtype(1e-3)  # half precision holds it as a subnormal
    units = vectors / np.maximum(np.linalg.norm(vectors.astype(np.float64), axis=1), 1e-30)[:, None]
    assert np.abs(quantised(vectors, name="x") / UNIT - units).max() < 2e-4 if dtype is np.float16 else 4e-5
    assert not quantised(vectors, name="x")[3].any()


def test_dot_products_are_exact():
    units = quantised(np.random.default_rng(0).normal(size=(8, 1024)).astype(np.float32), name="x")
    out = np.zeros((4, 4), np.int32)
    dots_4x4(units, 0, units, 4, out)
    assert np.array_equal(out, units[:4].astype(np.int64) @ units[4:].T.astype(np.int64))


def test_many_threads_change_no_byte():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.aligner.vectors_made import made_pair\n"
        "from tm_align.embedding import align_vectors\n"
        "found = align_vectors(*made_pair([(1, 1), (1, 2), (2, 1), (0, 1), (1, 0)] * 60))\n"
        "print(found)\n"
    )
    root = str(Path(__file__).parents[2])
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script, root],
            env=os.environ | {"OPENBLAS_NUM_THREADS": n, "NUMBA_NUM_THREADS": n, "PYTHONHASHSEED": n},
            check=True,
            capture_output=True,
        ).stdout
        for n in ("1", "2")
    }
    assert len(outputs) == 1
    assert b"Bead" in outputs.pop()


def test_beads_far_better_than_typical_break_no_sum():
    # Paths here differ by thousands of powers of ten within a few rows: every row needs a scale of its own.
    exact, _ = made_pair([(1, 1)] * 40, noise=0.0)
    weak, other = made_pair([(1, 1)] * 60, noise=4.0, seed=3)
    stack = lambda *sides: DocumentVectors.stacked(  # noqa: E731
        np.concatenate([side.vectors.vectors.reshape(7, -1, DIMENSION) for side in sides], axis=1)
    )
    lengths = np.ones(100)
    src, tgt = Side(vectors=stack(exact, weak), lengths=lengths), Side(vectors=stack(exact, other), lengths=lengths)
    found = align_vectors(src, tgt)
    assert [bead.src for bead in found.beads if bead.src == bead.tgt][:38] == [(i, i + 1) for i in range(38)]
    assert np.isfinite([bead.score for bead in found.beads]).all()


@pytest.mark.data
def test_text_berg_reaches_what_was_asked(data):
    from tm_align import align
    from tm_align.encode import VectorFiles
    from tm_align.files import read_segments
    from tm_align.score import indices, score
    from tm_formats.vecalign import read_beads

    folder = data / "textberg-dev"
    files = {lang: (folder / f"overlaps.{lang}", folder / f"overlaps.{lang}.npy") for lang in ("de", "fr")}
    vectors = VectorFiles(src=files["de"], tgt=files["fr"])
    src, tgt = read_segments(folder / "dev.de"), read_segments(folder / "dev.fr")
    gold = [(bead.src, bead.tgt) for bead in read_beads(folder / "dev.defr")]
    found = align(src, tgt, src_lang="de", tgt_lang="fr", tier="embedding", encoder=vectors)
    assert len(gold) == 422
    assert score(gold, indices(found.beads)).f1_strict >= 0.875
    assert found.confidence > 0.8
