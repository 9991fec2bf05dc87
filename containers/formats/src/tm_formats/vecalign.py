"""Vecalign's three file formats: bead lines, overlap lines and vectors.

Facts from Vecalign 2.0's own reader and writer: a bead is ``[0, 1]:[0]:0.123400`` (the cost may be missing); an overlap
line is one run of consecutive segments, each stripped, joined by a space, a blank segment written ``BLANK_LINE``, cut
after 10,000 characters; vectors are raw little-endian float32, one row per overlap line, with no header.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tm_core.errors import AlignmentInputError

BLANK = "BLANK_LINE"
"""What stands for a segment without text."""

MAX_LINE_CHARACTERS = 10_000
"""Where an overlap line is cut, so that no encoder meets an endless one."""

Vectors: TypeAlias = NDArray[np.float16] | NDArray[np.float32]

_BEAD = re.compile(r"\s*\[([\d,\s]*)\]\s*:\s*\[([\d,\s]*)\]\s*(?::\s*([-+\w.]*)\s*)?")


class BeadLine(NamedTuple):
    """One line of a Vecalign alignment: segment numbers from 0, and the cost where one was written."""

    src: tuple[int, ...]
    tgt: tuple[int, ...]
    cost: float | None = None

    def __str__(self) -> str:
        cost = "" if self.cost is None else f":{self.cost:.6f}"
        return f"{list(self.src)}:{list(self.tgt)}{cost}"


def parse_bead_lines(lines: Iterable[str], *, name: str) -> Iterator[BeadLine]:
    """Read bead lines; blank lines are passed over.

    Raises:
        AlignmentInputError: a line is not a bead; ``name`` says of which file.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _BEAD.fullmatch(line)
        if match is None:
            raise AlignmentInputError(
                f"{name}, line {number}: expected a bead such as '[0, 1]:[0]:0.1234', found {line.strip()[:60]!r}. "
                "Most likely this is not a Vecalign alignment. Nothing has been written."
            )
        yield BeadLine(_numbers(match[1]), _numbers(match[2]), _cost(match[3]))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _cost(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def read_beads(path: Path) -> list[BeadLine]:
    """Every bead of a Vecalign alignment file (UTF-8).

    Raises:
        AlignmentInputError: the file is missing, or a line is not a bead.
    """
    with _opened(path).open(encoding="utf-8", errors="replace") as lines:
        return list(parse_bead_lines(lines, name=str(path)))


def clean_segment(segment: str) -> str:
    """A segment as it enters an overlap line: on one line, stripped, and never empty."""
    return segment.replace("\r", " ").replace("\n", " ").strip() or BLANK


def overlap_line(cleaned: Sequence[str]) -> str:
    """The overlap line of a run of cleaned segments."""
    return " ".join(cleaned)[:MAX_LINE_CHARACTERS].strip()


def read_overlaps(path: Path) -> dict[str, int]:
    """Overlap line -> row of its vector; of equal lines, the first row.

    Raises:
        AlignmentInputError: the file is missing, empty or not UTF-8.
    """
    rows: dict[str, int] = {}
    number = -1
    try:
        with _opened(path).open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines):
                rows.setdefault(line.strip()[:MAX_LINE_CHARACTERS].strip(), number)
    except UnicodeDecodeError as error:
        raise AlignmentInputError(
            f"{path}, after line {number + 1}: expected UTF-8 overlap lines, found other bytes. "
            "Most likely vectors and overlaps were given in the wrong order: OVERLAPS first. Nothing has been written."
        ) from error
    if not rows:
        raise AlignmentInputError(f"{path}: expected overlap lines, found none. Write them with 'tm-align overlap'.")
    return rows


def count_lines(path: Path) -> int:
    """Number of overlap lines, so of vectors: one row a line, equal lines included."""
    with _opened(path).open("rb") as file:
        data = file.read()
    return data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


def open_vectors(path: Path, *, n_lines: int, dimension: int | None = None) -> Vectors:
    """Open vectors without reading them: ``.npy`` (float16 or float32) or raw float32 as Vecalign writes them.

    Args:
        n_lines: rows the file must hold: the number of overlap lines.
        dimension: components per row; None takes what the file's size says.

    Returns:
        Shape (n_lines, dimension), memory-mapped, read-only: rows are read when they are used.

    Raises:
        AlignmentInputError: missing, truncated, another number of rows, another dimension or another type.
    """
    vectors = _open_npy(path) if _opened(path).suffix == ".npy" else _open_raw(path, n_lines, dimension)
    if vectors.shape[0] != n_lines:
        raise AlignmentInputError(
            f"{path}: expected {n_lines:,} vectors, one per overlap line, found {vectors.shape[0]:,}. "
            "Most likely overlaps and vectors belong to different runs. Encode again; nothing has been written."
        )
    if dimension is not None and vectors.shape[1] != dimension:
        raise AlignmentInputError(
            f"{path}: expected {dimension} components per vector, found {vectors.shape[1]}. "
            "Most likely another encoder made it. Encode again; nothing has been written."
        )
    return vectors


def _open_npy(path: Path) -> Vectors:
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise AlignmentInputError(
            f"{path}: expected a .npy array, found one that cannot be opened ({error}). "
            "Most likely the file was cut short. Encode again; nothing has been written."
        ) from error
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.dtype not in (np.float16, np.float32):
        found = f"{vectors.dtype}, shape {vectors.shape}" if isinstance(vectors, np.ndarray) else "an archive"
        raise AlignmentInputError(
            f"{path}: expected float16 or float32 of shape (overlap lines, dimension), found {found}. "
            "Nothing has been written."
        )
    return vectors


def _open_raw(path: Path, n_lines: int, dimension: int | None) -> Vectors:
    size = path.stat().st_size
    width = dimension or size // (4 * n_lines)
    if size == 0 or size != 4 * n_lines * width:
        wanted = f"{n_lines:,} float32 vectors" + (f" of {dimension} components" if dimension else "")
        raise AlignmentInputError(
            f"{path}: expected {wanted}, found {size:,} bytes, which is {size / (4 * n_lines):,.2f} components per "
            "overlap line. Most likely the file was cut short. Encode again; nothing has been written."
        )
    return np.memmap(path, dtype="<f4", mode="r", shape=(n_lines, width))


def write_vectors(path: Path, vectors: Vectors) -> None:
    """Write vectors: ``.npy`` in their own type, any other name as raw float32 for Vecalign."""
    if path.suffix == ".npy":
        np.save(path, vectors)
    else:
        vectors.astype("<f4").tofile(path)


def _opened(path: Path) -> Path:
    if not path.is_file():
        raise AlignmentInputError(f"{path}: there is no such file. Nothing has been written.")
    return path
