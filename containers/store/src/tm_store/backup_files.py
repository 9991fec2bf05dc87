"""A backup's files on their way: compressed with zstd, and encrypted with age where a key is set.

A name says how it was packed, outermost last: ``memory/3801.dat.zst.age``. age, because a backup is then encrypted to a
public key: the machine that takes backups each night cannot read them.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from tm_core.errors import BackupError
from tm_core.settings import Settings
from tm_formats.manifest import FileEntry
from tm_formats.storage import Hashed, Storage

ZSTD, AGE = ".zst", ".age"
#: Files at work at once, and connections of one dump or restore besides its own. Two cores are what a laptop spares.
JOBS = 2
_BLOCK_BYTES = 1 << 20
# How often a program that reads files is asked whether it still does.
_LOOK_SECONDS = 0.1


def plain_name(name: str) -> str:
    """A file's name before it was packed."""
    return name.removesuffix(AGE).removesuffix(ZSTD)


def is_encrypted(entries: Iterable[FileEntry]) -> bool:
    """Whether a key is needed to read a backup's files."""
    return any(entry.name.endswith(AGE) for entry in entries)


# Packing -------------------------------------------------------------------------------------------


def recipients_of(settings: Settings) -> list[Any]:
    """The age keys that backups are encrypted to; empty: they are not.

    Raises:
        BackupError: one of TM_BACKUP_RECIPIENTS is no key, or the package pyrage is not installed.
    """
    keys = [key.strip() for key in settings.backup_recipients.split(",") if key.strip()]
    if not keys:
        return []
    pyrage = _pyrage()
    try:
        return [pyrage.x25519.Recipient.from_str(key) for key in keys]
    except pyrage.RecipientError as error:
        raise BackupError(
            f"TM_BACKUP_RECIPIENTS: expected age public keys (age1…) parted by commas, found one that is none "
            f"({error}). `tm backup --make-key FILE` makes a pair and prints the public key; nothing has been written."
        ) from error


def _pyrage() -> Any:
    try:
        import pyrage
    except ImportError as error:
        raise BackupError(
            "a key for backups is set, and the package pyrage is not installed. Install it (pip install "
            "'tm-store[age]') or unset TM_BACKUP_RECIPIENTS and TM_BACKUP_IDENTITY; nothing has been written."
        ) from error
    return pyrage


def make_key(path: Path) -> str:
    """Make a pair of keys; the secret one is written to ``path``, readable by its owner alone. Returns the public one.

    Raises:
        BackupError: there is such a file already: a key that is overwritten takes every backup with it.
    """
    identity = _pyrage().x25519.Identity.generate()
    public = str(identity.to_public())
    try:
        with path.open("x", encoding="ascii") as file:
            path.chmod(0o600)
            file.write(f"# public key: {public}\n{identity}\n")
    except OSError as error:
        raise BackupError(f"{path}: a key cannot be written there ({error.strerror}). Name a new file.") from error
    return public


def upload(storage: Storage, source: Path, target: str, recipients: Sequence[Any]) -> list[FileEntry]:
    """Pack every file of a folder and write it below ``target``; each local file is gone afterwards.

    Returns:
        What was written, by name.
    """

    def one(path: Path) -> FileEntry:
        name = path.relative_to(source).as_posix()
        packed = _pack(path, recipients)
        suffix = packed.name.removeprefix(path.name)
        with packed.open("rb") as data:
            written = storage.write_atomic(f"{target}/{name}{suffix}", data)
        packed.unlink()
        return FileEntry(name=name + suffix, size=written.size, sha256=written.sha256)

    # The largest first: the last one to end is then a small one.
    paths = sorted((path for path in source.rglob("*") if path.is_file()), key=lambda path: -path.stat().st_size)
    with ThreadPoolExecutor(JOBS) as pool:
        return sorted(pool.map(one, paths), key=lambda entry: entry.name)


def _pack(path: Path, recipients: Sequence[Any]) -> Path:
    packed = path.with_name(path.name + ZSTD)
    # Level 1, Arrow's own choice: half a gigabyte a second and core, and smaller than gzip's best.
    with path.open("rb") as source, pa.CompressedOutputStream(str(packed), "zstd") as sink:
        shutil.copyfileobj(source, sink, _BLOCK_BYTES)
    path.unlink()
    if not recipients:
        return packed
    sealed = packed.with_name(packed.name + AGE)
    with packed.open("rb") as source, sealed.open("wb") as sink:
        _pyrage().encrypt_io(source, sink, list(recipients))
    packed.unlink()
    return sealed


# Unpacking -----------------------------------------------------------------------------------------


def identities_of(settings: Settings) -> list[Any]:
    """The secret keys of TM_BACKUP_IDENTITY; empty if it is not set.

    Raises:
        BackupError: the file cannot be read, or holds no key.
    """
    path = settings.backup_identity
    if path == Path():
        return []
    pyrage = _pyrage()
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
        if not keys:
            raise ValueError("no line with a key")
    except (OSError, ValueError, pyrage.IdentityError) as error:
        # What is in the file stays out of the message: it may be a key all the same.
        raise BackupError(
            f"TM_BACKUP_IDENTITY: {path} is no file with an age secret key ({type(error).__name__}). Name the file "
            "that `tm backup --make-key` or age-keygen wrote; nothing has been changed."
        ) from error
    return keys


def download(
    storage: Storage, folder: str, entries: Sequence[FileEntry], target: Path, identities: Sequence[Any]
) -> None:
    """Fetch the files of a backup, compare each with its hash, and unpack it below ``target``.

    Raises:
        BackupError: a file is not what the manifest promises, or the key does not open it.
    """

    def one(entry: FileEntry) -> None:
        place = target / plain_name(entry.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        _fetch(storage, folder, entry, place, identities)

    with ThreadPoolExecutor(JOBS) as pool:
        for _ in pool.map(one, sorted(entries, key=lambda entry: -entry.size)):
            pass


def feed(
    program: AbstractContextManager[subprocess.Popen[bytes]],
    storage: Storage,
    folder: str,
    entries: Sequence[FileEntry],
    target: Path,
    identities: Sequence[Any],
) -> None:
    """Run a program that reads the files of a backup below ``target``: there are pipes, each filled once it is opened.

    Nothing waits until all files are there, and none of them, unpacked, takes room on the disk. What the program has
    made of a file that turns out not to be what the manifest promises is the caller's to throw away.

    Raises:
        BackupError: as ``download``: the program is ended. Or as the program's context says when that fails. Or the
            program did not read them all.
    """
    pipes = [target / plain_name(entry.name) for entry in entries]
    for pipe in pipes:
        pipe.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(pipe, 0o600)
    with ThreadPoolExecutor(max(len(entries), 1)) as pool:
        jobs = [
            pool.submit(_fetch, storage, folder, entry, pipe, identities)
            for entry, pipe in zip(entries, pipes, strict=True)
        ]
        try:
            with program as process:
                _watch(process, jobs)
        except BackupError as error:
            _unblock(pipes, jobs)
            # A file that is rotten is why the program failed, not what it says of the rest.
            rot = next((found for job in jobs if isinstance(found := job.exception(), BackupError)), error)
            if rot is not error:
                raise rot from error
            raise
        finally:
            _unblock(pipes, jobs)
        for job, entry in zip(jobs, entries, strict=True):
            if isinstance(job.exception(), BrokenPipeError):
                raise BackupError(
                    f"{storage.uri_of(folder)}/{entry.name}: expected to be read, nobody read it to its end."
                )
            job.result()


def _watch(process: subprocess.Popen[bytes], jobs: Iterable[Future[None]]) -> None:
    """Until every file has been read, or the program has ended; raises what a job raises."""
    waiting = set(jobs)
    while waiting and process.poll() is None:
        done, waiting = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED)
        try:
            for job in done:
                job.result()
        except BrokenPipeError:  # the program is about to end, and will say why
            process.wait()


def _unblock(pipes: Sequence[Path], jobs: Sequence[Future[None]]) -> None:
    """Let the jobs end whose pipes nobody reads any more: open and close, they find them broken."""
    for pipe, job in zip(pipes, jobs, strict=True):
        while not job.done():
            os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
            wait([job], _LOOK_SECONDS)


def _fetch(storage: Storage, folder: str, entry: FileEntry, place: Path, identities: Sequence[Any]) -> None:
    """Hash and unpack a file while it comes; one that is encrypted is opened once its hash is known.

    Args:
        place: a new file, or a pipe: then nothing is fetched until somebody opens that.

    Raises:
        BackupError: as ``download``.
        BrokenPipeError: the file is as promised, but its reader has gone.
    """
    with place.open("wb") as sink:
        path = f"{folder}/{entry.name}"
        problem: OSError | None = None
        sealed = place.with_name(place.name + ZSTD + AGE) if entry.name.endswith(AGE) else None
        with storage.open_input(path) as source:
            hashed = Hashed(source)
            try:
                if sealed:
                    _save(hashed, sealed)
                elif entry.name.endswith(ZSTD):
                    _unpack(pa.PythonFile(hashed, "r"), sink)
                else:
                    shutil.copyfileobj(hashed, sink, _BLOCK_BYTES)
            except OSError as error:
                problem = error  # rot, as the hash will show, or the disk, or a reader that has gone
            sha256 = hashed.finish()
        if sha256 != entry.sha256:
            raise BackupError(
                f"{storage.uri_of(path)}: this backup cannot be trusted: the manifest promises SHA-256 "
                f"{entry.sha256}, found {sha256}. The file was changed after it was written. Use an older backup "
                "(`tm backup --list`); nothing has been changed."
            )
        if isinstance(problem, BrokenPipeError):
            raise problem
        if problem is not None:
            raise BackupError(f"{storage.uri_of(path)}: cannot be unpacked to {place.parent}: {problem}") from problem
        if sealed:
            packed = _decrypt(sealed, storage.uri_of(path), identities)
            _unpack(str(packed), sink)
            packed.unlink()


def _save(source: Any, place: Path) -> None:
    with place.open("wb") as sink:
        shutil.copyfileobj(source, sink, _BLOCK_BYTES)


def _unpack(packed: Any, sink: BinaryIO) -> None:
    with pa.CompressedInputStream(packed, "zstd") as source:
        shutil.copyfileobj(source, sink, _BLOCK_BYTES)


def _decrypt(place: Path, uri: str, identities: Sequence[Any]) -> Path:
    if not identities:
        raise BackupError(
            f"{uri}: is encrypted, and no key is set. Set TM_BACKUP_IDENTITY to the file with the secret key; nothing "
            "has been changed."
        )
    pyrage = _pyrage()
    plain = place.with_name(place.name.removesuffix(AGE))
    source: BinaryIO
    with place.open("rb") as source, plain.open("wb") as sink:
        try:
            pyrage.decrypt_io(source, sink, list(identities))
        except (pyrage.DecryptError, OSError) as error:
            raise BackupError(
                f"{uri}: the key in TM_BACKUP_IDENTITY does not open it ({error}). It was encrypted to another one: "
                "find that key, or take a backup that yours opens; nothing has been changed."
            ) from error
    place.unlink()
    return plain
