"""Background mode: the server goes on with a reply when nobody listens. Here it is taken up again, stopped, and deleted there.

What a server says when it is asked (GET without stream) decides: a replay that is refused, breaks, falls silent or cannot be read
is no end, and an end that the replay left out is found.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from chat.errors import RateLimited, ResponseGone, Slow, Unreachable, UpstreamBroken, UpstreamError, UpstreamRejected
from chat.protocol import events
from chat.protocol.client import Client
from chat.protocol.events import Event
from chat.protocol.failures import answer_of
from chat.protocol.types import LARGEST_COUNT, Json
from chat.providers.base import Left, Place
from chat.providers.reading import END, read

GONE: Final = frozenset({404, 405, 410, 501})  # not there, or no such address on this server
PASSING: Final = (Unreachable, Slow, UpstreamBroken, RateLimited)
MISSES: Final = 6  # looks in a row that may fail while a server restarts


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: `pause` between two looks (longer when the server is away); `quiet` without any news, then it is given up."""

    pause: float = 1.0
    quiet: float = 600.0


@dataclass(slots=True)
class Mark:
    """How far a Response has been read: `last` is the highest sequence number seen; `begun`: some of it has been given out."""

    id: str = ""
    last: int | None = None
    begun: bool = False

    def note(self, event: Event) -> None:
        self.begun = True
        if isinstance(event, events.Lifecycle) and event.response.id:
            self.id = self.id or event.response.id
        number = event.sequence_number
        if number is not None and 0 <= number <= LARGEST_COUNT:
            self.last = max(number, -1 if self.last is None else self.last)

    def is_new(self, event: Event) -> bool:
        """Whether an event of a replay is to be given out. One that has no number might be known already; an end never is."""
        if not self.begun or isinstance(event, END):
            return True
        return self.last is not None and event.sequence_number is not None and event.sequence_number > self.last


class Background:
    """What one server makes in the background."""

    def __init__(self, client: Client, *, patience: Patience | None = None) -> None:
        self._client, self._patience = client, patience or Patience()

    async def follow(self, stream: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        """The events of a stream that was begun in the background; it is taken up again where it breaks, ends or falls silent.

        Raises what broke it when the server turns out not to have kept the Response.
        """
        mark, broken = Mark(), None
        try:
            async with aclosing(stream):
                async for event in stream:
                    mark.note(event)
                    yield event
                    if isinstance(event, END):
                        return
        except (Unreachable, Slow) as error:
            broken = error
        if broken and not mark.id:
            raise broken
        if mark.id:
            async for event in self._rest(mark, broken):
                yield event

    async def resume(self, upstream_id: str, after: int | None) -> AsyncGenerator[Event, None]:
        """The events above the number `after` (None: all), until it has ended. Raises ResponseGone, and other UpstreamErrors."""
        mark = Mark(upstream_id, after, begun=after is not None)
        async with aclosing(_Watch(self._client, mark, self._patience).events()) as found:
            async for event in found:
                yield event

    async def cancel(self, upstream_id: str) -> None:
        """Stop it. Quiet where there is nothing to stop: ended, gone, never in the background. Raises when that is not known."""
        try:
            await self._client.post(f"{path_of(upstream_id)}/cancel")
        except (UpstreamRejected, ResponseGone):
            return
        except UpstreamError as error:
            if _status(error) not in GONE:
                raise

    async def _rest(self, mark: Mark, broken: UpstreamError | None) -> AsyncGenerator[Event, None]:
        try:
            async with aclosing(_Watch(self._client, mark, self._patience).events()) as found:
                async for event in found:
                    yield event
        except ResponseGone:
            if broken:
                raise broken from None


class _Watch:
    """One Response, read until its end."""

    def __init__(self, client: Client, mark: Mark, patience: Patience) -> None:
        self._client, self._mark, self._patience = client, mark, patience
        self._streams, self._misses = True, 0
        self._seen: Json = {}
        self._news = asyncio.get_running_loop().time()

    async def events(self) -> AsyncGenerator[Event, None]:
        now = asyncio.get_running_loop().time
        while now() - self._news < self._patience.quiet:
            if self._streams:
                async with aclosing(self._replay()) as found:
                    async for event in found:
                        self._mark.note(event)
                        self._news, self._misses = now(), 0
                        yield event
                        if isinstance(event, END):
                            return
            if (end := await self._look()) is not None:
                yield end
                return
            await asyncio.sleep(self._patience.pause * (1 + self._misses))
        raise Slow

    async def _replay(self) -> AsyncGenerator[Event, None]:
        """What is new in the stream that the server gives from the mark on. How it fails does not matter: the look decides."""
        mark = self._mark
        known = Mark(mark.id, mark.last, mark.begun)
        path = f"{path_of(mark.id)}?stream=true" + ("" if mark.last is None else f"&starting_after={mark.last}")
        try:
            async with aclosing(read(self._client.resume(path), after=mark.last)) as found:
                async for event in found:
                    if known.is_new(event):
                        yield event
        except (Unreachable, Slow):
            return  # it may be had again
        except UpstreamError:
            self._streams = False

    async def _look(self) -> Event | None:
        """Its terminal event, once it has ended."""
        try:
            wire = await self._client.get(path_of(self._mark.id))
        except UpstreamError as error:
            if _status(error) in GONE:
                raise ResponseGone from error.__cause__
            if not isinstance(error, PASSING) or self._misses >= MISSES:
                raise
            self._misses += 1
            return None
        self._misses = 0
        if wire != self._seen:
            self._seen, self._news = wire, asyncio.get_running_loop().time()
        return _end_of(wire)


async def forget(client: Client, upstream_id: str, *, place: Place = "responses") -> Left:
    """Delete it, and look whether it can be found afterwards. Raises when that is not known."""
    done: Left = "deleted"
    try:
        path = path_of(upstream_id, place)
        await client.delete(path)
    except ResponseGone:
        return "absent"
    except UpstreamError as error:
        if not isinstance(error, UpstreamRejected) and _status(error) not in GONE:
            raise
        done = "absent"
    try:
        await client.get(path)
    except UpstreamError as error:
        if _status(error) in (404, 410):
            return done if done == "deleted" or _names(error, upstream_id) else "untold"
        if _status(error) not in GONE:
            raise
        return "untold"  # it gives nothing back
    return "there"


def path_of(upstream_id: str, place: Place = "responses") -> str:
    """Raises ResponseGone for what cannot be an id."""
    if not upstream_id.strip("./ "):
        raise ResponseGone
    return f"/{place}/{quote(upstream_id, safe='')}"


def _end_of(wire: Json) -> Event | None:
    """The terminal event that this Response amounts to; None while it goes on. One that nobody goes on with is gone."""
    status = wire.get("status")
    if not isinstance(status, str):
        raise ResponseGone
    if status not in ("queued", "in_progress"):
        return events.parse({"type": events.BY_STATUS.get(status, "response.incomplete"), "response": wire})
    if wire.get("background") is False:
        raise ResponseGone
    return None


def _names(error: UpstreamError, upstream_id: str) -> bool:
    """Whether it says that this is not there: a server that has nothing at such an address says only that."""
    answer = answer_of(error)
    return answer is not None and (upstream_id in answer.message or answer.status == 410)


def _status(error: UpstreamError) -> int | None:
    answer = answer_of(error)
    return answer.status if answer else None
