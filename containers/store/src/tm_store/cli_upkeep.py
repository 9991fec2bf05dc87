"""``tm roles`` and ``tm maintain``."""

import argparse
from typing import Any

from tm_core.settings import Settings


def add_commands(commands: Any) -> None:
    """Add the commands to the parser of ``tm``."""
    rights = commands.add_parser("roles", help="who may do what; sets the roles up where something is missing")
    rights.add_argument("--sql", action="store_true", help="print the statements instead of running them")
    rights.set_defaults(run=_roles)


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
