"""CSV and TSV: units a line, the languages named in the header."""

from collections.abc import Sequence

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def tsv_line(fields: Sequence[str]) -> bytes:
    """One line of our own TSV: backslash, tab and line breaks are escaped, nothing is quoted."""
    return ("\t".join(field.translate(_ESCAPES) for field in fields) + "\n").encode("utf-8", "replace")
