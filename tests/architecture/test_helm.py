"""The values for Airflow's Helm chart: they agree with the manifests, the settings, the images and the manual.

What the chart makes of them is compared as well. That needs helm and the chart, which no package index has:
TM_TEST_CHART names its archive, TM_TEST_HELM the program where it is not on the path (tests/architecture/fetch-helm).
"""

import configparser
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tm_core.errors import SettingsError
from tm_core.pods import load_pods
from tm_core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
VALUES_FILE = ROOT / "deploy" / "helm" / "values.yaml"
VALUES: dict[str, Any] = yaml.safe_load(VALUES_FILE.read_text())
PODS: dict[str, Any] = tomllib.loads((ROOT / "deploy" / "helm" / "pods.toml").read_text())
MANIFESTS = [
    one
    for path in sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
    for one in yaml.safe_load_all(path.read_text())
]
MANUAL = (ROOT / "docs" / "deployment.md").read_text()
COMPONENTS = ("scheduler", "dagProcessor", "triggerer", "apiServer")
GPU = "requests.nvidia.com/gpu"
ACCOUNT = "tm-airflow"
DIGEST = "sha256:" + "5" * 64


def names(kind: str) -> set[str]:
    return {one["metadata"]["name"] for one in MANIFESTS if one["kind"] == kind}


def quota(name: str) -> dict[str, str]:
    (found,) = (
        one["spec"]["hard"] for one in MANIFESTS if one["kind"] == "ResourceQuota" and one["metadata"]["name"] == name
    )
    return dict(found)


def walk(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """(key, value) of everything below."""
    yield key, value
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield from walk(inner, name)
    for inner in value if isinstance(value, list) else ():
        yield from walk(inner, key)


def environment() -> dict[str, str]:
    """What a task's container sees; every secret holds an address."""
    entries = [*VALUES["env"], *VALUES["workers"]["kubernetes"]["env"]]
    plain = {one["name"]: one.get("value", "postgresql://somebody@host/tm") for one in entries}
    return plain | {one["envName"]: "postgresql://somebody@host/tm" for one in VALUES["secret"]}


def test_every_setting_is_one_and_can_be_used() -> None:
    found = Settings.from_env(environment())
    assert (found.runtime, found.tier2_pool) == ("kubernetes", "tm_gpu")
    assert {found.database_url, found.database_read_url, found.database_owner_url} == {"postgresql://somebody@host/tm"}
    with pytest.raises(SettingsError):
        Settings.from_env(environment() | {"TM_TIER2_POOLS": "tm_gpu"})


def test_versions_are_those_of_the_images() -> None:
    pinned = re.search(r"^apache-airflow-core==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    made = re.search(r"^VERSION \?= (.+)$", (ROOT / "mk" / "images.mk").read_text(), re.MULTILINE)
    assert pinned
    assert made
    assert VALUES["airflowVersion"] == pinned[1]
    assert VALUES["images"]["airflow"]["tag"] == made[1]


def test_accounts_and_priorities_are_those_of_the_manifests() -> None:
    assert VALUES["workers"]["serviceAccount"] == {"create": False, "name": ACCOUNT}
    assert ACCOUNT in names("ServiceAccount")
    priorities = {value for key, value in walk(VALUES) if key == "priorityClassName"}
    assert priorities
    assert priorities <= names("PriorityClass")


def test_a_gpu_is_counted_alike_by_pool_pods_and_quota() -> None:
    (slots,) = re.findall(r"airflow pools set (\S+) (\d+) ", " ".join(VALUES["migrateDatabaseJob"]["args"]))
    gpus = PODS["tier2"]["parallelism"] * PODS["tier2"]["gpus"]
    assert slots == (environment()["TM_TIER2_POOL"], str(PODS["tier2"]["parallelism"]))
    # A slot is at most one GPU; fewer are asked for while the encoder runs on the CPU.
    assert quota("tm-gpu") == {GPU: slots[1]}
    assert gpus <= int(slots[1])
    shards = PODS["tier1"]["parallelism"] + PODS["tier2"]["parallelism"]
    assert int(quota("tm-shard")["pods"]) >= shards
    assert VALUES["config"]["core"]["parallelism"] >= shards


def test_the_quota_of_shards_counts_shards_alone() -> None:
    (scoped,) = (one for one in MANIFESTS if one["kind"] == "ResourceQuota" and "scopeSelector" in one["spec"])
    template = yaml.safe_load((ROOT / "include" / "pod_template.yaml").read_text())
    assert scoped["spec"]["scopeSelector"]["matchExpressions"] == [
        {"scopeName": "PriorityClass", "operator": "In", "values": [template["spec"]["priorityClassName"]]}
    ]
    # Kubernetes refuses others in a quota of this scope.
    assert set(scoped["spec"]["hard"]) <= {"pods", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"}


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_component_is_bounded(name: str) -> None:
    component = VALUES[name]
    assert {"cpu", "memory"} <= component["resources"]["limits"].keys() & component["resources"]["requests"].keys()
    assert component["priorityClassName"] == "tm-airflow"
    # What the chart would start by default is in Airflow's official image alone.
    assert name == "apiServer" or component["logGroomerSidecar"] == {"enabled": False}
    assert name == "apiServer" or component["livenessProbe"]["command"][:3] == ["airflow", "jobs", "check"]


def test_files_that_settings_name_are_mounted() -> None:
    mounted = {one["name"]: one["mountPath"] for one in VALUES["volumeMounts"]}
    assert mounted.keys() == {one["name"] for one in VALUES["volumes"]}
    assert environment()["TM_PODS"] == f"{mounted['tm-pods']}/pods.toml"
    template = yaml.safe_load((ROOT / "include" / "pod_template.yaml").read_text())["spec"]
    (in_pods,) = (one["mountPath"] for one in template["containers"][0]["volumeMounts"] if one["name"] == "tls")
    for path in (environment()["AWS_CA_BUNDLE"], PODS["env"]["AWS_CA_BUNDLE"]):
        assert path == f"{in_pods}/ca.pem" == f"{mounted['tm-tls']}/ca.pem"


def test_the_manual_makes_every_secret_and_config_map() -> None:
    named = {value for key, value in walk(VALUES) if re.search("SecretName$|^jwtSecretName$|^secretName$", key)}
    named |= {value["name"] for key, value in walk(VALUES) if key in ("secretKeyRef", "configMap")}
    made = set(re.findall(r"kubectl create (?:secret \w+|configmap) (\S+)", MANUAL))
    assert len(named) >= 8
    assert named - made == set(), "say in docs/deployment.md how it is made"


def test_no_secret_has_a_value_here() -> None:
    secret = re.compile("password|secret|token|key", re.IGNORECASE)
    entries = [one for key, one in walk(VALUES) if key == "env" and isinstance(one, dict)]
    assert len(entries) > 5
    assert [one["name"] for one in entries if secret.search(one["name"]) and "value" in one] == []


@pytest.mark.parametrize("file", ["include/pods.toml", "deploy/helm/pods.toml"])
def test_pods_reserve_a_gpu_only_for_an_encoder_that_runs_on_it(file: str) -> None:
    pods = load_pods(ROOT / file)
    found = Settings.from_env(environment())
    pods.check_devices(found)
    with pytest.raises(SettingsError, match=r"\[tier2\] gpus"):
        pods.check_devices(Settings.from_env(environment() | {"TM_DEVICE": "cuda"}))


def test_all_shards_at_once_fit_into_the_quota() -> None:
    sidecar_cpus, sidecar_mib = 0.01, 32  # operators/pods.py
    tiers = [PODS["tier1"], PODS["tier2"]]
    cpus = sum(tier["parallelism"] * (tier["cpus"] + sidecar_cpus) for tier in tiers)
    memory_mib = sum(tier["parallelism"] * (tier["memory_mib"] + sidecar_mib) for tier in tiers)
    limits = quota("tm-shard")
    assert cpus <= float(limits["limits.cpu"])
    assert memory_mib <= amount(limits["limits.memory"]) / 2**20


def test_manual_simulation_and_settings_agree_on_when_a_shard_moves() -> None:
    words = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
    page = (ROOT / "docs" / "scale.md").read_text()
    (said,) = re.findall(r"a shard that lost (\w+) pods goes to an on-demand node", page)
    files = ("include/pods.toml", "deploy/helm/pods.toml")
    assert {load_pods(ROOT / file).loss.spot_losses for file in files} == {words[said]}
    spec = importlib.util.spec_from_file_location("scale", ROOT / "benchmarks" / "scale.py")
    assert spec
    assert spec.loader
    scale = importlib.util.module_from_spec(spec)
    sys.modules["scale"] = scale  # dataclasses look their module up
    try:
        spec.loader.exec_module(scale)
    finally:
        del sys.modules["scale"]
    world = scale.World()
    assert (world.losses_before_on_demand, world.gpus_most) == (words[said], PODS["tier2"]["parallelism"])


# What the chart makes of the values ------------------------------------------------------------------


@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    """Everything that `helm install` would apply, with an image pinned as the manual asks."""
    chart, helm = os.environ.get("TM_TEST_CHART", ""), os.environ.get("TM_TEST_HELM") or shutil.which("helm")
    if not chart or not helm:
        pytest.skip("needs helm and Airflow's chart: `helm pull apache-airflow/airflow`, TM_TEST_CHART=its archive")
    command = [helm, "template", "airflow", chart, "--namespace", "tm-refinery", "--values", str(VALUES_FILE)]
    done = subprocess.run(
        [*command, "--set", f"images.airflow.digest={DIGEST}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [entry for entry in yaml.safe_load_all(done.stdout) if entry]


def of_kind(rendered: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {entry["metadata"]["name"]: entry for entry in rendered if entry["kind"] == kind}


def executor_config(rendered: list[dict[str, Any]]) -> dict[str, str]:
    """The ConfigMap that holds Airflow's configuration and the template of a task's pod."""
    return dict(of_kind(rendered, "ConfigMap")["airflow-config"]["data"])


def pod_specs(rendered: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every pod that the release can start: its components, its jobs, and the tasks of the executor."""
    specs = {
        entry["metadata"]["name"]: entry["spec"]["template"]["spec"]
        for entry in rendered
        if entry["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job")
    }
    # A kind that is not looked at above would slip through.
    kinds = {entry["kind"] for entry in rendered if any(key == "containers" for key, _ in walk(entry))}
    assert kinds <= {"Deployment", "StatefulSet", "DaemonSet", "Job"}
    specs["a task"] = yaml.safe_load(executor_config(rendered)["pod_template_file.yaml"])["spec"]
    components = {"airflow-api-server", "airflow-dag-processor", "airflow-scheduler", "airflow-triggerer"}
    assert specs.keys() == components | {"airflow-run-airflow-migrations", "a task"}
    return specs


def containers(rendered: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every container, those that run first included, by "pod/container"."""
    found = {
        f"{name}/{container['name']}": container
        for name, spec in pod_specs(rendered).items()
        for container in [*(spec.get("initContainers") or []), *spec["containers"]]
    }
    assert len(found) > len(pod_specs(rendered))
    return found


def amount(quantity: str) -> float:
    """A quantity of Kubernetes as a number."""
    number, unit = re.fullmatch(r"([\d.]+)(m|Ki|Mi|Gi|)", str(quantity)).groups()  # type: ignore[union-attr]
    return float(number) * {"m": 0.001, "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}[unit]


def test_every_container_runs_the_image_of_one_digest(rendered: list[dict[str, Any]]) -> None:
    images = {name: container["image"] for name, container in containers(rendered).items()}
    pinned = f"{VALUES['images']['airflow']['repository']}@{DIGEST}"
    assert {name: image for name, image in images.items() if image != pinned} == {}


@pytest.mark.airflow
def test_the_executor_starts_a_task_with_that_image(rendered: list[dict[str, Any]]) -> None:
    """The executor lays an image of its configuration over the template's: build the pod as it does."""
    from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
    from kubernetes.client import ApiClient

    config = configparser.ConfigParser(interpolation=None)
    config.read_string(executor_config(rendered)["airflow.cfg"])
    section = config["kubernetes_executor"]
    repository, tag = section["worker_container_repository"], section["worker_container_tag"]
    template = yaml.safe_load(executor_config(rendered)["pod_template_file.yaml"])
    # As KubeConfig of the provider does it.
    image: Any = f"{repository}:{tag}" if repository and tag else None
    pod = PodGenerator.construct_pod(
        dag_id="tm_refresh", task_id="plan", pod_id="plan", try_number=1, kube_image=image, date=None, args=["true"],
        pod_override_object=None, base_worker_pod=PodGenerator.deserialize_model_dict(template),
        namespace="tm-refinery", scheduler_job_id="1", run_id="run",
    )  # fmt: skip
    spec = ApiClient().sanitize_for_serialization(pod)["spec"]
    assert spec["containers"][0]["image"] == containers(rendered)["airflow-scheduler/scheduler"]["image"]
    assert spec["serviceAccountName"] == ACCOUNT


def test_tasks_run_as_the_account_of_the_manifests(rendered: list[dict[str, Any]]) -> None:
    (binding,) = (entry for entry in MANIFESTS if entry["kind"] == "RoleBinding")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": ACCOUNT}]
    accounts = {name: spec.get("serviceAccountName") for name, spec in pod_specs(rendered).items()}
    assert {name for name, account in accounts.items() if account == ACCOUNT} == {"a task"}
    # The chart must not make the manifests' accounts itself: helm refuses what is there already.
    made = of_kind(rendered, "ServiceAccount").keys()
    assert made & names("ServiceAccount") == set()
    assert set(accounts.values()) - made == {ACCOUNT}, "an account that nobody makes"


def test_the_charts_own_role_adds_to_a_tasks_rights_what_is_known(rendered: list[dict[str, Any]]) -> None:
    def rights(rules: list[dict[str, Any]]) -> set[tuple[str, str]]:
        return {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}

    (role,) = (entry for entry in MANIFESTS if entry["kind"] == "Role")
    bound = [
        binding["roleRef"]
        for binding in rendered
        if binding["kind"] in ("RoleBinding", "ClusterRoleBinding")
        and ACCOUNT in {subject["name"] for subject in binding["subjects"]}
    ]
    assert {reference["kind"] for reference in bound} == {"Role"}
    granted = [rights(of_kind(rendered, "Role")[reference["name"]]["rules"]) for reference in bound]
    more = set().union(*granted) - rights(role["rules"])
    assert more == {("pods", "patch"), ("pods", "watch"), ("events", "watch")}


def test_every_container_has_requests_and_limits(rendered: list[dict[str, Any]]) -> None:
    unbounded, upside_down = [], []
    for name, container in containers(rendered).items():
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        if not {"cpu", "memory"} <= requests.keys() & limits.keys():
            unbounded.append(name)
            continue
        upside_down += [f"{name} {key}" for key in requests if amount(requests[key]) > amount(limits[key])]
    assert unbounded == []
    assert upside_down == []


def test_the_releases_pods_stay_out_of_the_shards_quota(rendered: list[dict[str, Any]]) -> None:
    (scoped,) = (entry for entry in MANIFESTS if entry["kind"] == "ResourceQuota" and "scopeSelector" in entry["spec"])
    (selector,) = scoped["spec"]["scopeSelector"]["matchExpressions"]
    priorities = {name: spec.get("priorityClassName") for name, spec in pod_specs(rendered).items()}
    assert {name: found for name, found in priorities.items() if found in selector["values"]} == {}
    assert set(priorities.values()) <= names("PriorityClass")
    gpus = [name for name, one in containers(rendered).items() if "nvidia.com/gpu" in str(one.get("resources"))]
    assert gpus == []


def test_tasks_and_shards_at_once_are_no_more_than_the_executor_starts(rendered: list[dict[str, Any]]) -> None:
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(executor_config(rendered)["airflow.cfg"])
    shards = PODS["tier1"]["parallelism"] + PODS["tier2"]["parallelism"]
    assert int(config["core"]["parallelism"]) >= shards
    assert shards <= int(quota("tm-shard")["pods"])


def test_every_pod_and_container_gives_up_its_privileges(rendered: list[dict[str, Any]]) -> None:
    for name, spec in pod_specs(rendered).items():
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")), name
    for name, container in containers(rendered).items():
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert not security.get("privileged"), name


def test_every_secret_and_config_map_of_a_pod_is_made(rendered: list[dict[str, Any]]) -> None:
    named = set()
    for key, value in walk(list(pod_specs(rendered).values())):
        if key in ("secretKeyRef", "configMapKeyRef", "configMap", "secret", "secretRef", "configMapRef"):
            named |= {value.get("name") or value.get("secretName")} if isinstance(value, dict) else set()
    made = of_kind(rendered, "Secret").keys() | of_kind(rendered, "ConfigMap").keys()
    made |= set(re.findall(r"kubectl create (?:secret \w+|configmap) (\S+)", MANUAL))
    assert len(named) >= 8
    assert named - made == set(), "say in docs/deployment.md how it is made"


def test_a_tasks_environment_is_that_of_the_values(rendered: list[dict[str, Any]]) -> None:
    base = containers(rendered)["a task/base"]
    found = {variable["name"]: variable.get("value", "postgresql://somebody@host/tm") for variable in base["env"]}
    assert {name: found.get(name) for name in environment()} == environment()
