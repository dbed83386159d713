"""Connections close with the loop that made them, also where nobody has closed the client and nobody holds it any more."""

import asyncio
import gc
import warnings

import pytest

from chat import errors
from chat.protocol.client import Client, Timeouts


async def refused() -> None:
    """A client that only a cycle holds: the frame the error, the error's traceback the frame."""
    client = Client("http://127.0.0.1:9", timeouts=Timeouts(connect=1, get=2, pauses=()))
    try:
        await client.get("/models")
    except errors.Unreachable as error:
        kept = error
        assert kept


def test_a_client_that_is_collected_before_its_loop_ends_is_closed_all_the_same() -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with asyncio.Runner() as runner:
            runner.run(refused())
            gc.collect()
        gc.collect()
    assert [str(one.message) for one in warned if "Unclosed" in str(one.message)] == []


async def test_a_client_that_is_closed_can_be_asked_again() -> None:
    client = Client("http://127.0.0.1:9", timeouts=Timeouts(connect=1, get=2, pauses=()))
    for _ in range(2):
        with pytest.raises(errors.Unreachable):
            await client.get("/models")
        await client.close()
