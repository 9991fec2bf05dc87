"""The page that the form of tm_refresh links to: what a refresh would do, and who works on its dates."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from operators.links import PLAN_PATH, plan_page
from tests.plugins.conftest import Site

pytestmark = [pytest.mark.airflow, pytest.mark.db]

SignIn = Callable[[str], httpx.Client]
SAMPLES = Path(__file__).resolve().parents[2] / "include" / "samples"
DAY, NEXT, LATER = "2026-01-05", "2026-01-06", "2026-01-07"


@pytest.fixture
def deposited(site: Site) -> int:
    """Documents of the samples' first day, deposited."""
    folder = site.storage / "raw" / "demo" / DAY
    folder.mkdir(parents=True, exist_ok=True)
    for one in (SAMPLES / DAY).iterdir():
        (folder / one.name).write_bytes(one.read_bytes())
    return len(list(folder.glob("*.en.txt")))


@pytest.fixture
def runs(site: Site) -> Iterator[Callable[..., None]]:
    """``runs("queued", partition_key=…)``: a run of tm_refresh in Airflow's database."""
    airflow = sqlite3.connect(site.log.with_name("airflow.db"), isolation_level=None)

    def add(
        state: str,
        partition_key: str | None = None,
        run_after: str = "2026-03-01",
        logical_date: str | None = None,
        **conf: str,
    ) -> None:
        run_id = f"test__{state}_{partition_key or conf.get('date') or logical_date}"
        columns = {
            "dag_id": "tm_refresh", "run_id": run_id, "state": state, "run_type": "manual", "conf": json.dumps(conf),
            "partition_key": partition_key, "run_after": f"{run_after} 00:00:00.000000", "log_template_id": None,
            "logical_date": f"{logical_date} 00:00:00.000000" if logical_date else None,
        }  # fmt: skip
        needed = [row[1] for row in airflow.execute("pragma table_info(dag_run)") if row[3] and row[4] is None]
        columns |= {name: 0 for name in needed if name not in columns and name != "id"}
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        airflow.execute(f"insert into dag_run ({names}) values ({marks})", list(columns.values()))

    yield add
    airflow.execute("delete from dag_run")
    airflow.close()


def warnings(answer: httpx.Response) -> list[str]:
    return [unescape(one) for one in re.findall(r'<p role="alert">(.*?)</p>', answer.text, re.DOTALL)]


def test_the_forms_link_leads_here(site: Site, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", site.url)
    assert plan_page() == f"{site.url}{PLAN_PATH}"
    answer = sign_in("viewer").get(plan_page())
    assert (answer.status_code, "<form" in answer.text, "<pre>" in answer.text) == (200, True, False)


def test_it_shows_what_tm_plan_says(site: Site, sign_in: SignIn, deposited: int) -> None:
    assert deposited >= 3
    answer = sign_in("viewer").get("plan", params={"date": DAY, "to_date": NEXT})
    assert answer.status_code == 200, answer.text
    (said,) = re.findall(r"<pre>(.*?)</pre>", answer.text, re.DOTALL)
    rows = {line.split()[0]: line.split() for line in said.splitlines() if line}
    assert int(rows[DAY][1]) == int(rows["all"][1]) >= deposited
    assert f"{NEXT}: nothing new, nothing would run" in said
    assert "Rests on:" in said
    assert warnings(answer) == []
    with site.connect() as connection:
        assert connection.execute("select count(*) from ops.batch where state = 'planned'").fetchone() == (0,)


def test_it_warns_of_dates_that_run_or_wait(site: Site, sign_in: SignIn, runs: Callable[..., None]) -> None:
    runs("queued", LATER)
    runs("running", date=NEXT)
    runs("queued", run_after=NEXT)  # the nightly run of the day before
    runs("running", logical_date=LATER)  # chosen on the command line
    runs("success", DAY)
    runs("queued", "2026-02-01")
    with site.connect() as connection:
        connection.execute(
            "insert into ops.batch (batch_id, partition_date, state, run_id, versions)"
            f" values ('{NEXT}-00000000000a', '{NEXT}', 'planned', 'the-other-run', '{{}}')"
        )
        try:
            answer = sign_in("viewer").get("plan", params={"date": DAY, "to_date": LATER})
        finally:
            connection.execute("delete from ops.batch where run_id = 'the-other-run'")
    assert answer.status_code == 200, answer.text
    found = warnings(answer)
    assert [line.split()[1] for line in found] == [NEXT, DAY, NEXT, LATER, LATER], found
    assert "'the-other-run' has begun it" in found[0]
    states = ["queued", "running", "queued", "running"]
    assert [re.findall(r"in state (\w+):", line) for line in found[1:]] == [[state] for state in states]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"date": "2026-13-01"}, "Expected dates as in"),
        ({"date": "<b>", "to_date": DAY}, "Expected dates as in"),
        ({"date": NEXT, "to_date": DAY}, "the first one first"),
        ({"date": DAY, "to_date": "2026-02-05"}, "expected 1 to 31 dates"),
        ({"date": DAY, "to_date": "9999-12-31"}, "expected 1 to 31 dates"),
    ],
)
def test_dates_that_cannot_be_planned_are_refused(sign_in: SignIn, asked: dict[str, str], expected: str) -> None:
    answer = sign_in("viewer").get("plan", params=asked)
    assert answer.status_code == 400
    assert expected in warnings(answer)[0]
    assert "<b>" not in answer.text


def test_a_plan_that_fails_says_why(site: Site, sign_in: SignIn) -> None:
    with site.connect() as connection:
        connection.execute("insert into ops.migration (number, name, sha256) values (9999, 'newer', '')")
        try:
            answer = sign_in("viewer").get("plan", params={"date": DAY})
        finally:
            connection.execute("delete from ops.migration where number = 9999")
    assert answer.status_code == 503, answer.text
    assert "A newer tm-refinery has migrated it" in warnings(answer)[0]
