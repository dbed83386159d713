"""Files lie on this machine's disk or in a bucket; in both they are whole or not there, and gone when they are deleted."""

import errno
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured

from chat import errors
from chat.files import storage
from project.buckets import bucket

DIGEST = "ab" * 32
DATA = bytes(range(256)) * 4_000


@pytest.fixture(params=["here", "bucket"])
def home(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> str:
    settings.MEDIA_ROOT = tmp_path / "files"
    if request.param == "bucket":
        request.getfixturevalue("in_a_bucket")
    return str(request.param)


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_is_put_is_there_until_it_is_deleted(home: str) -> None:
    key = storage.key(7, DIGEST)
    storage.put(key, DATA)
    storage.put(key, DATA)
    assert storage.size(key) == len(DATA)
    assert len(list(storage.chunks(key))) > 1
    assert storage.read(key) == DATA
    storage.delete(key)
    storage.delete(key)
    for missing in (storage.read, storage.size):
        with pytest.raises(errors.NotFound):
            missing(key)


def test_the_same_bytes_of_two_people_lie_twice(home: str) -> None:
    mine, theirs = storage.key(7, DIGEST), storage.key(8, DIGEST)
    storage.put(mine, DATA)
    storage.put(theirs, DATA)
    storage.put(storage.key(7, DIGEST, width=320), b"small")
    storage.delete(mine)
    assert storage.read(theirs) == DATA
    assert storage.read(storage.key(7, DIGEST, width=320)) == b"small"


@pytest.mark.parametrize("key", ["../../etc/passwd", "7/ab/../x", "/etc/passwd", f"7/ab/{DIGEST}/x", f"7/ab/{DIGEST}\n", ""])
def test_a_key_leads_nowhere_else(key: str) -> None:
    for verb in (storage.read, storage.size, storage.delete, storage.path, lambda key: storage.put(key, b"x")):
        with pytest.raises(ValueError, match="no key"):
            verb(key)


def test_of_a_file_on_the_disk_nothing_is_left(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    key = storage.key(7, DIGEST)
    storage.put(key, b"a canary in a file")
    path = storage.path(key)
    assert path is not None
    assert b"canary" in path.read_bytes()
    assert path.stat().st_mode & 0o007 == 0
    storage.delete(key)
    assert b"canary" not in all_bytes(tmp_path)
    assert not (tmp_path / "files" / "7").exists()


def test_a_new_folder_is_on_the_disk_as_well_as_what_is_in_it(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the power may take away both, and the row says that the file is there."""
    settings.MEDIA_ROOT = tmp_path / "files"
    sync, settled = os.fsync, list[str]()
    monkeypatch.setattr(os, "fsync", lambda number: (settled.append(os.readlink(f"/proc/self/fd/{number}")), sync(number)))
    for width, folders in ((0, ["files/7/ab", "files/7", "files"]), (320, ["files/7/ab"])):
        settled.clear()
        storage.put(storage.key(7, DIGEST, width=width), DATA)
        assert settled[1:] == [str(tmp_path / name) for name in folders]


def test_who_reads_while_it_is_put_anew_sees_all_of_it(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    key, done = storage.key(7, DIGEST), threading.Event()
    storage.put(key, DATA)

    def put() -> None:
        for _ in range(20):
            storage.put(key, DATA)
        done.set()

    with ThreadPoolExecutor(1) as other:
        writing = other.submit(put)
        while not done.is_set():
            assert storage.read(key) == DATA
        writing.result()


def test_putting_and_deleting_in_one_folder_at_once_loses_nothing(settings: Any, tmp_path: Path) -> None:
    """The last one out of a folder takes it away, while somebody comes in."""
    settings.MEDIA_ROOT = tmp_path / "files"
    keys = [storage.key(7, f"ab{number:062x}") for number in range(8)]

    def go(key: str) -> None:
        for _ in range(15):
            storage.put(key, b"x")
            assert storage.read(key) == b"x"
            storage.delete(key)

    with ThreadPoolExecutor(len(keys)) as people:
        list(people.map(go, keys))


def test_a_disk_that_takes_nothing_is_said_and_nothing_half_is_left(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    (tmp_path / "files").write_text("a file where a folder should be")
    with pytest.raises(errors.FilesAway):
        storage.put(storage.key(7, DIGEST), DATA)


def test_what_a_dead_process_had_begun_to_write_goes_in_an_hour(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    storage.tidy()
    storage.put(storage.key(7, DIGEST), DATA)
    begun = [tmp_path / "files" / ".unfinished" / name for name in ("old", "new")]
    for path in begun:
        path.write_bytes(b"half")
    os.utime(begun[0], (time.time() - 4_000,) * 2)
    storage.tidy()
    assert [path.exists() for path in begun] == [False, True]
    assert storage.read(storage.key(7, DIGEST)) == DATA


def test_a_file_in_a_bucket_is_opened_for_a_minute_and_for_nobody_else(in_a_bucket: Any) -> None:
    key = storage.key(7, DIGEST)
    storage.put(key, DATA)
    assert storage.path(key) is None
    (held,) = in_a_bucket()
    assert held["Key"] == f"below/{key}"
    address = httpx.URL(storage.elsewhere(key, type="application/pdf", disposition='attachment; filename="a.pdf"'))
    assert address.params["X-Amz-Expires"] == "60"
    assert "X-Amz-Signature" in address.params
    answer = httpx.get(address)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="a.pdf"'
    storage.delete(key)
    assert in_a_bucket() == []


def test_a_bucket_takes_a_file_whole_or_not_at_all(in_a_bucket: Any) -> None:
    """Parts of one that was cut off would lie there, unseen, for ever."""
    storage.put(storage.key(7, DIGEST), bytes(9_000_000))
    assert "-" not in in_a_bucket()[0]["ETag"]  # which says how many parts it came in


def test_in_a_bucket_that_is_not_there_nothing_is_deleted(in_a_bucket: Any, settings: Any) -> None:
    settings.FILES_BUCKET = {**settings.FILES_BUCKET, "bucket_name": "another"}
    with pytest.raises(errors.FilesAway):
        storage.delete(storage.key(7, DIGEST))


def test_where_browsers_do_not_reach_the_bucket_files_go_through_the_server(in_a_bucket: Any, settings: Any) -> None:
    settings.FILES_BUCKET = {**settings.FILES_BUCKET, "redirect": False}
    storage.put(storage.key(7, DIGEST), DATA)
    assert storage.elsewhere(storage.key(7, DIGEST), type="application/pdf") == ""


def test_a_bucket_that_is_away_is_said(settings: Any) -> None:
    settings.FILES_BUCKET = bucket("s3+http://a:b@127.0.0.1:9/files")
    for verb in (storage.read, storage.size, storage.delete):
        with pytest.raises(errors.FilesAway):
            verb(storage.key(7, DIGEST))


@pytest.mark.parametrize(
    "url",
    [
        "http://host/bucket",
        "s3://key@host/bucket",
        "s3://host",
        "s3://a:b@host/bucket?redirect=maybe",
        "s3://a:b@host:x/b",
        "s3:b",
    ],
)
def test_an_address_that_is_no_bucket_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="s3://KEY:SECRET@"):
        bucket(url)


def test_a_full_disk_is_no_bug_of_ours() -> None:
    from chat.files.local import Local

    assert isinstance(Local(Path("/x")).failure(OSError(errno.ENOSPC, "full")), errors.FilesAway)
    assert Local(Path("/x")).failure(KeyError("x")) is None
