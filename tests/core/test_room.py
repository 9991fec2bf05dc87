"""A full disk and a limit of a file's size say what to do: met for real, by /dev/full and RLIMIT_FSIZE."""

import errno
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tm_core.errors import NoRoom
from tm_core.room import room_for, scratch, temporary_folder

FULL = Path("/dev/full")


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_named_with_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(NoRoom) as found,
        room_for("the export", tmp_path, need="as much as 3 files", state="Nothing was exported."),
        FULL.open("wb") as sink,
    ):
        sink.write(b"x" * 100_000)
    said = str(found.value)
    assert said.startswith(f"{tmp_path}: no room for the export: the disk is full. It needs as much as 3 files; ")
    assert " MB are free. Free some space there, or set TMPDIR to a folder with more room; then run it again." in said
    assert said.endswith("Nothing was exported.")


def test_a_limit_of_size_is_named_and_the_folder_is_gone() -> None:
    made: list[Path] = []

    def copy() -> None:
        with scratch("a copy", need="2 kB") as folder:
            made.append(folder)
            (folder / "file").write_bytes(b"x" * 2000)

    with files_up_to(1000), pytest.raises(NoRoom) as found:
        copy()
    assert "larger than the process or the file system allows" in str(found.value)
    assert "ulimit -f unlimited" in str(found.value)
    assert tempfile.gettempdir() in str(found.value)
    assert made
    assert not made[0].exists()


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.ENOSPC, errno.EFBIG])
def test_every_kind_of_no_room(number: int, tmp_path: Path) -> None:
    with pytest.raises(NoRoom), room_for("x", tmp_path / "gone", need="y"):
        raise OSError(number, "no room")


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), room_for("x", tmp_path, need="y"):
        raise PermissionError(errno.EACCES, "closed")


def test_no_temporary_folder_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_usable() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", none_usable)
    with pytest.raises(NoRoom, match=r"set TMPDIR to a folder with more room.*Nothing was changed"):
        temporary_folder("a copy")
