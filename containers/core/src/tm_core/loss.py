"""What a pod died of, and what is done about it: the rules, without Kubernetes.

:func:`cause_of` reads the facts that a cluster tells of a pod's end; :func:`next_pod` looks at all pods that a shard
has had and says what the next one is like, or that there is none. Both are pure, so that every row of the table in
docs/kubernetes.md is a test.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tm_core.commands import ShardExit
from tm_core.errors import TmError
from tm_core.pods import LossRules

#: Documents of one shard that may be quarantined; more of them are no accident but a fault of the aligner or its size.
MAX_QUARANTINED = 5


class Cause(StrEnum):
    """How a pod ended."""

    DONE = "done"
    # Lost: the work was not at fault. Tried again without using up the task's retries.
    PREEMPTED = "preempted"
    EVICTED = "evicted"
    NODE_GONE = "node gone"
    DELETED = "pod deleted"
    KILLED = "killed"
    API_LOST = "API server unreachable"
    RESULT_LOST = "result lost"
    ABANDONED = "abandoned by its task"
    UNKNOWN = "unknown"
    # Not started.
    UNSCHEDULABLE = "unschedulable"
    START_TIMEOUT = "did not start"
    # The work itself: a document may be too much.
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"
    DEADLINE = "deadline exceeded"
    # The answer stays the same until a person changes something.
    IMAGE = "image error"
    REJECTED = "pod rejected"
    FORBIDDEN = "not permitted"
    HOPELESS = "refused to work"
    # The command said what is wrong, or that another one has taken over.
    FAILED = "command failed"
    SUPERSEDED = "superseded"


LOST = frozenset(
    {
        *(Cause.PREEMPTED, Cause.EVICTED, Cause.NODE_GONE, Cause.DELETED, Cause.KILLED),
        *(Cause.API_LOST, Cause.RESULT_LOST, Cause.ABANDONED, Cause.UNKNOWN),
    }
)
NOT_STARTED = frozenset((Cause.UNSCHEDULABLE, Cause.START_TIMEOUT))
WORK = frozenset((Cause.OUT_OF_MEMORY, Cause.CRASHED, Cause.DEADLINE))
FINAL = frozenset((Cause.IMAGE, Cause.REJECTED, Cause.FORBIDDEN, Cause.HOPELESS, Cause.FAILED, Cause.SUPERSEDED))


# What a pod died of ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PodEnd:
    """What is known of a pod that will not go on. Texts are Kubernetes' own words, "" where it says nothing.

    Attributes:
        reason: of the pod's status (``Evicted``, ``DeadlineExceeded``), or of its disruption.
        exit_code, container_reason: of the aligner's container; None while it has not ended.
        waiting: why the container waits (``ErrImagePull``).
        events: reasons of the pod's events.
        scheduled: it had a node.
        gone: it is no longer listed, or is being deleted and not by us.
        stuck: it should be gone and is still listed: its node does not answer.
        api_status: HTTP status with which the API server refused the pod; 0 if it did not.
        api_silent: the API server did not answer.
        message: all that was said, for people.
    """

    reason: str = ""
    exit_code: int | None = None
    container_reason: str = ""
    waiting: str = ""
    events: frozenset[str] = frozenset()
    scheduled: bool = False
    gone: bool = False
    stuck: bool = False
    api_status: int = 0
    api_silent: bool = False
    late: bool = False
    message: str = ""


_BY_REASON = {
    "Evicted": Cause.EVICTED,
    "EvictionByEvictionAPI": Cause.EVICTED,
    "TerminationByKubelet": Cause.EVICTED,
    "DeadlineExceeded": Cause.DEADLINE,
    "Preempting": Cause.PREEMPTED,
    "PreemptionByScheduler": Cause.PREEMPTED,
    "Shutdown": Cause.PREEMPTED,
    "NodeShutdown": Cause.PREEMPTED,
    "Terminated": Cause.PREEMPTED,
    "NodeLost": Cause.NODE_GONE,
    "DeletionByTaintManager": Cause.NODE_GONE,
    "DeletionByPodGC": Cause.NODE_GONE,
    "OutOfcpu": Cause.UNSCHEDULABLE,
    "OutOfmemory": Cause.UNSCHEDULABLE,
    "OutOfpods": Cause.UNSCHEDULABLE,
    "NodeAffinity": Cause.UNSCHEDULABLE,
    "UnexpectedAdmissionError": Cause.UNSCHEDULABLE,
}
_BY_WAITING = {
    "ErrImagePull": Cause.IMAGE,
    "ImagePullBackOff": Cause.IMAGE,
    "InvalidImageName": Cause.IMAGE,
    "ErrImageNeverPull": Cause.IMAGE,
    "RegistryUnavailable": Cause.IMAGE,
    "CreateContainerConfigError": Cause.REJECTED,
    "CreateContainerError": Cause.START_TIMEOUT,
}
_BY_EXIT = {
    ShardExit.FAILED: Cause.FAILED,
    ShardExit.USAGE: Cause.HOPELESS,
    ShardExit.HOPELESS: Cause.HOPELESS,
    ShardExit.SUPERSEDED: Cause.SUPERSEDED,
}
_BY_EVENT = {"Preempted": Cause.PREEMPTED, "TaintManagerEviction": Cause.NODE_GONE, "NodeNotReady": Cause.NODE_GONE}
_SIGKILL, _SIGTERM = 137, 143


def cause_of(end: PodEnd) -> Cause:
    """Tell the causes apart. The most telling fact first: what the container said of itself comes before its pod."""
    if end.api_status:
        return _refusal(end)
    if end.container_reason == "OOMKilled":
        return Cause.OUT_OF_MEMORY
    if end.exit_code in _BY_EXIT:
        return _BY_EXIT[ShardExit(end.exit_code)]
    if end.reason in _BY_REASON:
        return _BY_REASON[end.reason]
    if end.stuck:
        return Cause.NODE_GONE
    if end.gone:
        return next((cause for event, cause in _BY_EVENT.items() if event in end.events), Cause.DELETED)
    if end.exit_code is not None:
        return _ending(end)
    if end.waiting in _BY_WAITING:
        return _BY_WAITING[end.waiting]
    if end.late:
        return Cause.START_TIMEOUT if end.scheduled else Cause.UNSCHEDULABLE
    return Cause.API_LOST if end.api_silent else Cause.UNKNOWN


def _refusal(end: PodEnd) -> Cause:
    if "exceeded quota" in end.message:
        return Cause.UNSCHEDULABLE
    return {401: Cause.FORBIDDEN, 403: Cause.FORBIDDEN}.get(end.api_status, Cause.REJECTED)


def _ending(end: PodEnd) -> Cause:
    if end.exit_code == 0:
        return Cause.RESULT_LOST
    if end.container_reason in ("ContainerCannotRun", "StartError"):
        return Cause.START_TIMEOUT  # the node's runtime could not; another node's may
    if end.exit_code in (_SIGKILL, _SIGTERM):
        return Cause.KILLED
    return Cause.CRASHED if end.exit_code and end.exit_code > 128 else Cause.FAILED


# What is done about it ---------------------------------------------------------------------------


class Mode(StrEnum):
    """How a pod works on its shard."""

    WHOLE = "whole"
    CAREFUL = "careful"  # noting each document before it is begun, and saving it when it is finished
    ALONE = "alone"  # one document, the suspect, in a pod of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRun:
    """A pod that a shard has had.

    Attributes:
        try_number: of the task, as Airflow counts.
        document: key of the one document that it was to do, of the mode ``alone``.
        suspect: key of the document that it had begun when it ended, if it noted them.
    """

    try_number: int
    cause: Cause
    mode: Mode = Mode.WHOLE
    document: str = ""
    suspect: str = ""
    on_demand: bool = False
    memory_factor: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPod:
    """What the next pod of a shard is like. ``quarantine`` holds keys of documents that it leaves out, with why."""

    mode: Mode = Mode.WHOLE
    document: str = ""
    on_demand: bool = False
    memory_factor: float = 1.0
    wait_seconds: float = 0.0
    quarantine: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """There is no next pod in this try."""

    cause: Cause
    why: str


def next_pod(runs: Sequence[PodRun], rules: LossRules, try_number: int) -> NextPod | GiveUp:
    """Decide on the next pod of a shard.

    Args:
        runs: all pods that the shard has had in this run, oldest first, none of them still at work.
        try_number: the task's, now. What earlier tries learned (memory, nodes, suspects) holds; their losses are not
            counted again, because a person or a pause came between.
    """
    finished = max(
        (at for at, run in enumerate(runs) if run.cause is Cause.DONE and run.mode is not Mode.ALONE), default=-1
    )
    runs = runs[finished + 1 :]  # a finished shard that is cleared is begun anew, its documents under no suspicion
    mine = [run for run in runs if run.try_number == try_number]
    if stop := _stop(mine, rules):
        return stop
    quarantine = {run.document: _WHY_QUARANTINED.format(run.cause) for run in runs if _is_poison(run)}
    if len(quarantine) > MAX_QUARANTINED:
        return GiveUp(cause=runs[-1].cause, why=f"{len(quarantine)} documents of this shard ended their pods")
    mode, document = _mode(runs)
    if mode is Mode.CAREFUL and mine and mine[-1].mode is Mode.CAREFUL and mine[-1].cause in WORK:
        return GiveUp(cause=mine[-1].cause, why="it ended before any document was begun")
    return NextPod(
        mode=mode,
        document=document,
        on_demand=_needs_on_demand(runs, rules),
        memory_factor=rules.oom_factor if any(run.cause is Cause.OUT_OF_MEMORY for run in runs) else 1.0,
        wait_seconds=_pause(mine, rules),
        quarantine=quarantine,
    )


_WHY_QUARANTINED = "quarantined: the aligner's pod ended ({}) twice at this document, the second time with it alone"


def _stop(mine: Sequence[PodRun], rules: LossRules) -> GiveUp | None:
    if not mine:
        return None
    last = mine[-1]
    if last.cause in FINAL:
        return GiveUp(cause=last.cause, why="another pod would end alike")
    losses = sum(run.cause in LOST for run in mine)
    if losses > rules.max_losses:
        return GiveUp(cause=last.cause, why=f"{losses} pods were lost in this try")
    if last.cause in NOT_STARTED and last.on_demand:
        return GiveUp(cause=last.cause, why="neither spot nor on-demand nodes took it")
    return None


def _is_poison(run: PodRun) -> bool:
    return run.mode is Mode.ALONE and run.cause in WORK and not _needs_memory(run)


def _needs_memory(run: PodRun) -> bool:
    """Killed for memory with no more than the first pod had: more memory comes before any suspicion."""
    return run.cause is Cause.OUT_OF_MEMORY and run.memory_factor <= 1


def _mode(runs: Sequence[PodRun]) -> tuple[Mode, str]:
    """How to go on after the last pod that ended for a reason of the work itself; a loss says nothing of it."""
    telling = next((run for run in reversed(runs) if run.cause in WORK or run.cause is Cause.DONE), None)
    if telling is None:
        return Mode.WHOLE, ""
    if _needs_memory(telling):
        return telling.mode, telling.document
    if telling.mode is Mode.CAREFUL and telling.suspect:
        return Mode.ALONE, telling.suspect
    return Mode.CAREFUL, ""


def _needs_on_demand(runs: Sequence[PodRun], rules: LossRules) -> bool:
    spot = [run.cause for run in runs if not run.on_demand]
    return any(cause in NOT_STARTED for cause in spot) or sum(cause in LOST for cause in spot) >= rules.spot_losses


def _pause(mine: Sequence[PodRun], rules: LossRules) -> float:
    losses = sum(run.cause in LOST for run in mine)
    if not losses or mine[-1].cause not in LOST:
        return 0.0
    return float(rules.wait_seconds * 2 ** min(losses - 1, 4))


# Errors ------------------------------------------------------------------------------------------


class PodError(TmError):
    """A shard's pods did not do its work. Positional: where, cause, what was seen.

    ``remedy`` is the next step; what finished documents there are is kept in any case.
    """

    remedy = "Read what was seen, then clear this task."

    def __init__(self, where: str, cause: str, seen: str) -> None:
        super().__init__(where, cause, seen)
        self.where, self.cause, self.seen = where, cause, seen

    def __str__(self) -> str:
        return (
            f"{self.where}: expected its pod to finish the shard, but: {self.cause}. {self.seen}\n"
            f"{self.remedy} Finished documents are kept and not done twice; nothing was loaded."
        )


class PodLost(PodError):
    """Pods were taken away again and again. A retry may find better nodes."""

    remedy = (
        "The nodes do not hold: look at the cluster's events (kubectl get events), or send the shard to on-demand "
        "nodes sooner ([loss] spot_losses in pods.toml). Then clear this task."
    )


class Preempted(PodLost):
    """Other pods, or the owner of spot nodes, took the node's place."""

    remedy = (
        "Spot nodes or higher priorities took its place: name on-demand nodes ([on_demand] in pods.toml), or raise the "
        "priority class tm-shard. Then clear this task."
    )


class Evicted(PodLost):
    """The node needed its memory or disk for others."""

    remedy = (
        "The node was short of memory or disk: raise memory_mib of the tier in pods.toml to what is used, or give the "
        "nodes more disk. Then clear this task."
    )


class NodeGone(PodLost):
    """The node went away or does not answer."""


class PodDeleted(PodLost):
    """Somebody or something deleted the pod."""

    remedy = "Find out who deletes pods of this namespace (the API server's audit log says); then clear this task."


class ApiUnreachable(PodLost):
    """The API server did not answer for long."""

    remedy = "Check the API server and the network on the way to it (kubectl get --raw /readyz); then clear this task."


class PodNotStarted(PodError):
    """No node took the pod in time, or it did not begin there."""


class Unschedulable(PodNotStarted):
    """No node has room or the right labels."""

    remedy = (
        "Compare the tier's cpus, memory_mib, gpus and node_selector in pods.toml with the nodes (kubectl describe "
        "nodes) and the namespace's quota; or raise schedule_seconds if nodes come late. Then clear this task."
    )


class StartTimeout(PodNotStarted):
    """It had a node, and its image or volumes did not come in time, or the node's runtime could not start it."""

    remedy = (
        "kubectl get events says what it waited for: most often the image (raise startup_seconds, or pull it onto the "
        "nodes beforehand), a volume, a command that the image has not, or a container runtime that is down. Then "
        "clear this task."
    )


class WorkTooMuch(PodError):
    """The work ended its pod, and no single document could be blamed."""


class OutOfMemory(WorkTooMuch):
    """The shard needs more memory than twice what its pod is given."""

    remedy = "Raise memory_mib of the tier, or lower TM_SHARD_CHARS for the next plan. Then clear this task."


class Crashed(WorkTooMuch):
    """The aligner was ended by a signal."""

    remedy = "The aligner is broken on this node or in this image: run the image's own check, then clear this task."


class DeadlineExceeded(WorkTooMuch):
    """The pod was at work for longer than its deadline."""

    remedy = "Raise deadline_seconds of the tier, or lower TM_SHARD_CHARS for the next plan. Then clear this task."


class PodRefused(PodError):
    """Trying again gives the same answer: a person has to change something first. Not retried."""


class ImageError(PodRefused):
    """The image cannot be had."""

    remedy = (
        "Check that the image of pods.toml is in the registry under this very digest, and that the service account "
        "has a pull secret. Then clear this task."
    )


class PodRejected(PodRefused):
    """Kubernetes does not take the pod as it is."""

    remedy = "Correct the pod template or pods.toml as it says (a missing secret, a wrong name). Then clear this task."


class Forbidden(PodRefused):
    """Airflow's account may not do what it must."""

    remedy = "Give Airflow's account the role of deploy/kubernetes/rbac.yaml. Then clear this task."


class ShardRefused(PodRefused):
    """The command refused to begin: the device, the model or a setting is not what was asked for."""

    remedy = "Mend what it says: there is no fallback to another device or encoder. Then clear this task."


class ShardTaken(TmError):
    """Another run, or a later try, has taken the shard over. Its result counts, not this one's."""


_ERRORS: dict[Cause, type[PodError]] = {
    Cause.PREEMPTED: Preempted,
    Cause.EVICTED: Evicted,
    Cause.NODE_GONE: NodeGone,
    Cause.DELETED: PodDeleted,
    Cause.API_LOST: ApiUnreachable,
    Cause.UNSCHEDULABLE: Unschedulable,
    Cause.START_TIMEOUT: StartTimeout,
    Cause.OUT_OF_MEMORY: OutOfMemory,
    Cause.CRASHED: Crashed,
    Cause.DEADLINE: DeadlineExceeded,
    Cause.IMAGE: ImageError,
    Cause.REJECTED: PodRejected,
    Cause.FORBIDDEN: Forbidden,
    Cause.HOPELESS: ShardRefused,
    Cause.FAILED: PodError,
}


def error_of(where: str, given: GiveUp, seen: str) -> TmError:
    """The exception with which a task ends that has given up."""
    if given.cause is Cause.SUPERSEDED:
        return ShardTaken(
            f"{where}: another run or a later try has taken this shard over; expected to be the only one. Let it end; "
            "then clear this task if it is still red. Nothing of this try counts."
        )
    return _ERRORS.get(given.cause, PodLost)(where, f"{given.cause} ({given.why})", seen)
