"""The life of a process, web or worker: what opens with it, how it stops taking work, what closes with it."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

from django.conf import settings

from chat import doorbell
from chat.doorbell import relay
from chat.runs.executor import executor
from chat.store import wake

Work = Callable[[], Coroutine[Any, Any, None]]


class Process:
    """Opened once, on the loop that serves. `draining`: it takes nothing new, others shall."""

    def __init__(self) -> None:
        self.opened = self.draining = False
        self.drained_by = 0.0  # by the loop's clock, 0 before it drains

    def open(self, *, executes: bool, reads: bool, work: tuple[Work, ...] = ()) -> None:
        """`executes` runs; `reads`: sockets are served here; `work` goes on as long as the process."""
        if self.opened:
            return
        self.opened, self.draining, self.drained_by = True, False, 0.0
        gc.collect()
        gc.set_threshold(4_000, 4, 20)
        gc.freeze()  # what is loaded stays: looking through it again and again took a twentieth of the time, 80 ms at once
        wake.attach(asyncio.get_running_loop())
        executor.open(executes=executes)
        if settings.REDIS_URL:
            executor.keep(relay.through_redis(doorbell.hub, settings.REDIS_URL, listens=reads).run)
        for piece in work:
            executor.keep(piece)

    async def drain(self) -> None:
        """From now on new runs are others', and what runs here comes to its end, within DRAIN_SECONDS of the first call."""
        now = asyncio.get_running_loop().time()
        self.draining, self.drained_by = True, self.drained_by or now + settings.DRAIN_SECONDS
        await executor.drain(seconds=max(0.0, self.drained_by - now))

    async def close(self) -> None:
        self.opened = False
        await executor.close()
        wake.attach(None)


process = Process()
