"""``make bench-tm-lookup``: how fast and how completely a large memory is looked up.

Loads a memory of made text (removed at the end; ``--keep`` leaves it below ``--folder`` for the next run), then prints,
from this one run: percentiles by kind and length of the query, the same for several clients at once, a document of
1,000 segments, recall against a scan of everything, and bytes a unit on disk. ``--small`` measures a memory of that
size first and prints the growth. Exit status 1 if a promise is broken.
"""

import argparse
import random
import re
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from psycopg.rows import namedtuple_row
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein
from tm_memory import print_disk, remove, server, write_batch
from tm_text import PAIRS, STORES, Writer, units

from tm_core.matching import Penalties, Query, UnitFacts, form_of, grade, percent
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.db import Database, open_database
from tm_store.load import load_batch
from tm_store.lookup import lookup, lookup_document

LENGTHS = ((1, 12), (13, 40), (41, 120), (121, 2000))
STORE, PAIR = STORES[0], PAIRS[0]  # the largest slice: 20 of 100 units
BATCH, DAY = "2026-01-05-made", date(2026, 1, 5)
# The promises of docs/lookup.md: p95 in ms, share of best matches found, seconds of a document, growth of the p95.
MOST_EXACT, MOST_FUZZY, LEAST_RECALL, MOST_DOCUMENT, MOST_GROWTH = 3.0, 100.0, 0.99, 15.0, 3.0
_EXACT_KINDS = ("exact", "context", "repeated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One query of the benchmark: its kind, its text, and the neighbours if it has any."""

    kind: str
    text: str
    previous: str = ""
    following: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one memory promised and held: p95 in milliseconds, seconds of the document, recall (1 if not asked)."""

    exact: float
    fuzzy: float
    document: float
    recall: float

    def is_kept(self) -> bool:
        """Whether every promise but that of growth is kept."""
        return (
            self.exact <= MOST_EXACT
            and self.fuzzy <= MOST_FUZZY
            and self.document <= MOST_DOCUMENT
            and self.recall >= LEAST_RECALL
        )


# The memory ---------------------------------------------------------------------------------------


@contextmanager
def memory(folder: Path, count: int, one_slice: bool, keep: bool) -> Iterator[Settings]:
    """A server with a memory of ``count`` units, loaded as a night's run loads them, unless an earlier run kept it."""
    try:
        with server(folder) as settings:
            _fill(settings, count, one_slice)
            yield settings
    finally:
        if not keep:
            remove(folder)


def _fill(settings: Settings, count: int, one_slice: bool) -> None:
    with open_database(settings) as db:
        if not db.one("staging/count_beads", batch_id=BATCH).beads:
            storage, few = Storage(settings.storage), 1 if one_slice else 99
            write_batch(db, storage, BATCH, DAY, units(count, stores=few, pairs=few))
            start = time.monotonic()
            load_batch(db, storage, BATCH)
            print(f"loaded in {time.monotonic() - start:.0f} s")
            db.connection.execute("vacuum analyze")


# The queries --------------------------------------------------------------------------------------


def queries(known: Sequence[Any], each: int) -> list[Asked]:
    """``each`` queries a kind and length class; the texts of ``known`` are changed, or left, or new."""
    rng = random.Random(7)
    writer, stranger = Writer(f"1 {STORE} {PAIR}"), Writer("another subject", words=30_000)
    inner = [place for place in zip(known, known[1:], known[2:], strict=False) if _is_place(*place)]
    often = [text for text, _ in Counter(unit.src_text for unit in known).most_common(20_000)]
    asked: list[Asked] = []
    for low, high in LENGTHS:
        fitting = [place for place in inner if low <= len(place[1].src_text) <= high]
        for before, unit, after in rng.sample(fitting, min(each, len(fitting))):
            asked.append(Asked(kind="context", text=unit.src_text, previous=before.src_text, following=after.src_text))
            asked += _changed(rng, writer, unit.src_text)
        sizes = [rng.uniform(low, min(high, 250)) for _ in range(50 * each)]
        texts = {
            "repeated": often,
            "miss": [stranger.sentence(max(1, round(size / 7))) for size in sizes],
            "common words": [" ".join(rng.choices(writer.words[:60], k=max(1, round(size / 6)))) for size in sizes],
        }
        for kind, some in texts.items():
            asked += [Asked(kind=kind, text=text) for text in some if low <= len(text) <= high][:each]
    return [one for one in asked if one.text.strip()]


def _is_place(before: Any, unit: Any, after: Any) -> bool:
    """Whether three units follow each other in one document."""
    return all(
        first.document_key == second.document_key and first.position + 1 == second.position
        for first, second in pairwise((before, unit, after))
    )


def _changed(rng: random.Random, writer: Writer, text: str) -> list[Asked]:
    """The text as it is, in other letters or numbers, with other words, and misspelt."""
    renumbered = re.sub(r"\d+", lambda found: str(int(found.group()) + rng.randint(1, 9)), text)
    recased = text.upper() if text != text.upper() else text.lower()
    words = len(text.split(" "))
    return [
        Asked(kind="exact", text=text),
        Asked(kind="normalised", text=renumbered if renumbered != text else recased),
        Asked(kind="edited", text=writer.varied(text, rng.randint(1, max(1, words // 5)))),
        Asked(kind="misspelt", text=writer.misspelt(text, rng.choice((0.02, 0.05, 0.1, 0.15, 0.2)))),
    ]


def ask(db: Database, one: Asked) -> Any:
    """One look-up as a user makes it."""
    place = {"previous": one.previous, "following": one.following}
    return lookup(db, store=STORE, src=PAIR[0], tgt=PAIR[1], text=one.text, **place)


def measured(settings: Settings, asked: Sequence[Asked]) -> list[tuple[Asked, float, int]]:
    """(query, seconds, best score) of each, after a warm-up."""
    with open_database(settings) as db:
        for one in asked[:: max(1, len(asked) // 200)]:
            ask(db, one)
        results = []
        for one in asked:
            start = time.perf_counter()
            found = ask(db, one)
            results.append((one, time.perf_counter() - start, found[0].score if found else 0))
        return results


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else list(seconds) * 99
    return cuts[49] * 1000, cuts[94] * 1000, cuts[98] * 1000


def print_times(results: Sequence[tuple[Asked, float, int]]) -> tuple[float, float]:
    """A line a kind and length class; returns the highest p95 of exact look-ups and of all others, ms."""
    print(f"{'kind':14}{'chars':>10}{'n':>6}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'answered':>10}")
    worst = {True: 0.0, False: 0.0}
    for kind in dict.fromkeys(one.kind for one, _, _ in results):
        for low, high in LENGTHS:
            chosen = [entry for entry in results if entry[0].kind == kind and low <= len(entry[0].text) <= high]
            if not chosen:
                continue
            p50, p95, p99 = percentiles([seconds for _, seconds, _ in chosen])
            hits = sum(score > 0 for _, _, score in chosen) / len(chosen)
            size = f"{low}-{high}" if high < 2000 else f"{low}+"
            print(f"{kind:14}{size:>10}{len(chosen):>6}{p50:>9.1f}{p95:>9.1f}{p99:>9.1f}{hits:>9.0%}")
            worst[kind in _EXACT_KINDS] = max(worst[kind in _EXACT_KINDS], p95)
    return worst[True], worst[False]


def print_clients(settings: Settings, asked: Sequence[Asked]) -> None:
    """Percentiles and rate with 1, 4 and 16 clients, each a thread with a connection."""
    for clients in (1, 4, 16):
        seconds: list[float] = []

        def work(share: Sequence[Asked], seconds: list[float] = seconds) -> None:
            seconds.extend(taken for _, taken, _ in measured(settings, share))

        threads = [threading.Thread(target=work, args=(asked[index::clients],)) for index in range(clients)]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        p50, p95, p99 = percentiles(seconds)
        rate = len(seconds) / (time.monotonic() - start)
        print(f"{clients:>2} clients: p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f} ms, {rate:.0f} a second")


# Recall -------------------------------------------------------------------------------------------


def print_recall(settings: Settings, known: Sequence[Any], asked: Sequence[Asked], count: int) -> float:
    """How often the best score found is the best there is, which a scan of every unit of the slice tells.

    Asks until ``count`` queries have had a best score of 70 or more.
    """
    forms: dict[str, list[UnitFacts]] = {}
    for unit in known:
        facts = UnitFacts(src_text=unit.src_text, tgt_text=unit.tgt_text, src_hash=unit.src_hash.hex(), tier=unit.tier)
        forms.setdefault(form_of(unit.src_text).text, []).append(facts)
    texts = list(forms)
    answered, missed = Counter[int](), Counter[int]()
    with open_database(settings) as db:
        for one in random.Random(5).sample(list(asked), len(asked)):
            if answered.total() == count:
                break
            best = _best_of_all(one, texts, forms)
            if best < 70:
                continue
            found = ask(db, one)
            answered[best // 10] += 1
            if (found[0].score if found else 0) < best:
                missed[best // 10] += 1
                print(f"  missed: {one.kind}, {len(one.text)} characters: best {best}, found {found[:1]}")
    recall = 1 - missed.total() / max(1, answered.total())
    bands = ", ".join(
        f"{band}0 to {band}9: {1 - missed[band] / of:.4f} of {of}" for band, of in sorted(answered.items())
    )
    print(f"recall@1: {recall:.4f} of {answered.total():,} queries whose best score is 70 or more; {bands}")
    return recall


def _best_of_all(one: Asked, texts: Sequence[str], forms: dict[str, list[UnitFacts]]) -> int:
    query = Query.of(one.text)
    form = query.form.text
    near = process.extract(form, texts, scorer=Levenshtein.normalized_similarity, score_cutoff=0.7 - 1e-9, limit=None)
    best = 0
    for text, _, _ in near:
        if percent(Levenshtein.distance(form, text), len(form), len(text)) <= best:
            break
        best = max(best, *(grade(query, facts, Levenshtein.distance, Penalties()).score for facts in forms[text]))
    return best


# The run ------------------------------------------------------------------------------------------


def print_document(settings: Settings, asked: Sequence[Asked]) -> float:
    """The seconds of a document of 1,000 segments of every kind, in one call."""
    texts = [one.text for one in random.Random(3).sample(list(asked), min(1000, len(asked)))]
    with open_database(settings) as db:
        start = time.monotonic()
        found = sum(map(bool, lookup_document(db, store=STORE, src=PAIR[0], tgt=PAIR[1], texts=texts)))
        seconds = time.monotonic() - start
    print(f"document: {len(texts):,} segments in {seconds:.1f} s, {found:,} answered")
    return seconds


def bench(folder: Path, count: int, each: int, one_slice: bool, recall: int, keep: bool) -> Measured:
    """All measurements of one memory."""
    print(f"--- {count:,} units{' of one store and pair' if one_slice else ''}")
    place = folder / f"{count}{'-one' if one_slice else ''}"
    with memory(place, count, one_slice, keep) as settings:
        with open_database(settings) as db:
            known = _known(db)
            print_disk(db)
        asked = queries(known, each)
        print(f"queries on the slice {STORE} {PAIR[0]}-{PAIR[1]} of {len(known):,} units")
        exact, fuzzy = print_times(measured(settings, asked))
        print_clients(settings, random.Random(5).sample(asked, min(800, len(asked))))
        document = print_document(settings, asked)
        inexact = [one for one in asked if one.kind not in (*_EXACT_KINDS, "miss")]
        found = print_recall(settings, known, inexact, recall) if recall else 1.0
    return Measured(exact=exact, fuzzy=fuzzy, document=document, recall=found)


def _known(db: Database) -> list[Any]:
    with db.connection.cursor(row_factory=namedtuple_row) as cursor:
        cursor.execute(
            "select src_text, tgt_text, src_hash, tier, document_key, position from tm.unit join tm.store "
            "using (store_id) where name = %s and src_lang = %s and tgt_lang = %s order by document_key, position",
            (STORE, *PAIR),
        )
        return cursor.fetchall()


def main() -> int:
    """Print everything; exit status 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=100_000, help="measure this size first, for the growth; 0: do not")
    parser.add_argument("--each", type=int, default=100, help="queries a kind and length class")
    parser.add_argument("--recall", type=int, default=500, help="queries compared with a scan; 0: none")
    parser.add_argument("--one-slice", action="store_true", help="all units in one store and pair: the hardest case")
    parser.add_argument("--keep", action="store_true", help="leave the memories for the next run")
    parser.add_argument("--folder", type=Path, default=Path(".tm/bench-tm"))
    arguments = parser.parse_args()
    rest = (arguments.each, arguments.one_slice, arguments.recall, arguments.keep)
    small = bench(arguments.folder, arguments.small, *rest) if arguments.small else None
    large = bench(arguments.folder, arguments.units, *rest)
    growth = large.fuzzy / small.fuzzy if small else 0.0
    print(
        f"highest p95: exact {large.exact:.1f} ms, fuzzy {large.fuzzy:.1f} ms"
        + (f", {growth:.2f} times that of {arguments.small:,} units" if small else "")
    )
    return 0 if large.is_kept() and growth < MOST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
