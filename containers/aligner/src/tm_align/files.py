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
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


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
