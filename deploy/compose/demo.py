"""Deposit the sample documents into the compose stack, refresh their date and print its report."""

import os
import subprocess
import sys
import time
from datetime import date
from typing import Any

import httpx

API = "http://api-server:8080"
FIRST_DATE = "2026-01-05"  # the samples' first deposit
MINUTES = 10


def main() -> int:
    """Exit status 0 if the refresh ended well."""
    day = sys.argv[1] if len(sys.argv) > 1 else FIRST_DATE
    date.fromisoformat(day)
    subprocess.run(["tm", "deposit", "--store", "demo", "--date", day, f"/opt/tm/include/samples/{day}"], check=True)
    state = refresh(day)
    subprocess.run(["tm", "report", "--date", day], check=True)
    if state != "success":
        print(f"the refresh of {day} ended in state {state}: see {os.environ['AIRFLOW__API__BASE_URL']}")  # noqa: T201
    return 0 if state == "success" else 1


def refresh(day: str) -> str:
    """Start a run of the date and wait for its end; returns its state."""
    login = {"username": "admin", "password": os.environ["ADMIN_PASSWORD"]}
    with httpx.Client(base_url=API, timeout=30) as client:
        client.headers["Authorization"] = f"Bearer {_json(client.post('/auth/token', json=login))['access_token']}"
        body = {"logical_date": None, "partition_key": day}
        run = _json(client.post("/api/v2/dags/tm_refresh/dagRuns", json=body))["dag_run_id"]
        deadline = time.monotonic() + 60 * MINUTES
        state = "queued"
        while state in ("queued", "running") and time.monotonic() < deadline:
            time.sleep(2)
            state = _json(client.get(f"/api/v2/dags/tm_refresh/dagRuns/{run}"))["state"]
        return state


def _json(answer: httpx.Response) -> dict[str, Any]:
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


if __name__ == "__main__":
    sys.exit(main())
