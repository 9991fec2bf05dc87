"""Text of people inside Markdown: shown as it is, and never more than text."""

import re
import unicodedata

#: Joiners inside words of Persian, Hindi and others, and of emoji.
_JOINERS = "\u200c\u200d"


def quoted(text: str) -> str:
    """Text as a code span on one line: no heading, image, link, HTML or end of a code block comes out of it.

    Line breaks become spaces, and what no one can see but what moves text about (controls, marks of direction, lone
    surrogates) becomes U+FFFD. Not for a cell of a table: a bar would end it.
    """
    shown = " ".join(_visible(text).split())
    if not shown:
        return "(empty)"
    ticks = "`" * (_longest_run(shown) + 1)
    return f"{ticks} {shown} {ticks}"


def fenced(text: str) -> str:
    """Text of several lines as a code block that nothing in it can close."""
    lines = [_visible(line).rstrip() for line in text.splitlines()]
    ticks = "`" * max(3, _longest_run("\n".join(lines)) + 1)
    return "\n".join([ticks, *lines, ticks])


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _visible(text: str) -> str:
    return "".join(char if _is_visible(char) else " " if char.isspace() else "\ufffd" for char in text)


def _is_visible(char: str) -> bool:
    return char == " " or char in _JOINERS or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
