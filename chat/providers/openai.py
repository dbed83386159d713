"""Any server that speaks the Responses API; when one turns out not to, Chat Completions on the same address from then on."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from chat.errors import UpstreamError, UpstreamRejected
from chat.protocol import events
from chat.protocol.client import Client
from chat.protocol.events import ErrorEvent, Event
from chat.protocol.failures import answer_of, from_stream
from chat.protocol.types import Json, Request
from chat.providers.base import Status
from chat.providers.catalogue import model_names
from chat.providers.chat_completions import MOST_LESSONS, ChatCompletionsProvider
from chat.providers.refused import Refused

END = (events.ResponseCompleted, events.ResponseIncomplete, events.ResponseFailed)
NOT_SPOKEN = re.compile(r"unexpected endpoint|unknown (endpoint|url|path|request url)|invalid url|no route|/responses", re.I)


class OpenAIProvider:
    """`client` is at the base URL that ends in /v1."""

    name = "openai"

    def __init__(self, client: Client) -> None:
        self._client = client
        self._chat = ChatCompletionsProvider(client)
        self._refused = Refused()
        self._speaks_responses: bool | None = None

    async def models(self) -> list[str]:
        return model_names(await self._client.get("/models"))

    def status(self) -> Status:
        return Status()

    async def close(self) -> None:
        await self._client.close()

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        if self._speaks_responses is not False:
            try:
                async with aclosing(self._responses(request)) as found:
                    async for event in found:
                        self._speaks_responses = True
                        yield event
                return
            except UpstreamError as error:
                if self._speaks_responses or request.previous_response_id or not _speaks_otherwise(error):
                    raise
                first = error
            async with aclosing(self._instead(request, first)) as found:
                async for event in found:
                    yield event
            return
        async with aclosing(self._chat.stream(request)) as found:
            async for event in found:
                yield event

    async def _instead(self, request: Request, first: UpstreamError) -> AsyncGenerator[Event, None]:
        """Chat Completions, remembered when it works; when it is not there either, the first answer is the one that counts."""
        try:
            async with aclosing(self._chat.stream(request)) as found:
                async for event in found:
                    self._speaks_responses = False
                    yield event
        except UpstreamError as error:
            if self._speaks_responses is None and _speaks_otherwise(error):
                raise first from first.__cause__
            raise

    async def _responses(self, request: Request) -> AsyncGenerator[Event, None]:
        body, begun = {**request.body(), "stream": True}, False
        for lesson in range(MOST_LESSONS + 1):
            sent = self._refused.without(body)
            try:
                async with aclosing(self._attempt(sent)) as found:
                    async for event in found:
                        begun = True
                        yield event
                return
            except UpstreamError as error:
                if begun or lesson == MOST_LESSONS or not self._refused.learn(error, sent):
                    raise

    async def _attempt(self, body: Json) -> AsyncGenerator[Event, None]:
        async with aclosing(self._client.stream("/responses", body)) as chunks:
            async for chunk in chunks:
                event = events.from_sse(chunk)
                if event is None:
                    continue
                if isinstance(event, ErrorEvent):
                    raise from_stream(event.body.code, event.message)
                yield event
                if isinstance(event, END):
                    return


def _speaks_otherwise(error: UpstreamError) -> bool:
    """Whether the answer says that there is no such address, not that there is no such model."""
    answer = answer_of(error)
    if answer is None:
        return False
    if isinstance(error, UpstreamRejected) and answer.status in (404, 405):
        return True
    return answer.status == 501 or bool(answer.status in (0, 400) and NOT_SPOKEN.search(answer.message))
