"""The gate against a month of ordinary days: every fault has its verdict and reason, no harmless day is held."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.store.gate_made import BATCH, YIELDS, Planted, add_document, each, insert, ordinary, plant, remember, shares
from tests.store.test_gate import FAULTS as PLAIN_FAULTS
from tests.store.test_gate import SUITE, VERDICTS
from tm_core.identity import text_hash
from tm_core.outcomes import DocumentState, Verdict
from tm_core.rules import Rule
from tm_core.settings import Settings
from tm_core.verdicts import Level
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.gate import GateSummary, SliceVerdict, run_gate
from tm_store.gate_suite import load_suite

pytestmark = pytest.mark.db

#: Earlier days, the oldest first.
PAST = [shares(ordinary(f"day {number}")) for number in range(30)]


def judge(settings: Settings, db: Database, slices: Iterable[Planted], *, days: int = 30) -> dict[str, SliceVerdict]:
    """Judge slices as one batch, each with a history; returns the verdicts by store."""
    made = list(slices)
    plant(db, *made)
    remember(db, made, PAST[len(PAST) - days :])
    summary: GateSummary = run_gate(settings, db, Storage(settings.storage), BATCH)
    return {one.store: one for one in summary.slices}


def today(store: str) -> Planted:
    return ordinary("today", store=store, documents=11)


def big(store: str) -> Planted:
    return ordinary("today", store=store, documents=30)


# Faults -------------------------------------------------------------------------------------------


def half_the_beads_dropped(one: Planted) -> None:
    one.beads = one.beads[::2]


def languages_swapped(one: Planted) -> None:
    for bead in one.beads:
        bead["src_text"], bead["tgt_text"] = bead["tgt_text"], bead["src_text"]
        bead["src_lang_id"], bead["tgt_lang_id"] = bead["tgt_lang_id"], bead["src_lang_id"]
        bead["src_count"], bead["tgt_count"] = bead["tgt_count"], bead["src_count"]
        bead["src_first"], bead["tgt_first"] = bead["tgt_first"], bead["src_first"]
    for document in one.documents:
        document["src_segments"], document["tgt_segments"] = document["tgt_segments"], document["src_segments"]
    one.promise()


def targets_shifted_by_one(one: Planted) -> None:
    passed = one.passed()
    texts = [bead["tgt_text"] for bead in passed]
    for bead, text in zip(passed, texts[1:] + texts[:1], strict=True):
        bead["tgt_text"] = text


def english_copied_as_german(one: Planted) -> None:
    for bead in one.passed():
        bead |= {"tgt_text": bead["src_text"], "tgt_hash": bead["src_hash"], "tgt_lang_id": "en"}


def mojibake_refused(one: Planted) -> None:
    for bead in one.passed()[::5]:
        bead |= {"tgt_text": bead["tgt_text"].replace("ü", "Ã¼"), "rule": Rule.MOJIBAKE.value}


def mojibake_let_through(one: Planted) -> None:
    for bead in one.passed()[::5]:
        bead["tgt_text"] += " GerÃ¤t"


def a_rule_switched_off(one: Planted) -> None:
    for bead in one.beads:
        if bead["rule"] == Rule.LOW_SCORE.value:
            bead["rule"] = ""


def duplicates_doubled(one: Planted) -> None:
    passed = one.passed()
    repeats = len(passed) - len({bead["unit_key"] for bead in passed})
    for bead in random.Random(7).sample(passed, k=repeats + 15):
        bead["unit_key"] = passed[0]["unit_key"]


def scores_all_one(one: Planted) -> None:
    for bead in one.beads:
        bead["score"] = 1.0


def scores_collapsed(one: Planted) -> None:
    for number, bead in enumerate(one.passed()):
        bead["score"] = 0.55 + number % 7 / 1000


def segments_lost_between_steps(one: Planted) -> None:
    # A bead of two sentences arrives with one; the number of beads stays.
    next(bead for bead in one.beads if bead["src_count"] == 2)["src_count"] = 1


def one_documents_beads_doubled(one: Planted) -> None:
    key = one.documents[3]["document_key"]
    one.beads += [dict(bead) for bead in one.beads if bead["document_key"] == key]


def target_column_emptied(one: Planted) -> None:
    for bead in one.beads:
        bead["tgt_text"] = ""


def pair_mislabelled(one: Planted) -> None:
    # Dutch deposited as German: a bead's language is chosen among the pair's and English, and does not tell.
    for document in one.documents:
        document["tgt_lang_id"] = "nl"


def rule_yield_tripled(one: Planted) -> None:
    for bead in one.passed()[::5]:
        bead["rule"] = Rule.LOW_SCORE.value


def document_lost(one: Planted) -> None:
    one.documents.pop()


def documents_mixed_up(one: Planted) -> None:
    # Half of the documents met the wrong counterpart: nothing in them is each other's translation.
    keys = {document["document_key"] for document in one.documents[::2]}
    for bead in one.beads:
        if bead["document_key"] in keys and bead["src_count"]:
            bead |= {"tgt_count": 0, "tgt_text": "", "rule": Rule.UNALIGNED.value}
    at = dict.fromkeys((document["document_key"] for document in one.documents), 0)
    for bead in one.beads:
        bead["tgt_first"] = at[bead["document_key"]]
        at[bead["document_key"]] += bead["tgt_count"]
    for document in one.documents:
        document["tgt_segments"] = at[document["document_key"]]
    one.promise()


def numbers_garbled(one: Planted) -> None:
    for number, bead in enumerate(one.passed()):
        if bead["tgt_text"][-1].isdigit():
            bead["tgt_text"] += str(number % 10)


def untranslated_rule_silent(one: Planted) -> None:
    for bead in one.beads:
        if bead["rule"] == Rule.UNTRANSLATED_COPY.value:
            bead |= {"rule": "", "tgt_lang_id": "de"}


def wrong_language_rule_silent(one: Planted) -> None:
    for bead in one.beads:
        if bead["rule"] == Rule.WRONG_LANGUAGE.value:
            bead |= {"rule": "", "tgt_lang_id": "de"}


def refusing(rule: Rule) -> Callable[[Planted], None]:
    """A fault of the filter: the rule refuses one bead of five."""

    def change(one: Planted) -> None:
        for bead in one.passed()[::5]:
            bead["rule"] = rule.value

    change.__name__ = f"{rule.value}_refuses_too_much"
    return change


STOP, HOLD, WARN = Level.STOP, Level.HOLD, Level.WARN
#: fault, level, the promise it breaks, what the gate says it found.
TABLE: list[tuple[Callable[[Planted], None], Level, str, str]] = [
    (half_the_beads_dropped, STOP, "Every bead that the filter counted is here, and no other", "promised, "),
    (languages_swapped, HOLD, "The two languages are not swapped", "have the target's language on the source side"),
    (targets_shifted_by_one, HOLD, "Long sentences have long translations", "beads go together by"),
    (english_copied_as_german, HOLD, "What passed the filter is translated, not copied", "100.0% of"),
    (mojibake_refused, HOLD, "The rule 'mojibake' refuses as much as usual", "from 30 earlier dates"),
    (mojibake_let_through, HOLD, "What passed the filter was read in its encoding", "hold broken characters"),
    (a_rule_switched_off, HOLD, "The rule 'low score' refuses as much as usual", "0.0% of"),
    (duplicates_doubled, HOLD, "No more beads repeat another than usual", "from 30 earlier dates"),
    (scores_all_one, HOLD, "The scores tell beads apart", "lie within 0.000 of each other"),
    (scores_collapsed, HOLD, "The scores are spread as usual", "of the beads lie elsewhere than usual"),
    (segments_lost_between_steps, STOP, "Every source segment that was promised lies in a bead", "1 missing"),
    (one_documents_beads_doubled, STOP, "The beads of every document use each segment once", "1 of 11 document pairs"),
    (target_column_emptied, STOP, "Every bead is what its columns promise", "a text without segments"),
    (pair_mislabelled, HOLD, "The documents are in no third language", "100.0% of"),
    (rule_yield_tripled, HOLD, "The rule 'low score' refuses as much as usual", "+2"),
    (document_lost, STOP, "Every document pair that was promised is on record", "11 promised, 10 on record"),
    (documents_mixed_up, HOLD, "At most a third of the document pairs are nearly all one-sided", "6 of 11 are not"),
    (refusing(Rule.UNALIGNED), HOLD, "The rule 'unaligned' refuses as much as usual", "from 30 earlier dates"),
    (numbers_garbled, HOLD, "Numbers are the same on both sides", "100.0% of"),
    (untranslated_rule_silent, HOLD, "The rule 'untranslated copy' refuses no less than usual", "-100%"),
    (wrong_language_rule_silent, HOLD, "The rule 'wrong language' refuses no less than usual", "-100%"),
    (refusing(Rule.NO_LETTERS), HOLD, "The rule 'no letters' refuses as much as usual", "from 30 earlier dates"),
    (refusing(Rule.TOO_LONG), HOLD, "The rule 'too long' refuses as much as usual", "from 30 earlier dates"),
    (refusing(Rule.LENGTH_RATIO), HOLD, "The rule 'length ratio' refuses as much as usual", "from 30 earlier dates"),
    (refusing(Rule.UNTRANSLATED_COPY), WARN, "The rule 'untranslated copy' refuses no more than usual", "from 30"),
    (refusing(Rule.WRONG_LANGUAGE), WARN, "The rule 'wrong language' refuses no more than usual", "from 30"),
]
#: Rules that refuse so little that their silence is seen on a large day alone: 20 beads should have been refused.
RARE = (wrong_language_rule_silent,)
GOLD = "No held-out gold document is among the documents"


def test_every_fault_has_its_verdict_and_its_reason(settings: Settings, db: Database) -> None:
    faults = list(dict.fromkeys(fault for fault, *_ in TABLE))
    assert len(faults) >= 15
    slices = [one for fault in faults for one in each([fault], big if fault in RARE else today)]
    judged = judge(settings, db, [today("ordinary"), *slices])
    assert judged["ordinary"].verdict is Verdict.ACCEPT, judged["ordinary"]
    for fault, level, promise, found in TABLE:
        one = judged[fault.__name__.replace("_", "-")]
        assert one.verdict is VERDICTS[level], one
        said = one.warnings if level is WARN else one.reasons
        assert [text for text in said if text.startswith(promise + ": ") and found in text], one


def leak(tmp_path: Path, settings: Settings, texts: list[str]) -> Settings:
    """Settings that hold these texts out."""
    path = tmp_path / "held-out.sha256"
    path.write_text("# gold\n" + "\n".join(map(text_hash, texts)) + "\n")
    return Settings.from_env({"TM_HELD_OUT": str(path), "TM_HOME": str(settings.home), **database(settings)})


def database(settings: Settings) -> dict[str, str]:
    return {"TM_DATABASE_URL": settings.database_url, "TM_INCLUDE": str(settings.include)}


def test_a_leaked_gold_document_is_quarantined(settings: Settings, db: Database, tmp_path: Path) -> None:
    leaked, clean = today("leaked"), ordinary("another day", store="clean")
    key = leaked.documents[2]["document_key"]
    mine = [bead for bead in leaked.passed() if bead["document_key"] == key]
    # The other documents end with the same imprint: that alone is no leak, and neither is a shared heading.
    gold = [bead["src_text"] for bead in mine]
    judged = judge(leak(tmp_path, settings, gold), db, [leaked, clean])
    assert judged["clean"].verdict is Verdict.ACCEPT
    assert judged["leaked"].verdict is Verdict.QUARANTINE
    assert any(text.startswith(f"{GOLD}: 1 of 11 document pairs") for text in judged["leaked"].reasons), judged
    assert db.connection.execute("select distinct releasable from quality.decision").fetchall()[0] == (True,)


def test_every_promise_is_seen_to_break() -> None:
    suite = load_suite(SUITE)
    table = [*PLAIN_FAULTS, *TABLE]
    assert {one.text for one in suite.promises} == {promise for _, _, promise, _ in table} | {GOLD}
    levels = {one.text: one.level for one in suite.promises}
    assert [row for row in table if levels[row[2]] is not row[1]] == []
    # Nothing but sums and shapes is beyond a person.
    assert {one.text for one in suite.promises if one.level is STOP and one.releasable} == {GOLD}


def test_every_rule_of_the_filter_is_watched() -> None:
    watched = {one.metric for one in load_suite(SUITE).promises}
    assert {f"change_rejected_{rule}" for rule in Rule} <= watched
    assert set(YIELDS) == set(Rule)


# Harmless days ------------------------------------------------------------------------------------


def odd(store: str, **document: object) -> Planted:
    """An ordinary day with one document of another kind."""
    slice_ = today(store)
    add_document(slice_, random.Random(store), "the odd one", **document)  # type: ignore[arg-type]
    return slice_.promise()


def only(store: str, documents: int, beads: int) -> Planted:
    slice_, rng = Planted(store=store), random.Random(store)
    for number in range(documents):
        add_document(slice_, rng, f"{number}", beads=beads)
    return slice_.promise()


def fully_null(store: str) -> Planted:
    """One document of a normal day that met a wrong counterpart."""
    return odd(store, beads=60, yields={Rule.UNALIGNED: 0.97})


HARMLESS: dict[str, Callable[[str], Planted]] = {
    "a-small-slice": lambda store: only(store, documents=2, beads=12),
    "one-document": lambda store: only(store, documents=1, beads=45),
    "one-long-document": lambda store: only(store, documents=1, beads=600),
    "a-list-of-numbers": lambda store: odd(store, beads=80, yields={Rule.NO_LETTERS: 0.95}),
    "a-poem": lambda store: odd(store, beads=60, yields={Rule.LOW_SCORE: 0.4, Rule.UNALIGNED: 0.2}, quality=1.5),
    "a-glossary": lambda store: odd(store, beads=90, words=(1, 2), yields={Rule.LENGTH_RATIO: 0.3}),
    "a-doubled-deposit": lambda store: ordinary("doubled", store=store, documents=22),
    "a-quiet-day": lambda store: ordinary("quiet", store=store, documents=3),
    "a-day-without-refusals": lambda store: only(store, documents=2, beads=40),
    "half-left-untranslated": lambda store: left_untranslated(store),
    "one-document-of-null-beads": fully_null,
    "a-document-from-the-ledger": lambda store: from_ledger(store),
}  # fmt: skip


def left_untranslated(store: str) -> Planted:
    slice_ = today(store)
    for bead in slice_.passed()[::2]:
        bead |= {"tgt_lang_id": "en", "rule": Rule.UNTRANSLATED_COPY.value}
    return slice_


def from_ledger(store: str) -> Planted:
    slice_ = today(store)
    for document in slice_.documents[::2]:
        document["state"] = DocumentState.LEDGER.value
    return slice_


def test_no_harmless_day_is_held(settings: Settings, db: Database) -> None:
    judged = judge(settings, db, [made(store) for store, made in HARMLESS.items()])
    assert len(judged) == len(HARMLESS) >= 10
    assert {store: one.reasons for store, one in judged.items() if one.verdict is not Verdict.ACCEPT} == {}
    assert (
        judged["one-document-of-null-beads"].warnings[0].startswith("No document pair is nearly all one-sided: 1 of 12")
    )


@pytest.mark.parametrize("days", [0, 1, 6], ids=["first date", "second date", "a short history"])
def test_a_history_too_short_to_know_what_is_usual_holds_nothing(settings: Settings, db: Database, days: int) -> None:
    slice_ = today("new")
    a_rule_switched_off(slice_)
    assert judge(settings, db, [slice_], days=days)["new"].verdict is Verdict.ACCEPT


def test_a_new_pair_has_no_history_of_another(settings: Settings, db: Database) -> None:
    slice_ = ordinary("today", store="manuals", tgt_lang="nl", documents=11)
    a_rule_switched_off(slice_)
    plant(db, slice_)
    remember(db, [ordinary("today", store="manuals")], PAST)
    [judged] = run_gate(settings, db, Storage(settings.storage), BATCH).slices
    assert judged.verdict is Verdict.ACCEPT, judged


def test_seven_days_are_enough(settings: Settings, db: Database) -> None:
    slice_ = today("young")
    a_rule_switched_off(slice_)
    assert judge(settings, db, [slice_], days=7)["young"].verdict is Verdict.HOLD


def test_what_a_person_approved_is_usual_from_then_on(settings: Settings, db: Database) -> None:
    slice_ = today("changed")
    a_rule_switched_off(slice_)
    plant(db, slice_)
    yesterday = ordinary("yesterday")
    a_rule_switched_off(yesterday)
    remember(db, [slice_], [*PAST[1:], shares(yesterday)], approved=1)
    [judged] = run_gate(settings, db, Storage(settings.storage), BATCH).slices
    assert judged.verdict is Verdict.ACCEPT, judged
    db.connection.execute("update quality.decision set decided_by = 'gate'")
    [judged] = run_gate(settings, db, Storage(settings.storage), BATCH).slices
    assert judged.verdict is Verdict.HOLD, "or the approval made no difference"


def test_held_and_refused_days_are_no_history(settings: Settings, db: Database) -> None:
    slice_ = today("held")
    a_rule_switched_off(slice_)
    plant(db, slice_)
    remember(db, [slice_], PAST)
    db.connection.execute("update ops.slice set verdict = 'quarantine' where batch_id <> %s", (BATCH,))
    [judged] = run_gate(settings, db, Storage(settings.storage), BATCH).slices
    assert judged.verdict is Verdict.ACCEPT, judged


def test_ordinary_days_are_not_held(settings: Settings, db: Database) -> None:
    days = [ordinary(f"later {number}", store=f"day-{number}") for number in range(40)]
    judged = judge(settings, db, days)
    assert [one for one in judged.values() if one.verdict is not Verdict.ACCEPT] == []
    surprises = db.connection.execute(
        "select count(*), max(value) from quality.metric where batch_id = %s and name like 'surprise\\_%%'", (BATCH,)
    ).fetchone()
    assert surprises is not None
    assert surprises[0] == 40 * (len(Rule) + 2), "or nothing was compared"


def test_the_made_days_are_measured_as_the_gate_measures(settings: Settings, db: Database) -> None:
    day = today("measured")
    judge(settings, db, [day], days=0)
    measured = dict(
        db.connection.execute("select name, value from quality.metric where batch_id = %s", (BATCH,)).fetchall()
    )
    assert {name: measured[name] for name in shares(day)} == pytest.approx(shares(day), abs=1e-6)


def test_inserting_nothing_is_nothing(db: Database) -> None:
    insert(db, "ops.slice", [])
