"""``tm``: the command line of the memory. Every command prints text; an error is one message and exit status 1."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path

from tm_core.contracts import Step
from tm_core.errors import TmError
from tm_core.room import CAUSES
from tm_core.settings import Settings
from tm_store import (
    cli_ab,
    cli_exchange,
    cli_lookup,
    cli_plan,
    cli_quarantine,
    cli_recovery,
    cli_review,
    cli_upkeep,
    cli_versions,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 1 with a message on standard error."""
    parsed = _parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed) or 0
    except TmError as error:
        print(f"tm {parsed.command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python would complain once more while it exits.
        sys.stderr.close()
        return 1
    except OSError as error:
        if error.errno not in CAUSES:
            raise
        cause, step = CAUSES[error.errno]
        place = error.filename or "a file that it writes"
        print(f"tm {parsed.command}: {place}: {cause}. {step}; then run it again.", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tm", description="The translation memory: deposit, refresh, look, explain.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    add = commands.add_parser("deposit", help="put folders of documents where a refresh finds them")
    add.add_argument(
        "folders", nargs="*", type=Path, metavar="DIR", help="a folder whose files are <name>.<lang>.<ext>"
    )
    add.add_argument("--store", required=True, help="one of include/stores.toml")
    add.add_argument("--date", required=True, type=_day, help="the partition date, YYYY-MM-DD")
    add.add_argument(
        "--lang", nargs=2, action="append", default=[], metavar=("LANG", "DIR"), help="a folder in one language"
    )
    add.set_defaults(run=_deposit)

    commands.add_parser("migrate", help="bring the database to this version's schema").set_defaults(run=_migrate)

    look = commands.add_parser("report", help="what the refresh of a date did")
    look.add_argument("--date", required=True, type=_day)
    look.add_argument("--since", type=datetime.fromisoformat, help="when the run began: says if it found nothing new")
    look.set_defaults(run=_report)

    tell = commands.add_parser("explain", help="a document's way through the run, with reasons")
    tell.add_argument("document", help="its name, as in <name>.<lang>.<ext>")
    tell.add_argument("--all", action="store_true", help="list the loaded beads too")
    tell.set_defaults(run=_explain)

    total = commands.add_parser(
        "checksum", help="one line that says which units the memory holds, whatever their order"
    )
    total.add_argument("--store", help="this store alone")
    total.set_defaults(run=_checksum)

    commands.add_parser("settings", help="every setting with its value, secrets hidden").set_defaults(run=_settings)
    commands.add_parser("doctor", help="what runs, what is missing, and the command that mends it").set_defaults(
        run=_doctor
    )

    words = commands.add_parser("lexicon", help="which lexicon is in use for a pair, and put another into use")
    actions = words.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="all lexicons, newest decision first").set_defaults(run=_lexicon_list)
    use = actions.add_parser("use", help="put a lexicon into use: an older one by its hash, or a file")
    use.add_argument("--pair", required=True, help="as in stores.toml: en-de")
    which = use.add_mutually_exclusive_group(required=True)
    which.add_argument("--sha256", help="the first digits of an older one's hash, as listed")
    which.add_argument("--file", type=Path, help="a lexicon file, as tm-align lexicon writes it")
    use.set_defaults(run=_lexicon_use)

    cli_exchange.add_commands(commands, _day)
    cli_lookup.add_commands(commands)
    cli_plan.add_commands(commands, _day)
    cli_quarantine.add_commands(commands)
    cli_review.add_commands(commands, _day)
    cli_ab.add_commands(commands)
    cli_versions.add_commands(commands)
    cli_upkeep.add_commands(commands)

    cli_recovery.add_commands(commands)

    plan = commands.add_parser("refresh-plan", help="plan a date: the first step, as the DAG runs it")
    plan.add_argument("--date", required=True, type=_day)
    plan.add_argument("--store", action="append", default=[], help="this store alone; may be repeated")
    plan.add_argument("--reprocess", action="store_true", help="align and load again what was done before")
    plan.add_argument("--run-id", default="command line")
    plan.set_defaults(run=_plan)

    step = commands.add_parser("refresh-step", help="run one step of a planned batch, as the DAG runs it")
    step.add_argument("step", choices=[one.value for one in Step if one not in (Step.PLAN, Step.TIER1, Step.TIER2)])
    step.add_argument("--batch", required=True, help="the batch's id")
    step.add_argument("--run-id", default="command line")
    step.set_defaults(run=_step)

    run = commands.add_parser("refresh", help="refresh a date without Airflow: all steps, one after the other")
    run.add_argument("--date", required=True, type=_day)
    run.add_argument("--store", action="append", default=[], help="this store alone; may be repeated")
    run.add_argument("--reprocess", action="store_true", help="align and load again what was done before")
    run.add_argument("--run-id", default="command line")
    run.set_defaults(run=_refresh)
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a date YYYY-MM-DD") from None


# What a command needs is imported when it runs: `tm --help` and `tm settings` answer at once.


def _deposit(arguments: argparse.Namespace) -> int:
    from tm_core.stores import load_stores
    from tm_formats.storage import Storage, open_storage
    from tm_store.deposit import Folder, deposit

    settings = Settings.from_env()
    folders = [Folder(path=path) for path in arguments.folders]
    folders += [Folder(path=Path(path), lang=lang) for lang, path in arguments.lang]
    stores = load_stores(settings.include / "stores.toml")
    folder = Storage(settings.storage).local_path("")
    is_new = folder is not None and not folder.exists()
    storage = open_storage(settings, make=True)
    if is_new:
        print(f"{storage.uri}: there was no such folder; it has been made")
    done = deposit(storage, stores, arguments.store, arguments.date, folders)
    print(done.render())
    return 1 if done.refused and not done.written + done.unchanged else 0


def _migrate(arguments: argparse.Namespace) -> None:
    from tm_store.migrate import migrate

    applied = migrate(Settings.from_env())
    print("\n".join(f"applied {name}" for name in applied) or "the database has this version's schema already")


def _report(arguments: argparse.Namespace) -> None:
    from tm_formats.storage import open_storage
    from tm_store.migrate import open_memory
    from tm_store.report import report

    settings = Settings.from_env()
    with open_memory(settings) as db:
        is_known = bool(db.run("ops/select_current_batch", day=arguments.date))
        shown = report(db, arguments.date, since=arguments.since)
    if is_known:
        print(shown)
    # That nothing was deposited can be said of a storage that is there.
    open_storage(settings)
    if not is_known:
        print(shown)


def _explain(arguments: argparse.Namespace) -> None:
    from tm_formats.storage import open_storage
    from tm_store.explain import explain
    from tm_store.migrate import open_memory

    settings = Settings.from_env()
    with open_memory(settings) as db:
        print(explain(db, open_storage(settings), arguments.document, every_bead=arguments.all))


def _checksum(arguments: argparse.Namespace) -> None:
    from tm_store.checksum import memory_checksum, render
    from tm_store.migrate import open_memory

    with open_memory(Settings.from_env()) as db:
        print(render(memory_checksum(db, arguments.store)))


def _settings(arguments: argparse.Namespace) -> None:
    from tm_store.report import table

    print(table(Settings.from_env().shown(), indent=0))


def _doctor(arguments: argparse.Namespace) -> int:
    from tm_store.doctor import examine, render

    checks = examine()
    print(render(checks))
    return max((check.status for check in checks), default=0)


def _lexicon_list(arguments: argparse.Namespace) -> None:
    from tm_store.lexicons import render
    from tm_store.migrate import open_memory
    from tm_store.report import table

    with open_memory(Settings.from_env()) as db:
        print(table(render(db.run("lexicon/select_all")), indent=0) or "no lexicon has been learned or given yet")


def _lexicon_use(arguments: argparse.Namespace) -> None:
    from tm_core.stores import parse_pair
    from tm_formats.storage import open_storage
    from tm_store.lexicons import use_file, use_older
    from tm_store.migrate import open_memory

    settings = Settings.from_env()
    pair = parse_pair(arguments.pair)
    with open_memory(settings) as db:
        storage = open_storage(settings)
        if arguments.file:
            used = use_file(db, storage, pair, arguments.file)
        else:
            used = use_older(db, storage, pair, arguments.sha256)
    print(f"{pair}: {used} is in use from the next plan on")


def _plan(arguments: argparse.Namespace) -> None:
    from tm_store.steps import plan

    summary = plan(
        Settings.from_env(),
        arguments.date,
        run_id=arguments.run_id,
        only_stores=arguments.store,
        reprocess=arguments.reprocess,
    )
    print(json.dumps(asdict(summary), sort_keys=True))


def _step(arguments: argparse.Namespace) -> None:
    from tm_store.steps import run

    facts = run(Settings.from_env(), Step(arguments.step), arguments.batch, run_id=arguments.run_id)
    print(json.dumps(facts, sort_keys=True, default=str))


def _refresh(arguments: argparse.Namespace) -> None:
    from tm_store.refresh import refresh

    summary = refresh(
        Settings.from_env(),
        arguments.date,
        run_id=arguments.run_id,
        only_stores=arguments.store,
        reprocess=arguments.reprocess,
        say=lambda line: print(line, file=sys.stderr),
    )
    print(json.dumps(summary, sort_keys=True, default=str))


if __name__ == "__main__":
    sys.exit(main())
