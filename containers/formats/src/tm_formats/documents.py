"""Reading a monolingual document, whatever its format: the registry of readers by suffix.

A new format is one module with a function ``read(data, hint) -> Document`` and one line in ``_READERS``
(and its suffix in ``tm_core.deposits``).
"""

from collections.abc import Callable

from tm_core import deposits
from tm_core.documents import Document
from tm_core.errors import BadName
from tm_formats import docx, html, plain
from tm_formats.boundary import reading
from tm_formats.encoding import Unreadable, refuse_binary

#: Bytes of the largest document read: a book of 1,000 pages has 3 MB, and several are in memory at once.
MAX_BYTES = 64 << 20

_READERS: dict[str, Callable[[bytes, str], Document]] = {
    "txt": plain.read,
    "html": html.read,
    "htm": html.read,
    "docx": docx.read,
}
#: Formats that are archives, not text.
_ARCHIVES = frozenset({"docx"})


def read_document(path_name: str, data: bytes) -> Document:
    """Read one document.

    Args:
        path_name: its name or path, e.g. ``guide.de.txt``: the suffix chooses the reader, and the language,
            if there is one, helps to tell old encodings apart.
        data: the whole file.

    Raises:
        UnreadableDocument: nothing in it, not what the suffix says, undecodable, or too large; with the reason.

    Cost: O(bytes); about 50 MB/s for text in UTF-8 and 10 MB/s for HTML on one core.
    """
    with reading(path_name):
        if len(data) > MAX_BYTES:
            raise Unreadable(f"it has {len(data):,} bytes, more than {MAX_BYTES:,}", "Split it into parts.")
        suffix = path_name.rpartition(".")[2].lower()
        reader = _READERS.get(suffix)
        if reader is None:
            raise Unreadable(f"no reader for this suffix; there are {', '.join(sorted(_READERS))}", "Convert it.")
        if suffix not in _ARCHIVES or not data:
            refuse_binary(data)
        document = reader(data, _language(path_name))
        if not document.paragraphs:
            raise Unreadable("there is no text in it", "Deposit a file with text.")
        return document


def _language(path_name: str) -> str:
    try:
        return deposits.parse_name(path_name.rpartition("/")[2]).lang
    except BadName:
        return ""
