"""``tm lookup`` and ``tm concordance``."""

import argparse
from typing import TYPE_CHECKING, Any

from tm_core.errors import LookupRefused
from tm_core.settings import Settings

if TYPE_CHECKING:
    from tm_core.matching import Penalties
    from tm_store.lookup import Match


def add_commands(commands: Any) -> None:
    """Add the two commands to the parser of ``tm``."""
    ask = commands.add_parser("lookup", help="the units of a store that answer a segment, best first")
    _add_pair(ask)
    ask.add_argument("text", help="the segment")
    ask.add_argument("--prev", default="", metavar="TEXT", help="the segment before it: for context matches")
    ask.add_argument("--next", default="", metavar="TEXT", help="the segment after it")
    ask.add_argument("--key", default="", help="the key of a keyed string: its context instead of neighbours")
    ask.add_argument("--min-score", type=int, default=70, metavar="N", help="30 to 101; 70")
    ask.add_argument("--limit", type=int, default=5, metavar="N", help="matches at most; 5")
    ask.add_argument("--more", action="store_true", help="fuzzy matches too where the segment itself is in the memory")
    ask.add_argument(
        "--penalty", action="append", default=[], metavar="NAME=POINTS", help="as aligned=5, unreviewed=2; repeatable"
    )
    ask.set_defaults(run=_lookup)

    find = commands.add_parser("concordance", help="the units of a store that hold a phrase")
    _add_pair(find)
    find.add_argument("phrase")
    find.add_argument("--side", choices=["source", "target"], default="source", help="where it stands; source")
    find.add_argument("--limit", type=int, default=20, metavar="N", help="units at most; 20")
    find.set_defaults(run=_concordance)


def _add_pair(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", required=True)
    parser.add_argument("--src", required=True, help="source language")
    parser.add_argument("--tgt", required=True, help="target language")


def _lookup(arguments: argparse.Namespace) -> None:
    from tm_store.lookup import lookup
    from tm_store.lookup_reader import with_reader

    found = with_reader(
        Settings.from_env(),
        lambda db: lookup(
            db,
            store=arguments.store,
            src=arguments.src,
            tgt=arguments.tgt,
            text=arguments.text,
            previous=arguments.prev,
            following=arguments.next,
            key=arguments.key,
            min_score=arguments.min_score,
            limit=arguments.limit,
            penalties=_penalties(arguments.penalty),
            more=arguments.more,
        ),
    )
    print("\n".join(map(_shown, found)) or f"no match of {arguments.min_score} or more")


def _penalties(texts: list[str]) -> "Penalties":
    from tm_core.matching import Penalties

    names = Penalties.__dataclass_fields__
    points: dict[str, int] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in names or not value.isdecimal():
            raise LookupRefused(
                f"--penalty is '{text}', expected NAME=POINTS with a name of {', '.join(names)} and 0 to 100 points. "
                "Nothing was looked up."
            )
        points[name] = int(value)
    return Penalties(**points)


def _shown(match: "Match") -> str:
    off = "".join(f", {name} -{points}" for name, points in match.penalties.items())
    lines = [f"{match.score:>3}  {match.src_text}", f"     {match.proposal}"]
    if match.proposal != match.tgt_text:
        lines.append(f"     in the memory: {match.tgt_text}")
    return "\n".join([*lines, f"     {match.kind}{off}; {match.tier}, {match.review_state}, {match.partition_date}"])


def _concordance(arguments: argparse.Namespace) -> None:
    from tm_store.lookup_concordance import Side, concordance
    from tm_store.lookup_reader import with_reader

    found = with_reader(
        Settings.from_env(),
        lambda db: concordance(
            db,
            store=arguments.store,
            src=arguments.src,
            tgt=arguments.tgt,
            phrase=arguments.phrase,
            side=Side(arguments.side),
            limit=arguments.limit,
        ),
    )
    print("\n".join(f"{one.src_text}\n  {one.tgt_text}" for one in found) or "no unit holds the phrase")
