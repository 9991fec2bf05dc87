"""The report and explain: every section is there, on nothing, on an empty batch and on a full one; columns line up."""

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tm_core.errors import DepositError
from tm_core.outcomes import FileState
from tm_core.rules import Rule
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.explain import explain
from tm_store.report import report, table

DAY = date(2026, 1, 5)
BATCH = "2026-01-05-0123456789ab"
DONE = datetime(2026, 1, 5, 3, 30, tzinfo=UTC)
SECTIONS = [
    "Refresh of 2026-01-05: batch 2026-01-05-0123456789ab",
    "Files deposited:",
    "Document pairs:",
    "Segments:",
    "Beads by tier:",
    "Beads rejected by rule:",
    *(f"  {rule.value.replace('_', ' ')} " for rule in Rule),
    "  duplicate in batch ",
    "Gate:",
    "Load:",
    "Review queue:",
    "The memory now holds:",
    "Backup:",
    "Seconds a step:",
    "nits of the memory:",
    "What to try next:",
]
OF_BATCH = {"batch_id": BATCH, "partition_date": DAY}
PAIR = {"store": "demo", "src_lang": "en", "tgt_lang": "de"}
LONG = "x" * 180


def key(name: object) -> bytes:
    return hashlib.sha256(str(name).encode()).digest()


@pytest.fixture
def insert(db: Database) -> Callable[..., None]:
    """Write one row."""

    def into(table: str, **row: Any) -> None:
        values = ", ".join(f"%({name})s" for name in row)
        db.connection.execute(f"insert into {table} ({', '.join(row)}) values ({values})", row)

    return into


@pytest.fixture
def empty_batch(db: Database, insert: Callable[..., None]) -> None:
    """A batch of which nothing is known but that it was planned."""
    db.run("ops/ensure_month", day=DAY)
    insert("ops.batch", **OF_BATCH, state="planned", run_id="test", versions="{}")


@pytest.fixture
def full_batch(db: Database, insert: Callable[..., None], empty_batch: None) -> None:
    """Four files, one document pair, six beads with an outcome each, everything done."""
    db.connection.execute("update ops.batch set state = 'done', done_at = %s", (DONE,))
    folder = "raw/demo/2026-01-05/"
    files = {
        "guide.de.txt": ("paired", ""),
        "guide.en.txt": ("paired", ""),
        "lost.en.txt": ("unpaired", "no counterpart: en is paired with de; none of them came under this name"),
        f"{LONG}.de.docx": ("unsupported", f"{LONG}.de.docx: the suffix '.docx' is not read. Expected one of .txt"),
    }
    for name, (state, reason) in files.items():
        insert("ops.file", **OF_BATCH, path=folder + name, store="demo", size=1, sha256="", state=state, reason=reason)
    insert(
        "ops.document", **OF_BATCH, **PAIR, document_key=key("guide"), name="guide", kind="document", state="aligned",
        reason="", content_hash="", ledger_key="", tier="lexical", route="tier 1 confidence 0.91 >= 0.60",
        confidence=0.91, src_segments=1200, tgt_segments=1300, beads=6, src_lang_id="en", tgt_lang_id="de", notes="",
    )  # fmt: skip
    outcomes = [("new", ""), ("new", ""), ("duplicate", ""), *[("rejected", "mojibake")] * 2, ("rejected", "low_score")]
    for position, (outcome, rule) in enumerate(outcomes):
        insert(
            "ops.outcome", **OF_BATCH, document_key=key("guide"), position=position, outcome=outcome, rule=rule,
            unit_key=key(position),
        )  # fmt: skip
    insert(
        "ops.slice",
        batch_id=BATCH,
        **PAIR,
        documents=1,
        src_segments=1200,
        tgt_segments=1300,
        beads=6,
        verdict="accept",
    )
    insert(
        "quality.decision", batch_id=BATCH, **PAIR, verdict="accept", reasons=[], warnings=["beads are few: 6"],
        decided_by="gate",
    )  # fmt: skip
    plant_units(db, insert)
    insert(
        "ops.backup", uri="file:///backups/1", batch_id=BATCH, taken_at=DONE, state="good", files=12, bytes=3_400_000,
        manifest_sha256="f" * 64, counts="{}", seconds=1.0,
    )  # fmt: skip
    for step, seconds in (("backup", 1.5), ("plan", 0.25), ("load", 1234.5)):
        insert("ops.step", batch_id=BATCH, step=step, seconds=seconds, facts="{}")
    for shard in range(2):
        insert("ops.shard_run", **OF_BATCH, tier="lexical", shard=shard, documents=1, seconds=2.0, attestation="{}")


def plant_units(db: Database, insert: Callable[..., None]) -> None:
    """Two units of the batch, one of them in the review queue."""
    db.connection.execute("insert into tm.store (name) values ('demo')")
    for position in range(2):
        said = {
            "src_lang": "en", "tgt_lang": "de", "src_text": f"Sentence {position}.", "tgt_text": f"Satz {position}.",
            "document_key": key("guide"), "position": position, "unit_key": key(position), "tier": "lexical",
            "score": 0.75, "batch_id": BATCH,
        }  # fmt: skip
        insert(
            "tm.unit", **said, store_id=1, src_hash=b"", tgt_hash=b"", context=b"", prev_hash=b"", next_hash=b"",
            item_key="", aligner="", model_hash="", partition_date=DAY,
        )  # fmt: skip
    insert("review.item", **said, store="demo", score_bin=3, weight=2.0)


# The report ----------------------------------------------------------------------------------------


@pytest.mark.db
def test_a_date_without_a_batch_says_so_and_what_to_do(db: Database) -> None:
    assert report(db, DAY) == (
        "Nothing was deposited for 2026-01-05: there is no batch of this date.\nNext: tm deposit --help"
    )


def in_order(text: str) -> list[str]:
    """The sections that are missing or not in their place."""
    wrong, at = [], 0
    for section in SECTIONS:
        found = text.find(section, at)
        wrong += [section] if found < 0 else []
        at = max(at, found)
    return wrong


@pytest.mark.db
def test_an_empty_batch_has_every_section_and_none_is_blank(db: Database, empty_batch: None) -> None:
    text = report(db, DAY)
    assert in_order(text) == []
    for said in (
        "Files deposited: 0", "Document pairs:  0", "Beads by tier:   none", "Gate: no slice yet",
        "Load: 0 new, 0 updated, 0 duplicate", "Review queue: 0 items", "holds:\n  nothing", "Backup: none yet",
        "no step has finished", "none comes from this batch",
    ):  # fmt: skip
        assert said in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    assert in_order(text.replace("Gate:", "")) == ["Gate:"], "seen to fail"


@pytest.mark.db
def test_a_full_batch_is_told_in_every_section(db: Database, full_batch: None) -> None:
    text = report(db, DAY)
    assert in_order(text) == []
    for said in (
        "0123456789ab, done",
        "Files deposited: 4 (2 paired, 1 unpaired, 1 unsupported)",
        "  unpaired: demo/2026-01-05/lost.en.txt: no counterpart: en is paired with de;",
        "Document pairs:  1 (1 aligned)",
        "Segments:        2,500 on both sides",
        "Beads by tier:   6 lexical",
        "Beads rejected by rule: 3, and 1 duplicates",
        "  mojibake            2\n",
        "  low score           1\n",
        "  too long            0\n",
        "  duplicate in batch  1",
        "Gate: 1 slices accept\n  demo en-de: accept: warning: beads are few: 6",
        "Load: 2 new, 0 updated, 1 duplicate, 3 rejected",
        "Review queue: 1 items sampled from 1 strata",
        "The memory now holds:\n  demo  2  units  1  language pairs",
        "Backup: file:///backups/1\n  12 files, 3.40 MB, manifest SHA-256 ffff",
        "  plan         0.2\n  lexical      4.0  in 2 tasks\n  load     1,234.5\n  backup       1.5",
        "  demo, lexical, score 0.75\n    en: Sentence ",
        "    de: Satz ",
    ):
        assert said in text, said
    assert "Nothing new" not in text


@pytest.mark.db
@pytest.mark.db
def test_the_units_shown_are_the_middle_ones_of_their_pairs_by_score(
    db: Database, insert: Callable[..., None], empty_batch: None
) -> None:
    db.connection.execute("insert into tm.store (name) values ('demo')")
    scores = {"de": (0.31, 0.52, 0.97, 0.98, 0.99), "fr": (0.45, 0.88, 0.96), "es": (0.93,)}
    for tgt_lang, mine in scores.items():
        for position, score in enumerate(mine):
            insert(
                "tm.unit", src_lang="en", tgt_lang=tgt_lang, src_text=f"A sentence of a usual length, scored {score}.",
                tgt_text=f"{tgt_lang} {score}", document_key=key("guide"), position=position,
                unit_key=key(f"{tgt_lang} {position}"), tier="lexical", score=score, batch_id=BATCH, store_id=1,
                src_hash=b"", tgt_hash=b"", context=b"", prev_hash=b"", next_hash=b"", item_key="", aligner="",
                model_hash="", partition_date=DAY,
            )  # fmt: skip
    shown = report(db, DAY).partition("Three units of the memory: of each language pair the middle one by score")[2]
    assert [line.split()[-1] for line in shown.splitlines() if line.startswith("  demo, ")] == ["0.97", "0.93", "0.88"]


def test_a_file_with_a_long_name_is_told_by_name_once(db: Database, full_batch: None) -> None:
    (line,) = [line for line in report(db, DAY).splitlines() if "unsupported: " in line]
    assert line.startswith("  unsupported: demo/2026-01-05/xxx")
    assert "xxx.de.docx: the suffix '.docx' is not" in line
    assert len(line) <= 112


@pytest.mark.db
def test_problems_beyond_a_dozen_are_counted(db: Database, insert: Callable[..., None], empty_batch: None) -> None:
    for number in range(15):
        insert(
            "ops.file", **OF_BATCH, path=f"raw/demo/2026-01-05/{number:02}.en.txt", store="demo", size=0, sha256="",
            state=FileState.UNREADABLE.value, reason=f"{number:02}.en.txt: broken in line {number}.",
        )  # fmt: skip
    lines = report(db, DAY).splitlines()
    told = [line for line in lines if line.startswith("  unreadable: ")]
    assert told[0] == "  unreadable: demo/2026-01-05/00.en.txt: broken in line 0."
    assert len(told) == 12
    assert "  … and 3 more: tm explain NAME" in lines


@pytest.mark.db
@pytest.mark.parametrize(("minutes", "nothing_new"), [(1, True), (-1, False)])
def test_a_run_that_found_its_batch_done_says_so(
    db: Database, full_batch: None, minutes: int, nothing_new: bool
) -> None:
    text = report(db, DAY, since=DONE + timedelta(minutes=minutes))
    assert ("Nothing new: the same documents" in text) is nothing_new
    assert ("at 2026-01-05 03:30 UTC. No row was changed" in text) is nothing_new


# Explain -------------------------------------------------------------------------------------------


@pytest.mark.db
@pytest.mark.parametrize("name", ["lost", "demo/lost", "lost.en.txt", "demo/2026-01-05/lost.en.txt"])
def test_a_file_without_a_pair_is_explained(settings: Settings, db: Database, full_batch: None, name: str) -> None:
    text = explain(db, Storage(settings.storage), name)
    assert "raw/demo/2026-01-05/lost.en.txt  unpaired  no counterpart: en is paired with de" in text


@pytest.mark.db
def test_a_document_is_explained_though_its_files_are_gone(settings: Settings, db: Database, full_batch: None) -> None:
    text = explain(db, Storage(settings.storage), "demo/guide")
    for said in (
        "Files deposited on 2026-01-05:", "guide.de.txt  paired", "demo/guide en-de, 2026-01-05",
        "tier 1 confidence 0.91 >= 0.60", "1,200 and 1,300", "2 new, 2 rejected (mojibake)", "files are gone",
    ):  # fmt: skip
        assert said in text, said


@pytest.mark.db
@pytest.mark.parametrize(
    "name", ["nowhere", "l%", "l_st", "other/lost", "\\", "los", "demo/los", "guid", "lost.e", "gui"]
)
def test_an_unknown_name_is_an_error(settings: Settings, db: Database, full_batch: None, name: str) -> None:
    with pytest.raises(DepositError, match="no refresh has seen"):
        explain(db, Storage(settings.storage), name)


# Tables --------------------------------------------------------------------------------------------


def test_numbers_stand_to_the_right_and_text_to_the_left() -> None:
    rows = [("a", 1, 2.0, "x"), ("longer", 12345, -10.25, "yy"), ("", -3, 1234.5, "")]
    assert table(rows).splitlines() == [
        "  a            1      2.0  x",
        "  longer  12,345    -10.2  yy",
        "              -3  1,234.5",
    ]


def test_a_column_with_one_word_in_it_is_text() -> None:
    assert table([(1, "1.50"), (22, "n/a")], indent=0).splitlines() == [" 1  1.50", "22  n/a"]


def test_an_empty_table_is_nothing() -> None:
    assert table([]) == ""


def test_rows_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        table([(1, 2), (1,)])


@pytest.mark.db
def test_files_left_out_for_the_same_reason_are_told_together(
    db: Database, insert: Callable[..., None], empty_batch: None
) -> None:
    for name in ("a", "b", "c"):
        path = f"raw/demo/2026-01-05/{name}.en.md"
        insert(
            "ops.file", **OF_BATCH, path=path, store="demo", size=1, sha256="",
            state=FileState.UNSUPPORTED.value, reason=f"{name}.en.md: the suffix '.md' is not read.",
        )  # fmt: skip
    lines = report(db, DAY).splitlines()
    at = lines.index("  3 unsupported: the suffix '.md' is not read.")
    assert lines[at + 1] == "    demo/2026-01-05/a.en.md, demo/2026-01-05/b.en.md, demo/2026-01-05/c.en.md"
