"""When each token was sent, by the clock that all processes of a machine share: a file mapped into all who write or read it."""

import mmap
import os
import struct
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

SLOTS, TOKENS = 8192, 2048  # replies of one run of the benchmarks, tokens of each; a sparse file
ONE = struct.Struct("d")


class Times:
    """`path` is a file made before by `Times.make`. A time of 0.0 means: not sent yet."""

    def __init__(self, path: str) -> None:
        self.path = path
        with Path(path).open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), SLOTS * TOKENS * ONE.size)

    @classmethod
    def make(cls) -> "Times":
        handle, path = tempfile.mkstemp(prefix="parley-bench-times-")
        os.ftruncate(handle, SLOTS * TOKENS * ONE.size)
        os.close(handle)
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.map.close()
        Path(self.path).unlink()

    def sent(self, slot: int, token: int, at: float) -> None:
        ONE.pack_into(self.map, (slot % SLOTS * TOKENS + token) * ONE.size, at)

    def of(self, slot: int, token: int) -> float:
        """`time.monotonic()` just before the token was given to the socket."""
        at: float = ONE.unpack_from(self.map, (slot % SLOTS * TOKENS + token) * ONE.size)[0]
        return at
