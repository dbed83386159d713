"""The people of a benchmark, in a process of their own: `python -m benchmarks.reading`, a job as JSON in, a result as JSON out.

A new reply is asked for every so often, so that on average exactly `streams` of them are being written, however slowly they
are read (an open loop: a server that falls behind is not asked less). What counts is a window in the middle, when all are under
way.
"""

import asyncio
import gc
import json
import re
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import uvloop
from websockets.exceptions import InvalidHandshake

from benchmarks.sockets import Socket, connect
from benchmarks.stats import spread
from benchmarks.text import seen
from benchmarks.times import Times

ENDED = re.compile(rb'data-status=\\"(completed|incomplete|failed|cancelled)\\"|"(done)": true')
GOOD = (b"completed", b"done")
PROBE = 0.01  # seconds between looks at how late this process itself is


@dataclass
class Job:
    """`begin` and `end` bound the window, by time.monotonic(); replies are asked for from `start` until `end`."""

    kind: str  # parley | relay
    url: str
    sessions: list[str]
    times: str
    slot: int  # that of the first reply
    streams: int
    readers: int  # sockets for each reply
    tokens: int
    rate: float
    delay: float
    start: float
    begin: float
    end: float

    @property
    def every(self) -> float:
        """Seconds between two replies."""
        return self.tokens / self.rate / self.streams


@dataclass
class Tally:
    tokens: int = 0
    messages: int = 0
    bytes: int = 0
    late: list[float] = field(default_factory=list)  # of every token, seconds
    first: list[float] = field(default_factory=list)  # of the first token of each reply
    ends: list[float] = field(default_factory=list)  # of the end of each reply
    own: list[float] = field(default_factory=list)  # of this process
    wrong: int = 0  # replies that came otherwise than they were written
    replies: int = 0


class Refused(Exception):
    """The message was not taken."""


class Reader:
    """One socket that reads one reply."""

    def __init__(self, job: Job, tally: Tally, times: Times, slot: int) -> None:
        self.job, self.tally, self.times, self.slot = job, tally, times, slot
        self.next = 0  # the first token not seen yet
        self.done = False
        self.socket: Socket | None = None

    def heard(self, message: bytes) -> None:
        now = time.monotonic()
        numbers = seen(message)
        counted = self.job.begin <= now < self.job.end
        if counted:
            self.tally.messages += 1
            self.tally.bytes += len(message)
        if numbers and (last := max(numbers)) >= self.next:
            if counted:
                self._count(now, range(self.next, last + 1))
            self.next = last + 1
        if end := ENDED.search(message):
            self._ended(now, numbers, good=(end[1] or end[2]) in GOOD)

    def _count(self, now: float, numbers: range) -> None:
        late = [now - self.times.of(self.slot, number) for number in numbers]
        self.tally.tokens += len(late)
        self.tally.late += late
        if numbers[0] == 0:
            self.tally.first.append(late[0])

    def _ended(self, now: float, numbers: list[int], *, good: bool) -> None:
        """The end of a reply of ours is the whole of it: nothing missing, nothing twice, in order."""
        self.tally.replies += 1
        whole = numbers == list(range(self.job.tokens)) if self.job.kind == "parley" else self.next == self.job.tokens
        self.tally.wrong += not (whole and good)
        if self.job.begin <= now < self.job.end:
            self.tally.ends.append(now - self.times.of(self.slot, self.job.tokens - 1))
        self.done = True
        if self.socket is not None:
            self.socket.close()


async def until_read(reader: Reader, socket: Socket) -> None:
    """Until the reply has ended, and the socket with it; a socket that is closed before is an error."""
    reader.socket = socket
    if reader.done:  # it came with the handshake
        socket.close()
    code = await socket.ended
    if not reader.done:
        raise ConnectionError(f"the socket was closed with {code}")


class Crowd:
    def __init__(self, job: Job) -> None:
        self.job, self.tally, self.times = job, Tally(), Times(job.times)
        self.here = job.url.replace("http", "ws", 1)

    async def run(self) -> Tally:
        own = asyncio.create_task(self._probe())
        connector = aiohttp.TCPConnector(limit=0)
        self.http = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        async with self.http, asyncio.TaskGroup() as group:
            number = 0
            while (at := self.job.start + number * self.job.every) < self.job.end:
                await asyncio.sleep(max(at - time.monotonic(), 0))
                group.create_task(self._reply(number))
                number += 1
        own.cancel()
        return self.tally

    async def _probe(self) -> None:
        while True:
            due = time.monotonic() + PROBE
            await asyncio.sleep(PROBE)
            if self.job.begin <= due < self.job.end:
                self.tally.own.append(time.monotonic() - due)

    async def _reply(self, number: int) -> None:
        slot, job = self.job.slot + number, self.job
        prompt = f"[[slot={slot} tokens={job.tokens} rate={job.rate} delay={job.delay}]]"
        readers = [Reader(job, self.tally, self.times, slot) for _ in range(job.readers)]
        open_sockets = self._relay if job.kind == "relay" else self._parley
        try:
            sockets = await open_sockets(readers, prompt, job.sessions[number % len(job.sessions)] if job.sessions else "")
            async with asyncio.timeout(60 + job.delay + job.tokens / job.rate):
                await asyncio.gather(*map(until_read, readers, sockets))
        except (OSError, Refused, InvalidHandshake) as error:  # a timeout is an OSError
            self.tally.wrong += sum(not reader.done for reader in readers)
            sys.stderr.write(f"reply {number}: {type(error).__name__} {error}\n")

    async def _relay(self, readers: list[Reader], prompt: str, session: str) -> list[Socket]:
        (reader,) = readers
        socket = await connect(f"{self.here}/ws/", origin=self.job.url, heard=reader.heard)
        socket.say(prompt)
        return [socket]

    async def _parley(self, readers: list[Reader], prompt: str, session: str) -> list[Socket]:
        """Say it in a new conversation, as the page's form does, and read its socket, as the page does."""
        cookies = f"sessionid={session}; csrftoken={'c' * 32}"
        headers = {"Cookie": cookies, "X-CSRFToken": "c" * 32, "Origin": self.job.url, "Referer": f"{self.job.url}/"}
        async with self.http.post(f"{self.job.url}/", data={"text": prompt}, headers=headers, allow_redirects=False) as answer:
            if answer.status != 303:
                raise Refused(f"sending answered {answer.status}: {(await answer.text())[:500]}")
            path = answer.headers["Location"]
        address = f"{self.here}/ws{path}?after=0"
        joined = (connect(address, origin=self.job.url, cookies=cookies, heard=reader.heard) for reader in readers)
        return list(await asyncio.gather(*joined))


def result(tally: Tally) -> dict[str, Any]:
    counts = {"tokens": tally.tokens, "messages": tally.messages, "bytes": tally.bytes}
    spreads = {name: spread(getattr(tally, name)) for name in ("late", "first", "ends", "own")}
    return {**counts, **spreads, "replies": tally.replies, "wrong": tally.wrong}


def main() -> None:
    job = Job(**json.loads(sys.stdin.readline()))
    gc.disable()  # a pause of this process would look like one of the server
    print(json.dumps(result(uvloop.run(Crowd(job).run()))), flush=True)


if __name__ == "__main__":
    main()
