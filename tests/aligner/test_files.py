"""Results are written whole or not at all, and devices are left alone."""

import os
import threading
from pathlib import Path

import pytest

from tm_align.files import replacing


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
