"""One reply in one tab: begun, watched, settled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from tests.faults.reader import Reader
from tests.faults.visitor import Visitor
from tests.faults.words import Speech
from tests.scripted import ScriptedServer

SETTLED = 15.0  # seconds until a reply whose process is gone has an end, or goes on


async def open_reply(person: Visitor, speech: Speech, *, seed: int = 0) -> tuple[Reader, str]:
    """A tab with this speech in a new conversation, and the id of the reply. Every change of it is checked. Close the tab."""
    reader = Reader(person, await person.begin(speech.prompt), seed=seed)
    await reader.load()
    await reader.until(lambda: len(reader.ids()) == 1, within=20, what="a reply")
    reader.expect(reader.ids()[0], speech.text)
    return reader, reader.ids()[0]


@asynccontextmanager
async def reading(person: Visitor, speech: Speech, *, seed: int = 0) -> AsyncIterator[tuple[Reader, str]]:
    """`open_reply` for the length of a `with`."""
    reader, reply = await open_reply(person, speech, seed=seed)
    try:
        yield reader, reply
    finally:
        await reader.close()


async def words(reader: Reader, reply: str, count: int) -> None:
    """Until so many are shown."""
    await reader.until(lambda: len(reader.text(reply).split()) >= count, within=20, what=f"{count} words")


async def settled(reader: Reader, reply: str, speech: Speech) -> str:
    """How a reply whose process may be gone stands at last: all of it, or what was shown of it and a way to go on."""
    status = await reader.until_ended(reply, within=SETTLED)
    text = reader.text(reply)
    assert status == "incomplete" or (status, text) == ("completed", speech.text)
    footer = reader.page.by_id(f"{reply}-footer").text()
    assert ("Continue" in footer) == (status == "incomplete" and bool(text))
    await reader.load()
    assert (reader.status(reply), reader.text(reply)) == (status, text)
    return status


async def go_on(reader: Reader, reply: str) -> None:
    """Press Continue: the rest comes in a reply of its own, below."""
    [button] = [found for found in reader.page.by_id(f"{reply}-footer").find(tag="button") if "Continue" in found.text()]
    assert (await reader.person.post(button.attributes["hx-post"])).status_code == 204
    await reader.until(lambda: len(reader.ids()) == 2, within=10)
    assert await reader.until_ended(reader.ids()[1], within=20) == "completed"


async def asked(speech: Speech, model: ScriptedServer, *, times: int = 1, within: float = 10) -> None:
    """Until the model server has got so many requests for it."""
    async with asyncio.timeout(within):
        while len(speech.requests(model)) < times:
            await asyncio.sleep(0.01)


async def hung_up(speech: Speech, model: ScriptedServer, *, by: float) -> None:
    """Until the connection of the first request for this speech is closed from our side; `by` is of time.monotonic()."""
    number = speech.requests(model)[0].connection
    connection = next(connection for connection in reversed(model.connections) if connection.id == number)
    while connection.closed_at is None:
        assert monotonic() < by + 2, "the model server still writes"
        await asyncio.sleep(0.01)
    assert connection.cut
    assert connection.closed_at < by, f"the model server heard of it {connection.closed_at - by:.2f} s too late"


async def stopped_within_a_second(reader: Reader, reply: str, speech: Speech, model: ScriptedServer) -> None:
    """Press Stop: at most a second later the model server has been hung up on, and every page says so."""
    since = monotonic()
    assert (await reader.person.stop(reader.conversation_id, reply)).status_code == 204
    await hung_up(speech, model, by=since + 1.0)
    assert await reader.until_ended(reply, within=2) == "cancelled"
