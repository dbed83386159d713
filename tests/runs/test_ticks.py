"""Runs read, commit and show in ticks; what must not wait for one does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from chat import providers
from chat.models import Response
from chat.runs import verbs
from chat.store import log, pool
from tests.runs.conftest import House
from tests.runs.test_runs import said

LONG = 30.0  # seconds; a tick that never comes within a test


async def test_the_first_words_do_not_wait_for_a_tick(house: House, settings: Any) -> None:
    settings.RUN_TICK = LONG
    await house.send("[[tokens=40 rate=20]]")
    await house.told(lambda ring: "</p>" in "".join(ring.payload or ()), seconds=5)


async def test_stop_between_two_ticks_reaches_the_model_server_within_a_second(house: House, settings: Any) -> None:
    settings.RUN_TICK = LONG
    begun = await house.send("[[tokens=400 rate=50]]")
    await house.told(lambda ring: "</p>" in "".join(ring.payload or ()), seconds=5)
    await house.call(verbs.cancel, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    async with asyncio.timeout(1):
        while not any(connection.cut for connection in house.scripted.connections):
            await asyncio.sleep(0.01)
    response = await house.ended(begun.response.pk)
    assert response.status == "cancelled"
    assert said(response)


async def test_a_slow_stream_is_shown_as_it_comes(house: House, settings: Any) -> None:
    settings.RUN_TICK = 0.2
    begun = await house.send("[[tokens=6 rate=2]]")
    await house.ended(begun.response.pk)
    shown = [ring for ring in house.reading.rings if ring.payload and "hx-partial" in "".join(ring.payload)]
    assert len(shown) >= 6


async def test_tokens_that_came_together_are_one_event_in_the_log(house: House, settings: Any) -> None:
    settings.RUN_TICK = 0.2
    begun = await house.send("[[tokens=60 rate=100]]")
    response = await house.ended(begun.response.pk)
    deltas = [event for event in await pool.for_readers(log.read, response.pk) if event["type"] == "response.output_text.delta"]
    assert "".join(event["delta"] for event in deltas) == said(response)
    assert len(deltas) < 20


async def test_the_moment_of_the_first_words_is_kept_and_one_without_words_has_none(house: House) -> None:
    spoken = await house.ended((await house.send("[[tokens=3]]")).response.pk)
    assert spoken.started is not None
    assert spoken.first_token is not None
    assert spoken.started <= spoken.first_token <= spoken.ended
    silent = await house.ended((await house.send("[[error=401]]")).response.pk)
    assert silent.first_token is None


@asynccontextmanager
async def flood(events: int) -> AsyncIterator[tuple[str, list[int]]]:
    """A model server that sends so many events of 8 KB as fast as they are taken: its address, and the sizes of those taken."""
    taken: list[int] = []
    writers: list[asyncio.StreamWriter] = []
    event = b'data: {"type":"response.output_text.delta","delta":"' + b"word " * 1600 + b'"}\n\n'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        with_body = b"POST" in head
        try:
            while with_body and len(taken) < events:
                writer.write(event)
                await writer.drain()
                taken.append(len(event))
            writer.write(b'data: {"type":"response.completed","response":{"status":"completed"}}\n\n')
            await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", taken
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()  # one who has stopped reading would keep it open
        await asyncio.sleep(0)


async def flooded(house: House, settings: Any, events: int) -> tuple[Response, int]:
    async with flood(events) as (address, taken):
        settings.OPENAI_BASE_URL = address
        providers.reset()
        begun = await house.send("Everything, at once")
        response = await house.until(begun.response.pk, lambda response: not response.running, seconds=60)
        return response, len(taken)


async def test_four_megabytes_at_once_are_kept_whole(house: House, settings: Any) -> None:
    response, taken = await flooded(house, settings, 480)
    assert (response.status, taken) == ("completed", 480)
    assert said(response) == "word " * 1600 * 480


async def test_of_a_flood_no_more_is_read_than_is_kept(house: House, settings: Any) -> None:
    response, taken = await flooded(house, settings, 8000)
    assert (response.status, response.error_code) == ("failed", "too_large")
    assert taken < 3000


async def test_replies_in_one_tick_are_all_whole(house: House) -> None:
    begun = [await house.send(f"[[tokens=20 rate={rate}]]") for rate in (100, 90, 0)]
    assert [len(said(await house.ended(one.response.pk)).split()) for one in begun] == [20, 20, 20]


async def test_what_cannot_wait_is_written_once_while_many_others_are_shown(house: House, settings: Any) -> None:
    settings.RUN_TICK = 0.02
    texts = [f"[[tokens=60 rate=100 seed={seed}]]" for seed in range(90)]
    begun = await asyncio.gather(*map(house.send, texts))
    ended = [await house.ended(one.response.pk) for one in begun]
    assert {response.status for response in ended} == {"completed"}
    assert all(len(said(response).split()) == 60 for response in ended)
