"""The boundary of every reader: whatever goes wrong inside becomes one exception that names the file.

``documents`` and ``bilingual`` choose the reader; both call it through here, so a reader added later is covered too.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tm_core.documents import BilingualUnit
from tm_core.errors import TmError, UnreadableDocument
from tm_formats.encoding import Unreadable

#: Characters of an unexpected exception's message that are kept: it may quote the file.
_SHOWN_CHARS = 120


@contextmanager
def reading(path_name: str, *, place: str = "", is_stream: bool = False) -> Iterator[None]:
    """Turn every failure of a reader into UnreadableDocument; a bug keeps its type, message and line of code.

    Our own errors pass, because a lost storage is not the file's fault, and so does MemoryError: sizes are bounded
    beforehand, and after it nothing can be relied on.

    Args:
        place: where in the file, as far as the caller knows it.
        is_stream: the file is read while it is parsed: an OSError is then the storage's, and passes.

    Raises:
        UnreadableDocument: with file, format, place, cause and next step.
    """
    try:
        yield
    except Unreadable as error:
        raise UnreadableDocument(error.message(path_name)) from error
    except (TmError, MemoryError):
        raise
    except Exception as error:
        if is_stream and isinstance(error, OSError):
            raise
        raise UnreadableDocument(_unexpected(path_name, error, place).message(path_name)) from error


def guarded(path_name: str, units: Iterator[BilingualUnit], *, is_stream: bool) -> Iterator[BilingualUnit]:
    """Hand units on, with ``reading`` around the steps that make them."""
    line = 0
    while True:
        with reading(path_name, place=f" after the unit at line {line:,}" if line else "", is_stream=is_stream):
            unit = next(units, None)
        if unit is None:
            return
        line = unit.line
        yield unit


def _unexpected(path_name: str, error: Exception, place: str) -> Unreadable:
    """Say what a reader did not expect, as the file's problem and as what may be a fault of ours."""
    suffix = path_name.rpartition(".")[2].lower()
    frames = traceback.extract_tb(error.__traceback__)
    code = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
    text = " ".join(str(error).split())[:_SHOWN_CHARS].encode("utf-8", "backslashreplace").decode()
    if isinstance(error, RecursionError):
        return Unreadable(f"it is nested too deep to be read as {suffix}{place}", "Flatten it, or export it again.")
    return Unreadable(
        f"it cannot be read as {suffix}{place} ({type(error).__name__}: {text}, in {code})",
        "Most likely it is damaged: export or save it again. If another program reads it well, report this line.",
    )
