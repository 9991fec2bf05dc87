"""The command lines of the mapped tasks: built in one place, run in a process or in a pod."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from tm_core.rules import Tier


class ShardExit(IntEnum):
    """Exit statuses of ``tm-align shard``, so that who started it knows whether another try may help."""

    DONE = 0
    FAILED = 1  # the data or the machine: another try may help
    USAGE = 2
    HOPELESS = 3  # device, model, setting or gold probe: another try gives the same answer
    SUPERSEDED = 4  # another pod has taken the shard over


@dataclass(frozen=True, slots=True, kw_only=True)
class PodOptions:
    """What a shard's command is told in a pod and not in a process.

    Attributes:
        token: names the one pod that may finish the shard (tm_core.pods.claim_path).
        result: file for the attestation.
        careful: note each document before it is begun, save it when it is finished.
        only: key of the one document to do; the shard is not finished then.
        quarantine: keys of documents to leave out, each with the reason.
    """

    token: str
    result: str
    careful: bool = False
    only: str = ""
    quarantine: Sequence[tuple[str, str]] = ()


def shard_command(batch_id: str, tier: Tier, shard: int, options: PodOptions | None = None) -> list[str]:
    """The command that refines one shard; settings reach it by the environment (``TM_…``)."""
    command = ["tm-align", "shard", "--batch", batch_id, "--tier", tier.value, "--shard", str(shard)]
    if options is None:
        return command
    command += ["--token", options.token, "--result", options.result]
    command += ["--careful"] if options.careful else []
    command += ["--only", options.only] if options.only else []
    return command + [part for key, why in options.quarantine for part in ("--quarantine", f"{key}={why}")]


def lexicon_command(run: str, src_lang: str, tgt_lang: str, promoted: str) -> list[str]:
    """The command that learns one pair's lexicon from collected units."""
    pair = ["--src-lang", src_lang, "--tgt-lang", tgt_lang]
    return ["tm-align", "lexicon-refresh", "--run", run, *pair, "--promoted", promoted]


def ab_command(run: str, side: str) -> list[str]:
    """The command that aligns a comparison's documents by one of its two variants."""
    return ["tm-align", "ab", "--run", run, "--side", side]
