"""A model server that refuses, hangs, breaks off or talks nonsense: the run ends, keeps its words, and says what happened."""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from chat import providers
from chat.errors import ParleyError
from chat.live import transcript
from chat.models import Response
from chat.protocol.client import Client
from chat.protocol.kinds import parts_of, text_of
from chat.protocol.normalize import Cut, Failed
from chat.protocol.snapshot import Snapshot
from chat.protocol.sse import Decoder, ServerSentEvent
from chat.protocol.types import Request
from chat.providers.openai import OpenAIProvider
from chat.runs.executor import executor
from chat.store import pool, wake
from tests.cast import person
from tests.dom import Element, tree
from tests.faults.player import Player
from tests.protocol.recorded import NAMES, decode, expected, fold, normalizer, read, recorded, says_completed
from tests.runs.conftest import House
from tests.scripted import ScriptedServer

SOAK = bool(os.environ.get("SOAK"))
SEED = 6
SOON = {"MODEL_CONNECT": 0.5, "MODEL_FIRST_BYTE": 1.5, "MODEL_SILENCE": 1.5}
REFUSALS = {
    400: "The model server did not accept the request.",
    401: "The model server refused the key.",
    404: "The model server has nothing at this address (404).",
    429: "The model server is getting too many requests.",
    500: "The model server had an error of its own.",
    503: "The model server is overloaded or being restarted.",
}
BODIES = ("openai", "html", "string", "empty")


@dataclass
class Ended:
    """How a run ended, and what is shown of it."""

    response: Response
    page: Element

    @property
    def how(self) -> tuple[str, str]:
        return self.response.status, self.response.error_code or self.response.incomplete_reason

    @property
    def said(self) -> str:
        parts = [part for item in self.response.output.all() if item.type == "message" for part in item.wire["content"]]
        return "".join(part.get("text") or part.get("refusal") or "" for part in parts)

    @property
    def told(self) -> str:
        """What the page says happened; that it also says what to do is checked here."""
        (alert,) = self.page.find(data_error="")
        (what,) = alert.find(tag="strong")
        after = alert.text().partition(what.text())[2].strip()
        assert all(sentence.endswith(".") for sentence in (what.text(), after)), alert.text()
        assert not set("{}<>") & set(alert.text()), alert.text()
        return what.text()

    @property
    def offers_more(self) -> bool:
        return any("Continue" in button.text() for button in self.page.find(tag="button"))


@asynccontextmanager
async def serving(settings: Any, base_url: str, **deadlines: float) -> AsyncIterator[House]:
    """Runs executed here. In the end none may be left running."""
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = base_url, "sk-scripted"
    for name, value in {"MODEL_PAUSES": (0.05, 0.1), **deadlines}.items():
        setattr(settings, name, value)
    providers.reset()
    wake.attach(asyncio.get_running_loop())
    executor.open()
    try:
        yield House(await pool.for_readers(person, "olivia"), None)  # type: ignore[arg-type]
        assert await pool.for_readers(Response.objects.filter(status__in=Response.RUNNING).count) == 0
    finally:
        await executor.close()
        await providers.close()
        wake.attach(None)


async def ended(house: House, text: str) -> Ended:
    begun = await house.send(text)
    response = await house.ended(begun.response.pk)
    return Ended(response, tree(await pool.for_readers(transcript.final_fragment, response.pk)))


async def all_ended(house: House, texts: list[str]) -> dict[str, Ended]:
    """Of all these questions, some at once: each that waits looks for its end five times a second."""
    gate = asyncio.Semaphore(16)

    async def one(text: str) -> Ended:
        async with gate:
            return await ended(house, text)

    return dict(zip(texts, await asyncio.gather(*map(one, texts)), strict=True))


@pytest.fixture
async def house(transactional_db: None, model: ScriptedServer, settings: Any) -> AsyncIterator[House]:
    """With the scripted model server."""
    async with serving(settings, model.base_url) as found:
        yield found


@pytest.fixture
async def player() -> AsyncIterator[Player]:
    async with Player() as found:
        yield found


@pytest.fixture
async def played(transactional_db: None, player: Player, settings: Any) -> AsyncIterator[House]:
    """With the player of recorded bytes."""
    async with serving(settings, player.base_url) as found:
        yield found


async def test_a_refusal_before_the_first_word_fails_the_run_and_says_what_to_do(house: House) -> None:
    texts = {f"[[error={status} body={body}]]": told for status, told in REFUSALS.items() for body in BODIES}
    for text, found in (await all_ended(house, list(texts))).items():
        assert found.response.status == "failed", text
        assert found.told == texts[text]
        assert not found.said


async def test_a_refusal_that_passes_costs_no_reply(house: House) -> None:
    texts = [f'[[error={status} times=2 say="Here I am." seed={status}]]' for status in (408, 409, 429, 500, 502, 503, 504)]
    for text, found in (await all_ended(house, texts)).items():
        assert (found.how, found.said) == (("completed", ""), "Here I am."), text


async def test_silence_ends_the_run_at_every_stage(transactional_db: None, model: ScriptedServer, settings: Any) -> None:
    headers, first, middle = "[[hang=headers]]", "[[hang=first]]", "[[hang=middle tokens=9 seed=3]]"
    async with serving(settings, model.base_url, **SOON) as house:
        found = await all_ended(house, [headers, first, middle])
    for text in (headers, first):
        assert found[text].how == ("failed", "upstream_timeout")
        assert found[text].told in ("The model server did not answer in time.", "The model server fell silent.")
    assert found[middle].how == ("incomplete", "interrupted")
    assert len(found[middle].said.split()) == 2
    assert found[middle].said in found[middle].page.text()
    assert found[middle].told == "The reply was cut off before its end."
    assert found[middle].offers_more


@contextmanager
def never_accepting() -> Iterator[int]:
    """The port of a socket that listens, with a queue that is full: a connection to it is not refused and not made."""
    held = [socket.socket() for _ in range(4)]
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for waiting in held:
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        try:
            yield int(listening.getsockname()[1])
        finally:
            for waiting in held:
                waiting.close()


async def test_a_server_that_takes_no_connection_is_said_to_be_out_of_reach(transactional_db: None, settings: Any) -> None:
    with never_accepting() as port:
        async with serving(settings, f"http://127.0.0.1:{port}/v1", **SOON) as house:
            for found in (await all_ended(house, ["Anybody there?", "Anybody at all?"])).values():
                assert found.how == ("failed", "upstream_unreachable")
                assert found.told == "The model server cannot be reached."


async def test_what_is_no_http_is_told_as_a_connection_that_failed(played: House) -> None:
    for text, found in (
        await all_ended(played, [f"[[head={head}]]" for head in ("nothing", "mail", "endless", "chunk")])
    ).items():
        assert found.how == ("failed", "upstream_unreachable"), text
        assert found.told in ("The model server cannot be reached.", "The connection to the model server broke off.")


def cuts(name: str, count: int) -> list[int]:
    """Seeded places to cut a recorded stream, its ends among them."""
    size = len(recorded(name))
    return sorted({0, size - 1, *random.Random(SEED).sample(range(size), min(count, size))})


def left(name: str, at: int, *, end: str) -> str:
    """The words of a stream that ends after this byte. A last event without its blank line counts where the end is proper."""
    data = recorded(name)[:at]
    return words(tuple(decode(data) if end == "eof" else Decoder().feed(data)))


@cache
def words(sent: tuple[ServerSentEvent, ...]) -> str:
    return words_of(fold(read(sent)))


def words_of(snapshot: Snapshot) -> str:
    parts = [part for item in snapshot.output for part in parts_of(item, "content")]
    return "".join(text_of(part) for part in parts if part.type in ("output_text", "refusal"))


async def test_a_reply_cut_at_any_byte_keeps_its_words_and_is_completed_only_if_it_said_so(played: House) -> None:
    names = NAMES if SOAK else ("openai", "llama_cpp")
    places = [(name, at, end) for name in names for at in cuts(name, 6) for end in ("eof", "drop", "reset")]
    found = await all_ended(played, [f"[[play={name} cut={at} end={end}]]" for name, at, end in places])
    for (name, at, end), one in zip(places, found.values(), strict=True):
        if end != "reset":  # which discards what is under way
            assert one.said == left(name, at, end=end), (name, at, end)
        if one.response.status == "completed":
            assert says_completed(recorded(name)[:at]), (name, at, end)
        else:
            assert one.response.status in ("incomplete", "failed")
            assert one.told
            assert one.offers_more or not one.said or one.response.status == "failed"


async def test_every_recorded_dialect_and_malformation_ends_as_it_should(played: House) -> None:
    texts = {f"[[play={name}]]": name for name in NAMES}
    for text, found in (await all_ended(played, list(texts))).items():
        wanted = expected(texts[text])
        assert found.response.status == "completed" or found.told, text
        assert (found.response.status == "completed") == (wanted["status"] == "completed"), text
        assert found.said == wanted["text"] + wanted.get("refusal", ""), (text, found.how)


async def heard(provider: OpenAIProvider, text: str) -> Snapshot:
    """What a run would make of it, without the tables."""
    ours, out = normalizer(), []
    try:
        async for event in provider.stream(Request(model="played", input=[{"role": "user", "content": text}])):
            out += ours.feed(event)
    except ParleyError as error:
        return fold(out + ours.finish(Failed(error.code, error.message)))
    return fold(out + ours.finish(Cut("eof")))


@pytest.mark.parametrize("name", NAMES if SOAK else ["deltas_only"])
async def test_the_end_of_the_connection_after_each_single_byte_completes_nothing(player: Player, name: str) -> None:
    provider, gate = OpenAIProvider(Client(player.base_url)), asyncio.Semaphore(32)

    async def cut(at: int) -> None:
        end = "eof" if at % 2 else "drop"
        async with gate:
            found = await heard(provider, f"[[play={name} cut={at} end={end}]]")
        assert words_of(found) == left(name, at, end=end), at
        assert found.status != "completed" or says_completed(recorded(name)[:at]), at

    await asyncio.gather(*(cut(at) for at in range(len(recorded(name)))))
    await provider.close()
