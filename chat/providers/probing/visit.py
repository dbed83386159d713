"""One visit to a model server: what is asked there, what is heard, and what has to be deleted again."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from chat.errors import MalformedStream, ModelCannotSee, ResponseGone, UpstreamError
from chat.protocol.client import Batches, Client
from chat.protocol.failures import Answer, answer_of, from_stream
from chat.protocol.loose import load
from chat.protocol.sse import DONE
from chat.protocol.types import Json, error_body
from chat.providers.background import forget, path_of
from chat.providers.base import Place
from chat.providers.refused import UNKNOWN, UNSUPPORTED

SHORT: Final = 64  # tokens of an answer that only has to come
LONG: Final = 1024  # of one that has to be right: some think first
MOST_EVENTS, MOST_TEXT = 20_000, 200_000  # events and characters of one answer
NAMED: Final = 5.0  # seconds for the id of what is to be deleted again
TIDY: Final = 20.0  # seconds that deleting may take in all
ENDS: Final = ("response.completed", "response.incomplete", "response.failed")
MISSING: Final = (404, 410)
RESPONSES: Final[Place] = "responses"
T = TypeVar("T")
PASSING: Final = frozenset({401, 402, 408, 409, 425, 429})  # of 4xx: says nothing of what the server can do


class Row(NamedTuple):
    """Whether it can, None when that could not be told, and a sentence."""

    can: bool | None
    said: str


class Made(NamedTuple):
    """Something that the server keeps for the probe: of which kind, and what it is called; a file by its mark, until it is known
    what the server calls it.
    """

    place: Place
    name: str

    @property
    def path(self) -> str:
        return path_of(self.name, self.place)


class Ledger:
    """Who is told what is kept there: this one, nobody. Each may raise what its ledger raises: then nothing more is made."""

    async def begin(self, made: Made) -> None:
        """It is there, or about to be sent there."""

    async def named(self, mark: Made, made: Made) -> None:
        """What has this mark is called so there."""

    async def refused(self, made: Made) -> None:
        """It was not taken: nothing is there."""

    async def gone(self, made: Made) -> None:
        """It was deleted, and not found afterwards."""

    async def leave(self) -> None:
        """Nobody else deletes what is left."""


@dataclass
class Heard:
    """One reply, as far as it was read. `numbers` are those of its events, None where one has none."""

    id: str = ""
    text: str = ""
    output: list[Json] = field(default_factory=list)
    numbers: list[object] = field(default_factory=list)
    response: Json = field(default_factory=dict)
    ended: bool = False

    @property
    def whole(self) -> bool:
        """It came in one piece."""
        return self.ended and not self.numbers

    @property
    def cut(self) -> bool:
        """It ran into the limit of tokens."""
        return self.response.get("status") == "incomplete"

    def take(self, wire: Json) -> None:
        """One event, or the JSON object of a server that does not stream. Raises UpstreamError for an error."""
        kind = wire.get("type")
        if kind == "error" or (wire.get("error") and kind is None and wire.get("object") != "response"):
            said = error_body(wire, code="")
            raise from_stream(said.code, said.message)
        response = wire if wire.get("object") == "response" else wire.get("response")
        if kind is not None:
            self.numbers.append(wire.get("sequence_number"))
        if isinstance(response, dict):
            self._read(response, ended=kind in ENDS or kind is None)
        if kind == "response.output_text.delta" and isinstance(delta := wire.get("delta"), str):
            self.text += delta
        if kind == "response.output_item.done" and isinstance(item := wire.get("item"), dict):
            self.output.append(item)

    def _read(self, response: Json, *, ended: bool) -> None:
        self.response, self.ended = response, ended
        self.id = self.id or str(response.get("id") or "")
        if response.get("status") == "failed":
            said = error_body(response.get("error"), code="")
            raise from_stream(said.code, said.message)
        output = response.get("output")
        if ended and isinstance(output, list) and output:
            self.output = [item for item in output if isinstance(item, dict)]
            self.text = "".join(map(_text, self.output)) or self.text

    def calls(self, name: str) -> list[Json]:
        """The arguments of the calls of this function; what is no JSON object counts for none."""
        found = [item for item in self.output if item.get("type") == "function_call" and item.get("name") == name]
        return [read for item in found if (read := object_in(item.get("arguments"))) is not None]


@dataclass
class Visit:
    """`made`: what the server keeps for us, as the `ledger` is told. `spared`: parameters that it does not take. `mark`: of a
    file that was sent, until it is known whether it is there. `sees`, `reads`: what the model has shown that it can. `keeps_all`:
    the server keeps also what it was told not to.
    """

    client: Client
    model: str
    ledger: Ledger = field(default_factory=Ledger)
    made: dict[Made, None] = field(default_factory=dict)
    spared: dict[str, str] = field(default_factory=dict)
    kept: Heard = field(default_factory=Heard)
    thought: Heard = field(default_factory=Heard)
    number: str = ""
    mark: str = ""
    sees: bool = False
    reads: bool = False
    keeps_all: bool = False

    async def ask(self, words: str = "", /, *, most: int = SHORT, events: int | None = None, **more: object) -> Heard:
        """A reply, or its first so many events. What is said to be stored is noted as soon as its id is known."""
        usual = {"input": [{"role": "user", "content": words}], "store": False, "max_output_tokens": most}
        given = {**{name: value for name, value in usual.items() if name not in self.spared}, **more}
        body: Json = {"model": self.model, "stream": True, **given}  # type: ignore[dict-item]
        try:
            found = self.client.stream("/responses", body)
            return await (self._hear(found, events) if self._forgotten(body) else self._kept(found, events))
        except UpstreamError as error:
            sent = usual.keys() - self.spared.keys() - more.keys() - {"input"}
            refused = next((name for name in sorted(sent) if _names(error, name)), "")
            if not refused:
                raise
            self.spared[refused] = sentence(error)
        return await self.ask(words, most=most, events=events, **more)

    def _forgotten(self, body: Json) -> bool:
        return body.get("store") is False and not self.keeps_all

    async def again(self, path: str) -> Heard:
        """The stream that is at this address."""
        return await self._hear(self.client.resume(path), None)

    async def _kept(self, batches: Batches, events: int | None) -> Heard:
        """What the server keeps has to be deleted: whoever is cut short waits for its id."""
        known = asyncio.Event()
        reading = asyncio.create_task(self._hear(batches, events, known))
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            named = asyncio.create_task(known.wait())
            await asyncio.wait([reading, named], timeout=NAMED, return_when=asyncio.FIRST_COMPLETED)
            named.cancel()
            raise
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _hear(self, batches: Batches, events: int | None, known: asyncio.Event | None = None) -> Heard:
        heard = Heard()
        async with aclosing(batches) as found:
            async for wire in _wires(found):
                try:
                    heard.take(wire)
                finally:
                    if known is not None and heard.id and not known.is_set():
                        await self.keep(Made(RESPONSES, heard.id))
                        known.set()
                if len(heard.numbers) > MOST_EVENTS or len(heard.text) > MOST_TEXT:
                    raise MalformedStream("The model server sent far more than it was asked for.")
                if heard.ended or (events is not None and len(heard.numbers) >= events):
                    break
        return heard

    async def keep(self, made: Made) -> None:
        """It is there. Raises ResponseGone for what cannot be an id."""
        if made.path and made not in self.made:
            self.made[made] = None
            await self.ledger.begin(made)

    async def lose(self, made: Made) -> None:
        """It is there no more."""
        await self.ledger.gone(made)
        self.made.pop(made, None)

    async def leave(self, *, deletes: bool) -> None:
        """Delete what was made. What is not deleted stays in `made`; of a server that `deletes` replies, one that is not found is
        gone.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(TIDY):
                await asyncio.gather(*(self._remove(made, deletes) for made in list(self.made)))
        await self.ledger.leave()

    async def _remove(self, made: Made, deletes: bool) -> None:
        with suppress(UpstreamError):
            left = await forget(self.client, made.name, place=made.place)
            untold = left == "untold" and made.place != RESPONSES  # it deletes replies, which says nothing of other places
            if left == "deleted" or (deletes and left != "there" and not untold):
                await self.lose(made)


async def known(making: Coroutine[None, None, T]) -> T:
    """What comes of it. Whoever is cut short waits until it is known what that is called."""
    task = asyncio.create_task(making)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=NAMED)
        task.cancel()
        raise


async def _wires(batches: Batches) -> AsyncGenerator[Json, None]:
    async for batch in batches:
        for sent in batch:
            if sent.data.strip() not in ("", DONE):
                wire = load(sent.data)
                if not isinstance(wire, dict):
                    raise MalformedStream
                yield wire


def _text(item: Json) -> str:
    content = item.get("content")
    parts = content if isinstance(content, list) and item.get("type") == "message" else []
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))


def object_in(text: object) -> Json | None:
    """The JSON object that this text is."""
    if not isinstance(text, str):
        return None
    try:
        found = load(text)
    except MalformedStream:
        return None
    return found if isinstance(found, dict) else None


def judged(error: UpstreamError) -> Row:
    """What a failure says of a capability: a server that refuses cannot; one that is busy, away or broken tells nothing."""
    answer = answer_of(error)
    cannot = isinstance(error, ModelCannotSee | MalformedStream | ResponseGone) or (answer is not None and _refuses(answer))
    return Row(False if cannot else None, sentence(error))


def _refuses(answer: Answer) -> bool:
    if answer.status == 0:
        return bool(UNKNOWN.search(answer.words) or UNSUPPORTED.search(answer.words))
    return answer.status == 501 or (300 <= answer.status < 500 and answer.status not in PASSING)


def sentence(error: UpstreamError) -> str:
    """What happened, with the server's own words."""
    answer = answer_of(error)
    quote = answer.message if answer is not None else ""
    return f"{error.message} It says: “{quote}”" if quote and quote not in error.message else error.message


def _names(error: UpstreamError, name: str) -> bool:
    answer = answer_of(error)
    return answer is not None and answer.status in (400, 422) and (answer.param == name or name in answer.message)
