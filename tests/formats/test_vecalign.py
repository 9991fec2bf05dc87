"""Vecalign's file formats."""

import numpy as np
import pytest

from tm_core.errors import AlignmentInputError
from tm_formats.vecalign import (
    BeadLine,
    clean_segment,
    open_vectors,
    overlap_line,
    parse_bead_lines,
    read_beads,
    read_overlaps,
    write_vectors,
)


def test_bead_lines_are_what_vecalign_prints():
    assert str(BeadLine((0, 1), (0,), 0.1234)) == "[0, 1]:[0]:0.123400"
    assert str(BeadLine((), (3,))) == "[]:[3]"


@pytest.mark.parametrize(
    ("line", "bead"),
    [
        ("[0, 1]:[0]:0.123400\n", BeadLine((0, 1), (0,), 0.1234)),
        ("[7]:[]", BeadLine((7,), ())),
        ("[ 1,2 ] : [3] : 1e-05", BeadLine((1, 2), (3,), 1e-05)),
        ("[1]:[2]:", BeadLine((1,), (2,))),
    ],
)
def test_bead_lines_are_read(line, bead):
    assert list(parse_bead_lines([line, "\n"], name="x")) == [bead]


def test_a_line_that_is_no_bead_is_named():
    with pytest.raises(AlignmentInputError, match=r"gold, line 2: .*'0\\t1'"):
        list(parse_bead_lines(["[0]:[0]", "0\t1"], name="gold"))


def test_beads_survive_a_file(tmp_path):
    beads = [BeadLine((0,), (0, 1), 0.5), BeadLine((1,), (), 0.0)]
    path = tmp_path / "a.vec"
    path.write_text("".join(f"{bead}\n" for bead in beads))
    assert read_beads(path) == beads


def test_segments_enter_overlaps_as_vecalign_writes_them():
    assert clean_segment("  a\tb \n") == "a\tb"
    assert clean_segment(" \n") == "BLANK_LINE"
    assert clean_segment("a\u2028b") == "a\u2028b"  # no line end to Vecalign
    assert len(overlap_line(["x" * 9_000, "y" * 9_000])) == 10_000


@pytest.fixture
def overlaps_path(tmp_path):
    path = tmp_path / "overlaps"
    path.write_text("a\nb\na b\n")
    return path


def test_overlap_lines_have_the_row_of_their_vector(overlaps_path):
    assert read_overlaps(overlaps_path) == {"a": 0, "b": 1, "a b": 2}


def test_vectors_in_the_place_of_overlaps_are_recognised(tmp_path):
    path = tmp_path / "v"
    path.write_bytes(b"\xff\xfe\x00\x80\n")
    with pytest.raises(AlignmentInputError, match="OVERLAPS first"):
        read_overlaps(path)


@pytest.mark.parametrize(("name", "dtype"), [("v.npy", np.float16), ("v.npy", np.float32), ("v.emb", np.float32)])
def test_vectors_survive_a_file(tmp_path, name, dtype):
    vectors = np.arange(12, dtype=dtype).reshape(3, 4)
    write_vectors(tmp_path / name, vectors)
    found = open_vectors(tmp_path / name, n_lines=3)
    assert found.dtype == dtype
    assert np.array_equal(found, vectors)


def test_a_truncated_raw_file_is_refused(tmp_path):
    (tmp_path / "v").write_bytes(b"\0" * (3 * 4 * 4 - 2))
    with pytest.raises(AlignmentInputError, match=r"3 float32 vectors.*46 bytes.*cut short"):
        open_vectors(tmp_path / "v", n_lines=3)


def test_a_truncated_npy_file_is_refused(tmp_path):
    np.save(tmp_path / "v.npy", np.ones((3, 4), np.float32))
    (tmp_path / "v.npy").write_bytes((tmp_path / "v.npy").read_bytes()[:-5])
    with pytest.raises(AlignmentInputError, match="cut short"):
        open_vectors(tmp_path / "v.npy", n_lines=3)


def test_another_number_of_rows_is_refused(tmp_path):
    np.save(tmp_path / "v.npy", np.ones((2, 4), np.float32))
    with pytest.raises(AlignmentInputError, match=r"expected 3 vectors.*found 2"):
        open_vectors(tmp_path / "v.npy", n_lines=3)


@pytest.mark.parametrize("name", ["v.npy", "v.emb"])
def test_another_dimension_is_refused(tmp_path, name):
    write_vectors(tmp_path / name, np.ones((3, 4), np.float32))
    with pytest.raises(AlignmentInputError, match=r"of 5 components|expected 5 components"):
        open_vectors(tmp_path / name, n_lines=3, dimension=5)


def test_another_type_is_refused(tmp_path):
    np.save(tmp_path / "v.npy", np.ones((3, 4), np.int64))
    with pytest.raises(AlignmentInputError, match="found int64"):
        open_vectors(tmp_path / "v.npy", n_lines=3)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AlignmentInputError, match="nowhere: there is no such file"):
        read_beads(tmp_path / "nowhere")
