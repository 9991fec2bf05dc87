"""Airflow's deadline alerts on the nightly backup and the weekly drill.

An Airflow deadline belongs to a run and counts from it, so "older than 26 hours" becomes "the night's run has not
succeeded 2 hours after it was queued": then the newest backup is a day and 2 hours old, if no refresh took one. The
run records know whether that is so, and the callback asks them before it sends anything.

It counts from the queueing and not from the run's hour: a stack that starts in the morning makes last night's run then,
and a deadline of last night would be missed before the run has begun.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

# They are of airflow.sdk too, whose stub file does not name them.
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from operators.notify import News, notifier_of
from tm_core.errors import TmError
from tm_core.retention import Alarm
from tm_core.settings import Settings

log = logging.getLogger(__name__)


def deadline(alarm: str, *, limit: timedelta, every: timedelta) -> DeadlineAlert:
    """Return the alert of a scheduled DAG: it fires where a run has not succeeded ``limit - every`` after its queueing.

    It runs in the triggerer: a run may be late because every slot of the executor is taken.

    Args:
        alarm: the name in ``ops.alarm`` to look for.
        limit: how old the newest result may be.
        every: how long from one run to the next.
    """
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=limit - every,
        callback=AsyncCallback(on_missed, kwargs={"alarm": alarm}),
        name=alarm,
    )


async def on_missed(alarm: str, context: Mapping[str, Any]) -> str:
    """Look into the books; where the alarm stands there tell it. Returns what was found, "" if all is in order."""
    found = await asyncio.to_thread(_found, alarm)
    if not found:
        log.info("%s: the run is late, and the books are in order", alarm)
        return ""
    news = _news(context, alarm, found)
    log.error("deadline missed: %s", json.dumps(asdict(news), ensure_ascii=False))
    if notifier := notifier_of(news):
        await notifier.async_notify(context)
    return found


def _found(alarm: str) -> str:
    """Return what the run records say under the alarm's name; "" if nothing."""
    from tm_store.backup_alarms import raise_alarms
    from tm_store.migrate import open_memory

    try:
        with open_memory(Settings.from_env()) as db:
            found: list[Alarm] = raise_alarms(db)
    except TmError as error:
        # A memory that cannot be asked is no reason to be quiet.
        return str(error)
    return next((one.found for one in found if one.name == alarm), "")


def _news(context: Mapping[str, Any], alarm: str, found: str) -> News:
    run = context["dag_run"]
    return News(
        dag=run["dag_id"],
        run=run["dag_run_id"],
        task=alarm,
        map_index=-1,
        try_number=-1,
        partition=str(run["logical_date"] or "")[:10],
        error="DeadlineMissed",
        message=found,
        log="",
        next_step=f"See docs/runbooks/{run['dag_id']}.md; the memory is in order.",
    )
