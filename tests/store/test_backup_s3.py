"""Backups in a bucket with versions, on a real HTTP server that fails on purpose."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.store.batches_made import load
from tests.store.s3_faults import Faulty
from tm_core.errors import BackupError
from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.backup import prune, take_backup
from tm_store.backup_catalog import list_backups, verify
from tm_store.db import Database
from tm_store.drill import run_drill

pytestmark = [pytest.mark.db, pytest.mark.slow]


@pytest.fixture(scope="module")
def faulty() -> Iterator[Faulty]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    yield Faulty(*moto.get_host_and_port())
    moto.stop()


@pytest.fixture
def bucket(faulty: Faulty, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> tuple[Any, str]:
    environment = {
        "AWS_ENDPOINT_URL": faulty.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    faulty.plan("", lambda number: False)
    client = boto3.client("s3", region_name="us-east-1")
    name = f"backups-{abs(hash(request.node.nodeid))}"
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    faulty.plan("", lambda number: False)  # counts from here
    return client, name


@pytest.fixture
def memory(settings: Settings, db: Database, bucket: tuple[Any, str]) -> Settings:
    load(db, date(2026, 1, 5), {"a": [("One house", "Ein Haus"), ("Two houses", "Zwei Häuser")]})
    return replace(settings, storage=f"s3://{bucket[1]}/memory")


def good(storage: Storage) -> list[str]:
    """The backups that are listed as good; each is whole."""
    found = [one.uri for one in list_backups(storage) if one.good]
    for uri in found:
        verify(storage, uri)
    return found


def test_taken_proven_and_deleted_with_versions(memory: Settings, db: Database, bucket: tuple[Any, str]) -> None:
    storage = Storage(memory.storage)
    first, second = (take_backup(memory, db, storage).uri for _ in range(2))
    assert run_drill(memory, db, storage, second).is_passed
    alone = replace(memory, backup_weeks=0, backup_months=0)
    gone = prune(alone, db, storage, datetime.now(UTC) + timedelta(days=31)).backups
    assert [one.uri for one in gone] == [first]
    assert good(storage) == [second]
    client, name = bucket
    prefix = first.removeprefix(f"s3://{name}/")
    versions = client.list_object_versions(Bucket=name, Prefix=prefix)
    assert versions["Versions"], "the bucket keeps what was deleted"
    assert {one["Key"] for one in versions["DeleteMarkers"]} >= {prefix + "/manifest.json"}


@pytest.mark.parametrize("fault", ["500", "slow down", "cut"])
def test_a_fault_that_passes_is_waited_out(memory: Settings, db: Database, faulty: Faulty, fault: str) -> None:
    storage = Storage(memory.storage)
    faulty.plan(fault, lambda number: number in (3, 40))
    uri = take_backup(memory, db, storage).uri
    assert faulty.hits == 2
    assert good(storage) == [uri]
    assert run_drill(memory, db, storage, uri).is_passed


@pytest.mark.parametrize("at", [1, "manifest"])
def test_credentials_that_expire(memory: Settings, db: Database, faulty: Faulty, at: Any) -> None:
    storage = Storage(memory.storage)
    kept = take_backup(memory, db, storage).uri
    # The configuration, which the first one has written, is not written again.
    first = faulty.uploads - 2 if at == "manifest" else at
    faulty.plan("expired", lambda number: number >= first)
    with pytest.raises(BackupError, match=r"upload failed(.|\n)*Nothing is listed as a backup"):
        take_backup(memory, db, storage)
    assert faulty.hits
    faulty.plan("", lambda number: False)
    assert good(storage) == [kept]
