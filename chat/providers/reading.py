"""The events of one stream of the Responses API."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

from chat.protocol import events
from chat.protocol.client import Batches
from chat.protocol.events import ErrorEvent, Event
from chat.protocol.failures import from_stream
from chat.protocol.gather import parsed

END: Final = (events.ResponseCompleted, events.ResponseIncomplete, events.ResponseFailed)


async def read(batches: Batches, *, after: int | None = None) -> AsyncGenerator[Event, None]:
    """As they came, deltas that came together as one, but not what follows the number `after` with what is before it. Ends after
    a terminal event, a failure where that holds an error. An error inside the stream is raised.
    """
    async with aclosing(batches):
        async for batch in batches:
            for event in parsed(batch, after=after):
                if isinstance(event, ErrorEvent):
                    raise from_stream(event.body.code, event.message)
                if isinstance(event, END):
                    with suppress(StopAsyncIteration):
                        await batches.asend(True)
                    yield _end(event)
                    return
                yield event


def _end(event: events.ResponseCompleted | events.ResponseIncomplete | events.ResponseFailed) -> Event:
    if event.response.error is None or isinstance(event, events.ResponseFailed):
        return event
    return events.ResponseFailed(response=event.response, sequence_number=event.sequence_number)
