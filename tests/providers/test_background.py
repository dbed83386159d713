"""A reply in background mode is taken up again where it was left."""

import asyncio
import json

import httpx
import pytest

from chat import errors
from chat.protocol import events
from chat.protocol.events import Event
from tests.providers.asking import TEN, WORDS, every, numbers, paths, provider, request, said, until_word
from tests.scripted import ScriptedServer


async def test_what_was_left_is_taken_up_after_the_last_event_read(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    upstream_id, read = await until_word(source, f"[[rate=50 {TEN}]]", 4)
    rest = await every(source.resume(upstream_id, read[-1].sequence_number))
    assert said(read) + said(rest) == WORDS
    assert numbers(read + rest) == sorted(set(numbers(read + rest)))  # deltas that came together have the number of the last
    assert numbers(read)[0] == 0
    assert isinstance(rest[-1], events.ResponseCompleted)
    assert paths(scripted)[-1] == f"GET /responses/{upstream_id}?stream=true&starting_after={read[-1].sequence_number}"


async def test_another_process_takes_it_up_too(scripted: ScriptedServer) -> None:
    upstream_id, read = await until_word(provider(scripted), f"[[{TEN} rate=50]]", 2)
    rest = await every(provider(scripted, on=False).resume(upstream_id, read[-1].sequence_number))
    assert said(read) + said(rest) == WORDS


async def test_with_no_number_everything_is_given_again(scripted: ScriptedServer) -> None:
    upstream_id, _ = await until_word(provider(scripted), f"[[{TEN}]]", 3)
    found = await every(provider(scripted).resume(upstream_id, None))
    assert said(found) == WORDS
    assert numbers(found)[0] == 0


async def test_a_server_that_replays_from_the_start_says_nothing_twice(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    upstream_id, read = await until_word(source, f"[[{TEN} resume=replay rate=100]]", 4)
    rest = await every(source.resume(upstream_id, read[-1].sequence_number))
    assert said(read) + said(rest) == WORDS


async def test_a_server_that_replays_all_of_it_at_once_says_nothing_twice(scripted: ScriptedServer) -> None:
    """Words that are known and new ones come together then, and are not to become one delta."""
    source = provider(scripted)
    upstream_id, read = await until_word(source, f"[[{TEN} resume=replay rate=200]]", 4)
    async with asyncio.timeout(10), httpx.AsyncClient(trust_env=False) as client:
        while (await client.get(f"{scripted.base_url}/responses/{upstream_id}")).json()["status"] != "completed":
            await asyncio.sleep(0.01)
    rest = await every(source.resume(upstream_id, read[-1].sequence_number))
    assert said(read) + said(rest) == WORDS


async def test_a_server_that_does_not_number_gives_the_end_alone(scripted: ScriptedServer) -> None:
    """Which of its events are known cannot be told; the end holds the whole text."""
    source = provider(scripted)
    upstream_id, _ = await until_word(source, f"[[{TEN} dialect=llama resume=replay]]", 4)
    (end,) = await every(source.resume(upstream_id, 7))
    assert isinstance(end, events.ResponseCompleted)
    assert WORDS in json.dumps(events.dump(end))


async def test_where_no_stream_is_given_it_is_asked_until_it_ends(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    upstream_id, read = await until_word(source, f"[[{TEN} resume=poll rate=40]]", 2)
    (end,) = await every(source.resume(upstream_id, read[-1].sequence_number))
    assert isinstance(end, events.ResponseCompleted)
    assert WORDS in json.dumps(events.dump(end))
    assert sum("stream=true" in path for path in paths(scripted)) == 1
    assert paths(scripted).count(f"GET /responses/{upstream_id}") > 1


@pytest.mark.parametrize("how", ["eof=after:4", "drop=after:4", "reset=after:4", "hang=middle"])
async def test_a_connection_that_breaks_is_no_end(scripted: ScriptedServer, how: str) -> None:
    found = await every(provider(scripted).stream(request(f"[[{TEN} rate=100 {how}]]")))
    assert said(found) == WORDS
    assert numbers(found) == sorted(set(numbers(found)))
    assert isinstance(found[-1], events.ResponseCompleted)
    assert sum(path == "POST /responses" for path in paths(scripted)) == 1


async def test_a_break_before_the_first_event_is_told(scripted: ScriptedServer) -> None:
    with pytest.raises(errors.Slow):
        await every(provider(scripted).stream(request("[[hang=first]]")))


async def test_a_server_that_kept_nothing_after_all_leaves_the_break_as_it_was(scripted: ScriptedServer) -> None:
    found: list[Event] = []

    async def collect() -> None:
        async for event in provider(scripted).stream(request(f"[[{TEN} resume=404 drop=after:3]]")):
            found.append(event)  # noqa: PERF401 - a comprehension loses what came before the error

    with pytest.raises(errors.Unreachable, match="broke off"):
        await collect()
    assert said(found) == "one two three"


async def test_a_body_that_ended_early_without_anything_kept_just_ends(scripted: ScriptedServer) -> None:
    found = await every(provider(scripted).stream(request(f"[[{TEN} resume=404 eof=after:3]]")))
    assert said(found) == "one two three"


async def test_what_is_not_kept_any_more_is_said_to_be_gone(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    upstream_id, read = await until_word(source, f"[[{TEN} keep=0]]", 2)
    for unknown in (upstream_id, "resp_of_somebody_else", "../models", "..", ""):
        with pytest.raises(errors.ResponseGone) as caught:
            await every(source.resume(unknown, read[-1].sequence_number))
        assert caught.value.next
    assert not any("/../" in path for path in paths(scripted))


async def test_a_reply_that_failed_meanwhile_is_told_as_failed(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    upstream_id, read = await until_word(source, f"[[{TEN} rate=100 fail=after:5]]", 2)
    rest = await every(source.resume(upstream_id, read[-1].sequence_number))
    assert isinstance(rest[-1], events.ResponseFailed)
    assert rest[-1].response.error is not None
    assert rest[-1].response.error.message == "The engine stumbled."
    (end,) = await every(source.resume(upstream_id, rest[-1].sequence_number))
    assert isinstance(end, events.ResponseFailed)


async def test_an_end_that_was_read_but_not_kept_is_had_again(scripted: ScriptedServer) -> None:
    source = provider(scripted)
    read = await every(source.stream(request("[[say=Hello]]")))
    assert isinstance(read[0], events.ResponseCreated)
    (end,) = await every(source.resume(read[0].response.id, read[-1].sequence_number))
    assert isinstance(end, events.ResponseCompleted)
