"""The gate: planted faults are found and named, harmless variations are let through, nothing is judged unseen."""

import json
import random
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.store.gate_made import BATCH, Planted, each, insert, make, plant, sha
from tm_core.errors import ConservationError, ContractError, SettingsError, StorageError
from tm_core.outcomes import DocumentState, Verdict
from tm_core.rules import Rule, Tier
from tm_core.settings import Settings
from tm_core.verdicts import Level
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.gate import GateSummary, run_gate
from tm_store.gate_suite import SliceKey, ask, load_suite

pytestmark = pytest.mark.db

SUITE = Path(__file__).resolve().parents[2] / "include" / "gx" / "slice_suite.json"


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage(settings.storage)


Gate = Callable[..., GateSummary]


@pytest.fixture
def gate(settings: Settings, db: Database, storage: Storage) -> Gate:
    """Plant slices and judge them."""

    def run(*slices: Planted) -> GateSummary:
        plant(db, *slices)
        return run_gate(settings, db, storage, BATCH)

    return run


# Faults -------------------------------------------------------------------------------------------


def half_dropped(one: Planted) -> None:
    one.beads = one.beads[::2]


def beads_doubled(one: Planted) -> None:
    one.beads = one.beads * 2


def source_segments_lost(one: Planted) -> None:
    # A bead that swallows less than it should; the number of beads stays.
    next(bead for bead in one.beads if bead["src_count"] == 2)["src_count"] = 1


def target_segments_lost(one: Planted) -> None:
    next(bead for bead in one.beads if bead["tgt_count"] == 2)["tgt_count"] = 1


def reported_wrongly(one: Planted) -> None:
    for name in ("src_segments", "tgt_segments", "beads"):
        one.documents[0][name] += 7


def one_bead_shifted(one: Planted) -> None:
    # All sums close: only a look at the spans finds the segment that is used twice and the one that is not.
    next(bead for bead in one.beads if bead["position"] == 4)["src_first"] += 1


def beads_dropped_and_promised(one: Planted) -> None:
    # The filter lost rows before it counted, so that its manifest agrees with what is here.
    gone = [bead for bead in one.beads if bead["position"] % 10 == 8]
    one.beads = [bead for bead in one.beads if bead["position"] % 10 != 8]
    for document in one.documents:
        mine = [bead for bead in gone if bead["document_key"] == document["document_key"]]
        document["beads"] -= len(mine)
    one.promise()
    for side in ("src", "tgt"):
        one.promised[f"{side}_segments"] -= sum(bead[f"{side}_count"] for bead in gone)


def document_lost(one: Planted) -> None:
    one.documents.pop()


def all_documents_lost(one: Planted) -> None:
    one.documents.clear()


def document_unfinished(one: Planted) -> None:
    one.documents[0]["state"] = DocumentState.PLANNED.value


def nothing_passed(one: Planted) -> None:
    for bead in one.passed():
        bead["rule"] = Rule.LOW_SCORE.value


def most_refused(one: Planted) -> None:
    for bead in one.passed()[::3] + one.passed()[1::3]:
        bead["rule"] = Rule.LENGTH_RATIO.value


def most_unaligned(one: Planted) -> None:
    lose_targets(one, one.passed()[::2])


def two_documents_unaligned(one: Planted) -> None:
    lose_targets(one, one.passed()[:60])


def lose_targets(one: Planted, beads: list[dict[str, Any]]) -> None:
    for bead in beads:
        bead |= {"tgt_count": 0, "tgt_text": "", "rule": Rule.UNALIGNED.value}
    one.documents = [document | {"tgt_segments": 0} for document in one.documents]
    position = {document["document_key"]: 0 for document in one.documents}
    for bead in one.beads:
        bead["tgt_first"] = position[bead["document_key"]]
        position[bead["document_key"]] += bead["tgt_count"]
    for document in one.documents:
        document["tgt_segments"] = position[document["document_key"]]
    one.promise()


def languages_swapped(one: Planted) -> None:
    for bead in one.beads:
        bead["src_lang_id"], bead["tgt_lang_id"] = bead["tgt_lang_id"], bead["src_lang_id"]


def copied_with_the_filter_off(one: Planted) -> None:
    for bead in one.passed()[::2]:
        bead |= {"tgt_text": bead["src_text"], "tgt_hash": bead["src_hash"], "tgt_lang_id": "en"}


def a_document_in_a_third_language(one: Planted) -> None:
    # French deposited as German: beads are asked for the pair's languages and English only, and do not tell.
    one.documents[2]["tgt_lang_id"] = "fr"


def mixed_languages_passed(one: Planted) -> None:
    for bead in one.passed()[::10]:
        bead["tgt_lang_id"] = "nl"


def target_column_emptied(one: Planted) -> None:
    for bead in one.beads:
        bead["tgt_text"] = ""


def mojibake_passed(one: Planted) -> None:
    for bead in one.passed()[::10]:
        bead["tgt_text"] = bead["tgt_text"].replace("u", "Ã¼")


def numbers_garbled(one: Planted) -> None:
    for number, bead in enumerate(one.passed()):
        bead["tgt_text"] += f" {number + 10}"


def scores_all_one(one: Planted) -> None:
    for bead in one.beads:
        bead["score"] = 1.0


def all_failed(one: Planted) -> None:
    one.beads.clear()
    for document in one.documents:
        document |= {"state": DocumentState.FAILED.value, "src_segments": 0, "tgt_segments": 0, "beads": 0}
    one.promise()


def mostly_untranslated(one: Planted) -> None:
    for bead in one.passed()[10:]:
        bead |= {"tgt_lang_id": "en", "rule": Rule.UNTRANSLATED_COPY.value}


def mostly_repeated(one: Planted) -> None:
    for bead in one.passed()[::4] + one.passed()[1::4] + one.passed()[2::4]:
        bead["unit_key"] = sha("boilerplate")


def targets_swollen(one: Planted) -> None:
    for bead in one.passed():
        bead["tgt_text"] += " und so weiter" * 24


STOP, HOLD, WARN = Level.STOP, Level.HOLD, Level.WARN
VERDICTS = {STOP: Verdict.QUARANTINE, HOLD: Verdict.HOLD, WARN: Verdict.ACCEPT}
OTHERS = "At most 40 % of the aligned beads have one side only, document pairs that are nearly all one-sided left out"
#: fault, level, the promise it breaks, what the gate says it found. Promises on a history are in test_gate_faults.py.
FAULTS: list[tuple[Callable[[Planted], None], Level, str, str]] = [
    (half_dropped, STOP, "Every bead that the filter counted is here, and no other", "160 promised, 80 here"),
    (beads_doubled, STOP, "Every bead that the filter counted is here, and no other", "160 promised, 320 here"),
    (source_segments_lost, STOP, "Every source segment that was promised lies in a bead", "160 promised, 1 missing"),
    (source_segments_lost, STOP, "The source segments add up to what the aligners reported", "-1 against the reports"),
    (target_segments_lost, STOP, "Every target segment that was promised lies in a bead", "160 promised, 1 missing"),
    (target_segments_lost, STOP, "The target segments add up to what the aligners reported", "-1 against the reports"),
    (reported_wrongly, STOP, "The beads add up to what the aligners reported", "160 here, -7 against the reports"),
    (one_bead_shifted, STOP, "The beads of every document use each segment once", "1 of 4 document pairs have"),
    (beads_dropped_and_promised, STOP, "The beads of every document use each segment once", "4 of 4 document pairs"),
    (document_lost, STOP, "Every document pair that was promised is on record", "4 promised, 3 on record"),
    (all_documents_lost, STOP, "Every document pair that was promised is on record", "4 promised, 0 on record"),
    (document_unfinished, STOP, "Every document pair is done or has failed", "1 of 4 are neither"),
    (nothing_passed, HOLD, "At least one bead passed the filter", "0 of 160 passed"),
    (most_refused, HOLD, "Of the translated beads at most half are refused", "% of 128 beads"),
    (most_unaligned, HOLD, OTHERS, "57.5% of 160 beads"),
    (two_documents_unaligned, HOLD, "At most a third of the document pairs are nearly all one-sided", "2 of 4 are not"),
    (two_documents_unaligned, WARN, "No document pair is nearly all one-sided", "2 of 4 are; `tm explain`"),
    (languages_swapped, HOLD, "The two languages are not swapped", "100.0% of 128 long beads"),
    (languages_swapped, HOLD, "What passed the filter is in the languages it is deposited under", "100.0% of 120"),
    (copied_with_the_filter_off, HOLD, "What passed the filter is translated, not copied", "50.0% of 120 long beads"),
    (copied_with_the_filter_off, HOLD, "What passed the filter is in the languages it is deposited under", "50.0% of"),
    (mixed_languages_passed, HOLD, "What passed the filter is in the languages it is deposited under", "10.0% of 120"),
    (a_document_in_a_third_language, HOLD, "The documents are in no third language", "25.0% of 160 beads"),
    (target_column_emptied, STOP, "Every bead is what its columns promise", "144 of 160 are not"),
    (mojibake_passed, HOLD, "What passed the filter was read in its encoding", "10.0% of 120 beads"),
    (numbers_garbled, HOLD, "Numbers are the same on both sides", "100.0% of 120 beads"),
    (scores_all_one, HOLD, "The scores tell beads apart", "128 scored beads lie within 0.000 of each other"),
    (all_failed, WARN, "The slice brought at least one bead", "0 beads from 4 document pairs, 4 of them failed"),
    (all_failed, WARN, "At most half of the document pairs failed", "4 of 4 failed"),
    (mostly_untranslated, WARN, "At most half of the long beads are left untranslated", "85.9% of 128 long beads"),
    (mostly_repeated, WARN, "At most half of the beads repeat another", "74.2% of 120 beads"),
    (targets_swollen, WARN, "Targets are between a fifth and four times as long as their sources", "120 beads is 4.90"),
]


def made(store: str) -> Planted:
    return make(store=store)


def small(store: str) -> Planted:
    return make(store=store, documents=1, beads=15)


def test_every_fault_is_found_and_named(gate: Gate) -> None:
    judged = {one.store: one for one in gate(*each(dict.fromkeys(fault for fault, *_ in FAULTS), made)).slices}
    assert len(judged) >= 20
    levels = {fault: [level for one, level, *_ in FAULTS if one is fault] for fault, *_ in FAULTS}
    for fault, level, promise, found in FAULTS:
        one = judged[fault.__name__.replace("_", "-")]
        assert one.verdict is VERDICTS[min(levels[fault], key=list(Level).index)], one
        said = one.warnings if level is WARN else one.reasons
        assert [text for text in said if text.startswith(promise + ": ") and found in text], one


# Harmless variations ------------------------------------------------------------------------------


def untouched(one: Planted) -> None:
    """As it was made."""


def half_untranslated(one: Planted) -> None:
    for number, bead in enumerate(one.passed()):
        if number % 2:
            rule = Rule.WRONG_LANGUAGE if number % 4 == 1 else Rule.UNTRANSLATED_COPY
            bead |= {"tgt_lang_id": "en", "rule": rule.value}


def one_document_failed(one: Planted) -> None:
    key = one.documents[0]["document_key"]
    one.documents[0] |= {"state": DocumentState.FAILED.value, "src_segments": 0, "tgt_segments": 0, "beads": 0}
    one.beads = [bead for bead in one.beads if bead["document_key"] != key]
    one.promise()


def left_in_english(one: Planted) -> None:
    # German-French, both made from English: two pages and half of the other beads were left as they were.
    one.src_lang = "fr"
    for row in one.beads + one.documents:
        row["src_lang"] = "fr"
    for row in one.passed():
        row["src_lang_id"] = "fr"
    for number, row in enumerate(one.passed()):
        if number % 5 == 1:
            row |= {"tgt_lang_id": "en", "rule": Rule.WRONG_LANGUAGE.value}
        elif number % 5 == 2:
            row |= {"src_lang_id": "en", "tgt_lang_id": "en", "rule": Rule.UNTRANSLATED_COPY.value}
    for row in one.documents[:2]:
        row |= {"src_lang_id": "en", "tgt_lang_id": "en"}


def documents_misread_as_the_other_language(one: Planted) -> None:
    # A page that was mostly left in English, and one too short to tell.
    one.documents[0]["tgt_lang_id"] = "en"
    one.documents[1] |= {"src_lang_id": "und", "tgt_lang_id": "und"}


def from_the_ledger(one: Planted) -> None:
    for document in one.documents:
        document["state"] = DocumentState.LEDGER.value


def imported_with_gaps(one: Planted) -> None:
    # A locale that has a third of its strings: null beads and one score are what such a file is.
    for bead in one.beads:
        bead |= {"tier": Tier.IMPORTED.value, "score": 1.0}
    for document in one.documents:
        document["state"] = DocumentState.IMPORTED.value
    most_unaligned(one)


def a_few_misread(one: Planted) -> None:
    for bead in one.passed()[::30]:
        bead["tgt_lang_id"] = "nl"


def short_texts_misread(one: Planted) -> None:
    for bead in one.passed():
        bead |= {"src_text": "Save changes", "tgt_text": "Speichern", "tgt_lang_id": "nl"}


def regional_tags(one: Planted) -> None:
    one.tgt_lang = "de-AT"
    for row in one.beads + one.documents:
        row["tgt_lang"] = "de-AT"


def beads_in_another_order(one: Planted) -> None:
    random.Random(3).shuffle(one.beads)


HARMLESS = [
    untouched, half_untranslated, left_in_english, one_document_failed, documents_misread_as_the_other_language,
    from_the_ledger, imported_with_gaps, a_few_misread,
    short_texts_misread, regional_tags, beads_in_another_order,
]  # fmt: skip


def test_harmless_variations_are_accepted(gate: Gate) -> None:
    judged = gate(*each(HARMLESS, made)).slices
    assert len(judged) == len(HARMLESS)
    assert [one for one in judged if (one.verdict, one.reasons, one.warnings) != (Verdict.ACCEPT, (), ())] == []


def test_too_little_evidence_is_no_hold(gate: Gate, db: Database) -> None:
    faults = [nothing_passed, languages_swapped, scores_all_one, most_refused]
    judged = gate(*each(faults, small)).slices
    assert [one.verdict for one in judged] == [Verdict.ACCEPT] * len(faults)
    found = db.connection.execute("select found from quality.check_result where found like 'too little evidence%'")
    assert "too little evidence (beads: 15, asked from 20 on)" in {row[0] for row in found}


def test_too_little_evidence_excuses_no_lost_bead(gate: Gate) -> None:
    slice_ = make(documents=1, beads=3)
    slice_.beads.pop()
    assert gate(slice_).slices[0].verdict is Verdict.QUARANTINE


def test_empty_slice_is_accepted_with_a_warning(gate: Gate) -> None:
    [judged] = gate(Planted().promise()).slices
    assert judged.verdict is Verdict.ACCEPT
    assert judged.warnings == ("The slice brought at least one bead: 0 beads from 0 document pairs, 0 of them failed",)


# The whole batch ----------------------------------------------------------------------------------


def content(db: Database, table: str) -> list[Any]:
    """All rows of a table, times and all."""
    return db.connection.execute(f"select * from {table} order by 1, 2, 3, 4, 5").fetchall()


def test_one_slice_judges_no_other(gate: Gate, db: Database) -> None:
    good, bad, odd = make(), make(tgt_lang="fr"), make(store="novels")
    half_dropped(bad)
    scores_all_one(odd)
    summary = gate(good, bad, odd)
    verdicts = {(one.store, one.tgt_lang): one.verdict.value for one in summary.slices}
    assert verdicts == {("manuals", "de"): "accept", ("manuals", "fr"): "quarantine", ("novels", "de"): "hold"}
    assert summary.counts == {"accept": 1, "hold": 1, "quarantine": 1, "discard": 0}
    stored = db.connection.execute("select store, tgt_lang, verdict from ops.slice").fetchall()
    assert {(store, lang): verdict for store, lang, verdict in stored} == verdicts


def test_second_run_changes_no_row(gate: Gate, settings: Settings, db: Database, storage: Storage) -> None:
    odd = make(tgt_lang="fr")
    scores_all_one(odd)
    first = gate(make(), odd)
    tables = ("quality.metric", "quality.check_result", "quality.decision", "quality.decision_history", "ops.slice")
    before = {table: content(db, table) for table in tables}
    files = {info.path: storage.read(info.path) for info in storage.list(f"work/{BATCH}")}
    assert all(before.values())
    docs = ("data_docs/index.html", "data_docs/manuals.en-fr.svg", "verdict.json")
    assert sorted(files) == [f"work/{BATCH}/gate/{name}" for name in docs]
    db.connection.execute("create table shuffled as select * from staging.bead order by score, unit_key")
    db.connection.execute("delete from staging.bead; insert into staging.bead select * from shuffled")
    assert run_gate(settings, db, storage, BATCH) == first
    assert {table: content(db, table) for table in tables} == before
    assert {info.path: storage.read(info.path) for info in storage.list(f"work/{BATCH}")} == files


def test_changed_input_changes_the_decision(gate: Gate, settings: Settings, db: Database, storage: Storage) -> None:
    assert gate(make()).counts["accept"] == 1
    db.connection.execute("update staging.bead set score = 1")
    assert run_gate(settings, db, storage, BATCH).counts["hold"] == 1
    assert db.connection.execute("select verdict, reasons, decided_by from quality.decision").fetchall() == [
        (
            "hold",
            ["The scores tell beads apart: 128 scored beads lie within 0.000 of each other, the middle one at 1.000"],
            "gate",
        )
    ]


def test_metrics_say_what_was_planted(gate: Gate, db: Database) -> None:
    gate(make())
    metrics = dict(db.connection.execute("select name, value from quality.metric").fetchall())
    expected = {
        "beads": 160, "documents": 4, "passed": 120, "null_share": 0.2, "rejected_share": 0.25,
        "rejected_unaligned": 0.2, "rejected_low_score": 0.05, "rejected_mojibake": 0, "refused_share": 0.0625,
        "scored": 128, "identified": 128, "duplicate_share": 0, "documents_untiled": 0, "score_one_share": 0,
    }  # fmt: skip
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)
    assert {f"rejected_{rule}" for rule in Rule} <= metrics.keys()


def test_no_slice_is_an_error(settings: Settings, db: Database, storage: Storage) -> None:
    with pytest.raises(ContractError, match="expected at least one slice"):
        run_gate(settings, db, storage, BATCH)
    plant(db)
    with pytest.raises(ContractError, match="expected at least one slice"):
        run_gate(settings, db, storage, BATCH)


def test_beads_of_an_unpromised_slice_are_an_error(gate: Gate, db: Database) -> None:
    insert(db, "staging.bead", make(tgt_lang="fr").beads)
    with pytest.raises(ConservationError, match="manuals en-fr"):
        gate(make())
    assert content(db, "quality.decision") == []


def test_failure_leaves_no_verdict(gate: Gate, db: Database) -> None:
    with patch.object(Storage, "write_atomic", side_effect=StorageError("full")), pytest.raises(StorageError):
        gate(make())
    assert db.connection.execute("select verdict from ops.slice").fetchall() == [(None,)]
    assert content(db, "quality.decision") == []


# The files beside the batch -----------------------------------------------------------------------


def test_page_explains_itself_and_loads_nothing(gate: Gate, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    # Postgres is reached through libpq, not through this.
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: called.append(address))
    bad = make(tgt_lang="fr")
    half_dropped(bad)
    summary = gate(make(), bad)
    assert summary.docs_uri == storage.uri_of(f"work/{BATCH}/gate/data_docs/index.html")
    page = storage.read(f"work/{BATCH}/gate/data_docs/index.html").decode()
    assert called == []
    assert "160 promised, 80 here" in page
    assert page.count("<details id=") == 2
    assert "1 unexpected values found" in page  # said by Great Expectations, not by us
    assert not re.findall(r"<script|<link|<img|@import|url\(|\bsrc=|href=\"(?!#)", page)


def test_json_says_the_verdicts(gate: Gate, storage: Storage) -> None:
    gate(make())
    assert json.loads(storage.read(f"work/{BATCH}/gate/verdict.json")) == {
        "batch_id": BATCH,
        "slices": [
            {"store": "manuals", "src_lang": "en", "tgt_lang": "de", "verdict": "accept", "reasons": [], "warnings": []}
        ],
    }


# The suite ----------------------------------------------------------------------------------------

KEY = SliceKey(store="manuals", src_lang="en", tgt_lang="de")
Change = Callable[[dict[str, Any]], None]


def write_suite(path: Path, change: Change) -> Path:
    data = json.loads(SUITE.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return path


def spoil(where: str, **values: object) -> Change:
    def change(data: dict[str, Any]) -> None:
        one = data["expectations"][0]
        (one if where == "expectation" else one[where]).update(values)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (spoil("meta", level="panic"), "level"),
        (spoil("meta", source=""), "source"),
        (spoil("meta", releasable="no"), "meta.releasable"),
        (spoil("meta", level="hold"), "meta.releasable"),
        (spoil("expectation", description=""), "description"),
        (spoil("kwargs", column=""), "kwargs.column"),
        (spoil("kwargs", row_condition={"type": "comparison", "operator": "<"}), "metric >= whole number"),
        (lambda data: data["expectations"].append(data["expectations"][0]), "a text of its own"),
        (lambda data: data["expectations"].clear(), "found none"),
        (lambda data: data.pop("expectations"), "'expectations'"),
    ],
)
def test_wrong_suite_is_refused(tmp_path: Path, change: Change, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_suite(write_suite(tmp_path / "suite.json", change))


@pytest.mark.parametrize(
    "change", [spoil("kwargs", column="beads_mising"), spoil("meta", found="{beads_mising} beads")]
)
def test_promise_on_an_unmeasured_metric_is_an_error(tmp_path: Path, change: Change) -> None:
    metrics = {"documents_missing": 0.0, "documents_promised": 1.0, "documents": 1.0}
    with pytest.raises(ContractError, match="beads_mising"):
        ask(load_suite(write_suite(tmp_path / "suite.json", change)), {KEY: metrics})


def test_promise_that_tells_no_slices_apart_is_an_error(tmp_path: Path) -> None:
    def only_a_mean(data: dict[str, Any]) -> None:
        del data["expectations"][1:]
        data["expectations"][0]["type"] = "expect_column_mean_to_be_between"

    suite = load_suite(write_suite(tmp_path / "suite.json", only_a_mean))
    with pytest.raises(ContractError, match="slice by slice"):
        ask(suite, {KEY: {"documents_missing": 0.0, "documents_promised": 1.0, "documents": 1.0}})


def test_slice_that_great_expectations_passes_over_is_an_error(tmp_path: Path) -> None:
    suite = load_suite(
        write_suite(tmp_path / "suite.json", lambda data: data["expectations"].__delitem__(slice(1, 99)))
    )
    metrics = {"documents_missing": float("nan"), "documents_promised": 1.0, "documents": 1.0}
    with pytest.raises(ContractError, match="answer on 1 slices, Great Expectations looked at 0"):
        ask(suite, {KEY: metrics})


def test_no_slice_to_ask_about_is_an_error() -> None:
    with pytest.raises(ContractError, match="no slice"):
        ask(load_suite(SUITE), {})


def test_import_is_cheap() -> None:
    code = "import sys, tm_store.gate; print(*sorted({'great_expectations', 'pandas', 'numpy'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
