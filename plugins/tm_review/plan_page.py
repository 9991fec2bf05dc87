"""What a refresh of some dates would do and cost, and who works on them already: ``tm plan`` as a page.

The form of ``tm_refresh`` links to it. Nothing is written. Rendered here, with no script.
"""

import base64
import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from html import escape
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.models.dagrun import DagRun
from airflow.sdk import timezone
from airflow.utils.state import DagRunState
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from tm_core.batches import run_date
from tm_review.access import DAG, READ

router = APIRouter(dependencies=[READ])

#: Every date's deposits are read and hashed: a month is what somebody waits for. More: ``tm plan`` by hand.
MOST_DAYS = 31
#: After which a plan is given up. Not calibrated yet.
SECONDS = 120
#: Plans at once: each is a process beside the API server.
_AT_ONCE = BoundedSemaphore(2)

_STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{margin:2rem;max-width:70rem}"
    "form{display:flex;flex-wrap:wrap;gap:1rem;align-items:end}label{display:grid}label.check{display:flex;gap:.4rem}"
    "input,button{font:inherit;padding:.2rem .4rem}pre{white-space:pre-wrap}"
    "[role=alert]{border-left:.3rem solid #c60;padding-left:.8rem;white-space:pre-wrap}"
)
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
)


@router.get("/plan")
def plan_page(session: SessionDep, date: str = "", to_date: str = "", reprocess: bool = False) -> HTMLResponse:
    """The form; with a date also the plan. 400 for dates that cannot be planned, 503 where the plan itself fails."""
    form = _form(date, to_date, reprocess)
    if not date:
        return _page(form)
    try:
        first, last = _range(date, to_date)
    except ValueError as error:
        return _page(form, _alert(str(error)), status=400)
    done, said = _planned(first, last, reprocess)
    warnings = [line for line in said if line.startswith("WARNING")] + _airflow_runs(session, first, last)
    if not done:
        return _page(form, _alert("\n".join(said)), *map(_alert, warnings), status=503)
    table = "\n".join(line for line in said if line not in warnings)
    return _page(form, *map(_alert, warnings), f"<pre>{escape(table)}</pre>")


def _range(first: str, last: str) -> tuple[date, date]:
    try:
        found = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        raise ValueError(f"Expected dates as in 2026-01-31, found {first!r} and {last!r}.") from None
    if not 0 <= (days := (found[1] - found[0]).days) < MOST_DAYS:
        raise ValueError(
            f"{first} to {last}: expected 1 to {MOST_DAYS} dates, the first one first, and found {days + 1}. "
            "Plan a shorter range, or by hand: tm plan --date … --to-date …"
        )
    return found


def _planned(first: date, last: date, reprocess: bool) -> tuple[bool, Sequence[str]]:
    """Whether ``tm plan`` went well, and the lines that it said. As a process, so that it can be given up."""
    command = [str(Path(sys.executable).parent / "tm"), "plan", f"--date={first}", f"--to-date={last}"]
    # A plan that is only looked at does not wait for files that are still being written.
    environment = os.environ | {"TM_SETTLE_SECONDS": "0"}
    if not _AT_ONCE.acquire(blocking=False):
        return False, ["Others are planning just now. Nothing was changed; try again in a minute."]
    try:
        done = subprocess.run(
            [*command, *(["--reprocess"] if reprocess else [])],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return False, [f"The plan took longer than {SECONDS} s and was given up. Plan fewer dates, or by hand: tm plan"]
    finally:
        _AT_ONCE.release()
    return not done.returncode, (done.stderr if done.returncode else done.stdout).strip().splitlines()


def _airflow_runs(session: Session, first: date, last: date) -> list[str]:
    """A warning for each run of the DAG in this range that waits or works, in words like those of ``tm plan``.

    The memory knows of a run once it has planned; one that still waits for its turn is known to Airflow alone.
    """
    shown = DagRun.run_id, DagRun.state, DagRun.partition_key, DagRun.conf, DagRun.logical_date, DagRun.run_after
    still_open = select(*shown).where(DagRun.dag_id == DAG, DagRun.state.in_((DagRunState.QUEUED, DagRunState.RUNNING)))
    found = [(_date_of(run), run) for run in session.execute(still_open)]
    named = sorted((day, run.run_id, run.state) for day, run in found if day and first <= day <= last)
    return [f"WARNING: {day} has a run in state {state}: '{run_id}'" for day, run_id, state in named]


def _date_of(run: Any) -> date | None:
    try:
        zone, chosen = timezone.parse("2026-01-01").tzinfo, (run.conf or {}).get("date")
        return run_date(run.partition_key, chosen, run.logical_date, run.run_after, zone=zone)
    except (TypeError, ValueError):  # its own plan task says so
        return None


# HTML -------------------------------------------------------------------------------------------


def _form(first: str, last: str, reprocess: bool) -> str:
    checked = " checked" if reprocess else ""
    return (
        '<form method="get">'
        f'<label>Date <input type="date" name="date" value="{escape(first)}" required></label>'
        f'<label>up to, for a backfill <input type="date" name="to_date" value="{escape(last)}"></label>'
        f'<label class="check"><input type="checkbox" name="reprocess" value="true"{checked}> Reprocess</label>'
        "<button>Plan</button></form>"
    )


def _alert(text: str) -> str:
    return f'<p role="alert">{escape(text)}</p>'


def _page(*parts: str, status: int = 200) -> HTMLResponse:
    head = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>TM plan</title><style>{_STYLE}</style>'
        "<h1>What a refresh would do</h1><p>Documents, shards, minutes and money of <code>tm_refresh</code> for a date "
        "or a range, and who works on it already. Nothing is changed.</p>"
    )
    return HTMLResponse(head + "".join(parts), status, headers={"content-security-policy": _POLICY})
