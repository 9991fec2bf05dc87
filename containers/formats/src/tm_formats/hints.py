"""What a reader of aligned files is told, and what it tells, beside the file."""

from collections.abc import Callable
from dataclasses import dataclass

from tm_core.errors import BadName
from tm_core.languages import canonical
from tm_formats.encoding import Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Languages, "" if unknown, for files that do not name theirs; and whom to tell of units that are left out."""

    src_lang: str = ""
    tgt_lang: str = ""
    left_out: Callable[[int, str], None] | None = None

    def tell(self, line: int, reason: str) -> None:
        """Say that the unit at this line is left out, and why."""
        if self.left_out is not None:
            self.left_out(line, reason)


def language(tag: str, line: int) -> str:
    """A file's language tag as it is written here. Raises Unreadable with the line."""
    try:
        return canonical(tag)
    except BadName as error:
        reason = f"line {line:,} has the language '{tag[:40]}', which does not exist"
        raise Unreadable(reason, "Correct it, e.g. to 'de' or 'pt-BR'.") from error
