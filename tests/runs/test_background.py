"""A reply in the provider's background outlives our process: it is taken up where it was, not asked for a second time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from chat import providers
from chat.live import transcript
from chat.models import LogRow, Response, Turn, User
from chat.runs import verbs
from chat.runs.executor import executor
from chat.store import conversations, log, pool, responses
from tests.runs.conftest import House
from tests.scripted import ScriptedServer


@pytest.fixture
def background(house: House, settings: Any) -> House:
    settings.OPENAI_BACKGROUND = True
    providers.reset()
    return house


def said(response: Response) -> str:
    return "".join(part["text"] for item in response.output.all() for part in item.wire.get("content", []))


def asked(server: ScriptedServer, method: str, path: str = "/v1/responses") -> list[Any]:
    replies = [request for request in server.requests if not str((request.body or {}).get("instructions")).startswith("Write a")]
    return [request for request in replies if request.method == method and request.path.startswith(path)]


async def eventually(check: Callable[[], bool], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not check():
            await asyncio.sleep(0.02)


async def die_and_come_back(house: House, response_id: str, *, past: int) -> list[Any]:
    """The process ends in the middle of the reply, and another begins. Returns the events that had been logged."""
    await house.until(response_id, lambda response: response.position > past)
    await executor.close()
    logged = await pool.for_readers(log.read, response_id)
    executor.open()
    return logged


async def test_a_reply_is_taken_up_where_it_was_and_not_paid_twice(background: House) -> None:
    begun = await background.send("[[tokens=120 rate=60 seed=5]]")
    logged = await die_and_come_back(background, begun.response.pk, past=20)
    response = await background.ended(begun.response.pk)
    assert (response.status, len(said(response).split())) == ("completed", 120)
    events = await pool.for_readers(log.read, response.pk)
    assert events[: len(logged)] == logged
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    deltas = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert deltas == said(response)
    assert len(asked(background.scripted, "POST")) == 1


async def test_a_reply_with_reasoning_and_a_tool_call_is_taken_up_item_by_item(background: House) -> None:
    begun = await background.send('[[reasoning=20 tool=weather args={"city":"Paris"} tokens=60 rate=60 seed=6]]')
    await die_and_come_back(background, begun.response.pk, past=15)
    response = await background.ended(begun.response.pk)
    whole = await background.send('[[reasoning=20 tool=weather args={"city":"Paris"} tokens=60 rate=0 seed=6]]')
    same = await background.ended(whole.response.pk)
    assert response.status == same.status
    assert [item.type for item in response.output.all()] == [item.type for item in same.output.all()]
    assert said(response) == said(same)


async def test_nothing_is_left_there_when_it_has_ended(background: House) -> None:
    begun = await background.send("[[tokens=5 rate=0]]")
    await background.ended(begun.response.pk)
    turn = await pool.for_readers(Turn.objects.get, response=begun.response.pk)
    assert turn.background
    await eventually(lambda: bool(asked(background.scripted, "DELETE", f"/v1/responses/{turn.upstream_id}")))


async def test_stop_stops_it_there_too(background: House) -> None:
    begun = await background.send("[[tokens=400 rate=40]]")
    await background.until(begun.response.pk, lambda response: response.position > 10)
    await background.call(verbs.cancel, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    response = await background.ended(begun.response.pk)
    assert response.status == "cancelled"
    await eventually(lambda: any(request.path.endswith("/cancel") for request in asked(background.scripted, "POST")), seconds=1)


async def test_a_reply_that_the_provider_has_lost_is_cut_with_what_was_there(background: House) -> None:
    begun = await background.send("[[tokens=400 rate=60 resume=404]]")
    await die_and_come_back(background, begun.response.pk, past=20)
    response = await background.ended(begun.response.pk)
    assert (response.status, response.incomplete_reason) == ("incomplete", "interrupted")
    assert said(response)


async def test_what_is_not_to_be_stored_is_never_in_the_background(background: House) -> None:
    begun = await background.send("Begin.")
    await background.ended(begun.response.pk)
    await pool.for_readers(lambda: type(begun.conversation).objects.filter(pk=begun.conversation.pk).update(store=False))
    off = await background.send("[[tokens=3 rate=0]]", begun.conversation.pk)
    await background.ended(off.response.pk)
    body = asked(background.scripted, "POST")[-1].body
    assert (body["store"], body.get("background")) == (False, None)


async def test_whose_author_may_not_have_it_any_more_keeps_what_was_shown_and_is_stopped_there(background: House) -> None:
    begun = await background.send("[[tokens=200 rate=40]]")
    await background.until(begun.response.pk, lambda response: response.position > 20)
    await executor.close()
    logged = await pool.for_readers(log.read, begun.response.pk)
    await pool.for_readers(lambda: User.objects.filter(pk=background.actor.pk).update(suspended=True))
    executor.open()
    response = await background.ended(begun.response.pk)
    assert response.status == "cancelled"
    deltas = "".join(event["delta"] for event in logged if event["type"] == "response.output_text.delta")
    assert said(response) == deltas != ""
    await eventually(lambda: any(request.path.endswith("/cancel") for request in asked(background.scripted, "POST")))
    await eventually(lambda: bool(asked(background.scripted, "DELETE")))


@pytest.mark.parametrize("how", ["stopped", "deleted"])
async def test_what_was_shown_of_one_that_waits_to_be_taken_up_is_not_lost(background: House, how: str) -> None:
    """Between the process that died and the one that goes on with it somebody stops it, or deletes the conversation and takes
    that back.
    """
    begun = await background.send("[[tokens=120 rate=60 seed=7]]")
    pk, conversation_id = begun.response.pk, begun.conversation.pk
    await background.until(pk, lambda response: response.position > 20)
    await executor.close()
    (found,) = await pool.for_runs(responses.abandoned, alone=True)
    assert await pool.for_runs(responses.requeue, found)
    shown = await pool.for_readers(text_on_the_page, found)
    assert len(shown.split()) > 10
    if how == "stopped":
        await background.call(responses.request_cancel, conversation_id=conversation_id, response_id=pk)
    else:
        await background.call(conversations.delete, conversation_id=conversation_id)
        await background.call(conversations.restore, conversation_id=conversation_id)
    executor.open()
    response = await background.ended(pk)
    assert response.status == "cancelled"
    assert said(response).startswith(shown)
    turn = await pool.for_readers(Turn.objects.get, response=pk)
    assert turn.ended
    await eventually(lambda: bool(asked(background.scripted, "POST", f"/v1/responses/{turn.upstream_id}/cancel")))
    assert all(await pool.for_readers(lambda: list(LogRow.objects.filter(response=pk).values_list("packed", flat=True))))


def text_on_the_page(response: Response) -> str:
    response.refresh_from_db()
    (entry,) = transcript.some([response.pk])
    return "".join(str(part["text"]) for item in entry.response.items for part in item.wire.get("content", []))
