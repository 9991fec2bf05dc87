"""Which beads people are asked to look at: stratified, spent where least is known, the same for the same batch."""

import hashlib
import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Pool:
    """Strata that are taken together because each alone is sparse; "" and None mean all of the store."""

    store: str
    src_lang: str = ""
    tgt_lang: str = ""
    tier: str = ""
    bin: int | None = None

    def holds(self, one: Stratum) -> bool:
        """Whether a stratum belongs here."""
        return (
            one.store == self.store
            and self.src_lang in ("", one.src_lang)
            and self.tgt_lang in ("", one.tgt_lang)
            and self.tier in ("", one.tier)
            and self.bin in (None, one.bin)
        )


def pools(one: Stratum) -> Iterator[tuple[Pool, str]]:
    """The ever wider pools of a stratum, with their names in words: scores together, then tiers, then pairs."""
    yield Pool(store=one.store, src_lang=one.src_lang, tgt_lang=one.tgt_lang, tier=one.tier), "all scores of the tier"
    yield Pool(store=one.store, src_lang=one.src_lang, tgt_lang=one.tgt_lang), "both tiers of the pair"
    yield Pool(store=one.store), "all pairs of the store"


def ambiguity(bin_number: int) -> float:
    """How little a score says of whether its bead is right: 1 in the middle, .36 at the ends.

    Source: the variance of a coin with the probability in the middle of the bin, over its largest value.
    """
    middle = (bin_number + 0.5) / SCORE_BINS
    return 4 * middle * (1 - middle)


def interest(one: Stratum, width: float) -> float:
    """How much a verdict on a stratum would tell, 0 to 1: where its interval is wide, or the score ambiguous.

    Args:
        width: of the interval of its precision, 0 to 1; 1 if nothing is known.
    """
    return (width + ambiguity(one.bin)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One sampled bead; ``weight`` is how many beads it stands for: one over the probability that it was drawn."""

    bead: str
    stratum: Stratum
    weight: float


def draw(
    beads: Iterable[tuple[str, Stratum]],
    *,
    seed: str,
    rate: float,
    budget: int,
    widths: Mapping[Stratum, float] | None = None,
) -> list[Drawn]:
    """Sample ``rate`` of the beads, ``budget`` at most, and more of the strata that least is known of.

    How many are drawn follows from rate and budget alone. A stratum too small for one item at this rate is pooled with
    its neighbours: with the other scores of its tier, then the other tier, then the other pairs of its store. The items
    are then spread over the pools in proportion to interest and the root of their size, at least one each while there
    are any. Within a pool a bead's place in the lottery is the hash of the seed and its id, so that the same batch
    gives the same sample whatever order the beads come in.

    Args:
        beads: (id, stratum) of every bead that may be drawn; ids are unique.
        seed: the batch's id.
        rate: from 0 to 1.
        budget: most items in all.
        widths: of what is known of strata, see ``interest``; nothing is known of the others.

    Returns:
        The sample, ordered by stratum and then by place. Cost: O(n log budget) time, O(strata * budget) memory.
    """
    if rate == 0 or budget == 0:
        return []
    sizes, places = _lottery(beads, seed, budget)
    known = widths or {}
    groups = _pooled(sizes, rate)
    merit = {pool: _merit(members, sizes, known) for pool, members in groups.items()}
    totals = {pool: sum(sizes[one] for one in members) for pool, members in groups.items()}
    shares = _shares(totals, merit, min(budget, sum(_wanted(total, rate) for total in totals.values())))
    drawn = [
        Drawn(bead=bead, stratum=stratum, weight=totals[pool] / share)
        for pool, share in shares.items()
        for _, bead, stratum in heapq.nsmallest(share, (one for member in groups[pool] for one in places[member]))
    ]
    return sorted(drawn, key=lambda one: (one.stratum, _place(seed, one.bead)))


def is_double(seed: str, bead: str, share: float) -> bool:
    """Whether two people judge a drawn bead: the same for the same batch, and for ``share`` of all beads."""
    return int.from_bytes(_place(f"{seed}\0double", bead)[:8], "big") < share * 2**64


def _place(seed: str, bead: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{bead}".encode()).digest()


_Place = tuple[bytes, str, Stratum]


def _lottery(
    beads: Iterable[tuple[str, Stratum]], seed: str, budget: int
) -> tuple[dict[Stratum, int], dict[Stratum, list[_Place]]]:
    """Each stratum's size, and its first places: no more of them than could ever be drawn."""
    sizes: dict[Stratum, int] = defaultdict(int)
    heaps: dict[Stratum, list[tuple[int, str]]] = defaultdict(list)
    for bead, stratum in beads:
        sizes[stratum] += 1
        # A heap keeps the largest on top; the place is negated so that the last of the first places is.
        entry = (-int.from_bytes(_place(seed, bead), "big"), bead)
        if len(heaps[stratum]) < budget:
            heapq.heappush(heaps[stratum], entry)
        elif entry > heaps[stratum][0]:
            heapq.heapreplace(heaps[stratum], entry)
    places = {
        stratum: [((-place).to_bytes(32, "big"), bead, stratum) for place, bead in heap]
        for stratum, heap in heaps.items()
    }
    return dict(sizes), places


def _wanted(size: int, rate: float) -> int:
    # Rounded first: 7 % of 100 is 7.000000000000001 in binary, and would become 8.
    return max(1, math.ceil(round(size * rate, 9)))


def _pooled(sizes: Mapping[Stratum, int], rate: float) -> dict[Pool, list[Stratum]]:
    """Strata that earn an item of their own, each by itself, and the sparse ones together, as narrow as they can be."""
    groups: dict[Pool, list[Stratum]] = {}
    sparse = []
    for one in sorted(sizes):
        if sizes[one] * rate >= 1:
            alone = Pool(
                store=one.store, src_lang=one.src_lang, tgt_lang=one.tgt_lang, tier=one.tier, bin=one.bin
            )  # fmt: skip
            groups[alone] = [one]
        else:
            sparse.append(one)
    for level in range(3):
        together: dict[Pool, list[Stratum]] = defaultdict(list)
        for one in sparse:
            together[list(pools(one))[level][0]].append(one)
        enough = {pool: members for pool, members in together.items() if sum(sizes[one] for one in members) * rate >= 1}
        groups |= together if level == 2 else enough
        sparse = [one for pool, members in together.items() if pool not in enough for one in members]
    return groups


def _merit(members: Sequence[Stratum], sizes: Mapping[Stratum, int], widths: Mapping[Stratum, float]) -> float:
    """Interest, averaged over the pool's beads, times the root of their number: half way from one share each to
    shares by size.

    Source: M. D. Bankier, Power Allocations, The American Statistician 42 (1988), with the power 1/2.
    """
    total = sum(sizes[one] for one in members)
    mean = sum(interest(one, widths.get(one, 1.0)) * sizes[one] for one in members) / total
    return mean * math.sqrt(total)


def _shares(sizes: Mapping[Pool, int], merit: Mapping[Pool, float], items: int) -> dict[Pool, int]:
    """Items a pool: one each, most merit first while there are any; the rest one by one to whoever is worst off."""
    order = sorted(sizes, key=lambda pool: (-merit[pool], pool))
    shares = dict.fromkeys(order[:items], 1)
    # Highest averages: the next item goes where it is worth most, and never beyond what a pool has.
    queue = [(-merit[pool] / 2, number, pool) for number, pool in enumerate(shares) if sizes[pool] > 1]
    heapq.heapify(queue)
    for _ in range(items - len(shares)):
        if not queue:
            break
        _, number, pool = heapq.heappop(queue)
        shares[pool] += 1
        if shares[pool] < sizes[pool]:
            heapq.heappush(queue, (-merit[pool] / (shares[pool] + 1), number, pool))
    return shares
