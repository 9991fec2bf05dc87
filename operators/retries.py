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
    # What a person has entered in a form.
    "BadName",
    "ExchangeError",
    "LookupRefused",
    "NoSuchBackup",
    "ReviewError",
    "UnstorableText",
    "VersionError",
)


def task_defaults(settings: Settings) -> dict[str, Any]:
    """``default_args`` of every DAG: retries after a pause, none for errors that stay, news of a failure."""
    hopeless: list[type[BaseException] | str] = [f"tm_core.errors.{name}" for name in _HOPELESS]
    hopeless.append("tm_core.loss.PodRefused")
    reason = "trying again gives the same answer"
    return {
        "owner": "translation-memory",
        "retries": 2,
        "retry_delay": timedelta(seconds=settings.retry_seconds),
        "retry_policy": ExceptionRetryPolicy(
            rules=[
                RetryRule(exception=hopeless, action=RetryAction.FAIL, reason=reason),
                # A date that is none, say. Its subclasses, a torn JSON answer among them, may pass.
                RetryRule(
                    exception="builtins.ValueError", action=RetryAction.FAIL, reason=reason, match_subclasses=False
                ),
            ]
        ),
        "on_failure_callback": on_failure,
    }
