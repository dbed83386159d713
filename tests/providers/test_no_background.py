"""Servers that have no background mode, or say so late."""

import json
from typing import Any

import httpx
import pytest

from chat import errors
from chat.protocol.client import Client
from chat.protocol.types import Request
from chat.providers.chat_completions import ChatCompletionsProvider
from tests.providers.asking import QUICK, TEN, WORDS, every, far, provider, request, said
from tests.scripted import ScriptedServer


@pytest.mark.parametrize("word", ["refused", "store"])
async def test_a_server_without_background_mode_is_asked_plainly(scripted: ScriptedServer, word: str) -> None:
    source = provider(scripted)
    first = {"refused": 2, "store": 3}[word]
    for tries in (first, first + 1):
        asked = request(f"[[{TEN} background={word}]]")
        assert said(await every(source.stream(asked))) == WORDS
        assert len(scripted.requests) == tries
    body = scripted.requests[-1].body
    assert "background" not in body
    assert body["store"] is asked.store is (word == "refused")


@pytest.mark.parametrize(
    "message",
    [
        "background can only be used when `store` is true",
        "This vLLM engine does not support `store=True` and therefore does not support the background mode.",
        "Background mode is not available for this organization: background",
    ],
)
async def test_the_refusal_is_understood_in_other_words(message: str) -> None:
    bodies: list[Any] = []

    def answer(sent: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(sent.content))
        if "background" in bodies[-1]:
            return httpx.Response(400, json={"error": {"message": message}})
        return httpx.Response(200, json={"object": "response", "status": "completed", "output": []})

    await every(far(answer).stream(request("hello")))
    assert [(body.get("background"), body["store"]) for body in bodies] == [(True, True), (None, True)]


async def test_a_refusal_of_something_else_keeps_background_mode(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    asked = Request.model_validate({**request("[[unsupported=include say=Hi]]").body(), "include": ["x"]})
    assert said(await every(source.stream(asked))) == "Hi"
    assert scripted.requests[-1].body["background"] is True


async def test_nothing_is_asked_for_in_the_background_where_the_owner_did_not_say_so(scripted: ScriptedServer) -> None:
    source = provider(scripted, on=False)
    assert not source.background
    await every(source.stream(request("[[say=Hi]]")))
    assert "background" not in scripted.requests[-1].body


async def test_chat_completions_has_no_background_mode() -> None:
    server = ScriptedServer(speaks=("chat", "models")).start()
    try:
        source = provider(server)
        assert source.background
        assert said(await every(source.stream(request("[[say=Hi]]")))) == "Hi"
        assert not source.background
        assert "store" not in server.requests[-1].body
    finally:
        server.stop()


async def test_a_provider_without_it_keeps_nothing() -> None:
    plain = ChatCompletionsProvider(Client("http://far.example/v1", timeouts=QUICK))
    assert not plain.background
    await plain.cancel("resp_1")
    assert not plain.keeps("scripted")
    assert await plain.forget("resp_1") == "absent"
    with pytest.raises(errors.ResponseGone):
        await every(plain.resume("resp_1", 3))
