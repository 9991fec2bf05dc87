"""Overlap lines, and the vectors that belong to them."""

import numpy as np
import pytest

from tm_align.overlap import longest_run, overlaps
from tm_align.vectors import DocumentVectors, read_document_vectors
from tm_core.errors import AlignmentInputError
from tm_formats.vecalign import write_vectors

SEGMENTS = ["One.", "Two. ", "", "Two."]


def test_every_run_has_its_line_once():
    found = overlaps(SEGMENTS, runs=3)
    assert found.lines == (
        "One.", "Two.", "BLANK_LINE",
        "One. Two.", "Two. BLANK_LINE", "BLANK_LINE Two.",
        "One. Two. BLANK_LINE", "Two. BLANK_LINE Two.",
    )  # fmt: skip
    assert found.rows.tolist() == [[0, 3, 6], [1, 4, 7], [2, 5, -1], [1, -1, -1]]


def test_a_long_segment_is_cut_as_vecalign_does():
    found = overlaps(["x" * 100_000, "y"], runs=2)
    assert [len(line) for line in found.lines] == [10_000, 1]
    assert found.rows.tolist() == [[0, 0], [1, -1]]


def test_no_segments_no_lines():
    assert overlaps([], runs=7).lines == ()


def test_the_longest_run_leaves_one_segment_for_the_other_side():
    assert [longest_run(merge) for merge in (2, 3, 8)] == [1, 2, 7]


@pytest.fixture
def files(tmp_path):
    lines = overlaps(SEGMENTS, runs=3).lines
    (tmp_path / "overlaps").write_text("".join(f"{line}\n" for line in lines))
    vectors = np.eye(len(lines), 32, dtype=np.float32)
    write_vectors(tmp_path / "vectors", vectors)
    return tmp_path / "overlaps", tmp_path / "vectors"


def test_vectors_are_found_by_their_line(files):
    found = read_document_vectors(SEGMENTS, *files, runs=3)
    assert found.vectors.dtype == np.int16
    assert found.gather(found.rows)[1, 2].argmax() == 7  # "Two. BLANK_LINE Two."
    assert not found.gather(found.rows)[3, 1].any()


def test_the_first_missing_line_is_named_and_no_vector_made_up(files):
    with pytest.raises(AlignmentInputError, match=r"2 of 5 are missing, first 'Three\.'"):
        read_document_vectors(["One.", "Two.", "Three."], *files, runs=2)


def test_a_vector_that_is_not_finite_is_named_by_its_line(files):
    vectors = np.eye(8, 32, dtype=np.float32)
    vectors[4, 5] = np.nan
    write_vectors(files[1], vectors)
    with pytest.raises(AlignmentInputError, match=r"'Two\. BLANK_LINE'\): expected finite"):
        read_document_vectors(SEGMENTS, *files, runs=3)


@pytest.mark.parametrize(("found", "value"), [("only zeros", 0.0), ("one and the same vector for all of them", 0.5)])
def test_vectors_that_tell_nothing_are_refused(tmp_path, found, value):
    segments = ["One.", "Two.", "", "Three."]
    lines = overlaps(segments, runs=3).lines
    (tmp_path / "overlaps").write_text("".join(f"{line}\n" for line in lines))
    vectors = np.full((len(lines), 32), value, np.float32)
    vectors[lines.index("BLANK_LINE"), 3] = 9.0  # what stands for a blank line may differ
    write_vectors(tmp_path / "vectors", vectors)
    with pytest.raises(
        AlignmentInputError, match=f"vectors: expected .* of 3 different segments, found {found}"
    ) as error:
        read_document_vectors(segments, tmp_path / "overlaps", tmp_path / "vectors", runs=3)
    assert "Encode again; nothing has been aligned." in str(error.value)


def test_vectors_of_blank_lines_and_single_ones_may_tell_nothing(files):
    vectors = np.eye(8, 32, dtype=np.float32)
    vectors[[1, 2, 4]] = 0.0
    write_vectors(files[1], vectors)
    assert read_document_vectors(SEGMENTS, *files, runs=3).segments == 4


@pytest.mark.parametrize("segments", [["Yes.", "Yes.", "Yes."], ["OK", "OK!"], ["", ""]])
def test_few_different_segments_may_have_one_vector(tmp_path, segments):
    lines = overlaps(segments, runs=3).lines
    (tmp_path / "overlaps").write_text("".join(f"{line}\n" for line in lines))
    write_vectors(tmp_path / "vectors", np.ones((len(lines), 32), np.float32))
    found = read_document_vectors(segments, tmp_path / "overlaps", tmp_path / "vectors", runs=3)
    assert found.segments == len(segments)


def test_a_truncated_file_is_refused(files):
    files[1].write_bytes(files[1].read_bytes()[:-4])
    with pytest.raises(AlignmentInputError, match="cut short"):
        read_document_vectors(SEGMENTS, *files, runs=3)


def test_another_dimension_is_refused(files):
    with pytest.raises(AlignmentInputError, match="8 float32 vectors of 33 components"):
        read_document_vectors(SEGMENTS, *files, runs=3, dimension=33)


def test_rows_beyond_the_vectors_are_refused():
    with pytest.raises(AlignmentInputError, match="at least 10 vectors, found 3"):
        DocumentVectors(vectors=np.ones((3, 4), np.float32), rows=np.full((1, 1), 9, np.int32))


def test_other_types_are_refused():
    with pytest.raises(AlignmentInputError, match="found float64"):
        DocumentVectors(vectors=np.ones((3, 4)), rows=np.zeros((1, 1), np.int32))
