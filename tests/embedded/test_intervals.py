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
MINUTE = timedelta(minutes=1)


def read_in_a_minute(folder: Path, changed: int) -> list[int]:
    """How many files Airflow's own DAG processor reads in each second of a minute after it has read all.

    The clock is its record of when it last read a file, which is moved back instead of waiting.
    """
    from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager, DagFileStat

    manager = DagFileProcessorManager(max_runs=-1)
    paths = [folder / f"dag_{number}.py" for number in range(FILES)]
    infos = {DagFileInfo(rel_path=Path(path.name), bundle_name="dags-folder", bundle_path=folder) for path in paths}
    begin = datetime.now(UTC)
    for path in paths:
        path.touch()
        os.utime(path, times=((begin - MINUTE * 10).timestamp(),) * 2)
    last = {info: begin for info in infos}
    found = []
    for second in range(60):
        if second == 30:
            for path in paths[:changed]:
                os.utime(path, times=((begin + MINUTE).timestamp(),) * 2)
        manager._file_stats.update(
            {
                info: DagFileStat(last_finish_time=datetime.now(UTC) - timedelta(seconds=second) + (last[info] - begin))
                for info in infos
            }
        )
        manager.prepare_file_queue(known_files={"dags-folder": infos})
        read = list(manager._file_queue)
        manager._file_queue.clear()
        for info in read:
            last[info] = begin + timedelta(seconds=second) + 2 * MINUTE
        found.append(len(read))
    return found


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
    assert sum(read_in_a_minute(stack, changed=0)) >= FILES
