"""``manifest.json``: what a finished folder holds, written last.

A folder without a manifest is unfinished, whatever else lies in it; a reader reads what the manifest
lists and nothing beside it, so what a killed try left behind does no harm.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tm_core.errors import ContractError
from tm_formats.storage import Storage

NAME = "manifest.json"
VERSION = 1

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of the folder: name relative to it, bytes, SHA-256, rows (0 where there are none)."""

    name: str
    size: int
    sha256: str
    rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of a finished folder, sorted by name, and what its writer states beside (counts, versions)."""

    files: tuple[FileEntry, ...]
    facts: Mapping[str, Json] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


def write_manifest(
    storage: Storage, folder: str, files: Iterable[FileEntry], facts: Mapping[str, Json] | None = None
) -> Manifest:
    """Write ``<folder>/manifest.json``: call it when all files of the folder are written.

    The bytes depend on the arguments alone: no time, no machine.
    """
    manifest = Manifest(files=tuple(sorted(files, key=lambda file: file.name)), facts=dict(facts or {}))
    body = {"version": VERSION, **asdict(manifest)}
    text = json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    storage.write_atomic(f"{folder}/{NAME}", text.encode("utf-8") + b"\n")
    return manifest


def read_manifest(storage: Storage, folder: str, *, hashes: bool = True) -> Manifest:
    """Read a folder's manifest and check the folder against it.

    Args:
        hashes: compare SHA-256 too (reads every byte); sizes are always compared.

    Raises:
        ContractError: no manifest, one that cannot be read, or a file that is not what it promises.
    """
    manifest = _parse(storage, folder)
    sizes = {info.path: info.size for info in storage.list(folder)}
    for file in manifest.files:
        path = f"{folder}/{file.name}"
        if path not in sizes:
            raise _broken(storage, path, "this file", "none")
        if sizes[path] != file.size:
            raise _broken(storage, path, f"{file.size:,} bytes", f"{sizes[path]:,}")
        if hashes and (found := storage.sha256(path)) != file.sha256:
            raise _broken(storage, path, f"SHA-256 {file.sha256}", found)
    return manifest


def _parse(storage: Storage, folder: str) -> Manifest:
    path = f"{folder}/{NAME}"
    if not storage.exists(path):
        raise ContractError(
            f"{storage.uri_of(folder)}: expected a {NAME}, found none. The step that writes this folder has not "
            "finished, or was killed. Clear that step; nothing has been read from here."
        )
    try:
        body: dict[str, Any] = json.loads(storage.read(path))
        if body["version"] != VERSION:
            raise ValueError(f"version {body['version']}, this code reads version {VERSION}")
        return Manifest(files=tuple(FileEntry(**file) for file in body["files"]), facts=body["facts"])
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError(
            f"{storage.uri_of(path)}: expected a manifest of version {VERSION}, found something else ({error}). "
            "Another version of tm-refinery wrote it, or a hand changed it. Clear the step that writes this folder; "
            "nothing has been read from here."
        ) from error


def _broken(storage: Storage, path: str, expected: str, found: str) -> ContractError:
    return ContractError(
        f"{storage.uri_of(path)}: the manifest promises {expected}, found {found}. "
        "The file was changed, cut short or removed after its step had finished. "
        "Clear the step that writes this folder; nothing has been read from here."
    )
