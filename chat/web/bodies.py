"""A bound on request bodies, before Django: its handler reads the whole body first."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
SENTENCE = "This is larger than the server takes. Send less at once; nothing has been kept.\n"
LINGER = 2.0  # seconds in which the rest is thrown away, so that a client that only sends comes to read the answer


class TooMuch(Exception):
    """More came than was announced, or than is allowed."""


TEMPORARY = "/t/"  # in the address of what may be in memory alone
PASSING = re.compile(r"^/t/(temp_[0-9a-f]+/)?files/$")  # in that of files which are put in there


def with_files(path: str) -> bool:
    """Whether what is posted there is read by `passing_bodies`, as large as anywhere."""
    return PASSING.search(path) is not None


class BodyLimit:
    """Answers 413 above `most` bytes: at once where the length is announced, else when it has come. Django passes larger bodies
    through a file; those of temporary conversations may have `in_memory` bytes only, so that none of them does (but for
    those with files, which do not come to it so).
    """

    def __init__(self, application: Callable[[Scope, Receive, Send], Awaitable[None]], *, most: int, in_memory: int) -> None:
        self.application, self.most, self.in_memory = application, most, in_memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        path = scope["path"]
        most = min(self.most, self.in_memory) if TEMPORARY in f"{path}/" and not with_files(path) else self.most
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > most:
            await refuse(receive, send)
            return
        started = False
        came = 0

        async def counting() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > most:
                raise TooMuch
            return message

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.application(scope, counting, noting)
        except TooMuch:
            if not started:
                await refuse(receive, send)


async def refuse(receive: Receive, send: Send, status: int = 413, sentence: str = SENTENCE) -> None:
    """The answer, whole, before the rest has come; closed at once, the kernel would reset it away."""
    body = sentence.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})
