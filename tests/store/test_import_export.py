"""Import and export against a real Postgres: preview, atomicity, idempotence, and round trips that lose nothing."""

import dataclasses
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tm_core.documents import BilingualUnit
from tm_core.errors import ExchangeError
from tm_core.settings import Settings
from tm_core.stores import Pair
from tm_formats.bilingual import read_memory
from tm_formats.storage import Storage
from tm_store.checksum import memory_checksum
from tm_store.db import Database
from tm_store.exports import Format, Wanted, export_units
from tm_store.imports import ImportSummary, import_files

pytestmark = pytest.mark.db

EN_DE = Pair(src="en", tgt="de")
DAY = date(2026, 1, 5)


class World:
    """A memory, a storage and a folder of files."""

    def __init__(self, settings: Settings, db: Database, folder: Path) -> None:
        self.settings, self.db, self.folder = settings, db, folder
        self.storage = Storage(settings.storage)

    def file(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def take(self, *paths: Path, store: str = "demo", pair: Pair | None = EN_DE, **more: Any) -> ImportSummary:
        more.setdefault("day", DAY)
        return import_files(self.settings, self.db, self.storage, store, list(paths), pair=pair, **more)

    def give(self, name: str, store: str = "demo", pair: Pair = EN_DE, **more: Any) -> Path:
        more.setdefault("format", Format.TMX)
        path = self.folder / name
        export_units(self.db, Wanted(store=store, pair=pair, **more), path)
        return path

    def rows(self, sql: str) -> list[Any]:
        return self.db.connection.execute(sql).fetchall()

    def everything(self) -> dict[str, list[Any]]:
        """All rows of what an import writes, bookkeeping included."""
        tables = "tm.unit tm.evidence tm.document tm.extra ops.batch ops.slice ops.document ops.outcome ops.journal"
        return {table: sorted(map(repr, self.rows(f"select * from {table}"))) for table in tables.split()}


@pytest.fixture
def world(settings: Settings, db: Database, tmp_path: Path) -> World:
    folder = tmp_path / "files"
    folder.mkdir()
    return World(settings, db, folder)


def tmx_of(body: str) -> str:
    return f'<?xml version="1.0"?>\n<tmx version="1.4"><header srclang="en"/><body>\n{body}\n</body></tmx>'


def tu(src: str, tgt: str, more: str = "") -> str:
    return f'<tu>{more}<tuv xml:lang="en"><seg>{src}</seg></tuv><tuv xml:lang="de"><seg>{tgt}</seg></tuv></tu>\n'


def test_a_file_becomes_units(world: World) -> None:
    path = world.file("a.tmx", tmx_of(tu("One house", "Ein Haus") + tu("Two houses", "Zwei Häuser") + tu("12", "12")))
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


def test_the_same_files_again_change_no_row(world: World) -> None:
    path = world.file("a.tmx", tmx_of(tu("One house", "Ein Haus")))
    world.take(path)
    before = world.everything()
    assert all(before.values())
    again = world.take(path, day=date(2026, 2, 1))
    assert again.imported_before
    assert world.everything() == before


def test_a_preview_says_what_the_import_does_and_changes_nothing(world: World) -> None:
    world.take(world.file("a.tmx", tmx_of(tu("One house", "Ein Haus") + tu("Gone", "Weg"))))
    newer = tmx_of(
        tu("One house", "Ein Haus") + tu("One house", "Ein Gebäude") + tu("A dog", "Ein Hund") * 2 + tu("--", "--")
    )
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


def test_one_bad_file_and_nothing_is_imported(world: World) -> None:
    good = world.file("good.tmx", tmx_of(tu("One house", "Ein Haus")))
    bad = world.file("bad.tmx", tmx_of(tu("One house", "Ein Haus"))[:-30])
    before = world.everything()
    with pytest.raises(ExchangeError, match=r"bad.tmx: it is no whole XML at line 3(.|\n)*Nothing of this import"):
        world.take(good, bad)
    assert world.everything() == before
    assert world.storage.list("") == []
    preview = world.take(good, bad, dry_run=True)
    assert preview.kinds["new"] == 1
    assert "bad.tmx" in preview.refused_files[0]


RICH = """<tu tuid="k1" creationdate="20240102T030405Z" changedate="20250102T030405Z" changeid="ann" usagecount="3">
<prop type="project">P &amp; Q</prop><prop type="x-Domain">law</prop><prop type="x-Domain">tax</prop><note>first</note>
<tuv xml:lang="EN-us" creationid="bob"><prop type="x-context-pre">&lt;seg&gt;Before&lt;/seg&gt;</prop>
<seg>Press  <bpt i="1" x="1" type="bold">&lt;b&gt;</bpt>OK<ept i="1">&lt;/b&gt;</ept> now<ph x="2"/> &lt;3&gt;.</seg></tuv>
<tuv xml:lang="de-DE"><seg>Jetzt<ph x="2"/> <bpt i="1" x="1">&lt;b&gt;</bpt>OK<ept i="1">&lt;/b&gt;</ept> drücken &lt;3&gt;. </seg></tuv></tu>
"""  # noqa: E501


def units_of(path: Path) -> list[BilingualUnit]:
    found = [dataclasses.replace(unit, line=0) for unit in read_memory(path.name, path.read_bytes())]
    return sorted(found, key=repr)


def test_a_round_trip_loses_no_text_tag_property_or_date(world: World) -> None:
    plain = tu("Plain text", "Einfacher Text", '<prop type="prev">Press it</prop><prop type="next">End</prop>')
    path = world.file("rich.tmx", tmx_of(RICH + plain))
    world.take(path)
    out = world.give("out.tmx")
    assert units_of(out) == units_of(path)
    world.take(world.file("again/rich.tmx", out.read_bytes()), store="handbook")
    again = world.give("again.tmx", store="handbook")
    assert again.read_bytes() == out.read_bytes()


def test_a_planted_loss_is_seen(world: World) -> None:
    path = world.file("rich.tmx", tmx_of(RICH))
    world.take(path)
    world.db.connection.execute("update tm.extra set facts = facts #- '{properties,changedate}'")
    assert units_of(world.give("out.tmx")) != units_of(path)


def test_an_older_version_comes_back_when_it_is_imported_again(world: World) -> None:
    first = world.file("1/a.tmx", tmx_of(tu("One house", "Ein Haus")))
    second = world.file("2/a.tmx", tmx_of(tu("One house", "Ein Gebäude")))
    world.take(first)
    checksum = memory_checksum(world.db)
    world.take(second)
    assert world.rows("select tgt_text from tm.unit") == [("Ein Gebäude",)]
    world.take(first)
    assert memory_checksum(world.db) == checksum


def test_an_older_date_stays_behind_a_newer_one(world: World) -> None:
    world.take(world.file("2/a.tmx", tmx_of(tu("One house", "Ein Gebäude"))))
    older = world.file("1/a.tmx", tmx_of(tu("One house", "Ein Haus")))
    assert world.take(older, day=date(2025, 1, 1)).kinds["superseded"] == 1
    before = world.everything()
    assert world.take(older, day=date(2025, 1, 1)).imported_before
    assert world.everything() == before


def test_an_import_is_in_the_journal_with_a_copy_of_its_file(world: World) -> None:
    path = world.file("a.tmx", tmx_of(tu("One house", "Ein Haus")))
    world.take(path, who="ann")
    ((kind, who, store, facts, shipped),) = world.rows(
        "select kind, who, store, facts, shipped_at is not null from ops.journal"
    )
    assert (kind, who, store, shipped) == ("import", "ann", "demo", True)
    assert world.storage.read(facts["files"][0]["path"]) == path.read_bytes()
    assert [info.path for info in world.storage.list("journal/entries")] == ["journal/entries/000000000001.json"]


def test_a_memory_without_the_pair_is_an_error_that_says_what_there_is(world: World) -> None:
    world.take(world.file("a.tmx", tmx_of(tu("One house", "Ein Haus"))))
    with pytest.raises(ExchangeError, match="The memory holds demo en-de"):
        world.give("out.tmx", pair=Pair(src="de", tgt="fr"))
    assert not [path for path in world.folder.iterdir() if "out" in path.name]
