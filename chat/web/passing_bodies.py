"""Bodies with files for temporary conversations: larger than what Django keeps in memory, and never in a file all the same.

They are read whole before Django, into memory: from people who have signed in alone, so many bytes at once; others wait unread.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any, Final

from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.db import Error as DatabaseError

from chat.live.person import session_key
from chat.store import pool
from chat.store.sessions import person
from chat.web.bodies import Message, Receive, Scope, Send, refuse, with_files

ALL: Final = 75_000_000  # bytes of such bodies in one process
EACH: Final = 50_000_000  # of one person
PATIENCE: Final = 120.0  # seconds that one waits for its turn
SLOWEST: Final = 300.0  # seconds in which one has come
BUSY: Final = "This server has too much to do just now; nothing has been kept. Try again in a moment.\n"
SLOW: Final = "This took too long; nothing has been kept.\n"


class MemoryAlone(MemoryFileUploadHandler):
    """Keeps a file in memory, however large it is."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.activated = True


class Whole:
    """What was read: given once, then what comes after it."""

    def __init__(self, body: BytesIO, receive: Receive) -> None:
        self.body, self.receive = body, receive

    async def __call__(self) -> Message:
        while (message := await self.receive())["type"] == "http.request":
            pass  # of one that was not wanted
        return message


class Passing:
    """Reads them, and gives the application `Whole`. Who has not signed in is answered without having been read."""

    def __init__(
        self,
        application: Callable[[Scope, Receive, Send], Awaitable[None]],
        *,
        patience: float = PATIENCE,
        slowest: float = SLOWEST,
    ) -> None:
        self.application, self.patience, self.slowest = application, patience, slowest
        self.taken: Counter[int] = Counter()
        self.changed = asyncio.Condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not with_files(scope["path"]):
            await self.application(scope, receive, send)
            return
        key = session_key(scope["headers"])
        try:
            user = await pool.for_readers(person, key) if key else None
        except DatabaseError:
            await refuse(receive, send, 503, BUSY)
            return
        if user is None or not user.is_authenticated:
            empty = [(name, value) for name, value in scope["headers"] if name not in (b"content-length", b"content-type")]
            await self.application({**scope, "headers": empty}, Whole(BytesIO(), receive), send)
            return
        await self._passed(user.pk, scope, receive, send)

    async def _passed(self, whose: int, scope: Scope, receive: Receive, send: Send) -> None:
        told = dict(scope["headers"])
        size = 0 if b"transfer-encoding" in told else int(told.get(b"content-length", b"0"))
        size = size or EACH // 2  # what says nothing may be as large as any
        try:
            async with self._place(whose, size):
                try:
                    async with asyncio.timeout(self.slowest):
                        body = await _read(receive)
                except TimeoutError:
                    await refuse(receive, send, 408, SLOW)
                    return
                if body is not None:
                    await self.application(scope, Whole(body, receive), send)
        except NoPlace:
            await refuse(receive, send, 503, BUSY)

    @asynccontextmanager
    async def _place(self, whose: int, size: int) -> AsyncIterator[None]:
        def fits() -> bool:
            mine = not self.taken[whose] or self.taken[whose] + size <= EACH
            return mine and (not self.taken or self.taken.total() + size <= ALL)

        async with self.changed:
            try:
                async with asyncio.timeout(self.patience):
                    await self.changed.wait_for(fits)
            except TimeoutError:
                raise NoPlace from None
            self.taken[whose] += size
        try:
            yield
        finally:
            self.taken = +(self.taken - Counter({whose: size}))
            async with self.changed:
                self.changed.notify_all()


class NoPlace(Exception):
    """Others took all of it for too long."""


async def _read(receive: Receive) -> BytesIO | None:
    """All of it; None where the client has gone."""
    body = BytesIO()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body.write(message.get("body", b""))
        if not message.get("more_body", False):
            body.seek(0)
            return body
