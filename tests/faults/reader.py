"""A tab: the page by HTTP, then its socket, which comes back with its cursor. What it shows can be asked at any time."""

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable
from time import monotonic
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.dom import Element
from tests.faults.page import Page
from tests.faults.visitor import Visitor

# As in templates/htmx_config.json, and what hx-ws adds by itself.
RECONNECT_CODES = {1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 4008, 4012}
DELAY, MOST, JITTER = 0.3, 2.0, 0.3
AWAY = (OSError, InvalidHandshake, InvalidMessage, TimeoutError, EOFError)


class Reader:
    """One tab of one person. `port` is where its socket goes, the house's own unless a proxy stands in between."""

    def __init__(self, person: Visitor, conversation_id: str, *, port: int = 0, seed: int = 0) -> None:
        self.person, self.conversation_id = person, conversation_id
        self.path = f"/{'t' if conversation_id.startswith('temp_') else 'c'}/{conversation_id}/"
        parts = urlsplit(person.url)
        assert parts.port is not None
        self.port, self.chance = port or parts.port, random.Random(seed)
        self.socket: ClientConnection | None = None
        self.task: asyncio.Task[None] | None = None
        self.moved = asyncio.Event()
        self.codes: list[int] = []  # with which its sockets were closed, 1006 without one
        self.refused = 0  # times that it got no socket
        self.away: list[float] = []  # seconds without a socket, one for each time it came back
        self.expected: dict[str, str] = {}
        self.seen: dict[str, str] = {}

    async def __aenter__(self) -> "Reader":
        await self.load()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def load(self) -> None:
        """Open the page, or reload it: a new document, and a new socket from where that document ends."""
        await self.close()
        self.page = Page(await self.person.get(self.path))
        self.position = int(self.page.by_id("items").attributes["data-position"])
        self._check()
        self.task = asyncio.create_task(self._live())

    async def close(self) -> None:
        """Close the tab. A fault that it met while open is raised here."""
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
            self.task = None

    async def cut(self) -> None:
        """Lose the connection without a word."""
        if self.socket is not None:
            self.socket.transport.abort()

    async def _live(self) -> None:
        lost, attempt = 0.0, 0
        while True:
            try:
                async with self._connect() as self.socket:
                    if lost:
                        self.away.append(monotonic() - lost)
                    attempt = 0
                    await self._take()
            except ConnectionClosed as closed:
                self.codes.append(closed.rcvd.code if closed.rcvd else 1006)
                lost = monotonic()
                if self.codes[-1] not in RECONNECT_CODES:
                    return
            except AWAY:
                self.refused += 1
            self.socket = None
            delay = min(DELAY * 2**attempt, MOST)
            attempt += 1
            await asyncio.sleep(delay * (1 + self.chance.uniform(-JITTER, JITTER)))

    def _connect(self) -> connect:
        scheme = "wss" if self.person.url.startswith("https") else "ws"
        return connect(
            f"{scheme}://{urlsplit(self.person.url).netloc}/ws{self.path}?after={self.position}",
            host="127.0.0.1",
            port=self.port,
            ssl=self.person.trust if scheme == "wss" else None,
            server_hostname="localhost" if scheme == "wss" else None,
            origin=self.person.url,  # type: ignore[arg-type]
            additional_headers={"Cookie": self.person.cookie},
            compression=None,
            proxy=None,
            max_size=None,
            open_timeout=10,
            close_timeout=1,
        )

    async def _take(self) -> None:
        assert self.socket is not None
        while True:
            message = json.loads(await self.socket.recv())
            position = message.get("position")
            if position is not None and position <= self.position:
                continue
            if content := message.get("content"):
                self.page.apply(content)
            self.position = self.position if position is None else position
            self._check()
            self.moved.set()

    # What it shows

    def responses(self) -> list[Element]:
        """The replies in the page, from above."""
        return [element for element in self.page.by_id("items").walk() if element.attributes.get("class") == "response"]

    def ids(self) -> list[str]:
        return [element.attributes["id"] for element in self.responses()]

    def status(self, response_id: str) -> str:
        return self.page.by_id(response_id).attributes["data-status"]

    def text(self, response_id: str) -> str:
        """The words of a reply, in order, one blank between them."""
        output = self.page.by_id(f"{response_id}-output")
        prose = [element for element in output.walk() if element.attributes.get("class") == "prose"]
        return " ".join(" ".join(element.text() for element in prose).split())

    def expect(self, response_id: str, text: str) -> None:
        """From now on every change is checked: what is shown is the beginning of this, and never gets shorter."""
        self.expected[response_id] = " ".join(text.split())

    def _check(self) -> None:
        for response_id, expected in self.expected.items():
            if f"{response_id}-output" not in self.page.ids:
                continue
            text = self.text(response_id)
            assert expected.startswith(text), f"not as it was said: …{text[-200:]!r}"
            before = self.seen.get(response_id, "")
            assert len(text) >= len(before), f"words went: …{text[-100:]!r} and no more {before[len(text) :][:100]!r}"
            self.seen[response_id] = text

    async def until(self, condition: Callable[[], bool], *, within: float, what: str = "") -> None:
        """Wait for the page to become so. The time is in seconds; a fault of the page is raised at once."""
        async with asyncio.timeout(within) as limit:
            try:
                while not condition():
                    await self._next()
            except TimeoutError:
                if limit.expired():
                    raise AssertionError(f"not within {within} s: {what or condition}\n{self._state()}") from None
                raise

    async def _next(self) -> None:
        assert self.task is not None
        self.moved.clear()
        waiting = asyncio.ensure_future(self.moved.wait())
        try:
            await asyncio.wait((waiting, self.task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self.task.done():
            self.task.result()
            raise AssertionError(f"its socket closed with {self.codes[-1]}")

    def _state(self) -> str:
        shown = [(pk, self.status(pk), len(self.text(pk).split())) for pk in self.ids()]
        return f"position {self.position}, codes {self.codes[-5:]}, replies (id, status, words) {shown}"

    async def until_ended(self, response_id: str, *, within: float) -> str:
        """The status of this reply once it has one end."""
        running = ("queued", "in_progress")
        await self.until(
            lambda: response_id in self.page.ids and self.status(response_id) not in running, within=within, what="ended"
        )
        return self.status(response_id)


async def together(*work: Awaitable[object]) -> None:
    """All of it, and the first fault of any."""
    async with asyncio.TaskGroup() as group:
        for one in work:
            group.create_task(_run(one))


async def _run(work: Awaitable[object]) -> None:
    await work
