"""A batch in pods of an image that the project's own Dockerfile made: no file of this machine is mounted into them.

TM_TEST_IMAGE names it, as the node's container runtime knows it: ``local/…:tag`` of containers/aligner, flavour cpu.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import yaml

from tests.cluster.conftest import SAMPLES, Batch
from tests.cluster.kube import ROOT, Kube
from tests.conftest import own_database

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.cluster, pytest.mark.slow]

TEMPLATE = ROOT / "include" / "pod_template.yaml"


@pytest.fixture(scope="module")
def image(kubeconfig: Path) -> str:
    found = os.environ.get("TM_TEST_IMAGE", "")
    if not found:
        pytest.skip("an image of the aligner is missing: build it, bring it to the cluster's node, set TM_TEST_IMAGE")
    return found


def test_a_batch_in_a_built_image_ends_as_in_processes(
    image: str,
    make_batch: Callable[..., Batch],
    kube: Kube,
    server_url: str,
    template: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = make_batch(image=image)
    (kube.folder / "template.yaml").write_bytes(TEMPLATE.read_bytes())
    assert not [one for one in yaml.safe_load(TEMPLATE.read_text())["spec"]["volumes"] if "hostPath" in one]
    in_pods = refined(batch)
    with psycopg.connect(batch.settings.database_url) as connection:
        ended = connection.execute("select cause, tier, count(*) from ops.pod group by 1, 2").fetchall()
    assert {cause for cause, *_ in ended} == {"done"}, ended
    assert {tier for _, tier, _ in ended} == {"lexical", "embedding"}, ended
    kube.none_left()

    with own_database(server_url, template) as url:
        elsewhere = replace(batch.settings, database_url=url, storage=f"{batch.settings.storage}-in-processes")
        monkeypatch.setenv("TM_STORAGE", elsewhere.storage)
        monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert refined(InProcesses(settings=elsewhere, kube=kube, run_id=batch.run_id)) == in_pods


class InProcesses(Batch):
    """The same batch with its shards in child processes of the test."""

    def runtime(self, *_: object, **__: object) -> object:
        from operators.runtime import ProcessRuntime

        return ProcessRuntime()


def refined(batch: Batch) -> str:
    """Refine the samples' first day; returns the memory's checksum."""
    names = sorted(f"2026-01-05/{one.name}" for one in (SAMPLES / "2026-01-05").iterdir())
    assert len(names) > 10, names
    batch.deposit(*names)
    batch.plan()
    for shard in batch.shards:
        batch.shard(shard)
    found = batch.finish()
    assert " 0 units" not in found, "an empty memory is equal to any other"
    return found
