"""Look the memory up: context, exact, normalised and fuzzy matches of a segment, and all of a document's.

No text of a query goes into a statement: hashes and grams do. Candidates come from the index of schema 0002, distances
from rapidfuzz, scores from tm_core.matching alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from tm_core.errors import LookupRefused
from tm_core.identity import as_written, context_hash, normalise, text_hash, unit_key
from tm_core.languages import best_match, canonical
from tm_core.matching import (
    EXACT_SCORE,
    SAME_WORDS_SCORE,
    SHORT_CHARS,
    MatchKind,
    Penalties,
    Query,
    UnitFacts,
    check_min_score,
    form_of,
    grade,
    length_bounds,
    most_edits,
    similarity,
)
from tm_core.rules import Tier
from tm_store.db import Database
from tm_store.lookup_grams import promising, query_grams

DEFAULT_MIN_SCORE = 70
DEFAULT_LIMIT = 5

# Bytes of the index read for one query, 4 a holder, and candidates compared one by one: they bound the time of a query
# whatever the size of the memory. Source: docs/decisions/0040 (recall and time measured on a million units).
_BUDGET_BYTES = 600_000
_CANDIDATES = 500
# Of one source text: targets gone through (reviewed and imported ones first), targets graded, and units gone through
# for one that stands beside a neighbour. Source texts whose units are fetched together. They bound the time of a text
# that thousands of units say.
_STEPS_A_TEXT = 1000
_TARGETS_A_TEXT = 50
_UNITS_A_PLACE = 500
_TEXTS_A_STEP = 20
# Similarity from which on a short text is looked at for its words: "Go" beside "&Go…" has 50.
_LEAST_OF_SHORT = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A unit that answers a query.

    Attributes:
        score: 0 to 101: context 101, exact 100, else by edit distance (tm_core.matching), less the penalties.
        kind: what the texts have in common.
        src_text: the unit's source, as it is in the memory.
        tgt_text: its target, with the white space that its file had.
        proposal: the target with the query's numbers, tags and placeables put in where that was possible.
        penalties: points taken off, by name.
        confidence: how sure the aligner was of the pair, 0 to 1.
    """

    score: int
    kind: MatchKind
    src_text: str
    tgt_text: str
    proposal: str
    penalties: dict[str, int] = field(default_factory=dict)
    unit_key: str
    document_key: str
    item_key: str
    tier: str
    review_state: str
    confidence: float
    partition_date: date
    batch_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """One store and language pair, and what is wanted of it."""

    store: str
    store_id: int
    src: str
    tgt: str
    min_score: int
    limit: int
    penalties: Penalties
    more: bool

    @property
    def pair(self) -> dict[str, Any]:
        return {"store_id": self.store_id, "src": self.src, "tgt": self.tgt}


def lookup(
    db: Database,
    *,
    store: str,
    src: str,
    tgt: str,
    text: str,
    previous: str = "",
    following: str = "",
    key: str = "",
    min_score: int = DEFAULT_MIN_SCORE,
    limit: int = DEFAULT_LIMIT,
    penalties: Penalties | None = None,
    more: bool = False,
) -> list[Match]:
    """The units of a store that answer a segment, best first; empty if there are none.

    Args:
        previous, following, key: where the segment stands; what is given must agree for a context match.
        min_score: 30 to 101; matches under it are left out.
        limit: how many at most. Units with the same two texts count once, by the best of them.
        more: look for fuzzy matches even though the segment itself is in the memory.

    Raises:
        LookupRefused: the text is empty, the store does not exist, or a number is out of its range.
        BadName: a language code is not one.

    Cost: about 1 ms where the segment itself is in the memory, 5 to 30 ms otherwise; it grows little with the memory.
    """
    query = Query.of(text, previous=previous, following=following, key=key)
    return _find(db, _prepare(db, store, src, tgt, min_score, limit, penalties, more), query)


def lookup_document(
    db: Database,
    *,
    store: str,
    src: str,
    tgt: str,
    texts: Sequence[str],
    min_score: int = DEFAULT_MIN_SCORE,
    limit: int = DEFAULT_LIMIT,
    penalties: Penalties | None = None,
    more: bool = False,
) -> Iterator[list[Match]]:
    """The matches of each segment of a document, in order; a segment's neighbours are its context. Raises as lookup.

    An empty segment has no matches. A segment that comes again in the same context is looked up once.
    """
    search = _prepare(db, store, src, tgt, min_score, limit, penalties, more)
    return lookup_many(db, search, in_context(texts))


def in_context(texts: Sequence[str]) -> Iterator[Query | None]:
    """A query for each segment of a document; None for an empty one."""
    around = ["", *texts, ""]
    for index, text in enumerate(texts):
        try:
            yield Query.of(text, previous=around[index], following=around[index + 2])
        except LookupRefused:
            yield None


def lookup_many(db: Database, search: _Search, queries: Iterable[Query | None]) -> Iterator[list[Match]]:
    """The matches of each query, in order."""
    done: dict[Query, list[Match]] = {}
    for query in queries:
        if query is not None and query not in done:
            done[query] = _find(db, search, query)
        yield done[query] if query is not None else []


def _prepare(
    db: Database, store: str, src: str, tgt: str, min_score: int, limit: int, penalties: Penalties | None, more: bool
) -> _Search:
    if limit < 1:
        raise LookupRefused(f"the limit is {limit}, expected at least 1. Nothing was looked up.")
    store_id = store_number(db, store)
    serving = pair_that_serves(db, store_id, canonical(src), canonical(tgt))
    return _Search(
        store=store,
        store_id=store_id,
        src=serving[0],
        tgt=serving[1],
        min_score=check_min_score(min_score),
        limit=limit,
        penalties=penalties or Penalties(),
        more=more,
    )


def pair_that_serves(db: Database, store_id: int, src: str, tgt: str) -> tuple[str, str]:
    """The pair of a store that answers for two canonical tags: en and de for en-US and de-DE; else the tags again."""
    if "-" not in src + tgt:
        return src, tgt
    there = [(row.src_lang, row.tgt_lang) for row in db.run("lookup/select_pairs", store_id=store_id)]
    source = best_match(src, (one for one, _ in there))
    target = best_match(tgt, (other for one, other in there if one == source))
    return (source, target) if source and target else (src, tgt)


def store_number(db: Database, store: str) -> int:
    """The number of a store. Raises LookupRefused, with the stores there are, if it does not exist."""
    # A zero byte or a lone surrogate cannot be sent to Postgres, and no store has one.
    for row in db.run("lookup/select_store", store=store) if store.isprintable() else []:
        return int(row.store_id)
    names = ", ".join(row.name for row in db.run("lookup/select_stores")) or "none: nothing has been loaded yet"
    raise LookupRefused(f"store {store!r} is not in the memory. Stores there are: {names}. Nothing was looked up.")


def _find(db: Database, search: _Search, query: Query) -> list[Match]:
    found = _units(db, search, query, [bytes.fromhex(query.text_hash)])
    if found and (query.previous or query.following or query.key):
        found += _units_there(db, search, query, {match.tgt_text for match in found})
    if (not found or search.more) and search.min_score < EXACT_SCORE:
        found += _fuzzy(db, search, query)
    return _ranked(found, search)


def _ranked(found: Iterable[Match], search: _Search) -> list[Match]:
    best: dict[tuple[str, str], Match] = {}
    for match in sorted(found, key=_rank):
        if match.score >= search.min_score:
            best.setdefault((match.src_text, normalise(match.tgt_text)), match)
    return list(best.values())[: search.limit]


def _rank(match: Match) -> tuple[object, ...]:
    """Better matches first; the last key settles what nothing else does, the same way every time."""
    return (
        -match.score,
        match.review_state == "unreviewed",
        match.tier != Tier.IMPORTED,
        -match.confidence,
        -match.partition_date.toordinal(),
        match.unit_key,
    )


# Fuzzy ------------------------------------------------------------------------------------------------


def _fuzzy(db: Database, search: _Search, query: Query) -> list[Match]:
    """Matches of other texts than the query's own, enough of them that no better one is left out."""
    sources = _near(db, search, query)
    matches: list[Match] = []
    while sources:
        step, sources = sources[:_TEXTS_A_STEP], sources[_TEXTS_A_STEP:]
        matches += _units(db, search, query, [src_hash for _, src_hash in step])
        kept = _ranked(matches, search)
        # Penalties only lower a score: once enough matches reach the similarity of what is left, it cannot win.
        if sources and len(kept) == search.limit and kept[-1].score >= sources[0][0]:
            break
    return matches


def _near(db: Database, search: _Search, query: Query) -> list[tuple[int, bytes]]:
    """(similarity in percent, hash) of the source texts that reach the minimum score, best first."""
    form = query.form.text
    least = search.min_score
    if len(form) <= SHORT_CHARS and least <= SAME_WORDS_SCORE:
        # Texts with the same words may be farther than their score says.
        least = min(least, _LEAST_OF_SHORT)
    grams = query_grams(form, least)
    if not grams:
        return []
    rows = db.run("lookup/select_holders", grams=grams, budget=_BUDGET_BYTES, **search.pair)
    ids = promising(form, least, rows, _CANDIDATES)
    found = db.run("lookup/select_candidates", ids=ids, **search.pair)
    candidates = [(row.src_hash, row.form if row.src_text is None else form_of(row.src_text).text) for row in found]
    longest = length_bounds(len(form), least)[1]
    close = process.extract(
        form,
        [other for _, other in candidates],
        scorer=Levenshtein.distance,
        score_cutoff=most_edits(longest, least),
        limit=None,
    )
    own = bytes.fromhex(query.text_hash)
    scored = [
        (similarity(int(edits), form, other), candidates[index][0])
        for other, edits, index in close
        if candidates[index][0] != own
    ]
    return sorted((one for one in scored if one[0] >= search.min_score), key=lambda one: (-one[0], one[1]))


# Units ------------------------------------------------------------------------------------------------


def _units(db: Database, search: _Search, query: Query, hashes: Sequence[bytes]) -> list[Match]:
    """The best units of some source texts, graded."""
    rows = db.run("lookup/select_units", hashes=list(hashes), steps=_STEPS_A_TEXT, most=_TARGETS_A_TEXT, **search.pair)
    return [_match(row, query, search.penalties) for row in rows]


def _units_there(db: Database, search: _Search, query: Query, targets: Iterable[str]) -> list[Match]:
    """The units of the query's own text that stand where it stands, for a context match, graded.

    A unit's key is made of its texts and its place, so that it is known without a search.
    """
    place = context_hash(query.previous, query.following, query.key)
    keys = [unit_key(search.store, search.src, search.tgt, query.text, target, place) for target in targets]
    neighbours = ("", "") if query.key else (query.previous, query.following)
    previous, following = (bytes.fromhex(text_hash(text)) if text else None for text in neighbours)
    rows = db.run(
        "lookup/select_units_there",
        hash=bytes.fromhex(query.text_hash),
        keys=list(map(bytes.fromhex, keys)),
        previous=previous,
        following=following,
        first=_UNITS_A_PLACE,
        **search.pair,
    )
    return [_match(row, query, search.penalties) for row in rows]


def _match(row: Any, query: Query, penalties: Penalties) -> Match:
    said = as_written(row.tgt_said) if row.tgt_said else row.tgt_text
    # What the file said belongs to the unit as long as it is the same text.
    target = said if normalise(said) == row.tgt_text else row.tgt_text
    facts = UnitFacts(
        src_text=row.src_text,
        tgt_text=target,
        src_hash=row.src_hash.hex(),
        context=row.context.hex(),
        prev_hash=row.prev_hash.hex(),
        next_hash=row.next_hash.hex(),
        tier=row.tier,
        review_state=row.review_state,
    )
    graded = grade(query, facts, Levenshtein.distance, penalties)
    return Match(
        score=graded.score,
        kind=graded.kind,
        src_text=row.src_text,
        tgt_text=target,
        proposal=graded.proposal,
        penalties=dict(graded.penalties),
        unit_key=row.unit_key.hex(),
        document_key=row.document_key.hex(),
        item_key=row.item_key,
        tier=row.tier,
        review_state=row.review_state,
        confidence=row.score,
        partition_date=row.partition_date,
        batch_id=row.batch_id,
    )
