"""The shape of a shard's pod: what it asks for, what it may do, and what it refuses to be."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiException
from kubernetes.client import models as k8s

from operators.pod_runtime import PodRuntime
from operators.pods import BASE, SIDECAR, NoResult, Order, ShardPod, check_pod
from tm_core.errors import SettingsError
from tm_core.loss import Cause, Mode, NextPod, cause_of
from tm_core.pods import Capacity, PodSettings, load_pods
from tm_core.rules import Tier
from tm_core.settings import Settings

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "include" / "pod_template.yaml"
IMAGE = "registry.example/tm-aligner@sha256:" + "0" * 64
GPU_IMAGE = "registry.example/tm-aligner@sha256:" + "1" * 64
SITE = load_pods(ROOT / "include" / "pods.toml")
PODS = replace(
    SITE,
    image=IMAGE,
    sidecar_image=IMAGE,
    tier2=replace(SITE.tier2, image=GPU_IMAGE, gpus=1, node_selector={"gpu": "h100"}),
    spot=Capacity(node_selector={"capacity": "spot"}, toleration="spot"),
    on_demand=Capacity(node_selector={"capacity": "on-demand"}),
)


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Make the pod that would be created. A connection to a cluster that is not there: no mock, no call."""
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", '{"conn_type": "kubernetes"}')

    def make(
        tier: Tier = Tier.LEXICAL, wanted: NextPod | None = None, pods: PodSettings = PODS, template: Path = TEMPLATE
    ) -> Any:
        order = Order(
            batch_id="2026-01-05-0123456789ab", run_id="scheduled__2026-01-06T00:00:00+00:00", tier=tier, shard=3,
            token="1-00112233", store="demo", wanted=wanted or NextPod(),
        )  # fmt: skip
        env = {"TM_STORAGE": "s3://bucket"}
        pod = ShardPod(order=order, pods=pods, template=template, env=env, task_id="pod")
        ti = SimpleNamespace(dag_id="tm_refresh", task_id="tier1", map_index=3, try_number=1)
        context: Any = {"ti": ti, "run_id": order.run_id, "dag": SimpleNamespace()}
        return pod.build_pod_request_obj(context, dry_run=True)

    return make


def shard_pod() -> ShardPod:
    order = Order(
        batch_id="b", run_id="r", tier=Tier.LEXICAL, shard=0, token="1-aa", store="demo", wanted=NextPod()
    )  # fmt: skip
    return ShardPod(order=order, pods=PODS, template=TEMPLATE, env={}, task_id="pod")


def containers(pod: Any) -> dict[str, Any]:
    return {one.name: one for one in pod.spec.containers}


def test_tier_1_asks_for_what_its_settings_say(build: Callable[..., Any]) -> None:
    pod = build()
    base = containers(pod)[BASE]
    assert base.image == IMAGE
    assert base.command == ["tm-align"]
    assert base.args[:3] == ["shard", "--batch", "2026-01-05-0123456789ab"]
    assert "--token 1-00112233 --result /airflow/xcom/return.json" in " ".join(base.args)
    assert base.resources.limits == base.resources.requests == {"cpu": "1000m", "memory": "2048Mi"}
    assert pod.spec.active_deadline_seconds == 3600
    assert pod.spec.node_selector == {"capacity": "spot"}
    assert pod.spec.restart_policy == "Never"
    assert pod.spec.priority_class_name == "tm-shard"


def test_the_chart_sites_pods_go_to_spot_nodes_first_and_reserve_no_gpu(build: Callable[..., Any]) -> None:
    site = load_pods(ROOT / "deploy" / "helm" / "pods.toml")
    assert (site.image, site.sidecar_image, site.tier2.image) == ("", "", ""), "a digest is the site's own"
    site = replace(site, image=IMAGE, sidecar_image=IMAGE)
    capacity = "tm-refinery/capacity"
    first, second = build(pods=site), build(pods=site, wanted=NextPod(on_demand=True))
    assert [pod.spec.node_selector for pod in (first, second)] == [{capacity: "spot"}, {capacity: "on-demand"}]
    assert "tm-refinery/spot" in [one.key for one in first.spec.tolerations]
    assert "tm-refinery/spot" not in [one.key for one in second.spec.tolerations]
    second_tier = build(Tier.EMBEDDING, pods=site)
    assert second_tier.spec.node_selector == {capacity: "spot"}
    assert containers(second_tier)[BASE].image == IMAGE
    assert containers(second_tier)[BASE].resources.limits.keys() == {"cpu", "memory"}
    assert "nvidia.com/gpu" not in {one.key for one in second_tier.spec.tolerations}


def test_a_runtime_refuses_a_gpu_that_its_encoder_does_not_use(tmp_path: Path) -> None:
    path = tmp_path / "pods.toml"
    file = (ROOT / "include" / "pods.toml").read_text()
    path.write_text(file.replace("gpus = 0", "gpus = 1"))
    (tmp_path / "pod_template.yaml").write_text(TEMPLATE.read_text())
    settings, context = Settings.from_env({"TM_PODS": str(path)}), SimpleNamespace()
    with pytest.raises(SettingsError, match="TM_ENCODER=lexicon and TM_DEVICE=cpu, which uses no GPU"):
        PodRuntime(settings, context)  # type: ignore[arg-type]
    path.write_text(file)
    PodRuntime(settings, context)  # type: ignore[arg-type]


def test_tier_2_asks_for_a_gpu_and_may_go_where_gpus_are(build: Callable[..., Any]) -> None:
    pod = build(Tier.EMBEDDING)
    base = containers(pod)[BASE]
    assert base.image == GPU_IMAGE
    assert base.resources.limits == {"cpu": "4000m", "memory": "16384Mi", "nvidia.com/gpu": "1"}
    assert {one.key for one in pod.spec.tolerations} >= {"nvidia.com/gpu", "spot"}
    assert pod.spec.node_selector == {"capacity": "spot", "gpu": "h100"}


def test_after_losses_it_goes_to_an_on_demand_node_with_more_memory(build: Callable[..., Any]) -> None:
    wanted = NextPod(
        on_demand=True, memory_factor=2.0, mode=Mode.CAREFUL, quarantine={"d1": "quarantined: it killed two pods"}
    )
    pod = build(wanted=wanted)
    base = containers(pod)[BASE]
    assert pod.spec.node_selector == {"capacity": "on-demand"}
    assert "spot" not in {one.key for one in pod.spec.tolerations or []}
    assert base.resources.limits["memory"] == "4096Mi"
    assert base.args[-3:] == ["--careful", "--quarantine", "d1=quarantined: it killed two pods"]


def test_a_suspect_is_done_alone(build: Callable[..., Any]) -> None:
    args = containers(build(wanted=NextPod(mode=Mode.ALONE, document="d1")))[BASE].args
    assert args[args.index("--only") + 1] == "d1"


def test_it_may_do_nothing_but_its_work(build: Callable[..., Any]) -> None:
    pod = build()
    assert pod.spec.automount_service_account_token is False
    assert pod.spec.service_account_name == "tm-shard"
    assert pod.spec.security_context.run_as_non_root
    assert pod.spec.security_context.seccomp_profile.type == "RuntimeDefault"
    assert set(containers(pod)) == {BASE, SIDECAR}
    for one in pod.spec.containers:
        assert one.security_context.read_only_root_filesystem
        assert one.security_context.allow_privilege_escalation is False
        assert one.security_context.capabilities.drop == ["ALL"]
        assert {"cpu", "memory"} <= set(one.resources.limits)


def test_people_and_policies_find_it_by_its_labels(build: Callable[..., Any]) -> None:
    labels = build().metadata.labels
    expected = {"tm-batch": "2026-01-05-0123456789ab", "tm-tier": "lexical", "tm-shard": "3", "tm-store": "demo"}
    assert {name: labels[name] for name in expected} == expected
    assert labels["app.kubernetes.io/name"] == "tm-shard"


def test_secrets_come_by_reference_alone(build: Callable[..., Any]) -> None:
    base = containers(build())[BASE]
    assert [one.secret_ref.name for one in base.env_from] == ["tm-shard"]
    assert {one.name: one.value for one in base.env} == {"HOME": "/tmp", "TMPDIR": "/tmp", "TM_STORAGE": "s3://bucket"}


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("image: {image: 'registry.example/tm-aligner:latest'}", "name@sha256"),
        ("pod: {securityContext: {runAsNonRoot: false}}", "expected runAsNonRoot"),
        ("pod: {securityContext: {seccompProfile: null}}", "expected seccompProfile"),
        ("pod: {automountServiceAccountToken: true}", "automountServiceAccountToken"),
        ("pod: {hostNetwork: true}", "no host network"),
        ("sidecar: 1", "container extra: expected a read-only root file system"),
        ("env: [{name: AWS_SECRET_ACCESS_KEY, value: hush}]", "secrets by reference, found the value of"),
    ],
)
def test_a_weaker_template_is_refused(build: Callable[..., Any], tmp_path: Path, what: str, said: str) -> None:
    (key, change), *_ = yaml.safe_load(what).items()
    template = yaml.safe_load(TEMPLATE.read_text())
    pods = PODS
    if key == "image":
        pods = replace(PODS, image=change["image"])
    elif key == "pod":
        for name, value in change.items():
            old = template["spec"].get(name)
            template["spec"][name] = old | value if isinstance(old, dict) else value
    elif key == "env":
        template["spec"]["containers"][0]["env"] += change
    else:
        template["spec"]["containers"].append({"name": "extra", "image": IMAGE})
    path = tmp_path / "template.yaml"
    path.write_text(yaml.safe_dump(template))
    with pytest.raises(SettingsError, match=said) as refused:
        build(pods=pods, template=path)
    assert "No pod was started" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_a_pod_without_limits_or_deadline_is_refused(build: Callable[..., Any]) -> None:
    pod = build()
    containers(pod)[BASE].resources.limits = {"cpu": "1"}
    with pytest.raises(SettingsError, match="limits of cpu and memory"):
        check_pod(pod, PODS)
    pod = build()
    pod.spec.active_deadline_seconds = None
    with pytest.raises(SettingsError, match="activeDeadlineSeconds"):
        check_pod(pod, PODS)


@pytest.mark.parametrize(("status", "cause"), [(403, Cause.FORBIDDEN), (422, Cause.REJECTED)])
def test_a_pod_that_the_api_server_refuses_is_no_loss(build: Callable[..., Any], status: int, cause: Cause) -> None:
    pod = shard_pod()
    error = ApiException(status=status, reason="no")
    error.body = '{"message": "pods is forbidden: user tm-airflow cannot create"}'
    end = pod.ending(error)
    assert cause_of(end) is cause
    assert "tm-airflow cannot create" in end.message


#: What the clock of operators.pods says in the tests below.
NOW = datetime(2026, 1, 5, 3, tzinfo=UTC)
ENDED = k8s.V1ContainerState(terminated=k8s.V1ContainerStateTerminated(exit_code=0, finished_at=NOW))
LONG_AGO = k8s.V1ContainerState(
    terminated=k8s.V1ContainerStateTerminated(exit_code=0, finished_at=NOW - timedelta(hours=1))
)
WAITS = k8s.V1ContainerState(waiting=k8s.V1ContainerStateWaiting(reason="ContainerCreating"))
RUNS = k8s.V1ContainerState(running=k8s.V1ContainerStateRunning())


@pytest.mark.parametrize(
    ("phase", "base", "sidecar", "expected"),
    [
        ("Running", RUNS, RUNS, False),
        ("Running", ENDED, RUNS, True),
        ("Running", ENDED, WAITS, False),  # it is still being started
        ("Running", ENDED, None, False),
        ("Running", LONG_AGO, WAITS, NoResult),
        ("Running", ENDED, ENDED, NoResult),
        ("Failed", LONG_AGO, WAITS, NoResult),
        ("Failed", None, None, NoResult),  # evicted: its node tells of no container
    ],
)
def test_a_result_is_waited_for_as_long_as_one_can_come(
    build: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, phase: str, base: Any, sidecar: Any, expected: Any
) -> None:
    monkeypatch.setattr("operators.pods.now", lambda: NOW)
    pod = shard_pod()
    states = [(name, state) for name, state in ((BASE, base), (SIDECAR, sidecar)) if state]
    statuses = [SimpleNamespace(name=name, state=state) for name, state in states]
    found: Any = SimpleNamespace(
        metadata=SimpleNamespace(name="tm-lexical-0"), status=SimpleNamespace(phase=phase, container_statuses=statuses)
    )
    if expected is NoResult:
        with pytest.raises(NoResult, match="tm-lexical-0 has ended"):
            pod._handed_over(found)
    else:
        assert pod._handed_over(found) is expected
