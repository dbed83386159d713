"""The tick: let runs read what has come for them; append and commit it in one transaction, render it, ring. In this order, and
together: nothing costs as much as waking up. Where there are many runs they are ticked by turns, a few groups of them: a group
that is large takes long, and what it renders last comes late.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error as DatabaseError

from chat.protocol.pace import ReadOn
from chat.store import log, pool

if TYPE_CHECKING:
    from chat.runs.run import Run

logger = logging.getLogger(__name__)
Append = Callable[[Sequence[log.Batch]], dict[str, int | None]]
READING = 0.01  # seconds that a tick waits for its runs to read; those that find nothing are not waited for longer
BREATH = 0.01  # seconds at least between two ticks, however long they take
GROUPS = 3
TOGETHER = 8  # runs that are rendered before others have their turn
AGAIN = 0.5  # seconds until what could not be written is tried again


class Ticker:
    """At most one flush at a time, at most one every RUN_TICK seconds; an urgent event does not wait for the tick, and what
    comes after a pause does not either. `append` is where it writes to: the log.
    """

    def __init__(self, *, phase: float = 0.0, append: Append = log.append) -> None:
        self.phase, self.append = phase, append  # phase of a tick: where in it this one's ticks begin
        self.dirty: dict[str, Run] = {}
        self.resting: list[ReadOn] = []  # what lets runs read on that have read all that had come for them
        self.unshown: set[str] = set()  # runs whose events are committed, and are still to be rendered
        self.reading = 0  # runs that this tick lets read
        self.read = asyncio.Event()
        self.wake = asyncio.Event()
        self.urgent = asyncio.Event()
        self.flushing = asyncio.Lock()
        self.due = 0.0  # the next tick, by the loop's clock

    def put(self, run: "Run", *, urgent: bool) -> None:
        """This run has events that are not committed yet."""
        self.dirty[run.id] = run
        self.wake.set()
        if urgent:
            self.urgent.set()

    def rest(self, read_on: ReadOn) -> None:
        """A run has read all that had come for it: the next tick lets it read on."""
        self.resting.append(read_on)
        if len(self.resting) >= self.reading:
            self.read.set()
        self.wake.set()

    async def landed(self) -> None:
        """Wait for the end of the flush that is under way. What a run has got after its end is not flushed any more."""
        async with self.flushing:
            pass

    async def loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            rested = not self.dirty and not self.resting
            if rested:
                self.wake.clear()
                await self.wake.wait()
            if not (rested and loop.time() >= self.due) and not await self._urgent_before_due():
                await self._read()
            if (now := loop.time()) >= self.due:
                self.due = self._after(now)
            self.urgent.clear()
            await self._flush()
            self.due = max(self.due, loop.time() + BREATH)

    def _after(self, now: float) -> float:
        """The first beginning of a tick that is at least half a tick away."""
        tick = settings.RUN_TICK
        return (math.floor(now / tick + 0.5 - self.phase) + 1 + self.phase) * tick

    async def _urgent_before_due(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self.due):
                return await self.urgent.wait()
        return False

    async def _read(self) -> None:
        """Let the resting runs read. Each that finds something rests again when it has handed that in."""
        resting, self.resting = self.resting, []
        self.read.clear()
        self.reading = sum([read_on() for read_on in resting])
        if self.reading:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READING):
                    await self.read.wait()
        self.reading = 0

    async def _flush(self) -> None:
        async with self.flushing:
            dirty, self.dirty = {pk: run for pk, run in self.dirty.items() if run.pending and run.end is None}, {}
            done = not dirty or await self._write(list(dirty.values()))
        if not done:
            await asyncio.sleep(AGAIN)
            self.dirty = {**dirty, **self.dirty}
            self.wake.set()

    async def _write(self, runs: "list[Run]") -> bool:
        """Whether the database took it. Shows what is committed."""
        batches = [run.batch() for run in runs]
        try:
            written = await pool.for_runs(self.append, batches)
        except DatabaseError as error:
            logger.warning("The log cannot be written, trying again: %s", type(error).__name__)
            for run in runs:
                run.row = None  # should it be the row that is gone: the next flush has its own
            return False
        self.unshown |= written.keys()
        for number, (batch, run) in enumerate(zip(batches, runs, strict=True), 1):
            self.unshown.discard(run.id)
            if batch.response_id not in written:
                run.fence()
            elif (position := written[batch.response_id]) is None:
                self.put(run, urgent=False)  # somebody holds its conversation: with the next tick
            else:
                run.committed(batch, position)
            if number % TOGETHER == 0:
                await self._breathe()
        return True

    async def _breathe(self) -> None:
        """Let what has been rendered go out, and what cannot wait in between. Runs that are committed and not shown yet stay as
        they are: what they hold would be written twice.
        """
        await asyncio.sleep(0)
        if self.urgent.is_set():
            self.urgent.clear()
            runs = [run for pk, run in self.dirty.items() if pk not in self.unshown and run.pending and run.end is None]
            for run in runs:
                del self.dirty[run.id]
            if runs and not await self._write(runs):
                self.dirty = {**{run.id: run for run in runs}, **self.dirty}


def tickers() -> tuple[Ticker, ...]:
    """One for each group, in even distances."""
    return tuple(Ticker(phase=number / GROUPS) for number in range(GROUPS))
