"""The socket of one page: it joins, forwards and resumes. Nothing comes up it; sending is what views are for."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import Error as DatabaseError

from chat.doorbell import Mailbox, Note, Ring, hub
from chat.live.catchup import CaughtUp, catch_up
from chat.live.watch import readers
from chat.models import User
from chat.store import pool
from chat.store.presence import Somebody
from chat.store.temporary import Away

logger = logging.getLogger(__name__)
SIGNED_OUT, GONE, TOO_MANY, RESTART, NOT_LISTENING = 4401, 4404, 4429, 4012, 4008


class Reader(AsyncWebsocketConsumer):
    """Forwards what follows the cursor; on a gap it reads the log. `/ws/c/<id>/?after=<position>`"""

    temporary = False  # what it reads from is memory

    def begin(self) -> None:
        self.user: User | None = self.scope["user"] if self.scope["user"].is_authenticated else None
        self.conversation, self.link = "", ""
        self.cursor = number(self.scope["query_string"], "after")
        self.mailbox: Mailbox | None = None  # nothing waits: most sockets are idle, and cost what they keep
        self.forwarding: asyncio.Task[None] | None = None
        self.closing = self.shared = self.joined = False
        self.company: tuple[Somebody, ...] | None = None  # who else it was told is here
        self.mentioned: frozenset[str] | None = None  # where it was told that one is named

    async def connect(self) -> None:
        self.begin()
        self.conversation = self.scope["url_route"]["kwargs"]["conversation_id"]
        await self.accept()
        if self.user is None:
            await self.close(SIGNED_OUT)
            return
        if readers.count(self.user.pk) >= settings.SOCKETS_PER_USER:
            await self.close(TOO_MANY)
            return
        hub.subscribe(self.conversation, self)
        readers.add(self, self.user.pk)
        self.forwarding = asyncio.create_task(self._forward_or_restart(self._join))

    async def dispatch(self, message: Any) -> None:
        """Without Channels' look for old connections to the database, a hop into the one thread of all sockets for each message:
        nothing here uses one there.
        """
        await getattr(self, get_handler_name(message))(message)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.close(NOT_LISTENING)

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close it, unless it is closed already: the reader and we may end it at the same moment. Nothing is forwarded after it,
        also where a message waits for a reader that takes none.
        """
        self.closing = True
        if self.forwarding is not None and self.forwarding is not asyncio.current_task():
            self.forwarding.cancel()
        with contextlib.suppress(OSError, RuntimeError):
            await super().close(code, reason)

    async def disconnect(self, code: int) -> None:
        self.closing = True
        hub.unsubscribe(self.conversation, self)
        readers.discard(self)
        if self.forwarding is not None:
            self.forwarding.cancel()

    def hear(self, ring: Ring) -> None:
        """The doorbell: remember it; the forwarding task sends when the socket takes it."""
        self._put(ring)

    def note(self, text: str) -> None:
        """To be forwarded in its turn, without a number."""
        self._put(Note(text))

    def _put(self, ring: Ring | Note) -> None:
        if self.mailbox is None:
            self.mailbox = Mailbox(most_bytes=settings.SOCKET_BACKLOG_BYTES)
        self.mailbox.put(ring)
        if self.forwarding is None and not self.closing:
            self.forwarding = asyncio.create_task(self._forward_or_restart(self._forward))

    async def _forward_or_restart(self, forward: Callable[[], Awaitable[None]]) -> None:
        """A page whose socket fell silent would wait for ever; closed with this code it comes back with its cursor."""
        try:
            await forward()
            self.forwarding = None  # in the same turn in which it found no more mail
        except OSError:
            pass  # the reader has gone: there is nobody to tell
        except Exception:
            if self.closing:
                return
            self.complain()
            await self.close(RESTART)

    def complain(self) -> None:
        logger.exception("A socket of %s broke", self.conversation)

    async def _join(self) -> None:
        """Nothing is forwarded before it is certain that this person may read it."""
        if await self._catch_up():
            await self._forward()

    async def _forward(self) -> None:
        """Until nothing is left to be forwarded."""
        if self.mailbox is not None:
            for ring in self.mailbox.drain():
                if not await self._tell(ring):
                    return
            self.mailbox = None

    async def _tell(self, ring: Ring | Note) -> bool:
        if isinstance(ring, Note):
            await self.send(text_data=ring.text)
            return True
        if ring.last <= self.cursor:
            return True
        if ring.first != self.cursor + 1 or ring.payload is None:
            return await self._catch_up()
        for message in ring.payload:
            await self.send(text_data=message)
        self.cursor = ring.last
        return True

    def missed(self, user: User) -> CaughtUp:
        return catch_up(self.conversation, user, self.cursor)

    async def _catch_up(self) -> bool:
        """Send what came after the cursor, from the log. False when there is nothing to read any more."""
        assert self.user is not None  # connect lets nobody else in
        try:
            missed = await pool.for_readers(self.missed, self.user)
        except (DatabaseError, Away):
            if not self.joined:
                await self.close(RESTART)
            return self.joined  # away: the look sends us here again as soon as it finds it back
        if missed.gone:
            await self.close(GONE)
            return False
        if missed.content or missed.position != self.cursor:
            await self.send(text_data=json.dumps({"position": missed.position, "content": missed.content}))
        self.cursor, self.shared, self.joined = missed.position, missed.shared, True
        return True


def number(query: bytes, name: str) -> int:
    """The cursor in the address (or another number there); anything that is not a number means from the start."""
    values: list[Any] = parse_qs(query.decode("latin-1")).get(name, ["0"])
    text = str(values[-1])
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
