"""Looking up names that somebody chose, in threads of our own, so that no other lookup waits for them.

A name may take minutes: nothing ends its thread before, also where nobody waits for it any more. It counts until then, and of
what belongs together only a few are under way: who names slow ones holds up nobody else.
"""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

THREADS: Final = 32
EACH: Final = 2  # of these for one person, and for names that end with the same two labels
Key = int | str


@dataclass(eq=False, slots=True)
class _Lookup:
    call: Callable[[], list[Any]]
    keys: list[Key]
    answer: "Future[list[Any]]" = field(default_factory=Future)


class _Lookups:
    """Those of this process, for any of its loops."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="lookup")
        self._lock = threading.Lock()
        self._underway: Counter[Key] = Counter()
        self._waiting: list[_Lookup] = []

    def ask(self, lookup: _Lookup) -> "Future[list[Any]]":
        with self._lock:
            self._waiting.append(lookup)
            self._start()
        return lookup.answer

    def _start(self) -> None:
        """Whoever has room, and is still waited for."""
        left: list[_Lookup] = []
        for lookup in self._waiting:
            if lookup.answer.cancelled():
                continue
            if any(self._underway[key] >= EACH for key in lookup.keys):
                left.append(lookup)
            else:
                self._underway.update(lookup.keys)
                self._threads.submit(self._run, lookup)
        self._waiting = left

    def _run(self, lookup: _Lookup) -> None:
        try:
            if lookup.answer.set_running_or_notify_cancel():
                lookup.answer.set_result(lookup.call())
        except Exception as error:
            lookup.answer.set_exception(error)
        finally:
            with self._lock:
                self._underway -= Counter(lookup.keys)
                self._start()


_lookups: Final = _Lookups()


async def infos(host: str, port: int, *, family: int = socket.AF_UNSPEC, whose: int | None = None) -> list[Any]:
    """What `getaddrinfo` says of a name, which a person (id) chose; and its errors."""
    call = partial(socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM)
    keys: list[Key] = [".".join(host.lower().rstrip(".").split(".")[-2:])]
    if whose is not None:
        keys.append(whose)
    return await asyncio.wrap_future(_lookups.ask(_Lookup(call, keys)))
