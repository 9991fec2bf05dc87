"""Comparisons of two aligners: collect documents, measure both sides, ask people blindly, promote, take back.

What is decided by which evidence is in tm_core.ab. A comparison is a batch of its own kind: its blind items hang on it,
it loads nothing. Its files lie under ``work/<comparison>`` until ``measure`` has read them, and are deleted then.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from tm_core.ab import (
    Cost,
    Finding,
    Hits,
    Judged,
    Side,
    Variant,
    ab_folder,
    blocks_of,
    bootstrap,
    decide,
    obstacle,
    parse_variant,
    place,
    shown,
    verdicts_differ,
)
from tm_core.batches import work_path
from tm_core.contracts import COMPARED, SEGMENTS
from tm_core.errors import ReviewError
from tm_core.identity import context_hash, digest, normalise, text_hash, unit_key
from tm_core.languages import glue
from tm_core.lexicons import lexicon_path
from tm_core.settings import Settings
from tm_core.stores import Pair, load_stores, parse_pair
from tm_formats.manifest import read_manifest, write_manifest
from tm_formats.storage import Storage
from tm_formats.tables import read_rows, write_rows
from tm_formats.vecalign import read_beads
from tm_store.db import Database
from tm_store.erase_windows import blanked
from tm_store.lexicons import use_older
from tm_store.review_threshold import approve, tier_threshold
from tm_store.review_window import AROUND, segments_of
from tm_store.tombstones import Graves, tombstones_of

_Texts = Mapping[tuple[str, int], Sequence[str]]
_Spans = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be compared.

    Attributes:
        a, b: as ``tm_core.ab.parse_variant`` reads them.
        documents: of the store at most, for people; the pair's gold documents are always taken.
        items: beads that people judge at most, half of them each side's.
    """

    store: str
    pair: str
    a: str = "current"
    b: str = "current"
    documents: int = 20
    items: int = 100


def current_variant(settings: Settings, db: Database, pair: Pair) -> Variant:
    """What a plan made now would pin for a pair."""
    promoted = {(row.src_lang, row.tgt_lang): row.sha256 for row in db.run("lexicon/select_promoted")}
    return Variant(
        threshold=tier_threshold(settings, db),
        encoder=settings.encoder.value,
        lexicon=promoted.get((pair.src, pair.tgt), ""),
    )


# Collect -------------------------------------------------------------------------------------------


def collect(
    settings: Settings, db: Database, storage: Storage, run: str, wanted: Wanted, *, day: date
) -> dict[str, Any]:
    """Write the documents of a comparison to ``work/<run>/input``, and what it compares into the manifest.

    Which documents, and later which beads, follows from what is compared: asked again of the same memory, the same.

    Returns:
        Counts: gold documents, documents for people, segments.

    Raises:
        ReviewError: a variant is wrong, or there is no document. Nothing was written.
    """
    pair = parse_pair(wanted.pair)
    _check_store(settings, wanted.store, pair)
    current = current_variant(settings, db, pair)
    variants = {side: _resolved(db, storage, pair, parse_variant(text, current)) for side, text in (
        (Side.A, wanted.a), (Side.B, wanted.b)
    )}  # fmt: skip
    seed = digest("ab", wanted.store, str(pair), *map(str, variants.values()))
    texts, gold = _gold(settings, pair)
    drawn = _of_store(db, storage, wanted, pair, seed, day - timedelta(days=settings.review_window_days))
    texts |= drawn
    if not texts:
        raise ReviewError(
            f"store '{wanted.store}', {pair}: expected gold documents or documents that were aligned in the last "
            f"{settings.review_window_days} days, found none. Refresh some first; nothing was compared."
        )
    folder = ab_folder(run)
    entry = write_rows(storage, f"{folder}/segments.parquet", SEGMENTS, _segment_rows(texts))
    facts: dict[str, Any] = {
        "store": wanted.store,
        "src_lang": pair.src,
        "tgt_lang": pair.tgt,
        "items": wanted.items,
        "seed": seed,
        "variants": {side.value: asdict(one) for side, one in variants.items()},
        "gold": gold,
    }
    write_manifest(storage, folder, [entry], facts)
    return {
        "gold": len(gold),
        "documents": len({key for key, _ in drawn}),
        "segments": sum(map(len, texts.values())),
        "variants": {side.value: str(one) for side, one in variants.items()},
    }


def _check_store(settings: Settings, store: str, pair: Pair) -> None:
    stores = load_stores(settings.include / "stores.toml")
    if store not in stores or pair not in stores[store].pairs:
        raise ReviewError(
            f"store '{store}', {pair}: expected a store of stores.toml and one of its pairs. Correct the "
            "form; nothing was compared."
        )


def _resolved(db: Database, storage: Storage, pair: Pair, variant: Variant) -> Variant:
    """The variant with its lexicon's whole hash."""
    if not variant.lexicon or variant.command:
        return variant
    rows = db.run("lexicon/select_all")
    mine = {row.sha256 for row in rows if (row.src_lang, row.tgt_lang) == (pair.src, pair.tgt)}
    found = sorted(one for one in mine if one.startswith(variant.lexicon))
    if len(found) != 1 or not storage.exists(lexicon_path(pair.src, pair.tgt, found[0])):
        raise ReviewError(
            f"variant '{variant}': expected the beginning of one hash of `tm lexicon list` for {pair} whose file is "
            f"kept, found {len(found)}. Correct it; nothing was compared."
        )
    return Variant(threshold=variant.threshold, encoder=variant.encoder, lexicon=found[0])


def _gold(settings: Settings, pair: Pair) -> tuple[dict[tuple[str, int], Sequence[str]], dict[str, Any]]:
    """(document, side) -> segments, and document -> beads, of the pair's gold documents."""
    texts: dict[tuple[str, int], Sequence[str]] = {}
    gold: dict[str, Any] = {}
    suffix = f".{pair.src}-{pair.tgt}.beads"
    for path in sorted((settings.include / "samples" / "gold").glob("*" + suffix)):
        stem = path.name.removesuffix(suffix)
        key = digest("gold", stem, str(pair))
        for side, lang in enumerate((pair.src, pair.tgt)):
            lines = path.with_name(f"{stem}.{lang}.sent").read_text(encoding="utf-8").splitlines()
            texts[key, side] = [line for line in lines if line.strip()]
        gold[key] = [[list(bead.src), list(bead.tgt)] for bead in read_beads(path)]
    return texts, gold


def _of_store(
    db: Database, storage: Storage, wanted: Wanted, pair: Pair, seed: str, since: date
) -> dict[tuple[str, int], Sequence[str]]:
    """Segments of the first documents in the lottery whose batch still has its files."""
    rows = db.run(
        "ab/select_documents", store=wanted.store, src_lang=pair.src, tgt_lang=pair.tgt, since=since
    )  # fmt: skip
    chosen = sorted(rows, key=lambda row: place(seed, row.document_key))[: wanted.documents]
    batches: dict[str, list[str]] = defaultdict(list)
    for row in chosen:
        batches[row.batch_id].append(row.document_key)
    found: dict[tuple[str, int], Sequence[str]] = {}
    for batch_id, keys in batches.items():
        found |= segments_of(storage, batch_id, keys)
    graves = tombstones_of(db).get(wanted.store, Graves(()))
    erased = {
        key
        for (key, side), texts in found.items()
        # An empty segment is one that was erased: what is left of such a document is no fair question.
        if not all(texts) or key in graves.documents or graves.quoted(texts, glue(pair.tgt if side else pair.src))
    }
    return {
        (key, side): texts for (key, side), texts in found.items() if (key, 1 - side) in found and key not in erased
    }


def _segment_rows(texts: _Texts) -> Iterable[dict[str, Any]]:
    for (key, side), segments in sorted(texts.items()):
        for position, text in enumerate(segments):
            yield {
                "document_key": key, "side": side, "position": position, "paragraph": 0, "text": text, "raw": "",
                "lang_id": "", "lang_p": 0.0,
            }  # fmt: skip


# Measure -------------------------------------------------------------------------------------------


def measure(db: Database, storage: Storage, run: str, *, run_id: str, day: date) -> dict[str, Any]:
    """Score both sides on gold, put blind items into the queue, and delete the comparison's files.

    Done again it changes nothing.

    Returns:
        The number of blind items that want a verdict.
    """
    if not db.run("ab/select_comparison", batch_id=run):
        facts: Any = read_manifest(storage, ab_folder(run)).facts
        made = {side: _beads(storage, run, side) for side in Side}
        texts = _texts(storage, run)
        measured = {side.value: _measured(storage, run, side, made[side], facts["gold"], texts) for side in Side}
        rows = _drawn(facts, made, texts)
        named = {name: facts[name] for name in ("store", "src_lang", "tgt_lang")}
        with db.transaction():
            rows = _unerased(db, facts, rows)
            db.run(
                "ab/insert_comparison", batch_id=run, day=day, run_id=run_id, **named,
                variants=Jsonb(facts["variants"]), facts=Jsonb({"sides": measured, "seed": facts["seed"]}),
            )  # fmt: skip
            db.run("ab/insert_items", batch_id=run, day=day, rows=Jsonb(rows))
    for info in storage.list(work_path(run)):
        storage.delete(info.path)
    return {"items": int(db.one("ab/count_open", batch_id=run).open)}


def _unerased(db: Database, facts: Mapping[str, Any], rows: Sequence[Any]) -> list[Any]:
    """The rows without what was erased since their documents were collected. Holds the store as an erasure does."""
    for known in db.run("tm/select_store", store=facts["store"]):
        db.run("lookup/lock_store", store_id=known.store_id)
    graves = tombstones_of(db).get(facts["store"])
    if graves is None:
        return list(rows)
    langs = (facts["src_lang"], facts["tgt_lang"])
    return [
        {**row, "around": blanked(db, facts["store"], langs, row["around"], graves)}
        for row in rows
        if row["document_key"].removeprefix("\\x") not in graves.documents
        and not graves.shadow(*langs, row["src_text"], row["tgt_text"])
    ]


def _beads(storage: Storage, run: str, side: Side) -> dict[str, list[_Spans]]:
    folder = ab_folder(run, side)
    read_manifest(storage, folder)
    found: dict[str, list[_Spans]] = defaultdict(list)
    for row in read_rows(storage, f"{folder}/beads.parquet", COMPARED):
        found[row["document_key"]].append((row["src_first"], row["src_count"], row["tgt_first"], row["tgt_count"]))
    return found


def _texts(storage: Storage, run: str) -> dict[tuple[str, int], list[str]]:
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in sorted(
        read_rows(storage, f"{ab_folder(run)}/segments.parquet", SEGMENTS), key=lambda row: int(row["position"])
    ):
        found[row["document_key"], row["side"]].append(row["text"])
    return found


def _measured(
    storage: Storage,
    run: str,
    side: Side,
    made: Mapping[str, Sequence[_Spans]],
    gold: Mapping[str, Any],
    texts: _Texts,
) -> dict[str, Any]:
    """A side's hits by block, over all gold documents in order, and its cost."""
    told: Any = read_manifest(storage, ab_folder(run, side)).facts
    blocks = [
        asdict(block)
        for key in sorted(gold)
        for block in blocks_of(
            [(tuple(src), tuple(tgt)) for src, tgt in gold[key]],
            map(_numbers, made.get(key, ())),
            segments=len(texts[key, 0]),
        )
    ]
    return {"blocks": blocks} | {name: told[name] for name in ("cpu_seconds", "segments", "documents", "versions")}


def _numbers(one: _Spans) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(range(one[0], one[0] + one[1])), tuple(range(one[2], one[2] + one[3]))


def _drawn(facts: Mapping[str, Any], made: Mapping[Side, Mapping[str, list[_Spans]]], texts: _Texts) -> list[Any]:
    """Rows of ``ab/insert_items``: as many beads of each side, in an order that says nothing."""
    chosen: list[tuple[float, Side, str, _Spans]] = []
    for side, other in ((Side.A, Side.B), (Side.B, Side.A)):
        alone = [
            (place(facts["seed"], key, *one), side, key, one)
            for key, found in made[side].items()
            if key not in facts["gold"]
            for one in set(found) - set(made[other].get(key, ()))
            if one[1] and one[3]
        ]
        chosen += sorted(alone)[: facts["items"] // 2]
    return [_row(facts, made[side][key], texts, key, one, number, side)
            for number, (_, side, key, one) in enumerate(sorted(chosen))]  # fmt: skip


def _row(
    facts: Mapping[str, Any], beads: Sequence[_Spans], texts: _Texts, key: str, one: _Spans, number: int, side: Side
) -> dict[str, Any]:
    glues = glue(facts["src_lang"]), glue(facts["tgt_lang"])
    src, tgt = (glues[at].join(part) for at, part in enumerate(_parts(texts, key, one)))
    before, after = (_neighbour(texts[key, 0], at) for at in (one[0] - 1, one[0] + one[1]))
    context = context_hash(before, after)
    at = beads.index(one)
    return {
        "store": facts["store"],
        "src_lang": facts["src_lang"],
        "tgt_lang": facts["tgt_lang"],
        "document_key": "\\x" + key,
        "position": number,
        "unit_key": "\\x" + unit_key(facts["store"], facts["src_lang"], facts["tgt_lang"], src, tgt, context),
        "src_text": src,
        "tgt_text": tgt,
        "src_hash": "\\x" + text_hash(src),
        "tgt_hash": "\\x" + text_hash(tgt),
        "context": "\\x" + context,
        "prev_hash": "\\x" + (text_hash(before) if before else ""),
        "next_hash": "\\x" + (text_hash(after) if after else ""),
        # No segments of its own: a moved boundary would mend one aligner's work, not the memory's.
        "around": {
            "src_glue": glues[0],
            "tgt_glue": glues[1],
            "before": [_shown(texts, key, found, number) for found in beads[max(0, at - AROUND) : at]],
            "after": [_shown(texts, key, found, number) for found in beads[at + 1 : at + 1 + AROUND]],
        },
        "side": side.value,
    }


def _parts(texts: _Texts, key: str, one: _Spans) -> tuple[list[str], list[str]]:
    src, tgt = texts[key, 0][one[0] : one[0] + one[1]], texts[key, 1][one[2] : one[2] + one[3]]
    return [normalise(text) for text in src], [normalise(text) for text in tgt]


def _neighbour(segments: Sequence[str], at: int) -> str:
    return normalise(segments[at]) if 0 <= at < len(segments) else ""


def _shown(texts: _Texts, key: str, one: _Spans, number: int) -> dict[str, Any]:
    # Neither score nor tier: they would say whose bead it is.
    src, tgt = _parts(texts, key, one)
    return {"position": number, "score": 0.0, "tier": "", "src": src, "tgt": tgt}


# The finding ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What a comparison says now. ``named`` is the evidence's name: approved is what was shown under it."""

    finding: Finding
    shown: str
    named: str
    open: int


def weigh(db: Database, run: str) -> Weighed:
    """Put gold, verdicts and costs together.

    Raises:
        ReviewError: there is no such comparison.
    """
    row = _comparison(db, run)
    variants = _variants(row)
    sides = row.facts["sides"]
    hits = {side: [Hits(**block) for block in sides[side]["blocks"]] for side in Side}
    judged = dict.fromkeys(Side, Judged(right=0, total=0)) | {
        Side(said.side): Judged(right=said.right_ones, total=said.total)
        for said in db.run("ab/select_judged", batch_id=run)
    }
    finding = decide(
        bootstrap(hits[Side.A], hits[Side.B], seed=row.facts["seed"]),
        verdicts_differ(judged[Side.A], judged[Side.B]),
        obstacle(variants[Side.A], variants[Side.B]),
    )
    costs = {
        side: Cost(cpu_seconds=sides[side]["cpu_seconds"], segments=sides[side]["segments"]) for side in Side
    }  # fmt: skip
    text = shown(finding, {side: str(one) for side, one in variants.items()}, judged, costs)
    return Weighed(
        finding=finding, shown=text, named=digest(run, text), open=int(db.one("ab/count_open", batch_id=run).open)
    )


def _comparison(db: Database, run: str) -> Any:
    for row in db.run("ab/select_comparison", batch_id=run):
        return row
    raise ReviewError(f"comparison '{run}': there is none of this name. `tm ab list` names them; nothing was changed.")


def _variants(row: Any) -> dict[Side, Variant]:
    return {side: Variant(**row.variants[side]) for side in Side}


# Promotion -----------------------------------------------------------------------------------------


def promote(
    settings: Settings, db: Database, storage: Storage, run: str, *, who: str, named: str, day: date
) -> dict[str, Any]:
    """Have the plans to come pin b's threshold and lexicon. Done again it changes nothing.

    Args:
        named: the name of the evidence that was approved.

    Raises:
        ReviewError: the evidence is another by now or proposes nothing, or what is in use is not a any more.
    """
    with db.transaction():
        row = _comparison(db, run)
        if row.promoted_at and not row.undone_at:
            return {"promoted": str(_variants(row)[Side.B]), "done_before": True}
        found = weigh(db, run)
        if found.named != named or not found.finding.proposed:
            raise ReviewError(
                f"comparison '{run}': expected the evidence that was approved, found another by now "
                f"({found.finding.reason}). Clear 'weigh', so that a person sees it; nothing was changed."
            )
        variants, pair = _variants(row), Pair(src=row.src_lang, tgt=row.tgt_lang)
        _expect(settings, db, run, pair, variants[Side.A])
        before = {"threshold": _approved(db), "lexicon": variants[Side.A].lexicon}
        _pin(settings, db, storage, pair, variants, who=who, why=f"comparison {run}: {found.finding.reason}", day=day)
        db.run("ab/mark_promoted", batch_id=run, who=who, before=Jsonb(before))
    return {"promoted": str(variants[Side.B]), "before": before}


def _expect(settings: Settings, db: Database, run: str, pair: Pair, wanted: Variant) -> None:
    found = current_variant(settings, db, pair)
    if found != wanted:
        raise ReviewError(
            f"comparison '{run}': expected '{wanted}' in use for {pair}, found '{found}': somebody has changed it "
            "since. Compare again with what is in use now; nothing was changed."
        )


def _approved(db: Database) -> float | None:
    """The approved threshold; None while the setting holds."""
    return next((row.value for row in db.run("review/select_threshold")), None)


def _pin(
    settings: Settings,
    db: Database,
    storage: Storage,
    pair: Pair,
    variants: Mapping[Side, Variant],
    *,
    who: str,
    why: str,
    day: date,
) -> None:
    a, b = variants[Side.A], variants[Side.B]
    if a.threshold != b.threshold:
        approve(settings, db, b.threshold, who=who, why=why, day=day)
    if a.lexicon != b.lexicon:
        use_older(db, storage, pair, b.lexicon)


def undo(settings: Settings, db: Database, storage: Storage, run: str, *, who: str, why: str, day: date) -> None:
    """Have the plans to come pin what they pinned before a promotion.

    Raises:
        ReviewError: it was not promoted, or was taken back already, or something else was put into use since.
    """
    with db.transaction():
        row = _comparison(db, run)
        if not row.promoted_at or row.undone_at or not why.strip():
            raise ReviewError(
                f"comparison '{run}': expected one that is promoted, and a reason. `tm ab list` shows which; nothing "
                "was changed."
            )
        variants, pair = _variants(row), Pair(src=row.src_lang, tgt=row.tgt_lang)
        _expect(settings, db, run, pair, variants[Side.B])
        a, b = variants[Side.A], variants[Side.B]
        if a.threshold != b.threshold:
            approve(settings, db, row.before["threshold"], who=who, why=why, day=day)
        if a.lexicon != b.lexicon:
            _lexicon_back(db, storage, pair, a.lexicon, b.lexicon)
        db.run("ab/mark_undone", batch_id=run, who=who)


def _lexicon_back(db: Database, storage: Storage, pair: Pair, before: str, now: str) -> None:
    if before:
        use_older(db, storage, pair, before)
    else:
        db.run("lexicon/retire", src_lang=pair.src, tgt_lang=pair.tgt, sha256="")
