"""Where a shard's command runs. A DAG author sees no difference between the runtimes."""

import json
import logging
import os
import signal
import subprocess
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from airflow.sdk import Context

from tm_core.commands import ShardExit, shard_command
from tm_core.errors import TmError
from tm_core.loss import ShardRefused
from tm_core.rules import Tier
from tm_core.settings import Runtime as RuntimeName
from tm_core.settings import Settings

log = logging.getLogger(__name__)

_LAST_LINES = 20  # of a failed command's own output, for the error message


class ShardFailed(TmError):
    """A shard's command ended with an error; its last lines are in the message."""


class Runtime(Protocol):
    """Where shards are worked on."""

    def run_shard(self, batch_id: str, tier: Tier, shard: int) -> dict[str, Any]:
        """Refine the shard to its end; returns its attestation, or raises what a person is to read."""
        ...

    def stop(self) -> None:
        """End the work, because its task is to end."""
        ...


def runtime_of(settings: Settings, context: Context) -> Runtime:
    """The runtime that TM_RUNTIME names."""
    if settings.runtime is RuntimeName.KUBERNETES:
        from operators.pod_runtime import PodRuntime

        return PodRuntime(settings, context)
    return ProcessRuntime()


class ProcessRuntime:
    """Runs the command as a child process of the task, which ends with it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run_shard(self, batch_id: str, tier: Tier, shard: int) -> dict[str, Any]:
        """As :meth:`run`, of the shard's command."""
        return self.run(shard_command(batch_id, tier, shard))

    def run(self, command: Sequence[str]) -> dict[str, Any]:
        """Run to the end, passing the command's messages on to the task's log.

        Returns:
            The command's last line of output, a JSON object: its attestation.

        Raises:
            ShardFailed: the command ended with another status than 0, or without an attestation.
        """
        log.info("running %s", " ".join(command))
        last: deque[str] = deque(maxlen=_LAST_LINES)
        # The child stops when the task does, however the task ends: no shard is worked on twice.
        self._process = subprocess.Popen(
            [*command, "--die-with-parent"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        for line in self._process.stdout:
            last.append(line.rstrip())
            log.info("%s", line.rstrip())
        return _attestation(command, self._process.wait(), list(last))

    def stop(self) -> None:
        """End the command, because its task is to end."""
        if self._process and self._process.poll() is None:
            self._process.terminate()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"


def _attestation(command: Sequence[str], status: int, last: list[str]) -> dict[str, Any]:
    found: Any = None
    if status == 0 and last:
        try:
            found = json.loads(last[-1])
        except ValueError:
            found = None
    if not isinstance(found, dict):
        reason = f"was killed by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"
        if status == ShardExit.HOPELESS:
            raise ShardRefused(" ".join(command), reason, "Its last lines:\n" + "\n".join(last))
        raise ShardFailed(
            f"{' '.join(command)}: expected status 0 and an attestation, it {reason}. Its last lines:\n"
            + "\n".join(last)
            + "\nMend the cause, then clear this task; what other shards have done is kept, nothing was loaded."
        )
    return found
