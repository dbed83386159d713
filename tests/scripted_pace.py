"""When the scripted model server says its words, and what befalls them on their way."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from tests import scripted_wire as wire
from tests.scripted_script import Script

Piece = tuple[bool, bytes]  # whether it is one more word, and its bytes


class Hangup(Exception):
    """Stop this connection: reset it, or just close it."""

    def __init__(self, *, reset: bool) -> None:
        self.reset = reset


async def paced(script: Script, pieces: Iterator[Piece]) -> AsyncIterator[Piece]:
    """The pieces at the script's rate."""
    rate, said = float(script.get("rate", "0")), 0
    started = time.monotonic()
    for is_word, piece in pieces:
        if is_word:
            said += 1
            await asyncio.sleep(max(0.0, started + said / rate - time.monotonic()) if rate else 0)
        yield is_word, piece


async def spoiled(script: Script, pieces: AsyncIterator[Piece]) -> AsyncIterator[bytes]:
    """What goes over the connection of these pieces, with the script's accidents."""
    said = 0
    async for is_word, piece in pieces:
        if is_word:
            async for odd in accident(script, said):
                yield odd
            if script.after("eof") == said:
                return
            said += 1
        elif said == 0 and script.get("hang") == "first":
            await asyncio.sleep(3600)
        yield piece


async def accident(script: Script, said: int) -> AsyncIterator[bytes]:
    if said == 2 and script.get("hang") == "middle":
        await asyncio.sleep(3600)
    if said == 2 and (kind := script.get("malformed")):
        yield wire.MALFORMED[kind]
    if said == script.after("fail"):
        yield wire.error_event(script.get("code", "server_error"), script.get("message", "The engine stumbled."))
        await asyncio.sleep(0.2)
        raise Hangup(reset=False)
    if said in (script.after("reset"), script.after("drop")):
        await asyncio.sleep(0.05)  # what was sent must arrive first
        raise Hangup(reset=script.after("reset") is not None)
