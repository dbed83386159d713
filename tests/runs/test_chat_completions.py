"""A server that only speaks Chat Completions serves conversations like any other."""

from collections.abc import Iterator
from typing import Any

import pytest

from chat import providers
from tests.runs.conftest import House
from tests.runs.test_runs import said
from tests.scripted import ScriptedServer


@pytest.fixture
def chat_only(settings: Any) -> Iterator[ScriptedServer]:
    server = ScriptedServer(speaks=("chat", "models")).start()
    settings.OPENAI_BASE_URL = server.base_url
    yield server
    server.stop()


async def test_a_reply_with_reasoning_is_streamed_and_kept(house: House, chat_only: ScriptedServer, settings: Any) -> None:
    settings.OPENAI_BASE_URL = chat_only.base_url
    providers.reset()
    begun = await house.send('[[reasoning=6 say="By another road."]]')
    response = await house.ended(begun.response.pk)
    assert (response.status, said(response)) == ("completed", "By another road.")
    assert [item.type for item in response.output.all()] == ["reasoning", "message"]
    assert {"/v1/responses", "/v1/chat/completions"} <= {request.path for request in chat_only.requests}
    again = await house.send('[[say="Once more."]]', begun.conversation.pk)
    await house.ended(again.response.pk)
    roles = [message["role"] for message in chat_only.requests[-1].body["messages"]]
    assert roles[-1] == "user"
    assert [request.path for request in chat_only.requests].count("/v1/responses") == 1


async def test_a_stream_without_its_end_is_cut(house: House, chat_only: ScriptedServer, settings: Any) -> None:
    settings.OPENAI_BASE_URL = chat_only.base_url
    providers.reset()
    begun = await house.send("[[eof=after:4 tokens=30]]")
    response = await house.ended(begun.response.pk)
    assert response.status == "incomplete"
    assert said(response)
