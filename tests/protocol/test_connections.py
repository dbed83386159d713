"""Connections are kept where a reply was read to its end, and close with the loop that made them, held by somebody or not."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chat import errors
from chat.protocol import transport
from chat.protocol.client import Client, Timeouts
from chat.providers.reading import read


async def refused() -> None:
    """A client that only a cycle holds: the frame the error, the error's traceback the frame."""
    client = Client("http://127.0.0.1:9", timeouts=Timeouts(connect=1, get=2, pauses=()))
    try:
        await client.get("/models")
    except errors.Unreachable as error:
        kept = error
        assert kept


def test_a_client_that_is_collected_before_its_loop_ends_is_closed_all_the_same() -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with asyncio.Runner() as runner:
            runner.run(refused())
            gc.collect()
        gc.collect()
    assert [str(one.message) for one in warned if "Unclosed" in str(one.message)] == []


async def test_a_client_that_is_closed_can_be_asked_again() -> None:
    client = Client("http://127.0.0.1:9", timeouts=Timeouts(connect=1, get=2, pauses=()))
    for _ in range(2):
        with pytest.raises(errors.Unreachable):
            await client.get("/models")
        await client.close()


COMPLETED = b'data: {"type":"response.completed","response":{"status":"completed","output":[]}}\n\n'
END = b"0\r\n\r\n"


class Server:
    """Answers each request with one event, and ends the body `after` so many seconds with `rest`, a thousand times that if it
    `floods`. `open` is how many connections are open, `made` how many there were.
    """

    def __init__(self, rest: bytes, *, after: float, floods: bool = False) -> None:
        self.rest, self.after, self.floods = rest, after, floods
        self.made = self.open = self.taken = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made, self.open = self.made + 1, self.open + 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(length)
                start = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                writer.write(start + b"%x\r\n" % len(COMPLETED) + COMPLETED + b"\r\n")
                await writer.drain()
                await asyncio.sleep(self.after)
                for _ in range(1000 if self.floods else 1):
                    writer.write(self.rest)
                    await writer.drain()
                    self.taken += len(self.rest)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Client]:
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    client = Client(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1")
    try:
        yield client
    finally:
        await client.close()
        listening.close()


async def until(server: Server, *, open: int, within: float) -> None:
    async with asyncio.timeout(within):
        while server.open != open:
            await asyncio.sleep(0.01)


async def reply(client: Client) -> list[str]:
    return [event.type async for event in read(client.stream("/responses", {}))]


@pytest.mark.parametrize("after", [0.0, 0.02])
async def test_a_body_that_ends_a_moment_after_its_reply_keeps_the_connection(after: float) -> None:
    server = Server(END, after=after)
    async with serving(server) as client:
        for _ in range(3):
            assert await reply(client) == ["response.completed"]
            await asyncio.gather(*transport._leaving)
    assert server.made == 1


async def test_the_end_of_a_reply_does_not_wait_for_the_end_of_its_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LINGER", 0.2)
    server = Server(END, after=30)
    async with serving(server) as client:
        async with asyncio.timeout(5):
            assert await reply(client) == ["response.completed"]
            assert server.open == 1
        await asyncio.gather(*transport._leaving)
        assert await reply(client) == ["response.completed"]
        assert server.made == 2


async def test_of_what_comes_after_the_end_of_a_reply_little_is_taken() -> None:
    server = Server(b"2000\r\n" + b" " * 8192 + b"\r\n", after=0.0, floods=True)
    async with serving(server) as client:
        assert await reply(client) == ["response.completed"]
        await until(server, open=0, within=5)
    assert server.taken < 8_000_000


async def test_a_reply_that_is_left_before_its_end_closes_its_connection() -> None:
    server = Server(b"", after=30)
    async with serving(server) as client:
        stream = client.stream("/responses", {})
        await anext(stream)
        await stream.aclose()
        assert not transport._leaving
