"""The shipped server's sockets: a goodbye waits for nobody, and what a reader does not take is bounded, whatever it sends."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from pytest_django import Settings

from chat.management import sockets
from chat.management.sockets import BrowserSocket
from tests.faults.rude import CLOSE, PING, TEXT, Rude, frame
from tests.faults.visitor import Visitor

ADDRESS = "conv_0"
PIECE = "x" * 100_000


class Served:
    """An application that greets and then sends until it is told to stop, by itself or by the reader's end."""

    def __init__(self) -> None:
        self.sent = 0
        self.blocked, self.goodbye, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        sending = asyncio.create_task(self._send(send))
        closing = asyncio.create_task(self._close(send))
        assert (await receive())["type"] == "websocket.disconnect"
        self.ended.set()
        for task in (sending, closing):
            task.cancel()
        await asyncio.gather(sending, closing, return_exceptions=True)

    async def _send(self, send: Callable[[Any], Awaitable[None]]) -> None:
        while True:
            asyncio.get_running_loop().call_later(0.3, self._look, self.sent)
            await send({"type": "websocket.send", "text": PIECE})
            self.sent += 1

    def _look(self, sent: int) -> None:
        if sent == self.sent:
            self.blocked.set()

    async def _close(self, send: Callable[[Any], Awaitable[None]]) -> None:
        await self.goodbye.wait()
        await send({"type": "websocket.close", "code": 4401})


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[tuple[Served, uvicorn.Server, Visitor]]:
    settings.SOCKET_STALLED = 60
    application = Served()
    config = uvicorn.Config(application, ws=BrowserSocket, ws_per_message_deflate=False, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    listening = sockets.listen("127.0.0.1", 0)
    serving = asyncio.create_task(server._serve([listening]))
    yield application, server, Visitor(f"http://localhost:{listening.getsockname()[1]}", "reader", "none")
    server.should_exit = True
    await serving


async def test_a_goodbye_does_not_wait_for_a_reader_that_takes_nothing(served: tuple[Served, uvicorn.Server, Visitor]) -> None:
    application, _, person = served
    with await asyncio.to_thread(Rude, person, ADDRESS) as reader:
        await asyncio.wait_for(application.blocked.wait(), 10)
        application.goodbye.set()
        await asyncio.wait_for(application.ended.wait(), 2)
        received = []
        while not received or received[-1][0] == TEXT:
            received.append(await asyncio.to_thread(reader.frame))
    assert received[-1][0] == CLOSE
    assert int.from_bytes(received[-1][1][:2], "big") == 4401
    assert len(received) - 1 == application.sent, "something followed that had waited behind the goodbye"


async def test_what_a_reader_asks_for_and_does_not_take_is_not_kept(served: tuple[Served, uvicorn.Server, Visitor]) -> None:
    application, server, person = served
    with await asyncio.to_thread(Rude, person, ADDRESS) as reader:
        await asyncio.wait_for(application.blocked.wait(), 10)
        [connection] = server.server_state.connections
        assert isinstance(connection, BrowserSocket)
        before = connection.transport.get_write_buffer_size()
        reader.socket.settimeout(1)
        await asyncio.to_thread(reader.say, frame(bytes(125), PING) * 60_000)
        assert connection.transport.get_write_buffer_size() <= before + sockets.MOST_HEARD


async def test_a_reader_that_never_takes_its_code_is_torn_down(
    served: tuple[Served, uvicorn.Server, Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "GOING", 0.2)
    application, server, person = served
    with await asyncio.to_thread(Rude, person, ADDRESS):
        await asyncio.wait_for(application.blocked.wait(), 10)
        application.goodbye.set()
        async with asyncio.timeout(3):
            while server.server_state.connections:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("polite", [True, False], ids=["said goodbye", "hung up"])
async def test_a_page_that_has_gone_leaves_nothing_behind(served: tuple[Served, uvicorn.Server, Visitor], polite: bool) -> None:
    """Not even for the garbage collector, which comes late: people come and go all day."""
    application, server, person = served
    gc.collect()
    gc.disable()
    try:
        with await asyncio.to_thread(Rude, person, ADDRESS) as reader:
            [connection] = server.server_state.connections
            kept = [weakref.ref(connection), weakref.ref(connection.conn)]
            del connection
            if polite:
                await asyncio.to_thread(reader.say, frame(b"", CLOSE))
        await asyncio.wait_for(application.ended.wait(), 5)
        async with asyncio.timeout(3):
            while any(one() is not None for one in kept):
                await asyncio.sleep(0.02)
    finally:
        gc.enable()
