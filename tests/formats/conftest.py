"""Both kinds of storage: a folder, and a bucket on a real HTTP server."""

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tm_formats.storage import Storage

FOLDER = "a b#c%20d é"


@pytest.fixture(scope="session")
def s3_endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_endpoint, monkeypatch, request):
    """An empty bucket; the environment points at it."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", region_name="us-east-1")
    bucket = f"bucket-{abs(hash(request.node.nodeid))}"
    client.create_bucket(Bucket=bucket)
    return client, bucket


@pytest.fixture(params=["file", "s3"])
def storage(request, tmp_path):
    """A storage below a prefix with a space, '#', '%' and a letter beyond ASCII."""
    if request.param == "file":
        return Storage((tmp_path / FOLDER).as_uri())
    _, bucket = request.getfixturevalue("s3")
    return Storage(f"s3://{bucket}/{FOLDER}")
