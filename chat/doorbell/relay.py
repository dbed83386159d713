"""The doorbell between processes: rings travel through Redis, in bundles, and nothing depends on their arrival.

Whatever a process rings within one turn of its loop (a tick rings for all its runs at once) is one message: the cost is per
message, not per ring. Redis may be slow, away, emptied or gone: bundles are then dropped, and readers catch up by the look.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable
from types import NoneType
from typing import Any, Final, Protocol

from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.exceptions import RedisError

from chat.doorbell.hub import Hub, Ring

logger = logging.getLogger(__name__)
GROUP: Final = "rings"
PATIENCE: Final = 1.0  # seconds for one publication
PING: Final = 2.0  # seconds between looks whether our own voice comes back
MUTE: Final = 5.0  # seconds without it, after which the subscription is made anew
MOST_BYTES: Final = 4_000_000  # of payload that wait for a publication; beyond, numbers only
MOST_RINGS: Final = 20_000
# uvloop tells with a RuntimeError of a connection that was closed while it was written to
FAILURES: Final = (RedisError, OSError, TimeoutError, RuntimeError)


class Layer(Protocol):
    """What we use of a channel layer with groups."""

    async def new_channel(self) -> str: ...
    async def receive(self, channel: str) -> dict[str, Any]: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_send(self, group: str, message: dict[str, Any]) -> None: ...
    async def flush(self) -> None: ...


class Relay:
    """Carries this process's rings to the others and, where it `listens`, theirs to `hub`. Runs on one loop, from `run` to
    its cancellation.
    """

    def __init__(self, hub: Hub, layer: Layer, *, listens: bool) -> None:
        self.hub, self.layer, self.listens = hub, layer, listens
        self.name = secrets.token_hex(8)
        self.waiting: list[Ring] = []
        self.bytes = 0
        self.some = asyncio.Event()
        self.heard = 0.0
        self.away = False

    def put(self, ring: Ring) -> None:
        """Take a ring along with the next bundle. Never blocks."""
        if len(self.waiting) >= MOST_RINGS:
            self._drop()
        if self.bytes + ring.size > MOST_BYTES:
            ring = Ring(ring.conversation, ring.first, ring.last)
        self.waiting.append(ring)
        self.bytes += ring.size
        self.some.set()

    async def run(self) -> None:
        """Until it is cancelled: listen, publish, and begin again when Redis comes back."""
        self.hub.elsewhere = self.put
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._publish())
                if self.listens:
                    tasks.create_task(self._listen())
                    tasks.create_task(self._ping())
        finally:
            self.hub.elsewhere = None
            with contextlib.suppress(*FAILURES):
                await self.layer.flush()

    async def _publish(self) -> None:
        while True:
            await self.some.wait()
            rings, self.waiting, self.bytes = self.waiting, [], 0
            self.some.clear()
            await self._send({"rings": [[ring.conversation, ring.first, ring.last, ring.payload] for ring in rings]})

    async def _ping(self) -> None:
        """A subscription can stay open and mute: what counts is that our own voice comes back."""
        self.heard = asyncio.get_running_loop().time()
        while True:
            await self._send({})
            await asyncio.sleep(PING)

    async def _send(self, message: dict[str, Any]) -> None:
        if not await self._try(self.layer.group_send(GROUP, {"type": "rings", "from": self.name, **message})):
            self._drop()
        elif not self.listens:
            self._say(away=False)

    async def _listen(self) -> None:
        while True:
            self.heard = asyncio.get_running_loop().time()
            listening = asyncio.ensure_future(self._receive())
            try:
                while not listening.done() and asyncio.get_running_loop().time() - self.heard < MUTE:
                    await asyncio.wait((listening,), timeout=PING)
            finally:
                listening.cancel()
                await asyncio.wait((listening,))
            if not listening.cancelled() and not isinstance(error := listening.exception(), (NoneType, *FAILURES)):
                raise error
            self._say(away=True)
            await self._try(self.layer.flush())
            await asyncio.sleep(PING / 2)

    async def _receive(self) -> None:
        """Hear what the others ring, as long as Redis lets us."""
        async with asyncio.timeout(MUTE):
            channel = await self.layer.new_channel()
            await self.layer.group_add(GROUP, channel)
        while True:
            message = await self.layer.receive(channel)
            if message.get("from") == self.name:
                self.heard = asyncio.get_running_loop().time()
                self._say(away=False)
                continue
            for conversation, first, last, payload in message.get("rings", ()):
                self.hub.deliver(Ring(conversation, first, last, None if payload is None else tuple(payload)))

    async def _try(self, sent: Awaitable[None]) -> bool:
        """Whether Redis took it."""
        try:
            async with asyncio.timeout(PATIENCE):
                await sent
        except FAILURES:
            self._say(away=True)
            return False
        return True

    def _drop(self) -> None:
        self.waiting, self.bytes = [], 0

    def _say(self, *, away: bool) -> None:
        """Once when it goes, once when it is back."""
        if away != self.away:
            self.away = away
            if away:
                logger.warning("Redis is away: news from other processes comes up to two seconds late, nothing is lost.")
            else:
                logger.warning("Redis is back.")


def through_redis(hub: Hub, url: str, *, listens: bool) -> Relay:
    """The relay through the Redis at `url`, for nothing but rings."""
    layer = RedisPubSubChannelLayer(hosts=[{"address": url, "socket_connect_timeout": PATIENCE}], prefix="parley")
    return Relay(hub, layer, listens=listens)
