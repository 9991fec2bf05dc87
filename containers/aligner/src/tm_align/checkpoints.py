"""What a shard has finished so far, kept in object storage: a pod that is lost costs the work of some seconds.

Beside the folder's own files, under ``parts/``; removed when the shard's manifest is there. An entry counts only for
the same document under the same versions, so it does no harm that an older pod may still write some.
"""

import gzip
import json
import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tm_align.pairs import Row
from tm_core.errors import ContractError, StorageError
from tm_core.identity import digest
from tm_formats.storage import Storage

log = logging.getLogger(__name__)

#: Seconds of work that may be lost: seldom enough that saving costs nothing to speak of (not calibrated yet).
SAVE_SECONDS = 10.0
_AT = "at.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Everything that one document adds to its shard."""

    result: Row
    beads: list[Row] = field(default_factory=list)
    segments: list[Row] = field(default_factory=list)
    facts: Row = field(default_factory=dict)
    cost: float = 0.0


class Checkpoints:
    """The finished documents of one shard.

    Args:
        folder: the shard's own.
        versions: what the results depend on besides a document's ledger key.
        every_seconds: longest time between two saves; 0 saves after each document.
    """

    def __init__(
        self, storage: Storage, folder: str, versions: Mapping[str, str], *, every_seconds: float = SAVE_SECONDS
    ) -> None:
        self._storage, self._folder, self._every = storage, f"{folder}/parts", every_seconds
        self._versions = digest(*(f"{name}={number}" for name, number in sorted(versions.items())))
        self._unsaved: dict[str, Part] = {}
        self._saved_at = time.monotonic()
        self._found = self._load()

    def __len__(self) -> int:
        return len(self._found)

    def find(self, document: Row) -> Part | None:
        """The document's part if it was finished by an earlier pod."""
        return self._found.get(self._identity(document))

    def add(self, document: Row, part: Part) -> None:
        """Keep a finished document; saves now and then."""
        self._unsaved[self._identity(document)] = part
        if time.monotonic() - self._saved_at >= self._every:
            self.save()

    def save(self) -> None:
        """Write what has not been written yet."""
        if self._unsaved:
            entries = {key: asdict(part) for key, part in self._unsaved.items()}
            # Numbers of numpy become Python's, which the tables take as well.
            body = gzip.compress(json.dumps(entries, default=float).encode(), compresslevel=1)
            self._storage.write_atomic(f"{self._folder}/{uuid.uuid4().hex}.json.gz", body)
        self._unsaved = {}
        self._saved_at = time.monotonic()

    def begin(self, document: Row) -> None:
        """Note the document that is begun, so that whoever finds this pod dead knows what it was at."""
        self._storage.write_atomic(f"{self._folder}/{_AT}", json.dumps({"document": document["document_key"]}).encode())

    def clear(self) -> None:
        """Forget all: the shard is finished."""
        self._storage.delete(self._folder)

    def _identity(self, document: Row) -> str:
        return digest("part", document["document_key"], document["ledger_key"], self._versions)

    def _load(self) -> dict[str, Part]:
        found: dict[str, Part] = {}
        for info in self._storage.list(self._folder):
            if not info.path.endswith(".json.gz"):
                continue
            try:
                entries: dict[str, Any] = json.loads(gzip.decompress(self._storage.read(info.path)))
                found |= {key: Part(**entry) for key, entry in entries.items()}
            except (OSError, EOFError, ValueError, TypeError, StorageError, ContractError) as error:
                # It only saves work: what cannot be read is done again.
                log.warning("%s: not used: %s", info.path, error)
        return found
