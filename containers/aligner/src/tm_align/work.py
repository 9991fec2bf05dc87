"""One shard of a batch: what a mapped task of the refresh runs, as ``tm-align shard``, in a process or in a pod.

Reads the plan (or, for tier 2, the routes and tier 1's segments) from object storage, and writes
``work/<batch_id>/<step>/<shard>``; the manifest comes last, so a killed shard leaves nothing that counts.
"""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby
from typing import Any

from tm_align.beads import Alignment
from tm_align.encode import Encoder, OverlapEncoder, load_line_encoder
from tm_align.langid import LanguageIdentifier
from tm_align.lexicon import Lexicon
from tm_align.lexicon_refresh import read_lexicon
from tm_align.pairs import Paired, PairReader, Row
from tm_align.segment import Segment
from tm_core.batches import work_path
from tm_core.contracts import BEADS, DOCUMENTS, RESULTS, ROUTES, SEGMENTS, Step
from tm_core.deposits import Kind
from tm_core.errors import AlignmentInputError, UnreadableDocument
from tm_core.outcomes import DocumentState
from tm_core.rules import Tier
from tm_core.settings import Settings
from tm_core.versions import EMBEDDING, LEXICAL
from tm_formats.manifest import Json, read_manifest, write_manifest
from tm_formats.storage import Storage
from tm_formats.tables import read_rows, write_rows

_SHOWN_CHARS = 119  # of a path in an error message, as tm_formats.encoding.Unreadable shortens it


@dataclass(slots=True, kw_only=True)
class _Written:
    """What a shard has made so far."""

    results: list[Row] = field(default_factory=list)
    beads: list[Row] = field(default_factory=list)
    segments: list[Row] = field(default_factory=list)
    costs: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Json] = field(default_factory=dict)


def run_shard(settings: Settings, storage: Storage, batch_id: str, tier: Tier, shard: int) -> dict[str, Any]:
    """Refine one shard and say what it ran on.

    Returns:
        The attestation: tier, shard, documents by state, seconds, versions, encoder and device.

    Raises:
        ContractError: the plan or an earlier tier is unfinished or changed.
        DeviceUnavailable: the encoder's model or device is not there. Nothing was written.
    """
    began = time.monotonic()
    plan = read_manifest(storage, work_path(batch_id, Step.PLAN))
    planned = read_rows(storage, work_path(batch_id, Step.PLAN, "documents.parquet"), DOCUMENTS)
    pinned: Any = plan.facts["pinned"]
    if tier is Tier.LEXICAL:
        written = _tier1(storage, [row for row in planned if row["shard"] == shard])
        folder = work_path(batch_id, Step.TIER1, str(shard))
    else:
        written = _tier2(settings, storage, batch_id, planned, shard, pinned)
        folder = work_path(batch_id, Step.TIER2, str(shard))
    attestation: dict[str, Json] = {
        "tier": tier.value,
        "shard": shard,
        "documents": _by_state(written.results),
        "versions": {name: version(name) for name in ("tm-align", "numpy", "numba")},
        **written.facts,
    }
    _write(storage, folder, written, attestation)
    return attestation | {"seconds": round(time.monotonic() - began, 3)}


def _tier1(storage: Storage, documents: Sequence[Row]) -> _Written:
    from tm_align.lexical import align_lexical

    reader = PairReader(storage, LanguageIdentifier())
    written = _Written()
    for document in sorted(documents, key=lambda row: (row["store"], row["name"], row["src_lang"], row["tgt_lang"])):
        lexicon = _lexicon(storage, document)

        def align(
            src: Sequence[Segment], tgt: Sequence[Segment], one: Row = document, words: Any = lexicon
        ) -> Alignment:
            return align_lexical(
                [segment.text for segment in src],
                [segment.text for segment in tgt],
                src_lang=one["src_lang"],
                tgt_lang=one["tgt_lang"],
                lexicon=words,
                src_paragraphs=[segment.paragraph for segment in src],
                tgt_paragraphs=[segment.paragraph for segment in tgt],
            )

        began = time.process_time()
        try:
            paired = reader.read(document, align)
        except (UnreadableDocument, AlignmentInputError) as error:
            written.results.append(_failed(document, error, storage))
        else:
            written.results.append(_result(document, paired))
            written.beads += paired.beads
            written.segments += paired.segments
        written.costs[document["document_key"]] = round(time.process_time() - began, 4)
    return written


def _tier2(
    settings: Settings, storage: Storage, batch_id: str, planned: Sequence[Row], shard: int, pinned: Any
) -> _Written:
    from tm_align.auto import Tier as Wanted
    from tm_align.auto import align

    read_manifest(storage, work_path(batch_id, Step.ROUTE))
    routes = read_rows(storage, work_path(batch_id, Step.ROUTE, "documents.parquet"), ROUTES)
    mine = sorted((row for row in routes if row["shard"] == shard), key=lambda row: str(row["tier1_folder"]))
    by_key = {row["document_key"]: row for row in planned}
    reader = PairReader(storage, LanguageIdentifier())
    # Before the first document is read: a model or device that is missing is an error, never another encoder.
    encoder = _encoder(settings, pinned["encoder"])
    written = _Written(facts={"encoder": pinned["encoder"], "model_hash": pinned["model_hash"]})
    for folder, members in groupby(mine, key=lambda row: str(row["tier1_folder"])):
        before = _Tier1Folder(storage, folder)
        for member in members:
            document = by_key[member["document_key"]]
            began = time.process_time()
            src, tgt = before.segments(document["document_key"])
            alignment = align(
                [one.text for one in src],
                [one.text for one in tgt],
                src_lang=document["src_lang"],
                tgt_lang=document["tgt_lang"],
                tier=Wanted.EMBEDDING,
                lexicon=_lexicon(storage, document),
                encoder=encoder,
                src_paragraphs=[one.paragraph for one in src],
                tgt_paragraphs=[one.paragraph for one in tgt],
                hint=True,
            )
            written.facts |= {name: alignment.details[name] for name in _ATTESTED if name in alignment.details}
            beads = reader.bead_rows(document, alignment, src, tgt)
            written.beads += beads
            written.results.append(before.result(document) | _aligned(alignment, len(beads), pinned["model_hash"]))
            written.costs[document["document_key"]] = round(time.process_time() - began, 4)
    return written


#: What an encoder says of itself that is the same for every document of a shard.
_ATTESTED = ("encoder", "device", "dimension", "precision")


def _encoder(settings: Settings, name: str) -> Encoder | None:
    """The encoder of a shard, loaded once; None for the one that hashes each document's own lexicon."""
    if name == "lexicon":
        return None
    return OverlapEncoder(model=load_line_encoder(name, model_dir=settings.model_dir, device=settings.device))


class _Tier1Folder:
    """What tier 1 wrote of the documents that come to tier 2: no file is read or segmented twice."""

    def __init__(self, storage: Storage, folder: str) -> None:
        read_manifest(storage, folder)
        rows = read_rows(storage, f"{folder}/segments.parquet", SEGMENTS)
        self._segments: dict[tuple[str, int], list[Segment]] = {}
        for row in rows:
            self._segments.setdefault((row["document_key"], row["side"]), []).append(
                Segment(row["text"], row["raw"], row["paragraph"], row["position"], row["lang_id"], row["lang_p"])
            )
        self._results = {row["document_key"]: row for row in read_rows(storage, f"{folder}/results.parquet", RESULTS)}

    def segments(self, key: str) -> tuple[list[Segment], list[Segment]]:
        return self._segments.get((key, 0), []), self._segments.get((key, 1), [])

    def result(self, document: Row) -> Row:
        return self._results[document["document_key"]]


def _lexicon(storage: Storage, document: Row) -> Lexicon | None:
    """The lexicon that the plan pinned for the pair; none if it pinned none."""
    if not document["lexicon"]:
        return None
    return read_lexicon(storage, document["src_lang"], document["tgt_lang"], document["lexicon"])


def _result(document: Row, paired: Paired) -> Row:
    row = {
        "document_key": document["document_key"],
        "state": DocumentState.IMPORTED.value,
        "reason": "",
        "unreadable_path": "",
        "tier": Tier.IMPORTED.value,
        "confidence": 1.0,
        "aligner": "",
        "model_hash": "",
        "src_segments": len(paired.src.segments),
        "tgt_segments": len(paired.tgt.segments),
        "beads": len(paired.beads),
        "src_lang_id": paired.src.lang_id,
        "tgt_lang_id": paired.tgt.lang_id,
        "notes": "; ".join([*paired.src.notes, *paired.tgt.notes]),
    }
    if paired.alignment is None:
        return row
    return row | {"state": DocumentState.ALIGNED.value} | _aligned(paired.alignment, len(paired.beads), "")


def _aligned(alignment: Alignment, beads: int, model_hash: str) -> Row:
    number = LEXICAL if alignment.tier == Tier.LEXICAL else EMBEDDING
    return {
        "tier": alignment.tier,
        "confidence": alignment.confidence,
        "aligner": f"{alignment.tier}/{number}",
        "model_hash": model_hash,
        "beads": beads,
    }


def _failed(document: Row, error: Exception, storage: Storage) -> Row:
    unreadable = ""
    if isinstance(error, UnreadableDocument):
        # The message begins with the file's path, of a very long one with its end: so every reader names it.
        said = str(error).removeprefix("…")
        paths = (document["src_path"], document["tgt_path"])
        unreadable = next((path for path in paths if said.startswith(path[-_SHOWN_CHARS:])), "")
    return {
        "document_key": document["document_key"],
        "state": DocumentState.FAILED.value,
        "reason": str(error),
        "unreadable_path": unreadable,
        "tier": Tier.IMPORTED.value if document["kind"] != Kind.DOCUMENT else Tier.LEXICAL.value,
        "confidence": 0.0,
        "aligner": "",
        "model_hash": "",
        "src_segments": 0,
        "tgt_segments": 0,
        "beads": 0,
        "src_lang_id": "und",
        "tgt_lang_id": "und",
        "notes": "",
    }


def _by_state(results: Iterable[Row]) -> dict[str, Json]:
    counts: dict[str, Json] = {}
    for row in results:
        counts[row["state"]] = int(str(counts.get(row["state"], 0))) + 1
    return counts


def _write(storage: Storage, folder: str, written: _Written, attestation: dict[str, Json]) -> None:
    entries = [
        write_rows(storage, f"{folder}/results.parquet", RESULTS, written.results),
        write_rows(storage, f"{folder}/beads.parquet", BEADS, written.beads),
        write_rows(storage, f"{folder}/segments.parquet", SEGMENTS, written.segments),
    ]
    # Beside the manifest, not in it: times differ from run to run, and the same input must give the same folder.
    storage.write_atomic(f"{folder}/costs.json", json.dumps(written.costs, sort_keys=True).encode())
    write_manifest(storage, folder, entries, attestation)
