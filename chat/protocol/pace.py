"""When a stream is read on. Cost is per wake-up, not per byte: whoever reads many streams reads each of them in ticks.

`current` belongs to the task that reads: a run sets it, and the client asks it wherever it would wait for bytes. Where nobody has
set it, everything is read as it comes.
"""

import asyncio
from contextvars import ContextVar
from typing import Protocol


class Pace(Protocol):
    def rest(self) -> "asyncio.Future[None] | None":
        """All that has come is given out. The future is when to look for more; None: at once."""


current: ContextVar[Pace | None] = ContextVar("pace", default=None)
