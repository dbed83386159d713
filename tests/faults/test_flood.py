"""A model server that never stops talking nonsense: a real process takes little memory for it, and serves the others."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat.protocol.sse import MAX_EVENT_BYTES
from tests.faults.house import House
from tests.faults.player import MEGABYTE, Player
from tests.faults.reader import Reader
from tests.faults.visitor import Visitor

BOUND = 4 * MAX_EVENT_BYTES  # docs/architecture.md, the table of bounds


@pytest.fixture
async def player() -> AsyncIterator[Player]:
    async with Player() as found:
        yield found


@pytest.fixture
async def house(player: Player, tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path, model_server=player.base_url)
    try:
        yield await asyncio.to_thread(house.__enter__)
        assert not house.web[0].complaints()
    finally:
        await asyncio.to_thread(house.__exit__)


async def reply(person: Visitor, text: str) -> tuple[str, str, str]:
    """How the reply to this ends: its status, its words, and what the page says of it when it is opened anew."""
    conversation = await person.begin(text)
    async with Reader(person, conversation) as reader:
        await reader.until(lambda: len(reader.ids()) == 1, within=10, what="a reply")
        (response_id,) = reader.ids()
        status = await reader.until_ended(response_id, within=30)
        await reader.load()
        alerts = reader.page.root.find(data_error="")
        return status, reader.text(response_id), " ".join(" ".join(alert.text() for alert in alerts).split())


async def test_a_flood_of_nonsense_takes_little_memory_and_harms_nobody_else(house: House, player: Player) -> None:
    person, other = await asyncio.to_thread(house.people, 2)
    (program,) = house.web
    await reply(person, "[[play=openai]]")  # what a process needs anyway
    program.forget_peak()
    before = program.memory()
    too_large = "The model server sent an event that is too large to read."
    for kind, status, told in (
        ("garbage", "failed", too_large),
        ("event", "failed", too_large),
        ("lines", "incomplete", "The reply was cut off before its end."),
    ):
        flood, kept = await asyncio.gather(reply(person, f"[[flood={kind} mb=64]]"), reply(other, "[[play=openai]]"))
        assert flood[:2] == (status, ""), kind
        assert flood[2].startswith(told), kind
        assert kept[0] == "completed"
    assert program.peak() - before < BOUND, f"{(program.peak() - before) / MEGABYTE:.0f} MB"
    assert player.ended["refused"] == 2
