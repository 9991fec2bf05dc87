"""Faults over the life of a pod, by name: what each does, when, and what may come of it.

A fault is done for real: to the pod, to its process, to a component of the cluster, or to a connection. It either
changes nothing about the result, or fails the task with a message that names the cause; then the task is cleared.
"""

import random
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import psutil
import yaml

from operators.pods import ShardPod
from tests.cluster.conftest import Task
from tests.cluster.faults import FOLDER
from tests.cluster.kube import Kube
from tests.waiting import HANG_S, pause, wait_until


class Moment(StrEnum):
    """When a blow falls, in the words of its task."""

    CREATED = "created"
    RUNNING = "running"
    FINISHED = "finished"  # the container has ended, the result has not been fetched


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is done to a shard.

    Attributes:
        strike: done at the moment `at` to the shard's first pod; None for a fault of pods.toml or a connection alone.
        pods: keys of the shard's own pods.toml.
        causes: how the struck pod may end, as ops.pod says; () where it need not end.
        says: of the message with which the task fails, a pattern; "" where it must not fail.
        certain: it fails in any case; False where it may also mend itself.
        storage, api: how the pod's way to storage, the task's to the API server is spoilt (:class:`Proxy`).
        whole_node: it strikes a component of the cluster, and so all pods.
    """

    name: str
    strike: Callable[["Blow", ShardPod], Any] | None = None
    at: Moment = Moment.RUNNING
    pods: tuple[tuple[str, Any], ...] = ()
    causes: tuple[str, ...] = ()
    says: str = ""
    certain: bool = True
    storage: str = ""
    api: str = ""
    whole_node: bool = False


@dataclass(kw_only=True)
class Blow:
    """A fault that is to fall on one shard, once."""

    fault: Fault
    kube: Kube
    dice: random.Random
    again: Callable[[], Any]
    task: Task | None = None

    def fall(self, moment: Moment, pod: ShardPod) -> None:
        """Strike, if this is the moment. A pod at work is struck at some time of its work, the task going on."""
        strike = self.fault.strike
        if strike is None or self.task is not None or moment is not self.fault.at:
            return
        if moment is not Moment.RUNNING:
            self.task = Task(lambda: strike(self, pod))
            self.task.join(HANG_S)
            return
        seconds = self.dice.uniform(0, LATEST_S)
        self.task = Task(lambda: (pause(seconds, "the moment of the blow is drawn by lot"), strike(self, pod)))


#: A document of a pod that is struck at work takes as long, so that there is work to strike. The blow falls in its
#: first part: the task may learn late that its pod runs, from a node that is struck at the same time.
WORK_S, LATEST_S = 10.0, 3.0
AT_WORK = (("env__TM_TEST_SLOW", str(WORK_S)),)


class StruckPod(ShardPod):
    """A shard's pod that tells the blow of its shard where it is."""

    blows: ClassVar[dict[int, Blow]] = {}

    def get_or_create_pod(self, pod_request_obj: Any, context: Any) -> Any:
        pod = super().get_or_create_pod(pod_request_obj, context)
        self.pod = pod
        self._tell(Moment.CREATED)
        return pod

    def await_pod_completion(self, pod: Any) -> None:
        self._tell(Moment.RUNNING)
        super().await_pod_completion(pod)

    def extract_xcom(self, pod: Any, **options: Any) -> Any:
        self._tell(Moment.FINISHED)
        return super().extract_xcom(pod, **options)

    def _tell(self, moment: Moment) -> None:
        if blow := self.blows.get(self.order.shard):
            blow.fall(moment, self)


# Blows to a pod -----------------------------------------------------------------------------------


def delete(blow: Blow, pod: ShardPod) -> None:
    blow.kube.delete(pod.pod)


def notice(blow: Blow, pod: ShardPod) -> None:
    """SIGTERM and some seconds, as a spot node gives it."""
    blow.kube.delete(pod.pod, grace_s=5)


def evict(blow: Blow, pod: ShardPod) -> None:
    """What `kubectl drain` does."""
    name, core = pod.pod.metadata.name, blow.kube.core
    versions = {one.group_version for one in _policy(core)}
    version = "policy/v1" if "policy/v1" in versions else "policy/v1beta1"
    body = {"apiVersion": version, "kind": "Eviction", "metadata": {"name": name}}
    core.create_namespaced_pod_eviction(name, blow.kube.namespace, body)


def _policy(core: Any) -> list[Any]:
    from kubernetes.client import ApisApi

    return [one for group in ApisApi(core.api_client).get_api_versions().groups for one in group.versions]


def kill(blow: Blow, pod: ShardPod) -> None:
    process_of(pod).kill()


def freeze(blow: Blow, pod: ShardPod) -> None:
    """The process hangs for good."""
    process_of(pod).suspend()


def process_of(pod: ShardPod) -> psutil.Process:
    """The aligner's process on this machine, which is the pod's node."""

    def found() -> psutil.Process | None:
        for one in psutil.process_iter():
            with suppress(psutil.Error):
                if pod.order.token in one.cmdline():
                    return one
        return None

    return wait_until(found, "the pod's process")


def kill_sidecar(blow: Blow, pod: ShardPod) -> None:
    """The container that hands the result over ends before it does."""
    command = ["exec", pod.pod.metadata.name, "-c", "airflow-xcom-sidecar", "--", "sh", "-c", "kill -s INT 1"]
    base = ["kubectl", "--kubeconfig", str(blow.kube.kubeconfig), "--namespace", blow.kube.namespace]

    def done() -> bool:
        return subprocess.run([*base, *command], capture_output=True, timeout=HANG_S, check=False).returncode == 0

    wait_until(done, "a way into the sidecar")  # the container runtime may be another shard's victim


def run_again(blow: Blow, pod: ShardPod) -> None:
    """A second try of the task while the first one's pod is at work."""
    blow.again()


# Blows to the cluster -----------------------------------------------------------------------------

_one_at_a_time = threading.Lock()


def stopped(name: str, least_s: float, most_s: float) -> Callable[[Blow, ShardPod], None]:
    """The component hangs for some seconds."""

    def strike(blow: Blow, _: ShardPod) -> None:
        with _one_at_a_time:  # taken first: another shard's blow may restart the component
            process, _log = component(blow.kube, name)
            process.send_signal(signal.SIGSTOP)
            try:
                pause(blow.dice.uniform(least_s, most_s), "the component hangs so long")
                assert process.status() == psutil.STATUS_STOPPED, process
            finally:
                process.send_signal(signal.SIGCONT)

    return strike


def restarted(name: str) -> Callable[[Blow, ShardPod], None]:
    """The component is killed, and started again some seconds later."""

    def strike(blow: Blow, _: ShardPod) -> None:
        with _one_at_a_time:
            process, log = component(blow.kube, name)
            command = process.cmdline()
            process.kill()
            process.wait(HANG_S)
            pause(blow.dice.uniform(0, 3), "the component is away so long")
            with log.open("ab") as out:
                new = subprocess.Popen(
                    command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
                )
            _pid_file(blow.kube, name).write_text(f"{new.pid}\n")
            wait_until(lambda: _answers(blow.kube), "the API server answers")

    return strike


def component(kube: Kube, name: str) -> tuple[psutil.Process, Path]:
    """(process, log) of a component, where the cluster keeps both beside its kubeconfig (pid/NAME, log/NAME.log)."""
    return psutil.Process(int(_pid_file(kube, name).read_text())), kube.kubeconfig.parent / "log" / f"{name}.log"


def has_components(kube: Kube) -> bool:
    return _pid_file(kube, "kubelet").is_file()


def _pid_file(kube: Kube, name: str) -> Path:
    return kube.kubeconfig.parent / "pid" / name


def _answers(kube: Kube) -> bool:
    try:
        kube.pods()
    except Exception:
        return False
    return True


# Blows to a connection ----------------------------------------------------------------------------


class Proxy(threading.Thread):
    """A TCP proxy that spoils a way.

    ``refuse``: ends every connection for the first seconds. ``slow``: passes a piece on after a pause. ``truncate``:
    the first uploads end in the middle. ``cut``: every second connection breaks off in the middle of an answer.
    """

    REFUSED_S, PAUSE_S, TORN, WHOLE_BYTES, CUT_BYTES = 6.0, 0.05, 3, 1500, 20_000

    def __init__(self, host: str, port: int, how: str) -> None:
        super().__init__(daemon=True)
        self._target, self._how = (host, port), how
        self._refuses, self._torn, self._connections = how == "refuse", 0, 0
        self._listening = socket.create_server((host, 0))
        self.address = f"{host}:{self._listening.getsockname()[1]}"
        self.struck = 0
        self.start()

    def run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self, connection: socket.socket) -> None:
        self._connections += 1
        if self._refuses and self._connections == 1:
            threading.Thread(target=self._relent, daemon=True).start()
        if self._refuses:
            self.struck += 1
            connection.close()
            return
        most = self.CUT_BYTES if self._how == "cut" and self._connections % 2 else 0
        with suppress(OSError), connection, socket.create_connection(self._target) as upstream:
            back = threading.Thread(target=self._pass, args=(upstream, connection, False, most), daemon=True)
            back.start()
            self._pass(connection, upstream, True, 0)
            back.join()

    def _relent(self) -> None:
        pause(self.REFUSED_S, "the way is closed so long after the first who wanted to take it")
        self._refuses = False

    def _pass(self, source: socket.socket, sink: socket.socket, upload: bool, most: int) -> None:
        passed = 0
        with suppress(OSError):
            while piece := source.recv(4096):
                passed += len(piece)
                if self._how == "slow":
                    self.struck += 1
                    pause(self.PAUSE_S, "the way is slow")
                torn = self._how == "truncate" and upload and passed > self.WHOLE_BYTES and self._torn < self.TORN
                if torn or (most and passed > most):
                    self._torn, self.struck = self._torn + torn, self.struck + 1
                    sink.sendall(piece[:100])
                    for end in (source, sink):
                        end.shutdown(socket.SHUT_RDWR)
                    return
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxy(url: str, how: str) -> Iterator[Proxy]:
    parts = urlsplit(url)
    made = Proxy(str(parts.hostname), int(parts.port or 443), how)
    try:
        yield made
    finally:
        made.close()


def api_url(kube: Kube) -> str:
    return str(yaml.safe_load(kube.kubeconfig.read_text())["clusters"][0]["cluster"]["server"])


def kubeconfig_by(kube: Kube, by: Proxy, path: Path) -> Path:
    """A kubeconfig that goes by the proxy."""
    found = yaml.safe_load(kube.kubeconfig.read_text())
    found["clusters"][0]["cluster"]["server"] = f"https://{by.address}"
    path.write_text(yaml.safe_dump(found))
    return path


# All of them --------------------------------------------------------------------------------------

IN_POD = ("env__PYTHONPATH", str(FOLDER))
DELETED = ("pod deleted", "evicted")
#: How a pod may end beside, because of what strikes the whole node at the same time.
ELSE = ("node gone", "API server unreachable")
#: A component that is away may lose a pod or not.
NODE: dict[str, Any] = {"pods": AT_WORK, "whole_node": True}

FAULTS = (
    Fault(name="deleted pending", at=Moment.CREATED, strike=delete, causes=DELETED),
    Fault(name="deleted running", strike=delete, pods=AT_WORK, causes=DELETED),
    Fault(name="deleted finishing", at=Moment.FINISHED, strike=delete, causes=(*DELETED, "result lost")),
    Fault(name="given notice", strike=notice, pods=AT_WORK, causes=DELETED),
    Fault(name="evicted", strike=evict, pods=AT_WORK, causes=DELETED),
    Fault(name="killed on its node", strike=kill, pods=AT_WORK, causes=("killed",)),
    Fault(name="hangs", strike=freeze, pods=(*AT_WORK, ("tier1__deadline_seconds", 60)), causes=("deadline exceeded",)),
    # MiB: over the 700 of a pod, under twice that; and over that
    Fault(name="out of memory", pods=(("env__TM_TEST_HOG", "1000"),), causes=("out of memory",)),
    Fault(name="far out of memory", pods=(("env__TM_TEST_HOG", "3000"),), says="out of memory"),
    Fault(name="exit status 1", pods=(("env__TM_TEST_EXIT", "1"),), says="exit status 1"),
    Fault(name="exit status 3", pods=(("env__TM_TEST_EXIT", "3"),), says="exit status 3"),
    Fault(name="segmentation fault", pods=(("env__TM_TEST_SEGFAULT", "1"),), says="crashed"),
    Fault(name="killed each time", pods=(("env__TM_TEST_EXIT", "137"), ("loss__max_losses", 1)), says="killed"),
    Fault(
        name="deadline each time",
        pods=(("env__TM_TEST_START", "600"), ("tier1__deadline_seconds", 5)),
        says="deadline exceeded",
    ),
    Fault(name="no such image", pods=(("image", "local/nowhere:1"),), says="local/nowhere:1"),
    Fault(
        name="no node",
        pods=(("tier1__node_selector", {"tm-test/node": "none"}), ("tier1__schedule_seconds", 3)),
        says="node affinity",
    ),
    Fault(name="sidecar killed", at=Moment.FINISHED, strike=kill_sidecar, causes=("result lost",)),
    Fault(
        name="another try at the same time",
        strike=run_again,
        pods=(("env__TM_TEST_SLOW", "15"),),
        says="has taken this shard over",
    ),
    Fault(name="kubelet hangs", strike=stopped("kubelet", 3, 8), **NODE),
    Fault(name="kubelet restarted", strike=restarted("kubelet"), **NODE),
    Fault(name="container runtime restarted", strike=restarted("containerd"), **NODE),
    Fault(name="API server hangs", strike=stopped("apiserver", 2, 5), **NODE),
    Fault(name="API server restarted", strike=restarted("apiserver"), **NODE),
    Fault(name="etcd hangs", strike=stopped("etcd", 1, 3), **NODE),
    Fault(name="API server refuses", api="refuse"),
    Fault(name="API server slow", api="slow"),
    Fault(name="logs and answers cut", api="cut"),
    Fault(name="storage refuses", storage="refuse", says="s3://", certain=False),
    Fault(name="storage slow", storage="slow"),
    Fault(name="uploads truncated", storage="truncate", says="s3://", certain=False),
)
