"""``tm-align lexicon-refresh``: learn one pair's lexicon from collected units; what the DAG lexicon_refresh runs."""

import argparse
import json

from tm_align.arguments import language_code
from tm_align.parent import die_with_parent
from tm_core.settings import Settings


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    parser = subparsers.add_parser("lexicon-refresh", help="learn one pair's lexicon (run by the DAG lexicon_refresh)")
    parser.add_argument("--run", required=True, dest="run_id", help="folder below work/ with the collected units")
    parser.add_argument("--src-lang", type=language_code, required=True)
    parser.add_argument("--tgt-lang", type=language_code, required=True)
    parser.add_argument("--promoted", default="", help="hash of the lexicon in use, if there is one")
    parser.add_argument(
        "--die-with-parent", action="store_true", help="stop when the process that started this one ends"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Learn and score; the last line on standard output is the result as JSON."""
    if arguments.die_with_parent:
        die_with_parent()
    from tm_align.lexicon_refresh import refresh_lexicon
    from tm_formats.storage import open_storage

    storage = open_storage(Settings.from_env())
    result = refresh_lexicon(storage, arguments.run_id, arguments.src_lang, arguments.tgt_lang, arguments.promoted)
    print(json.dumps(result, sort_keys=True))
    return 0
