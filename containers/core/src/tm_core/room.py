"""Room for files: what to do where a disk, a quota or a limit ends in the middle of a file."""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tm_core.errors import NoRoom

_FREE_SPACE = "Free some space there"
#: errno -> (cause, first next step).
CAUSES = {
    errno.ENOSPC: ("the disk is full", _FREE_SPACE),
    errno.EDQUOT: ("the disk quota is used up", _FREE_SPACE),
    errno.EFBIG: (
        "a file would be larger than the process or the file system allows",
        "Raise the limit (`ulimit -f unlimited`, LimitFSIZE= of a service)",
    ),
}
IN_TMPDIR = "set TMPDIR to a folder with more room"


@contextmanager
def room_for(
    what: str, folder: Path, *, need: str, elsewhere: str = IN_TMPDIR, state: str = "Nothing was changed."
) -> Iterator[None]:
    """Turn "no room" into an error that says what to do; other errors pass.

    Args:
        what: what is written, in words.
        folder: where.
        need: how much room it takes, in words.
        elsewhere: how to write it to another place.
        state: the state of the data after such an error.

    Raises:
        NoRoom: a write of the block found no room.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in CAUSES:
            raise
        cause, step = CAUSES[error.errno]
        raise NoRoom(
            f"{folder}: no room for {what}: {cause}. It needs {need}; {_free(folder)}. {step}, or {elsewhere}; then "
            f"run it again. {state}"
        ) from error


@contextmanager
def scratch(what: str, *, need: str, state: str = "Nothing was changed.") -> Iterator[Path]:
    """A temporary folder that is gone afterwards, with the error of ``room_for``.

    Raises:
        NoRoom: it cannot be made, or a write of the block found no room.
    """
    folder = temporary_folder(what)
    with room_for(what, folder, need=need, state=state), tempfile.TemporaryDirectory(prefix="tm-") as made:
        yield Path(made)


def temporary_folder(what: str) -> Path:
    """Where temporary files lie: TMPDIR, or the system's folder.

    Raises:
        NoRoom: nothing can be written to any of them.
    """
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise NoRoom(
            f"no temporary folder for {what}: expected TMPDIR or /tmp to take a file, found them full or closed "
            f"({error.strerror}). Free some space, or {IN_TMPDIR}; then run it again. Nothing was changed."
        ) from error


def _free(folder: Path) -> str:
    try:
        return f"{shutil.disk_usage(folder).free / 1e6:,.0f} MB are free"
    except OSError:
        return "how much is free is not known"
