"""Executes the runs of this process: one asyncio task a run, with strong references, held leases and an orderly way out."""

import asyncio
import contextlib
import contextvars
import itertools
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from chat.models import Export
from chat.runs import exports, forgetting, probes
from chat.runs.dispatch import dispatch
from chat.runs.purge import PAUSE, Purging
from chat.runs.pushes import pushes
from chat.runs.run import Run, execute
from chat.runs.sweep import Leases, sweep
from chat.runs.ticker import Ticker, tickers
from chat.store import counting, pool, responses, talks

logger = logging.getLogger(__name__)
LOOK = 0.5  # seconds between looks for Stops asked for in another process
FEW = 25  # runs
WHOLE = 20  # looks for what is to go soon, between two for all that has expired
CHECKPOINT = 1.0  # seconds between two on SQLite
HURRY = 3.0  # seconds that the last flush may take when the time to drain is over
AT_ONCE = 1.0  # seconds for what needs none but an answer of the database: one that is away must not hold the end up


class Executor:
    """Starts, stops and watches the runs of this process. All methods are called on the serving loop."""

    def __init__(self) -> None:
        self.tickers, self.aside = tickers(), Ticker(append=talks.append)
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.runs: dict[str, Run] = {}
        self.background: set[asyncio.Task[None]] = set()
        self.accepting = self.ending = False
        self.room = asyncio.Semaphore()

    def open(self, *, executes: bool = True) -> None:
        """Begin on the running loop. Without `executes` it only keeps the process's other work; runs are others', but not those
        of temporary conversations.
        """
        self.tickers, self.aside = tickers(), Ticker(append=talks.append)
        self.room = asyncio.Semaphore(settings.RUNS_PER_WORKER)
        self.accepting, self.ending = executes, False
        for work in (self.aside.loop, self._hold):
            self.keep(work)
        if executes:
            for work in (
                *(ticker.loop for ticker in self.tickers),
                self._sweep,
                self._exports,
                self._log_exports,
                self._probes,
                self._clear,
                self._count,
            ):
                self.keep(work)
            self.keep(self._serve)
            self.keep(pushes.work)
            self.keep(forgetting.work)
            if settings.ON_SQLITE:
                self.keep(self._checkpoint)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task with an empty context (a request's dies with its request) and a strong reference."""
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self.background.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """What was cut short because the database went away, the sweep takes up again; any other error asyncio tells."""
        self.background.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), DatabaseError):
            logger.warning("%s lost the database: %s", task.get_coro(), type(error).__name__)

    def keep(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Work that never ends as long as the process serves: should it break, that is logged and it begins again."""
        self.spawn(self._again_and_again(work))

    async def _again_and_again(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while not self.ending:  # not the task's own account: a TaskGroup loses cancellations, and leaves some behind
            try:
                await work()
            except Exception:  # all runs and readers of the process depend on it
                logger.exception("%s broke; it begins again", work.__qualname__)
            await asyncio.sleep(1)

    def start(self, response_id: str) -> None:
        """Execute a queued run, unless it is executed here already. Taking it is a compare-and-set: starting twice is
        harmless.
        """
        if self.accepting and response_id not in self.tasks:
            self.take_on(response_id, self._execute(response_id))

    def take_on(self, response_id: str, work: Coroutine[Any, Any, None]) -> None:
        """A run by what executes it, among those whose end is waited for."""
        task = self.spawn(work)
        self.tasks[response_id] = task
        task.add_done_callback(lambda _: self.tasks.pop(response_id, None))

    async def vacancy(self) -> None:
        """Wait until there is room for one more run; while there is none, other processes may be faster."""
        async with self.room:
            pass

    async def _serve(self) -> None:
        await dispatch().serve(self)

    async def _execute(self, response_id: str) -> None:
        async with self.room:
            await execute(response_id, self)

    def ticker(self) -> Ticker:
        """That of the next run: a few are ticked together, many by turns."""
        runs = Counter(run.ticker for run in self.runs.values())
        return next((ticker for ticker in self.tickers if runs[ticker] < FEW), min(self.tickers, key=lambda ticker: runs[ticker]))

    def cancel(self, response_id: str) -> None:
        if (run := self.runs.get(response_id)) is not None:
            run.stop()

    async def drain(self, *, seconds: float) -> None:
        """Begin nothing more, and let what runs come to its end, at most so long."""
        self.accepting = False
        if self.tasks:
            logger.warning("Waiting for replies that are being written: %s, %s s at most.", len(self.tasks), seconds)
            await asyncio.wait(self.tasks.values(), timeout=seconds)

    async def close(self) -> None:
        """Flush what has come, give the leases up. What was shown stays; the next process decides what becomes of it."""
        self.accepting, self.ending = False, True
        held = {pk: run.epoch for pk, run in self.runs.items()}
        for run in list(self.runs.values()):
            run.abandon()
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=HURRY)
        if held:
            with contextlib.suppress(DatabaseError, TimeoutError):  # away: the leases run out by themselves
                await asyncio.wait_for(pool.for_runs(responses.release, held), AT_ONCE)
        for task in list(self.background):
            task.cancel()
        if self.background:
            await asyncio.wait(self.background, timeout=AT_ONCE)

    async def _hold(self) -> None:
        """Renew leases; stop what was asked to stop elsewhere, and what its author may not have written any more; drop what
        another process has taken over.
        """
        renewed, every = 0.0, settings.RUN_LEASE / 4
        while True:
            await asyncio.sleep(LOOK)
            held = {pk: responses.Held(run.epoch, run.standing) for pk, run in self.runs.items()}
            if not held:
                continue
            now = asyncio.get_running_loop().time()
            try:
                verdicts = await pool.for_runs(responses.verdicts, held)
                if now - renewed >= every:
                    await pool.for_runs(responses.renew, {pk: held[pk].epoch for pk in held if verdicts.get(pk) != "lost"})
                    renewed = now
            except DatabaseError as error:
                logger.warning("The database is away, runs go on: %s", type(error).__name__)
                continue
            for pk, verdict in verdicts.items():
                if (run := self.runs.get(pk)) is not None and run.epoch == held[pk].epoch:
                    run.heed(verdict)

    async def _sweep(self) -> None:
        """Take up what other processes left behind, and start what is due."""
        alone, leases = settings.ON_SQLITE, Leases()
        while True:
            try:
                due = await sweep(alone=alone, held=self.tasks.keys(), leases=leases, spawn=self.spawn)
                if due:
                    await pool.for_runs(dispatch().start, due)
            except DatabaseError as error:
                logger.warning("The sweep found no database: %s", type(error).__name__)
            alone = False
            await asyncio.sleep(settings.RUN_SWEEP)

    async def _exports(self) -> None:
        """Make the exports that are due, one after the other."""
        await self._make(exports.due(Export.Kind.OWN).make_next)

    async def _log_exports(self) -> None:
        """The same of the log's: these may be large, and hold up nobody's own."""
        await self._make(exports.due(Export.Kind.LOG).make_next)

    async def _make(self, make_next: Callable[..., Coroutine[Any, Any, bool]]) -> None:
        alone = settings.ON_SQLITE
        while True:
            if not (self.accepting and await make_next(alone=alone)):
                await asyncio.sleep(settings.RUN_SWEEP)
            alone = False

    async def _clear(self) -> None:
        """Remove what has expired, and what somebody had who has left: a piece at a time, between which the runs write."""
        purging = Purging()
        for number in itertools.count():
            await purging.go(whole=number % WHOLE == 0)
            await asyncio.sleep(settings.RUN_SWEEP)

    async def _count(self) -> None:
        """Count what has ended among the numbers of its day, a slice at a time, half of the time."""
        now = asyncio.get_running_loop().time
        while True:
            more = True
            try:
                while more:
                    began = now()
                    more = await pool.for_readers(counting.step)
                    await asyncio.sleep(max(PAUSE, now() - began))
            except DatabaseError as error:
                logger.warning("What is to be counted waits a little: %s", type(error).__name__)
            await asyncio.sleep(settings.RUN_SWEEP)

    async def _probes(self) -> None:
        """Ask the model server what it can, where the panel wants to know."""
        await self._make(probes.make_next)

    async def _checkpoint(self) -> None:
        """What the runs write is brought home by another thread: theirs does not wait for the disk."""
        while True:
            await asyncio.sleep(CHECKPOINT)
            if self.runs:
                await pool.for_readers(pool.checkpoint)


executor = Executor()
