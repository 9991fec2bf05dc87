"""``include/pods.toml``: what a site says of the pods that run shards, typed and checked.

What Kubernetes itself has words for (volumes, security contexts, the service account, secrets by reference) stands in
the pod template beside it; what the runtime decides by, and what a site must change, stands here.
"""

import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from tm_core.batches import work_path
from tm_core.errors import SettingsError
from tm_core.rules import Tier
from tm_core.settings import Device, Encoder, Settings, variable

#: Settings that a shard's pod gets as plain variables; none of them is a secret.
POD_SETTINGS = ("TM_STORAGE", "TM_ENCODER", "TM_DEVICE", "TM_MODEL_DIR")
#: Where S3 is, which is no secret either; its keys come from the template's secret.
POD_STORAGE = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION")
#: File of the pod in which it leaves its attestation for the xcom sidecar.
RESULT_FILE = "/airflow/xcom/return.json"

_PINNED = re.compile(r".+@sha256:[0-9a-f]{64}")
_LOCAL = re.compile(r"(docker\.io/)?local/[\w./-]+:[\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TierPod:
    """What one tier's pods need.

    Attributes:
        cpus: requested, cores.
        cpu_limit: most that it may use where others leave some, cores; 0 for no more than it requests.
        memory_mib: requested and limited to, MiB; what a pod needs beyond it is killed.
        gpus: NVIDIA GPUs; 0 for none. Tier 1 uses none; tier 2 does with TM_ENCODER=laser2 and TM_DEVICE=cuda.
        image: another image than the common one (tier 2's with CUDA); "" for the common one.
        parallelism: most pods of the tier at once, over all runs.
        deadline_seconds: a pod that runs longer is ended by its node, whether Airflow lives or not.
        schedule_seconds: wait for a node; long enough for an autoscaler to bring one.
        startup_seconds: wait on the node for the image and the volumes.
        node_selector: labels of the nodes it may run on, beside those of the capacity.
    """

    cpus: float
    memory_mib: int
    deadline_seconds: int
    schedule_seconds: int
    startup_seconds: int
    cpu_limit: float = 0.0
    gpus: int = 0
    image: str = ""
    parallelism: int = 10
    node_selector: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """A kind of node: its labels, and the taint that its pods tolerate ("" for none)."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    toleration: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossRules:
    """When lost work is tried again, where, and when no more.

    Attributes:
        spot_losses: losses on spot nodes after which a shard goes to an on-demand node.
        max_losses: losses of one try of the task after which it fails.
        oom_factor: memory of the pod after one that was killed for memory, against the first.
        wait_seconds: pause after the first loss; doubled each time, at most sixteenfold.
        api_seconds: wait for an API server that does not answer.
        grace_seconds: from SIGTERM to SIGKILL, to save what is finished.
        gone_seconds: a pod that is to be gone and is still listed after grace and this, is on a node that is lost.
    """

    spot_losses: int = 3
    max_losses: int = 10
    oom_factor: float = 2.0
    wait_seconds: float = 5.0
    api_seconds: float = 600.0
    grace_seconds: int = 20
    gone_seconds: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Money for ``tm plan``. Not calibrated yet: every cloud and contract differs."""

    currency: str = "USD"
    cpu_hour: float = 0.05
    gpu_hour: float = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How fast work goes, for ``tm plan`` on a memory that has measured nothing yet. Not calibrated yet.

    Attributes:
        tier1_chars, tier2_chars: characters a second of one pod, both sides.
        tier2_share: of the characters, those that tier 1 is not sure of.
        pod_seconds: from asking for a pod to its first document; nodes that have to come first are not in it.
    """

    tier1_chars: float = 20_000.0
    tier2_chars: float = 20_000.0
    tier2_share: float = 0.1
    pod_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSettings:
    """Everything a site says of its pods."""

    tier1: TierPod
    tier2: TierPod
    namespace: str = "tm-refinery"
    connection: str = "kubernetes_default"
    image: str = ""
    sidecar_image: str = ""
    local_images: bool = False
    template: str = "pod_template.yaml"
    env: Mapping[str, str] = field(default_factory=dict)
    spot: Capacity = field(default_factory=Capacity)
    on_demand: Capacity = field(default_factory=Capacity)
    loss: LossRules = field(default_factory=LossRules)
    prices: Prices = field(default_factory=Prices)
    rates: Rates = field(default_factory=Rates)

    def tier(self, tier: Tier) -> TierPod:
        """The tier's own settings."""
        return self.tier1 if tier is Tier.LEXICAL else self.tier2

    def image_of(self, tier: Tier) -> str:
        """The tier's image."""
        return self.tier(tier).image or self.image

    def check_image(self, image: str) -> None:
        """Refuse an image that may be another one tomorrow.

        Raises:
            SettingsError: it is not pinned by its digest, nor a ``local/`` one where tests allow them.
        """
        if _PINNED.fullmatch(image) or (self.local_images and _LOCAL.fullmatch(image)):
            return
        raise SettingsError(
            f"pods.toml image: expected name@sha256:<64 digits>, so that a retry runs what the first try ran, found "
            f"'{image}'. Take the digest that the push printed (`docker buildx imagetools inspect NAME`). "
            "No pod was started."
        )

    def shard_env(self, settings: Settings) -> dict[str, str]:
        """Return the plain variables of a shard's pod: the settings', and the site's ``[env]`` over them."""
        values = {variable(item): getattr(settings, item.name) for item in fields(settings)}
        own = {name: str(values[name]) for name in POD_SETTINGS if str(values[name]) not in ("", ".")}
        return own | dict(self.env)

    def check_devices(self, settings: Settings) -> None:
        """Refuse pods that reserve a GPU which their work does not use, and pods that want a GPU and reserve none.

        Raises:
            SettingsError: names tier, key and variables. No pod was started.
        """
        env = self.shard_env(settings)
        encoder, device = env["TM_ENCODER"], env["TM_DEVICE"]
        on_gpu = encoder != Encoder.LEXICON and device == Device.CUDA
        ran = f"TM_ENCODER={encoder} and TM_DEVICE={device}"
        if self.tier1.gpus:
            raise _device("[tier1] gpus", "0, because tier 1 works on the CPU", self.tier1.gpus, "Set it to 0.")
        if self.tier2.gpus and not on_gpu:
            raise _device(
                "[tier2] gpus",
                f"0, because its pods run with {ran}, which uses no GPU",
                self.tier2.gpus,
                "Set it to 0, or set TM_ENCODER=laser2 and TM_DEVICE=cuda, in Airflow's environment or in [env].",
            )
        if device == Device.CUDA and not self.tier2.gpus:
            raise _device(
                "[tier2] gpus",
                f"1 or more, because its pods run with {ran}",
                0,
                "Set it to 1, or set TM_DEVICE=cpu, in Airflow's environment or in [env].",
            )


def pods_path(settings: Settings) -> Path:
    """Return where the pods' settings are: TM_PODS, else ``pods.toml`` of the include folder."""
    return settings.pods if settings.pods != Path() else settings.include / "pods.toml"


def load_pods(path: Path) -> PodSettings:
    """Read and validate the file.

    Raises:
        SettingsError: it is missing or not TOML, or a key or value is wrong; names the place in the file.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read ({error.strerror}). Expected the pods' settings; set TM_PODS. Nothing has run."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not a TOML file: {error}. Correct it; nothing has run.") from None
    found: PodSettings = _record(PodSettings, data, str(path))
    return found


def _record(kind: Any, table: object, where: str) -> Any:
    """A dataclass from a table: no unknown key, no missing one, every value of its type and not negative."""
    if not isinstance(table, Mapping):
        raise _wrong(where, "a table", table)
    hints = typing.get_type_hints(kind)
    if unknown := sorted(set(table) - set(hints)):
        raise _wrong(where, f"only {', '.join(sorted(hints))}", unknown[0])
    values = {name: _value(hints[name], value, f"{where} {name}") for name, value in table.items()}
    try:
        return kind(**values)
    except TypeError:
        missing = next(one.name for one in fields(kind) if one.name not in values and _required(one))
        raise _wrong(where, f"a value for '{missing}'", "none") from None


def _required(item: Any) -> bool:
    from dataclasses import MISSING

    return item.default is MISSING and item.default_factory is MISSING


def _value(hint: Any, value: object, where: str) -> Any:
    if is_dataclass(hint):
        return _record(hint, value, where)
    if typing.get_origin(hint) is not None:  # Mapping[str, str]
        if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
            raise _wrong(where, "a table of texts", value)
        return types.MappingProxyType(dict(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not hint:
        raise _wrong(
            where, {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}[hint], value
        )
    if isinstance(value, int | float) and value < 0:
        raise _wrong(where, "no negative number", value)
    return value


def _device(where: str, expected: str, found: int, next_step: str) -> SettingsError:
    return SettingsError(f"pods.toml {where}: expected {expected}, found {found}. {next_step} No pod was started.")


def _wrong(where: str, expected: str, found: object) -> SettingsError:
    return SettingsError(f"{where}: expected {expected}, found {found!r}. Correct the file; nothing has run.")


def claim_path(batch_id: str, tier: Tier, shard: int) -> str:
    """The file that names the one pod which may finish a shard: an older pod that still lives sees it and stops."""
    return work_path(batch_id, "claims", f"{tier.value}-{shard}")
