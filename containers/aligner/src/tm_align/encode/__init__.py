"""Encoders: what turns runs of segments into vectors.

======================  ==============================================================================================
``lexicon``             no model: words and their translations, hashed. The lexicon is given, or learned from the pair
``laser2``              LASER2's weights (laser2.pt, .spm, .cvocab), read with torch and sentencepiece
a folder                any sentence-transformers model
vectors in files        ``VectorFiles``: overlap lines and vectors, as Vecalign reads them
======================  ==============================================================================================
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tm_align.beads import Fact
from tm_align.overlap import overlaps
from tm_align.vectors import DocumentVectors, check_telling, quantised, read_document_vectors
from tm_core.errors import AlignmentInputError, DeviceUnavailable
from tm_core.settings import Device
from tm_formats.vecalign import Vectors

if TYPE_CHECKING:
    from tm_align.lexicon import Lexicon


class Encoder(Protocol):
    """Gives the vectors of a document pair."""

    @property
    def facts(self) -> Mapping[str, Fact]:
        """Attestation: name, model hash, device."""

    @property
    def skips_blanks(self) -> bool:
        """Whether blank segments are left out before encoding; not where runs were encoded with them by others."""

    def encode_pair(
        self, src: Sequence[str], tgt: Sequence[str], *, runs: int
    ) -> tuple[DocumentVectors, DocumentVectors]:
        """Vectors of every run of 1 to ``runs`` segments of both sides.

        Raises:
            AlignmentInputError: the texts cannot be encoded, or vectors are missing.
        """


class LineEncoder(Protocol):
    """A model that encodes one text at a time, whatever its language."""

    @property
    def facts(self) -> Mapping[str, Fact]: ...

    def encode(self, lines: Sequence[str]) -> Vectors:
        """One vector per line, shape (lines, dimension), float16 or float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapEncoder:
    """An ``Encoder`` made of a ``LineEncoder``: encodes each overlap line of the pair once."""

    model: LineEncoder

    skips_blanks: bool = True

    @property
    def facts(self) -> Mapping[str, Fact]:
        return self.model.facts

    def encode_pair(
        self, src: Sequence[str], tgt: Sequence[str], *, runs: int
    ) -> tuple[DocumentVectors, DocumentVectors]:
        return self._encode_side(src, runs, "source"), self._encode_side(tgt, runs, "target")

    def _encode_side(self, segments: Sequence[str], runs: int, name: str) -> DocumentVectors:
        wanted = overlaps(segments, runs=runs)
        units = quantised(self.model.encode(wanted.lines), name=name, lines=wanted.lines)
        check_telling(units, wanted, name=name)
        return DocumentVectors(vectors=units, rows=wanted.rows, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorFiles:
    """An ``Encoder`` that reads what another program has encoded: (overlaps, vectors) of each side."""

    src: tuple[Path, Path]
    tgt: tuple[Path, Path]
    dimension: int | None = None
    skips_blanks: bool = False
    facts: Mapping[str, Fact] = field(default_factory=lambda: {"encoder": "vectors"})

    def encode_pair(
        self, src: Sequence[str], tgt: Sequence[str], *, runs: int
    ) -> tuple[DocumentVectors, DocumentVectors]:
        return (
            read_document_vectors(src, *self.src, runs=runs, dimension=self.dimension),
            read_document_vectors(tgt, *self.tgt, runs=runs, dimension=self.dimension),
        )


def load_encoder(
    name: str,
    *,
    src_lang: str,
    tgt_lang: str,
    lexicon: "Lexicon | None" = None,
    model_dir: Path | None = None,
    device: Device = Device.CPU,
) -> Encoder:
    """The encoder of a name: ``lexicon``, ``laser2``, or the folder of a sentence-transformers model.

    Raises:
        AlignmentInputError: there is no encoder of that name.
        DeviceUnavailable: its model, its library or the wanted device is not there. There is no fallback.
    """
    if name == "lexicon":
        from tm_align.encode.lexicon_encoder import LexiconEncoder

        return LexiconEncoder(src_lang=src_lang, tgt_lang=tgt_lang, lexicon=lexicon)
    return OverlapEncoder(model=load_line_encoder(name, model_dir=model_dir, device=device))


def load_line_encoder(name: str, *, model_dir: Path | None = None, device: Device = Device.CPU) -> LineEncoder:
    """``laser2`` or a sentence-transformers folder, as an encoder of single lines. Raises as ``load_encoder`` does."""
    if name == "laser2":
        from tm_align.encode.laser2 import Laser2

        if model_dir is None:
            raise DeviceUnavailable(
                "encoder 'laser2': expected a folder with laser2.pt, laser2.spm and laser2.cvocab, none was named. "
                "Give --model-dir, or set TM_MODEL_DIR. Nothing has been aligned."
            )
        return Laser2.load(model_dir, device=device)
    if Path(name).is_dir():
        from tm_align.encode.sentence_transformers import SentenceTransformerModel

        return SentenceTransformerModel.load(Path(name), device=device)
    raise AlignmentInputError(
        f"encoder {name!r}: expected 'lexicon', 'laser2' or the folder of a sentence-transformers model. "
        "Most likely the folder's name is misspelt. Nothing has been aligned."
    )


__all__ = [
    "Encoder",
    "LineEncoder",
    "OverlapEncoder",
    "VectorFiles",
    "load_encoder",
    "load_line_encoder",
]
