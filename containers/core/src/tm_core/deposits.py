"""Names in ``raw/``: ``raw/<store>/<YYYY-MM-DD>/<name>.<lang>.<ext>``.

The one place that knows which suffixes are read and what a name may look like.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tm_core.errors import BadName
from tm_core.languages import canonical, is_language


class Kind(StrEnum):
    """What a deposited file is, decided by its suffix."""

    DOCUMENT = "document"  # running text in one language: it is segmented and aligned
    LOCALE = "locale"  # keyed strings in one language: paired by key
    MEMORY = "memory"  # already aligned units in several languages


#: suffix -> kind. A suffix that is not here is reported by name and never read.
SUFFIXES = {
    "txt": Kind.DOCUMENT,
    "html": Kind.DOCUMENT,
    "htm": Kind.DOCUMENT,
    "docx": Kind.DOCUMENT,
    "json": Kind.LOCALE,
    "tmx": Kind.MEMORY,
    "xlf": Kind.MEMORY,
    "xliff": Kind.MEMORY,
    "sdlxliff": Kind.MEMORY,
    "mqxliff": Kind.MEMORY,
    "po": Kind.MEMORY,
    "csv": Kind.MEMORY,
    "tsv": Kind.MEMORY,
}
#: Longest name accepted, in characters: file systems stop at 255 bytes, and language and suffix follow.
MAX_NAME_CHARS = 200
#: What a store is called, as a regular expression of the whole name. Forms check it before a run starts.
STORE_NAME = r"[a-z0-9][a-z0-9_-]{0,62}"
_STORE = re.compile(STORE_NAME)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositName:
    """A deposited file's name taken apart. ``lang`` is "" where the file itself holds the languages."""

    name: str
    lang: str
    suffix: str

    @property
    def kind(self) -> Kind:
        """What the suffix says the file is."""
        return SUFFIXES[self.suffix]

    @property
    def file_name(self) -> str:
        """The name in one spelling: as it stands in storage, if language and suffix are written the usual way."""
        return ".".join(part for part in (self.name, self.lang, self.suffix) if part)


def check_store(store: str) -> str:
    """Return the store's name, or raise BadName: lower-case letters, digits, ``-`` and ``_``, at most 63."""
    if not _STORE.fullmatch(store):
        raise BadName(
            f"store '{store}': expected 1 to 63 lower-case letters, digits, '-' or '_', starting with a letter or "
            "digit. Choose such a name and add it to include/stores.toml; nothing was stored."
        )
    return store


def raw_folder(store: str, day: date) -> str:
    """Where one store's deposits of one date lie, relative to the storage's root."""
    return f"raw/{check_store(store)}/{day.isoformat()}"


def parse_name(path: str) -> DepositName:
    """Take a path below ``raw/<store>/<date>/`` apart.

    Raises:
        BadName: absolute, climbing (``..``), too long, control characters, no or unknown suffix, or a language
            code that does not exist.
    """
    _check_path(path)
    stem, _, suffix = unicodedata.normalize("NFC", path).rpartition(".")
    suffix = suffix.lower()
    if not stem or "/" in suffix or suffix not in SUFFIXES:
        known = ", ".join("." + known for known in SUFFIXES)
        raise BadName(
            f"{path}: the suffix '.{suffix if stem else ''}' is not read. Expected one of {known}. "
            "Convert the file, or remove it from the deposit; it was left out and nothing else is affected."
        )
    name, _, lang = stem.rpartition(".")
    if SUFFIXES[suffix] is Kind.MEMORY and not (name and is_language(lang)):
        return DepositName(name=stem, lang="", suffix=suffix)
    if not name or name.endswith("/") or not lang or "/" in lang:
        raise BadName(
            f"{path}: no language in the name. Expected <name>.<lang>.{suffix}, e.g. guide.de.{suffix}. "
            "Rename the file; it was left out and nothing else is affected."
        )
    if not is_language(lang):
        raise BadName(
            f"{path}: '{lang}' is not a language code. Expected <name>.<lang>.{suffix} with a code of ISO 639 such as "
            "'de', 'pt-BR' or 'zh-Hant'. Rename the file; it was left out and nothing else is affected."
        )
    return DepositName(name=name, lang=canonical(lang), suffix=suffix)


def _check_path(path: str) -> None:
    parts = path.split("/")
    problem = ""
    if path.startswith("/") or (len(path) > 1 and path[1] == ":"):
        problem = "the path is absolute"
    elif any(part in ("", ".", "..") for part in parts):
        problem = "the path climbs or has an empty part"
    elif _UNSAFE.search(path):
        problem = "the path has control characters or backslashes"
    elif len(path) > MAX_NAME_CHARS:
        problem = f"the name has {len(path)} characters, more than {MAX_NAME_CHARS}"
    if problem:
        shown = path if len(path) <= 80 else path[:77] + "..."
        raise BadName(
            f"{shown!r}: {problem}. Expected <name>.<lang>.<ext> below raw/<store>/<date>/. "
            "Deposit it again under a plain name; it was left out and nothing else is affected."
        )
