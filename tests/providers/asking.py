"""What the tests of background mode ask, and of whom."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import httpx

from chat.protocol import events
from chat.protocol.client import Client, Timeouts
from chat.protocol.events import Event
from chat.protocol.types import Request
from chat.providers.background import Patience
from chat.providers.openai import OpenAIProvider
from tests.scripted import ScriptedServer

QUICK = Timeouts(connect=1, first_byte=2, between_bytes=0.3, get=2, pauses=(0.01,))
SOON = Patience(pause=0.02, quiet=5)
TEN = 'say="one two three four five six seven eight nine ten"'
WORDS = "one two three four five six seven eight nine ten"


def provider(server: ScriptedServer, *, on: bool = True, patience: Patience = SOON) -> OpenAIProvider:
    return OpenAIProvider(Client(server.base_url, "sk-test-0123456789", timeouts=QUICK), background=on, patience=patience)


def far(answer: Callable[[httpx.Request], httpx.Response], *, patience: Patience = SOON) -> OpenAIProvider:
    """A server of one's own making."""
    client = Client("http://far.example/v1", transport=httpx.MockTransport(answer), timeouts=QUICK)
    return OpenAIProvider(client, background=True, patience=patience)


def request(text: str) -> Request:
    return Request(model="scripted", input=[{"role": "user", "content": text}], background=True, store=True)


def said(found: list[Event]) -> str:
    return "".join(event.delta for event in found if isinstance(event, events.OutputTextDelta))


def numbers(found: list[Event]) -> list[int | None]:
    return [event.sequence_number for event in found]


def paths(server: ScriptedServer) -> list[str]:
    return [f"{one.method} {one.path.removeprefix('/v1')}" for one in server.requests]


async def every(found: AsyncGenerator[Event, None]) -> list[Event]:
    async with aclosing(found):
        return [event async for event in found]


async def until_word(source: OpenAIProvider, text: str, count: int) -> tuple[str, list[Event]]:
    """Read so many words, then go away: the id, and what was read."""
    read: list[Event] = []
    async with aclosing(source.stream(request(text))) as found:
        async for event in found:
            read.append(event)
            if sum(isinstance(one, events.OutputTextDelta) for one in read) == count:
                break
    assert isinstance(read[0], events.ResponseCreated)
    return read[0].response.id, read
