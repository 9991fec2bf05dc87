"""``include/stores.toml``: which stores exist, their language pairs, and their own thresholds."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from tm_core.deposits import check_store
from tm_core.errors import BadName, SettingsError
from tm_core.languages import canonical
from tm_core.rules import Thresholds


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Pair:
    """A language pair: source first."""

    src: str
    tgt: str

    def __str__(self) -> str:
        return f"{self.src}-{self.tgt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One customer's or project's memory: what is aligned for it, and how strictly it is filtered."""

    name: str
    description: str
    pairs: tuple[Pair, ...]
    thresholds: Thresholds = field(default_factory=Thresholds)


def load_stores(path: Path) -> dict[str, Store]:
    """Read and validate the file.

    Raises:
        SettingsError: the file is missing or not TOML, or a key, name, pair or threshold is wrong; names the
            place in the file.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such file. Create it or set TM_INCLUDE; nothing has run.") from None
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read ({error.strerror}). Expected a TOML file; set TM_INCLUDE or mend its permissions; "
            "nothing has run."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not a TOML file: {error}. Correct it; nothing has run.") from None
    return parse_stores(data, str(path))


def parse_stores(data: Mapping[str, Any], where: str) -> dict[str, Store]:
    """Turn the file's tables into stores. Raises SettingsError with the table and key that are wrong."""
    _only(data, {"thresholds", "store"}, where)
    defaults = _thresholds(data.get("thresholds", {}), Thresholds(), f"{where} [thresholds]")
    tables = _table(data.get("store", {}), f"{where} store")
    if not tables:
        raise _wrong(where, "at least one [store.<name>] table", "none")
    return {name: _store(name, table, defaults, f"{where} [store.{name}]") for name, table in tables.items()}


def _store(name: str, table: Mapping[str, Any], defaults: Thresholds, where: str) -> Store:
    _only(table, {"description", "pairs", "thresholds"}, where)
    try:
        check_store(name)
    except BadName as error:
        raise SettingsError(f"{where}: {error}") from None
    description = table.get("description", "")
    if not isinstance(description, str):
        raise _wrong(f"{where} description", "a text", repr(description))
    return Store(
        name=name,
        description=description,
        pairs=_pairs(table.get("pairs", []), f"{where} pairs"),
        thresholds=_thresholds(table.get("thresholds", {}), defaults, f"{where} thresholds"),
    )


def _pairs(texts: object, where: str) -> tuple[Pair, ...]:
    if not isinstance(texts, list) or not texts:
        raise _wrong(where, 'a list of at least one pair, ["en-de", …]', repr(texts))
    return tuple(sorted({parse_pair(text, where) for text in texts}))


def parse_pair(text: object, where: str = "language pair") -> Pair:
    """``en-de``, or ``en:zh-Hant`` where a tag has a dash of its own. Raises SettingsError; ``where`` says of what."""
    parts = str(text).split(":") if ":" in str(text) else str(text).split("-")
    if len(parts) != 2:
        raise _wrong(where, "a pair such as 'en-de' or 'en:pt-BR'", repr(text))
    try:
        src, tgt = canonical(parts[0]), canonical(parts[1])
    except BadName as error:
        raise SettingsError(f"{where}: {error}") from None
    if src == tgt:
        raise _wrong(where, "two different languages in a pair", repr(text))
    return Pair(src=src, tgt=tgt)


def _thresholds(table: Mapping[str, Any], base: Thresholds, where: str) -> Thresholds:
    _only(table, {item.name for item in fields(Thresholds)}, where)
    for name, value in table.items():
        # One at a time, so that an error names its key.
        base = _replaced(base, name, value, f"{where} {name}")
    return base


def _replaced(base: Thresholds, name: str, value: object, where: str) -> Thresholds:
    whole = isinstance(getattr(base, name), int)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(where, "a number", repr(value))
    if whole and not isinstance(value, int):
        raise _wrong(where, "a whole number", repr(value))
    try:
        return replace(base, **{name: value if whole else float(value)})  # type: ignore[arg-type]
    except ValueError as error:
        raise SettingsError(f"{where}: {error} Correct it; nothing has run.") from None


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(_table(table, where)) - known)
    if unknown:
        raise _wrong(where, f"only {', '.join(sorted(known))}", f"'{unknown[0]}'")


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(where, "a table", repr(value))
    return value


def _wrong(where: str, expected: str, found: str) -> SettingsError:
    return SettingsError(f"{where}: expected {expected}, found {found}. Correct the file; nothing has run.")
