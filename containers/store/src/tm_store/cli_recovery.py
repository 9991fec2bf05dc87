"""``tm backup``: the commands that keep the memory and bring it back."""

import argparse
import getpass
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tm_core.settings import Settings

# What a command needs is imported when it runs: `tm --help` answers at once.


def add_commands(commands: Any) -> None:
    """Register the commands below ``tm``."""
    save = commands.add_parser("backup", help="take a backup now; list, verify, keep or delete backups")
    what = save.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="all backups, and whether each can be trusted")
    what.add_argument("--check", action="store_true", help="whether backups and drills keep their deadlines")
    what.add_argument("--verify", metavar="URI", help="read a backup again and compare every hash")
    what.add_argument("--prune", action="store_true", help="say what retention would delete; with --apply delete it")
    what.add_argument("--hold", metavar="URI", help="keep a backup whatever its age (legal hold)")
    what.add_argument("--lift", metavar="URI", help="let retention decide about a held backup again")
    what.add_argument("--unpack", metavar="URI", help="fetch a backup's files, checked and unpacked, into --to")
    what.add_argument("--make-key", type=Path, metavar="FILE", help="make an age key pair; prints the public key")
    save.add_argument("--apply", action="store_true", help="with --prune: delete")
    save.add_argument("--reason", default="", help="with --hold: why")
    save.add_argument("--to", type=Path, metavar="DIR", help="with --unpack: an empty folder")
    save.set_defaults(run=_backup)


def _backup(arguments: argparse.Namespace) -> int:
    chosen = next((name for name in _BACKUP if getattr(arguments, name)), None)
    return (_BACKUP[chosen] if chosen else _take)(arguments)


def _take(arguments: argparse.Namespace) -> int:
    from tm_store.backup import render, take_backup
    from tm_store.journal import ship
    from tm_store.migrate import open_memory

    settings = Settings.from_env()
    with open_memory(settings) as db:
        ship(db, _storage(settings))
        print(render(take_backup(settings, db, _storage(settings))))
    return 0


def _storage(settings: Settings) -> Any:
    from tm_formats.storage import Storage

    return Storage(settings.storage)


def _list(arguments: argparse.Namespace) -> int:
    from tm_store.backup_catalog import list_backups, render_list

    found = list_backups(_storage(Settings.from_env()))
    print(render_list(found))
    return 0 if all(one.good for one in found) else 1


def _check(arguments: argparse.Namespace) -> int:
    from tm_store.backup_alarms import raise_alarms, render
    from tm_store.migrate import open_memory

    with open_memory(Settings.from_env()) as db:
        found = raise_alarms(db)
    print(render(found))
    return 1 if found else 0


def _verify(arguments: argparse.Namespace) -> int:
    from tm_store.backup_catalog import verify

    verify(_storage(Settings.from_env()), arguments.verify)
    print(f"{arguments.verify}: every file is there, with the hash that the manifest promises")
    return 0


def _prune(arguments: argparse.Namespace) -> int:
    from tm_store.backup import prune, render_pruned
    from tm_store.migrate import open_memory

    settings = Settings.from_env()
    with open_memory(settings) as db:
        pruned = prune(settings, db, _storage(settings), datetime.now(UTC), dry_run=not arguments.apply)
    print(render_pruned(pruned, dry_run=not arguments.apply))
    return 0


def _hold(arguments: argparse.Namespace) -> int:
    from tm_store.backup_catalog import hold

    held = hold(_storage(Settings.from_env()), arguments.hold, arguments.reason, _user())
    print(f"{held.uri}: held ({held.hold})")
    return 0


def _user() -> str:
    with suppress(KeyError, OSError):  # a container's user may have no name
        return getpass.getuser()
    return "unknown"


def _lift(arguments: argparse.Namespace) -> int:
    from tm_store.backup_catalog import lift_hold

    print(f"{lift_hold(_storage(Settings.from_env()), arguments.lift).uri}: retention decides again")
    return 0


def _unpack(arguments: argparse.Namespace) -> int:
    from tm_core.errors import BackupError
    from tm_store.backup_catalog import verify
    from tm_store.backup_files import download, identities_of

    if arguments.to is None or (arguments.to.exists() and any(arguments.to.iterdir())):
        raise BackupError(f"--to {arguments.to}: expected an empty folder. Name one; nothing has been written.")
    settings = Settings.from_env()
    backup = verify(_storage(settings), arguments.unpack)
    download(_storage(settings), backup.path, backup.entries, arguments.to, identities_of(settings))
    print(f"{arguments.to}: {backup.files} files")
    return 0


def _make_key(arguments: argparse.Namespace) -> int:
    from tm_store.backup_files import make_key

    public = make_key(arguments.make_key)
    print(f"export TM_BACKUP_RECIPIENTS={public}   # the secret key is in {arguments.make_key}: keep a copy elsewhere")
    return 0


_BACKUP = {
    "list": _list,
    "check": _check,
    "verify": _verify,
    "prune": _prune,
    "hold": _hold,
    "lift": _lift,
    "unpack": _unpack,
    "make_key": _make_key,
}
