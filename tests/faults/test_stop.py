"""Stop: from any tab, at every stage; the model server hears of it within a second, what has come stays, and a run ends once."""

import asyncio
import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.counts import COUNTS
from tests.faults.house import House, wire_item
from tests.faults.reader import Reader
from tests.faults.replies import asked, reading, stopped_within_a_second, words
from tests.faults.visitor import Visitor
from tests.faults.words import Speech
from tests.scripted import ScriptedServer

SEED = 8777
ENDS = ("response.completed", "response.incomplete", "response.failed", "parley:response.cancelled")
AT_ONCE = 10  # races


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("stop"), model_server=model.base_url) as house:
        yield house
        assert not house.web[0].complaints()


@pytest.fixture(scope="module")
def person(house: House) -> Visitor:
    return house.people(1)[0]


async def test_stop_in_the_middle_keeps_the_text_so_far_in_every_tab(person: Visitor, model: ScriptedServer) -> None:
    speech = Speech(tokens=400, rate=50)
    async with reading(person, speech) as (reader, reply), Reader(person, reader.conversation_id) as other:
        await words(reader, reply, 30)
        await stopped_within_a_second(other, reply, speech, model)
        assert await reader.until_ended(reply, within=2) == "cancelled"
        shown = reader.text(reply)
        assert len(shown.split()) >= 30
        assert other.text(reply) == shown
        await reader.load()
        assert (reader.status(reply), reader.text(reply)) == ("cancelled", shown)


async def test_stop_works_after_a_reload(person: Visitor, model: ScriptedServer) -> None:
    speech = Speech(tokens=400, rate=50)
    async with reading(person, speech) as (reader, reply):
        await words(reader, reply, 10)
        await reader.load()
        [button] = reader.page.by_id(f"{reply}-footer").find(class_="button stop")
        assert button.attributes["hx-post"].endswith(f"{reply}/stop/")
        await stopped_within_a_second(reader, reply, speech, model)


@pytest.mark.parametrize("stage", ["headers", "first"])
async def test_stop_before_the_first_word(person: Visitor, model: ScriptedServer, stage: str) -> None:
    speech = Speech(tokens=5, more=f"hang={stage}")
    async with reading(person, speech) as (reader, reply):
        await asked(speech, model)
        await stopped_within_a_second(reader, reply, speech, model)
        assert reader.text(reply) == ""


async def test_a_queued_reply_that_is_stopped_is_never_asked_for(house: House, person: Visitor, model: ScriptedServer) -> None:
    first, second, third = Speech(tokens=400, rate=50), Speech(tokens=5), Speech(tokens=5)
    async with reading(person, first) as (reader, reply):
        await person.say(reader.conversation_id, second.prompt)
        await reader.until(lambda: len(reader.ids()) == 2, within=5)
        waiting = reader.ids()[1]
        assert reader.status(waiting) == "queued"
        await person.stop(reader.conversation_id, waiting)
        assert await reader.until_ended(waiting, within=2) == "cancelled"
        assert reader.status(reply) == "in_progress"
        await person.say(reader.conversation_id, third.prompt)
        await person.stop(reader.conversation_id, reply)
        await reader.until(lambda: len(reader.ids()) == 3, within=5)
        assert await reader.until_ended(reader.ids()[2], within=5) == "completed"
    assert not second.requests(model)
    assert house.statuses(reader.conversation_id) == ["cancelled", "cancelled", "completed"]


@dataclass(frozen=True)
class Raced:
    """What the page shows of a race."""

    conversation: str
    reply: str
    status: str
    text: str


async def race(person: Visitor, after: int) -> Raced:
    """Stop when so many of 60 words are in the page."""
    speech = Speech(tokens=60, rate=60)
    async with reading(person, speech) as (reader, reply):
        await words(reader, reply, after)
        await person.stop(reader.conversation_id, reply)
        status = await reader.until_ended(reply, within=5)
        assert status == "cancelled" or reader.text(reply) == speech.text
        return Raced(reader.conversation_id, reply, status, reader.text(reply))


def ends(house: House, reply: str) -> list[str]:
    """The terminal events in the log of this reply."""
    found = []
    for events, packed in house.rows("SELECT events, packed FROM chat_logrow WHERE response_id = %s", reply):
        text = zlib.decompress(bytes(events)) if packed else bytes(events)
        found += [json.loads(line)["type"] for line in text.split(b"\n") if line]
    return [kind for kind in found if kind in ENDS]


def kept(house: House, reply: str) -> str:
    """The words of this reply in its row, "" without one."""
    rows = house.rows("SELECT wire FROM chat_item WHERE response_id = %s", reply)
    return " ".join(" ".join(part["text"] for (wire,) in rows for part in wire_item(wire)["content"]).split())


async def test_stop_races_the_end_and_there_is_one_end(house: House, person: Visitor) -> None:
    chance = random.Random(SEED)
    raced: list[Raced] = []
    for start in range(0, COUNTS.stop_races, AT_ONCE):
        moments = [chance.randint(chance.choice((5, 50)), 60) for _ in range(min(AT_ONCE, COUNTS.stop_races - start))]
        raced += await asyncio.gather(*(race(person, moment) for moment in moments))
    for one in raced:
        assert house.statuses(one.conversation) == [one.status]
        assert len(ends(house, one.reply)) == 1
        assert kept(house, one.reply) == one.text, "the page and the rows differ"
    assert {one.status for one in raced} == {"completed", "cancelled"}, "the races were none"
