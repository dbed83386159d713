"""A serving process without the web: the executor on this test's loop, and a scripted model server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chat import providers
from chat.doorbell import Ring, hub
from chat.models import Response, User
from chat.runs import verbs
from chat.runs.executor import executor
from chat.store import pool, wake
from chat.store.messages import Begun
from tests.cast import person
from tests.scripted import ScriptedServer


class Reading:
    """Somebody who listens to a conversation and keeps what comes."""

    def __init__(self) -> None:
        self.rings: list[Ring] = []
        self.news = asyncio.Event()

    def hear(self, ring: Ring) -> None:
        self.rings.append(ring)
        self.news.set()


class House:
    """The verbs, called as views call them: in a thread."""

    def __init__(self, actor: User, scripted: ScriptedServer) -> None:
        self.actor, self.scripted = actor, scripted
        self.reading = Reading()

    async def call(self, verb: Callable[..., Any], **arguments: Any) -> Any:
        return await pool.for_readers(verb, actor=self.actor, **arguments)

    async def send(self, text: str, conversation_id: str | None = None, **more: Any) -> Begun:
        begun: Begun = await self.call(verbs.send, conversation_id=conversation_id, text=text, **more)
        hub.subscribe(begun.conversation.pk, self.reading)
        return begun

    async def until(self, response_id: str, condition: Callable[[Response], bool], *, seconds: float = 20) -> Response:
        """Wait for news until the Response is as wanted."""
        async with asyncio.timeout(seconds):
            while True:
                self.reading.news.clear()
                response = await pool.for_readers(Response.objects.prefetch_related("output").get, pk=response_id)
                if condition(response):
                    return response
                await asyncio.wait([asyncio.ensure_future(self.reading.news.wait())], timeout=0.2)

    async def told(self, wanted: Callable[[Ring], bool], *, seconds: float = 20) -> None:
        """Wait for a ring."""
        async with asyncio.timeout(seconds):
            while not any(wanted(ring) for ring in self.reading.rings):
                self.reading.news.clear()
                await self.reading.news.wait()

    async def ended(self, response_id: str) -> Response:
        return await self.until(response_id, lambda response: not response.running)


@pytest.fixture
async def house(transactional_db: None, scripted: ScriptedServer, settings: Any) -> AsyncIterator[House]:
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = scripted.base_url, "key"
    settings.RUN_TICK = 0.04  # a short reply has many events
    providers.reset()
    wake.attach(asyncio.get_running_loop())
    executor.open()
    yield House(await pool.for_readers(person, "olivia"), scripted)
    await executor.close()
    if executor.background:
        await asyncio.wait(executor.background, timeout=10)
    await asyncio.to_thread(pool.disconnect)  # a call on its way keeps locks, which the clean-up of the tables would meet
    wake.attach(None)
