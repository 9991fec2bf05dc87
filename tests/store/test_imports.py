"""Imports against a real Postgres: preview, atomicity, idempotence, round trips that lose nothing, and attacks."""

import dataclasses
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tm_core.documents import BilingualUnit
from tm_core.errors import ExchangeError
from tm_core.stores import Pair
from tm_formats.bilingual import read_memory
from tm_formats.hints import Columns
from tm_store.checksum import memory_checksum
from tm_store.exports import Format
from tm_store.imports import replay
from tm_store.lookup import lookup

pytestmark = pytest.mark.db

LATER = date(2026, 1, 6)


def test_a_file_becomes_units(world: Any) -> None:
    path = world.file(
        "a.tmx",
        world.tmx(world.tu("One house", "Ein Haus") + world.tu("Two houses", "Zwei Häuser") + world.tu("12", "12")),
    )
    summary = world.take(path)
    assert summary.kinds == {"new": 2, "conflicting": 0, "refused": 1}
    assert summary.documents == (("a.tmx", "en-de", 3),)
    units = world.rows("select src_text, tgt_text, tier, score, batch_id from tm.unit order by position")
    assert units == [
        ("One house", "Ein Haus", "imported", 1.0, summary.batch_id),
        ("Two houses", "Zwei Häuser", "imported", 1.0, summary.batch_id),
    ]
    outcomes = "select outcome, rule, count(*) from ops.outcome group by 1, 2 order by 1"
    assert world.rows(outcomes) == [("new", "", 2), ("rejected", "no_letters", 1)]
    assert world.rows("select state, kind from ops.batch") == [("done", "import")]
    assert world.rows("select count(*) from staging.bead") == [(0,)]


def test_the_same_files_again_change_no_row(world: Any) -> None:
    path = world.file("a.tmx", world.tmx(world.tu("One house", "Ein Haus")))
    world.take(path)
    before = world.everything()
    assert all(before.values())
    again = world.take(path, day=date(2026, 2, 1))
    assert again.imported_before
    assert world.everything() == before


def test_a_preview_says_what_the_import_does_and_changes_nothing(world: Any) -> None:
    world.take(world.file("a.tmx", world.tmx(world.tu("One house", "Ein Haus") + world.tu("Gone", "Weg"))))
    texts = [("One house", "Ein Haus"), ("One house", "Ein Gebäude"), *[("A dog", "Ein Hund")] * 2, ("--", "--")]
    newer = world.tmx("".join(world.tu(*pair) for pair in texts))
    path = world.file("later/a.tmx", newer)
    before = world.everything()
    files = [info.path for info in world.storage.list("")]
    preview = world.take(path, dry_run=True)
    assert world.everything() == before
    assert [info.path for info in world.storage.list("")] == files
    assert preview.kinds == {"new": 1, "conflicting": 1, "unchanged": 1, "duplicate": 1, "refused": 1}
    assert preview.removed == 1
    listed = {(one.kind, one.line, one.reason, one.src_text) for one in preview.listed}
    assert listed == {
        ("conflicting", 4, "", "One house"),
        ("new", 5, "", "A dog"),
        ("duplicate", 6, "", "A dog"),
        ("refused", 7, "no_letters", "--"),
    }
    done = world.take(path)
    assert (done.kinds, done.removed, done.listed) == (preview.kinds, preview.removed, preview.listed)


def test_one_bad_file_and_nothing_is_imported(world: Any) -> None:
    good = world.file("good.tmx", world.tmx(world.tu("One house", "Ein Haus")))
    bad = world.file("bad.tmx", world.tmx(world.tu("One house", "Ein Haus"))[:-30])
    before = world.everything()
    with pytest.raises(ExchangeError, match=r"bad.tmx: it is no whole XML at line 3(.|\n)*Nothing of this import"):
        world.take(good, bad)
    assert world.everything() == before
    assert world.storage.list("") == []
    preview = world.take(good, bad, dry_run=True)
    assert preview.kinds["new"] == 1
    assert "bad.tmx" in preview.refused_files[0]
    # What a deposit says of its other files would contradict "nothing was imported".
    assert preview.refused_files[0].endswith("export it again.")
    (gone,) = world.take(world.folder / "gone.tmx", dry_run=True).refused_files
    assert gone.endswith("gone.tmx: cannot be read: No such file or directory. Correct the path or its rights.")


RICH = """<tu tuid="k1" creationdate="20240102T030405Z" changedate="20250102T030405Z" changeid="ann" usagecount="3">
<prop type="project">P &amp; Q</prop><prop type="x-Domain">law</prop><prop type="x-Domain">tax</prop><note>first</note>
<tuv xml:lang="EN-us" creationid="bob"><prop type="x-context-pre">&lt;seg&gt;Before&lt;/seg&gt;</prop>
<seg>Press  <bpt i="1" x="1" type="bold">&lt;b&gt;</bpt>OK<ept i="1">&lt;/b&gt;</ept> now<ph x="2"/> &lt;3&gt;.</seg></tuv>
<tuv xml:lang="de-DE"><seg>Jetzt<ph x="2"/> <bpt i="1" x="1">&lt;b&gt;</bpt>OK<ept i="1">&lt;/b&gt;</ept> drücken &lt;3&gt;. </seg></tuv></tu>
"""  # noqa: E501


def units_of(path: Path) -> list[BilingualUnit]:
    found = [dataclasses.replace(unit, line=0) for unit in read_memory(path.name, path.read_bytes())]
    return sorted(found, key=repr)


def test_a_round_trip_loses_no_text_tag_property_or_date(world: Any) -> None:
    plain = world.tu("Plain text", "Einfacher Text", '<prop type="prev">Press it</prop><prop type="next">End</prop>')
    path = world.file("rich.tmx", world.tmx(RICH + plain))
    world.take(path)
    out = world.give("out.tmx")
    assert units_of(out) == units_of(path)
    world.take(world.file("again/rich.tmx", out.read_bytes()), store="handbook")
    again = world.give("again.tmx", store="handbook")
    assert again.read_bytes() == out.read_bytes()


def test_a_planted_loss_is_seen(world: Any) -> None:
    path = world.file("rich.tmx", world.tmx(RICH))
    world.take(path)
    world.db.connection.execute("update tm.extra set facts = facts #- '{properties,changedate}'")
    assert units_of(world.give("out.tmx")) != units_of(path)


def test_an_older_version_comes_back_when_it_is_imported_again(world: Any) -> None:
    first = world.file("1/a.tmx", world.tmx(world.tu("One house", "Ein Haus")))
    second = world.file("2/a.tmx", world.tmx(world.tu("One house", "Ein Gebäude")))
    world.take(first)
    checksum = memory_checksum(world.db)
    world.take(second)
    assert world.rows("select tgt_text from tm.unit") == [("Ein Gebäude",)]
    world.take(first)
    assert memory_checksum(world.db) == checksum


def test_an_older_date_stays_behind_a_newer_one(world: Any) -> None:
    world.take(world.file("2/a.tmx", world.tmx(world.tu("One house", "Ein Gebäude"))))
    older = world.file("1/a.tmx", world.tmx(world.tu("One house", "Ein Haus")))
    assert world.take(older, day=date(2025, 1, 1)).kinds["superseded"] == 1
    before = world.everything()
    assert world.take(older, day=date(2025, 1, 1)).imported_before
    assert world.everything() == before


def test_an_import_is_in_the_journal_with_a_copy_of_its_file(world: Any) -> None:
    path = world.file("a.tmx", world.tmx(world.tu("One house", "Ein Haus")))
    world.take(path, who="ann")
    ((kind, who, store, facts, shipped),) = world.rows(
        "select kind, who, store, facts, shipped_at is not null from ops.journal"
    )
    assert (kind, who, store, shipped) == ("import", "ann", "demo", True)
    assert world.storage.read(facts["files"][0]["path"]) == path.read_bytes()
    assert [info.path for info in world.storage.list("journal/entries")] == ["journal/entries/000000000001.json"]


def test_a_journal_replayed_into_an_empty_memory_gives_the_same_memory(world: Any) -> None:
    one = world.file("a.tmx", world.tmx(RICH + world.tu("One house", "Ein Haus")))
    two = world.file("b.tsv", "Two houses\tZwei Häuser\n")
    world.take(one, two)
    world.take(world.file("later.tmx", world.tmx(world.tu("One house", "Ein Gebäude"))), name="a.tmx", day=LATER)
    checksum, extras = memory_checksum(world.db), world.rows("select facts from tm.extra order by 1")
    entries = [json.loads(world.storage.read(info.path)) for info in world.storage.list("journal/entries")]
    assert [entry["kind"] for entry in entries] == ["import", "import"]
    world.db.connection.execute("truncate tm.unit, tm.evidence, tm.document, tm.extra")
    for entry in entries:
        replay(world.settings, world.db, world.storage, entry["store"], entry["facts"])
    assert memory_checksum(world.db) == checksum
    assert world.rows("select facts from tm.extra order by 1") == extras


def test_a_memory_without_the_pair_is_an_error_that_says_what_there_is(world: Any) -> None:
    world.take(world.file("a.tmx", world.tmx(world.tu("One house", "Ein Haus"))))
    with pytest.raises(ExchangeError, match="The memory holds demo en-de"):
        world.give("out.tmx", pair=Pair(src="de", tgt="fr"))
    assert not [path for path in world.folder.iterdir() if "out" in path.name]


def test_a_deposited_file_gives_the_same_units_as_an_imported_one(world: Any) -> None:
    from tm_align.langid import LanguageIdentifier
    from tm_align.pairs import PairReader
    from tm_core.identity import unit_key

    prev = '<prop type="prev">Before it</prop><prop type="x-tm-score">0.5</prop>'
    path = world.file("rich.tmx", world.tmx(RICH + world.tu("Plain text", "Einfacher Text", prev)))
    world.take(path)
    imported = world.rows("select unit_key, prev_hash, item_key, score from tm.unit order by position")
    world.storage.write_atomic("raw/rich.tmx", path.read_bytes())
    sha = world.storage.sha256("raw/rich.tmx")
    document = {"kind": "memory", "src_path": "raw/rich.tmx", "src_sha256": sha, "document_key": "0" * 64}
    document |= {"src_lang": "en", "tgt_lang": "de"}
    beads = PairReader(world.storage, LanguageIdentifier()).read(document, lambda *_: pytest.fail("aligned")).beads
    deposited = [
        (
            bytes.fromhex(unit_key("demo", "en", "de", one["src_text"], one["tgt_text"], one["context"])),
            bytes.fromhex(one["prev_hash"]), one["item_key"], one["score"],
        )
        for one in beads
    ]  # fmt: skip
    assert len(imported) == 2
    assert deposited == imported


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.xlf", '<xliff version="1.2"><file source-language="en" target-language="de"><body><trans-unit id="k">'
         "<source>One <g id='1'>house</g></source><target>Ein <g id='1'>Haus</g></target>"
         "</trans-unit></body></file></xliff>"),
        ("de.po", 'msgctxt "k"\nmsgid "One <1>house</1>"\nmsgstr "Ein <1>Haus</1>"\n'),
        ("a.csv", "en,de,key\nOne <1>house</1>,Ein <1>Haus</1>,k\n"),
        ("a.tsv", "One <1>house</1>\tEin <1>Haus</1>\n"),
    ],
)  # fmt: skip
def test_every_format_is_imported_and_goes_out_as_tmx(world: Any, name: str, text: str) -> None:
    assert world.take(world.file(name, text)).kinds["new"] == 1
    (unit,) = units_of(world.give("out.tmx"))
    assert [variant.text for variant in unit.variants] == ["One <1>house</1>", "Ein <1>Haus</1>"]
    assert bool(unit.variants[0].tags) == name.endswith("xlf")
    assert unit.key == ("" if name.endswith("tsv") else "k")


def test_what_a_reader_leaves_out_is_listed_with_line_and_reason(world: Any) -> None:
    path = world.file("de.po", '#, fuzzy\nmsgid "One"\nmsgstr "Eins"\n\nmsgid "Two"\nmsgstr "Zwei"\n')
    preview = world.take(path, dry_run=True)
    assert preview.kinds == {"new": 1, "conflicting": 0, "refused": 1}
    assert ("refused", 1, "fuzzy: a translator has not confirmed it") in {
        (one.kind, one.line, one.reason) for one in preview.listed
    }


TABLE = (
    "menu.open,Open the red box,Öffnen Sie die rote Kiste,why\nmenu.shut,Shut the red box,Schließen Sie die Kiste,\n"
)


def test_columns_that_are_named_are_kept_with_the_import_and_replayed(world: Any) -> None:
    table = world.file("keys.csv", TABLE)
    with pytest.raises(ExchangeError, match="which of its 4 columns are en and de"):
        world.take(table)
    world.take(table, columns=Columns(2, 3))
    units = world.rows("select src_text, tgt_text from tm.unit order by src_text")
    assert [tuple(row) for row in units] == [
        ("Open the red box", "Öffnen Sie die rote Kiste"),
        ("Shut the red box", "Schließen Sie die Kiste"),
    ]
    facts = world.rows("select facts from ops.journal where kind = 'import'")[0][0]
    assert facts["columns"] == [2, 3, False]
    before = world.everything()
    assert replay(world.settings, world.db, world.storage, "demo", facts).imported_before
    assert world.everything() == before


def test_an_import_of_the_version_before_is_replayed_as_it_was_read_then(world: Any) -> None:
    """Its entry says nothing of columns: without a header the first two were the texts."""
    table = world.file("keys.csv", TABLE)
    world.take(table, columns=Columns(1, 2, unless_named=True))
    facts = world.rows("select facts from ops.journal where kind = 'import'")[0][0]
    del facts["columns"]
    assert replay(world.settings, world.db, world.storage, "demo", facts).imported_before


def test_one_damaged_unit_is_listed_and_the_others_are_imported(world: Any) -> None:
    bad = '<tu><tuv xml:lang="en"><seg>a&#x1F;b</seg></tuv><tuv xml:lang="de"><seg>c</seg></tuv></tu>\n'
    file = world.file("a.tmx", world.tmx(world.tu("Good box", "Gute Kiste") + bad + world.tu("Red box", "Rote Kiste")))
    with pytest.raises(ExchangeError, match="line 4: it has a character that XML cannot hold"):
        world.take(file, strict=True)
    summary = world.take(file)
    assert summary.kinds["new"] == 2
    assert summary.kinds["refused"] == 1
    assert [(one.line, one.reason) for one in summary.listed if one.kind == "refused"] == [
        (4, "it has a character that XML cannot hold, such as &#x1F;")
    ]


def test_a_preview_that_lists_nothing_counts_the_same(world: Any) -> None:
    world.take(world.file("a.csv", "en,de\nThe red box,Die rote Kiste\n"))
    other = world.file("b.csv", "en,de\nThe red box,Die Kiste in Rot\nThe lamp,Die Lampe\n")
    ten, none = (world.take(other, dry_run=True, listed=listed) for listed in (10, 0))
    assert ten.kinds["conflicting"] == 1
    assert none.kinds == ten.kinds
    assert ten.listed
    assert not none.listed


def test_a_unit_of_xliff_stands_between_its_neighbours(world: Any) -> None:
    head = '<xliff version="1.2"><file original="a.docx" source-language="en" target-language="de"><body>'
    pairs = [("Open the lid.", "Deckel öffnen."), ("Press it.", "Drücken."), ("Wait for it.", "Warten Sie darauf.")]
    units = "".join(
        f'<trans-unit id="{number}"><source>{src}</source><target>{tgt}</target></trans-unit>'
        for number, (src, tgt) in enumerate(pairs)
    )
    world.take(world.file("a.xlf", f"{head}{units}</body></file></xliff>"))
    where = {"previous": "Open the lid.", "following": "Wait for it."}
    ask = {"store": "demo", "src": "en", "tgt": "de", "text": "Press it."}
    assert [one.score for one in lookup(world.db, **ask, **where)] == [101]
    assert [one.score for one in lookup(world.db, **ask, previous="Another.", following="Wait for it.")] == [100]


SPACED = [
    ("demo", "fr", "Vraiment supprimer\u202f?\n\nC’est irréversible\u00a0!\tFin"),
    ("airflow-ui", "th", "ลบ\u200bทั้งหมด\u200bจริง ๆ\u2060หรือ"),
    ("demo", "de", "Wirklich löschen?\nAlles  davon"),
]


@pytest.mark.parametrize(("store", "lang", "target"), SPACED)
def test_white_space_of_a_target_is_text_wherever_it_comes_out(world: Any, store: str, lang: str, target: str) -> None:
    wanted: dict[str, Any] = {"store": store, "pair": Pair(src="en", tgt=lang)}
    unit = world.tu("Really  delete?\nAll of it", target).replace('xml:lang="de"', f'xml:lang="{lang}"')
    world.take(world.file("a.tmx", world.tmx(unit)), **wanted)
    for text in ("Really delete? All of it", "really delete? all of it!"):
        found = lookup(world.db, store=store, src="en", tgt=lang, text=text)[0]
        assert (found.tgt_text, found.proposal) == (target, target)
    table = world.give("a.tsv", format=Format.TSV, **wanted)
    assert [one.variants[1].text for one in read_memory("a.tsv", table.read_bytes())] == [target]
    parquet = world.give("a.parquet", format=Format.PARQUET, **wanted)
    assert pq.read_table(parquet).column("tgt_text").to_pylist() == [target]


def test_a_unit_without_a_place_is_offered_by_omegat_in_every_file(world: Any) -> None:
    """OmegaT binds a unit with ``file`` to that file, where nothing matches it without id or neighbours."""
    head = '<xliff version="1.2"><file original="pump.docx" source-language="en" target-language="de"><body>'
    unit = '<trans-unit id="1"><source>Stop the pump.</source><target>Halten Sie die Pumpe an.</target></trans-unit>'
    world.take(world.file("pump.xlf", f"{head}{unit}</body></file></xliff>"))
    placed = '<prop type="file">lamp.txt</prop><prop type="prev">A lamp.</prop>'
    world.take(world.file("lamp.tmx", world.tmx(world.tu("Light it.", "Zünden Sie sie an.", placed))))
    text = world.give("memory.tmx").read_text()
    pump, lamp = (next(line for line in text.splitlines() if word in line) for word in ("pump.docx", "lamp.txt"))
    assert '<prop type="x-file">pump.docx</prop>' in pump
    assert 'type="file"' not in pump
    assert '<prop type="file">lamp.txt</prop>' in lamp


def test_without_a_pair_every_pair_of_the_store_is_taken(world: Any) -> None:
    more = '<tuv xml:lang="fr-FR"><seg>Une maison</seg></tuv><tuv xml:lang="sw"><seg>Nyumba</seg></tuv>'
    path = world.file("a.tmx", world.tmx(world.tu("One house", "Ein Haus").replace("</tu>", more + "</tu>")))
    summary = world.take(path, pair=None)
    assert {pair for _, pair, _ in summary.documents} == {"en-de", "en-fr", "de-fr"}
    assert world.rows("select tgt_text from tm.unit where src_lang = 'de'") == [("Une maison",)]


def test_a_file_without_a_unit_in_the_pairs_is_refused_and_names_them(world: Any) -> None:
    path = world.file("a.tmx", world.tmx(world.tu("One house", "Ein Haus").replace('"de"', '"sw"')))
    before = world.everything()
    with pytest.raises(ExchangeError, match=r"a.tmx: expected units in a pair of store 'demo' \(en-de\), found none"):
        world.take(path)
    assert world.everything() == before


def test_two_files_of_one_name_are_refused(world: Any) -> None:
    one, two = (world.file(f"{folder}/a.tmx", world.tmx(world.tu("One", folder))) for folder in ("x", "y"))
    with pytest.raises(ExchangeError, match="two files have this name"):
        world.take(one, two)
    world.take(one)
    world.take(two, name="b.tmx")
    assert world.rows("select tgt_text from tm.unit order by 1") == [("x",), ("y",)]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"store": "nobody"}, "store 'nobody': expected one of"),
        ({"store": "x'; drop table tm.unit; --"}, "expected one of"),
        ({"pair": Pair(src="fr", tgt="sw")}, "pair fr-sw: expected one of"),
        ({"name": "../a.tmx"}, "climbs"),
        ({"name": "a\0b.tmx"}, "control characters"),
        ({"name": "a.docx"}, "no language in the name"),
        ({"name": "a.de.txt"}, "expected a file of aligned units, found a document"),
    ],
)
def test_what_cannot_be_imported_is_refused(world: Any, more: dict[str, Any], message: str) -> None:
    path = world.file("a.tmx", world.tmx(world.tu("One house", "Ein Haus")))
    with pytest.raises(ExchangeError, match=message):
        world.take(path, **more)
    assert world.rows("select count(*) from tm.unit") == [(0,)]


NASTY = [
    "'); drop table tm.unit; --",
    '"; truncate ops.journal; --',
    "%(batch_id)s %s %%",
    r"\. \N \x00 $$ E'\\'",
    "tab\there, line\nthere, quote \" and 'quote'",
    "<script>alert(1)</script> &amp; ]]>",
    "ends with a backslash \\",
    "zero\u200bwidth, \u202ebidi\u202c, e\u0301 and \U0001f600",
]


def test_sql_and_other_tricks_in_texts_names_and_keys_stay_texts(world: Any) -> None:
    from xml.sax.saxutils import escape, quoteattr

    from tm_core.identity import normalise

    body = "".join(
        world.tu(escape(text), escape(text[::-1])).replace("<tu>", f"<tu tuid={quoteattr(text)}>") for text in NASTY
    )
    path = world.file("plain.tmx", world.tmx(body))
    summary = world.take(path, name="it's %s \"$$; drop.tmx", who="o'brien; --")
    assert summary.kinds["new"] == len(NASTY)
    assert {row[0] for row in world.rows("select src_text from tm.unit")} == {normalise(text) for text in NASTY}
    assert {unit.variants[0].text for unit in units_of(world.give("out.tmx"))} == set(NASTY)
    assert len(world.rows("select 1 from ops.journal")) == 1


def test_nul_and_half_characters_never_reach_the_database(world: Any) -> None:
    nasty = '<xliff version="2.0" srcLang="en" trgLang="de"><file id="f"><unit id="u"><segment>'
    nasty += '<source>One<cp hex="0000"/><cp hex="d800"/> house</source><target>Ein<cp hex="dfff"/> Haus</target>'
    path = world.file("a.xlf", nasty + "</segment></unit></file></xliff>")
    world.take(path)
    assert world.rows("select src_text, tgt_text from tm.unit") == [("One house", "Ein Haus")]
    # The reader drops them, so that no text as written is kept beside the unit's.
    assert world.rows("select facts -> 'src' ->> 'text' from tm.extra where facts -> 'src' ? 'text'") == []
    world.give("out.tmx")


def test_a_segment_of_ten_megabytes_is_refused(world: Any) -> None:
    path = world.file("a.tmx", world.tmx(world.tu("long " * 2_000_000, "lang")))
    with pytest.raises(ExchangeError, match="the unit at line 3 has more than 2,000,000 characters"):
        world.take(path)


def test_a_killed_import_leaves_nothing_and_can_be_done_again(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tm_store import imports

    path = world.file("a.tmx", world.tmx(world.tu("One house", "Ein Haus")))
    before = world.everything()

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(imports, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            world.take(path)
    assert world.everything() == before
    with monkeypatch.context() as patch:
        patch.setattr(imports, "ship", killed)
        with pytest.raises(KeyboardInterrupt):
            world.take(path)
    # Committed, and not shipped: the next change ships both.
    assert world.rows("select count(*) from ops.journal where shipped_at is null") == [(1,)]
    world.take(world.file("b.tmx", world.tmx(world.tu("Two houses", "Zwei Häuser"))))
    assert len(world.storage.list("journal/entries")) == 2


def test_an_import_goes_beside_a_refresh_of_the_same_date(world: Any) -> None:
    world.take(world.file("a.tmx", world.tmx(world.tu("One house", "Ein Haus"))))
    assert world.db.run("ops/select_current_batch", day=date(2026, 1, 5)) == []


def test_the_commands(world: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tm_store.cli import main

    for name, value in {
        "TM_HOME": world.settings.home, "TM_DATABASE_URL": world.settings.database_url,
        "TM_INCLUDE": world.settings.include,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    path = world.file("a.tmx", world.tmx(world.tu("One house", "Ein Haus") + world.tu("1", "2")))
    arguments = ["import", "--store", "demo", str(path)]
    assert main([*arguments, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "a.tmx  en-de  2 units" in shown
    assert "a.tmx:4  no_letters  1 | 2" in shown
    assert "this is a preview: nothing was changed" in shown
    assert main([*arguments, "--src", "en"]) == 1
    assert "expected both languages or none" in capsys.readouterr().err
    assert main(arguments) == 0
    assert "imported as import-" in capsys.readouterr().out
    out = world.folder / "out.tmx"
    wanted = ["export", "--store", "demo", "--src", "en", "--tgt", "de", "--format", "tmx", "-o", str(out)]
    assert main(wanted) == 0
    assert "1 units" in capsys.readouterr().out
    assert out.is_file()
    assert main([*wanted, "--min-score", "3"]) == 1
    assert "expected 0 to 1" in capsys.readouterr().err
    broken = world.file("broken.tmx", "<tmx>")
    assert main(["import", "--store", "demo", str(broken), "--dry-run"]) == 1
