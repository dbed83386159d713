"""Redis emptied, restarted, frozen or gone, Postgres crashed, a table or a row locked: replies go on, whole, in order, once."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from statistics import quantiles
from time import monotonic

import psycopg
import pytest

from tests.engines import Postgres, Redis
from tests.faults.chaos import Chaos
from tests.faults.counts import COUNTS
from tests.faults.house import QUICK, LargeHouse
from tests.faults.line import Line
from tests.faults.program import Program
from tests.faults.talk import Watch, talks, whole
from tests.faults.visitor import Visitor
from tests.faults.words import Speech
from tests.scripted import ScriptedServer

CATCH_UP = 2.0  # seconds, from the model's word to the reader's, where no ring travels
DRAIN, LAST_FLUSH = float(QUICK["DRAIN_SECONDS"]), 8.0  # seconds that a process may take to end: with replies, and then anyhow
POOL = 10  # connections of Django's in each process, and 3 of the worker's own


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with Redis() as engine:
        yield engine


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as engine:
        yield engine


@pytest.fixture(scope="module")
def line(redis: Redis) -> Iterator[Line]:
    with Line(redis.port) as line:
        yield line


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer, postgres: Postgres, redis: Redis, line: Line
) -> Iterator[LargeHouse]:
    through = redis.url.replace(f":{redis.port}/", f":{line.port}/")
    options = {"database_url": postgres.fresh(), "redis_url": through, "DATABASE_POOL": str(POOL)}
    with LargeHouse(tmp_path_factory.mktemp("away"), model_server=model.base_url, web=2, workers=2, **options) as house:
        yield house


@pytest.fixture(autouse=True)
def unbroken(house: LargeHouse) -> Iterator[None]:
    """Whatever is away, the processes stay and none of them breaks; a request that was told so (503) is no fault."""
    yield
    errors = [line for program in house.programs for line in program.complaints() if " ERROR " in line]
    assert [line for line in errors if "Service Unavailable" not in line] == []
    assert all(program.running for program in house.programs)


@pytest.fixture(scope="module")
def people(house: LargeHouse) -> list[Visitor]:
    return house.people(24)


async def ringing(person: Visitor, model: ScriptedServer, *, within: float = 10) -> float:
    """Until words come through the doorbell again, in both of two tabs; the seconds that took."""
    since = monotonic()
    async with talks([person], model, seconds=2 * within) as [one, other]:
        for watch in (one, other):
            await watch.reader.until(lambda watch=watch: watch.fresh(1.2), within=within, what=f"rings: {watch.lags[-30:]}")
        took = monotonic() - since
        await person.stop(one.reader.conversation_id, one.reply)
    return took


def worst(watches: Sequence[Watch], since: float) -> float:
    return max(lag for watch in watches for lag in watch.between(since, monotonic()))


async def usual(watches: Sequence[Watch]) -> float:
    """How late nearly all words (p95) come while all is well, by a second of it: what a busy machine adds to any bound."""
    since = monotonic()
    await asyncio.sleep(1)
    lags = [lag for watch in watches for lag in watch.between(since, monotonic())]
    return quantiles(lags, n=100)[94]


async def test_a_redis_that_is_emptied_cut_off_restarted_and_slow_loses_nothing(
    people: list[Visitor], model: ScriptedServer, redis: Redis, line: Line
) -> None:
    async with talks(people[:3], model, seconds=5) as watches:
        late, since = await usual(watches), monotonic()
        await asyncio.to_thread(redis.flush)
        line.do(Chaos.reset)
        await asyncio.to_thread(redis.restart)
        line.chaos.delay = 0.3
        for _ in range(3):
            await line.outage(0.4)
            await asyncio.sleep(0.4)
        line.chaos.delay = 0.0
    whole(watches)
    assert worst(watches, since) < CATCH_UP + late
    await ringing(people[0], model)


async def test_a_redis_that_freezes_and_then_is_gone_loses_nothing(
    people: list[Visitor], model: ScriptedServer, redis: Redis
) -> None:
    try:
        async with talks(people[:3], model, seconds=2 * COUNTS.away_seconds + 2) as watches:
            late = await usual(watches)
            redis.pause()
            since = monotonic()
            await asyncio.sleep(COUNTS.away_seconds)
            await asyncio.to_thread(redis.stop)
        whole(watches)
        assert worst(watches, since) < CATCH_UP + late
    finally:
        redis.resume() if redis.running else redis.start()
    await ringing(people[0], model)


@contextlib.asynccontextmanager
async def locked(house: LargeHouse, statement: str, *values: str) -> AsyncIterator[None]:
    async with await psycopg.AsyncConnection.connect(house.environment["DATABASE_URL"]) as connection:
        await connection.execute(statement, values)  # type: ignore[arg-type]
        yield
        await connection.rollback()


async def test_a_table_that_is_locked_is_waited_for(house: LargeHouse, people: list[Visitor], model: ScriptedServer) -> None:
    lock = "LOCK TABLE chat_logrow IN ACCESS EXCLUSIVE MODE"
    async with talks(people[:3], model, seconds=COUNTS.locked_seconds + 1) as watches, locked(house, lock):
        before = [len(watch.lags) for watch in watches]
        await asyncio.sleep(COUNTS.locked_seconds)
        assert max(len(watch.lags) - shown for watch, shown in zip(watches, before, strict=True)) < 25, "nothing was locked"
    whole(watches)


@pytest.mark.alone
async def test_a_request_that_waits_for_a_row_holds_nobody_else_up(
    house: LargeHouse, people: list[Visitor], model: ScriptedServer
) -> None:
    """Not even where the row is the conversation of a reply that is being written."""
    idle, (held, *others) = people[0], people[1:5]
    quiet = await idle.begin(Speech(tokens=1).prompt)
    async with (
        talks([held], model, seconds=COUNTS.slow_seconds + 1) as slow,
        talks(others, model, seconds=COUNTS.slow_seconds + 2) as watches,
    ):
        late, busy, since = await usual(watches), slow[0].reader.conversation_id, monotonic()
        async with locked(house, "SELECT id FROM chat_conversation WHERE id = ANY(%s) FOR UPDATE", [quiet, busy]):  # type: ignore[arg-type]
            saying = [
                asyncio.create_task(person.say(conversation, Speech(tokens=1).prompt))
                for person, conversation in ((idle, quiet), (held, busy))
            ]
            await asyncio.sleep(COUNTS.slow_seconds)
            assert not any(task.done() for task in saying), "nothing was locked"
        assert [(await task).status_code for task in saying] == [200, 200]
    lags = [lag for watch in watches for lag in watch.between(since, since + COUNTS.slow_seconds)]
    assert quantiles(lags, n=100)[94] < 0.5 + late
    whole([*watches, *slow])


async def answers(house: LargeHouse, path: str, status: int, *, within: float) -> None:
    """Until each web process answers so."""
    async with asyncio.timeout(within):
        for program in house.web:
            while (await asyncio.to_thread(house.ask, program, path))[0] != status:
                await asyncio.sleep(0.05)


def connections(program: Program, port: int) -> int:
    """Of this process to this port: established ones, from the kernel's table."""
    there = [line.split() for line in Path(f"/proc/{program.pid}/net/tcp").read_text().splitlines()[1:]]
    theirs = {f"socket:[{row[9]}]" for row in there if row[2].endswith(f":{port:04X}") and row[3] == "01"}
    found = 0
    for path in Path(f"/proc/{program.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += os.readlink(path) in theirs
    return found


async def most_connections(house: LargeHouse, port: int) -> dict[str, int]:
    """The most connections that each process had to this port at once, looked at until this is cancelled."""
    most = dict.fromkeys((program.name for program in house.programs), 0)
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            for program in house.programs:
                most[program.name] = max(most[program.name], connections(program, port))
            await asyncio.sleep(0.1)
    return most


async def test_a_postgres_that_crashes_is_waited_for(
    house: LargeHouse, people: list[Visitor], model: ScriptedServer, postgres: Postgres
) -> None:
    counting = asyncio.create_task(most_connections(house, postgres.port))
    async with talks(people[:3], model, seconds=COUNTS.away_seconds + 3) as watches:
        await asyncio.to_thread(postgres.stop, "immediate")
        gone = monotonic()
        await answers(house, "/readyz", 503, within=5)
        await answers(house, "/livez", 200, within=5)
        speeches = [Speech(tokens=3) for _ in people[4:]]
        sending = [
            asyncio.create_task(person.post("/", text=speech.prompt, client_id=f"{speech.number:032x}"))
            for person, speech in zip(people[4:], speeches, strict=True)
        ]
        await asyncio.sleep(gone + COUNTS.away_seconds - monotonic())
        await asyncio.to_thread(postgres.start)
        since = monotonic()
        await answers(house, "/readyz", 200, within=10)
        sent = await asyncio.gather(*sending)
        async with talks([people[3]], model, seconds=0.4) as later:
            pass
        assert monotonic() - since < 15
    whole([*watches, *later])
    assert all(
        answer.status_code in (200, 204) or (answer.status_code == 503 and "Nothing is lost" in answer.text) for answer in sent
    )
    counting.cancel()
    most = await counting
    assert all(3 <= number <= POOL + 3 for number in most.values())


@pytest.mark.soak
async def test_processes_that_are_told_to_stop_while_postgres_is_away_end_in_time(
    house: LargeHouse, people: list[Visitor], model: ScriptedServer, postgres: Postgres
) -> None:
    async with talks(people[:2], model, seconds=30) as watches:
        await asyncio.to_thread(postgres.stop, "immediate")
        since = monotonic()
        for program in house.programs:
            program.send(signal.SIGTERM)
        try:
            ends = await asyncio.gather(*(asyncio.to_thread(program.wait) for program in house.programs))
            took = monotonic() - since
        finally:
            await asyncio.to_thread(postgres.start)
            for program in house.programs:
                program.stop()
                program.start()
        assert set(ends) <= {0, -signal.SIGTERM}
        assert took < DRAIN + LAST_FLUSH
    assert {watch.status for watch in watches} == {"incomplete"}
    assert all("Continue" in watch.reader.page.by_id(f"{watch.reply}-footer").text() for watch in watches)


@pytest.mark.soak
async def test_without_redis_news_comes_at_most_two_seconds_late(
    house: LargeHouse, people: list[Visitor], model: ScriptedServer
) -> None:
    async with talks(people[:3], model, seconds=1.5) as watches:
        late = await usual(watches)
    for program in house.programs:
        if program.environment.pop("REDIS_URL", ""):
            await asyncio.to_thread(program.stop)
            program.start()
    for program in house.web:
        await asyncio.to_thread(house.wait_for, program)
    async with talks(people[:3], model, seconds=3) as watches:
        since = monotonic()
    whole(watches)
    assert worst(watches, since) < CATCH_UP + late
