"""Rings between processes, through a real Redis; and without it, nothing but a delay."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from chat.doorbell import Hub, Ring
from chat.doorbell.relay import Relay, through_redis
from tests.engines import Redis


class Listening:
    def __init__(self) -> None:
        self.heard: asyncio.Queue[Ring] = asyncio.Queue()

    def hear(self, ring: Ring) -> None:
        self.heard.put_nowait(ring)

    async def next(self) -> Ring:
        return await asyncio.wait_for(self.heard.get(), 10)


class Process:
    """One process: its hub, its relay, and somebody there who reads conversation "c"."""

    def __init__(self, redis: Redis, *, listens: bool = True) -> None:
        self.hub, self.reader = Hub(), Listening()
        self.hub.subscribe("c", self.reader)
        self.relay: Relay = through_redis(self.hub, redis.url, listens=listens)
        self.task = asyncio.create_task(self.relay.run())

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait((self.task,))


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with Redis() as engine:
        yield engine


@pytest.fixture
async def two(redis: Redis) -> AsyncIterator[tuple[Process, Process]]:
    one, other = Process(redis), Process(redis)
    await joined(one, other)
    await joined(other, one)
    yield one, other
    await one.end()
    await other.end()


async def joined(one: Process, other: Process, *, seconds: float = 20) -> None:
    """Ring until the other hears it: before a subscription stands, rings are lost, as they may be."""
    async with asyncio.timeout(seconds):
        while other.reader.heard.empty():
            one.hub.ring(Ring("c", 1, 1))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(_some(other))), 0.3)
    await quiet(other)
    await quiet(one)


async def _some(process: Process) -> None:
    while process.reader.heard.empty():
        await asyncio.sleep(0.01)


async def quiet(process: Process) -> None:
    """Nothing has come for a moment."""
    with contextlib.suppress(TimeoutError):
        while True:
            await asyncio.wait_for(process.reader.heard.get(), 0.3)


async def test_what_one_process_rings_the_other_hears_once_and_whole(two: tuple[Process, Process]) -> None:
    one, other = two
    one.hub.ring(Ring("c", 4, 6, ("häßlich \u2028", "b")))
    assert await other.reader.next() == Ring("c", 4, 6, ("häßlich \u2028", "b"))
    assert await one.reader.next() == Ring("c", 4, 6, ("häßlich \u2028", "b"))
    await asyncio.sleep(0.2)
    assert other.reader.heard.empty()
    assert one.reader.heard.empty()


async def test_what_is_rung_together_travels_together_and_in_order(two: tuple[Process, Process]) -> None:
    one, other = two
    for number in range(300):
        one.hub.ring(Ring("c", number, number, (str(number),)))
    assert [(await other.reader.next()).first for _ in range(300)] == list(range(300))


async def test_a_worker_that_only_rings_hears_nothing(redis: Redis, two: tuple[Process, Process]) -> None:
    worker = Process(redis, listens=False)
    two[0].hub.ring(Ring("c", 9, 9))
    await two[1].reader.next()
    assert worker.reader.heard.empty()
    await joined(worker, two[1])
    await worker.end()


async def test_a_bundle_too_large_to_wait_keeps_its_numbers_alone(two: tuple[Process, Process]) -> None:
    one, other = two
    one.hub.ring(Ring("c", 1, 1, ("x" * 3_900_000,)))
    one.hub.ring(Ring("c", 2, 2, ("y" * 200_000,)))
    assert (await other.reader.next()).size == 3_900_000
    assert (await other.reader.next()).payload is None


async def test_ringing_goes_on_by_itself_when_redis_has_been_away(redis: Redis, two: tuple[Process, Process]) -> None:
    one, other = two
    redis.stop()
    one.hub.ring(Ring("c", 2, 2))
    assert (await one.reader.next()).first == 2  # here it rings without Redis
    redis.start()
    await joined(one, other)
    await joined(other, one)


async def test_a_redis_that_hangs_holds_nobody_up(redis: Redis, two: tuple[Process, Process]) -> None:
    one, other = two
    redis.pause()
    for number in range(50):
        one.hub.ring(Ring("c", number, number))
        await asyncio.sleep(0.01)
    redis.resume()
    await joined(one, other)
