"""The role of deploy/kubernetes/rbac.yaml: enough for a shard, every verb needed, and nothing beside."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from kubernetes import client

from operators.pod_runtime import PodRuntime
from tests.cluster.conftest import DAY, Batch, context
from tests.cluster.kube import DEPLOY, Kube
from tests.waiting import wait_until
from tm_core import loss
from tm_core.rules import Tier

pytestmark = [pytest.mark.airflow, pytest.mark.db, pytest.mark.cluster]

ACCOUNT = "tm-airflow"
ROLE = next(one for one in yaml.safe_load_all((DEPLOY / "rbac.yaml").read_text()) if one["kind"] == "Role")
VERBS = [(resource, verb) for rule in ROLE["rules"] for resource in rule["resources"] for verb in rule["verbs"]]
#: From here on the API server asks for create, too, where a WebSocket is opened to a command.
EXEC_NEEDS_CREATE = (1, 35)


def without(resource: str, verb: str) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = copy.deepcopy(ROLE["rules"])
    for rule in rules:
        if rule["resources"] == [resource]:
            rule["verbs"].remove(verb)
    return [rule for rule in rules if rule["verbs"]]


def grant(kube: Kube, rules: list[dict[str, Any]]) -> None:
    kube.rbac.patch_namespaced_role(ACCOUNT, kube.namespace, {"rules": rules})


@pytest.fixture
def as_airflow(kube: Kube, make_batch: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch) -> Iterator[Batch]:
    """One document, planned, and a connection that has the role and no more; afterwards the role is whole again."""
    batch = make_batch(loss__max_losses=0, tier1__deadline_seconds=60)
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = kube.core.create_namespaced_service_account_token(ACCOUNT, kube.namespace, body).status.token
    found = yaml.safe_load(kube.kubeconfig.read_text())
    found["users"] = [{"name": found["users"][0]["name"], "user": {"token": token}}]
    extra = {"kube_config": json.dumps(found), "namespace": kube.namespace}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes", "extra": extra}))
    batch.deposit(*(f"{DAY}/weather-station.{lang}.txt" for lang in ("en", "de")))
    batch.plan()
    yield batch
    grant(kube, ROLE["rules"])
    for one in kube.pods():
        kube.delete(one)
    kube.none_left()


def run(batch: Batch) -> PodRuntime:
    runtime = PodRuntime(batch.settings, context(batch.run_id, 1))
    assert runtime.run_shard(batch.batch_id, Tier.LEXICAL, 0)["documents"] == {"aligned": 1}
    return runtime


def refused_to_work(batch: Batch) -> tuple[PodRuntime, str]:
    """A shard whose command ends at once, with a message; returns what the task says of it."""
    path = batch.settings.pods
    path.write_text(path.read_text() + '[env]\nTM_DEVICE = "tpu"\n')
    runtime = PodRuntime(batch.settings, context(batch.run_id, 1))
    with pytest.raises(loss.ShardRefused) as failed:
        runtime.run_shard(batch.batch_id, Tier.LEXICAL, 0)
    return runtime, str(failed.value)


def test_the_list_of_verbs_is_the_one_that_is_tested() -> None:
    assert sorted(VERBS) == sorted(
        [
            *(("pods", verb) for verb in ("create", "delete", "get", "list")),
            ("pods/log", "get"),
            *(("pods/exec", verb) for verb in ("create", "get")),
            ("events", "list"),
        ]
    )


def test_the_role_is_enough(as_airflow: Batch) -> None:
    runtime = run(as_airflow)
    assert runtime._pod is not None
    assert runtime._pod.last_lines, "the log was followed"
    as_airflow.kube.none_left()


@pytest.mark.parametrize("verb", ["create", "list"])
def test_without_it_no_pod_is_started_and_the_role_is_named(as_airflow: Batch, verb: str) -> None:
    grant(as_airflow.kube, without("pods", verb))
    with pytest.raises(loss.Forbidden, match=r"rbac\.yaml"):
        run(as_airflow)
    assert not as_airflow.kube.pods()


def test_without_get_a_pod_is_not_seen_to_end(as_airflow: Batch) -> None:
    grant(as_airflow.kube, without("pods", "get"))
    with pytest.raises(loss.PodError, match=r"pods.*is forbidden"):
        run(as_airflow)


def test_without_delete_pods_are_left(as_airflow: Batch) -> None:
    grant(as_airflow.kube, without("pods", "delete"))
    refused_to_work(as_airflow)
    assert as_airflow.kube.pods()


def test_without_log_the_task_shows_nothing_of_the_pods(as_airflow: Batch) -> None:
    grant(as_airflow.kube, without("pods/log", "get"))
    runtime, said = refused_to_work(as_airflow)
    assert runtime._pod is not None
    assert not runtime._pod.last_lines
    assert "its last lines" not in said


def test_with_log_it_does(as_airflow: Batch) -> None:
    _, said = refused_to_work(as_airflow)
    assert "its last lines" in said


@pytest.mark.parametrize("verb", ["create", "get"])
def test_without_exec_no_result_comes_back(as_airflow: Batch, verb: str) -> None:
    version = client.VersionApi(as_airflow.kube.core.api_client).get_code()
    server = (int(version.major), int(version.minor.rstrip("+")))
    grant(as_airflow.kube, without("pods/exec", verb))
    if verb == "create" and server < EXEC_NEEDS_CREATE:
        run(as_airflow)  # what an older server does not ask for
        return
    with pytest.raises(loss.PodLost, match="result lost"):
        run(as_airflow)


@pytest.mark.parametrize("granted", [True, False])
def test_without_events_nobody_learns_why_a_pod_waits(
    as_airflow: Batch, make_batch: Callable[..., Batch], granted: bool
) -> None:
    if not granted:
        grant(as_airflow.kube, without("events", "list"))
    as_airflow.settings = make_batch(
        tier1__node_selector={"nowhere": "true"}, tier1__schedule_seconds=3, loss__max_losses=0
    ).settings
    runtime = PodRuntime(as_airflow.settings, context(as_airflow.run_id, 1))
    with pytest.raises(loss.Unschedulable) as failed:
        runtime.run_shard(as_airflow.batch_id, Tier.LEXICAL, 0)
    assert ("event FailedScheduling" in str(failed.value)) is granted


def test_it_may_do_nothing_else(kube: Kube) -> None:
    """Asked of the API server itself, as the account."""
    api = client.AuthorizationV1Api(kube.core.api_client)
    user = f"system:serviceaccount:{kube.namespace}:{ACCOUNT}"

    def may(resource: str, verb: str, namespace: str) -> bool:
        name, _, sub = resource.partition("/")
        wanted = {"verb": verb, "resource": name, "subresource": sub, "namespace": namespace}
        review = {"spec": {"user": user, "resourceAttributes": wanted}}
        return bool(api.create_subject_access_review(review).status.allowed)

    wait_until(lambda: may("pods", "list", kube.namespace), "the role is bound")
    assert all(may(resource, verb, kube.namespace) for resource, verb in VERBS)
    verbs = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    resources = ("pods", "pods/log", "pods/exec", "pods/status", "events", "secrets", "configmaps", "serviceaccounts")
    more = [(resource, verb) for resource in resources for verb in verbs if (resource, verb) not in VERBS]
    assert len(more) > 40
    assert [one for one in more if may(*one, kube.namespace)] == []
    assert [one for one in VERBS if may(*one, "default")] == []
