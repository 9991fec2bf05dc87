"""``tm roles`` and ``tm maintain``."""

import argparse
from typing import Any

from tm_core.settings import Settings

# As tm_store.upkeep.Part, which is imported when the command runs.
_PARTS = ("months", "books", "leftovers", "lookup", "tables")


def add_commands(commands: Any) -> None:
    """Add the commands to the parser of ``tm``."""
    rights = commands.add_parser("roles", help="who may do what; sets the roles up where something is missing")
    rights.add_argument("--sql", action="store_true", help="print the statements instead of running them")
    rights.set_defaults(run=_roles)

    care = commands.add_parser("maintain", help="partitions, old books, leftovers, indexes: what a week leaves to do")
    care.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    care.add_argument("--part", action="append", default=[], choices=_PARTS, help="this alone; may be repeated")
    care.set_defaults(run=_maintain)


def _roles(arguments: argparse.Namespace) -> int:
    from tm_store.migrate import open_memory
    from tm_store.roles import apply_roles, render, script

    with open_memory(Settings.from_env().as_owner()) as db:
        if arguments.sql:
            print(script(db))
            return 0
        problem = apply_roles(db)
        print(render(db))
    if problem:
        print(f"\n{problem}")
    return 1 if problem else 0


def _maintain(arguments: argparse.Namespace) -> None:
    from tm_store.upkeep import Part, maintain, render, storage_of

    settings = Settings.from_env()
    parts = [Part(name) for name in arguments.part or _PARTS]
    actions = maintain(settings, storage_of(settings, parts), parts=parts, dry_run=arguments.dry_run)
    print(render(actions, dry_run=arguments.dry_run))
