"""``tm plan``: it says what a plan would find, and changes nothing."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tm_core.pods import PodSettings, load_pods
from tm_core.settings import Runtime, Settings
from tm_formats.storage import Storage
from tm_store import steps
from tm_store.cli import main
from tm_store.db import Database
from tm_store.forecast import Assumed, assume, forecast, render

pytestmark = pytest.mark.db

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "include" / "samples" / "2026-01-05"
DAY = date(2026, 1, 5)


@pytest.fixture
def pods() -> PodSettings:
    return load_pods(ROOT / "include" / "pods.toml")


@pytest.fixture
def deposited(settings: Settings) -> Settings:
    """Three documents, five pairs."""
    storage = Storage(settings.storage)
    for name in (
        "weather-station.en",
        "weather-station.de",
        "weather-station.fr",
        "seven-minutes.en",
        "seven-minutes.de",
    ):
        path = SAMPLES / f"{name}.txt"
        storage.write_atomic(f"raw/demo/{DAY}/{path.name}", path.read_bytes())
    storage.write_atomic(f"raw/demo/{DAY}/ui.en.json", b'{"save": "Save"}')
    storage.write_atomic(f"raw/demo/{DAY}/ui.de.json", b'{"save": "Sichern"}')
    return settings


def everything(db: Database, settings: Settings) -> Any:
    tables = db.connection.execute(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('tm', 'ops', 'staging')"
    ).fetchall()
    assert len(tables) > 20
    rows = {
        name: db.connection.execute(f"select count(*), max(xmin::text) from {name}").fetchone() for (name,) in tables
    }
    return rows, Storage(settings.storage).list("")


def test_it_says_what_the_plan_then_finds_and_changes_nothing(
    deposited: Settings, db: Database, pods: PodSettings
) -> None:
    before = everything(db, deposited)
    found = forecast(deposited, db, Storage(deposited.storage), DAY, assume(db, pods))
    assert everything(db, deposited) == before

    planned = steps.plan(deposited, DAY, run_id="test")
    assert (found.documents, found.from_ledger) == (planned.documents, planned.from_ledger) == (5, 0)
    assert found.tier1.shards == len(planned.shards)
    assert found.tier1.documents == 5
    assert found.tier2_most.documents == 4, "keyed strings never go to tier 2"
    assert not found.nothing_new
    assert found.running == ""


def test_time_and_money_follow_from_rates_and_prices(deposited: Settings, db: Database, pods: PodSettings) -> None:
    rates = replace(pods.rates, tier1_chars=100.0, tier2_chars=50.0, tier2_share=0.5, pod_seconds=30.0)
    pods = replace(pods, tier2=replace(pods.tier2, gpus=1))
    assumed = Assumed(pods=pods, rates=rates, source="the test")
    settings = replace(deposited, runtime=Runtime.KUBERNETES)
    found = forecast(settings, db, Storage(settings.storage), DAY, assumed)
    first, second = found.tier1, found.tier2
    assert first.gpu_minutes == 0
    assert first.cpu_minutes == pytest.approx((first.chars / 100 + first.shards * 30) / 60 * pods.tier1.cpus)
    assert second.chars == pytest.approx(found.tier2_most.chars / 2, abs=1)
    assert second.gpu_minutes == pytest.approx((second.chars / 50 + second.shards * 30) / 60 * pods.tier2.gpus)
    hours = second.gpu_minutes / 60
    assert second.money == pytest.approx(hours * (pods.tier2.cpus * pods.prices.cpu_hour + pods.prices.gpu_hour))
    assert found.tier2_most.money > second.money > 0


def test_what_shards_have_told_comes_before_what_is_assumed(
    deposited: Settings, db: Database, pods: PodSettings
) -> None:
    def ran(tier: str, shard: int, chars: int, seconds: float, resumed: int = 0) -> None:
        said = {"coverage": {"chars": chars}, "resumed": resumed}
        db.run(
            "ops/record_shard", day=DAY, batch_id="b", tier=tier, shard=shard, documents=1, seconds=seconds,
            attestation=Jsonb(said),
        )  # fmt: skip

    db.run("ops/ensure_month", day=DAY)
    assert assume(db, pods).rates == pods.rates
    ran("lexical", 0, 9000, 3.0)
    ran("lexical", 1, 1000, 1.0)
    ran("lexical", 2, 10**9, 1.0, resumed=5)
    ran("embedding", 0, 4000, 8.0)
    found = assume(db, pods)
    assert (found.rates.tier1_chars, found.rates.tier2_chars, found.rates.tier2_share) == (2500, 500, 0.4)
    assert found.source == "tier1 measured on 2 shards, tier2 measured on 1 shards"


def test_a_date_that_is_running_is_warned_of(deposited: Settings, db: Database, pods: PodSettings) -> None:
    steps.plan(deposited, DAY, run_id="scheduled__x")
    assumed = assume(db, pods)
    found = forecast(deposited, db, Storage(deposited.storage), DAY, assumed)
    assert "'scheduled__x' has begun it" in found.running
    assert f"WARNING: {DAY} is already running" in render([found], assumed)
    assert db.one("ops/try_lock_date", day=DAY).locked
    locked = forecast(deposited, db, Storage(deposited.storage), DAY, assumed)
    assert "works on it, since" in locked.running


def test_the_command_adds_up_a_range(
    deposited: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "TM_HOME": str(deposited.home),
        "TM_DATABASE_URL": deposited.database_url,
        "TM_INCLUDE": str(deposited.include),
        "TM_SETTLE_SECONDS": "0",
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["plan", "--date", "2026-01-05", "--to-date", "2026-01-06"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()[:4]] == ["date", "2026-01-05", "2026-01-06", "all"]
    assert "2026-01-06: nothing new" in said
    assert "nothing measured yet" in said
    assert main(["plan", "--date", "2026-01-05", "--store", "nowhere"]) == 1
