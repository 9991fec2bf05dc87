"""``tm backup``, ``tm restore``, ``tm drill``: the commands that keep the memory and bring it back."""

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
    what.add_argument("--if-due", action="store_true", help="take one unless a good one is younger than 20 hours")
    what.add_argument("--check", action="store_true", help="whether backups and drills keep their deadlines")
    what.add_argument("--verify", metavar="URI", help="read a backup again and compare every hash")
    what.add_argument("--prune", action="store_true", help="say what retention would delete; with --yes delete it")
    what.add_argument("--hold", metavar="URI", help="keep a backup whatever its age (legal hold)")
    what.add_argument("--lift", metavar="URI", help="let retention decide about a held backup again")
    what.add_argument("--unpack", metavar="URI", help="fetch a backup's files, checked and unpacked, into --to")
    what.add_argument("--make-key", type=Path, metavar="FILE", help="make an age key pair; prints the public key")
    save.add_argument("--yes", action="store_true", help="with --prune: delete")
    save.add_argument("--reason", default="", help="with --hold: why")
    save.add_argument("--to", type=Path, metavar="DIR", help="with --unpack: an empty folder")
    save.set_defaults(run=_backup)
    _add_restore(commands)
    test = commands.add_parser("drill", help="restore a backup into a scratch database, compare and measure")
    test.add_argument("uri", nargs="?", default="", help="this backup; the newest good one")
    test.set_defaults(run=_drill)


def _add_restore(commands: Any) -> None:
    back = commands.add_parser(
        "restore", help="a backup beside the live database, then the swap; a preview without --yes"
    )
    back.add_argument("uri", nargs="?", default="", help="this backup; the newest good one that fits")
    back.add_argument("--from", dest="source", default="", metavar="URI", help="storage to restore from; TM_STORAGE")
    back.add_argument("--time", type=_moment, metavar="T", help="as it was then: 2026-01-05T04:00, UTC")
    back.add_argument("--batch", default="", help="as it was at the end of this batch")
    back.add_argument("--no-replay", action="store_true", help="the backup alone, and erasures")
    back.add_argument("--yes", action="store_true", help="do it; without it nothing is changed, whatever is asked")
    what = back.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="the databases beside the live one")
    what.add_argument(
        "--swap", nargs="?", const="", metavar="NAME", help="let a restored database take the live one's place"
    )
    what.add_argument("--swap-back", action="store_true", help="undo the last swap")
    what.add_argument(
        "--catch-up", action="store_true", help="the live database itself, after a recovery by its server"
    )
    what.add_argument("--drop", metavar="NAME", help="drop a database beside the live one")
    back.add_argument("--cut", action="store_true", help="with a swap: end sessions that are at work too")
    back.set_defaults(run=_restore)


def _moment(text: str) -> datetime:
    from tm_store.restore_swap import read_moment

    try:
        return read_moment(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a time like 2026-01-05T04:00") from None


def _backup(arguments: argparse.Namespace) -> int:
    chosen = next((name for name in _BACKUP if getattr(arguments, name)), None)
    return (_BACKUP[chosen] if chosen else _take)(arguments)


def _take(arguments: argparse.Namespace) -> int:
    from tm_store.backup import recent_backup, render, take_backup
    from tm_store.journal import ship
    from tm_store.migrate import open_memory

    settings = Settings.from_env()
    storage = _storage(settings)
    with open_memory(settings) as db:
        ship(db, storage)
        recent = recent_backup(db, storage, datetime.now(UTC)) if arguments.if_due else None
        print(f"{recent.uri}: is recent enough" if recent else render(take_backup(settings, db, storage)))
    return 0


def _storage(settings: Settings) -> Any:
    from tm_formats.storage import open_storage

    return open_storage(settings)


def _list(arguments: argparse.Namespace) -> int:
    from tm_store.backup_catalog import list_backups, render_list

    found = list_backups(_storage(Settings.from_env()))
    print(render_list(found))
    return 0 if all(one.good for one in found) else 1


def _check(arguments: argparse.Namespace) -> int:
    from tm_store.backup_alarms import raise_alarms, render
    from tm_store.migrate import open_memory

    settings = Settings.from_env()
    with open_memory(settings) as db:
        found = raise_alarms(db)
    # The records of backups are no comfort where the backups are not.
    _storage(settings)
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
        pruned = prune(settings, db, _storage(settings), datetime.now(UTC), dry_run=not arguments.yes)
    print(render_pruned(pruned, dry_run=not arguments.yes))
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


def _restore(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from tm_store import restore_swap

    settings = Settings.from_env()
    if arguments.source:
        settings = replace(settings, storage=arguments.source)
    # These two need no storage, and make room where the storage's disk is full.
    if arguments.list:
        print(restore_swap.render_beside(restore_swap.list_beside(settings)))
        return 0
    if arguments.drop:
        return _drop(arguments, settings)
    storage = _storage(settings)
    if arguments.swap is not None or arguments.swap_back:
        return _swap(arguments, settings, storage)
    return (_catch_up if arguments.catch_up else _restore_one)(arguments, settings, storage)


def _swap(arguments: argparse.Namespace, settings: Settings, storage: Any) -> int:
    from tm_store import restore_preview, restore_swap

    name, back = arguments.swap or "", arguments.swap_back
    if not arguments.yes:
        preview = restore_preview.preview_swap(settings, storage, name, back=back, cut=arguments.cut)
        print(restore_preview.render_swap(preview))
        return 1 if preview.obstacle else 0
    if back:
        print(f"swapped back; what was live is {restore_swap.swap_back(settings, storage, cut=arguments.cut)}")
    else:
        kept = restore_swap.swap(settings, storage, name, cut=arguments.cut)
        print(f"swapped; what was live before is {kept or 'nothing'}")
    return 0


def _drop(arguments: argparse.Namespace, settings: Settings) -> int:
    from tm_store import restore_preview, restore_swap

    if not arguments.yes:
        print(restore_preview.render_drop(restore_preview.preview_drop(settings, arguments.drop)))
        return 0
    restore_swap.drop_beside(settings, arguments.drop)
    print(f"{arguments.drop}: dropped")
    return 0


def _restore_one(arguments: argparse.Namespace, settings: Settings, storage: Any) -> int:
    from tm_store import restore_swap

    wanted = restore_swap.Wanted(
        uri=arguments.uri, at=arguments.time, batch_id=arguments.batch, replay=not arguments.no_replay
    )
    if not arguments.yes:
        print(restore_swap.render_check(restore_swap.check(settings, storage, wanted), wanted))
        return 0
    done = restore_swap.restore_beside(settings, storage, wanted)
    print(restore_swap.render_restored(done))
    return 0 if not done.lost else 1


def _catch_up(arguments: argparse.Namespace, settings: Settings, storage: Any) -> int:
    from tm_store import restore_swap

    wanted = restore_swap.Wanted(at=arguments.time, replay=not arguments.no_replay)
    pending, replayed = restore_swap.catch_up(settings, storage, wanted, dry_run=not arguments.yes)
    print(restore_swap.render_caught_up(pending, replayed, dry_run=not arguments.yes))
    return 0 if not replayed.problems else 1


def _drill(arguments: argparse.Namespace) -> int:
    from tm_store.drill import render, run_drill
    from tm_store.migrate import open_memory

    settings = Settings.from_env()
    with open_memory(settings) as db:
        done = run_drill(settings, db, _storage(settings), arguments.uri)
    print(render(done))
    return 0 if done.is_passed and not done.lost else 1
