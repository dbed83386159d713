"""The in-process executor: one asyncio task a run, with strong references, held leases and an orderly way out."""

import asyncio
import contextvars
import itertools
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from chat.runs.run import Run, execute
from chat.runs.sweep import sweep
from chat.runs.ticker import Ticker
from chat.store import conversations, pool, responses

logger = logging.getLogger(__name__)
LOOK = 0.5  # seconds between looks for Stops asked for in another process


class Executor:
    """Starts, stops and watches the runs of this process. All methods are called on the serving loop."""

    def __init__(self) -> None:
        self.ticker = Ticker()
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.runs: dict[str, Run] = {}
        self.background: set[asyncio.Task[None]] = set()
        self.accepting = False

    def open(self) -> None:
        """Begin on the running loop."""
        self.ticker = Ticker()
        self.accepting = True
        for work in (self.ticker.loop, self._hold, self._sweep):
            self.keep(work)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task with an empty context (a request's dies with its request) and a strong reference."""
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self.background.add(task)
        task.add_done_callback(self.background.discard)
        return task

    def keep(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Work that never ends as long as the process serves: should it break, that is logged and it begins again."""
        self.spawn(self._again_and_again(work))

    async def _again_and_again(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await work()
            except Exception:  # all runs and readers of the process depend on it
                logger.exception("%s broke; it begins again", work.__qualname__)
            await asyncio.sleep(1)

    def start(self, response_id: str) -> None:
        """Execute a queued run, unless it is executed here already. Taking it is a compare-and-set: starting twice is
        harmless.
        """
        if not self.accepting or response_id in self.tasks:
            return
        task = self.spawn(execute(response_id, self))
        self.tasks[response_id] = task
        task.add_done_callback(lambda _: self.tasks.pop(response_id, None))

    def cancel(self, response_id: str) -> None:
        if (run := self.runs.get(response_id)) is not None:
            run.stop()

    async def close(self, *, patience: float = 5.0) -> None:
        """Stop accepting, flush what has come, give the leases up. What was shown stays; the next process decides what
        becomes of it.
        """
        self.accepting = False
        held = list(self.runs)
        for run in list(self.runs.values()):
            run.abandon()
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=patience)
        await pool.for_runs(responses.release, held)
        for task in list(self.background):
            task.cancel()
        await asyncio.gather(*self.background, return_exceptions=True)

    async def _hold(self) -> None:
        """Renew leases; stop what was asked to stop elsewhere; drop what another process has taken over."""
        looks = 0
        while True:
            await asyncio.sleep(LOOK)
            looks += 1
            if not self.runs:
                continue
            try:
                verdicts = await pool.for_runs(responses.lost_or_cancelled, {pk: run.epoch for pk, run in self.runs.items()})
                if looks % 6 == 0:
                    await pool.for_runs(responses.renew, list(self.runs))
            except DatabaseError as error:
                logger.warning("The database is away, runs go on: %s", type(error).__name__)
                continue
            for pk, verdict in verdicts.items():
                if (run := self.runs.get(pk)) is not None:
                    run.stop() if verdict == "cancelled" else run.fence()

    async def _sweep(self) -> None:
        """Take up what other processes left behind, and start what is due; remove what was deleted long enough ago."""
        alone = settings.ON_SQLITE
        for number in itertools.count():
            try:
                for response_id in await sweep(alone=alone, held=set(self.tasks)):
                    self.start(response_id)
                if number % 20 == 0:
                    await pool.for_runs(conversations.purge)
            except DatabaseError as error:
                logger.warning("The sweep found no database: %s", type(error).__name__)
            alone = False
            await asyncio.sleep(settings.RUN_SWEEP)


executor = Executor()
