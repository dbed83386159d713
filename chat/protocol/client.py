"""One model server over HTTP: streams, and short questions. Deadlines, retries before the first byte, every error dialect.

After the first byte nothing is tried again: the reader has seen words that cannot be taken back. An HTTP body that ends as HTTP
says it should ends the iterator, even in the middle of a reply (`Normalizer.finish` judges that); a connection that breaks or
ends inside the body raises Unreachable, a passed deadline Slow.
"""

import asyncio
import base64
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias, TypeVar
from urllib.parse import urlsplit, urlunsplit

import httpx

from chat.errors import (
    FilesAway,
    MalformedStream,
    Misconfigured,
    ParleyError,
    RateLimited,
    Slow,
    Unreachable,
    UpstreamBroken,
    UpstreamError,
    UpstreamRejected,
)
from chat.protocol.deadline import Deadline
from chat.protocol.failures import answer_of, from_http
from chat.protocol.inserts import NOTHING, Content, Insert, Streamed, encoded
from chat.protocol.loose import load
from chat.protocol.pace import current
from chat.protocol.sse import DONE, MAX_EVENT_BYTES, Decoder, ServerSentEvent
from chat.protocol.transport import FAILURES, FULL, Connections, chunks_of, hold, leave
from chat.protocol.types import Json

LARGEST_ERROR: Final = 1024 * 1024  # bytes read of a body that is no stream and no reply
LARGEST_BODY: Final = MAX_EVENT_BYTES
T = TypeVar("T")
Batches: TypeAlias = AsyncGenerator[list[ServerSentEvent], bool | None]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `pauses` are those before each further try; `patience` is the longest wait that a server may ask."""

    connect: float = 5.0
    first_byte: float = 120.0
    between_bytes: float = 60.0
    get: float = 15.0
    patience: float = 20.0
    pauses: tuple[float, ...] = (0.5, 2.0)


@dataclass(slots=True)
class _Reply:
    """A reply whose first bytes are here."""

    response: httpx.Response
    chunks: AsyncIterator[bytes]
    first: bytes
    is_stream: bool = field(init=False)

    def __post_init__(self) -> None:
        kind = self.response.headers.get("content-type", "").lower()
        start = self.first.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        self.is_stream = "event-stream" in kind or ("json" not in kind and start not in (b"{", b"<"))


class Client:
    """`base_url` ends before `/responses`; credentials in it become a header, and appear nowhere else. Serves all event loops."""

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Misconfigured(
                "The address of the model server must begin with http:// or https://.", next="Correct OPENAI_BASE_URL."
            )
        self.timeouts = timeouts or Timeouts()
        self.base_url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
        self._query = parts.query
        self._secrets = tuple(secret for secret in (api_key, parts.password or "") if secret)
        self._authorization = _authorization(api_key, user=parts.username, password=parts.password)
        self._connections = Connections(self.base_url, connect=self.timeouts.connect, transport=transport)

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    async def close(self) -> None:
        """Close the idle connections of the running loop."""
        await self._connections.close()

    def stream(self, path: str, body: Json, inserts: Mapping[str, Insert] = NOTHING) -> Batches:
        """Post `body`, with `inserts` in the places of their marks; give the events as they come, those that come together in one
        list, or the one JSON object of a server that does not stream, as one event.

        Ends after `[DONE]`, which it gives. Closing the iterator closes the connection; where the reply is over, send it True: it
        ends, and the connection is kept if it can be. Raises UpstreamError.
        """
        return self._read("POST", path, encoded(body, inserts))

    def resume(self, path: str) -> Batches:
        """The same for a stream that has begun elsewhere: asks for it with GET. `path` may have a query."""
        return self._read("GET", path, None)

    async def get(self, path: str) -> Json:
        """The JSON object at `path`. Raises UpstreamError; tries once."""
        return _object_of(await self._ask("GET", path, None))

    async def post(self, path: str, body: Json | None = None) -> Json:
        """The JSON object that answers, for what may be asked twice: tries again as a stream does. Raises UpstreamError."""
        content = None if body is None else encoded(body)
        return _object_of(await self._persist(lambda: self._ask("POST", path, content)))

    async def upload(self, path: str, content: Streamed) -> Json:
        """The JSON object that answers to a form with a file, in the time that a first byte may take. Raises UpstreamError; tries
        once: the same sent twice might be there twice.
        """
        return _object_of(await self._ask("POST", path, content, deadline=self.timeouts.first_byte))

    async def delete(self, path: str) -> None:
        """Delete what is at `path`; tries again as a stream does. Raises UpstreamError, also where there was nothing."""
        await self._persist(lambda: self._ask("DELETE", path, None))

    async def _read(self, method: str, path: str, content: Content | None) -> Batches:
        reply, over = await self._persist(lambda: self._begin(method, path, content)), False
        try:
            async with aclosing(self._events(reply)) as batches:
                async for events in batches:
                    done = next((number for number, event in enumerate(events, 1) if event.data.strip() == DONE), None)
                    over = done is not None
                    over = bool((yield events[:done])) or over
                    if over:
                        return
        finally:
            await (leave(reply.response, reply.chunks) if over else reply.response.aclose())

    async def _ask(self, method: str, path: str, content: Content | None, *, deadline: float | None = None) -> bytes:
        """The whole body of a short answer; tries once."""
        response, _ = await self._send(method, path, content, deadline=deadline or self.timeouts.get)
        try:
            return await self._whole(response.aiter_bytes(), b"", limit=LARGEST_BODY)
        finally:
            await response.aclose()

    async def _persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        for pause in self.timeouts.pauses:
            try:
                return await attempt()
            except UpstreamError as error:
                wait = self._wait(error, pause)
                if wait is None:
                    raise
            await asyncio.sleep(wait)
        return await attempt()

    def _wait(self, error: UpstreamError, pause: float) -> float | None:
        """Seconds until the next try; None when another would not help, or is asked for later than people wait."""
        answer = answer_of(error)
        tried = isinstance(error, Unreachable | RateLimited | UpstreamBroken | UpstreamRejected | Slow)
        if not tried or (answer is None and not isinstance(error, Unreachable)) or (answer and not answer.transient):
            return None
        if answer and answer.asked is not None:
            return answer.asked if answer.asked <= self.timeouts.patience else None
        return pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads retries, guards nothing

    async def _begin(self, method: str, path: str, content: Content | None) -> _Reply:
        response, deadline = await self._send(method, path, content, deadline=self.timeouts.first_byte, streams=True)
        try:
            chunks = chunks_of(response)
            with Deadline(deadline - asyncio.get_running_loop().time()) as left:
                return _Reply(response, chunks, await self._chunk(chunks, left) or b"")
        except BaseException:
            await response.aclose()
            raise

    async def _send(
        self, method: str, path: str, content: Content | None, *, deadline: float, streams: bool = False
    ) -> tuple[httpx.Response, float]:
        """The response with its body unread, when its status is 200 to 299, and until when its first bytes are to come. A large
        request may take longer to be sent: time begins anew with each of its pieces.
        """
        url = f"{self.base_url}{path}" + (f"{'&' if '?' in path else '?'}{self._query}" if self._query else "")
        headers = self._headers(streams=streams, content=content)
        try:
            async with asyncio.timeout(deadline) as limit, _pushing(limit, content, seconds=deadline):
                response = await self._connections.send(method, url, headers=headers, content=content)
        except TimeoutError:
            raise Slow from None
        except FAILURES as error:
            if isinstance(content, Streamed) and content.broken is not None:
                raise FilesAway from content.broken
            raise _unreachable(error) from None
        if not response.is_success:
            raise await self._failure(response)
        return response, limit.when() or 0.0

    def _headers(self, *, streams: bool, content: Content | None) -> dict[str, str]:
        headers = {"Accept": "text/event-stream, application/json" if streams else "application/json", "User-Agent": "Parley"}
        headers["Accept-Encoding"] = "identity"  # compression holds a stream's words back
        if content is not None:
            headers["Content-Type"] = "application/json"
        if isinstance(content, Streamed):
            headers["Content-Type"] = content.type
            headers["Content-Length"] = str(content.size)  # several servers take nothing in pieces
        if self._authorization:
            headers["Authorization"] = self._authorization
        return headers

    async def _failure(self, response: httpx.Response) -> UpstreamError:
        try:
            body = await self._whole(response.aiter_bytes(), b"", limit=LARGEST_ERROR, cut=True)
        except UpstreamError:
            body = b""
        finally:
            await response.aclose()
        return from_http(response.status_code, response.headers, body, secrets=self._secrets)

    async def _events(self, reply: _Reply) -> AsyncGenerator[list[ServerSentEvent], None]:
        if not reply.is_stream:
            yield [await self._object(reply)]
            return
        decoder, chunk, pace = Decoder(), reply.first, current.get()
        with Deadline(self.timeouts.between_bytes) as silence:
            rest = partial(hold, reply.response, silence)
            while chunk:
                if events := decoder.feed(chunk):
                    yield events
                if len(chunk) >= FULL:  # more has come already: it is read on, after others had their turn
                    await asyncio.sleep(0)
                elif pace is not None:
                    pace.rest(rest)
                chunk = await self._chunk(reply.chunks, silence) or b""
        if events := decoder.end():
            yield events

    async def _object(self, reply: _Reply) -> ServerSentEvent:
        """The JSON body of a server that answers without streaming, or the error that it sends with status 200."""
        body = await self._whole(reply.chunks, reply.first, limit=LARGEST_BODY)
        if body.lstrip()[:1] == b"<":
            raise MalformedStream(
                "The model server answered with a web page.",
                next="Ask whoever runs this server to check OPENAI_BASE_URL; it often ends in /v1.",
            )
        wire = load(body)
        if isinstance(wire, dict) and wire.get("error") and wire.get("object") not in ("response", "chat.completion"):
            raise from_http(0, reply.response.headers, body, secrets=self._secrets)
        return ServerSentEvent("", body.decode("utf-8", "replace"))

    async def _whole(self, chunks: AsyncIterator[bytes], first: bytes, *, limit: int, cut: bool = False) -> bytes:
        parts, size = [first], len(first)
        with Deadline(self.timeouts.get) as deadline:
            while chunk := await self._chunk(chunks, deadline):
                parts.append(chunk)
                size += len(chunk)
                if size > limit:
                    if cut:
                        break
                    raise MalformedStream("The model server sent an answer that is too large to read.")
        return b"".join(parts)[:limit]

    async def _chunk(self, chunks: AsyncIterator[bytes], deadline: Deadline) -> bytes | None:
        """The next bytes; None at the proper end of the body."""
        try:
            return await deadline.wait(anext(chunks, None))
        except TimeoutError:
            raise Slow("The model server fell silent.", next="Try again in a moment.") from None
        except FAILURES:
            raise Unreachable("The connection to the model server broke off.", next="Try again in a moment.") from None


@asynccontextmanager
async def _pushing(limit: asyncio.Timeout, content: Content | None, *, seconds: float) -> AsyncIterator[None]:
    """Inside, the limit is so many seconds after the last piece of the content that was taken."""
    if not isinstance(content, Streamed):
        yield
        return
    content.moves = lambda: limit.reschedule(asyncio.get_running_loop().time() + seconds)
    try:
        yield
    finally:
        content.moves = lambda: None


def _object_of(body: bytes) -> Json:
    wire = load(body)
    if not isinstance(wire, dict):
        raise MalformedStream
    return wire


def _unreachable(error: BaseException) -> ParleyError:
    """Only the kind of the failure is told: its text holds addresses."""
    text = str(error).lower()
    if "certificate" in text:
        return Unreachable(
            "The model server's certificate is not trusted.",
            next="Ask whoever runs this server to check OPENAI_BASE_URL and the certificate.",
        )
    return Unreachable()


def _authorization(key: str, *, user: str | None, password: str | None) -> str:
    if key:
        return f"Bearer {key}"
    if user or password:
        return "Basic " + base64.b64encode(f"{user or ''}:{password or ''}".encode()).decode()
    return ""
