"""A body above the bound is refused before Django sees it, one that does not come, and too many of people nobody knows."""

import asyncio
from typing import Any

import pytest
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper

from chat.store import pool
from chat.web import bodies
from chat.web.bodies import BodyLimit
from tests.cast import assemble
from tests.conftest import signed_in


class Served:
    """An application that reads its whole body, and what was sent to the client."""

    def __init__(self, *, most: int, window: float = 5.0) -> None:
        self.read: list[bytes] = []
        self.told: dict[bytes, bytes] = {}
        self.sent: list[dict[str, Any]] = []
        self.limited = BodyLimit(self.application, most=most, in_memory=most // 2, window=window)

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        more, self.told = True, dict(scope["headers"])
        while more:
            message = await receive()
            self.read.append(message["body"])
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def post(self, *chunks: bytes, length: bytes | None = None, path: str = "/") -> int:
        messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        messages.append({"type": "http.request", "body": b"", "more_body": False})
        headers = [(b"content-length", length)] if length is not None else []

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: dict[str, Any]) -> None:
            self.sent.append(message)

        await self.limited({"type": "http", "path": path, "headers": headers}, receive, send)
        return int(self.sent[0]["status"])


async def test_a_body_within_the_bound_is_passed_on() -> None:
    served = Served(most=10)
    assert await served.post(b"12345", b"67890", length=b"10") == 200
    assert b"".join(served.read) == b"1234567890"


async def test_an_announced_giant_is_refused_unread() -> None:
    served = Served(most=10)
    assert await served.post(b"1", length=b"419430400") == 413
    assert served.read == []


async def test_a_giant_in_pieces_is_refused_as_soon_as_it_is_one() -> None:
    served = Served(most=10)
    assert await served.post(b"12345", b"67890", b"1", b"2") == 413
    assert len(b"".join(served.read)) == 10


@pytest.mark.parametrize("length", [b"-1", b"ten", b"1e9", b""])
async def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    assert await Served(most=10).post(b"1", length=length) == 413


@pytest.mark.parametrize("path", ["/t", "/t/", "/t/temp_0/messages/"])
async def test_less_is_taken_for_what_may_be_in_memory_alone(path: str) -> None:
    assert await Served(most=10).post(b"12345", b"6", path=path) == 413
    assert await Served(most=10).post(b"1", length=b"6", path=path) == 413
    assert await Served(most=10).post(b"12345", path=path) == 200


class Slow(Served):
    """One whose client sends when it is told to."""

    async def come(self, coming: asyncio.Queue[bytes], *, length: int | None, cookie: str = "", **where: str) -> dict[str, Any]:
        """How it is answered, and with what. An empty piece is the last."""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            piece = await coming.get()
            return {"type": "http.request", "body": piece, "more_body": bool(piece)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        told = (b"transfer-encoding", b"chunked") if length is None else (b"content-length", str(length).encode())
        headers = [told, (b"cookie", cookie.encode()), *((name.encode(), value.encode()) for name, value in where.items())]
        await self.limited({"type": "http", "path": "/", "headers": headers}, receive, send)
        return {**sent[0], "text": b"".join(message.get("body", b"") for message in sent).decode()}


@pytest.fixture
async def cookie(transactional_db: None) -> Any:
    yield await pool.for_readers(lambda: f"sessionid={signed_in(assemble().owner).cookies['sessionid'].value}")
    await asyncio.to_thread(pool.disconnect)


def pieces(*some: bytes) -> asyncio.Queue[bytes]:
    coming = asyncio.Queue[bytes]()
    for piece in some:
        coming.put_nowait(piece)
    return coming


async def test_one_that_does_not_come_is_not_waited_for(cookie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LINGER", 0.01)
    served = Slow(most=100, window=0.1)
    assert (await served.come(pieces(), length=5))["status"] == 408
    assert (await served.come(pieces(b"1"), length=5, cookie=cookie))["status"] == 408
    coming = pieces(b"1")

    async def drip() -> None:
        while True:
            await asyncio.sleep(0.06)
            coming.put_nowait(b"1")

    dripping = asyncio.create_task(drip())
    assert (await served.come(coming, length=90))["status"] == 408, "a stranger's has to end"
    dripping.cancel()
    assert served.limited.strangers == 0


async def test_who_has_signed_in_may_be_slow(cookie: str) -> None:
    served, coming = Slow(most=100, window=0.2), pieces(b"1")

    async def drip() -> None:
        for piece in [b"1"] * 5 + [b""]:
            await asyncio.sleep(0.08)
            coming.put_nowait(piece)

    dripping = asyncio.create_task(drip())
    assert (await served.come(coming, length=6, cookie=cookie))["status"] == 200
    await dripping
    assert b"".join(served.read) == b"111111"


async def test_a_length_is_not_passed_on_that_is_not_heeded(cookie: str) -> None:
    """Django would take a file for a small one, and keep it in memory."""
    served = Slow(most=100)
    assert (await served.come(pieces(b"12345678", b""), length=None, cookie=cookie, **{"content-length": "5"}))["status"] == 200
    assert b"content-length" not in served.told
    assert b"".join(served.read) == b"12345678"


async def test_who_cannot_be_told_from_a_stranger_is_not_answered_as_if_nothing_had_been_sent(
    cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("LINGER", 0.01), ("STRANGER", 10)):
        monkeypatch.setattr(bodies, name, value)
    served = Slow(most=100)

    def away(*_: Any) -> Any:
        raise OperationalError

    with monkeypatch.context() as broken:
        broken.setattr(CursorWrapper, "execute", away)
        assert (await served.come(pieces(b"x" * 20, b""), length=20, cookie=cookie))["status"] == 503
        assert served.read == []
        assert (await served.come(pieces(b"x", b"y", b""), length=2, cookie=cookie))["status"] == 200
    assert served.limited.strangers == 0


async def test_strangers_have_so_many_bytes_together_and_others_are_not_held_up(
    cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("LINGER", 0.01), ("STRANGERS", 10)):
        monkeypatch.setattr(bodies, name, value)
    served = Slow(most=100)
    first, second = pieces(b"12345"), pieces(b"12345")
    coming = [asyncio.create_task(served.come(one, length=9)) for one in (first, second)]
    async with asyncio.timeout(10):
        while served.limited.strangers < 10:
            await asyncio.sleep(0.01)
    assert (await served.come(pieces(b"1", b"2", b""), length=2))["status"] == 503
    assert (await served.come(pieces(b"123", b"4" * 20, b""), length=23, cookie=cookie))["status"] == 200
    assert (await served.come(pieces(b""), length=0))["status"] == 200
    for one in (first, second):
        one.put_nowait(b"")
    assert [answer["status"] for answer in await asyncio.gather(*coming)] == [200, 200]
    assert served.limited.strangers == 0


async def test_of_a_stranger_nothing_large_and_nothing_without_a_length_is_read(
    cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("LINGER", 0.01), ("STRANGER", 10)):
        monkeypatch.setattr(bodies, name, value)
    served = Slow(most=100)
    for length in (20, None):
        answer = await served.come(pieces(b"x" * 20, b""), length=length, cookie="sessionid=" + "x" * 32)
        assert (answer["status"], (b"connection", b"close") in answer["headers"]) == (200, True)
    assert b"".join(served.read) == b""
    assert (await served.come(pieces(b"x" * 20, b""), length=20, cookie=cookie))["status"] == 200
    assert b"".join(served.read) == b"x" * 20


async def test_the_answer_is_an_alert_for_a_script_and_a_page_for_everybody_else() -> None:
    served = Slow(most=10)
    alert = await served.come(pieces(b""), length=11, **{"hx-request": "true"})
    assert alert["status"] == 413
    assert 'role="alert"' in alert["text"]
    assert "<html" not in alert["text"]
    page = await served.come(pieces(b""), length=11)
    assert "<h1>" in page["text"]
    for answer in (alert, page):
        assert "larger than the server takes" in answer["text"]
        assert dict(answer["headers"])[b"content-type"].startswith(b"text/html")
