"""A model server that is no more than a socket: it plays recorded bytes, cut where it is told to, or floods.

[[play=openai cut=123 end=eof|drop|reset]]     tests/streams/openai.sse up to a byte; how the connection ends then
[[head=nothing|mail|endless|chunk]]            no HTTP, or not for long
[[flood=garbage|lines|event|deltas mb=64]]     so many megabytes of what no reply is, as fast as they are taken
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Iterator

from tests.protocol.recorded import recorded
from tests.scripted import Connection, Recorded, read_request
from tests.scripted_script import Script

MEGABYTE = 1024 * 1024
HEADS = {
    "nothing": b"",
    "mail": b"220 mail.example.org ESMTP ready\r\n",
    "endless": b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 20_000,
    "chunk": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\ndata: {}\r\n",
}
EVENT = b"event: response.output_text.delta\ndata: %b\n\n"


class Player:
    """Serves on the running loop as long as it is entered. `ended` counts how its answers ended: "taken" or "refused"."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()
        self.tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Player":
        self.server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1000)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.tasks.add(task)
        try:
            request = await read_request(reader, Connection(0, 0))
            if request is not None:
                await self._answer(request, writer)
        except ConnectionError:
            self.ended["refused"] += 1
        except asyncio.CancelledError:
            pass  # the player stops; a stream's callback takes a cancelled task for a fault
        finally:
            self.tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, request: Recorded, writer: asyncio.StreamWriter) -> None:
        script = Script.of(request.body)
        if request.path.endswith("/models"):
            body = json.dumps({"data": [{"id": "played"}]}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + body)
        elif head := script.get("head"):
            writer.write(HEADS[head])
        elif request.path.endswith("/responses") and script.options.keys() & {"play", "flood"}:
            await self._play(script, writer)
            self.ended["taken"] += 1
        else:
            writer.write(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async def _play(self, script: Script, writer: asyncio.StreamWriter) -> None:
        end = script.get("end", "eof")
        whole = b"Connection: close" if end == "eof" else b"Transfer-Encoding: chunked"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + whole + b"\r\n\r\n")
        for piece in pieces(script):
            writer.write(piece if end == "eof" else b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        if end == "reset":
            writer.transport.abort()


def pieces(script: Script) -> Iterator[bytes]:
    """What is sent, in the pieces in which it is written."""
    size = int(script.get("mb", "64")) * MEGABYTE
    match script.get("flood"):
        case "garbage":
            yield from (b"x" * 65536 for _ in range(size // 65536))
        case "lines":
            yield from (b"garbage: of every kind\n\n" * 2700 for _ in range(size // 64800))
        case "event":
            yield b'data: {"type": "response.output_text.delta", "delta": "'
            yield from (b"word " * 13107 for _ in range(size // 65535))
        case "deltas":
            delta = EVENT % json.dumps({"type": "response.output_text.delta", "item_id": "m", "delta": "word " * 10}).encode()
            yield from (delta * 400 for _ in range(size // (400 * len(delta))))
        case _:
            data = recorded(script.get("play"))
            cut = data[: int(script.get("cut", len(data)))]  # type: ignore[arg-type]
            if cut:
                yield cut
