"""The values for Airflow's Helm chart: they agree with the manifests, the settings, the images and the manual.

Rendering needs helm and the chart, which no package index has: TM_TEST_CHART names the chart's folder or archive.
"""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tm_core.errors import SettingsError
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
    worker = VALUES["workers"]["kubernetes"]
    assert worker["serviceAccount"] == {"create": False, "name": "tm-airflow"}
    assert "tm-airflow" in names("ServiceAccount")
    priorities = {value for key, value in walk(VALUES) if key == "priorityClassName"}
    assert priorities
    assert priorities <= names("PriorityClass")


def test_a_gpu_is_counted_alike_by_pool_pods_and_quota() -> None:
    (slots,) = re.findall(r"airflow pools set (\S+) (\d+) ", " ".join(VALUES["migrateDatabaseJob"]["args"]))
    gpus = PODS["tier2"]["parallelism"] * PODS["tier2"]["gpus"]
    assert slots == (environment()["TM_TIER2_POOL"], str(PODS["tier2"]["parallelism"]))
    assert quota("tm-gpu") == {GPU: str(gpus)}
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


def test_the_chart_takes_the_values() -> None:
    chart = os.environ.get("TM_TEST_CHART", "")
    if not chart or not shutil.which("helm"):
        pytest.skip("needs helm and Airflow's chart: `helm pull apache-airflow/airflow`, TM_TEST_CHART=its archive")
    command = ["helm", "template", "airflow", chart, "--namespace", "tm-refinery", "--values", str(VALUES_FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rendered = [one for one in yaml.safe_load_all(done.stdout) if one]
    assert {"Deployment", "Ingress", "Job"} <= {one["kind"] for one in rendered}
