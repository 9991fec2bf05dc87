"""Document pairs of every kind as beads: running text is segmented and aligned, keyed strings are paired by key,
and units of a memory are taken as they are."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tm_align.beads import Alignment, Bead
from tm_align.langid import LanguageIdentifier
from tm_align.segment import Segment, segment
from tm_core.deposits import Kind
from tm_core.errors import UnreadableDocument
from tm_core.identity import context_hash, normalise, text_hash
from tm_core.languages import best_match, glue
from tm_core.rules import Tier
from tm_formats.bilingual import bead_of, read_locale, read_memory
from tm_formats.boundary import reading
from tm_formats.documents import read_document
from tm_formats.storage import Storage

Row = dict[str, Any]
Aligner = Callable[[Sequence[Segment], Sequence[Segment]], Alignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a document pair: its segments, and what was noticed while reading it."""

    lang: str
    segments: tuple[Segment, ...]
    lang_id: str
    notes: tuple[str, ...]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """A document pair as rows of the contract, beads in order."""

    beads: list[Row]
    segments: list[Row]
    src: Side
    tgt: Side
    alignment: Alignment | None


class PairReader:
    """Reads the document pairs of a shard; a file that several pairs share is read and segmented once."""

    def __init__(self, storage: Storage, identifier: LanguageIdentifier) -> None:
        self._storage = storage
        self._identifier = identifier
        # The pairs of one document come one after the other: a few files are enough.
        self._side = lru_cache(maxsize=8)(self._read_side)

    def read(self, document: Row, align: Aligner) -> Paired:
        """Read one planned document pair and turn it into beads.

        Args:
            document: a row of tm_core.contracts.DOCUMENTS.
            align: aligns the segments of running text.

        Raises:
            UnreadableDocument: one of the files cannot be read, or is not the one that was planned; names it.
        """
        if document["kind"] == Kind.MEMORY:
            return self._memory(document)
        src = self._side(document["src_path"], document["src_sha256"], document["src_lang"], document["kind"])
        tgt = self._side(document["tgt_path"], document["tgt_sha256"], document["tgt_lang"], document["kind"])
        if document["kind"] == Kind.LOCALE:
            return self._locale(document, src, tgt)
        alignment = align(src.segments, tgt.segments)
        beads = self.bead_rows(document, alignment, src.segments, tgt.segments)
        segments = [*segment_rows(document, 0, src.segments), *segment_rows(document, 1, tgt.segments)]
        return Paired(beads=beads, segments=segments, src=src, tgt=tgt, alignment=alignment)

    def bead_rows(
        self, document: Row, alignment: Alignment, src: Sequence[Segment], tgt: Sequence[Segment]
    ) -> list[Row]:
        """The beads of aligned running text as rows, each with its context and identified languages."""
        hashes = [text_hash(one.text) for one in src]
        rows = []
        for position, bead in enumerate(alignment.beads):
            before = src[bead.src[0] - 1].text if bead.src[0] > 0 else ""
            after = src[bead.src[1]].text if bead.src[1] < len(src) else ""
            rows.append(
                self._row(
                    document,
                    position,
                    bead,
                    _joined(src, bead.src, document["src_lang"]),
                    _joined(tgt, bead.tgt, document["tgt_lang"]),
                    Tier(alignment.tier),
                )
                | {
                    "context": context_hash(before, after),
                    "prev_hash": hashes[bead.src[0] - 1] if before else "",
                    "next_hash": hashes[bead.src[1]] if after else "",
                }
            )
        return rows

    def _row(self, document: Row, position: int, bead: Bead, src_text: str, tgt_text: str, tier: Tier) -> Row:
        candidates = {document["src_lang"], document["tgt_lang"], "en"}
        src_id = self._identifier.identify(src_text, candidates)
        tgt_id = self._identifier.identify(tgt_text, candidates)
        return {
            "document_key": document["document_key"],
            "position": position,
            "src_first": bead.src[0],
            "src_count": bead.src[1] - bead.src[0],
            "tgt_first": bead.tgt[0],
            "tgt_count": bead.tgt[1] - bead.tgt[0],
            "src_text": src_text,
            "tgt_text": tgt_text,
            "context": "",
            "prev_hash": "",
            "next_hash": "",
            "item_key": "",
            "score": bead.score,
            "tier": tier.value,
            "src_lang_id": src_id.lang,
            "src_lang_p": src_id.probability,
            "tgt_lang_id": tgt_id.lang,
            "tgt_lang_p": tgt_id.probability,
        }

    # Files --------------------------------------------------------------------------------------

    def _read_side(self, path: str, sha256: str, lang: str, kind: str) -> Side:
        data = self._storage.read(path)
        _check_planned(path, hashlib.sha256(data).hexdigest(), sha256)
        with reading(path):
            return self._side_of(path, data, lang, kind)

    def _side_of(self, path: str, data: bytes, lang: str, kind: str) -> Side:
        if kind == Kind.LOCALE:
            locale = read_locale(path, data)
            segments = tuple(
                Segment(normalise(entry.text), entry.text, number, number, "und", 0.0)
                for number, entry in enumerate(locale.entries)
            )
            texts = [one.text for one in segments]
            keys = tuple(entry.key for entry in locale.entries)
            return Side(lang=lang, segments=segments, lang_id=self._of_document(texts), notes=locale.notes, keys=keys)
        document = read_document(path, data)
        segments = segment(document, lang, identifier=self._identifier)
        return Side(lang=lang, segments=segments, lang_id=self._of_document(document.paragraphs), notes=document.notes)

    def _of_document(self, paragraphs: Sequence[str]) -> str:
        return self._identifier.identify_document(paragraphs).lang

    # Already paired -----------------------------------------------------------------------------

    def _locale(self, document: Row, src: Side, tgt: Side) -> Paired:
        """Pair keyed strings by key, in source order; then the keys that only the target has."""
        src_at = {key: number for number, key in enumerate(src.keys)}
        tgt_at = {key: number for number, key in enumerate(tgt.keys)}
        keys = [*src_at, *(key for key in tgt_at if key not in src_at)]
        beads = [
            self._keyed(document, position, key, src_at.get(key), tgt_at.get(key), src, tgt)
            for position, key in enumerate(keys)
        ]
        segments = [*segment_rows(document, 0, src.segments), *segment_rows(document, 1, tgt.segments)]
        return Paired(beads=beads, segments=segments, src=src, tgt=tgt, alignment=None)

    def _keyed(
        self, document: Row, position: int, key: str, src_at: int | None, tgt_at: int | None, src: Side, tgt: Side
    ) -> Row:
        src_text = "" if src_at is None else src.segments[src_at].text
        tgt_text = "" if tgt_at is None else tgt.segments[tgt_at].text
        bead = Bead(_span(src_at), _span(tgt_at), 1.0, 0.0)
        row = self._row(document, position, bead, src_text, tgt_text, Tier.IMPORTED)
        return row | {"item_key": key, "context": context_hash("", "", key)}

    def _memory(self, document: Row) -> Paired:
        """Take the units that have a side of the pair; one that has a single side is a null bead."""
        _check_planned(document["src_path"], self._storage.sha256(document["src_path"]), document["src_sha256"])
        with self._storage.open_input(document["src_path"]) as stream:
            units = list(_pairs(read_memory(document["src_path"], stream), document["src_lang"], document["tgt_lang"]))
        src = self._unit_side(document["src_lang"], [src for src, _, _ in units])
        tgt = self._unit_side(document["tgt_lang"], [tgt for _, tgt, _ in units])
        beads, at = [], [0, 0]
        for position, (src_text, tgt_text, place) in enumerate(units):
            spans = [(start, start + (text is not None)) for start, text in zip(at, (src_text, tgt_text), strict=True)]
            at = [end for _, end in spans]
            bead = Bead(spans[0], spans[1], 1.0, 0.0)
            row = self._row(
                document, position, bead, normalise(src_text or ""), normalise(tgt_text or ""), Tier.IMPORTED
            )
            beads.append(row | place)
        segments = [*segment_rows(document, 0, src.segments), *segment_rows(document, 1, tgt.segments)]
        return Paired(beads=beads, segments=segments, src=src, tgt=tgt, alignment=None)

    def _unit_side(self, lang: str, texts: Iterable[str | None]) -> Side:
        there = [text for text in texts if text is not None]
        segments = tuple(
            Segment(normalise(text), text, number, number, "und", 0.0) for number, text in enumerate(there)
        )
        return Side(lang=lang, segments=segments, lang_id=self._of_document(there), notes=())


def _check_planned(path: str, found: str, planned: str) -> None:
    """What is read must be what the ledger will say was read."""
    if found != planned:
        raise UnreadableDocument(
            f"{path}: it was changed after this run had been planned. It is left for the next run of this date; "
            "nothing else is affected."
        )


def _pairs(units: Iterable[Any], src_lang: str, tgt_lang: str) -> Iterator[tuple[str | None, str | None, Row]]:
    for unit in units:
        texts = {variant.lang: variant.text for variant in unit.variants}
        served = best_match(src_lang, texts)
        src, tgt = texts.get(served), texts.get(best_match(tgt_lang, texts))
        if src is not None or tgt is not None:
            yield src, tgt, bead_of(unit, served)


def _span(at: int | None) -> tuple[int, int]:
    return (0, 0) if at is None else (at, at + 1)


def _joined(segments: Sequence[Segment], span: tuple[int, int], lang: str) -> str:
    return glue(lang).join(one.text for one in segments[span[0] : span[1]])


def segment_rows(document: Row, side: int, segments: Sequence[Segment]) -> Iterator[Row]:
    """Segments as rows of tm_core.contracts.SEGMENTS."""
    for one in segments:
        yield {
            "document_key": document["document_key"],
            "side": side,
            "position": one.position,
            "paragraph": one.paragraph,
            "text": one.text,
            "raw": one.raw,
            "lang_id": one.lang_detected,
            "lang_p": one.lang_probability,
        }
