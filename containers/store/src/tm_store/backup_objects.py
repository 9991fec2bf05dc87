"""What a database consists of besides its rows: listed when it is backed up, compared once it is restored.

The listing lies beside the dump as ``objects.json``, so that a drill on another machine can compare too. It is read
from Postgres' catalogs and not from the dump: it also names what pg_dump leaves out. It holds no text of a segment.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tm_core.identity import digest
from tm_store.db import Database
from tm_store.roles import GROUPS, gaps, script

FILE = "objects.json"
#: Characters of a definition that a message quotes.
_QUOTED = 160
# As pg_dump sets them: names with their schemas, dates as every server reads them.
_PRINTING = {"search_path": "", "datestyle": "ISO, YMD", "intervalstyle": "postgres", "timezone": "UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """A database without its rows.

    Attributes:
        definitions: ``<kind> <name>`` to what Postgres says of it.
        sequences: name to the last number given out and the step; a sequence that has given none is left out.
        rights: role, right and object, of everybody but the owners. ``owner`` is a right too.
        rules: a digest of the rules that the rights follow (include/sql/roles); "" where they do not.
    """

    definitions: Mapping[str, str]
    sequences: Mapping[str, Sequence[int]]
    rights: Sequence[Sequence[str]]
    rules: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """How the rights of a restored memory differ from its source's.

    Attributes:
        missing: what the memory's own roles, or everybody, could do there and cannot do here.
        notes: what differs besides, or why nothing was compared: a person's affair, not the restore's.
    """

    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def list_objects(db: Database) -> Objects:
    """List what the database consists of; read-only.

    Cost: 50 ms for 1,500 objects.
    """
    with db.transaction(), _printing(db):
        found = db.run("backup/select_objects")
        sequences = db.run("backup/select_sequences")
        rights = db.run("backup/select_privileges")
    return Objects(
        definitions={f"{row.kind} {row.name}": row.definition for row in found},
        sequences={row.name: (row.last, row.increment) for row in sequences if row.last is not None},
        rights=[(row.role, row.right, row.object) for row in rights],
        rules="" if gaps(db) else _rules(db),
    )


def _rules(db: Database) -> str:
    """Digest what decides about rights: the rules, and the schema whose tables they are for."""
    schema = max(dict(db.run("ops/select_migrations")), default=0)
    return digest("rules", script(db), str(schema))


@contextmanager
def _printing(db: Database) -> Iterator[None]:
    """Print definitions alike, whatever the login's and the server's settings are."""
    before = {name: db.connection.execute("select current_setting(%s)", (name,)).fetchone() for name in _PRINTING}
    for name, value in _PRINTING.items():
        db.connection.execute("select set_config(%s, %s, true)", (name, value))
    yield
    for name, row in before.items():
        # The transaction may be the caller's and go on.
        db.connection.execute("select set_config(%s, %s, true)", (name, row[0] if row else ""))


def write_objects(db: Database, folder: Path) -> None:
    """Write the listing for a backup.

    Call it before pg_dump starts: sequences keep to no snapshot, and those of the dump must not be behind the listing.
    """
    text = json.dumps(asdict(list_objects(db)), ensure_ascii=False, sort_keys=True)
    (folder / FILE).write_text(text, encoding="utf-8")


def read_objects(folder: Path) -> Objects | None:
    """Read the listing of a backup; None if it was taken before there were listings."""
    path = folder / FILE
    return Objects(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


# Comparing -----------------------------------------------------------------------------------------


def differences(promised: Objects, found: Objects, *, same_major: bool) -> list[str]:
    """Name each object that is not in a restored database as it was in its source.

    Args:
        same_major: whether both servers print definitions alike; otherwise only their names are compared.
    """
    problems = []
    for name in sorted(promised.definitions.keys() | found.definitions.keys()):
        expected, there = promised.definitions.get(name), found.definitions.get(name)
        if expected is None:
            problems.append(f"{name}: expected none, found {_quoted(there)}")
        elif there is None:
            problems.append(f"{name}: expected {_quoted(expected)}, found none")
        elif same_major and expected != there:
            start = _first_difference(expected, there)
            problems.append(f"{name}: expected {_quoted(expected, start)}, found {_quoted(there, start)}")
    return problems + list(_behind(promised, found))


def _behind(promised: Objects, found: Objects) -> Iterator[str]:
    """Sequences that would give numbers out again. The dump was taken after the listing: one may be ahead of it."""
    for name, (last, step) in promised.sequences.items():
        there = found.sequences.get(name, (None, step))[0]
        if there is None or (there < last if step > 0 else there > last):
            yield f"sequence {name}: expected to have given out {last}, found {'none' if there is None else there}"


def _first_difference(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _quoted(definition: str | None, start: int = 0) -> str:
    """A definition, or the part of a long one where it differs."""
    text = definition or ""
    if len(text) > _QUOTED:
        first = max(0, start - _QUOTED // 4)
        text = f"{'…' if first else ''}{text[first : first + _QUOTED]}…"
    return f"'{' '.join(text.split())}'"


def compare_rights(db: Database, promised: Objects | None) -> Rights:
    """Compare who may do what with the source. ``tm migrate`` must have given the rights.

    Rights are compared where both follow the same rules: a backup of another version says what was right then.

    Args:
        db: the restored memory.
    """
    if promised is None:
        return Rights(notes=("rights: not compared, the backup was taken before they were listed",))
    if not promised.rules:
        return Rights(notes=("rights: not compared, the source's own were not in order (`tm roles`)",))
    if promised.rules != _rules(db):
        return Rights(notes=("rights: not compared, the backup was taken under another version's rules",))
    expected, there = set(map(tuple, promised.rights)), set(map(tuple, list_objects(db).rights))
    ours = (*GROUPS, "public")
    less = sorted(expected - there)
    missing = [_right(one) for one in less if one[0] in ours]
    foreign = [
        # What a site's own login owned is tm_owner's after `tm migrate`.
        f"{_right(one)}; grant it again after a restore"
        for one in less
        if one[0] not in ours and one[1] != "owner"
    ]
    more = [f"{' '.join(one)}: not in the source" for one in sorted(there - expected) if one[0] in ours]
    return Rights(missing=tuple(missing), notes=(*foreign, *more))


def _right(one: Sequence[str]) -> str:
    role, right, name = one
    return f"{role}: {right} of {name}, expected as in the source, found none"
