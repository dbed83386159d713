"""Bodies with files for temporary conversations: larger than what Django keeps in memory, and never in a file all the same.

They are read whole before Django, into memory: from people who have signed in alone, so many bytes at once; others wait unread.
A body is let go piece by piece while Django makes a file of it, and the file is looked at where it is. So one takes its size
once, and an image that is made anew twice: measured, files of 20 MB take 32 to 37 MB at their worst moment, three at once 133 MB
(before, when each was copied from step to step, 46 to 118, and 200 MB).
"""

import asyncio
import io
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.db import Error as DatabaseError

from chat.live.person import session_key
from chat.store import pool
from chat.store.sessions import person
from chat.web.bodies import BUSY, TOO_LARGE, Application, Message, Receive, Refused, Scope, Send, refuse, with_files

TIMES: Final = 2  # what is reserved for a body, in its size: as it came, and what is made of it
ALL: Final = 150_000_000  # bytes of memory for such bodies in one process
EACH: Final = 100_000_000  # for those of one person
PATIENCE: Final = 120.0  # seconds that one waits for its turn
SMALL: Final = 16_384  # bytes; pieces below are put together, for each takes some hundred bytes beside its own


class Once(io.RawIOBase):
    """What has come, to be read once: what was read is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: deque[memoryview] = deque()
        self.small = bytearray()  # the last of it
        self.size = 0  # of all that has come

    def take(self, piece: bytes) -> None:
        self.size += len(piece)
        if len(piece) < SMALL:
            self.small += piece
        if len(piece) >= SMALL or len(self.small) >= SMALL:
            self._gather()
        if len(piece) >= SMALL:
            self.pieces.append(memoryview(piece))

    def _gather(self) -> None:
        if self.small:  # an empty one would be the end
            self.pieces.append(memoryview(self.small))
            self.small = bytearray()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._gather()
        if not self.pieces:
            return 0
        piece = self.pieces.popleft()
        size = min(len(buffer), len(piece))
        buffer[:size] = piece[:size]
        if size < len(piece):
            self.pieces.appendleft(piece[size:])
        return size

    def close(self) -> None:
        self.pieces.clear()
        self.small = bytearray()
        super().close()


class MemoryAlone(MemoryFileUploadHandler):
    """Keeps a file in memory, however large it is."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.activated = True


class Whole:
    """What was read: given once, then what comes after it."""

    def __init__(self, body: Once, receive: Receive) -> None:
        self.body, self.receive = body, receive

    async def __call__(self) -> Message:
        while (message := await self.receive())["type"] == "http.request":
            pass  # of one that was not wanted
        return message


class Passing:
    """Reads them, and gives the application `Whole`. Who has not signed in is answered without having been read."""

    def __init__(self, application: Application, *, patience: float = PATIENCE) -> None:
        self.application, self.patience = application, patience
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
            await refuse(scope, receive, send, 503, BUSY)
            return
        if user is None or not user.is_authenticated:
            empty = [(name, value) for name, value in scope["headers"] if name not in (b"content-length", b"content-type")]
            await self.application({**scope, "headers": empty}, Whole(Once(), receive), send)
            return
        await self._passed(user.pk, scope, receive, send)

    async def _passed(self, whose: int, scope: Scope, receive: Receive, send: Send) -> None:
        told = dict(scope["headers"])
        # What comes in pieces has no length, whatever is said, and may be as large as any.
        most = settings.BODY_BYTES if b"transfer-encoding" in told else int(told.get(b"content-length", b"0"))
        try:
            async with self._place(whose, TIMES * most):
                if (body := await _read(receive, most)) is not None:
                    await self.application(_measured(scope, body), Whole(body, receive), send)
        except Refused as refused:
            await refuse(scope, receive, send, refused.status, refused.words)

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
                raise Refused(503, BUSY) from None  # others took all of it for too long
            self.taken[whose] += size
        try:
            yield
        finally:
            self.taken = +(self.taken - Counter({whose: size}))
            async with self.changed:
                self.changed.notify_all()


def _measured(scope: Scope, body: Once) -> Scope:
    """With the length that it has: of one in pieces without any, Django would find no file in it."""
    others = [(name, value) for name, value in scope["headers"] if name not in (b"content-length", b"transfer-encoding")]
    return {**scope, "headers": [*others, (b"content-length", str(body.size).encode())]}


async def _read(receive: Receive, most: int) -> Once | None:
    """All of it; None where the client has gone."""
    body = Once()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        if body.size + len(piece) > most:
            raise Refused(413, TOO_LARGE)
        body.take(piece)
        if not message.get("more_body", False):
            return body
