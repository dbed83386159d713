"""How a run that is due gets to a process that executes it. Two ways with one face; nothing else in the house knows which."""

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from django.conf import settings

from chat.store import wake


class Executes(Protocol):
    """The executor, as those see it who bring it work."""

    def start(self, response_id: str) -> None: ...

    async def vacancy(self) -> None:
        """Wait until there is room for one more run."""
        ...


class Dispatch(Protocol):
    def start(self, response_ids: Sequence[str]) -> None:
        """Have these runs executed soon. Called in a thread that may use the database, after the commit that queued them.

        Doing it twice is harmless, and what is forgotten here the sweep finds.
        """
        ...

    async def serve(self, executor: Executes) -> None:
        """Bring what is due to this process's executor, until it is cancelled."""
        ...


class InProcess:
    """This process executes all runs: they begin on its own loop."""

    def __init__(self) -> None:
        self.executor: Executes | None = None

    def start(self, response_ids: Sequence[str]) -> None:
        for response_id in response_ids:
            wake.on_loop(self._begin, response_id)

    async def serve(self, executor: Executes) -> None:
        self.executor = executor
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.executor = None

    def _begin(self, response_id: str) -> None:
        if self.executor is not None:
            self.executor.start(response_id)


@cache
def dispatch() -> Dispatch:
    """This installation's way."""
    if settings.ON_SQLITE:
        return InProcess()
    from chat.runs.jobs import Jobs  # its tables exist on Postgres only

    return Jobs()
