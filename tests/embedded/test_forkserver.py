"""The fork server: the parts wait for the migration, and do not start on a database that it left half done."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import HANG_S
from tm_embedded.forkserver import Order, Part

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


def part(name: str, command: tuple[str, ...], folder: Path) -> Part:
    return Part(name=name, command=command, log=str(folder / f"{name}.log"))


def test_an_order_survives_the_command_line(tmp_path: Path) -> None:
    order = Order(first=part("ü", ("db", "migrate"), tmp_path), parts=(part("b", ("version",), tmp_path),))
    assert Order.from_json(order.to_json()).to_json() == order.to_json()


@pytest.mark.parametrize(
    ("first", "ended", "said"),
    [
        (("version",), [("first", 0), ("second", 0)], "3."),
        (("no-such-command",), [("first", 2), ("second", -15)], ""),
    ],
)
def test_parts_wait_for_the_first_and_end_with_it(
    tmp_path: Path, first: tuple[str, ...], ended: list[tuple[str, int]], said: str
) -> None:
    order = Order(first=part("first", first, tmp_path), parts=(part("second", ("version",), tmp_path),))
    server = subprocess.Popen(
        [sys.executable, "-m", "tm_embedded.forkserver", order.to_json()],
        env=os.environ | {"AIRFLOW_HOME": str(tmp_path / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    events = [json.loads(server.stdout.readline())]
    if events[0]["code"] == 0:
        events.append(json.loads(server.stdout.readline()))
        server.terminate()
    else:
        server.terminate()  # what the supervisor does when the migration has failed
        events.append(json.loads(server.stdout.readline()))
    assert server.wait(HANG_S) == 0
    server.stdout.close()
    assert [(event["ended"], event["code"]) for event in events] == ended
    assert (tmp_path / "second.log").read_text().startswith(said)
    assert bool((tmp_path / "second.log").read_text()) is bool(said)


def test_a_part_starts_again_when_its_name_is_sent(tmp_path: Path) -> None:
    parts = tuple(part(name, ("version",), tmp_path) for name in ("one", "two"))
    server = subprocess.Popen(
        [sys.executable, "-m", "tm_embedded.forkserver", Order(first=None, parts=parts).to_json()],
        env=os.environ | {"AIRFLOW_HOME": str(tmp_path / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    events = [json.loads(server.stdout.readline()) for _ in parts]
    for name in ("two", "one"):
        server.stdin.write(f"{name}\n")
        server.stdin.flush()
        events.append(json.loads(server.stdout.readline()))
    # Nobody can ask any more; it goes on, and ends when it is told to.
    server.stdin.close()
    server.terminate()
    assert server.wait(HANG_S) == 0
    server.stdout.close()
    assert {event["ended"] for event in events[:2]} == {"one", "two"}
    assert [(event["ended"], event["code"]) for event in events[2:]] == [("two", 0), ("one", 0)]
    assert len({event["pid"] for event in events}) == 4
    assert (tmp_path / "one.log").read_text().count("\n") == 2
