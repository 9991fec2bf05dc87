"""Every place that writes files or temporary files, where no file may grow: what it says, and that nothing is left."""

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from tests.core.test_room import files_up_to
from tests.store.batches_made import load
from tests.store.conftest import World
from tests.store.s3_faults import Faulty
from tm_core.errors import NoRoom, StorageError, TmError
from tm_core.stores import Pair
from tm_formats.storage import Storage
from tm_store.backup import take_backup
from tm_store.cli import main
from tm_store.exports import Format, Wanted, export_to_storage
from tm_store.kept_imports import fetched

pytestmark = pytest.mark.db

#: Less than what each of the places writes, and more than an empty file.
LIMIT = 2000
EN_DE = Pair(src="en", tgt="de")


@pytest.fixture(scope="module")
def faulty() -> Iterator[Faulty]:
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    yield Faulty(*moto.get_host_and_port())
    moto.stop()


@pytest.fixture
def full(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A memory with some units, and a TMPDIR of its own."""
    words = random.Random(1)
    texts = [" ".join(f"word{words.randrange(900)}" for _ in range(12)) for _ in range(200)]
    load(world.db, date(2026, 1, 5), {"a": [(text, text[::-1]) for text in texts]})
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return world


def refused(kind: type[Exception], call: Callable[[], Any]) -> str:
    """What a call says where no file may grow. The error is let go of: it holds an open cursor."""
    try:
        with files_up_to(LIMIT):
            call()
    except kind as error:
        return str(error)
    raise AssertionError("there was room")


def left(world: World) -> list[str]:
    return sorted(path.name for path in (world.folder.parent / "tmp").iterdir())


def export(world: World, format: Format) -> Any:
    return world.export("units", format=format)


def to_storage(world: World) -> Any:
    wanted = Wanted(store="demo", pair=EN_DE, format=Format.TMX)
    return export_to_storage(world.db, world.storage, wanted, "exports/x")


@pytest.mark.parametrize("format", Format)
def test_an_export_names_its_folder_and_leaves_nothing(full: World, format: Format) -> None:
    said = refused(NoRoom, lambda: export(full, format))
    assert str(full.folder) in said
    assert "name another folder" in said
    assert said.endswith("Nothing was written.")
    assert [path.name for path in full.folder.iterdir()] == []
    export(full, format)


def test_an_export_to_storage_names_tmpdir(full: World) -> None:
    said = refused(NoRoom, lambda: to_storage(full))
    assert tempfile.gettempdir() in said
    assert "set TMPDIR" in said
    assert (left(full), full.storage.list("exports")) == ([], [])
    assert to_storage(full)


def test_a_storages_file_is_as_it_was(full: World) -> None:
    full.storage.write_atomic("a/file", b"old")
    said = refused(StorageError, lambda: full.storage.write_atomic("a/file", b"x" * 10_000))
    for part in (full.storage.uri_of("a/file"), "ulimit -f", "move TM_STORAGE", "The file is as it was before"):
        assert part in said
    assert full.storage.read("a/file") == b"old"
    assert len(full.storage.list("a")) == 1
    assert os.listdir(full.storage.local_path("a")) == ["file"]


def test_a_load_without_room_for_its_index_loads_nothing(full: World) -> None:
    more = {"b": [(f"{text[::-1]} again", text) for (text,) in full.rows("select tgt_text from tm.unit")]}
    said = refused(NoRoom, lambda: load(full.db, date(2026, 1, 6), more))
    assert said.startswith(f"{tempfile.gettempdir()}: no room for the index of new texts")
    assert "It needs some 120,000 bytes for 200 texts" in said
    assert said.endswith("Nothing was loaded.")
    assert full.rows("select count(*) from tm.unit") == [(200,)]
    assert left(full) == []
    load(full.db, date(2026, 1, 6), more)
    assert full.rows("select count(*) from tm.unit") == [(400,)]


def test_a_backup_lists_nothing(full: World) -> None:
    said = refused(TmError, lambda: take_backup(full.settings, full.db, full.storage))
    assert "larger than the process or the file system allows" in said
    assert "move TM_HOME" in said
    assert "nothing is listed as a backup" in said.lower()
    assert not list((full.settings.home / "work").iterdir())
    assert full.storage.list("backups") == []


def test_a_copy_of_an_import_is_gone(full: World) -> None:
    from tm_store.kept_imports import Kept

    full.storage.write_atomic("imports/x/memory.tsv", b"a\tb\n" * 2000)
    kept = Kept(
        **{name: "" for name in Kept.__dataclass_fields__} | {"name": "memory.tsv", "path": "imports/x/memory.tsv"}
    )
    with files_up_to(LIMIT), pytest.raises(NoRoom, match="as much as the imported file"), fetched(full.storage, kept):
        pass
    assert left(full) == []


def test_the_command_line_says_so_too(full: World, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_arguments: Any) -> None:
        with files_up_to(10), (full.folder / "other").open("wb") as sink:
            sink.write(b"x" * 100)

    monkeypatch.setattr("tm_store.cli._migrate", no_room)
    assert main(["migrate"]) == 1
    assert "larger than the process or the file system allows" in capsys.readouterr().err


def test_the_storage_says_what_is_too_large_for_it(faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.url)
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="room")
    storage = Storage("s3://room/tm")
    faulty.plan("too large", lambda number: True)
    with pytest.raises(StorageError) as found:
        storage.write_atomic("a/file", b"x")
    assert "the file is larger than the storage takes" in str(found.value)
    assert "no part of the new one is visible" in str(found.value)
    faulty.plan("", lambda number: False)
    assert storage.list("a") == []


def test_a_copy_before_an_upload_has_no_room(full: World, faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.url)
    monkeypatch.setattr("tm_formats.storage._SPOOL_BYTES", 100)
    said = refused(NoRoom, lambda: Storage("s3://room/tm").write_atomic("a/file", b"x" * 10_000))
    assert said.startswith(f"{tempfile.gettempdir()}: no room for a copy of room/tm/a/file before it is uploaded")
    assert said.endswith("The file is as it was before; no part of the new one is visible.")
    assert left(full) == []
