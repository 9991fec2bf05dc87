"""The news of a failed task: complete, delivered, and never in the way of the failure itself."""

import json
import logging
import os
import subprocess
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operators.notify import gather, on_failure
from tests.operators.conftest import Sink, use_smtp
from tests.waiting import HANG_S
from tm_core.errors import DatabaseError
from tm_embedded.airflow import Workload
from tm_embedded.home import Home
from tm_embedded.restarts import events_of
from tm_embedded.supervisor import Plan, Stack

ERROR = DatabaseError("postgresql://tm:***@host/tm: the database cannot be reached {{ braces }} <b>.\nA second line.")


def context(**changes: Any) -> dict[str, Any]:
    instance = SimpleNamespace(
        dag_id="tm_refresh",
        run_id="scheduled__2026-01-05",
        task_id="tier1",
        map_index=3,
        try_number=2,
        log_url="http://localhost:8080/dags/tm_refresh/runs/scheduled__2026-01-05/tasks/tier1/mapped/3?try_number=2",
    )
    return {"ti": instance, "run_id": instance.run_id, "partition_key": "2026-01-05", "exception": ERROR} | changes


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No TM_ variable of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("TM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="operators.notify")
    return caplog


def failure_line(said: pytest.LogCaptureFixture) -> dict[str, Any]:
    [line] = [text for text in said.messages if text.startswith("task failed: ")]
    found: dict[str, Any] = json.loads(line.removeprefix("task failed: "))
    return found


# The log line -------------------------------------------------------------------------------------------


def test_the_log_line_says_it_all(said: pytest.LogCaptureFixture) -> None:
    on_failure(context())
    line = failure_line(said)
    assert line.pop("next_step").startswith("Read the log")
    assert line == {
        "dag": "tm_refresh",
        "run": "scheduled__2026-01-05",
        "task": "tier1",
        "map_index": 3,
        "try_number": 2,
        "partition": "2026-01-05",
        "error": "DatabaseError",
        "message": "postgresql://tm:***@host/tm: the database cannot be reached {{ braces }} <b>.",
        "log": context()["ti"].log_url,
    }
    assert len(said.messages) == 1


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({}, "no reason given: most likely the process was killed"),
        ({"exception": None, "ti": None}, "no reason given: most likely the process was killed"),
        ({"exception": "Task was killed externally"}, "Task was killed externally"),
        ({"reason": "timed_out", "dag": SimpleNamespace(dag_id="tm_refresh")}, "timed_out"),
        ({"exception": ValueError()}, "no message"),
        ({"exception": ValueError("x" * 2000)}, "x" * 500),
    ],
)
def test_a_context_with_holes_is_told_too(said: pytest.LogCaptureFixture, found: dict[str, Any], message: str) -> None:
    on_failure(found)
    assert failure_line(said)["message"] == message


def test_the_title_names_task_and_date() -> None:
    assert gather(context()).title == "tm_refresh.tier1[3] failed for 2026-01-05"
    unmapped = SimpleNamespace(dag_id="tm_refresh", task_id="load", map_index=-1)
    assert gather({"ti": unmapped}).title == "tm_refresh.load failed"


def test_the_date_may_stand_in_the_run() -> None:
    run = SimpleNamespace(partition_key="2026-01-06")
    assert gather({"dag_run": run}).partition == "2026-01-06"
    assert gather({"ds": "2026-01-07"}).partition == "2026-01-07"


def test_the_module_imports_nothing_of_airflow() -> None:
    # A DAG file imports it each time it is parsed.
    code = "import sys, operators.notify; print([name for name in sys.modules if name.split('.')[0] == 'airflow'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Mail ---------------------------------------------------------------------------------------------------


@pytest.mark.airflow
def test_the_mail_arrives(sink: Sink, said: pytest.LogCaptureFixture) -> None:
    on_failure(context())
    [mail] = sink.mails
    assert sink.recipients == ["ops@example.org", "lead@example.org"]
    assert mail["From"] == "tm@example.org"
    assert mail["Subject"] == "tm_refresh.tier1[3] failed for 2026-01-05"
    [part] = [part for part in mail.walk() if part.get_content_type() == "text/html"]
    body = part.get_payload(decode=True)
    assert isinstance(body, bytes)
    text = body.decode()
    # As it is written, neither rendered as a template nor read as markup.
    assert "the database cannot be reached {{ braces }} &lt;b&gt;." in text
    assert "A second line" not in text
    assert "mapped/3?try_number=2" in text
    assert failure_line(said)["task"] == "tier1"


@pytest.mark.airflow
def test_a_mail_server_that_is_gone_hides_nothing(
    said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_smtp(monkeypatch, 1)
    on_failure(context())
    assert failure_line(said)["error"] == "DatabaseError"
    assert "could not be sent: ConnectionRefusedError" in said.messages[-1]


@pytest.mark.airflow
def test_a_connection_that_cannot_be_read_hides_nothing(
    said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_smtp(monkeypatch, 1)
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": "x"}))
    on_failure(context())
    assert failure_line(said)["task"] == "tier1"
    assert "could not be sent" in said.messages[-1]


def test_wrong_settings_hide_nothing(said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TM_NOTIFY", "pigeon")
    on_failure(context())
    assert failure_line(said)["error"] == "DatabaseError"
    assert "TM_NOTIFY is 'pigeon'" in said.messages[-1]


# Slack --------------------------------------------------------------------------------------------------


def slack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TM_NOTIFY", "slack")
    monkeypatch.setenv("TM_NOTIFY_TO", "#tm")


@pytest.mark.airflow
def test_a_missing_provider_is_named_with_its_package(
    said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack(monkeypatch)
    # As if it were not installed, whether it is or not.
    monkeypatch.setitem(sys.modules, "airflow.providers.slack.notifications.slack", None)
    on_failure(context())
    assert failure_line(said)["error"] == "DatabaseError"
    assert "pip install apache-airflow-providers-slack" in said.messages[-1]


def test_slack_is_told_in_its_own_markup(said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    slack(monkeypatch)
    sent: list[dict[str, str]] = []

    class SlackNotifier:
        def __init__(self, *, text: str, channel: str) -> None:
            self.message = {"text": text, "channel": channel}

        def notify(self, context: object) -> None:
            sent.append(self.message)

    names = ["airflow.providers.slack", "airflow.providers.slack.notifications"]
    for name in names:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    module = types.ModuleType(f"{names[-1]}.slack")
    module.SlackNotifier = SlackNotifier  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    on_failure(context())
    [message] = sent
    assert message["channel"] == "#tm"
    assert message["text"].startswith("*tm_refresh.tier1[3] failed for 2026-01-05*\nDatabaseError: ")
    assert "{{ braces }} &lt;b&gt;." in message["text"]
    assert len(said.messages) == 1


# The embedded stack ---------------------------------------------------------------------------------------


def test_the_supervisor_sends_the_news_of_a_component_that_ended(sink: Sink, tmp_path: Path) -> None:
    """Through the program that the supervisor starts: it has no Airflow in it."""
    root = Path(__file__).resolve().parents[2]
    home = Home(path=tmp_path / "home")
    home.make()
    stack: Any = object.__new__(Stack)
    stack.plan = Plan(home=home, workload=Workload.of(root), kind="make up")
    stack.environment = dict(os.environ) | {"PYTHONPATH": str(root), "AIRFLOW_HOME": str(home.airflow)}
    stack._news = []
    stack._tell("scheduler", "it was killed by SIGKILL", "the stack gives up and is stopped", is_last=True)
    (process,) = stack._news
    assert process.wait(HANG_S) == 0, home.log("commands").read_text()
    (mail,) = sink.mails
    assert mail["Subject"] == "tm-refinery's stack: scheduler ended; the stack gives up and is stopped"
    body = str(mail.get_payload(0).get_payload(decode=True))
    assert "it was killed by SIGKILL" in body
    assert "make status" in body


def test_without_a_notifier_the_supervisor_starts_no_program(tmp_path: Path) -> None:
    home = Home(path=tmp_path / "home")
    home.make()
    stack: Any = object.__new__(Stack)
    stack.plan, stack._news = Plan(home=home, workload=Workload.of(tmp_path), kind="make up"), []
    for stack.environment in ({}, {"TM_NOTIFY": "log"}, {"TM_NOTIFY": ""}):
        stack._tell("scheduler", "it was killed by SIGKILL", "it is started again after 1 s")
    assert stack._news == []
    assert len(events_of(home.events)) == 3
