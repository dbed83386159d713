"""When a stream is read on. Cost is per wake-up, not per byte: whoever reads many streams reads each of them in ticks.

`current` belongs to the task that reads: a run sets it, and the client asks it wherever it would wait for bytes. Where nobody has
set it, everything is read as it comes.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol

ReadOn = Callable[[], bool]
"""Read again; False where there is nothing to be read any more."""


class Pace(Protocol):
    def rest(self, hold: Callable[[], ReadOn]) -> None:
        """All that has come is given out. To let it rest: `hold` reading, and later call what that gives. Else more is read at
        once.
        """


current: ContextVar[Pace | None] = ContextVar("pace", default=None)
