"""Runs of our DAGs that wait for a person, in the metadata database of the server that the tests ask.

serve.py has them made, with Airflow's own models, before it starts. A run's id says who started it: ``by-operator-0``.
"""

from collections.abc import Iterator

from tm_core.approvals import QUESTIONS

#: Who starts runs: "" is a schedule.
ASKERS = ("operator", "reviewer", "")
#: Runs a question and asker: each test answers one of its own.
COPIES = 3
#: A question of someone else's DAG: ours to leave alone.
FOREIGN = ("their_dag", "ask")
OPTIONS = ("Approve", "Reject", "Keep out", "Discard", "Drop the old one")


def run_id(asker: str, number: int) -> str:
    return f"by-{asker or 'schedule'}-{number}"


def runs() -> Iterator[tuple[str, str, str, int]]:
    """(DAG, task, asker, number) of every run that waits."""
    for dag_id, task_id in [*QUESTIONS, FOREIGN]:
        for asker in ASKERS:
            for number in range(COPIES):
                yield dag_id, task_id, asker, number


def make() -> None:
    from airflow.models.dag import DagModel
    from airflow.models.dag_version import DagVersion
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from airflow.models.hitl import HITLDetail
    from airflow.models.taskinstance import TaskInstance
    from airflow.providers.standard.operators.hitl import HITLOperator
    from airflow.sdk import DAG
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType
    from pendulum import datetime

    with create_session() as session:
        session.add(DagBundleModel(name="made"))
        session.flush()
        versions: dict[str, DagVersion] = {}
        seen: set[tuple[str, str, int]] = set()
        for dag_id, task_id, asker, number in runs():
            if dag_id not in versions:
                session.add(DagModel(dag_id=dag_id, bundle_name="made"))
                session.flush()
                versions[dag_id] = DagVersion(dag_id=dag_id, version_number=1, bundle_name="made")
                session.add(versions[dag_id])
                session.flush()
            if (dag_id, asker, number) not in seen:
                seen.add((dag_id, asker, number))
                run = DagRun(
                    dag_id=dag_id,
                    run_id=run_id(asker, number),
                    run_type=DagRunType.MANUAL,
                    run_after=datetime(2026, 1, 5),
                    state=DagRunState.RUNNING,
                    triggered_by=DagRunTriggeredByType.REST_API,
                    triggering_user_name=asker or None,
                )
                session.add(run)
                session.flush()
            task = HITLOperator(task_id=task_id, subject="s", options=list(OPTIONS), dag=DAG(dag_id, schedule=None))
            waiting = TaskInstance(
                task=task,
                dag_version_id=versions[dag_id].id,
                run_id=run_id(asker, number),
                state=TaskInstanceState.AWAITING_INPUT,
            )
            session.add(waiting)
            session.flush()
            session.add(HITLDetail(ti_id=waiting.id, options=list(OPTIONS), subject="s", multiple=False, params={}))
