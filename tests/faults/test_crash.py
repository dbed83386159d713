"""kill -9 of the one process on SQLite, at any moment: up again without repair, nothing shown is lost, nothing spins for ever."""

import asyncio
import random
from collections.abc import Iterator
from time import monotonic

import pytest

from tests.faults.counts import COUNTS
from tests.faults.house import House
from tests.faults.reader import Reader
from tests.faults.replies import SETTLED, asked, go_on, open_reply, reading, settled, words
from tests.faults.visitor import Visitor
from tests.faults.words import Speech
from tests.scripted import ScriptedServer

SEED = 2
UP = 10.0  # seconds
ENDED = ("completed", "incomplete", "failed", "cancelled")


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("crash"), model_server=model.base_url) as house:
        yield house
        assert not house.web[0].complaints()


async def kill_and_start(house: House) -> None:
    """Power off and on. The socket is held, so that nobody is refused meanwhile."""
    house.web[0].kill()
    since = monotonic()
    house.web[0].start()
    await asyncio.to_thread(house.wait_for, house.web[0], within=UP)
    assert monotonic() - since < UP


async def begun_again(person: Visitor, reader: Reader, reply: str, speech: Speech, model: ScriptedServer) -> None:
    """Nothing of it had been shown: it is asked for once more, by itself."""
    await asked(speech, model, times=2, within=SETTLED)
    await reader.load()
    assert reader.status(reply) == "in_progress"
    await person.stop(reader.conversation_id, reply)
    assert await reader.until_ended(reply, within=5) == "cancelled"


async def test_a_kill_at_any_moment_of_load_loses_nothing_that_was_shown(house: House, model: ScriptedServer) -> None:
    chance = random.Random(SEED)
    people = house.people(6)
    for _ in range(COUNTS.kills):
        long = [Speech(tokens=300, rate=50) for _ in range(2)]  # these are being written when the process dies
        speeches = [*long, *(Speech(tokens=chance.randint(10, 200), rate=60) for _ in range(3))]
        silent, waiting = Speech(tokens=5, more="hang=first"), Speech(tokens=5)
        opened = await asyncio.gather(
            *(open_reply(person, speech) for person, speech in zip(people, [*speeches, silent], strict=True))
        )
        await opened[1][0].person.say(opened[1][0].conversation_id, waiting.prompt)
        await opened[0][0].until(lambda at=opened[0]: bool(at[0].text(at[1])), within=10)
        await asyncio.sleep(chance.uniform(0, 1.5))
        await kill_and_start(house)
        for (reader, reply), speech in zip(opened, speeches, strict=False):
            await settled(reader, reply, speech)
        await go_on(*opened[0])
        await begun_again(people[5], *opened[5], silent, model)
        second = opened[1][0]
        await second.until(lambda reader=second: len(reader.ids()) == 2, within=SETTLED)
        assert await second.until_ended(second.ids()[1], within=SETTLED) == "completed", "what was queued was not answered"
        await asyncio.gather(*(reader.close() for reader, _ in opened))
    assert house.rows("PRAGMA integrity_check") == [("ok",)]
    assert {status for (status,) in house.rows("SELECT DISTINCT status FROM chat_response")} <= set(ENDED)


async def test_what_a_reply_writes_reaches_the_database_while_it_grows(house: House) -> None:
    """Not only its write-ahead log, which the runs' own thread never brings home: it would grow for as long as they write."""
    (person,) = house.people(1)
    database = house.folder / "var" / "parley.sqlite3"
    async with reading(person, Speech(tokens=200, rate=50)) as (reader, reply):
        for count in (20, 90):
            before = database.stat().st_mtime_ns
            await words(reader, reply, count)
            await reader.until(lambda since=before: database.stat().st_mtime_ns > since, within=5, what="a checkpoint")
        assert reader.status(reply) == "in_progress"
