"""Look-up against a real Postgres: every kind of match, the same from the index and from the queue before it."""

import logging
import random
from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg
import pytest
from rapidfuzz.distance import Levenshtein

from tests.store.batches_made import load
from tests.store.units_made import add
from tm_core.errors import BadName, LookupRefused
from tm_core.identity import text_hash
from tm_core.matching import MatchKind, Penalties, Query, UnitFacts, grade
from tm_store.db import Database
from tm_store.lookup import Match, lookup, lookup_document
from tm_store.lookup_index import index_pending, rebuild

pytestmark = pytest.mark.db


def ask(db: Database, text: str, **more: Any) -> list[Match]:
    return lookup(db, **{"store": "demo", "src": "en", "tgt": "de", "text": text} | more)


def texts(found: list[Match]) -> list[tuple[int, str]]:
    return [(match.score, match.src_text) for match in found]


def rows_of(db: Database, table: str) -> int:
    row = db.connection.execute(f"select count(*) from tm.{table}").fetchone()  # type: ignore[arg-type]
    return int(row[0]) if row else 0


@pytest.fixture(params=["indexed", "queued"])
def ready(request: pytest.FixtureRequest, db: Database) -> Callable[[], object]:
    """Call it when the units are there: they are indexed, or still in the queue."""
    return (lambda: index_pending(db)) if request.param == "indexed" else (lambda: None)


def test_every_kind(db: Database, ready: Callable[[], object]) -> None:
    add(db, "Save the file.", "Datei sichern.", previous="Open it.", following="Close it.")
    add(db, "Page 7", "Seite 7")
    ready()
    assert texts(ask(db, "Save the file.")) == [(100, "Save the file.")]
    assert texts(ask(db, "Save the file.", previous="Open it.", following="Close it.")) == [(101, "Save the file.")]
    assert texts(ask(db, "Save the file.", previous="Open it.")) == [(101, "Save the file.")]
    assert texts(ask(db, "save the FILE.")) == [(99, "Save the file.")]
    assert texts(ask(db, "Save the files.")) == [(93, "Save the file.")]
    found = ask(db, "page 12")[0]
    assert (found.score, found.kind, found.proposal) == (98, MatchKind.NORMALISED, "Seite 12")
    assert ask(db, "Something else altogether") == []


def test_only_the_store_and_pair_that_are_asked(db: Database, ready: Callable[[], object]) -> None:
    add(db, "Save")
    add(db, "Save", "Sichern!", store="other")
    add(db, "Save", "Enregistrer", tgt="fr")
    ready()
    assert [match.tgt_text for match in ask(db, "Save")] == ["[Save]"]
    assert [match.tgt_text for match in ask(db, "save")] == ["[Save]"]
    assert ask(db, "Save", src="de", tgt="en") == []
    assert ask(db, "save", src="de", tgt="en") == []


def test_a_pair_with_regions_is_answered_by_the_pair_that_serves(db: Database, ready: Callable[[], object]) -> None:
    add(db, "Save", "Sichern")
    add(db, "Save", "Enregistrer", tgt="fr-CA")
    ready()
    assert [match.tgt_text for match in ask(db, "Save", src="en-US", tgt="de-DE")] == ["Sichern"]
    assert [match.tgt_text for match in ask(db, "save", src="en_GB", tgt="de-AT")] == ["Sichern"]
    assert [match.tgt_text for match in ask(db, "Save", src="en-US", tgt="fr")] == ["Enregistrer"]
    assert [match.tgt_text for match in ask(db, "Save", src="en-US", tgt="fr-CA")] == ["Enregistrer"]
    assert ask(db, "Save", src="en-US", tgt="fr-FR") == []


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("No.", "No"),
        ("ID", "ID:"),
        ("Go", "&Go"),
        ("On", "On…"),
        ("none", "(none)"),
        ("Öffnen", "„Ö&ffnen“…"),
    ],
)
def test_short_texts_with_the_same_words_are_found_at_the_default_minimum(
    db: Database, ready: Callable[[], object], query: str, there: str
) -> None:
    add(db, there)
    for number in range(30):
        add(db, f"{chr(97 + number % 26)}{number}")
    ready()
    assert texts(ask(db, query)) == [(90, there)]
    assert ask(db, query, min_score=91) == []


def test_variants_are_ranked_and_given_once(db: Database, ready: Callable[[], object]) -> None:
    add(db, "Save", "aligned, sure", tier="lexical", score=0.9)
    add(db, "Save", "aligned, unsure", tier="lexical", score=0.4)
    add(db, "Save", "imported", score=0.1)
    add(db, "Save", "reviewed", tier="lexical", score=0.1, review_state="reviewed")
    add(db, "Save", "imported", score=0.2, previous="Elsewhere")
    ready()
    ranked = ["reviewed", "imported", "aligned, sure", "aligned, unsure"]
    assert [match.tgt_text for match in ask(db, "Save")] == ranked
    assert [match.tgt_text for match in ask(db, "save")] == ranked
    assert [match.tgt_text for match in ask(db, "Save", limit=2)] == ranked[:2]


def test_penalties_change_the_order(db: Database, ready: Callable[[], object]) -> None:
    add(db, "Save the file now", "Maschine", tier="lexical")
    add(db, "Save this file now", "Mensch")
    ready()
    strict = Penalties(aligned=20)
    assert [match.tgt_text for match in ask(db, "save the file now")] == ["Maschine", "Mensch"]
    assert [match.tgt_text for match in ask(db, "save the file now", penalties=strict)] == ["Mensch", "Maschine"]
    assert [match.tgt_text for match in ask(db, "save the file now", penalties=strict, limit=1)] == ["Mensch"]
    assert texts(ask(db, "Save the file now", penalties=strict, more=True))[0][0] < 100


def test_penalties_reach_past_the_first_texts(db: Database, ready: Callable[[], object]) -> None:
    """Two hundred machine-aligned texts are nearer than the imported one, which wins by its penalty-free score."""
    for number in range(200):
        add(db, f"Press the button {chr(97 + number % 26)}{chr(97 + number // 26)}", tier="lexical")
    add(db, "Press the button longer", "Mensch")
    ready()
    found = ask(db, "press the button zz", penalties=Penalties(aligned=25), limit=1)
    assert [match.tgt_text for match in found] == ["Mensch"]


def test_exact_matches_end_the_search_unless_more_is_wanted(db: Database, ready: Callable[[], object]) -> None:
    add(db, "Save the file")
    add(db, "Save the files")
    ready()
    assert texts(ask(db, "Save the file")) == [(100, "Save the file")]
    assert texts(ask(db, "Save the file", more=True)) == [(100, "Save the file"), (92, "Save the files")]
    assert texts(ask(db, "Save the file", more=True, min_score=100)) == [(100, "Save the file")]


def test_minimum_score(db: Database, ready: Callable[[], object]) -> None:
    add(db, "abcdefghij")
    ready()
    assert texts(ask(db, "abcdefghi!")) == [(90, "abcdefghij")]
    assert texts(ask(db, "abcdefg!!!")) == [(70, "abcdefghij")]
    assert ask(db, "abcdefg!!!", min_score=71) == []
    assert ask(db, "abcdef!!!!") == []
    assert texts(ask(db, "abcdef!!!!", min_score=60)) == [(60, "abcdefghij")]
    assert ask(db, "abcdefghij", min_score=101) == []


def test_very_short_texts(db: Database, ready: Callable[[], object]) -> None:
    short = ["OK", "a", "是", "保存文件", "👍", "Ähm", "I'm", "?!", "%", "_", "'", "\\"]
    for text in short:
        add(db, text)
    ready()
    for text in short:
        assert texts(ask(db, text)) == [(100, text)]
        assert texts(ask(db, text.swapcase()))[0] in ((100, text), (99, text))


def test_very_long_texts(db: Database, ready: Callable[[], object]) -> None:
    long = "word " * 700 + "end"
    too_long = "other " * 900 + "end"
    add(db, long)
    add(db, too_long)
    ready()
    assert texts(ask(db, long + "s"))[0][0] == 99
    assert texts(ask(db, too_long))[0][0] == 100


def test_a_query_of_ten_megabytes_is_answered(db: Database, ready: Callable[[], object]) -> None:
    add(db, "Save")
    ready()
    assert ask(db, "spam and ham " * 800_000) == []


def test_a_text_of_tags_alone(db: Database, ready: Callable[[], object]) -> None:
    add(db, "<1/>", "<1/>")
    ready()
    assert texts(ask(db, "<1/>")) == [(100, "<1/>")]
    assert ask(db, "<2/>") == []


def made(rng: random.Random, length: int) -> str:
    return "".join(rng.choices("abcdeé  ", k=length)).strip() or "a"


def test_the_same_as_a_scan_of_everything(db: Database, ready: Callable[[], object]) -> None:
    """Against every unit scored, on texts so alike that candidates crowd: no candidate is lost, no score differs."""
    rng = random.Random(11)
    known = list(dict.fromkeys(made(rng, rng.choice((2, 4, 7, 9, 14, 30, 60))) for _ in range(900)))
    for text in known:
        add(db, text)
    ready()
    answered = 0
    for _ in range(150):
        letters = list(rng.choice(known))
        for _ in range(max(1, len(letters) // rng.choice((4, 6, 10)))):
            letters[rng.randrange(len(letters))] = rng.choice(["", "a", "x", "bé"])
        text = "".join(letters).strip() or "b"
        query = Query.of(text)
        scores = []
        for other in known:
            facts = UnitFacts(src_text=other, tgt_text=f"[{other}]", src_hash=text_hash(other))
            scores.append(grade(query, facts, Levenshtein.distance, Penalties()).score)
        wanted = sorted((score for score in scores if score >= 70), reverse=True)[:5]
        assert [match.score for match in ask(db, text, more=True)] == wanted
        answered += bool(wanted)
    assert answered > 100


# The index ----------------------------------------------------------------------------------------


def test_the_queue_and_the_index_follow_the_units(db: Database) -> None:
    add(db, "Save")
    add(db, "Save", "zweite Fassung")
    add(db, "Keep")
    assert (rows_of(db, "pending"), rows_of(db, "source")) == (2, 0)
    assert index_pending(db) == 2
    assert (rows_of(db, "pending"), rows_of(db, "source")) == (0, 2)
    add(db, "Save", "dritte Fassung")
    assert rows_of(db, "pending") == 0
    db.connection.execute("delete from tm.unit where tgt_text = 'zweite Fassung'")
    assert rows_of(db, "source") == 2
    db.connection.execute("delete from tm.unit where src_text = 'Save'")
    assert rows_of(db, "source") == 1
    assert ask(db, "save") == []
    add(db, "Gone")
    db.connection.execute("delete from tm.unit where src_text = 'Gone'")
    assert rows_of(db, "pending") == 0


def test_erased_text_is_in_no_table(db: Database) -> None:
    add(db, "Strictly confidential")
    index_pending(db)
    db.connection.execute("delete from tm.unit")
    assert (rows_of(db, "source"), rows_of(db, "pending")) == (0, 0)


def test_indexing_is_part_of_the_transaction(db: Database) -> None:
    with db.transaction():
        add(db, "Save")
        index_pending(db)
        raise psycopg.Rollback
    assert [rows_of(db, table) for table in ("unit", "pending", "source", "gram", "numbering")] == [0, 0, 0, 0, 0]


def test_a_load_indexes_its_texts_without_the_queue(db: Database) -> None:
    queued: list[str] = []
    db.connection.execute(
        "create function note_queued() returns trigger language plpgsql as "
        "$$begin raise notice 'queued %', new.src_text; return null; end$$"
    )
    db.connection.execute(
        "create trigger queued after insert on tm.pending for each row execute function note_queued()"
    )
    db.connection.add_notice_handler(lambda notice: queued.append(str(notice.message_primary)))
    add(db, "Save")  # by a writer who forgot to index it
    load(db, date(2026, 1, 5), {"a": [("Save", "Sichern", 0.8), ("Open", "Auf", 0.8), ("Open", "Auf!", 0.8)]})
    assert queued == ["queued Save"]
    assert (rows_of(db, "pending"), rows_of(db, "source")) == (0, 2)
    load(db, date(2026, 1, 6), {"b": [("Open", "Offen", 0.8), ("Shut", "Zu", 0.8)]})
    assert (queued, rows_of(db, "source")) == (["queued Save"], 3)
    assert texts(ask(db, "shut"))[0] == (99, "Shut")


def test_a_text_that_leaves_and_comes_in_one_load_is_found(db: Database) -> None:
    """It is read while the index knows it, and forgotten with the unit that leaves, before the other one is written."""
    load(db, date(2026, 1, 5), {"a": [("Save", "Sichern", 0.8), ("Open", "Auf", 0.8)]})
    load(db, date(2026, 1, 6), {"a": [("Save", "Speichern", 0.8)]})
    assert [row[0] for row in db.connection.execute("select tgt_text from tm.unit")] == ["Speichern"]
    assert (rows_of(db, "pending"), rows_of(db, "source")) == (0, 1)
    assert texts(ask(db, "save")) == [(99, "Save")]


def test_a_load_lets_others_of_its_transaction_be_queued(db: Database) -> None:
    with db.transaction():
        load(db, date(2026, 1, 5), {"a": [("Save", "Sichern", 0.8)]})
        add(db, "Open")
    assert (rows_of(db, "pending"), rows_of(db, "source")) == (1, 1)
    assert texts(ask(db, "open")) == [(99, "Open")]


def test_texts_of_a_load_that_do_not_fit_at_once_are_found(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tm_store.lookup_index._AT_ONCE", 4)
    monkeypatch.setattr("tm_store.lookup_index._HELD", 6)
    words = [f"Save the {chr(97 + number)} file" for number in range(20)]
    load(db, date(2026, 1, 5), {"a": [(word, word.upper(), 0.8) for word in words]})
    assert (rows_of(db, "pending"), rows_of(db, "source")) == (0, 20)
    given = db.connection.execute("select given, (select count(distinct source_id) from tm.source) from tm.numbering")
    assert given.fetchall() == [(20, 20)]
    assert [texts(ask(db, word.lower()))[0] for word in words] == [(99, word) for word in words]


def test_what_is_queued_and_indexed_is_indexed_once(db: Database) -> None:
    add(db, "Save")
    index_pending(db)
    db.connection.execute(
        "insert into tm.pending (store_id, src_lang, tgt_lang, src_hash, src_text) "
        "select store_id, src_lang, tgt_lang, src_hash, src_text from tm.unit"
    )
    add(db, "Keep")
    index_pending(db)
    assert (rows_of(db, "pending"), rows_of(db, "source")) == (0, 2)


def test_many_small_loads_fill_chunks(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tm_store.lookup_index._CHUNK_BYTES", 16)
    for number in range(30):
        add(db, f"Save the {chr(97 + number)} file")
        index_pending(db)
    longest = db.connection.execute("select max(octet_length(holders)), max(chunk) from tm.gram").fetchone()
    assert longest == (16, 7)
    for number in range(30):
        assert texts(ask(db, f"save the {chr(97 + number)} file"))[0] == (99, f"Save the {chr(97 + number)} file")


def test_an_index_made_anew_answers_the_same(db: Database) -> None:
    for text in ("Save", "Save it", "Keep it"):
        add(db, text)
    index_pending(db)
    db.connection.execute("delete from tm.unit where src_text = 'Save'")
    before = ask(db, "Save it!")
    assert rebuild(db, 1) == 2
    assert ask(db, "Save it!") == before
    assert before
    assert rows_of(db, "source") == 2


# Refusals and attacks -------------------------------------------------------------------------------

HOSTILE = [
    "'; drop table tm.unit; --",
    "%(store_id)s",
    "%s %",
    "\\x00",
    "$$; delete from tm.unit; $$",
    "\x00NUL",
    "\ud800lone",
    "e\u0301" * 50,
    "{" * 500,
]


def test_hostile_texts_are_texts(db: Database, ready: Callable[[], object]) -> None:
    for text in HOSTILE:
        add(db, Query.of(text).text)
    ready()
    for text in HOSTILE:
        assert texts(ask(db, text, previous=text, following=text, key=text))[0][0] == 100
        ask(db, text + "x", min_score=30)
    assert rows_of(db, "unit") == len(HOSTILE)


def test_hostile_languages_are_refused(db: Database) -> None:
    add(db, "Save")
    for lang in ("en'; drop table tm.unit; --", "", "xx-yy-zz", "en\x00", "%s"):
        with pytest.raises(BadName):
            ask(db, "Save", src=lang)
        with pytest.raises(BadName):
            ask(db, "Save", tgt=lang)
    assert rows_of(db, "unit") == 1


def test_an_unknown_store_is_refused_with_those_there_are(db: Database) -> None:
    add(db, "Save")
    for store in ("nowhere", "demo'; drop table tm.unit; --", "de\x00mo", "\ud800", ""):
        with pytest.raises(LookupRefused, match="demo"):
            ask(db, "Save", store=store)
    assert rows_of(db, "unit") == 1


def test_wrong_numbers_are_refused(db: Database) -> None:
    add(db, "Save")
    with pytest.raises(LookupRefused, match="limit"):
        ask(db, "Save", limit=0)
    with pytest.raises(LookupRefused, match="minimum score"):
        ask(db, "Save", min_score=10)
    with pytest.raises(LookupRefused, match="empty"):
        ask(db, " \x00 ")


def test_no_text_in_logs(db: Database, ready: Callable[[], object], caplog: pytest.LogCaptureFixture) -> None:
    add(db, "Strictly confidential")
    ready()
    with caplog.at_level(logging.DEBUG):
        ask(db, "strictly Confidential thing", previous="secret before")
    assert caplog.records, "nothing was logged: the test below would pass on nothing"
    assert not any("onfidential" in record.getMessage() or "secret" in record.getMessage() for record in caplog.records)


def test_no_text_in_statements(db: Database) -> None:
    """What the server could log: with every statement logged, the query's text is in none."""
    add(db, "Strictly confidential")
    index_pending(db)
    seen: list[str] = []
    real = psycopg.Cursor.execute

    def spy(self: Any, query: Any, params: Any = None, **more: Any) -> Any:
        seen.append(f"{query} {params}")
        return real(self, query, params, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", spy)
        assert ask(db, "strictly Confidential thing", min_score=50)
    assert len(seen) >= 4
    assert not [statement for statement in seen if "onfidential" in statement]


# Documents ----------------------------------------------------------------------------------------


def test_a_document_in_its_order(db: Database, ready: Callable[[], object]) -> None:
    add(db, "One.", "Eins.", following="Two.")
    add(db, "Two.", "Zwei.", previous="One.", following="Three.")
    ready()
    found = list(lookup_document(db, store="demo", src="en", tgt="de", texts=["One.", "Two.", "", "Two.", "Nothing."]))
    assert [[match.score for match in of_segment] for of_segment in found] == [[101], [101], [], [100], []]
    found = list(lookup_document(db, store="demo", src="en", tgt="de", texts=["One.", "Two.", "Three."]))
    assert [[match.score for match in of_segment] for of_segment in found] == [[101], [101], []]


def test_a_text_with_many_units(db: Database, ready: Callable[[], object]) -> None:
    """The unit in the wanted context, the reviewed one and the rare target are found among hundreds of others."""
    for number in range(300):
        add(db, "OK", "In Ordnung", previous=f"Before {number}", tier="lexical")
    add(db, "OK", "Gut", score=0.1, tier="lexical")
    add(db, "OK", "Ja", review_state="reviewed", score=0.1)
    ready()
    assert [match.tgt_text for match in ask(db, "OK")] == ["Ja", "In Ordnung", "Gut"]
    best = ask(db, "OK", previous="Before 123")[0]
    assert (best.score, best.tgt_text) == (101, "In Ordnung")
    strict = Penalties(unreviewed=20)
    found = ask(db, "OK", previous="Before 123", penalties=strict)
    assert [(match.score, match.tgt_text) for match in found] == [(100, "Ja"), (81, "In Ordnung"), (80, "Gut")]


def test_what_cannot_be_put_into_a_context(db: Database, ready: Callable[[], object]) -> None:
    add(db, "OK", "Gut", previous="A", following="B")
    add(db, "OK", "Gut", previous="C", following="B", review_state="reviewed")
    ready()
    strict = Penalties(unreviewed=20)
    assert [match.score for match in ask(db, "OK", previous="A", following="B")] == [101]
    assert [match.score for match in ask(db, "OK", previous="A", following="B", penalties=strict)] == [100]
