"""The listening sockets of a web process, and what the server does with a browser's socket that does not read."""

import asyncio
import errno
import os
import socket

from django.core.management.base import CommandError
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

FIRST_INHERITED = 3  # the first descriptor that systemd passes
STALLED = 20.0  # seconds in which a reader must have taken something of what waits for it
GOING = 5.0  # seconds that it then has to take the rest, with the code at its end
TOO_SLOW = 4008


class BrowserSocket(WebSocketsSansIOProtocol):
    """uvicorn's, which waits for slow readers; one that has stopped reading is closed, and what waited for it is freed."""

    stall: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stall = self.loop.call_later(STALLED, self.give_up)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.forgive()

    def connection_lost(self, exc: Exception | None) -> None:
        self.forgive()
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(GOING, self.transport.abort)

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(GOING, self.transport.abort)  # what a reader does not take must not hold the process

    def forgive(self) -> None:
        if self.stall is not None:
            self.stall.cancel()
            self.stall = None

    def give_up(self) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.conn.fail(TOO_SLOW, "not reading")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self.loop.call_later(GOING, self.transport.abort)


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
