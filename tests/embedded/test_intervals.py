"""An idle stack reads no DAG file again that has not changed; counted in files, not in seconds."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tm_embedded.airflow import Workload, environment
from tm_embedded.home import Home
from tm_embedded.postgres import MEMBERS, ROLES, Address

pytestmark = pytest.mark.airflow

KEYS = dict.fromkeys((*ROLES, *MEMBERS, "fernet", "api_secret", "jwt"), "secret")
FILES = 11


def read_in_a_minute(folder: Path, changed: int) -> list[int]:
    """How many files Airflow's own DAG processor reads in each second of a minute, all having been read at its begin.

    Nothing waits: time stamps are moved back instead. In the middle of the minute, `changed` files are written.
    """
    from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager, DagFileStat

    manager = DagFileProcessorManager(max_runs=-1)
    files = [
        DagFileInfo(rel_path=Path(f"dag_{number}.py"), bundle_name="dags-folder", bundle_path=folder)
        for number in range(FILES)
    ]
    # In seconds of that minute.
    written, read = dict.fromkeys(files, -600.0), dict.fromkeys(files, 0.0)
    counts = []
    for second in range(60):
        if second == 30:
            written |= dict.fromkeys(files[:changed], 29.5)
        now = datetime.now(UTC)
        for file in files:
            file.absolute_path.touch()
            moment = now.timestamp() - (second - written[file])
            os.utime(file.absolute_path, times=(moment, moment))
            manager._file_stats[file] = DagFileStat(last_finish_time=now - timedelta(seconds=second - read[file]))
        manager.prepare_file_queue(known_files={"dags-folder": set(files)})
        queued = list(manager._file_queue)
        manager._file_queue.clear()
        read |= dict.fromkeys(queued, float(second))
        counts.append(len(queued))
    return counts


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = environment(Home(path=tmp_path), Workload.of(tmp_path), Address(port=1, passwords=KEYS), KEYS, 2, {})
    for name in found:
        if name.startswith(("AIRFLOW__DAG_PROCESSOR", "AIRFLOW__SCHEDULER")):
            monkeypatch.setenv(name, found[name])
    return tmp_path


def test_a_minute_without_changes_reads_nothing(stack: Path) -> None:
    assert read_in_a_minute(stack, changed=0) == [0] * 60


def test_a_changed_file_is_read_in_the_next_second_and_only_it(stack: Path) -> None:
    assert read_in_a_minute(stack, changed=1) == [0] * 30 + [1] + [0] * 29


def test_with_the_intervals_of_before_the_count_is_another_one(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This test would see it: every 10 s all files were read again."""
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL", "10")
    assert sum(read_in_a_minute(stack, changed=0)) == 5 * FILES
