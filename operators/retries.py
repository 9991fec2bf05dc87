"""What is tried again and what is not: a retry helps against a lost connection, not against wrong input."""

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from operators.notify import on_failure
from tm_core.settings import Settings

# Trying again gives the same answer: a person has to change something first.
_HOPELESS = (
    "SettingsError",
    "ConservationError",
    "SchemaTooNew",
    "ServerTooOld",
    "DeviceUnavailable",
    "ErasureError",
    "DrillFailed",
    "DeadlineMissed",
    "ReleaseRefused",
    "ReleaseObsolete",
)


def task_defaults(settings: Settings) -> dict[str, Any]:
    """``default_args`` of every DAG: retries after a pause, none for errors that stay, news of a failure."""
    hopeless: list[type[BaseException] | str] = [f"tm_core.errors.{name}" for name in _HOPELESS]
    hopeless.append("tm_core.loss.PodRefused")
    return {
        "owner": "translation-memory",
        "retries": 2,
        "retry_delay": timedelta(seconds=settings.retry_seconds),
        "retry_policy": ExceptionRetryPolicy(
            rules=[RetryRule(exception=hopeless, action=RetryAction.FAIL, reason="trying again gives the same answer")]
        ),
        "on_failure_callback": on_failure,
    }
