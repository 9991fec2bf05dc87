"""Which beads people are asked to look at: stratified, and the same for the same batch."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

SCORE_BINS = 5
#: Where one bin ends and the next begins.
BIN_BOUNDS = tuple(number / SCORE_BINS for number in range(1, SCORE_BINS))


def score_bin(score: float) -> int:
    """Bin of a score from 0 to 1: 0 for [0, .2), … 4 for [.8, 1]."""
    return min(SCORE_BINS - 1, max(0, int(score * SCORE_BINS)))


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Stratum:
    """A group of beads that is sampled on its own."""

    store: str
    src_lang: str
    tgt_lang: str
    tier: str
    bin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One sampled bead; ``weight`` is how many beads of its stratum it stands for."""

    bead: str
    stratum: Stratum
    weight: float


def draw(beads: Iterable[tuple[str, Stratum]], *, seed: str, rate: float, budget: int) -> list[Drawn]:
    """Sample each stratum at ``rate``, at least one bead each while the budget lasts.

    A bead's place in the lottery is the hash of the seed and its id, so the same batch gives the same sample
    whatever order the beads come in, and a bead added elsewhere changes no other's place.

    Args:
        beads: (id, stratum) of every bead that may be drawn; ids are unique.
        seed: the batch's id.
        rate: share of a stratum, from 0 to 1.
        budget: most items in all.

    Returns:
        The sample, ordered by stratum and then by place. Cost: O(n log n) time, O(n) memory.
    """
    if rate == 0 or budget == 0:
        return []
    groups: dict[Stratum, list[tuple[bytes, str]]] = defaultdict(list)
    for bead, stratum in beads:
        groups[stratum].append((hashlib.sha256(f"{seed}\0{bead}".encode()).digest(), bead))
    shares = _shares({stratum: len(group) for stratum, group in groups.items()}, rate, budget)
    return [
        Drawn(bead=bead, stratum=stratum, weight=len(groups[stratum]) / share)
        for stratum, share in sorted(shares.items())
        for _, bead in sorted(groups[stratum])[:share]
    ]


def _shares(sizes: dict[Stratum, int], rate: float, budget: int) -> dict[Stratum, int]:
    """Items a stratum: its rate rounded up; over the budget, one each (largest first), then by largest remainder."""
    # Rounded first: 7 % of 100 is 7.000000000000001 in binary, and would become 8.
    wanted = {stratum: max(1, math.ceil(round(size * rate, 9))) for stratum, size in sizes.items()}
    if sum(wanted.values()) <= budget:
        return wanted
    by_size = sorted(sizes, key=lambda stratum: (-sizes[stratum], stratum))
    shares = dict.fromkeys(by_size[:budget], 1)
    spare, surplus = budget - len(shares), sum(wanted[stratum] - 1 for stratum in shares)
    if spare > 0 and surplus > 0:
        exact = {stratum: (wanted[stratum] - 1) * spare / surplus for stratum in shares}
        for stratum in shares:
            shares[stratum] += int(exact[stratum])
        left = budget - sum(shares.values())
        for stratum in sorted(shares, key=lambda one: (-(exact[one] % 1), one))[:left]:
            shares[stratum] += 1
    return shares
