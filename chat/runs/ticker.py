"""The tick: gather what all runs of this process have got, append and commit it in one transaction, render it, ring.
In this order.
"""

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error as DatabaseError

from chat.store import log, pool

if TYPE_CHECKING:
    from chat.runs.run import Run

logger = logging.getLogger(__name__)


class Ticker:
    """At most one flush at a time, at most one every RUN_TICK seconds; an urgent event does not wait for the tick."""

    def __init__(self) -> None:
        self.dirty: dict[str, Run] = {}
        self.wake = asyncio.Event()
        self.urgent = asyncio.Event()

    def put(self, run: "Run", *, urgent: bool) -> None:
        """This run has events that are not committed yet."""
        self.dirty[run.id] = run
        self.wake.set()
        if urgent:
            self.urgent.set()

    async def loop(self) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            self.urgent.clear()
            await self._flush()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(settings.RUN_TICK):
                    await self.urgent.wait()

    async def _flush(self) -> None:
        dirty, self.dirty = {pk: run for pk, run in self.dirty.items() if run.pending}, {}
        if not dirty:
            return
        batches = [run.batch() for run in dirty.values()]
        try:
            written = await pool.for_runs(log.append, batches)
        except DatabaseError as error:
            logger.warning("The log cannot be written, trying again: %s", type(error).__name__)
            await asyncio.sleep(0.5)
            self.dirty = {**dirty, **self.dirty}
            self.wake.set()
            return
        for batch, run in zip(batches, dirty.values(), strict=True):
            if batch.response_id not in written:
                run.fence()
            elif (position := written[batch.response_id]) is None:
                self.put(run, urgent=False)  # somebody holds its conversation: with the next tick
            else:
                run.committed(len(batch.events), position)
