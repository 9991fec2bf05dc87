"""Storage behaves alike on a folder and on S3, and says what to do when it cannot."""

import errno
import hashlib
import io
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.growth import lines_run
from tm_core.errors import StorageError, StorageUnavailable
from tm_formats import storage as storage_module
from tm_formats.storage import Storage

NAMES = ["raw/s/2026-01-01/a.de.txt", "raw/s/2026-01-01/é %41#?.de.txt", "work/日本/x y"]


def test_what_is_written_is_read(storage):
    for name in NAMES:
        data = name.encode()
        written = storage.write_atomic(name, data)
        assert (written.size, written.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert storage.read(name) == data
        assert storage.sha256(name) == written.sha256
        assert storage.exists(name)
        with storage.open_input(name) as source:
            source.seek(2)
            assert source.read(3) == data[2:5]


def test_list_is_sorted_deep_and_limited_to_the_folder(storage):
    for name in [*NAMES, "raw/s/2026-01-01x/b"]:
        storage.write_atomic(name, b"12345")
    assert [info.path for info in storage.list()] == sorted([*NAMES, "raw/s/2026-01-01x/b"])
    assert [info.path for info in storage.list("raw/s/2026-01-01")] == NAMES[:2]
    assert [info.path for info in storage.list("raw/s/2026-01-01/")] == NAMES[:2]
    assert storage.list("not/there") == []
    info = storage.list("work")[0]
    assert info.size == 5
    assert datetime.now(UTC) - info.modified < timedelta(minutes=1)


def test_hidden_names_are_not_listed(storage):
    for name in ("raw/.tmp-1", "raw/.hidden/x", ".git", "raw/seen"):
        storage.write_atomic(name, b"x")
    assert [info.path for info in storage.list()] == ["raw/seen"]


def test_a_stream_is_written_whole(storage):
    data = os.urandom(6 << 20)
    written = storage.write_atomic("big", io.BytesIO(data))
    assert written.size == len(data)
    assert storage.sha256("big") == hashlib.sha256(data).hexdigest()


def test_writing_again_replaces(storage):
    storage.write_atomic("x", b"old and longer")
    storage.write_atomic("x", b"new")
    assert storage.read("x") == b"new"
    assert len(storage.list()) == 1


def test_a_source_that_fails_leaves_the_old_file(storage):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise OSError(errno.EIO, "the source broke")
            return super().read(3)

    storage.write_atomic("x", b"old")
    with pytest.raises(StorageError, match="as it was before"):
        storage.write_atomic("x", Broken(b"new content"))
    assert storage.read("x") == b"old"
    assert len(storage.list()) == 1


def test_delete_takes_a_file_or_a_folder_and_is_repeatable(storage):
    for name in ("a/1", "a/b/2", "ab/3", "c"):
        storage.write_atomic(name, b"x")
    for path in ("a", "a", "c", "c"):
        storage.delete(path)
    assert [info.path for info in storage.list()] == ["ab/3"]


def test_a_folder_that_several_delete_at_once_is_gone(storage):
    for round_ in range(5):
        for number in range(30):
            storage.write_atomic(f"a/{round_}/{number % 7}/{number}", b"x")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(storage.delete, [f"a/{round_}"] * 4))
    assert storage.list() == []


def test_a_folder_goes_from_a_bucket_that_keeps_versions(s3):
    client, bucket = s3
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    storage = Storage(f"s3://{bucket}/x")
    storage.write_atomic("a/b/1", b"x")
    storage.delete("a")
    assert storage.list() == []
    assert client.list_object_versions(Bucket=bucket)["Versions"], "the bucket keeps what was deleted"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a\0b", ".."])
def test_paths_that_climb_are_refused(storage, path):
    for call in (
        storage.read,
        storage.delete,
        storage.exists,
        storage.list,
        storage.sha256,
        storage.uri_of,
        lambda path: storage.write_atomic(path, b"x"),
    ):
        with pytest.raises(StorageError, match="relative to the storage"):
            call(path)


def test_the_root_is_not_deleted(storage):
    with pytest.raises(StorageError):
        storage.delete("")


def test_what_is_not_there_says_so(storage):
    assert storage.info("nothing") is None
    with pytest.raises(StorageError, match=r"nothing: could not read: it is not there\. Check TM_STORAGE") as caught:
        storage.read("nothing")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_uri_of_gives_a_storage_back(storage):
    storage.write_atomic("raw/s/x", b"1")
    assert Storage(storage.uri_of("raw/s")).read("x") == b"1"


@pytest.mark.parametrize("uri", ["", "x", "/tmp", "file://relative", "s3://", "gs://b/x", "http://host/x"])
def test_other_uris_are_refused(uri):
    with pytest.raises(StorageError, match="expected file:///"):
        Storage(uri)


def test_a_raw_file_uri_may_hold_spaces_and_hashes(tmp_path):
    Storage(f"file://{tmp_path}/a b#c").write_atomic("x", b"1")
    assert (tmp_path / "a b#c" / "x").read_bytes() == b"1"


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    storage = Storage(tmp_path.as_uri())
    storage.write_atomic("x", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="the disk is full"):
        storage.write_atomic("x", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"old"}


@pytest.fixture
def no_rights(tmp_path):
    """A folder that the test's user may not enter; root, who may enter all, becomes nobody for the while."""
    (tmp_path / "shut").mkdir(mode=0)
    if root := os.geteuid() == 0:
        os.seteuid(65534)
    yield tmp_path
    if root:
        os.seteuid(0)


def test_a_forbidden_folder_is_named(no_rights):
    with pytest.raises(StorageError, match=r"permission denied\. Give the user"):
        Storage(no_rights.as_uri()).write_atomic("shut/x", b"1")


def test_a_file_where_a_folder_should_be(tmp_path):
    storage = Storage(tmp_path.as_uri())
    storage.write_atomic("a", b"1")
    with pytest.raises(StorageError, match="is a file, not a folder"):
        storage.write_atomic("a/b", b"1")
    with pytest.raises(StorageError, match="too long"):
        storage.write_atomic("x" * 300, b"1")


def test_links_are_not_followed(tmp_path, caplog):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "root" / "raw").mkdir(parents=True)
    (tmp_path / "root" / "raw" / "a.de.txt").symlink_to(tmp_path / "secret")
    (tmp_path / "root" / "raw" / "loop").symlink_to(tmp_path)
    assert Storage((tmp_path / "root").as_uri()).list() == []
    assert caplog.text.count("is a link: not listed") == 2


def test_names_that_are_no_unicode_are_listed_and_readable(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.de.txt")).write_bytes(b"x")
    storage = Storage(tmp_path.as_uri())
    assert [storage.read(info.path) for info in storage.list()] == [b"x"]


def test_a_file_costs_the_same_to_list_among_ten_thousand(tmp_path):
    def list_files(number):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        for name in range(number):
            (folder / f"{name}").touch()
        storage, found = Storage(folder.as_uri()), []
        lines = lines_run(lambda: found.extend(storage.list()))
        assert len(found) == number
        return lines

    assert list_files(10_000) < 15 * list_files(1000)


def test_a_bucket_that_is_not_there(s3):
    with pytest.raises(StorageError, match=r"no such bucket|not there"):
        Storage("s3://no-such-bucket-here/x").write_atomic("a", b"1")


def test_s3_that_does_not_answer(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match=r"S3 did not answer\. Check the network and AWS_ENDPOINT_URL"):
        Storage(f"s3://{s3[1]}/x").read("a")


# Not there at all ---------------------------------------------------------------------------------------

OPERATIONS = {
    "list": lambda storage: storage.list("raw"),
    "info": lambda storage: storage.info("raw/x"),
    "exists": lambda storage: storage.exists("raw/x"),
    "read": lambda storage: storage.read("raw/x"),
    "write": lambda storage: storage.write_atomic("raw/x", b"1"),
    "delete": lambda storage: storage.delete("raw/x"),
    "require": lambda storage: storage.require(),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_bucket_that_is_not_there_is_no_empty_one(s3, s3_endpoint, operation):
    with pytest.raises(StorageUnavailable) as caught:
        OPERATIONS[operation](Storage("s3://no-such-bucket/prefix"))
    for part in (
        "s3://no-such-bucket/prefix",
        f"'no-such-bucket' at {s3_endpoint}",
        "found no such bucket",
        "Nothing was read",
    ):
        assert part in str(caught.value)


def test_a_bucket_that_goes_is_missed_at_the_next_empty_listing(s3):
    client, bucket = s3
    storage = Storage(f"s3://{bucket}/prefix")
    assert storage.list() == []
    assert storage.is_there()
    client.delete_bucket(Bucket=bucket)
    with pytest.raises(StorageUnavailable, match="no such bucket"):
        storage.list()
    assert not storage.is_there()


def test_credentials_that_may_not_look_at_the_bucket_are_enough(s3, monkeypatch):
    """A policy may allow the files below a prefix and nothing else."""
    _, bucket = s3
    asked = []

    def refuse(self, path):
        asked.append(path)
        raise OSError(f"When getting information for '{path}': AWS Error ACCESS_DENIED: No response body.")

    monkeypatch.setattr(storage_module._S3, "_look_at", refuse)
    storage = Storage(f"s3://{bucket}/prefix")
    storage.write_atomic("x", b"1")
    assert storage.read("x") == b"1"
    assert bucket in asked


def test_a_server_that_does_not_answer_is_named(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StorageUnavailable, match=r"did not answer\. Check .*asked: http://127\.0\.0\.1:1\)"):
        Storage("s3://any/prefix").list("raw")


@pytest.mark.parametrize("is_file", [False, True])
def test_a_folder_that_is_not_there(tmp_path, is_file):
    root = tmp_path / "root"
    if is_file:
        root.touch()
    storage = Storage(root.as_uri())
    assert not storage.is_there()
    with pytest.raises(StorageUnavailable, match="expected a folder, found " + ("a file" if is_file else "none")):
        storage.require()
    if is_file:
        with pytest.raises(StorageError, match="is a file, not a folder"):
            storage.require(make=True)
    else:
        storage.require(make=True)
        assert storage.is_there()
        storage.require(make=True)
