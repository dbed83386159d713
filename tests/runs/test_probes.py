"""A probe in the background of a process, and what obeys it: replies that go on where the server was found to go on."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from chat import providers
from chat.models import Conversation, Kept, Probe
from chat.runs import capabilities
from chat.runs.executor import executor
from chat.store import clock, pool, probes
from chat.store import ledger as ledgers
from chat.store import probed as made
from chat.store.copies import Place
from tests.conftest import signed_in
from tests.runs.conftest import House
from tests.runs.test_background import asked, said
from tests.scripted_openai import OpenAILike

ALL = {name: {"can": True, "said": "Yes.", "seconds": 0.1} for name in ("background", "reattach", "store", "cancel")}


@pytest.fixture
def settings(settings: Any) -> Any:
    settings.RUN_SWEEP = 0.05
    return settings


@pytest.fixture
def openai() -> Iterator[OpenAILike]:
    there = OpenAILike()
    there.start()
    yield there
    there.stop()


@pytest.fixture
async def connected(house: House, openai: OpenAILike, settings: Any) -> House:
    settings.OPENAI_BASE_URL = openai.base_url
    providers.reset()
    return house


async def until(condition: Callable[[], Any], *, seconds: float = 20) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := await pool.for_readers(condition)):
            await asyncio.sleep(0.02)
    return found


def ready() -> Probe | None:
    return Probe.objects.filter(state="ready").first()


async def probed(house: House, **changed: bool) -> None:
    found = {name: {**row, "can": changed.get(name, True)} for name, row in ALL.items()}
    await pool.for_readers(probes.keep, server=providers.server(), model="scripted", found=found, by=None)
    capabilities.forget()


async def reply(house: House, text: str = "[[tokens=3 rate=0]]", **more: Any) -> Any:
    begun = await house.send(text, **more)
    return await house.ended(begun.response.pk)


def last_asked(house: House) -> tuple[object, object]:
    body = asked(house.scripted, "POST")[-1].body
    return body["store"], body.get("background")


async def test_a_probe_that_was_asked_for_is_made_with_progress_and_counts(connected: House, openai: OpenAILike) -> None:
    assert await connected.call(probes.request, server=providers.server())
    assert not await connected.call(probes.request, server=providers.server())
    assert await until(lambda: Probe.objects.filter(total__gt=0).exists())
    probe = await until(ready)
    assert (probe.server, probe.model, probe.by_id) == (openai.base_url, "scripted", connected.actor.pk)
    assert (probe.done, probe.lease_until) == (probe.total, None)
    assert (await capabilities.of(providers.current()))["reattach"] is True
    assert openai.shelf.kept == {}


async def test_a_process_that_ends_leaves_a_probe_for_the_next_and_nothing_at_the_server(
    connected: House, openai: OpenAILike
) -> None:
    await connected.call(probes.request, server=providers.server())
    await until(lambda: bool(openai.shelf.kept))
    await executor.close()
    left = await until(lambda: Probe.objects.exclude(state="in_progress").first())
    assert (left.state, left.attempts) == ("queued", 0)
    assert openai.shelf.kept == {}
    executor.open()
    assert await until(ready)


def ledger() -> list[tuple[str, str]]:
    return list(Kept.objects.order_by("pk").values_list("kind", "state"))


def all_is_gone() -> bool:
    return {state for _, state in ledger()} == {"gone"}


async def test_all_that_a_probe_makes_stands_in_the_ledger_and_is_nobodys(connected: House, openai: OpenAILike) -> None:
    openai.slow.add("cancel")
    await connected.call(probes.request, server=providers.server())
    await until(lambda: any("cancel" in one.path for one in openai.requests))
    rows = await pool.for_readers(lambda: list(Kept.objects.order_by("pk")))
    assert {row.upstream_id for row in rows} >= openai.shelf.kept.keys() != set()
    assert {(row.state, row.owner_id, row.conversation_id, row.account) for row in rows} == {
        ("due", None, None, providers.current().account)
    }
    assert {row.next_try - row.created > timedelta(minutes=10) for row in rows} == {True}
    openai.slow.clear()
    await executor.close()
    executor.open()
    await until(ready)
    assert {kind for kind, _ in await pool.for_readers(ledger)} == {"response", "file", "conversation"}
    assert await pool.for_readers(all_is_gone)
    assert (openai.shelf.kept, openai.cabinet.kept, openai.held) == ({}, {}, set())


async def test_what_it_cannot_delete_again_is_deleted_later(connected: House, openai: OpenAILike) -> None:
    openai.broken.add("delete")
    openai.cabinet.refusals["DELETE"] = [503] * 20
    await connected.call(probes.request, server=providers.server())
    probe = await until(ready)
    assert "goes on trying to delete them" in str(probe.found["delete"]["said"])
    assert openai.shelf.kept
    assert openai.cabinet.kept
    assert "due" in {state for _, state in await pool.for_readers(ledger)}
    openai.broken.clear()
    openai.cabinet.refusals.clear()
    await pool.for_readers(lambda: Kept.objects.filter(state="due").update(next_try=clock.now()))
    await until(all_is_gone)
    assert (openai.shelf.kept, openai.cabinet.kept, openai.held) == ({}, {}, set())


async def test_a_file_that_was_sent_and_never_answered_for_is_found_later(connected: House, openai: OpenAILike) -> None:
    openai.cabinet.refusals["POST"] = ["drop"]
    openai.cabinet.refusals["GET"] = [503] * 20
    await connected.call(probes.request, server=providers.server())
    probe = await until(ready)
    assert "is not known yet" in str(probe.found["files"]["said"])
    (sent,) = openai.cabinet.kept.values()
    row = await pool.for_readers(lambda: Kept.objects.get(kind="file"))
    assert (row.state, row.upstream_id in sent["filename"]) == ("due", True)
    openai.cabinet.refusals.clear()
    await pool.for_readers(lambda: Kept.objects.filter(state="due").update(next_try=clock.now()))
    await until(all_is_gone)
    assert not openai.cabinet.kept


async def test_a_file_that_is_refused_leaves_no_row(connected: House, openai: OpenAILike) -> None:
    openai.lacks.add("files")
    await connected.call(probes.request, server=providers.server())
    await until(ready)
    assert {kind for kind, _ in await pool.for_readers(ledger)} == {"response", "conversation"}


async def test_what_a_server_keeps_unasked_is_in_the_ledger_and_deleted_once_it_has_ended(
    connected: House, openai: OpenAILike
) -> None:
    openai.lacks.add("forgets")
    await connected.call(probes.request, server=providers.server())
    await until(ready)
    assert openai.shelf.kept == {}
    await pool.for_readers(Kept.objects.all().delete)
    begun = await connected.send("[[tokens=60 rate=30]]", store=False)
    await until(lambda: Kept.objects.exists())
    row = await pool.for_readers(Kept.objects.get)
    assert (row.state, row.conversation_id, row.owner_id) == ("due", begun.conversation.pk, connected.actor.pk)
    assert row.upstream_id in openai.shelf.kept
    assert row.next_try - row.created > timedelta(minutes=10)
    text = await pool.for_readers(lambda: signed_in(connected.actor).get(f"{begun.conversation.url}storing/").text)
    assert "deleted there once it has ended" in text
    assert said(await connected.ended(begun.response.pk))
    await until(lambda: not openai.shelf.kept and all_is_gone())  # and what the title was asked for
    assert {row.conversation_id for row in await pool.for_readers(lambda: list(Kept.objects.all()))} == {begun.conversation.pk}


async def test_of_one_that_forgets_nothing_is_noted(connected: House, openai: OpenAILike) -> None:
    await connected.call(probes.request, server=providers.server())
    await until(ready)
    await pool.for_readers(Kept.objects.all().delete)
    begun = await connected.send("Hello", store=False)
    await connected.ended(begun.response.pk)
    assert not await pool.for_readers(Kept.objects.exists)


async def test_a_server_that_is_away_is_a_result_too(house: House, settings: Any) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    providers.reset()
    await house.call(probes.request, server=providers.server())
    probe = await until(ready)
    assert {row["can"] for row in probe.found.values()} == {None}


async def test_a_reply_goes_on_in_the_background_where_that_was_probed_and_only_there(house: House) -> None:
    await reply(house)
    assert last_asked(house) == (True, None)
    await probed(house, reattach=False)
    await reply(house)
    assert last_asked(house) == (True, None)
    await probed(house)
    response = await reply(house)
    assert last_asked(house) == (True, True)
    await pool.for_readers(Conversation.objects.filter(pk=response.conversation_id).update, store=False)
    await reply(house, conversation_id=response.conversation_id)
    assert last_asked(house) == (False, None)


@pytest.mark.parametrize("on", [True, False])
async def test_the_operators_word_counts_for_more_than_the_probe(house: House, settings: Any, on: bool) -> None:
    settings.OPENAI_BACKGROUND = on
    providers.reset()
    await probed(house, background=not on)
    await reply(house)
    assert last_asked(house) == (True, True if on else None)


async def test_what_the_server_refuses_after_all_is_not_asked_for_again_in_any_process(house: House) -> None:
    await probed(house)
    response = await reply(house, '[[say="Hello all the same." background=refused]]')
    assert (response.status, said(response)) == ("completed", "Hello all the same.")
    row = (await pool.for_readers(Probe.objects.get)).found["background"]
    assert row["can"] is False
    assert "was refused this on" in row["said"]
    providers.reset()  # another process has not learnt it from the server
    before = len(asked(house.scripted, "POST"))
    await reply(house, '[[say="Again." background=refused]]')
    assert len(asked(house.scripted, "POST")) == before + 1
    assert last_asked(house) == (True, None)


async def test_what_the_probe_says_is_looked_up_once_for_many_runs(house: House, settings: Any) -> None:
    await probed(house)
    provider = providers.current()
    assert await capabilities.of(provider) is await capabilities.of(provider)


async def test_what_a_probe_of_another_server_has_deleted_does_not_remain(house: House) -> None:
    place = Place("https://elsewhere.example/v1", "key")
    row = await pool.for_readers(made.begin, "response", place, "resp_1")
    await pool.for_readers(ledgers.tidy, providers.current().server, providers.current().account)
    await pool.for_readers(made.gone, row)
    assert [one.state for one in await pool.for_readers(lambda: list(Kept.objects.all()))] == ["gone"]
