"""Files on this machine's disk. A file is there whole or not at all, whenever the power goes."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chat import errors

CHUNK: Final = 262_144
UNFINISHED: Final = ".unfinished"
ABANDONED: Final = 3_600.0  # seconds after which nobody writes it any more
TRIES: Final = 3


class Local:
    """Below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: str) -> Path:
        return self._folder / key

    def put(self, key: str, data: bytes) -> None:
        """Written beside its place, forced to the disk, then moved there."""
        written = self._written(data)
        try:
            self._moved(written, self.path(key))
        except BaseException:
            written.unlink(missing_ok=True)
            raise

    def _written(self, data: bytes) -> Path:
        folder = self._folder / UNFINISHED
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        path = folder / secrets.token_hex(16)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def _moved(self, written: Path, place: Path) -> None:
        """A delete may take its folder away just now, when it was the last in it."""
        for last in (*[False] * TRIES, True):
            try:
                new = not place.parent.is_dir()
                place.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
                written.replace(place)
                self._settle(place.parent, whole=new)
                return
            except (FileNotFoundError, FileExistsError):  # there when it was to be made, and gone when it was looked at
                if last:
                    raise

    def _settle(self, folder: Path, *, whole: bool = False) -> None:
        """What it says of a file is on the disk, too; `whole`: and what those above say of it, which was just made."""
        _settle(folder)
        if whole and folder != self._folder and self._folder in folder.parents:
            self._settle(folder.parent, whole=True)

    def chunks(self, key: str) -> Iterator[bytes]:
        with self.path(key).open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def size(self, key: str) -> int:
        return self.path(key).stat().st_size

    def delete(self, key: str) -> None:
        path = self.path(key)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            self._settle(path.parent)
        for folder in path.parents:
            if folder == self._folder:
                break
            try:
                folder.rmdir()
            except OSError:  # there are others in it
                break

    def elsewhere(self, key: str, *, type: str, disposition: str, seconds: int) -> str:
        return ""

    def failure(self, error: Exception) -> errors.ParleyError | None:
        if isinstance(error, FileNotFoundError):
            return errors.NotFound()
        return errors.FilesAway() if isinstance(error, OSError) else None

    def tidy(self) -> None:
        """Remove what a process that died had begun to write."""
        with contextlib.suppress(FileNotFoundError):
            for path in (self._folder / UNFINISHED).iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime < time.time() - ABANDONED:
                        path.unlink()


def _settle(folder: Path) -> None:
    """What its folder says of a file is on the disk, too."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
