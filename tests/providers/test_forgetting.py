"""What was asked for in the background is stopped and deleted at the provider."""

import httpx
import pytest

from chat import errors
from chat.protocol import events
from tests.providers.asking import TEN, every, far, paths, provider, until_word
from tests.scripted import ScriptedServer


async def test_cancel_stops_it_and_says_nothing_of_what_is_stopped_already(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    upstream_id, read = await until_word(source, "[[rate=20 tokens=400]]", 2)
    for _ in range(2):
        await source.cancel(upstream_id)
    (end,) = await every(source.resume(upstream_id, read[-1].sequence_number))
    assert isinstance(end, events.ResponseIncomplete)
    assert end.response.status == "cancelled"
    for nothing in ("resp_unknown", ""):
        await source.cancel(nothing)


async def test_cancel_tries_again_and_says_when_it_could_not() -> None:
    seen: list[str] = []

    def answer(sent: httpx.Request) -> httpx.Response:
        seen.append(sent.url.path)
        return httpx.Response(503)

    with pytest.raises(errors.UpstreamBroken):
        await far(answer).cancel("resp_1")
    assert seen == ["/v1/responses/resp_1/cancel"] * 2


async def test_forgetting_is_believed_when_it_cannot_be_found_any_more(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    upstream_id, _ = await until_word(source, f"[[{TEN}]]", 2)
    assert await source.forget(upstream_id) == "deleted"
    assert paths(scripted)[-2:] == [f"DELETE /responses/{upstream_id}", f"GET /responses/{upstream_id}"]
    assert await source.forget(upstream_id) == "absent"
    assert await source.forget("") == "absent"


@pytest.mark.parametrize("refusal", [405, 404, 400, 501])
async def test_what_is_still_there_is_not_forgotten(refusal: int) -> None:
    """vLLM has no DELETE."""

    def answer(sent: httpx.Request) -> httpx.Response:
        return httpx.Response(refusal) if sent.method == "DELETE" else httpx.Response(200, json={"status": "completed"})

    assert await far(answer).forget("resp_1") == "there"


@pytest.mark.parametrize(("status", "kind"), [(401, errors.KeyRefused), (500, errors.UpstreamBroken)])
async def test_when_nobody_can_tell_whether_it_is_gone_that_is_raised(status: int, kind: type[errors.UpstreamError]) -> None:
    for method in ("DELETE", "GET"):

        def answer(sent: httpx.Request, method: str = method) -> httpx.Response:
            return httpx.Response(status) if sent.method == method else httpx.Response(200, json={})

        with pytest.raises(kind):
            await far(answer).forget("resp_1")
