"""The one module that knows what carries HTTP: httpx's API on aiohttp, which reads a stream at half the cost.

Every event loop gets its own connections, closed with the loop: aiohttp's belong to the loop that made them, and a view may run
in another one than the runs do.
"""

import asyncio
import ipaddress
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from httpx_aiohttp import AiohttpTransport

from chat.protocol.deadline import Deadline
from chat.protocol.inserts import Content
from chat.protocol.pace import ReadOn

FAILURES: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, OSError)
"""Everything that a request or a read may raise when the far end, or the way to it, fails."""
FULL: Final = 16_384
"""Bytes in a chunk that may be followed by another at once; a smaller one was all that had come."""
ANSWER: Final = "parley_answer"  # extension of a response
LINGER: Final = 1.0
"""Seconds in which the body of a reply that is over may end, so that its connection can be used again."""
LEFT: Final = 65_536
"""Bytes that may come meanwhile."""


class Connections:
    """`get()` gives the transport of the running loop; `transport` replaces it: a guarded one, or a test's. httpx's client, which
    would stand above it, brings redirects and cookies that nobody here wants, and costs as much as the request.
    """

    def __init__(self, base_url: str, *, connect: float, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._base_url, self._transport = base_url, transport
        # `pool` is aiohttp's whole time to connect, name lookup included; the other deadlines are the caller's.
        self._timeout = httpx.Timeout(None, connect=connect, pool=connect).as_dict()
        self._open: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[httpx.AsyncBaseTransport, AsyncGenerator[None, None]]] = (
            WeakKeyDictionary()
        )

    async def send(self, method: str, url: str, *, headers: dict[str, str], content: Content | None) -> httpx.Response:
        """The response, its body unread. It is the caller's to be closed."""
        transport = await self.get()
        request = httpx.Request(method, url, headers=headers, content=content, extensions={"timeout": self._timeout})
        response = await transport.handle_async_request(request)
        response.request = request
        return response

    async def get(self) -> httpx.AsyncBaseTransport:
        loop = asyncio.get_running_loop()
        if loop not in self._open:
            transport = self._transport or _network(self._base_url)
            key = object()
            guard = _guards[key] = _closed_with_the_loop(transport, key)
            self._open[loop] = (transport, guard)
            await anext(guard)
        return self._open[loop][0]

    async def close(self) -> None:
        """Close those of the running loop."""
        _, guard = self._open.pop(asyncio.get_running_loop(), (None, None))
        if guard is not None:
            await guard.aclose()


# Held until they have closed their transport: one that is collected after its loop's last task has no turn left to do it.
_guards: dict[object, AsyncGenerator[None, None]] = {}


async def _closed_with_the_loop(transport: httpx.AsyncBaseTransport, key: object) -> AsyncGenerator[None, None]:
    """Suspended for good: a loop closes its asynchronous generators before it ends, and the transport goes with this one."""
    try:
        yield
    finally:
        _guards.pop(key, None)
        await transport.aclose()


def chunks_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes. aiohttp is asked itself where nothing is compressed: httpx would hand it through four iterators."""
    answer = response.extensions.get(ANSWER)
    if isinstance(answer, aiohttp.ClientResponse) and "content-encoding" not in response.headers:
        return answer.content.iter_any()
    return response.aiter_bytes()


async def leave(response: httpx.Response, chunks: AsyncIterator[bytes]) -> None:
    """This reply is over. Many servers send the end of the body a moment after its last event: a connection that is closed in
    between is missed by the next reply, with TLS for some hundred milliseconds. So that is waited for, but not here.
    """
    answer = response.extensions.get(ANSWER)
    if isinstance(answer, aiohttp.ClientResponse) and answer.connection is None:
        await response.aclose()  # the end has come
        return
    task = asyncio.create_task(_drain(response, chunks))
    _leaving.add(task)
    task.add_done_callback(_leaving.discard)


_leaving: set[asyncio.Task[None]] = set()


async def _drain(response: httpx.Response, chunks: AsyncIterator[bytes]) -> None:
    size = 0
    try:
        with suppress(TimeoutError, RuntimeError, *FAILURES):  # aiohttp's own of a session that was closed meanwhile
            async with asyncio.timeout(LINGER):
                while size <= LEFT and (chunk := await anext(chunks, None)):
                    size += len(chunk)
    finally:
        await response.aclose()


def hold(response: httpx.Response, silence: Deadline) -> ReadOn:
    """Read nothing from this response's connection until what is returned is called. What arrives waits in the system's socket
    buffer, and then the sender waits; that it closed is noticed afterwards. Meanwhile it is not the server that is silent. Does
    nothing where there is no connection (any more).
    """
    transport = _transport(response)
    if transport is None or transport.is_closing() or not transport.is_reading():
        return lambda: False
    transport.pause_reading()
    silence.stop()

    def read_on() -> bool:
        silence.start()
        if transport.is_closing():
            return False
        transport.resume_reading()
        return True

    return read_on


def _transport(response: httpx.Response) -> asyncio.Transport | None:
    """What its connection reads from, as long as it has one."""
    answer = response.extensions.get(ANSWER)
    connection = answer.connection if isinstance(answer, aiohttp.ClientResponse) else None
    return connection.transport if connection is not None else None


class _Handler(ResponseHandler):
    """aiohttp's own looks for more after each piece of a body that is taken. There can only be more where it once paused, because
    too much had come.
    """

    has_paused = False

    def pause_reading(self) -> None:
        self.has_paused = True
        super().pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self.has_paused:
            self.has_paused = False  # that of a kept connection serves the next reply too; it may pause again here
            super().resume_reading(resume_parser)


class _Transport(AiohttpTransport):
    """Leaves aiohttp's own response where `hold` finds it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        response.extensions[ANSWER] = getattr(response.stream, "_aiohttp_response", None)
        return response


def _network(base_url: str) -> AiohttpTransport:
    def session() -> aiohttp.ClientSession:
        trust = httpx.create_ssl_context() if base_url.startswith("https:") else True
        connector = aiohttp.TCPConnector(ssl=trust, limit=0, keepalive_timeout=20)
        connector._factory = partial(_Handler, loop=asyncio.get_running_loop())  # type: ignore[assignment]
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return _Transport(client=session, proxy=_proxy(base_url), verify=False)  # noqa: S501 - the session above verifies


def _proxy(base_url: str) -> httpx.Proxy | None:
    """HTTPS_PROXY and its kin, but never for this machine: the bundled model is not behind a proxy."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    address = urllib.request.getproxies().get(parts.scheme, "")
    if not address or _is_here(host) or urllib.request.proxy_bypass(host):
        return None
    return httpx.Proxy(address if "://" in address else f"http://{address}")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
