"""The listening sockets of a web process, and what the server does with a browser's socket that does not read."""

import asyncio
import errno
import os
import socket
import struct
from typing import cast

from django.conf import settings
from django.core.management.base import CommandError
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

FIRST_INHERITED = 3  # the first descriptor that systemd passes
GOING = 5.0  # seconds that a reader has to take what waits for it, with the code at its end
SILENCED = 1.0  # seconds that one has who spoke: it may come back at once, again and again
SEND_BUFFER = 32_768  # bytes that the kernel keeps for a slow reader, before its own bookkeeping doubles them; else up to 4 MB
SLICE = 1024  # bytes that are taken apart at a time
MOST_HEARD = 4096  # bytes that a page may send between two pings of ours: answers to them, a goodbye
SPOKE = 4008
NO_LINGER = struct.pack("ii", 1, 0)


class BrowserSocket(WebSocketsSansIOProtocol):
    """uvicorn's, for pages that listen. Whoever speaks or stops reading is closed with a code, and what waited for it is freed.

    A connection that is closed while something it brought lies unread is reset by the kernel, and the code is lost with it. So
    whoever is let go has some seconds to hear why, and is no longer heard.
    """

    stall: asyncio.TimerHandle | None = None
    going: asyncio.TimerHandle | None = None  # until it is torn down
    waiting = 0  # bytes that waited when it was last looked at
    heard = 0  # bytes since our last ping
    deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """All that it kept goes with it: a timer would keep it, and the parser too, a generator that holds what holds it."""
        self.forgive()
        if self.going is not None:
            self.going.cancel()
        super().connection_lost(exc)
        self.conn.parser.close()

    # What comes up it

    def data_received(self, data: bytes) -> None:
        """In slices: of a flood the first frame is met before the rest is taken apart."""
        for start in range(0, len(data), SLICE):
            if self.deaf:
                return
            piece = data[start : start + SLICE]
            self.heard += len(piece) if self.handshake_initiated else 0
            if self.heard > MOST_HEARD:
                self.refuse()
            else:
                super().data_received(piece)

    def handle_text(self, event: Frame) -> None:
        self.refuse()

    handle_bytes = handle_cont = handle_text

    def handle_parser_exception(self) -> None:
        """Too large, or no frame at all: the code is the parser's."""
        if self.conn.close_sent is None:
            self.transport.abort()
        elif not self.close_sent:
            self.let_go(self.conn.close_sent.code, self.conn.close_sent.reason, SILENCED)
        self.hear_no_more()

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self.abort_soon()

    def refuse(self) -> None:
        if self.handshake_complete:
            self.end(SPOKE, "this socket only listens", spoke=True)
            self.hear_no_more()
        else:
            self.transport.abort()  # it was not even let in

    def hear_no_more(self) -> None:
        self.deaf = True
        self.transport.pause_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    # What goes down it

    async def send(self, message: ASGISendEvent) -> None:
        """A goodbye does not wait for a reader that takes nothing; after one nobody is there any more."""
        if message["type"] == "websocket.close" and self.handshake_complete:
            self.end(message.get("code") or 1000, message.get("reason") or "")
            return
        await self.writable.wait()
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.accept":
            self.forget_handshake()

    def forget_handshake(self) -> None:
        """What the browser said of itself has been read; kept, it would be a fifth of what an idle page costs."""
        del self.request, self.response
        cast(list[tuple[bytes, bytes]], self.scope["headers"]).clear()  # of all copies of the scope

    def pause_writing(self) -> None:
        """It is not read from either: its pings would be answered, and the answers kept."""
        super().pause_writing()
        self.transport.pause_reading()
        self.watch_stall()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.forgive()
        if not self.deaf and not self.read_paused:
            self.transport.resume_reading()

    def watch_stall(self) -> None:
        self.waiting = self.transport.get_write_buffer_size()
        self.stall = self.loop.call_later(settings.SOCKET_STALLED, self.look)

    def forgive(self) -> None:
        if self.stall is not None:
            self.stall.cancel()
            self.stall = None

    def look(self) -> None:
        """A slow reader takes something; one that took nothing since the last look has stopped."""
        if self.transport.get_write_buffer_size() < self.waiting:
            self.watch_stall()
        elif self.close_sent:
            self.tear_down()
        else:
            self.end(SPOKE, "not reading")

    def schedule_ping(self) -> None:
        self.heard = 0
        super().schedule_ping()

    def keepalive_timeout(self) -> None:
        """Our ping waits behind what a slow reader has not taken yet: then the look decides."""
        if self.stall is not None:
            self.pong_timer = self.pending_ping_payload = None
            self.schedule_ping()
            return
        super().keepalive_timeout()
        self.abort_soon()

    # The end

    def end(self, code: int, reason: str, *, spoke: bool = False) -> None:
        """Close it, at once and whatever waits. Nothing happens where it is closed already."""
        if self.conn.state is State.OPEN and not self.close_sent and not self.transport.is_closing():
            self.conn.send_close(code, reason)
            self.let_go(code, reason, SILENCED if spoke else GOING)

    def let_go(self, code: int, reason: str, seconds: float) -> None:
        """The last words are with the connection: send them, tell the application, and wait for the reader only so long."""
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        self.close_timer = self.loop.call_later(seconds, self.tear_down)

    def shutdown(self) -> None:
        super().shutdown()
        self.abort_soon()  # what a reader does not take must not hold the process

    def abort_soon(self) -> None:
        if self.going is None:
            self.going = self.loop.call_later(GOING, self.tear_down)

    def tear_down(self) -> None:
        """With a reset: else the kernel would go on offering what it has to a reader that does not take it."""
        if not self.disconnected:
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            self.transport.abort()


def inherited() -> list[socket.socket]:
    """The listening sockets that systemd (or another parent) holds for us: they outlive us, so a restart refuses nobody."""
    count = os.environ.get("LISTEN_FDS", "0")
    if os.environ.get("LISTEN_PID", str(os.getpid())) != str(os.getpid()) or not count.isdigit():
        return []
    for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)  # they are for us alone, not for our children
    found = [socket.socket(fileno=FIRST_INHERITED + number) for number in range(int(count))]
    for one in found:
        os.set_inheritable(one.fileno(), False)
    return found


def listen(host: str, port: int) -> socket.socket:
    """A listening socket of our own."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        raise CommandError(_why_not(error, host, port)) from None
    return listening


def _why_not(error: OSError, host: str, port: int) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"HOST is {host}, which is no address of this machine."
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 8000
        return f"Port {port} is taken by another program. Choose another: make run PORT={other}"
    if error.errno == errno.EACCES:
        return f"Port {port} is only for root. Choose one above 1023: make run PORT=8000"
    return f"Cannot listen on {host}:{port}: {error.strerror}."
