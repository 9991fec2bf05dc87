"""Rows of a contract (tm_core.contracts) as Parquet files and back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from tm_core.contracts import Schema
from tm_formats.manifest import FileEntry
from tm_formats.parquet import read_table, write_table
from tm_formats.storage import Storage


def arrow_schema(schema: Schema) -> pa.Schema:
    """The contract's columns as Arrow types; no column may be null: "" and 0 say "nothing" in text and counts."""
    return pa.schema([pa.field(name, getattr(pa, kind.value)(), nullable=False) for name, kind in schema.columns])


def write_rows(storage: Storage, path: str, schema: Schema, rows: Iterable[Mapping[str, Any]]) -> FileEntry:
    """Write rows (dictionaries with the contract's columns) as one Parquet file."""
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=arrow_schema(schema))
    return write_columns(storage, path, schema, table)


def write_columns(storage: Storage, path: str, schema: Schema, table: pa.Table) -> FileEntry:
    """Write a table whose columns are the contract's."""
    return write_table(storage, path, table.cast(arrow_schema(schema)), schema_name=schema.name, version=schema.version)


def read_columns(storage: Storage, path: str, schema: Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a file of the contract; ContractError if it is not one."""
    wanted = columns if columns is not None else schema.names
    return read_table(storage, path, schema_name=schema.name, version=schema.version, columns=wanted)


def read_rows(
    storage: Storage, path: str, schema: Schema, columns: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Read a file of the contract as dictionaries; for tables of documents, not of beads."""
    rows: list[dict[str, Any]] = read_columns(storage, path, schema, columns).to_pylist()
    return rows
