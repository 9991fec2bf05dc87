"""A small world for imports and exports: a memory, a storage and a folder of files."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tm_core.settings import Settings
from tm_core.stores import Pair
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.exports import ExportSummary, Format, Wanted, export_units
from tm_store.imports import ImportSummary, import_files

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

    def give(self, name: str, **more: Any) -> Path:
        self.export(name, **more)
        return self.folder / name

    def export(self, name: str, *, store: str = "demo", pair: Pair = EN_DE, **more: Any) -> ExportSummary:
        more.setdefault("format", Format.TMX)
        return export_units(self.db, Wanted(store=store, pair=pair, **more), self.folder / name)

    @staticmethod
    def tmx(body: str) -> str:
        return f'<?xml version="1.0"?>\n<tmx version="1.4"><header srclang="en"/><body>\n{body}\n</body></tmx>'

    @staticmethod
    def tu(src: str, tgt: str, more: str = "") -> str:
        sides = "".join(f'<tuv xml:lang="{lang}"><seg>{text}</seg></tuv>' for lang, text in (("en", src), ("de", tgt)))
        return f"<tu>{more}{sides}</tu>\n"

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
