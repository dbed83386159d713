"""Where the bytes of files lie: this machine's disk (PARLEY_VAR/files), or a bucket (FILES_URL). What is deleted is gone at once.

A key is made of whose the file is and of its digest, so the same bytes of two people lie twice: nobody's depend on somebody
else's row. Putting them again changes nothing. Every function may raise FilesAway (then it is tried again later), and all that
read NotFound.
"""

import contextlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from django.conf import settings

from chat import errors
from chat.files.local import Local

KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}/[0-9a-f]{2}/[0-9a-f]{64}(?:\.[0-9]{1,5}\.webp)?")
SECONDS: Final = 60  # for which an address of the bucket opens a file


class Home(Protocol):
    """What both homes do."""

    def put(self, key: str, data: bytes) -> None: ...
    def chunks(self, key: str) -> Iterator[bytes]: ...
    def size(self, key: str) -> int: ...
    def delete(self, key: str) -> None: ...
    def elsewhere(self, key: str, *, type: str, disposition: str, seconds: int) -> str: ...
    def tidy(self) -> None: ...
    def failure(self, error: Exception) -> errors.ParleyError | None: ...


def key(owner: int | str, digest: str, *, width: int = 0) -> str:
    """Where a file lies, or its thumbnail of this width."""
    found = f"{owner}/{digest[:2]}/{digest}" + (f".{width}.webp" if width else "")
    return _checked(found)


def put(key: str, data: bytes) -> None:
    """Whole, or not at all; on the disk when this returns."""
    try:
        with _failing():
            _home().put(_checked(key), data)
    except errors.NotFound as error:  # its folder, or the bucket
        raise errors.FilesAway from error


def read(key: str) -> bytes:
    return b"".join(chunks(key))


def chunks(key: str) -> Iterator[bytes]:
    """Its bytes, some at a time; NotFound comes with the first."""
    with _failing():
        yield from _home().chunks(_checked(key))


def size(key: str) -> int:
    """In bytes."""
    with _failing():
        return _home().size(_checked(key))


def delete(key: str) -> None:
    """Gone when this returns; what is not there is gone already."""
    try:
        with _failing():
            _home().delete(_checked(key))
    except errors.NotFound as error:  # the bucket
        raise errors.FilesAway from error


def path(key: str) -> Path | None:
    """Where it lies on this machine, for a web server that hands it out itself; None in a bucket."""
    home, checked = _home(), _checked(key)
    return home.path(checked) if isinstance(home, Local) else None


def elsewhere(key: str, *, type: str, disposition: str = "attachment") -> str:
    """An address of the bucket that opens this file for a minute; empty where the file is to go through this server."""
    with _failing():
        return _home().elsewhere(_checked(key), type=type, disposition=disposition, seconds=SECONDS)


def tidy() -> None:
    """Remove what a process that died had begun to write. Called with what else has expired."""
    with _failing():
        _home().tidy()


def _checked(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError("This is no key of a file.")
    return key


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        meant = _home().failure(error)
        if meant is None:
            raise
        raise meant from error


def _home() -> Home:
    bucket = settings.FILES_BUCKET
    return _made(str(settings.MEDIA_ROOT), tuple(sorted(bucket.items())) if bucket else ())


@cache
def _made(folder: str, bucket: tuple[tuple[str, Any], ...]) -> Home:
    """Made once; a bucket's own module is imported only where there is one."""
    if not bucket:
        return Local(Path(folder))
    from chat.files.bucket import Bucket

    return Bucket(dict(bucket))
