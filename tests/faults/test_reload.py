"""A reader who reloads, joins midway or loses the connection reads the whole reply: in order, once."""

import asyncio
import random
from collections.abc import Iterator

import pytest

from tests.faults.chaos import Chaos
from tests.faults.counts import COUNTS
from tests.faults.house import House
from tests.faults.reader import Reader, together
from tests.faults.visitor import Visitor
from tests.faults.words import Speech
from tests.scripted import ScriptedServer

SEED = 1911
CUTS = int(COUNTS.cut_seconds / COUNTS.cut_every)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("reload"), model_server=model.base_url) as house:
        yield house
        assert not house.web[0].complaints()


@pytest.fixture(scope="module")
def people(house: House) -> list[Visitor]:
    return house.people(max(COUNTS.reloads, COUNTS.cut_clients))


async def first_reply(reader: Reader, speech: Speech) -> str:
    """The id of the reply once it is in the page; from then on every change of it is checked."""
    await reader.until(lambda: len(reader.ids()) == 1, within=10, what="a first reply")
    reader.expect(reader.ids()[0], speech.text)
    return reader.ids()[0]


async def read_to_the_end(reader: Reader, speech: Speech, reply: str, *, within: float) -> None:
    assert await reader.until_ended(reply, within=within) == "completed"
    assert reader.text(reply) == speech.text


async def read_with_a_reload(person: Visitor, after_words: int) -> None:
    speech = Speech(tokens=300, rate=100)
    conversation = await person.begin(speech.prompt)
    async with Reader(person, conversation) as reader:
        reply = await first_reply(reader, speech)
        await reader.until(lambda: len(reader.text(reply).split()) >= after_words, within=20, what=f"{after_words} words")
        await reader.load()
        await read_to_the_end(reader, speech, reply, within=20)
        await reader.load()
        assert reader.text(reply) == speech.text


async def test_a_reload_at_any_moment_loses_no_word(people: list[Visitor]) -> None:
    chance = random.Random(SEED)
    moments = [0, 299, *(chance.randrange(300) for _ in range(COUNTS.reloads - 2))]
    await together(*(read_with_a_reload(person, moment) for person, moment in zip(people, moments, strict=False)))


async def test_three_tabs_that_join_midway_show_the_same_whole_reply(people: list[Visitor]) -> None:
    speech = Speech(tokens=240, rate=80)
    conversation = await people[0].begin(speech.prompt)
    async with Reader(people[0], conversation) as first:
        reply = await first_reply(first, speech)
        tabs = [Reader(people[0], conversation, seed=number) for number in range(3)]
        for number, tab in enumerate(tabs, 1):
            await first.until(lambda done=number: len(first.text(reply).split()) >= done * 60, within=20)
            tab.expect(reply, speech.text)
            await tab.load()
        await together(*(read_to_the_end(tab, speech, reply, within=20) for tab in (first, *tabs)))
        await together(*(tab.close() for tab in tabs))


async def read_through(person: Visitor, proxy: Chaos, seed: int) -> Reader:
    """A reply as long as the cuts go on, read through a line that is cut again and again."""
    speech = Speech(tokens=int(COUNTS.cut_seconds * 25), rate=25)
    conversation = await person.begin(speech.prompt)
    async with Reader(person, conversation, port=proxy.port, seed=seed) as reader:
        reply = await first_reply(reader, speech)
        await read_to_the_end(reader, speech, reply, within=COUNTS.cut_seconds + 30)
    return reader


async def cut_again_and_again(proxy: Chaos) -> None:
    for _ in range(CUTS):
        await asyncio.sleep(COUNTS.cut_every - COUNTS.cut_length)
        await proxy.outage(COUNTS.cut_length)


async def test_a_line_that_is_cut_again_and_again_loses_no_word(house: House, people: list[Visitor]) -> None:
    async with Chaos(house.web[0].port) as proxy:
        cutting = asyncio.create_task(cut_again_and_again(proxy))
        reading = [read_through(person, proxy, seed) for seed, person in enumerate(people[: COUNTS.cut_clients])]
        readers = await asyncio.gather(*reading)
        await cutting
    assert min(len(reader.codes) for reader in readers) >= CUTS - 1, "the line was not cut as often as it should have been"
