"""What speaks for the beads of a path that did not help to find them.

A bead is found by words that were learned from it: rubbish vouches for itself, in any script. So the beads are dealt
out in blocks to two halves, the words of each half are learned again from the other, and what these explain is
measured against what they explain of pairs that surely do not belong together: the beads a little farther on.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tm_align import em
from tm_align.banded import Floats, Longs
from tm_align.confidence import Doubt
from tm_align.em import OverChance, Table
from tm_align.evidence import EVIDENCE_SHARE, GIVEN_BEADS, Pair, expected_ratio
from tm_align.lengths import chance_spread, length_gains, median

BLOCKS: Final = 8
LEAST_BLOCK, MOST_BLOCK = 4, 50
"""Blocks that a text is dealt out in, while they hold so many beads: words come in clusters, so that single beads would
vouch for their neighbours."""

APART: Final = (4, 9)
"""Beads from a source side to the target side that it surely does not belong to."""

USUAL_MIDDLE: Final = -1.0
USUAL_SPREAD: Final = 1.5
FEW: Final = 10.0
"""Nats of such pairs believed before a document has shown its own, as so many pairs' worth."""

LEAST_GAIN, MOST_GAIN = -9.0, 25.0
LEAST_OVER, MOST_OVER = -4.0, 12.0
LEAST_WEAKEST, MOST_WEAKEST = -2.0, 0.3
MOST_ACROSS: Final = 6.0
MOST_LENGTH: Final = 3.0
"""What more, or less, is no evidence of more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Of each bead of a path; 0 of null beads."""

    words: Floats
    """What its words explain of each other over what chance does, in the spread of chance."""
    weakest: Floats
    """The same of the segment that is explained least, in nats over the root of its words, without comparison."""
    across: Floats
    """What words of one of its sides explain of the other side of the bead before or behind, in the unit of ``words``:
    more than chance speaks for a border in the wrong place."""
    lengths: Floats
    """What its lengths say, in nats."""

    @property
    def doubt(self) -> Doubt:
        """What of it speaks against the beads."""
        return Doubt(weakest=self.weakest, lengths=np.minimum(self.lengths, 0.0), across=self.across)


def witness(pair: Pair, steps: Longs) -> Witness:
    """Hear what speaks for the beads of a path.

    Args:
        pair: the texts.
        steps: rows (i, j, a, b) of the path.

    Cost: that of learning words once, and of the words inside beads three times.
    """
    linked = np.flatnonzero((steps[:, 2] > 0) & (steps[:, 3] > 0))
    words, weakest, across, lengths = (np.zeros(len(steps)) for _ in range(4))
    if len(linked):
        src_runs = em.runs(steps[linked, 0], steps[linked, 2])
        tgt_runs = em.runs(steps[linked, 1], steps[linked, 3])
        words[linked], weakest[linked], across[linked] = _words(pair, src_runs, tgt_runs)
        lengths[linked] = _lengths(pair, steps, src_runs, tgt_runs)
    return Witness(words=words, weakest=weakest, across=across, lengths=lengths)


def _words(pair: Pair, src_runs: Longs, tgt_runs: Longs) -> tuple[Floats, Floats, Floats]:
    n = len(src_runs)
    gains, weakest, border, apart = np.zeros(n), np.zeros(n), np.full(n + 1, LEAST_GAIN), []
    half = np.arange(n) // min(max(n // BLOCKS, LEAST_BLOCK), MOST_BLOCK) % 2
    given = Table(pair.given.starts, pair.given.words, GIVEN_BEADS * pair.given.values)
    for mine in (0, 1):
        own, others = np.flatnonzero(half == mine), half != mine
        last = own[own + 1 < n]
        learned = em.learn_both(pair.src, pair.tgt, src_runs[others], tgt_runs[others], given)
        tables = em.over_chance(pair.src, pair.tgt, learned[0]), em.over_chance(pair.tgt, pair.src, learned[1])
        # Each bead by itself, across the border behind it in both ways, and with what is surely not its own.
        pairs = [(own, own), (last, last + 1), (last + 1, last)]
        pairs += [(first, first + step) for step in APART for first in [own[own + step < n]]]
        src, tgt = (np.concatenate([one[at] for one in pairs]) for at in (0, 1))
        explained, least = _explained(pair, tables, src_runs[src], tgt_runs[tgt])
        found = np.split(explained, np.cumsum([len(one) for one, _ in pairs])[:-1])
        gains[own], weakest[own] = found[0], least[: len(own)]
        border[last + 1] = np.maximum(found[1], found[2])
        apart += found[3:]
    middle, spread = _chance(np.concatenate(apart))
    words, across = ((np.clip(one, LEAST_GAIN, MOST_GAIN) - middle) / spread for one in (gains, border))
    return (
        np.clip(words, LEAST_OVER, MOST_OVER),
        np.clip(weakest, LEAST_WEAKEST, MOST_WEAKEST),
        np.clip(np.maximum(across[:-1], across[1:]), 0.0, MOST_ACROSS),
    )


def _explained(
    pair: Pair, tables: tuple[OverChance, OverChance], src_runs: Longs, tgt_runs: Longs
) -> tuple[Floats, Floats]:
    """Nats by which each side explains the other, both directions halved, and those of the weakest segment."""
    forward, tgt_weakest = em.explain(pair.src, pair.tgt, tables[0], src_runs, tgt_runs, EVIDENCE_SHARE)
    backward, src_weakest = em.explain(pair.tgt, pair.src, tables[1], tgt_runs, src_runs, EVIDENCE_SHARE)
    return 0.5 * (forward + backward), np.minimum(src_weakest, tgt_weakest)


def _chance(gains: Floats) -> tuple[float, float]:
    """Middle and spread of the gains of pairs that do not belong together; one odd pair in many changes neither."""
    n = len(gains)
    middle = median(gains) if n else 0.0
    spread = 1.4826 * median(np.abs(gains - middle)) if n else 0.0
    middle = (n * middle + FEW * USUAL_MIDDLE) / (n + FEW)
    return middle, float(np.sqrt((n * spread**2 + FEW * USUAL_SPREAD**2) / (n + FEW)))


def _lengths(pair: Pair, steps: Longs, src_runs: Longs, tgt_runs: Longs) -> Floats:
    src, tgt = (
        side.places[runs[:, 1]] - side.places[runs[:, 0]] + 1.0
        for side, runs in ((pair.src, src_runs), (pair.tgt, tgt_runs))
    )
    chance = chance_spread(np.log(pair.src.lengths + 1.0), np.log(pair.tgt.lengths + 1.0))
    gains = length_gains(src, tgt, expected_ratio(pair, steps), chance)
    return np.clip(gains, -MOST_LENGTH, MOST_LENGTH)
