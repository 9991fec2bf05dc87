"""``tm plan``: what a refresh would do and cost, before anything runs."""

import argparse
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from tm_core.settings import Runtime, Settings


def add_commands(commands: Any, day: Callable[[str], date]) -> None:
    """Add the command to the parser of ``tm``."""
    plan = commands.add_parser("plan", help="what a refresh of a date would do and cost; changes nothing")
    plan.add_argument("--date", required=True, type=day, help="the partition date, YYYY-MM-DD")
    plan.add_argument("--to-date", type=day, help="and all dates up to this one, as a backfill would take them")
    plan.add_argument("--store", action="append", default=[], help="this store alone; may be repeated")
    plan.add_argument("--reprocess", action="store_true", help="as if what was done before were to be done again")
    plan.set_defaults(run=_plan)


def _plan(arguments: argparse.Namespace) -> None:
    from tm_core.pods import load_pods, pods_path
    from tm_formats.storage import open_storage
    from tm_store.forecast import assume, forecast, render
    from tm_store.migrate import open_memory

    settings = Settings.from_env()
    pods = load_pods(pods_path(settings))
    if settings.runtime is Runtime.KUBERNETES:
        pods.check_devices(settings)
    last = arguments.to_date or arguments.date
    days = [arguments.date + timedelta(days=number) for number in range((last - arguments.date).days + 1)]
    with open_memory(settings) as db:
        assumed, storage = assume(db, pods), open_storage(settings)
        more = {"only_stores": arguments.store, "reprocess": arguments.reprocess}
        found = [forecast(settings, db, storage, one, assumed, **more) for one in days]
    print(render(found, assumed))
