"""Reading files whose strings are paired already: the registry of readers by suffix.

A new format is one module and one line here (and its suffix in ``tm_core.deposits``).
"""

import io
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, TypeVar

from tm_core.documents import BilingualUnit, Locale
from tm_core.errors import UnreadableDocument
from tm_formats import locales, tmx
from tm_formats.encoding import Unreadable

R = TypeVar("R")

_LOCALES: dict[str, Callable[[bytes], Locale]] = {"json": locales.read}
_MEMORIES: dict[str, Callable[[BinaryIO], Iterator[BilingualUnit]]] = {"tmx": tmx.read}


def read_locale(path_name: str, data: bytes) -> Locale:
    """Read the keyed strings of one language; the suffix of ``path_name`` chooses the reader.

    Raises:
        UnreadableDocument: broken, empty or too large; with the reason.
    """
    try:
        return _reader(_LOCALES, path_name)(data)
    except Unreadable as error:
        raise UnreadableDocument(error.message(path_name)) from error


def read_memory(path_name: str, source: bytes | BinaryIO) -> Iterator[BilingualUnit]:
    """Read already aligned units, in file order; the suffix of ``path_name`` chooses the reader.

    The whole file is checked before the first unit is handed out: a broken or truncated file yields
    nothing. Memory is constant whatever the file's size.

    Args:
        source: the bytes, or a seekable stream at its beginning, which must stay open while units are taken.

    Raises:
        UnreadableDocument: at the call, not later; with line and reason.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return _reader(_MEMORIES, path_name)(stream)
    except Unreadable as error:
        raise UnreadableDocument(error.message(path_name)) from error


def _reader(readers: Mapping[str, R], path_name: str) -> R:
    reader = readers.get(path_name.rpartition(".")[2].lower())
    if reader is None:
        raise Unreadable(f"no reader for this suffix; there are {', '.join(sorted(readers))}", "Convert it.")
    return reader
