"""The proof of an erasure: look for its texts in every column of every table, known to this project or not."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from psycopg import sql

from tm_store.db import Database
from tm_store.erase_places import Kind, kind_of

#: Texts at least this long are looked for inside prose too, if they are few.
EMBEDDED_CHARS = 20
_EMBEDDED_TEXTS = 100
_BLOCK_ROWS = 10_000


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

    @property
    def place(self) -> Kind:
        """What the column holds, as tm_store.erase_places declares it."""
        return kind_of(self.schema, self.table, self.name)


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
    return [one for one in found if one.place is not Kind.CODE and str(one) not in leave]


def scan(db: Database, found: Sequence[Column], store: str, store_id: int) -> dict[str, int]:
    """Rows by column that hold a text of the temporary table ``sought``; a column without one is not named.

    One rule in every schema (docs/decisions/0069): units, and copies of them, are compared whole, because a longer unit
    is another text. Prose is searched inside too, unless what stands there is itself a text that a unit says.

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
        inside = few and one.place is Kind.PROSE
        hits = _hits(db, one, store, store_id, inside=inside)
        if hits and inside:
            # Asked only of what was found: it reads the memory.
            hits = _hits(db, one, store, store_id, inside=True, excused=True)
        if hits:
            left[str(one)] = hits
    return left


def embedded_texts(db: Database) -> bool:
    """Whether the texts are so few that each is looked for inside longer ones."""
    row = db.connection.execute("select count(*) from sought").fetchone()
    return bool(row and 0 < row[0] <= _EMBEDDED_TEXTS)


# A text, a list of texts, every string of a JSON value, or both sides of every bead of a window as rows "value".
_VALUES = {
    "text": "select {column}::text as value",
    "list": "select unnest({column}::text[]) as value",
    "json": "select one_value #>> '{{}}' as value from jsonb_path_query({column}::jsonb, 'strict $.**') as one_value",
    "window": """select (
            select string_agg(segment.value, {column} ->> (side.name || '_glue') order by segment.number)
            from jsonb_array_elements_text(bead.facts -> side.name) with ordinality as segment (value, number)
        ) as value
        from jsonb_path_query({column}, 'lax $.*[*] ? (exists (@.src))') as bead (facts)
        cross join (values ('src'), ('tgt')) as side (name)""",
}
_SAME_TEXT = "{column}::text in (select sought.text from sought where {mine})"
_SAME_BYTES = "{column} in (select convert_to(sought.text, 'UTF8') from sought where {mine})"
_ANY_VALUE = "exists (select from ({values}) as given join sought on ({same}) and {mine} where {open})"
_INSIDE = "sought.text = given.value or (length(sought.text) >= {} and strpos(given.value, sought.text) > 0)"
_SAID = "not exists (select from tm.unit as unit where given.value in (unit.src_text, unit.tgt_text))"


def _hits(db: Database, one: Column, store: str, store_id: int, *, inside: bool, excused: bool = False) -> int:
    parts = {
        "column": sql.SQL("one.{}").format(sql.Identifier(one.name)),
        "mine": sql.SQL("true" if one.owner else "not sought.is_shared"),
    }
    if one.kind == "bytes":
        test = sql.SQL(_SAME_BYTES).format(**parts)
    elif one.kind == "text" and not inside:
        test = sql.SQL(_SAME_TEXT).format(**parts)
    else:
        values = _VALUES["window" if one.place is Kind.WINDOW else one.kind]
        same = sql.SQL(_INSIDE).format(sql.Literal(EMBEDDED_CHARS)) if inside else sql.SQL("sought.text = given.value")
        test = sql.SQL(_ANY_VALUE).format(
            values=sql.SQL(values).format(**parts), same=same, open=sql.SQL(_SAID if excused else "true"), **parts
        )
    statement = sql.SQL("select count(*) from {} as one where {} and {}").format(
        sql.Identifier(one.schema, one.table), _own_rows(one.owner, store, store_id), test
    )
    row = db.connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def stands_in(
    db: Database, found: Sequence[Column], store: str, store_id: int, is_wanted: Callable[[str], bool]
) -> dict[str, int]:
    """Rows by column in which words that a person asked for stand, be it inside longer texts.

    Cost: reads every value of these columns into this process.
    """
    places = {}
    for one in found:
        if not one.may_read or one.kind == "bytes":
            continue
        if rows := sum(any(map(is_wanted, values)) for values in _values(db, one, store, store_id)):
            places[str(one)] = rows
    return places


def _values(db: Database, one: Column, store: str, store_id: int) -> Iterator[list[str]]:
    """All texts of each row of a column."""
    column = sql.SQL("one.{}").format(sql.Identifier(one.name))
    values = sql.SQL(_VALUES["window" if one.place is Kind.WINDOW else one.kind]).format(column=column)
    statement = sql.SQL(
        "select array(select given.value from ({}) as given where given.value <> '') from {} as one"
        " where {} and {} is not null"
    ).format(values, sql.Identifier(one.schema, one.table), _own_rows(one.owner, store, store_id), column)
    with db.transaction(), db.connection.cursor(name="tm_erase_values") as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(_BLOCK_ROWS):
            yield from (texts for (texts,) in rows)


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
    "tm.source tm.pending review.change".split()
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
