"""Tombstones: what an erasure names, by hashes alone, as rows, as a file of the journal and as a set to ask."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tm_core.errors import ContractError
from tm_core.identity import text_hash
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.journal import FOLDER

_FOLDER = f"{FOLDER}/erasures"
_TAG = re.compile("</?seg>")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Tombstone:
    """One thing that must not come back: a document, a source with any target, or a source with its target.

    The hashes are hexadecimal digits; "" stands for "any".
    """

    src_lang: str
    tgt_lang: str
    document_key: str = ""
    src_hash: str = ""
    tgt_hash: str = ""


class Graves:
    """Tombstones of one store, to be asked about texts and documents."""

    def __init__(self, stones: Iterable[Tombstone]) -> None:
        self.stones = frozenset(stones)
        self.documents = {one.document_key for one in self.stones if one.document_key}
        self._texts = {
            (one.src_lang, one.tgt_lang, one.src_hash, one.tgt_hash) for one in self.stones if not one.document_key
        }
        self._hashes = {text for one in self.stones for text in (one.src_hash, one.tgt_hash)} - {""}

    def hold(self, src_lang: str, tgt_lang: str, src_text: str, tgt_text: str) -> bool:
        """Whether these two texts must not come back. Cost: two hashes."""
        if not self._texts:
            return False
        src_hash = text_hash(src_text)
        place = (src_lang, tgt_lang, src_hash)
        return (*place, "") in self._texts or (*place, text_hash(tgt_text)) in self._texts

    def quote(self, text: str) -> bool:
        """Whether a property is an erased text: tools write a unit's neighbours there, memoQ with tags round them."""
        return bool(self._hashes) and text_hash(_TAG.sub("", text)) in self._hashes

    def hold_hashes(self, src_lang: str, tgt_lang: str, src_hash: str, tgt_hash: str) -> bool:
        """Whether two texts with these hashes must not come back."""
        place = (src_lang, tgt_lang, src_hash)
        return (*place, "") in self._texts or (*place, tgt_hash) in self._texts


def tombstones_of(db: Database, ids: Sequence[int] | None = None) -> dict[str, Graves]:
    """Tombstones by store: those of some erasures (numbers of their journal entries), or all."""
    found: dict[str, list[Tombstone]] = {}
    for row in db.run("erase/select_tombstones", ids=None if ids is None else list(ids)):
        place = {name: getattr(row, name) for name in Tombstone.__slots__}
        found.setdefault(row.store, []).append(Tombstone(**place))
    return {store: Graves(stones) for store, stones in found.items()}


def encode(stones: Iterable[Tombstone]) -> bytes:
    """The file of an erasure: a line a tombstone, the fields parted by tabs, sorted."""
    lines = sorted("\t".join(getattr(one, name) for name in Tombstone.__slots__) for one in stones)
    return "".join(line + "\n" for line in lines).encode()


def path_of(data: bytes) -> str:
    """Where the file of an erasure lies: found by its content."""
    return f"{_FOLDER}/{hashlib.sha256(data).hexdigest()}.tsv"


def read(storage: Storage, path: str) -> list[Tombstone]:
    """The tombstones of a journal entry's file.

    Raises:
        StorageError: it is not there. ContractError: it is not what was written: another text would be erased.
    """
    data = storage.read(path)
    if path != path_of(data):
        raise ContractError(
            f"{storage.uri_of(path)}: expected the tombstones whose SHA-256 its name gives, found other bytes. It was "
            "changed after it was written. Bring its older version back from the bucket's versions or its replica; "
            "nothing of it has been erased."
        )
    return [
        Tombstone(**dict(zip(Tombstone.__slots__, line.split("\t"), strict=True)))
        for line in data.decode().splitlines()
    ]
