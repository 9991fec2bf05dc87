"""Object storage behind one URI: ``file:///…`` embedded, ``s3://bucket/prefix`` in production.

Everything that looks at deposits or writes a batch's files goes through here, so the two kinds behave
alike: paths are relative, written with ``/``; a file is there whole or not at all; names beginning with
a dot are not listed (temporary files are such names).
"""

import contextlib
import errno
import hashlib
import io
import logging
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from urllib.parse import quote, unquote

from tm_core.errors import StorageError, StorageUnavailable
from tm_core.room import CAUSES, room_for, temporary_folder
from tm_core.settings import Settings

log = logging.getLogger(__name__)

#: Bytes copied at a time; big enough that the loop's own cost vanishes (not calibrated yet).
_BLOCK_BYTES = 1 << 20
#: Seconds to wait for a connection to S3. Arrow's own default of 1 is short for a busy gateway (not calibrated yet).
_S3_CONNECT_S = 5.0
#: Bytes of a stream kept in memory on its way to S3; what is longer waits in a temporary file.
_SPOOL_BYTES = 16 << 20
#: How often a delete looks again because another deleted the same folder meanwhile; each try leaves less to meet on.
_DELETE_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """One stored file. ``path`` is relative to the storage's root, ``modified`` is in UTC."""

    path: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written: bytes and their SHA-256 as 64 hexadecimal digits."""

    size: int
    sha256: str


class _Backend(Protocol):
    """What the two kinds of storage do differently. Every path given has been checked already."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]: ...
    def require(self, *, make: bool) -> None: ...
    def info(self, path: str) -> ObjectInfo | None: ...
    def open_input(self, path: str) -> BinaryIO: ...
    def write(self, path: str, source: BinaryIO) -> None: ...
    def delete(self, path: str) -> None: ...


class Storage:
    """Files below one URI.

    ``file:`` URIs are read as written, with ``%XX`` decoded (so a ``%`` in a folder's name is written
    ``%25``, as ``Path.as_uri()`` does); ``s3:`` URIs are taken literally, as S3 tools do. Credentials,
    region and endpoint of S3 come from the usual variables: ``AWS_ACCESS_KEY_ID``,
    ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``.

    Every method raises StorageError, which says what to do; paths that climb or are absolute are refused. A bucket that
    is not there is no empty one, and neither is a server that speaks no S3: both raise StorageUnavailable.
    """

    def __init__(self, uri: str) -> None:
        self._backend: _Backend
        scheme, found, rest = uri.partition("://")
        if scheme == "file" and found and rest.startswith("/"):
            root = Path(unquote(rest))
            self.uri = "file://" + quote(str(root))
            self._backend = _Local(root)
        elif scheme == "s3" and rest.strip("/"):
            self.uri = "s3://" + rest.strip("/")
            self._backend = _S3(rest.strip("/"))
        else:
            raise StorageError(
                f"storage '{uri}': expected file:///absolute/folder or s3://bucket/prefix. "
                "Correct TM_STORAGE; nothing has been read or written."
            )

    def __repr__(self) -> str:
        return f"Storage({self.uri!r})"

    def uri_of(self, path: str) -> str:
        """The full URI of a file, to show and to hand on; ``path`` as given to the other methods."""
        path = _checked(path)
        # A name on a disk need not be UTF-8; its bytes are quoted as they are.
        shown = quote(path, errors="surrogateescape") if self.uri.startswith("file:") else path
        return f"{self.uri}/{shown}".removesuffix("/")

    def require(self, *, make: bool = False) -> None:
        """Raise StorageUnavailable unless the folder or bucket is there and answers.

        Args:
            make: make the folder; a bucket is its owner's affair.
        """
        with self._errors("open", ""):
            self._backend.require(make=make)

    def is_there(self) -> bool:
        """Say whether the folder or bucket is there and answers."""
        try:
            self.require()
        except StorageUnavailable:
            return False
        return True

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        """All files below the folder ``prefix``, at any depth, sorted by path; empty if it is not there.

        Names beginning with a dot are left out, and so is what lies in folders with such names.
        """
        with self._errors("list", prefix):
            return sorted(self._backend.list(_checked(prefix)), key=lambda info: info.path)

    def info(self, path: str) -> ObjectInfo | None:
        """Size and time of one file; None if it is not there."""
        with self._errors("look up", path):
            return self._backend.info(_checked(path, empty=False))

    def exists(self, path: str) -> bool:
        """Say whether there is such a file (a folder is not one)."""
        return self.info(path) is not None

    def read(self, path: str) -> bytes:
        """The whole file. Check the size first where it may not fit into memory."""
        with self._errors("read", path), self._backend.open_input(_checked(path, empty=False)) as source:
            return source.read()

    @contextlib.contextmanager
    def open_input(self, path: str) -> Iterator[BinaryIO]:
        """The file as a seekable binary stream; errors while reading become StorageError too."""
        with self._errors("read", path), self._backend.open_input(_checked(path, empty=False)) as source:
            yield source

    def sha256(self, path: str) -> str:
        """SHA-256 of a file, 64 hexadecimal digits, in constant memory."""
        with self.open_input(path) as source:
            return Hashed(source).finish()

    def write_atomic(self, path: str, data: bytes | BinaryIO) -> Written:
        """Write a file so that a reader sees the old one or the whole new one, whatever is killed when.

        Args:
            path: where; folders are made as needed, an older file is replaced.
            data: the bytes, or a binary stream that is copied to its end in constant memory.
        """
        source = Hashed(io.BytesIO(data) if isinstance(data, bytes) else data)
        with self._errors("write", path):
            self._backend.write(_checked(path, empty=False), cast(BinaryIO, source))
        return Written(size=source.size, sha256=source.sha256)

    def delete(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it. No error if there is nothing."""
        with self._errors("delete", path):
            self._backend.delete(_checked(path, empty=False))

    def local_path(self, path: str) -> Path | None:
        """Where the file lies on this machine's disk; None on S3."""
        return self._backend.path(_checked(path)) if isinstance(self._backend, _Local) else None

    @contextlib.contextmanager
    def _errors(self, verb: str, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if verb == "read" and error.errno in CAUSES:
                raise  # of what the reader writes elsewhere: no read needs room
            shown = f"{self.uri}/{path}".rstrip("/")
            text = f"{shown}: could not {verb}: {_reason(error)} {_STATE.get(verb, _UNCHANGED)}"
            raise (StorageError if _is_of_one_file(error) else StorageUnavailable)(text) from error


def open_storage(settings: Settings, *, make: bool = False) -> Storage:
    """Open what TM_STORAGE names and look whether it is there, before anything is done.

    Every command and task does it here, so that each fails where the storage is not there: an empty listing of a bucket
    that does not exist looks like a night without deposits.

    TM_HOME/storage is tm's own folder, as work/ and logs/ beside it, and is made when it is first used. A folder that a
    person names must be there: a misspelt one, or a disk that is not mounted, would look like a storage without files.

    Args:
        make: make that folder too, as `tm deposit` does.

    Raises:
        StorageUnavailable: it is not there, or does not answer.

    Cost: two small requests to S3.
    """
    storage = Storage(settings.storage)
    storage.require(make=make or storage.local_path("") == settings.home / "storage")
    return storage


_UNCHANGED = "Nothing was changed."
_STATE = {
    "write": "The file is as it was before; no part of the new one is visible.",
    "delete": "Some of the files may be gone already; deleting again is safe.",
}


class Hashed(io.RawIOBase):
    """A stream that is read once, with its size and hash known afterwards."""

    def __init__(self, source: BinaryIO) -> None:
        self._source, self._sha, self.size = source, hashlib.sha256(), 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        self._sha.update(block)
        self.size += len(block)
        return block

    def finish(self) -> str:
        """Read what is left; returns the SHA-256 of the whole."""
        while self.read(_BLOCK_BYTES):
            pass
        return self.sha256

    @property
    def sha256(self) -> str:
        """Of what has been read, 64 hexadecimal digits."""
        return self._sha.hexdigest()


def _checked(path: str, *, empty: bool = True) -> str:
    """Return the path if it is relative and stays below the root."""
    trimmed = path.removesuffix("/")
    if (empty and not trimmed) or (
        trimmed and "\0" not in trimmed and not any(part in ("", ".", "..") for part in trimmed.split("/"))
    ):
        return trimmed
    raise StorageError(
        f"path {path!r}: expected a path relative to the storage's root, without '..' or empty parts. "
        "This is a fault of the caller or of a file's name. Nothing was read or written."
    )


class _Local:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, path: str) -> Path:
        return self._root / path

    def require(self, *, make: bool) -> None:
        if make:
            # The documents in it are no one else's; who may read them is for its owner to say.
            self._root.parent.mkdir(parents=True, exist_ok=True)
            self._root.mkdir(mode=0o700, exist_ok=True)
        if not self._root.is_dir():
            found = "a file" if self._root.exists() else "none"
            raise StorageUnavailable(
                f"file://{quote(str(self._root))}: expected a folder, found {found}. TM_STORAGE is misspelt, or a disk "
                "is not mounted. Correct TM_STORAGE or mount the disk; a new storage is made by the first deposit, or "
                f"by: mkdir -p '{self._root}'. Nothing was read or written."
            )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        folders = [(self.path(prefix), prefix)]
        while folders:
            folder, inner = folders.pop()
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
                for entry in entries:
                    path = f"{inner}/{entry.name}" if inner else entry.name
                    if entry.name.startswith("."):
                        continue
                    if entry.is_symlink():
                        # A link may point anywhere, and whoever may deposit is not whoever may read all.
                        log.warning("%s is a link: not listed. Deposit the file itself.", entry.path)
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append((Path(entry.path), path))
                    elif entry.is_file(follow_symlinks=False):
                        yield self._info(path, entry.stat(follow_symlinks=False))

    def info(self, path: str) -> ObjectInfo | None:
        local = self.path(path)
        if not local.is_file():
            return None
        return self._info(path, local.stat())

    @staticmethod
    def _info(path: str, stat: os.stat_result) -> ObjectInfo:
        return ObjectInfo(path=path, size=stat.st_size, modified=datetime.fromtimestamp(stat.st_mtime, UTC))

    def open_input(self, path: str) -> BinaryIO:
        return self.path(path).open("rb")

    def write(self, path: str, source: BinaryIO) -> None:
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # In the same folder, because a rename is atomic only within one file system.
        temporary = target.parent / f".tmp-{uuid.uuid4().hex}"
        try:
            with temporary.open("xb") as sink:
                shutil.copyfileobj(source, sink, _BLOCK_BYTES)
                sink.flush()
                # Without this a power cut can leave the new name on an empty file.
                os.fsync(sink.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def delete(self, path: str) -> None:
        target = self.path(path)
        while target.is_dir() and not target.is_symlink():
            # What is gone when its turn comes was deleted by another: go on with what is left.
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(target)
        target.unlink(missing_ok=True)


class _S3:
    """A prefix of a bucket, through Arrow's S3 client."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._is_there = False

    def require(self, *, make: bool) -> None:
        """Raise unless the bucket is there. Two requests, for a listing of a bucket that is not there comes back empty.

        The second asks for a key that cannot exist: a web server that answers every address is no S3.
        """
        from pyarrow import fs

        bucket, absent = self._base.partition("/")[0], f"{self._base}/.tm-no-such-key-{uuid.uuid4().hex}"
        if self._type_of(bucket) == fs.FileType.NotFound:
            raise StorageUnavailable(
                f"s3://{self._base}: expected a bucket '{bucket}' at {_endpoint_shown()}, found no such bucket. "
                "TM_STORAGE or AWS_ENDPOINT_URL is wrong, or the bucket has not been made. Correct them or create the "
                "bucket, then run it again or clear the task. Nothing was read or written."
            )
        if self._type_of(absent) == fs.FileType.File:
            raise StorageUnavailable(
                f"s3://{self._base}: expected an S3 server at {_endpoint_shown()}, found one that has a file of every "
                "name: a web server, or the console of an S3 server. Correct AWS_ENDPOINT_URL, then run it again or "
                "clear the task. Nothing was read or written."
            )
        self._is_there = True

    def _type_of(self, path: str) -> Any:
        """What lies at a path; None where these credentials may not know: what is asked next says more."""
        try:
            return self._look_at(path)
        except OSError as error:
            if re.search(_ACCESS_REFUSED, str(error)):
                return None
            raise

    def _look_at(self, path: str) -> Any:
        return self._fs.get_file_info([path])[0].type

    @property
    def _ready(self) -> Any:
        """Arrow's client of a bucket that has been seen."""
        if not self._is_there:
            self.require(make=False)
        return self._fs

    @property
    def _fs(self) -> Any:
        """Arrow's client, made anew where it is used: it is cheap, and does not survive a fork."""
        from pyarrow import fs

        endpoint = _endpoint()
        # Delayed opening makes a small file one PUT, instead of a multipart upload of three requests.
        options: dict[str, Any] = {"connect_timeout": _S3_CONNECT_S, "allow_delayed_open": True}
        if endpoint:
            scheme, _, host = endpoint.rpartition("://")
            options |= {"endpoint_override": host.rstrip("/"), "scheme": scheme or "https"}
        if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
            options["region"] = region
        return fs.S3FileSystem(**options)

    def _key(self, path: str) -> str:
        return f"{self._base}/{path}" if path else self._base

    def _infos(self, what: Any) -> Iterator[ObjectInfo]:
        from pyarrow import fs

        for found in self._ready.get_file_info(what):
            if found.type == fs.FileType.File:
                path = found.path[len(self._base) + 1 :]
                yield ObjectInfo(path=path, size=found.size, modified=found.mtime.astimezone(UTC))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        from pyarrow import fs

        selector = fs.FileSelector(self._key(prefix), recursive=True, allow_not_found=True)
        skip = len(prefix) + 1 if prefix else 0
        found = list(self._infos(selector))
        if not found:
            # The bucket may have gone since it was seen.
            self.require(make=False)
        for info in found:
            if not any(part.startswith(".") for part in info.path[skip:].split("/")):
                yield info

    def info(self, path: str) -> ObjectInfo | None:
        return next(self._infos([self._key(path)]), None)

    def open_input(self, path: str) -> BinaryIO:
        return cast(BinaryIO, self._ready.open_input_file(self._key(path)))

    def write(self, path: str, source: BinaryIO) -> None:
        # The source is read to its end first: closing Arrow's stream completes the upload, so a source
        # that failed half-way would leave half a file under the final name.
        what = f"a copy of {self._key(path)} before it is uploaded"
        with contextlib.ExitStack() as exits:
            with room_for(what, temporary_folder(what), need="as much as the file", state=_STATE["write"]):
                whole = exits.enter_context(tempfile.SpooledTemporaryFile(_SPOOL_BYTES))
                shutil.copyfileobj(source, whole, _BLOCK_BYTES)
            whole.seek(0)
            with self._ready.open_output_stream(self._key(path), compression=None) as sink:
                shutil.copyfileobj(whole, sink, _BLOCK_BYTES)

    def delete(self, path: str) -> None:
        from pyarrow import fs

        key = self._key(path)
        for _ in range(_DELETE_TRIES):
            # Not "until it is gone": a bucket with versions may go on listing a folder that holds deletions alone.
            kind = self._ready.get_file_info([key])[0].type
            if kind == fs.FileType.NotFound:
                return
            with contextlib.suppress(FileNotFoundError):  # deleted by another meanwhile: go on with what is left
                delete = self._fs.delete_dir if kind == fs.FileType.Directory else self._fs.delete_file
                delete(key)
                return
        raise FileNotFoundError(errno.ENOENT, "others deleted and wrote here all the while", path)


def _endpoint() -> str:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def _endpoint_shown() -> str:
    return _endpoint() or "Amazon's own S3 (AWS_ENDPOINT_URL is not set)"


#: The name is to blame, or what stands in its way; other files can be written and read.
_OF_ONE_FILE = {errno.EFBIG, errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG}


def _is_of_one_file(error: OSError) -> bool:
    text = str(error)
    is_named = re.search(rf"KeyTooLong|{_TOO_LARGE}", text) is not None
    is_of_one = isinstance(error, FileNotFoundError) or error.errno in _OF_ONE_FILE or is_named
    return is_of_one and not re.search(_NO_BUCKET, text)


_BY_ERRNO = {
    errno.ENOSPC: "the disk is full. Free some space or move TM_STORAGE, then clear the task.",
    errno.EDQUOT: "the disk quota is used up. Free some space or move TM_STORAGE, then clear the task.",
    errno.EFBIG: (
        "the file would be larger than the process or the file system allows. Raise the limit (`ulimit -f unlimited`, "
        "LimitFSIZE= of a service) or move TM_STORAGE, then clear the task."
    ),
    errno.EACCES: "permission denied. Give the user that runs the task access to this path, then clear the task.",
    errno.EPERM: "permission denied. Give the user that runs the task access to this path, then clear the task.",
    errno.EROFS: "the file system is read-only. Mount it for writing or move TM_STORAGE, then clear the task.",
    errno.ENOENT: "it is not there. Check TM_STORAGE and the path; an earlier step may not have finished.",
    errno.EISDIR: "it is a folder, not a file. Name a file, or move the folder away.",
    errno.ENOTDIR: "a part of the path is a file, not a folder. Move that file away, then clear the task.",
    errno.EEXIST: "a part of the path is a file, not a folder. Move that file away, then clear the task.",
    errno.ENAMETOOLONG: "the name is too long for the file system. Rename the file.",
}
# Arrow gives S3's errors as text; these are the AWS SDK's names in it.
_TOO_LARGE = r"EntityTooLarge|ENTITY_TOO_LARGE|HTTP status 413|maximum allowed object size"
_NO_BUCKET = r"NO_SUCH_BUCKET|NoSuchBucket"
_ACCESS_REFUSED = r"ACCESS_DENIED|HTTP status 403|SIGNATURE_DOES_NOT_MATCH|INVALID_ACCESS_KEY|TOKEN"
_BY_TEXT: tuple[tuple[str, str], ...] = (
    (
        _TOO_LARGE,
        "the file is larger than the storage takes. Raise its limit (5 TB in S3; a proxy before it may take less), or "
        "write less at once, then clear the task.",
    ),
    (_NO_BUCKET, "there is no such bucket. Create it or correct TM_STORAGE, then clear the task."),
    (
        _ACCESS_REFUSED,
        "access refused. Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy; then clear the task.",
    ),
    (
        r"NETWORK_CONNECTION|REQUEST_TIMEOUT|curlCode|SERVICE_UNAVAILABLE|SLOW_DOWN",
        "S3 did not answer. Check the network and AWS_ENDPOINT_URL (asked: {endpoint}); the task may be cleared once "
        "it answers again.",
    ),
)


def _reason(error: OSError) -> str:
    """The likely cause and the next step, for one operating-system or S3 error."""
    text = str(error)
    for pattern, reason in _BY_TEXT:
        if re.search(pattern, text):
            return reason.format(endpoint=_endpoint_shown())
    number = error.errno or (errno.ENOENT if isinstance(error, FileNotFoundError) else 0)
    return _BY_ERRNO.get(number, f"{type(error).__name__}: {text}. Mend the cause, then clear the task.")
