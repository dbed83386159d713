"""Sending twice, at once, and while a reply is written: one message, one run, nothing lost, order kept."""

import asyncio
import secrets
from collections.abc import Iterator

import pytest

from tests.faults.counts import COUNTS
from tests.faults.house import House
from tests.faults.reader import Reader
from tests.faults.visitor import Visitor
from tests.faults.words import Speech, last_said
from tests.scripted import ScriptedServer


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("sending"), model_server=model.base_url) as house:
        yield house
        assert not house.web[0].complaints()


@pytest.fixture(scope="module")
def person(house: House) -> Visitor:
    return house.people(1)[0]


async def test_the_first_message_sent_twice_at_once_begins_one_conversation(
    house: House, person: Visitor, model: ScriptedServer
) -> None:
    for _ in range(COUNTS.double_sends):
        speech, client_id = Speech(tokens=3), secrets.token_hex(16)
        begun = await asyncio.gather(*(person.begin(speech.prompt, client_id=client_id) for _ in range(2)))
        assert begun[0] == begun[1]
        async with Reader(person, begun[0]) as reader:
            assert await reader.until_ended(reader.ids()[0], within=10) == "completed"
        assert house.branch(begun[0]) == [(speech.prompt, "completed")]
        assert len(speech.requests(model)) == 1


async def test_a_message_sent_twice_at_once_is_one_message_with_one_run(
    house: House, person: Visitor, model: ScriptedServer
) -> None:
    conversation = await person.begin(Speech(tokens=3).prompt)
    speeches = [Speech(tokens=3) for _ in range(COUNTS.double_sends)]
    async with Reader(person, conversation) as reader:
        for number, speech in enumerate(speeches, 2):
            client_id = secrets.token_hex(16)
            answers = await asyncio.gather(*(person.say(conversation, speech.prompt, client_id=client_id) for _ in range(2)))
            assert {answer.status_code for answer in answers} == {200}
            await reader.until(lambda count=number: len(reader.ids()) == count, within=10)
        assert await reader.until_ended(reader.ids()[-1], within=20) == "completed"
    assert [text for text, _ in house.branch(conversation)][1:] == [speech.prompt for speech in speeches]
    assert all(len(speech.requests(model)) == 1 for speech in speeches)


async def test_two_tabs_that_send_at_once_are_both_answered(house: House, person: Visitor) -> None:
    conversation = await person.begin(Speech(tokens=3).prompt)
    one, two = Speech(tokens=20, rate=100), Speech(tokens=20, rate=100)
    async with Reader(person, conversation) as left, Reader(person, conversation) as right:
        await asyncio.gather(person.say(conversation, one.prompt), person.say(conversation, two.prompt))
        for tab in (left, right):
            await tab.until(lambda tab=tab: len(tab.ids()) == 3, within=10)
            for reply in tab.ids():
                assert await tab.until_ended(reply, within=10) == "completed"
        assert left.ids() == right.ids()
        assert {left.text(reply) for reply in left.ids()[1:]} == {one.text, two.text}
    assert {text for text, _ in house.branch(conversation)[1:]} == {one.prompt, two.prompt}


async def test_what_is_sent_while_a_reply_streams_waits_and_is_answered_after_it(person: Visitor, model: ScriptedServer) -> None:
    first, second = Speech(tokens=60, rate=60), Speech(tokens=5)
    conversation = await person.begin(first.prompt)
    async with Reader(person, conversation) as reader:
        await reader.until(lambda: bool(reader.ids() and reader.text(reader.ids()[0])), within=10)
        await person.say(conversation, second.prompt)
        await reader.until(lambda: len(reader.ids()) == 2, within=5)
        reply, waiting = reader.ids()
        assert (reader.status(reply), reader.status(waiting)) == ("in_progress", "queued")
        assert await reader.until_ended(waiting, within=10) == "completed"
        assert reader.status(reply) == "completed"
        assert (reader.text(reply), reader.text(waiting)) == (first.text, second.text)
    [request] = second.requests(model)
    assert first.text in str(request.body["input"]), "the reply before it was not in the request"
    assert request.at > first.requests(model)[0].at + 0.9


async def test_fifty_writes_at_once_into_one_conversation_lose_none(house: House, person: Visitor, model: ScriptedServer) -> None:
    conversation = await person.begin(Speech(tokens=3).prompt)
    speeches = [Speech(tokens=2) for _ in range(COUNTS.parallel_writes)]
    async with Reader(person, conversation) as reader:
        answers = await asyncio.gather(*(person.say(conversation, speech.prompt) for speech in speeches))
        assert {answer.status_code for answer in answers} == {200}
        await reader.until(lambda: len(reader.ids()) == len(speeches) + 1, within=30, what="all of them in the page")
        assert await reader.until_ended(reader.ids()[-1], within=60) == "completed"
        shown = [reader.text(reply) for reply in reader.ids()[1:]]
    said = house.branch(conversation)[1:]
    assert sorted(text for text, _ in said) == sorted(speech.prompt for speech in speeches)
    assert {status for _, status in said} == {"completed"}
    by_prompt = {speech.prompt: speech.text for speech in speeches}
    assert shown == [by_prompt[text] for text, _ in said], "the page has another order than the branch"
    asked = [last_said(request) for request in model.requests if last_said(request) in by_prompt]
    assert asked == [text for text, _ in said], "they were not answered in their order, once each"
