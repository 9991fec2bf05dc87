"""``tm review``: the queue, verdicts, what they prove, and the threshold between the tiers, without the page."""

import argparse
import getpass
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tm_core.settings import Settings

if TYPE_CHECKING:
    from tm_core.agreement import Agreement


def add_commands(commands: Any, day: Callable[[str], date]) -> None:
    """Add ``review`` to the parser of ``tm``. ``day`` reads a date."""
    review = commands.add_parser("review", help="the review queue, verdicts, and what they prove")
    actions = review.add_subparsers(dest="action", required=True, metavar="ACTION")

    wait = actions.add_parser("queue", help="what waits for you, most wanted first")
    wait.add_argument("--store", default="")
    wait.add_argument("--tier", default="")
    wait.add_argument("--state", choices=["open", "mine", "disputed", "done"], default="open")
    wait.add_argument("--limit", type=int, default=20, metavar="N", help="items at most, to 200; 20")
    wait.set_defaults(run=_queue)

    say = actions.add_parser("verdict", help="judge an item of the queue, or take your verdict back")
    say.add_argument("item", type=int, help="its number")
    say.add_argument("verdict", choices=["accept", "wrong", "partial", "skip", "undo"])
    say.add_argument("--version", type=int, required=True, help="of the item, as the queue showed it")
    say.add_argument("--note", default="")
    say.set_defaults(run=_verdict)

    told = actions.add_parser("stats", help="what is proven of each stratum")
    told.add_argument("--date", type=day, default=None, help="as known on this date; today")
    told.add_argument("--store", default="")
    told.set_defaults(run=_stats)

    agreed = actions.add_parser("kappa", help="how far reviewers agree")
    agreed.add_argument("--days", type=int, default=90, metavar="N", help="partition dates back from today; 90")
    agreed.set_defaults(run=_kappa)

    limit = actions.add_parser("threshold", help="the confidence that keeps a document in tier 1: proposal, approval")
    what = limit.add_mutually_exclusive_group()
    what.add_argument("--set", type=float, metavar="X", help="approve this one, 0 to 1, for the plans to come")
    what.add_argument("--clear", action="store_true", help="let TM_TIER_THRESHOLD hold again")
    limit.add_argument("--why", default="", help="the reason, with --set and --clear")
    limit.set_defaults(run=_threshold)


# What a command needs is imported when it runs: `tm --help` answers at once.


def _queue(arguments: argparse.Namespace) -> None:
    from tm_store.migrate import open_memory
    from tm_store.report import table
    from tm_store.review import Filters, QueueState, queue

    filters = Filters(state=QueueState(arguments.state), store=arguments.store, tier=arguments.tier)
    with open_memory(Settings.from_env()) as db:
        found = queue(db, getpass.getuser(), filters, limit=arguments.limit).items
    rows = [
        (one.item_id, one.version, f"{one.store} {one.src_lang}-{one.tgt_lang}", one.tier, f"{one.score:.2f}",
         _cut(one.src_text), _cut(one.tgt_text))
        for one in found
    ]  # fmt: skip
    print(table(rows, indent=0) or "nothing waits under these filters")


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _verdict(arguments: argparse.Namespace) -> None:
    from tm_core.precision import Judgement
    from tm_formats.storage import open_storage
    from tm_store.migrate import open_memory
    from tm_store.review_verdicts import judge, undo

    settings = Settings.from_env()
    said = {"who": getpass.getuser(), "version": arguments.version}
    with open_memory(settings) as db:
        storage = open_storage(settings)
        if arguments.verdict == "undo":
            done = undo(db, storage, arguments.item, **said)
        else:
            verdict = Judgement(arguments.verdict)
            done = judge(db, storage, arguments.item, **said, verdict=verdict, note=arguments.note)
    print(f"item {arguments.item}: {done.head.state}, version {done.head.version}")


def _stats(arguments: argparse.Namespace) -> None:
    from tm_store.migrate import open_memory
    from tm_store.report import table
    from tm_store.review import facets
    from tm_store.review_stats import rule_of, stratum_states

    settings = Settings.from_env()
    until = arguments.date or datetime.now(UTC).date()
    with open_memory(settings) as db:
        pairs = sorted({(one.store, one.src_lang, one.tgt_lang) for one in facets(db)})
        found = [
            state
            for pair in pairs
            if arguments.store in ("", pair[0])
            for state in stratum_states(
                db, *pair, until, rule=rule_of(settings), window_days=settings.review_window_days
            ).judged()
        ]
    rows = [(f"{one.stratum.store} {one.stratum.src_lang}-{one.stratum.tgt_lang}", one.told()) for one in found]
    print(table(rows, indent=0) or "nobody has judged anything in the window")


def _kappa(arguments: argparse.Namespace) -> None:
    from tm_store.migrate import open_memory
    from tm_store.report import table
    from tm_store.review_stats import agreement

    until = datetime.now(UTC).date()
    with open_memory(Settings.from_env()) as db:
        found = agreement(db, since=until - timedelta(days=arguments.days - 1), until=until)
    rows = [
        (f"{one.src_lang}-{one.tgt_lang}" if one.src_lang else "all", one.strict.items, _shown(one.strict),
         _shown(one.binary))
        for one in found
    ]  # fmt: skip
    print(table([("pair", "items", "kappa", "of right and not"), *rows], indent=0))


def _shown(one: "Agreement") -> str:
    return "unknown" if one.kappa is None else f"{one.kappa:.2f} ± {one.error:.2f}"


def _threshold(arguments: argparse.Namespace) -> None:
    from tm_store.migrate import open_memory
    from tm_store.report import table
    from tm_store.review_threshold import approve, decisions, proposal

    settings = Settings.from_env()
    today = datetime.now(UTC).date()
    with open_memory(settings) as db:
        if arguments.clear or arguments.set is not None:
            number = approve(settings, db, arguments.set, who=getpass.getuser(), why=arguments.why, day=today)
            print(f"decision {number}: holds from the next plan on")
            return
        found, made = proposal(settings, db, today), decisions(db)
    rows = [
        (f"{one.threshold:.2f}", one.verdicts, f"{one.kept.lower:.3f} to {one.kept.upper:.3f}",
         "good" if one.is_good else "not proven")
        for one in found.tried
    ]  # fmt: skip
    print(f"in force: {found.current:.2f}\nproposed: {found.proposed or 'nothing'}: {found.reason}")
    print(table(rows))
    print(table([(number, f"{at:%Y-%m-%d %H:%M}", *rest) for number, at, *rest in made]))
