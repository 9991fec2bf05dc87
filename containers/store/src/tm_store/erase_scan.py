"""The proof of an erasure: look for its texts in every column of every table, known to this project or not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from psycopg import sql

from tm_store.db import Database

# Schemas of this project. In other schemas every column is looked into.
_OWN = frozenset({"tm", "ops", "staging", "quality", "review", "away"})
#: Columns of the project's own tables that hold names, codes and hashes: a segment may be "de", "new" or "demo" too.
_CODES = frozenset(
    "aligner batch_id claimed_by content context content_hash correction decided_by digest folder key kind lang "
    "document_key holders ledger_key level manifest_sha256 model_hash name next_hash origin outcome path pooled "
    "prev_hash review_state reviewers route rule run_id sha256 side src_hash src_lang src_lang_id state step store "
    "table_name tgt_hash tgt_lang tgt_lang_id tier undoes unit_key uri verdict verdict_key who withdrawn_by".split()
)
#: Texts at least this long are looked for inside longer ones too, in tables of other schemas than tm, if they are few.
EMBEDDED_CHARS = 20
_EMBEDDED_TEXTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column that can hold a text. ``owner``: the table's column that names the store, "" if there is none."""

    schema: str
    table: str
    name: str
    kind: str
    owner: str
    may_read: bool

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table with its columns that can hold texts or hashes."""

    schema: str
    name: str
    owner: str
    columns: frozenset[str]
    kinds: frozenset[str]

    @property
    def holds_texts(self) -> bool:
        """It keeps copies of segments: by its columns' names, or because JSON can hold anything."""
        return "json" in self.kinds or {"src_text", "tgt_text"} <= self.columns

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def columns(db: Database) -> list[Column]:
    """Every column that can hold a text."""
    return [
        Column(
            schema=row.schema,
            table=row.table_name,
            name=row.column_name,
            kind=row.kind,
            owner=row.owner,
            may_read=row.may_read,
        )
        for row in db.run("erase/select_columns")
    ]


def tables(found: Sequence[Column]) -> list[Table]:
    """The tables of the columns."""
    groups = groupby(found, key=lambda one: (one.schema, one.table, one.owner))
    return [
        Table(
            schema=schema,
            name=name,
            owner=owner,
            columns=frozenset(one.name for one in members),
            kinds=frozenset(one.kind for one in members),
        )
        for (schema, name, owner), members in ((place, list(group)) for place, group in groups)
    ]


def scanned(found: Sequence[Column], leave: Collection[str] = ()) -> list[Column]:
    """The columns that a proof looks into: all but the project's own codes, and those that a person names."""
    return [one for one in found if not (one.schema in _OWN and one.name in _CODES) and str(one) not in leave]


def scan(db: Database, found: Sequence[Column], store: str, store_id: int) -> dict[str, int]:
    """Rows by column that hold a text of the temporary table ``sought``; a column without one is not named.

    Args:
        store, store_id: in tables that name their store, its rows alone are looked at. In others a text counts that no
            store says any more.

    Cost: reads every table once for each of its columns, about 1 s a million units and column.
    """
    few = embedded_texts(db)
    left = {}
    for one in found:
        if not one.may_read:
            continue
        hits = _hits(db, one, store, store_id, embedded=few and one.schema != "tm")
        if hits:
            left[str(one)] = hits
    return left


def embedded_texts(db: Database) -> bool:
    """Whether the texts are so few that each is looked for inside longer ones."""
    row = db.connection.execute("select count(*) from sought").fetchone()
    return bool(row and 0 < row[0] <= _EMBEDDED_TEXTS)


# A text, a list of texts or every string of a JSON value as rows "value".
_VALUES = {
    "text": "select {column}::text as value",
    "list": "select unnest({column}::text[]) as value",
    "json": "select one_value #>> '{{}}' as value from jsonb_path_query({column}::jsonb, 'strict $.**') as one_value",
}
_SAME_TEXT = "{column}::text in (select sought.text from sought where {mine})"
_SAME_BYTES = "{column} in (select convert_to(sought.text, 'UTF8') from sought where {mine})"
_ANY_VALUE = "exists (select from ({values}) as given join sought on (sought.text = given.value{inside}) and {mine})"
_INSIDE = " or (length(sought.text) >= {} and strpos(given.value, sought.text) > 0)"


def _hits(db: Database, one: Column, store: str, store_id: int, *, embedded: bool) -> int:
    parts = {
        "column": sql.SQL("one.{}").format(sql.Identifier(one.name)),
        "mine": sql.SQL("true" if one.owner else "not sought.is_shared"),
    }
    if one.kind == "bytes":
        test = sql.SQL(_SAME_BYTES).format(**parts)
    elif one.kind == "text" and not embedded:
        test = sql.SQL(_SAME_TEXT).format(**parts)
    else:
        inside = sql.SQL(_INSIDE).format(sql.Literal(EMBEDDED_CHARS)) if embedded else sql.SQL("")
        test = sql.SQL(_ANY_VALUE).format(values=sql.SQL(_VALUES[one.kind]).format(**parts), inside=inside, **parts)
    statement = sql.SQL("select count(*) from {} as one where {} and {}").format(
        sql.Identifier(one.schema, one.table), _own_rows(one.owner, store, store_id), test
    )
    row = db.connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def _own_rows(owner: str, store: str, store_id: int) -> sql.Composable:
    if owner == "store_id":
        return sql.SQL("one.store_id = {}").format(sql.Literal(store_id))
    if owner == "store":
        return sql.SQL("one.store = {}").format(sql.Literal(store))
    return sql.SQL("true")


def count_rows(db: Database, found: Sequence[Table], store: str, store_id: int) -> dict[str, int]:
    """Rows of the store by table, of the tables that name their store."""
    counts = {}
    for one in found:
        if one.owner:
            statement = sql.SQL("select count(*) from {} as one where {}").format(
                one.identifier, _own_rows(one.owner, store, store_id)
            )
            row = db.connection.execute(statement).fetchone()
            counts[f"{one.schema}.{one.name}"] = int(row[0]) if row else 0
    return counts


# Copies ---------------------------------------------------------------------------------------------

# What the erasure removes by statements of its own.
_HANDLED = frozenset(
    "tm.unit tm.evidence tm.extra tm.document tm.withdrawn tm.withdrawn_document tm.withdrawn_unit tm.tombstone "
    "tm.source tm.pending".split()
)
# The books have hashes and names, and their sums close: they stay.
_BOOKS = frozenset({"ops", "staging", "quality", "away"})


def copies(found: Sequence[Table]) -> list[Table]:
    """Tables that keep copies of a store's segments beside the memory, by the shape of their columns."""
    return [
        one
        for one in found
        if one.owner and one.holds_texts and one.schema not in _BOOKS and f"{one.schema}.{one.name}" not in _HANDLED
    ]


_BY_PAIR = """delete from {table} as one using erased_pair as pair where {own} and one.src_lang = pair.src_lang
and one.tgt_lang = pair.tgt_lang and one.src_hash = pair.src_hash and pair.tgt_hash in ('', one.tgt_hash)"""
_BY_UNIT = "delete from {table} as one using erased where {own} and one.unit_key = erased.unit_key"
_BY_DOCUMENT = """delete from {table} as one using grave where {own} and grave.document_key <> ''
and one.document_key = grave.document_key"""
_SHAPES = (
    (frozenset({"src_lang", "tgt_lang", "src_hash", "tgt_hash"}), _BY_PAIR),
    (frozenset({"unit_key"}), _BY_UNIT),
    (frozenset({"document_key"}), _BY_DOCUMENT),
)


def delete_copies(db: Database, found: Sequence[Table], store: str, store_id: int) -> dict[str, int]:
    """Remove the rows of such tables that an erasure names: by their texts' hashes, unit or document. Rows by table."""
    removed = {}
    for one in copies(found):
        own = _own_rows(one.owner, store, store_id)
        rows = sum(
            db.connection.execute(sql.SQL(statement).format(table=one.identifier, own=own)).rowcount
            for shape, statement in _SHAPES
            if shape <= one.columns
        )
        if rows:
            removed[f"{one.schema}.{one.name}"] = rows
    return removed
