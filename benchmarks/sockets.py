"""A websocket that costs its process little: the sans-I/O client of `websockets` on a plain asyncio protocol."""

import asyncio
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

Heard = Callable[[bytes], None]


class Socket(asyncio.Protocol):
    """`heard` is called with the bytes of each message. `ended` is done when the connection is over, with the close code."""

    def __init__(self, address: str, *, origin: str, cookies: str, heard: Heard) -> None:
        self.wire = ClientProtocol(parse_uri(address), origin=origin, max_size=None)  # type: ignore[arg-type]
        self.cookies, self.heard, self.parts = cookies, heard, b""
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[int | None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by name
        request = self.wire.connect()
        if self.cookies:
            request.headers["Cookie"] = self.cookies
        self.wire.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self.wire.receive_data(data)
        for event in self.wire.events_received():
            if isinstance(event, Frame):
                self._frame(event)
            elif not self.opened.done() and self.wire.state is State.OPEN:
                self.opened.set_result(None)
        if self.wire.handshake_exc is not None and not self.opened.done():
            self.opened.set_exception(self.wire.handshake_exc)
        self._flush()

    def _frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self.parts += frame.data
            if frame.fin:
                whole, self.parts = self.parts, b""
                self.heard(whole)

    def _flush(self) -> None:
        for data in self.wire.data_to_send():  # pongs and the like, answered by the sans-I/O part
            if data:
                self.transport.write(data)

    def say(self, text: str) -> None:
        self.wire.send_text(text.encode())
        self._flush()

    def close(self) -> None:
        if self.wire.state is State.OPEN:
            self.wire.send_close(1000)
            self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionError("closed before it was open"))
        if not self.ended.done():
            self.ended.set_result(self.wire.close_rcvd.code if self.wire.close_rcvd else None)


async def connect(address: str, *, origin: str, cookies: str = "", heard: Heard, within: float = 60) -> Socket:
    """An open socket; `within` is in seconds."""
    parts = urlsplit(address)
    loop = asyncio.get_running_loop()
    made = Socket(address, origin=origin, cookies=cookies, heard=heard)
    _, socket = await loop.create_connection(lambda: made, str(parts.hostname), int(parts.port or 80))
    await asyncio.wait_for(socket.opened, within)
    return socket
