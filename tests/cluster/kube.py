"""A namespace of its own on a real cluster, with this machine's checkout mounted into its pods by hostPath.

No image is built: a pod is ``local/busybox:1`` with the host's libraries, Python and virtual environment, read-only. So
the cluster's node must be this machine. tests/cluster/test_image.py is for images.
"""

import ipaddress
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil
import yaml
from kubernetes import client, config

from tests.waiting import HANG_S, wait_until

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "kubernetes"
IMAGE = "local/busybox:1"
BUCKET = "refinery"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def reachable_address(kubeconfig: Path) -> str:
    """An address of this machine that pods reach: TM_TEST_HOST, or the one in the pods' own network.

    A bridge has none before its first pod, so one is started.
    """
    if given := os.environ.get("TM_TEST_HOST"):
        return given
    config.load_kube_config(str(kubeconfig))
    core, name = client.CoreV1Api(), f"tm-address-{uuid.uuid4().hex[:8]}"
    spec = {"containers": [{"name": "base", "image": IMAGE, "command": ["sleep", "60"]}], "restartPolicy": "Never"}
    core.create_namespaced_pod("default", {"metadata": {"name": name}, "spec": spec})
    try:
        pod_ip = wait_until(lambda: core.read_namespaced_pod(name, "default").status.pod_ip, "a pod has an address")
    finally:
        core.delete_namespaced_pod(name, "default", grace_period_seconds=0)
    for one in (one for found in psutil.net_if_addrs().values() for one in found if one.family == socket.AF_INET):
        if ipaddress.ip_address(pod_ip) in ipaddress.ip_interface(f"{one.address}/{one.netmask}").network:
            return str(one.address)
    raise AssertionError(f"no address of this machine is in the network of {pod_ip}: set TM_TEST_HOST")


@contextmanager
def s3_server(host: str, log: Path) -> Iterator[str]:
    """moto's S3 on an address of this machine; yields its URL."""
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", host, "-p", str(port)]
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    url = f"http://{host}:{port}"
    try:
        s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **_boto_keys())
        wait_until(lambda: _answers(s3), "the S3 server answers")
        s3.create_bucket(Bucket=BUCKET)
        yield url
    finally:
        server.terminate()
        server.wait(HANG_S)


def _boto_keys() -> dict[str, str]:
    return {name.lower(): value for name, value in KEYS.items()}


def _answers(s3: Any) -> bool:
    try:
        s3.list_buckets()
    except Exception:
        return False
    return True


@dataclass(kw_only=True)
class Kube:
    """One namespace, and what the tests do in it."""

    kubeconfig: Path
    namespace: str
    folder: Path
    core: Any = field(repr=False)
    rbac: Any = field(repr=False)

    def pods(self) -> list[Any]:
        return list(self.core.list_namespaced_pod(self.namespace).items)

    def shards(self) -> list[Any]:
        """Pods of shards that are not on their way out."""
        return [one for one in self.pods() if not one.metadata.deletion_timestamp]

    def delete(self, pod: Any, grace_s: int = 0) -> None:
        self.core.delete_namespaced_pod(pod.metadata.name, self.namespace, grace_period_seconds=grace_s)

    def none_left(self) -> None:
        """Wait until no pod is there; one that stays is a leak."""
        wait_until(lambda: not self.pods(), "no pod is left")

    def connection(self, **more: Any) -> str:
        """Airflow's connection to this cluster, as JSON for AIRFLOW_CONN_KUBERNETES_DEFAULT."""
        return connection(self.kubeconfig, self.namespace, **more)

    def write_pods(self, name: str = "pods.toml", **changes: Any) -> Path:
        """A site's pods.toml for this namespace and machine, with some keys changed: ``tier1__memory_mib=64``."""
        tier = {
            "cpus": 0.1,
            "cpu_limit": 2.0,
            "memory_mib": 700,
            "deadline_seconds": 300,
            "schedule_seconds": 60,
            "startup_seconds": 60,
        }
        table: dict[str, Any] = {
            "namespace": self.namespace,
            "image": IMAGE,
            "sidecar_image": IMAGE,
            "local_images": True,
            "template": "template.yaml",
            "tier1": dict(tier),
            "tier2": dict(tier),
            "loss": {"wait_seconds": 0.2, "grace_seconds": 5, "gone_seconds": 10, "api_seconds": 120},
        }
        for key, value in changes.items():
            head, _, rest = key.partition("__")
            if rest:
                table.setdefault(head, {})[rest] = value
            else:
                table[head] = value
        path = self.folder / name
        path.write_text(_toml(table))
        (self.folder / table["template"]).write_text(yaml.safe_dump(template()))
        return path


def _toml(table: Mapping[str, Any]) -> str:
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"{key} = {_toml_value(value)}" for key, value in plain.items()]
    for name, inner in table.items():
        if isinstance(inner, dict):
            lines += [f"[{name}]", *(f"{json.dumps(key)} = {_toml_value(value)}" for key, value in inner.items())]
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {json.dumps(inner)}" for key, inner in value.items()) + "}"
    return json.dumps(value)


def connection(kubeconfig: Path, namespace: str, **more: Any) -> str:
    extra = {"kube_config_path": str(kubeconfig), "namespace": namespace} | more
    return json.dumps({"conn_type": "kubernetes", "extra": extra})


def template() -> dict[str, Any]:
    """include/pod_template.yaml with this machine's programs mounted: what a site would have in its image."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "include" / "pod_template.yaml").read_text())
    (base,) = found["spec"]["containers"]
    base["env"] += [{"name": "PATH", "value": f"{Path(sys.executable).parent}:/bin"}]
    # Python lies where its installer put it, which the mounted virtual environment links to.
    for number, path in enumerate(("/usr", "/lib", "/lib64", str(ROOT), str(Path(sys.base_prefix).resolve()))):
        if any(path.startswith(f"{other}/") for other in ("/usr", "/lib")):
            continue
        base["volumeMounts"].append({"name": f"host-{number}", "mountPath": path, "readOnly": True})
        found["spec"]["volumes"].append({"name": f"host-{number}", "hostPath": {"path": path}})
    return found


@contextmanager
def namespace(kubeconfig: Path, folder: Path) -> Iterator[Kube]:
    """A namespace set up with the very files of deploy/kubernetes, and removed with all that is in it."""
    config.load_kube_config(str(kubeconfig))
    core, rbac = client.CoreV1Api(), client.RbacAuthorizationV1Api()
    kube = Kube(kubeconfig=kubeconfig, namespace=f"tm-test-{uuid.uuid4().hex[:8]}", folder=folder, core=core, rbac=rbac)
    core.create_namespace({"metadata": {"name": kube.namespace}})
    try:
        for name in ("rbac", "priority", "network-policy", "quota"):
            apply(kubeconfig, kube.namespace, DEPLOY / f"{name}.yaml")
        core.create_namespaced_secret(kube.namespace, {"metadata": {"name": "tm-shard"}, "stringData": KEYS})
        wait_until(lambda: core.list_namespaced_service_account(kube.namespace).items, "service accounts")
        yield kube
    finally:
        core.delete_namespace(kube.namespace, grace_period_seconds=0)
        for pod in core.list_namespaced_pod(kube.namespace).items:
            core.delete_namespaced_pod(pod.metadata.name, kube.namespace, grace_period_seconds=0)


def apply(kubeconfig: Path, namespace: str, path: Path) -> None:
    """kubectl apply."""
    command = ["kubectl", "--kubeconfig", str(kubeconfig), "--namespace", namespace, "apply", "-f", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
