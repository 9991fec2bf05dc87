"""The mapped tasks: one command, its attestation recorded, stopped with the task."""

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from operators import runtime
from operators.align import AlignShardOperator
from operators.runtime import ShardFailed
from tests.waiting import wait_until
from tm_core.rules import Tier
from tm_store import pods, steps
from tm_store.pods import ShardFacts

pytestmark = pytest.mark.airflow


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> AlignShardOperator:
    facts = ShardFacts(stores=("demo",), names=("guide", "notice"), chars=10)
    monkeypatch.setattr(pods, "describe_shard", lambda *_: facts)
    return AlignShardOperator(task_id="tier1", batch_id="2026-01-05-abc", tier=Tier.LEXICAL, shard=7)


def as_command(monkeypatch: pytest.MonkeyPatch, folder: Path, lines: str) -> list[tuple[Any, ...]]:
    """Let a Python program stand for ``tm-align``; returns what it was asked for."""
    asked: list[tuple[Any, ...]] = []
    (folder / "command.py").write_text(lines)

    def command(*arguments: Any) -> list[str]:
        asked.append(arguments)
        return [sys.executable, str(folder / "command.py")]

    monkeypatch.setattr(runtime, "shard_command", command)
    return asked


def test_the_attestation_is_recorded_and_returned(
    operator: AlignShardOperator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recorded: list[Any] = []
    monkeypatch.setattr(steps, "record_shards", lambda _settings, batch, found: recorded.append((batch, found)))
    asked = as_command(monkeypatch, tmp_path, "print('{\"shard\": 7}')")
    assert operator.execute({}) == {"shard": 7}
    assert asked == [("2026-01-05-abc", Tier.LEXICAL, 7)]
    assert recorded == [("2026-01-05-abc", [{"shard": 7}])]
    assert operator.title == "shard 7: demo/guide and 1 more", "what the mapped task is called"


def test_a_task_that_is_cleared_stops_its_command(
    operator: AlignShardOperator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    up = tmp_path / "up"
    as_command(monkeypatch, tmp_path, f"import time; open({str(up)!r}, 'w').close(); time.sleep(3600)")

    def clear_at_work() -> None:
        wait_until(up.exists, "the command works")
        operator.on_kill()

    threading.Thread(target=clear_at_work).start()
    with pytest.raises(ShardFailed, match="killed by SIGTERM"):
        operator.execute({})


def test_a_task_cleared_before_it_began_has_nothing_to_stop(operator: AlignShardOperator) -> None:
    operator.on_kill()
