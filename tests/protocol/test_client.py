"""The client against the scripted server: streams, retries, deadlines, and Stop reaching the far end."""

import asyncio
import time
from contextlib import aclosing

import httpx
import pytest

from chat import errors
from chat.protocol.client import Client, Timeouts
from chat.protocol.sse import ServerSentEvent
from tests.scripted import Connection, ScriptedServer

QUICK = Timeouts(connect=1, first_byte=0.4, between_bytes=0.4, get=2, pauses=(0.02, 0.04))


def ask(text: str) -> dict[str, object]:
    return {"model": "scripted", "stream": True, "input": text}


async def read(server: ScriptedServer, text: str, *, timeouts: Timeouts = QUICK) -> list[ServerSentEvent]:
    client = Client(server.base_url, "sk-test-0123456789", timeouts=timeouts)
    return [event async for events in client.stream("/responses", ask(text)) for event in events]


async def closed(server: ScriptedServer, *, within: float = 1.0) -> Connection:
    """The last connection, once the server has seen it close."""
    deadline = time.monotonic() + within
    while (last := server.connections[-1]).closed_at is None:
        assert time.monotonic() < deadline, "the server still thinks that somebody listens"
        await asyncio.sleep(0.01)
    return last


async def test_a_stream_comes_whole_and_in_order(scripted: ScriptedServer) -> None:
    events = await read(scripted, '[[say="one two three"]]')
    assert [event.data for event in events][-1] == "[DONE]"
    assert sum("output_text.delta" in event.event for event in events) == 3


async def test_the_key_and_the_body_arrive_as_they_should(scripted: ScriptedServer) -> None:
    await read(scripted, "naïve 😀 \ud800")
    request = scripted.requests[-1]
    assert request.headers["authorization"] == "Bearer sk-test-0123456789"
    assert request.headers["accept-encoding"] == "identity"
    assert request.body == {"model": "scripted", "stream": True, "input": "naïve 😀 ?"}


async def test_credentials_in_the_address_become_a_header_and_show_nowhere(scripted: ScriptedServer) -> None:
    client = Client(scripted.base_url.replace("//", "//ann:s3cret@"))
    await client.get("/models")
    assert scripted.requests[-1].headers["authorization"].startswith("Basic ")
    assert "s3cret" not in repr(client)


async def test_events_arrive_while_the_model_still_speaks(scripted: ScriptedServer) -> None:
    client, started = Client(scripted.base_url), time.monotonic()
    async with aclosing(client.stream("/responses", ask("[[rate=20 tokens=100]]"))) as batches:
        async for events in batches:
            if any("delta" in event.event for event in events):
                break
    assert time.monotonic() - started < 1


async def test_closing_the_iterator_reaches_the_server_within_a_second(scripted: ScriptedServer) -> None:
    async with aclosing(Client(scripted.base_url).stream("/responses", ask("[[rate=20 tokens=400]]"))) as events:
        await anext(events)
    assert (await closed(scripted)).cut


@pytest.mark.parametrize("directive", ["rate=20 tokens=400", "hang=headers", "hang=first", "hang=middle"])
async def test_cancelling_the_reader_reaches_the_server_within_a_second(scripted: ScriptedServer, directive: str) -> None:
    task = asyncio.create_task(read(scripted, f"[[{directive}]]", timeouts=Timeouts()))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await closed(scripted)).cut


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
async def test_a_passing_trouble_is_tried_again(scripted: ScriptedServer, status: int) -> None:
    events = await read(scripted, f"[[error={status} times=2]]")
    assert len(scripted.requests) == 3
    assert events[-1].data == "[DONE]"


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "x"), (401, "x"), (402, "x"), (403, "x"), (404, "x"), (422, "x"), (429, "insufficient_quota"), (501, "x")],
)
async def test_a_trouble_that_stays_is_not_tried_again(scripted: ScriptedServer, status: int, code: str) -> None:
    with pytest.raises(errors.UpstreamError):
        await read(scripted, f"[[error={status} code={code}]]")
    assert len(scripted.requests) == 1


async def test_after_three_tries_it_gives_up(scripted: ScriptedServer) -> None:
    with pytest.raises(errors.UpstreamBroken):
        await read(scripted, "[[error=500]]")
    assert len(scripted.requests) == 3


async def test_retry_after_is_honoured(scripted: ScriptedServer) -> None:
    started = time.monotonic()
    await read(scripted, "[[error=429 times=1 retry_after_ms=300]]")
    assert 0.3 <= time.monotonic() - started < 1.5


async def test_a_wait_longer_than_people_wait_is_told_instead(scripted: ScriptedServer) -> None:
    with pytest.raises(errors.RateLimited) as caught:
        await read(scripted, "[[error=429 retry_after=90]]")
    assert caught.value.retry_after == 90
    assert caught.value.next == "Try again in 90 seconds."
    assert len(scripted.requests) == 1


async def test_nothing_is_tried_again_after_the_first_byte(scripted: ScriptedServer) -> None:
    with pytest.raises(errors.Unreachable):
        await read(scripted, "[[reset=after:2]]")
    assert len(scripted.requests) == 1


async def test_a_body_that_ends_in_mid_reply_just_ends(scripted: ScriptedServer) -> None:
    events = await read(scripted, "[[eof=after:2]]")
    assert sum("output_text.delta" in event.event for event in events) == 2
    assert "completed" not in events[-1].event


@pytest.mark.parametrize("how", ["reset", "drop"])
async def test_a_connection_that_breaks_keeps_what_came_and_says_so(scripted: ScriptedServer, how: str) -> None:
    seen: list[ServerSentEvent] = []
    client = Client(scripted.base_url, timeouts=QUICK)

    async def collect() -> None:
        async for events in client.stream("/responses", ask(f"[[{how}=after:3 rate=50]]")):
            seen.extend(events)

    with pytest.raises(errors.Unreachable, match="broke off"):
        await collect()
    assert sum("output_text.delta" in event.event for event in seen) == 3


@pytest.mark.parametrize("when", ["headers", "first", "middle"])
async def test_silence_is_slow(scripted: ScriptedServer, when: str) -> None:
    with pytest.raises(errors.Slow):
        await read(scripted, f"[[hang={when}]]")
    await closed(scripted)
    assert len(scripted.requests) == 1


async def test_no_server_is_unreachable() -> None:
    with pytest.raises(errors.Unreachable) as caught:
        await Client("http://127.0.0.1:9", "sk-test-0123456789", timeouts=QUICK).get("/models")
    assert "127.0.0.1" not in str(caught.value)


async def test_an_unknown_host_is_unreachable() -> None:
    with pytest.raises(errors.Unreachable):
        await Client("http://nowhere.invalid/v1", timeouts=QUICK).get("/models")


async def test_plain_http_where_tls_is_expected_is_unreachable(scripted: ScriptedServer) -> None:
    with pytest.raises(errors.Unreachable):
        await Client(scripted.base_url.replace("http:", "https:"), timeouts=QUICK).get("/models")


async def test_a_server_that_does_not_stream_gives_its_json_as_one_event(scripted: ScriptedServer) -> None:
    (event,) = await read(scripted, "[[json=yes say=Hello]]")
    assert '"object": "response"' in event.data


async def test_an_event_without_end_is_refused_before_memory_is(scripted: ScriptedServer) -> None:
    with pytest.raises(errors.MalformedStream):
        await read(scripted, "[[malformed=huge]]")


async def test_an_endless_error_body_is_read_for_a_megabyte_at_most() -> None:
    sent = 0

    async def endless():  # type: ignore[no-untyped-def]
        nonlocal sent
        while True:
            sent += 65536
            yield b"x" * 65536

    transport = httpx.MockTransport(lambda request: httpx.Response(400, content=endless()))
    with pytest.raises(errors.UpstreamRejected):
        await Client("http://far.example/v1", transport=transport).get("/models")
    assert sent <= 2 * 1024 * 1024


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>Welcome</html>", errors.MalformedStream),
        (b'{"error": "no such thing"}', errors.UpstreamBroken),
        (b'{"error": {"code": 429, "message": "slow down"}}', errors.RateLimited),
        (b'{"error": {"code": 401, "message": "no"}}', errors.KeyRefused),
    ],
)
async def test_a_success_that_is_none_is_an_error(body: bytes, kind: type[errors.UpstreamError]) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body, headers={"Content-Type": "text/html"}))
    client = Client("http://far.example/v1", transport=transport, timeouts=QUICK)
    with pytest.raises(kind):
        [event async for events in client.stream("/responses", ask("hello")) for event in events]


async def test_connections_are_used_again(scripted: ScriptedServer) -> None:
    client = Client(scripted.base_url)
    for _ in range(3):
        await client.get("/models")
    assert len(scripted.connections) == 1


def test_one_client_serves_several_event_loops_and_leaves_nothing_open(scripted: ScriptedServer) -> None:
    client = Client(scripted.base_url)
    for _ in range(2):
        asyncio.run(client.get("/models"))
    assert len(scripted.connections) == 2


@pytest.mark.parametrize("address", ["", "ftp://x/v1", "localhost:11434/v1", "http://"])
def test_an_address_that_is_none_names_the_setting(address: str) -> None:
    with pytest.raises(errors.Misconfigured) as caught:
        Client(address)
    assert "OPENAI_BASE_URL" in caught.value.next
