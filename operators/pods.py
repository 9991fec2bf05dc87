"""One pod of a shard: its shape, how long it is waited for, and what is known of its end.

:class:`ShardPod` is Airflow's own pod operator with another shape. Starting, following and reading the result stay the
provider's, so that an upgrade mends them here too; what differs has its reason beside it. Imported inside tasks only:
the Kubernetes client costs 2 CPU-seconds.
"""

import json
import logging
import re
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodLaunchTimeoutException
from airflow.providers.cncf.kubernetes.utils.xcom_sidecar import PodDefaults
from airflow.sdk import Context
from kubernetes.client import ApiException
from kubernetes.client import models as k8s
from kubernetes.stream import stream
from urllib3.exceptions import HTTPError

from tm_core.commands import PodOptions, shard_command
from tm_core.errors import SettingsError, TmError
from tm_core.identity import digest
from tm_core.loss import Mode, NextPod, PodEnd
from tm_core.pods import RESULT_FILE, Capacity, PodSettings
from tm_core.rules import Tier

log = logging.getLogger(__name__)

BASE = KubernetesPodOperator.BASE_CONTAINER_NAME
SIDECAR = PodDefaults.SIDECAR_CONTAINER_NAME
_LAST_LINES = 20  # of a pod's own output, for the error message
_POLL_S = 1.0  # between two looks at a pod at work; a look is two small requests
_EXEC_S = 30.0  # for reading the result, a file of a kilobyte
_SIDECAR_MIB = 32
_SILENCE_S = 20.0  # of the API server, before it counts as gone
_NOT_FOUND, _CONFLICT = 404, 409
_SECRET_NAMES = re.compile(r"SECRET|PASSWORD|TOKEN|ACCESS_KEY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a pod is to do, and for whom."""

    batch_id: str
    run_id: str
    tier: Tier
    shard: int
    token: str
    store: str
    wanted: NextPod

    @property
    def labels(self) -> dict[str, str]:
        """Those that people and the network policy select by; ``tm-run`` is a hash, as a run's id is no label."""
        return self.shard_labels | {
            "tm-run": run_label(self.run_id),
            "tm-token": self.token,
            "tm-store": self.store,
            "tm-mode": self.wanted.mode.value,
        }

    @property
    def shard_labels(self) -> dict[str, str]:
        """Those that all pods of the shard share, whatever run and try they are of."""
        return {
            "app.kubernetes.io/name": "tm-shard",
            "app.kubernetes.io/part-of": "tm-refinery",
            "tm-batch": self.batch_id,
            "tm-tier": self.tier.value,
            "tm-shard": str(self.shard),
        }


def now() -> datetime:
    """Return the time; tests have one of their own."""
    return datetime.now(UTC)


def run_label(run_id: str) -> str:
    """A run's id as a label."""
    return digest(run_id)[:16]


class PodGone(TmError):
    """A pod at work was found deleted, or on a node that does not answer."""


class NoResult(TmError):
    """A pod's work has ended, and its sidecar is not there to hand the result over."""


class ShardPod(KubernetesPodOperator):
    """A pod that runs ``tm-align shard``.

    Args:
        order: what it is to do.
        pods: the site's settings.
        template: the pod template file.
        env: plain variables; secrets come by reference, from the template.
    """

    def __init__(self, *, order: Order, pods: PodSettings, template: Path, env: dict[str, str], **kwargs: Any) -> None:
        tier = pods.tier(order.tier)
        capacity = pods.on_demand if order.wanted.on_demand else pods.spot
        command = shard_command(order.batch_id, order.tier, order.shard, _options(order))
        super().__init__(
            kubernetes_conn_id=pods.connection,
            namespace=pods.namespace,
            name=f"tm-{order.tier.value}-{order.shard}-{order.token[-8:]}",
            random_name_suffix=False,  # the token is random; a second pod of the same name is refused by the cluster
            image=pods.image_of(order.tier),
            cmds=command[:1],
            arguments=command[1:],
            env_vars=env,
            labels=order.labels,
            container_resources=_resources(pods, order),
            node_selector=dict(tier.node_selector) | dict(capacity.node_selector),
            tolerations=_tolerations(tier.gpus, capacity),
            pod_template_file=str(template),
            # The node's own clock: it ends a forgotten pod also when no part of Airflow lives.
            active_deadline_seconds=tier.deadline_seconds,
            # That clock starts when the pod does: waiting for a node, and for the image there, have their own.
            schedule_timeout_seconds=tier.schedule_seconds,
            startup_timeout_seconds=tier.startup_seconds,
            startup_check_interval_seconds=1,  # the default of 5 s would be most of a small shard's time
            termination_grace_period=pods.loss.grace_seconds,
            # Never take up a pod of an earlier try: its result may be of another plan (docs/decisions/0091).
            durable=False,
            do_xcom_push=True,
            # Reads every event of the namespace each second; events are read once, of a pod that did not end well.
            log_events_on_startup=False,
            # The last lines reach the status and the message also when nobody followed the log.
            termination_message_policy="FallbackToLogsOnError",
            xcom_sidecar_container_security_context=_container_security(),
            container_security_context=_container_security(),
            **kwargs,
        )
        self.order, self.pods = order, pods
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self.last_node = ""
        self._read_until: datetime | None = None

    # Shape ---------------------------------------------------------------------------------------

    def build_pod_request_obj(self, context: Context | None = None, *, dry_run: bool = False) -> k8s.V1Pod:
        """The pod; refused if template and settings make one that is less strict than it must be."""
        pod = super().build_pod_request_obj(context, dry_run=dry_run)
        for container in pod.spec.containers:
            if container.name == SIDECAR:
                container.image = self.pods.sidecar_image
                amount = {"cpu": "10m", "memory": f"{_SIDECAR_MIB}Mi"}
                container.resources = k8s.V1ResourceRequirements(requests=amount, limits=amount)
        check_pod(pod, self.pods)
        return pod

    def get_or_create_pod(self, pod_request_obj: k8s.V1Pod, context: Context) -> k8s.V1Pod:
        """The pod, created. One of its name is this very one: its name is random, and the first answer was lost."""
        try:
            return super().get_or_create_pod(pod_request_obj, context)
        except ApiException as error:
            if error.status != _CONFLICT:
                raise
            return pod_request_obj

    # Following -----------------------------------------------------------------------------------

    def await_pod_completion(self, pod: k8s.V1Pod) -> None:  # type: ignore[override]
        """Pass on the pod's log until its container has ended.

        The provider's own follows one stream and notices only after five minutes of silence that the node is gone. Here
        pod and log are asked for every second: nothing hangs, and a stream that is cut costs nothing.
        """
        silent_since: float | None = None
        while True:
            try:
                found = self.client.read_namespaced_pod(pod.metadata.name, pod.metadata.namespace)
                self._pass_on(found)
                silent_since = None
                if self._handed_over(found):
                    return
                self._check_alive(found)
            except (HTTPError, ApiException) as error:
                if isinstance(error, ApiException) and error.status and error.status < 500:
                    raise
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > _SILENCE_S:
                    raise
            time.sleep(_POLL_S)

    def _handed_over(self, pod: k8s.V1Pod) -> bool:
        """Whether the work has ended and the sidecar can be asked; raises NoResult if it never can.

        The provider's own wait for a sidecar lasts a quarter of an hour, also in a pod that has ended without one: its
        node's runtime failed between the two containers.
        """
        ended = _terminated(pod)
        over = pod.status.phase in ("Succeeded", "Failed")
        if not ended and not over:
            return False
        sidecar = _state(pod, SIDECAR)
        if sidecar and sidecar.running and not over:
            return True
        since = ended.finished_at if ended and ended.finished_at else now()
        late = (now() - since).total_seconds() > self.startup_timeout_seconds
        if over or late or (sidecar and sidecar.terminated):
            raise NoResult(f"pod {pod.metadata.name} has ended, and its sidecar {SIDECAR} is not there for its result.")
        return False

    def _pass_on(self, pod: k8s.V1Pod) -> None:
        """Log what the pod has written since the last time."""
        since = None
        if self._read_until:
            since = int((now() - self._read_until).total_seconds()) + 2
        with suppress(ApiException):  # no log yet, or none any more
            # Undecoded: the client's own decoding of it gives the text of a bytes object.
            answer = self.client.read_namespaced_pod_log(
                pod.metadata.name, pod.metadata.namespace, container=BASE, timestamps=True, since_seconds=since,
                _preload_content=False, _request_timeout=10,
            )  # fmt: skip
            for line in answer.data.decode("utf-8", "backslashreplace").splitlines():
                self._log_line(line)

    def _log_line(self, line: str) -> None:
        stamp, _, said = line.partition(" ")
        try:
            written = datetime.fromisoformat(stamp[:26].rstrip("Z") + "+00:00")
        except ValueError:
            return
        if self._read_until is None or written > self._read_until:
            self._read_until = written
            self.last_lines.append(said)
            self.log.info("%s", said)

    def _check_alive(self, pod: k8s.V1Pod) -> None:
        """Raise PodGone if the pod should have been gone for long: nobody on its node is there to end it."""
        if deleted := pod.metadata.deletion_timestamp:
            # deletion_timestamp is the end of the grace period.
            over = (now() - deleted).total_seconds()
            if over > self.pods.loss.gone_seconds:
                raise PodGone(
                    f"pod {pod.metadata.name} should have ended {over:.0f} s ago, and its node does not say so."
                )

    def extract_xcom(self, pod: k8s.V1Pod, *, ignore_kill_failure: bool = True) -> Any:
        """The attestation. The provider's waits for ever for a node that is gone, and takes 2 s to end the sidecar,
        which goes with its pod anyway."""
        try:
            channel = stream(
                self.client.connect_get_namespaced_pod_exec, pod.metadata.name, pod.metadata.namespace,
                container=SIDECAR, command=["cat", RESULT_FILE], stdin=False, stdout=True, stderr=True, tty=False,
                _preload_content=False, _request_timeout=_EXEC_S,
            )  # fmt: skip
        except AttributeError as error:
            # The client trips over an answer without a body, of a pod that is gone: what it was is the context.
            raise (error.__context__ or error) from None
        try:
            channel.run_forever(timeout=_EXEC_S)
            said = channel.read_stdout(timeout=1) if channel.peek_stdout() else ""
        finally:
            channel.close()
        return json.loads(said) if said.strip() else None

    # The end -------------------------------------------------------------------------------------

    def post_complete_action(self, **_: Any) -> None:
        """Nothing: the pod's end is read first (:meth:`ending`), and then it is removed, however it ended."""

    def ending(self, error: BaseException | None) -> PodEnd:
        """What is known of the pod's end. Asks the cluster once more; never raises for what it cannot learn."""
        pod, silent = self._last_state()
        self.last_node = str(pod.spec.node_name or "") if pod else ""
        events = self._events() if pod is None or not _terminated(pod) else []
        said = _Said(pod)
        return PodEnd(
            reason=said.reason,
            exit_code=said.exit_code,
            container_reason=said.container_reason,
            waiting=said.waiting,
            events=frozenset(event.reason for event in events),
            scheduled=said.scheduled,
            gone=(pod is None and not silent and self.pod is not None) or said.deleting,
            stuck=isinstance(error, PodGone),
            api_status=_refused(error) if self.pod is None else 0,
            api_silent=silent or isinstance(error, HTTPError | OSError),
            late=isinstance(error, PodLaunchTimeoutException),
            message="\n".join(
                [*([f"{type(error).__name__}: {_short(error)}"] if error else []), *said.words,
                 *(f"event {event.reason}: {event.message}" for event in events[-5:]), *self._last_words()]
            ),
        )  # fmt: skip

    def _last_state(self) -> tuple[k8s.V1Pod | None, bool]:
        """(the pod, or None if it is not there; whether the API server is silent)."""
        if self.pod is None:
            return None, False
        try:
            return self.client.read_namespaced_pod(self.pod.metadata.name, self.pod.metadata.namespace), False
        except ApiException as error:
            return None, error.status != _NOT_FOUND
        except (HTTPError, OSError):
            return None, True

    def _events(self) -> list[Any]:
        if self.pod is None:
            return []
        with suppress(ApiException, HTTPError, OSError):
            selector = f"involvedObject.name={self.pod.metadata.name}"
            return list(self.client.list_namespaced_event(self.pod.metadata.namespace, field_selector=selector).items)
        return []

    def _last_words(self) -> list[str]:
        return [f"its last lines:\n{chr(10).join(self.last_lines)}"] if self.last_lines else []

    @property
    def requested(self) -> str:
        """Its name, once it has been asked for, whether the answer came or not; "" before."""
        return str(self.pod_request_obj.metadata.name) if self.pod_request_obj is not None else ""


def others(client: Any, order: Order, namespace: str) -> list[k8s.V1Pod]:
    """All pods of the order's shard, of any run and try."""
    selector = ",".join(f"{name}={value}" for name, value in sorted(order.shard_labels.items()))
    return list(client.list_namespaced_pod(namespace, label_selector=selector).items)


def remove_pod(client: Any, name: str, namespace: str, *, grace_s: int) -> None:
    """Delete a pod; none there is as good."""
    try:
        client.delete_namespaced_pod(name, namespace, grace_period_seconds=grace_s)
    except ApiException as error:
        if error.status != _NOT_FOUND:
            raise


# The shape's parts -----------------------------------------------------------------------------------


def _options(order: Order) -> PodOptions:
    wanted = order.wanted
    return PodOptions(
        token=order.token,
        result=RESULT_FILE,
        careful=wanted.mode is Mode.CAREFUL,
        only=wanted.document,
        quarantine=tuple(wanted.quarantine.items()),
    )


def _resources(pods: PodSettings, order: Order) -> k8s.V1ResourceRequirements:
    """Memory requested is memory limited: no neighbour can take what was promised."""
    tier = pods.tier(order.tier)
    amount = {
        "cpu": f"{round(tier.cpus * 1000)}m",
        "memory": f"{round(tier.memory_mib * order.wanted.memory_factor)}Mi",
    }
    amount |= {"nvidia.com/gpu": str(tier.gpus)} if tier.gpus else {}
    most = {"cpu": f"{round((tier.cpu_limit or tier.cpus) * 1000)}m"}
    return k8s.V1ResourceRequirements(requests=amount, limits=amount | most)


def _tolerations(gpus: int, capacity: Capacity) -> list[k8s.V1Toleration]:
    keys = ([capacity.toleration] if capacity.toleration else []) + (["nvidia.com/gpu"] if gpus else [])
    return [k8s.V1Toleration(key=key, operator="Exists") for key in keys]


def _container_security() -> k8s.V1SecurityContext:
    return k8s.V1SecurityContext(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        run_as_non_root=True,
        capabilities=k8s.V1Capabilities(drop=["ALL"]),
    )


def check_pod(pod: k8s.V1Pod, pods: PodSettings) -> None:
    """Refuse a pod that is less strict than this project's: whoever edits the template cannot weaken it unnoticed.

    Raises:
        SettingsError: names the first promise that it does not keep. No pod was started.
    """
    spec, broken = pod.spec, list[str]()
    for container in [*spec.containers, *(spec.init_containers or [])]:
        pods.check_image(container.image or "")
        broken += [f"container {container.name}: {what}" for what in _weak(container)]
    security = spec.security_context or k8s.V1PodSecurityContext()
    promises = {
        "runAsNonRoot": security.run_as_non_root,
        "seccompProfile": security.seccomp_profile is not None,
        "automountServiceAccountToken: false": spec.automount_service_account_token is False,
        "activeDeadlineSeconds": spec.active_deadline_seconds,
        "no host network, process or IPC namespace": not (spec.host_network or spec.host_pid or spec.host_ipc),
    }
    broken += [f"expected {name}" for name, kept in promises.items() if not kept]
    if broken:
        raise SettingsError(
            f"pod template: {broken[0]}. Compare it with include/pod_template.yaml, whose promises hold for every "
            "site. No pod was started."
        )


def _weak(container: k8s.V1Container) -> list[str]:
    security = container.security_context or k8s.V1SecurityContext()
    limits = (container.resources.limits if container.resources else None) or {}
    secrets = [one.name for one in container.env or [] if one.value and _SECRET_NAMES.search(one.name)]
    promises = {
        "expected a read-only root file system": security.read_only_root_filesystem,
        "expected no privilege": not security.privileged and security.allow_privilege_escalation is False,
        "expected limits of cpu and memory": {"cpu", "memory"} <= set(limits),
        f"expected secrets by reference, found the value of {secrets}": not secrets,
    }
    return [name for name, kept in promises.items() if not kept]


# The end's parts -------------------------------------------------------------------------------------


def _terminated(pod: k8s.V1Pod) -> Any:
    """How the aligner's container ended, None while it has not."""
    state = _state(pod, BASE)
    return state.terminated if state else None


def _state(pod: k8s.V1Pod, container: str) -> Any:
    """What the container does, None while its node has not said."""
    states = (pod.status.container_statuses or []) if pod.status else []
    return next((one.state for one in states if one.name == container), None)


class _Said:
    """What a pod's status says, "" and None where it says nothing."""

    def __init__(self, pod: k8s.V1Pod | None) -> None:
        status = pod.status if pod else None
        ended = _terminated(pod) if pod else None
        states = (status.container_statuses or []) if status else []
        waits = [one.state.waiting for one in states if one.state and one.state.waiting]
        conditions = (status.conditions or []) if status else []
        disrupted = [one.reason for one in conditions if one.type == "DisruptionTarget" and one.status == "True"]
        self.reason = str((status.reason if status else "") or next(iter(disrupted), ""))
        self.exit_code: int | None = ended.exit_code if ended else None
        self.container_reason = str((ended.reason if ended else "") or "")
        self.waiting = str(next((one.reason for one in waits if one.reason), ""))
        self.scheduled = any(one.type == "PodScheduled" and one.status == "True" for one in conditions)
        self.deleting = bool(pod and pod.metadata.deletion_timestamp)
        self.words = [
            *([f"pod {status.phase} {self.reason}: {status.message}"] if status and status.message else []),
            *([f"exit status {self.exit_code} ({self.container_reason})"] if ended else []),
            *([str(ended.message)] if ended and ended.message else []),
            *(f"waits: {one.reason}: {one.message}" for one in waits),
            *(f"{one.reason}: {one.message}" for one in conditions if one.status == "False" and one.message),
        ]


def _refused(error: BaseException | None) -> int:
    return int(error.status or 0) if isinstance(error, ApiException) else 0


def _short(error: BaseException) -> str:
    body = getattr(error, "body", None)
    if isinstance(error, ApiException) and body:
        with suppress(ValueError, TypeError, KeyError):
            return f"{error.status} {json.loads(body)['message']}"
    return str(error)[:500]
