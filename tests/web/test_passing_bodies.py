"""Bodies with files for temporary conversations: read into memory, from people alone, so many bytes at once, the others wait."""

import asyncio
import tracemalloc
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from chat.store import pool
from chat.web import bodies, passing_bodies
from chat.web.bodies import BodyLimit
from chat.web.passing_bodies import TIMES, Passing, Whole
from tests.cast import Cast, assemble
from tests.conftest import signed_in

PATH = "/t/files/"


class Served:
    """An application that ends a request when it is told to, and what it was given."""

    def __init__(self, **seconds: float) -> None:
        self.bodies: list[Any] = []
        self.lengths: list[Any] = []
        self.may_end = asyncio.Event()
        self.passing = Passing(self.application, **seconds)

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append(receive.body.read() if isinstance(receive, Whole) else None)
        self.lengths.append(dict(scope["headers"]).get(b"content-length"))
        await self.may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def post(
        self, cookie: str, size: int, *, path: str = PATH, came: bool = True, more: Any = (), through: Any = None
    ) -> int:
        sent: list[dict[str, Any]] = []
        coming = asyncio.Queue[dict[str, Any]]()
        coming.put_nowait({"type": "http.request", "body": b"12", "more_body": True})
        last = {"type": "http.request", "body": b"345", "more_body": False}
        asyncio.get_running_loop().call_later(0 if came else 0.2, coming.put_nowait, last)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"content-length", str(size).encode()), (b"cookie", cookie.encode()), *more]
        scope = {"type": "http", "path": path, "headers": headers}
        await (through or self.passing)(scope, coming.get, send)
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
    most, everything = passing_bodies.EACH // TIMES, passing_bodies.ALL // TIMES
    mine, theirs = most // 2, everything - most
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
    assert served.passing.taken.total() == TIMES * settings.BODY_BYTES
    served.may_end.set()
    assert await sending == 200
    assert served.lengths == [b"5"], "but it is known once it has come"


async def test_who_waits_for_too_long_is_told_so_unread(cookies: list[str]) -> None:
    served = Served(patience=0.05)
    first = asyncio.create_task(served.post(cookies[0], passing_bodies.EACH // TIMES))
    await until(lambda: served.bodies)
    assert await served.post(cookies[0], 1) == 503
    served.may_end.set()
    assert (await first, len(served.bodies)) == (200, 1)


async def test_one_that_comes_too_slowly_gives_its_place_back(cookies: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LINGER", 0.01)
    served = Served()
    served.may_end.set()
    whole = BodyLimit(served.passing, most=1_000_000, in_memory=1_000, window=0.1)
    assert await served.post(cookies[0], 5, came=False, through=whole) == 408
    assert await served.post(cookies[0], 5, through=whole) == 200, "what comes whole may be smaller than its least"
    assert (served.bodies, served.passing.taken.total()) == ([b"12345"], 0)


async def test_no_more_of_one_is_read_than_was_told_or_than_there_may_be(
    cookies: list[str], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "LINGER", 0.01)
    settings.BODY_BYTES = 4
    served = Served()
    assert await served.post(cookies[0], 4) == 413
    assert await served.post(cookies[0], 5, more=((b"transfer-encoding", b"chunked"),)) == 413
    assert (served.bodies, served.passing.taken.total()) == ([], 0)


async def test_the_rest_of_one_that_is_refused_is_thrown_away(cookies: list[str], settings: Any) -> None:
    """Closed at once instead, its client would find no answer."""
    settings.BODY_BYTES = 100
    coming = asyncio.Queue[dict[str, Any]]()
    for more in (True, True, True, False):
        coming.put_nowait({"type": "http.request", "body": b"12345", "more_body": more})

    async def send(_: dict[str, Any]) -> None:
        pass

    headers = [(b"transfer-encoding", b"chunked"), (b"cookie", cookies[0].encode())]
    limited = BodyLimit(Served().passing, most=9, in_memory=9)
    await limited({"type": "http", "path": PATH, "headers": headers}, coming.get, send)
    assert coming.empty()


async def test_a_body_that_comes_in_crumbs_takes_no_more_than_another() -> None:
    body, crumbs = passing_bodies.Once(), [bytes([number % 256]) * 5 for number in range(40_000)]
    tracemalloc.start()
    for piece in crumbs:
        body.take(piece)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken < 2 * 200_000
    body.take(b"x" * 100_000)
    body.take(b"end")
    assert body.read() == b"".join(crumbs) + b"x" * 100_000 + b"end"


async def test_what_was_read_of_a_body_is_let_go() -> None:
    body = passing_bodies.Once()
    for piece in (b"123", b"", b"4567"):
        body.take(piece)
    assert (body.read(2), body.read(2), body.read(9), body.read(9)) == (b"12", b"34", b"567", b"")
    assert not body.pieces
