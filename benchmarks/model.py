"""A model server that costs next to nothing: `python -m benchmarks.model --times FILE`. It prints its address.

It speaks the Responses stream, each token at its own moment, and stamps the moment into the table of `benchmarks.times`.
What it writes is asked for in the prompt: `[[slot=17 tokens=400 rate=50 delay=0.4]]` is a reply whose times go to slot 17, the
first token `delay` seconds after the request. A request for a title is answered at once. GET /lag tells how late its sends were.
"""

import argparse
import heapq
import json
import re
import select
import socket
import time
from collections.abc import Iterator
from functools import lru_cache
from itertools import count

from benchmarks.stats import spread
from benchmarks.text import tokens
from benchmarks.times import Times

ASKED = re.compile(rb"\[\[slot=(\d+) tokens=(\d+) rate=([\d.]+) delay=([\d.]+)\]\]")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
TITLE = ("Three", " short", " words")


class Wire:
    """One reply as bytes: `head` goes out at once, then one piece for each token; the last piece ends the stream."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.number = -1
        at = {"item_id": "msg_0", "output_index": 0, "content_index": 0}
        item: dict[str, object] = {"type": "message", "id": "msg_0", "role": "assistant", "status": "in_progress", "content": []}
        part: dict[str, object] = {"type": "output_text", "text": "", "annotations": []}
        self.head = STREAM + self._event("created", response=self._response("in_progress"))
        opening = self._event("output_item.added", output_index=0, item=item) + self._event("content_part.added", **at, part=part)
        self.pieces = [self._event("output_text.delta", **at, delta=word, logprobs=[]) for word in words]
        self.pieces[0] = opening + self.pieces[0]
        part = {**part, "text": "".join(words)}
        item = {**item, "status": "completed", "content": [part]}
        self.pieces[-1] += self._event("output_text.done", **at, text=part["text"])
        self.pieces[-1] += self._event("content_part.done", **at, part=part)
        self.pieces[-1] += self._event("output_item.done", output_index=0, item=item)
        usage = {"input_tokens": 9, "output_tokens": len(words), "total_tokens": 9 + len(words)}
        self.pieces[-1] += self._event("completed", response={**self._response("completed"), "output": [item], "usage": usage})
        self.pieces[-1] += b"0\r\n\r\n"

    def _response(self, status: str) -> dict[str, object]:
        named = {"id": "resp_0", "object": "response", "created_at": 1, "model": "bench"}
        return {**named, "status": status, "output": [], "error": None}

    def _event(self, kind: str, **fields: object) -> bytes:
        self.number += 1
        data = json.dumps({"type": f"response.{kind}", "sequence_number": self.number, **fields})
        event = f"event: response.{kind}\ndata: {data}\n\n".encode()
        return f"{len(event):x}\r\n".encode() + event + b"\r\n"


@lru_cache
def wire(words: tuple[str, ...]) -> Wire:
    return Wire(words)


class Connection:
    """One client. `slot` is None while it gets something whose times nobody asks for."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket, self.got, self.waiting = sock, b"", b""
        self.slot: int | None = None
        self.rest: Iterator[tuple[int, bytes]] = iter(())
        self.started = self.pace = 0.0

    def request(self) -> bytes | None:
        """The next whole request that has come."""
        head, found, _ = self.got.partition(b"\r\n\r\n")
        if not found:
            return None
        length = LENGTH.search(head)
        size = len(head) + 4 + (int(length[1]) if length else 0)
        if len(self.got) < size:
            return None
        request, self.got = self.got[:size], self.got[size:]
        return request

    def send(self, data: bytes) -> None:
        """Without waiting: what a full socket does not take goes out with the next piece."""
        data, self.waiting = self.waiting + data, b""
        try:
            taken = self.socket.send(data)
        except BlockingIOError:
            taken = 0
        self.waiting = data[taken:]


class ModelServer:
    def __init__(self, times: Times) -> None:
        self.times = times
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.epoll = select.epoll()
        self.epoll.register(self.listening, select.EPOLLIN)
        self.connections: dict[int, Connection] = {}
        self.due: list[tuple[float, int, Connection]] = []
        self.order = count()
        self.late: list[float] = []

    def run(self) -> None:
        print(f"http://127.0.0.1:{self.listening.getsockname()[1]}/v1", flush=True)
        while True:
            self._send_due()
            wait = max(self.due[0][0] - time.monotonic(), 0.0) if self.due else 1.0
            if select.select([self.epoll], [], [], wait)[0]:  # to the microsecond, which epoll itself is not
                for descriptor, _ in self.epoll.poll(0):
                    self._accept() if descriptor == self.listening.fileno() else self._read(self.connections[descriptor])

    def _send_due(self) -> None:
        while self.due and self.due[0][0] <= (now := time.monotonic()):
            due, _, connection = heapq.heappop(self.due)
            number, piece = next(connection.rest, (-1, b""))
            if connection.slot is not None and number >= 0:
                self.late.append(now - due)
                self.times.sent(connection.slot, number, time.monotonic())
            try:
                connection.send(piece)
            except OSError:
                continue  # it has gone; the next look at its socket drops it
            if number >= 0 or connection.waiting:
                heapq.heappush(self.due, (due + connection.pace, next(self.order), connection))

    def _accept(self) -> None:
        sock, _ = self.listening.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections[sock.fileno()] = Connection(sock)
        self.epoll.register(sock, select.EPOLLIN)

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(1 << 16)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            return self._drop(connection)
        connection.got += data
        while (request := connection.request()) is not None:
            self._answer(connection, request)
        return None

    def _drop(self, connection: Connection) -> None:
        self.epoll.unregister(connection.socket)
        del self.connections[connection.socket.fileno()]
        connection.rest = iter(())
        connection.socket.close()

    def _answer(self, connection: Connection, request: bytes) -> None:
        if request.startswith(b"GET /lag"):
            self.late, late = [], self.late
            return self._json(connection, spread(late))
        if request.startswith(b"GET"):
            return self._json(connection, {"object": "list", "data": [{"id": "bench", "object": "model"}]})
        asked = ASKED.findall(request) if b"Write a title" not in request else []  # what was said before is in it too
        slot, size, rate, delay = map(float, asked[-1]) if asked else (-1, 0, 1e6, 0)
        reply = wire(tokens(int(size)) if asked else TITLE)
        connection.slot = int(slot) if asked else None
        connection.rest, connection.pace = enumerate(reply.pieces), 1 / rate
        connection.send(reply.head)
        heapq.heappush(self.due, (time.monotonic() + delay, next(self.order), connection))
        return None

    def _json(self, connection: Connection, value: object) -> None:
        body = json.dumps(value).encode()
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", required=True)
    ModelServer(Times(parser.parse_args().times)).run()


if __name__ == "__main__":
    main()
