"""Alignments in the formats of the field: Vecalign's lines, hunalign's ladder, TSV, TMX and Parquet."""

import io
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import BinaryIO

from tm_align.beads import Alignment, Bead
from tm_core.documents import BilingualUnit, Variant
from tm_formats.hunalign import ladder_lines
from tm_formats.vecalign import BeadLine


class OutputFormat(StrEnum):
    """How beads are written."""

    VECALIGN = "vecalign"
    LADDER = "ladder"
    TSV = "tsv"
    TMX = "tmx"
    PARQUET = "parquet"


COLUMNS = ("src_first", "src_count", "tgt_first", "tgt_count", "score", "src_text", "tgt_text")
"""Columns of TSV and Parquet: numbers from 0, confidence, and the segments joined by a space."""


def write_alignment(
    sink: BinaryIO,
    alignment: Alignment,
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    to: OutputFormat,
    src_lang: str,
    tgt_lang: str,
) -> None:
    """Write an alignment. TMX holds the beads with text on both sides; the other formats hold all."""
    if to is OutputFormat.TMX:
        from tm_formats.tmx import write_tmx

        write_tmx(sink, _units(alignment.beads, src, tgt, src_lang, tgt_lang), srclang=src_lang)
    elif to is OutputFormat.PARQUET:
        sink.write(_parquet(alignment, src, tgt))
    else:
        writer = {OutputFormat.VECALIGN: vecalign_lines, OutputFormat.LADDER: ladder_lines}.get(to)
        lines = writer(alignment.beads) if writer else _tsv_lines(alignment.beads, src, tgt)
        sink.writelines(f"{line}\n".encode() for line in lines)


def vecalign_lines(beads: Sequence[Bead]) -> Iterator[str]:
    """``[0, 1]:[0]:0.123400`` a line; a null bead costs 0, as Vecalign prints it."""
    for bead in beads:
        cost = 0.0 if bead.is_null else bead.cost
        yield str(BeadLine(tuple(range(*bead.src)), tuple(range(*bead.tgt)), cost))


def _tsv_lines(beads: Sequence[Bead], src: Sequence[str], tgt: Sequence[str]) -> Iterator[str]:
    yield "\t".join(COLUMNS)
    for bead in beads:
        (first, count), (tgt_first, tgt_count) = _counted(bead.src), _counted(bead.tgt)
        texts = (" ".join(text.split()) for text in _texts(bead, src, tgt))  # a tab inside would make a column
        yield "\t".join((str(first), str(count), str(tgt_first), str(tgt_count), f"{bead.score:.4f}", *texts))


def _parquet(alignment: Alignment, src: Sequence[str], tgt: Sequence[str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [(*_counted(bead.src), *_counted(bead.tgt), bead.score, *_texts(bead, src, tgt)) for bead in alignment.beads]
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    types = (pa.int64(),) * 4 + (pa.float32(), pa.string(), pa.string())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=list(COLUMNS)), buffer)
    return buffer.getvalue()


def _units(
    beads: Sequence[Bead], src: Sequence[str], tgt: Sequence[str], src_lang: str, tgt_lang: str
) -> Iterator[BilingualUnit]:
    for bead in beads:
        src_text, tgt_text = _texts(bead, src, tgt)
        if src_text and tgt_text:
            variants = (Variant(lang=src_lang, text=src_text), Variant(lang=tgt_lang, text=tgt_text))
            yield BilingualUnit(variants=variants, properties={"prop:x-score": f"{bead.score:.4f}"})


def _texts(bead: Bead, src: Sequence[str], tgt: Sequence[str]) -> tuple[str, str]:
    return _joined(src[bead.src[0] : bead.src[1]]), _joined(tgt[bead.tgt[0] : bead.tgt[1]])


def _joined(segments: Sequence[str]) -> str:
    return " ".join(text for segment in segments if (text := segment.strip()))


def _counted(span: tuple[int, int]) -> tuple[int, int]:
    return span[0], span[1] - span[0]
