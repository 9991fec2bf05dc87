"""One shard in real pods: its shape, its result, and that nothing is left."""

import pytest

from tests.cluster.conftest import Batch

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.cluster, pytest.mark.timeout(300)]


def test_a_shard_in_a_pod_attests_what_it_ran_on_and_leaves_none(batch: Batch) -> None:
    found = batch.shard()
    assert found["documents"] == {"aligned": 2}
    assert found["probe_f1"] >= 0.8
    assert found["versions"]["numba"]
    assert found["resumed"] == 0
    batch.kube.none_left()
