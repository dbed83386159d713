"""Servers that speak Chat Completions only."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from chat.errors import UpstreamError
from chat.protocol.client import Client
from chat.protocol.events import Event
from chat.protocol.gather import gathered, of_events
from chat.protocol.loose import load
from chat.protocol.sse import DONE, ServerSentEvent
from chat.protocol.types import Json, Request
from chat.providers.base import Provider, Status
from chat.providers.catalogue import model_names
from chat.providers.chat_request import translate
from chat.providers.chunks import Translation
from chat.providers.refused import Refused

MOST_LESSONS = 4  # parameters that one request may lose


class ChatCompletionsProvider(Provider):
    """`name` is shown to the owner of the server."""

    name = "chat_completions"

    def __init__(self, client: Client) -> None:
        self._client = client
        self.refusals: list[tuple[str, str]] = []
        self._refused = Refused()
        self._thoughts_in = "reasoning_content"

    async def models(self) -> list[str]:
        return model_names(await self._client.get("/models"))

    def status(self) -> Status:
        return Status()

    async def close(self) -> None:
        await self._client.close()

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        body, begun = translate(request, thoughts_in=self._thoughts_in), False
        for lesson in range(MOST_LESSONS + 1):
            sent = self._refused.without(body)
            try:
                async with aclosing(self._attempt(sent, request)) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except UpstreamError as error:
                if begun or lesson == MOST_LESSONS or not self._refused.learn(error, sent):
                    raise

    async def _attempt(self, body: Json, request: Request) -> AsyncGenerator[Event, None]:
        translation = Translation()
        async with aclosing(self._client.stream("/chat/completions", body, request.inserts)) as batches:
            async for batch in batches:
                for event in gathered((event for sent in batch for event in _feed(translation, sent)), of_events()):
                    yield event
        self._thoughts_in = translation.thoughts_in or self._thoughts_in
        for event in translation.end():
            yield event


def _feed(translation: Translation, sent: ServerSentEvent) -> list[Event]:
    if sent.data.strip() in ("", DONE):
        return []
    chunk = load(sent.data)
    return translation.feed(chunk) if isinstance(chunk, dict) else []
