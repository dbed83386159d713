"""Clients that stop reading, shout, send too much or only sit there: memory stays bounded, others notice nothing, they go.

What is bounded stands in docs/architecture.md, the table of bounds.
"""

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic

import pytest

from chat.management.sockets import GOING, SEND_BUFFER
from project.settings import BODY_BYTES, SOCKET_BACKLOG_BYTES, SOCKETS_PER_USER
from tests.faults.counts import COUNTS
from tests.faults.house import House
from tests.faults.rude import PING, TEXT, Rude, answer_pings, frame
from tests.faults.visitor import Visitor
from tests.faults.witness import ATTEMPTS, Calm, Others, Witness
from tests.faults.words import Speech
from tests.scripted import ScriptedServer

pytestmark = pytest.mark.alone
STALLED = 1  # seconds
SPOKE, TOO_LARGE = 4008, 1009
MEGABYTE = 1024 * 1024
HIGH_WATER = 65_536  # bytes that the process itself keeps for a socket before it waits for the reader
NEWS = 65_536  # bytes of one piece of news, at most
LONG = "word " * 36_000  # what a page begins with that has more to read than the buffers take
SOME = 12  # who begin to read again, in time to hear why they were closed
OVER = "06"  # TIME_WAIT
Place = tuple[Visitor, str, int]  # who reads, which conversation, from where on
DEAF_PEOPLE = -(-COUNTS.deaf // SOCKETS_PER_USER)
OWN = 32 * MEGABYTE  # what replies and requests cost by themselves, and what the allocator does not give back
GIANT = 400 * MEGABYTE
IDLE = 30_000  # bytes for one that only sits there


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer) -> Iterator[House]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = tmp_path_factory.mktemp("clients")
    with House(folder, model_server=model.base_url, SOCKET_STALLED=str(STALLED)) as house:
        yield house
        assert not house.web[0].complaints()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def people(house: House) -> list[Visitor]:
    return house.people(3 + max(COUNTS.idle // SOCKETS_PER_USER, ATTEMPTS * DEAF_PEOPLE) + 1)


@pytest.fixture(scope="module")
def calm() -> Calm:
    return Calm()


@pytest.fixture
async def others(people: list[Visitor], calm: Calm) -> AsyncIterator[Others]:
    async with contextlib.AsyncExitStack() as stack:
        yield Others([await stack.enter_async_context(Witness(person)) for person in people[:3]], calm)


@contextlib.contextmanager
def within(house: House, bound: int) -> Iterator[None]:
    """The process takes no more than so many bytes for what happens here."""
    [web] = house.web
    web.forget_peak()
    before = web.memory()
    yield
    took = web.peak() - before
    assert took < bound, f"{took / MEGABYTE:.0f} MB, {bound / MEGABYTE:.0f} are allowed"


async def until(condition: Callable[[], bool], *, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


def held(port: int, sockets: list[Rude]) -> dict[str, int]:
    """For each of these that the server's side still has: the bytes that its kernel keeps because they are not taken."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {f"{one.port:04X}" for one in sockets}
    of_port = {row[2].rpartition(":")[2]: row for row in rows if row[1].endswith(f":{port:04X}") and row[3] != OVER}
    return {name: int(row[4].partition(":")[0], 16) for name, row in of_port.items() if name in ours}


async def position(house: House, conversation: str) -> int:
    """How far it has got."""
    select = "SELECT position FROM chat_conversation WHERE id = %s"
    return int((await asyncio.to_thread(house.rows, select, conversation))[0][0])


async def greeted(house: House, person: Visitor) -> Place:
    """A conversation that has nothing more to say for now."""
    conversation = await person.begin(Speech(tokens=1).prompt)
    await answered(house, conversation, 1)
    return person, conversation, await position(house, conversation)


async def answered(house: House, conversation: str, replies: int) -> None:
    async with asyncio.timeout(30):
        while await asyncio.to_thread(house.statuses, conversation) != ["completed"] * replies:
            await asyncio.sleep(0.05)


async def sockets(stack: contextlib.ExitStack, places: list[Place], number: int, *, answering: bool) -> list[Rude]:
    """So many, spread over these people, each with a conversation and a cursor in it."""

    def opened() -> list[Rude]:
        open_now: list[Rude] = []
        for place in (places * SOCKETS_PER_USER)[:number]:
            open_now.append(stack.enter_context(Rude(*place)))
            if answering and len(open_now) % 10 == 0:
                answer_pings(open_now)
        return open_now

    return await asyncio.to_thread(opened)


# Readers who do not read


async def deaf_sockets(house: House, stack: contextlib.ExitStack, crowd: list[Visitor]) -> list[Rude]:
    """So many; each of this crowd is then given a reply that is more than the buffers take. They read nothing of it."""
    places = [await greeted(house, person) for person in crowd]
    deaf = await sockets(stack, places, COUNTS.deaf, answering=False)
    for person, conversation, _ in places:
        await person.say(conversation, Speech(tokens=150, rate=100, more="wide=250").prompt)
    for _, conversation, _ in places:
        await answered(house, conversation, 2)
    return deaf


async def test_sockets_that_stop_reading_cost_little_and_are_let_go(house: House, others: Others, people: list[Visitor]) -> None:
    [web] = house.web
    crowds = (people[start : start + DEAF_PEOPLE] for start in count(3, DEAF_PEOPLE))
    waits = (
        SOCKET_BACKLOG_BYTES * DEAF_PEOPLE + (HIGH_WATER + NEWS) * COUNTS.deaf
    )  # where it is tried again, those before wait too
    with within(house, 2 * waits + OWN), contextlib.ExitStack() as stack:
        deaf = await others.notice_nothing(lambda: deaf_sockets(house, stack, next(crowds)), seconds=3)
        await others.wait(STALLED + 0.5)  # who took nothing in the meantime has been closed
        kept = held(web.port, deaf)
        assert len(kept) == COUNTS.deaf, "some were closed without a word"
        assert 0 < max(kept.values()) <= 2 * SEND_BUFFER
        codes = await asyncio.gather(*(asyncio.to_thread(one.code) for one in deaf[:: len(deaf) // SOME]))
        assert set(codes) == {SPOKE}
        await until(lambda: not held(web.port, deaf), seconds=GOING + 5)


async def test_a_slow_reader_that_takes_something_stays(house: House, people: list[Visitor]) -> None:
    person = people[3]
    conversation = await person.begin(Speech(tokens=2).prompt + LONG)
    await person.say(conversation, Speech(tokens=2).prompt + LONG)
    with await asyncio.to_thread(Rude, person, conversation) as slow:
        since = monotonic()
        opcode, page = await asyncio.to_thread(partial(slow.frame, slowly=0.03))
        assert opcode == TEXT
        assert len(page) > 2 * len(LONG)
        assert monotonic() - since > 2 * STALLED, "it was not slow"
        await person.say(conversation, Speech(tokens=2).prompt)
        opcode, _ = await asyncio.to_thread(slow.frame)
        assert opcode == TEXT


# Too much


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in pieces"])
async def test_a_giant_body_is_refused_and_takes_no_memory(
    house: House, others: Others, people: list[Visitor], announced: bool
) -> None:
    with within(house, BODY_BYTES + 8 * MEGABYTE):
        posting = partial(asyncio.to_thread, post, people[3], GIANT, announced=announced)
        status = await others.notice_nothing(posting, seconds=1)
    assert status == 413


@pytest.mark.parametrize(
    ("start", "piece"),
    [(b"GET /", b"a"), (b"GET / HTTP/1.1\r\nX-Long: ", b"a"), (b"GET / HTTP/1.1\r\n", b"X-Many: 0123456789abcdef\r\n")],
    ids=["address", "header", "headers"],
)
async def test_a_head_without_end_is_refused_and_takes_no_memory(
    house: House, others: Others, people: list[Visitor], start: bytes, piece: bytes
) -> None:
    with within(house, 8 * MEGABYTE):
        status = await others.notice_nothing(partial(asyncio.to_thread, begin, people[3], start, piece), seconds=1)
    assert 400 <= status < 500


def begin(person: Visitor, start: bytes, piece: bytes) -> int:
    """The status of the answer to the beginning of a request that never comes to its end."""
    more = piece * (MEGABYTE // len(piece))
    with socket.create_connection(("127.0.0.1", int(person.url.rpartition(":")[2])), timeout=10) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(start)
            for _ in range(100):
                connection.sendall(more)
        return int(connection.makefile("rb").readline().split()[1])


def post(person: Visitor, size: int, *, announced: bool) -> int:
    """The status of the answer to so many bytes; those that the server takes no more are kept back."""
    length = f"Content-Length: {size}" if announced else "Transfer-Encoding: chunked"
    head = [f"Host: {person.url.partition('://')[2]}", f"Cookie: {person.cookie}", "Content-Type: text/plain", length]
    piece = bytes(MEGABYTE)
    if not announced:
        piece = b"%x\r\n%b\r\n" % (len(piece), piece)
    with socket.create_connection(("127.0.0.1", int(person.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall("\r\n".join(["POST / HTTP/1.1", *head, "", ""]).encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(size // MEGABYTE):
                connection.sendall(piece)
        return int(connection.makefile("rb").readline().split()[1])


def shout(person: Visitor, conversation: str, data: bytes) -> list[int]:
    """Send this again and again, on a new socket whenever one is closed; the codes they closed with."""
    codes, end = [], monotonic() + COUNTS.shout_seconds
    while monotonic() < end:
        with Rude(person, conversation, after=1_000) as rude:
            codes.append(rude.shout(data))
    return codes


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(frame(b"hello") * 10_000, SPOKE, id="10,000 frames at once"),
        pytest.param(frame(bytes(MEGABYTE)), TOO_LARGE, id="1 MiB"),
        pytest.param(frame(b"", PING) * 40_000, SPOKE, id="40,000 pings"),
    ],
)
async def test_one_who_shouts_is_hung_up_on(house: House, others: Others, people: list[Visitor], data: bytes, code: int) -> None:
    conversation = await people[3].begin(Speech(tokens=2).prompt)
    with within(house, 8 * MEGABYTE):
        shouting = partial(asyncio.to_thread, shout, people[3], conversation, data)
        codes = await others.notice_nothing(shouting, seconds=COUNTS.shout_seconds)
    assert set(codes) == {code}


# Nothing at all


async def test_many_who_only_sit_there_cost_little(house: House, others: Others, people: list[Visitor]) -> None:
    [web] = house.web
    places = [await greeted(house, person) for person in people[3 : 3 + -(-COUNTS.idle // SOCKETS_PER_USER)]]
    with within(house, COUNTS.idle * IDLE + 8 * MEGABYTE), contextlib.ExitStack() as stack:
        sitting = await sockets(stack, places, COUNTS.idle, answering=True)
        await others.notice_nothing(partial(asyncio.sleep, 0), seconds=1)
        assert len(held(web.port, sitting)) == COUNTS.idle
    await until(lambda: not held(web.port, sitting), seconds=10)
