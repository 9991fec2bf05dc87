"""One shard in real pods: its result, what it leaves, and what each single fault comes to."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from kubernetes.client import ApiException

from operators.pods import BASE
from tests.cluster.conftest import Batch, Task
from tests.waiting import wait_until
from tm_core import loss
from tm_core.contracts import DOCUMENTS, Step
from tm_core.errors import BatchBusy, TmError
from tm_core.pods import claim_path
from tm_core.rules import Tier
from tm_formats.storage import Storage
from tm_formats.tables import read_rows

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.cluster]


def causes(batch: Batch) -> list[str]:
    """How the batch's pods ended, in order."""
    with psycopg.connect(batch.settings.database_url) as connection:
        return [row[0] for row in connection.execute("select cause from ops.pod order by pod_id")]


def running(batch: Batch) -> Any:
    """The batch's pod, once its container is at work."""

    def found() -> Any:
        pods = [one for one in batch.kube.shards() if one.metadata.labels.get("tm-batch") == batch.batch_id]
        return next((one for one in pods if one.status.phase == "Running"), None)

    return wait_until(found, "a pod runs")


def test_a_shard_in_a_pod_attests_what_it_ran_on_and_leaves_none(batch: Batch) -> None:
    found = batch.shard()
    assert found["documents"] == {"aligned": 2}
    assert found["probe_f1"] >= 0.8
    assert found["versions"]["numba"]
    assert found["resumed"] == 0
    batch.kube.none_left()
    assert causes(batch) == ["done"]


def test_a_deleted_pod_is_followed_by_another_in_the_same_try(batch: Batch) -> None:
    task = Task(batch.shard)
    batch.kube.delete(running(batch))
    assert task.done()["documents"] == {"aligned": 2}
    assert causes(batch) == ["pod deleted", "done"]
    batch.kube.none_left()


def test_a_pod_that_is_given_notice_saves_what_it_has_finished(make_batch: Callable[..., Batch]) -> None:
    """SIGTERM, as a spot node gives it: the next pod goes on where this one stopped."""
    batch = make_batch()
    samples = ("weather-station", "seven-minutes", "weather-station-final")
    batch.deposit(*(f"2026-01-05/{name}.{lang}.txt" for name in samples for lang in ("en", "de")))
    batch.plan()
    slow_down(batch)
    task = Task(batch.shard)
    pod = running(batch)
    begun(batch, pod, 2)  # so the first document is done; each takes two seconds
    batch.kube.delete(pod, grace_s=10)
    found = task.done()
    assert found["documents"] == {"aligned": 3}
    assert found["resumed"] >= 1
    assert causes(batch) == ["pod deleted", "done"]


def begun(batch: Batch, pod: Any, count: int) -> None:
    """Wait until a pod that was slowed down has begun as many documents."""

    def log() -> str:
        try:
            return str(batch.kube.core.read_namespaced_pod_log(pod.metadata.name, batch.kube.namespace, container=BASE))
        except ApiException:
            return ""  # not yet

    wait_until(lambda: log().count("document begins") >= count, f"{count} documents are begun")


def slow_down(batch: Batch, **faults: str) -> None:
    """Give the batch's pods a fault by the environment; see tests/cluster/faults.py."""
    from tests.cluster.faults import inject

    inject(batch, **({"slow": "2"} | faults))


def test_a_shard_killed_for_memory_gets_more_and_then_succeeds(make_batch: Callable[..., Batch]) -> None:
    batch = make_batch()
    batch.deposit("2026-01-05/weather-station.en.txt", "2026-01-05/weather-station.de.txt")
    batch.plan()
    slow_down(batch, slow="0", hog="1000")  # MiB: over 700, under twice that
    assert batch.shard()["documents"] == {"aligned": 1}
    assert causes(batch) == ["out of memory", "done"]


def test_a_poisonous_document_is_quarantined_by_name_and_the_batch_goes_on(batch: Batch) -> None:
    rows = read_rows(Storage(batch.settings.storage), f"work/{batch.batch_id}/{Step.PLAN}/documents.parquet", DOCUMENTS)
    poison = next(row for row in rows if row["name"] == "seven-minutes")
    slow_down(batch, slow="0", crash=poison["document_key"])
    found = batch.shard()
    assert found["documents"] == {"aligned": 1, "failed": 1}
    assert causes(batch) == ["crashed", "crashed", "crashed", "done"]
    batch.finish()
    with psycopg.connect(batch.settings.database_url) as connection:
        said = dict(connection.execute("select name, reason from ops.document where batch_id = %s", [batch.batch_id]))
    assert said.keys() == {"weather-station", "seven-minutes"}
    assert said["seven-minutes"].startswith("quarantined: the aligner's pod ended (crashed) twice at this document")
    assert said["weather-station"] == ""


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"image": "local/nowhere:1"}, loss.ImageError, "local/nowhere:1"),
        (
            {"tier1__cpus": 900.0, "tier1__cpu_limit": 0.0, "tier1__schedule_seconds": 3},
            loss.Unschedulable,
            "Insufficient cpu|exceeded quota",
        ),
        (
            {"tier1__node_selector": {"tm-test/node": "none"}, "tier1__schedule_seconds": 3},
            loss.Unschedulable,
            "node affinity",
        ),
        ({"tier1__deadline_seconds": 2, "env__SLOW": "60"}, loss.DeadlineExceeded, "ended before any document"),
        ({"env__TM_DEVICE": "tpu"}, loss.ShardRefused, "TM_DEVICE is 'tpu'"),
    ],
)
def test_what_no_retry_mends_says_so(
    make_batch: Callable[..., Batch], changes: dict[str, Any], error: type[TmError], said: str
) -> None:
    slow = "env__SLOW" in changes
    batch = make_batch(**{name: value for name, value in changes.items() if name != "env__SLOW"})
    batch.deposit("2026-01-05/weather-station.en.txt", "2026-01-05/weather-station.de.txt")
    batch.plan()
    if slow:
        slow_down(batch, slow="0", start="60")
    with pytest.raises(error, match=said) as failed:
        batch.shard()
    assert failed.value.remedy in str(failed.value)
    batch.kube.none_left()


def test_an_older_pod_of_the_same_run_is_ended_and_never_listened_to(batch: Batch) -> None:
    """A task whose worker was killed: its pod goes on, and the next try finds it."""
    slow_down(batch, slow="5")
    first = batch.runtime(try_number=1)
    abandoned = Task(lambda: first.run_shard(batch.batch_id, Tier.LEXICAL, 0))
    old = running(batch)
    second = batch.shard(try_number=2)
    assert second["documents"] == {"aligned": 2}
    assert second["token"].startswith("2-")
    with pytest.raises(loss.ShardTaken):
        abandoned.done()
    assert old.metadata.name not in [one.metadata.name for one in batch.kube.pods()]
    batch.kube.none_left()


def test_a_pod_that_cannot_be_ended_does_not_finish_what_is_no_longer_its_own(batch: Batch) -> None:
    """On a node that is cut off a pod works on; it finds another's token in the claim, and stops."""
    slow_down(batch, slow="3")
    task = Task(batch.shard)
    running(batch)
    claim = claim_path(batch.batch_id, Tier.LEXICAL, 0)
    Storage(batch.settings.storage).write_atomic(claim, b"9-someoneelse")
    with pytest.raises(loss.ShardTaken):
        task.done()
    assert not Storage(batch.settings.storage).exists(f"work/{batch.batch_id}/tier1/0/manifest.json")


def test_another_runs_pod_is_left_alone(batch: Batch) -> None:
    slow_down(batch, slow="3")
    task = Task(batch.shard)
    theirs = running(batch)
    with pytest.raises(BatchBusy, match=theirs.metadata.name):
        batch.shard(run_id="another__run")
    assert task.done()["documents"] == {"aligned": 2}
    assert causes(batch) == ["done"]


def test_an_orphan_ends_by_itself(make_batch: Callable[..., Batch]) -> None:
    """Nobody is left to delete it: the node ends it at its deadline, sidecar included."""
    batch = make_batch(tier1__deadline_seconds=6)
    batch.deposit("2026-01-05/weather-station.en.txt", "2026-01-05/weather-station.de.txt")
    batch.plan()
    slow_down(batch, slow="60")
    runtime = batch.runtime()
    runtime._remove = lambda pod: None  # the worker is gone
    runtime._one = lambda pod, known: (pod.execute_sync(runtime._context), None, None)
    Task(lambda: runtime.run_shard(batch.batch_id, Tier.LEXICAL, 0))
    pod = running(batch)

    def ended() -> bool:
        return batch.kube.core.read_namespaced_pod(pod.metadata.name, batch.kube.namespace).status.phase == "Failed"

    wait_until(ended, "the orphan has ended")
    batch.kube.delete(pod)
