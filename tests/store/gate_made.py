"""Slices as the steps before the gate leave them, made: whole, and with a history of earlier dates."""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tm_core.batches import work_path
from tm_core.contracts import FILTERED, REFINED, Step
from tm_core.identity import text_hash
from tm_core.outcomes import DocumentState
from tm_core.rules import Rule, Tier
from tm_formats.manifest import write_manifest
from tm_formats.storage import Storage
from tm_formats.tables import write_rows
from tm_store.db import Database

DAY = date(2026, 3, 5)
BATCH = "2026-03-05-0123456789ab"


def sha(*parts: object) -> bytes:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).digest()


@dataclass
class Planted:
    """One slice as the steps before the gate would leave it; faults change it after it was made."""

    store: str = "manuals"
    src_lang: str = "en"
    tgt_lang: str = "de"
    documents: list[dict[str, Any]] = field(default_factory=list)
    beads: list[dict[str, Any]] = field(default_factory=list)
    promised: dict[str, int] = field(default_factory=dict)

    def promise(self) -> "Planted":
        """Promise what is there now, as the filter's manifest would."""
        sums = {name: sum(one[name] for one in self.documents) for name in ("src_segments", "tgt_segments", "beads")}
        self.promised = {"documents": len(self.documents), **sums}
        return self

    def passed(self) -> list[dict[str, Any]]:
        return [bead for bead in self.beads if bead["rule"] == ""]


SHAPES = ((1, 1), (1, 1), (2, 1), (1, 1), (1, 2), (1, 1), (0, 1), (1, 1), (1, 1), (1, 0))


def make(documents: int = 4, beads: int = 40, store: str = "manuals", tgt_lang: str = "de") -> Planted:
    """A slice without fault: of ten beads two are 2-1 or 1-2 and two are null; a few are refused."""
    slice_ = Planted(store=store, tgt_lang=tgt_lang)
    for number in range(documents):
        key = sha(slice_.store, slice_.src_lang, slice_.tgt_lang, number)
        src = tgt = 0
        for position in range(beads):
            shape = SHAPES[position % len(SHAPES)]
            slice_.beads.append(bead(slice_, key, position, (src, shape[0]), (tgt, shape[1])))
            src, tgt = src + shape[0], tgt + shape[1]
        slice_.documents.append(document(slice_, key, number, src, tgt, beads))
    return slice_.promise()


def bead(slice_: Planted, key: bytes, position: int, src: tuple[int, int], tgt: tuple[int, int]) -> dict[str, Any]:
    is_null = 0 in (src[1], tgt[1])
    place = f"{key.hex()[:8]} at {position}"
    src_text = f"This is the sentence of the document {place}, long enough to tell its language." if src[1] else ""
    tgt_text = f"Das ist der Satz des Dokuments {place}, lang genug, um seine Sprache zu sagen." if tgt[1] else ""
    return {
        "batch_id": BATCH, "store": slice_.store, "document_key": key, "position": position,
        "src_lang": slice_.src_lang, "tgt_lang": slice_.tgt_lang,
        "src_first": src[0], "src_count": src[1], "tgt_first": tgt[0], "tgt_count": tgt[1],
        "src_text": src_text, "tgt_text": tgt_text, "src_hash": sha(src_text), "tgt_hash": sha(tgt_text),
        "context": b"", "prev_hash": b"", "next_hash": b"", "unit_key": sha(src_text, tgt_text), "item_key": "",
        "tier": Tier.LEXICAL.value, "aligner": "lexical-1", "model_hash": "",
        "score": 0.0 if is_null else 0.4 + 0.5 * (position % 13) / 13,
        "src_lang_id": slice_.src_lang if src[1] else "und", "tgt_lang_id": slice_.tgt_lang if tgt[1] else "und",
        "rule": Rule.UNALIGNED.value if is_null else Rule.LOW_SCORE.value if position % 20 == 3 else "",
    }  # fmt: skip


def document(slice_: Planted, key: bytes, number: int, src: int, tgt: int, beads: int) -> dict[str, Any]:
    return {
        "partition_date": DAY, "batch_id": BATCH, "document_key": key, "store": slice_.store, "name": f"page-{number}",
        "src_lang": slice_.src_lang, "tgt_lang": slice_.tgt_lang, "kind": "document",
        "state": DocumentState.ALIGNED.value, "reason": "", "content_hash": "", "ledger_key": "", "tier": "lexical",
        "route": "", "confidence": 0.9, "src_segments": src, "tgt_segments": tgt, "beads": beads,
        "src_lang_id": slice_.src_lang, "tgt_lang_id": slice_.tgt_lang, "notes": "",
    }  # fmt: skip


def plant(db: Database, *slices: Planted) -> None:
    """Write slices where the steps before the gate would."""
    db.connection.execute("select ops.ensure_month(%s)", (DAY,))
    db.connection.execute(
        "insert into ops.batch (batch_id, partition_date, state, run_id, versions) "
        "values (%s, %s, 'planned', 'test', '{}')",
        (BATCH, DAY),
    )
    for one in slices:
        promised = {"batch_id": BATCH, "store": one.store, "src_lang": one.src_lang, "tgt_lang": one.tgt_lang}
        insert(db, "ops.slice", [promised | one.promised])
        insert(db, "ops.document", one.documents)
        insert(db, "staging.bead", one.beads)


def insert(db: Database, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    names = list(rows[0])
    with db.connection.cursor() as cursor, cursor.copy(f"copy {table} ({', '.join(names)}) from stdin") as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


def write_filtered(storage: Storage, *slices: Planted) -> None:
    """Write slices where the filter leaves them: what a release stages again."""
    folder = work_path(BATCH, Step.FILTER)
    beads = [_plain(bead) for one in slices for bead in one.beads]
    documents = [_plain({name: row[name] for name in REFINED.names}) for one in slices for row in one.documents]
    files = [
        write_rows(storage, f"{folder}/beads-0000.parquet", FILTERED, beads),
        write_rows(storage, f"{folder}/documents.parquet", REFINED, documents),
    ]
    promised = [
        {"store": one.store, "src_lang": one.src_lang, "tgt_lang": one.tgt_lang} | one.promised for one in slices
    ]
    write_manifest(storage, folder, files, {"beads": len(beads), "slices": promised})


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}


def each(changes: Iterable[Callable[[Planted], None]], made: Callable[[str], Planted]) -> list[Planted]:
    """A slice for each change, in a store of its name: judged in one batch, as in a real night."""
    slices = []
    for change in changes:
        slice_ = made(change.__name__.replace("_", "-"))
        change(slice_)
        slices.append(slice_)
    return slices


# Ordinary days -------------------------------------------------------------------------------------

SENTENCES = ((1, 1),) * 8 + ((2, 1), (1, 2))
#: Usual share of a document's beads that each rule refuses. Documents differ: a rate is drawn for each.
YIELDS = {
    Rule.UNALIGNED: 0.04, Rule.NO_LETTERS: 0.02, Rule.MOJIBAKE: 0.012, Rule.TOO_LONG: 0.003,
    Rule.UNTRANSLATED_COPY: 0.05, Rule.WRONG_LANGUAGE: 0.02, Rule.LENGTH_RATIO: 0.02, Rule.LOW_SCORE: 0.08,
}  # fmt: skip
_EN = "the valve of this pump must be closed before you open cover and check whether water flows back into tank"
_DE = "das Ventil dieser Pumpe muss geschlossen sein bevor man den Deckel öffnet und prüft ob Wasser zurückläuft"
WORDS = {"en": _EN.split(), "de": _DE.split()}


def ordinary(seed: str, *, store: str = "manuals", documents: int | None = None, tgt_lang: str = "de") -> Planted:
    """A slice of an ordinary day, the same for a seed: manuals of 25 to 60 beads, all with the same imprint."""
    rng = random.Random(seed)
    slice_ = Planted(store=store, tgt_lang=tgt_lang)
    for number in range(documents or rng.randint(8, 14)):
        add_document(slice_, rng, f"{store}-{seed}-{number}", beads=rng.randint(25, 60))
    return slice_.promise()


def add_document(
    slice_: Planted,
    rng: random.Random,
    name: str,
    *,
    beads: int,
    yields: Mapping[Rule, float] | None = None,
    quality: float | None = None,
    words: tuple[int, int] = (6, 30),
) -> bytes:
    """Add one document; its own rates are drawn round the usual ones. Returns its key."""
    key = sha(slice_.store, slice_.tgt_lang, name)
    rates = {rule: rng.betavariate(4, 4 / share - 4) for rule, share in YIELDS.items()} if yields is None else yields
    good = rng.uniform(5, 9) if quality is None else quality
    src = tgt = 0
    for position in range(beads):
        rule = _refused(rng, rates)
        shape = rng.choice(((0, 1), (1, 0)) if rule is Rule.UNALIGNED else SENTENCES)
        row = bead(slice_, key, position, (src, shape[0]), (tgt, shape[1]))
        score = min(0.99, 0.5 + rng.betavariate(good, 3) / 2)
        say(row, *_texts(rng, rng.randint(*words)), score=score, rule=rule)
        slice_.beads.append(row)
        src, tgt = src + shape[0], tgt + shape[1]
    for line in range(3):
        row = bead(slice_, key, beads + line, (src + line, 1), (tgt + line, 1))
        say(row, *_imprint(line), score=0.9, rule=None)
        slice_.beads.append(row)
    slice_.documents.append(document(slice_, key, len(slice_.documents), src + 3, tgt + 3, beads + 3))
    slice_.documents[-1]["name"] = name
    return key


def say(row: dict[str, Any], src_text: str, tgt_text: str, *, score: float, rule: Rule | None) -> None:
    """Give a bead its texts with all that follows from them."""
    src_text, tgt_text = (src_text if row["src_count"] else ""), (tgt_text if row["tgt_count"] else "")
    if rule is Rule.LOW_SCORE:
        score = score - 0.45
    row |= {
        "src_text": src_text, "tgt_text": tgt_text, "unit_key": sha(src_text, tgt_text),
        "src_hash": bytes.fromhex(text_hash(src_text)), "tgt_hash": bytes.fromhex(text_hash(tgt_text)),
        "score": 0.0 if rule is Rule.UNALIGNED else round(max(score, 0.01), 4), "rule": rule.value if rule else "",
        "tgt_lang_id": "en" if rule in (Rule.UNTRANSLATED_COPY, Rule.WRONG_LANGUAGE) else row["tgt_lang_id"],
    }  # fmt: skip


def _refused(rng: random.Random, rates: Mapping[Rule, float]) -> Rule | None:
    point = rng.random()
    for rule in Rule:
        point -= rates.get(rule, 0)
        if point < 0:
            return rule
    return None


def _texts(rng: random.Random, length: int) -> tuple[str, str]:
    number = [str(rng.randint(10, 9999))] if rng.random() < 0.2 else []
    src = rng.choices(WORDS["en"], k=length)
    tgt = rng.choices(WORDS["de"], k=max(1, round(length * rng.uniform(0.8, 1.1))))
    return " ".join(src + number), " ".join(tgt + number)


def _imprint(line: int) -> tuple[str, str]:
    return (
        f"This manual is published by the works council, line {line}.",
        f"Herausgeber dieses Buchs ist der Betriebsrat, Zeile {line}.",
    )


def shares(day: Planted) -> dict[str, float]:
    """What the gate would have measured of an earlier day, as far as later days are compared with it."""
    rules = Counter(one["rule"] for one in day.beads)
    scored = [one["score"] for one in day.beads if min(one["src_count"], one["tgt_count"])]
    passed = [one["unit_key"] for one in day.passed()]
    return {
        "beads": float(len(day.beads)),
        "duplicate_share": 1 - len(set(passed)) / len(passed),
        **{f"rejected_{rule}": rules[rule.value] / len(day.beads) for rule in Rule},
        **{f"score_below_{n}": sum(one < n / 100 for one in scored) / len(scored) for n in range(10, 100, 10)},
    }


def remember(
    db: Database, places: Iterable[Planted], past: Sequence[Mapping[str, float]], *, approved: int = 0
) -> None:
    """Give slices a history: the last element of ``past`` was measured the day before, and so on backwards.

    Args:
        approved: so many of the newest days were accepted by a person and not by the gate.
    """
    keys = sorted({(one.store, one.src_lang, one.tgt_lang) for one in places})
    for age, measured in enumerate(reversed(past), 1):
        day = DAY - timedelta(days=age)
        batch = f"{day}-0123456789ab"
        db.connection.execute(
            "insert into ops.batch (batch_id, partition_date, state, run_id, versions) "
            "values (%s, %s, 'done', 'test', '{}') on conflict do nothing",
            (batch, day),
        )
        place = [{"batch_id": batch, "store": key[0], "src_lang": key[1], "tgt_lang": key[2]} for key in keys]
        counts = dict.fromkeys(("documents", "src_segments", "tgt_segments", "beads"), 1)
        insert(db, "ops.slice", [one | counts | {"verdict": "accept", "settled_at": day} for one in place])
        rows = [one | {"name": name, "value": value} for one in place for name, value in measured.items()]
        insert(db, "quality.metric", rows)
        by = "maria" if age <= approved else "gate"
        decided = {"verdict": "accept", "reasons": "{}", "warnings": "{}", "decided_by": by}
        insert(db, "quality.decision", [one | decided for one in place])
