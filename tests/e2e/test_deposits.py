"""Adverse deposits: each is reported by name with its reason, and the rest of its batch is loaded."""

import io
import itertools
import os
import threading
import zipfile
from dataclasses import dataclass, field

import pytest

from tests.waiting import pause
from tm_core.deposits import parse_name
from tm_core.errors import BadName

pytestmark = pytest.mark.db

DAY = "2026-01-05"
GOOD = [f"{DAY}/{name}.{lang}.txt" for name in ("weather-station", "seven-minutes") for lang in ("en", "de")]

EN = """The bicycles may be borrowed by everybody. They cost nothing. Please bring them back in the evening.

The bells are loud. The brakes are good.
"""
DE = """Die Fahrräder dürfen von allen ausgeliehen werden. Sie kosten nichts. Bitte bringen Sie sie am Abend zurück.

Die Klingeln sind laut. Die Bremsen sind gut.
"""
BROKEN_EN = "<html><body><p>The bikes may be <b>borrowed by all.<p>They are red.<table><tr><td>Ring the bell.</html"
BROKEN_DE = "<p>Die Räder dürfen von <i>allen geliehen werden.<div><p>Sie sind rot.</b><li>Läuten Sie die Klingel."
SCRIPT_EN = """<html><head><title>Bikes</title><script>var stolen = "The script says hello.";</script>
<style>p::after { content: "Styled text." }</style></head><body onload="alert('Loaded.')"><p>The tyres are new.</p>
<script>document.write("<p>Written by a script.</p>")</script><p>The lamps are old.</p></body></html>"""
SCRIPT_DE = "<html><head><title>Räder</title></head><body><p>Die Reifen sind neu.</p><p>Die Lampen sind alt.</p></html>"
TMX = """<?xml version="1.0" encoding="UTF-8"?>{doctype}
<tmx version="1.4"><header creationtool="hand" creationtoolversion="1" segtype="sentence" o-tmf="none"
adminlang="en" srclang="en" datatype="plaintext"/><body><tu><tuv xml:lang="en"><seg>Open the {door}.</seg></tuv>
<tuv xml:lang="de"><seg>Öffnen Sie die Tür.</seg></tuv></tu></body></tmx>"""
ENTITY = '<!DOCTYPE tmx [<!ENTITY door SYSTEM "file:///etc/passwd">]>'


def zipped(*names):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name in names:
            archive.writestr(name, "x" * 50)
    return whole.getvalue()


@dataclass(frozen=True, kw_only=True)
class Case:
    """Files to deposit, and what is to be said of some of them: name -> (state, words of the reason)."""

    files: dict[str, bytes | str]
    said: dict[str, tuple[str, str]] = field(default_factory=dict)


def pair(name, en, de, ext="txt", state="", why="", both=False):
    """Two files of one document; what is to be said of the English one, or of both."""
    files = {f"{name}.en.{ext}": en, f"{name}.de.{ext}": de}
    return Case(files=files, said=dict.fromkeys([*files][: both + 1], (state, why)) if state else {})


LONG, TOO_LONG = "n" * 150, "o" * 197
CASES = {
    "0 bytes": pair("zero", b"", DE, state="unreadable", why="the file is empty (0 bytes)"),
    "white space": pair("white", " \n\t\r\n\u00a0 ", DE, state="unreadable", why="only white space"),
    "no text in HTML": pair(
        "void", "<html><script>x</script>", DE, "html", state="unreadable", why="there is no text in it"
    ),
    "NUL bytes": pair(
        "nul", EN.replace("bells", "be\0ls"), DE, state="unreadable", why="NUL bytes, the first at byte 1"
    ),
    "nothing but NUL bytes": pair("nuls", bytes(1000), DE, state="unreadable", why="NUL bytes"),
    "a zip named .txt": pair("zip", zipped("a.txt"), DE, state="unreadable", why="it is a zip archive"),
    "a .docx named .txt": pair(
        "word", zipped("word/document.xml"), DE, state="unreadable", why="it is a Word document"
    ),
    "a suffix that is not read": pair("page", b"x", b"", "pages", "unsupported", ".pages' is not read", both=True),
    "a .docx that is none": pair(
        "letter", zipped("word/x"), zipped("word/x"), "docx", "unreadable", "letter.en.docx: "
    ),
    "a truncated TMX": Case(
        files={"cut.tmx": TMX.format(doctype="", door="door")[:-40]},
        said={"cut.tmx": ("unreadable", "no whole XML at line 4")},
    ),
    "a TMX with an external entity": Case(
        files={"entity.tmx": TMX.format(doctype=ENTITY, door="&door;")},
        said={"entity.tmx": ("unreadable", "the entity 'door'")},
    ),
    "broken JSON": pair("keys", '{"a": "b"', '{"a": "b"}', "json", state="unreadable", why="it is not JSON at line 1"),
    "a language that does not exist": Case(
        files={"alien.qq.txt": EN, "alien.en.txt": EN},
        said={
            "alien.qq.txt": ("unsupported", "'qq' is not a language code"),
            "alien.en.txt": ("unpaired", "no counterpart"),
        },
    ),
    "a language that the store does not have": Case(
        files={"other.pl.txt": EN}, said={"other.pl.txt": ("unpaired", "store 'demo' has no pair with pl")}
    ),
    "no language": Case(files={"bare.txt": EN}, said={"bare.txt": ("unsupported", "no language in the name")}),
    "no counterpart": Case(files={"alone.en.txt": EN}, said={"alone.en.txt": ("unpaired", "en is paired with de")}),
    "two files of one name and language": Case(
        files={"twin.en.txt": EN, "twin.en.html": f"<p>{EN}", "twin.de.txt": DE},
        said={"twin.en.txt": ("unsupported", "same name and language as"), "twin.en.html": ("paired", "")},
    ),
    "a long name": pair(LONG, b"", DE, state="unreadable", why="the file is empty"),
    "a name that is too long": pair(
        TOO_LONG, EN, DE, state="unsupported", why="204 characters, more than 200", both=True
    ),
    "a backslash": pair("back\\slash", EN, DE, state="unsupported", why="control characters or backslashes", both=True),
    "a line break": pair("line\nbreak", EN, DE, state="unsupported", why="control characters", both=True),
    "a drive letter": pair("C:", EN, DE, state="unsupported", why="the path is absolute", both=True),
    "a name that is no UTF-8": Case(
        files={os.fsdecode(b"caf\xe9.en.txt"): EN}, said={"caf\\udce9.en.txt": ("unsupported", "control characters")}
    ),
}
READABLE = {
    "Latin-1": pair("latin", EN.replace("bicycles", "tandems"), DE.replace("Fahrräder", "Zweiräder").encode("latin-1")),
    "UTF-16": pair("wide", EN.encode("utf-16"), DE.replace("Fahrräder", "Dreiräder").encode("utf-16-be")),
    "broken HTML": pair("tags", BROKEN_EN, BROKEN_DE, "html"),
    "scripts": pair("scripts", SCRIPT_EN, SCRIPT_DE, "html"),
    "source = target": pair("same", EN, EN),
    "beyond ASCII": pair("überfahrt 日本 ñ", EN.replace("bicycles", "ferries"), DE.replace("Fahrräder", "Fähren")),
    "folders": pair("a/b/deep", EN.replace("bicycles", "trams"), DE.replace("Fahrräder", "Trams")),
}


@pytest.fixture(scope="module")
def adverse(make_lasting_world):
    """One batch of all of it, refreshed."""
    world = make_lasting_world()
    world.deposit(DAY, *GOOD)
    for case in (*CASES.values(), *READABLE.values()):
        for name, content in case.files.items():
            world.put(DAY, name, content)
    world.refresh(DAY).ok()
    return world


def said(world, name):
    """(state, reason) of a file, as the books have it."""
    return world.rows("select state, reason from ops.file where path = %s", f"raw/demo/{DAY}/{name}")[0]


def units(world, *names):
    query = (
        "select document.name, src_text, tgt_text, tier, score from tm.unit join tm.document"
        " using (store_id, document_key, src_lang, tgt_lang) where document.name = any(%s) order by 1, 2, 3"
    )
    return world.rows(query, list(names))


@pytest.mark.parametrize("name", CASES)
def test_an_adverse_file_is_named_with_its_reason(adverse, name):
    case = CASES[name]
    assert case.said
    for file, (state, words) in case.said.items():
        found, reason = said(adverse, file)
        assert (found, words in reason) == (state, True), (found, reason)
        if state in ("unreadable", "unsupported"):
            # What it was, and what the depositor may do.
            assert "It was left out" in reason or "it was left out" in reason or "Rename" in reason
        told = adverse.tm("explain", file).ok().out
        assert state in told
        assert words in told


def test_the_report_counts_them_and_names_the_first(adverse):
    told = adverse.tm("report", "--date", DAY).ok().out
    counts = dict(adverse.rows("select state, count(*) from ops.file group by state"))
    assert set(counts) == {"paired", "unpaired", "unreadable", "unsupported"}
    for state, count in counts.items():
        assert f"{count} {state}" in told
    for words in (f"demo/{DAY}/cut.tmx", "no whole XML", "no counterpart", "more: tm explain NAME"):
        assert words in told


def test_the_rest_of_the_batch_is_loaded(adverse, make_world):
    """The good documents' units are those of a batch of good documents alone."""
    clean = make_world()
    clean.deposit(DAY, *GOOD)
    clean.refresh(DAY).ok()
    expected = units(clean, "weather-station", "seven-minutes")
    assert len(expected) > 100
    assert units(adverse, "weather-station", "seven-minutes") == expected
    adverse.check_books(DAY)


def every_bead(world, name):
    """The texts of all beads of a document, loaded or not."""
    return world.tm("explain", name, "--all").ok().out


def test_what_can_be_read_is_read(adverse):
    assert "Die Zweiräder dürfen von allen" in every_bead(adverse, "latin")
    assert "not UTF-8 and nothing declared: read as cp1252" in every_bead(adverse, "latin")
    assert "Die Dreiräder dürfen von allen" in every_bead(adverse, "wide")
    assert "no byte order mark: read as utf-16-be" in every_bead(adverse, "wide")
    assert "Die Räder dürfen von allen geliehen werden." in every_bead(adverse, "tags")
    assert "The ferries may be borrowed" in every_bead(adverse, "überfahrt 日本 ñ")
    assert "The trams may be borrowed" in every_bead(adverse, "a/b/deep")


def test_scripts_are_no_text(adverse):
    found = every_bead(adverse, "scripts")
    assert "The tyres are new." in found
    assert "Die Lampen sind alt." in found
    for word in ("says hello", "Styled", "Loaded", "stolen", "Written by"):
        assert word not in found


def test_an_untranslated_copy_does_not_reach_the_memory(adverse):
    assert units(adverse, "same") == []
    rules = adverse.rows(
        "select outcome, rule, count(*) from ops.outcome join ops.document using (batch_id, document_key)"
        " where name = 'same' group by 1, 2"
    )
    assert rules == [("rejected", "untranslated_copy", 5)]


@pytest.mark.parametrize(
    "name", ["../up.en.txt", "a/../../up.en.txt", "/etc/passwd.en.txt", "a//b.en.txt", "./a.en.txt", "~\0.en.txt"]
)
def test_names_that_only_object_storage_can_hold(name):
    """A folder cannot hold them; a bucket can, and its listing gives them to the plan as they are."""
    with pytest.raises(BadName, match="it was left out and nothing else is affected"):
        parse_name(name)


def test_a_batch_without_any_document(make_world):
    world = make_world()
    world.put(DAY, "alone.en.txt", EN)
    world.put(DAY, "page.en.pages", b"x")
    assert world.refresh(DAY).json["load"]["inserted"] == 0
    assert "2 (1 unpaired, 1 unsupported)" in world.tm("report", "--date", DAY).ok().out
    assert world.refresh(DAY).json["nothing_new"]
    # Its counterpart comes late.
    world.put(DAY, "alone.de.txt", DE)
    assert not world.refresh(DAY).json["nothing_new"]
    assert world.value("select beads from ops.document") > 0


# A line of 20 MB ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("x" * 20_000_000, id="one word"),
        # 50,000 sentences, and nearly as many beads.
        pytest.param(
            f"The bicycles {'and the tandems ' * 24}are free. " * 50_000, id="sentences", marks=pytest.mark.slow
        ),
    ],
)
def test_a_line_of_20_megabytes(make_world, line):
    """Its own slice may wait for a person, who is told why; the other slices are loaded."""
    assert len(line) > 19_000_000
    world = make_world()
    world.deposit(DAY, *(f"{DAY}/weather-station.{lang}.txt" for lang in ("en", "fr")))
    world.put(DAY, "line.en.txt", line)
    world.put(DAY, "line.de.txt", DE)
    world.refresh(DAY).ok()
    assert len(units(world, "weather-station")) > 50
    assert len(units(world, "line")) < 5
    verdicts = dict(world.rows("select tgt_lang, verdict from ops.slice"))
    assert verdicts["fr"] == "accept"
    assert verdicts["de"] == "accept" or "demo en-de: hold: " in world.tm("report", "--date", DAY).ok().out
    world.check_books(DAY)


# The command -------------------------------------------------------------------------------------


def test_the_command_names_what_is_wrong(world, tmp_path):
    folder = tmp_path / "english"
    folder.mkdir()
    (folder / "guide.txt").write_text(EN)
    date = ("--date", DAY)
    wrong = {
        ("--store", "ghost", *date, str(folder)): "store 'ghost' is not configured. Expected one of ",
        ("--store", "demo", *date, "--lang", "qq", str(folder)): "'qq' is not a language code",
        ("--store", "demo", *date, str(tmp_path / "nowhere")): "expected a folder, found none",
    }
    for arguments, words in wrong.items():
        done = world.tm("deposit", *arguments)
        assert done.status == 1
        assert words in done.err
        assert "othing was" in done.err
    assert world.storage.list("raw") == []
    done = world.refresh(DAY, "--store", "ghost")
    assert done.status == 1
    assert "store 'ghost' is not configured" in done.err
    world.tm("deposit", "--store", "demo", *date, "--lang", "en", str(folder)).ok()
    assert [info.path for info in world.storage.list("raw")] == [f"raw/demo/{DAY}/guide.en.txt"]


# Files that change while a run is under way --------------------------------------------------------


def test_a_file_that_is_still_being_written(make_world):
    world = make_world(TM_SETTLE_SECONDS="1")
    world.deposit(DAY, *GOOD[:2])
    path = world.storage.local_path(f"raw/demo/{DAY}/weather-station.de.txt")
    whole = path.read_bytes()
    planned = threading.Event()

    def write():
        for size in itertools.cycle(range(20)):
            path.write_bytes(whole[: size * len(whole) // 20])
            if planned.is_set():
                return
            pause(0.02, "a slow sender")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        plan = world.start("tm", "refresh-plan", "--date", DAY).wait().json
    finally:
        planned.set()
        writer.join()
    path.write_bytes(whole)
    assert plan["files"] == {"unpaired": 1, "deferred": 1}
    assert "still being written: left for the next run" in said(world, "weather-station.de.txt")[1]
    assert world.refresh(DAY).json["load"]["inserted"] > 50


@pytest.mark.parametrize("kind", ["document", "memory"])
def test_a_file_that_is_changed_after_the_plan(make_world, kind):
    """What is read must be what was planned: the ledger would otherwise hold one text's beads under another's hash."""
    world, other = make_world(), make_world()
    name = "weather-station.de.txt" if kind == "document" else "shop.tmx"
    for each in (world, other):
        each.deposit(DAY, *GOOD)
        each.put(DAY, "shop.tmx", each.tmx(("Open", "Geöffnet")))
    expected = other.refreshed(DAY)
    first = world.storage.read(f"raw/demo/{DAY}/{name}")
    plan = world.tm("refresh-plan", "--date", DAY).json
    world.put(DAY, name, first.replace(b"o", b"0"))
    for shard in plan["shards"]:
        world.start(
            "tm-align", "shard", "--batch", plan["batch_id"], "--tier", "lexical", "--shard", str(shard)
        ).wait().ok()
    for step in ("route", "filter"):
        world.tm("refresh-step", step, "--batch", plan["batch_id"]).ok()
    state, reason = said(world, name)
    assert state == "unreadable"
    assert "changed after this run had been planned" in reason
    # The first text comes back: it was never aligned, whatever the run above has read.
    world.put(DAY, name, first)
    assert world.refreshed(DAY) == expected
