"""Fixtures that more than one folder of tests uses: a real Postgres, a storage, settings."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import psutil
import psycopg
import pytest

from tm_core.settings import Settings
from tm_store.db import Database, open_database
from tm_store.migrate import migrate

ROOT = Path(__file__).resolve().parents[1]
SHARED_MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 2**30  # the server's log, 1 GB at most, its caches, and the databases of the largest tests
#: Hypothesis gives an example 0.2 s and its making a second: a busy machine is no counterexample.
hypothesis.settings.register_profile(
    "busy",
    parent=hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("busy")
IN_CI = os.environ.get("CI", "") not in ("", "0", "false")

#: Units whose source text the index of look-ups does not know, and that does not wait for it: they are never found.
UNFINDABLE = """
select count(*) from tm.unit
where (store_id, src_lang, tgt_lang, src_hash) not in (
    select store_id, src_lang, tgt_lang, src_hash from tm.source
    union all
    select store_id, src_lang, tgt_lang, src_hash from tm.pending
)
"""


def missing(what: str, how: str) -> None:
    """Skip on a laptop, visibly; fail in CI, where nothing may be missing."""
    if IN_CI:
        pytest.fail(f"{what} is missing in CI. {how}", pytrace=False)
    pytest.skip(f"{what} is not there. {how}")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data, TM_TEST_DATA."""
    folder = os.environ.get("TM_TEST_DATA", "")
    if not folder or not Path(folder).is_dir():
        missing("the real data", "Set TM_TEST_DATA to its folder.")
    return Path(folder)


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for test servers: in memory where there is enough of it, else a temporary one.

    A copy of the template is 850 files. Making them takes 0.03 s of CPU in memory; on an ext4 without a journal 0.6 s,
    because that never takes a file number again that was freed in the last minutes and looks at each of them anew.
    """
    if not _has_room():
        yield tmp_path_factory.mktemp("postgres")
        return
    for left in SHARED_MEMORY.glob("tm-tests-*"):
        if not psutil.pid_exists(int(left.name.rpartition("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    folder = SHARED_MEMORY / f"tm-tests-{os.getpid()}"
    folder.mkdir()
    # Root's server runs as another user, who must be able to enter.
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _has_room() -> bool:
    if not os.access(SHARED_MEMORY, os.W_OK):
        return False
    return min(shutil.disk_usage(SHARED_MEMORY).free, psutil.virtual_memory().available) > ROOM_BYTES


@pytest.fixture(scope="session")
def server_url(server_folder: Path) -> Iterator[str]:
    """A Postgres for the whole run: TM_TEST_DATABASE_URL, or an embedded one that nothing else uses."""
    if url := os.environ.get("TM_TEST_DATABASE_URL"):
        yield url
        return
    from tm_embedded.postgres import embedded_postgres

    with embedded_postgres(server_folder / "server") as server:
        yield server.url("postgres")


def _with_database(url: str, name: str) -> str:
    from urllib.parse import urlsplit

    return urlsplit(url)._replace(path="/" + name).geturl()


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """A migrated, empty database that tests copy: a copy costs a tenth of the migrations."""
    name = f"template_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    migrate(Settings(database_url=_with_database(server_url, name), include=ROOT / "include"))
    return name


@contextmanager
def own_database(server_url: str, template: str) -> Iterator[str]:
    """The address of a migrated, empty database, gone afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'create database "{name}" template "{template}"')
        # A template's copy has all but the rights on the database itself, which are the server's.
        connection.execute(f'revoke temporary on database "{name}" from public')
        connection.execute(f'grant temporary on database "{name}" to tm_owner, tm_loader')
        yield _with_database(server_url, name)
        connection.execute(f'drop database "{name}" with (force)')


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """An own, migrated, empty database for one test."""
    with own_database(server_url, template) as url:
        yield url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a refresh of its own: empty memory, empty storage, no waiting for files to settle."""
    return Settings.from_env(
        {
            "TM_HOME": str(tmp_path / "home"),
            "TM_DATABASE_URL": database_url,
            "TM_INCLUDE": str(ROOT / "include"),
            "TM_SETTLE_SECONDS": "0",
        }
    )


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    """An open connection to the test's database."""
    with open_database(settings) as opened:
        yield opened
