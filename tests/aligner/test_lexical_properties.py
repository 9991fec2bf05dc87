"""What must hold of the lexical aligner for any text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tm_align.beads import check_beads
from tm_align.lexical import align_lexical

WORDS = st.sampled_from(["", "a", "Haus", "house", "12", "1,5", "?", "—", "世界", "ชาว", "شمس", "maison", "x" * 40])
SEGMENTS = st.lists(st.lists(WORDS, max_size=8).map(" ".join), max_size=25)
FEW = settings(max_examples=150)


@FEW
@given(SEGMENTS, SEGMENTS, st.booleans())
def test_every_segment_is_in_one_bead_in_order(src, tgt, learn):
    found = align_lexical(src, tgt, src_lang="de", tgt_lang="en", learn=learn)
    check_beads(found.beads, len(src), len(tgt))
    assert 0.0 <= found.confidence <= 1.0
    for bead in found.beads:
        assert 0.0 <= bead.score <= 1.0
        assert max(bead.shape) <= 4
        assert not bead.is_null or max(bead.shape) == 1


@FEW
@given(SEGMENTS, SEGMENTS)
def test_swapping_sides_mirrors_the_beads(src, tgt):
    there = align_lexical(src, tgt, src_lang="de", tgt_lang="en").beads
    back = align_lexical(tgt, src, src_lang="en", tgt_lang="de").beads
    assert back == tuple(bead.mirrored() for bead in there)


@FEW
@given(st.lists(st.text(max_size=30), max_size=15), st.lists(st.text(max_size=30), max_size=15))
def test_any_characters_are_aligned(src, tgt):
    check_beads(align_lexical(src, tgt, src_lang="xx", tgt_lang="yy").beads, len(src), len(tgt))
