"""A TCP proxy with accidents: in front of the web server, of the model server, of an engine. One asyncio loop, loopback only."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import Self

PIECE = 65_536  # bytes
GONE = (OSError, asyncio.IncompleteReadError)


@dataclass(eq=False)
class Link:
    """One connection through the proxy: `client` is the side that came to us, `server` the one that we went to."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    up: int = 0  # bytes from client to server
    down: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def end(self, *, reset: bool = False) -> None:
        """Both sides: with FIN, or with RST, which discards what is under way."""
        for writer in (self.client, self.server):
            if reset:
                linger = struct.pack("ii", 1, 0)
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            else:
                writer.close()


class Chaos:
    """Listens on `port` and passes on to `target`. The attributes may be changed at any time and hold from then on.

    `delay`: seconds that each piece waits. `piece` and `pause`: at most so many bytes, then so many seconds (trickle).
    `refusing`: new connections are reset at once.
    """

    def __init__(self, target: int, *, delay: float = 0.0, piece: int = PIECE, pause: float = 0.0) -> None:
        self.target, self.delay, self.piece, self.pause = target, delay, piece, pause
        self.refusing = False
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.links: set[Link] = set()
        self.connections = 0

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=PIECE, backlog=2048)
        self.port = int(self.server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        tasks = [task for link in self.links for task in link.tasks]
        self.reset()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.server.wait_closed()

    # Accidents

    def cut(self) -> None:
        """Every connection ends, politely to TCP and without a word to what it carries."""
        for link in tuple(self.links):
            link.end()

    def reset(self) -> None:
        """Every connection is reset."""
        for link in tuple(self.links):
            link.end(reset=True)

    def half_close(self) -> None:
        """The client hears that nothing more comes, and may go on speaking; the server hears nothing of it."""
        for link in tuple(self.links):
            with contextlib.suppress(OSError):
                link.client.write_eof()

    def stall(self) -> None:
        """Bandwidth zero: connections stay, nothing passes."""
        self.flowing.clear()

    def flow(self) -> None:
        self.flowing.set()

    async def outage(self, seconds: float) -> None:
        """All connections reset, and no new ones for so long."""
        self.refusing = True
        self.reset()
        await asyncio.sleep(seconds)
        self.refusing = False

    # What passes

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refusing:
            Link(client, client).end(reset=True)
            return
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self.target, limit=PIECE)
        except OSError:
            Link(client, client).end(reset=True)
            return
        link = Link(client, server)
        self.links.add(link)
        link.tasks = [
            asyncio.create_task(self._pump(link, reader, server, "up")),
            asyncio.create_task(self._pump(link, answers, client, "down")),
        ]
        try:
            await asyncio.wait(link.tasks)
        finally:
            link.end()
            self.links.discard(link)

    async def _pump(self, link: Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: str) -> None:
        """One direction, until its end: passed on as the end of this direction, or as a reset of both."""
        try:
            while data := await source.read(self.piece):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self.flowing.wait()
                sink.write(data)
                await sink.drain()
                setattr(link, way, getattr(link, way) + len(data))
                if self.pause:
                    await asyncio.sleep(self.pause)
            if sink.can_write_eof():
                sink.write_eof()
        except GONE:
            link.end(reset=True)
