"""How fast the review page is: ``make bench-page`` prints seconds to the first item and milliseconds a verdict.

The real Airflow API server and plug-in, 10,000 items queued, one reviewer, everything on this machine.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.plugins import conftest as server  # noqa: E402
from tests.plugins.items_made import GUIDE, add_items  # noqa: E402
from tm_core.settings import Settings  # noqa: E402
from tm_embedded.postgres import embedded_postgres  # noqa: E402
from tm_store.migrate import migrate  # noqa: E402

DOCUMENTS = 1_667  # of six items each
VERDICTS = 200
LOADS = 5


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-page-"))
    try:
        with embedded_postgres(folder / "postgres") as postgres:
            url = postgres.url("postgres")
            migrate(Settings(database_url=url, include=ROOT / "include"))
            with psycopg.connect(url, autocommit=True) as connection:
                items = add_items(connection, "bench", "en", "de", GUIDE, documents=DOCUMENTS)
                connection.execute("analyze")
            print(f"{len(items):,} items queued")
            measure(folder, url, items)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(folder: Path, url: str, items: list[int]) -> None:
    site = server.Site(
        url=f"http://127.0.0.1:{server._free_port()}",
        database_url=url,
        storage=folder / "storage",
        log=folder / "server.log",
        routes_file=folder / "routes.json",
    )
    with site.log.open("wb") as log:
        process = server._serve(site, folder, log)
    try:
        server._await(site, process)
        verdicts(site.client("reviewer"), items)
        interactive(site)
    finally:
        process.terminate()
        process.wait(20)


def verdicts(client: httpx.Client, items: list[int]) -> None:
    spent = []
    for item in items[-VERDICTS:]:
        began = time.perf_counter()
        answer = client.post(f"api/queue/items/{item}/verdict", json={"version": 0, "kind": "accept"})
        spent.append((time.perf_counter() - began) * 1000)
        answer.raise_for_status()
    first, rest = spent[0], sorted(spent[1:])
    print(f"a verdict, whole request: first {first:.0f} ms, then p50 {statistics.median(rest):.0f} ms, "
          f"p95 {rest[int(len(rest) * 0.95)]:.0f} ms, worst {rest[-1]:.0f} ms")  # fmt: skip
    began = time.perf_counter()
    client.post("api/queue/take", json={"filters": {"store": "bench"}, "count": 8}).raise_for_status()
    print(f"eight items claimed: {(time.perf_counter() - began) * 1000:.0f} ms")


def interactive(site: Any) -> None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("seconds to the first item: not measured, playwright is missing")
        return
    program = os.environ.get("TM_TEST_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context()
        token = site.client("reviewer").cookies["_token"]
        context.add_cookies([{"name": "_token", "value": token, "url": site.url}])
        spent = []
        for _ in range(LOADS):
            page = context.new_page()
            began = time.perf_counter()
            page.goto(f"{site.page}/#/queue/bench/en/de")
            page.get_by_role("button", name="Accept").wait_for()
            spent.append(time.perf_counter() - began)
            page.close()
        browser.close()
    print(f"from the address to the first item that can be judged: "
          f"{', '.join(f'{one:.2f}' for one in spent)} s")  # fmt: skip


if __name__ == "__main__":
    main()
