"""A body above the bound is refused before Django sees it."""

from typing import Any

import pytest

from chat.web.bodies import BodyLimit


class Served:
    """An application that reads its whole body, and what was sent to the client."""

    def __init__(self, *, most: int) -> None:
        self.read: list[bytes] = []
        self.sent: list[dict[str, Any]] = []
        self.limited = BodyLimit(self.application, most=most, in_memory=most // 2)

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        more = True
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
