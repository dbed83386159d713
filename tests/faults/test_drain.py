"""SIGTERM: not ready, alive, what is written is finished, nobody is refused, and the end comes in time."""

import asyncio
import signal
from collections.abc import Iterator
from statistics import median
from time import monotonic

import pytest

from tests.faults.house import QUICK, House
from tests.faults.reader import Reader
from tests.faults.visitor import Visitor
from tests.faults.words import Speech
from tests.scripted import ScriptedServer

DRAIN = float(QUICK["DRAIN_SECONDS"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("drain"), model_server=model.base_url) as house:
        yield house
        assert not house.web[0].complaints()


@pytest.fixture(scope="module")
def person(house: House) -> Visitor:
    return house.people(1)[0]


@pytest.mark.alone
def test_health_is_told_within_fifty_milliseconds(house: House) -> None:
    for path, expected in (("/livez", "alive"), ("/readyz", "ready")):
        times = []
        for _ in range(15):
            since = monotonic()
            assert house.ask(house.web[0], path) == (200, f"{expected}\n")
            times.append(monotonic() - since)
        assert median(times) < 0.05


async def not_ready(house: House, within: float) -> None:
    """Until it says that it is about to stop; alive all the while."""
    deadline = monotonic() + within
    while (await asyncio.to_thread(house.ask, house.web[0], "/readyz"))[0] != 503:
        assert monotonic() < deadline
    assert (await asyncio.to_thread(house.ask, house.web[0], "/livez"))[0] == 200


async def test_a_process_that_is_told_to_stop_finishes_what_it_writes(house: House, person: Visitor) -> None:
    [web] = house.web
    short, long, late = Speech(tokens=100, rate=50), Speech(tokens=400, rate=40), Speech(tokens=5)
    async with Reader(person, await person.begin(short.prompt)) as one, Reader(person, await person.begin(long.prompt)) as two:
        for reader, speech in ((one, short), (two, long)):
            await reader.until(lambda reader=reader: len(reader.ids()) == 1, within=5)
            reader.expect(reader.ids()[0], speech.text)
            await reader.until(lambda reader=reader: bool(reader.text(reader.ids()[0])), within=5)
        since = monotonic()
        web.send(signal.SIGTERM)
        await not_ready(house, within=1)
        begun = await person.begin(late.prompt)
        assert await one.until_ended(one.ids()[0], within=DRAIN) == "completed", "it had time enough"
        assert one.text(one.ids()[0]) == short.text
        assert await asyncio.to_thread(web.wait) in (0, -signal.SIGTERM)
        assert monotonic() - since < DRAIN + 5
        assert two.status(two.ids()[0]) == "in_progress"
        web.start()
        assert await two.until_ended(two.ids()[0], within=15) == "incomplete"
        assert "Continue" in two.page.by_id(two.ids()[0]).text()
        assert set(one.codes + two.codes) <= {1012, 4012}, "the sockets were not told why"
    async with Reader(person, begun) as reader:
        assert await reader.until_ended(reader.ids()[0], within=10) == "completed", "what came while it stopped was not answered"
        assert reader.text(reader.ids()[0]) == late.text


async def test_a_restart_refuses_nobody_and_loses_no_message(house: House, person: Visitor) -> None:
    [web] = house.web
    conversation = await person.begin(Speech(tokens=3).prompt)
    sent: list[Speech] = []
    restarted = asyncio.Event()

    async def keep_sending() -> None:
        while not restarted.is_set():
            sent.append(Speech(tokens=2))
            answer = await person.say(conversation, sent[-1].prompt)
            assert answer.status_code == 200, answer.text[:300]

    async with Reader(person, conversation) as reader:
        sending = [asyncio.create_task(keep_sending()) for _ in range(3)]
        await reader.until(lambda: len(reader.ids()) > 4, within=10)
        web.send(signal.SIGTERM)
        assert await asyncio.to_thread(web.wait) in (0, -signal.SIGTERM)
        web.start()
        await asyncio.to_thread(house.wait_for, web)
        restarted.set()
        await asyncio.gather(*sending)
        await reader.until(lambda: len(reader.ids()) == len(sent) + 1, within=20, what=f"all {len(sent)} messages")
        assert await reader.until_ended(reader.ids()[-1], within=30) == "completed"
    assert set(house.statuses(conversation)) == {"completed"}
