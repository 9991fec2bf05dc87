"""Airflow as it runs here: its environment, its database, its components, its REST API."""

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psycopg

from tm_embedded.errors import ApiError
from tm_embedded.home import Home, write_json
from tm_embedded.postgres import Address
from tm_embedded.processes import marked_environment

PAGE = 100  # Airflow's own limit of a page, [api] maximum_page_limit
TASK_SLOTS = max(4, os.cpu_count() or 4)


@dataclass(frozen=True, kw_only=True)
class Component:
    """A long-running part of Airflow.

    Args:
        name: ours, for logs and messages.
        command: the arguments of ``airflow``.
        health: its name in Airflow's health report.
        preload: modules that it alone needs.
        job: as what it records in Airflow's database that it runs; "" if it does not.
    """

    name: str
    command: tuple[str, ...]
    health: str
    preload: tuple[str, ...] = ()
    job: str = ""


# --skip-serve-logs: the log servers listen on all interfaces, and the api-server reads the files itself.
API_SERVER = Component(
    name="api-server", command=("api-server",), health="metadatabase", preload=("airflow.api_fastapi.main",)
)
SCHEDULER = Component(
    name="scheduler", command=("scheduler", "--skip-serve-logs"), health="scheduler", job="SchedulerJob"
)
DAG_PROCESSOR = Component(
    name="dag-processor",
    command=("dag-processor",),
    health="dag_processor",
    job="DagProcessorJob",
    preload=("airflow.dag_processing.manager",),
)
TRIGGERER = Component(
    name="triggerer", command=("triggerer", "--skip-serve-logs"), health="triggerer", job="TriggererJob"
)
MIGRATION = "airflow-migrate"


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What Airflow runs: the folders it finds it in, and whether by schedule as well."""

    project: Path
    dags: Path
    plugins: Path
    # Without it the scheduler starts what is triggered and nothing else: unpausing a nightly DAG would
    # put last night's run in front of the one that is wanted.
    follow_schedules: bool = True

    @classmethod
    def of(cls, project: Path, *, follow_schedules: bool = True) -> "Workload":
        """What a checkout of this project runs."""
        return cls(
            project=project, dags=project / "dags", plugins=project / "plugins", follow_schedules=follow_schedules
        )


def environment(
    home: Home,
    workload: Workload,
    address: Address,
    keys: Mapping[str, str],
    api_port: int,
    caller: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """The environment of every process of the stack.

    The caller's variables pass on (TM_…, AIRFLOW_CONN_…, AIRFLOW__SMTP__…); what makes this a local stack
    is set here and wins. The memory and the storage are the caller's where the caller names them. SHELL_MARK says
    which of them this stack has set.
    """
    # A kubeconfig beside a connection's own makes the pod trigger raise and the task still succeed.
    foreign = {"KUBECONFIG", "AIRFLOW_CONFIG", "PYTHONHOME"} | _of_an_earlier_stack(caller)
    inherited = {name: value for name, value in caller.items() if name not in foreign}
    passed = _databases(address, inherited) | {
        "TM_STORAGE": "file://" + quote(str(home.path / "storage")),
        "TM_APPROVALS": "one",  # the stack has one user, who asks and approves
    }
    # Tasks talk to the api-server on this machine; a proxy of the network must not see that.
    here = ("127.0.0.1", "localhost")
    fixed = {
        "TM_HOME": str(home.path),
        "AIRFLOW_HOME": str(home.airflow),
        "PYTHONPATH": _with_first(os.pathsep, [str(workload.project)], caller.get("PYTHONPATH", "")),
        "PATH": _with_first(os.pathsep, [str(_programs())], caller.get("PATH", os.defpath)),
        "PYTHONUNBUFFERED": "1",  # a log that is read after a crash must hold the last line
        "NO_PROXY": _with_first(",", here, caller.get("NO_PROXY", "")),
        "no_proxy": _with_first(",", here, caller.get("no_proxy", "")),
    }
    options = _options(home, workload, address, keys, api_port)
    own = {name: passed[name] for name in OF_ONE_STACK if name in passed and name not in inherited}
    mark = {SHELL_MARK: ",".join(_digest(name, own) for name in sorted(own))}
    return passed | inherited | fixed | options | mark | marked_environment(home.path)


def wish(caller: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The memory and the storage that a person asks for: not those that a shell has from an earlier stack."""
    foreign = _of_an_earlier_stack(caller)
    names = ("TM_DATABASE_URL", "TM_STORAGE")
    return {name: caller[name] for name in names if caller.get(name) and name not in foreign}


def _databases(address: Address, inherited: Mapping[str, str]) -> dict[str, str]:
    """The memory's database for tasks, look-ups and upkeep; nothing of it where the caller names another one.

    And Airflow's own, of which a backup keeps variables and history.
    """
    own = {"TM_AIRFLOW_DATABASE_URL": address.url("airflow")}
    if "TM_DATABASE_URL" in inherited:
        return own
    logins = {"TM_DATABASE_URL": "tm_load", "TM_DATABASE_READ_URL": "tm_read", "TM_DATABASE_OWNER_URL": "tm"}
    return own | {name: address.url("tm", login) for name, login in logins.items()}


def _with_first(separator: str, first: Sequence[str], rest: str) -> str:
    """The list `rest` with `first` at its head, and nowhere else."""
    return separator.join([*first, *(item for item in rest.split(separator) if item and item not in first)])


def _programs() -> Path:
    """The folder of the virtual environment's programs."""
    return Path(sys.executable).parent


SEARCH_LISTS = ("PATH", "PYTHONPATH", "NO_PROXY", "no_proxy")  # a stack adds to these and takes nothing away
SHELL_MARK = "REFINERY_SHELL"
# What belongs together: a memory's logins, and its storage.
OF_ONE_STACK = (
    "TM_DATABASE_URL",
    "TM_DATABASE_READ_URL",
    "TM_DATABASE_OWNER_URL",
    "TM_AIRFLOW_DATABASE_URL",
    "TM_STORAGE",
)


def shell_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a shell needs of `environment` so that ``tm`` and ``airflow`` work on that stack.

    Not the mark of the stack's own processes: stopping the stack would end the shell.
    """
    return {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(("TM_", "AIRFLOW")) or name in (*SEARCH_LISTS, SHELL_MARK)
    }


def _of_an_earlier_stack(caller: Mapping[str, str]) -> set[str]:
    """Variables that a stack has set and a shell has from `shell_environment`: the next stack may have other ports.
    Empty ones count as unset.

    What a person has set, before that stack or since, is the person's wish: its value is not in the mark.
    """
    given = set(caller.get(SHELL_MARK, "").split(","))
    return {name for name in OF_ONE_STACK if not caller.get(name) or _digest(name, caller) in given}


def _digest(name: str, environment: Mapping[str, str]) -> str:
    return hashlib.sha256(f"{name}={environment.get(name, '')}".encode()).hexdigest()[:16]


def _options(
    home: Home, workload: Workload, address: Address, keys: Mapping[str, str], api_port: int
) -> dict[str, str]:
    database = address.url("airflow").replace("postgresql:", "postgresql+psycopg:", 1)
    sections: dict[str, dict[str, object]] = {
        "CORE": {
            "EXECUTOR": "LocalExecutor",
            "DAGS_FOLDER": workload.dags,
            "PLUGINS_FOLDER": workload.plugins,
            "LOAD_EXAMPLES": False,
            # This stack is there to run the nights; elsewhere a new DAG waits to be switched on, as usual.
            "DAGS_ARE_PAUSED_AT_CREATION": False,
            "FERNET_KEY": keys["fernet"],
            "PARALLELISM": TASK_SLOTS,
            "AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "SIMPLE_AUTH_MANAGER_ALL_ADMINS": False,
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": home.airflow / "passwords.json",
            "EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{api_port}/execution/",
            # The default asks DNS, which on a laptop without network takes seconds.
            "HOSTNAME_CALLABLE": "socket.gethostname",
        },
        # One driver for both: psycopg 3 is synchronous and asynchronous.
        "DATABASE": {"SQL_ALCHEMY_CONN": database, "SQL_ALCHEMY_CONN_ASYNC": database},
        "API": {
            "HOST": "127.0.0.1",
            "PORT": api_port,
            # What the news of a failed task links to.
            "BASE_URL": f"http://127.0.0.1:{api_port}",
            "SECRET_KEY": keys["api_secret"],
            "WORKERS": 1,
        },
        "API_AUTH": {"JWT_SECRET": keys["jwt"]},
        "LOGGING": {
            "BASE_LOG_FOLDER": home.task_logs,
            "COLORED_CONSOLE_LOG": False,
            # Airflow opens its logs to the group and others, whatever the umask.
            "FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
            "FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        },
        "SCHEDULER": {
            "USE_JOB_SCHEDULE": workload.follow_schedules,
            # A stack that was killed, or a laptop that was switched off, in the middle of a run: what was running
            # is taken up within a minute of the next start. The defaults are 5 minutes each.
            "ORPHANED_TASKS_CHECK_INTERVAL": 15,
            "TASK_INSTANCE_HEARTBEAT_TIMEOUT": 60,
        },
        "DAG_PROCESSOR": {
            "PARSING_PROCESSES": 1,  # a handful of files; a second process would cost more than it parses
        },
        # A worker that misses its task's exit waits for the next heartbeat before it takes another
        # task or stops: seen as 5 s with the default.
        "WORKERS": {
            "MIN_HEARTBEAT_INTERVAL": 1,
            # A task waits a minute and more for an api-server that is being started again.
            "EXECUTION_API_RETRIES": 60,
            "EXECUTION_API_RETRY_WAIT_MAX": 2,
        },
    }
    for section, values in INTERVALS.items():
        sections[section] |= values
    return {
        f"AIRFLOW__{section}__{name}": str(value)
        for section, values in sections.items()
        for name, value in values.items()
    }


# What an idle stack costs, and how soon it notices something: `make bench-idle` measures both.
INTERVALS: dict[str, dict[str, float]] = {
    "SCHEDULER": {
        # Between two loops without work. The default second is felt at each of a run's steps.
        "SCHEDULER_IDLE_SLEEP_TIME": 0.4,
    },
    "DAG_PROCESSOR": {
        # A changed DAG file is read within 2 s, by its time stamp; a new one within 15 s, when the folder is listed.
        "REFRESH_INTERVAL": 10,
        "BUNDLE_REFRESH_CHECK_INTERVAL": 5,
        # Unchanged files are read again for what they import: operators/, include/. Reading all takes 1.5 CPU-seconds.
        "MIN_FILE_PROCESS_INTERVAL": 300,
    },
}


def write_passwords(home: Home, keys: Mapping[str, str]) -> None:
    """Give SimpleAuthManager the admin's password; without the file it would make one and print it to a log."""
    home.airflow.mkdir(parents=True, exist_ok=True)
    write_json(home.airflow / "passwords.json", {"admin": keys["admin"]})


def installed_version() -> str:
    """The installed Airflow's version, read without importing it (2 s)."""
    return metadata.version("apache-airflow-core")


def database_revision(address: Address) -> str | None:
    """The metadata database's schema revision, None for an empty database."""
    with psycopg.connect(address.url("airflow")) as connection:
        row = connection.execute("select to_regclass('alembic_version')").fetchone()
        if row is None or row[0] is None:
            return None
        found = connection.execute("select version_num from alembic_version").fetchone()
        return str(found[0]) if found else None


JOBS = ("SchedulerJob", "TriggererJob", "DagProcessorJob")
_END_JOBS = "update job set state = 'failed', end_date = now() where state = 'running' and job_type = any(%s)"
# A try that begins counts against max_tries, whoever ended the one before.
_GIVE_BACK = """
update task_instance set max_tries = max_tries + 1
where state in ('queued', 'running', 'restarting') and queued_by_job_id is not null
"""


def release_interrupted(address: Address, jobs: Sequence[str] = JOBS) -> int:
    """Record that the components have ended, and give the tasks that ended with the scheduler their try back.

    The next scheduler then takes these tasks up at once; otherwise it waits until it has missed heartbeats. Only
    called while the components are dead. A task that this is done to twice has a try more than it needs.

    Returns:
        The number of interrupted tasks.
    """
    with psycopg.connect(address.url("airflow")) as connection:
        row = connection.execute("select to_regclass('job') is not null and to_regclass('task_instance') is not null")
        if row.fetchone() != (True,):
            return 0
        connection.execute(_END_JOBS, (list(jobs),))
        return connection.execute(_GIVE_BACK).rowcount if SCHEDULER.job in jobs else 0


class AirflowApi:
    """The parts of Airflow's REST API that the stack uses."""

    def __init__(self, url: str, password: str) -> None:
        self._password = password
        self.url = url
        # trust_env: a proxy of the network must not be asked for 127.0.0.1.
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30.0)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def health(self) -> dict[str, str | None]:
        """Component to status (``healthy``, ``unhealthy``, None: never seen); empty while nobody answers."""
        with suppress(httpx.TransportError, ValueError):
            answer = self._client.get("/api/v2/monitor/health", timeout=5.0)
            if answer.is_success:
                return {name: part.get("status") for name, part in answer.json().items()}
        return {}

    def warm_up(self) -> None:
        """Have the api-server build its execution API now, not when the first task waits for it (2 s)."""
        with suppress(httpx.TransportError):
            self._client.get("/execution/health")

    def login(self) -> None:
        """Sign in as admin; the token is good for a day."""
        answer = self._client.post("/auth/token", json={"username": "admin", "password": self._password})
        self._client.headers["Authorization"] = f"Bearer {_checked(answer)['access_token']}"

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """The DAG's description, None while it is unknown."""
        answer = self._client.get(f"/api/v2/dags/{quote(dag_id)}")
        return None if answer.status_code == httpx.codes.NOT_FOUND else _checked(answer)

    def import_errors(self) -> dict[str, str]:
        """File name to traceback of the DAG files that could not be read."""
        found = _checked(self._client.get("/api/v2/importErrors", params={"limit": PAGE}))
        return {error["filename"]: error["stack_trace"] for error in found["import_errors"]}

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run the DAG."""
        _checked(self._client.patch(f"/api/v2/dags/{quote(dag_id)}", json={"is_paused": False}))

    def trigger(self, dag_id: str, *, partition_key: str | None, conf: Mapping[str, Any]) -> str:
        """Start a run. Returns its id."""
        body = {"logical_date": None, "conf": dict(conf), "partition_key": partition_key}
        return str(_checked(self._client.post(f"/api/v2/dags/{quote(dag_id)}/dagRuns", json=body))["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """The run's description."""
        return _checked(self._client.get(_run_path(dag_id, run_id)))

    def run_state(self, dag_id: str, run_id: str) -> str:
        """``queued``, ``running``, ``success`` or ``failed``."""
        return str(self.run(dag_id, run_id)["state"])

    def unfinished_runs(self, dag_id: str) -> list[str]:
        """The ids of the DAG's runs that are queued or running."""
        params: dict[str, Any] = {"state": ["queued", "running"], "limit": PAGE}
        found = _checked(self._client.get(f"/api/v2/dags/{quote(dag_id)}/dagRuns", params=params))
        return [str(run["dag_run_id"]) for run in found["dag_runs"]]

    def fail_run(self, dag_id: str, run_id: str, note: str) -> None:
        """Mark a run as failed."""
        _checked(self._client.patch(_run_path(dag_id, run_id), json={"state": "failed", "note": note}))

    def task_instances(self, dag_id: str, run_id: str) -> Iterator[dict[str, Any]]:
        """The run's task instances, page by page."""
        offset, total = 0, 1
        while offset < total:
            params = {"limit": PAGE, "offset": offset}
            page = _checked(self._client.get(_run_path(dag_id, run_id) + "/taskInstances", params=params))
            yield from page["task_instances"]
            offset, total = offset + PAGE, page["total_entries"]


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        request = answer.request
        raise ApiError(
            f"{request.method} {request.url.path}: Airflow answered {answer.status_code}: {answer.text[:400]} "
            "Its log is TM_HOME/logs/api-server.log."
        )
    found: dict[str, Any] = answer.json()
    return found


def parsed_since(dag: Mapping[str, Any], moment: datetime) -> bool:
    """Whether the DAG's file was read after `moment`: what the database holds from an earlier start may be old."""
    parsed = dag.get("last_parsed_time")
    return bool(parsed) and datetime.fromisoformat(str(parsed).replace("Z", "+00:00")) >= moment


def task_log(home: Home, dag_id: str, run_id: str, task: Mapping[str, Any]) -> Path | None:
    """The file of the task's last attempt, None when it never wrote one."""
    folder = home.task_logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task['task_id']}"
    if task["map_index"] >= 0:
        folder /= f"map_index={task['map_index']}"
    attempts = sorted(folder.glob("attempt=*.log"), key=lambda path: path.stat().st_mtime)
    return attempts[-1] if attempts else None
