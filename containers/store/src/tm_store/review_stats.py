"""Numbers over many verdicts: what they prove of each stratum, and what the statistics page draws.

Precision counts the first judgement of each sampled item, because the second is there for the agreement alone; only
``accept`` is right. A verdict belongs to its item's partition date, not to the day it was given: a gate that runs again
sees the same dates.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from tm_core.agreement import Agreement, cohens_kappa
from tm_core.precision import Interval, PublishingRule, Standing, Tally, standing
from tm_core.sampling import Stratum, pools
from tm_core.settings import Settings
from tm_store.db import Database

#: Partition dates whose verdicts count, back from the one in question. Not calibrated yet.
WINDOW_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumState:
    """What verdicts prove of a stratum.

    Attributes:
        standing: proven_bad, unproven or trusted.
        tally: its own verdicts, or those of the pool it was counted with.
        pool: "" if its own verdicts were enough, else what was counted together, in words.
        target: the precision that was asked for, 0 to 1.
    """

    stratum: Stratum
    standing: Standing
    tally: Tally
    interval: Interval
    pool: str
    target: float

    def told(self) -> str:
        """In words, for the gate's reasons and the report."""
        where = f"{self.stratum.tier}, score bin {self.stratum.bin}" + (f" (with {self.pool})" if self.pool else "")
        found = f"{self.tally.correct} of {self.tally.verdicts} right"
        bounds = f"{self.interval.lower:.3f} to {self.interval.upper:.3f}"
        return f"{where}: {found}, precision {bounds} at a target of {self.target:.2f}: {self.standing}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """What is known of every stratum of one store and pair, those that nobody has judged included."""

    store: str
    src_lang: str
    tgt_lang: str
    rule: PublishingRule
    tallies: Mapping[Stratum, Tally] = field(default_factory=dict)

    def of(self, tier: str, score_bin: int) -> StratumState:
        """The state of a stratum.

        Where its own verdicts are too few, those of its pool count (its tier, then its pair, then the store): they can
        prove it bad, never good, because good ones of a better score say nothing of it.
        """
        stratum = Stratum(store=self.store, src_lang=self.src_lang, tgt_lang=self.tgt_lang, tier=tier, bin=score_bin)
        own = self.tallies.get(stratum, Tally())
        found = standing(own, self.rule)
        if found is Standing.UNPROVEN and own.effective < self.rule.least_bad:
            for pool, name in pools(stratum):
                wider = sum((tally for one, tally in self.tallies.items() if pool.holds(one)), Tally())
                if wider.effective >= self.rule.least_bad:
                    bad = standing(wider, self.rule) is Standing.PROVEN_BAD
                    return self._state(stratum, wider, Standing.PROVEN_BAD, name) if bad else self._own(stratum, own)
        return self._state(stratum, own, found, "")

    def _own(self, stratum: Stratum, own: Tally) -> StratumState:
        return self._state(stratum, own, Standing.UNPROVEN, "")

    def _state(self, stratum: Stratum, tally: Tally, found: Standing, pool: str) -> StratumState:
        return StratumState(
            stratum=stratum,
            standing=found,
            tally=tally,
            interval=tally.interval(self.rule.confidence),
            pool=pool,
            target=self.rule.target,
        )

    def judged(self) -> tuple[StratumState, ...]:
        """The strata of this pair that have verdicts, in order."""
        mine = (self.store, self.src_lang, self.tgt_lang)
        keys = sorted(one for one in self.tallies if (one.store, one.src_lang, one.tgt_lang) == mine)
        return tuple(self.of(one.tier, one.bin) for one in keys)


def rule_of(settings: Settings) -> PublishingRule:
    """The publishing rule that the settings ask for."""
    return PublishingRule(target=settings.review_target, confidence=settings.review_confidence)


def stratum_states(
    db: Database,
    store: str,
    src_lang: str,
    tgt_lang: str,
    day: date,
    *,
    rule: PublishingRule | None = None,
    window_days: int = WINDOW_DAYS,
) -> Standings:
    """What verdicts on beads of the last ``window_days`` partition dates up to ``day`` prove.

    Cost: one statement over the store's verdicts of the window.
    """
    rows = db.run(
        "review/select_tallies", store=store, since=day - timedelta(days=window_days - 1), until=day,
        src_lang=None, tgt_lang=None,
    )  # fmt: skip
    found: dict[Stratum, Tally] = defaultdict(Tally)
    for row in rows:
        found[_stratum(row)] += _tally(row)
    return Standings(
        store=store, src_lang=src_lang, tgt_lang=tgt_lang, rule=rule or PublishingRule(), tallies=dict(found)
    )


def _stratum(row: Any) -> Stratum:
    return Stratum(
        store=row.store, src_lang=row.src_lang, tgt_lang=row.tgt_lang, tier=row.tier, bin=row.score_bin
    )  # fmt: skip


def _tally(row: Any) -> Tally:
    return Tally(
        verdicts=row.verdicts,
        correct=row.correct,
        weight=row.weight,
        weight_squared=row.weight_squared,
        weight_correct=row.weight_correct,
    )


# For the statistics page ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionPoint:
    """The precision of a stratum as it was known on a partition date: over the window that ends there."""

    store: str
    src_lang: str
    tgt_lang: str
    tier: str
    score_bin: int
    day: date
    verdicts: int
    correct: int
    effective: float
    estimate: float
    lower: float
    upper: float
    standing: str
    target: float


def precision_over_time(
    db: Database,
    *,
    since: date,
    until: date,
    store: str = "",
    src_lang: str = "",
    tgt_lang: str = "",
    rule: PublishingRule | None = None,
    window_days: int = WINDOW_DAYS,
) -> list[PrecisionPoint]:
    """A point for each stratum and partition date with new verdicts, by stratum and then by date.

    The window slides: a point counts the verdicts of the ``window_days`` partition dates up to it.
    """
    rule = rule or PublishingRule()
    rows = db.run(
        "review/select_tallies",
        store=store or None,
        src_lang=src_lang or None,
        tgt_lang=tgt_lang or None,
        since=since - timedelta(days=window_days - 1),
        until=until,
    )
    days: dict[Stratum, list[tuple[date, Tally]]] = defaultdict(list)
    for row in rows:
        days[_stratum(row)].append((row.partition_date, _tally(row)))
    return [
        _point(stratum, day, _within(found, day, window_days), rule)
        for stratum, found in sorted(days.items())
        for day, _ in found
        if day >= since
    ]


def _within(found: Sequence[tuple[date, Tally]], day: date, window_days: int) -> Tally:
    first = day - timedelta(days=window_days - 1)
    return sum((tally for one, tally in found if first <= one <= day), Tally())


def _point(stratum: Stratum, day: date, tally: Tally, rule: PublishingRule) -> PrecisionPoint:
    interval = tally.interval(rule.confidence)
    return PrecisionPoint(
        store=stratum.store,
        src_lang=stratum.src_lang,
        tgt_lang=stratum.tgt_lang,
        tier=stratum.tier,
        score_bin=stratum.bin,
        day=day,
        verdicts=tally.verdicts,
        correct=tally.correct,
        effective=tally.effective,
        estimate=interval.estimate,
        lower=interval.lower,
        upper=interval.upper,
        standing=standing(tally, rule).value,
        target=rule.target,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleYield:
    """What share of a slice's beads a rule of the filter refused, 0 to 1, as its gate measured it."""

    store: str
    src_lang: str
    tgt_lang: str
    day: date
    rule: str
    share: float


def rule_yields(
    db: Database, *, since: date, until: date, store: str = "", src_lang: str = "", tgt_lang: str = ""
) -> list[RuleYield]:
    """By slice, rule and date; the batch of a date is the last that was planned."""
    rows = db.run("review/select_yields", **_slices(since, until, store, src_lang, tgt_lang))
    return [RuleYield(**row._asdict()) for row in rows]


def _slices(since: date, until: date, store: str, src_lang: str, tgt_lang: str) -> dict[str, object]:
    wanted = {"store": store or None, "src_lang": src_lang or None, "tgt_lang": tgt_lang or None}
    return wanted | {"since": since, "until": until}


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """One decision on a slice, by the gate, a person or a time-out."""

    at: datetime
    day: date
    batch_id: str
    store: str
    src_lang: str
    tgt_lang: str
    verdict: str
    reasons: tuple[str, ...]
    decided_by: str
    why: str


def gate_history(
    db: Database,
    *,
    since: date,
    until: date,
    store: str = "",
    src_lang: str = "",
    tgt_lang: str = "",
    limit: int = 1000,
) -> list[GateDecision]:
    """Newest first, by partition date and then by time."""
    rows = db.run("review/select_decisions", **_slices(since, until, store, src_lang, tgt_lang), most=limit)
    return [GateDecision(**row._asdict() | {"reasons": tuple(row.reasons)}) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAgreement:
    """How far the reviewers of a pair agree; the pair "" and "" is all of them together.

    Attributes:
        strict: over accept, partial and wrong; binary: over right and not right, which is what precision counts.
    """

    src_lang: str
    tgt_lang: str
    strict: Agreement
    binary: Agreement


def agreement(db: Database, *, since: date, until: date, store: str = "") -> list[PairAgreement]:
    """Cohen's kappa over the items that two people judged, for all pairs together and then pair by pair."""
    rows = db.run("review/select_double", store=store or None, since=since, until=until)
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {("", ""): []}
    for row in rows:
        for pair in (("", ""), (row.src_lang, row.tgt_lang)):
            pairs.setdefault(pair, []).append((row.first, row.second))
    return [_agreement(src, tgt, judged) for (src, tgt), judged in sorted(pairs.items())]


def _agreement(src_lang: str, tgt_lang: str, judged: Iterable[tuple[str, str]]) -> PairAgreement:
    found = list(judged)
    binary = [(_binary(one), _binary(other)) for one, other in found]
    return PairAgreement(
        src_lang=src_lang, tgt_lang=tgt_lang, strict=cohens_kappa(found), binary=cohens_kappa(binary)
    )  # fmt: skip


def _binary(kind: str) -> str:
    return "right" if kind == "accept" else "not right"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerCount:
    """What a reviewer did in a span of days."""

    who: str
    verdicts: int
    accepted: int
    corrected: int
    skipped: int
    undone: int
    seconds: float


def reviewers(db: Database, *, since: date, until: date) -> list[ReviewerCount]:
    """By reviewer, most verdicts first; days are those on which verdicts were given. ``seconds``: median a verdict."""
    return [ReviewerCount(**row._asdict()) for row in db.run("review/select_reviewers", since=since, until=until)]
