"""A probe finds out what a model server can do, says it in sentences, and leaves nothing there."""

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chat import files
from chat.protocol.client import Client, Timeouts
from chat.providers.probing import CAPABILITIES, probe
from chat.providers.probing.paper import PAPER, WORD
from tests import scripted_wire as wire
from tests.far_end import far_end, says
from tests.scripted_openai import OpenAILike

ODD: list[object] = [
    None,
    {"object": "response", "id": "..", "status": "completed", "output": [1, {"type": "message", "content": "text"}]},
    {
        "object": "response",
        "id": "\x00/../x",
        "status": ["x"],
        "output": [{"type": "message", "content": [{"text": "\x00\x1b[31m"}]}],
    },
    {"object": "response", "id": 7, "status": "failed", "error": "\x00\ud800"},
    {
        "object": "response",
        "id": "r",
        "status": "completed",
        "output": [{"type": "function_call", "name": "get_weather"}],
        "usage": [],
    },
]
QUICK = Timeouts(connect=1, first_byte=1, between_bytes=1, get=1, pauses=())
FIXED = {
    "store",
    "chain",
    "get",
    "delete",
    "cancel",
    "background",
    "reattach",
    "image",
    "input_file",
    "tools",
    "strict",
    "reasoning",
}
FIXED |= {"reasoning_replay", "sequence", "usage", "files"}
POORER = (
    "files",
    "store",
    "chain",
    "delete",
    "background",
    "reattach",
    "cancel",
    "sequence",
    "unstored",
    "forgets",
    "reasoning",
    "errors",
)
KEEPING = ("store", "get", "input_items", "chain", "delete", "background", "reattach", "cancel")


@contextmanager
def server(**how: Any) -> Iterator[OpenAILike]:
    made = OpenAILike(**how)
    made.start()
    try:
        yield made
    finally:
        made.stop()


async def found_at(there: OpenAILike, *, model: str = "", key: str = "sk-test-0123456789") -> dict[str, dict[str, object]]:
    client = Client(there.base_url, key, timeouts=QUICK)
    try:
        return (await probe(client, model=model))[1]
    finally:
        await client.close()


def can(found: dict[str, dict[str, object]]) -> dict[str, object]:
    return {name: row["can"] for name, row in found.items()}


async def test_of_a_server_that_can_all_of_it_all_is_found_and_nothing_is_left_there() -> None:
    with server() as there:
        found = await found_at(there)
        assert {name: row["said"] for name, row in found.items() if row["can"] is not True} == {}
        assert set(found) == set(CAPABILITIES) - {"chat"} > FIXED
        assert (there.shelf.kept, there.held, there.cabinet.kept) == ({}, set(), {})
        posts = [request for request in there.requests if request.method == "POST" and request.path == "/v1/responses"]
        assert len(there.requests) < 40
        assert all(request.body["max_output_tokens"] <= 1024 for request in posts)
        assert all(row["seconds"] < 5 and row["said"].endswith((".", "”")) for row in found.values())  # type: ignore[operator, union-attr]


@pytest.mark.parametrize("name", POORER)
async def test_whatever_one_lacks_is_found_and_what_hangs_on_it_is_not_claimed(name: str) -> None:
    hang_on = {
        "sequence": {"reattach"},
        "unstored": {"forgets"},  # it keeps what it is asked without
        "store": {*KEEPING},
        "background": {"reattach", "cancel"},
        "reasoning": {"reasoning_replay"},
    }
    with server(lacks={name}) as there:
        found = can(await found_at(there))
        assert {lacking for lacking, it_can in found.items() if it_can is not True} == {name, *hang_on.get(name, ())}
        assert (there.shelf.kept, there.held, there.cabinet.kept) == ({}, set(), {}) or name == "delete"


async def test_one_that_accepts_and_forgets_does_not_keep() -> None:
    with server(lacks={"get"}) as there:
        found = await found_at(there)
        assert [name for name in KEEPING if found[name]["can"]] == []
        assert found["tools"]["can"] is True


async def test_the_servers_own_words_are_in_the_sentence_and_the_key_is_not() -> None:
    with server(lacks={"store", "chain"}) as there:
        found = await found_at(there)
        assert "“Unsupported parameter: 'store' is not supported by this server.”" in str(found["store"]["said"])
        assert "sk-test" not in str(found)


async def test_a_server_that_cannot_delete_says_what_of_the_probe_stays_there() -> None:
    with server(lacks={"delete"}) as there:
        found = await found_at(there)
        assert found["delete"]["can"] is False
        assert f"replies are left there ({len(there.shelf.kept)})" in str(found["delete"]["said"])


class Tired(OpenAILike):
    """One that deletes once, and then is busy."""

    async def _answer(self, request: Any, writer: asyncio.StreamWriter) -> None:
        if request.method == "DELETE" and any(one.method == "DELETE" for one in self.requests):
            return await wire.send_error(writer, 503, message="Overloaded.")
        return await super()._answer(request, writer)


async def test_a_server_that_could_delete_and_then_does_not_says_so_too() -> None:
    there = Tired()
    there.start()
    try:
        found = await found_at(there)
        left = len(there.shelf.kept) + len(there.held)
        assert left > 0
        assert found["delete"]["can"] is True
        assert f"are left there ({left})" in str(found["delete"]["said"])
    finally:
        there.stop()


@pytest.mark.parametrize("name", ["tools", "background"])
async def test_what_a_busy_server_could_not_tell_is_not_known(name: str) -> None:
    with server(broken={name}) as there:
        found = await found_at(there)
        assert found[name]["can"] is None
        assert "overloaded" in str(found[name]["said"])
        assert found["strict"]["can"] is True
        assert there.shelf.kept == {}


async def test_one_that_never_answers_something_costs_that_alone() -> None:
    with server(slow={"image"}) as there:
        found = can(await found_at(there))
        assert [name for name, it_can in found.items() if it_can is not True] == ["image"]
        assert found["image"] is None


async def test_a_server_for_chat_completions_is_known_after_three_requests() -> None:
    with server(lacks={"responses"}) as there:
        found = await found_at(there)
        assert (found["chat"]["can"], found["models"]["can"]) == (True, True)
        assert {name for name, it_can in can(found).items() if it_can is False} == set(CAPABILITIES) - {"chat", "models"}
        assert "does not speak the Responses API" in str(found["store"]["said"])
        assert "Chat Completions" in str(found["store"]["said"])
        assert len(there.requests) == 3


async def test_a_server_that_is_not_there_is_a_result_with_a_sentence_and_soon() -> None:
    client = Client("http://127.0.0.1:9/v1", timeouts=QUICK)
    _, found = await probe(client)
    assert set(can(found).values()) == {None}
    assert {row["said"] for row in found.values()} == {"The model server cannot be reached."}
    await client.close()


async def test_a_key_that_is_refused_tells_nothing_of_what_the_server_can() -> None:
    with server(key="sk-another-0123456789") as there:
        found = await found_at(there)
        assert set(can(found).values()) == {None}
        assert "refused the key" in str(found["store"]["said"])


async def test_a_model_that_is_not_there_is_said_to_be_that() -> None:
    with server() as there:
        found = await found_at(there, model="gpt-nothing")
        assert set(can(found).values()) == {None, True}
        assert "does not know this model" in str(found["responses"]["said"])


@pytest.mark.parametrize("text", ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<htm>", "SSH-2.0-OpenSSH\r\n", ""])
async def test_what_is_no_model_server_raises_nothing(text: str) -> None:
    async with far_end(says(text)) as (port, _):
        client = Client(f"http://127.0.0.1:{port}/v1", timeouts=QUICK)
        _, found = await probe(client)
        assert True not in can(found).values()
        await client.close()


@pytest.mark.parametrize("wire", ODD, ids=range(len(ODD)))
async def test_odd_answers_raise_nothing_and_are_told_in_letters_that_can_be_shown(wire: object) -> None:
    body = json.dumps(wire)
    answer = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    )
    async with far_end(says(answer)) as (port, _):
        client = Client(f"http://127.0.0.1:{port}/v1", timeouts=QUICK)
        _, found = await probe(client)
        await client.close()
        assert all(str(row["said"]).isprintable() for row in found.values())
        assert not {"background", "reattach", "chain", "delete", "tools", "strict"} & {
            name for name, row in can(found).items() if row
        }


async def test_a_probe_that_is_cut_short_deletes_what_it_has_made() -> None:
    with server() as there:
        client, reached = Client(there.base_url, timeouts=QUICK), asyncio.Event()

        async def told(done: int, total: int) -> None:
            if len(there.shelf.kept) > 1:
                reached.set()
                await asyncio.sleep(3600)

        task = asyncio.create_task(probe(client, told=told))
        await asyncio.wait_for(reached.wait(), 20)
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled()
        assert there.shelf.kept == {}
        await client.close()


def test_the_word_that_a_probe_asks_for_stands_in_its_pdf() -> None:
    data = base64.b64decode(PAPER.partition(",")[2])
    assert [page.text for page in files.text_of(data, "application/pdf", "word.pdf")] == [WORD]
