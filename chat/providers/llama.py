"""The bundled model: a very small one, in a process of its own, reached like any other server."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from chat.errors import ModelCannotSee, Unreachable, UpstreamError
from chat.protocol import events
from chat.protocol.client import Client, Timeouts
from chat.protocol.events import Event, ResponseCompleted
from chat.protocol.types import IncompleteDetails, Json, Request
from chat.providers.base import Provider, Status
from chat.providers.chat_completions import ChatCompletionsProvider
from chat.providers.openai import OpenAIProvider
from chat.providers.supervisor import Address, Supervisor

MODEL: Final = "smollm2-135m-instruct"
CONTEXT: Final = 4096  # tokens that one conversation may take; `manage.py llama` serves no more
TEMPERATURE, TOP_P = 0.2, 0.9
LONGEST_REPLY: Final = 1024  # tokens; a small model may repeat itself without end
# Measured on 8 plain questions, 4 times each: 30 of 32 right with this, 27 with the next best, few without: the model's own
# default prompt lets it answer "What is the capital of France?" with French song titles.
INSTRUCTIONS: Final = "Be brief and correct."
PATIENCE: Final = 30.0  # seconds that a request waits for the model to load
UNDERSTOOD: Final = frozenset({"message", "function_call", "function_call_output"})


class LlamaProvider(Provider):
    """Starts the model when it is first needed."""

    name = "llama"
    sees = False

    def __init__(self, supervisor: Supervisor, *, patience: float = PATIENCE) -> None:
        self._supervisor, self._patience = supervisor, patience
        self.refusals: list[tuple[str, str]] = []
        self._at: tuple[Address, Client, OpenAIProvider, ChatCompletionsProvider] | None = None

    def start(self) -> None:
        """Load the model now rather than at the first question."""
        self._supervisor.start()

    def stop(self) -> None:
        self._supervisor.stop()

    def status(self) -> Status:
        self._supervisor.start()
        return self._supervisor.status()

    async def models(self) -> list[str]:
        return [MODEL]

    async def close(self) -> None:
        if self._at:
            await self._at[1].close()
        await asyncio.to_thread(self._supervisor.stop)

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        if any(_has_image(item) for item in request.input):
            raise ModelCannotSee("The bundled model cannot see images.", next="Remove the image, or connect a model that can.")
        request, begun = prepared(request), False
        for last in (False, True):
            address = await self._ready()
            try:
                async with aclosing(self._provider(address, request).stream(request)) as found:
                    async for event in found:
                        begun = True
                        yield honest(event, request)
                return
            except UpstreamError as error:
                # It may have ended between two requests; then the next start answers this one.
                if begun or last or not isinstance(error, Unreachable):
                    raise
                await self._changed(address)

    def _provider(self, address: Address, request: Request) -> Provider:
        if self._at is None or self._at[0] != address:
            client = Client(f"http://127.0.0.1:{address.port}/v1", address.key, timeouts=Timeouts(pauses=(0.2,)))
            self._at = (address, client, OpenAIProvider(client), ChatCompletionsProvider(client))
        wanted = (request.text or {}).get("format")
        structured = isinstance(wanted, dict) and wanted.get("type") in ("json_schema", "json_object")
        return self._at[3] if structured else self._at[2]  # its /v1/responses ignores text.format

    async def _ready(self) -> Address:
        self._supervisor.start()
        deadline = asyncio.get_running_loop().time() + self._patience
        while (address := self._supervisor.address) is None:
            status = self._supervisor.status()
            if status.state == "unavailable" or asyncio.get_running_loop().time() > deadline:
                raise Unreachable(status.sentence, next="Try again in a moment.")
            await asyncio.sleep(0.05)
        return address

    async def _changed(self, address: Address) -> None:
        """Give the supervisor a moment to notice that its child has ended."""
        for _ in range(20):
            if self._supervisor.address != address:
                return
            await asyncio.sleep(0.05)


def prepared(request: Request) -> Request:
    """With this model's defaults where nothing is set, and without the items that its server refuses."""
    set_here: Json = {
        "model": MODEL,
        "input": [item for item in request.input if item.get("type", "message") in UNDERSTOOD],
        "instructions": request.instructions or INSTRUCTIONS,
        "temperature": TEMPERATURE if request.temperature is None else request.temperature,
        "top_p": TOP_P if request.top_p is None else request.top_p,
        "max_output_tokens": min(request.max_output_tokens or LONGEST_REPLY, CONTEXT),
    }
    return request.model_copy(update=set_here)


def honest(event: Event, request: Request) -> Event:
    """Its /v1/responses calls a reply completed that ran into a limit; the usage tells."""
    if not isinstance(event, ResponseCompleted) or event.response.usage is None:
        return event
    usage = event.response.usage
    if usage.output_tokens < (request.max_output_tokens or CONTEXT) and usage.total_tokens < CONTEXT - 1:
        return event
    details = IncompleteDetails(reason="max_output_tokens")
    response = event.response.model_copy(update={"status": "incomplete", "incomplete_details": details})
    return events.ResponseIncomplete(response=response, sequence_number=event.sequence_number)


def _has_image(item: Json) -> bool:
    content = item.get("content") or item.get("output")
    return isinstance(content, list) and any(isinstance(part, dict) and part.get("type") == "input_image" for part in content)
