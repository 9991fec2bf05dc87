"""Parquet files with a versioned schema: how the steps of a batch hand rows to each other."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from tm_core.errors import ContractError
from tm_formats.manifest import FileEntry
from tm_formats.storage import Storage

_SCHEMA_KEY, _VERSION_KEY = b"tm.schema", b"tm.version"
#: zstd's own default: above it, text rows shrink by a few per cent at twice the time.
_ZSTD_LEVEL = 3
#: Rows in a row group: bounds a reader's memory. Source: Arrow's default of 1 Mi rows, less because rows hold text.
_ROW_GROUP_ROWS = 131_072


def write_table(storage: Storage, path: str, table: pa.Table, *, schema_name: str, version: int) -> FileEntry:
    """Write a table as one file: there whole, or not at all.

    The same rows give the same bytes (under one version of pyarrow): no time and no machine goes in, and
    metadata that a table carried from elsewhere is dropped.

    Returns:
        The file's entry for a manifest; its name is the last part of ``path``.
    """
    metadata = {_SCHEMA_KEY: schema_name.encode(), _VERSION_KEY: str(version).encode()}
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata(metadata).combine_chunks(),
        sink,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        row_group_size=_ROW_GROUP_ROWS,
    )
    written = storage.write_atomic(path, sink.getvalue().to_pybytes())
    return FileEntry(name=path.rpartition("/")[2], size=written.size, sha256=written.sha256, rows=table.num_rows)


def read_table(
    storage: Storage, path: str, *, schema_name: str, version: int, columns: Sequence[str] | None = None
) -> pa.Table:
    """Read a table that ``write_table`` wrote under the same schema name and version.

    Args:
        columns: the columns wanted, in this order; all if None.

    Raises:
        ContractError: not Parquet, another schema or version, or a column that is not there.
    """
    with storage.open_input(path) as source:
        try:
            file = pq.ParquetFile(source)
            _check(storage.uri_of(path), file.schema_arrow, schema_name, version, columns)
            return file.read(columns=list(columns) if columns is not None else None)
        except pa.ArrowInvalid as error:
            raise _contract(
                storage.uri_of(path), f"Parquet of {schema_name} v{version}", f"no Parquet ({error})"
            ) from error


def _check(uri: str, schema: pa.Schema, name: str, version: int, columns: Sequence[str] | None) -> None:
    metadata = schema.metadata or {}
    found = metadata.get(_SCHEMA_KEY, b"no schema name").decode(), metadata.get(_VERSION_KEY, b"?").decode()
    if found != (name, str(version)):
        raise _contract(uri, f"{name} v{version}", f"{found[0]} v{found[1]}")
    if missing := [column for column in columns or () if column not in schema.names]:
        raise _contract(uri, f"the columns {', '.join(columns or ())}", f"no column {', '.join(missing)}")


def _contract(uri: str, expected: str, found: str) -> ContractError:
    return ContractError(
        f"{uri}: expected {expected}, found {found}. "
        "Most likely the step before ran another version of tm-refinery. "
        "Clear that step, so that this code writes the file; nothing has been written from it."
    )
