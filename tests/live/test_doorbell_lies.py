"""Rings from another process that are dropped, doubled, late or out of order: readers get all of it, in order, once."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat.doorbell import Hub, Ring, hub
from chat.doorbell.relay import Relay
from chat.live import transcript
from chat.live.fragments import Fragments
from chat.live.watch import readers
from chat.models import Response, User
from chat.models.ids import new_id
from chat.protocol import events as wire
from chat.protocol.normalize import Cut, Normalizer
from chat.protocol.types import dump_item
from chat.store import log, messages, pool, responses
from chat.store.log import Batch
from chat.store.responses import Ending
from tests.cast import Cast, assemble
from tests.conftest import signed_in
from tests.faults.page import Page
from tests.live.test_socket import Page as Socket

WORDS = [f"word{number}{'.' if number % 9 == 8 else ''}{chr(10) * 2 if number % 20 == 19 else ' '}" for number in range(100)]
TEXT = "".join("".join(WORDS).split())  # a page says nothing certain about blanks between paragraphs
WAYS = {
    "half": ("pass", "drop"),
    "all": ("drop",),
    "doubled": ("double",),
    "late": ("pass", "late", "late"),
    "everything": ("pass", "drop", "double", "late"),
}


class Liar:
    """Redis between two processes, and what it does to their bundles: the far end of a relay."""

    def __init__(self, seed: int, ways: tuple[str, ...]) -> None:
        self.chance, self.ways = random.Random(seed), ways
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.late: list[dict[str, Any]] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        way = self.chance.choice(self.ways) if "rings" in message else "pass"
        if way == "late":
            self.late.append(message)
            return
        for _ in range({"pass": 1, "double": 2, "drop": 0}[way]):
            self.queue.put_nowait(message)
        if self.late and self.chance.random() < 0.5:
            self.chance.shuffle(self.late)
            while self.late:
                self.queue.put_nowait(self.late.pop())

    async def receive(self, channel: str) -> dict[str, Any]:
        return await self.queue.get()

    async def new_channel(self) -> str:
        return "here"

    async def group_add(self, group: str, channel: str) -> None:
        """There is one."""

    async def flush(self) -> None:
        """Nothing is kept."""


class Elsewhere:
    """A worker in another process: it writes a reply into the log and rings through the relay, as a run does."""

    def __init__(self, response: Response, layer: Liar) -> None:
        self.response, self.hub, self.sequence = response, Hub(), 0
        self.relay = Relay(self.hub, layer, listens=False)
        self.normalizer = Normalizer(response_id=response.pk, model="m", new_id=new_id, created_at=0)
        self.fragments = Fragments(response_id=response.pk)

    def batch(self, events: list[wire.Event]) -> Batch:
        data = [json.dumps(wire.dump(event)).encode() for event in events]
        return Batch(self.response.pk, self.response.epoch, self.response.conversation_id, self.sequence, data)

    async def say(self, words: str) -> None:
        events = self.normalizer.feed(wire.parse({"type": "response.output_text.delta", "delta": words}))
        position = (await pool.for_runs(log.append, [self.batch(events)], waits=True))[self.response.pk]
        assert position is not None
        self.sequence += len(events)
        self.ring(position, len(events), self.fragments.render(events))

    async def end(self) -> None:
        events = self.normalizer.finish(Cut("interrupted"))
        ending = Ending("incomplete", [dump_item(item) for item in self.normalizer.snapshot.output])
        position = await pool.for_runs(responses.end, self.batch(events), ending)
        assert position is not None
        self.ring(position, len(events), [await pool.for_readers(transcript.final_fragment, self.response.pk)])

    def ring(self, position: int, count: int, contents: list[str]) -> None:
        *before, last = [{"content": content} for content in contents] or [{}]
        payload = (*map(json.dumps, before), json.dumps({"position": position, **last}))
        assert self.response.conversation_id is not None
        self.hub.ring(Ring(self.response.conversation_id, position - count + 1, position, payload))


class Tab:
    """A page and its socket, in this process. Every change of what it shows is checked."""

    def __init__(self, user: User, response: Response) -> None:
        self.user, self.response, self.shown = user, response, ""

    async def open(self) -> None:
        client = await pool.for_readers(signed_in, self.user)
        answer = await pool.for_readers(client.get, f"/c/{self.response.conversation_id}/")
        self.page = Page(answer.content.decode())
        self.position = int(self.page.by_id("items").attributes["data-position"])
        assert self.response.conversation_id is not None
        self.socket = Socket(self.user, self.response.conversation_id, self.position)
        assert (await self.socket.connect())[0]

    async def take(self) -> None:
        """All that has come."""
        while not await self.socket.receive_nothing(0.02, 0.005):
            message = json.loads(await self.socket.receive_from())
            position = message.get("position")
            if position is not None and position <= self.position:
                continue  # as the page does it
            if content := message.get("content"):
                self.page.apply(content)
            self.position = position or self.position
            self._check()

    async def until_ended(self) -> None:
        async with asyncio.timeout(10):
            while self.page.by_id(self.response.pk).attributes["data-status"] != "incomplete":
                await self.take()

    def _check(self) -> None:
        text = self.text()
        assert TEXT.startswith(text), f"not as it was said: …{text[-100:]!r}"
        assert len(text) >= len(self.shown), f"words went after …{text[-100:]!r}"
        self.shown = text

    def text(self) -> str:
        if (name := f"{self.response.pk}-output") not in self.page.ids:
            return ""
        prose = [element for element in self.page.by_id(name).walk() if element.attributes.get("class") == "prose"]
        return "".join("".join(element.text() for element in prose).split())


@pytest.fixture
async def people(transactional_db: None) -> Cast:
    return await pool.for_readers(assemble)


@contextlib.asynccontextmanager
async def through(layer: Liar, response: Response) -> AsyncIterator[Elsewhere]:
    """Two processes: one that writes, and this one, whose hub hears of it through the layer."""
    there = Elsewhere(response, layer)
    relaying = [asyncio.create_task(relay.run()) for relay in (there.relay, Relay(hub, layer, listens=True))]
    await asyncio.sleep(0)
    try:
        yield there
    finally:
        for task in relaying:
            task.cancel()
        await asyncio.wait(relaying)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(2))
async def test_a_doorbell_that_lies_costs_no_word_and_doubles_none(people: Cast, way: str, seed: int) -> None:
    begun = await pool.for_runs(messages.send, actor=people.owner, conversation_id=None, text="Speak")
    response = await pool.for_runs(responses.take, begun.response.pk)
    assert response is not None
    layer, chance = Liar(seed, WAYS[way]), random.Random(seed)
    early, late = Tab(people.owner, response), Tab(people.owner, response)
    async with through(layer, response) as there:
        await early.open()
        said = 0
        while said < len(WORDS):
            count = chance.randint(1, 12)
            await there.say("".join(WORDS[said : said + count]))
            said += count
            if chance.random() < 0.2:
                await readers.look()
            if said > 50 and not hasattr(late, "socket"):
                await late.open()
            for tab in (early, late) if hasattr(late, "socket") else (early,):
                await tab.take()
        await there.end()
        for _ in range(2):
            await readers.look()
        for tab in (early, late):
            await tab.until_ended()
            assert tab.text() == TEXT
            await tab.socket.disconnect()
