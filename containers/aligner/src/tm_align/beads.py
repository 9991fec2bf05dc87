"""What every aligner of this package returns: beads, in order, that use every segment once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tm_core.errors import AlignmentInputError

Span = tuple[int, int]
"""A half-open range of segment numbers, counted from 0."""

Fact = str | int | float | bool
"""One attestation fact: what a run was made with. Never segment text."""


@dataclass(frozen=True, slots=True)
class Bead:
    """One alignment: the segments ``src[0] .. src[1]-1`` and ``tgt[0] .. tgt[1]-1`` say the same.

    An empty range on one side makes a null bead: a segment with no counterpart. The one bead
    of the package that is built by the hundred thousand, hence positional.
    """

    src: Span
    tgt: Span
    score: float
    """Confidence in [0, 1]; of a null bead, that its segments have no counterpart."""
    cost: float
    """What the search paid for it, in the tier's own unit; comparable within one document."""

    @property
    def is_null(self) -> bool:
        return self.src[0] == self.src[1] or self.tgt[0] == self.tgt[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of source and target segments, e.g. ``(2, 1)``."""
        return self.src[1] - self.src[0], self.tgt[1] - self.tgt[0]

    def mirrored(self) -> "Bead":
        """The same bead with the sides swapped."""
        return Bead(self.tgt, self.src, self.score, self.cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """The beads of one document pair, in order."""

    beads: tuple[Bead, ...]
    confidence: float
    """Confidence in the document as a whole, in [0, 1]."""
    tier: str
    details: Mapping[str, Fact] = field(default_factory=dict)
    """Attestation: what the alignment was made with (lexicon hash, encoder, device, rounds, …)."""


def check_beads(beads: Iterable[Bead], n_src: int, n_tgt: int) -> None:
    """Check that every segment is in exactly one bead and that the beads are in order.

    Raises:
        AlignmentInputError: a segment is missing, used twice or out of order, or a bead is empty.
    """
    at_src = at_tgt = 0
    for number, bead in enumerate(beads):
        (src_from, src_to), (tgt_from, tgt_to) = bead.src, bead.tgt
        if (src_from, tgt_from) != (at_src, at_tgt) or src_to < src_from or tgt_to < tgt_from:
            raise AlignmentInputError(
                f"bead {number}: expected to begin at source {at_src}, target {at_tgt}, found {bead.src}:{bead.tgt}. "
                "Beads must use every segment once, in order. Nothing has been written."
            )
        if src_from == src_to and tgt_from == tgt_to:
            raise AlignmentInputError(f"bead {number}: holds no segment at all. Nothing has been written.")
        at_src, at_tgt = src_to, tgt_to
    if (at_src, at_tgt) != (n_src, n_tgt):
        raise AlignmentInputError(
            f"the beads end at source {at_src}, target {at_tgt}; the documents have {n_src} and {n_tgt} segments. "
            "Most likely beads and texts belong to different files. Nothing has been written."
        )


def trivial_beads(src: Sequence[object], tgt: Sequence[object]) -> tuple[Bead, ...] | None:
    """The only alignment there is when a side is empty: null beads; None when both sides hold something."""
    if src and tgt:
        return None
    return tuple(Bead((i, i + 1), (0, 0), 1.0, 0.0) for i in range(len(src))) + tuple(
        Bead((0, 0), (j, j + 1), 1.0, 0.0) for j in range(len(tgt))
    )
