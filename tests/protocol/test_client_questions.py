"""The client's other questions: a stream that has begun elsewhere, short ones, and deleting."""

import json
import time
from collections.abc import Callable
from contextlib import aclosing

import httpx
import pytest

from chat import errors
from chat.protocol.client import Client, Timeouts
from chat.protocol.failures import answer_of
from chat.protocol.sse import ServerSentEvent
from tests.scripted import ScriptedServer

QUICK = Timeouts(connect=1, first_byte=0.4, between_bytes=0.4, get=0.4, pauses=(0.02, 0.04))


def far(answer: Callable[[httpx.Request], httpx.Response], *, address: str = "http://far.example/v1") -> Client:
    return Client(address, "sk-test-0123456789", transport=httpx.MockTransport(answer), timeouts=QUICK)


async def begin(client: Client, text: str) -> str:
    """Ask in the background, go away after the first event; the id."""
    body = {"model": "scripted", "stream": True, "background": True, "store": True, "input": text}
    async with aclosing(client.stream("/responses", body)) as batches:
        (first, *_) = await anext(batches)
    upstream_id: str = json.loads(first.data)["response"]["id"]
    return upstream_id


async def read(client: Client, path: str) -> list[ServerSentEvent]:
    return [event async for events in client.resume(path) for event in events]


async def test_a_stream_is_taken_up_with_get_while_it_goes_on(scripted: ScriptedServer) -> None:
    client = Client(scripted.base_url, "sk-test-0123456789", timeouts=QUICK)
    upstream_id = await begin(client, '[[say="one two three" rate=20]]')
    events = await read(client, f"/responses/{upstream_id}?stream=true&starting_after=3")
    assert [json.loads(event.data)["sequence_number"] for event in events[:-1]] == list(range(4, 11))
    assert events[-1].data == "[DONE]"
    request = scripted.requests[-1]
    assert (request.method, request.headers["authorization"]) == ("GET", "Bearer sk-test-0123456789")
    assert "text/event-stream" in request.headers["accept"]
    assert "content-type" not in request.headers


async def test_a_query_of_the_address_is_joined_to_the_paths_own() -> None:
    seen: list[str] = []

    def answer(sent: httpx.Request) -> httpx.Response:
        seen.append(str(sent.url))
        return httpx.Response(200, json={})

    client = far(answer, address="http://far.example/v1?api-version=preview")
    await read(client, "/responses/resp_1?stream=true")
    await client.get("/models")
    assert seen == [
        "http://far.example/v1/responses/resp_1?stream=true&api-version=preview",
        "http://far.example/v1/models?api-version=preview",
    ]


async def test_taking_up_is_tried_again_before_the_first_byte_only() -> None:
    asked = 0

    def answer(sent: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(503) if asked < 3 else httpx.Response(200, text="data: {}\n\n")

    assert len(await read(far(answer), "/responses/resp_1?stream=true")) == 1
    assert asked == 3


@pytest.mark.parametrize("how", ["resume", "get", "post", "delete"])
async def test_errors_come_in_every_dialect_whatever_was_asked(how: str) -> None:
    client = far(lambda sent: httpx.Response(404, json={"error": {"message": "Response with id 'resp_1' not found."}}))
    with pytest.raises(errors.UpstreamRejected) as caught:
        await (read(client, "/responses/resp_1") if how == "resume" else getattr(client, how)("/responses/resp_1"))
    answer = answer_of(caught.value)
    assert answer is not None
    assert answer.status == 404


@pytest.mark.parametrize("how", ["post", "delete"])
async def test_short_questions_are_tried_again(how: str) -> None:
    methods: list[str] = []

    def answer(sent: httpx.Request) -> httpx.Response:
        methods.append(sent.method)
        return httpx.Response(500) if len(methods) < 3 else httpx.Response(200, json={"id": "resp_1"})

    await getattr(far(answer), how)("/responses/resp_1")
    assert methods == [how.upper()] * 3


async def test_a_short_post_sends_its_body_and_gives_the_object() -> None:
    def answer(sent: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"sent": json.loads(sent.content), "kind": sent.headers["content-type"]})

    assert await far(answer).post("/x", {"a": 1}) == {"sent": {"a": 1}, "kind": "application/json"}
    with pytest.raises(errors.MalformedStream):
        await far(lambda sent: httpx.Response(200, json=[])).post("/x")


@pytest.mark.parametrize("body", [b"", b"null", b"<html>", b'{"deleted": true}'])
async def test_what_a_server_says_to_a_delete_does_not_matter(body: bytes) -> None:
    await far(lambda sent: httpx.Response(200, content=body)).delete("/responses/resp_1")


async def test_a_short_answer_that_does_not_end_is_slow(scripted: ScriptedServer) -> None:
    client, started = Client(scripted.base_url, timeouts=QUICK), time.monotonic()
    with pytest.raises(errors.Slow):
        await client.post("/responses", {"model": "scripted", "input": "[[hang=headers]]"})
    assert time.monotonic() - started < 2
