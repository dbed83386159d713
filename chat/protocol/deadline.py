"""A deadline for one wait after the other. `asyncio.timeout` sets a timer for each, and takes it back; a stream waits ten times a
second.
"""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Self, TypeVar

T = TypeVar("T")


class Deadline:
    """`seconds` for each wait, inside a `with`. Its one timer looks, when it goes off, whether somebody has waited too long.

    Between `stop` and `start` no time passes; a wait that is under way begins anew with `start`.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._task: asyncio.Task[object] | None = None  # that waits now
        self._until = 0.0
        self._stopped = self._passed = False
        self._timer: asyncio.Handle | None = None

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """What it gives. Raises TimeoutError, having cancelled it, when it takes longer."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        self._task, self._until = task, loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(self._until, self._look, loop)
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self._passed and task.cancelling() <= cancelling + 1:  # nobody else has cancelled it too
                raise TimeoutError from None
            raise
        finally:
            if self._passed:  # whatever came of it: this cancellation was ours
                task.uncancel()
            self._task, self._passed = None, False

    def stop(self) -> None:
        self._stopped = True

    def start(self) -> None:
        self._stopped = False
        if self._task is not None:
            loop = asyncio.get_running_loop()
            self._until = loop.time() + self._seconds
            if self._timer is None:
                self._timer = loop.call_at(self._until, self._look, loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, loop: asyncio.AbstractEventLoop, *, last: bool = False) -> None:
        self._timer = None
        if self._task is None or self._stopped:
            return  # the next wait sets it anew, or `start`
        if loop.time() < self._until:
            self._timer = loop.call_at(self._until, self._look, loop)
        elif not last:  # this turn may have brought what is waited for: it is in time, however late the turn is
            self._timer = loop.call_soon(partial(self._look, loop, last=True))
        else:
            self._passed = True
            self._task.cancel()
