"""Exports and what is to go, beside the runs of a process."""

import asyncio
import io
from collections.abc import Callable
from typing import Any
from zipfile import ZipFile

import pytest

from chat.models import Export, Item, User
from chat.runs import verbs
from chat.runs.executor import executor
from chat.store import departures, exports, pool
from tests.conftest import signed_in
from tests.runs.conftest import House


@pytest.fixture
def settings(settings: Any) -> Any:
    """What is due is found soon; read when the house opens."""
    settings.RUN_SWEEP = 0.05
    return settings


async def until(condition: Callable[[], Any], *, seconds: float = 10) -> Any:
    """Ask the database until it holds; what it gave."""
    async with asyncio.timeout(seconds):
        while not (found := await pool.for_readers(condition)):
            await asyncio.sleep(0.02)
    return found


def ready() -> Export | None:
    return Export.objects.filter(state="ready").first()


async def test_an_export_is_made_while_a_reply_is_written_and_comes_in_pieces(house: House) -> None:
    begun = await house.send("[[tokens=2000 rate=100]]")
    before = await house.until(begun.response.pk, lambda response: response.position > 12)
    await house.call(exports.request)
    export = await until(ready)
    after = await house.until(begun.response.pk, lambda response: response.position > before.position + 12)
    assert after.status == "in_progress"
    client = await pool.for_readers(signed_in, house.actor)
    answer = await pool.for_readers(client.get, f"/settings/data/exports/{export.pk}/")
    pieces = [piece async for piece in answer]
    assert sum(map(len, pieces)) == export.bytes
    with ZipFile(io.BytesIO(b"".join(pieces))) as found:
        assert found.testzip() is None
    await house.call(verbs.cancel, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    await house.ended(begun.response.pk)


async def test_a_process_that_ends_leaves_an_export_for_the_next(house: House) -> None:
    begun = await house.send('[[say="Hello."]]')
    await house.ended(begun.response.pk)
    wire = {"type": "message", "role": "user", "content": []}
    many = [Item(conversation=begun.conversation, role="user", wire=wire) for _ in range(3000)]
    await pool.for_readers(Item.objects.bulk_create, many, batch_size=500)
    await house.call(exports.request)
    await until(lambda: Export.objects.filter(total__gt=0).exists())
    await executor.close()
    left = await until(lambda: Export.objects.exclude(state="in_progress").first())
    assert (left.state, left.attempts) == ("queued", 0)
    executor.open()
    assert await until(ready)


async def test_an_account_goes_with_the_replies_that_it_had_asked_for(house: House) -> None:
    other = await pool.for_readers(User.objects.create_user, "first")
    begun = await house.send("[[tokens=2000 rate=50]]")
    await house.until(begun.response.pk, lambda response: response.position > 12)
    await pool.for_readers(lambda: User.objects.get(pk=house.actor.pk).owned_servers.update(owner=other))
    await house.call(departures.begin)
    await until(lambda: not User.objects.filter(pk=house.actor.pk).exists())
    async with asyncio.timeout(5):
        while not any(connection.cut for connection in house.scripted.connections):
            await asyncio.sleep(0.01)
