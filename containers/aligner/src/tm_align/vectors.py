"""One document's vectors: which vector belongs to which run of segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from tm_align.kernels import quantise_half_rows, quantise_rows, quantise_sums
from tm_align.overlap import Overlaps, overlaps
from tm_core.errors import AlignmentInputError
from tm_formats.vecalign import BLANK, Vectors, count_lines, open_vectors, read_overlaps

Quantised: TypeAlias = NDArray[np.int16]

FEWEST = 3
"""Different segments from which on an encoder that gives all of them one vector has failed: "OK" and "OK!" may."""

CHUNK = 4096
"""Vectors converted at a time: 16 MiB of float32 at 1,024 components."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentVectors:
    """The vectors of every run of segments of one document.

    Vectors need not be of length 1. Given as int16 they are taken as quantised already (``quantised``).
    """

    vectors: Vectors | Quantised
    """Shape (lines, dimension)."""
    rows: NDArray[np.int32]
    """Shape (segments, longest run): row of the run of ``k + 1`` segments from ``i``; -1 past the document's end."""
    name: str = "vectors"
    """What an error calls them: a path, most often."""

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.rows.ndim != 2:
            raise AlignmentInputError(
                f"{self.name}: expected vectors of shape (lines, dimension) and rows of shape (segments, runs), "
                f"found {self.vectors.shape} and {self.rows.shape}."
            )
        if self.vectors.dtype not in (np.float16, np.float32, np.int16):
            raise AlignmentInputError(
                f"{self.name}: expected float16 or float32 vectors, found {self.vectors.dtype}. Convert them first."
            )
        if self.rows.size and self._last_row() >= len(self.vectors):
            raise AlignmentInputError(
                f"{self.name}: expected at least {self._last_row() + 1:,} vectors, found {len(self.vectors):,}."
            )

    def _last_row(self) -> int:
        return int(self.rows.max())

    @property
    def segments(self) -> int:
        return int(self.rows.shape[0])

    @property
    def runs(self) -> int:
        return int(self.rows.shape[1])

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])

    @classmethod
    def stacked(cls, vectors: Vectors | Quantised, *, name: str = "vectors") -> Self:
        """From shape (runs, segments, dimension): ``vectors[k, i]`` is of the run of k + 1 segments from i."""
        runs, segments, dimension = vectors.shape
        rows = (np.arange(segments)[:, None] + np.arange(runs)[None, :] * segments).astype(np.int32)
        rows[np.arange(segments)[:, None] + np.arange(runs)[None, :] >= segments] = -1
        return cls(vectors=vectors.reshape(-1, dimension), rows=rows, name=name)

    def gather(self, rows: NDArray[np.int32]) -> Quantised:
        """The quantised unit vectors of these rows; -1 gives a vector of zeros.

        Raises:
            AlignmentInputError: a vector holds NaN or infinity.
        """
        flat = np.ascontiguousarray(rows).ravel()
        out = np.empty((flat.size, self.dimension), np.int16)
        if self.vectors.dtype == np.int16:
            np.take(self.vectors, flat, axis=0, out=out, mode="clip")  # the other modes make a copy first
            out[flat < 0] = 0
        else:
            self._quantise(flat, out)
        return out.reshape(*rows.shape, self.dimension)

    def _quantise(self, flat: NDArray[np.int32], out: Quantised) -> None:
        bad = _quantise_rows(self.vectors, flat, out)
        if bad >= 0:
            raise _not_finite(self.name, f"vector {int(flat[bad]) + 1:,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SummedVectors(DocumentVectors):
    """Vectors of which a run's is the sum of its segments': only the segments' are kept.

    ``vectors`` has a row per segment, float32; ``rows[i, k]`` is ``i * runs + k``.
    """

    @classmethod
    def of_segments(cls, vectors: NDArray[np.float32], *, runs: int, name: str) -> Self:
        """From one vector per segment, not normalised."""
        segments = len(vectors)
        rows = (np.arange(segments)[:, None] * runs + np.arange(runs)[None, :]).astype(np.int32)
        rows[np.arange(segments)[:, None] + np.arange(runs)[None, :] >= segments] = -1
        return cls(vectors=vectors, rows=rows, name=name)

    def _last_row(self) -> int:
        return int(self.rows.max()) // self.runs

    def _quantise(self, flat: NDArray[np.int32], out: Quantised) -> None:
        bad = quantise_sums(cast(NDArray[np.float32], self.vectors), flat, self.runs, out)
        if bad >= 0:
            raise _not_finite(self.name, f"segment {int(flat[bad]) // self.runs + 1:,}")


def _quantise_rows(vectors: Vectors | Quantised, rows: NDArray[np.int32], out: Quantised) -> int:
    if vectors.dtype == np.float16:  # numba has no float16
        return int(quantise_half_rows(vectors.view(np.uint16), rows, out))
    return int(quantise_rows(cast(NDArray[np.float32], vectors), rows, out))


def quantised(vectors: Vectors, *, name: str, lines: Sequence[str] = ()) -> Quantised:
    """Unit vectors as int16 in units of 1/32767: half the memory of float32, and exact sums in any order.

    The error of a cosine is below 1e-4 at 1,024 dimensions, less than float16 storage makes.

    Args:
        vectors: shape (n, dimension), float16 or float32; read in chunks, so a memory map stays on disk.
        lines: what each vector stands for, to name it in an error.

    Raises:
        AlignmentInputError: a vector holds NaN or infinity; names the first.
    """
    out = np.empty(vectors.shape, np.int16)
    for start in range(0, len(vectors), CHUNK):
        chunk = cast(Vectors, np.array(vectors[start : start + CHUNK]))
        bad = _quantise_rows(chunk, np.arange(len(chunk), dtype=np.int32), out[start : start + CHUNK])
        if bad >= 0:
            number = start + bad
            raise _not_finite(name, f"line {number + 1:,}" + (f" ({lines[number][:60]!r})" if lines else ""))
    return out


def _not_finite(name: str, where: str) -> AlignmentInputError:
    return AlignmentInputError(
        f"{name}, {where}: expected finite numbers, found NaN or infinity. "
        "Most likely the encoder overflowed in half precision. Encode again; nothing has been aligned."
    )


def check_telling(units: Quantised, wanted: Overlaps, *, name: str) -> None:
    """Refuse one side's vectors that tell nothing: all zero, or one and the same for different segments.

    Blank segments do not count: their vectors may be anything. Nor are single zeros refused: such a run fits nothing.

    Raises:
        AlignmentInputError: no run with text has a vector, or all have the same.
    """
    with_text = np.array([bool(line.replace(BLANK, "").strip()) for line in wanted.lines], bool)
    told = units[with_text]
    if not len(told):
        return
    segments = int(with_text[np.unique(wanted.rows[:, 0])].sum())
    if not told.any():
        found = "only zeros"
    elif segments >= FEWEST and (told == told[0]).all():
        found = "one and the same vector for all of them"
    else:
        return
    raise AlignmentInputError(
        f"{name}: expected vectors that say something of {segments:,} different segments, found {found}. "
        "Most likely the encoder failed, or its file was made and never filled. Encode again; nothing has been aligned."
    )


def read_document_vectors(
    segments: Sequence[str], overlaps_path: Path, vectors_path: Path, *, runs: int, dimension: int | None = None
) -> DocumentVectors:
    """Read one document's vectors from an overlap file and its vectors, as Vecalign does.

    Only the vectors that the document uses are kept, as int16.

    Raises:
        AlignmentInputError: the files do not fit each other, a vector is not finite, all are zero or the same, or the
            document needs an overlap line that is not there: the first such line is named. No vector is ever made up.
    """
    n_lines = count_lines(overlaps_path)
    numbers = read_overlaps(overlaps_path)
    vectors = open_vectors(vectors_path, n_lines=n_lines, dimension=dimension)
    wanted = overlaps(segments, runs=runs)
    found = _rows_of(wanted, numbers, overlaps_path)
    units = _gather_quantised(vectors, found, name=str(vectors_path), lines=wanted.lines)
    check_telling(units, wanted, name=str(vectors_path))
    return DocumentVectors(vectors=units, rows=wanted.rows, name=str(vectors_path))


def _rows_of(wanted: Overlaps, numbers: Mapping[str, int], path: Path) -> NDArray[np.int64]:
    found = np.fromiter((numbers.get(line, -1) for line in wanted.lines), np.int64, len(wanted.lines))
    missing = int((found < 0).sum())
    if missing:
        first = wanted.lines[int(np.argmax(found < 0))]
        raise AlignmentInputError(
            f"{path}: expected an overlap line for every run of up to {wanted.rows.shape[1]} segments, "
            f"{missing:,} of {len(wanted.lines):,} are missing, first {first[:80]!r}. "
            "Most likely the overlaps were made from another text, or with a smaller --max-merge. "
            "Make them again with 'tm-align overlap'; nothing has been aligned."
        )
    return found


def _gather_quantised(vectors: Vectors, found: NDArray[np.int64], *, name: str, lines: Sequence[str]) -> Quantised:
    out = np.empty((len(found), vectors.shape[1]), np.int16)
    for start in range(0, len(found), CHUNK):
        part = slice(start, start + CHUNK)
        out[part] = quantised(vectors[found[part]], name=name, lines=lines[part])
    return out
