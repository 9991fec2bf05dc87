"""Held-out gold: texts that benchmarks and lexicons are scored on, and that no store may therefore learn from.

Kept as a list of hashes, so that whoever runs the gate need not have the texts.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from tm_core.errors import SettingsError
from tm_core.identity import text_hash

_HASH = re.compile(r"[0-9a-f]{64}")


def read_held_out(path: Path) -> list[bytes]:
    """The hashes of a file: one a line; an empty line or one that begins with ``#`` says nothing.

    Args:
        path: of TM_HELD_OUT; empty for none.

    Raises:
        SettingsError: it cannot be read, holds something else, or holds nothing: an empty list would guard nothing.
    """
    if path == Path():
        return []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"TM_HELD_OUT: {path} cannot be read: {error}. Nothing was judged.") from None
    hashes = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#"]
    for number, text in hashes:
        if not _HASH.fullmatch(text):
            raise SettingsError(
                f"TM_HELD_OUT: {path} line {number}: expected a hash of 64 hexadecimal digits, found '{text[:20]}'. "
                "`tm held-out FILE` writes such a list. Nothing was judged."
            )
    if not hashes:
        raise SettingsError(f"TM_HELD_OUT: {path} holds no hash. Unset it, or fill it with `tm held-out FILE`.")
    return sorted({bytes.fromhex(text) for _, text in hashes})


def hash_lines(lines: Iterable[str]) -> list[str]:
    """The hashes of segments, one a line of text, sorted; the order would give away how the texts follow each other."""
    return sorted({text_hash(line) for line in lines if line.strip()})
