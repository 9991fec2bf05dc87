"""The backups that lie in storage: found, checked against their manifests, chosen and shown.

What is said of a backup later lies beside its manifest, so that it outlives the database: ``hold.json`` (a legal hold)
and ``drill.json`` (the last restore drill). A drill that failed makes the backup bad.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tm_core.errors import BackupError, ContractError, NoSuchBackup
from tm_core.identity import digest
from tm_core.retention import Backup
from tm_formats.manifest import NAME, FileEntry, Json, Manifest, read_manifest
from tm_formats.storage import Storage
from tm_store.backup_objects import Objects

FOLDER = "backups"
HOLD, DRILL = "hold.json", "drill.json"
_MANUAL = "manual"
_NAME = re.compile(r"(?P<time>\d{8}T\d{9}Z)-(?P<batch>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBackup:
    """One folder below ``backups/``, as it is found.

    Attributes:
        entries: what the manifest lists.
        facts: what the manifest states: see tm_store.backup.
        problem: why it is not good; "" if it is.
        hold: the reason of a legal hold, "" without one.
        drilled_at: when a drill last proved it, ISO 8601; "" if none has.
        objects: what the source consisted of; None until a restore has fetched it, and for an older backup.
    """

    path: str
    uri: str
    batch_id: str | None
    taken_at: datetime
    entries: tuple[FileEntry, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)
    problem: str = ""
    hold: str = ""
    drilled_at: str = ""
    objects: Objects | None = None

    @property
    def good(self) -> bool:
        """The manifest is there, its files have the sizes it promises, and no drill has found it bad."""
        return not self.problem

    @property
    def files(self) -> int:
        return len(self.entries)

    @property
    def bytes(self) -> int:
        """Size in storage."""
        return sum(entry.size for entry in self.entries)

    @property
    def aged(self) -> Backup:
        """As retention sees it."""
        return Backup(
            taken_at=self.taken_at, uri=self.uri, good=self.good, proven=bool(self.drilled_at), held=bool(self.hold)
        )


def folder_name(taken_at: datetime, batch_id: str | None) -> str:
    """Where a backup goes."""
    moment = taken_at.astimezone(UTC)
    return f"{FOLDER}/{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z-{batch_id or _MANUAL}"


def taken_at(uri: str) -> datetime | None:
    """Read from a backup's URI when it was taken; None: it is no name of a backup."""
    name = _NAME.fullmatch(uri.rpartition("/")[2])
    return _moment(name["time"]) if name else None


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)


def seal(facts: Mapping[str, Json], entries: Sequence[FileEntry]) -> str:
    """A digest of all that a manifest says: one that a hand has changed no longer fits."""
    files = sorted(f"{entry.name} {entry.size} {entry.sha256}" for entry in entries)
    plain = {name: value for name, value in facts.items() if name != "seal"}
    return digest("manifest", json.dumps(plain, sort_keys=True), *files)


def list_backups(storage: Storage) -> list[StoredBackup]:
    """Every backup in storage, oldest first, the torn ones too: see ``good``.

    Cost: one listing of ``backups/`` and one of each backup; no file but the manifests and marks is read.
    """
    found: dict[str, set[str]] = {}
    for info in storage.list(FOLDER):
        _, name, *rest = info.path.split("/")
        if rest and _NAME.fullmatch(name):
            found.setdefault(name, set()).add("/".join(rest))
    return sorted(
        (_look(storage, f"{FOLDER}/{name}", names) for name, names in found.items()),
        key=lambda backup: (backup.taken_at, backup.uri),
    )


def find(storage: Storage, uri: str) -> StoredBackup:
    """One backup by its URI or its path.

    Raises:
        BackupError: it is no backup of this storage, or there is none of this name.
    """
    path = path_of(storage, uri)
    names = {info.path.removeprefix(path + "/") for info in storage.list(path)}
    return _look(storage, path, names)


def path_of(storage: Storage, uri: str) -> str:
    """The path of a backup within its storage."""
    path = uri.removesuffix("/")
    if path.startswith(storage.uri + "/"):
        path = path[len(storage.uri) + 1 :]
    if "://" in path:
        raise NoSuchBackup(
            f"{uri}: expected a backup below TM_STORAGE, which is {storage.uri}. Set TM_STORAGE to the storage that "
            "holds it, or name it by --from; nothing has been changed."
        )
    return path


def _look(storage: Storage, path: str, names: set[str]) -> StoredBackup:
    name = _NAME.fullmatch(path.rpartition("/")[2])
    if name is None or not names:
        raise NoSuchBackup(
            f"{storage.uri_of(path)}: expected a folder {FOLDER}/<time>-<batch>. Name one of those that are there "
            "(`tm backup --list`); nothing has been changed."
        )
    drill = _mark(storage, path, DRILL, names)
    manifest, problem = _manifest(storage, path)
    if drill and not drill["is_passed"]:
        problem = problem or f"the drill of {drill['at']} found it bad: {drill['problem']}"
    return StoredBackup(
        path=path,
        uri=storage.uri_of(path),
        batch_id=None if name["batch"] == _MANUAL else name["batch"],
        taken_at=_moment(name["time"]),
        entries=manifest.files,
        facts=manifest.facts,
        problem=problem,
        hold=str(_mark(storage, path, HOLD, names).get("reason", "")),
        drilled_at=str(drill["at"]) if drill and drill["is_passed"] else "",
    )


def _manifest(storage: Storage, path: str) -> tuple[Manifest, str]:
    try:
        manifest = read_manifest(storage, path, hashes=False)
    except ContractError as error:
        return Manifest(files=()), str(error)
    if manifest.facts.get("seal") != seal(manifest.facts, manifest.files):
        return manifest, f"{storage.uri_of(path)}/{NAME}: its seal does not fit: a hand has changed it."
    return manifest, ""


def _mark(storage: Storage, path: str, name: str, names: set[str]) -> dict[str, Json]:
    if name not in names:
        return {}
    try:
        body: dict[str, Json] = json.loads(storage.read(f"{path}/{name}"))
    except ValueError:
        # Somebody has broken it: what it would have kept is kept, what it would have proven is not.
        return {"reason": f"{name} cannot be read", "is_passed": False, "at": "", "problem": f"{name} cannot be read"}
    return body


def put_mark(storage: Storage, backup: StoredBackup, name: str, **facts: Json) -> None:
    """Write a mark beside a backup's manifest."""
    text = json.dumps(facts | {"at": datetime.now(UTC).isoformat(timespec="seconds")}, ensure_ascii=False)
    storage.write_atomic(f"{backup.path}/{name}", text.encode("utf-8") + b"\n")


def hold(storage: Storage, uri: str, reason: str, who: str) -> StoredBackup:
    """Keep a backup whatever its age, until the hold is lifted. Where it is held already the reason is replaced."""
    backup = find(storage, uri)
    put_mark(storage, backup, HOLD, reason=reason or "no reason given", who=who)
    return find(storage, uri)


def lift_hold(storage: Storage, uri: str) -> StoredBackup:
    """Let retention decide about a backup again. No error if nothing held it."""
    backup = find(storage, uri)
    storage.delete(f"{backup.path}/{HOLD}")
    return find(storage, uri)


def verify(storage: Storage, uri: str) -> StoredBackup:
    """Read every byte of a backup and compare it with the manifest.

    Raises:
        BackupError: a file is missing, cut short or changed: this backup is not to be trusted.
    """
    backup = find(storage, uri)
    problem = backup.problem
    if not problem:
        try:
            read_manifest(storage, backup.path)
        except ContractError as error:
            problem = str(error)
    if problem:
        raise BackupError(f"{backup.uri}: this backup cannot be trusted: {problem} Use an older one.")
    return backup


def choose(storage: Storage, *, at: datetime | None = None, batch_id: str = "") -> StoredBackup:
    """The newest good backup: of all, of those taken until a moment, or of those taken at the end of a batch.

    Raises:
        BackupError: there is none; says what there is.
    """
    found = list_backups(storage)
    fitting = [
        one
        for one in found
        if one.good and (at is None or one.taken_at <= at) and (not batch_id or one.batch_id == batch_id)
    ]
    if fitting:
        return fitting[-1]
    wanted = f" of batch {batch_id}" if batch_id else f" taken until {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    good = [one for one in found if one.good]
    span = f"{len(good)} good ones, {good[0].taken_at} to {good[-1].taken_at}" if good else "no good one at all"
    raise NoSuchBackup(
        f"{storage.uri}/{FOLDER}: expected a good backup{wanted}, found {span}, and {len(found) - len(good)} that are "
        "torn or bad. `tm backup --list` shows them all; nothing has been changed."
    )


# Showing --------------------------------------------------------------------------------------------


def render_list(backups: Sequence[StoredBackup]) -> str:
    """What `tm backup --list` prints: one line a backup, newest first, why one is not good, and what keeps it."""
    if not backups:
        return "no backups"
    lines = []
    for one in reversed(backups):
        state = "good" if one.good else "BAD" if one.files else "TORN"
        lines.append(f"{state:4}  {one.taken_at:%Y-%m-%d %H:%M:%S}  {size_text(one.bytes):>10}  {one.uri}")
        notes = [one.problem, f"proven by the drill of {one.drilled_at}" if one.drilled_at else ""]
        notes.append(f"legal hold: {one.hold}" if one.hold else "")
        lines += [f"      {note}" for note in notes if note]
    return "\n".join(lines)


def size_text(size: int) -> str:
    """Bytes for people."""
    if size < 10_000:
        return f"{size} B"
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
