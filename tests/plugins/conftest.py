"""Airflow's real API server with the plug-in, a memory behind it, and a client for each role."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.waiting import HANG_S, wait_until

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: Name and role; the password is the name.
USERS = {"viewer": "viewer", "reviewer": "user", "second": "user", "operator": "op", "admin": "admin"}


@dataclass(kw_only=True)
class Site:
    """The running server. ``database_url`` is the memory's."""

    url: str
    database_url: str
    storage: Path
    log: Path
    routes_file: Path

    @property
    def routes(self) -> list[tuple[str, str]]:
        """(method, path) of every route of the plug-in."""
        return [(method, path) for method, path in json.loads(self.routes_file.read_text())]

    @property
    def page(self) -> str:
        return f"{self.url}/tm-review"

    def client(self, user: str = "") -> httpx.Client:
        """A client that is signed in as `user`, as the page's own requests are: by cookie and with its header."""
        client = httpx.Client(base_url=self.page, trust_env=False, timeout=HANG_S)
        if user:
            answer = client.post(f"{self.url}/auth/token", json={"username": user, "password": user})
            assert answer.status_code == 201, answer.text
            client.cookies.set("_token", answer.json()["access_token"])
            client.headers["x-tm-review"] = "1"
        return client

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.database_url, autocommit=True)


@pytest.fixture(scope="session")
def site(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The server on a memory of its own; tests of this folder share it and use stores of their own."""
    folder = tmp_path_factory.mktemp("site")
    name = "test_review_page"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'create database "{name}" template "{template}"')
        database_url = server_url.rpartition("/")[0] + f"/{name}"
        made = Site(
            url=f"http://127.0.0.1:{_free_port()}",
            database_url=database_url,
            storage=folder / "storage",
            log=folder / "server.log",
            routes_file=folder / "routes.json",
        )
        with made.log.open("wb") as log:
            process = _serve(made, folder, log)
        try:
            _await(made, process)
            yield made
        finally:
            process.kill()
            process.wait()
            connection.execute(f'drop database "{name}" with (force)')


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _serve(made: Site, folder: Path, log: Any) -> "subprocess.Popen[bytes]":
    (folder / "passwords.json").write_text(json.dumps({name: name for name in USERS}))
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TM_", "AIRFLOW"))}
    environment = plain | {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__API_AUTH__JWT_SECRET": "x" * 64,
        "AIRFLOW__API__SECRET_KEY": "x" * 32,
        "AIRFLOW__API__BASE_URL": made.url,
        "TM_HOME": str(folder),
        "TM_STORAGE": made.storage.as_uri(),
        "TM_DATABASE_URL": made.database_url,
        "TM_INCLUDE": str(ROOT / "include"),
    }
    port = made.url.rpartition(":")[2]
    command = [sys.executable, str(HERE / "serve.py"), port, str(made.routes_file)]
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def _await(made: Site, process: "subprocess.Popen[bytes]") -> None:
    def answers() -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{made.url}/api/v2/version", trust_env=False, timeout=HANG_S).is_success
        return False

    def alive() -> None:
        assert process.poll() is None, f"the server did not start ({process.poll()}):\n{made.log.read_text()[-3000:]}"

    wait_until(answers, "the server answers", alive=alive)


@pytest.fixture
def sign_in(site: Site) -> Iterator[Callable[[str], httpx.Client]]:
    """``sign_in("reviewer")``: a client in that role; ``sign_in("")``: one that is nobody."""
    made: list[httpx.Client] = []

    def client(user: str) -> httpx.Client:
        made.append(site.client(user))
        return made[-1]

    yield client
    for one in made:
        one.close()
