"""What a pod costs a shard: ``make bench-pods`` refines the same tiny documents in processes and in pods.

Needs a cluster whose node is this machine (TM_TEST_KUBECONFIG). Pods are made as tests/cluster makes them: a small
image with this machine's programs mounted, so that no image is pulled. Start-up is from asking for the pod until its
container runs; the command is the container's own time; overhead is all the rest: asking, following, fetching the
result, removing.
"""

import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from operators.pod_runtime import PodRuntime  # noqa: E402
from operators.pods import ShardPod, others  # noqa: E402
from operators.runtime import ProcessRuntime  # noqa: E402
from tests.cluster.conftest import context  # noqa: E402
from tests.cluster.kube import BUCKET, KEYS, Kube, namespace, reachable_address, s3_server  # noqa: E402
from tm_core.rules import Tier  # noqa: E402
from tm_core.settings import Settings  # noqa: E402
from tm_embedded.postgres import embedded_postgres  # noqa: E402
from tm_formats.storage import Storage  # noqa: E402
from tm_store import steps  # noqa: E402
from tm_store.migrate import migrate  # noqa: E402

SHARDS = int(os.environ.get("SHARDS", "8"))
AT_ONCE = 4
DAY = date(2026, 1, 5)
#: Of a thousand characters, the least that makes a shard of its own; aligned in milliseconds.
TEXT = "A sentence of the benchmark that says nothing at all.\n" * 10
MOST_S = 4.0


@dataclass(kw_only=True)
class Spent:
    """Seconds of one shard in a pod."""

    wall: float
    start_up: float
    command: float

    @property
    def overhead(self) -> float:
        return self.wall - self.start_up - self.command


def main() -> int:
    kubeconfig = os.environ.get("TM_TEST_KUBECONFIG", "")
    if not Path(kubeconfig).is_file():
        sys.exit("bench-pods: set TM_TEST_KUBECONFIG to a kubeconfig of a cluster whose node is this machine.")
    with (
        tempfile.TemporaryDirectory(prefix="bench-pods-") as found,
        world(Path(kubeconfig), Path(found)) as (
            settings,
            batch,
            shards,
        ),
    ):
        return measure(settings, batch, shards)


@contextmanager
def world(kubeconfig: Path, folder: Path) -> Iterator[tuple[Settings, str, list[int]]]:
    """A memory, a storage that pods reach, and a planned batch of tiny documents, a shard each."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    os.environ.update(KEYS | {"AWS_REGION": "us-east-1", "PATH": path})
    with (
        s3_server(reachable_address(kubeconfig), folder / "s3.log") as url,
        embedded_postgres(folder / "postgres") as server,
        namespace(kubeconfig, folder) as kube,
    ):
        os.environ |= {"AWS_ENDPOINT_URL": url, "AIRFLOW_CONN_KUBERNETES_DEFAULT": kube.connection()}
        env = environment(kube, folder, server.url("postgres"))
        os.environ |= env
        settings = Settings.from_env(env)
        migrate(settings)
        for number in range(SHARDS):
            for lang in ("en", "de"):
                text = f"Number {number}.\n{TEXT}".encode()
                Storage(settings.storage).write_atomic(f"raw/demo/{DAY}/tiny-{number}.{lang}.txt", text)
        planned = steps.plan(settings, DAY, run_id="bench")
        yield settings, planned.batch_id, planned.shards


def environment(kube: Kube, folder: Path, database_url: str) -> dict[str, str]:
    return {
        "TM_HOME": str(folder / "home"),
        "TM_DATABASE_URL": database_url,
        "TM_INCLUDE": str(ROOT / "include"),
        "TM_SETTLE_SECONDS": "0",
        "TM_SHARD_CHARS": "1000",
        "TM_STORAGE": f"s3://{BUCKET}/{uuid.uuid4().hex[:12]}",
        "TM_RUNTIME": "kubernetes",
        "TM_PODS": str(kube.write_pods()),
    }


def measure(settings: Settings, batch: str, shards: list[int]) -> int:
    in_pods(settings, batch, shards[0])  # the kernels of a fresh installation, the first connection to the cluster
    print(f"{len(shards)} shards of one tiny document each")
    one_by_one = [in_pods(settings, batch, shard) for shard in shards]
    alone = [timed(lambda shard=shard: in_process(batch, shard)) for shard in shards]
    print(f"one by one: in processes {statistics.mean(alone):5.1f} s a shard")
    for name in ("wall", "start_up", "command", "overhead"):
        values = [getattr(one, name) for one in one_by_one]
        print(f"            in pods {name:9s}{statistics.mean(values):5.1f} s a shard, at most {max(values):.1f}")
    for what, work in (
        ("processes", lambda shard: in_process(batch, shard)),
        ("pods", lambda shard: in_pods(settings, batch, shard)),
    ):
        print(
            f"{AT_ONCE} at once:  the batch in {what:9s} {timed(lambda work=work: side_by_side(work, shards)):5.1f} s"
        )
    overhead = statistics.mean(one.overhead for one in one_by_one)
    print(f"overhead beyond start-up: {overhead:.1f} s a pod, {MOST_S:.0f} s allowed")
    return int(overhead > MOST_S)


def side_by_side(work: Callable[[int], Any], shards: list[int]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, shards))


def timed(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def in_process(batch: str, shard: int) -> None:
    ProcessRuntime().run_shard(batch, Tier.LEXICAL, shard)


def in_pods(settings: Settings, batch: str, shard: int) -> Spent:
    """One shard in a pod. The cluster tells its times in whole seconds: means are what counts."""
    runtime, asked = PodRuntime(settings, context("bench", 1)), datetime.now(UTC)
    wall = timed(lambda: runtime.run_shard(batch, Tier.LEXICAL, shard))
    assert isinstance(runtime._pod, Watched)
    ended = runtime._pod.ended
    while others(runtime._pod.client, runtime._pod.order, runtime._pod.pods.namespace):
        time.sleep(0.1)  # the next measurement of this shard would wait for its pod to be gone
    return Spent(
        wall=wall,
        start_up=(ended.started_at - asked).total_seconds(),
        command=(ended.finished_at - ended.started_at).total_seconds(),
    )


class Watched(ShardPod):
    """A shard's pod that remembers when its container ran."""

    ended: Any = None

    def ending(self, error: BaseException | None) -> Any:
        pod, _ = self._last_state()
        if pod is not None:
            self.ended = next(one.state.terminated for one in pod.status.container_statuses if one.name == "base")
        return super().ending(error)


if __name__ == "__main__":
    from operators import pod_runtime

    pod_runtime.ShardPod = Watched  # type: ignore[misc]
    sys.exit(main())
