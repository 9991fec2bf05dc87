"""hunalign's dictionary and ladder."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm_core.errors import AlignmentInputError
from tm_formats.hunalign import Rung, ladder_lines, read_dictionary, read_ladder, spans


@dataclass(frozen=True)
class Bead:
    src: tuple[int, int]
    tgt: tuple[int, int]
    score: float = 0.5


def beads_of(shapes: list[tuple[int, int]]) -> list[Bead]:
    beads, i, j = [], 0, 0
    for a, b in shapes:
        beads.append(Bead((i, i + a), (j, j + b)))
        i, j = i + a, j + b
    return beads


def test_dictionary_has_the_target_first(tmp_path: Path):
    path = tmp_path / "a.dic"
    path.write_text("chien @ Hund\nchien de berger @ Schäferhund\r\n\n", encoding="utf-8")
    assert list(read_dictionary(path)) == [("Hund", "chien"), ("Schäferhund", "chien de berger")]


def test_dictionary_line_without_separator_is_refused_by_number(tmp_path: Path):
    path = tmp_path / "a.dic"
    path.write_text("a @ b\nc\td\n")
    with pytest.raises(AlignmentInputError, match=r"a\.dic:2: expected 'target @ source'"):
        list(read_dictionary(path))


def test_dictionary_that_is_not_utf8_is_refused(tmp_path: Path):
    path = tmp_path / "a.dic"
    path.write_bytes("für @ pour\n".encode("latin-1"))
    with pytest.raises(AlignmentInputError, match="expected UTF-8, found byte 0xfc at 1"):
        list(read_dictionary(path))


def test_ladder_begins_at_zero_and_ends_with_the_numbers_of_segments():
    lines = list(ladder_lines(beads_of([(1, 1), (0, 1), (2, 1)])))
    assert lines == ["0\t0\t0.5000", "1\t1\t0.5000", "1\t2\t0.5000", "3\t3\t0.0000"]
    assert list(ladder_lines([])) == ["0\t0\t0.0000"]


@given(st.lists(st.sampled_from([(1, 1), (1, 2), (0, 1), (1, 0), (3, 2)]), max_size=20))
def test_ladder_written_and_read_again_gives_the_beads(tmp_path_factory, shapes):
    path = tmp_path_factory.mktemp("ladder") / "a.ladder"
    beads = beads_of(shapes)
    path.write_text("\n".join(ladder_lines(beads)) + "\n")
    assert list(spans(read_ladder(path))) == [(bead.src, bead.tgt) for bead in beads]


def test_hand_ladder_of_two_columns(tmp_path: Path):
    path = tmp_path / "hand.ladder"
    path.write_text("0 0\n1 1\n3 2\n")
    assert read_ladder(path) == [Rung(0, 0), Rung(1, 1), Rung(3, 2)]


@pytest.mark.parametrize(
    ("text", "message"), [("0\t0\n1\n", ":2: expected 'source"), ("3\t3\n1\t4\n", ":2: expected a rung")]
)
def test_what_is_no_ladder_is_refused(tmp_path: Path, text, message):
    path = tmp_path / "a.ladder"
    path.write_text(text)
    with pytest.raises(AlignmentInputError, match=message):
        read_ladder(path)
