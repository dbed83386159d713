"""Bounds on request bodies, before Django: its handler reads the whole body first. How many bytes one has, how slowly they come,
and how many those have together who have not signed in.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from django.db import Error as DatabaseError
from django.template.loader import render_to_string

from chat.live.person import session_key
from chat.models import User
from chat.store import pool
from chat.store.sessions import person

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Words = tuple[str, str]  # what is wrong, and what to do
TOO_LARGE: Final = ("This is larger than the server takes.", "Send less at once; nothing has been kept.")
TOO_SLOW: Final = ("This came too slowly; nothing has been kept.", "Try again where the connection is better.")
BUSY: Final = ("This server has too much to do just now; nothing has been kept.", "Try again in a moment.")
LINGER: Final = 2.0  # seconds in which the rest is thrown away, so that a client that only sends comes to read the answer
WINDOW: Final = 30.0  # seconds of waiting in which something comes, of a stranger all of it
LEAST: Final = 50_000  # bytes a second, on average over a window, of what is held in memory
STRANGER: Final = 1_000_000  # bytes of one body of somebody who has not signed in; of a larger one nothing is read
STRANGERS: Final = 16_000_000  # of all of these together that have not come whole at once
HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "connection": "close",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
TEMPORARY: Final = "/t/"  # in the address of what may be in memory alone
PASSING: Final = re.compile(r"^/t/(temp_[0-9a-f]+/)?files/$")  # in that of files which are put in there


class Refused(Exception):
    """A body that is not taken, in the middle of it."""

    def __init__(self, status: int, words: Words) -> None:
        super().__init__(words[0])
        self.status, self.words = status, words


def with_files(path: str) -> bool:
    """Whether what is posted there is read by `passing_bodies`, as large as anywhere."""
    return PASSING.search(path) is not None


class BodyLimit:
    """Answers 413 above `most` bytes: at once where the length is announced, else when it has come. Django passes larger bodies
    through a file; those of temporary conversations may have `in_memory` bytes only, so that none of them does (but for
    those with files, which do not come to it so). 408 for one that comes slowly, see `Body`.

    Of strangers large bodies, and those that do not tell their length, are not read: what they are for is refused without.
    """

    def __init__(self, application: Application, *, most: int, in_memory: int, window: float = WINDOW) -> None:
        self.application, self.most, self.in_memory, self.window = application, most, in_memory, window
        self.strangers = 0  # bytes of theirs that are here

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        path, told = scope["path"], dict(scope["headers"])
        most = min(self.most, self.in_memory) if TEMPORARY in f"{path}/" and not with_files(path) else self.most
        announced = told.get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > most:
            await refuse(scope, receive, send, 413, TOO_LARGE)
            return
        if b"transfer-encoding" in told:  # then it has no length, and nobody is to believe one
            scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"content-length"]}
        body = Body(self, scope, receive, most)
        if int(announced) > STRANGER or b"transfer-encoding" in told or with_files(path):
            try:
                await body.ask()
            except DatabaseError:  # an answer as if nothing had been sent would be about something else
                await refuse(scope, receive, send, 503, BUSY)
                return
            if body.stranger:
                await self._unread(scope, receive, send)
                return
        await self._bounded(scope, body, send)

    async def _bounded(self, scope: Scope, body: "Body", send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.application(scope, body, noting)
        except Refused as refused:
            if not started:
                await refuse(scope, body.receive, send, refused.status, refused.words)
        finally:
            self.strangers -= body.counted

    async def _unread(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As if nothing had been sent; then the connection ends."""
        about = (b"content-length", b"content-type", b"transfer-encoding")
        headers = [(name, value) for name, value in scope["headers"] if name not in about]
        begun = False

        async def nothing() -> Message:
            nonlocal begun
            if not begun:
                begun = True
                return {"type": "http.request", "body": b"", "more_body": False}
            while (message := await receive())["type"] == "http.request":
                pass  # of what was not wanted
            return message

        async def ending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            elif not message.get("more_body", False):
                await send({**message, "more_body": True})
                await _drained(receive)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self.application({**scope, "headers": headers}, nothing, ending)


class Body:
    """One as it comes. Only the time counts in which it is waited for: in each window of that somebody's has to bring
    something, one that is held in memory its least, and a stranger's has to end in the first.
    """

    def __init__(self, limit: BodyLimit, scope: Scope, receive: Receive, most: int) -> None:
        self.limit, self.scope, self.receive, self.most = limit, scope, receive, most
        self.need = LEAST * limit.window if with_files(scope["path"]) else 1
        self.came = self.counted = 0
        self.fresh, self.waited = 0, 0.0  # bytes and seconds of this window
        self.stranger: bool | None = None  # while nobody has asked
        self.over = False  # it has come, or been refused: then the rest is thrown away

    async def __call__(self) -> Message:
        if self.over:
            return await self.receive()
        message = await self._in_time()
        size = len(message.get("body", b""))
        self.came += size
        if self.came > self.most:
            self.over = True
            raise Refused(413, TOO_LARGE)
        self.over = not message.get("more_body", False)
        if not self.over:
            await self._count(size)
        return message

    async def ask(self) -> None:
        """Whether this is a stranger's."""
        key = session_key(self.scope["headers"])
        self.stranger = not isinstance(await pool.for_readers(person, key) if key else None, User)

    async def _in_time(self) -> Message:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(self.limit.window - self.waited):
                return await self.receive()
        except TimeoutError:
            self.over = True
            raise Refused(408, TOO_SLOW) from None
        finally:
            self.waited += clock() - began

    async def _count(self, size: int) -> None:
        """What has come whole with its first message is not counted, and nobody is asked whose it is."""
        if self.stranger is None:
            try:
                await self.ask()
            except DatabaseError:  # a little one, which is answered in its own words
                self.stranger = True
        if not self.stranger:
            self.fresh += size
            if self.fresh >= self.need:
                self.fresh, self.waited = 0, 0.0
            return
        self.limit.strangers += self.came - self.counted
        self.counted = self.came
        if self.limit.strangers > STRANGERS:
            raise Refused(503, BUSY)


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, words: Words) -> None:
    """The answer, whole, before the rest has come; closed at once, the kernel would reset it away. In the shape of any other
    error: an alert where htmx or a script of ours asked, else a page.
    """
    asked = dict(scope["headers"]).get(b"hx-request") == b"true"
    page = "conversations/error.html" if asked else f"errors/{400 if status < 500 else 500}.html"
    body = render_to_string(page, {"message": words[0], "next": words[1], "status": status}).encode()
    headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await _drained(receive)
    await send({"type": "http.response.body", "body": b""})


async def _drained(receive: Receive) -> None:
    with contextlib.suppress(TimeoutError, Refused):
        async with asyncio.timeout(LINGER):
            while (await receive()).get("more_body", False):
                pass
