"""A worker is killed or frozen: another takes its replies up, nothing shown is lost, and who comes back changes nothing."""

import asyncio
import random
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.faults.counts import COUNTS
from tests.faults.house import LargeHouse
from tests.faults.program import Program
from tests.faults.reader import Reader
from tests.faults.replies import SETTLED, asked, go_on, hung_up, open_reply, settled
from tests.faults.visitor import Visitor
from tests.faults.words import Speech
from tests.scripted import ScriptedServer

SEED = 20
Opened = list[tuple[Reader, str]]


@pytest.fixture(scope="module")
def people(several: LargeHouse) -> list[Visitor]:
    return several.people(8)


async def begin(people: list[Visitor], speeches: list[Speech]) -> Opened:
    return list(await asyncio.gather(*map(open_reply, people, speeches)))


async def start(house: LargeHouse, worker: Program) -> None:
    worker.start()
    await asyncio.to_thread(house.wait_for, worker)


async def with_some(house: LargeHouse, speeches: list[Speech], model: ScriptedServer) -> Program:
    """The worker that has some of these replies, but not all where the other has any: one may have been quicker every time."""
    await asyncio.gather(*(asked(speech, model) for speech in speeches))
    numbers = {speech.requests(model)[0].connection for speech in speeches}
    ports = {connection.port for connection in model.connections if connection.id in numbers}
    to = int(str(urlsplit(model.base_url).port))
    shares = [(len(ports & worker.ports(to)), number) for number, worker in enumerate(house.workers)]
    return house.workers[min(share for share in shares if share[0])[1]]


async def close(opened: Opened) -> None:
    await asyncio.gather(*(reader.close() for reader, _ in opened))


async def settle(opened: Opened, speeches: list[Speech]) -> list[str]:
    return await asyncio.gather(
        *(settled(reader, reply, speech) for (reader, reply), speech in zip(opened, speeches, strict=True))
    )


async def test_what_a_killed_worker_wrote_is_settled_by_another(
    several: LargeHouse, people: list[Visitor], model: ScriptedServer
) -> None:
    chance, ends = random.Random(SEED), set()
    for _ in range(COUNTS.takeovers):
        speeches = [Speech(tokens=chance.randint(100, 250), rate=50) for _ in people]
        opened = await begin(people, speeches)
        worker = await with_some(several, speeches, model)
        await asyncio.sleep(chance.uniform(0, 1.5))
        worker.kill()
        statuses = await settle(opened, speeches)
        ends |= set(statuses)
        if "incomplete" in statuses:
            await go_on(*opened[statuses.index("incomplete")])
        await close(opened)
        await start(several, worker)
    assert ends == {"completed", "incomplete"}, "no reply was on the killed worker, or all were"


async def test_what_had_shown_nothing_is_begun_again_by_another(
    several: LargeHouse, people: list[Visitor], model: ScriptedServer
) -> None:
    speeches = [Speech(tokens=5, more="hang=first") for _ in people]
    opened = await begin(people, speeches)
    worker = await with_some(several, speeches, model)
    worker.kill()
    async with asyncio.timeout(SETTLED):
        while not any(len(speech.requests(model)) == 2 for speech in speeches):
            await asyncio.sleep(0.05)
    await start(several, worker)
    for reader, reply in opened:
        await reader.load()
        assert reader.status(reply) == "in_progress"
        await reader.person.stop(reader.conversation_id, reply)
        assert await reader.until_ended(reply, within=5) == "cancelled"
    await close(opened)


def kept(house: LargeHouse, opened: Opened) -> list[Any]:
    """All that the database keeps of these conversations."""
    ids = [reader.conversation_id for reader, _ in opened]
    statements = (
        "SELECT id, status, epoch, sequence, position, ended FROM chat_response WHERE conversation_id = ANY(%s) ORDER BY id",
        "SELECT id, wire FROM chat_item WHERE conversation_id = ANY(%s) ORDER BY id",
        "SELECT l.id, l.first, l.last, l.position, l.events FROM chat_logrow l JOIN chat_response r ON r.id = l.response_id "
        "WHERE r.conversation_id = ANY(%s) ORDER BY l.id",
        "SELECT id, position FROM chat_conversation WHERE id = ANY(%s) ORDER BY id",
    )
    return [house.rows(statement, ids) for statement in statements]


async def test_a_worker_that_was_frozen_and_comes_back_changes_nothing(
    several: LargeHouse, people: list[Visitor], model: ScriptedServer
) -> None:
    speeches = [Speech(tokens=1000, rate=50) for _ in people]
    opened = await begin(people, speeches)
    frozen = await with_some(several, speeches, model)
    await asyncio.gather(
        *(reader.until(lambda at=(reader, reply): bool(at[0].text(at[1])), within=10) for reader, reply in opened)
    )
    frozen.pause()
    try:
        lost = await first_settled(opened, speeches)
        for reader, reply in opened:
            if reply not in lost:
                await reader.person.stop(reader.conversation_id, reply)
                assert await reader.until_ended(reply, within=5) == "cancelled"
        before = kept(several, opened)
    finally:
        frozen.resume()
    since = monotonic()
    await asyncio.gather(*(hung_up(speech, model, by=since + 5) for speech, (_, reply) in zip(speeches, opened, strict=True)))
    assert kept(several, opened) == before
    await close(opened)


async def first_settled(opened: Opened, speeches: list[Speech]) -> set[str]:
    """The replies of the frozen worker: those that another has settled, long before their end would have come."""
    lost: set[str] = set()

    async def settle_one(reader: Reader, reply: str, speech: Speech) -> None:
        if await settled(reader, reply, speech) == "incomplete":
            lost.add(reply)

    tasks = [asyncio.create_task(settle_one(*at, speech)) for at, speech in zip(opened, speeches, strict=True)]
    done, going = await asyncio.wait(tasks, timeout=10)
    for task in done:
        task.result()
    for task in going:
        task.cancel()
    assert lost, "no reply was on the frozen worker"
    return lost
