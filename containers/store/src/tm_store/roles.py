"""The memory's roles: tm_owner owns and changes tables, tm_loader reads and writes rows, tm_reader reads them.

They are groups that nobody logs in as; a login is made a member of one (docs/security.md). ``tm migrate`` sets them up,
as far as its own login may.
"""

import psycopg

from tm_store.db import Database, load_statement

OWNER, LOADER, READER = "tm_owner", "tm_loader", "tm_reader"
GROUPS = (OWNER, LOADER, READER)
#: Schemas whose rights are given here; a new one is added to the files of include/sql/roles too.
SCHEMAS = ("tm", "staging", "review", "quality", "ops", "away")
_STATEMENTS = ("roles/create_groups", "roles/take_over", "roles/grant_rights")
_MAY = {
    OWNER: "owns, changes and drops tables: migrations and upkeep, TM_DATABASE_OWNER_URL",
    LOADER: "reads and writes rows, and adds to what is append-only: tasks, imports, reviews, TM_DATABASE_URL",
    READER: "reads rows, none of staging and review: look-ups and exports, TM_DATABASE_READ_URL",
}


def gaps(db: Database) -> list[str]:
    """What the roles lack or have too much, and this login could correct; empty if all is as it should be."""
    is_superuser = db.one("roles/select_self").is_superuser
    return [row.gap for row in db.run("roles/select_gaps") if is_superuser or not row.of_superuser]


def superuser_gaps(db: Database) -> list[str]:
    """What only a superuser can correct, whoever asks; `tm roles --sql` prints the statements."""
    return [row.gap for row in db.run("roles/select_gaps") if row.of_superuser]


def apply_roles(db: Database) -> str:
    """Make the roles and give them their rights, where something is missing; part of the caller's transaction.

    Returns:
        "", or what a superuser has to run because this login may not; nothing was changed then.
    """
    if not gaps(db):
        return ""
    me = db.one("roles/select_self")
    if OWNER not in me.groups and not me.may_create:
        return advice(db)
    try:
        with db.transaction():
            if set(me.groups) < set(GROUPS) and me.may_create:
                db.run("roles/create_groups")
            db.run("roles/take_over")
            db.run("roles/grant_rights")
    except psycopg.errors.InsufficientPrivilege as error:
        return f"{advice(db)}\n(The server said: {error.diag.message_primary}.)"
    if left := gaps(db):
        return f"{advice(db)}\n(Left as it was: {'; '.join(left)}.)"
    return _left_to_superusers(db)


def _left_to_superusers(db: Database) -> str:
    left = superuser_gaps(db)
    return f"{'; '.join(left)}. Only a superuser can take that away: tm roles --sql | psql" if left else ""


def advice(db: Database) -> str:
    """The statements that a superuser has to run, so that the next ``tm migrate`` of this login does the rest."""
    me = db.one("roles/select_self")
    known = {row.name for row in db.run("roles/select_members")}
    lines = [f"create role {name} nologin;" for name in GROUPS if name not in known]
    lines.append(f'grant {OWNER} to "{me.login}";')
    if not me.owns:
        lines.append(f'grant create on database "{me.database}" to {OWNER};')
        lines.append(f'revoke temporary on database "{me.database}" from public;')
        lines.append(f'grant temporary on database "{me.database}" to {OWNER}, {LOADER};')
    return (
        f"the roles {', '.join(GROUPS)} are not set up, and '{me.login}' may not do it. A superuser has to run, in the "
        f"database '{me.database}':\n    " + "\n    ".join(lines) + "\nThen run `tm migrate` again. Until then only "
        "the login that owns the tables can work with them; the memory itself is in order."
    )


def script(db: Database) -> str:
    """What ``apply_roles`` runs, and how a login becomes a member, as SQL for psql."""
    parts = [load_statement(db.include / "sql" / f"{name}.sql", name).sql for name in _STATEMENTS]
    logins = [f"-- create role … login password '…' in role {name};   -- {_MAY[name]}" for name in GROUPS]
    return "\n".join([*parts, *logins])


def render(db: Database) -> str:
    """What ``tm roles`` prints: each role with what it is for and its members, and what is missing."""
    members = {row.name: ", ".join(row.members) or "no member" for row in db.run("roles/select_members")}
    lines = [f"{name:9}  {_MAY[name]}\n           {members.get(name, 'not there')}" for name in GROUPS]
    lines += [f"missing:   {row.gap}" for row in db.run("roles/select_gaps")]
    if left := _left_to_superusers(db):
        lines.append(left)
    return "\n".join(lines)
