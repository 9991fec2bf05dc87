"""Results are written whole or not at all, and devices are left alone."""

import os
import threading
from pathlib import Path

import pytest

from tm_align.files import check_output, read_segments, replacing
from tm_core.errors import AlignmentInputError


def test_the_old_file_stays_if_something_goes_wrong(tmp_path: Path) -> None:
    path = tmp_path / "beads"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as part:
        part.write_text(f"half {1 / 0}")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["beads"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "beads", tmp_path / "link"
    path.write_text("old")
    link.symlink_to(path)
    with replacing(link) as part:
        part.write_text("new")
    assert link.is_symlink()
    assert path.read_text() == "new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with replacing(pipe) as part:
        part.write_text("new")
    reader.join()
    assert read == ["new"]
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("data", "segments"),
    [
        (b"", []),
        (b"one", ["one"]),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\n\r\ntwo\r\n", ["one", "", "two"]),
        (b"one\rtwo\r", ["one", "two"]),
        (b"one\r\rtwo", ["one", "", "two"]),
        (b"\xef\xbb\xbfone\r", ["one"]),
        (b"one\rtwo\nthree\n", ["one\rtwo", "three"]),  # as other programs number them
    ],
)
def test_segments_are_lines_however_they_end(tmp_path: Path, data: bytes, segments: list[str]) -> None:
    (tmp_path / "a.de").write_bytes(data)
    assert read_segments(tmp_path / "a.de") == segments


def test_a_result_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    check_output(None)
    check_output(tmp_path / "new")
    check_output(Path(os.devnull))
    with pytest.raises(AlignmentInputError, match=r"expected the folder .*/missing, found none\. Make it with"):
        check_output(tmp_path / "missing" / "beads")
    with pytest.raises(AlignmentInputError, match="expected the name of a file, found a folder"):
        check_output(tmp_path)
