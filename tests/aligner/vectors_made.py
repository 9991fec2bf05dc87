"""Made vectors: documents whose beads are known because the test cut them."""

from collections.abc import Sequence

import numpy as np

from tm_align.lattice import Side
from tm_align.vectors import DocumentVectors

Shape = tuple[int, int]
DIMENSION = 128
UNITS = 6
"""Meanings per bead: a bead of several segments divides them."""


def made_pair(shapes: Sequence[Shape], *, seed: int = 0, noise: float = 0.6, runs: int = 7) -> tuple[Side, Side]:
    """Two sides whose beads have these shapes: the vector of a run is the sum of its meanings, plus noise."""
    rng = np.random.default_rng(seed)
    src: list[np.ndarray] = []
    tgt: list[np.ndarray] = []
    for a, b in shapes:
        meanings = rng.normal(size=(max(UNITS, a, b), DIMENSION))
        src += [part.sum(axis=0) for part in np.array_split(meanings, a)] if a else []
        tgt += [part.sum(axis=0) for part in np.array_split(meanings, b)] if b else []
    return made_side(src, rng, noise, runs), made_side(tgt, rng, noise, runs)


def made_side(segments: Sequence[np.ndarray], rng: np.random.Generator, noise: float, runs: int) -> Side:
    n = len(segments)
    stacked = np.zeros((runs, n, DIMENSION), np.float32)
    for k in range(runs):
        for i in range(n - k):
            total = np.sum(segments[i : i + k + 1], axis=0)
            stacked[k, i] = total + rng.normal(size=DIMENSION) * noise * np.linalg.norm(total) / DIMENSION**0.5
    lengths = np.array([10.0 * float(np.square(segment).sum()) / DIMENSION for segment in segments])
    return Side(vectors=DocumentVectors.stacked(stacked), lengths=lengths)


def spans(shapes: Sequence[Shape]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The beads of these shapes, as (source span, target span)."""
    found, i, j = [], 0, 0
    for a, b in shapes:
        found.append(((i, i + a), (j, j + b)))
        i, j = i + a, j + b
    return found
