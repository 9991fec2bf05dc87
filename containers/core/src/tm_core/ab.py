"""Two aligners on the same documents: what a variant is, who judges what, and what the evidence says.

A variant is what a plan can pin (threshold between the tiers, lexicon, encoder) or an external command. Documents with
gold beads are scored; of the others, the beads that only one of the two made are judged by people who are not told
whose they are. The baseline is ``a``, the challenger ``b``.
"""

import hashlib
import math
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from tm_core.batches import work_path
from tm_core.errors import ReviewError
from tm_core.identity import digest
from tm_core.precision import Interval, wilson
from tm_core.settings import Encoder

#: Resamples of the bootstrap: the bounds then move by some .001 between seeds.
RESAMPLES = 2000
#: Source segments of a block, the unit that is resampled: errors of an aligner come in runs, so that single beads are
#: not independent; documents are too few. Not calibrated yet.
BLOCK = 20
CURRENT = "current"
NO_LEXICON = "none"
_NAME = "ab-"
_TIERS = {"lexical": 0.0, "embedding": 1.0}


class Side(StrEnum):
    """The two variants of a comparison."""

    A = "a"
    B = "b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to align.

    Attributes:
        threshold: tier 1's confidence below which a document goes to tier 2; 0 is tier 1 alone, 1 tier 2 for all but
            what tier 1 is certain of.
        encoder: of tier 2.
        lexicon: hash of a kept lexicon, "" for none.
        command: name of an aligner of ``include/aligners.toml``; the other fields are not used then.
    """

    threshold: float
    encoder: str
    lexicon: str = ""
    command: str = ""

    def __str__(self) -> str:
        if self.command:
            return f"command={self.command}"
        return f"threshold={self.threshold:g},encoder={self.encoder},lexicon={self.lexicon[:12] or NO_LEXICON}"


def parse_variant(text: str, current: Variant) -> Variant:
    """Read ``key=value,key=value``; what is not named is as in ``current``, and ``current`` alone is just that.

    Keys: ``tier`` (lexical, embedding), ``threshold`` (0 to 1), ``encoder``, ``lexicon`` (``none``, or the beginning of
    a hash), ``command``.

    Raises:
        ReviewError: a key or value is wrong.
    """
    found = current
    for part in filter(None, (one.strip() for one in text.split(","))):
        if part != CURRENT:
            key, _, value = part.partition("=")
            found = replace(found, **_read(key.strip(), value.strip(), text))
    return found


def _read(key: str, value: str, text: str) -> dict[str, Any]:
    if key == "tier" and value in _TIERS:
        return {"threshold": _TIERS[value]}
    if key == "threshold" and re.fullmatch(r"0(\.\d+)?|1(\.0+)?", value):
        return {"threshold": float(value)}
    if key == "encoder" and value in list(Encoder):
        return {"encoder": value}
    if key == "lexicon" and (value == NO_LEXICON or re.fullmatch(r"[0-9a-f]{4,64}", value)):
        return {"lexicon": "" if value == NO_LEXICON else value}
    if key == "command" and re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", value):
        return {"command": value}
    raise ReviewError(
        f"variant '{text[:80]}': expected tier=lexical or embedding, threshold=0 to 1, encoder={' or '.join(Encoder)}, "
        f"lexicon=none or a hash, command=NAME, parted by commas; found '{key[:40]}={value[:40]}'. Correct it; nothing "
        "was compared."
    )


def comparison_name(run_id: str) -> str:
    """The name of a DAG run's comparison: its batch in the books, and its folder below ``work/``."""
    return f"{_NAME}{digest(run_id)[:12]}"


def is_comparison(batch_id: str) -> bool:
    """Whether a folder of ``work/`` is a comparison's, not a batch's."""
    return batch_id.startswith(_NAME)


def ab_folder(run: str, side: Side | None = None) -> str:
    """Where a comparison's documents and results lie: ``documents.parquet``, and ``beads.parquet`` a side."""
    return work_path(run, side.value) if side else work_path(run, "input")


def place(seed: str, *parts: object) -> float:
    """A number from 0 to 1 that is always the same for the same seed and parts: the lottery of all splits here."""
    text = "\0".join(map(str, (seed, *parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


# Gold ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Strict hits of one block: of the beads that were made (precision), and of the gold beads (recall)."""

    made: int = 0
    made_right: int = 0
    gold: int = 0
    gold_found: int = 0

    def __add__(self, other: "Hits") -> "Hits":
        return Hits(
            made=self.made + other.made,
            made_right=self.made_right + other.made_right,
            gold=self.gold + other.gold,
            gold_found=self.gold_found + other.gold_found,
        )

    @property
    def f1(self) -> float:
        """Strict F1 as Vecalign counts it: recall leaves null beads out. 0 of nothing."""
        precision = self.made_right / self.made if self.made else 0.0
        recall = self.gold_found / self.gold if self.gold else 0.0
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


Spans = tuple[tuple[int, ...], tuple[int, ...]]


def blocks_of(gold: Iterable[Spans], made: Iterable[Spans], *, segments: int) -> list[Hits]:
    """The hits of one document, by blocks of its source segments; a bead without a source lies by its target.

    Returns:
        As many blocks for every variant, so that they can be paired.
    """
    wanted, found = set(gold), set(made)
    blocks = [Hits()] * max(1, math.ceil(segments / BLOCK))

    def at(bead: Spans) -> int:
        return min((bead[0] or bead[1])[0] // BLOCK, len(blocks) - 1)

    for bead in found:
        blocks[at(bead)] += Hits(made=1, made_right=bead in wanted)
    for bead in wanted:
        if all(bead):
            blocks[at(bead)] += Hits(gold=1, gold_found=bead in found)
    return blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """``b`` less ``a``, with the bounds of its interval; both values beside."""

    a: float
    b: float
    lower: float
    upper: float

    @property
    def sign(self) -> int:
        """1 if b is proven better, -1 if worse, else 0."""
        return (self.lower > 0) - (self.upper < 0)


def bootstrap(
    a: Sequence[Hits], b: Sequence[Hits], *, seed: str, confidence: float = 0.95, resamples: int = RESAMPLES
) -> Difference:
    """The paired bootstrap of two variants' F1 over the same blocks.

    Args:
        a, b: hits by block, the same blocks in the same order.
        seed: the comparison's id; the same seed, the same bounds.

    Returns:
        The difference with its percentile interval. Of no blocks: 0, with bounds of -1 and 1: nothing is known.

    Cost: O(blocks * resamples). Source: P. Koehn, Statistical significance tests for machine translation evaluation,
    EMNLP 2004 (the paired form).
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} blocks: expected the same blocks on both sides")
    if not a:
        return Difference(a=0.0, b=0.0, lower=-1.0, upper=1.0)
    # Not for secrets: the same comparison has to give the same bounds again.
    lottery = random.Random(seed)  # noqa: S311
    pairs = [(_row(one), _row(other)) for one, other in zip(a, b, strict=True)]
    found = sorted(_resampled(pairs, lottery) for _ in range(resamples))
    cut = int(resamples * (1 - confidence) / 2)
    return Difference(
        a=sum(a, Hits()).f1, b=sum(b, Hits()).f1, lower=found[cut], upper=found[resamples - 1 - cut]
    )  # fmt: skip


_Row = tuple[int, int, int, int]


def _row(one: Hits) -> _Row:
    return one.made, one.made_right, one.gold, one.gold_found


def _resampled(pairs: Sequence[tuple[_Row, _Row]], lottery: random.Random) -> float:
    drawn = lottery.choices(pairs, k=len(pairs))
    one, other = (_sum([pair[side] for pair in drawn]).f1 for side in (0, 1))
    return other - one


def _sum(rows: Sequence[_Row]) -> Hits:
    made, made_right, gold, gold_found = (sum(column) for column in zip(*rows, strict=True))
    return Hits(made=made, made_right=made_right, gold=gold, gold_found=gold_found)


# Verdicts ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """People's verdicts on the beads that one variant alone has made."""

    right: int
    total: int

    def interval(self, confidence: float) -> Interval:
        """The Wilson interval of the share that is right."""
        return wilson(self.right, self.total, confidence=confidence)


def verdicts_differ(a: Judged, b: Judged, confidence: float = 0.95) -> Difference:
    """The difference of two shares, its interval made of their Wilson intervals.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in
    Medicine 17 (1998), method 10.
    """
    one, other = a.interval(confidence), b.interval(confidence)
    if not a.total or not b.total:
        return Difference(a=one.estimate, b=other.estimate, lower=-1.0, upper=1.0)
    gap = other.estimate - one.estimate
    return Difference(
        a=one.estimate,
        b=other.estimate,
        lower=gap - math.hypot(other.estimate - other.lower, one.upper - one.estimate),
        upper=gap + math.hypot(other.upper - other.estimate, one.estimate - one.lower),
    )


# The decision --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a variant has cost: processor seconds (children included) over its documents' segments, both sides."""

    cpu_seconds: float
    segments: int

    @property
    def per_thousand(self) -> float:
        """Processor seconds a thousand segments."""
        return 1000 * self.cpu_seconds / self.segments if self.segments else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a comparison says. ``proposed`` is for a person to approve; ``reason`` says why, or why not."""

    gold: Difference
    verdicts: Difference
    proposed: bool
    reason: str


def decide(gold: Difference, verdicts: Difference, obstacle: str) -> Finding:
    """Propose ``b`` if gold or people prove it better and neither proves it worse.

    Args:
        obstacle: why ``b`` is nothing that a plan can pin; "" if it is.
    """
    signs = {"gold": gold.sign, "verdicts": verdicts.sign}
    worse = [name for name, sign in signs.items() if sign < 0]
    better = [name for name, sign in signs.items() if sign > 0]
    if worse:
        reason = f"b is proven worse by {' and '.join(worse)}"
    elif not better:
        reason = "neither gold nor verdicts prove b better"
    elif obstacle:
        reason = f"b is proven better by {' and '.join(better)}, but cannot be promoted here: {obstacle}"
    else:
        reason = f"b is proven better by {' and '.join(better)}, and worse by nothing"
    return Finding(gold=gold, verdicts=verdicts, proposed=bool(better) and not worse and not obstacle, reason=reason)


def obstacle(a: Variant, b: Variant) -> str:
    """Why ``b`` cannot take the place of ``a`` in the plans to come; "" if it can: the two differ in what is pinned by
    approval, the threshold and the lexicon."""
    if b.command:
        return "an external command is compared, not run by the refresh"
    if a.command:
        return "the baseline is an external command: compare with current"
    if b.encoder != a.encoder:
        return f"set TM_ENCODER={b.encoder} where the tasks run"
    if a == b:
        return "both variants are the same"
    if a.lexicon and not b.lexicon:
        return "a plan cannot be told to do without the lexicon in use"
    return ""


def shown(
    finding: Finding, names: Mapping[Side, str], judged: Mapping[Side, Judged], costs: Mapping[Side, Cost]
) -> str:
    """The finding as Markdown, for the form and the report; no text of a document."""
    rows = [
        "| | variant | F1 on gold | right, by verdicts | CPU s / 1,000 segments |",
        "|---|---|---|---|---|",
    ]
    for side in Side:
        of_gold = getattr(finding.gold, side.value)
        said = judged[side].interval(0.95)
        share = f"{judged[side].right} of {judged[side].total}"
        bounds = f" ({said.lower:.3f} to {said.upper:.3f})" if judged[side].total else ""
        rows.append(
            f"| {side} | {names[side]} | {of_gold:.4f} | {share}{bounds} | {costs[side].per_thousand:.2f} |"
        )  # fmt: skip
    gold, verdicts = finding.gold, finding.verdicts
    rows += [
        "",
        f"b less a, 95 %: gold {gold.lower:+.4f} to {gold.upper:+.4f} (paired bootstrap), "
        f"verdicts {verdicts.lower:+.3f} to {verdicts.upper:+.3f} (Newcombe).",
        "",
        f"**{'Proposed' if finding.proposed else 'Not proposed'}**: {finding.reason}.",
    ]
    return "\n".join(rows)
