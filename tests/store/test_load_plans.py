"""A night's plans under wrong statistics: no statement visits much more than it does under true ones.

What is counted is rows and pages, never seconds: a nested loop that takes days over a million beads shows in a
thousand.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import ROOT, own_database
from tests.store.batches_made import Texts, write_filtered
from tests.store.plans_made import (
    CountingDatabase,
    keep_statistics,
    many_statistics,
    night,
    no_statistics,
    true_statistics,
)
from tm_core.identity import text_hash
from tm_core.outcomes import Outcome
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.db import Database, open_database

pytestmark = pytest.mark.db

SEED, OLDER, NEWER = date(2026, 1, 3), date(2026, 1, 5), date(2026, 1, 6)
DOCUMENTS, UNITS, BOOK = 20, 25, 500
#: Small slices beside the large one. With one slice alone the statistics of ops.slice say of a whole batch that it has
#: none; with many the work may grow with their square.
SHAPES = {"one slice": 0, "many slices": 20}
#: Tombstones and refused texts: most of them of nothing that comes.
STONES, COMING = 60, 5
#: What a statement may visit more than under true statistics: so many times as much, and so many rows a bead.
TIMES, ROWS_A_BEAD = 3, 10

#: "one row": the statistics are those of a memory with one row in each table, as the first small night left it.
WRONG: Mapping[str, Callable[[Database], None]] = {
    "one row": lambda _db: None,
    "none": no_statistics,
    "a hundred times too many": many_statistics,
}
#: They have no plan.
UTILITIES = {"tm/analyze_fresh", "tm/index_load", "tm/take_memory"}


def slices(first: int, version: str, small: int) -> dict[str, dict[str, Texts]]:
    """Return one large slice, a book and many documents from the ``first`` on, and some slices of one page each."""
    book = {"book": texts(1000, BOOK, version)}
    large = book | {f"document-{number}": texts(number, UNITS, version) for number in range(first, first + DOCUMENTS)}
    return {"large": large} | {f"small-{number}": {"page": texts(number, 10, version)} for number in range(small)}


def texts(number: int, units: int, version: str) -> Texts:
    """Return a document of which every second unit is the same in each version."""
    said = [str(position) if position % 2 else version for position in range(units)]
    return [
        (
            f"Sentence {position} of document {number} says {word}.",
            f"Satz {position} von Dokument {number} sagt {word}.",
        )
        for position, word in enumerate(said)
    ]


def refuse(db: Database, first: int, last: int) -> None:
    """Erase and refuse texts of the store 'large': some that the newer batch brings, and others."""
    coming = texts(2 * DOCUMENTS - 1 - DOCUMENTS // 2, 2 * COMING, "now")
    for number in range(first, last):
        gone = (f"gone {number}", f"weg {number}")
        src, tgt = _hashes(*(coming[number] if number < COMING else gone))
        db.connection.execute(
            "insert into tm.tombstone (store_id, src_lang, tgt_lang, src_hash, tgt_hash, journal_id)"
            " select store_id, 'en', 'de', %s, %s, %s from tm.store where name = 'large'",
            (src, b"" if number % 2 else tgt, number),
        )
        src, tgt = _hashes(*(coming[COMING + number] if number < COMING else gone))
        db.connection.execute(
            "insert into tm.ruling (store_id, src_lang, tgt_lang, src_hash, tgt_hash, is_rejected, verdict_key)"
            " select store_id, 'en', 'de', %s, %s, true, %s from tm.store where name = 'large'",
            (src, tgt, str(number).encode()),
        )


def _hashes(src: str, tgt: str) -> tuple[bytes, bytes]:
    return bytes.fromhex(text_hash(src)), bytes.fromhex(text_hash(tgt))


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """What two nights of a batch visited, by statement, and the outcomes of the first."""

    visited: Mapping[str, int]
    unplanned: set[str]
    outcomes: Mapping[str, int]

    def too_many(self, other: "Visits") -> dict[str, tuple[int, int]]:
        """Return the statements that visit much more in the other nights, with both numbers."""
        beads = sum(self.outcomes.values())
        return {
            name: (count, other.visited[name])
            for name, count in self.visited.items()
            if other.visited[name] > TIMES * count + ROWS_A_BEAD * beads
        }


@dataclass(kw_only=True)
class Memory:
    """A memory that copies are made of: an older batch is loaded and staged, the newer ones wait in storage."""

    settings: Settings
    server_url: str
    true: dict[str, Visits] = field(default_factory=dict)

    def visits(
        self,
        shape: str,
        statistics: Callable[[Database], None],
        *,
        between: Callable[[Database], None] = lambda _db: None,
        include: Path | None = None,
    ) -> Visits:
        """Load the newer batch of this shape twice on a copy of the memory, whose statistics are changed first."""
        name = self.settings.require_database().rpartition("/")[2]
        with own_database(self.server_url, name) as url:
            settings = replace(self.settings, database_url=url, include=include or self.settings.include)
            with open_database(settings) as opened:
                statistics(opened)
                db = CountingDatabase(opened.connection, opened.include)
                loaded = night(settings, db, batch_of(shape), NEWER, between)
                again = night(settings, db, batch_of(shape), NEWER, between)
        assert not again.loaded_before, "the second night deletes and counts again"
        assert again.inserted == again.removed == 0
        return Visits(visited=db.visited, unplanned=db.unplanned, outcomes=loaded.outcomes)

    def truth(self, shape: str) -> Visits:
        """Return the visits under true statistics."""
        if shape not in self.true:
            self.true[shape] = self.visits(shape, true_statistics, between=true_statistics)
        return self.true[shape]


def batch_of(shape: str) -> str:
    return f"{NEWER}-{shape.replace(' ', '-')}"


@pytest.fixture(scope="module")
def memory(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    with own_database(server_url, template) as url:
        environment = {"TM_HOME": str(tmp_path_factory.mktemp("plans")), "TM_DATABASE_URL": url}
        settings = Settings.from_env(environment | {"TM_INCLUDE": str(ROOT / "include")})
        storage = Storage(settings.storage)
        with open_database(settings) as db:
            keep_statistics(db)
            write_filtered(storage, "seed", {"large": {"seed": [("One sentence.", "Ein Satz.")]}})
            night(settings, db, "seed", SEED)
            refuse(db, 0, 1)
            true_statistics(db)
            write_filtered(storage, "older", slices(0, "before", 0))
            night(settings, db, "older", OLDER)
            refuse(db, 1, STONES)
        for shape, small in SHAPES.items():
            # Half of the large slice's documents came before.
            write_filtered(storage, batch_of(shape), slices(DOCUMENTS // 2, "now", small))
        yield Memory(settings=settings, server_url=server_url)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_load_visits_as_much_whatever_the_statistics_say(memory: Memory, shape: str) -> None:
    true = memory.truth(shape)
    assert len(true.visited) > 60, "a night runs many statements"
    assert {"ops/insert_outcomes", "tm/upsert_units", "quality/delete_metrics", "metrics/texts"} <= true.visited.keys()
    assert true.unplanned == UTILITIES
    seen = (Outcome.NEW, Outcome.UNCHANGED, Outcome.TOMBSTONED, Outcome.REJECTED)
    assert all(true.outcomes[outcome] for outcome in seen), true.outcomes
    for name, statistics in WRONG.items():
        wrong = memory.visits(shape, statistics)
        assert wrong.visited.keys() == true.visited.keys()
        assert wrong.outcomes == true.outcomes
        assert true.too_many(wrong) == {}, f"statistics: {name}. {{statement: (visited under true ones, under these)}}"


def test_a_condition_that_takes_a_batch_for_a_row_is_found(memory: Memory, tmp_path: Path) -> None:
    """Plant the comparison that loads of one slice spent days with."""
    include = tmp_path / "include"
    shutil.copytree(ROOT / "include", include)
    statement = include / "sql" / "ops" / "insert_outcomes.sql"
    sql = statement.read_text()
    planted = sql.replace(
        "coalesce(slice.generation <> %(generation)s, true)", "slice.generation is distinct from %(generation)s"
    )
    assert planted != sql
    statement.write_text(planted)
    true = memory.truth("one slice")
    assert set(true.too_many(memory.visits("one slice", WRONG["one row"], include=include))) == {"ops/insert_outcomes"}
