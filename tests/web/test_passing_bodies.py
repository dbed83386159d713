"""Bodies with files for temporary conversations: read into memory, from people alone, so many bytes at once, the others wait."""

import asyncio
from typing import Any

import pytest
from django.test import Client

from chat.store import pool
from chat.web import passing_bodies
from chat.web.passing_bodies import Passing, Whole
from tests.cast import Cast, assemble
from tests.conftest import signed_in

PATH = "/t/files/"


class Served:
    """An application that ends a request when it is told to, and what it was given."""

    def __init__(self, **seconds: float) -> None:
        self.bodies: list[Any] = []
        self.may_end = asyncio.Event()
        self.passing = Passing(self.application, **seconds)

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append(receive.body.getvalue() if isinstance(receive, Whole) else None)
        await self.may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def post(self, cookie: str, size: int, *, path: str = PATH, came: bool = True, more: Any = ()) -> int:
        sent: list[dict[str, Any]] = []
        coming = asyncio.Queue[dict[str, Any]]()
        coming.put_nowait({"type": "http.request", "body": b"12", "more_body": True})
        last = {"type": "http.request", "body": b"345", "more_body": False}
        asyncio.get_running_loop().call_later(0 if came else 0.2, coming.put_nowait, last)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"content-length", str(size).encode()), (b"cookie", cookie.encode()), *more]
        scope = {"type": "http", "path": path, "headers": headers}
        await self.passing(scope, coming.get, send)
        return int(sent[0]["status"])


@pytest.fixture
async def cookies(transactional_db: None) -> Any:
    def made() -> list[str]:
        cast: Cast = assemble()
        clients: list[Client] = [signed_in(cast.owner), signed_in(cast.mate)]
        return [f"sessionid={client.cookies['sessionid'].value}" for client in clients]

    yield await pool.for_readers(made)
    await asyncio.to_thread(pool.disconnect)


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_one_is_read_whole_from_who_has_signed_in_and_not_at_all_from_others(cookies: list[str]) -> None:
    served = Served()
    served.may_end.set()
    assert await served.post(cookies[0], 5) == 200
    assert await served.post("sessionid=" + "x" * 32, 5) == 200
    assert await served.post("", 5) == 200
    assert await served.post(cookies[0], 5, path="/files/") == 200
    assert served.bodies == [b"12345", b"", b"", None], "all others go on as they came"


async def test_so_many_bytes_are_taken_at_once_and_nobody_takes_all_of_it(cookies: list[str]) -> None:
    one, other = cookies
    served = Served()
    mine, theirs = passing_bodies.EACH // 2, passing_bodies.ALL - passing_bodies.EACH
    first = [asyncio.create_task(served.post(one, mine)) for _ in range(3)]
    await until(lambda: len(served.bodies) == 2)
    second = asyncio.create_task(served.post(other, theirs))
    await until(lambda: len(served.bodies) == 3)
    third = asyncio.create_task(served.post(other, 10))
    await asyncio.sleep(0)
    served.may_end.set()
    assert await asyncio.gather(*first, second, third) == [200] * 5
    assert (len(served.bodies), served.passing.taken.total()) == (5, 0)


async def test_a_length_that_is_not_heeded_counts_for_nothing(cookies: list[str]) -> None:
    """What comes in pieces has no length, whatever is said."""
    served = Served()
    sending = asyncio.create_task(served.post(cookies[0], 1, more=((b"transfer-encoding", b"chunked"),)))
    await until(lambda: served.bodies)
    assert served.passing.taken.total() == passing_bodies.EACH // 2
    served.may_end.set()
    assert await sending == 200


async def test_who_waits_for_too_long_is_told_so_unread(cookies: list[str]) -> None:
    served = Served(patience=0.05)
    first = asyncio.create_task(served.post(cookies[0], passing_bodies.EACH))
    await until(lambda: served.bodies)
    assert await served.post(cookies[0], 1) == 503
    served.may_end.set()
    assert (await first, len(served.bodies)) == (200, 1)


async def test_one_that_does_not_come_gives_its_place_back(cookies: list[str]) -> None:
    served = Served(slowest=0.05)
    assert await served.post(cookies[0], 5, came=False) == 408
    assert (served.bodies, served.passing.taken.total()) == ([], 0)
