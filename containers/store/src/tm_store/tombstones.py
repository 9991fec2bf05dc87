"""Tombstones: what an erasure names, by hashes alone, as rows, as a file of the journal and as a set to ask.

Every writer of text outside tm.unit asks here (docs/decisions/0069). A *pair* of texts is entombed when a tombstone
names it. A *text* alone, a neighbour or a null bead, is entombed when a tombstone names it and no unit says it.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tm_core.errors import ContractError
from tm_core.identity import normalise, text_hash
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.journal import FOLDER

_FOLDER = f"{FOLDER}/erasures"
_TAG = re.compile("</?seg>")
# More than any tier joins on one side of a bead.
_MOST_SEGMENTS = 8


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
    """Tombstones of one store, to be asked about texts and documents.

    Args:
        said: hashes of texts that units say; such a text may stand alone too, as a neighbour or a property.
    """

    def __init__(self, stones: Iterable[Tombstone], said: Collection[str] = ()) -> None:
        self.stones = frozenset(stones)
        self.documents = {one.document_key for one in self.stones if one.document_key}
        self._texts = {
            (one.src_lang, one.tgt_lang, one.src_hash, one.tgt_hash) for one in self.stones if not one.document_key
        }
        # A null bead's other side is no text.
        nothing = {"", text_hash("")}
        self._hashes = {text for one in self.stones for text in (one.src_hash, one.tgt_hash)} - nothing - set(said)

    def sparing(self, said: Collection[str]) -> "Graves":
        """The same tombstones, where more texts (by their hashes) are said by units."""
        found = Graves(self.stones)
        found._hashes = self._hashes - set(said)
        return found

    def hold(self, src_lang: str, tgt_lang: str, src_text: str, tgt_text: str) -> bool:
        """Whether these two texts must not come back. Cost: two hashes."""
        if not self._texts:
            return False
        src_hash = text_hash(src_text)
        place = (src_lang, tgt_lang, src_hash)
        return (*place, "") in self._texts or (*place, text_hash(tgt_text)) in self._texts

    def quote(self, text: str) -> bool:
        """Whether a text that stands alone was erased: a neighbour, or a property (memoQ puts tags round those)."""
        return bool(self._hashes) and text_hash(_TAG.sub("", text)) in self._hashes

    def quoted(self, segments: Sequence[str], glue: str) -> set[int]:
        """Places of the segments that were erased, one by one or joined; none is joined across an empty one.

        Cost: eight hashes a segment.
        """
        if not self._hashes:
            return set()
        return {
            at
            for first in range(len(segments))
            for end in range(first + 1, min(first + _MOST_SEGMENTS, len(segments)) + 1)
            if all(segments[first:end]) and self.quote(normalise(glue.join(segments[first:end])))
            for at in range(first, end)
        }

    def shadow(self, src_lang: str, tgt_lang: str, src_text: str, tgt_text: str) -> bool:
        """Whether a pair must not be shown beside others: it was erased, or a side of it was and no unit says it."""
        return self.hold(src_lang, tgt_lang, src_text, tgt_text) or self.quote(src_text) or self.quote(tgt_text)

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
    return {store: Graves(stones, _said(db, store)) for store, stones in found.items()}


def _said(db: Database, store: str) -> set[str]:
    """Hashes of the entombed texts that units of the store say, with another text on their other side."""
    (row,) = db.run("tm/select_store", store=store)
    return {said.hash for said in db.run("erase/select_said", store_id=row.store_id)}


def entombed(
    db: Database, store: str, langs: tuple[str, str], pairs: Iterable[tuple[str, str]], alone: Iterable[str] = ()
) -> bool:
    """Whether one of a few pairs, or of the texts that stand alone, must not be written. As ``Graves``, for a few.

    Cost: a look at the tombstones' key; a scan of the store only for a text alone that a tombstone names.
    """
    hashes = [(text_hash(src), text_hash(tgt)) for src, tgt in pairs]
    return bool(
        db.run(
            "erase/select_entombed",
            store=store,
            src_lang=langs[0],
            tgt_lang=langs[1],
            src_hashes=[bytes.fromhex(src) for src, _ in hashes],
            tgt_hashes=[bytes.fromhex(tgt) for _, tgt in hashes],
            alone=[bytes.fromhex(text_hash(text)) for text in alone],
        )
    )


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
