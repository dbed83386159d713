"""A reply under way, its readers, and how long after the model server each of its words was there for them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from time import monotonic

from tests.faults.reader import Reader
from tests.faults.visitor import Visitor
from tests.faults.words import Speech
from tests.scripted import ScriptedServer

ENDED = ("completed", "incomplete", "failed", "cancelled")


@dataclass
class Watch:
    """One reader of one reply. `lags`: for each word when it was said (by time.monotonic()), and how much later it was there."""

    reader: Reader
    speech: Speech
    model: ScriptedServer
    lags: list[tuple[float, float]] = field(default_factory=list)

    @property
    def reply(self) -> str:
        return self.reader.ids()[0]

    @property
    def status(self) -> str:
        return self.reader.status(self.reply)

    async def begin(self) -> None:
        """Until its first word is there; from then on every change of the page is checked."""
        await self.reader.until(lambda: len(self.reader.ids()) == 1, within=10, what="a reply")
        self.reader.expect(self.reply, self.speech.text)
        await self.reader.until(self._some, within=15, what="a first word")

    async def follow(self, *, within: float) -> None:
        await self.reader.until(lambda: self._note() and self.status in ENDED, within=within, what="an end")

    def _some(self) -> bool:
        self._note()
        return bool(self.lags)

    def _note(self) -> bool:
        now, requests = monotonic(), self.speech.requests(self.model)
        words = len(self.reader.text(self.reply).split())
        for number in range(len(self.lags), words):
            said = requests[0].at + (number + 1) / self.speech.rate
            self.lags.append((said, now - said))
        return True

    def between(self, since: float, upto: float) -> list[float]:
        """The lags of what was said in this time."""
        return [lag for said, lag in self.lags if since <= said <= upto]

    def fresh(self, seconds: float) -> bool:
        """Whether all that was said in so long until now was there within 0.4 s: more than a look by itself brings about."""
        recent = self.lags[-int(seconds * self.speech.rate) :]
        return len(recent) >= int(seconds * self.speech.rate) and all(lag < 0.4 for _, lag in recent)


@contextlib.asynccontextmanager
async def talks(
    people: Sequence[Visitor], model: ScriptedServer, *, seconds: float, rate: float = 25
) -> AsyncIterator[list[Watch]]:
    """Each person is being answered for so long, and reads it in two tabs. Followed to the end, and the end was the right one."""
    watches: list[Watch] = []
    try:
        for person in people:
            speech = Speech(tokens=int(seconds * rate), rate=rate)
            conversation = await person.begin(speech.prompt)
            watches += [Watch(Reader(person, conversation), speech, model) for _ in range(2)]
        await asyncio.gather(*(watch.reader.load() for watch in watches))
        await asyncio.gather(*(watch.begin() for watch in watches))
        async with asyncio.TaskGroup() as following:
            for watch in watches:
                following.create_task(watch.follow(within=seconds + 30))
            yield watches
    finally:
        await asyncio.gather(*(watch.reader.close() for watch in watches))


def whole(watches: Sequence[Watch]) -> None:
    """All that was said is there, and the end was the right one."""
    for watch in watches:
        assert watch.status == "completed", watch.reader.page.by_id(watch.reply).text()[-300:]
        assert watch.reader.text(watch.reply) == watch.speech.text
