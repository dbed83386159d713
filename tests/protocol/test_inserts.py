"""Files go into a request as it is sent, and a request with large ones never stands in memory whole."""

import asyncio
import base64
import contextlib
import json
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from chat import errors
from chat.protocol.client import Client, Timeouts
from chat.protocol.inserts import STEP, Insert, Streamed, encoded, mark
from chat.protocol.types import Json, Request
from tests.scripted import ScriptedServer

PREFIX = "data:image/png;base64,"


def source(data: bytes, *, step: int = 1000, size: int | None = None) -> Insert:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(data), step):
            yield data[at : at + step]

    return Insert(PREFIX, len(data) if size is None else size, pieces)


def ask(*marks: str, text: str = "[[say=ok]]") -> Json:
    images: list[Json] = [{"type": "input_image", "image_url": one} for one in marks]
    content = [{"type": "input_text", "text": text}, *images]
    return {"model": "scripted", "stream": True, "input": [{"type": "message", "role": "user", "content": content}]}  # type: ignore[dict-item]


def sent(server: ScriptedServer) -> list[str]:
    return [part["image_url"] for part in server.requests[-1].body["input"][0]["content"][1:]]


async def stream(client: Client, body: Json, inserts: dict[str, Insert]) -> None:
    async for _ in client.stream("/responses", body, inserts):
        pass


@pytest.mark.parametrize("size", [0, 1, 2, 3, 1000, STEP - 1, STEP, STEP + 1, 3 * STEP + 2])
@pytest.mark.parametrize("step", [7, 1000, 65_536])
async def test_it_arrives_as_it_was_with_its_length_told(scripted: ScriptedServer, size: int, step: int) -> None:
    data, name = bytes(number % 251 for number in range(size)), mark()
    await stream(Client(scripted.base_url), ask(name, name), {name: source(data, step=max(step, size // 500))})
    assert sent(scripted) == [PREFIX + base64.b64encode(data).decode()] * 2
    assert "transfer-encoding" not in scripted.requests[-1].headers
    body = encoded(ask(name, name), {name: source(data)})
    assert scripted.requests[-1].headers["content-length"] == str(body.size if isinstance(body, Streamed) else 0)


async def test_what_somebody_writes_is_never_taken_for_a_mark(scripted: ScriptedServer) -> None:
    name, other = mark(), mark()
    text = f'[[say=ok]] {other} parley-insert-0 "{PREFIX}" \u2028 😀 \x00'
    await stream(Client(scripted.base_url), ask(name, text=text), {name: source(b"here")})
    assert scripted.requests[-1].body["input"][0]["content"][0]["text"] == text
    assert sent(scripted) == [PREFIX + base64.b64encode(b"here").decode()]


async def test_a_request_that_is_sent_again_has_it_again(scripted: ScriptedServer) -> None:
    name = mark()
    quick = Timeouts(pauses=(0.01, 0.01))
    await stream(Client(scripted.base_url, timeouts=quick), ask(name, text="[[error=503 times=2]]"), {name: source(b"x" * 5000)})
    assert [len(request.body["input"][0]["content"][1]["image_url"]) for request in scripted.requests] == [6690] * 3


@pytest.mark.parametrize("size", [4_999, 5_001])
async def test_a_file_that_is_not_as_long_as_was_said_breaks_the_request_off(scripted: ScriptedServer, size: int) -> None:
    name, client = mark(), Client(scripted.base_url, timeouts=Timeouts(pauses=(0.01,)))
    with pytest.raises(errors.FilesAway):
        await stream(client, ask(name), {name: source(b"x" * 5_000, size=size)})
    assert not scripted.requests


async def test_bytes_that_do_not_come_are_not_blamed_on_the_model_server(scripted: ScriptedServer) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield bytes(STEP)
        raise errors.FilesAway

    name, client = mark(), Client(scripted.base_url, timeouts=Timeouts(pauses=(0.01,)))
    with pytest.raises(errors.FilesAway):
        await stream(client, ask(name), {name: Insert(PREFIX, 500_000, pieces)})
    assert not scripted.requests


async def test_a_large_request_may_take_its_time_as_long_as_it_moves() -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            while left:
                left -= len(await reader.readexactly(min(left, 2_000_000)))
                await asyncio.sleep(0.15)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: [DONE]\n\n")
        writer.close()

    name, server = mark(), await asyncio.start_server(slowly, "127.0.0.1", 0)
    client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", timeouts=Timeouts(first_byte=0.8, pauses=()))
    await stream(client, ask(name), {name: source(bytes(9_000_000), step=90_000)})
    server.close()


async def test_a_large_request_is_not_held_in_memory() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(640):
            yield bytes(65_536)

    name, size = mark(), 0
    body = encoded(ask(name), {name: Insert(PREFIX, 640 * 65_536, pieces)})
    assert isinstance(body, Streamed)
    tracemalloc.start()
    try:
        async for letters in body:
            size += len(letters)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == body.size > 55_000_000
    assert most < 1_000_000


def test_a_request_says_in_json_where_they_belong() -> None:
    name = mark()
    request = Request(model="m", input=[{"type": "input_image", "image_url": name}], inserts={name: source(b"abc")})
    assert request.body() == {"model": "m", "input": [{"type": "input_image", "image_url": name}]}
    body = encoded(request.body())
    assert isinstance(body, bytes)
    assert json.loads(body) == request.body()
