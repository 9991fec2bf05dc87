"""``python run_toy.py HOME [CONF]``: the demo with the toy DAG, as a program that tests can interrupt and kill."""

import json
import sys
from pathlib import Path

from tm_embedded import demo, supervisor
from tm_embedded.airflow import Workload
from tm_embedded.demo import Demo
from tm_embedded.errors import StackError
from tm_embedded.home import Home
from tm_embedded.progress import Progress
from tm_embedded.restarts import Rules
from tm_embedded.supervisor import Plan

HERE = Path(__file__).resolve().parent


def main() -> int:
    home = Home(path=Path(sys.argv[1]))
    workload = Workload(project=HERE.parents[1], dags=HERE / "dags", plugins=home.path / "no-plugins")
    conf = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    supervisor.RULES = Rules(most=conf.pop("restarts", Rules().most))
    toy = Demo(
        dag_id="toy",
        partition=None,
        before=(("python", "-c", "print('a command ran')"),),
        after=(("python", "-c", "print('the report')"),),
        conf=conf,
    )
    try:
        with supervisor.interruptible():
            demo.run(Plan(home=home, workload=workload, kind=supervisor.DEMO), toy, Progress())
    except KeyboardInterrupt:
        return 130
    except StackError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
