"""Plain text: paragraphs parted by blank lines, or one a line."""

from collections.abc import Iterable, Iterator

from tm_core.documents import Document
from tm_formats.encoding import decode

#: Characters up to which a line may be one that an editor wrapped. Source: the widths in use are 72 to 80.
_WRAPPED_CHARS = 100
_END_MARKS = ".!?:;…。！？»”\"')"


def read(data: bytes, lang: str) -> Document:
    """Read plain text; ``lang`` ("" if unknown) helps to tell encodings apart.

    Blank lines part paragraphs. A file without any has a paragraph a line, unless its lines look wrapped.
    """
    decoded = decode(data, lang=lang)
    lines = decoded.text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").strip("\n").split("\n")
    notes = decoded.notes
    if len(lines) > 1 and all(line.strip() for line in lines) and not _wrapped(lines):
        paragraphs: Iterable[str] = lines
        notes += ("no blank lines: each line is read as a paragraph",)
    else:
        paragraphs = _blocks(lines)
    return Document(paragraphs=tuple(paragraphs), encoding=decoded.encoding, notes=notes)


def _wrapped(lines: list[str]) -> bool:
    """Say whether line ends fall within sentences."""
    inner = [line.rstrip() for line in lines[:-1]]
    open_ends = sum(not line.endswith(tuple(_END_MARKS)) for line in inner)
    return max(map(len, inner)) <= _WRAPPED_CHARS and open_ends * 2 > len(inner)


def _blocks(lines: list[str]) -> Iterator[str]:
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield "\n".join(block)
            block = []
