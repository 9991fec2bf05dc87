"""A cluster (TM_TEST_KUBECONFIG), a namespace on it, an S3 server that its pods reach, and batches to refine."""

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cluster.kube import BUCKET, KEYS, ROOT, Kube, namespace, reachable_address, s3_server
from tests.conftest import missing
from tests.waiting import HANG_S
from tm_core.contracts import Step
from tm_core.rules import Tier
from tm_core.settings import Settings
from tm_formats.storage import Storage

SAMPLES = ROOT / "include" / "samples"
DAY = "2026-01-05"


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    path = os.environ.get("TM_TEST_KUBECONFIG", "")
    if not path or not Path(path).is_file():
        missing("a Kubernetes", "Set TM_TEST_KUBECONFIG to a kubeconfig of a cluster whose node is this machine.")
    return Path(path)


@pytest.fixture(scope="session")
def s3(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("s3") / "moto.log"
    with s3_server(reachable_address(kubeconfig), log) as url:
        yield url


@pytest.fixture(scope="module")
def kube(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    with namespace(kubeconfig, tmp_path_factory.mktemp("kube")) as found:
        yield found


@pytest.fixture
def in_s3(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment of a process that uses the S3 server; returns a storage of the test's own."""
    for name, value in (KEYS | {"AWS_ENDPOINT_URL": s3, "AWS_REGION": "us-east-1"}).items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{uuid.uuid4().hex[:12]}"


@dataclass(kw_only=True)
class Batch:
    """A batch that is refined step by step, its shards in pods: what the DAG does, without a scheduler."""

    settings: Settings
    kube: Kube
    batch_id: str = ""
    shards: list[int] = field(default_factory=list)
    run_id: str = field(default_factory=lambda: f"test__{uuid.uuid4().hex[:8]}")

    def deposit(self, *names: str, store: str = "demo", day: str = DAY) -> None:
        storage = Storage(self.settings.storage)
        for name in names:
            path = SAMPLES / name
            storage.write_atomic(f"raw/{store}/{day}/{path.name}", path.read_bytes())
        # A file without a counterpart: the same samples would be the same batch, and its pods those of another test.
        storage.write_atomic(f"raw/{store}/{day}/mark.en.txt", f"Batch {self.run_id}.".encode())

    def plan(self, day: str = DAY, **options: Any) -> None:
        from datetime import date

        from tm_store import steps

        found = steps.plan(self.settings, date.fromisoformat(day), run_id=self.run_id, **options)
        self.batch_id, self.shards = found.batch_id, found.shards

    def runtime(self, try_number: int = 1, run_id: str = "", settings: Settings | None = None) -> Any:
        from operators.pod_runtime import PodRuntime

        return PodRuntime(settings or self.settings, context(run_id or self.run_id, try_number))

    def shard(self, shard: int = 0, tier: Tier = Tier.LEXICAL, **options: Any) -> dict[str, Any]:
        return dict(self.runtime(**options).run_shard(self.batch_id, tier, shard))

    def step(self, step: Step) -> dict[str, Any]:
        from tm_store import steps

        return steps.run(self.settings, step, self.batch_id, run_id=self.run_id)

    def finish(self) -> str:
        """All that comes after tier 1; returns the memory's checksum."""
        for shard in self.step(Step.ROUTE)["shards"]:
            self.shard(shard, Tier.EMBEDDING)
        for step in (Step.FILTER, Step.GATE, Step.LOAD):
            self.step(step)
        return checksum(self.settings)


def context(run_id: str, try_number: int) -> Any:
    """As much of a task's context as the runtime asks for."""
    ti = SimpleNamespace(
        dag_id="tm_refresh",
        task_id="tier1",
        run_id=run_id,
        map_index=0,
        try_number=try_number,
        xcom_push=lambda **_: None,
    )
    return {"ti": ti, "run_id": run_id, "dag": SimpleNamespace()}


def checksum(settings: Settings) -> str:
    from tm_store.checksum import memory_checksum, render
    from tm_store.migrate import open_memory

    with open_memory(settings) as db:
        return render(memory_checksum(db, None))


@pytest.fixture
def make_batch(
    kube: Kube, in_s3: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Batch]:
    """A batch on a memory and a storage of its own. Keyword arguments change pods.toml, those in capitals settings."""
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", kube.connection())

    def make(**changes: Any) -> Batch:
        settings = {name: value for name, value in changes.items() if name.isupper()}
        pods = {name: value for name, value in changes.items() if not name.isupper()}
        env = {
            "TM_HOME": str(tmp_path / "home"),
            "TM_DATABASE_URL": database_url,
            "TM_INCLUDE": str(ROOT / "include"),
            "TM_SETTLE_SECONDS": "0",
            "TM_STORAGE": in_s3,
            "TM_RUNTIME": "kubernetes",
            "TM_PODS": str(kube.write_pods(f"{uuid.uuid4().hex[:8]}.toml", **pods)),
        }
        return Batch(settings=Settings.from_env(env | settings), kube=kube)

    return make


@pytest.fixture
def batch(make_batch: Callable[..., Batch]) -> Batch:
    """One shard of tier 1 with two documents, planned."""
    made = make_batch()
    made.deposit(
        *(f"{DAY}/{name}.{lang}.txt" for name in ("weather-station", "seven-minutes") for lang in ("en", "de"))
    )
    made.plan()
    return made


class Task(threading.Thread):
    """A shard at work in a thread, as in a task."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._work, self.result, self.error = work, None, None
        self.start()

    def run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:
            self.error = error

    def done(self) -> Any:
        """Wait for the end; returns the result or raises what it raised."""
        self.join(HANG_S)
        assert not self.is_alive(), f"still at work after {HANG_S:.0f} s"
        if self.error is not None:
            raise self.error
        return self.result
