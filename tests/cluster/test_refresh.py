"""``tm_refresh`` under the real scheduler with its shards in pods: the same memory as with child processes."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cluster.kube import Kube
from tests.e2e.conftest import Warm, worlds
from tests.e2e.stack import SETTINGS, TASKS, scheduled
from tests.waiting import pause

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.cluster, pytest.mark.slow]

DAY = "2026-01-05"
#: Pods of a tier at once: as many shards as the tier has, and task slots for them.
AT_ONCE = 9


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    made = Warm(tmp_path_factory.mktemp("warm"))
    yield made
    made.stop()


@pytest.fixture
def make_world(server_url: str, template: str, warm: Warm, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    with worlds(server_url, template, warm, tmp_path) as make:
        yield make


class Most(threading.Thread):
    """Looks at the namespace's pods and remembers the most that ran at once."""

    def __init__(self, kube: Kube) -> None:
        super().__init__(daemon=True)
        self._kube, self._ends, self.running = kube, threading.Event(), 0

    def run(self) -> None:
        while not self._ends.is_set():
            self.running = max(self.running, sum(one.status.phase == "Running" for one in self._kube.pods()))
            pause(0.5, "the API server has other callers too")

    def __enter__(self) -> "Most":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self.join()


def deposit(world: Any) -> None:
    """All samples on one day: 7 documents in 22 pairs."""
    samples = Path(__file__).resolve().parents[2] / "include" / "samples"
    found = sorted(one for day in (DAY, "2026-01-07") for one in (samples / day).iterdir())
    assert len(found) > 20, found
    for one in found:
        world.put(DAY, one.name, one.read_bytes())


def test_a_refresh_in_pods_ends_with_the_memory_of_a_refresh_in_processes(
    kube: Kube, in_s3: str, make_world: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_processes = make_world(**SETTINGS | {"TM_MAX_SHARDS": "2"})
    deposit(in_processes)
    expected = in_processes.refreshed(DAY)
    assert " 0 units" not in expected, "an empty memory is equal to any other"

    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", kube.connection())
    monkeypatch.setattr("tm_embedded.airflow.TASK_SLOTS", AT_ONCE + 1)
    env = {
        "TM_RUNTIME": "kubernetes",
        "TM_PODS": str(kube.write_pods()),
        "TM_STORAGE": in_s3,
        "TM_MAX_SHARDS": str(AT_ONCE),
        "TM_SHARD_CHARS": "1000",
    }
    with scheduled(tmp_path / "home", in_processes, **env) as refresh, Most(kube) as most:
        deposit(refresh.world)
        states = refresh.succeed(refresh.trigger(key=DAY))
        assert {name.partition("[")[0] for name in states} == {*TASKS, "held", "release"}
        assert sum(name.startswith("tier2[") for name in states) == AT_ONCE
        assert refresh.world.checksum() == expected
        refresh.world.check_books(DAY)
        with psycopg.connect(refresh.world.url) as connection:
            ended = dict(connection.execute("select cause, count(*) from ops.pod group by cause").fetchall())
        assert ended.keys() == {"done"}, ended
    assert most.running >= 8, f"at most {most.running} pods ran at once"
    kube.none_left()
