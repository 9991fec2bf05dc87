"""The news of a failed task: always a log line, and by TM_NOTIFY a mail or a Slack message through Airflow's notifiers.

A DAG says ``default_args={"on_failure_callback": on_failure}``. Nothing here ever raises: a notifier that fails must
not hide the failure it was to tell of. The notifiers' connections are Airflow's own, ``smtp_default`` and
``slack_api_default``.
"""

import html
import json
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tm_core.errors import SettingsError
from tm_core.settings import Notify, Settings

log = logging.getLogger(__name__)

#: Longest part of an error's first line that is passed on, in characters.
MESSAGE_CHARS = 500
NEXT_STEP = (
    "Read the log, mend what it says (`tm doctor` names what is missing), then clear the task: "
    "that is safe at any time, and what is done already is not done twice."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is told of a failed task. "" and -1 where Airflow does not say: a killed task knows less of itself."""

    dag: str
    run: str
    task: str
    map_index: int
    try_number: int
    partition: str
    error: str
    message: str
    log: str
    next_step: str = NEXT_STEP

    @property
    def title(self) -> str:
        """One line: what failed, of which date."""
        mapped = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.dag}.{self.task}{mapped} failed" + (f" for {self.partition}" if self.partition else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackNews(News):
    """What is told of a component of the embedded stack that has ended."""

    @property
    def title(self) -> str:
        """One line: what ended and what was done about it."""
        return f"tm-refinery's stack: {self.task} ended; {self.message}"


def announce(component: str, what: str, done: str) -> None:
    """Send the news that a component of the embedded stack has ended. Never raises."""
    news = StackNews(
        dag="", run="", task=component, map_index=-1, try_number=-1, partition="", error=what, message=done, log="",
        next_step="`make status` and `tm doctor` say what runs; the logs are in TM_HOME/logs.",
    )  # fmt: skip
    log.warning("component ended: %s", json.dumps(asdict(news), ensure_ascii=False))
    try:
        _send(news, {})
    except Exception as error:
        log.error(
            "The news of the stack could not be sent: %s: %s. `make status` has it; check TM_NOTIFY, TM_NOTIFY_TO "
            "and Airflow's connection.",
            type(error).__name__,
            error,
        )


def on_failure(context: Mapping[str, Any]) -> None:
    """Callback for ``on_failure_callback`` of tasks and DAGs. Never raises."""
    try:
        news = gather(context)
        log.error("task failed: %s", json.dumps(asdict(news), ensure_ascii=False))
        _send(news, context)
    except Exception as error:
        log.error(
            "The news of the failed task could not be sent: %s: %s. The failure itself is told in the task's log; "
            "check TM_NOTIFY, TM_NOTIFY_TO and Airflow's connection.",
            type(error).__name__,
            error,
        )


def gather(context: Mapping[str, Any]) -> News:
    """What the context of a callback says of the failure. Takes a context with anything missing."""
    instance = context.get("ti") or context.get("task_instance")
    error = context.get("exception")
    return News(
        dag=_text(instance, "dag_id") or _text(context.get("dag"), "dag_id"),
        run=_text(instance, "run_id") or str(context.get("run_id") or ""),
        task=_text(instance, "task_id") or "(the run)",
        map_index=_number(instance, "map_index"),
        try_number=_number(instance, "try_number"),
        partition=_partition(context),
        error=type(error).__name__ if isinstance(error, BaseException) else "",
        message=_first_line(error or context.get("reason")),
        log=_text(instance, "log_url"),
    )


def _text(holder: object, name: str) -> str:
    return str(getattr(holder, name, None) or "")


def _number(holder: object, name: str) -> int:
    value = getattr(holder, name, None)
    return value if isinstance(value, int) else -1


def _partition(context: Mapping[str, Any]) -> str:
    key = context.get("partition_key") or _text(context.get("dag_run"), "partition_key")
    return str(key or context.get("ds") or "")


def _first_line(error: object) -> str:
    if not error:
        return "no reason given: most likely the process was killed"
    return next(iter(str(error).strip().splitlines()), "no message")[:MESSAGE_CHARS]


def _send(news: News, context: Mapping[str, Any]) -> None:
    # notify() and not the notifier itself, which would first render our texts as templates: an error message may
    # hold braces.
    if notifier := notifier_of(news):
        notifier.notify(context)


def notifier_of(news: News) -> Any:
    """Airflow's notifier for TM_NOTIFY, or None where the log is all. Raises SettingsError: its package is missing."""
    settings = Settings.from_env()
    if settings.notify is Notify.LOG:
        return None
    try:
        return _NOTIFIERS[settings.notify](news, settings.notify_to)
    except ImportError as error:
        package = f"apache-airflow-providers-{settings.notify}"
        raise SettingsError(
            f"TM_NOTIFY is '{settings.notify}', which needs the package {package} ({error}). Install it beside "
            f"Airflow (pip install {package}), or set TM_NOTIFY=log"
        ) from error


def _smtp(news: News, address: str) -> Any:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    rows = "".join(
        f"<tr><th align='left'>{name}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in asdict(news).items()
        if value not in ("", -1)
    )
    return SmtpNotifier(to=address, subject=news.title, html_content=f"<table>{rows}</table>")


def _slack(news: News, channel: str) -> Any:
    from airflow.providers.slack.notifications.slack import SlackNotifier

    where = f"{news.run}, try {news.try_number}" if news.run else ""
    lines = [f"*{news.title}*", f"{news.error}: {news.message}", where, news.log]
    # Slack reads these three as markup: https://api.slack.com/reference/surfaces/formatting#escaping
    text = html.escape("\n".join(filter(None, [*lines, news.next_step])), quote=False)
    return SlackNotifier(text=text, channel=channel)


_NOTIFIERS: Mapping[Notify, Callable[[News, str], Any]] = {Notify.SMTP: _smtp, Notify.SLACK: _slack}

if __name__ == "__main__":
    announce(*sys.argv[1:])
