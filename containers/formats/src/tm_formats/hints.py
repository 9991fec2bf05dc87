"""What a reader of aligned files is told, and what it tells, beside the file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tm_core.errors import BadName
from tm_core.languages import canonical
from tm_formats.encoding import Unreadable


class Columns(NamedTuple):
    """Where source and target stand in a table, from 1; ``unless_named``: only where no header says it."""

    source: int
    target: int
    unless_named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Languages, "" if unknown, for files that do not name theirs; and whom to tell of units that are left out.

    ``columns`` says where source and target of a table stand; ``strict`` refuses a file for one bad unit.
    """

    src_lang: str = ""
    tgt_lang: str = ""
    left_out: Callable[[int, str], None] | None = None
    columns: Columns | None = None
    strict: bool = False

    def spoil(self, line: int, reason: str, remedy: str) -> None:
        """Say that the unit at this line cannot be read, and is left out; Unreadable where the file must be whole."""
        if self.strict:
            raise Unreadable(f"line {line:,}: {reason}", remedy)
        self.tell(line, reason)

    def tell(self, line: int, reason: str) -> None:
        """Say that the unit at this line is left out, and why."""
        if self.left_out is not None:
            self.left_out(line, reason)


def language(tag: str, line: int) -> str:
    """A file's language tag as it is written here. Raises Unreadable with the line."""
    try:
        return canonical(tag)
    except BadName as error:
        shown = " ".join(tag.split())[:40]
        reason = f"line {line:,} has the language '{shown}', which does not exist"
        raise Unreadable(reason, "Correct it, e.g. to 'de' or 'pt-BR'.") from error
