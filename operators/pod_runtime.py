"""Shards in pods: one after the other until the shard is finished, or until there is something a person must know.

A lost pod is followed by another one in the same try of the task, so that what the cluster does uses up no retries.
What the next pod is like is decided by tm_core.loss alone, from the rows of ``ops.pod``, which outlive this process.
"""

import logging
import os
import secrets
import time
from typing import Any

from airflow.sdk import Context
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from operators.pods import Order, ShardPod, others, remove_pod, run_label
from tm_core.breaker import verdict_on
from tm_core.errors import BatchBusy, SettingsError
from tm_core.loss import ApiUnreachable, Cause, GiveUp, PodEnd, PodLost, PodNotStarted, cause_of, error_of, next_pod
from tm_core.pods import POD_STORAGE, PodSettings, load_pods, pods_path
from tm_core.rules import Tier
from tm_core.settings import Settings

log = logging.getLogger(__name__)

_PAUSE_S = 1.0  # between two questions to an API server that does not answer, or after a pod that is to go
_ASK_S = 5.0  # between two questions to the breaker, which another shard's success may have closed
_SERVER_ERROR = 500  # HTTP status from which on the server, not the request, is at fault


class PodRuntime:
    """Runs a shard's command in pods.

    Raises:
        SettingsError: pods.toml or the pod template is wrong. No pod was started.
    """

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings, self._context = settings, context
        path = pods_path(settings)
        self._pods: PodSettings = load_pods(path)
        self._pods.check_devices(settings)
        self._template = path.parent / self._pods.template
        if not self._template.is_file():
            raise SettingsError(f"{path} template: there is no {self._template}. Correct it; no pod was started.")
        self._pod: ShardPod | None = None

    def run_shard(self, batch_id: str, tier: Tier, shard: int) -> dict[str, Any]:
        """Refine the shard in as many pods as it takes.

        Returns:
            The attestation of the pod that finished it.

        Raises:
            PodError: it was given up; the class says why (tm_core.loss), the message what to do.
            ShardTaken: a later try has taken the shard over.
            BatchBusy: another run's pod is at work on the shard.
            TierDown: tier 2 has not been to be had for TM_TIER2_WAIT_SECONDS (tm_core.breaker).
        """
        if tier is Tier.LEXICAL:
            return self._run_shard(batch_id, tier, shard, None)
        breaker = self._breaker(batch_id, shard)
        try:
            return self._run_shard(batch_id, tier, shard, breaker)
        except (PodLost, PodNotStarted) as error:
            if isinstance(error, ApiUnreachable):
                breaker.failed(error.cause)
            if breaker.down_seconds() < self._settings.tier2_wait_seconds:
                raise
            raise breaker.down(error.where) from error

    def _breaker(self, batch_id: str, shard: int) -> Any:
        from tm_store.breaker import TierBreaker

        tier, who = self._pods.tier2, f"{batch_id} shard {shard}"
        longest = tier.schedule_seconds + tier.startup_seconds + tier.deadline_seconds
        return TierBreaker(settings=self._settings, who=who, probe_seconds=float(longest))

    def _run_shard(self, batch_id: str, tier: Tier, shard: int, breaker: Any) -> dict[str, Any]:
        from tm_formats.storage import open_storage
        from tm_store.pods import ShardPods, describe_shard

        run_id, try_number = str(self._context["run_id"]), int(self._context["ti"].try_number)
        where = f"{tier} shard {shard} of batch {batch_id}"
        known = ShardPods(settings=self._settings, batch_id=batch_id, run_id=run_id, tier=tier, shard=shard)
        facts = describe_shard(open_storage(self._settings), batch_id, tier, shard)
        store = facts.stores[0] if len(facts.stores) == 1 else "several"
        said, token = "", ""
        while True:
            wanted = next_pod(known.runs(), self._pods.loss, try_number)
            if isinstance(wanted, GiveUp):
                raise error_of(where, wanted, said)
            if token and not known.is_ours(token):
                raise error_of(where, GiveUp(cause=Cause.SUPERSEDED, why=""), "")
            log.info("next pod: %s", wanted)
            time.sleep(wanted.wait_seconds)
            if breaker is not None:
                self._wait_for_tier(breaker, where)
            token = f"{try_number}-{secrets.token_hex(8)}"
            order = Order(
                batch_id=batch_id, run_id=run_id, tier=tier, shard=shard, token=token, store=store, wanted=wanted
            )
            pod = self._pod = ShardPod(
                order=order, pods=self._pods, template=self._template, env=self._env(), task_id=f"pod-{token}"
            )
            self._others(pod, where)
            # From here on an older try that still lives sees that the shard is no longer its own.
            known.begin(token, wanted, try_number)
            self._clear_the_way(pod, where)
            cause, said, attestation = self._one(pod, known)
            if breaker is not None:
                _tell(breaker, cause)
            if cause is Cause.DONE and not wanted.document:
                return attestation

    def _wait_for_tier(self, breaker: Any, where: str) -> None:
        """Wait until the breaker lets the shard go, for as long as the tier may be down."""
        while True:
            answer, down_s = breaker.ask()
            if answer.go:
                return
            if down_s >= self._settings.tier2_wait_seconds:
                raise breaker.down(where)
            log.warning("tier 2 is left alone (%s): asking again in %.0f s", answer.breaker.reason, answer.wait_seconds)
            time.sleep(min(answer.wait_seconds, _ASK_S))

    def _one(self, pod: ShardPod, known: Any) -> tuple[Cause, str, dict[str, Any]]:
        """Run one pod to its end, whatever that is, and leave none behind."""
        order, error, result = pod.order, None, None
        try:
            result = pod.execute_sync(self._context)
        except SettingsError:
            known.end(order.token, Cause.REJECTED, message="it was not started", pod_name="", node="")
            raise
        except Exception as found:
            error = found
        finally:
            ending = pod.ending(error)
            self._remove(pod)
        cause = Cause.DONE if _is_result(result, order) else cause_of(ending)
        message = ending.message if cause is not Cause.DONE else ""
        name = pod.pod.metadata.name if pod.pod else ""
        known.end(order.token, cause, message=message, pod_name=name, node=pod.last_node)
        log.log(logging.INFO if cause is Cause.DONE else logging.WARNING, "pod %s: %s. %s", name, cause, message)
        return cause, f"Pod {name}: {message}", result or {}

    def _others(self, pod: ShardPod, where: str) -> list[Any]:
        """The shard's other pods; waits for an API server that does not answer. Another run's is a reason to stop."""
        began = time.monotonic()
        while True:
            try:
                found = others(pod.client, pod.order, self._pods.namespace)
                self._check_run(found, pod.order)
                return found
            except (HTTPError, OSError, ApiException) as error:
                self._bear(error, where, time.monotonic() - began)
            time.sleep(_PAUSE_S)

    def _clear_the_way(self, pod: ShardPod, where: str) -> None:
        """End what earlier tries of this run have left: no two pods are at work on a shard, and none holds a node."""
        loss = self._pods.loss
        forced_at = time.monotonic() + loss.grace_seconds + loss.gone_seconds
        while found := self._others(pod, where):
            late = time.monotonic() > forced_at
            for one in found:
                if late or not one.metadata.deletion_timestamp:
                    self._remove(pod, one.metadata.name, 0 if late else loss.grace_seconds)
            time.sleep(_PAUSE_S)

    def _bear(self, error: Exception, where: str, waited_s: float) -> None:
        """Let it pass if the API server may answer later; else raise what a person is to read."""
        status = int(getattr(error, "status", 0) or 0)
        refused = status if status < _SERVER_ERROR else 0
        if refused or waited_s > self._pods.loss.api_seconds:
            end = PodEnd(api_status=refused, api_silent=True)
            raise error_of(where, GiveUp(cause=cause_of(end), why=f"after {waited_s:.0f} s"), str(error)) from error
        log.warning("the API server does not answer: %s", error)

    @staticmethod
    def _check_run(found: list[Any], order: Order) -> None:
        label = run_label(order.run_id)
        ended = ("Succeeded", "Failed")
        if foreign := [
            one for one in found if one.metadata.labels.get("tm-run") != label and one.status.phase not in ended
        ]:
            raise BatchBusy(
                f"{order.tier} shard {order.shard} of batch {order.batch_id}: expected no pod of another run, found "
                f"{foreign[0].metadata.name} at work. Another run of this date is under way; let it end, then clear "
                "this task. Nothing was started."
            )

    def _remove(self, pod: ShardPod, name: str = "", grace_s: int = 1) -> None:
        """Take the pod, or another one, away. Where the API server is silent now, the next pod's way is cleared first,
        and the deadline ends it in any case."""
        try:
            if name := name or pod.requested:
                remove_pod(pod.client, name, self._pods.namespace, grace_s=grace_s)
        except (HTTPError, OSError, ApiException) as error:
            log.warning("pod %s could not be removed now: %s", name, error)

    def _env(self) -> dict[str, str]:
        storage = {name: os.environ[name] for name in POD_STORAGE if name in os.environ}
        return storage | self._pods.shard_env(self._settings)

    def stop(self) -> None:
        """End the pod, because its task is to end."""
        if self._pod is not None:
            self._remove(self._pod)


def _tell(breaker: Any, cause: Cause) -> None:
    worked = verdict_on(cause)
    if worked is not None:
        breaker.succeeded() if worked else breaker.failed(cause.value)


def _is_result(result: Any, order: Order) -> bool:
    """Whether this is the attestation of this very pod: another token is another pod's."""
    return (
        isinstance(result, dict) and result.get("token") == order.token and result.get("only") == order.wanted.document
    )
