"""Any server that speaks the Responses API; when one turns out not to, Chat Completions on the same address from then on."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from chat.errors import UpstreamError, UpstreamRejected
from chat.protocol.client import Client
from chat.protocol.events import Event
from chat.protocol.failures import Answer, answer_of, from_answer
from chat.protocol.types import Json, Request
from chat.providers.background import Background, Patience, forget
from chat.providers.base import Left, Place, Provider, Status
from chat.providers.catalogue import model_names
from chat.providers.chat_completions import MOST_LESSONS, ChatCompletionsProvider
from chat.providers.files import Files
from chat.providers.reading import read
from chat.providers.refused import CHAINING, Refused, in_foreground

NOT_SPOKEN = re.compile(r"unexpected endpoint|unknown (endpoint|url|path|request url)|invalid url|no route|/responses", re.I)


class OpenAIProvider(Provider):
    """`client` is at the base URL that ends in /v1. `background`: whether its owner says that it has background mode; None: that
    is found out by probing. `account`: a mark of the key.
    """

    name = "openai"

    def __init__(
        self,
        client: Client,
        *,
        background: bool | None = False,
        account: str = "",
        patience: Patience | None = None,
    ) -> None:
        self._client, self._account = client, account
        self.refusals: list[tuple[str, str]] = []
        self.files: Files | None = Files(client)
        self._allowed, self._background = background, Background(client, patience=patience)
        self._chat = ChatCompletionsProvider(client)
        self._refused = Refused()
        self._speaks_responses: bool | None = None

    def keeps(self, model: str) -> bool:
        return self._speaks_responses is not False and not self._refused.keeping(model)

    @property
    def server(self) -> str:
        return self._client.base_url

    @property
    def account(self) -> str:
        return self._account

    def chains(self, model: str) -> bool:
        return self.keeps(model) and not self._refused.chaining(model)

    @property
    def background(self) -> bool | None:
        return False if self._speaks_responses is False else self._allowed

    def resume(self, upstream_id: str, after: int | None) -> AsyncGenerator[Event, None]:
        return self._background.resume(upstream_id, after)

    async def cancel(self, upstream_id: str) -> None:
        await self._background.cancel(upstream_id)

    async def forget(self, upstream_id: str, place: Place = "responses") -> Left:
        return await forget(self._client, upstream_id, place=place)

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
                if self._speaks_responses or request.previous_response_id or request.copies or not speaks_otherwise(error):
                    raise
                first = error
            request.store = False
            async with aclosing(self._instead(request, first)) as found:
                async for event in found:
                    yield event
            return
        if request.copies:  # it names what is known by the Responses API alone
            raise from_answer(Answer(404))
        request.store = False
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
            if self._speaks_responses is None and speaks_otherwise(error):
                raise first from first.__cause__
            raise

    async def _responses(self, request: Request) -> AsyncGenerator[Event, None]:
        body, begun = {**request.body(), "stream": True}, False
        if self.background is False:
            body = in_foreground(body)
        for lesson in range(MOST_LESSONS + 1):
            sent = self._refused.without(body)
            request.store = sent.get("store") is True
            try:
                async with aclosing(self._attempt(sent, request)) as found:
                    async for event in found:
                        begun = True
                        yield event
                return
            except UpstreamError as error:
                if begun or lesson == MOST_LESSONS or not (refused := self._refused.learn(error, sent)):
                    if self._refused.learn_chaining(error, sent):
                        self.refusals.append((CHAINING, str(sent.get("model"))))
                    raise
                if refused != "store" or sent.get("store") is True:
                    self.refusals.append((refused, str(sent.get("model"))))

    def _attempt(self, body: Json, request: Request) -> AsyncGenerator[Event, None]:
        found = read(self._client.stream("/responses", body, request.inserts))
        return self._background.follow(found) if body.get("background") else found


def speaks_otherwise(error: UpstreamError) -> bool:
    """Whether the answer says that there is no such address, not that there is no such model."""
    answer = answer_of(error)
    if answer is None:
        return False
    if isinstance(error, UpstreamRejected) and answer.status in (404, 405):
        return True
    return answer.status == 501 or bool(answer.status in (0, 400) and NOT_SPOKEN.search(answer.message))
