"""``tm deposit``: put folders of files where a refresh finds them."""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tm_core.deposits import raw_folder
from tm_core.errors import DepositError, StorageError, StorageUnavailable
from tm_core.languages import canonical
from tm_core.stores import Store
from tm_formats.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder to deposit. ``lang`` is added to each file's name; "" if the names have their languages already."""

    path: Path
    lang: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposited:
    """What a deposit did: files written, files that were there with the same bytes, (file, reason) of those refused."""

    where: str
    written: int
    unchanged: int
    refused: tuple[tuple[str, str], ...]

    def render(self) -> str:
        """The summary as lines for a terminal."""
        lines = [f"{self.where}: {self.written:,} files written, {self.unchanged:,} were there already"]
        lines += [f"  refused: {name}: {reason}" for name, reason in self.refused]
        return "\n".join(lines)


def deposit(storage: Storage, stores: dict[str, Store], store: str, day: date, folders: Sequence[Folder]) -> Deposited:
    """Copy the folders' files to ``raw/<store>/<date>/``; a file that is there with the same bytes stays untouched.

    What a file holds is not looked at: whether it can be read is found out, and reported by name, by the refresh.
    Symbolic links, special files and names with control characters are refused by name; the other files are copied.

    Raises:
        DepositError: the store is not configured, or a folder is a link or not there. Nothing was written.
        BadName: a language code does not exist. Nothing was written.
        StorageUnavailable: the storage is not there or has gone: the first such error ends the deposit and says how far
            it came. A file that is there is whole; depositing again writes what is missing.
    """
    if store not in stores:
        raise DepositError(
            f"store '{store}' is not configured. Expected one of {', '.join(sorted(stores))}. "
            f"Add a table [store.{store}] to stores.toml; nothing was written."
        )
    for folder in folders:
        if folder.path.is_symlink():
            raise DepositError(
                f"{escaped(str(folder.path))}: expected a folder, found a symbolic link. "
                "Name the folder that it points to; nothing was written."
            )
        if not folder.path.is_dir():
            raise DepositError(f"{folder.path}: expected a folder, found none. Correct the path; nothing was written.")
    named = [Folder(path=folder.path, lang=canonical(folder.lang) if folder.lang else "") for folder in folders]
    target = raw_folder(store, day)
    counts: dict[bool, int] = {True: 0, False: 0}
    refused: list[tuple[str, str]] = []
    files = [found for folder in named for found in _files(folder)]
    for number, (source, name) in enumerate(files):
        if problem := _problem_of(source, name):
            refused.append((escaped(str(source)), problem))
            continue
        try:
            counts[_put(storage, f"{target}/{name}", source)] += 1
        except StorageUnavailable as error:
            so_far = f"{counts[True]:,} files written, {counts[False]:,} were there already, {len(refused):,} refused"
            raise StorageUnavailable(
                f"{error}\nDeposited until then: {so_far}; {len(files) - number:,} of {len(files):,} are left, from "
                f"{source} on. Repeat the command once the storage answers: that is safe, it writes what is missing."
            ) from error
        except (StorageError, OSError) as error:
            refused.append((str(source), str(error)))
    return Deposited(
        where=storage.uri_of(target), written=counts[True], unchanged=counts[False], refused=tuple(refused)
    )


def _files(folder: Folder) -> Iterator[tuple[Path, str]]:
    """(path, name in storage) of everything below the folder except folders; hidden names are skipped."""
    # rglob does not enter a linked folder: it comes as a path of its own.
    for path in sorted(folder.path.rglob("*")):
        relative = path.relative_to(folder.path)
        if any(part.startswith(".") for part in relative.parts) or (path.is_dir() and not path.is_symlink()):
            continue
        yield path, _with_language(relative.as_posix(), folder.lang)


_LINK = (
    "expected a file, found a symbolic link. It may point to a file that should not be read; "
    "deposit the file itself. It was not copied"
)
_SPECIAL = "expected a file, found a pipe, socket or device. Remove it; it was not copied"
_CONTROL = "expected a name that can be printed, found the control character {}. Rename the file; it was not copied"
# Control characters, line and paragraph separators, and surrogates: names that are not UTF-8.
_CONTROLS = ("Cc", "Cs", "Zl", "Zp")
# Codes that change the order of what is displayed: "gpj.exe" can look like "exe.jpg".
_REORDERING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def _problem_of(source: Path, name: str) -> str:
    """Why the file is refused, "" if it is not."""
    if source.is_symlink():
        return _LINK
    if found := next((char for char in name if _is_control(char)), ""):
        return _CONTROL.format(f"U+{ord(found):04X}")
    return "" if source.is_file() else _SPECIAL


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in _CONTROLS or unicodedata.bidirectional(char) in _REORDERING


def escaped(name: str) -> str:
    """Return the name with its control characters escaped, so that it can be printed."""
    return "".join(ascii(char)[1:-1] if _is_control(char) else char for char in name)


def _with_language(name: str, lang: str) -> str:
    """``guide.txt`` becomes ``guide.de.txt``; a name that says its language already stays as it is."""
    stem, dot, suffix = name.rpartition(".")
    if not lang or not stem or stem.endswith("." + lang):
        return name
    return f"{stem}.{lang}{dot}{suffix}"


def _put(storage: Storage, path: str, source: Path) -> bool:
    """Write the file unless the same bytes are there; say whether it was written."""
    data = _read(source)
    there = storage.info(path)
    if there and there.size == len(data) and storage.read(path) == data:
        return False
    storage.write_atomic(path, data)
    return True


def _read(path: Path) -> bytes:
    # The system checks again: a file can be replaced by a link after it was listed.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return file.read()
