"""A page's socket by hand, which may be rude: read nothing, speak, speak too much. Blocking, so that it is rude from a thread."""

import base64
import contextlib
import secrets
import select
import socket
import struct
import time
from typing import Self
from urllib.parse import urlsplit

from tests.faults.visitor import Visitor

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
GONE = 1006  # what a browser says when a connection ends without a code
PATIENCE = 15.0  # seconds
PIECE = 4096  # bytes


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """As a browser sends it, masked; the mask is zero."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    elif length < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
    return head + bytes(4) + payload


class Rude:
    """Connected and let in when it is there. `buffer`: bytes that its kernel takes for it."""

    def __init__(self, person: Visitor, conversation_id: str, after: int = 0, *, buffer: int = 4096) -> None:
        parts = urlsplit(person.url)
        assert parts.port is not None
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", parts.port))
        self.port = int(self.socket.getsockname()[1])
        lines = [
            f"GET /ws/c/{conversation_id}/?after={after} HTTP/1.1",
            *(f"Host: {parts.netloc}", f"Origin: {person.url}", f"Cookie: {person.cookie}"),
            *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
            f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.came = self.socket.makefile("rb", buffering=PIECE)
        status = self.came.readline()
        assert b" 101 " in status, status
        while self.came.readline().strip():
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.came.close()
        self.socket.close()

    def say(self, data: bytes) -> None:
        """These bytes, as long as they are taken."""
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def shout(self, data: bytes) -> int:
        """These bytes, and what there is to hear meanwhile, as a browser does it; the code of the end."""
        with contextlib.suppress(OSError):
            while data:
                if not select.select([self.socket], [self.socket], [], PATIENCE)[0]:
                    data = data[self.socket.send(data[:PIECE]) :]
                elif (heard := self.frame())[0] == CLOSE:
                    return int.from_bytes(heard[1][:2], "big")
        return self.code()

    def code(self) -> int:
        """Read what there is, up to the code of its end."""
        try:
            while True:
                opcode, payload = self.frame()
                if opcode == CLOSE:
                    return int.from_bytes(payload[:2], "big")
        except ConnectionError:
            return GONE

    def answer_ping(self) -> None:
        opcode, payload = self.frame()
        if opcode == PING:
            self.say(frame(payload, PONG))

    def frame(self, *, slowly: float = 0.0) -> tuple[int, bytes]:
        """The next one: opcode and payload. `slowly`: seconds between each few kilobytes and the next."""
        first, second = self._exactly(2)
        length = second & 0x7F
        if length > 125:
            length = int.from_bytes(self._exactly(2 if length == 126 else 8), "big")
        payload = b""
        while len(payload) < length:
            payload += self._exactly(min(PIECE, length - len(payload)))
            time.sleep(slowly)
        return first & 0x0F, payload

    def _exactly(self, count: int) -> bytes:
        data = self.came.read(count)
        if len(data) < count:
            raise ConnectionResetError
        return data


def answer_pings(sockets: list[Rude]) -> None:
    """Those that have something to read read one frame of it: a socket that answers none for 40 s is taken for dead."""
    poll = select.poll()
    by_number = {one.socket.fileno(): one for one in sockets}
    for number in by_number:
        poll.register(number, select.POLLIN)
    for number, _ in poll.poll(0):
        by_number[number].answer_ping()
