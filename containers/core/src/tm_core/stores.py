"""``include/stores.toml``: which stores exist, their language pairs, and their own thresholds."""

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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not a TOML file: {error}. Correct it; nothing has run.") from None
    return parse_stores(data, str(path))


def parse_stores(data: Mapping[str, Any], where: str) -> dict[str, Store]:
    """Turn the file's tables into stores. Raises SettingsError with the table and key that are wrong."""
    defaults = _thresholds(data.get("thresholds", {}), Thresholds(), f"{where} [thresholds]")
    _only(data, {"thresholds", "store"}, where)
    tables = data.get("store", {})
    if not tables:
        raise _wrong(where, "at least one [store.<name>] table", "none")
    return {name: _store(name, table, defaults, f"{where} [store.{name}]") for name, table in tables.items()}


def _store(name: str, table: Mapping[str, Any], defaults: Thresholds, where: str) -> Store:
    _only(table, {"description", "pairs", "thresholds"}, where)
    try:
        check_store(name)
        pairs = tuple(sorted({_pair(text, where) for text in table.get("pairs", [])}))
    except BadName as error:
        raise SettingsError(f"{where}: {error}") from None
    if not pairs:
        raise _wrong(where, 'pairs = ["en-de", …]', "no pair")
    return Store(
        name=name,
        description=str(table.get("description", "")),
        pairs=pairs,
        thresholds=_thresholds(table.get("thresholds", {}), defaults, f"{where} thresholds"),
    )


def _pair(text: object, where: str) -> Pair:
    """``en-de``, or ``en:zh-Hant`` where a tag has a dash of its own."""
    parts = str(text).split(":") if ":" in str(text) else str(text).split("-")
    if len(parts) != 2:
        raise _wrong(where, "a pair such as 'en-de' or 'en:pt-BR'", repr(text))
    src, tgt = canonical(parts[0]), canonical(parts[1])
    if src == tgt:
        raise _wrong(where, "two different languages in a pair", repr(text))
    return Pair(src=src, tgt=tgt)


def _thresholds(table: Mapping[str, Any], base: Thresholds, where: str) -> Thresholds:
    _only(table, {item.name for item in fields(Thresholds)}, where)
    for name, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(f"{where} {name}", "a number", repr(value))
    try:
        return replace(base, **table)
    except ValueError as error:
        raise SettingsError(f"{where}: {error} Correct it; nothing has run.") from None


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise _wrong(where, f"only {', '.join(sorted(known))}", f"'{unknown[0]}'")


def _wrong(where: str, expected: str, found: str) -> SettingsError:
    return SettingsError(f"{where}: expected {expected}, found {found}. Correct the file; nothing has run.")
