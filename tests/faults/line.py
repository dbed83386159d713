"""A chaos proxy on a loop of its own, for processes that outlive the loop of one test."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

from tests.faults.chaos import Chaos


class Line:
    """`with Line(engine.port) as line:` connections to `line.port` go there; `line.do(Chaos.cut)` is an accident."""

    def __init__(self, target: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="line", daemon=True)
        self.chaos = Chaos(target)

    def __enter__(self) -> Self:
        self.thread.start()
        self._await(self.chaos.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._await(self.chaos.__aexit__())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    @property
    def port(self) -> int:
        return self.chaos.port

    def do(self, accident: Callable[[Chaos], object]) -> None:
        """Done when this returns."""

        async def done() -> None:
            accident(self.chaos)

        self._await(done())

    async def outage(self, seconds: float) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.chaos.outage(seconds), self.loop))

    def _await(self, work: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)
