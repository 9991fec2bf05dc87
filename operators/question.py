"""What every question to a person has in common, whichever of Airflow's operators asks it."""

from datetime import timedelta
from typing import Any

from tm_core.settings import Settings


def question(settings: Settings, wait: timedelta) -> dict[str, Any]:
    """Keyword arguments of a human-in-the-loop task: who may answer, and how long it waits.

    Airflow takes an answer from whoever may update the run. With SimpleAuthManager reviewers may: a site that keeps
    such decisions to its operators names them (``TM_APPROVERS``).

    Args:
        wait: without an answer, after this the task fails or takes its default.
    """
    people = [{"id": name, "name": name} for name in settings.approvers.replace(",", " ").split()]
    return {
        "assigned_users": people or None,
        "response_timeout": wait,
        # Bounds the task's own seconds; the wait is bounded above.
        "execution_timeout": timedelta(minutes=10),
    }
