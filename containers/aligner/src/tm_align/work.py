"""One shard of a batch: what a mapped task of the refresh runs, as ``tm-align shard``, in a process or in a pod.

Reads the plan (or, for tier 2, the routes and tier 1's segments) from object storage, and writes
``work/<batch_id>/<step>/<shard>``; the manifest comes last, so a killed shard leaves nothing that counts.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import Any

from tm_align.beads import Alignment
from tm_align.checkpoints import SAVE_SECONDS, Checkpoints, Part
from tm_align.encode import Encoder, OverlapEncoder, load_line_encoder
from tm_align.langid import LanguageIdentifier
from tm_align.lexicon import Lexicon
from tm_align.lexicon_refresh import LexiconReader
from tm_align.pairs import Paired, PairReader, Row
from tm_align.probe import machine, probe
from tm_align.segment import Segment
from tm_core.batches import work_path
from tm_core.contracts import BEADS, DOCUMENTS, RESULTS, ROUTES, SEGMENTS, Step
from tm_core.deposits import Kind
from tm_core.errors import AlignmentInputError, UnreadableDocument
from tm_core.loss import ShardTaken
from tm_core.outcomes import DocumentState
from tm_core.pods import claim_path
from tm_core.rules import Tier
from tm_core.settings import Settings
from tm_core.versions import EMBEDDING, LEXICAL
from tm_formats.manifest import Json, read_manifest, write_manifest
from tm_formats.storage import Storage
from tm_formats.tables import read_rows, write_rows

_SHOWN_CHARS = 119  # of a path in an error message, as tm_formats.encoding.Unreadable shortens it


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOptions:
    """How a shard is worked on in a pod; in a process the defaults hold.

    Attributes:
        token: names the one pod that may finish the shard; "" where there is no other.
        careful: note each document before it is begun, and save it when it is finished.
        only: key of the one document to do; the shard is not finished then.
        quarantine: keys of documents to leave out, each with the reason.
    """

    token: str = ""
    careful: bool = False
    only: str = ""
    quarantine: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Written:
    """What a shard has made so far."""

    results: list[Row] = field(default_factory=list)
    beads: list[Row] = field(default_factory=list)
    segments: list[Row] = field(default_factory=list)
    costs: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Json] = field(default_factory=dict)
    resumed: int = 0
    chars: int = 0

    def add(self, document: Row, part: Part) -> None:
        self.results.append(part.result)
        self.beads += part.beads
        self.segments += part.segments
        self.facts |= part.facts
        self.chars += document["chars"]
        self.costs[document["document_key"]] = part.cost


#: A document and how it is refined.
_Job = tuple[Row, Callable[[], Part]]


def run_shard(
    settings: Settings,
    storage: Storage,
    batch_id: str,
    tier: Tier,
    shard: int,
    options: ShardOptions | None = None,
) -> dict[str, Any]:
    """Refine one shard and say what it ran on. Goes on from the documents that a killed try had finished.

    Returns:
        The attestation: tier, shard, documents by state, seconds, machine and versions, encoder and device, the gold
        probe's F1, coverage.

    Raises:
        ContractError: the plan or an earlier tier is unfinished or changed.
        DeviceUnavailable: the encoder's model or device is not there, or the gold probe failed. Nothing was written.
        ShardTaken: another pod has taken the shard over. The shard was not finished here.
    """
    began = time.monotonic()
    options = options or ShardOptions()
    claim = Claim(storage, claim_path(batch_id, tier, shard), options.token)
    claim.check()
    plan = read_manifest(storage, work_path(batch_id, Step.PLAN))
    planned = read_rows(storage, work_path(batch_id, Step.PLAN, "documents.parquet"), DOCUMENTS)
    pinned: Any = plan.facts["pinned"]
    # Before the first document is read: a model or device that is missing is an error, never another encoder.
    encoder = _encoder(settings, pinned["encoder"]) if tier is Tier.EMBEDDING else None
    facts = machine(settings.device) | probe(tier, encoder, settings.device)
    if tier is Tier.LEXICAL:
        jobs = _tier1(storage, [row for row in planned if row["shard"] == shard])
        folder = work_path(batch_id, Step.TIER1, str(shard))
    else:
        facts |= {"encoder": pinned["encoder"], "model_hash": pinned["model_hash"]}
        jobs = _tier2(storage, batch_id, planned, shard, pinned, encoder)
        folder = work_path(batch_id, Step.TIER2, str(shard))
    every = 0.0 if options.careful or options.only else SAVE_SECONDS
    checkpoints = Checkpoints(storage, folder, facts["versions"], every_seconds=every)
    written = _refine(jobs, checkpoints, claim, options, storage)
    attestation: dict[str, Json] = {
        "tier": tier.value,
        "shard": shard,
        "documents": _by_state(written.results),
        "coverage": {"segments": sum(row["src_segments"] + row["tgt_segments"] for row in written.results),
                     "documents": len(written.results), "chars": written.chars},
        **facts,
        **written.facts,
    }  # fmt: skip
    if not options.only:
        claim.check()
        _write(storage, folder, written, attestation)
        checkpoints.clear()
    of_this_run: dict[str, Any] = {"token": options.token, "resumed": written.resumed, "only": options.only}
    return attestation | of_this_run | {"seconds": round(time.monotonic() - began, 3)}


class Claim:
    """Who may finish the shard: of two pods, the one that was started last."""

    def __init__(self, storage: Storage, path: str, token: str) -> None:
        self._storage, self._path, self._token = storage, path, token

    def check(self) -> None:
        """Raise ShardTaken if another pod has been started for the shard."""
        if self._token and (holder := self._storage.read(self._path).decode()) != self._token:
            raise ShardTaken(
                f"{self._path}: expected this pod's token {self._token}, found {holder}. A later try has taken the "
                "shard over; this pod stops, and its result does not count."
            )


def _refine(
    jobs: Iterable[_Job], checkpoints: Checkpoints, claim: Claim, options: ShardOptions, storage: Storage
) -> _Written:
    """Do what is still to be done; what is finished is saved, however this ends."""
    written = _Written()
    try:
        for document, work in jobs:
            key = document["document_key"]
            if options.only and key != options.only:
                continue
            if part := checkpoints.find(document):
                written.resumed += 1
            elif key in options.quarantine:
                part = Part(result=_failed(document, AlignmentInputError(options.quarantine[key]), storage))
            else:
                part = _done(document, work, checkpoints, claim, options)
            written.add(document, part)
    finally:
        checkpoints.save()
    return written


def _done(
    document: Row, work: Callable[[], Part], checkpoints: Checkpoints, claim: Claim, options: ShardOptions
) -> Part:
    if options.careful:
        claim.check()
        checkpoints.begin(document)
    began = time.process_time()
    part = replace(work(), cost=round(time.process_time() - began, 4))
    if part.result["state"] != DocumentState.FAILED:  # what could not be read is looked at again
        checkpoints.add(document, part)
    return part


def _tier1(storage: Storage, documents: Sequence[Row]) -> Iterator[_Job]:
    reader, lexicons = PairReader(storage, LanguageIdentifier()), LexiconReader(storage)
    for document in sorted(documents, key=lambda row: (row["store"], row["name"], row["src_lang"], row["tgt_lang"])):
        yield document, partial(_lexical, storage, reader, lexicons, document)


def _lexical(storage: Storage, reader: PairReader, lexicons: LexiconReader, document: Row) -> Part:
    from tm_align.lexical import align_lexical

    lexicon = _lexicon(lexicons, document)

    def align(src: Sequence[Segment], tgt: Sequence[Segment]) -> Alignment:
        return align_lexical(
            [segment.text for segment in src],
            [segment.text for segment in tgt],
            src_lang=document["src_lang"],
            tgt_lang=document["tgt_lang"],
            lexicon=lexicon,
            src_paragraphs=[segment.paragraph for segment in src],
            tgt_paragraphs=[segment.paragraph for segment in tgt],
        )

    try:
        paired = reader.read(document, align)
    except (UnreadableDocument, AlignmentInputError) as error:
        return Part(result=_failed(document, error, storage))
    return Part(result=_result(document, paired), beads=paired.beads, segments=paired.segments)


def _tier2(
    storage: Storage, batch_id: str, planned: Sequence[Row], shard: int, pinned: Any, encoder: Encoder | None
) -> Iterator[_Job]:
    read_manifest(storage, work_path(batch_id, Step.ROUTE))
    routes = read_rows(storage, work_path(batch_id, Step.ROUTE, "documents.parquet"), ROUTES)
    mine = sorted((row for row in routes if row["shard"] == shard), key=lambda row: str(row["tier1_folder"]))
    by_key = {row["document_key"]: row for row in planned}
    reader, lexicons = PairReader(storage, LanguageIdentifier()), LexiconReader(storage)
    for folder, members in groupby(mine, key=lambda row: str(row["tier1_folder"])):
        before = _Tier1Folder(storage, folder)
        for member in members:
            document = by_key[member["document_key"]]
            yield document, partial(_embedding, reader, lexicons, before, document, pinned["model_hash"], encoder)


def _embedding(
    reader: PairReader,
    lexicons: LexiconReader,
    before: "_Tier1Folder",
    document: Row,
    model_hash: str,
    encoder: Encoder | None,
) -> Part:
    from tm_align.auto import Tier as Wanted
    from tm_align.auto import align

    src, tgt = before.segments(document["document_key"])
    alignment = align(
        [one.text for one in src],
        [one.text for one in tgt],
        src_lang=document["src_lang"],
        tgt_lang=document["tgt_lang"],
        tier=Wanted.EMBEDDING,
        lexicon=_lexicon(lexicons, document),
        encoder=encoder,
        src_paragraphs=[one.paragraph for one in src],
        tgt_paragraphs=[one.paragraph for one in tgt],
    )
    beads = reader.bead_rows(document, alignment, src, tgt)
    return Part(
        result=before.result(document) | _aligned(alignment, len(beads), model_hash),
        beads=beads,
        facts={name: alignment.details[name] for name in _ATTESTED if name in alignment.details},
    )


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


def _lexicon(lexicons: LexiconReader, document: Row) -> Lexicon | None:
    """The lexicon that the plan pinned for the pair; none if it pinned none."""
    if not document["lexicon"]:
        return None
    return lexicons.read(document["src_lang"], document["tgt_lang"], document["lexicon"])


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
