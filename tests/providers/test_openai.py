"""Servers of every ability, through one provider."""

from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from chat import errors
from chat.protocol import events
from chat.protocol.client import Client, Timeouts
from chat.protocol.events import Event
from chat.protocol.types import Request
from chat.providers.catalogue import model_names
from chat.providers.openai import OpenAIProvider
from tests.protocol.recorded import recorded
from tests.scripted import ScriptedServer

QUICK = Timeouts(connect=1, first_byte=2, between_bytes=1, pauses=(0.01,))


@pytest.fixture
def only_chat() -> Iterator[ScriptedServer]:
    server = ScriptedServer(speaks=("chat", "models")).start()
    yield server
    server.stop()


def provider(server: ScriptedServer) -> OpenAIProvider:
    return OpenAIProvider(Client(server.base_url, "sk-test-0123456789", timeouts=QUICK))


def request(text: str, **more: Any) -> Request:
    return Request(model="scripted", input=[{"role": "user", "content": text}], **more)


async def read(source: OpenAIProvider, asked: Request) -> list[Event]:
    async with aclosing(source.stream(asked)) as found:
        return [event async for event in found]


def said(found: list[Event]) -> str:
    return "".join(event.delta for event in found if isinstance(event, events.OutputTextDelta))


async def test_the_events_come_as_the_server_sent_them(scripted: ScriptedServer) -> None:
    found = await read(provider(scripted), request("[[say=Hello]]", store=False))
    assert said(found) == "Hello"
    assert isinstance(found[-1], events.ResponseCompleted)
    assert scripted.requests[-1].body["store"] is False
    assert scripted.requests[-1].body["stream"] is True


async def test_an_error_inside_the_stream_is_raised(scripted: ScriptedServer) -> None:
    with pytest.raises(errors.RateLimited):
        await read(provider(scripted), request("[[fail=after:2 code=rate_limit_exceeded]]"))


async def test_an_end_that_holds_an_error_is_a_failure_whatever_it_is_called() -> None:
    content = recorded("error_in_completed")
    transport = httpx.MockTransport(
        lambda sent: httpx.Response(200, content=content, headers={"Content-Type": "text/event-stream"})
    )
    source = OpenAIProvider(Client("http://far.example/v1", transport=transport, timeouts=QUICK))
    end = (await read(source, request("hello")))[-1]
    assert isinstance(end, events.ResponseFailed)
    assert end.response.error is not None


async def test_malformed_json_is_refused(scripted: ScriptedServer) -> None:
    with pytest.raises(errors.MalformedStream):
        await read(provider(scripted), request("[[malformed=json]]"))


async def test_a_refused_parameter_is_left_out_and_stays_so(scripted: ScriptedServer) -> None:
    source, asked = (
        provider(scripted),
        request("[[unsupported=include,truncation say=Hi]]", include=["x"], truncation="auto", store=False),
    )
    assert said(await read(source, asked)) == "Hi"
    assert len(scripted.requests) == 3
    assert said(await read(source, asked)) == "Hi"
    assert len(scripted.requests) == 4
    assert "include" not in scripted.requests[-1].body
    assert scripted.requests[-1].body["store"] is False


async def test_what_was_learned_of_one_model_does_not_touch_another(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    await read(source, request("[[unsupported=temperature]]", temperature=0.5))
    await read(source, request("hello", temperature=0.5).model_copy(update={"model": "other"}))
    assert scripted.requests[-1].body["temperature"] == 0.5


async def test_a_refused_model_or_input_is_not_left_out(scripted: ScriptedServer) -> None:
    with pytest.raises(errors.UpstreamRejected):
        await read(provider(scripted), request("[[unsupported=input]]"))
    assert len(scripted.requests) == 1


async def test_store_false_is_not_traded_for_an_answer() -> None:
    """A server that knows `store` and wants it true gets nothing; one that does not know the word keeps nothing."""
    for message, tries in (("store must be true for this model", 1), ("Unknown parameter: 'store'", 2)):
        seen: list[bytes] = []

        def answer(sent: httpx.Request, message: str = message, seen: list[bytes] = seen) -> httpx.Response:
            seen.append(sent.content)
            return httpx.Response(400, json={"error": {"message": message, "param": "store"}})

        source = OpenAIProvider(Client("http://far.example/v1", transport=httpx.MockTransport(answer), timeouts=QUICK))
        with pytest.raises(errors.UpstreamRejected):
            await read(source, request("secret", store=False))
        assert len(seen) == tries


async def test_a_server_of_chat_completions_is_found_out_once(only_chat: ScriptedServer) -> None:
    source = provider(only_chat)
    for _ in range(2):
        found = await read(source, request("[[say=Hello reasoning=2]]"))
        assert said(found) == "Hello"
        assert isinstance(found[-1], events.ResponseCompleted)
    assert [one.path.rpartition("/v1")[2] for one in only_chat.requests] == [
        "/responses",
        "/chat/completions",
        "/chat/completions",
    ]


async def test_chat_parameters_are_learned_too(only_chat: ScriptedServer) -> None:
    found = await read(provider(only_chat), request("[[unsupported=stream_options,max_tokens say=Hi]]", max_output_tokens=50))
    assert said(found) == "Hi"
    assert only_chat.requests[-1].body["max_completion_tokens"] == 50


async def test_a_cut_chat_stream_has_no_terminal_event(only_chat: ScriptedServer) -> None:
    found = await read(provider(only_chat), request("[[eof=after:2]]"))
    assert not isinstance(found[-1], events.ResponseCompleted | events.ResponseIncomplete)


@pytest.mark.parametrize("status", [405, 501])
async def test_other_ways_to_say_that_the_address_is_unknown(status: int) -> None:
    def answer(sent: httpx.Request) -> httpx.Response:
        if sent.url.path.endswith("/responses"):
            return httpx.Response(status)
        return httpx.Response(200, json={"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]})

    source = OpenAIProvider(Client("http://far.example/v1", transport=httpx.MockTransport(answer), timeouts=QUICK))
    assert said(await read(source, request("hello"))) == "Hi"


async def test_a_success_that_says_unknown_endpoint_counts_too() -> None:
    def answer(sent: httpx.Request) -> httpx.Response:
        if sent.url.path.endswith("/responses"):
            return httpx.Response(200, json={"error": "Unexpected endpoint or method. (POST /v1/responses)"})
        return httpx.Response(200, json={"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]})

    source = OpenAIProvider(Client("http://far.example/v1", transport=httpx.MockTransport(answer), timeouts=QUICK))
    assert said(await read(source, request("hello"))) == "Hi"


async def test_an_unknown_model_is_no_reason_to_speak_otherwise(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    with pytest.raises(errors.ModelNotFound):
        await read(source, request("[[error=404 code=model_not_found]]"))
    assert [one.path for one in scripted.requests] == ["/v1/responses"]


async def test_a_wrong_address_is_told_as_such() -> None:
    source = OpenAIProvider(
        Client("http://far.example", transport=httpx.MockTransport(lambda sent: httpx.Response(404)), timeouts=QUICK)
    )
    with pytest.raises(errors.UpstreamRejected) as caught:
        await read(source, request("hello"))
    assert "OPENAI_BASE_URL" in caught.value.next


async def test_a_server_that_once_spoke_responses_is_not_given_up(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    await read(source, request("[[say=Hi]]"))
    with pytest.raises(errors.UpstreamRejected):
        await read(source, request("[[error=404]]"))
    assert all(one.path == "/v1/responses" for one in scripted.requests)


async def test_models_are_named_by_the_server(scripted: ScriptedServer) -> None:
    assert await provider(scripted).models() == ["scripted"]


def test_what_cannot_talk_is_not_offered() -> None:
    wire: dict[str, Any] = {
        "data": [{"id": name} for name in ("text-embedding-3-small", "gpt-x", "whisper-1", "gpt-x", "tts-1", 7, "", "x" * 300)]
    }
    assert model_names(wire) == ["gpt-x"]
    assert model_names({"data": [{"id": "only-embeddings"}]}) == ["only-embeddings"]
    assert model_names({"models": [{"name": "llama"}]}) == ["llama"]
    assert model_names({"data": "nonsense"}) == []
