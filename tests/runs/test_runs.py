"""A run, from the message to its one end, against a scripted model server."""

import asyncio
import gc
import itertools
import json
from typing import Any

import pytest

from chat.models import Daily, Item, LogRow, Response
from chat.runs import verbs
from chat.runs.executor import executor
from chat.runs.run import Run
from chat.store import conversations, log, pool, removals, responses
from tests.runs.conftest import House


def said(response: Response) -> str:
    return "".join(responses.message_text(item.wire) for item in response.output.all())


def asked(house: House) -> list[Any]:
    """The requests for replies, without those for titles."""
    return [request for request in house.scripted.requests if "title" not in (request.body or {}).get("instructions", "")]


async def test_a_reply_is_completed_kept_and_numbered_without_gaps(house: House) -> None:
    begun = await house.send('[[say="Hello **there**, friend."]]')
    response = await house.ended(begun.response.pk)
    assert (response.status, said(response)) == ("completed", "Hello **there**, friend.")
    events = await pool.for_readers(log.read, response.pk)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"
    assert events[-1]["type"] == "response.completed"
    assert response.usage is not None
    assert response.started
    assert response.ended


async def test_an_ended_run_keeps_one_packed_row(house: House) -> None:
    begun = await house.send("[[tokens=60 rate=200]]")
    response = await house.ended(begun.response.pk)
    rows = await pool.for_readers(lambda: list(LogRow.objects.filter(response=response)))
    assert [(row.packed, row.first) for row in rows] == [(True, 0)]


async def test_rings_join_without_gaps_and_end_with_the_whole_reply(house: House) -> None:
    await house.send("[[tokens=40 rate=100]]")
    await house.told(lambda ring: 'data-status=\\"completed' in "".join(ring.payload or ()))
    rings = [ring for ring in house.reading.rings if ring.payload]
    numbers = [(ring.first, ring.last) for ring in rings]
    assert all(other[0] == one[1] + 1 for one, other in itertools.pairwise(numbers)), numbers
    assert json.loads((rings[-1].payload or ("",))[-1])["content"].count('data-status="completed"') >= 2


async def test_the_request_holds_the_branch(house: House) -> None:
    first = await house.send('[[say="One."]]')
    await house.ended(first.response.pk)
    second = await house.send('[[say="Two."]]', first.conversation.pk)
    await house.ended(second.response.pk)
    body = asked(house)[-1].body
    assert [(item["role"], item["content"][0]["text"]) for item in body["input"]] == [
        ("user", '[[say="One."]]'),
        ("assistant", "One."),
        ("user", '[[say="Two."]]'),
    ]
    assert all("id" not in item for item in body["input"])


async def test_own_instructions_and_the_chosen_model_are_sent(house: House) -> None:
    house.actor.instructions = "Answer in Welsh."
    await pool.for_runs(house.actor.save)
    begun = await house.send('[[say="Shwmae."]]', model="scripted-large")
    await house.ended(begun.response.pk)
    body = asked(house)[0].body
    assert (body["instructions"], body["model"]) == ("Answer in Welsh.", "scripted-large")


async def test_stop_keeps_what_was_said_and_closes_the_connection_within_a_second(house: House) -> None:
    begun = await house.send("[[tokens=400 rate=50]]")
    await house.until(begun.response.pk, lambda response: response.position > 12)
    loop = asyncio.get_running_loop()
    stopped = loop.time()
    await house.call(verbs.cancel, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    response = await house.ended(begun.response.pk)
    assert response.status == "cancelled"
    assert len(said(response)) > 10
    async with asyncio.timeout(1 - min(loop.time() - stopped, 0.9)):
        while not any(connection.cut for connection in house.scripted.connections):
            await asyncio.sleep(0.01)


async def test_a_message_that_is_deleted_stops_its_reply_and_what_was_written_comes_back_with_it(house: House) -> None:
    begun = await house.send("[[tokens=400 rate=50]]")
    where = {"conversation_id": begun.conversation.pk, "item_id": str(begun.response.input_id)}
    await house.until(begun.response.pk, lambda response: response.position > 12)
    await house.call(verbs.remove_message, **where)
    response = await house.ended(begun.response.pk)
    assert (response.status, response.conversation_id) == ("cancelled", None)
    assert {item.conversation_id for item in response.output.all()} == {None}
    last = [ring for ring in house.reading.rings if ring.payload][-1]
    assert "Stopped." not in "".join(last.payload or ())
    await house.call(removals.restore, **where)
    back = await house.ended(begun.response.pk)
    assert len(said(back)) > 10
    assert {item.conversation_id for item in back.output.all()} == {begun.conversation.pk}


async def test_stop_before_the_first_word_ends_the_run(house: House) -> None:
    begun = await house.send("[[hang=headers]]")
    await house.until(begun.response.pk, lambda response: response.status == "in_progress")
    await house.call(verbs.cancel, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    assert (await house.ended(begun.response.pk)).status == "cancelled"


async def test_stopping_twice_or_after_the_end_changes_nothing(house: House) -> None:
    begun = await house.send('[[say="Done."]]')
    await house.ended(begun.response.pk)
    for _ in range(2):
        await house.call(verbs.cancel, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    assert (await house.ended(begun.response.pk)).status == "completed"


async def test_a_message_sent_meanwhile_is_answered_after_the_reply_and_sees_it(house: House) -> None:
    first = await house.send('[[say="The first answer." rate=20]]')
    second = await house.send('[[say="The second answer."]]', first.conversation.pk)
    await house.ended(second.response.pk)
    texts = [item["content"][0]["text"] for item in asked(house)[-1].body["input"]]
    assert texts[1] == "The first answer."


async def test_a_queued_message_can_be_stopped_and_the_next_goes_on(house: House) -> None:
    first = await house.send("[[tokens=30 rate=60]]")
    second = await house.send('[[say="Never."]]', first.conversation.pk)
    third = await house.send('[[say="At last."]]', first.conversation.pk)
    await house.call(verbs.cancel, conversation_id=first.conversation.pk, response_id=second.response.pk)
    response = await house.ended(third.response.pk)
    assert said(response) == "At last."
    assert (await house.ended(second.response.pk)).status == "cancelled"


@pytest.mark.parametrize(
    ("directive", "status", "code"),
    [
        ("error=500 body=html", "failed", "upstream_broken"),
        ("error=401", "failed", "invalid_api_key"),
        ("error=429 code=insufficient_quota", "failed", "insufficient_quota"),
        ("error=400 code=context_length_exceeded", "failed", "context_length_exceeded"),
        ("error=404 code=model_not_found", "failed", "model_not_found"),
        ("fail=after:0", "failed", "upstream_broken"),
    ],
)
async def test_a_refusal_of_the_model_server_is_said_plainly(house: House, directive: str, status: str, code: str) -> None:
    begun = await house.send(f"[[{directive}]]")
    response = await house.ended(begun.response.pk)
    assert (response.status, response.error_code) == (status, code)
    assert response.error_message.endswith((".", "again.", "below."))


@pytest.mark.parametrize("directive", ["eof=after:5", "reset=after:5", "drop=after:5"])
async def test_a_reply_that_breaks_off_is_incomplete_and_keeps_its_words(house: House, directive: str) -> None:
    begun = await house.send(f"[[{directive} tokens=50]]")
    response = await house.ended(begun.response.pk)
    assert response.status == "incomplete"
    assert said(response)


@pytest.mark.parametrize("kind", ["json", "list", "binary", "huge", "page"])
async def test_bytes_that_are_not_the_protocol_never_complete_a_reply(house: House, kind: str) -> None:
    begun = await house.send(f"[[malformed={kind} tokens=5 done=no eof=after:4]]")
    assert (await house.ended(begun.response.pk)).status in ("failed", "incomplete")


async def test_a_reply_cut_by_its_length_says_so_and_can_be_continued(house: House) -> None:
    begun = await house.send('[[say="Half a sen" finish=length]]')
    response = await house.ended(begun.response.pk)
    assert (response.status, response.incomplete_reason) == ("incomplete", "max_output_tokens")
    on = await house.call(verbs.carry_on, conversation_id=begun.conversation.pk, response_id=response.pk)
    await house.ended(on.response.pk)
    assert asked(house)[-1].body["input"][-1]["role"] == "developer"


async def test_reasoning_is_kept_but_not_sent_back(house: House) -> None:
    begun = await house.send('[[reasoning=5 say="Thought through."]]')
    response = await house.ended(begun.response.pk)
    assert [item.type for item in response.output.all()] == ["reasoning", "message"]
    again = await house.send('[[say="Yes."]]', begun.conversation.pk)
    await house.ended(again.response.pk)
    assert {item["type"] for item in asked(house)[-1].body["input"]} == {"message"}


async def test_a_title_is_found_in_the_background_and_never_over_a_persons_own(house: House) -> None:
    begun = await house.send('[[say="Ebb and flow"]]')
    await house.ended(begun.response.pk)
    async with asyncio.timeout(5):
        while not (await pool.for_readers(begun.conversation.refresh_from_db)) and not begun.conversation.titled_by:
            await asyncio.sleep(0.05)
    assert begun.conversation.title == "Ebb and flow"
    await house.call(conversations.rename, conversation_id=begun.conversation.pk, title="Mine")
    assert not await pool.for_runs(conversations.entitle, conversation_id=begun.conversation.pk, title="The model's")


async def test_words_of_a_reply_are_found(house: House) -> None:
    from chat.store import search

    begun = await house.send('[[say="An axolotl regrows its legs."]]')
    await house.ended(begun.response.pk)
    assert next(iter(await pool.for_readers(search.find, actor=house.actor, query="axolotl regrows"))).item_id


async def test_a_fenced_run_writes_nothing_more(house: House) -> None:
    begun = await house.send("[[tokens=200 rate=50]]")
    await house.until(begun.response.pk, lambda response: response.position > 12)
    await pool.for_runs(lambda: Response.objects.filter(pk=begun.response.pk).update(epoch=99))
    events = await pool.for_readers(log.read, begun.response.pk)
    async with asyncio.timeout(5):
        while begun.response.pk in executor.tasks:
            await asyncio.sleep(0.05)
    assert len(await pool.for_readers(log.read, begun.response.pk)) == len(events)
    assert (await pool.for_readers(Response.objects.get, pk=begun.response.pk)).status == "in_progress"


async def test_a_run_left_behind_with_words_shown_is_cut_with_all_of_them(house: House) -> None:
    begun = await house.send("[[tokens=200 rate=50]]")
    await house.until(begun.response.pk, lambda response: response.position > 20)
    await executor.close()
    shown = await pool.for_readers(log.read, begun.response.pk)
    executor.open()
    response = await house.ended(begun.response.pk)
    assert (response.status, response.incomplete_reason) == ("incomplete", "interrupted")
    deltas = "".join(event["delta"] for event in shown if event["type"] == "response.output_text.delta")
    assert said(response) == deltas
    ids = {event["item"]["id"] for event in shown if event["type"] == "response.output_item.added"}
    assert {item.pk for item in response.output.all()} == ids


async def test_a_run_left_behind_before_its_first_word_begins_again_once(house: House) -> None:
    begun = await house.send('[[hang=first say="Never mind."]]')
    await house.until(begun.response.pk, lambda response: response.status == "in_progress")
    for attempt in (1, 2):
        response = await house.until(begun.response.pk, lambda r, n=attempt: r.attempts == n)  # type: ignore[misc]
        async with asyncio.timeout(5):
            while begun.response.pk not in executor.runs:
                await asyncio.sleep(0.02)
        await executor.close()
        executor.open()
    response = await house.ended(begun.response.pk)
    assert (response.status, response.attempts) == ("incomplete", 2)


async def test_fifty_stops_at_random_moments_leave_one_end_each(house: House) -> None:
    for number in range(50):
        begun = await house.send(f"[[tokens=6 rate=200 seed={number}]]")
        await asyncio.sleep((number % 10) / 200)
        await house.call(verbs.cancel, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
        response = await house.ended(begun.response.pk)
        assert response.status in ("completed", "cancelled")
        events = await pool.for_readers(log.read, response.pk)
        ends = [e["type"] for e in events if e["type"] in ("response.completed", "parley:response.cancelled")]
        assert len(ends) == (1 if events else 0)
        items = await pool.for_readers(lambda pk=response.pk: Item.objects.filter(response=pk).count())  # type: ignore[misc]
        assert items <= 1


async def test_a_reply_that_cannot_be_rendered_while_it_grows_still_ends_and_others_go_on(house: House) -> None:
    begun = await house.send("[[tokens=60 rate=100]]")
    other = await house.send('[[say="Unharmed." rate=20]]')
    await house.until(begun.response.pk, lambda response: response.position > 6)
    executor.runs[begun.response.pk].fragments = object()  # type: ignore[assignment]
    assert (await house.ended(begun.response.pk)).status == "completed"
    assert said(await house.ended(other.response.pk)) == "Unharmed."


async def test_a_reply_beyond_the_bound_fails_with_the_reason(house: House, settings: Any) -> None:
    settings.REPLY_BYTES = 2_000
    begun = await house.send("[[tokens=500 rate=0]]")
    response = await house.ended(begun.response.pk)
    assert (response.status, response.error_code) == ("failed", "too_large")
    assert said(response)


async def test_deleting_a_conversation_stops_its_reply(house: House) -> None:
    begun = await house.send("[[tokens=400 rate=20]]")
    waiting = await house.send("[[tokens=5]]", begun.conversation.pk)
    await house.until(begun.response.pk, lambda response: response.position > 8)
    await house.call(conversations.delete, conversation_id=begun.conversation.pk)
    assert (await house.ended(begun.response.pk)).status == "cancelled"
    assert (await house.ended(waiting.response.pk)).status == "cancelled"


async def test_a_stop_between_the_sweeps_look_and_its_decision_is_heeded(house: House) -> None:
    begun = await house.send("[[hang=headers]]")
    stale = await house.until(begun.response.pk, lambda response: response.status == "in_progress")
    await executor.close()
    await pool.for_runs(
        responses.request_cancel, actor=house.actor, conversation_id=begun.conversation.pk, response_id=begun.response.pk
    )
    assert not await pool.for_runs(responses.requeue, stale)
    executor.open()
    assert (await house.ended(begun.response.pk)).status == "cancelled"


async def test_the_model_that_was_asked_is_on_the_record_where_nobody_chose_one(house: House) -> None:
    begun = await house.send('[[say="Hello."]]')
    assert (await house.ended(begun.response.pk)).model == "scripted"


async def test_a_connection_that_is_kept_keeps_no_run(house: House) -> None:
    for _ in range(20):  # one whose end comes apart from the last event is not kept
        begun = await house.send("[[tokens=5]]")
        await house.ended(begun.response.pk)
        async with asyncio.timeout(5):
            while executor.tasks:
                await asyncio.sleep(0.01)
        if any(connection.closed_at is None for connection in house.scripted.connections):
            break
    else:
        pytest.fail("no connection was kept")
    async with asyncio.timeout(5):
        while [run for run in gc.get_objects() if type(run) is Run]:
            await asyncio.sleep(0.05)  # whatever had it in hand lets it go
            gc.collect()


async def test_a_reply_is_among_the_numbers_of_its_day_soon_after_it_has_ended(house: House) -> None:
    begun = await house.send('[[say="Yes."]]')
    ended = await house.until(begun.response.pk, lambda response: response.counted)
    found = await pool.for_readers(lambda: list(Daily.objects.values_list("replies", "stored", "input", "output")))
    assert ended.usage is not None
    assert found == [(1, 1, ended.usage["input_tokens"], ended.usage["output_tokens"])]
