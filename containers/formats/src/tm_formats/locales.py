"""Keyed strings: one JSON file a language, nested or flat, as web applications ship them."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tm_core.documents import Entry, Locale
from tm_formats.encoding import Unreadable, decode, refuse_binary

#: Bytes of the largest locale read: the largest known to us has 0.3 MB.
MAX_BYTES = 32 << 20
#: Levels of nesting; real files have up to 8, and deeper ones are an attack on recursion.
MAX_DEPTH = 64
#: Strings and other values of one file, and characters of all their joined keys: a key has those of its levels before
#: it, so that one long name above many strings would fill memory.
MAX_VALUES, MAX_KEY_CHARS = 1_000_000, 64 << 20
_SURROGATE = re.compile("[\ud800-\udfff]")
# In a key NUL as well: the database cannot hold it. In a text it is dropped with other controls.
_NO_KEY = re.compile("[\0\ud800-\udfff]")


def read(data: bytes) -> Locale:
    """Read a JSON locale: an object, its levels joined by ``.``, list items by their number from 0.

    Numbers, true, false and null are no text: left out and counted in the notes, and so are empty strings.

    Raises:
        Unreadable: not JSON (with line and column), not an object, a key twice, nested deeper than
            MAX_DEPTH, larger than MAX_BYTES, or without any string.

    Cost: O(bytes).
    """
    if len(data) > MAX_BYTES:
        raise Unreadable(f"it has {len(data):,} bytes, more than {MAX_BYTES:,}", "Split it into parts.")
    refuse_binary(data)
    decoded = decode(data)
    if decoded.text.count(",") >= MAX_VALUES:
        raise Unreadable(f"it has more than {MAX_VALUES:,} values", "Split it into parts.")
    leaves = list(_bounded(_leaves(_load(decoded.text))))
    entries = tuple(Entry(key=key, text=text) for key, text in leaves if text and _is_whole(key, text))
    _check_unique(entries)
    if not entries:
        raise Unreadable("there is no text in it", "Deposit a file with strings.")
    empty = sum(text == "" for _, text in leaves)
    other = sum(text is None for _, text in leaves)
    broken = len(leaves) - len(entries) - empty - other
    counts = ((other, "values that are not text"), (empty, "empty strings"), (broken, "strings with half characters"))
    notes = tuple(f"left out {count} {what}" for count, what in counts if count)
    return Locale(entries=entries, encoding=decoded.encoding, notes=decoded.notes + notes)


def _is_whole(key: str, text: str) -> bool:
    return not _SURROGATE.search(text) and not _NO_KEY.search(key)


def _load(text: str) -> dict[str, Any]:
    def no_number(_: str) -> None:
        return None

    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_int=no_number, parse_float=no_number, parse_constant=no_number
        )
    except json.JSONDecodeError as error:
        reason = f"it is not JSON at line {error.lineno}, column {error.colno} ({error.msg})"
        raise Unreadable(reason, "Correct it, or deposit it again, complete.") from error
    except RecursionError as error:
        raise Unreadable(f"it is nested deeper than {MAX_DEPTH} levels", "Flatten it.") from error
    if not isinstance(value, dict):
        raise Unreadable("it is JSON, but not an object of keys and strings", "Deposit keyed strings.")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise Unreadable(f"the key '{twice[:80]}' stands twice in one object", "Remove the one that is not meant.")
    return found


def _bounded(leaves: Iterable[tuple[str, str | None]]) -> Iterator[tuple[str, str | None]]:
    chars = 0
    for key, text in leaves:
        chars += len(key)
        if chars > MAX_KEY_CHARS:
            reason = f"its keys, joined over their levels, have more than {MAX_KEY_CHARS:,} characters"
            raise Unreadable(reason, "Shorten the names, or split it into parts.")
        yield key, text


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str | None]]:
    """Every leaf with its joined key; None for a leaf that is not text."""
    if len(path) > MAX_DEPTH:
        raise Unreadable(f"it is nested deeper than {MAX_DEPTH} levels", "Flatten it.")
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, (*path, str(number)))
    else:
        yield ".".join(path), value.strip() and value if isinstance(value, str) else None


def _check_unique(entries: tuple[Entry, ...]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.key in seen:
            reason = f"two strings have the key '{entry.key[:80]}', once nested and once with a dot"
            raise Unreadable(reason, "Rename one of them.")
        seen.add(entry.key)
