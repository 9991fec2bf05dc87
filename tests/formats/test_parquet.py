"""Parquet with a versioned schema, and the manifest that says a folder is finished."""

import pyarrow as pa
import pytest

from tm_core.errors import ContractError
from tm_formats.manifest import read_manifest, write_manifest
from tm_formats.parquet import read_table, write_table

TABLE = pa.table({"text": ["Hallo", "Welt", None], "n": pa.array([1, 2, 3], pa.int32())})
NAMED = {"schema_name": "segments", "version": 1}


def test_rows_come_back_in_order(storage):
    entry = write_table(storage, "work/b/s.parquet", TABLE, **NAMED)
    assert (entry.name, entry.rows) == ("s.parquet", 3)
    assert read_table(storage, "work/b/s.parquet", **NAMED).to_pydict() == TABLE.to_pydict()
    assert read_table(storage, "work/b/s.parquet", columns=["n"], **NAMED).to_pydict() == {"n": [1, 2, 3]}


def test_the_same_rows_give_the_same_bytes(storage):
    one = write_table(storage, "a", TABLE, **NAMED)
    pieces = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)]).replace_schema_metadata({"pandas": "{}"})
    assert write_table(storage, "b", pieces, **NAMED).sha256 == one.sha256


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"schema_name": "beads", "version": 1}, r"expected beads v1, found segments v1"),
        ({"schema_name": "segments", "version": 2}, r"expected segments v2, found segments v1"),
        ({**NAMED, "columns": ["n", "lang"]}, r"found no column lang"),
    ],
)
def test_another_contract_is_refused(storage, wanted, message):
    write_table(storage, "a", TABLE, **NAMED)
    with pytest.raises(ContractError, match=message):
        read_table(storage, "a", **wanted)


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-9], lambda data: b"text" * 99])
def test_what_is_no_parquet_is_refused(storage, damage):
    write_table(storage, "a", TABLE, **NAMED)
    storage.write_atomic("a", damage(storage.read("a")))
    with pytest.raises(ContractError, match=r"no Parquet.*Clear that step"):
        read_table(storage, "a", **NAMED)


def finished(storage):
    entries = [write_table(storage, f"w/{name}", TABLE, **NAMED) for name in ("b", "a")]
    return write_manifest(storage, "w", entries, {"segments": 6, "langs": ["de"]})


def test_a_manifest_comes_back_and_its_bytes_are_settled(storage):
    manifest = finished(storage)
    data = storage.read("w/manifest.json")
    storage.write_atomic("w/left-by-a-killed-try", b"x")
    assert read_manifest(storage, "w") == manifest
    assert ([file.name for file in manifest.files], manifest.rows) == (["a", "b"], 6)
    write_manifest(storage, "w", reversed(manifest.files), dict(reversed(manifest.facts.items())))
    assert storage.read("w/manifest.json") == data


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda storage: storage.delete("w/a"), r"w/a: the manifest promises this file, found none\."),
        (lambda storage: storage.write_atomic("w/a", b"x"), r"bytes, found 1\."),
        (lambda storage: storage.delete("w/manifest.json"), r"expected a manifest.json, found none\."),
        (lambda storage: storage.write_atomic("w/manifest.json", b"{"), r"expected a manifest of version 1"),
        (lambda storage: storage.write_atomic("w/manifest.json", b'{"version": 2}'), r"version 2, this code reads"),
        (lambda storage: storage.write_atomic("w/manifest.json", b"[]"), r"found something else"),
    ],
)
def test_a_folder_that_is_not_what_its_manifest_says(storage, spoil, message):
    finished(storage)
    spoil(storage)
    with pytest.raises(ContractError, match=message):
        read_manifest(storage, "w")


def test_one_changed_byte_is_seen_by_the_hash_alone(storage):
    finished(storage)
    data = bytearray(storage.read("w/a"))
    data[10] ^= 1
    storage.write_atomic("w/a", bytes(data))
    read_manifest(storage, "w", hashes=False)
    with pytest.raises(ContractError, match="SHA-256"):
        read_manifest(storage, "w")
