"""Other people, who read on while somebody is rude: how long each waits from one piece of news to the next."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import quantiles
from time import monotonic
from typing import TypeVar

from websockets.asyncio.client import ClientConnection

from tests.faults.reader import Reader
from tests.faults.visitor import Visitor
from tests.faults.words import Speech

RATE = 50.0  # words a second
QUIET = 2.0  # seconds of it that are measured
ATTEMPTS = 3
UNNOTICED = 0.15  # seconds between two pieces of news that nobody notices, on a machine that has other things to do
Got = TypeVar("Got")


class Witness:
    """Reads one reply that never ends, and notes when something came. Its page is not made: only the times count."""

    def __init__(self, person: Visitor) -> None:
        self.person = person
        self.gaps: list[float] = []

    async def __aenter__(self) -> "Witness":
        self.conversation = await self.person.begin(Speech(tokens=int(RATE * 600), rate=RATE).prompt)
        reader = Reader(self.person, self.conversation)
        reader.position = 0
        self.socket: ClientConnection = await reader._connect()
        self.task = asyncio.create_task(self._note())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        await self.socket.close()

    async def _note(self) -> None:
        before = 0.0
        async for _ in self.socket:
            now = monotonic()
            if before:
                self.gaps.append(now - before)
            before = now


@dataclass
class Calm:
    """What others wait in the quiet, in seconds; 0 as long as it is not measured."""

    wait: float = 0.0


class Others:
    """Several of them. What they wait while something happens is compared with the quiet before it."""

    def __init__(self, witnesses: list[Witness], calm: Calm) -> None:
        self.witnesses, self.calm = witnesses, calm

    async def wait(self, seconds: float) -> float:
        """The p95 of their waits in so many seconds from now, in seconds. Who hears nothing has waited all the time."""
        for witness in self.witnesses:
            witness.gaps.clear()
        await asyncio.sleep(seconds)
        gaps: list[float] = []
        for witness in self.witnesses:
            assert not witness.task.done(), "the socket of somebody else closed"
            gaps += [*witness.gaps, max(0.0, seconds - sum(witness.gaps))]
        return quantiles(gaps, n=20)[-1]

    async def notice_nothing(self, offence: Callable[[], Awaitable[Got]], *, seconds: float) -> Got:
        """While this happens, and for so many seconds at least, their p95 stays under twice the quiet one.

        The machine may have other things to do just then: so it may happen again, after a new look at the quiet.
        """
        for attempt in range(ATTEMPTS):
            if attempt or not self.calm.wait:
                self.calm.wait = await self.wait(QUIET)
            offending = asyncio.ensure_future(offence())
            loud = await self.wait(seconds)
            got = await offending
            if loud < max(2 * self.calm.wait, UNNOTICED):
                return got
        raise AssertionError(f"others waited {loud:.3f} s, {self.calm.wait:.3f} s in the quiet")
