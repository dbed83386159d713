"""A stream that is read in ticks: whole, and its end is noticed; nothing happens between them."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp.client_proto import ResponseHandler

from chat import errors
from chat.protocol import pace
from chat.protocol.client import Client, Timeouts
from tests.protocol.test_client import ask, closed
from tests.scripted import ScriptedServer

PATIENT = Timeouts(first_byte=2, between_bytes=2)


class Held:
    """Lets nothing be read after the first bytes until it is told to go on, and then all."""

    def __init__(self) -> None:
        self.waiting: list[pace.ReadOn] = []
        self.rested = asyncio.Event()
        self.over = False

    def rest(self, hold: Callable[[], pace.ReadOn]) -> None:
        if not self.over:
            self.waiting.append(hold())
            self.rested.set()

    def go_on(self) -> None:
        self.over = True
        for read_on in self.waiting:
            read_on()


class Ticking:
    """Reads twenty times a second."""

    def __init__(self) -> None:
        self.rests = 0

    def rest(self, hold: Callable[[], pace.ReadOn]) -> None:
        self.rests += 1
        asyncio.get_running_loop().call_later(0.05, hold())


async def read(server: ScriptedServer, text: str, paced: pace.Pace) -> list[str]:
    pace.current.set(paced)
    client = Client(server.base_url, timeouts=PATIENT)
    return [event.data async for events in client.stream("/responses", ask(text)) for event in events]


async def test_it_comes_whole_in_few_pieces(scripted: ScriptedServer) -> None:
    ticking = Ticking()
    events = await read(scripted, "[[tokens=100 rate=200]]", ticking)
    assert sum("output_text.delta" in data for data in events) == 100
    assert events[-1] == "[DONE]"
    assert 5 <= ticking.rests <= 20


@pytest.mark.parametrize("accident", ["reset=after:5", "drop=after:5"])
async def test_a_break_while_it_rests_is_noticed_when_it_reads_on(scripted: ScriptedServer, accident: str) -> None:
    with pytest.raises(errors.Unreachable):
        await read(scripted, f"[[{accident} tokens=50 rate=100]]", Ticking())


async def test_an_end_while_it_rests_is_noticed_when_it_reads_on(scripted: ScriptedServer) -> None:
    events = await read(scripted, "[[eof=after:5 tokens=50 rate=100]]", Ticking())
    assert sum("output_text.delta" in data for data in events) == 5


async def test_who_is_cancelled_while_it_rests_closes_the_connection(scripted: ScriptedServer) -> None:
    held = Held()
    reading = asyncio.create_task(read(scripted, "[[tokens=400 rate=50]]", held))
    async with asyncio.timeout(5):
        await held.rested.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (await closed(scripted)).cut


async def test_nothing_wakes_a_reader_who_rests(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    came, received = [], ResponseHandler.data_received

    def counted(handler: ResponseHandler, data: bytes) -> None:
        came.append(len(data))
        received(handler, data)

    monkeypatch.setattr(ResponseHandler, "data_received", counted)
    held = Held()
    reading = asyncio.create_task(read(scripted, "[[tokens=30 rate=100]]", held))
    async with asyncio.timeout(5):
        await held.rested.wait()
        before = len(came)
        while scripted.connections[-1].answering:
            await asyncio.sleep(0.01)
    assert len(came) == before
    held.go_on()
    assert sum("output_text.delta" in data for data in await reading) == 30


async def test_that_it_rests_for_long_is_not_the_servers_silence(scripted: ScriptedServer) -> None:
    held = Held()
    pace.current.set(held)
    client = Client(scripted.base_url, timeouts=Timeouts(first_byte=2, between_bytes=0.1))

    async def whole() -> list[str]:
        return [event.data async for events in client.stream("/responses", ask("[[tokens=30 rate=100]]")) for event in events]

    reading = asyncio.create_task(whole())
    async with asyncio.timeout(5):
        await held.rested.wait()
        while scripted.connections[-1].answering:
            await asyncio.sleep(0.01)
    held.go_on()
    assert sum("output_text.delta" in data for data in await reading) == 30
