"""``make bench-tm``: how fast and how completely a large memory is looked up.

Builds a memory of made text (kept below ``--folder`` for the next run), then prints, from this one run: the seconds of
indexing, look-up percentiles by kind and by length of the query, the same for several clients at once, a document of
1,000 segments, recall against a scan of everything, and what the index takes on disk. ``--small`` measures a second
memory of that size and prints the growth.
"""

import argparse
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein
from tm_text import PAIRS, STORES, MadeUnit, Writer, units

from tm_core.identity import context_hash, document_key, text_hash, unit_key
from tm_core.matching import Penalties, Query, UnitFacts, form_of, grade, percent
from tm_core.settings import Settings
from tm_embedded.postgres import embedded_postgres
from tm_store.db import Database, open_database
from tm_store.lookup import lookup, lookup_document
from tm_store.lookup_index import index_pending
from tm_store.migrate import migrate

LENGTHS = ((1, 12), (13, 40), (41, 120), (121, 2000))
STORE, PAIR = STORES[0], PAIRS[0]  # the largest slice: 20 of 100 units


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One query of the benchmark: its kind, its text, and the neighbours if it has any."""

    kind: str
    text: str
    previous: str = ""
    following: str = ""


# The memory ---------------------------------------------------------------------------------------

_COLUMNS = (
    "store_id, unit_key, src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, context, prev_hash, next_hash, "
    "item_key, document_key, position, tier, aligner, model_hash, score, partition_date, batch_id"
)
_TYPES = (
    "int4", "bytea", "text", "text", "text", "text", "bytea", "bytea", "bytea", "bytea", "bytea",
    "text", "bytea", "int4", "text", "text", "text", "float4", "date", "text",
)  # fmt: skip


def build(db: Database, made: Iterator[MadeUnit]) -> None:
    """Fill an empty memory, and say what its index cost beside the units themselves."""
    db.connection.execute("create unlogged table tm.bare (like tm.unit including defaults)")
    names = {name: index + 1 for index, name in enumerate(STORES)}
    for name in STORES:
        db.connection.execute("insert into tm.store (name) values (%s)", (name,))
    bare = 0.0
    with db.connection.cursor() as cursor, cursor.copy(f"copy tm.bare ({_COLUMNS}) from stdin (format binary)") as copy:
        copy.set_types(_TYPES)
        for number, unit in enumerate(made):
            copy.write_row(_row(unit, names[unit.store], number))
    bare = _timed(lambda: db.connection.execute("create unlogged table tm.bare_again as select * from tm.bare"))
    db.connection.execute("alter table tm.unit disable trigger note_added")
    distinct = f"insert into tm.unit ({_COLUMNS}) select {_COLUMNS} from tm.bare on conflict do nothing"
    plain = _timed(lambda: db.connection.execute(distinct))
    db.connection.execute("truncate tm.unit")
    db.connection.execute("alter table tm.unit enable trigger note_added")
    with db.transaction():
        queued = _timed(lambda: db.connection.execute(distinct))
        indexed = _timed(lambda: index_pending(db))
    db.connection.execute("drop table tm.bare, tm.bare_again")
    db.connection.execute("vacuum analyze")
    found = db.connection.execute("select count(*) from tm.unit").fetchone()
    print(
        f"built: {found[0]:,} units; copy of the table {bare:.1f} s, units alone {plain:.1f} s, "
        f"queueing their texts {queued - plain:+.1f} s, indexing them {indexed:.1f} s"
    )


def _timed(action: Callable[[], object]) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start


def _row(unit: MadeUnit, store_id: int, number: int) -> tuple[object, ...]:
    context = context_hash(unit.previous, unit.following)
    hashes = [text_hash(text) if text else "" for text in (unit.src_text, unit.tgt_text, unit.previous, unit.following)]
    key = unit_key(unit.store, unit.src_lang, unit.tgt_lang, unit.src_text, unit.tgt_text, context)
    src_hash, tgt_hash, previous, following = map(bytes.fromhex, hashes)
    document = bytes.fromhex(document_key(unit.store, str(number // 40), unit.src_lang, unit.tgt_lang))
    return (
        store_id, bytes.fromhex(key), unit.src_lang, unit.tgt_lang, unit.src_text, unit.tgt_text, src_hash, tgt_hash,
        bytes.fromhex(context), previous, following, "", document, number % 40, "lexical", "made", "",
        0.5 + number % 50 / 100, date(2026, 1, 5), "made",
    )  # fmt: skip


@contextmanager
def memory(folder: Path, count: int, one_slice: bool) -> Iterator[Settings]:
    """A server with a memory of ``count`` units, built on the first call."""
    with embedded_postgres(folder, durable=True) as server:
        settings = Settings(database_url=server.url("tm"), include=Settings().include_or_default())
        migrate(settings)
        with open_database(settings) as db:
            found = db.connection.execute("select exists (select from tm.unit)").fetchone()
            if not found[0]:
                few = 1 if one_slice else 99
                build(db, units(count, stores=few, pairs=few))
        yield settings


# The queries --------------------------------------------------------------------------------------


def queries(known: Sequence[Any], each: int) -> list[Asked]:
    """``each`` queries a kind and length class; the texts of ``known`` are changed, or left, or new."""
    rng = random.Random(7)
    writer, stranger = Writer(f"1 {STORE} {PAIR}"), Writer("another subject", words=30_000)
    asked: list[Asked] = []
    for low, high in LENGTHS:
        fitting = [unit for unit in known if low <= len(unit.src_text) <= high]
        for unit in rng.sample(fitting, min(each, len(fitting))):
            text = unit.src_text
            asked.append(Asked(kind="exact", text=text))
            words = len(text.split(" "))
            asked.append(Asked(kind="edited", text=writer.varied(text, rng.randint(1, max(1, words // 5)))))
            asked.append(Asked(kind="misspelt", text=writer.misspelt(text, rng.choice((0.02, 0.05, 0.1, 0.15, 0.2)))))
            asked.append(Asked(kind="recased", text=text.upper() if text != text.upper() else text.lower()))
        strangers = (stranger.sentence(max(1, round(rng.uniform(low, min(high, 250)) / 7))) for _ in range(50 * each))
        asked += [Asked(kind="miss", text=text) for text in strangers if low <= len(text) <= high][:each]
        frequent = writer.words[:60]
        common = (
            " ".join(rng.choices(frequent, k=max(1, rng.randint(low, min(high, 250)) // 6))) for _ in range(50 * each)
        )
        asked += [Asked(kind="common words", text=text) for text in common if low <= len(text) <= high][:each]
    return [one for one in asked if one.text.strip()]


def ask(db: Database, one: Asked) -> Any:
    """One look-up as a user makes it."""
    return lookup(db, store=STORE, src=PAIR[0], tgt=PAIR[1], text=one.text)


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


def print_times(results: Sequence[tuple[Asked, float, int]]) -> float:
    """A line a kind and length class; returns the highest p95 of those that are no exact matches, ms."""
    print(f"{'kind':14}{'chars':>10}{'n':>6}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'answered':>10}")
    worst = 0.0
    for kind in dict.fromkeys(one.kind for one, _, _ in results):
        for low, high in LENGTHS:
            chosen = [entry for entry in results if entry[0].kind == kind and low <= len(entry[0].text) <= high]
            if not chosen:
                continue
            p50, p95, p99 = percentiles([seconds for _, seconds, _ in chosen])
            hits = sum(score > 0 for _, _, score in chosen) / len(chosen)
            size = f"{low}-{high}" if high < 2000 else f"{low}+"
            print(f"{kind:14}{size:>10}{len(chosen):>6}{p50:>9.1f}{p95:>9.1f}{p99:>9.1f}{hits:>9.0%}")
            worst = max(worst, p95) if kind != "exact" else worst
    return worst


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


def print_recall(settings: Settings, known: Sequence[Any], asked: Sequence[Asked]) -> None:
    """How often the best score found is the best there is: every unit of the slice is scored."""
    forms: dict[str, list[UnitFacts]] = {}
    for unit in known:
        facts = UnitFacts(src_text=unit.src_text, tgt_text=unit.tgt_text, src_hash=unit.src_hash.hex(), tier=unit.tier)
        forms.setdefault(form_of(unit.src_text).text, []).append(facts)
    texts = list(forms)
    answered = complete = 0
    missed: list[tuple[str, int, int, int]] = []
    with open_database(settings) as db:
        for one in asked:
            best = _best_of_all(one, texts, forms)
            if best < 70:
                continue
            found = ask(db, one)
            score = found[0].score if found else 0
            answered += 1
            complete += score >= best
            if score < best:
                missed.append((one.kind, len(one.text), best, score))
    print(f"recall@1: {complete / answered:.4f} of {answered:,} queries whose best score is 70 or more")
    for kind, length, best, score in missed:
        print(f"  missed: {kind}, {length} characters: best {best}, found {score}")


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


def print_document(settings: Settings, asked: Sequence[Asked]) -> None:
    """A document of 1,000 segments of every kind, in one call."""
    texts = [one.text for one in random.Random(3).sample(list(asked), min(1000, len(asked)))]
    with open_database(settings) as db:
        start = time.monotonic()
        found = sum(map(bool, lookup_document(db, store=STORE, src=PAIR[0], tgt=PAIR[1], texts=texts)))
        print(f"document: {len(texts):,} segments in {time.monotonic() - start:.1f} s, {found:,} answered")


def print_disk(db: Database, count: int) -> None:
    """Bytes a unit, of the units and of the index."""
    rows = db.connection.execute(
        "select split_part(relid::regclass::text, '_p', 1), sum(pg_total_relation_size(relid)) "
        "from pg_stat_user_tables where schemaname = 'tm' group by 1 order by 2 desc"
    ).fetchall()
    print("disk: " + ", ".join(f"{name} {size / count:.0f}" for name, size in rows if size > count) + " bytes a unit")


def bench(folder: Path, count: int, each: int, one_slice: bool, recall: int) -> float:
    """All measurements of one memory; returns the highest fuzzy p95, ms."""
    print(f"--- {count:,} units{' of one store and pair' if one_slice else ''}")
    with memory(folder / f"{count}{'-one' if one_slice else ''}", count, one_slice) as settings:
        with open_database(settings) as db:
            known = _known(db)
            print_disk(db, count)
        asked = queries(known, each)
        print(f"queries on the slice {STORE} {PAIR[0]}-{PAIR[1]} of {len(known):,} units")
        worst = print_times(measured(settings, asked))
        rng = random.Random(5)
        print_clients(settings, rng.sample(asked, min(800, len(asked))))
        print_document(settings, asked)
        if recall:
            inexact = [one for one in asked if one.kind not in ("exact", "miss")]
            print_recall(settings, known, rng.sample(inexact, min(recall, len(inexact))))
    return worst


def _known(db: Database) -> list[Any]:
    with db.connection.cursor() as cursor:
        from psycopg.rows import namedtuple_row

        cursor.row_factory = namedtuple_row  # type: ignore[assignment]
        cursor.execute(
            "select src_text, tgt_text, src_hash, tier from tm.unit join tm.store using (store_id) "
            "where name = %s and src_lang = %s and tgt_lang = %s order by unit_key",
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
    parser.add_argument("--folder", type=Path, default=Path(".tm/bench-tm"))
    arguments = parser.parse_args()
    rest = (arguments.each, arguments.one_slice, arguments.recall)
    small = bench(arguments.folder, arguments.small, *rest) if arguments.small else 0.0
    worst = bench(arguments.folder, arguments.units, *rest)
    print(
        f"highest fuzzy p95: {worst:.1f} ms"
        + (f", {worst / small:.2f} times that of {arguments.small:,}" if small else "")
    )
    return 0 if worst <= 100 and (not small or worst < 3 * small) else 1


if __name__ == "__main__":
    sys.exit(main())
