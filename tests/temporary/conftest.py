"""A serving process without the web, the place where temporary conversations live, and people who talk in them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import redis
from channels.testing import WebsocketCommunicator
from django.conf import settings as configured

from chat import providers
from chat.live.temporary_reader import TemporaryReader
from chat.live.watch import readers
from chat.models import User
from chat.runs.executor import executor
from chat.store import pool, talks, temporary, wake
from chat.store.talk import Reply, Talk
from chat.store.temporary_redis import InRedis
from tests.cast import Cast, assemble
from tests.conftest import signed_in
from tests.scripted import ScriptedServer

PATIENCE = 15.0  # seconds


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, *, minutes: float) -> None:
        self.now += 60 * minutes


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(request: pytest.FixtureRequest, clock: Clock) -> Iterator[temporary.Home]:
    """Where they live: as in the product on this database."""
    here: temporary.Home = temporary.Memory(clock)
    if not configured.ON_SQLITE:
        url = request.getfixturevalue("redis").url
        with redis.Redis.from_url(url) as server:
            server.flushall()  # what others have put in counts
        here = InRedis(url)
    temporary.move(here)
    yield here
    temporary.move(None)


@pytest.fixture
async def people(transactional_db: None, scripted: ScriptedServer, settings: Any, home: temporary.Home) -> AsyncIterator[Cast]:
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = scripted.base_url, "key"
    settings.RUN_TICK = 0.04
    providers.reset()
    wake.attach(asyncio.get_running_loop())
    executor.open()
    yield await pool.for_readers(assemble)
    await executor.close()
    if executor.background:
        await asyncio.wait(executor.background, timeout=10)
    await asyncio.to_thread(pool.disconnect)
    wake.attach(None)


class Somebody:
    """A signed-in browser, and what its pages show."""

    def __init__(self, user: User) -> None:
        self.user, self.client = user, signed_in(user)

    async def get(self, path: str, **headers: str) -> Any:
        return await pool.for_readers(self.client.get, path, headers=headers)

    async def post(self, path: str, **fields: Any) -> Any:
        return await pool.for_readers(self.client.post, path, fields)

    async def begin(self, text: str, **fields: Any) -> str:
        """Its address."""
        answer = await self.post("/t/", text=text, **fields)
        assert answer.status_code == 303, answer.text
        return str(answer["Location"])

    async def talk(self, path: str) -> Talk:
        return await pool.for_readers(lambda: talks.find(actor=self.user, talk_id=path.split("/")[2]))

    async def until(self, path: str, condition: Callable[[Talk], bool]) -> Talk:
        async with asyncio.timeout(PATIENCE):
            while not condition(talk := await self.talk(path)):
                await asyncio.sleep(0.02)
        return talk

    async def ended(self, path: str) -> Reply:
        return (await self.until(path, lambda talk: not talk.last.reply.running)).last.reply


@pytest.fixture
async def olivia(people: Cast) -> Somebody:
    return await pool.for_readers(Somebody, people.owner)


@pytest.fixture
async def mateo(people: Cast) -> Somebody:
    return await pool.for_readers(Somebody, people.mate)


@pytest.fixture
async def stella(people: Cast) -> Somebody:
    """The stranger."""
    return await pool.for_readers(Somebody, people.stranger)


class Tab(WebsocketCommunicator):  # type: ignore[misc]
    """The socket of a page, and what came down it."""

    def __init__(self, user: User, path: str, after: int = 0) -> None:
        talk_id = path.split("/")[2]
        super().__init__(TemporaryReader.as_asgi(), f"/ws/t/{talk_id}/?after={after}")
        self.scope["user"], self.scope["url_route"] = user, {"kwargs": {"conversation_id": talk_id}}
        self.content, self.position = "", after

    async def receive_output(self, timeout: float = 0) -> Any:
        return await super().receive_output(max(timeout, PATIENCE))

    async def until(self, words: str) -> None:
        """Read on until this has come."""
        while words not in self.content:
            message = json.loads(await self.receive_from())
            self.position = message.get("position", self.position)
            self.content += message.get("content", "")

    async def closed_with(self) -> int:
        while (message := await self.receive_output())["type"] != "websocket.close":
            self.content += json.loads(message["text"]).get("content", "")
        return int(message["code"])


@pytest.fixture
async def tab() -> AsyncIterator[Any]:
    tabs: list[Tab] = []

    async def open_(somebody: Somebody, path: str, after: int = 0) -> Tab:
        made = Tab(somebody.user, path, after)
        tabs.append(made)
        assert (await made.connect())[0]
        return made

    yield open_
    for made in tabs:
        await made.disconnect()
    readers.temporary.before.clear()


async def look() -> None:
    """As the process does it every 0.7 s."""
    await readers.look()
    await readers.temporary.look(readers.all, readers._close)
