"""Reading segments and writing results for the commands."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tm_core.errors import AlignmentInputError


def read_segments(path: Path) -> list[str]:
    """The segments of a UTF-8 text file, one a line; a blank line is a blank segment.

    Lines end with LF or CR LF; in a file without any LF, with CR (old Macs). A CR inside a line of a file with LF is
    white space of that segment: there it ends no line, or segment numbers would not be those of other programs.

    Raises:
        AlignmentInputError: the file is missing or not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise AlignmentInputError(f"{path}: there is no such file. Nothing has been written.") from error
    except UnicodeDecodeError as error:
        raise AlignmentInputError(
            f"{path}, byte {error.start:,}: expected UTF-8, found the byte {error.object[error.start]:#04x}. "
            "Most likely the text is in another encoding: convert it with iconv. Nothing has been written."
        ) from error
    end = "\n" if "\n" in text else "\r"
    return [line.removesuffix("\r") for line in text.removesuffix(end).split(end)] if text else []


def check_output(path: Path | None) -> None:
    """Refuse a result file that cannot be made, before the work that it would be the result of.

    Raises:
        AlignmentInputError: its folder is missing or cannot be written to, or it is a folder itself.
    """
    if path is None:
        return
    folder = path.resolve().parent
    if not folder.is_dir():
        raise AlignmentInputError(
            f"-o {path}: expected the folder {folder}, found none. "
            f"Make it with 'mkdir -p {folder}', or correct the name. Nothing has been read or written."
        )
    if path.is_dir():
        raise AlignmentInputError(
            f"-o {path}: expected the name of a file, found a folder. "
            f"Name a file in it, e.g. {path / 'result'}. Nothing has been read or written."
        )
    if not path.exists() and not os.access(folder, os.W_OK):
        raise AlignmentInputError(
            f"-o {path}: expected a folder that this user may write to, found that {folder} is not one. "
            "Name another folder, or change its permissions. Nothing has been read or written."
        )


@contextmanager
def written(path: Path | None) -> Iterator[BinaryIO]:
    """A sink for a result: standard output, or a file that appears only when all of it is written."""
    if path is None:
        yield sys.stdout.buffer
        return
    with replacing(path) as part, part.open("wb") as sink:
        yield sink


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name to write to; it takes the place of ``path`` at the end, and only if nothing went wrong.

    What is no regular file (``/dev/null``, a pipe) is written to as it is: a device must never be replaced.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    path = path.resolve()
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
