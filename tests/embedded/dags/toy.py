"""A run of some tasks, one of them mapped, that does next to nothing; its parameters make it fail or last.

No task of it is tried twice. With `until`, each mapped task adds a line to the file `<until>.begun` and waits until the
file `until` is there.
"""

import time
from datetime import datetime

from airflow.sdk import Param, dag, task


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    params={
        "fail": Param(False, type="boolean"),
        "sleep_s": Param(0.0, type="number"),
        "until": Param("", type="string"),
    },
)
def toy() -> None:
    @task
    def plan() -> list[int]:
        return [1, 2, 3]

    @task
    def work(number: int, params: dict | None = None) -> int:
        import os

        # Everything that the stack promises to a task.
        assert os.environ["TM_DATABASE_URL"].startswith("postgresql://tm_load:")
        assert os.environ["TM_STORAGE"].startswith("file:///")
        assert "KUBECONFIG" not in os.environ
        import operators  # noqa: F401 - the project's root is on the path

        if params["until"]:
            with open(params["until"] + ".begun", "a") as begun:
                begun.write(f"{number}\n")
            while not os.path.exists(params["until"]):
                time.sleep(0.1)
        time.sleep(params["sleep_s"])
        if params["fail"] and number == 2:
            raise RuntimeError("planted fault of the toy")
        return number

    @task
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    total(work.expand(number=plan()))


toy()
