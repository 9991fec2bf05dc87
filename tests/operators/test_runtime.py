"""The process runtime: what the command says is passed on, what it dies of is told, and it never outlives its task."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from operators.runtime import ProcessRuntime, ShardFailed
from tests.waiting import wait_until
from tm_core.loss import ShardRefused

ATTESTATION = '{"tier": "lexical", "shard": 3}'


@pytest.fixture
def program(tmp_path: Path):
    """Make a command of some lines of Python; as ``tm-align``, it takes ``--die-with-parent``."""

    def make(lines: str) -> list[str]:
        path = tmp_path / "command.py"
        path.write_text("import os, sys, time\nassert sys.argv[-1] == '--die-with-parent'\n" + lines)
        return [sys.executable, str(path)]

    return make


def test_output_goes_to_the_log_and_the_last_line_is_the_attestation(program, caplog) -> None:
    caplog.set_level("INFO", logger="operators.runtime")
    command = program(f"print('reading ü'); print('careful', file=sys.stderr); print('{ATTESTATION}')")
    assert ProcessRuntime().run(command) == {"tier": "lexical", "shard": 3}
    said = [record.getMessage() for record in caplog.records]
    assert said[0].startswith(f"running {sys.executable}")
    assert said[1:] == ["reading ü", "careful", ATTESTATION]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("sys.exit(5)", "it ended with status 5"),
        ("os.kill(os.getpid(), 9)", "it was killed by SIGKILL"),
        ("os.kill(os.getpid(), 40)", "it was killed by signal 40"),
        ("pass", "it ended with status 0"),
        ("print('[1, 2]')", "it ended with status 0"),
        ("print('{cut sho')", "it ended with status 0"),
    ],
)
def test_a_failure_says_how_it_ended_what_it_said_last_and_what_to_do(program, lines: str, reason: str) -> None:
    command = program(f"for n in range(50): print('line', n)\nsys.stdout.flush()\n{lines}")
    with pytest.raises(ShardFailed) as failure:
        ProcessRuntime().run(command)
    said = str(pickle.loads(pickle.dumps(failure.value)))
    assert said.startswith(" ".join(command))
    assert f"expected status 0 and an attestation, {reason}" in said
    assert "line 49" in said
    assert "line 5\n" not in said, "the last lines, not all of them"
    assert said.endswith("clear this task; what other shards have done is kept, nothing was loaded.")


def test_what_would_end_alike_again_is_told_apart(program) -> None:
    with pytest.raises(ShardRefused, match=r"ended with status 3.*\n?.*no cuda"):
        ProcessRuntime().run(program("print('no cuda'); sys.exit(3)"))


def test_a_task_that_is_to_end_ends_its_command(program, tmp_path: Path) -> None:
    runtime, up = ProcessRuntime(), tmp_path / "up"

    def stop_at_work() -> None:
        wait_until(up.exists, "the command works")
        runtime.stop()

    threading.Thread(target=stop_at_work).start()
    with pytest.raises(ShardFailed, match="killed by SIGTERM"):
        runtime.run(program(f"open({str(up)!r}, 'w').close(); time.sleep(3600)"))
    runtime.stop()  # once more, with nothing left to stop


def test_stopping_what_never_ran_does_nothing() -> None:
    ProcessRuntime().stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_the_command_dies_with_a_task_that_is_killed(program, tmp_path: Path) -> None:
    command = program(
        "from tm_align.parent import die_with_parent; die_with_parent()\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(3600)"
    )
    task = subprocess.Popen(
        [sys.executable, "-c", f"from operators.runtime import ProcessRuntime; ProcessRuntime().run({command!r})"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the command has begun")
    child = psutil.Process(int((tmp_path / "pid").read_text()))
    assert child.ppid() == task.pid
    task.send_signal(signal.SIGKILL)
    task.wait()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the command has died")
